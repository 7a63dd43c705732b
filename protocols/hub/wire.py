"""JSON of the hub to typed values and back.

Three rules hold for every field of every message and are applied here, once:

* **Absent is absent.** JSON null, an empty string and the text "null" all mean that the field is not there
  (national interface, character rules; decision K18). Such members are dropped before a message is typed, so a field
  has its default, or, when it is required, its absence is an error.
* **Numbers are exact.** A fraction stays text until the field's own type (`Fen`, `Price`, ...) reads it.
* **No ambiguity.** A member that occurs twice, a lone surrogate, NaN, bytes that are not UTF-8 or bytes after the
  value are refused: two readers of one message must never see two different messages.

Members we do not know are ignored: provinces add their own.
"""

import json
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from protocols.errors import MalformedMessage, MoneyError
from protocols.money import Count, Decimals, Scaled
from protocols.secret import Secret

Message = TypeVar("Message")


class _Refused(ValueError):
    """Raised inside the JSON reader for what Python would let pass."""


def _present(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused("a member occurs twice")
    for name, value in pairs:
        if value is None or value == "" or value == "null":
            del members[name]
    return members


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise _Refused("a member occurs twice")


def _constant(_: str) -> NoReturn:
    raise _Refused("NaN and Infinity are not numbers of JSON")


def _skip(_: str) -> None:
    return None


_READER: Final = json.JSONDecoder(object_pairs_hook=_present, parse_float=Decimals, parse_constant=_constant)
_CHECKER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_skip, parse_int=_skip, parse_constant=_constant
)


def read_json(data: bytes) -> Any:
    """Read one JSON value with absent members dropped and fractions kept as `Decimals`.

    Raises `MalformedMessage`; for messages whose shape is not fixed (use `decode` for all others).
    """
    return _read(_READER, data)


def check_json(data: bytes) -> None:
    """Refuse everything that is not exactly one unambiguous JSON value in UTF-8; raises `MalformedMessage`."""
    _read(_CHECKER, data)


def _read(reader: json.JSONDecoder, data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessage("not UTF-8") from None
    try:
        value = reader.decode(text)
        if "\\u" in text:
            # The standard reader lets half a surrogate pair through, which no UTF-8 text can hold.
            msgspec.json.decode(data)
    except json.JSONDecodeError as error:
        raise MalformedMessage(f"not JSON (character {error.pos})") from None
    except _Refused as refused:
        raise MalformedMessage(str(refused)) from None
    except RecursionError:
        raise MalformedMessage("nested too deeply") from None
    except (ValueError, msgspec.DecodeError):
        raise MalformedMessage("not JSON") from None
    return value


def decode(data: bytes, type_: type[Message]) -> Message:
    """Read the raw bytes of one JSON value (an `input`, an `output`) as a message type.

    Nothing at all (b"") and `null` are read as an object without members: answers without nodes come as either.
    Raises `MalformedMessage` with the path of the offending member.
    """
    tree = _read(_READER, data) if data else None
    return convert({} if tree is None else tree, type_)


def convert(tree: Any, type_: type[Message]) -> Message:
    """Type a value of `read_json`; raises `MalformedMessage`.

    A bare list where an object with `data` is expected is its rows (decision K20c). No other message is read from one:
    its own rows would be taken for none.
    """
    if isinstance(tree, list) and _has_data(type_):
        tree = {"data": tree}
    try:
        return msgspec.convert(tree, type_, dec_hook=_decode_field)
    except msgspec.ValidationError as error:
        reason, where = _explain(str(error))
        raise MalformedMessage(reason, where) from None


def _has_data(type_: Any) -> bool:
    if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)):
        return False
    return any(member.encode_name == "data" for member in msgspec.structs.fields(type_))


def encode(message: msgspec.Struct) -> bytes:
    """Write a message as compact JSON, UTF-8, members in the order of the published tables."""
    return _ENCODER.encode(message)


def _encode_field(value: Any) -> Any:
    if isinstance(value, Scaled):
        return msgspec.Raw(value.wire_text().encode("ascii"))
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} has no wire form")


def _decode_field(type_: type, value: Any) -> Any:
    if issubclass(type_, Scaled | Count):
        return type_.parse(value)
    if issubclass(type_, Secret) and isinstance(value, str):
        return type_(value)
    raise MoneyError("wrong kind of value")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_encode_field)


def _explain(text: str) -> tuple[str, str]:
    """Split the validator's text into reason and path, and drop a reason that would repeat a received value."""
    reason, _, where = text.partition(" - at ")
    if reason.startswith("Invalid"):
        reason = "not one of the known values"
    return reason, where.strip("`")
