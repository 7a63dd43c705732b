"""The command `yibao`: the tree of commands, and the one place where errors become words.

Exit codes: 0 done; 1 not done, and said why; 2 the command line makes no sense, or names a file
that cannot be read; 3 the outcome is still open;
70 an error nobody expected; 74 our output cannot be written; 130 Ctrl-C; 141 nobody reads our output any more.

`yibao --help` must be quick: the modules of the commands import nothing heavy before a command runs.
"""

import contextlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from yibao.cli import (
    clearing,
    counter,
    devices,
    doctor,
    evidence,
    goods,
    hub,
    journal,
    keys,
    prescription,
    reconcile,
    refund,
    rehearse,
    review,
    sale,
    service,
    sim,
    submissions,
    technician,
    visit,
)
from yibao.cli.errors import (
    NOBODY_READS,
    OUTPUT_LOST,
    CommandFailed,
    OutputLost,
    is_output_lost,
    words_of,
)
from yibao.cli.help import help_of
from yibao.cli.output import addressed, name_counter, print_json, tell, tell_line
from yibao.cli.streams import give_up_stdout, prepare_streams
from yibao.cli.usage import told_usage
from yibao.words import Words, say

UNEXPECTED = 70
INTERRUPTED = 130
WRONG_USE = 2


def build_app() -> typer.Typer:
    """The whole tree of commands."""
    app = typer.Typer(
        help=help_of("yibao"),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )
    app.callback()(_top)
    for part in (
        service,
        sale,
        visit,
        counter,
        refund,
        review,
        prescription,
        goods,
        devices,
        doctor,
        reconcile,
        clearing,
        technician,
        hub,
        submissions,
        journal,
        evidence,
        keys,
        rehearse,
        sim,
    ):
        part.register(app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"yibao {version('yibao-terminal')}")
        raise typer.Exit


def _top(
    debug: Annotated[bool, typer.Option("--debug", help=help_of("debug"))] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=help_of("version"))
    ] = False,
) -> None:
    """Take the options that stand before the command; `main` reads --debug itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    prepare_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        give_up_stdout()
        return NOBODY_READS
    except OSError as lost:
        if not is_output_lost(lost):
            raise  # with --debug: an error of the command itself
        give_up_stdout()
        with contextlib.suppress(OSError):
            tell(say("output_lost", reason=lost.strerror or type(lost).__name__), sys.stderr)
        return OUTPUT_LOST
    return code


def _run(given: list[str]) -> int:
    command = typer.main.get_command(build_app())
    out, err = sys.stdout, sys.stderr
    name_counter(None)
    try:
        code = command.main(given, prog_name="yibao", standalone_mode=False)
    except typer.TyperException as error:
        return _wrong_use(error)
    except typer.Abort:
        tell_line(say("interrupted"), sys.stderr)
        return INTERRUPTED
    except SystemExit:
        # typer's answer to a broken pipe; its wrappers around the streams are not wanted.
        sys.stdout, sys.stderr = out, err
        raise BrokenPipeError from None
    except BrokenPipeError:
        raise
    except OutputLost as lost:
        give_up_stdout()
        tell(lost.words, sys.stderr)
        return lost.exit_code
    except Exception as error:
        if is_output_lost(error):
            raise
        return _failed(error, given)
    if code == INTERRUPTED:
        tell_line(say("interrupted"), sys.stderr)
    return code if isinstance(code, int) else 0


def _wrong_use(error: typer.TyperException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return WRONG_USE
    path = getattr(getattr(error, "ctx", None), "command_path", "yibao")
    from protocols.secret import hide_numbers

    # What was typed by mistake may be a customer's number.
    zh, en = told_usage(hide_numbers(error.format_message()))
    words = say("wrong_use", reason=en, command=path)
    tell(Words(words.code, say("wrong_use", reason=zh, command=path).zh, words.en), sys.stderr)
    return WRONG_USE


def _failed(error: Exception, given: list[str]) -> int:
    words = words_of(error)
    if words is None:
        if "--debug" in given:
            raise error
        from yibao.cli.details import keep_details

        words = say("unexpected", error=type(error).__name__, where=keep_details(error))
        tell_line(words, sys.stderr)
        return UNEXPECTED
    _tell_failure(words, given)
    if "--debug" in given and not isinstance(error, CommandFailed):
        sys.excepthook(type(error), error, error.__traceback__)
    return error.exit_code if isinstance(error, CommandFailed) else 1


def _tell_failure(words: Words, given: list[str]) -> None:
    """Two lines on stderr; with --json also one JSON object on stdout."""
    tell(words, sys.stderr)
    if "--json" in given:
        words = addressed(words)
        print_json({"error": {"code": words.code, "zh": words.zh, "en": words.en}})


if __name__ == "__main__":
    sys.exit(main())
