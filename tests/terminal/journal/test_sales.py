"""Sales in the journal: opened once under their number and idempotency key, and found again."""

import datetime as dt

import msgspec
import pytest

from protocols.gm.sm3 import sm3
from terminal.core.states import SALE_KEY_FREE, State
from terminal.journal.journal import Journal
from terminal.journal.records import Commit, Idempotency, JournalRefused
from tests.terminal.journal.samples import KEY, MSGID, begin, doubt, path_of, row, send, settle, stamp

# -- sale numbers ----------------------------------------------------------------------------------


def test_the_first_sale_gets_generation_and_sequence_one(journal: Journal) -> None:
    opened = begin(journal)
    assert (opened.key.generation, opened.terminal_sequence) == (1, 1)
    assert journal.settlements.get("S1") == opened
    assert begin(journal, "S2", "0002").terminal_sequence == 2


def test_a_sale_number_that_is_not_over_cannot_be_opened_again(journal: Journal) -> None:
    begin(journal)
    with pytest.raises(JournalRefused) as refused:
        begin(journal, "S2")
    assert (refused.value.code, refused.value.settlement_id) == ("sale_number_open", "S1")
    assert journal.settlements.get("S2") is None


def test_a_sale_number_that_is_taken_says_by_whom_and_how_it_stands(journal: Journal) -> None:
    send(journal, begin(journal))
    with pytest.raises(JournalRefused) as refused:
        begin(journal, "S2")
    assert (refused.value.code, refused.value.settlement_id, refused.value.params) == (
        "sale_number_open", "S1", {"state": "SENDING"},
    )  # fmt: skip
    with pytest.raises(JournalRefused) as refused:
        send(journal, row(id="S9"))
    assert (refused.value.code, refused.value.settlement_id) == ("unknown_settlement", "S9")


@pytest.mark.parametrize("over", sorted(SALE_KEY_FREE))
def test_a_sale_number_that_is_over_without_a_settlement_opens_its_next_generation(
    over: State, journal: Journal
) -> None:
    ways = {
        State.ABANDONED: (State.DRAFT, State.ABANDONED),
        State.REFUSED: (State.DRAFT, State.PRICED, State.ARMED, State.SENDING, State.REFUSED),
        State.REVERSED: (State.DRAFT, State.PRICED, State.ARMED, State.SENDING, State.DOUBT, State.REVERSING, State.REVERSED),
        State.CANCELLED: (State.DRAFT, State.PRICED, State.ARMED, State.SENDING, State.CONFIRMED, State.CANCELLING, State.CANCELLED),
    }  # fmt: skip
    ended = msgspec.structs.replace(begin(journal), state=over)
    journal.commit(Commit(ended, path_of(*ways[over]), "T01", stamp(1)))
    again = begin(journal, "S2")
    assert (again.key.generation, again.terminal_sequence) == (2, 2)
    newest = journal.settlements.by_sale_number(KEY)
    assert newest is not None
    assert newest.id == "S2"


def test_the_same_number_on_another_day_or_till_is_another_sale(journal: Journal) -> None:
    begin(journal)
    tomorrow = msgspec.structs.replace(KEY, business_date=KEY.business_date + dt.timedelta(days=1))
    next_till = msgspec.structs.replace(KEY, till="T02")
    assert journal.open_sale(row(id="S2", key=tomorrow), None, "till", stamp()).key.generation == 1
    assert journal.open_sale(row(id="S3", key=next_till), None, "till", stamp()).key.generation == 1


# -- idempotency -----------------------------------------------------------------------------------


def test_the_same_key_with_the_same_body_returns_the_same_sale_for_ever(journal: Journal) -> None:
    key = Idempotency("till", "key 1", sm3(b"body"))
    first = journal.open_sale(row(), key, "till", stamp())
    settle(journal, send(journal, first))
    again = journal.open_sale(row(id="S2"), key, "till", stamp(9))
    assert again.id == "S1"
    assert again.state is State.CONFIRMED
    assert journal.settlements.get("S2") is None


def test_the_same_key_with_another_body_is_refused_and_the_first_sale_untouched(journal: Journal) -> None:
    first = journal.open_sale(row(), Idempotency("till", "key 1", sm3(b"body")), "till", stamp())
    other = msgspec.structs.replace(KEY, sale_number="0002")
    with pytest.raises(JournalRefused) as refused:
        journal.open_sale(
            row(id="S2", key=other), Idempotency("till", "key 1", sm3(b"another")), "till", stamp()
        )
    assert (refused.value.code, refused.value.settlement_id) == ("idempotency_conflict", "S1")
    assert journal.settlements.get("S1") == first
    assert journal.settlements.get("S2") is None


def test_it_can_be_asked_whether_a_request_has_opened_a_sale(journal: Journal) -> None:
    key = Idempotency("till", "key 1", sm3(b"body"))
    assert not journal.opened_before(key)
    journal.open_sale(row(), key, "till", stamp())
    assert journal.opened_before(key)
    with pytest.raises(JournalRefused) as refused:
        journal.opened_before(Idempotency("till", "key 1", sm3(b"another")))
    assert (refused.value.code, refused.value.settlement_id) == ("idempotency_conflict", "S1")


def test_two_clients_may_use_the_same_key(journal: Journal) -> None:
    journal.open_sale(row(), Idempotency("till", "1", sm3(b"a")), "till", stamp())
    other = msgspec.structs.replace(KEY, sale_number="0002")
    assert (
        journal.open_sale(row(id="S2", key=other), Idempotency("his", "1", sm3(b"b")), "his", stamp()).id
        == "S2"
    )


def test_a_refused_opening_uses_up_nothing(journal: Journal) -> None:
    begin(journal)
    with pytest.raises(JournalRefused):
        journal.open_sale(row(id="S2"), Idempotency("till", "k", sm3(b"")), "till", stamp())
    assert begin(journal, "S3", "0003").terminal_sequence == 2
    other = msgspec.structs.replace(KEY, sale_number="0004")
    assert (
        journal.open_sale(row(id="S4", key=other), Idempotency("till", "k", sm3(b"x")), "till", stamp()).id
        == "S4"
    )


# -- found again -----------------------------------------------------------------------------------


def test_unfinished_are_those_that_are_not_over_oldest_first(journal: Journal) -> None:
    settle(journal, send(journal, begin(journal)))
    doubt(journal, send(journal, begin(journal, "S2", "0002"), MSGID[:-2] + "02"), MSGID[:-2] + "02")
    gone = msgspec.structs.replace(begin(journal, "S3", "0003"), state=State.ABANDONED)
    journal.commit(Commit(gone, path_of(State.DRAFT, State.ABANDONED), "T01", stamp(1)))
    begin(journal, "S4", "0004")
    assert [found.id for found in journal.settlements.unfinished()] == ["S1", "S2", "S4"]


def test_recent_pages_from_the_newest_back(journal: Journal) -> None:
    for number in range(1, 6):
        begin(journal, f"S{number}", f"000{number}")
    assert [found.id for found in journal.settlements.recent(2)] == ["S5", "S4"]
    assert [found.id for found in journal.settlements.recent(2, before_sequence=4)] == ["S3", "S2"]


def test_what_nobody_opened_is_not_there(journal: Journal) -> None:
    assert journal.settlements.get("S9") is None
    assert journal.settlements.by_sale_number(KEY) is None
    assert journal.attempts.of("S9") == []
    assert journal.queue.of("S9") is None
    with pytest.raises(JournalRefused, match="unknown_settlement"):
        journal.commit(Commit(row(id="S9"), (), "T01", stamp()))
