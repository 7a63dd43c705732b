"""Where a counter's work runs: in tasks that outlive their callers, beside a journal whose failure stops everything."""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from terminal.core.events import Misuse
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.journal.thread import JournalPort

Result = TypeVar("Result")


class Phase(enum.StrEnum):
    """How far the start has come; shown by `status`."""

    UNLOCKING = "unlocking"
    RECOVERING = "recovering"
    READY = "ready"
    STOPPED = "stopped"


class _Done(Generic[Result]):
    """What became of a piece of work: a result, or the error its caller gets."""

    def __init__(self, result: tuple[Result, ...], error: Exception | None) -> None:
        self.result = result
        self.error = error


async def _settled(work: Callable[[], Awaitable[Result]]) -> _Done[Result]:
    """Run work without letting its error end the task group it runs in."""
    try:
        return _Done((await work(),), None)
    except Exception as error:  # noqa: BLE001 - every error is handed to the caller, who raises it
        return _Done((), error)


def _first(failures: ExceptionGroup[JournalFailed]) -> JournalFailed:
    """Return the first failure, however deep the groups are nested."""
    for failure in failures.exceptions:
        return _first(failure) if isinstance(failure, ExceptionGroup) else failure
    raise AssertionError("an exception group is never empty")


class Workroom:
    """The task group of one counter, how far it has come, and why it stopped."""

    def __init__(self, journal: JournalPort) -> None:
        self.phase = Phase.RECOVERING
        self.failure = ""
        """Why the journal can no longer be trusted; empty when it can."""
        self._journal = journal
        self._failed = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    async def run(self, start: Callable[[asyncio.TaskGroup], Awaitable[None]]) -> None:
        """Await `start`, which recovers and adds what runs on; then serve until cancelled. Raises `JournalFailed`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._stop_on_failure(), name="journal watch")
                await start(group)
                self.phase = Phase.READY
        except* JournalFailed as failures:
            self.failure = self.failure or _first(failures).reason
            raise _first(failures) from None
        finally:
            self.phase = Phase.STOPPED
            self._group = None

    async def _stop_on_failure(self) -> None:
        await self._failed.wait()
        raise JournalFailed(self.failure)

    async def do(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run work in a task of the group, so that a caller who goes away interrupts nothing.

        Nothing is changed before recovery is over: the gate must know every doubt. A journal that failed stops the
        whole counter; every other exception is the caller's.
        """
        if self._group is None or self.phase is not Phase.READY or self.failure:
            raise self._not_working()
        settling = _settled(work)
        try:
            task = self._group.create_task(settling)
        except RuntimeError as ending:  # the group takes no more tasks: the counter is being stopped
            settling.close()
            raise self._not_working() from ending
        done = await asyncio.shield(task)
        if isinstance(done.error, JournalFailed):
            raise self.stops(done.error) from done.error
        if done.error is not None:
            raise done.error
        return done.result[0]

    def beside(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run work that nobody waits for and that raises nothing; False: the counter is stopping, it was left out."""
        try:
            if self._group is not None:
                self._group.create_task(work)
                return True
        except RuntimeError:  # the group takes no more tasks
            pass
        work.close()
        return False

    async def read(self, work: Callable[[Journal], Result]) -> Result:
        """Read from the journal, at any time; one that can no longer be read stops the counter as well."""
        try:
            return await self._journal.call(work)
        except JournalFailed as failed:
            raise self.stops(failed) from failed

    async def write(self, work: Callable[[Journal], Result]) -> Result:
        """Write to the journal what belongs to no sale; one that can no longer be written stops the counter."""

        async def call() -> Result:
            return await self._journal.call(work)

        return await self.do(call)

    def stops(self, failed: JournalFailed) -> Misuse:
        """The journal failed: the counter ends. Returns what the caller is told."""
        self.failure = self.failure or failed.reason
        self._failed.set()
        return self._not_working()

    def _not_working(self) -> Misuse:
        if self.failure:
            return Misuse("journal_failed", reason=self.failure)
        return Misuse("not_ready", state=self.phase.value)
