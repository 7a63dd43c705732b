"""Slips for a sale that did not end in a settlement: what the customer takes home while, and after, it is reversed."""

import datetime as dt
import enum

import msgspec

from protocols.escpos.document import Document, Element, Pair, Rule, Text
from protocols.money import format_yuan
from terminal.slips.masking import MaskedPerson
from terminal.slips.parts import Contact, fact, foot, head, when, who


class IncidentKind(enum.Enum):
    """What happened to the sale; the value is the slip's title."""

    REVERSAL_PENDING = "未结算，冲正处理中"
    """The hub's answer is unknown and a reversal (2601) is under way."""
    REVERSED = "已冲正"
    """The reversal is confirmed: the hub holds no settlement of this sale."""


_ADVICE = {
    IncidentKind.REVERSAL_PENDING: (
        "本单没有结算成功，医保平台的处理结果未知，正在自动冲正。",
        "账户或基金如有扣款，冲正后全部退回。",
        "请保留此单，凭单号查询结果。",
    ),
    IncidentKind.REVERSED: (
        "本单的医保结算已经冲正，医保账户和基金没有支付。",
        "如仍需购药或就诊，请重新结算。",
    ),
}


class IncidentSlip(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an incident slip shows."""

    kind: IncidentKind
    institution_name: str
    institution_code: str
    receipt_no: str
    """Our own receipt number, the one to ask for: printable ASCII."""
    at: dt.datetime
    person: MaskedPerson | None
    """None when the person was not known yet."""
    total_fen: int
    """What the sale would have cost in all."""
    operator: str
    contact: Contact = Contact()
    copy_number: int = 0
    check_code: str = ""


def incident_document(slip: IncidentSlip) -> Document:
    """Lay an incident slip out; fits 58 mm and 80 mm paper. Raises `ValueError` when `at` has no zone."""
    person: tuple[Element, ...] = () if slip.person is None else tuple(who(slip.person))
    return Document(
        (
            *head(slip.kind.value, slip.copy_number, slip.institution_name, slip.institution_code),
            fact("单号", slip.receipt_no),
            when(slip.at),
            *person,
            Rule(),
            Pair("费用总额", format_yuan(slip.total_fen), bold=True),
            Rule(),
            *(Text(advice) for advice in _ADVICE[slip.kind]),
            Rule(),
            *foot(slip.receipt_no, slip.operator, slip.copy_number, slip.check_code, slip.contact),
        )
    )
