"""The clock of the reversal queue: says `Due` to every settlement whose next try has come.

The queue itself is in the journal and survives everything; this only keeps its deadlines, by the monotonic clock,
recomputed at start. Tries of one lane follow each other in order (the lane's conversation), different lanes overtake.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable

from drivers.interfaces.clock import Clock


class RetryClock:
    """Owns the deadlines; `run` is its only task."""

    def __init__(self, clock: Clock, say_due: Callable[[str], Awaitable[None]]) -> None:
        self._clock = clock
        self._say_due = say_due
        self._deadlines: list[tuple[float, int, str]] = []
        self._newest: dict[str, tuple[int, float]] = {}
        self._number = 0
        """Counts the deadlines: of two that are due together the one set first comes first."""
        self._changed = asyncio.Event()

    def schedule(self, settlement_id: str, delay_s: float) -> None:
        """Let the next try of a settlement be due after `delay_s`; replaces an earlier deadline of the same one."""
        due_s = self._clock.monotonic_s() + max(delay_s, 0.0)
        self._number += 1
        self._newest[settlement_id] = (self._number, due_s)
        heapq.heappush(self._deadlines, (due_s, self._number, settlement_id))
        self._changed.set()

    def hurry(self, settlement_ids: Iterable[str], delay_s: float = 0.0) -> None:
        """The network is back: these, in this order, are due after `delay_s` at the latest, if they wait for a try at all."""
        due_s = self._clock.monotonic_s() + delay_s
        for settlement_id in settlement_ids:
            if settlement_id in self._newest and self._newest[settlement_id][1] > due_s:
                self.schedule(settlement_id, delay_s)

    async def run(self) -> None:
        """Say due for ever; each say runs in a task of this group, so that lanes do not wait for each other."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for settlement_id in self._due_now():
                    group.create_task(self._say(settlement_id))
                await self._wait()

    async def _say(self, settlement_id: str) -> None:
        await self._say_due(settlement_id)

    def _due_now(self) -> list[str]:
        now_s = self._clock.monotonic_s()
        due = []
        while self._deadlines and self._deadlines[0][0] <= now_s:
            _, number, settlement_id = heapq.heappop(self._deadlines)
            if self._newest.get(settlement_id, (0, 0.0))[0] == number:
                del self._newest[settlement_id]
                due.append(settlement_id)
        return due

    async def _wait(self) -> None:
        pause_s = None
        if self._deadlines:
            pause_s = max(self._deadlines[0][0] - self._clock.monotonic_s(), 0.0)
        try:
            async with asyncio.timeout(pause_s):
                await self._changed.wait()
        except TimeoutError:
            return
