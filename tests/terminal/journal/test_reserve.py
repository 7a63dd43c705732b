"""Space kept aside: really there, given up only to finish what is open, made again; on a full disk no new sale (F25, F28)."""

import asyncio
import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.disk_watch import LOOK_EVERY_S, LOW_BYTES, STOP_BYTES, DiskWatch
from terminal.counter.holds import Holds
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
from tests.terminal.journal.log_lines import heard
from tests.terminal.journal.samples import begin, doubt, open_at, send, stamp, vault

pytestmark = pytest.mark.blocking_allowed("a small file is allocated in line")

SIZE = 2 * MEGABYTE


class Watched:
    """A watch over a disk that says what it is told to."""

    def __init__(self, folder: Path, size: int = SIZE) -> None:
        self.reserve = Reserve(folder / "reserve", size)
        self.space = Space(LOW_BYTES * 4, False)
        self.open = False
        self.told: list[str] = []
        self.holds = Holds(self._tell)
        self.watch = DiskWatch(
            self.reserve, self.holds, self._tell, lambda: self.open, lambda: self.space, _inline, _no_sleep
        )

    def _tell(self, notice: Notice) -> None:
        self.told.append(notice.code)

    async def sees(self, free_bytes: int, *, read_only: bool = False) -> list[str]:
        """The disk is like this now; returns the reasons why no new sale starts."""
        self.space = Space(free_bytes, read_only)
        await self.watch.look_once()
        return [notice.code for notice in self.holds.standing]


async def _inline(work: Callable[[], bool]) -> bool:
    return work()


async def _no_sleep(seconds: float) -> None:
    raise AssertionError("nothing sleeps here")


def test_the_reserve_is_really_allocated(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert not reserve.is_whole()
    assert reserve.make()
    status = (tmp_path / "reserve").stat()
    assert (status.st_size, status.st_mode & 0o777) == (SIZE, 0o600)
    assert status.st_blocks * 512 >= SIZE
    assert reserve.make(), "once more changes nothing"
    assert reserve.release()
    assert not reserve.release()
    assert not reserve.is_whole()


def test_a_sparse_file_is_no_reserve(tmp_path: Path) -> None:
    with (tmp_path / "reserve").open("wb") as file:
        file.truncate(SIZE)
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert not reserve.is_whole()
    assert reserve.make()
    assert reserve.is_whole()


def test_where_none_is_wanted_none_is_missed(tmp_path: Path) -> None:
    assert Reserve(tmp_path / "reserve", 0).is_whole()
    assert Reserve(tmp_path / "reserve", 0).make()
    assert not (tmp_path / "reserve").exists()


@pytest.mark.parametrize("wanted", [0, SIZE])
def test_what_an_older_larger_reserve_took_is_given_back_at_the_next_start(
    tmp_path: Path, wanted: int
) -> None:
    assert Reserve(tmp_path / "reserve", 2 * SIZE).make()
    reserve = Reserve(tmp_path / "reserve", wanted)
    assert not make_room_for_start(reserve), "trimmed, not given up"
    assert reserve.is_whole()
    blocks = sum(file.stat().st_blocks for file in tmp_path.iterdir()) * 512
    assert wanted <= blocks < wanted + MEGABYTE


def test_a_larger_reserve_on_a_disk_that_refuses_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Reserve(tmp_path / "reserve", 2 * SIZE).make()

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(os, "truncate", refuse)
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert not make_room_for_start(reserve)
    assert reserve.is_whole()


def test_space_that_was_given_back_stays_given_back_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert reserve.make()
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(stat.S_ISDIR(os.fstat(file).st_mode)))
    assert reserve.release()
    assert synced == [True], "the folder, so that the removal itself is on disk"
    assert not reserve.release(), "there is nothing left to give"


def test_a_folder_that_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    assert not Reserve(tmp_path / "not there" / "reserve", SIZE).make()
    assert look_at_space(tmp_path / "not there") == Space(0, True)


async def test_with_room_the_reserve_is_made_and_sales_are_taken(tmp_path: Path) -> None:
    place = Watched(tmp_path)
    assert await place.sees(LOW_BYTES * 4) == []
    assert place.reserve.is_whole()
    assert place.told == []


async def test_a_disk_that_fills_is_told_first_then_stops_new_sales_and_lets_them_in_again(
    tmp_path: Path,
) -> None:
    place = Watched(tmp_path)
    await place.sees(LOW_BYTES * 4)
    assert await place.sees(LOW_BYTES - 1) == []
    assert await place.sees(LOW_BYTES - 2) == []
    assert place.told == ["disk_low"], "once"
    assert await place.sees(STOP_BYTES - 1) == ["disk_full"]
    with pytest.raises(Misuse) as refused:
        place.holds.require_none()
    assert (refused.value.code, refused.value.params) == ("disk_full", {"free": "15"})
    assert place.reserve.is_whole(), "nothing is open: the reserve stays"
    assert await place.sees(STOP_BYTES) == []
    assert place.told == ["disk_low", "disk_full"]


async def test_the_reserve_goes_for_a_doubt_only_and_comes_back_with_room(tmp_path: Path) -> None:
    place = Watched(tmp_path)
    await place.sees(LOW_BYTES * 4)
    assert await place.sees(NEEDED_BYTES - 1) == ["disk_full"]
    assert place.reserve.is_whole()
    place.open = True
    assert await place.sees(NEEDED_BYTES - 1) == ["disk_full"]
    assert not place.reserve.path.exists()
    fired("F25")
    assert await place.sees(STOP_BYTES + SIZE - 1) == ["disk_full"], "no sale on borrowed space"
    assert await place.sees(STOP_BYTES + SIZE) == []
    assert place.reserve.is_whole()


async def test_the_bounds_of_what_is_left_on_the_disk(tmp_path: Path) -> None:
    """256 MB: people are told; 16 MB: no new sale; 2 MB: the reserve goes for a doubt. Each as the last value and the first."""
    place = Watched(tmp_path)
    assert (LOW_BYTES, STOP_BYTES, NEEDED_BYTES) == (256 * MEGABYTE, 16 * MEGABYTE, 2 * MEGABYTE)
    assert await place.sees(STOP_BYTES + SIZE) == []
    assert (place.reserve.is_whole(), place.told) == (True, ["disk_low"])
    assert await place.sees(LOW_BYTES) == []
    assert await place.sees(LOW_BYTES - 1) == []
    assert place.told == ["disk_low"] * 2, "with 256 MB free it was over"
    assert await place.sees(STOP_BYTES) == []
    assert place.told == ["disk_low"] * 2
    await place.sees(LOW_BYTES)
    assert await place.sees(STOP_BYTES - 1) == ["disk_full"]
    assert place.told == ["disk_low"] * 2 + ["disk_full"], "one word is enough"
    await place.sees(STOP_BYTES)
    assert place.told[3:] == ["disk_low"]
    place.open = True
    assert await place.sees(NEEDED_BYTES) == ["disk_full"]
    assert place.reserve.is_whole(), "2 MB are enough to finish a doubt"
    assert await place.sees(NEEDED_BYTES - 1) == ["disk_full"]
    assert not place.reserve.is_whole()
    assert [notice.params for notice in place.holds.standing] == [{"free": "1"}]


async def test_people_are_told_how_much_is_left(tmp_path: Path) -> None:
    place, told = Watched(tmp_path), list[Notice]()
    place.watch = DiskWatch(
        place.reserve, place.holds, told.append, lambda: False, lambda: place.space, _inline, _no_sleep
    )
    await place.sees(LOW_BYTES - 1)
    assert told == [Notice("disk_low", {"free": "255"})]
    assert await place.sees(LOW_BYTES, read_only=True) == ["disk_read_only"]
    assert place.holds.standing == (Notice("disk_read_only", {}),)


async def test_without_a_wish_for_a_reserve_none_is_given_up(tmp_path: Path) -> None:
    place = Watched(tmp_path, 0)
    place.open = True
    asked: list[str] = []

    async def in_thread(work: Callable[[], bool]) -> bool:
        asked.append(work.__name__)
        return work()

    place.watch = DiskWatch(
        place.reserve, place.holds, place._tell, lambda: place.open, lambda: place.space, in_thread, _no_sleep
    )
    assert await place.sees(NEEDED_BYTES - 1) == ["disk_full"]
    assert await place.sees(STOP_BYTES) == []
    assert asked == ["is_whole", "is_whole"]


async def test_making_and_giving_up_wait_for_the_disk_beside_the_loop_and_are_logged(tmp_path: Path) -> None:
    place, asked = Watched(tmp_path), list[str]()

    async def in_thread(work: Callable[[], bool]) -> bool:
        asked.append(work.__name__)
        return work()

    place.watch = DiskWatch(
        place.reserve, place.holds, place._tell, lambda: True, lambda: place.space, in_thread, _no_sleep
    )
    with heard() as lines:
        await place.sees(STOP_BYTES + SIZE - 1)
        await place.sees(STOP_BYTES + SIZE)
        await place.sees(NEEDED_BYTES - 1)
        place.reserve.make()
        make_room_for_start(place.reserve)
    assert asked == ["is_whole", "is_whole", "make", "is_whole", "release"]
    assert lines == [
        ("terminal.reserve", {"event": "reserve_made", "bytes": SIZE}),
        ("terminal.reserve", {"event": "reserve_released", "why": "doubt", "free_bytes": NEEDED_BYTES - 1}),
    ]


@pytest.mark.parametrize("where", ["open", "allocate", "trim"])
def test_a_disk_that_refuses_is_logged_with_the_name_of_its_error(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    reserve = Reserve(tmp_path / "reserve", SIZE)
    if where == "trim":
        assert Reserve(tmp_path / "reserve", 2 * SIZE).make()
    name = {"open": "open", "allocate": "posix_fallocate", "trim": "truncate"}[where]
    with monkeypatch.context() as broken, heard() as lines:
        broken.setattr(os, name, refuse)
        if where == "trim":
            reserve.trim()
        else:
            assert reserve.make() is False
    event = "reserve_not_trimmed" if where == "trim" else "reserve_not_made"
    assert lines == [("terminal.reserve", {"event": event, "reason": "ENOSPC"})]
    assert (tmp_path / "reserve").exists() is (where == "trim")


async def test_a_reserve_that_cannot_be_made_stops_new_sales(tmp_path: Path) -> None:
    place = Watched(tmp_path / "not there")
    assert await place.sees(LOW_BYTES * 4) == ["disk_full"]
    assert not place.reserve.is_whole()
    assert [notice.params for notice in place.holds.standing] == [{"free": str(LOW_BYTES * 4 // MEGABYTE)}]


async def test_the_disk_is_looked_at_again_and_again_for_ever(tmp_path: Path) -> None:
    place, pauses = Watched(tmp_path), list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        place.space = Space(STOP_BYTES - 1, False)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    place.watch = DiskWatch(
        place.reserve, place.holds, place._tell, lambda: False, lambda: place.space, _inline, sleep
    )
    with pytest.raises(asyncio.CancelledError):
        await place.watch.run()
    assert pauses == [LOOK_EVERY_S] * 3
    assert [notice.code for notice in place.holds.standing] == ["disk_full"], "the second look saw it"


async def test_a_disk_that_has_become_read_only_stops_new_sales(tmp_path: Path) -> None:
    place = Watched(tmp_path)
    assert await place.sees(LOW_BYTES * 4, read_only=True) == ["disk_read_only"]
    fired("F28")
    assert await place.sees(LOW_BYTES * 4) == []


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


def test_the_bounds_of_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path / "reserve", MEGABYTE)
    assert (MEGABYTE, NEEDED_BYTES) == (1024 * 1024, 2 * 1024 * 1024)
    assert reserve.is_whole() is False
    assert reserve.make() is True
    assert reserve.make() is True
    assert (tmp_path / "reserve").stat().st_mode & 0o777 == 0o600
    space = {"now": Space(NEEDED_BYTES, False)}
    monkeypatch.setattr("terminal.journal.reserve.look_at_space", lambda _: space["now"])
    assert make_room_for_start(reserve) is False, "just enough"
    space["now"] = Space(NEEDED_BYTES - 1, True)
    assert make_room_for_start(reserve) is False, "nothing can be given back there"
    space["now"] = Space(NEEDED_BYTES - 1, False)
    assert make_room_for_start(reserve) is True
    assert make_room_for_start(reserve) is False, "it is gone"
    assert reserve.release() is False
    assert Reserve(tmp_path / "nowhere" / "reserve", MEGABYTE).make() is False


def test_reserve_of_a_size_and_a_byte(tmp_path: Path) -> None:
    """One that is a byte short is made whole, one that is a byte too long is trimmed, one of its size is left alone."""
    reserve = Reserve(tmp_path / "reserve", MEGABYTE)
    assert reserve.make()
    os.truncate(reserve.path, MEGABYTE - 1)
    assert reserve.is_whole() is False
    assert reserve.make() is True
    with reserve.path.open("ab") as file:
        file.write(b"x")
    assert reserve.is_whole() is True
    reserve.trim()
    assert reserve.path.stat().st_size == MEGABYTE
    before = reserve.path.stat().st_mtime_ns
    reserve.trim()
    assert reserve.path.stat().st_mtime_ns == before
    Reserve(reserve.path, 0).trim()
    assert not reserve.path.exists()
    reserve.trim()
