"""Identity by face at a certified terminal: one check gives a flow number, the number is exchanged once (K33, PD-7).

`cn.nhsa.ec.auth` starts the check and answers with `authNo`; `cn.nhsa.auth.check` exchanges that number for identity
and token. Each request carries its own business number (`business.out_biz_no`, PD-5). Camera, recognition and liveness
belong to the terminal; here are the messages only.
"""

import msgspec
from msgspec import field

from protocols.ecertificate import envelope
from protocols.ecertificate.envelope import TransType
from protocols.ecertificate.query import Decoded
from protocols.ecertificate.query import parse_reply as parse_identity
from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.secret import Secret


class FaceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`cn.nhsa.ec.auth`: check the face of whoever stands there."""

    institution_code: str = field(name="orgId")
    business_type: str = field(name="businessType")
    operator_id: str = field(name="operatorId")
    operator_name: str = field(name="operatorName")
    department_code: str = field(name="officeId")
    department_name: str = field(name="officeName")
    business_number: str = field(name="outBizNo")
    extension: str = field(name="extData", default="")  # JSON text


class ExchangeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`cn.nhsa.auth.check`: turn the number of a check that succeeded into identity and token, once."""

    institution_code: str = field(name="orgId")
    operator_id: str = field(name="operatorId")
    operator_name: str = field(name="operatorName")
    department_code: str = field(name="officeId")
    department_name: str = field(name="officeName")
    business_number: str = field(name="outBizNo")
    auth_no: Secret = field(name="authNo")


def encode_face(request: FaceRequest) -> bytes:
    """Write the body of one face check."""
    return envelope.encode_request(TransType.FACE, request.institution_code, request)


def parse_face(body: bytes) -> FaceRequest:
    """Read a face check (the centre's side); raises `MalformedMessage`."""
    return envelope.parse_request(body, FaceRequest, TransType.FACE)


def parse_face_reply(body: bytes) -> Secret | CentreRefusal:
    """Read the reply to a face check: the flow number, or why there is none; raises `MalformedMessage`."""
    data = envelope.parse_reply(body)
    if isinstance(data, CentreRefusal):
        return data
    auth_no = data.get("authNo")
    if not isinstance(auth_no, str):
        raise MalformedMessage("no flow number", "$.data.authNo")
    return Secret(auth_no)


def encode_exchange(request: ExchangeRequest) -> bytes:
    """Write the body of one exchange."""
    return envelope.encode_request(TransType.FACE_EXCHANGE, request.institution_code, request)


def parse_exchange(body: bytes) -> ExchangeRequest:
    """Read an exchange (the centre's side); raises `MalformedMessage`."""
    return envelope.parse_request(body, ExchangeRequest, TransType.FACE_EXCHANGE)


def parse_exchange_reply(body: bytes) -> Decoded | CentreRefusal:
    """Read the reply to an exchange: the same data as a decoded code; raises `MalformedMessage`."""
    return parse_identity(body)


__all__ = [
    "ExchangeRequest",
    "FaceRequest",
    "encode_exchange",
    "encode_face",
    "parse_exchange",
    "parse_exchange_reply",
    "parse_face",
    "parse_face_reply",
]
