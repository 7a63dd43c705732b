"""The one thread that owns the journal in the application.

A commit waits for the disk; the event loop must not. One thread, one queue: the order of the calls is the order of the
commits. In the simulation the same journal is called inline through `InlineJournal`.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from terminal.journal.journal import Journal

Result = TypeVar("Result")


class JournalPort(Protocol):
    """How the application reaches the journal."""

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """Run `work` with the journal and return its result; when it returns, what it wrote is on disk."""
        ...


class InlineJournal:
    """Calls the journal in the caller's thread: for tests and the simulation."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """Run `work` at once."""
        return work(self._journal)


class JournalThread:
    """Owns one journal in one thread. `close` waits for what has been handed over."""

    def __init__(self, opener: Callable[[], Journal]) -> None:
        self._opener = opener
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._journal: Journal | None = None
        self._thread_id = 0

    async def open(self) -> None:
        """Open the journal in its thread; raises `JournalFailed`."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._open)

    def _open(self) -> None:
        self._thread_id = threading.get_ident()
        self._journal = self._opener()

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """Run `work` in the journal's thread. A cancelled caller does not stop work that has been handed over."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, work)

    def _run(self, work: Callable[[Journal], Result]) -> Result:
        journal = self._journal
        if journal is None:
            raise RuntimeError("the journal is not open")
        if threading.get_ident() != self._thread_id:
            raise AssertionError("the journal was called outside its thread")
        return work(journal)

    async def close(self) -> None:
        """Finish what was handed over, close the file, end the thread."""
        if self._journal is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._journal.close)
            self._journal = None
        self._executor.shutdown(wait=False)
