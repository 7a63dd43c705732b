"""The channel to the fleet server: presence, evidence, notices, commands."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class FleetUnavailable(Exception):
    """Not connected now; nothing was accepted. `reason`: `unreachable`, `bad_credentials`, `not_authorised`, `tls`, `lost`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FleetMessage(msgspec.Struct, frozen=True):
    """One message received."""

    topic: str
    payload: bytes
    retained: bool


class FleetTransport(Protocol):
    """One broker connection; the application keeps two (evidence: persistent session; commands: clean session)."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1 and return once the broker has acknowledged; raises `FleetUnavailable`."""
        ...

    def messages(self) -> AsyncIterator[FleetMessage]:
        """Yield messages of the subscribed topics; ends with `FleetUnavailable` when the connection is lost."""
        ...
