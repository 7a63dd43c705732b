"""Commands of the fleet to one terminal: a closed list with typed arguments, signed, short-lived, at most once.

What is signed (SM2 with SM3, signer id 1234567812345678, r || s in Base64): the line `yibao fleet command 1`, a line
feed, and the UTF-8 bytes of `body` as they stand in the envelope. The body is JSON inside a JSON string, so that no
re-serialising stands between what was signed and what is checked.

The body names the terminal and its boot id, so that an order for one terminal is worth nothing at another, and one
that was given before a restart nothing after it: what this process has executed it remembers, what another process
executed it refuses. With the short life that makes "at most once" without a disk (fault F67, abuse cases T25, T42).
"""

import base64
import binascii
import enum
from typing import Annotated, Final

import msgspec

from protocols.errors import MalformedMessage
from protocols.fleet.messages import MAX_PAYLOAD_BYTES, Id, Moment, Text, Word, decode

MAX_LIFE_S: Final = 600
"""A command lives ten minutes at most; what would live longer is refused."""
MAX_AHEAD_S: Final = 120
"""How far the fleet's clock may be before ours."""
_SIGNED_PREFIX: Final = b"yibao fleet command 1\n"


class Ping(msgspec.Struct, frozen=True, tag="ping", forbid_unknown_fields=True):
    """Answer."""


class RefreshCatalogue(msgspec.Struct, frozen=True, tag="refresh_catalogue", forbid_unknown_fields=True):
    """Fetch the hub's catalogue now."""


class ShowMessage(msgspec.Struct, frozen=True, tag="show_message", forbid_unknown_fields=True):
    """Show a text to the people at the counter."""

    text: Text


Order = Ping | RefreshCatalogue | ShowMessage


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One order; the body of the envelope."""

    id: Id
    terminal: Word
    """The terminal id it is for."""
    boot_id: Id
    """The start of the service it is for, from the terminal's presence."""
    issued_at: Moment
    expires_at: Moment
    order: Order


class SignedCommand(msgspec.Struct, frozen=True):
    """The envelope of an order."""

    body: Annotated[str, msgspec.Meta(max_length=MAX_PAYLOAD_BYTES)]
    """JSON of a Command, exactly as signed."""
    signature: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """Base64 of r || s, 64 bytes, by the fleet's key; without one nothing is executed."""

    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return _SIGNED_PREFIX + self.body.encode()

    def signature_bytes(self) -> bytes:
        """The decoded signature; empty when it is missing or not Base64."""
        try:
            return base64.b64decode(self.signature, validate=True)
        except (binascii.Error, ValueError):
            return b""

    def command(self) -> Command:
        """Read the body; raises `MalformedMessage`."""
        return decode(Command, self.body.encode())


class CommandOutcome(enum.StrEnum):
    """What became of an order."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class CommandResult(msgspec.Struct, frozen=True):
    """The terminal's word on an order; sent only for orders with a good signature."""

    id: Id
    outcome: CommandOutcome
    reason: Word
    """Empty when done, else a word: `repeated`, `expired`, `too_early`, `too_long_lived`, `other_terminal`,
    `other_boot`, `retained`, `not_available`, `not_fetched`."""
    at: Moment


def unsigned(command: Command) -> SignedCommand:
    """Put an order into its envelope, for the fleet to sign `signed_bytes()` and add the signature."""
    return SignedCommand(msgspec.json.encode(command).decode())


def with_signature(envelope: SignedCommand, signature: bytes) -> SignedCommand:
    """Add the signature (r || s, 64 bytes)."""
    if len(signature) != 64:
        raise MalformedMessage("a signature has 64 bytes")
    return msgspec.structs.replace(envelope, signature=base64.b64encode(signature).decode())
