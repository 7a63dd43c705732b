"""What can happen to a settlement (events) and what it asks the outside to do (effects)."""

import msgspec

from protocols.secret import Secret
from terminal.core.states import State
from terminal.core.values import (
    AttemptEnded,
    AttemptSent,
    ChargeLine,
    Disease,
    Medium,
    Move,
    Prescription,
    RefundPlan,
    Retry,
    Settlement,
)

# -- what people and devices do -------------------------------------------------------------------


class LinesSet(msgspec.Struct, frozen=True):
    """The charge sheet is now this; an earlier quote no longer holds."""

    lines: tuple[ChargeLine, ...]
    self_pay: tuple[ChargeLine, ...] | None = None
    """Goods beside the insurance; None = as before."""


class CodeGiven(msgspec.Struct, frozen=True):
    """An e-certificate code was scanned or typed just now; `mark` is its keyed hash."""

    code: Secret
    mark: str


class MediumGiven(msgspec.Struct, frozen=True):
    """A card was read or an identity number typed."""

    medium: Medium


class DiseasePicked(msgspec.Struct, frozen=True):
    """The front desk picks the filed disease and gives the diagnosis."""

    disease: Disease


class ReviewAnswered(msgspec.Struct, frozen=True):
    """The operator answers the findings of the review: carry on, for a reason, or go back and change."""

    way: str
    """`dspo_way`."""
    reason: str
    operator: str


class PrescriptionTaken(msgspec.Struct, frozen=True):
    """A prescription that covers the sale's lines was reviewed, and is locked for the sale."""

    prescription: Prescription
    person_no: Secret
    """Whose it is; the sale's person may have changed while the centre was asked."""


class QuoteAsked(msgspec.Struct, frozen=True):
    """Somebody wants the quote (again)."""


class Confirmed(msgspec.Struct, frozen=True):
    """The person agrees to the quote; `operator` pressed the key."""

    operator: str


class Abandoned(msgspec.Struct, frozen=True):
    """The operator gives the sale up."""

    operator: str


class CancelAsked(msgspec.Struct, frozen=True):
    """The operator wants a known settlement undone."""

    operator: str
    reason: str
    refund: RefundPlan | None = None
    """Set when goods come back: what remains is opened as a new sale once the cancellation is known."""


class RefundWithdrawn(msgspec.Struct, frozen=True):
    """The operator wants nothing settled anew after the cancellation under way."""

    operator: str


class Acknowledged(msgspec.Struct, frozen=True):
    """The till or the cashier has taken note of the result."""

    operator: str


class SlipPrinted(msgspec.Struct, frozen=True):
    """The slip of this kind is out (or as good as the printer will say)."""

    kind: str


class Reopened(msgspec.Struct, frozen=True):
    """The day's 3202 shows a record whose reversal the hub twice knew nothing of: two people want it reversed after all."""


class Ruled(msgspec.Struct, frozen=True):
    """Two people close what waits in MANUAL; `evidence` says on what, and who they are, and goes into the audit record."""

    target: State
    evidence: str


# -- what the far ends say -----------------------------------------------------------------------


class NotSent(msgspec.Struct, frozen=True):
    """Zero bytes were handed to the kernel: nothing happened."""

    reason: str


class NoAnswer(msgspec.Struct, frozen=True):
    """Something may have arrived, nothing whole came back: nobody knows."""

    reason: str


class NotAuthentic(msgspec.Struct, frozen=True):
    """Something came back that proves nothing: HTML, a gateway's refusal, a bad signature, another message's answer."""

    reason: str
    raw: bytes


class Answered(msgspec.Struct, frozen=True):
    """An authenticated answer to exactly our message."""

    infcode: int
    err_msg: str
    output: object | None
    """The typed output when `infcode` is 0 and the output has the shape its transaction prescribes; else None."""
    raw: bytes


Heard = NotSent | NoAnswer | NotAuthentic | Answered


class HubSaid(msgspec.Struct, frozen=True):
    """What came of the message of the step that is running."""

    infno: str
    heard: Heard


class CentreSaid(msgspec.Struct, frozen=True):
    """The e-certificate centre decoded the code."""

    medium: Medium


class CentreRefused(msgspec.Struct, frozen=True):
    """The centre said no, was not reached, or did not answer; nothing is owed."""

    code: str
    """Message code for the operator."""
    params: dict[str, str] = {}
    rescan: bool = True
    """True when this code is used up and a new one must be shown."""


class Composed(msgspec.Struct, frozen=True):
    """The message has its id, its bytes and its signature, and has not left yet."""

    purpose: str
    infno: str
    msgid: str
    key_id: str
    request: bytes
    number: str = ""
    """`infno` on the wire, where it may differ from the step's; "" = the same."""


class ComposeFailed(msgspec.Struct, frozen=True):
    """The message could not be made or written (no signature, no sign-in, a guard said no); nothing was sent."""

    purpose: str
    code: str
    params: dict[str, str] = {}


# -- what time does ------------------------------------------------------------------------------


class Due(msgspec.Struct, frozen=True):
    """The next try of a series is due."""

    doubt_age_s: float


class Restarted(msgspec.Struct, frozen=True):
    """The process was started and found this settlement unfinished on disk."""

    old_copy: bool = False
    """The journal is an older one put back: what it does not know may have happened since."""


Event = (
    LinesSet | CodeGiven | MediumGiven | DiseasePicked | PrescriptionTaken | ReviewAnswered | QuoteAsked | Confirmed | Abandoned
    | CancelAsked | RefundWithdrawn | Acknowledged | SlipPrinted | Reopened | Ruled | HubSaid | CentreSaid | CentreRefused | Composed
    | ComposeFailed | Due | Restarted
)  # fmt: skip


# -- effects -------------------------------------------------------------------------------------


class Decode(msgspec.Struct, frozen=True):
    """Ask the e-certificate centre who showed this code."""

    code: Secret


class Ask(msgspec.Struct, frozen=True):
    """Send a question that changes nothing; needs no attempt row."""

    infno: str


class Compose(msgspec.Struct, frozen=True):
    """Give the message an id, build and sign it. Nothing leaves yet."""

    purpose: str
    infno: str


class Transmit(msgspec.Struct, frozen=True):
    """Send these exact bytes once; they are on disk."""

    infno: str
    msgid: str
    request: bytes


class Wake(msgspec.Struct, frozen=True):
    """Say `Due` at the time the retry names."""


Effect = Decode | Ask | Compose | Transmit | Wake


class Decision(msgspec.Struct, frozen=True):
    """The machine's answer to one event.

    The outside commits `settlement` with `moves` and the records when `durable` is true (together with moves decided
    earlier and not yet committed), and only then runs `effects` and tells anybody.
    """

    settlement: Settlement
    moves: tuple[Move, ...] = ()
    effects: tuple[Effect, ...] = ()
    durable: bool = False
    sent: AttemptSent | None = None
    ended: AttemptEnded | None = None
    retry: Retry | None = None
    leave_queue: bool = False
    receipt: str = ""
    """Kind of slip owed from now on."""
    opens: Settlement | None = None
    """A sale that begins in the same transaction: what remains after a refund."""


class Misuse(Exception):
    """The event does not fit the state (too early, too late, wrong command); nothing changed. `code` is a message code."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
