"""Disk space kept aside beside the journal (faults F25 and F28).

A full disk must not leave a customer's money in doubt. So a file of 64 MB stands beside the journal, really allocated, and
goes only when the disk is full and something open has to be finished: reversals, cancellations, the recovery at a
start. While it is gone, or space is short, no new sale starts. It is made again as soon as there is room for it.
Who watches over that: `terminal/counter/disk_watch.py`.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Final

import msgspec
import structlog

MEGABYTE: Final = 1024 * 1024
NEEDED_BYTES: Final = 2 * MEGABYTE
"""Below this a doubt could not be finished any more: the reserve is given up for it."""

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
