"""What a power cut leaves behind: images of the journal's files at every moment of their lives.

A VFS records what SQLite does to its files. From the record an image can be made for each moment: *strict* keeps only
what had been synced (contents by a sync of the file, a removal by a sync of its directory); *torn* keeps besides a
random part of the 512-byte sectors that were still under way. The model is harsher than any one file system: it is the
contract, not the luck of one machine.
"""

import random
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SECTOR = 512


class Operation(NamedTuple):
    """One thing done to one file; `file` is the end of its name."""

    what: str
    """`write`, `truncate`, `sync`, `delete`."""
    file: str
    offset: int = 0
    """Where a write begins; the size after a truncation; 1 when a removal was synced."""
    data: bytes = b""


class Recorder(apsw.VFS):
    """The default file system, with a record of everything that changes it."""

    def __init__(self, name: str, database: Path) -> None:
        self.name = name
        self.operations: list[Operation] = []
        self._database = str(database)
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "RecordedFile":
        return RecordedFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.operations.append(Operation("delete", self.end_of(filename), int(syncdir)))
        super().xDelete(filename, syncdir)

    def end_of(self, filename: str) -> str:
        """`""` for the database, `-wal`, `-journal`."""
        return filename.removeprefix(self._database)


class RecordedFile(apsw.VFSFile):
    """One file of a `Recorder`."""

    def __init__(self, recorder: Recorder, name: Any, flags: list[int]) -> None:
        self._recorder = recorder
        self._file = recorder.end_of(
            name.filename() if isinstance(name, apsw.URIFilename) else str(name or "")
        )
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._recorder.operations.append(Operation("write", self._file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._recorder.operations.append(Operation("truncate", self._file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._recorder.operations.append(Operation("sync", self._file))
        super().xSync(flags)


class _File:
    """One file as the disk has it, and what is still under way to it."""

    def __init__(self) -> None:
        self.durable: bytearray | None = None
        """None: the disk does not know of it yet."""
        self.coming: list[Operation] = []
        self.removed = False
        """Removed, but the directory has not been synced since."""

    def sync(self) -> None:
        content = self.durable or bytearray()
        for operation in self.coming:
            _apply(content, operation)
        self.durable, self.coming, self.removed = content, [], False


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.what == "truncate":
        del content[operation.offset :]
        return
    end = operation.offset + len(operation.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[operation.offset : end] = operation.data


def image(operations: list[Operation], folder: Path, luck: random.Random | None = None) -> None:
    """Write into `folder` what a power cut after these operations leaves; `luck` None is the strict image."""
    files: dict[str, _File] = {}
    for operation in operations:
        file = files.setdefault(operation.file, _File())
        match operation.what:
            case "sync":
                file.sync()
            case "delete" if operation.offset:
                files[operation.file] = _File()
            case "delete":
                file.removed, file.coming = True, []
            case _:
                if file.removed:  # made again under the same name: the old one is gone whatever happens
                    files[operation.file] = file = _File()
                file.coming.append(operation)
    for end, file in files.items():
        content = _after(file, luck)
        if content is not None:
            (folder / f"journal.db{end}").write_bytes(content)


def _after(file: _File, luck: random.Random | None) -> bytes | None:
    if luck is None:
        return None if file.durable is None else bytes(file.durable)
    if file.removed and luck.random() < 0.5:
        return None
    content = bytearray(file.durable or b"")
    for operation in file.coming:
        for offset in range(0, max(len(operation.data), 1), SECTOR):
            if luck.random() < 0.5:
                part = operation.data[offset : offset + SECTOR]
                _apply(content, operation._replace(offset=operation.offset + offset, data=part))
    return bytes(content) if content or file.durable is not None else None
