"""A message broker in this process: takes what the terminal publishes, acknowledges, says nothing by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.interfaces.fleet_transport import FleetConnection, FleetMessage
from tests.leaks.canary import Emissions


class MemoryBroker:
    """Implements `FleetTransport` for one session; every topic and payload is kept as emitted."""

    def __init__(self, emissions: Emissions) -> None:
        self._emissions = emissions
        self.published: list[str] = []
        """Topics in the order of publishing."""
        self.inbox: asyncio.Queue[FleetMessage] = asyncio.Queue()

    @asynccontextmanager
    async def connect(self, will: FleetMessage | None = None) -> AsyncIterator[FleetConnection]:
        """See `FleetTransport`."""
        if will is not None:
            self._keep(will.topic, will.payload)
        yield self

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See `FleetConnection`."""
        self._keep(topic, payload)

    async def messages(self) -> AsyncIterator[FleetMessage]:
        """See `FleetConnection`."""
        while True:
            yield await self.inbox.get()

    def _keep(self, topic: str, payload: bytes) -> None:
        self.published.append(topic)
        self._emissions.add("mqtt", topic)
        self._emissions.add("mqtt", payload)
