"""Pieces that every slip has: head, copy mark, labelled facts, receipt number as a QR code, end."""

import datetime as dt
from collections.abc import Iterable

import msgspec

from protocols.escpos.document import Align, Cut, Element, Feed, Qr, Rule, Text
from protocols.escpos.width import COLUMNS_58_MM, text_columns
from protocols.wire_time import format_time
from terminal.slips.masking import MaskedPerson


def head(title: str, copy_number: int, institution_name: str, institution_code: str) -> Iterable[Element]:
    """Title, copy mark, institution."""
    wide = 2 if 2 * text_columns(title) <= COLUMNS_58_MM else 1
    yield Text(title, Align.CENTRE, width=wide, height=2, bold=True)
    if copy_number:
        yield Text(f"补打（第{copy_number}次）", Align.CENTRE, width=2, height=2, bold=True)
    yield Text(institution_name, Align.CENTRE)
    yield Rule("=")
    yield fact("机构编码", institution_code)


def fact(label: str, value: str) -> Text:
    """One labelled fact; a long value wraps."""
    return Text(f"{label}：{value}")


def when(at: dt.datetime) -> Text:
    """The time of the event, UTC+8; raises `ValueError` when `at` does not know its zone."""
    return fact("时间", format_time(at))


def who(person: MaskedPerson) -> Iterable[Element]:
    """Masked name and identity number."""
    yield fact("姓名", person.name)
    yield fact("证件", person.certno)


class Contact(msgspec.Struct, frozen=True):
    """Who answers questions about the slip (R04); empty = not printed."""

    hotline: str = ""
    agency: str = ""


NO_CONTACT = Contact()


def foot(
    receipt_no: str, operator: str, copy_number: int, check_code: str, contact: Contact = NO_CONTACT
) -> Iterable[Element]:
    """Operator, reprint mark, check code, whom to ask, QR with the receipt number only, cut."""
    yield fact("经办人", operator)
    if copy_number:
        yield fact("补打", f"第{copy_number}次，非原始凭条")
    if check_code:
        yield fact("校验码", check_code)
    if contact.agency:
        yield fact("经办机构", contact.agency)
    if contact.hotline:
        yield fact("咨询电话", contact.hotline)
    yield Feed(1)
    yield Qr(receipt_no)
    yield Feed(1)
    yield Cut()
