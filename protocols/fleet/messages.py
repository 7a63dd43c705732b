"""Payloads of the fleet channel but for commands: JSON, times as RFC 3339 with their zone, ids ours or the fleet's.

A receiver ignores members it does not know, so that either side may be newer. A sender may send anything twice (QoS 1,
an outbox that is emptied only on the far side's own word): every message that matters carries an id, and receivers
take the second of the same id for the first.
"""

import datetime as dt
import enum
from typing import Annotated, Final, TypeVar

import msgspec

from protocols.errors import MalformedMessage

MAX_PAYLOAD_BYTES: Final = 16 * 1024
MAX_ACKNOWLEDGED: Final = 100
MAX_TEXT: Final = 500

Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
Id = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z_-]{1,80}$")]
"""Our own or the fleet's; never made of anything that belongs to a person."""
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Word = Annotated[str, msgspec.Meta(max_length=80)]
Count = Annotated[int, msgspec.Meta(ge=0)]

_ANCHOR_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}\+08:00$"

Message = TypeVar("Message", bound=msgspec.Struct)


class PresenceState(enum.StrEnum):
    """Whether the terminal is connected."""

    ONLINE = "online"
    OFFLINE = "offline"


class Presence(msgspec.Struct, frozen=True):
    """Whether a terminal is there; retained. The broker publishes the offline one for a terminal that vanishes."""

    state: PresenceState
    connected_at: Moment
    """When this connection was made."""
    stopped_at: Moment | None
    """When it said goodbye; null while online, and for a terminal that vanished: then the time of arrival tells."""
    version: Word
    boot_id: Id
    """New at every start of the service; a command names the one it is meant for."""


class DeviceHealth(msgspec.Struct, frozen=True):
    """One device of the counter."""

    name: Word
    state: Word
    reason: Text
    """A word or address for the technician; empty when all is well."""


class DoubtAges(msgspec.Struct, frozen=True):
    """How many settlements have an open outcome, by how long."""

    under_2_min: Count
    under_1_h: Count
    under_24_h: Count
    over_24_h: Count
    oldest_s: Count


class QueueLength(msgspec.Struct, frozen=True):
    """What waits in the terminal's outbox."""

    telemetry: Count
    evidence: Count
    oldest_s: Count


class CertificateDays(msgspec.Struct, frozen=True):
    """How long a certificate is still valid."""

    name: Word
    days: int
    """Whole days; negative once it has expired."""


class Health(msgspec.Struct, frozen=True):
    """How the counter is doing; retained, on an interval and on every change of phase, devices, doubts, sign-in."""

    at: Moment
    boot_id: Id
    phase: Word
    sign_in: Word
    devices: tuple[DeviceHealth, ...]
    doubts: DoubtAges
    queue: QueueLength
    versions: dict[str, str]
    """Program and the libraries that a fault may depend on."""
    certificates: tuple[CertificateDays, ...]
    disk_free_mb: Count
    """Free space where the journal lies."""
    clock_offset_ms: int | None
    """Clock of the fleet server minus ours; null until one of its answers came back quickly enough to tell."""
    refused_commands: Count
    """Orders refused since the start: unsigned, repeated, expired, not for this terminal."""


class Anchor(msgspec.Struct, frozen=True, tag="anchor"):
    """The head of the audit chain, signed, put where the terminal's owner cannot change it (abuse cases T29, T30)."""

    records: Annotated[int, msgspec.Meta(ge=1)]
    """Number of audit records, which is the sequence number of the newest."""
    head: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """SM3 of the newest record, hexadecimal."""
    at: Annotated[str, msgspec.Meta(pattern=_ANCHOR_TIME)]
    """When it was made, RFC 3339 in UTC+8 with microseconds; a text, because the text is signed."""
    boot_id: Id
    """Which start of the service made it."""
    key_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    """First 16 hexadecimal digits of the SM3 of the audit key's public point."""
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]
    """SM2 with SM3 under the audit key, r || s, hexadecimal, over `signed_bytes`."""

    def signed_bytes(self, terminal: str) -> bytes:
        """What the signature covers: six lines, each ended by a line feed."""
        lines = ("yibao anchor 1", terminal, str(self.records), self.head, self.at, self.boot_id)
        return "".join(f"{line}\n" for line in lines).encode()


class AnchorEcho(msgspec.Struct, frozen=True):
    """The newest anchor the fleet has of a terminal, given back; retained, so that a terminal hears it at its start."""

    anchor: Anchor


class Alarm(msgspec.Struct, frozen=True, tag="alarm"):
    """Something at the counter that needs a person."""

    code: Word
    """Message code of the terminal's catalogue."""
    settlement: Word
    """The terminal's own random id of the settlement; empty when it is about none."""


class Evidence(msgspec.Struct, frozen=True):
    """Something that must reach the fleet; kept in the terminal until the fleet's own acknowledgement."""

    id: Id
    at: Moment
    boot_id: Id
    content: Anchor | Alarm


class EvidenceAck(msgspec.Struct, frozen=True):
    """The fleet has these on its own disk; only this removes them from the terminal."""

    ids: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=MAX_ACKNOWLEDGED)]
    at: Moment
    """The fleet's clock."""


class CatalogueChanged(msgspec.Struct, frozen=True, tag="catalogue_changed"):
    """The hub publishes a newer catalogue."""

    catalogue: Word
    version: Word


class MaintenanceWindow(msgspec.Struct, frozen=True, tag="maintenance"):
    """The hub will not answer in this time."""

    starts_at: Moment
    ends_at: Moment


class OperatorMessage(msgspec.Struct, frozen=True, tag="message"):
    """A text for the people at the counter."""

    text: Text


class FleetNotice(msgspec.Struct, frozen=True):
    """Something the hub or the fleet wants known at the counter; changes nothing there by itself."""

    id: Id
    at: Moment
    expires_at: Moment | None
    """Not shown any more after this; null = always."""
    content: CatalogueChanged | MaintenanceWindow | OperatorMessage


class NoticeOutcome(enum.StrEnum):
    """What became of a notice."""

    SHOWN = "shown"
    EXPIRED = "expired"


class NoticeAck(msgspec.Struct, frozen=True):
    """The terminal has shown a notice, or thrown it away; sent again for a notice that comes again."""

    id: Id
    outcome: NoticeOutcome
    at: Moment


def encode(message: msgspec.Struct) -> bytes:
    """Write a payload."""
    return msgspec.json.encode(message)


def decode(kind: type[Message], payload: bytes) -> Message:
    """Read a payload; raises `MalformedMessage`, which names the place and never the content."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MalformedMessage(f"longer than {MAX_PAYLOAD_BYTES} bytes")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as wrong:
        raise MalformedMessage(f"not a {kind.__name__}", _place(str(wrong))) from None


def _place(text: str) -> str:
    return text.rpartition(" - at `")[2].rstrip("`") if " - at `" in text else ""
