"""The PC/SC calls we use, typed: the only module that imports `smartcard.scard`.

Every call returns its value or raises `PcscFailure` with the code. Two habits of the library below are tamed here:
when a call fails, the values it returns beside the code are uninitialised memory (for a transmit some 64 KiB that
begin with the previous answer), so they are dropped unread; and wrong handles or arguments raise SystemError or
TypeError instead of giving a code.

All calls block. A context and its handles belong to the thread that made them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NewType

import msgspec
import smartcard.scard as native

_RAISED: Final = (SystemError, TypeError, ValueError, OverflowError, native.error)
_PCI_T0: Final = native.SCARD_PCI_T0
_PCI_T1: Final = native.SCARD_PCI_T1
_PROTOCOL_T1: Final = native.SCARD_PROTOCOL_T1

Context = NewType("Context", int)
Handle = NewType("Handle", int)

PNP: Final = "\\\\?PnP?\\Notification"
"""Pseudo-reader whose state changes when a reader comes or goes."""

INTERNAL_ERROR: Final = 0x80100001
CANCELLED: Final = 0x80100002
INVALID_HANDLE: Final = 0x80100003
UNKNOWN_READER: Final = 0x80100009
TIMEOUT: Final = 0x8010000A
SHARING_VIOLATION: Final = 0x8010000B
NO_SMARTCARD: Final = 0x8010000C
PROTO_MISMATCH: Final = 0x8010000F
NOT_READY: Final = 0x80100010
COMM_ERROR: Final = 0x80100013
NOT_TRANSACTED: Final = 0x80100016
READER_UNAVAILABLE: Final = 0x80100017
NO_SERVICE: Final = 0x8010001D
SERVICE_STOPPED: Final = 0x8010001E
NO_READERS_AVAILABLE: Final = 0x8010002E
UNRESPONSIVE_CARD: Final = 0x80100066
UNPOWERED_CARD: Final = 0x80100067
RESET_CARD: Final = 0x80100068
REMOVED_CARD: Final = 0x80100069
SECURITY_VIOLATION: Final = 0x8010006A

STATE_CHANGED: Final = 0x0002
STATE_PRESENT: Final = 0x0020
STATE_MUTE: Final = 0x0200


class PcscFailure(Exception):
    """A PC/SC call that did not succeed; `code` is the 32-bit result."""

    def __init__(self, call: str, code: int) -> None:
        self.call = call
        self.code = code
        super().__init__(f"{call}: {code:08X}")


class Seen(msgspec.Struct, frozen=True):
    """State of one reader after a wait; `event_count` counts insertions and removals (16 bits, as the service does)."""

    reader: str
    flags: int
    atr: bytes

    @property
    def event_count(self) -> int:
        """High 16 bits of the state."""
        return self.flags >> 16

    @property
    def present(self) -> bool:
        """A card is in the reader, mute or not."""
        return bool(self.flags & STATE_PRESENT)


def _call(function: Callable[..., Any], *arguments: object) -> Any:
    """Call the library and return what stands beside the code; raises PcscFailure."""
    try:
        answer = function(*arguments)
    except _RAISED:
        raise PcscFailure(function.__name__, INTERNAL_ERROR) from None
    code, *values = answer if isinstance(answer, (list, tuple)) else (answer,)
    if code != 0:
        raise PcscFailure(function.__name__, code & 0xFFFFFFFF)
    return values


def establish() -> Context:
    """Open a context; needs the service."""
    (context,) = _call(native.SCardEstablishContext, native.SCARD_SCOPE_USER)
    return Context(context)


def release(context: Context) -> None:
    """Close a context, which also gives back the descriptor of a service that died."""
    _call(native.SCardReleaseContext, context)


def list_readers(context: Context) -> tuple[str, ...]:
    """Return the names of all readers; no reader at all is an empty tuple."""
    try:
        (names,) = _call(native.SCardListReaders, context, [])
    except PcscFailure as failure:
        if failure.code == NO_READERS_AVAILABLE:
            return ()
        raise
    return tuple(names)


def wait_change(
    context: Context, timeout_ms: int, known: Sequence[tuple[str, int]]
) -> tuple[Seen, ...] | None:
    """Wait until a reader differs from the flags we know (0 = unaware: return at once); None after the time."""
    try:
        (states,) = _call(native.SCardGetStatusChange, context, timeout_ms, list(known))
    except PcscFailure as failure:
        if failure.code == TIMEOUT:
            return None
        raise
    return tuple(Seen(name, flags & ~STATE_CHANGED, bytes(atr)) for name, flags, atr in states)


def connect(context: Context, reader: str) -> tuple[Handle, int]:
    """Connect shared, T=0 or T=1 as the card likes; returns the handle and the protocol. May block without limit."""
    protocols = native.SCARD_PROTOCOL_T0 | native.SCARD_PROTOCOL_T1
    handle, protocol = _call(native.SCardConnect, context, reader, native.SCARD_SHARE_SHARED, protocols)
    return Handle(handle), protocol


def reconnect(handle: Handle) -> int:
    """Accept that somebody else has reset the card; returns the protocol."""
    protocols = native.SCARD_PROTOCOL_T0 | native.SCARD_PROTOCOL_T1
    (protocol,) = _call(
        native.SCardReconnect, handle, native.SCARD_SHARE_SHARED, protocols, native.SCARD_LEAVE_CARD
    )
    return int(protocol)


def begin(handle: Handle) -> None:
    """Keep every other program away from the card; waits without limit while another one does so."""
    _call(native.SCardBeginTransaction, handle)


def end_with_reset(handle: Handle) -> None:
    """Let others at the card again, after a reset: no security state survives."""
    _call(native.SCardEndTransaction, handle, native.SCARD_RESET_CARD)


def disconnect(handle: Handle) -> None:
    """Give the handle back and leave the card as it is."""
    _call(native.SCardDisconnect, handle, native.SCARD_LEAVE_CARD)


def transmit(handle: Handle, protocol: int, command: bytes) -> bytes:
    """Send one APDU. An answer of fewer than two bytes means that the card went away while it was executing."""
    # Not through _call: this is the one call that is made many times per dialogue.
    try:
        code, answer = native.SCardTransmit(
            handle, _PCI_T1 if protocol == _PROTOCOL_T1 else _PCI_T0, list(command)
        )
    except _RAISED:
        raise PcscFailure("SCardTransmit", INTERNAL_ERROR) from None
    if code != 0:
        raise PcscFailure("SCardTransmit", code & 0xFFFFFFFF)
    return bytes(answer)
