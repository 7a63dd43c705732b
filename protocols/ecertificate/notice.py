"""The settle notice (`cn.nhsa.settle.notify`): the certified terminal shows the customer how the sum was shared.

Nothing depends on it: no money moves, and a notice that is lost is lost. It carries the business number of the step in
which the person was identified, and the true state (K38); public clients were seen to say SUCCESS always. Amounts are
yuan with two decimals, as text. The drug list is a JSON text with names of its own.
"""

import enum
from typing import Final

import msgspec
from msgspec import field

from protocols.ecertificate import envelope
from protocols.ecertificate.envelope import TransType
from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.money import Fen, Price, Quantity
from protocols.secret import Secret


class NoticeState(enum.Enum):
    """`medicalSettleState`."""

    SUCCESS = "SUCCESS"
    FAIL = "FAIL"


class NoticeKind(enum.Enum):
    """`bizType`."""

    REGISTER = "register"
    SETTLE = "settle"


class NoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the drug list."""

    item_no: str = field(name="ITEM_NO")
    name: str = field(name="ITEMNAME")
    insured: str = field(name="HI_ITEM")  # Y or N
    price: str = field(name="PRIC")
    count: str = field(name="ITEM_CNT")
    amount: str = field(name="ITEM_AMT")
    frequency: str = field(name="DRUG_FRQU", default="")
    dosage: str = field(name="DRUG_DOS", default="")


class SettleNotice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a settlement. The second group is there only when it succeeded with insurance, and else not written."""

    institution_code: str = field(name="orgId")
    business_number: str = field(name="outBizNo")
    state: NoticeState = field(name="medicalSettleState")
    auth_no: Secret = field(name="authNo", default=Secret())
    operator_id: str = field(name="operatorId")
    operator_name: str = field(name="operatorName")
    total: str = field(name="totalFee")
    kind: NoticeKind = field(name="bizType")
    document_no: Secret = field(name="idNo")
    name: Secret = field(name="userName")
    settled_at: str = field(name="setlTime")
    institution_name: str = field(name="hospitalName")
    department_code: str = field(name="officeId")
    department_name: str = field(name="officeName")
    doctor_name: str = field(
        name="doctorName", default_factory=str
    )  # written also when empty: it belongs to every notice

    settlement_no: str = field(name="medicalSettleNo", default="")
    own: str = field(name="ownAmt", default="")
    balance: str = field(name="balance", default="")
    lines: str = field(name="drugList", default="")  # JSON text of `NoticeLine`s
    fund: str = field(name="hifAmt", default="")  # all funds together
    account: str = field(name="acctAmt", default="")
    pooled: str = field(name="hifpAmt", default="")
    serious_illness: str = field(name="hifmiAmt", default="")
    civil_servant: str = field(name="cvlservAmt", default="")
    assistance: str = field(name="mafAmt", default="")
    hospital: str = field(name="hosPreAmt", default="")


_REQUIRED_RESULT: Final = ("settlement_no", "own", "balance", "lines")
_RESULT: Final = (
    *_REQUIRED_RESULT, "fund", "account", "pooled", "serious_illness", "civil_servant", "assistance", "hospital",
)  # fmt: skip


def line_of(
    item_no: str, name: str, insured: bool, price: Price, quantity: Quantity, amount: Fen
) -> NoticeLine:
    """One line of the drug list."""
    return NoticeLine(
        item_no=item_no, name=name, insured="Y" if insured else "N", price=price.wire_text(),
        count=quantity.wire_text(), amount=amount.wire_text(),
    )  # fmt: skip


def lines_text(lines: tuple[NoticeLine, ...]) -> str:
    """The drug list as the notice carries it."""
    return msgspec.json.encode(lines).decode("utf-8")


def encode_notice(notice: SettleNotice) -> bytes:
    """Write the body of one notice."""
    return envelope.encode_request(TransType.NOTICE, notice.institution_code, notice)


def parse_notice(body: bytes) -> SettleNotice:
    """Read a notice (the terminal's side).

    Raises `MalformedMessage`, also for a result in a failure, and for one of which a required part is missing.
    """
    notice = envelope.parse_request(body, SettleNotice, TransType.NOTICE, TransType.OLD_NOTICE)
    given = [name for name in _RESULT if getattr(notice, name)]
    if not given:
        return notice
    if notice.state is NoticeState.FAIL:
        raise MalformedMessage("a result in a failure", _place(given[0]))
    for name in _REQUIRED_RESULT:
        if name not in given:
            raise MalformedMessage("missing in a result", _place(name))
    lines_of(notice)
    return notice


def _place(name: str) -> str:
    wire_names = {one.name: one.encode_name for one in msgspec.structs.fields(SettleNotice)}
    return f"$.data.{wire_names[name]}"


def lines_of(notice: SettleNotice) -> tuple[NoticeLine, ...]:
    """The drug list of a notice; raises `MalformedMessage`."""
    if not notice.lines:
        return ()
    try:
        return wire.convert(wire.read_json(notice.lines.encode("utf-8")), tuple[NoticeLine, ...])
    except MalformedMessage as error:
        raise MalformedMessage(error.reason, f"$.data.drugList{error.where[1:]}") from None


def parse_notice_reply(body: bytes) -> CentreRefusal | None:
    """Read the reply: None = shown. Raises `MalformedMessage`."""
    return envelope.parse_done(body)
