"""The disk in memory: what survives a kill, a power cut, a failed sync."""

import random
from pathlib import Path

import apsw
import pytest

from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.journal.verify import verify_journal
from tests.terminal.journal.samples import begin, open_at, vault
from yibao.site.disk import Contents, Cut, Disk, StoredFile

pytestmark = pytest.mark.blocking_allowed("the disk is memory")
LUCK = random.Random(1)


def journal_on(folder: Path, contents: Contents, name: str) -> tuple[Journal, Disk]:
    """Open a journal on these contents."""
    disk = Disk(folder, name, contents)
    return open_at(Path(disk.path), vfs=name), disk


def records_after(folder: Path, contents: Contents, name: str) -> int:
    """How many audit records the next process finds; the file verifies."""
    journal, disk = journal_on(folder, contents, name)
    found = journal.audit.head[0]
    journal.close()
    disk.close()
    report = verify_journal(str(contents.write_to(folder, f"{name} file")), vault())
    assert report.ok, report.findings
    return found


@pytest.mark.parametrize("cut", list(Cut))
def test_what_was_committed_survives_every_cut(cut: Cut, tmp_path: Path) -> None:
    journal, disk = journal_on(tmp_path, Contents(), f"before {cut}")
    for number in range(20):
        begin(journal, f"S{number}", f"{number:04d}")
    left = disk.contents.after(cut, LUCK)
    assert records_after(tmp_path, left, f"after {cut}") == 20
    journal.close()
    disk.close()


def test_write_ahead_log_and_normal_locking_work_on_it(tmp_path: Path) -> None:
    """A second connection reads beside the writer, as `journal verify` does."""
    journal, disk = journal_on(tmp_path, Contents(), "shared")
    begin(journal, "S1", "0001")
    reader = apsw.Connection(disk.path, vfs=disk.name, flags=apsw.SQLITE_OPEN_READONLY)
    begin(journal, "S2", "0002")
    assert reader.execute("SELECT count(*) FROM settlement").fetchall() == [(2,)]
    assert reader.pragma("journal_mode") == "wal"
    reader.close()
    journal.close()
    disk.close()


def test_the_machine_stops_dead_at_the_change_it_was_told(tmp_path: Path) -> None:
    journal, disk = journal_on(tmp_path, Contents(), "doomed")
    begin(journal, "S1", "0001")
    disk.stop_at = disk.changes + 2
    with pytest.raises(JournalFailed):
        begin(journal, "S2", "0002")
    assert disk.stopped
    left = disk.contents.after(Cut.STRICT, LUCK)
    assert records_after(tmp_path, left, "survivor") == 1
    disk.stopped, disk.stop_at = False, None
    journal.close()
    disk.close()


def test_a_failed_sync_is_made_good_by_no_later_one(tmp_path: Path) -> None:
    """The machine goes on seeing what was lost; the next process after a power cut does not."""
    file = StoredFile()
    file.change(0, b"one")
    file.sync()
    file.change(0, b"two")
    file.lose()
    file.sync()
    contents = Contents()
    contents.files[""] = file
    assert bytes(contents.after(Cut.KILL, LUCK).files[""].now) == b"two"
    assert bytes(contents.after(Cut.STRICT, LUCK).files[""].now) == b"one"


def test_a_removed_file_comes_back_unless_the_folder_was_synced() -> None:
    contents = Contents()
    contents.ghosts["-journal"] = b"old"
    assert bytes(contents.after(Cut.STRICT, LUCK).files["-journal"].now) == b"old"
    contents.ghosts.clear()
    assert contents.after(Cut.STRICT, LUCK).files == {}


def test_a_torn_write_keeps_whole_sectors_only() -> None:
    file = StoredFile(bytes(2048), durable=True)
    file.change(0, b"x" * 2048)
    contents = Contents()
    contents.files[""] = file
    seen = set()
    for seed in range(40):
        left = bytes(contents.after(Cut.TORN, random.Random(seed)).files[""].now)
        sectors = [left[start : start + 512] for start in range(0, 2048, 512)]
        assert all(sector in (bytes(512), b"x" * 512) for sector in sectors)
        seen.add(left)
    assert len(seen) > 8


def test_a_journal_that_does_not_sync_loses_commits_here(tmp_path: Path) -> None:
    """Settings that only look durable are found out: WAL with synchronous=NORMAL."""
    disk = Disk(tmp_path, "normal", Contents())
    journal = open_at(
        Path(disk.path), vfs=disk.name, check=lambda connection: connection.pragma("synchronous", 1)
    )
    for number in range(5):
        begin(journal, f"S{number}", f"{number:04d}")
    left = disk.contents.after(Cut.STRICT, LUCK)
    assert records_after(tmp_path, left, "after normal") < 5
    journal.close()
    disk.close()


def test_on_a_full_disk_nothing_grows_and_the_journal_stops(tmp_path: Path) -> None:
    journal, disk = journal_on(tmp_path, Contents(), "full")
    begin(journal, "S1", "0001")
    disk.full_at = disk.changes
    with pytest.raises(JournalFailed):
        begin(journal, "S2", "0002")
    assert disk.failure == "full"
    disk.heal()
    left = disk.contents.after(Cut.KILL, LUCK)
    assert records_after(tmp_path, left, "roomier") == 1
    journal.close()
    disk.close()


def test_a_sector_that_cannot_be_read_stops_the_journal(tmp_path: Path) -> None:
    first, disk = journal_on(tmp_path, Contents(), "readable")
    begin(first, "S1", "0001")
    first.close()
    contents = disk.contents
    disk.close()
    unreadable = Disk(tmp_path, "unreadable", contents)
    unreadable.fail_read_at = 1
    with pytest.raises(JournalFailed):
        open_at(Path(unreadable.path), vfs=unreadable.name)
    assert unreadable.failure == "read"
    unreadable.close()
    assert records_after(tmp_path, contents, "read again") == 1
