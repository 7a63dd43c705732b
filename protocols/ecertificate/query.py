"""`ec.query`: decode a certificate's QR text into a token and the person's identity; the envelope is `envelope`'s."""

import msgspec
from msgspec import field

from protocols.ecertificate import envelope
from protocols.ecertificate.envelope import ReplyShape, TransType, encode_refusal
from protocols.ecertificate.refusals import CentreRefusal
from protocols.hub import wire
from protocols.secret import Secret

__all__ = [
    "DecodeRequest",
    "Decoded",
    "encode_query",
    "encode_refusal",
    "encode_reply",
    "parse_query",
    "parse_reply",
]


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


def encode_query(request: DecodeRequest) -> bytes:
    """Write the body of one `ec.query`."""
    return envelope.encode_request(TransType.QUERY, request.institution_code, request)


def parse_query(body: bytes) -> DecodeRequest:
    """Read the body of an `ec.query` (the centre's side); raises `MalformedMessage`."""
    return envelope.parse_request(body, DecodeRequest, TransType.QUERY)


def parse_reply(body: bytes) -> Decoded | CentreRefusal:
    """Read a reply in any of its shapes.

    Raises `MalformedMessage` when it is neither a decoded person nor a refusal with a code: then nothing is known, and
    the same code may be asked once more within its life.
    """
    data = envelope.parse_reply(body)
    return data if isinstance(data, CentreRefusal) else wire.convert(data, Decoded)


def encode_reply(decoded: Decoded, shape: ReplyShape = "object", message: str = "成功") -> bytes:
    """Write a successful reply (the centre's side) in one of its shapes."""
    return envelope.encode_reply(wire.encode(decoded), shape, message)
