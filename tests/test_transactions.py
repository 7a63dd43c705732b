"""docs/transactions.md names every transaction once, and what it says of each is so."""

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from protocols.hub.catalogue import MESSAGES
from simulators.hub.core import HANDLERS
from simulators.hub.in_patient import IN_PATIENT
from tests.simulators.hub.counter import Counter, make_world
from tools import transactions
from tools.docs import ROOT
from tools.transactions import built_rows, by_number, flows_with, missing, words
from yibao.cli.main import build_app

BUILT = words().built


def test_every_message_of_the_catalogue_has_its_row_and_no_other() -> None:
    assert set(BUILT) == set(MESSAGES)
    assert [row[0] for row in built_rows()] == sorted(MESSAGES, key=by_number)


def test_a_number_is_either_built_or_missing_or_out_of_scope() -> None:
    assert set(words().not_yet) & set(IN_PATIENT) == set()
    assert set(MESSAGES) & set(IN_PATIENT) == set()
    assert set(missing()) & set(MESSAGES) == set()


def test_what_is_missing_is_not_half_there() -> None:
    """The plain forms of the out-patient messages are the simulator's alone."""
    assert set(missing()) & set(HANDLERS) == {"2203", "2206", "2207"}


@pytest.mark.parametrize("infno", BUILT)
def test_somebody_asks_it_and_the_test_of_it_speaks_of_it(infno: str) -> None:
    place = BUILT[infno]
    assert place.command or place.way or flows_with(infno)
    text = (ROOT / place.test).read_text(encoding="utf-8")
    assert re.search(rf'\b{infno}\b|"{infno}"', text), f"{place.test} does not speak of {infno}"
    assert (ROOT / transactions.simulator_module(infno)).exists()


def test_every_command_is_one_of_ours() -> None:
    for line in {place.command for place in BUILT.values() if place.command}:
        program, *names = shlex.split(line)
        command: Any = get_command(build_app())
        for name in names:
            command = command.commands[name]
        assert (program, getattr(command, "commands", {})) == ("yibao", {}), line


def test_in_patient_numbers_are_answered_as_not_open_and_unknown_ones_as_unknown() -> None:
    till = Counter(make_world(), "H99990000002")
    till.sign_in()
    for infno in IN_PATIENT:
        reply = till.ask(infno, {"data": {}}, "999900")
        assert (reply.infcode, reply.code) == (-1, "NOT_OPEN"), infno
        assert reply.err_msg.startswith("该交易未开通")
    assert till.ask("9999", {"data": {}}).code == "INFNO_UNKNOWN"
