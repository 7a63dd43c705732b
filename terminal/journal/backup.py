"""A copy of the journal while it is in use, through SQLite's online backup.

The copy is one moment of the journal, whole and synced, and it is checked before anyone relies on it. It holds the
wrapped keys of its days: what is deleted in the journal later lives on in older copies, so a copy must not be kept
longer than the terms (docs/decisions/0009).
"""

import contextlib
from pathlib import Path

import apsw

from terminal.journal.records import JournalFailed
from terminal.journal.vault import Vault
from terminal.journal.verify import Report, verify_journal

PAGES_AT_ONCE = 1024
"""Pages copied without letting the writer in between (4 MB)."""


def back_up(source: str, target: str, vault: Vault | None = None) -> Report:
    """Copy the journal at `source` to the new file `target` and check the copy, with blobs when `vault` is given.

    Works beside a running service: the source is opened read-only. The file gets mode 0600 from the caller's umask.
    Raises `FileExistsError` when `target` is there already, `JournalFailed` when the copy cannot be written; then
    nothing is left of it.
    """
    if Path(target).exists():
        raise FileExistsError(target)
    try:
        _copy(source, target)
    except apsw.Error as broken:
        for end in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{target}{end}").unlink()
        raise JournalFailed(f"{type(broken).__name__}: {broken}") from broken
    report = verify_journal(target, vault)
    for end in ("-wal", "-shm"):  # what looking at it has left
        with contextlib.suppress(FileNotFoundError):
            Path(f"{target}{end}").unlink()
    return report


def _copy(source: str, target: str) -> None:
    reading = apsw.Connection(source, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        reading.set_busy_timeout(5000)
        writing = apsw.Connection(target)
        try:
            writing.pragma("synchronous", 3)
            with reading:  # one moment: a commit meanwhile does not make the copy begin again
                reading.execute("SELECT 1 FROM meta").fetchall()
                with writing.backup("main", reading, "main") as backup:
                    while not backup.done:
                        backup.step(PAGES_AT_ONCE)
        finally:
            writing.close()
    finally:
        reading.close()
