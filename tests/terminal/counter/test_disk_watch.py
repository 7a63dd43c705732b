"""The watch over the disk: people are told, no new sale on a full or read-only disk, the reserve goes for a doubt (F25, F28)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.values import Notice
from terminal.counter.disk_watch import LOOK_EVERY_S, LOW_BYTES, STOP_BYTES, DiskWatch
from terminal.counter.holds import Holds
from terminal.journal.reserve import MEGABYTE, NEEDED_BYTES, Reserve, Space, make_room_for_start
from tests.faults import fired
from tests.terminal.journal.log_lines import heard

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


async def test_the_space_that_a_reserve_leaves_is_for_the_doubt_and_not_for_a_new_sale(
    tmp_path: Path,
) -> None:
    place = Watched(tmp_path)
    await place.sees(LOW_BYTES * 4)
    looks = iter([Space(NEEDED_BYTES - 1, False), Space(STOP_BYTES, False)])
    place.watch = DiskWatch(
        place.reserve, place.holds, place._tell, lambda: True, lambda: next(looks), _inline, _no_sleep
    )
    await place.watch.look_once()
    assert not place.reserve.path.exists()
    assert place.holds.standing == (Notice("disk_full", {"free": "16"}),), (
        "as much as a sale wants, but borrowed"
    )


async def test_the_bounds_of_what_is_left_on_the_disk(tmp_path: Path) -> None:
    """256 MB: people are told; 16 MB: no new sale; 2 MB: the reserve goes for a doubt. Each as the last value and the first."""
    place = Watched(tmp_path)
    assert (LOW_BYTES, STOP_BYTES, NEEDED_BYTES) == (256 * MEGABYTE, 16 * MEGABYTE, 2 * MEGABYTE)
    assert LOOK_EVERY_S == 5.0
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
