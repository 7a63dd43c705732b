"""What a power cut leaves behind: a disk in memory that remembers every change, and the images cuts make of it.

`Disk` is the file system of one life of the journal. Contents live in memory; the database's own file is opened beside
it, empty, and lends its locks and its shared memory, so that the journal runs in write-ahead mode with normal locking
as in the application. It records every write, truncation, sync and removal, and can fail any call on request.

`Replay` follows such a record operation by operation and makes, for the moment it stands at, the images of a cut:

* *kept*: everything that was written is there (the process died, or the disk had been quick);
* *strict*: only what had been synced is there (contents by a sync of the file, removals by a sync of the directory);
* *torn*: besides the synced bytes a random half of the 512-byte sectors under way has arrived, in any order.

The model is harsher than any one file system: it is the contract, not the luck of one machine. It is written apart
from the disk of the whole-site simulation (`yibao/site/disk.py`), so that a mistake in one is not a mistake in both.
"""

import contextlib
import hashlib
import os
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SECTOR = 512
REAL = "unix"
"""SQLite's own file system, by name: the default may for a moment be one of ours."""
CHARACTERISTICS = 0x9000
"""What the default file system of Debian 12 reports; with 0 SQLite takes other paths and a loss stays hidden."""

Files = Mapping[str, bytes]
"""The files of one journal by the end of their names: `""` for the database, `-wal`, `-journal`."""
OnCall = Callable[[str, str], bool]
"""Called before each call with its name (`read`, `write`, `truncate`, `sync`, `delete`, `open`) and the end of the
file's name. Raises to fail the call; True lets it do half of what was asked (a short read)."""


class Operation(NamedTuple):
    """One change of one file; `file` is the end of its name."""

    what: str
    """`write`, `truncate`, `sync`, `delete`."""
    file: str
    offset: int = 0
    """Where a write begins; the size after a truncation; 1 when a removal was synced."""
    data: bytes = b""


def digest(files: Files) -> bytes:
    """Names and contents as one hash: two images are the same when this is."""
    whole = hashlib.sha1(usedforsecurity=False)
    for end in sorted(files):
        whole.update(f"{end}:{len(files[end])}:".encode())
        whole.update(files[end])
    return whole.digest()


@contextlib.contextmanager
def default_vfs(name: str) -> Iterator[None]:
    """Whoever opens a file and names no file system gets this one, until the block is left, however that happens."""
    apsw.set_default_vfs(name)
    try:
        yield
    finally:
        apsw.set_default_vfs(REAL)


def _nothing(what: str, end: str) -> bool:
    return False


class Disk(apsw.VFS):
    """The disk of one life. Hand `name` to `open_journal` as VFS and `path` as the file."""

    def __init__(self, folder: Path, name: str, files: Files | None = None) -> None:
        """`folder` holds the empty file that lends locks and shared memory; `name` is unique in the process."""
        super().__init__(name, REAL)
        self.name = name
        self.path = str(folder / name)
        self.found: Files = dict(files or {})
        """What was there at the beginning; all of it durable."""
        self.files = {end: bytearray(content) for end, content in self.found.items()}
        """What the machine sees now."""
        self.operations: list[Operation] = []
        self.dead = False
        """True: the process that had the files open is no more, and changes nothing."""
        self.before_change: Callable[[], None] = lambda: None
        """Called before each change is recorded: what was told until then, was told before it."""
        self.on_call: OnCall = _nothing

    def close(self) -> None:
        """Forget the file system; its files must be closed."""
        self.unregister()
        for end in ("", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path + end)

    def end_of(self, filename: str) -> str:
        """`""` for the database, `-wal`, `-journal`."""
        return filename.removeprefix(self.path)

    def note(self, operation: Operation) -> None:
        """Record a change that is about to be made."""
        if self.dead:
            raise apsw.IOError("the process is dead")
        self.before_change()
        self.operations.append(operation)

    # -- apsw.VFS ---------------------------------------------------------------------------------

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        """See SQLite's sqlite3_vfs."""
        filename = name.filename() if isinstance(name, apsw.URIFilename) else str(name or "")
        if not filename.startswith(self.path):
            return apsw.VFSFile(REAL, name, flags)
        end = self.end_of(filename)
        self.on_call("open", end)
        self.files.setdefault(end, bytearray())
        return _MainFile(self, end, name, flags) if end == "" else _SideFile(self, end)

    def xAccess(self, pathname: str, flags: int) -> bool:
        """See SQLite's sqlite3_vfs."""
        if not pathname.startswith(self.path):
            return super().xAccess(pathname, flags)
        return self.end_of(pathname) in self.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """See SQLite's sqlite3_vfs."""
        end = self.end_of(filename)
        self.on_call("delete", end)
        self.note(Operation("delete", end, int(syncdir)))
        self.files.pop(end, None)


class _SideFile:
    """A write-ahead log or rollback journal: memory and nothing else. Nobody locks these."""

    def __init__(self, disk: Disk, end: str) -> None:
        self._disk = disk
        self._end = end
        self._content = disk.files[end]

    def xRead(self, amount: int, offset: int) -> bytes:
        # SQLite's own file system asks again until the end of the file: only there can it be given less than it asked for.
        if self._disk.on_call("read", self._end) and offset + amount >= len(self._content):
            amount //= 2
        return bytes(self._content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._change("write", offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:
        self._change("truncate", newsize, b"")

    def _change(self, what: str, offset: int, data: bytes) -> None:
        operation = Operation(what, self._end, offset, data)
        self._disk.on_call(what, self._end)
        self._disk.note(operation)
        _apply(self._content, operation)

    def xSync(self, flags: int) -> None:
        self._disk.on_call("sync", self._end)
        self._disk.note(Operation("sync", self._end))

    def xFileSize(self) -> int:
        return len(self._content)

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return CHARACTERISTICS

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xLock(self, level: int) -> None:
        """See above."""

    def xUnlock(self, level: int) -> None:
        """See above."""

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None:
        """The content stays."""


class _MainFile(apsw.VFSFile):
    """The database: contents in memory, locks and shared memory of an empty real file."""

    def __init__(self, disk: Disk, end: str, name: Any, flags: list[int]) -> None:
        self._side = _SideFile(disk, end)
        super().__init__(REAL, name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:
        return self._side.xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._side.xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._side.xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._side.xSync(flags)

    def xFileSize(self) -> int:
        return self._side.xFileSize()

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return CHARACTERISTICS


class _File:
    """One file as the machine sees it, as the disk has it, and what is under way between the two."""

    def __init__(self, content: bytes | None = None) -> None:
        self.now: bytearray | None = None if content is None else bytearray(content)
        self.durable: bytearray | None = None if content is None else bytearray(content)
        """None: the disk does not know of it yet."""
        self.coming: list[Operation] = []

    def sync(self) -> None:
        content = bytearray() if self.durable is None else self.durable
        for operation in self.coming:
            _apply(content, operation)
        self.durable, self.coming = content, []


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.what == "truncate":
        del content[operation.offset :]
        return
    if len(content) < operation.offset:
        content.extend(bytes(operation.offset - len(content)))
    content[operation.offset : operation.offset + len(operation.data)] = operation.data


class Replay:
    """Follows a record; at each moment it makes the images of a cut there."""

    def __init__(self, found: Files) -> None:
        """`found` is what the disk held, durably, before the first operation."""
        self._files = {end: _File(content) for end, content in found.items()}

    def apply(self, operation: Operation) -> None:
        """Go on by one operation."""
        file = self._files.setdefault(operation.file, _File())
        match operation.what:
            case "sync":
                file.sync()
            case "delete":
                file.now, file.coming = None, []
                if operation.offset:
                    self._sync_directory()
            case _:
                if file.now is None:
                    # New, or made again under the name of one whose removal was not synced: that one is gone.
                    file = self._files[operation.file] = _File()
                    file.now = bytearray()
                _apply(file.now, operation)
                file.coming.append(operation)

    def _sync_directory(self) -> None:
        """All names are in one directory: its sync makes every removal so far durable."""
        for end, file in self._files.items():
            if file.now is None:
                self._files[end] = _File()

    @property
    def under_way(self) -> bool:
        """True when a cut here can tear something: bytes, or a removal, that no sync has made durable."""
        return any(
            file.coming or (file.now is None) != (file.durable is None) for file in self._files.values()
        )

    def kept(self) -> Files:
        """Everything written is there."""
        return {end: bytes(file.now) for end, file in self._files.items() if file.now is not None}

    def strict(self) -> Files:
        """Only what was synced is there."""
        return {end: bytes(file.durable) for end, file in self._files.items() if file.durable is not None}

    def torn(self, luck: random.Random) -> Files:
        """Synced bytes, and a random half of what was under way."""
        left: dict[str, bytes] = {}
        for end, file in sorted(self._files.items()):
            content = _torn(file, luck)
            if content is not None:
                left[end] = content
        return left


def _torn(file: _File, luck: random.Random) -> bytes | None:
    if file.now is None and luck.random() < 0.5:
        return None  # the removal had reached the disk
    content = bytearray(file.durable or b"")
    for operation in file.coming:
        for start in range(0, max(len(operation.data), 1), SECTOR):
            if luck.random() < 0.5:
                part = operation.data[start : start + SECTOR]
                _apply(content, operation._replace(offset=operation.offset + start, data=part))
    return bytes(content) if content or file.durable is not None else None
