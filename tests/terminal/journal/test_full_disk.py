"""A real file system that is full or turns read-only under the journal: an open doubt is finished all the same (F25, F28)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.core.states import State
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.journal.reserve import (
    MEGABYTE,
    NEEDED_BYTES,
    Reserve,
    Space,
    look_at_space,
    make_room_for_start,
)
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.real_parts import real_part_missing, require_real
from tests.terminal.journal.samples import begin, doubt, open_at, send, stamp, vault


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 24 MB in memory; without the right to mount one the test ends as in `real_part_missing`."""
    mount, folder = require_real("mount"), tmp_path / "disk"
    folder.mkdir()
    tried = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )  # fmt: skip
    if tried.returncode != 0:
        real_part_missing("the right to mount a file system (run the tests as root)")
    try:
        yield folder
    finally:
        subprocess.run([require_real("umount"), "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk to the last block."""
    path = folder / "somebody elses log"
    with path.open("ab", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return path


def _sell_until_it_fails(journal: Journal) -> int:
    for number in range(100, 1000):
        try:
            begin(journal, f"S{number}", f"{number:04d}")
        except JournalFailed:
            return number - 100
    raise AssertionError("the disk did not fill")


def test_on_a_disk_that_is_really_full_the_reserve_lets_an_open_doubt_be_finished(small_disk: Path) -> None:
    """F25 on a real file system: the commit fails, the process ends, the next start finishes the doubt."""
    reserve, path = Reserve(small_disk / "reserve", 4 * MEGABYTE), small_disk / "journal.db"
    assert reserve.make()
    journal = open_at(path)
    doubtful = doubt(journal, send(journal, begin(journal)))
    log = fill(small_disk)
    told = _sell_until_it_fails(journal)
    assert journal.failed in ("FullError", "IOError")
    fired("F25")
    journal.close()
    assert look_at_space(small_disk).free_bytes < NEEDED_BYTES

    assert make_room_for_start(reserve), (
        "the next start gives the reserve up, or it could not even open the journal"
    )
    assert not reserve.path.exists()
    again = open_at(path)
    assert len(again.settlements.recent(1000)) >= told + 1, "whatever was acknowledged is there"
    (row,) = [one for one in again.settlements.unfinished() if one.id == doubtful.id]
    assert row.state is State.DOUBT
    again.audit.note("reversal", "goes on", "", stamp(60))
    again.close()
    assert verify_journal(str(path), vault()).ok
    fill(small_disk)
    assert not reserve.make(), "no room yet"
    assert not reserve.path.exists()
    log.unlink()
    assert reserve.make()


def test_a_file_system_that_really_turns_read_only_stops_the_journal(small_disk: Path) -> None:
    """F28: remounted under the running process, as the kernel does after an error."""
    path = small_disk / "journal.db"
    journal = open_at(path)
    begin(journal)
    # A tmpfs with files open for writing refuses to become read-only; the kernel does not ask when it does it itself.
    for _ in range(2):
        subprocess.run(
            [require_real("mount"), "-o", "remount,ro", str(small_disk)], capture_output=True, check=False
        )
    if not look_at_space(small_disk).read_only:
        journal.close()
        subprocess.run([require_real("mount"), "-o", "remount,ro", str(small_disk)], check=True)
        with pytest.raises(JournalFailed, match=r"ReadOnly|CantOpen|IOError"):
            open_at(path)
    else:
        with pytest.raises(JournalFailed):
            begin(journal, "S2", "0002")
        journal.close()
    fired("F28")
    assert look_at_space(small_disk) == Space(look_at_space(small_disk).free_bytes, True)
    assert not make_room_for_start(Reserve(small_disk / "reserve", MEGABYTE))
    subprocess.run([require_real("mount"), "-o", "remount,rw", str(small_disk)], check=True)
    whole = open_at(path)
    assert len(whole.settlements.recent(10)) == 1
    whole.close()
    assert os.access(path, os.W_OK)
