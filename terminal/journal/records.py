"""Values that go into and come out of the journal."""

import datetime as dt

import msgspec

from terminal.core.states import State
from terminal.core.submission import Progress, SubmissionState
from terminal.core.values import AttemptEnded, AttemptSent, Move, SaleKey


class Stamp(msgspec.Struct, frozen=True):
    """When something was written, by both clocks."""

    wall: dt.datetime
    """Knows its zone (UTC+8 when written); what people read."""
    monotonic_s: float
    """Seconds of the monotonic clock of this boot; what deadlines use."""


class Amounts(msgspec.Struct, frozen=True):
    """The summed columns of a settlement in fen, all positive; the direction is the state's business."""

    total_fen: int
    fund_fen: int
    account_fen: int
    mutual_aid_fen: int
    cash_fen: int
    hospital_fen: int
    mutual_aid_beside: bool = False
    """True only where the province counts mutual aid beside the account instead of inside it (K41)."""


class SettlementRow(msgspec.Struct, frozen=True):
    """One settlement as stored."""

    id: str
    key: SaleKey
    terminal_sequence: int
    lane: str
    flow: str
    state: State
    person: str | None
    """Pseudonym (keyed hash of the person number), never the number."""
    amounts: Amounts | None
    quarantine: bool
    opened_at: dt.datetime
    changed_at: dt.datetime
    doubt_since: dt.datetime | None
    sheet: bytes
    """Everything else the machine needs after a restart, encrypted at rest; tokens are not in it. Without names when their
    term is over, empty when its own is (`settlement_of` in `sheet.py` makes the best of either)."""


class AttemptRow(msgspec.Struct, frozen=True):
    """One attempt as stored, with the bytes decrypted."""

    msgid: str
    settlement: str
    purpose: str
    infno: str
    key_id: str
    request: bytes
    state: str
    verdict: str | None
    answer: bytes | None
    sent_at: str
    ended_at: str | None
    past_term: bool = False
    """True when the bytes have been deleted at the end of their term: then request and answer are empty."""


class Sent(msgspec.Struct, frozen=True):
    """One attempt without its bytes: what was sent when, and what became of it."""

    msgid: str
    settlement: str
    purpose: str
    state: str
    verdict: str
    """Empty while there is none."""
    sent_at: dt.datetime
    ended_at: dt.datetime | None


class AuditRow(msgspec.Struct, frozen=True):
    """One link of the audit chain: `hash` = SM3 of `previous` followed by `record`."""

    sequence: int
    previous: bytes
    hash: bytes
    record: bytes
    """Canonical JSON; pseudonyms only."""


class QueueEntry(msgspec.Struct, frozen=True):
    """Where a reversal or a doubtful cancellation stands in its series of tries; never expires."""

    tries: int
    due_at: dt.datetime
    last_verdict: str
    quiet_stage: int = 0
    """0 first series, 1 not found once and waiting, 2 second 2601 on its way."""


class ReceiptRow(msgspec.Struct, frozen=True):
    """One slip as stored."""

    id: int
    settlement: str
    kind: str
    copy_number: int
    state: str


class NewReceipt(msgspec.Struct, frozen=True):
    """A slip that is owed; written in the transaction of the outcome it tells of."""

    kind: str
    copy_number: int = 0


class Idempotency(msgspec.Struct, frozen=True):
    """A client's own key for one request, with the fingerprint of its canonical body."""

    client: str
    key: str
    fingerprint: bytes


class Commit(msgspec.Struct, frozen=True):
    """One durable point: everything in it is on disk together, or nothing is."""

    row: SettlementRow
    moves: tuple[Move, ...]
    actor: str
    stamp: Stamp
    sent: AttemptSent | None = None
    ended: AttemptEnded | None = None
    queue: QueueEntry | None = None
    leave_queue: bool = False
    receipt: NewReceipt | None = None
    code_mark: str = ""
    """Keyed hash of the certificate code this settlement uses up."""
    opens: SettlementRow | None = None
    """A sale that begins with it (what remains after a refund); generation and sequence are given by the journal."""


class NewSubmission(msgspec.Struct, frozen=True):
    """Something that is to reach the hub outside a settlement."""

    id: str
    kind: str
    """Our word for it, such as `stock.sale`."""
    infno: str
    content: bytes
    """What the message is made of; sealed at rest."""


class SubmissionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One submission as stored."""

    id: str
    sequence: int
    client: str
    key: str
    part: int
    """Which of the messages of one request, from 1."""
    fingerprint: bytes
    business_date: dt.date
    """The day it was opened: under its key it is sealed."""
    kind: str
    infno: str
    opened_at: dt.datetime
    progress: Progress
    reason: str
    """A machine word: why it stands where it stands."""
    due_at: dt.datetime | None
    changed_at: dt.datetime
    content: bytes
    """Empty past its term."""
    result: bytes = b""
    """What the hub answered, in our terms; empty before, and past its term."""


class SubmissionMessage(msgspec.Struct, frozen=True):
    """A message of a submission that is about to leave."""

    msgid: str
    infno: str
    key_id: str
    request: bytes


class SubmissionAttempt(msgspec.Struct, frozen=True):
    """A message of a submission as stored, with the bytes decrypted; they are empty past their term."""

    msgid: str
    infno: str
    key_id: str
    request: bytes
    state: str
    verdict: str | None
    answer: bytes | None
    sent_at: str
    ended_at: str | None


class SubmissionChange(msgspec.Struct, frozen=True, kw_only=True):
    """One durable point of a submission."""

    row: SubmissionRow
    """As it is from now on."""
    before: SubmissionState
    actor: str
    stamp: Stamp
    sent: SubmissionMessage | None = None
    ended: AttemptEnded | None = None


class JournalRefused(Exception):
    """The journal did not take the request; nothing was written. `code` and `params` are a message for the operator."""

    def __init__(self, code: str, settlement_id: str = "", **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.settlement_id = settlement_id
        self.params = params


class JournalFailed(Exception):
    """Durability is in doubt (disk full, I/O error, corruption). The process must stop; only the disk is believed after it."""

    def __init__(self, reason: str, code: str = "", **params: str) -> None:
        """`code` is a message code for the operator, with its parameters, where there is a better word than `reason`."""
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.params = params
