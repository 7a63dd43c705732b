"""Fan-out of presence changes, for whoever implements `CardReader.presence`."""

import asyncio
from collections.abc import AsyncGenerator

from drivers.interfaces.card_reader import CardPresence


class PresenceFeed:
    """Keeps the last state and hands every change to every subscriber; used on one event loop only."""

    def __init__(self) -> None:
        self.latest: CardPresence | None = None
        """None until something was seen for the first time."""
        self._subscribers: set[asyncio.Queue[CardPresence]] = set()

    def publish(self, presence: CardPresence) -> None:
        """Hand out a state; one that equals the last is no change."""
        if presence == self.latest:
            return
        self.latest = presence
        for queue in self._subscribers:
            queue.put_nowait(presence)

    async def subscribe(self) -> AsyncGenerator[CardPresence, None]:
        """Yield the present state as soon as there is one, then every change, for ever."""
        queue: asyncio.Queue[CardPresence] = asyncio.Queue()
        if self.latest is not None:
            queue.put_nowait(self.latest)
        self._subscribers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._subscribers.discard(queue)
