"""How a flow's table is read: which facts are known, which step is due, which effect begins it."""

import msgspec

from protocols.hub.profile import Profile
from terminal.core.benefits import needs_disease
from terminal.core.events import Answered, Ask, Compose, Decision, Decode, Effect, Heard, NotAuthentic
from terminal.core.flows import FLOWS, REMEDIES, Act, Fact, Step
from terminal.core.outcome import Verdict, not_sent_notice, reason_of
from terminal.core.states import OPEN_DOUBT, State, require_allowed
from terminal.core.values import AttemptEnded, Move, Notice, Review, Settlement

_replace = msgspec.structs.replace

FIND_VISIT = "find visit"
"""Running: 5201 asks whether a registration whose answer was lost has arrived."""
WITHDRAW_BATCH = "withdraw batch"
"""Running: 2205 takes back the batch whose upload was lost or overtaken by changed lines."""


def moved(settlement: Settlement, target: State, reason: str) -> tuple[Settlement, tuple[Move, ...]]:
    """Change the state, if the state table allows it."""
    require_allowed(settlement.state, target)
    return _replace(settlement, state=target), (Move(settlement.state, target, reason),)


def close_if_over(decision: Decision) -> Decision:
    """Acknowledged and the slip is out: the sale is over."""
    settlement = decision.settlement
    if settlement.state is not State.DELIVERED or not settlement.paper_out:
        return decision
    closed, moves = moved(settlement, State.CLOSED, "slip out and acknowledged")
    return _replace(decision, settlement=closed, moves=(*decision.moves, *moves))


def ended(settlement: Settlement, state: str, verdict: str, heard: Heard) -> AttemptEnded:
    """What became of the newest attempt, with the bytes that came back, if any."""
    if settlement.attempt is None:
        raise AssertionError("an answer without an attempt")
    raw = b"" if not hasattr(heard, "raw") else heard.raw
    return AttemptEnded(settlement.attempt.msgid, state, verdict, raw)


def facts(settlement: Settlement) -> frozenset[Fact]:
    """What is known, in the words of the flow tables."""
    known = {
        Fact.CODE: settlement.code is not None,
        Fact.MEDIUM: settlement.medium is not None,
        Fact.PERSON: settlement.person is not None,
        Fact.ENTITLEMENT: settlement.entitled,
        Fact.FILINGS: bool(settlement.filings) or not needs_disease(settlement),
        Fact.DISEASE: settlement.disease is not None,
        Fact.VISIT: bool(settlement.visit_id),
        Fact.DIAGNOSIS: settlement.diagnosed,
        Fact.LINES: bool(settlement.lines),
        Fact.CHARGES: settlement.charged,
        **_review_facts(settlement.review),
        Fact.QUOTE: settlement.quote is not None,
        Fact.CONFIRMATION: settlement.confirmed,
        Fact.SETTLEMENT: settlement.booking is not None,
        Fact.CANCEL_WISH: settlement.cancel_wish,
        Fact.CANCELLATION: settlement.state is State.CANCELLED,
        Fact.DOUBT: settlement.state in OPEN_DOUBT,
        Fact.PAPER: settlement.paper_out,
        Fact.ACKNOWLEDGEMENT: settlement.acknowledged,
    }
    return frozenset(fact for fact, there in known.items() if there)


def _review_facts(review: Review | None) -> dict[Fact, bool]:
    """A sale without review knows all three facts from the beginning; so does one that the review found nothing in."""
    if review is None:
        return dict.fromkeys((Fact.REVIEW, Fact.REVIEW_ANSWER, Fact.FEEDBACK), True)
    clean = review.is_answered and not review.findings
    return {
        Fact.REVIEW: review.is_answered,
        Fact.REVIEW_ANSWER: clean or bool(review.way),
        Fact.FEEDBACK: clean or review.told,
    }


def due_step(settlement: Settlement) -> Step | None:
    """Return the first step whose needs are met and whose facts are still missing; None at a waiting point."""
    known = facts(settlement)
    for step in FLOWS[settlement.flow].steps:
        if known.issuperset(step.gives):
            continue
        return step if known.issuperset(step.needs) else None
    return None


def advance(decision: Decision) -> Decision:
    """Begin the next due step of the flow, if it is one the terminal can do by itself."""
    settlement = decision.settlement
    due = due_step(settlement)
    if due is None or due.act in (Act.PERSON, Act.PRINT):
        return decision
    running, effect = _beginning(settlement, due)
    return _replace(
        decision, settlement=_replace(settlement, running=running), effects=(*decision.effects, effect)
    )


def _beginning(settlement: Settlement, due: Step) -> tuple[str, Effect]:
    match due.act:
        case Act.DECODE if settlement.code is not None:
            return due.name, Decode(settlement.code)
        case Act.ASK:
            return due.name, Ask(due.message)
        case Act.BOOK if due.name in settlement.unsure and due.name in REMEDIES:
            return remedy(due.name)
        case Act.BOOK:
            return due.name, Compose("STEP", due.message)
        case Act.SETTLE:
            return due.name, Compose("SETTLE", due.message)
        case _:
            raise AssertionError(f"step {due.name} cannot begin by itself")


def remedy(name: str) -> tuple[str, Effect]:
    """What comes before a booked step whose last answer was lost is tried again."""
    message = REMEDIES[name]
    if name == "register":
        return FIND_VISIT, Ask(message)
    return WITHDRAW_BATCH, Compose("STEP", message)


def question_failed(verdict: Verdict, heard: Heard, profile: Profile) -> Notice:
    """What to tell when a question or a booked step brought nothing; no money is concerned."""
    if verdict is Verdict.UNSENT:
        return not_sent_notice("hub_not_reached", heard, profile)
    if verdict is Verdict.REFUSED and isinstance(heard, Answered):
        return Notice("hub_refused_question", {"text": heard.err_msg})
    if isinstance(heard, Answered):
        return Notice("hub_unclear_question", {"text": heard.err_msg})
    if isinstance(heard, NotAuthentic):
        return Notice("hub_not_understood", {"profile": profile.name, "reason": reason_of(heard)})
    return Notice("hub_silent_question", {"reason": reason_of(heard)})
