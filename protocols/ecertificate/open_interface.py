"""The signed and encrypted open interface (payment services, prescription circulation): one envelope, both directions.

`data` is encrypted (SM4-ECB-PKCS7, a key derived from appId and appSecret, hex) and signed (SM2 with SM3 over sorted
`name=value` pairs and the secret, raw r || s, Base64). The key of the encryption follows from what both sides know, so
only the signature protects what is said: `open_message` believes nothing before it has verified.

Published code bases differ in five points; `Style` has them, and reading accepts all but the signer id (PD-8).
No clock and no random number in here: signing is handed in.
"""

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NoReturn

import msgspec

from protocols.ecertificate import envelope, refusals
from protocols.errors import MalformedMessage, ProtocolError
from protocols.gm import sm2, sm4
from protocols.gm.errors import DecryptionFailed, InvalidKey
from protocols.hub import wire
from protocols.hub.profile_sections import Open
from protocols.secret import Secret
from protocols.wire_time import WIRE_ZONE

WINDOW_S: Final = 600
"""How far a time stamp may be from the reader's clock, either way (PD-8)."""

MAX_BYTES: Final = 1 << 20
"""A message longer than this is not read."""

_UNSIGNED: Final = frozenset({"signData", "encData", "extra"})
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_DIGITS: Final = re.compile(r"[0-9]{10}|[0-9]{13,14}")

Sign = Callable[[bytes, bytes], bytes]
"""(text, signer id) -> r || s, 64 bytes."""
Verify = Callable[[bytes, bytes, bytes], bool]
"""(text, r || s, signer id) -> whether the signature is the other side's."""


class OpenRefused(ProtocolError):
    """A message of the open interface that is not believed; `code` is one of ours (PD-6), the text names the place."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Access(msgspec.Struct, frozen=True):
    """What the centre gave an application."""

    app_id: str
    """32 characters; called `appCode` on the national web site."""
    app_secret: Secret


class Style(msgspec.Struct, frozen=True):
    """How one side writes; see the profile's table `[open]`."""

    user_id: Literal["app_secret", "default16"] = "app_secret"
    timestamp: Literal["ms", "s", "text"] = "ms"
    version: Literal["2.0.1", "1.0.0"] = "2.0.1"
    hex: Literal["upper", "lower"] = "upper"
    escape_unicode: bool = False

    def signer_id(self, access: Access) -> bytes:
        """The user id inside the SM2 digest."""
        if self.user_id == "default16":
            return sm2.DEFAULT_SIGNER_ID
        return access.app_secret.reveal().encode("utf-8")


class Opened(msgspec.Struct, frozen=True):
    """A message that was believed."""

    app_id: str
    sent_at: dt.datetime
    timestamp: str
    """As it was written."""
    version: str
    data: bytes
    """The plain data, JSON in UTF-8, sorted, without empty members."""
    signature: str
    code: int = 0
    """Of an answer; 0 = success."""
    message: str = ""


def style_of(keys: Open) -> Style:
    """The style a province profile asks for."""
    return Style(keys.user_id, keys.timestamp, keys.version, keys.hex, keys.escape_unicode)


# -- keys ------------------------------------------------------------------------------------------


def private_key(text: str) -> sm2.PrivateKey:
    """Load Base64 of the 32-byte number, also with a leading zero byte; raises `InvalidKey`."""
    scalar = _key_bytes(text)
    return sm2.PrivateKey.from_scalar(scalar[1:] if len(scalar) == 33 and scalar[0] == 0 else scalar)


def public_key(text: str) -> sm2.PublicKey:
    """Load Base64 of 04 || x || y; raises `InvalidKey`."""
    return sm2.PublicKey(_key_bytes(text))


def _key_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKey("not Base64") from None


# -- what is signed, what is encrypted ---------------------------------------------------------------


def text_to_sign(members: Mapping[str, Any], access: Access) -> str:
    """The signed text: sorted `name=value` pairs without signData, encData and extra, then the secret."""
    pairs = [
        f"{name}={value if isinstance(value, str) else canonical(value)}"
        for name, value in sorted(members.items())
        if name not in _UNSIGNED and not _is_empty(value)
    ]
    return "&".join([*pairs, f"key={access.app_secret.reveal()}"])


def canonical(value: Any) -> str:
    """Compact JSON with sorted members, empty ones (null and "") left out at every level, Chinese as it is."""
    if isinstance(value, Mapping):
        present = sorted((name, member) for name, member in value.items() if not _is_empty(member))
        return "{" + ",".join(f"{_quoted(name)}:{canonical(member)}" for name, member in present) + "}"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Sequence):
        return "[" + ",".join(canonical(member) for member in value) + "]"
    if isinstance(value, _Number):
        return value.text
    return json.dumps(value)


def data_key(access: Access) -> bytes:
    """The SM4 key: 16 characters of the secret's hex, itself encrypted under the first half of the appId."""
    first = sm4.ecb_pkcs7_encrypt(_first_key(access), access.app_secret.reveal().encode("utf-8"))
    return first.hex().upper()[:16].encode("ascii")


def encrypt(data: str, access: Access, style: Style) -> str:
    """`encData` of a JSON text."""
    plain = _escaped(data) if style.escape_unicode else data
    encrypted = sm4.ecb_pkcs7_encrypt(data_key(access), plain.encode("utf-8")).hex()
    return encrypted.upper() if style.hex == "upper" else encrypted


def decrypt(encrypted: str, access: Access) -> bytes:
    """Undo `encrypt`, either hex case; raises `OpenRefused` (990017)."""
    if _HEX.fullmatch(encrypted) is None:
        raise OpenRefused(refusals.CANNOT_DECRYPT, "encData is not hex")
    try:
        return sm4.ecb_pkcs7_decrypt(data_key(access), bytes.fromhex(encrypted))
    except DecryptionFailed as error:
        raise OpenRefused(refusals.CANNOT_DECRYPT, str(error)) from None


# -- messages --------------------------------------------------------------------------------------


def seal(
    data: bytes,
    at: dt.datetime,
    access: Access,
    style: Style,
    sign: Sign,
    *,
    code: int | None = None,
    message: str = "",
    extra: str = "",
) -> bytes:
    """Write one message around the JSON bytes of its data; `code` and `message` belong to answers; `extra` is not signed.

    An answer without data (b"") has no `encData`. Raises `MalformedMessage` when `data` is no JSON object.
    """
    content = _read(data) if data else {}
    if not isinstance(content, dict):
        raise MalformedMessage("not an object", "$.data")
    members: dict[str, Any] = {
        "appId": access.app_id,
        "encType": "SM4",
        "signType": "SM2",
        "timestamp": stamp(at, style.timestamp),
        "version": style.version,
    }
    if code is not None:
        members |= {"code": code, "message": message, "success": code == 0}
    signed = members | ({"data": content} if data else {})
    signature = sign(text_to_sign(signed, access).encode("utf-8"), style.signer_id(access))
    if data:
        members["encData"] = encrypt(canonical(content), access, style)
    if extra:
        members["extra"] = extra
    members["signData"] = base64.b64encode(signature).decode("ascii")
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def app_id_of(body: bytes) -> str:
    """Who a message says it is from, before anything is believed; raises `OpenRefused` (990009)."""
    return _text(_envelope(body), "appId", "appCode")


def open_message(
    body: bytes, access: Access, style: Style, verify: Verify, now: dt.datetime, window_s: int = WINDOW_S
) -> Opened:
    """Decrypt and verify one message, then look at its time. Of `style` only the signer id matters here.

    Raises `OpenRefused`: 990009 malformed or too long, 990016 wrong signature, 990017 cannot be decrypted, 990018 the
    time stamp is too far from `now`. Whether it was here before is for the caller, who remembers.
    """
    members = _envelope(body)
    if _text(members, "appId", "appCode") != access.app_id:
        raise OpenRefused(refusals.SIGNATURE_WRONG, "another application")
    for name, only in (("encType", "SM4"), ("signType", "SM2")):
        if _text(members, name) != only:
            raise OpenRefused(refusals.FIELD_MALFORMED, name)
    timestamp, signature = _timestamp(members), _text(members, "signData")
    plain = decrypt(_text(members, "encData"), access) if not _is_empty(members.get("encData")) else b""
    signed = {name: value for name, value in members.items() if name != "data"}
    canonical_data = ""
    if plain:
        try:
            content = _read(plain)
        except MalformedMessage as error:
            raise OpenRefused(refusals.CANNOT_DECRYPT, f"data: {error.reason}") from None
        signed["data"] = content
        canonical_data = canonical(content)
    if not _verified(text_to_sign(signed, access), signature, style.signer_id(access), verify):
        raise OpenRefused(refusals.SIGNATURE_WRONG, "signData")
    sent_at = read_stamp(timestamp)
    if abs((now - sent_at).total_seconds()) > window_s:
        raise OpenRefused(refusals.CLOCK_OFF, "timestamp")
    code, message = members.get("code"), members.get("message")
    return Opened(
        access.app_id, sent_at, timestamp, str(members.get("version") or ""), canonical_data.encode("utf-8"), signature,
        _code(code), message if isinstance(message, str) else "",
    )  # fmt: skip


def stamp(at: dt.datetime, form: Literal["ms", "s", "text"]) -> str | int:
    """A time stamp: milliseconds as text, seconds as number, or yyyyMMddHHmmss as text (UTC+8)."""
    if form == "text":
        return at.astimezone(WIRE_ZONE).strftime("%Y%m%d%H%M%S")
    milliseconds = round(at.timestamp() * 1000)
    return str(milliseconds) if form == "ms" else milliseconds // 1000


def read_stamp(text: str) -> dt.datetime:
    """Read any of the three forms; raises `OpenRefused` (990009)."""
    if _DIGITS.fullmatch(text) is None:
        raise OpenRefused(refusals.FIELD_MALFORMED, "timestamp")
    if len(text) == 14:
        try:
            return dt.datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=WIRE_ZONE)
        except ValueError:
            raise OpenRefused(refusals.FIELD_MALFORMED, "timestamp") from None
    return dt.datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), WIRE_ZONE)


# -- reading ---------------------------------------------------------------------------------------


class _Number(msgspec.Struct, frozen=True, gc=False):
    """A number as it was written: a signature covers 1.50, not 1.5."""

    text: str


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member occurs twice")
    return found


def _constant(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")


_READER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_Number, parse_int=_Number, parse_constant=_constant
)


def _read(data: bytes) -> Any:
    """One JSON value with every number as it was written; raises `MalformedMessage`."""
    wire.check_json(data)
    return _READER.decode(data.decode("utf-8"))


def _envelope(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BYTES:
        raise OpenRefused(refusals.FIELD_MALFORMED, "too long")
    try:
        members = _read(body)
    except MalformedMessage as error:
        raise OpenRefused(refusals.FIELD_MALFORMED, error.reason) from None
    if not isinstance(members, dict):
        raise OpenRefused(refusals.FIELD_MALFORMED, "not an object")
    return members


def _text(members: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = members.get(name)
        if isinstance(value, str) and value:
            return value
    raise OpenRefused(refusals.FIELD_MALFORMED, names[0])


def _timestamp(members: Mapping[str, Any]) -> str:
    value = members.get("timestamp")
    if isinstance(value, _Number):
        return value.text
    return _text(members, "timestamp")


def _code(value: Any) -> int:
    """The code of an answer; a request has none, which reads as 0."""
    try:
        return envelope.status_code(
            value.text if isinstance(value, _Number) else 0 if value is None else value
        )
    except MalformedMessage:
        raise OpenRefused(refusals.FIELD_MALFORMED, "code") from None


def _verified(text: str, signature: str, signer_id: bytes, verify: Verify) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    # The last four bits before the padding mean nothing. Were they free, one signature would have sixteen texts, and who
    # remembers texts to know a repeat would take fifteen of them for new.
    if base64.b64encode(raw).decode("ascii") != signature:
        return False
    return verify(text.encode("utf-8"), raw, signer_id)


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _escaped(text: str) -> str:
    """Non-ASCII characters as UTF-16 escapes; only texts of a JSON value can hold them."""
    units = text.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 0x80 else f"\\u{code:04x}" for code in codes)


def _first_key(access: Access) -> bytes:
    key = access.app_id[:16].encode("utf-8")
    if len(key) != sm4.KEY_BYTES:
        raise InvalidKey("an appId has 32 characters")
    return key
