"""The journal's connection, shared by all its tables: one transaction at a time, and what an error on it means.

After any storage error nothing more is done (`JournalFailed`): the error may have hidden a commit that is nevertheless
on disk, so the process stops and the next one believes only the disk (invariant I10).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType
from typing import Any, Final

import apsw

from terminal.journal.records import JournalFailed

_OF_THE_DISK: Final = (apsw.Error, UnicodeDecodeError)
"""A text that is none any more: SQLite does not look, whoever reads it finds out."""


def dicts(connection: apsw.Connection, query: str) -> Iterator[dict[str, Any]]:
    """Read the rows of a query by column name."""
    cursor = connection.execute(query)
    names: list[str] = []
    for values in cursor:
        names = names or [column[0] for column in cursor.get_description()]
        yield dict(zip(names, values, strict=True))


class _Guard(AbstractContextManager[None]):
    """See `Store.guarded`. Not made of a generator: every read and every blob that is opened enters it."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def __enter__(self) -> None:
        if self._store.failed:
            raise JournalFailed(self._store.failed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, _OF_THE_DISK) and not isinstance(error, apsw.ConstraintError):
            raise self._store.fail(type(error).__name__) from error


class Store:
    """An open, prepared connection. Not thread safe."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._guard = _Guard(self)
        self.failed = ""
        """Why work is refused, or empty."""
        self.begun: list[Callable[[], None]] = []
        """Called at the begin of every transaction: whoever keeps in memory what the disk holds notes it now."""
        self.rolled_back: list[Callable[[], None]] = []
        """Called when a transaction ends without a commit: what it left in memory stands on no disk."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is on disk together when the block is left, or nothing is."""
        with self.guarded():
            self.connection.execute("BEGIN IMMEDIATE")
            for note in self.begun:
                note()
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                for forget in self.rolled_back:
                    forget()
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def guarded(self) -> AbstractContextManager[None]:
        """Turn every storage error into `JournalFailed` and refuse everything after it, reading too.

        Only an SQL guard that says no (ConstraintError) is something else: then nothing was written, for certain.
        """
        return self._guard

    def fail(self, reason: str) -> JournalFailed:
        """Refuse all work from now on; returns the error to raise."""
        self.failed = reason
        return JournalFailed(reason)

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> apsw.Cursor:
        """Run one statement inside a transaction or a guarded block."""
        return self.connection.execute(sql, values)

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Read all rows of a query; a storage error while reading stops the journal as one while writing does."""
        with self.guarded():
            return self.connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        """Return the one value of a row that must be there, inside a transaction; raises `JournalFailed` without it."""
        for (value,) in self.connection.execute(sql, values).fetchall():
            return value
        raise self.fail("a row that must be there is missing")

    def checkpoint(self) -> None:
        """Move the WAL into the file; called when idle, because automatic checkpoints are off.

        While somebody reads the file (`journal verify`) only a part is moved; the next checkpoint does the rest. The
        WAL keeps its length: a commit into blocks that are already there needs half the time of one that appends.
        """
        with self.guarded(), suppress(apsw.BusyError, apsw.LockedError):
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def close(self) -> None:
        """Checkpoint and close; a failed checkpoint loses nothing, the next start does it."""
        with suppress(JournalFailed):
            self.checkpoint()
        self.connection.close()
