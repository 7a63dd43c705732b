"""A sync failed, the process stopped, the machine went on: what its page cache shows is on no disk, and a power cut follows.

Found by seeds 55540664 and 55541575 of the whole-site simulation: a malformed file, and rows without those they belong to.
"""

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from terminal.journal.files import sync_log_again
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.journal.verify import verify_journal
from tests.terminal.journal.samples import Disk as RecordingDisk
from tests.terminal.journal.samples import DiskFile, begin, open_at, vault
from yibao.site.disk import Contents, Cut, Disk

pytestmark = pytest.mark.blocking_allowed("the disk is memory")
KEPT = 3
"""Sales that were acknowledged before the sync failed."""
LAST_CHANGE = 20
"""Later changes of the next process are cut in the same way, and find nothing that these do not."""


def _left_by(journal: Journal | None, disk: Disk, cut: Cut, luck: random.Random) -> Contents:
    """The process is no more; what its successor finds."""
    left = disk.contents.after(cut, luck)
    disk.stopped = True
    with suppress(apsw.Error):  # the power is off
        if journal is not None:
            journal.close()
    disk.close()
    return left


def _with_a_failed_sync(folder: Path) -> Contents:
    """One sale moved into the file, two in the log, and a fourth whose sync failed: it may be there or not."""
    disk = Disk(folder, "first", Contents())
    journal = open_at(Path(disk.path), vfs=disk.name)
    begin(journal, "S0", "0000")
    journal.checkpoint()
    for number in range(1, KEPT):
        begin(journal, f"S{number}", f"{number:04d}")
    disk.fail_sync_at = disk.changes
    with pytest.raises(JournalFailed):
        begin(journal, "S9", "0009")
    return _left_by(journal, disk, Cut.KILL, random.Random(1))


def _goes_on(contents: Contents, folder: Path, name: str, stop_at: int, cut: Cut) -> tuple[Contents, int]:
    """The next process sells until the power goes at a change of the disk; how many sales were acknowledged in all."""
    disk, acknowledged, journal = Disk(folder, name, contents), KEPT, None
    disk.stop_at = stop_at
    with suppress(JournalFailed):
        journal = open_at(Path(disk.path), vfs=disk.name)
        for number in range(3):
            begin(journal, f"T{number}", f"8{number:03d}")
            acknowledged += 1
    return _left_by(journal, disk, cut, random.Random(stop_at)), acknowledged


@pytest.mark.parametrize("cut", [Cut.STRICT, Cut.TORN])
def test_a_power_cut_after_a_failed_sync_and_a_restart_loses_nothing_acknowledged(
    cut: Cut, tmp_path: Path
) -> None:
    for stop_at in range(1, LAST_CHANGE + 1):
        contents = _with_a_failed_sync(tmp_path)
        left, acknowledged = _goes_on(contents, tmp_path, f"second {stop_at}", stop_at, cut)
        disk = Disk(tmp_path, f"third {stop_at}", left)
        journal = open_at(Path(disk.path), vfs=disk.name)
        assert journal.audit.head[0] >= acknowledged, f"the power went at change {stop_at}"
        journal.close()
        disk.close()
        report = verify_journal(str(left.write_to(tmp_path, f"file {stop_at}")), vault())
        assert report.ok, (stop_at, report.findings)


def test_before_anything_else_a_start_writes_the_log_once_more_and_syncs_it(tmp_path: Path) -> None:
    """Longer than SQLite's file system takes at once (128 KiB), byte for byte as it was."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    for number in range(20):
        begin(journal, f"S{number}", f"{number:04d}")
    log = Path(f"{path}-wal")
    content = log.read_bytes()
    assert len(content) > 256 * 1024
    disk = RecordingDisk("recording")
    sync_log_again(str(path), disk.name)
    written = [number for what, _, number in disk.done[:-1] if what == "write"]
    assert (sum(written), len(written)) == (len(content), len(disk.done) - 1)
    assert max(written) < 128 * 1024
    assert disk.done[-1][:2] == ("sync", "-wal")
    assert log.read_bytes() == content
    journal.close()
    disk.unregister()


class _ReadOnlyDisk(RecordingDisk):
    """Opens files for reading only, as a file system that is mounted so."""

    def xOpen(self, name: Any, flags: list[int]) -> DiskFile:
        flags[0] = (flags[0] & ~apsw.SQLITE_OPEN_READWRITE) | apsw.SQLITE_OPEN_READONLY
        return super().xOpen(name, flags)


def test_where_nothing_can_be_written_sqlite_is_left_to_say_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    begin(journal, "S1", "0001")
    disk = _ReadOnlyDisk("read only")
    sync_log_again(str(path), disk.name)
    assert disk.done == []
    journal.close()
    disk.unregister()


def test_a_journal_that_was_closed_in_order_has_no_log_to_write(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    disk = RecordingDisk("nothing to do")
    sync_log_again(str(path), disk.name)
    assert disk.done == []
    assert list(tmp_path.iterdir()) == [path]
    disk.unregister()
