"""The channel to the fleet server: one broker connection at a time, made again by the application when it is lost."""

import enum
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec


class FleetProblem(enum.StrEnum):
    """Why there is no connection."""

    UNREACHABLE = "unreachable"
    """Nobody listens at the address, or no way leads there."""
    SILENT = "silent"
    """The broker does not answer in time."""
    LOST = "lost"
    """The connection ended."""
    BAD_CREDENTIALS = "bad_credentials"
    """The broker refused name or password."""
    NOT_AUTHORISED = "not_authorised"
    """The broker knows us but its access rules do not let us publish or subscribe."""
    IDENTIFIER_REJECTED = "identifier_rejected"
    """The broker does not take our client id, or has banned it."""
    PROTOCOL = "protocol"
    """The broker does not speak the configured version of MQTT."""
    TAKEN_OVER = "taken_over"
    """Somebody else connected under our name: two terminals with one identity (abuse case T28)."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    """The broker's certificate is out of its dates, or this machine's clock is."""
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    """The broker's certificate is not from the configured authority."""
    CERTIFICATE_NAME = "certificate_name"
    """The broker's certificate is for another name."""
    OWN_CERTIFICATE_EXPIRED = "own_certificate_expired"
    """This terminal's certificate is out of its dates; nothing was sent."""
    TLS = "tls"
    """No TLS connection could be made, for another reason."""
    FILES = "files"
    """Password, certificate or authority file cannot be read."""

    @property
    def permanent(self) -> bool:
        """A person must change something before it can work: alarm, and no fast series of tries."""
        return self not in (FleetProblem.UNREACHABLE, FleetProblem.SILENT, FleetProblem.LOST)


class FleetUnavailable(Exception):
    """Not connected now; of a message in flight nobody knows whether it arrived. `detail` is for the technician."""

    def __init__(self, problem: FleetProblem, detail: str = "") -> None:
        super().__init__(f"{problem}: {detail}" if detail else problem.value)
        self.problem = problem
        self.detail = detail


class FleetMessage(msgspec.Struct, frozen=True):
    """One message received."""

    topic: str
    payload: bytes
    retained: bool = False
    """The broker had kept it for whoever subscribes; it may be of any age and from a lost session."""


class FleetConnection(Protocol):
    """One connection while it lasts; subscribed before it is handed out."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1 and return once the broker has acknowledged; raises `FleetUnavailable`.

        The broker's acknowledgement is no proof that anybody got it: a broker that is killed forgets what it had
        acknowledged.
        """
        ...

    def messages(self) -> AsyncIterator[FleetMessage]:
        """Yield what arrives; ends with `FleetUnavailable` when the connection is lost. One reader only.

        A reader that is too slow loses the newest messages: the sender repeats what is not answered.
        """
        ...


class FleetTransport(Protocol):
    """One of the terminal's two sessions (evidence: persistent; commands: clean)."""

    def connect(self, will: FleetMessage | None = None) -> AbstractAsyncContextManager[FleetConnection]:
        """Connect once, subscribe, and hand the connection out; raises `FleetUnavailable`.

        Leaving the block says goodbye, so that the broker keeps `will` to itself; it publishes `will` (retained as it
        says) when the connection ends in any other way. One connection at a time.
        """
        ...
