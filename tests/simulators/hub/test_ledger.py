"""The books: in a file they survive, in one transaction they move together."""

from pathlib import Path

import pytest

from simulators.hub import Ledger
from simulators.people import load_people
from tests.simulators.hub.counter import Counter, make_world, purchase

PEOPLE = load_people()
JIA = PEOPLE[0].psn_no


class SomethingHappened(Exception):
    """Raised by a test inside a transaction."""


def break_off(ledger: Ledger, balance_fen: int) -> None:
    with ledger.transaction():
        ledger.set_balance(JIA, balance_fen)
        raise SomethingHappened


def test_accounts_are_opened_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "hub.db")
    ledger.seed(PEOPLE)
    ledger.set_balance(JIA, 1)
    ledger.seed(PEOPLE)
    assert ledger.balance(JIA) == 1
    ledger.close()


def test_a_transaction_that_fails_books_nothing() -> None:
    ledger = Ledger()
    ledger.seed(PEOPLE)
    with pytest.raises(SomethingHappened):
        break_off(ledger, 5)
    assert ledger.balance(JIA) == 6000


def test_an_inner_transaction_that_fails_leaves_the_outer_alone() -> None:
    ledger = Ledger()
    ledger.seed(PEOPLE)
    with ledger.transaction():
        ledger.set_balance(JIA, 7)
        with pytest.raises(SomethingHappened):
            break_off(ledger, 5)
    assert ledger.balance(JIA) == 7


def test_an_unknown_account_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Ledger().balance("99990000000000000999")


def test_a_ledger_in_a_file_is_reopened_as_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    first = make_world(ledger_path=path)
    till = Counter(first, "P99990000001")
    till.sign_in()
    jia = first.person("jia")
    request = till.request("2102", purchase(till, jia, till.token(jia)), "999900")
    assert till.send(request).infcode == 0
    before = first.ledger.settlements()
    first.ledger.close()

    second = make_world(ledger_path=path)
    assert second.ledger.settlements() == before
    assert second.ledger.balance(jia.psn_no) == 0
    assert second.ledger.message(request.message_id) is not None
    again = Counter(second, "P99990000001")
    again.sign_no = till.sign_no
    again.now = till.now
    data = {"psn_no": jia.psn_no, "omsgid": request.message_id, "oinfno": "2102"}
    assert again.ask("2601", {"data": data}, "999900").infcode == 0
    assert second.ledger.balance(jia.psn_no) == 6000
    second.ledger.close()


def test_every_message_is_remembered_with_its_outcome() -> None:
    world = make_world()
    till = Counter(world, "P99990000001")
    till.sign_in()
    till.ask("2102", {}, "999900")
    assert [(row.infno, row.infcode) for row in world.ledger.messages()] == [("9001", 0), ("2102", -1)]
