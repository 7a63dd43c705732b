"""Messages to the hub in the journal: their numbers and codes, their exact bytes, and how they ended."""

import datetime as dt

import msgspec
import pytest

from terminal.core.states import State
from terminal.core.values import AttemptEnded, AttemptSent
from terminal.journal import attempt_table
from terminal.journal.journal import Journal
from terminal.journal.records import Commit, JournalRefused, Sent
from tests.terminal.journal.samples import (
    AMOUNTS,
    MSGID,
    NINE,
    TO_SENDING_STATES,
    begin,
    doubt,
    path_of,
    send,
    settle,
    stamp,
)


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


def test_what_was_sent_in_a_time_is_found_however_far_its_ids_run_ahead(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids of one second of next year; the last sale was made a minute later. No more is read than a page behind the end."""
    monkeypatch.setattr(attempt_table, "PAGE", 2)
    ids = [f"P9999000000120270101000000010{number}" for number in range(1, 8)]
    for number, msgid in enumerate(ids, start=1):
        opened = begin(journal, f"S{number}", f"{number:04d}", lane=str(number))
        sent = AttemptSent(msgid, "SETTLE", "2102", "key 1", msgid.encode())
        moment = stamp(60 if number > 3 else number)
        sending = msgspec.structs.replace(opened, state=State.SENDING)
        journal.commit(Commit(sending, path_of(*TO_SENDING_STATES), "T01", moment, sent=sent))
    asked: list[str] = []

    def trace(_: object, sql: str, __: object) -> bool:
        asked.append(sql)
        return True

    journal.store.connection.exec_trace = trace
    assert [one.msgid for one in journal.attempts.sent_until(MSGID, stamp(60).wall)] == ids[:3]
    assert len(asked) == 3
    assert [one.msgid for one in journal.attempts.sent_until(MSGID, stamp(61).wall)] == ids


def test_what_was_sent_is_told_by_its_time_and_by_its_settlement_without_its_bytes(journal: Journal) -> None:
    second = MSGID[:-2] + "02"
    settle(journal, send(journal, begin(journal)))
    doubt(journal, send(journal, begin(journal, "S2", "0002", lane="2"), second), second)
    done = Sent(MSGID, "S1", "SETTLE", "ANSWERED", "done", stamp(1).wall, stamp(2).wall)
    lost = Sent(second, "S2", "SETTLE", "UNKNOWN", "timeout", stamp(1).wall, stamp(2).wall)
    assert journal.attempts.sent_until(MSGID, stamp(2).wall) == [done, lost]
    assert journal.attempts.sent_until(second, stamp(2).wall) == [lost]
    assert journal.attempts.sent_until(MSGID, stamp(1).wall) == []
    assert journal.attempts.sent_until(second[:-1] + "3", stamp(2).wall) == []
    assert journal.attempts.sent_under(MSGID) == [done]
    assert journal.attempts.sent_under(MSGID[:-1]) == []
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


def test_a_code_belongs_to_the_first_who_used_it(journal: Journal) -> None:
    send(journal, begin(journal), code_mark="m" * 64)
    second = begin(journal, "S2", "0002", lane="2")
    with pytest.raises(JournalRefused) as refused:
        send(journal, second, MSGID[:-2] + "02", code_mark="m" * 64)
    assert (refused.value.code, refused.value.settlement_id, refused.value.params) == ("code_used", "S1", {})
    assert (journal.code_used_by("m" * 64), journal.code_used_by("n" * 64)) == ("S1", None)
    assert journal.settlements.get("S2") == second
    assert journal.attempts.of("S2") == []


def test_message_numbers_are_reserved_forward_only(journal: Journal) -> None:
    assert journal.reserve_message_numbers(NINE + dt.timedelta(seconds=4)) == NINE
    assert journal.reserve_message_numbers(NINE + dt.timedelta(seconds=9)) == NINE + dt.timedelta(seconds=4)
    assert journal.reserve_message_numbers(NINE) == NINE + dt.timedelta(seconds=9), (
        "going back reserves nothing"
    )
    assert journal.reserve_message_numbers(NINE) == NINE + dt.timedelta(seconds=9)


def test_the_message_numbers_go_on_from_the_last_reserved_second(journal: Journal) -> None:
    until = NINE + dt.timedelta(seconds=5)
    assert journal.reserve_message_numbers(until) == NINE
    assert journal.reserve_message_numbers(until) == until
    assert journal.store.rows("SELECT value FROM meta WHERE name = 'message_numbers_until'") == [
        ("2026-11-23 09:00:05.000000",)
    ]
