"""A row, a blob or a counter that somebody else has changed stops the journal."""

from pathlib import Path

import pytest

from terminal.journal.records import JournalFailed
from tests.terminal.journal.samples import MSGID, begin, open_at, raw, send, settle

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
