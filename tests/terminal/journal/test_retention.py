"""The end of a term: what is deleted when, that it is really gone, and that the chain stands."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec
import pytest

from protocols.wire_time import WIRE_ZONE
from terminal.core.contradiction import Contradiction
from terminal.core.states import State
from terminal.core.values import AttemptSent, Move
from terminal.journal.day_keys import Purpose
from terminal.journal.records import Commit, JournalFailed, JournalRefused
from terminal.journal.retention import MOST_DAYS, Due, Expired, Held
from terminal.journal.sheet import SheetGone, decode_sheet, encode_sheet, identity_is_gone, settlement_of
from terminal.journal.verify import verify_journal
from tests.terminal.core.samples import TO_CONFIRMED, after, draft
from tests.terminal.journal.samples import (
    KEY,
    MSGID,
    NINE,
    begin,
    closed_sale,
    doubt,
    open_at,
    path_of,
    raw,
    row,
    send,
    stamp,
    vault,
)
from tests.terminal.journal.terms import DAY, EVIDENCE, IDENTITY, TERMS, expire_due, later, wrapped_keys

PERSON = after(*TO_CONFIRMED, start=draft(id="S1")).person


def _anywhere(folder: Path, wanted: bytes) -> list[str]:
    return [file.name for file in sorted(folder.iterdir()) if file.is_file() and wanted in file.read_bytes()]


# -- what is due, and when --------------------------------------------------------------------------


def test_names_are_kept_thirty_days_after_the_end_and_the_rest_two_years(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    assert expire_due(journal, later(29.9)) == []
    assert expire_due(journal, later(30.1)) == [(DAY.isoformat(), "identity")]
    assert expire_due(journal, later(30.2)) == [], "once"
    kept = journal.settlements.get("S1")
    assert kept is not None
    shown = settlement_of(kept)
    assert identity_is_gone(shown)
    assert PERSON is not None
    assert shown.person is not None
    assert shown.person.psn_no == PERSON.psn_no, "what the machine needs for a cancellation is no name"
    assert (shown.person.name.reveal(), shown.person.certno.reveal()) == ("", "")
    assert shown.lines == draft().lines
    (attempt,) = journal.attempts.of("S1")
    assert (attempt.answer, attempt.past_term) == (b"the answer", False)

    assert expire_due(journal, later(729.9)) == []
    assert expire_due(journal, later(730.1)) == [(DAY.isoformat(), "evidence")]
    gone = journal.settlements.get("S1")
    assert gone is not None
    assert (gone.sheet, gone.state, gone.person, gone.amounts) == (
        b"",
        State.CLOSED,
        "pseudonym",
        kept.amounts,
    )
    (attempt,) = journal.attempts.of("S1")
    assert (attempt.request, attempt.answer, attempt.past_term, attempt.verdict) == (b"", None, True, "done")
    with pytest.raises(SheetGone):
        decode_sheet(gone.sheet)
    bare = settlement_of(gone)
    assert bare.notice is not None
    assert (bare.notice.code, bare.state, bare.key) == ("evidence_past_term", State.CLOSED, gone.key)
    assert bare.booking is not None
    assert bare.booking.split.total_fen == 3750
    journal.close()
    report = verify_journal(str(path), vault())
    assert report.ok, report.findings


def test_terms_count_from_the_end_whatever_zone_the_clock_has(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    end = NINE + dt.timedelta(seconds=5)
    for zone in (WIRE_ZONE, dt.UTC, dt.timezone(dt.timedelta(hours=-5))):
        just = (end + dt.timedelta(days=30)).astimezone(zone)
        assert len(journal.retention.outlook(TERMS, just).due) == 1
        assert journal.retention.outlook(TERMS, just - dt.timedelta(seconds=1)).due == ()
    journal.close()


def test_nothing_of_a_day_is_deleted_while_a_sale_of_it_is_open_or_waits_for_its_slip(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    doubtful = doubt(
        journal, send(journal, begin(journal, "S2", "0002", lane="2"), MSGID[:-2] + "02"), MSGID[:-2] + "02"
    )
    outlook = journal.retention.outlook(TERMS, later(2000).wall)
    assert outlook.due == ()
    assert outlook.held == (Held(DAY, IDENTITY, ("S2",)), Held(DAY, EVIDENCE, ("S2",)))
    assert journal.retention.expire(Due(DAY, EVIDENCE), "T01", later(2000)) is None, (
        "also when it is asked for by name"
    )

    moves = (State.DOUBT, State.REVERSING, State.REVERSED)
    over = msgspec.structs.replace(doubtful, state=State.REVERSED, changed_at=NINE + dt.timedelta(days=40))
    journal.commit(Commit(over, path_of(*moves), "T01", later(40), leave_queue=True))
    assert [held.settlements for held in journal.retention.outlook(TERMS, later(2000).wall).held] == [
        ("S2",)
    ] * 2, "its slip"
    (slip,) = journal.receipts.of("S2")
    journal.receipts.move(slip.id, "unknown", "T01", later(40))
    assert journal.retention.outlook(TERMS, later(69).wall).due == (), (
        "counted from the end of the last sale of the day"
    )
    assert [due.purpose for due in journal.retention.outlook(TERMS, later(71).wall).due] == [IDENTITY]
    journal.close()


def test_one_run_deletes_at_most_a_month_of_days(tmp_path: Path) -> None:
    """A clock that jumps by years does not empty the journal at once."""
    journal = open_at(tmp_path / "journal.db")
    for number in range(40):
        key = msgspec.structs.replace(
            KEY, sale_number=str(number), business_date=DAY + dt.timedelta(days=number)
        )
        opened = journal.open_sale(
            row(id=f"S{number}", key=key, sheet=encode_sheet(draft(id=f"S{number}"))), None, "till", stamp()
        )
        gone = msgspec.structs.replace(opened, state=State.ABANDONED)
        journal.commit(Commit(gone, (Move(State.DRAFT, State.ABANDONED, "test"),), "T01", stamp(1)))
    due = journal.retention.outlook(TERMS, later(5000).wall).due
    assert len(due) == 2 * MOST_DAYS
    assert [one.purpose for one in due] == [IDENTITY] * MOST_DAYS + [EVIDENCE] * MOST_DAYS
    assert due[0].day == DAY
    journal.close()


# -- what is deleted is gone ------------------------------------------------------------------------


@pytest.mark.parametrize("days", [31, 731])
def test_a_deleted_key_stands_in_no_file_any_more(days: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    for number in range(2, 40):  # the table of keys fills several pages
        day = DAY + dt.timedelta(days=number)
        key = msgspec.structs.replace(KEY, sale_number=str(number), business_date=day)
        journal.open_sale(
            row(id=f"S{number}", key=key, sheet=encode_sheet(draft(id=f"S{number}"))), None, "till", stamp()
        )
    wrapped = wrapped_keys(path)
    assert all(_anywhere(tmp_path, key) for key in wrapped.values())
    journal.checkpoint()
    expire_due(journal, later(days))
    gone = {"identity": 31, "evidence": 731}
    for purpose, stood in wrapped.items():
        assert bool(_anywhere(tmp_path, stood)) is (days < gone[purpose])
    assert Path(f"{path}-wal").stat().st_size < 60_000, "cut, and then only the note that it was"
    journal.close()
    assert verify_journal(str(path), vault()).ok


def test_a_reader_in_the_way_puts_off_the_cutting_and_the_next_run_makes_up_for_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    key = wrapped_keys(path)["identity"]
    reader = raw(path)
    reader.execute("BEGIN; SELECT COUNT(*) FROM settlement").fetchall()
    (due,) = journal.retention.outlook(TERMS, later(31).wall).due
    assert journal.retention.expire(due, "schedule", later(31)) == Expired(DAY, IDENTITY, 1)
    assert not journal.retention.purge(later(31).wall)
    assert _anywhere(tmp_path, key), "the log still holds it"
    reader.execute("COMMIT")
    reader.close()
    assert journal.retention.purge(later(31).wall)
    assert not _anywhere(tmp_path, key)
    journal.close()


def test_the_deletion_is_audited_and_the_chain_stands(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    expire_due(journal, later(31))
    journal.close()
    connection = raw(path)
    (record,) = connection.execute("SELECT record FROM audit ORDER BY sequence DESC LIMIT 1").fetchall()[0]
    connection.close()
    assert isinstance(record, bytes)
    told = msgspec.json.decode(record)
    assert {name: told[name] for name in ("action", "actor", "day", "purpose", "settlements")} == {
        "action": "expire", "actor": "schedule", "day": DAY.isoformat(), "purpose": "identity", "settlements": 1,
    }  # fmt: skip
    assert verify_journal(str(path), vault()).ok


class _BrokenDisk:
    """A connection whose file can no longer be read or written."""

    def __getattr__(self, name: str) -> Any:
        def fail(*args: object, **options: object) -> None:
            raise apsw.IOError("disk I/O error")

        return fail


@pytest.mark.parametrize("act", ["outlook", "expire", "purge"])
def test_a_disk_that_fails_while_deleting_stops_the_journal_like_everywhere(act: str, tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    working = journal.store.connection
    journal.store.connection = cast(apsw.Connection, _BrokenDisk())
    at = later(100)
    acts: dict[str, Callable[[], object]] = {
        "outlook": lambda: journal.retention.outlook(TERMS, at.wall),
        "expire": lambda: journal.retention.expire(Due(DAY, IDENTITY), "schedule", at),
        "purge": lambda: journal.retention.purge(at.wall),
    }
    with pytest.raises(JournalFailed):
        acts[act]()
    assert journal.failed == "IOError"
    journal.store.connection = working
    journal.close()


# -- a sale whose terms are over --------------------------------------------------------------------


def test_a_sale_taken_up_again_after_its_names_are_gone_keeps_no_names(tmp_path: Path) -> None:
    """A cancellation after 31 days: sent and answered, and the names do not come back with it."""
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    expire_due(journal, later(31))
    stored = journal.settlements.get("S1")
    assert stored is not None
    known = decode_sheet(stored.sheet)
    assert known.person is not None
    named = msgspec.structs.replace(known, person=PERSON, state=State.CANCELLING)
    cancelling = msgspec.structs.replace(
        stored, state=State.CANCELLING, sheet=encode_sheet(named), changed_at=later(31).wall
    )
    sent = AttemptSent(
        MSGID[:-2] + "77", "CANCEL", "2103", "key 1", b'{"msgid":"' + MSGID[:-2].encode() + b'77"}'
    )
    journal.commit(Commit(cancelling, path_of(State.CLOSED, State.CANCELLING), "T01", later(31), sent=sent))
    again = journal.settlements.get("S1")
    assert again is not None
    assert identity_is_gone(decode_sheet(again.sheet))
    assert journal.retention.outlook(TERMS, later(800).wall).due == (), "it is open again"
    journal.close()
    assert verify_journal(str(path), vault()).ok


def test_a_sale_past_its_evidence_term_takes_no_more_messages(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    before = journal.settlements.get("S1")
    assert before is not None
    expire_due(journal, later(731))
    head = journal.audit.head
    cancelling = msgspec.structs.replace(before, state=State.CANCELLING)
    with pytest.raises(JournalRefused, match="evidence_past_term"):
        journal.commit(Commit(cancelling, path_of(State.CLOSED, State.CANCELLING), "T01", later(732)))
    assert journal.audit.head == head
    assert journal.failed == ""
    journal.close()


def test_the_notes_of_a_deletion_have_their_names(tmp_path: Path) -> None:
    """An older or a newer program goes on with them."""
    journal = closed_sale(tmp_path / "journal.db")
    assert journal.retention.expire(Due(DAY, Purpose.IDENTITY), "schedule", stamp(31 * 86_400)) is not None
    journal.anchors.contradicted(Contradiction("file", 9, "ab", "", "shorter", 5, "2026-11-23"))
    assert journal.store.rows("SELECT name, value FROM meta ORDER BY name") == [
        ("contradictions", '[{"witness":"file","records":9,"head":"ab","at":"","verdict":"shorter","journal_records":5,'
         '"missing_from":"2026-11-23"}]'),
        ("message_numbers_until", "2026-11-23 09:00:00.000000"), ("purge_pending", "1"), ("readable_from", "2"),
    ]  # fmt: skip
    assert [str(purpose) for purpose in Purpose] == ["identity", "evidence"]
    journal.close()
