"""Values of the settlement core: who, what, how much, which message. All frozen; money is integer fen."""

import datetime as dt

import msgspec

from protocols.hub.settlement import SettlementInfo
from protocols.money import Price, Quantity, Ratio, Split
from protocols.secret import Secret
from terminal.core.states import State


class SaleKey(msgspec.Struct, frozen=True):
    """What makes a sale the same sale: one live settlement per key, by schema (invariant I1)."""

    institution: str
    till: str
    sale_number: str
    business_date: dt.date
    """Day in UTC+8, fixed when the sale is opened; it does not move at midnight (fault F34)."""
    generation: int = 1
    """Counts the settlements of one sale number: the next one only after REFUSED, REVERSED, CANCELLED or ABANDONED."""


class ChargeLine(msgspec.Struct, frozen=True):
    """One line of the charge sheet (费用明细)."""

    number: int
    """Line number from 1, `feedetl_sn` on the wire."""
    national_code: str
    """`med_list_codg`, the national catalogue code."""
    own_code: str
    """`medins_list_codg`, the shop's own code."""
    name: str
    spec: str
    quantity: Quantity
    price: Price
    amount_fen: int
    """price x quantity, half up to the fen (identity M1)."""
    barcode: str = ""
    trace_codes: tuple[str, ...] = ()
    days: int = 0
    """How many days the quantity lasts as prescribed; 0 = nobody said. Only the hub's review is told."""
    single_dose: str = ""
    """How much is taken at a time, as prescribed."""
    frequency: str = ""
    """How often it is taken, as prescribed."""
    indication: bool = False
    """The doctor has confirmed the indication that the list asks for (限定支付); sent at a clinic only."""
    selected: bool = False
    """A product of centralised procurement, by the shop's own list."""
    listed_until: str = ""
    """Last day on the insurance's list, where one is known."""


class Medium(msgspec.Struct, frozen=True):
    """What the person showed (就诊凭证); lives in memory only and is dropped when the settlement ends."""

    kind: str
    """`mdtrt_cert_type`: 01 e-certificate, 02 identity number, 03 social-security card."""
    number: Secret
    """`mdtrt_cert_no`: token, identity number or card number."""
    card_sn: Secret = Secret("")
    certno: Secret = Secret("")
    name: Secret = Secret("")


class Enrolment(msgspec.Struct, frozen=True):
    """One enrolment of the person, in force or not (`insuinfo` of 1101)."""

    insutype: str
    psn_type: str
    status: str
    """`psn_insu_stas`: 1 normal, 2 paused, 3 invalid, 4 ended."""
    division: str
    since: str = ""
    """`psn_insu_date`."""
    paused: str = ""


class Category(msgspec.Struct, frozen=True):
    """An assistance category the hub has on record (`idetinfo` of 1101); nobody at a counter can set one."""

    code: str
    """`psn_idet_type`."""
    name: str = ""
    began_at: str = ""
    ended_at: str = ""


class Person(msgspec.Struct, frozen=True):
    """The insured person as 1101 describes them, with the one enrolment this settlement uses."""

    psn_no: Secret
    name: Secret
    certno: Secret
    cert_type: str
    insutype: str
    psn_type: str
    insured_division: str
    """`insuplc_admdvs`; goes into the envelope of every later message of the visit."""
    balance_fen: int
    sex: str = ""
    """`gend`: 1 male, 2 female; empty where the hub does not say."""
    birth_date: Secret = Secret("")
    """`brdy`, yyyy-MM-dd."""
    enrolments: tuple[Enrolment, ...] = ()
    """Every enrolment that 1101 named, the one used among them."""
    categories: tuple[Category, ...] = ()
    civil_servant: bool = False

    @property
    def insured_since(self) -> str:
        """First day of the enrolment that is used, as the hub writes it."""
        return next((row.since for row in self.enrolments if self.uses(row)), "")

    def uses(self, enrolment: Enrolment) -> bool:
        """Whether this is the enrolment that is used."""
        return (enrolment.insutype, enrolment.division, enrolment.status) == (
            self.insutype,
            self.insured_division,
            "1",
        )


class PrescribedDrug(msgspec.Struct, frozen=True):
    """One drug of a circulating prescription."""

    national_code: str
    name: str
    quantity: Quantity


class Prescription(msgspec.Struct, frozen=True):
    """A circulating prescription that a pharmacist has reviewed, locked at the centre for one sale."""

    number: str
    """`rxno`."""
    drugs: tuple[PrescribedDrug, ...]
    pharmacist: str
    """Number of who reviewed it."""
    valid_until: str = ""


class Filing(msgspec.Struct, frozen=True):
    """One chronic or special disease filed for the person (5301)."""

    code: str
    """`opsp_dise_code`, M0xxxx."""
    name: str
    began_on: str = ""
    ended_on: str = ""
    open_here: bool = True
    """False for somebody from another province whose filed disease is not among those opened across provinces."""


class Disease(msgspec.Struct, frozen=True):
    """What the visit is for: a filed disease and the doctor's diagnosis."""

    code: str
    name: str
    diagnosis_code: str
    """ICD-10, insurance version."""
    diagnosis_name: str


class Finding(msgspec.Struct, frozen=True):
    """One rule that the hub's review sees broken."""

    id: str
    """`jr_id`, what the feedback names."""
    rule: str
    """`rule_id`, the rule's number."""
    name: str
    text: str
    """`vola_cont`, the hub's own words about what is wrong."""
    severity: str
    """`sev_deg`: 1 clear, 2 highly suspect, 3 slightly suspect."""
    amount_fen: int
    lines: tuple[int, ...]
    """Numbers of the charge lines it is about."""
    blocks: bool = False
    """The profile lets no operator carry on with a finding this severe."""


class Review(msgspec.Struct, frozen=True):
    """What the hub's review (3101 or 3102) said of exactly these lines and this person, and what the operator did about it."""

    is_answered: bool = False
    """The hub has said what it found, or an operator goes on without its answer."""
    failed: bool = False
    """Asked without an answer: an operator may go on without one, for a reason."""
    findings: tuple[Finding, ...] = ()
    way: str = ""
    """`dspo_way`: 1 carry on, 2 go back and change; empty = nobody has answered yet."""
    reason: str = ""
    """Why the operator carries on."""
    operator: str = ""
    told: bool = False
    """The hub has the feedback (3103), has refused to take it, or is not told it any more (`lost`)."""
    outdated: bool = False
    """The lines are no longer those reviewed: once the feedback is told, the hub is asked anew."""
    unanswered: int = 0
    """Messages with the feedback that left and were not answered."""
    lost: bool = False
    """Nobody knows whether the hub has the feedback, and it is not sent again."""


class FundRow(msgspec.Struct, frozen=True):
    """One row of `setldetail`: which fund pays how much."""

    fund_type: str
    amount_fen: int
    name: str = ""
    limit_fen: int | None = None
    """Rest of the fund's limit before this payment (`crt_payb_lmt_amt`); None = no limit named."""
    working: str = ""
    """The hub's own words on how it came to the amount (`setl_proc_info`)."""

    @property
    def limit_left_fen(self) -> int | None:
        """Rest of the limit after this payment."""
        return None if self.limit_fen is None else max(0, self.limit_fen - abs(self.amount_fen))


class LineShare(msgspec.Struct, frozen=True):
    """How the hub splits one charge line (`detlcutinfo` of 2101 and 2102, `result` of 2204)."""

    catalogue_class: str
    """`chrgitm_lv`: 01 A, 02 B, 03 C."""
    self_paid_fen: int
    over_limit_fen: int
    class_b_share_fen: int
    policy_scope_fen: int
    price_limit: Price | None = None
    """Highest payable price of one unit (`pric_uplmt_amt`); None = none."""
    self_paid_ratio: Ratio | None = None
    """`selfpay_prop`."""
    negotiated: bool = False


class Booking(msgspec.Struct, frozen=True):
    """The hub's answer to a quote, a settlement or a cancellation; positive amounts (the state gives the direction)."""

    split: Split
    info: SettlementInfo
    """`setlinfo` as received (a cancellation's carries negative amounts)."""
    funds: tuple[FundRow, ...] = ()
    line_classes: tuple[str, ...] = ()
    """`chrgitm_lv` per charge line: 01 A, 02 B, 03 C; empty when the answer names none."""
    line_shares: tuple[LineShare, ...] = ()
    """One for each charge line in its order; empty when the hub named none, or not all of them."""


class Attempt(msgspec.Struct, frozen=True):
    """The newest message of this settlement that can change the hub."""

    msgid: str
    purpose: str
    """SETTLE, REVERSE, CANCEL or STEP."""
    infno: str
    key_id: str
    request: bytes
    """The exact signed bytes; the same ones go out when the first try was proved unsent."""


class ReturnedLine(msgspec.Struct, frozen=True):
    """How much of one charge line comes back."""

    number: int
    """Number of the line on the sheet that was settled."""
    quantity: Quantity
    trace_codes: tuple[str, ...] = ()
    """Of the packs that come back."""


class RefundPlan(msgspec.Struct, frozen=True):
    """Why a settlement is cancelled: these goods come back, and those remain to be settled anew."""

    returned: tuple[ReturnedLine, ...]
    remaining: tuple[ChargeLine, ...]
    """Numbered from 1; empty when everything comes back."""
    rest_id: str
    """Id of the sale of what remains; empty when nothing does."""
    operator: str
    reason: str = ""
    rest_visit_no: str = ""
    """`ipt_otp_no` of that sale, of a clinic visit."""
    withdrawn: bool = False
    """Nothing is settled anew: the operator wants it so, or `perhaps_settled`."""
    perhaps_settled: bool = msgspec.field(name="in_old_copy", default=False)
    """What remains may be settled already, so it is not opened: the refund was found under way in an old copy of the journal
    (for which alone the stored name speaks), or something else had cancelled the settlement before it.
    """


class RefundOf(msgspec.Struct, frozen=True):
    """Of a sale of what remained after a refund: the cancelled settlement it comes from."""

    settlement_id: str
    generation: int
    hub_settlement_id: str
    """`setl_id` of the cancelled settlement."""
    psn_no: Secret
    """Only this person can be the customer."""


class Notice(msgspec.Struct, frozen=True):
    """Something to tell the operator: a code of the message catalogue and its parameters (never identities)."""

    code: str
    params: dict[str, str] = {}


class Settlement(msgspec.Struct, frozen=True):
    """Everything the machine knows of one settlement. `medium` and `code` are never stored."""

    id: str
    key: SaleKey
    lane: str
    flow: str
    state: State
    operator: str
    division: str = ""
    """`mdtrtarea_admvs` of the institution; "" in a settlement written before it was kept."""
    benefit: str = ""
    """Kind of benefit asked for, in the words of the profile's `codes.med_type`; "" = the flow's own."""
    asked_disease: str = ""
    """Of a two-disease visit: the disease 2001 is asked about (K28)."""
    asked_insutype: str = ""
    """Which of several active enrolments to settle under; "" = the one the hub names first."""
    local_only: bool = False
    """The institution was not open to people of other provinces when the sale was opened."""
    epidemic: bool = False
    """The visit is for an epidemic: the hub lifts limits, and nothing is collected."""
    began_at: str = ""
    """`begntime` and `fee_ocur_time`: wire time of the opening, the same in every message of the sale."""
    use_account: bool = True
    """`acct_used_flag`: whether the personal account may be used."""
    lines: tuple[ChargeLine, ...] = ()
    self_pay: tuple[ChargeLine, ...] = ()
    """Goods sold beside the insurance on the same slip: never sent, in no amount of the hub's."""
    prescription: Prescription | None = None
    """Covers exactly these lines; gone when they change."""
    filings: tuple[Filing, ...] | None = None
    entitled: bool = False
    disease: Disease | None = None
    own_visit_no: str = ""
    """`ipt_otp_no`, our own number of the visit, unique for ever."""
    visit_id: str = ""
    """`mdtrt_id` of a registered visit."""
    diagnosed: bool = False
    line_classes: tuple[str, ...] = ()
    """`chrgitm_lv` of the uploaded lines, as 2204 answered."""
    line_shares: tuple[LineShare, ...] = ()
    """How 2204 split the uploaded lines."""
    charged: bool = False
    """The hub holds exactly `lines` in batch number `batch`."""
    batch: int = 1
    """Counts the charge batches of the visit; a batch number is never used twice."""
    past_diagnoses: tuple[Disease, ...] = ()
    """Diagnoses the hub may hold of this visit that no longer count; the next 2203A takes them back."""
    unsure: tuple[str, ...] = ()
    """Booked steps of which the hub may hold more than we know; the remedy comes before the step is tried again. A lost
    registration stays here for good: it may arrive late."""
    owed: tuple[str, ...] = ()
    """Withdrawals still to be answered: 2205 and 2202 after the visit ended without a settlement, 2205 also after one whose
    lost lines may arrive late."""
    stray_lines: bool = False
    """An upload of lines whose answer was lost was not there to be withdrawn: it may arrive late."""
    refusals: int = 0
    """How often the hub has refused to take the registration back while it stood there."""
    code: Secret | None = None
    """E-certificate code as scanned, until it has been decoded."""
    code_mark: str = ""
    """Keyed hash of that code, so that it cannot serve a second sale (abuse case T02)."""
    medium: Medium | None = None
    person: Person | None = None
    review: Review | None = None
    """None: the profile asks for no review of this sale."""
    quote: Booking | None = None
    booking: Booking | None = None
    cancellation: Booking | None = None
    attempt: Attempt | None = None
    in_flight: bool = False
    """The newest attempt was written and its outcome is not: after a restart it is unknown."""
    settle_msgid: str = ""
    """Message id of the settlement message: the handle of 2601."""
    settle_infno: str = ""
    """Number it was sent under, as 2601 must name it whatever the profile says by then; "" in a settlement written before."""
    settle_key_id: str = ""
    """Key that signed it; "" in a settlement written before schema 2."""
    cancel_from: State | None = None
    """Where a refused cancellation goes back to."""
    cancel_wish: bool = False
    confirmed: bool = False
    tries: int = 0
    """Tries of the present series (reversal, or finishing a cancellation)."""
    quiet_stage: int = 0
    """0 never "not found", 1 not found once (a settlement, or a visit that is owed), 2 second 2601 on its way. Of a
    cancellation: 1 a repeat was refused while an earlier one may still arrive, 2 that quiet time is over."""
    manual: bool = False
    """A person has been called; between the slow tries it waits in MANUAL, where two people can close it."""
    unseen: bool = False
    """Reversed because the hub twice knew of no such record."""
    in_old_copy: bool = False
    """Found unfinished in an old copy of the journal: messages about it may have been sent that this journal does not know."""
    armed_in_old_copy: bool = False
    """There it was armed and proved unsent: nobody knows whether, and on which day, it has left since."""
    quarantine: bool = False
    """Booked at the hub, but the answer does not fit this sale; undone by our message id, never shown as good."""
    running: str = ""
    """Name of the step whose effect is in flight; empty when idle."""
    paper_out: bool = False
    acknowledged: bool = False
    refund: RefundPlan | None = None
    """Set while, and after, the settlement is cancelled because goods come back."""
    refund_of: RefundOf | None = None
    """Set on the sale of what remained."""
    receipts: tuple[str, ...] = ()
    """Kinds of slips owed so far (the journal refuses a second original)."""
    notice: Notice | None = None
    refusal: Notice | None = None
    """The newest refusal that was told, so that it can be explained on paper whatever the notice is by then (R83)."""


class Move(msgspec.Struct, frozen=True):
    """One transition with the reason that goes into the audit record."""

    source: State
    target: State
    reason: str


class AttemptSent(msgspec.Struct, frozen=True):
    """A message that can change the hub, written before its first byte leaves (S3, S7)."""

    msgid: str
    purpose: str
    infno: str
    key_id: str
    request: bytes


SENT_AGAIN = "again"
"""Verdict of a message that was proved unsent and goes out once more."""


class AttemptEnded(msgspec.Struct, frozen=True):
    """What became of an attempt (S4, S8), or that it goes out once more with the same bytes."""

    msgid: str
    state: str
    """`ANSWERED`, `UNKNOWN`, `UNSENT`; `SENT` when an unsent message is tried again."""
    verdict: str
    answer: bytes = b""


class Retry(msgspec.Struct, frozen=True):
    """When the next try of a series is due, counted from the commit; the adapter adds the jitter."""

    tries: int
    delay_s: float
    jitter: float
    verdict: str
    quiet_stage: int
