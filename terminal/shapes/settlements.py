"""What is told of a settlement: amounts in fen, identities masked, texts in both languages."""

import msgspec

from terminal.shapes.benefits import CategoryView, DisclosureView, EnrolmentView
from terminal.texts import Told


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
