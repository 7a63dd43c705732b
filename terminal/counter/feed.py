"""What happened at the counter, numbered, for whoever follows it: a till's screen, the fleet."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import msgspec

from terminal.core.values import Notice

FEED_LENGTH = 500
"""How many entries somebody who was away can catch up with."""


class FeedEntry(msgspec.Struct, frozen=True):
    """Something that happened, for whoever follows the counter."""

    number: int
    settlement_id: str
    state: str
    notice: Notice | None


class Feed:
    """The newest entries, and a way to wait for the next."""

    def __init__(self) -> None:
        self._entries: deque[FeedEntry] = deque(maxlen=FEED_LENGTH)
        self._number = 0
        self._grew = asyncio.Event()

    @property
    def entries(self) -> tuple[FeedEntry, ...]:
        """What is still kept, oldest first."""
        return tuple(self._entries)

    def tell(self, settlement_id: str, state: str, notice: Notice | None) -> None:
        """Add an entry and wake whoever waits for it."""
        self._number += 1
        self._entries.append(FeedEntry(self._number, settlement_id, state, notice))
        grown, self._grew = self._grew, asyncio.Event()
        grown.set()

    def announce(self, notice: Notice) -> None:
        """Tell something that belongs to no settlement."""
        self.tell("", "", notice)

    async def follow(self, after: int) -> AsyncIterator[FeedEntry]:
        """Yield what happened after entry `after`, then everything new, for ever."""
        while True:
            for entry in [entry for entry in self._entries if entry.number > after]:
                after = entry.number
                yield entry
            grows = self._grew
            if not self._entries or self._entries[-1].number <= after:
                await grows.wait()
