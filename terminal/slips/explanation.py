"""A slip that says why something was refused, in plain words, and whom to ask (R04, R83). It proves nothing about money."""

import datetime as dt

import msgspec

from protocols.escpos.document import Document, Element, Rule, Text
from terminal.slips.masking import MaskedPerson
from terminal.slips.parts import Contact, fact, foot, head, when, who

TITLE = "医保结算说明"


class ExplanationSlip(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an explanation shows."""

    institution_name: str
    institution_code: str
    receipt_no: str
    at: dt.datetime
    person: MaskedPerson | None
    reason: str
    """What was refused and why, with the hub's own words."""
    operator: str
    contact: Contact = Contact()


def explanation_document(slip: ExplanationSlip) -> Document:
    """Lay an explanation out; fits 58 mm and 80 mm paper. Raises `ValueError` when `at` has no zone."""
    person: tuple[Element, ...] = () if slip.person is None else tuple(who(slip.person))
    return Document(
        (
            *head(TITLE, 0, slip.institution_name, slip.institution_code),
            fact("单号", slip.receipt_no),
            when(slip.at),
            *person,
            Rule(),
            Text(slip.reason),
            Rule(),
            *foot(slip.receipt_no, slip.operator, 0, "", slip.contact),
        )
    )
