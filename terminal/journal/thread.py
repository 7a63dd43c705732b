"""The one thread that owns the journal in the application.

A commit waits for the disk; the event loop must not. One thread, one queue: the order of the calls is the order of the
commits. In the simulation the same journal is called inline through `InlineJournal`.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

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
    """Owns one journal in one thread. `close` waits for what has been handed over.

    A thread and a queue of its own instead of an executor: half the way there and back, which counts in every sale.
    The thread is a daemon, so that a process that ends without `close` ends; what it has not told is not lost by that.
    """

    def __init__(self, opener: Callable[[], Journal]) -> None:
        self._opener = opener
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._journal: Journal | None = None

    async def open(self) -> None:
        """Open the journal in its thread; raises `JournalFailed`."""
        self._thread.start()
        try:
            await self._hand_over(self._open)
        except BaseException:
            self._orders.put(None)
            raise

    def _open(self) -> None:
        self._journal = self._opener()

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """Run `work` in the journal's thread. A cancelled caller does not stop work that has been handed over."""
        journal = self._journal
        if journal is None:
            raise RuntimeError("the journal is not open")
        return await self._hand_over(partial(work, journal))

    async def close(self) -> None:
        """Finish what was handed over, close the file, end the thread."""
        journal, self._journal = self._journal, None
        if journal is not None:
            await self._hand_over(journal.close)
        self._orders.put(None)

    async def _hand_over(self, work: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._orders.put(_Order(work, answer, loop))
        return await answer

    def _serve(self) -> None:
        """The thread: one order after the other until the queue says the end."""
        while (order := self._orders.get()) is not None:
            order.run()


class _Order:
    """Work for the journal's thread, and the future that gets its result."""

    __slots__ = ("_answer", "_loop", "_work")

    def __init__(
        self, work: Callable[[], Any], answer: "asyncio.Future[Any]", loop: asyncio.AbstractEventLoop
    ) -> None:
        self._work = work
        self._answer = answer
        self._loop = loop

    def run(self) -> None:
        """Do the work here and give its result, or its error, to the loop that asked for it."""
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 - every error is handed to the caller, who raises it
            self._reply(self._fail, error)
        else:
            self._reply(self._finish, result)

    def _reply(self, deliver: Callable[[Any], None], what: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(deliver, what)

    def _finish(self, result: Any) -> None:
        if not self._answer.done():
            self._answer.set_result(result)

    def _fail(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
