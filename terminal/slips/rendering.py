"""From a settlement of the core to the bytes of a slip: which of the four slips, with which facts."""

import datetime as dt
from collections.abc import Callable

import msgspec

from protocols.escpos.builder import build
from protocols.escpos.document import Document
from protocols.hub.profile import Profile
from protocols.hub.settlement import SettlementInfo
from protocols.money import sum_fen
from protocols.wire_time import parse_time
from terminal.core.disclosure import disclose
from terminal.core.values import Booking, ChargeLine, FundRow, SaleKey, Settlement
from terminal.slips.check_code import check_code
from terminal.slips.explanation import ExplanationSlip, explanation_document
from terminal.slips.incident import IncidentKind, IncidentSlip, incident_document
from terminal.slips.masking import MaskedPerson, MaskRule
from terminal.slips.parts import Contact
from terminal.slips.pick_up_code import pick_up_code
from terminal.slips.settlement import (
    FundShare,
    SettlementSlip,
    SlipKind,
    SlipLine,
    quantity_text,
    settlement_document,
)
from terminal.slips.terms import slip_terms
from terminal.texts import tell_notice

_FUND_FIELDS = {
    "hifp_pay": "pooled_fund_fen",
    "cvlserv_pay": "civil_servant_fen",
    "hifes_pay": "enterprise_fen",
    "hifmi_pay": "serious_illness_fen",
    "hifob_pay": "large_amount_fen",
    "maf_pay": "assistance_fen",
    "oth_pay": "other_fund_fen",
    "hifdm_pay": "disabled_veterans_fen",
}


_EMPLOYEE = "310"


class SlipSite(msgspec.Struct, frozen=True):
    """What every slip says about the place."""

    institution_code: str
    institution_name: str
    operator_name: str
    profile: Profile
    contact: Contact = Contact()
    high_burden_fen: int = 0
    """Own share from which on the slip says where further aid is asked for; 0 = never."""
    settles_at_order: bool = False
    """Goods on a circulating prescription are handed over later: their slip carries the pick-up code."""


class SlipImpossible(Exception):
    """This kind of slip cannot be made from this settlement (our own bug, or a copy of something that has no slip)."""


def receipt_number(settlement: Settlement) -> str:
    """Our own receipt number: till, business date, sale number, generation; also the only content of the QR code."""
    return _receipt_number(settlement.key)


def _receipt_number(key: SaleKey) -> str:
    number = f"{key.till}-{key.business_date:%Y%m%d}-{key.sale_number}"
    return number if key.generation == 1 else f"{number}-{key.generation}"


def render_slip(
    settlement: Settlement,
    kind: str,
    copy_number: int,
    at: dt.datetime,
    columns: int,
    site: SlipSite,
    mac: Callable[[bytes], bytes],
) -> bytes:
    """Return the ESC/POS bytes of one slip.

    `kind`: `original`, `copy` (of whatever the settlement is now), `cancellation`, `doubt`, `reversed`. `at` stands on
    slips that have no hub time of their own. Raises `SlipImpossible`.
    """
    document = slip_document(settlement, kind, copy_number, at, site, mac)
    return build(document, columns).data


def slip_document(
    settlement: Settlement,
    kind: str,
    copy_number: int,
    at: dt.datetime,
    site: SlipSite,
    mac: Callable[[bytes], bytes],
) -> Document:
    """Lay the slip out; see `render_slip`."""
    if kind == "copy":
        kind = _newest_kind(settlement)
    if kind in ("doubt", "reversed"):
        return _incident(settlement, kind, copy_number, at, site)
    if kind == "original" and settlement.booking is not None:
        return _settled(settlement, settlement.booking, SlipKind.SETTLED, copy_number, at, site, mac)
    if kind == "cancellation" and settlement.booking is not None:
        told = settlement.cancellation
        record = told if told is not None and told.info.settlement_id else _unnamed(settlement.booking)
        return _settled(settlement, record, SlipKind.CANCELLED, copy_number, at, site, mac)
    raise SlipImpossible(kind)


def _unnamed(booking: Booking) -> Booking:
    """A cancellation whose record the hub never told (5203, "already", two people): what it undid, and nothing else.

    What was left of account and limits behind the settlement is not so any more.
    """
    info = msgspec.structs.replace(booking.info, settlement_id="", balance_fen=None)
    funds = tuple(FundRow(fund.fund_type, fund.amount_fen, fund.name) for fund in booking.funds)
    return msgspec.structs.replace(booking, info=info, funds=funds)


def render_explanation(settlement: Settlement, at: dt.datetime, columns: int, site: SlipSite) -> bytes:
    """Return the ESC/POS bytes of a slip that says why the newest refusal was one. Raises `SlipImpossible`."""
    told = tell_notice(settlement.refusal)
    if told is None:
        raise SlipImpossible("explanation")
    slip = ExplanationSlip(
        institution_name=site.institution_name,
        institution_code=site.institution_code,
        receipt_no=receipt_number(settlement),
        at=at,
        person=_masked(settlement, site.profile),
        reason=told.zh,
        operator=site.operator_name,
        contact=site.contact,
    )
    return build(explanation_document(slip), columns).data


def _newest_kind(settlement: Settlement) -> str:
    if not settlement.receipts:
        raise SlipImpossible("copy")
    return settlement.receipts[-1]


def _masked(settlement: Settlement, profile: Profile) -> MaskedPerson | None:
    if settlement.person is None:
        return None
    rule = MaskRule(profile.slip.mask_certno_first, profile.slip.mask_certno_last)
    return MaskedPerson.of(settlement.person.name.reveal(), settlement.person.certno.reveal(), rule)


def _incident(
    settlement: Settlement, kind: str, copy_number: int, at: dt.datetime, site: SlipSite
) -> Document:
    return incident_document(
        IncidentSlip(
            kind=IncidentKind.REVERSAL_PENDING if kind == "doubt" else IncidentKind.REVERSED,
            institution_name=site.institution_name,
            institution_code=site.institution_code,
            receipt_no=receipt_number(settlement),
            at=at,
            person=_masked(settlement, site.profile),
            total_fen=sum_fen(line.amount_fen for line in settlement.lines),
            operator=site.operator_name,
            contact=site.contact,
            copy_number=copy_number,
        )
    )


def _settled(
    settlement: Settlement,
    record: Booking,
    kind: SlipKind,
    copy_number: int,
    at: dt.datetime,
    site: SlipSite,
    mac: Callable[[bytes], bytes],
) -> Document:
    person, booking = _masked(settlement, site.profile), settlement.booking
    if person is None or settlement.person is None or booking is None:
        raise SlipImpossible(kind.name)
    classes = booking.line_classes or ("",) * len(settlement.lines)
    terms = slip_terms(settlement, record, site.profile, site.high_burden_fen)
    if kind is SlipKind.CANCELLED:
        terms = msgspec.structs.replace(terms, advice=())  # it speaks of a burden that nobody bears any more
    shares = disclose(booking).shares or (None,) * len(settlement.lines)
    slip = SettlementSlip(
        kind=kind,
        institution_name=site.institution_name,
        institution_code=site.institution_code,
        setl_id=record.info.settlement_id,
        mdtrt_id=booking.info.visit_id,
        receipt_no=receipt_number(settlement),
        at=parse_time(record.info.settled_at) if record.info.settled_at else at,
        person=person,
        insutype=settlement.person.insutype,
        med_type=booking.info.medical_category,
        psn_type=settlement.person.psn_type,
        lines=tuple(
            SlipLine(
                name=line.name,
                spec=line.spec,
                code=line.national_code,
                quantity=line.quantity,
                price=line.price,
                amount_fen=line.amount_fen,
                level=level,
                marks=_marks(line),
                share=share,
            )
            for line, level, share in zip(settlement.lines, classes, shares, strict=True)
        ),
        split=record.split,
        funds=tuple(_fund_shares(record.info, settlement.person.insutype)),
        balance_fen=None if record.info.balance_fen is None else int(record.info.balance_fen),
        trace_codes=sum(len(line.trace_codes) for line in settlement.lines),
        operator=site.operator_name,
        cancelled_setl_id=booking.info.settlement_id if kind is SlipKind.CANCELLED else "",
        refund=refund_facts(settlement, kind),
        pick_up_code=pick_up_code(
            settlement, mac, at_order=site.settles_at_order and kind is SlipKind.SETTLED
        ),
        beside=tuple(
            SlipLine(
                name=line.name,
                spec=line.spec,
                code=line.national_code,
                quantity=line.quantity,
                price=line.price,
                amount_fen=line.amount_fen,
                level="",
            )
            for line in settlement.self_pay
        ),
        terms=terms,
        contact=site.contact,
        copy_number=copy_number,
    )
    return settlement_document(msgspec.structs.replace(slip, check_code=check_code(slip, mac)))


def _marks(line: ChargeLine) -> str:
    until = f"目录有效期至{line.listed_until}" if line.listed_until else ""
    return "，".join(mark for mark in ("集采中选" if line.selected else "", until) if mark)


def refund_facts(settlement: Settlement, kind: SlipKind) -> tuple[tuple[str, str], ...]:
    """How the two slips of a refund name each other, and what came back."""
    key, plan, origin = settlement.key, settlement.refund, settlement.refund_of
    if kind is SlipKind.SETTLED and origin is not None:
        first = _receipt_number(msgspec.structs.replace(key, generation=origin.generation))
        return (("退货后重新结算，原单号", first), ("已撤销结算编号", origin.hub_settlement_id))
    if kind is not SlipKind.CANCELLED or plan is None:
        return ()
    lines = {line.number: line for line in settlement.lines}
    facts = tuple(
        ("退货", f"{lines[row.number].name} {quantity_text(row.quantity)}") for row in plan.returned
    )
    if not plan.remaining:
        return (*facts, ("退货说明", "全部退回"))
    if plan.perhaps_settled:
        return (*facts, ("退货说明", "其余商品是否已重新结算以医保平台账目为准"))
    if plan.withdrawn:
        return (*facts, ("退货说明", "其余商品未重新结算"))
    rest = _receipt_number(msgspec.structs.replace(key, generation=key.generation + 1))
    return (
        *facts,
        ("其余商品另行结算，新单号", rest),
        ("退货说明", "新单结算之前，其余商品由顾客自付或退回"),
    )


def _fund_shares(info: SettlementInfo, insutype: str) -> list[FundShare]:
    serious = "hifob_pay" if insutype == _EMPLOYEE else "hifmi_pay"
    shares = []
    for wire_name, attribute in _FUND_FIELDS.items():
        amount = getattr(info, attribute)
        always = wire_name in ("hifp_pay", serious, "maf_pay")
        if amount or always:
            shares.append(FundShare(wire_name, abs(int(amount or 0)), always))
    return shares
