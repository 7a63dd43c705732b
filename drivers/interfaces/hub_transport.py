"""One request to a server behind the counter (hub or e-certificate centre) and one answer.

The two failure types are the heart of the money path: *nothing happened* and *nobody knows* must never be mixed.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class NotSent(Exception):
    """Proved not sent: zero bytes of the request were handed to the kernel (refused, no route, name not found, TLS refused).

    The far side cannot have acted. `reason` is a short machine word (`refused`, `unreachable`, `name`, `tls`, `connect_timeout`,
    `no_path` = the path leads to another server).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoAnswer(Exception):
    """Some, all or none of the request may have arrived, and no whole answer came: the third outcome.

    `reason` is a short machine word (`timeout`, `disconnected`, `too_large`, `broken`).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RawAnswer(msgspec.Struct, frozen=True):
    """Whatever came back, unjudged: it proves nothing until its signature has been verified."""

    status: int
    body: bytes
    content_type: str


class HubTransport(Protocol):
    """Posts to one server. Never retries, never follows redirects, never uses a proxy from the environment."""

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """Send once and return the whole answer (at most 4 MiB after decoding). Raises `NotSent` or `NoAnswer`, nothing else."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
