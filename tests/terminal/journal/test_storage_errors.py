"""When the disk fails: nothing new is claimed, nothing more is done, and the next process believes the disk (I10)."""

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from terminal.core.states import State
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.terminal.journal.samples import Disk, begin, open_at, raw, send, settle, stamp, vault


def _disk_full() -> Exception:
    return apsw.FullError("disk full, on purpose")


def _sync_fails() -> Exception:
    return apsw.IOError("sync failed, on purpose")


ERRORS: list[tuple[str, Callable[[], Exception], bool]] = [
    ("FullError", _disk_full, True), ("IOError", _sync_fails, False)
]  # fmt: skip
"""What fails, and whether it goes on failing."""


def _operations(path: Path, disk: Disk) -> int:
    """How many writes and syncs the story below makes when nothing fails."""
    journal = open_at(path, vfs=disk.name)
    opened = begin(journal)
    disk.done.clear()
    settle(journal, send(journal, opened))
    count = len(disk.done)
    journal.close()
    return count


@pytest.mark.parametrize(("word", "error", "stays_broken"), ERRORS, ids=[row[0] for row in ERRORS])
def test_each_write_and_each_sync_fails_in_turn(
    word: str, error: Callable[[], Exception], stays_broken: bool, tmp_path: Path
) -> None:
    disk = Disk(f"fails {word} {stays_broken}")
    disk.error = error
    disk.stays_broken = stays_broken
    total = _operations(tmp_path / "whole.db", disk)
    assert total > 20
    for number in range(1, total + 1):
        path = tmp_path / f"{number}.db"
        journal = open_at(path, vfs=disk.name)
        opened = begin(journal)
        done = {State.DRAFT}
        disk.fail_at = number
        with pytest.raises(JournalFailed, match=word):
            _story(journal, opened, done)
        fired("F25" if stays_broken else "F24")
        disk.fail_at = None
        _assert_refuses_everything(journal)
        journal.close()

        again = open_at(path)
        stored = again.settlements.get("S1")
        assert stored is not None
        acknowledged = (
            State.CONFIRMED
            if State.CONFIRMED in done
            else State.SENDING
            if State.SENDING in done
            else State.DRAFT
        )
        following = {State.DRAFT: State.SENDING, State.SENDING: State.CONFIRMED}.get(
            acknowledged, acknowledged
        )
        assert stored.state in (acknowledged, following), "what was acknowledged is there; what failed may be"
        again.close()
        report = verify_journal(str(path), vault())
        assert report.ok, report.findings


def _story(journal: Journal, opened: object, done: set[State]) -> None:
    sending = send(journal, opened)  # type: ignore[arg-type]  # a row; typed loosely for the loop above
    done.add(State.SENDING)
    settle(journal, sending)
    done.add(State.CONFIRMED)


def _assert_refuses_everything(journal: Journal) -> None:
    assert journal.failed
    for work in (
        lambda: begin(journal, "S9", "0009"),
        lambda: journal.settlements.get("S1"),
        lambda: journal.attempts.of("S1"),
        lambda: journal.settlements.recent(10),
        lambda: journal.settlements.unfinished(),
        lambda: journal.audit.note("x", "y", "", stamp()),
        lambda: journal.reserve_message_numbers(stamp(99).wall),
        lambda: journal.checkpoint(),
    ):
        with pytest.raises(JournalFailed):
            work()


def _fill(journal: Journal) -> None:
    for number in range(1, 200):
        begin(journal, f"S{number}", f"{number:04d}")


def test_a_disk_that_is_full_by_page_count_is_the_same(tmp_path: Path) -> None:
    connections: list[apsw.Connection] = []
    journal = open_at(tmp_path / "journal.db", check=connections.append)
    connections[0].pragma("max_page_count", connections[0].pragma("page_count"))
    with pytest.raises(JournalFailed, match="FullError"):
        _fill(journal)
    _assert_refuses_everything(journal)
    before = verify_journal(str(tmp_path / "journal.db"), vault())
    assert before.ok, before.findings
    journal.close()
    again = open_at(tmp_path / "journal.db")
    assert len(again.settlements.recent(500)) == before.settlements > 0
    assert begin(again, "S999", "0999").terminal_sequence == before.settlements + 1, (
        "with room again it goes on"
    )
    again.close()


def test_creation_that_fails_at_any_write_leaves_a_file_that_can_be_created_again(tmp_path: Path) -> None:
    disk = Disk("creation fails")
    open_at(tmp_path / "whole.db", vfs=disk.name).close()
    total = len([what for what, _, _ in disk.done if what != "delete"])
    for number in range(1, total + 1, 3):
        path = tmp_path / f"{number}.db"
        disk.fail_at = number
        try:
            open_at(path, vfs=disk.name).close()
        except JournalFailed:
            assert disk.failures
        disk.fail_at = None
        again = open_at(path)
        assert begin(again).terminal_sequence == 1
        again.close()
        assert verify_journal(str(path), vault()).ok


def test_an_error_while_reading_stops_the_journal_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    for number in range(1, 30):
        begin(journal, f"S{number}", f"{number:04d}")
    journal.close()
    page = path.read_bytes().index(b"pharmacy_purchase") // 4096
    with path.open("r+b") as file:  # a disk that returns rubbish where the sales were
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)
    fired("F26")
    again = open_at(path)
    with pytest.raises(JournalFailed, match="CorruptError"):
        again.settlements.recent(100)
    _assert_refuses_everything(again)
    again.close()


def test_a_text_that_is_none_any_more_stops_the_journal_too(tmp_path: Path) -> None:
    """F26: SQLite itself finds nothing wrong with a flipped bit in a text; whoever reads it does."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    stranger = raw(path)
    stranger.execute("UPDATE settlement SET person = CAST(x'ff' AS TEXT)")
    stranger.close()
    fired("F26")
    with pytest.raises(JournalFailed, match="UnicodeDecodeError"):
        journal.settlements.get("S1")
    _assert_refuses_everything(journal)
    journal.close()


def test_a_checkpoint_beside_a_reader_waits_for_another_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    begin(journal)
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM audit").fetchall()
    begin(journal, "S2", "0002")
    journal.checkpoint()
    assert journal.failed == "", "somebody looking at the file is no fault of the disk"
    reader.execute("ROLLBACK")
    reader.close()
    length = Path(f"{path}-wal").stat().st_size
    journal.checkpoint()
    begin(journal, "S3", "0003")
    assert Path(f"{path}-wal").stat().st_size == length, (
        "the log began again from its start, in the same blocks"
    )
    journal.close()
    assert not Path(f"{path}-wal").exists()


def test_without_a_write_ahead_log_there_is_no_journal() -> None:
    """A database in memory has none, as some network file systems have none."""
    with pytest.raises(JournalFailed, match="write-ahead logging is not available on this file system"):
        open_at(Path(":memory:"))
