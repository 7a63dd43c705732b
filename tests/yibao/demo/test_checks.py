"""The checker passes three books that agree with the story, and finds each single thing that does not."""

from collections.abc import Callable

import msgspec
import pytest

from tests.yibao.demo import books
from yibao.demo.checks import Told, disagreements
from yibao.demo.facts import Evidence, JournalRecord, Slip, Split
from yibao.simulated.control import LedgerRow

_replace = msgspec.structs.replace
Making = Callable[[], tuple[Told, Evidence]]
MAKINGS = (books.settled, books.cancelled, books.reversed_)
ONE_FEN_OFF = Split(83_31, 0, 60_00, 23_31)


def _found(told: Told, evidence: Evidence) -> set[str]:
    return {disagreement.book for disagreement in disagreements(told, evidence)}


@pytest.mark.parametrize("making", MAKINGS)
def test_three_books_that_agree_pass(making: Making) -> None:
    assert disagreements(*making()) == ()


def _journal(evidence: Evidence, **changes: object) -> Evidence:
    return _replace(evidence, journal=_replace(evidence.journal, **changes))


@pytest.mark.parametrize("making", MAKINGS)
@pytest.mark.parametrize(
    "changes",
    [
        {"state": "DOUBT"},
        {"quoted": ONE_FEN_OFF},
        {"settled": ONE_FEN_OFF},
        {"cancelled": ONE_FEN_OFF},
        {"attempts": ()},
        {"msgid": "P99990000001202611221000009999"},
    ],
)
def test_a_journal_that_says_something_else_is_found(making: Making, changes: dict[str, object]) -> None:
    told, evidence = making()
    assert "journal" in _found(told, _journal(evidence, **changes))


def _spoil_record(evidence: Evidence, place: int, **changes: object) -> Evidence:
    rows = list(evidence.hub.records)
    rows[place] = _replace(rows[place], **changes)
    return _replace(evidence, hub=_replace(evidence.hub, records=tuple(rows)))


@pytest.mark.parametrize("making", MAKINGS)
@pytest.mark.parametrize(
    "changes",
    [
        {"total_fen": 83_31},
        {"account_fen": 59_99},
        {"cash_fen": 23_29},
        {"fund_fen": 1},
        {"direction": -1},
        {"how_undone": "lost"},
        {"msgid": "P99990000001202611221000009999"},
    ],
)
def test_a_hub_record_that_says_something_else_is_found(making: Making, changes: dict[str, object]) -> None:
    told, evidence = making()
    assert _found(told, _spoil_record(evidence, 0, **changes)) >= {"hub"}


@pytest.mark.parametrize("making", MAKINGS)
def test_a_settlement_that_stands_where_it_should_not_or_the_reverse_is_found(making: Making) -> None:
    told, evidence = making()
    wrong = not evidence.hub.records[0].live
    assert _found(told, _spoil_record(evidence, 0, live=wrong)) == {"hub"}


@pytest.mark.parametrize("making", [books.cancelled, books.reversed_])
@pytest.mark.parametrize(
    "changes", [{"total_fen": -83_29}, {"msgid": books.SETTLE_ID}, {"undoes": "another"}]
)
def test_a_counter_record_that_does_not_undo_it_is_found(making: Making, changes: dict[str, object]) -> None:
    told, evidence = making()
    assert _found(told, _spoil_record(evidence, 1, **changes)) >= {"hub"}


def test_a_reversal_that_happened_twice_is_found() -> None:
    told, evidence = books.reversed_()
    twice = (*evidence.hub.records, _replace(evidence.hub.records[1], setl_id="SETL3"))
    assert _found(told, _replace(evidence, hub=_replace(evidence.hub, records=twice))) == {"hub"}


def test_a_second_settlement_of_the_same_person_is_found() -> None:
    told, evidence = books.settled()
    second: LedgerRow = _replace(evidence.hub.records[0], setl_id="SETL9", msgid=books.OTHER_ID)
    records = (*evidence.hub.records, second)
    assert _found(told, _replace(evidence, hub=_replace(evidence.hub, records=records))) == {"hub"}


def test_a_message_the_hub_never_took_is_found() -> None:
    told, evidence = books.settled()
    assert _found(told, _replace(evidence, hub=_replace(evidence.hub, messages=()))) == {"hub"}


def test_another_balance_is_found() -> None:
    told, evidence = books.settled()
    assert _found(told, _replace(evidence, hub=_replace(evidence.hub, balance_fen=1))) == {"hub"}


def _spoil_slip(evidence: Evidence, **changes: object) -> Evidence:
    *earlier, newest = evidence.slips
    spoiled = Slip(newest.lines, _replace(newest.decoded, **changes), newest.png)
    return _replace(evidence, slips=(*earlier, spoiled))


@pytest.mark.parametrize("making", MAKINGS)
@pytest.mark.parametrize(
    "changes",
    [
        {"title": "医保预结算单"},
        {"receipt_no": "T01-20261122-9999"},
        {"qr": "T01-20261122-9999"},
        {"total_fen": 83_31},
        {"copy_number": 1},
    ],
)
def test_a_slip_that_says_something_else_is_found(making: Making, changes: dict[str, object]) -> None:
    told, evidence = making()
    assert _found(told, _spoil_slip(evidence, **changes)) == {"paper"}


@pytest.mark.parametrize("making", [books.settled, books.cancelled])
@pytest.mark.parametrize(
    "changes",
    [
        {"account_fen": 1},
        {"cash_fen": None},
        {"fund_fen": 1},
        {"setl_id": "other"},
        {"mdtrt_id": "other"},
        {"balance_fen": 1},
    ],
)
def test_wrong_amounts_and_ids_on_paper_are_found(making: Making, changes: dict[str, object]) -> None:
    told, evidence = making()
    assert _found(told, _spoil_slip(evidence, **changes)) == {"paper"}


def test_a_cancellation_slip_that_names_another_original_is_found() -> None:
    told, evidence = books.cancelled()
    assert _found(told, _spoil_slip(evidence, cancelled_setl_id="other")) == {"paper"}


@pytest.mark.parametrize("making", MAKINGS)
def test_a_missing_slip_and_one_too_many_are_found(making: Making) -> None:
    told, evidence = making()
    assert "paper" in _found(told, _replace(evidence, slips=evidence.slips[:-1]))
    assert "paper" in _found(told, _replace(evidence, slips=(*evidence.slips, evidence.slips[-1])))


def test_books_that_are_wrong_in_the_same_way_do_not_pass() -> None:
    """All three say 0.01 more than what was worked out by hand."""
    told, evidence = books.settled()
    wrong: JournalRecord = _replace(evidence.journal, quoted=ONE_FEN_OFF, settled=ONE_FEN_OFF)
    spoiled = _spoil_record(_replace(evidence, journal=wrong), 0, total_fen=83_31, cash_fen=23_31)
    assert _found(told, _spoil_slip(spoiled, total_fen=83_31, cash_fen=23_31)) == {"journal", "hub", "paper"}


def test_a_disagreement_names_the_book_and_both_sides() -> None:
    told, evidence = books.settled()
    (only,) = disagreements(told, _journal(evidence, state="DOUBT"))
    assert str(only) == "journal: state: DOUBT (told: CLOSED)"
