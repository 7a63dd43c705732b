"""`yibao run` and `yibao demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import CounterOption, find_counter, importing, noted_anchor, run_async
from yibao.cli.errors import CommandFailed
from yibao.cli.help import help_of
from yibao.cli.output import tell_line
from yibao.words import say

if TYPE_CHECKING:
    from terminal.config import CounterFiles
    from terminal.journal.anchors import Noted


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run", help=help_of("run"), short_help=help_of("run"))(run)
    app.command("demo", help=help_of("demo"), short_help=help_of("demo"))(demo)


def run(
    anchor: Annotated[
        str, typer.Option("--anchor", metavar="RECORDS:HASH", help=help_of("run.anchor"), show_default=False)
    ] = "",
    counter: CounterOption = None,
) -> None:
    """Run the service of a counter."""
    from terminal.config import read_config

    run_async(_serve(read_config(find_counter(counter)), noted_anchor(anchor)))


async def _serve(counter_files: "CounterFiles", noted: "Noted | None") -> None:
    import asyncio

    with importing():
        from terminal.app import Application, ServiceBroken
        from terminal.logs import configure_logs
        from yibao.cli.details import keep_details

    configure_logs()
    application = Application(counter_files, noted)
    application.stop_on_signals()
    ready = asyncio.Event()

    async def announce() -> None:
        await ready.wait()
        tell_line(say("service_ready", path=str(counter_files.socket_path)))

    announcing = asyncio.create_task(announce())
    try:
        await application.run(ready)
    except ServiceBroken as broken:
        words = say("service_broken", error=str(broken), where=keep_details(broken.error))
        raise CommandFailed(words) from broken.error
    finally:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)
    tell_line(say("service_ended"))


def demo(
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help=help_of("demo.json"), show_default=False)
    ] = None,
    stay: Annotated[bool, typer.Option("--stay", help=help_of("demo.stay"))] = False,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help=help_of("demo.profile"), show_default=False)
    ] = "",
) -> int:
    """Tell the stories."""
    from yibao.demo.main import run_demo

    return run_demo(json_file, stay, profile)
