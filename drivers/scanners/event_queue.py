"""The bounded queue between a scanner's driver task and the one consumer of its events."""

import asyncio
from collections import deque

from drivers.interfaces.scanner import Scan, ScanFault

CAPACITY = 64


class EventQueue:
    """Keeps the newest events. A person scans once a second; more than 64 unread ones are a flood or a dead consumer.

    The oldest is dropped first: an old scan is worth less than a new one, and a certificate code is worthless after a
    minute. The consumer learns of the gap by one `ScanFault("scan.dropped")` in its place.
    """

    def __init__(self) -> None:
        self._events: deque[Scan | ScanFault] = deque()
        self._dropped = False
        self._filled = asyncio.Event()

    def put(self, event: Scan | ScanFault) -> None:
        """Add an event, dropping the oldest when full. Never waits."""
        if len(self._events) == CAPACITY:
            self._events.popleft()
            self._dropped = True
        self._events.append(event)
        self._filled.set()

    async def get(self) -> Scan | ScanFault:
        """Wait for the next event. Cancelling it loses nothing."""
        while not self._events:
            self._filled.clear()
            await self._filled.wait()
        if self._dropped:
            self._dropped = False
            return ScanFault(kind="scan.dropped")
        return self._events.popleft()
