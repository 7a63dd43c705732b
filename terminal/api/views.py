"""What the API says about things: JSON with amounts in fen, identities masked, texts in both languages."""

import msgspec

from protocols.hub.settlement import SettlementInfo
from terminal.api.benefit_views import (
    CategoryView,
    DisclosureView,
    EnrolmentView,
    category_views,
    disclosure_view,
    enrolment_views,
)
from terminal.api.rows import row_of
from terminal.core.benefits import benefit_of
from terminal.core.hints import hints
from terminal.core.reviewing import waits_for_answer
from terminal.core.values import Booking, ChargeLine, Settlement
from terminal.counter.engine import in_doubt
from terminal.counter.feed import FeedEntry
from terminal.journal.records import AttemptRow, ReceiptRow, SettlementRow
from terminal.journal.sheet import identity_is_gone, settlement_of
from terminal.slips.masking import MaskRule, mask_certno, mask_name
from terminal.slips.rendering import receipt_number
from terminal.texts import Told, tell, tell_notice

_NOT_TOLD = frozenset({"psn_name", "psn_no", "certno", "brdy", "gend", "naty", "age"})


class LineView(msgspec.Struct, frozen=True):
    """One charge line."""

    number: int
    name: str
    spec: str
    barcode: str
    national_code: str
    own_code: str
    quantity: str
    price: str
    """Yuan."""
    amount_fen: int
    trace_codes: int
    selected: bool = False
    """A product of centralised procurement."""
    listed_until: str = ""
    """Last day on the insurance's list, where one is known."""


class PersonView(msgspec.Struct, frozen=True):
    """The person, masked."""

    name: str
    certno: str
    insutype: str
    psn_type: str
    insured_division: str
    balance_fen: int
    past_term: bool = False
    """Name and identity number have been deleted at the end of their term."""
    insured_since: str = ""
    enrolments: tuple[EnrolmentView, ...] = ()
    categories: tuple[CategoryView, ...] = ()
    """Assistance categories on record at the hub; nobody at a counter can set one."""
    civil_servant: bool = False


class FundView(msgspec.Struct, frozen=True):
    """One fund's share."""

    fund_pay_type: str
    name: str
    amount_fen: int


class FilingView(msgspec.Struct, frozen=True):
    """One filed chronic or special disease."""

    code: str
    name: str
    since: str = ""
    until: str = ""
    open_here: bool = True
    """False where it is not among those opened for people of other provinces."""


class ReturnView(msgspec.Struct, frozen=True):
    """How much of one line came back."""

    line: int
    name: str
    quantity: str
    trace_codes: int


class RefundView(msgspec.Struct, frozen=True):
    """Why a sale was cancelled: these goods came back."""

    returned: tuple[ReturnView, ...]
    rest_id: str
    """The sale of what remained, open once this one is CANCELLED; empty when everything came back."""
    withdrawn: bool
    """Nothing is settled anew, by an operator's wish."""
    operator: str


class FindingView(msgspec.Struct, frozen=True):
    """One rule that the hub's review sees broken."""

    rule: str
    """The rule's number."""
    name: str
    text: str
    """The hub's own words."""
    severity: str
    """1 clear, 2 highly suspect, 3 slightly suspect."""
    amount_fen: int
    lines: tuple[int, ...]
    """Numbers of the charge lines it is about."""
    blocks: bool
    """Nobody may carry on: change the sheet."""


class ReviewView(msgspec.Struct, frozen=True):
    """What the hub's review said of the sheet, and what the operator answered."""

    failed: bool
    """The hub did not review: ask for the quote again, or carry on without it, for a reason."""
    findings: tuple[FindingView, ...]
    waits: bool
    """Nobody has answered the findings yet."""
    way: str
    """1 carry on, 2 go back and change; empty before."""
    reason: str
    told: bool
    """The hub has answered the feedback (3103); false also where it never did and the sale went on without."""


class AmountsView(msgspec.Struct, frozen=True):
    """Who pays what, in fen."""

    total_fen: int
    fund_fen: int
    account_fen: int
    mutual_aid_fen: int
    cash_fen: int
    hospital_fen: int
    balance_fen: int | None
    setl_id: str
    mdtrt_id: str
    funds: tuple[FundView, ...]
    setlinfo: dict[str, str]
    """The hub's own fields under their wire names, amounts as yuan text, without identities."""
    disclosure: DisclosureView | None = None
    """On what terms; None of a record whose sheet is past its term."""


class SettlementView(msgspec.Struct, frozen=True):
    """One settlement."""

    id: str
    receipt_number: str
    sale_number: str
    till: str
    business_date: str
    generation: int
    lane: str
    flow: str
    state: str
    in_doubt: bool
    quarantine: bool
    busy: bool
    msgid: str
    """Message id of the settlement message; empty before it was composed."""
    person: PersonView | None
    lines: tuple[LineView, ...]
    filings: tuple[FilingView, ...]
    disease_code: str
    visit_id: str
    withdrawals_owed: tuple[str, ...]
    """Undo messages of an ended visit that the hub has not answered yet."""
    total_fen: int
    quote: AmountsView | None
    settled: AmountsView | None
    cancellation: AmountsView | None
    notice: Told | None
    refund: RefundView | None = None
    refund_of: str = ""
    """Of the sale of what remained after a refund: the cancelled sale it comes from."""
    review: ReviewView | None = None
    """None where the profile asks for no review."""
    benefit: str = ""
    """Kind of benefit asked for: `pharmacy`, `chronic`, `ordinary`, ..."""
    entitled: bool = False
    """The hub has said that the person is entitled to it now (2001)."""
    epidemic: bool = False
    self_pay: tuple[LineView, ...] = ()
    """Sold beside the insurance: in none of the amounts above."""
    self_pay_fen: int = 0
    """What they cost; the customer pays it beside the cash part."""
    prescription: str = ""
    """Number of the circulating prescription that the purchase is for."""
    pharmacist: str = ""
    """Who reviewed it."""
    hints: tuple[Told, ...] = ()
    """What the desk should know before the person agrees; decides nothing."""
    refusal: Told | None = None
    """The newest refusal of this sale, in plain words; it can be printed."""


class AttemptView(msgspec.Struct, frozen=True):
    """One message that could change the hub."""

    msgid: str
    purpose: str
    infno: str
    state: str
    verdict: str
    sent_at: str
    ended_at: str


class ReceiptView(msgspec.Struct, frozen=True):
    """One slip."""

    kind: str
    copy_number: int
    state: str


class HistoryView(msgspec.Struct, frozen=True):
    """A settlement with everything that was sent and printed for it."""

    settlement: SettlementView
    attempts: tuple[AttemptView, ...]
    receipts: tuple[ReceiptView, ...]


class SummaryView(msgspec.Struct, frozen=True):
    """One row of a list."""

    id: str
    sequence: int
    receipt_number: str
    sale_number: str
    business_date: str
    state: str
    total_fen: int | None
    changed_at: str
    doubt_since: str


class EventView(msgspec.Struct, frozen=True):
    """Something that happened."""

    number: int
    settlement_id: str
    state: str
    notice: Told | None


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
        notice=tell_notice(settlement.notice),
        refund=_refund(settlement),
        refund_of="" if settlement.refund_of is None else settlement.refund_of.settlement_id,
        review=_review(settlement),
    )  # fmt: skip


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
