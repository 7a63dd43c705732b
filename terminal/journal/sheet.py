"""A settlement as bytes for the journal's encrypted sheet, and back.

What lives in memory only is left out: the scanned code, the medium with its token, the step in flight, and the request
bytes (they stand in the attempt row, once).
"""

from typing import Any

import msgspec

from protocols.money import Scaled
from protocols.secret import Secret
from terminal.core.values import Settlement

_replace = msgspec.structs.replace


def _encode_value(value: Any) -> Any:
    if isinstance(value, Scaled):
        return int(value)
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(type(value).__name__)


def _decode_value(type_: type, value: Any) -> Any:
    if issubclass(type_, (Scaled, Secret)):
        return type_(value)
    raise TypeError(type_.__name__)


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_value)
_DECODER = msgspec.msgpack.Decoder(Settlement, dec_hook=_decode_value)


def encode_sheet(settlement: Settlement) -> bytes:
    """Encode everything that must survive a restart."""
    attempt = settlement.attempt
    if attempt is not None:
        attempt = _replace(attempt, request=b"")
    return _ENCODER.encode(_replace(settlement, code=None, medium=None, running="", attempt=attempt))


def decode_sheet(sheet: bytes) -> Settlement:
    """Decode a sheet written by `encode_sheet`."""
    return _DECODER.decode(sheet)
