"""The files of the journal, reached through the file system (SQLite's VFS) on which it lives."""

from typing import Final

import apsw

_PIECE_BYTES: Final = 64 * 1024
"""SQLite's own file system takes less than 128 KiB at once, as it never writes more than a page."""


def exists(path: str, vfs: str | None) -> bool:
    """Whether a file is there, with something in it."""
    files = _Files(vfs)
    try:
        return bool(files.xAccess(path, apsw.SQLITE_ACCESS_EXISTS))
    finally:
        files.unregister()


def remove(path: str, vfs: str | None) -> None:
    """Remove a database with what stands beside it, durably."""
    files = _Files(vfs)
    try:
        for name in (f"{path}-journal", f"{path}-wal", path):
            if files.xAccess(name, apsw.SQLITE_ACCESS_EXISTS):
                files.xDelete(name, True)
    finally:
        files.unregister()


def sync_log_again(path: str, vfs: str | None) -> None:
    """Write the write-ahead log of a journal once more, as the machine sees it, and sync it; before SQLite reads it.

    What a failed sync should have kept goes on being seen, and no later sync brings it to the disk: Linux counts it as
    written. SQLite would take such commits for durable, acknowledge others behind them, and copy their pages beside older
    ones; a power cut then loses what was acknowledged, or the file. What is written anew is synced anew.
    """
    log = f"{path}-wal"
    if not exists(log, vfs):
        return
    # Opened as SQLite opens any file that is none of its databases: it asks for nothing beside it.
    flags = [apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_READWRITE, 0]
    file = apsw.VFSFile(vfs or "", log, flags)
    try:
        if flags[1] & apsw.SQLITE_OPEN_READONLY:
            return  # nothing can be written here: SQLite says so itself
        size = file.xFileSize()
        for offset in range(0, size, _PIECE_BYTES):
            file.xWrite(file.xRead(min(_PIECE_BYTES, size - offset), offset), offset)
        file.xSync(apsw.SQLITE_SYNC_NORMAL)
    finally:
        file.xClose()


class _Files(apsw.VFS):
    """The file system itself, for asking about files and removing them."""

    def __init__(self, base: str | None) -> None:
        super().__init__(f"files of the journal {id(self)}", base or "")
