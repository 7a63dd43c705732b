"""Requests that arrive together go through the hub together, and no answer leaves before the commit that holds it.

A durable commit waits for the disk; sixteen tills that each waited for one of their own would keep the hub idle. So the
requests of one turn of the event loop share a transaction, each in a savepoint of its own.

They also share their steps (`simulators.hub.steps`): all are admitted, all are booked, the commit, all answers are signed.
A signature takes as long as all the rest of a request and leaves the processor's caches cold; this way the rest finds them
warm for all but the first of a group.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import apsw

from simulators.hub.ledger import Ledger
from simulators.hub.steps import Outcome, Steps


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

    def fail(self, error: Exception) -> None:
        """Whatever came of it, this is what is heard of it."""
        self._outcome = partial(self._answered.set_exception, error)

    def finish(self) -> None:
        """Take the steps that are left and tell what came of it."""
        while self._outcome is None:
            self.go_on()
        if not self._answered.done():  # else whoever asked has hung up; what was booked stays booked
            self._outcome()


class GroupCommit:
    """One for each server. Use it on one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        """`ledger` is the one that requests are booked in."""
        self._ledger = ledger
        self._group: list[_Member] = []

    def join(self, steps: Steps[Outcome]) -> asyncio.Future[Outcome]:
        """Handle a request with the others of this turn; its outcome comes after the commit that holds it.

        The future raises what the steps raised, or, to every request of the group, what the database raised at the
        commit: none of them is booked then.
        """
        loop = asyncio.get_running_loop()
        if not self._group:
            loop.call_soon(self._turn)
        answered: asyncio.Future[Outcome] = loop.create_future()
        self._group.append(_Member(steps, answered))
        return answered

    def _turn(self) -> None:
        group, self._group = self._group, []
        try:
            with self._ledger.transaction():
                for _ in ("admitted", "booked"):
                    for member in group:
                        member.go_on()
        except apsw.Error as error:
            for member in group:
                member.fail(error)
        for member in group:
            member.finish()
