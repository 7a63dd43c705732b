"""Disk space kept aside beside the journal, and the watch over what is left of the disk (faults F25 and F28).

A full disk must not leave a customer's money in doubt. So a file of 64 MB stands beside the journal, really allocated, and
goes only when the disk is full and something open has to be finished: reversals, cancellations, the recovery at a
start. While it is gone, or space is short, no new sale starts. It is made again as soon as there is room for it.
"""

import errno
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from terminal.core.values import Notice
from terminal.counter.holds import Holds

MEGABYTE: Final = 1024 * 1024
LOW_BYTES: Final = 256 * MEGABYTE
"""Below this people are told, once; sales go on."""
STOP_BYTES: Final = 16 * MEGABYTE
"""Below this no new sale starts: a till's busy day takes about 10 MB of journal."""
NEEDED_BYTES: Final = 2 * MEGABYTE
"""Below this a doubt could not be finished any more: the reserve is given up for it."""
LOOK_EVERY_S: Final = 5.0
FULL: Final = "disk_full"
READ_ONLY: Final = "disk_read_only"
LOW: Final = "disk_low"

log = structlog.get_logger("terminal.reserve")


class Reserve:
    """The file. Methods block: call them in a worker thread, or before the loop runs."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """`size_bytes` 0 = no reserve is wanted; `trim` gives back what is there of an older one."""
        self.path = path
        self.size_bytes = size_bytes

    def is_whole(self) -> bool:
        """The file is there in full, with its blocks on the disk (a sparse file keeps nothing free)."""
        if not self.size_bytes:
            return True
        try:
            status = self.path.stat()
        except OSError:
            return False
        return status.st_size >= self.size_bytes and status.st_blocks * 512 >= self.size_bytes

    def make(self) -> bool:
        """Allocate what is missing; False, with nothing left behind, when the disk has no room or refuses."""
        if self.is_whole():
            return True
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failure:
            log.warning("reserve_not_made", reason=errno.errorcode.get(failure.errno or 0, ""))
            return False
        try:
            os.posix_fallocate(handle, 0, self.size_bytes)
            os.fsync(handle)
        except OSError as failure:
            log.warning("reserve_not_made", reason=errno.errorcode.get(failure.errno or 0, ""))
            self.release()
            return False
        finally:
            os.close(handle)
        return self.is_whole()

    def trim(self) -> None:
        """Give back what the file takes beyond the wanted size; one that the disk keeps stays as it is."""
        try:
            if self.path.stat().st_size <= self.size_bytes:
                return
            if self.size_bytes:
                os.truncate(self.path, self.size_bytes)
            else:
                self.release()
        except FileNotFoundError:
            return
        except OSError as failure:
            log.warning("reserve_not_trimmed", reason=errno.errorcode.get(failure.errno or 0, ""))

    def release(self) -> bool:
        """Give the space back to the file system; False when there was nothing to give, or the disk refuses."""
        try:
            self.path.unlink()
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            return False
        return True


class Space(msgspec.Struct, frozen=True):
    """What is left of the file system of the journal."""

    free_bytes: int
    read_only: bool


def look_at_space(folder: Path) -> Space:
    """Ask the file system; one that cannot be asked has no space."""
    try:
        flags = os.statvfs(folder).f_flag
        return Space(shutil.disk_usage(folder).free, bool(flags & os.ST_RDONLY))
    except OSError:
        return Space(0, True)


def make_room_for_start(reserve: Reserve) -> bool:
    """Before the journal is opened: without space it could not be. Returns whether the reserve was given up.

    What an older, larger reserve took beyond the size wanted now is given back in any case.
    """
    reserve.trim()
    space = look_at_space(reserve.path.parent)
    if space.read_only or space.free_bytes >= NEEDED_BYTES or not reserve.path.exists():
        return False
    log.warning("reserve_released", why="start", free_bytes=space.free_bytes)
    return reserve.release()


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
            self._holds.set(Notice(READ_ONLY, {}))
            return
        self._holds.lift(READ_ONLY)
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
            self._holds.set(Notice(FULL, {"free": str(space.free_bytes // MEGABYTE)}))
        else:
            self._holds.lift(FULL)
        self._tell_low(space)

    def _tell_low(self, space: Space) -> None:
        if space.free_bytes >= LOW_BYTES:
            self._low_told = False
        elif not self._low_told and space.free_bytes >= STOP_BYTES:
            self._low_told = True
            self._announce(Notice(LOW, {"free": str(space.free_bytes // MEGABYTE)}))
