"""The end of a term in a journal of schema 1, which sealed under the counter's key: blobs are overwritten instead."""

import datetime as dt
from pathlib import Path

import msgspec

from terminal.journal.journal import Journal
from terminal.journal.migrations import COPY_KEPT, copy_path
from terminal.journal.records import Commit, Stamp
from terminal.journal.retention import Due, Expired
from terminal.journal.sheet import decode_sheet, encode_sheet, identity_is_gone, settlement_of
from terminal.journal.verify import verify_journal
from tests.terminal.journal.old_journals import old_vault, open_old, unpack
from tests.terminal.journal.samples import NINE, raw, stamp
from tests.terminal.journal.terms import DAY, EVIDENCE, expire_due


def _of_schema_1(path: Path) -> tuple[int, int]:
    """How many sheets, and how many settlements' messages, are still sealed as schema 1 did."""
    connection = raw(path)
    ((sheets,),) = connection.execute(
        "SELECT COUNT(*) FROM settlement WHERE substr(sheet, 1, 1) = x'01'"
    ).fetchall()
    ((sent,),) = connection.execute(
        "SELECT COUNT(DISTINCT settlement) FROM attempt WHERE substr(request, 1, 1) = x'01' OR substr(answer, 1, 1) = x'01'"
    ).fetchall()
    connection.close()
    return int(str(sheets)), int(str(sent))


def _finish_withdrawal(journal: Journal, settlement_id: str) -> None:
    stored = journal.settlements.get(settlement_id)
    assert stored is not None
    settled = msgspec.structs.replace(decode_sheet(stored.sheet), owed=())
    journal.commit(
        Commit(
            msgspec.structs.replace(stored, sheet=encode_sheet(settled)),
            (),
            "T01",
            stamp(9),
            leave_queue=True,
        )
    )
    for receipt in journal.receipts.unfinished():
        journal.receipts.move(receipt.id, "unknown", "T01", stamp(9))


def test_old_sheets_and_messages_are_overwritten_at_the_end_of_their_terms(tmp_path: Path) -> None:
    """Schema 1 sealed them under the counter's key, so deleting a day's key would not do."""
    path = unpack("schema-1-clinic", tmp_path)
    open_old(path).close()
    journal = open_old(path)
    closed, gone = [found.id for found in reversed(journal.settlements.recent(10))]
    _finish_withdrawal(journal, gone)
    last = journal.settlements.get(gone)
    assert last is not None
    assert expire_due(journal, Stamp(last.changed_at + dt.timedelta(days=31), 1.0)) == [
        (DAY.isoformat(), "identity")
    ]
    stored = journal.settlements.get(closed)
    assert stored is not None
    shown = settlement_of(stored)
    assert identity_is_gone(shown)
    assert shown.booking is not None
    assert shown.booking.info.name.reveal() == ""
    assert shown.lines
    assert _of_schema_1(path) == (0, 2), "no sheet, both visits with messages"
    assert journal.attempts.of(closed)[0].request

    assert expire_due(journal, Stamp(last.changed_at + dt.timedelta(days=731), 1.0)) == [
        (DAY.isoformat(), "evidence")
    ]
    assert all(attempt.past_term and not attempt.request for attempt in journal.attempts.of(closed))
    assert _of_schema_1(path) == (0, 0)
    journal.close()
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings


def test_of_an_old_sheet_nothing_is_left_when_its_evidence_goes_before_its_names(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    journal = open_old(path)
    closed, gone = [found.id for found in reversed(journal.settlements.recent(10))]
    _finish_withdrawal(journal, gone)
    at = Stamp(NINE + dt.timedelta(days=3000), 1.0)
    expired = journal.retention.expire(Due(DAY, EVIDENCE), "schedule", at)
    assert expired == Expired(DAY, EVIDENCE, 2)
    assert _of_schema_1(path) == (0, 0)
    for name in (closed, gone):
        stored = journal.settlements.get(name)
        assert stored is not None
        assert stored.sheet == b""
        assert settlement_of(stored).person is None
    journal.close()
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings


def test_the_copy_of_an_older_schema_goes_some_days_after_the_migration_though_nobody_starts_again(
    tmp_path: Path,
) -> None:
    """It opens under the counter's key alone: what is reported as deleted must not live on in it."""
    path = unpack("schema-1-pharmacy", tmp_path)
    journal = open_old(path)
    copy = Path(copy_path(str(path), 1))
    assert copy.exists()
    assert not journal.retention.purge((NINE + COPY_KEPT - dt.timedelta(hours=1)).astimezone(dt.UTC))
    assert copy.exists(), "the way back for the first days"
    assert journal.retention.purge(NINE + COPY_KEPT)
    assert not copy.exists()
    assert journal.retention.purge(NINE + COPY_KEPT)
    journal.close()


def test_a_copy_that_cannot_be_removed_is_not_reported_as_gone(tmp_path: Path) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    journal = open_old(path)
    copy = Path(copy_path(str(path), 1))
    copy.unlink()
    copy.mkdir()  # no file, so it cannot be removed as one
    assert not journal.retention.purge(NINE + COPY_KEPT)
    copy.rmdir()
    assert journal.retention.purge(NINE + COPY_KEPT)
    journal.close()
