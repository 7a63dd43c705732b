"""`ec.query`: decode a certificate's QR text into a token and the person's identity.

Sent as HTTP POST to the middle office, JSON in UTF-8, without the hub's envelope and without signature. The same
reply comes in several shapes (all read here): `data` as an object, `data` as a JSON text that must be parsed again,
the whole reply inside `message`; null, "" and "null" alike for absent members; `code` as number or text.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import field

from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.secret import Secret

TRANS_TYPE: Final = "ec.query"
_STATUS: Final = re.compile(r"-?[0-9]{1,9}")


class DecodeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the counter asks. Lengths are the centre's business; nothing is truncated here."""

    institution_code: str = field(name="orgId")
    business_type: str = field(name="businessType")  # `BusinessType`
    operator_id: str = field(name="operatorId")
    operator_name: str = field(name="operatorName")
    department_code: str = field(name="officeId")
    department_name: str = field(name="officeName")
    device_type: str = field(name="deviceType", default="")  # `SelfService` on a self-service machine
    code: Secret = field(name="ecQrCode", default=Secret())  # the scanned 28 digits (PD-4)


class Decoded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who stands at the counter, and the token that says so (opaque, short-lived; PD-7)."""

    name: Secret = field(name="userName")
    document_no: Secret = field(name="idNo")
    document_type: str = field(name="idType", default="01")
    token: Secret = field(name="ecToken")
    insured_division: str = field(name="insuOrg", default="")
    index_no: Secret = field(name="ecIndexNo", default=Secret())
    sex: str = field(name="gender", default="")
    birth_date: Secret = field(name="birthday", default=Secret())  # seen as yyyy.MM.dd
    channel_id: str = field(name="chnlId", default="")
    code: Secret = field(name="ecQrCode", default=Secret())  # echoed by some deployments
    auth_no: Secret = field(name="authNo", default=Secret())
    extra: str = field(name="extra", default="")


class _RequestEnvelope(msgspec.Struct, kw_only=True):
    org_id: str = field(name="orgId")
    trans_type: str = field(name="transType")
    data: DecodeRequest
    extra: str = ""


def encode_query(request: DecodeRequest) -> bytes:
    """Write the body of one `ec.query`."""
    return wire.encode(_RequestEnvelope(org_id=request.institution_code, trans_type=TRANS_TYPE, data=request))


def parse_query(body: bytes) -> DecodeRequest:
    """Read the body of an `ec.query` (the centre's side); raises `MalformedMessage`."""
    envelope = wire.decode(body, _RequestEnvelope)
    if envelope.trans_type != TRANS_TYPE:
        raise MalformedMessage("not an ec.query", "$.transType")
    if envelope.org_id != envelope.data.institution_code:
        raise MalformedMessage("envelope and data name two institutions", "$.data.orgId")
    return envelope.data


def parse_reply(body: bytes) -> Decoded | CentreRefusal:
    """Read a reply in any of its shapes.

    Raises `MalformedMessage` when it is neither a decoded person nor a refusal with a code: then nothing is known, and
    the same code may be asked once more within its life.
    """
    reply = _object(wire.read_json(body))
    if "data" not in reply and _looks_like_json(reply.get("message")) and _code(reply, 0) == 0:
        reply = _object(wire.read_json(reply["message"].encode("utf-8")))
    code = _code(reply, None)
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
    return wire.convert(data, Decoded)


def encode_reply(
    decoded: Decoded, shape: Literal["object", "text"] = "object", message: str = "成功"
) -> bytes:
    """Write a successful reply (the centre's side) with `data` as an object or as text."""
    data = wire.encode(decoded)
    content: msgspec.Raw | str = msgspec.Raw(data) if shape == "object" else data.decode("utf-8")
    return _ENCODER.encode({"code": 0, "message": message, "data": content})


def encode_refusal(refusal: CentreRefusal) -> bytes:
    """Write a refusal (the centre's side)."""
    return _ENCODER.encode({"code": refusal.code, "message": refusal.message, "success": False})


_ENCODER: Final = msgspec.json.Encoder()


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedMessage("not an object")
    return value


def _looks_like_json(value: object) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("{")


def _code(reply: Mapping[str, Any], default: int | None) -> int:
    value = reply.get("code", default)
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if _STATUS.fullmatch(text) is None:
        raise MalformedMessage("no status code", "$.code")
    return int(text)
