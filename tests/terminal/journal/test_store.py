"""The store below the journal: its transactions, its checkpoint, its times, and what its errors say."""

import datetime as dt
from pathlib import Path

import apsw
import msgspec
import pytest

from terminal.journal.day_keys import PastTerm, Purpose
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed, JournalRefused
from terminal.journal.store import Store
from tests.terminal.journal.samples import NINE, begin, raw, stamp
from tests.terminal.journal.terms import DAY


def test_what_a_transaction_is_told_when_it_begins_and_when_it_is_undone() -> None:
    connection = apsw.Connection(":memory:")
    store, told = Store(connection), list[str]()
    store.begun.append(lambda: told.append("begun"))
    store.rolled_back.append(lambda: told.append("undone"))
    with store.transaction():
        store.execute("CREATE TABLE one (x)")
    assert told == ["begun"]

    def refused() -> None:
        with store.transaction():
            store.execute("CREATE TABLE two (x)")
            raise JournalRefused("no", "S1", why="so")

    with pytest.raises(JournalRefused) as no:
        refused()
    assert (str(no.value), no.value.code, no.value.settlement_id, no.value.params) == (
        "no",
        "no",
        "S1",
        {"why": "so"},
    )
    assert told == ["begun", "begun", "undone"]
    assert (connection.in_transaction, store.failed) == (False, "")
    assert store.rows("SELECT name FROM sqlite_schema") == [("one",)]
    connection.close()


def test_a_checkpoint_brings_what_was_written_into_the_file_itself(journal: Journal, path: Path) -> None:
    begin(journal)
    alone = path.with_name("alone.db")
    for moved, found in ((False, 0), (True, 1)):
        if moved:
            journal.checkpoint()
        alone.write_bytes(path.read_bytes())
        stranger = raw(alone)
        assert len(stranger.execute("SELECT id FROM settlement").fetchall()) == found
        stranger.close()


def test_a_store_that_has_failed_refuses_with_the_same_word(journal: Journal) -> None:
    assert journal.failed == ""
    failed = journal.store.fail("a word")
    assert (failed.reason, str(failed), failed.code, failed.params, journal.failed) == (
        "a word",
        "a word",
        "",
        {},
        "a word",
    )
    for work in (lambda: journal.settlements.recent(1), lambda: begin(journal), journal.checkpoint):
        with pytest.raises(JournalFailed, match=r"^a word$"):
            work()


def test_what_journal_errors_say() -> None:
    failed = JournalFailed("a reason", "a_code", why="so")
    assert (str(failed), failed.reason, failed.code, failed.params) == (
        "a reason",
        "a reason",
        "a_code",
        {"why": "so"},
    )
    past = PastTerm(DAY, Purpose.EVIDENCE)
    assert (str(past), past.day, past.purpose) == (
        "evidence of 2026-11-23 is past its term",
        DAY,
        Purpose.EVIDENCE,
    )


def test_commits_reach_the_file_itself_with_the_next_checkpoint(journal: Journal, path: Path) -> None:
    begin(journal)
    assert b"pharmacy_purchase" not in path.read_bytes()
    journal.checkpoint()
    assert b"pharmacy_purchase" in path.read_bytes()


def test_times_are_kept_in_the_zone_of_the_wire(journal: Journal) -> None:
    elsewhere = (NINE + dt.timedelta(microseconds=7)).astimezone(dt.UTC)
    journal.outbox.put("evidence", "e", "evidence", b"", msgspec.structs.replace(stamp(), wall=elsewhere))
    journal.audit.note("T01", "look", "", msgspec.structs.replace(stamp(), wall=elsewhere))
    assert journal.outbox.size().oldest == NINE
    assert journal.anchors.newest_time() == NINE, "to the second"
    assert journal.anchors.newest_time_until(NINE) == NINE
    assert journal.anchors.newest_time_until(NINE - dt.timedelta(seconds=1)) is None
