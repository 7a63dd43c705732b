"""Is a server there? For the technician: no message of ours is sent, nobody's connection is used."""

import datetime as dt
from typing import Protocol

import msgspec


class Reached(msgspec.Struct, frozen=True):
    """How far we came; times in milliseconds, None for a part that was not reached or not needed."""

    address: str
    """host:port"""
    reason: str = ""
    """`name`, `refused`, `unreachable`, `tls`, `connect_timeout`, `timeout`, `broken`; empty when all parts were reached."""
    detail: str = ""
    """For the technician: what the TLS library says."""
    connect_ms: float | None = None
    tls_ms: float | None = None
    answer_ms: float | None = None
    status: int | None = None
    """HTTP status of the answer; any is good news here."""
    server_time: dt.datetime | None = None
    """The answer's own `Date`: whole seconds, not authenticated."""

    @property
    def ok(self) -> bool:
        """Every part was reached."""
        return not self.reason


class Reach(Protocol):
    """Connects to the server behind a URL and, for http and https, asks it one question that means nothing."""

    async def __call__(self, url: str, path: str = "/") -> Reached:
        """Never raises for what the network or the server does."""
        ...
