"""The states of a settlement and the transitions allowed between them.

How to think about it. A settlement is a promise about somebody's money, and at any moment exactly one of three things
is true: nothing has left this machine (DRAFT, PRICED, ARMED), something has left and we do not yet know what became of
it (SENDING, DOUBT, REVERSING, REVERSED_ONCE, CANCELLING, CANCEL_DOUBT), or we know (CONFIRMED and what follows it,
REFUSED, REVERSED, CANCELLED, ABANDONED). A time-out is not a failure: it moves a settlement into the second group, and
only an authenticated fact moves it out again. Two words are never mixed: a *cancellation* (2103, 2208) undoes a known
settlement, a *reversal* (2601) undoes one whose outcome is unknown.

The second group is what survives a power cut: before the first byte of a request leaves, the state and the exact
signed bytes are on disk; before anybody is told an outcome, the outcome is on disk. After a restart SENDING therefore
means "it may have been sent", never "it was not", and becomes DOUBT. DOUBT never turns back into SENDING: a settlement
is sent once in its life. What can be tried again is the 2601, because it names the original message and undoes at most
that one.

MANUAL is not a way out of trying: the reversal goes on slowly, a person is called in addition.

The table below is the law; SQL triggers in the journal hold a copy of it, and the picture in docs/SETTLEMENT.md is
drawn from it.
"""

import enum

import msgspec


class State(enum.StrEnum):
    """Where a settlement stands; the text is what the journal stores."""

    DRAFT = "DRAFT"
    """Sale number reserved on disk; lines and medium are being collected; nothing has been sent that could book."""
    PRICED = "PRICED"
    """The hub has quoted who would pay what; the person has not agreed yet."""
    ARMED = "ARMED"
    """Agreed; the settlement request may be composed, or is composed and proved unsent."""
    SENDING = "SENDING"
    """Request and message id are on disk; the first byte may have left."""
    CONFIRMED = "CONFIRMED"
    """The hub has booked it and the authenticated answer is on disk."""
    DELIVERED = "DELIVERED"
    """The till or the cashier has acknowledged the result."""
    CLOSED = "CLOSED"
    """Acknowledged and the slip is out; nothing is owed to anybody here."""
    REFUSED = "REFUSED"
    """The hub has refused, authenticated; nothing booked, nothing owed."""
    ABANDONED = "ABANDONED"
    """Given up before anything that books was sent; nothing owed."""
    DOUBT = "DOUBT"
    """Sent, and no authenticated answer: the money may or may not have moved."""
    REVERSING = "REVERSING"
    """2601 is on disk and is being tried until it is answered."""
    REVERSED_ONCE = "REVERSED_ONCE"
    """2601 said "not found" once; the original may still be travelling; a second 2601 follows after the quiet time."""
    REVERSED = "REVERSED"
    """Undone by 2601 (or not found twice: marked unseen, the day's 3202 has the last word)."""
    CANCELLING = "CANCELLING"
    """The cancellation request is on disk; the first byte may have left."""
    CANCEL_DOUBT = "CANCEL_DOUBT"
    """Cancellation sent, and a try of it without an authenticated answer; it is finished (5203, then again), never undone."""
    CANCELLED = "CANCELLED"
    """Cancelled at the hub by a record of its own with negative amounts."""
    MANUAL = "MANUAL"
    """A person has been called; the slow tries go on; the sale number stays blocked."""


class Transition(msgspec.Struct, frozen=True):
    """One allowed move."""

    source: State
    target: State
    when: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition(State.DRAFT, State.PRICED, "the hub's quote has arrived"),
    Transition(State.DRAFT, State.ABANDONED, "given up, or found unfinished at start"),
    Transition(State.PRICED, State.DRAFT, "lines or medium changed: the quote no longer holds"),
    Transition(State.PRICED, State.ARMED, "the person agrees to the quote"),
    Transition(State.PRICED, State.ABANDONED, "given up, or found unfinished at start"),
    Transition(State.ARMED, State.SENDING, "message id and signed bytes are on disk (S3); or unsent in an old copy, perhaps sent since"),
    Transition(State.ARMED, State.ABANDONED, "given up; nothing left this machine"),
    Transition(State.SENDING, State.ARMED, "proved not sent: zero bytes handed to the kernel; same id and bytes next time"),
    Transition(State.SENDING, State.CONFIRMED, "authenticated success (S4)"),
    Transition(State.SENDING, State.REFUSED, "authenticated refusal with a definite code (S4)"),
    Transition(State.SENDING, State.DOUBT, "anything else: time-out, unreadable, not authentic, restart (S4)"),
    Transition(State.CONFIRMED, State.DELIVERED, "the till or cashier acknowledged (S6)"),
    Transition(State.CONFIRMED, State.REVERSING, "quarantined: the answer does not fit this sale; undone by our message id"),
    Transition(State.CONFIRMED, State.CANCELLING, "the operator cancels; request on disk"),
    Transition(State.DELIVERED, State.CLOSED, "the slip is out (S6)"),
    Transition(State.DELIVERED, State.CANCELLING, "the operator cancels; request on disk"),
    Transition(State.CLOSED, State.CANCELLING, "the operator cancels; request on disk"),
    Transition(State.DOUBT, State.REVERSING, "2601 is on disk (S7)"),
    Transition(State.DOUBT, State.CONFIRMED, "a by-message query says yes, and no 2601 was ever written"),
    Transition(State.DOUBT, State.REFUSED, "a by-message query says no, finally"),
    Transition(State.DOUBT, State.MANUAL, "open for more than 24 hours, or found on its way in an old copy of the journal"),
    Transition(State.REVERSING, State.REVERSED, "2601 done, or already undone (S8)"),
    Transition(State.REVERSING, State.REVERSED_ONCE, "2601 says not found, first time (S8)"),
    Transition(State.REVERSING, State.MANUAL, "open for more than 24 hours"),
    Transition(State.REVERSED_ONCE, State.REVERSING, "quiet time over: second 2601 is on disk (S7)"),
    Transition(State.REVERSED_ONCE, State.MANUAL, "open for more than 24 hours"),
    Transition(State.REVERSED, State.REVERSING, "unseen, and the 3202 row of the day shows the record after all"),
    Transition(State.CANCELLING, State.CANCELLED, "done, or already cancelled"),
    Transition(
        State.CANCELLING, State.CANCEL_DOUBT, "no authenticated answer, or a repeat refused while an earlier one may still arrive"
    ),
    Transition(State.CANCELLING, State.CONFIRMED, "definite refusal; back to where it came from"),
    Transition(State.CANCELLING, State.DELIVERED, "definite refusal; back to where it came from"),
    Transition(State.CANCELLING, State.CLOSED, "definite refusal; back to where it came from"),
    Transition(State.CANCEL_DOUBT, State.CANCELLING, "the cancellation is repeated; request on disk"),
    Transition(State.CANCEL_DOUBT, State.CANCELLED, "5203 shows the settlement as refunded"),
    Transition(State.CANCEL_DOUBT, State.MANUAL, "open for more than 24 hours, or found in an old copy of the journal"),
    Transition(State.MANUAL, State.REVERSING, "the slow tries go on; 2601 is on disk"),
    Transition(State.MANUAL, State.CANCELLING, "the slow tries go on; request on disk"),
    Transition(State.MANUAL, State.REVERSED, "evidence of 3202 or 5203 and two people"),
    Transition(State.MANUAL, State.CONFIRMED, "evidence of 3202 or 5203 and two people; a doubt only if no 2601 was ever written"),
    Transition(State.MANUAL, State.CANCELLED, "5203 shows the settlement as refunded, or evidence of 3202 and two people"),
    Transition(State.MANUAL, State.REFUSED, "evidence of 3202 or 5203 and two people"),
)  # fmt: skip

ALLOWED: frozenset[tuple[State, State]] = frozenset((t.source, t.target) for t in TRANSITIONS)

UNSENT = frozenset({State.DRAFT, State.PRICED, State.ARMED})
"""Nothing that books has left this machine."""
OPEN_DOUBT = frozenset({State.DOUBT, State.REVERSING, State.REVERSED_ONCE, State.CANCEL_DOUBT, State.MANUAL})
"""Nobody knows; the terminal owes an end. The lane gate looks at these."""
BOOKED = frozenset({State.CONFIRMED, State.DELIVERED, State.CLOSED})
"""At the hub and not undone."""
SALE_KEY_FREE = frozenset({State.REFUSED, State.REVERSED, State.CANCELLED, State.ABANDONED})
"""The sale number may be settled again (next generation)."""
FINAL = frozenset({State.CLOSED, State.REFUSED, State.REVERSED, State.CANCELLED, State.ABANDONED})
"""Nothing more happens unless a person asks."""


class ForbiddenTransition(Exception):
    """The machine tried a move that the table does not allow: our own bug, not the far side's. Nothing was changed."""


def require_allowed(source: State, target: State) -> None:
    """Raise `ForbiddenTransition` unless the table allows `source` to `target`."""
    if (source, target) not in ALLOWED:
        raise ForbiddenTransition(f"{source} to {target}")
