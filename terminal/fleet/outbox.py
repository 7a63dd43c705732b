"""Empties the journal's outbox over one connection.

Telemetry leaves the outbox when the broker has acknowledged it, evidence when the fleet server has. Evidence that
stays without an answer is sent again: the server may have been away, the broker may have lost it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from drivers.interfaces.clock import Clock
from drivers.interfaces.fleet_transport import FleetConnection
from protocols.fleet.messages import EvidenceAck
from protocols.fleet.topics import CHANNELS, Channel
from terminal.journal.outbox import OutboxRow
from terminal.journal.thread import JournalPort

AGAIN_EVERY_S: Final = 60.0
"""When unanswered evidence is sent again."""
PROMPT_S: Final = 2.0
"""An answer within this time tells the fleet's clock well enough."""
_CHANNELS: Final = {channel.name: channel for channel in CHANNELS}


class OutboxPump:
    """Keeps the state that outlives a connection: what was sent when, and the fleet's clock."""

    def __init__(
        self, terminal: str, journal: JournalPort, clock: Clock, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._terminal = terminal
        self._journal = journal
        self._clock = clock
        self._sleep = sleep
        self._grown = asyncio.Event()
        self._sent_s: dict[str, float] = {}
        self.clock_offset_s: float | None = None
        """Clock of the fleet minus ours, from the newest prompt answer."""

    def wake(self) -> None:
        """There may be something new in the outbox."""
        self._grown.set()

    async def run(self, connection: FleetConnection) -> None:
        """Send what waits and what comes, for ever; ends with `FleetUnavailable`."""
        self._sent_s.clear()
        after = 0
        while True:
            self._grown.clear()
            after = await self._send_rest(connection, after)
            await self._grown.wait()
            if self._unanswered_for_s() >= AGAIN_EVERY_S:
                self._sent_s.clear()
                after = 0

    async def remind(self) -> None:
        """Wake `run` now and then, for evidence that stays without an answer; runs beside it."""
        while True:
            await self._sleep(AGAIN_EVERY_S)
            self.wake()

    async def _send_rest(self, connection: FleetConnection, after: int) -> int:
        """Send every row behind number `after`; return the last number."""
        while (row := await self._first_behind(after)) is not None:
            await self._send(connection, row)
            after = row.number
        return after

    async def _first_behind(self, number: int) -> OutboxRow | None:
        return await self._journal.call(lambda journal: journal.outbox.next(number))

    async def _send(self, connection: FleetConnection, row: OutboxRow) -> None:
        channel: Channel = _CHANNELS[row.channel]
        if row.kind == "evidence":
            self._sent_s[row.message_id] = self._clock.monotonic_s()
        await connection.publish(channel.topic(self._terminal), row.payload, retain=channel.retained)
        if row.kind == "telemetry":
            await self._journal.call(lambda journal: journal.outbox.remove((row.message_id,)))

    def _unanswered_for_s(self) -> float:
        return self._clock.monotonic_s() - min(self._sent_s.values(), default=self._clock.monotonic_s())

    async def acknowledged(self, answer: EvidenceAck) -> None:
        """The fleet has these: they leave the outbox."""
        await self._journal.call(lambda journal: journal.outbox.remove(answer.ids))
        now_s = self._clock.monotonic_s()
        for message_id in answer.ids:
            sent_s = self._sent_s.pop(message_id, None)
            if sent_s is not None and now_s - sent_s <= PROMPT_S:
                half_way = (now_s - sent_s) / 2
                self.clock_offset_s = (answer.at - self._clock.now()).total_seconds() + half_way
