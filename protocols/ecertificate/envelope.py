"""The plain envelope of the e-certificate centre: `orgId`, `transType`, `data` there, `code`, `message`, `data` back.

Sent over HTTP as JSON in UTF-8, without signature. The reply comes in several shapes, all read here: `data` as an
object, `data` as a JSON text that must be parsed again, the whole reply inside `message`; null, "" and "null" alike
for absent members; `code` as number or text. Names follow the messages of public clients (PD-3).
"""

import enum
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.hub import wire

ReplyShape = Literal["object", "text", "in_message"]
"""How a success carries its data: `data` as an object, as a text, or the whole reply as text inside `message`."""

_STATUS: Final = re.compile(r"-?[0-9]{1,9}")
_ENCODER: Final = msgspec.json.Encoder()


class TransType(enum.Enum):
    """What a request asks for (`transType`)."""

    QUERY = "ec.query"  # decode a code
    TERMINAL_SCAN = "cn.nhsa.qrcode.get"  # decode with the certified terminal's own scanner
    FACE = "cn.nhsa.ec.auth"  # one face check at the terminal, gives an authNo
    FACE_EXCHANGE = "cn.nhsa.auth.check"  # authNo to identity and token
    NOTICE = "cn.nhsa.settle.notify"  # show the settlement's result at the terminal
    OLD_IDENTITY = "iot.gain.ec.qrcode"  # older name; `gainWay` chooses code or face
    OLD_NOTICE = "iot.medical.settle.notify"  # older name of the notice


_ALIASES: Final[Mapping[str, TransType]] = MappingProxyType(
    {kind.value: kind for kind in TransType} | {"ec.auth": TransType.FACE}
)


def trans_type(name: str) -> TransType | None:
    """The request behind a `transType`; the bare `ec.auth` means `cn.nhsa.ec.auth` (PD-3). None = not one of ours."""
    return _ALIASES.get(name)


def encode_request(kind: TransType, institution_code: str, data: msgspec.Struct) -> bytes:
    """Write one request; `data` names the institution a second time, as the published messages do."""
    head = _ENCODER.encode({"orgId": institution_code, "transType": kind.value})
    return head[:-1] + b',"data":' + wire.encode(data) + b',"extra":""}'


def parse_request(body: bytes, type_: type[wire.Message], *kinds: TransType) -> wire.Message:
    """Read `data` of a request of one of these kinds (the centre's side); raises `MalformedMessage`."""
    tree = _object(wire.read_json(body))
    if trans_type(str(tree.get("transType", ""))) not in kinds:
        raise MalformedMessage(f"not {' or '.join(kind.value for kind in kinds)}", "$.transType")
    data = tree.get("data")
    if not isinstance(data, dict):
        raise MalformedMessage("not an object", "$.data")
    if tree.get("orgId") != data.get("orgId"):
        raise MalformedMessage("envelope and data name two institutions", "$.data.orgId")
    try:
        return wire.convert(data, type_)
    except MalformedMessage as error:
        raise MalformedMessage(error.reason, f"$.data{error.where[1:]}") from None


def parse_reply(body: bytes) -> dict[str, Any] | CentreRefusal:
    """Read a reply in any of its shapes to its data, absent members dropped.

    Raises `MalformedMessage` when it is neither a success with data nor a refusal with a code: then nothing is known.
    """
    reply = _reply(body)
    code = status_code(reply.get("code"))
    if code != 0:
        message = reply.get("message")
        return CentreRefusal(code, message if isinstance(message, str) else "")
    data = reply.get("data")
    if isinstance(data, str):
        data = wire.read_json(data.encode("utf-8"))
    if not isinstance(data, dict):
        raise MalformedMessage("success without data", "$.data")
    if isinstance(data.get("extra"), dict | list):
        # Text by the table; some deployments send the object itself. We only carry it, never read it.
        del data["extra"]
    return data


def parse_done(body: bytes) -> CentreRefusal | None:
    """Read a reply of which only the code matters, as to a notice: None = done. Raises `MalformedMessage`."""
    reply = _reply(body)
    code = status_code(reply.get("code"))
    message = reply.get("message")
    return None if code == 0 else CentreRefusal(code, message if isinstance(message, str) else "")


def encode_reply(
    data: bytes, shape: ReplyShape = "object", message: str = "成功", institution_code: str = ""
) -> bytes:
    """Write a success around the JSON bytes of its data (the centre's side)."""
    content: msgspec.Raw | str = data.decode("utf-8") if shape == "text" else msgspec.Raw(data)
    institution = {"orgId": institution_code} if institution_code else {}
    reply = _ENCODER.encode({"code": 0, "message": message, **institution, "data": content})
    return _ENCODER.encode({"message": reply.decode("utf-8")}) if shape == "in_message" else reply


def encode_refusal(refusal: CentreRefusal, extra: str = "") -> bytes:
    """Write a refusal (the centre's side); it has no data, so `extra` stands beside the code."""
    beside = {"extra": extra} if extra else {}
    return _ENCODER.encode({"code": refusal.code, "message": refusal.message, "success": False, **beside})


def status_code(value: object, where: str = "$.code") -> int:
    """Read a status code, a whole number or its digits as text; raises `MalformedMessage` at `where` for anything else."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if _STATUS.fullmatch(text) is None:
        raise MalformedMessage("no status code", where)
    return int(text)


def _reply(body: bytes) -> dict[str, Any]:
    """The reply, taken out of `message` where a bridge that itself had no trouble has put the whole of it there."""
    reply = _object(wire.read_json(body))
    message = reply.get("message")
    inside = isinstance(message, str) and message.lstrip().startswith("{")
    if inside and "data" not in reply and status_code(reply.get("code", 0)) == 0:
        return _object(wire.read_json(reply["message"].encode("utf-8")))
    return reply


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedMessage("not an object")
    return value
