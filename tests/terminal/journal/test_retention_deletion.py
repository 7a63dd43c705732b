"""What is deleted at the end of a term is gone, audited and not made again, and a deletion that fails changes nothing."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec
import pytest

from terminal.core.contradiction import Contradiction
from terminal.core.states import State
from terminal.core.values import AttemptSent
from terminal.journal.day_keys import Purpose
from terminal.journal.records import Commit, JournalFailed, JournalRefused
from terminal.journal.retention import Due, Expired
from terminal.journal.sheet import decode_sheet, encode_sheet, identity_is_gone
from terminal.journal.verify import verify_journal
from tests.terminal.core.samples import draft
from tests.terminal.journal.samples import (
    KEY,
    MSGID,
    NINE,
    closed_sale,
    open_at,
    path_of,
    raw,
    row,
    stamp,
    vault,
)
from tests.terminal.journal.terms import (
    DAY,
    EVIDENCE,
    IDENTITY,
    PERSON,
    TERMS,
    expire_due,
    later,
    sale,
    wrapped_keys,
)


def _anywhere(folder: Path, wanted: bytes) -> list[str]:
    return [file.name for file in sorted(folder.iterdir()) if file.is_file() and wanted in file.read_bytes()]


# -- what is deleted is gone -----------------------------------------------------------------------


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


def test_what_was_deleted_is_overwritten_and_the_log_is_cut_once(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    connection, seen = journal.store.connection, list[str]()

    def note(_cursor: object, sql: str, _values: object) -> bool:
        if sql.startswith(("DELETE", "INSERT INTO day_key", "INSERT INTO meta")) or "secure_delete" in sql:
            seen.append(" ".join(sql.replace('"', "").split()).split(" (")[0])
        return True

    connection.exec_trace = note
    assert journal.retention.expire(Due(DAY, IDENTITY), "schedule", later(31)) == Expired(DAY, IDENTITY, 1)
    key = "INSERT INTO day_key"
    assert seen == [
        "pragma secure_delete(1)", "DELETE FROM day_key", key, key, "INSERT INTO meta", "pragma secure_delete(0)",
    ]  # fmt: skip
    seen.clear()
    assert journal.retention.purge(later(31).wall) is True
    assert seen == ["pragma secure_delete(1)", "pragma secure_delete(0)", "DELETE FROM meta WHERE name = ?"]
    assert Path(f"{tmp_path / 'journal.db'}-wal").stat().st_size < 10_000
    seen.clear()
    assert journal.retention.purge(later(31).wall) is True
    assert seen == [], "nothing is left to cut"
    connection.exec_trace = None
    journal.close()


def test_a_key_that_was_deleted_is_forgotten_in_memory_too(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    kept = journal.settlements.get("S1")
    assert kept is not None
    assert journal.retention.expire(Due(DAY, EVIDENCE), "schedule", later(731)) is not None
    gone = journal.settlements.get("S1")
    assert gone == msgspec.structs.replace(kept, sheet=b"")
    assert [(one.request, one.answer, one.past_term) for one in journal.attempts.of("S1")] == [
        (b"", None, True)
    ]
    assert gone.changed_at == NINE + dt.timedelta(seconds=5)
    journal.close()


def test_of_a_day_without_a_key_it_is_noted_that_none_will_be_made(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    sale(journal, 1)
    expire_due(journal, later(31))
    rows = journal.store.rows(
        "SELECT purpose, wrapped IS NULL, made_at, deleted_at FROM day_key ORDER BY purpose"
    )
    at = "2026-12-24 09:00:00.000000"
    assert rows == [("evidence", 0, "2026-11-23 09:00:00.000000", None), ("identity", 1, at, at)]
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


# -- a deletion that fails -------------------------------------------------------------------------


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


@pytest.mark.parametrize("purpose", [IDENTITY, EVIDENCE])
def test_a_deletion_that_breaks_leaves_everything_as_it_was(
    purpose: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    query = "SELECT day, purpose, wrapped, deleted_at FROM day_key"
    before, head = journal.store.rows(query), journal.audit.head

    def refuse(*_: object) -> None:
        raise apsw.ConstraintError("no")

    monkeypatch.setattr(journal.audit, "append", refuse)
    due = Due(DAY, IDENTITY if purpose is IDENTITY else EVIDENCE)
    with pytest.raises(apsw.ConstraintError):
        journal.retention.expire(due, "schedule", later(800))
    assert (journal.store.rows(query), journal.audit.head) == (before, head)
    assert journal.store.connection.pragma("secure_delete") == 0
    assert journal.store.rows("SELECT name FROM meta WHERE name = 'purge_pending'") == []
    journal.close()


# -- a sale whose terms are over -------------------------------------------------------------------


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
