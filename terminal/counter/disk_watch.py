"""The watch over what is left of the disk (faults F25 and F28): makes and gives up the reserve, and says when no sale may start.

The file that keeps space aside: `terminal/journal/reserve.py`.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from terminal.core.values import Notice
from terminal.counter.holds import DISK_FULL, DISK_READ_ONLY, Holds
from terminal.journal.reserve import MEGABYTE, NEEDED_BYTES, Reserve, Space

LOW_BYTES: Final = 256 * MEGABYTE
"""Below this people are told, once; sales go on."""
STOP_BYTES: Final = 16 * MEGABYTE
"""Below this no new sale starts: a till's busy day takes about 10 MB of journal."""
LOOK_EVERY_S: Final = 5.0
LOW: Final = "disk_low"

log = structlog.get_logger("terminal.reserve")


class DiskWatch:
    """Looks at the disk now and then, and says when no new sale may start."""

    def __init__(
        self,
        reserve: Reserve,
        holds: Holds,
        announce: Callable[[Notice], None],
        something_open: Callable[[], bool],
        look: Callable[[], Space],
        in_thread: Callable[[Callable[[], bool]], Awaitable[bool]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """`something_open`: is there a doubt to finish; `look` is quick and may be called in the loop's thread.

        `in_thread` runs work that waits for the disk (making and giving up the reserve).
        """
        self._reserve = reserve
        self._holds = holds
        self._announce = announce
        self._something_open = something_open
        self._look = look
        self._in_thread = in_thread
        self._sleep = sleep
        self._low_told = False

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await self.look_once()
            await self._sleep(LOOK_EVERY_S)

    async def look_once(self) -> None:
        """Look, make or give up the reserve, set or lift the holds."""
        space = self._look()
        if space.read_only:
            self._holds.set(Notice(DISK_READ_ONLY, {}))
            return
        self._holds.lift(DISK_READ_ONLY)
        whole = await self._in_thread(self._reserve.is_whole)
        if not whole and space.free_bytes >= self._reserve.size_bytes + STOP_BYTES:
            whole = await self._in_thread(self._reserve.make)
            if whole:
                log.info("reserve_made", bytes=self._reserve.size_bytes)
            space = self._look()
        elif (
            whole and space.free_bytes < NEEDED_BYTES and self._something_open() and self._reserve.size_bytes
        ):
            log.warning("reserve_released", why="doubt", free_bytes=space.free_bytes)
            await self._in_thread(self._reserve.release)
            whole, space = False, self._look()
        if space.free_bytes < STOP_BYTES or not whole:
            self._holds.set(Notice(DISK_FULL, {"free": str(space.free_bytes // MEGABYTE)}))
        else:
            self._holds.lift(DISK_FULL)
        self._tell_low(space)

    def _tell_low(self, space: Space) -> None:
        if space.free_bytes >= LOW_BYTES:
            self._low_told = False
        elif not self._low_told and space.free_bytes >= STOP_BYTES:
            self._low_told = True
            self._announce(Notice(LOW, {"free": str(space.free_bytes // MEGABYTE)}))
