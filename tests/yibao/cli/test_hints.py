"""A hint names a command that asks the same counter: without its file, sale 3 of the other counter would be asked."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from terminal.texts import TEXTS as TERMINAL_TEXTS
from tests.yibao.cli.conftest import Call
from tests.yibao.cli.test_counter import BARCODE
from yibao.cli.main import build_app
from yibao.cli.output import addressed, name_counter
from yibao.words import TEXTS, Words


def leaves(command: Any, path: str = "yibao") -> Iterator[tuple[str, bool]]:
    """Every command and whether it takes --counter."""
    below = getattr(command, "commands", {})
    if not below:
        yield path, any(one.name == "counter" for one in command.params)
    for name, one in below.items():
        yield from leaves(one, f"{path} {name}")


COMMANDS = dict(leaves(typer.main.get_command(build_app())))


@pytest.fixture(autouse=True)
def _named() -> Iterator[None]:
    name_counter(Path("my shop/clinic.toml"))
    yield
    name_counter(None)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_takes_a_counters_file_is_named_with_it(command: str) -> None:
    told = addressed(Words("x", f"问：{command} 3", f"ask `{command}`."))
    with_file = f"{command} --counter 'my shop/clinic.toml'" if COMMANDS[command] else command
    assert told == Words("x", f"问：{with_file} 3", f"ask `{with_file}`.")


@pytest.mark.parametrize("text", sorted({*TEXTS.values(), *TERMINAL_TEXTS.values()}))
def test_what_a_text_names_is_a_command(text: str) -> None:
    for named in re.findall(r"yibao [a-z]+[ a-z-]*", text):
        is_group = any(command.startswith(f"{named.strip()} ") for command in COMMANDS)
        assert is_group or any(f"{named} ".startswith(f"{command} ") for command in COMMANDS), named


def test_nothing_is_added_where_nobody_named_a_counter() -> None:
    name_counter(None)
    assert addressed(Words("x", "yibao status 3", "yibao status 3")).en == "yibao status 3"


def test_the_counter_that_was_named_is_named_again(call: Call, place: Path) -> None:
    file = place / "sim" / "counter.toml"
    code = call(place, "sim", "phone", "code", "测试甲").stdout.strip()
    call(place, "sale", "--item", f"{BARCODE}*2", "--code", code, "--number", "H1", "--yes")
    rest = call(place, "refund", "H1", "--return", "1=1", "--yes", "--json", "--counter", str(file))
    assert f"yibao refund --counter {file} {rest.json['id']} --code CODE" in rest.stderr
    plain = call(place, "refund", "H1", "--yes", "--json")
    assert f"yibao refund {rest.json['id']} --code CODE" in plain.stderr
