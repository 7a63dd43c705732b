"""Requests that arrive together go through the hub together, and no answer leaves before the commit that holds it is on disk.

A durable commit waits for the disk; sixteen tills that each waited for one of their own would keep the hub idle. So the
requests of one turn share a transaction, each in a savepoint of its own, and while a thread waits for the disk their
answers are signed.

They also share their steps (`simulators.hub.steps`): all are read, all are admitted, all are booked, the commit, all answers
are signed. Verifying or signing takes as long as all the rest of a request, and each leaves the processor's caches cold for the
other; this way they find them warm for all but the first of a group.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import apsw

from simulators.hub.ledger import Ledger
from simulators.hub.steps import Outcome, Steps

_PASSES: Final = 4
"""So many passes of the event loop a request needs from its socket to `GroupCommit.join`, and one more."""


class _Member:
    """One request of a group."""

    def __init__(self, steps: Steps[Any], answered: asyncio.Future[Any]) -> None:
        self._steps = steps
        self._answered = answered
        self._outcome: Callable[[], None] | None = None

    def go_on(self) -> None:
        """Take the next step, unless there is none left."""
        if self._outcome is None:
            try:
                next(self._steps)
            except StopIteration as end:
                self._outcome = partial(self._answered.set_result, end.value)
            except Exception as error:  # noqa: BLE001 - every error is handed to the one who asked
                self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Whatever came of it, this is what is heard of it."""
        self._outcome = partial(self._answered.set_exception, error)

    def finish(self) -> None:
        """Take the steps that are left."""
        while self._outcome is None:
            self.go_on()

    def tell(self) -> None:
        """Tell whoever asked what came of it."""
        if (
            self._outcome is not None and not self._answered.done()
        ):  # done: they have hung up; what is booked stays booked
            self._outcome()


class GroupCommit:
    """One for each server. Use it on one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        """`ledger` is the one that requests are booked in."""
        self._ledger = ledger
        self._group: list[_Member] = []
        self._disk = ThreadPoolExecutor(1, "ledger-disk")
        self._failed: BaseException | None = None
        """What the disk has failed with. It is not believed again: the log may have a hole before what is written next."""

    def join(self, steps: Steps[Outcome]) -> asyncio.Future[Outcome]:
        """Handle a request with the others of this turn; its outcome comes when the commit that holds it is on disk.

        The future raises what the steps raised. When the commit fails, every request of the group hears of that and none of
        them is booked; when the disk fails after it, they hear of that, and whether they are booked is open. Nobody is
        answered any more then until the hub is started again.
        """
        loop = asyncio.get_running_loop()
        if not self._group:
            loop.call_soon(self._gather, loop, 0, 0)
        answered: asyncio.Future[Outcome] = loop.create_future()
        self._group.append(_Member(steps, answered))
        return answered

    def _gather(self, loop: asyncio.AbstractEventLoop, seen: int, idle: int) -> None:
        """Begin the turn once nobody has come for a few passes of the loop."""
        idle = idle + 1 if len(self._group) == seen else 0
        if idle < _PASSES:
            loop.call_soon(self._gather, loop, len(self._group), idle)
        else:
            self._turn(loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._group = self._group, []
        if self._failed is not None:
            _tell(group, self._failed)
            return
        try:
            with self._ledger.to_be_synced():
                for _ in ("read", "admitted", "booked"):
                    for member in group:
                        member.go_on()
        except apsw.Error as error:
            _tell(group, error)
            return
        on_disk = loop.run_in_executor(self._disk, self._ledger.sync)
        for member in group:
            member.finish()
        on_disk.add_done_callback(partial(self._leave, group))

    def _leave(self, group: Sequence[_Member], on_disk: asyncio.Future[None]) -> None:
        self._failed = self._failed or on_disk.exception()
        _tell(group, self._failed)


def _tell(group: Sequence[_Member], failure: BaseException | None) -> None:
    for member in group:
        if failure is not None:
            member.fail(failure)
        member.tell()
