"""What the API says about things: JSON with amounts in fen, identities masked, texts in both languages."""

from protocols.hub.settlement import SettlementInfo
from protocols.money import format_yuan
from terminal.api.benefit_views import category_views, disclosure_view, enrolment_views
from terminal.api.rows import row_of
from terminal.core.benefits import benefit_of
from terminal.core.hints import hints
from terminal.core.reviewing import waits_for_answer
from terminal.core.values import Booking, ChargeLine, Settlement
from terminal.counter.engine import in_doubt
from terminal.counter.feed import FeedEntry
from terminal.journal.records import AttemptRow, ReceiptRow, SettlementRow
from terminal.journal.sheet import identity_is_gone, settlement_of
from terminal.shapes.settlements import (
    AmountsView,
    AttemptView,
    EventView,
    FilingView,
    FindingView,
    FundView,
    HistoryView,
    LineView,
    PersonView,
    ReceiptView,
    RefundView,
    ReturnView,
    ReviewView,
    SettlementView,
    SummaryView,
)
from terminal.slips.masking import MaskRule, mask_certno, mask_name
from terminal.slips.rendering import receipt_number
from terminal.texts import Told, tell, tell_notice

_NOT_TOLD = frozenset({"psn_name", "psn_no", "certno", "brdy", "gend", "naty", "age"})


def settlement_view(settlement: Settlement, rule: MaskRule) -> SettlementView:
    """Return what may be told of a settlement."""
    key, person = settlement.key, settlement.person
    return SettlementView(
        id=settlement.id,
        receipt_number=receipt_number(settlement),
        sale_number=key.sale_number,
        till=key.till,
        business_date=key.business_date.isoformat(),
        generation=key.generation,
        lane=settlement.lane,
        flow=settlement.flow,
        state=settlement.state.value,
        in_doubt=in_doubt(settlement),
        quarantine=settlement.quarantine,
        busy=bool(settlement.running),
        msgid=settlement.settle_msgid,
        person=None
        if person is None
        else PersonView(
            name=mask_name(person.name.reveal()),
            certno=mask_certno(person.certno.reveal(), rule),
            insutype=person.insutype,
            psn_type=person.psn_type,
            insured_division=person.insured_division,
            balance_fen=person.balance_fen,
            past_term=identity_is_gone(settlement),
            insured_since=person.insured_since,
            enrolments=enrolment_views(person),
            categories=category_views(person),
            civil_servant=person.civil_servant,
        ),
        lines=tuple(map(_line_view, settlement.lines)),
        self_pay=tuple(map(_line_view, settlement.self_pay)),
        self_pay_fen=sum(line.amount_fen for line in settlement.self_pay),
        filings=tuple(
            FilingView(filing.code, filing.name, filing.began_on, filing.ended_on, filing.open_here)
            for filing in settlement.filings or ()
        ),
        benefit=benefit_of(settlement),
        entitled=settlement.entitled,
        epidemic=settlement.epidemic,
        prescription="" if settlement.prescription is None else settlement.prescription.number,
        pharmacist="" if settlement.prescription is None else settlement.prescription.pharmacist,
        hints=tuple(tell(hint.code, hint.params) for hint in hints(settlement)),
        refusal=tell_notice(settlement.refusal),
        disease_code="" if settlement.disease is None else settlement.disease.code,
        visit_id=settlement.visit_id,
        withdrawals_owed=settlement.owed,
        total_fen=_total_fen(settlement),
        quote=_amounts(settlement.quote),
        settled=_amounts(settlement.booking),
        cancellation=_amounts(settlement.cancellation),
        notice=_notice(settlement),
        refund=_refund(settlement),
        refund_of="" if settlement.refund_of is None else settlement.refund_of.settlement_id,
        review=_review(settlement),
    )  # fmt: skip


def _notice(settlement: Settlement) -> Told | None:
    """The newest notice; that of a sale that has settled names the cash, under the same code."""
    told, booking = tell_notice(settlement.notice), settlement.booking
    if told is None or told.code != "settled" or booking is None:
        return told
    cash_fen = booking.split.cash_fen
    words = tell("settled_cash", {"cash": format_yuan(cash_fen)}) if cash_fen else tell("settled_no_cash")
    return Told(told.code, words.zh, words.en)


def _review(settlement: Settlement) -> ReviewView | None:
    review = settlement.review
    if review is None:
        return None
    findings = tuple(
        FindingView(row.rule, row.name, row.text, row.severity, row.amount_fen, row.lines, row.blocks)
        for row in review.findings
    )
    waits = waits_for_answer(settlement)
    told = review.told and not review.lost
    return ReviewView(review.failed, findings, waits, review.way, review.reason, told)


def _line_view(line: ChargeLine) -> LineView:
    return LineView(
        line.number, line.name, line.spec, line.barcode, line.national_code, line.own_code,
        line.quantity.wire_text(), line.price.wire_text(), line.amount_fen, len(line.trace_codes),
        line.selected, line.listed_until,
    )  # fmt: skip


def _refund(settlement: Settlement) -> RefundView | None:
    plan = settlement.refund
    if plan is None:
        return None
    names = {line.number: line.name for line in settlement.lines}
    returned = tuple(
        ReturnView(row.number, names[row.number], row.quantity.wire_text(), len(row.trace_codes))
        for row in plan.returned
    )
    return RefundView(returned, plan.rest_id, plan.withdrawn, plan.operator)


def _amounts(booking: Booking | None) -> AmountsView | None:
    if booking is None:
        return None
    split, info = booking.split, booking.info
    return AmountsView(
        total_fen=split.total_fen,
        fund_fen=split.fund_fen,
        account_fen=split.account_fen,
        mutual_aid_fen=split.mutual_aid_fen,
        cash_fen=split.cash_fen,
        hospital_fen=split.hospital_fen,
        balance_fen=None if info.balance_fen is None else int(info.balance_fen),
        setl_id=info.settlement_id,
        mdtrt_id=info.visit_id,
        funds=tuple(FundView(fund.fund_type, fund.name, fund.amount_fen) for fund in booking.funds),
        setlinfo=setlinfo_view(info) if info.visit_id else {},
        disclosure=disclosure_view(booking) if info.visit_id else None,
    )


def setlinfo_view(info: SettlementInfo) -> dict[str, str]:
    """Return `setlinfo` under wire names as text, without identities; members the hub did not send are left out."""
    return {name: text for name, text in row_of(info).items() if name not in _NOT_TOLD}


def _total_fen(settlement: Settlement) -> int:
    """By the charge sheet; by the booking where the sheet is past its term."""
    if settlement.booking is not None and not settlement.lines:
        return settlement.booking.split.total_fen
    return sum(line.amount_fen for line in settlement.lines)


def summary_view(row: SettlementRow) -> SummaryView:
    """Return one row of a list."""
    known = settlement_of(row)
    total_fen = row.amounts.total_fen if row.amounts else sum(line.amount_fen for line in known.lines)
    return SummaryView(
        id=row.id,
        sequence=row.terminal_sequence,
        receipt_number=receipt_number(known),
        sale_number=row.key.sale_number,
        business_date=row.key.business_date.isoformat(),
        state=row.state.value,
        total_fen=total_fen,
        changed_at=row.changed_at.isoformat(sep=" ", timespec="seconds"),
        doubt_since="" if row.doubt_since is None else row.doubt_since.isoformat(sep=" ", timespec="seconds"),
    )


def history_view(
    settlement: Settlement, attempts: list[AttemptRow], receipts: list[ReceiptRow], rule: MaskRule
) -> HistoryView:
    """Return a settlement with its messages and slips."""
    return HistoryView(
        settlement_view(settlement, rule),
        tuple(
            AttemptView(
                attempt.msgid, attempt.purpose, attempt.infno, attempt.state, attempt.verdict or "", attempt.sent_at,
                attempt.ended_at or "",
            )
            for attempt in attempts
        ),
        tuple(ReceiptView(receipt.kind, receipt.copy_number, receipt.state) for receipt in receipts),
    )  # fmt: skip


def event_view(entry: FeedEntry) -> EventView:
    """Return one entry of the feed."""
    return EventView(entry.number, entry.settlement_id, entry.state, tell_notice(entry.notice))
