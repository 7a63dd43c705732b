"""`yibao --help` is quick, because it imports nothing it does not need, and tells every command."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from yibao.cli.main import build_app, main

HEAVY = {
    "aiohttp", "apsw", "asyncio", "cryptography", "litestar", "msgspec", "PIL", "qrcode", "rich", "serialx", "structlog",
    "uvicorn", "terminal", "simulators", "drivers", "protocols",
}  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    """A limit in milliseconds would depend on the machine; what is imported does not."""
    program = (
        "import sys\nfrom yibao.cli.main import main\ncode = main(['--help'])\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\nsys.exit(code)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True, timeout=20
    )
    imported = set(found.stderr.strip().strip("[]").replace("'", "").split(", "))
    assert "typer" in imported
    assert imported & HEAVY == set()
    assert "Usage: yibao" in found.stdout


def _commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*path, name))


COMMANDS = list(_commands(typer.main.get_command(build_app())))


def test_the_commands_of_the_counter_and_of_the_simulation_are_there() -> None:
    paths = {" ".join(path) for path, _ in COMMANDS}
    assert {
        "run", "sale", "cancel", "status", "doubts", "copy", "abandon", "events", "devices", "journal show",
        "journal list", "journal verify", "keys create", "keys show", "demo", "sim up", "sim phone code", "sim people",
        "sim scan", "sim printer paper-out", "sim printer load", "sim printer cover-open", "sim printer cover-close",
        "sim printer mute", "sim printer status", "sim printer paper", "sim hub fault", "sim hub faults", "sim hub clear",
        "sim hub ledger", "sim benefit check", "sim benefit explain",
    } <= paths  # fmt: skip


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=[" ".join(path) or "yibao" for path, _ in COMMANDS]
)
def test_every_command_and_every_option_has_its_help_in_both_languages(
    path: tuple[str, ...], command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert " ".join(("Usage: yibao", *path)) in shown
    for parameter in getattr(command, "params", []):
        if parameter.name != "help":
            assert getattr(parameter, "help", None), parameter.name


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert "Usage: yibao" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("yibao ")
