"""What the journal does when all is well: sale numbers, idempotency, attempts, the queue, slips, the audit chain."""

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from protocols.gm.sm3 import sm3
from terminal.core.states import SALE_KEY_FREE, State
from terminal.core.values import AttemptEnded, AttemptSent
from terminal.journal.journal import Journal
from terminal.journal.records import (
    Commit,
    Idempotency,
    JournalFailed,
    JournalRefused,
    NewReceipt,
    QueueEntry,
    Sent,
)
from tests.terminal.journal.samples import (
    AMOUNTS,
    KEY,
    MSGID,
    NINE,
    TO_SENDING_STATES,
    begin,
    doubt,
    open_at,
    path_of,
    raw,
    row,
    send,
    settle,
    stamp,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal of a test lies."""
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """An empty journal."""
    opened = open_at(path)
    yield opened
    opened.close()


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


# -- attempts and outcomes -------------------------------------------------------------------------


def test_the_exact_bytes_are_kept_and_come_back(journal: Journal) -> None:
    send(journal, begin(journal))
    (attempt,) = journal.attempts.of("S1")
    assert (attempt.msgid, attempt.purpose, attempt.infno, attempt.state) == (MSGID, "SETTLE", "2102", "SENT")
    assert attempt.request == b'{"msgid":"' + MSGID.encode() + b'"}'
    assert attempt.answer is None


def test_the_outcome_stands_beside_its_request(journal: Journal) -> None:
    settle(journal, send(journal, begin(journal)))
    (attempt,) = journal.attempts.of("S1")
    assert (attempt.state, attempt.verdict, attempt.answer) == ("ANSWERED", "done", b"the answer")
    stored = journal.settlements.get("S1")
    assert stored is not None
    assert stored.amounts == AMOUNTS
    assert stored.state is State.CONFIRMED


def test_an_unsent_attempt_that_goes_out_again_keeps_its_row_and_bytes(journal: Journal) -> None:
    sending = send(journal, begin(journal))
    armed = msgspec.structs.replace(sending, state=State.ARMED)
    journal.commit(
        Commit(
            armed,
            path_of(State.SENDING, State.ARMED),
            "T01",
            stamp(2),
            ended=AttemptEnded(MSGID, "UNSENT", "refused"),
        )
    )
    journal.commit(
        Commit(
            sending,
            path_of(State.ARMED, State.SENDING),
            "T01",
            stamp(3),
            ended=AttemptEnded(MSGID, "SENT", "again"),
        )
    )
    (attempt,) = journal.attempts.of("S1")
    assert (attempt.state, attempt.verdict) == ("SENT", "again")
    assert attempt.request == b'{"msgid":"' + MSGID.encode() + b'"}'


def test_attempts_come_in_the_order_they_were_sent_also_after_the_clock_went_back(journal: Journal) -> None:
    doubtful = doubt(journal, send(journal, begin(journal)))
    reversing = msgspec.structs.replace(doubtful, state=State.REVERSING)
    later = AttemptSent(MSGID[:-2] + "02", "REVERSE", "2601", "key 1", b"{}")
    journal.commit(Commit(reversing, path_of(State.DOUBT, State.REVERSING), "T01", stamp(-3600), sent=later))
    assert [attempt.purpose for attempt in journal.attempts.of("S1")] == ["SETTLE", "REVERSE"]


def test_what_was_sent_is_told_by_its_time_and_by_its_settlement_without_its_bytes(journal: Journal) -> None:
    second = MSGID[:-2] + "02"
    settle(journal, send(journal, begin(journal)))
    doubt(journal, send(journal, begin(journal, "S2", "0002", lane="2"), second), second)
    done = Sent(MSGID, "S1", "SETTLE", "ANSWERED", "done", stamp(1).wall, stamp(2).wall)
    lost = Sent(second, "S2", "SETTLE", "UNKNOWN", "timeout", stamp(1).wall, stamp(2).wall)
    assert journal.attempts.sent_between(MSGID, second) == [done, lost]
    assert journal.attempts.sent_between(MSGID, MSGID) == [done]
    assert journal.attempts.sent_between(second[:-1] + "3", second[:-1] + "9") == []
    assert journal.attempts.sent_for("S2") == [lost]
    held = journal.settlements.get("S1")
    assert held is not None
    day = held.key.business_date
    assert journal.attempts.sent_for_days(day, day) == [done, lost]
    assert journal.attempts.sent_for_days(day + dt.timedelta(days=1), day + dt.timedelta(days=2)) == []
    third = MSGID[:-2] + "03"
    send(journal, begin(journal, "S3", "0003", lane="3"), third)
    assert journal.attempts.sent_for("S3") == [Sent(third, "S3", "SETTLE", "SENT", "", stamp(1).wall, None)]


def test_one_certificate_code_serves_one_settlement(journal: Journal) -> None:
    send(journal, begin(journal), code_mark="mark")
    assert journal.code_used_by("mark") == "S1"
    second = begin(journal, "S2", "0002", lane="2")
    with pytest.raises(JournalRefused) as refused:
        send(journal, second, MSGID[:-2] + "02", code_mark="mark")
    assert (refused.value.code, refused.value.settlement_id) == ("code_used", "S1")
    assert journal.attempts.of("S2") == [], "nothing of the refused message is kept"
    assert send(journal, second, MSGID[:-2] + "02", code_mark="other").state is State.SENDING


# -- the queue and recovery ------------------------------------------------------------------------


def test_the_queue_keeps_the_next_try_until_it_is_left(journal: Journal) -> None:
    doubtful = doubt(journal, send(journal, begin(journal)))
    assert journal.queue.of("S1") == QueueEntry(0, NINE, "timeout")
    journal.commit(
        Commit(
            doubtful,
            (),
            "terminal",
            stamp(3),
            queue=QueueEntry(3, NINE + dt.timedelta(seconds=20), "unknown", 1),
        )
    )
    assert journal.queue.of("S1") == QueueEntry(3, NINE + dt.timedelta(seconds=20), "unknown", 1)
    over = msgspec.structs.replace(doubtful, state=State.REVERSED)
    journal.commit(
        Commit(
            over,
            path_of(State.DOUBT, State.REVERSING, State.REVERSED),
            "terminal",
            stamp(4),
            leave_queue=True,
        )
    )
    assert journal.queue.of("S1") is None


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


# -- slips -----------------------------------------------------------------------------------------


def test_a_slip_is_owed_in_the_transaction_of_its_outcome_and_moves_on(journal: Journal) -> None:
    settle(journal, send(journal, begin(journal)))
    (slip,) = journal.receipts.of("S1")
    assert (slip.kind, slip.copy_number, slip.state) == ("original", 0, "waiting")
    assert journal.receipts.unfinished() == [slip]
    journal.receipts.move(slip.id, "printing", "printer", stamp(3), sm3(b"paper"))
    assert [found.state for found in journal.receipts.unfinished()] == ["printing"]
    journal.receipts.move(slip.id, "printed", "printer", stamp(4))
    assert journal.receipts.unfinished() == []
    assert [found.state for found in journal.receipts.of("S1")] == ["printed"]


def test_there_is_one_original_and_copies_are_numbered(journal: Journal) -> None:
    settled = settle(journal, send(journal, begin(journal)))
    with pytest.raises(apsw.ConstraintError):
        journal.commit(Commit(settled, (), "T01", stamp(3), receipt=NewReceipt("original")))
    assert [
        journal.receipts.owe_copy("S1", "T01", stamp(4)),
        journal.receipts.owe_copy("S1", "T01", stamp(5)),
    ] == [1, 2]
    assert [(slip.kind, slip.copy_number) for slip in journal.receipts.of("S1")] == [
        ("original", 0),
        ("copy", 1),
        ("copy", 2),
    ]


# -- the audit chain -------------------------------------------------------------------------------


def _chain(path: Path) -> list[tuple[int, bytes, bytes, bytes]]:
    stranger = raw(path)
    rows: list[Any] = stranger.execute(
        "SELECT sequence, previous, hash, record FROM audit ORDER BY sequence"
    ).fetchall()
    stranger.close()
    return rows


def test_each_transition_has_one_audit_record_in_its_transaction(journal: Journal, path: Path) -> None:
    settle(journal, send(journal, begin(journal)))
    records = [msgspec.json.decode(record) for *_, record in _chain(path)]
    assert [(record["action"], record.get("old"), record.get("new")) for record in records] == [
        ("open", "", "DRAFT"),
        ("move", "DRAFT", "PRICED"),
        ("move", "PRICED", "ARMED"),
        ("move", "ARMED", "SENDING"),
        ("move", "SENDING", "CONFIRMED"),
    ]
    assert records[-1]["amounts"]["account_fen"] == 3750
    assert records[-1]["actor"] == "T01"


def test_every_record_is_hashed_into_the_next(journal: Journal, path: Path) -> None:
    settle(journal, send(journal, begin(journal)))
    journal.audit.note("start", "boot", "", stamp(9))
    previous = bytes(32)
    for number, (sequence, claimed, digest, record) in enumerate(_chain(path), start=1):
        assert sequence == number
        assert claimed == previous
        assert digest == sm3(previous + record)
        previous = digest
    assert journal.audit.head == (6, previous)


def test_the_chain_goes_on_after_a_restart_and_after_a_refusal(journal: Journal, path: Path) -> None:
    begin(journal)
    with pytest.raises(JournalRefused):
        begin(journal, "S2")
    journal.close()
    again = open_at(path)
    begin(again, "S2", "0002")
    assert again.audit.head[0] == 2
    again.close()
    digests = [(claimed, digest) for _, claimed, digest, _ in _chain(path)]
    assert digests[1][0] == digests[0][1]


# -- reserved message numbers ----------------------------------------------------------------------


def test_message_numbers_are_reserved_forward_only(journal: Journal) -> None:
    assert journal.reserve_message_numbers(NINE + dt.timedelta(seconds=4)) == NINE
    assert journal.reserve_message_numbers(NINE + dt.timedelta(seconds=9)) == NINE + dt.timedelta(seconds=4)
    assert journal.reserve_message_numbers(NINE) == NINE + dt.timedelta(seconds=9), (
        "going back reserves nothing"
    )
    assert journal.reserve_message_numbers(NINE) == NINE + dt.timedelta(seconds=9)


# -- changes from outside --------------------------------------------------------------------------

CHANGES = {
    "an amount and its counterpart": "UPDATE settlement SET account_fen = 3650, cash_fen = 100 WHERE id = 'S1'",
    "the person": "UPDATE settlement SET person = 'another' WHERE id = 'S1'",
    "the state": "UPDATE settlement SET state = 'DELIVERED' WHERE id = 'S1'",
    "the day it was opened": "UPDATE settlement SET opened_at = '2020-01-01 00:00:00.000000' WHERE id = 'S1'",
    "the quarantine": "UPDATE settlement SET quarantine = 1 WHERE id = 'S1'",
    "the sheet": "UPDATE settlement SET sheet = zeroblob(64) WHERE id = 'S1'",
    "the sheet of another settlement": "UPDATE settlement SET sheet = (SELECT sheet FROM settlement WHERE id = 'S2') WHERE id = 'S1'",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_changed_from_outside_is_found_and_stops_the_journal(change: str, path: Path) -> None:
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    begin(journal, "S2", "0002")
    journal.close()
    stranger = raw(path)
    stranger.execute(CHANGES[change])
    stranger.close()
    again = open_at(path)
    with pytest.raises(JournalFailed, match="changed outside"):
        again.settlements.get("S1")
    with pytest.raises(JournalFailed):
        begin(again, "S3", "0003")
    again.close()


def test_a_blob_moved_to_another_row_does_not_open(path: Path) -> None:
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    other = MSGID[:-2] + "02"
    settle(journal, send(journal, begin(journal, "S2", "0002"), other), other)
    journal.close()
    stranger = raw(path)
    stranger.execute("DROP TRIGGER attempt_bytes_are_fixed")
    stranger.execute(
        f"UPDATE attempt SET request = (SELECT request FROM attempt WHERE msgid = '{other}') WHERE msgid = '{MSGID}'"
    )
    stranger.execute(
        f"UPDATE attempt SET answer = (SELECT answer FROM attempt WHERE msgid = '{MSGID}') WHERE msgid = '{other}'"
    )
    stranger.close()
    for settlement_id in ("S1", "S2"):
        again = open_at(path)
        with pytest.raises(JournalFailed, match="does not open in its place"):
            again.attempts.of(settlement_id)
        assert again.failed
        again.close()


def test_a_counter_that_is_missing_stops_the_journal(path: Path) -> None:
    journal = open_at(path)
    stranger = raw(path)
    stranger.execute("DELETE FROM sequence")
    stranger.close()
    with pytest.raises(JournalFailed, match="a row that must be there is missing"):
        begin(journal)
    with pytest.raises(JournalFailed):
        journal.settlements.recent(5)
    journal.close()


def test_the_audit_log_says_word_for_word_who_did_what(journal: Journal, path: Path) -> None:
    settle(journal, send(journal, begin(journal)))
    (original,) = journal.receipts.of("S1")
    for state in ("printing", "printed"):
        journal.receipts.move(original.id, state, "printer", stamp(3))
    assert journal.receipts.owe_copy("S1", "T02", stamp(4)) == 1
    journal.audit.note("T03", "sign-in", "9001", stamp(5))
    said = [msgspec.json.decode(record) for *_, record in _chain(path)]
    amounts = {
        "total_fen": 3750,
        "fund_fen": 0,
        "account_fen": 3750,
        "mutual_aid_fen": 0,
        "cash_fen": 0,
        "hospital_fen": 0,
    }
    common = {"sequence", "boot", "wall", "monotonic"}
    found = [
        {name: what for name, what in record.items() if name in record.keys() - common} for record in said
    ]
    moves = [move for move in found if move["action"] == "move"]
    assert [(move["object"], move["old"], move["new"], move["actor"], move["reason"]) for move in moves] == [
        ("S1", old.value, new.value, "T01", "test")
        for old, new in pairwise((*TO_SENDING_STATES, State.CONFIRMED))
    ]
    assert [move["person"] for move in moves] == ["pseudonym"] * 4
    assert {name: what for name, what in moves[-1]["amounts"].items() if name in amounts} == amounts
    assert found[0]["action"] == "open"
    assert (found[0]["actor"], found[0]["object"], found[0]["old"], found[0]["new"]) == (
        "till",
        "S1",
        "",
        "DRAFT",
    )
    slips = [
        (slip["actor"], slip["object"], slip["new"], slip["receipt"])
        for slip in found
        if slip["action"] == "receipt"
    ]
    assert slips == [("printer", "S1", state, original.id) for state in ("printing", "printed")]
    assert {"action": "copy", "actor": "T02", "object": "S1", "copy": 1}.items() <= found[-2].items()
    assert {"action": "sign-in", "actor": "T03", "note": "9001"}.items() <= found[-1].items()


def test_commits_reach_the_file_itself_with_the_next_checkpoint(journal: Journal, path: Path) -> None:
    begin(journal)
    assert b"pharmacy_purchase" not in path.read_bytes()
    journal.checkpoint()
    assert b"pharmacy_purchase" in path.read_bytes()


def test_the_settings_that_durability_hangs_on(journal: Journal) -> None:
    names = (
        "journal_mode",
        "synchronous",
        "wal_autocheckpoint",
        "foreign_keys",
        "trusted_schema",
        "mmap_size",
        "busy_timeout",
    )
    assert [journal.store.connection.pragma(name) for name in names] == ["wal", 2, 0, 1, 0, 0, 0]
