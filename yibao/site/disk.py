"""A disk in memory that can lose its power: a file system for the journal, and what a cut leaves of it.

Everything SQLite does to the journal's files passes through here. At any moment three things are known of each file:
what the machine sees, what has been synced, and the writes between the two. From them comes what survives:

* `kill`: the process ended, the machine went on: all that was written.
* `strict`: the power went, and the disk had kept exactly what it was told to sync.
* `torn`: the power went, and of the writes still under way a random half of the 512-byte sectors had arrived, in any
  order.

A new file's name is durable with its first sync (SQLite syncs the directory with the first sync of a journal); a removed
file comes back unless the directory was synced after the removal. A sync that fails loses what it should have kept:
the machine goes on seeing it, and no later sync brings it to the disk, as Linux file systems do it.

Why this shape: the contents live in memory, but the database's own file is opened beside it, empty, in a folder on
tmpfs, and lends its locks and its shared memory. So the journal runs in write-ahead mode with normal locking, as in the
application; a VFS without shared memory would need exclusive locking, which the application does not use. An image costs
some 20 microseconds to make and 300 to open. Device characteristics and sector size are those of a real disk: with 0
SQLite takes other paths, and a loss stays hidden.
"""

import contextlib
import os
import random
from enum import StrEnum
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
CHARACTERISTICS = 0x9000
"""What the default file system of Debian 12 reports: power-safe overwrite, and atomicity of nothing."""


class Cut(StrEnum):
    """How a life of the machine ends."""

    KILL = "kill"
    STRICT = "strict"
    TORN = "torn"


class StoredFile:
    """One file: what the machine sees, what has been synced (None: not even the name), what is under way."""

    __slots__ = ("coming", "durable", "now")

    def __init__(self, content: bytes = b"", *, durable: bool = False) -> None:
        self.now = bytearray(content)
        self.durable: bytearray | None = bytearray(content) if durable else None
        self.coming: list[tuple[int, bytes | None]] = []
        """Writes (offset, data) and truncations (size, None)."""

    def change(self, offset: int, data: bytes | None) -> None:
        """Write `data` at `offset`, or cut the file to `offset` bytes."""
        now = self.now
        if data is None or len(now) < offset:
            _apply(now, offset, data)
        else:
            now[offset : offset + len(data)] = data  # what nearly every write is
        self.coming.append((offset, data))

    def sync(self) -> None:
        """Make all of it durable."""
        content = bytearray() if self.durable is None else self.durable
        for offset, data in self.coming:
            if data is None or len(content) < offset:
                _apply(content, offset, data)
            else:
                content[offset : offset + len(data)] = data
        self.durable, self.coming = content, []

    def lose(self) -> None:
        """A sync failed: what was under way is seen and never durable."""
        self.coming = []

    def copy(self) -> "StoredFile":
        """The same file for the next process."""
        twin = StoredFile()
        twin.now = bytearray(self.now)
        twin.durable = None if self.durable is None else bytearray(self.durable)
        twin.coming = list(self.coming)
        return twin


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Contents:
    """All files of one journal by the end of their names ("", "-wal", "-journal"), and removed ones that may come back."""

    def __init__(self) -> None:
        self.files: dict[str, StoredFile] = {}
        self.ghosts: dict[str, bytes] = {}

    def after(self, cut: Cut, luck: random.Random) -> "Contents":
        """What the next process finds."""
        left = Contents()
        if cut is Cut.KILL:
            left.files = {end: file.copy() for end, file in self.files.items()}
            left.ghosts = dict(self.ghosts)
            return left
        for end in sorted(self.files.keys() | self.ghosts.keys()):
            content = self._content_after(end, None if cut is Cut.STRICT else luck)
            if content is not None:
                left.files[end] = StoredFile(content, durable=True)
        return left

    def _content_after(self, end: str, luck: random.Random | None) -> bytes | None:
        file, ghost = self.files.get(end), self.ghosts.get(end)
        if file is not None and file.durable is not None:
            return bytes(file.durable) if luck is None else _torn(file, luck)
        if luck is None or luck.random() < 0.5:
            return ghost
        return None if file is None else _torn(file, luck)

    def write_to(self, folder: Path, name: str) -> Path:
        """Write what the machine sees as real files, for a reader of files; returns the database's path."""
        for end, file in self.files.items():
            (folder / f"{name}{end}").write_bytes(file.now)
        return folder / name

    def texts(self) -> list[bytes]:
        """The files, one after the other."""
        return [bytes(file.now) for file in self.files.values()]


def _torn(file: StoredFile, luck: random.Random) -> bytes:
    content = bytearray(file.durable or b"")
    for offset, data in file.coming:
        if data is None:
            if luck.random() < 0.5:
                _apply(content, offset, None)
            continue
        for start in range(0, len(data), SECTOR):
            if luck.random() < 0.5:
                _apply(content, offset + start, data[start : start + SECTOR])
    return bytes(content)


class Disk(apsw.VFS):
    """The disk of one life of one machine. Hand `name` to `open_journal` as VFS and `path` as the file."""

    def __init__(self, folder: Path, name: str, contents: Contents) -> None:
        """`folder` holds the empty file that lends locks and shared memory; `name` is unique in the process."""
        super().__init__(name, "")
        self.name = name
        self.path = str(folder / name)
        self.contents = contents
        self.changes = 0
        """Writes, truncations, syncs and removals so far."""
        self.stop_at: int | None = None
        """The machine stops dead just before this change (counted from 1)."""
        self.fail_sync_at: int | None = None
        """The first sync from this change on fails, once."""
        self.full_at: int | None = None
        """From this change on no file can grow."""
        self.fail_read_at: int | None = None
        """This read fails (counted from 1), once."""
        self.reads = 0
        self.stopped = False
        self.failure = ""
        """`sync`, `full` or `read` once the disk has failed so; the process must stop."""

    def heal(self) -> None:
        """No fault is to come any more."""
        self.stop_at = self.fail_sync_at = self.full_at = self.fail_read_at = None

    def close(self) -> None:
        """Forget the file system; its files must be closed."""
        self.unregister()
        for end in ("", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path + end)

    def end_of(self, filename: str) -> str:
        """`""` for the database, `-wal`, `-journal`."""
        return filename.removeprefix(self.path)

    def changing(self) -> None:
        """Count one change; the dead change nothing."""
        if self.stopped:
            raise apsw.IOError("the power is off")
        self.changes += 1
        if self.stop_at is not None and self.changes >= self.stop_at:
            self.stopped = True
            raise apsw.IOError("the power went off")

    def reading(self) -> None:
        """Count one read."""
        self.reads += 1
        if self.reads == self.fail_read_at:
            self.failure = "read"
            raise apsw.IOError("a sector cannot be read")

    def growing(self) -> None:
        """A file is about to become longer."""
        if self.full_at is not None and self.changes >= self.full_at:
            self.failure = "full"
            raise apsw.FullError("no space is left")

    def sync(self, end: str, file: StoredFile) -> None:
        """Sync one file."""
        self.changing()
        if self.fail_sync_at is not None and self.changes >= self.fail_sync_at:
            self.fail_sync_at = None
            self.failure = "sync"
            file.lose()
            raise apsw.IOError("a sync failed")
        if file.durable is None:
            self.contents.ghosts.clear()
        file.sync()

    # -- apsw.VFS ---------------------------------------------------------------------------------

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        """See SQLite's sqlite3_vfs."""
        filename = name.filename() if isinstance(name, apsw.URIFilename) else str(name or "")
        if not filename.startswith(self.path):
            return apsw.VFSFile("", name, flags)
        end = self.end_of(filename)
        file = self.contents.files.setdefault(end, StoredFile())
        return _MainFile(self, end, file, name, flags) if end == "" else _SideFile(self, end, file)

    def xAccess(self, pathname: str, flags: int) -> bool:
        """See SQLite's sqlite3_vfs."""
        if not pathname.startswith(self.path):
            return super().xAccess(pathname, flags)
        return self.end_of(pathname) in self.contents.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """See SQLite's sqlite3_vfs."""
        self.changing()
        end = self.end_of(filename)
        file = self.contents.files.pop(end, None)
        if syncdir:
            self.contents.ghosts.clear()
        elif file is not None and file.durable is not None:
            self.contents.ghosts[end] = bytes(file.durable)


class _InMemory:
    """A file whose contents are in memory: all that reads, writes and syncs them."""

    _disk: Disk
    _end: str
    _file: StoredFile

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.reading()
        with memoryview(self._file.now) as now:
            return bytes(now[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.changing()
        if offset + len(data) > len(self._file.now):
            self._disk.growing()
        self._file.change(offset, data)

    def xTruncate(self, newsize: int) -> None:
        self._disk.changing()
        self._file.change(newsize, None)

    def xSync(self, flags: int) -> None:
        self._disk.sync(self._end, self._file)

    def xFileSize(self) -> int:
        return len(self._file.now)

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return CHARACTERISTICS


class _SideFile(_InMemory):
    """A write-ahead log or rollback journal: memory and nothing else."""

    def __init__(self, disk: Disk, end: str, file: StoredFile) -> None:
        self._disk = disk
        self._end = end
        self._file = file

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xLock(self, level: int) -> None:
        """Nobody locks these files."""

    def xUnlock(self, level: int) -> None:
        """Nobody locks these files."""

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None:
        """The content stays."""


class _MainFile(_InMemory, apsw.VFSFile):
    """The database: contents in memory, locks and shared memory of an empty real file."""

    def __init__(self, disk: Disk, end: str, file: StoredFile, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._end = end
        self._file = file
        super().__init__("", name, flags)
