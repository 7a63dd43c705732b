"""The outbox of the fleet channel: telemetry is bounded, evidence is not."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from protocols.wire_time import WIRE_ZONE
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.outbox import TELEMETRY_LIMIT, OutboxRow, OutboxSize
from terminal.journal.records import Stamp
from terminal.journal.vault import Vault
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.terminal.journal.samples import NINE, stamp

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=WIRE_ZONE)
STAMP = Stamp(NOON, 0.0)


def opened(folder: Path) -> Journal:
    """The journal in a folder."""
    return open_journal(str(folder / "journal.db"), Vault(bytes(16), lambda size: bytes(size)), "boot", NOON)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A fresh one."""
    fresh = opened(tmp_path)
    yield fresh
    fresh.close()


def waiting(journal: Journal) -> list[str]:
    """Ids of what waits, in order."""
    found, after = [], 0
    while (row := journal.outbox.next(after)) is not None:
        found.append(row.message_id)
        after = row.number
    return found


def test_messages_leave_in_the_order_they_came(journal: Journal) -> None:
    """Whatever their class."""
    journal.outbox.put("evidence", "e1", "evidence", b"\x00one", STAMP)
    journal.outbox.put("telemetry", "t1", "health", b"two", STAMP)
    first = journal.outbox.next(0)
    assert first is not None
    assert (first.kind, first.message_id, first.channel, first.payload) == (
        "evidence",
        "e1",
        "evidence",
        b"\x00one",
    )
    assert waiting(journal) == ["e1", "t1"]
    journal.outbox.remove(("e1", "never seen"))
    assert waiting(journal) == ["t1"]


def test_old_telemetry_is_dropped_and_evidence_never(journal: Journal) -> None:
    """F66: a week without the broker."""
    for number in range(10):
        journal.outbox.put("evidence", f"e{number}", "evidence", b"", STAMP, telemetry_limit=3)
        journal.outbox.put("telemetry", f"t{number}", "health", b"", STAMP, telemetry_limit=3)
    assert [one for one in waiting(journal) if one[0] == "t"] == ["t7", "t8", "t9"]
    assert [one for one in waiting(journal) if one[0] == "e"] == [f"e{number}" for number in range(10)]
    fired("F66")


def test_the_same_message_id_is_kept_once(journal: Journal) -> None:
    """The first payload stands."""
    journal.outbox.put("evidence", "e1", "evidence", b"first", STAMP)
    journal.outbox.put("evidence", "e1", "evidence", b"second", STAMP)
    row = journal.outbox.next(0)
    assert row is not None
    assert row.payload == b"first"
    assert waiting(journal) == ["e1"]


def test_numbers_are_never_used_again(journal: Journal) -> None:
    """A reader that remembers a number never overlooks a later row."""
    journal.outbox.put("telemetry", "t1", "health", b"", STAMP)
    first = journal.outbox.next(0)
    assert first is not None
    journal.outbox.remove(("t1",))
    journal.outbox.put("telemetry", "t2", "health", b"", STAMP)
    second = journal.outbox.next(first.number)
    assert second is not None
    assert second.message_id == "t2"


def test_size_counts_by_class_and_knows_the_oldest(journal: Journal) -> None:
    """Empty, then one of each."""
    empty = journal.outbox.size()
    assert (empty.telemetry, empty.evidence, empty.oldest) == (0, 0, None)
    later = Stamp(NOON + dt.timedelta(minutes=5), 300.0)
    journal.outbox.put("telemetry", "t1", "health", b"", later)
    journal.outbox.put("evidence", "e1", "evidence", b"", STAMP)
    size = journal.outbox.size()
    assert (size.telemetry, size.evidence, size.oldest) == (1, 1, NOON)


def test_the_outbox_outlives_the_process_and_the_journal_verifies(tmp_path: Path) -> None:
    """It is part of the same file, under the same guards."""
    journal = opened(tmp_path)
    journal.outbox.put("evidence", "e1", "evidence", b"x", STAMP)
    journal.close()
    again = opened(tmp_path)
    assert waiting(again) == ["e1"]
    again.close()
    assert verify_journal(str(tmp_path / "journal.db")).ok


def test_a_class_that_does_not_exist_is_refused_by_the_table(journal: Journal) -> None:
    """The second guard."""
    with pytest.raises(apsw.ConstraintError):
        journal.outbox.put("rumour", "r1", "health", b"", STAMP)  # type: ignore[arg-type]  # that is what is tested


def test_of_telemetry_five_hundred_rows_wait(journal: Journal) -> None:
    assert TELEMETRY_LIMIT == 500
    for number in range(501):
        journal.store.execute(
            "INSERT INTO outbox (class, message_id, channel, payload, created_at) VALUES ('telemetry', ?, 'health', x'00', ?)",
            (f"t{number}", "2026-11-23 09:00:00"),
        )
    journal.outbox.put("telemetry", "t501", "health", b"\1", stamp())
    assert journal.outbox.size() == OutboxSize(500, 0, NINE)
    assert journal.outbox.next(0) == OutboxRow(3, "telemetry", "t2", "health", b"\0")
    assert journal.outbox.next(501) == OutboxRow(502, "telemetry", "t501", "health", b"\1")
    assert journal.outbox.next(502) is None
