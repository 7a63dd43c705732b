"""Message ids that never repeat, whatever happens to the process, the clock or the till next door.

An id is institution (12) + second (14) + terminal slot (2) + counter (2), decision K11. The slot is given at enrolment,
so two terminals of one institution can never meet. The seconds are reserved on disk in blocks before the first id of a
block is used; after a restart the first id takes a second behind the last reserved one. So the time inside an id may
run ahead of the clock by at most one block for each restart, and never goes back. When a second is full (100 ids) the next
id takes the next second and waits until the clock gets there.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

from drivers.interfaces.clock import Clock
from protocols.hub.envelope import message_id
from terminal.journal.thread import JournalPort

BLOCK_S = 5
"""Seconds reserved at once: one commit every five seconds of trade, five seconds of drift per restart."""
_SECOND = dt.timedelta(seconds=1)
COUNTERS = 100


class MessageIds:
    """Hands out message ids for one terminal slot; one caller at a time is let through."""

    def __init__(
        self,
        institution: str,
        slot: int,
        clock: Clock,
        journal: JournalPort,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._institution = institution
        self._slot = slot
        self._clock = clock
        self._journal = journal
        self._sleep = sleep
        self._second: dt.datetime | None = None
        self._counter = 0
        self._reserved_until: dt.datetime | None = None
        self._turn = asyncio.Lock()

    async def next(self) -> str:
        """Return the next id; its second is reserved on disk before this returns."""
        async with self._turn:
            now = self._clock.now().replace(microsecond=0)
            second = self._second
            if second is None or now > second:
                second = await self._use(now)
            elif self._counter >= COUNTERS:
                second = await self._use(second + _SECOND)
                await self._wait_for(second)
            counter = self._counter
            self._counter += 1
            return message_id(self._institution, second, self._slot, counter)

    async def _use(self, second: dt.datetime) -> dt.datetime:
        """Begin a second that no id has carried yet, reserved on disk; may be a later one than asked for."""
        if self._reserved_until is None or second > self._reserved_until:
            before = await self._reserve(second)
            if before >= second:
                second = before + _SECOND
                await self._reserve(second)
        self._second, self._counter = second, 0
        return second

    async def _reserve(self, second: dt.datetime) -> dt.datetime:
        """Reserve a block that starts with `second`; return the last second reserved before."""
        until = second + (BLOCK_S - 1) * _SECOND
        before = await self._journal.call(lambda journal: journal.reserve_message_numbers(until))
        self._reserved_until = max(until, before)
        return before

    async def _wait_for(self, second: dt.datetime) -> None:
        """Wait until the clock gets there; after a clock that jumped back one second is enough to spread a flood."""
        ahead_s = (second - self._clock.now()).total_seconds()
        if ahead_s > 0:
            await self._sleep(min(ahead_s, 1.0))
