"""1162: decode a certificate's code at the hub instead of the centre (`ecert.path = "hub_1162"`, K32).

Sent bare, without the hub's envelope and so without its signature; it books nothing. The answer is the output of 1101
with `cardno`, `card_sn` and `ecToken` beside it, in the hub's answer envelope, or, as other deployments give it, the
centre's own reply. Both are read.
"""

import msgspec
from msgspec import field

from protocols.ecertificate import envelope, query
from protocols.ecertificate.query import Decoded
from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.secret import Secret


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the counter asks."""

    institution_code: str = field(name="orgId")
    business_type: str = field(name="businessType")
    operator_id: str = field(name="operatorId")
    operator_name: str = field(name="operatorName")
    department_code: str = field(name="officeId")
    department_name: str = field(name="officeName")
    code: Secret = field(name="ecQrCode")
    device_type: str = field(name="deviceType", default="")
    terminal_id: str = field(name="termId", default="")
    terminal_address: str = field(name="termIp", default="")
    business_info: str = field(name="businessInfo", default="")


class _Base(msgspec.Struct, frozen=True, kw_only=True):
    name: Secret = field(name="psn_name")
    document_no: Secret = field(name="certno")
    document_type: str = field(name="psn_cert_type", default="01")
    sex: str = field(name="gend", default="")


class _Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    division: str = field(name="insuplc_admdvs", default="")
    status: str = field(name="psn_insu_stas", default="")


class _Output(msgspec.Struct, frozen=True, kw_only=True):
    base: _Base = field(name="baseinfo")
    enrolments: tuple[_Enrolment, ...] = field(name="insuinfo", default=())
    token: Secret = field(name="ecToken")


def encode(request: Request) -> bytes:
    """Write the body of one 1162."""
    return wire.encode(request)


def parse(body: bytes) -> Request:
    """Read the body of one 1162 (the hub's side); raises `MalformedMessage`."""
    return wire.decode(body, Request)


def parse_answer(body: bytes) -> Decoded | CentreRefusal:
    """Read either form of the answer; raises `MalformedMessage` when it is neither."""
    answer = wire.read_json(body)
    if not isinstance(answer, dict) or "infcode" not in answer:
        return query.parse_reply(body)
    code = envelope.status_code(answer["infcode"], "$.infcode")
    if code != 0:
        message = answer.get("err_msg")
        return CentreRefusal(code, message if isinstance(message, str) else "")
    try:
        output = wire.convert(answer.get("output", {}), _Output)
    except MalformedMessage as error:
        raise MalformedMessage(error.reason, f"$.output{error.where[1:]}") from None
    active = [row for row in output.enrolments if row.status == "1"] or list(output.enrolments)
    return Decoded(
        name=output.base.name, document_no=output.base.document_no, document_type=output.base.document_type,
        token=output.token, insured_division=active[0].division if active else "", sex=output.base.sex,
    )  # fmt: skip
