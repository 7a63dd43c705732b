"""Just enough of pcscd's own client protocol to ask one question: which readers do you have, and with which cards?

The PC/SC library reads the socket's name once per process, so it cannot be asked about several services in turn; and a
socket that accepts is not yet a service with readers. Messages of pcsc-lite (protocol 4.4, native byte order): a header
of size and command, then the structure itself, which the service sends back filled in.
"""

import asyncio
import struct
from pathlib import Path
from typing import Final

import msgspec

_VERSION: Final = 0x11
_READER_STATES: Final = 0x12
_PROTOCOL: Final = (4, 4)
_HEADER: Final = struct.Struct("=II")
_VERSION_BODY: Final = struct.Struct("=iiI")
_SLOTS: Final = 16
# One slot: name 128, event counter 4, state 4, sharing 4, ATR 33 and 3 fill bytes, its length 4, protocol 4.
_STATE_BYTES: Final = 184

_NAME_BYTES: Final = 128
_COUNT: Final = struct.Struct("=I")
_COUNT_AT: Final = 128
_ATR_AT: Final = 140
_ATR_LENGTH_AT: Final = 176


class NotAnswering(Exception):
    """No service behind the socket, or one that does not answer as pcscd does."""


class ReaderState(msgspec.Struct, frozen=True):
    """One reader as the service sees it."""

    name: str
    atr: bytes
    """Of the card in it; empty without a card, and with a mute one."""
    event_count: int
    """Insertions and removals since the service started."""


async def reader_names(socket_path: Path, timeout_s: float = 1.0) -> tuple[str, ...]:
    """Return the names of the readers this service has; raises NotAnswering."""
    return tuple(state.name for state in await reader_states(socket_path, timeout_s))


async def reader_states(socket_path: Path, timeout_s: float = 1.0) -> tuple[ReaderState, ...]:
    """Return the readers this service has, with their cards; raises NotAnswering."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _ask(socket_path)
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise NotAnswering(f"pcscd does not answer: {type(error).__name__}") from None


async def _ask(socket_path: Path) -> tuple[ReaderState, ...]:
    reader, writer = await asyncio.open_unix_connection(str(socket_path))
    try:
        writer.write(_HEADER.pack(_VERSION_BODY.size, _VERSION) + _VERSION_BODY.pack(*_PROTOCOL, 0))
        _, _, refused = _VERSION_BODY.unpack(await reader.readexactly(_VERSION_BODY.size))
        if refused:
            raise NotAnswering("pcscd speaks another version of its protocol")
        writer.write(_HEADER.pack(0, _READER_STATES))
        states = await reader.readexactly(_SLOTS * _STATE_BYTES)
    finally:
        writer.close()
        await writer.wait_closed()
    slots = (states[at : at + _STATE_BYTES] for at in range(0, len(states), _STATE_BYTES))
    return tuple(_state(slot) for slot in slots if slot[0])


def _state(slot: bytes) -> ReaderState:
    name = slot[:_NAME_BYTES].split(b"\0", 1)[0].decode("utf-8", "replace")
    (length,) = _COUNT.unpack_from(slot, _ATR_LENGTH_AT)
    (events,) = _COUNT.unpack_from(slot, _COUNT_AT)
    return ReaderState(name, slot[_ATR_AT : _ATR_AT + length], events)
