"""The hub's review before the quote: its findings wait for the operator, whose answer is on disk before the hub is told.

A review decides nothing about money. It changes nothing at the hub, so it is asked again at will. What it finds stops
the sale until the operator carries on and says why, or goes back and changes the sheet; either is told with 3103, a
message that changes the hub and is therefore written before it leaves. A 3103 that stays unanswered is simply sent
again, because the newest answer to a finding counts; but no more than `MOST_UNANSWERED` times. One that is refused, that is
never answered or that cannot be made is told to the operator and holds nobody up: the attempts and the operator's answer
stand in the journal.
"""

import msgspec

from protocols.hub.profile import Profile
from protocols.hub.review import CARRY_ON, GO_BACK
from terminal.core.advancing import advance, ended, question_failed
from terminal.core.events import Answered, Decision, Heard, Misuse, ReviewAnswered
from terminal.core.outcome import Verdict, judge, reason_of
from terminal.core.states import State
from terminal.core.values import AttemptEnded, Notice, Review, Settlement

_replace = msgspec.structs.replace

REVIEW = "3101"
"""The step's message, whichever of the two reviews the profile asks."""
FEEDBACK = "feedback"
"""Name of the step that tells the hub."""
TELLING = "3103"
"""Its message."""
AUTOMATIC_TRIES = 1
"""How often a lost feedback follows itself up before a person is asked."""
MOST_UNANSWERED = 3
"""How often 3103 is sent for one review without an answer; then the sale goes on without one (K83)."""


def due_review(profile: Profile) -> Review | None:
    """What a sale begins with: a review still to be asked, or None where the profile asks for none."""
    return None if profile.review.before_quote == "none" else Review()


def waits_for_answer(settlement: Settlement) -> bool:
    """True while findings of the review are open and nobody has answered them."""
    review = settlement.review
    return review is not None and bool(review.findings) and not review.way


def outdated(settlement: Settlement) -> Settlement:
    """The lines or the disease have changed: what was found no longer holds, and going back is what the operator has done."""
    review = settlement.review
    if review is None:
        return settlement
    if not review.findings or review.told:
        return _replace(settlement, review=Review())
    gone_back = _replace(review, way=GO_BACK, reason="", operator=settlement.operator, outdated=True)
    return _replace(settlement, review=gone_back)


def unreviewed(settlement: Settlement) -> Settlement:
    """Another person: the hub is asked anew, and what was found of somebody else is not answered."""
    return settlement if settlement.review is None else _replace(settlement, review=Review())


def review_failed(settlement: Settlement, infno: str) -> Settlement:
    """Note that the review was asked in vain; any other question leaves it as it is."""
    if infno != REVIEW or settlement.review is None:
        return settlement
    return _replace(settlement, review=Review(failed=True))


def require_answered(settlement: Settlement) -> None:
    """Raise `Misuse` while findings wait for the operator."""
    if waits_for_answer(settlement):
        raise Misuse("review_unanswered")


def answer_review(settlement: Settlement, event: ReviewAnswered) -> Decision:
    """Take the operator's answer: durable, then told to the hub. Without an answer of the hub an operator may only go on."""
    review = settlement.review
    if settlement.running:
        raise Misuse("busy")
    if review is None or settlement.state is not State.DRAFT:
        raise Misuse("nothing_to_review", state=settlement.state.value)
    if not waits_for_answer(settlement) and not review.failed:
        raise Misuse("nothing_to_review", state=settlement.state.value)
    if event.way == CARRY_ON and not event.reason:
        raise Misuse("review_needs_reason")
    blocking = [finding.rule for finding in review.findings if finding.blocks]
    if event.way == CARRY_ON and blocking:
        raise Misuse("review_blocks", rules=", ".join(blocking))
    if not review.findings and event.way != CARRY_ON:
        raise Misuse("nothing_to_review", state=settlement.state.value)
    answered = _replace(
        review, is_answered=True, failed=False, way=event.way, reason=event.reason, operator=event.operator
    )
    told = _replace(settlement, review=answered, notice=None, tries=0)
    return advance(Decision(told, durable=True))


def feedback_said(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    """Draw the conclusion from the answer (or silence) to 3103."""
    verdict = judge(heard, profile)
    idle = _replace(settlement, running="", in_flight=False)
    if verdict in (Verdict.DONE, Verdict.REFUSED) and isinstance(heard, Answered):
        notice = None if verdict is Verdict.DONE else Notice("review_not_taken", {"text": heard.err_msg})
        record = ended(settlement, "ANSWERED", verdict.value, heard)
        return _told(_replace(idle, tries=0, notice=notice), Decision(idle, durable=True, ended=record))
    if verdict is Verdict.UNSENT:
        told = _replace(idle, notice=question_failed(verdict, heard, profile))
        return Decision(told, durable=True, ended=ended(settlement, "UNSENT", verdict.value, heard))
    return _unanswered(settlement, idle, heard)


def _unanswered(settlement: Settlement, idle: Settlement, heard: Heard) -> Decision:
    reason, review = reason_of(heard), _known_review(settlement)
    record = ended(settlement, "UNKNOWN", reason, heard)
    counted = _replace(idle, review=_replace(review, unanswered=review.unanswered + 1))
    if review.unanswered + 1 >= MOST_UNANSWERED:
        return _without_hub(counted, reason, record)
    notice = Notice("review_feedback_unknown", {"reason": reason})
    told = _replace(counted, tries=settlement.tries + 1, notice=notice)
    decision = Decision(told, durable=True, ended=record)
    return advance(decision) if settlement.tries < AUTOMATIC_TRIES else decision


def feedback_not_made(idle: Settlement) -> Decision:
    """3103 does not fit the hub's own lengths, and never will: the sale goes on without it."""
    return _without_hub(idle, "too_long", None)


def _without_hub(settlement: Settlement, reason: str, record: AttemptEnded | None) -> Decision:
    """Nobody tells the hub any more; what the operator answered holds all the same."""
    notice = Notice("review_feedback_lost", {"reason": reason})
    over = _replace(settlement, tries=0, notice=notice, review=_replace(_known_review(settlement), lost=True))
    return _told(over, Decision(over, durable=True, ended=record))


def _known_review(settlement: Settlement) -> Review:
    if settlement.review is None:
        raise AssertionError("feedback without a review")
    return settlement.review


def _told(settlement: Settlement, decision: Decision) -> Decision:
    review = _known_review(settlement)
    if review.way == CARRY_ON:
        return advance(
            _replace(decision, settlement=_replace(settlement, review=_replace(review, told=True)))
        )
    fresh = _replace(decision, settlement=_replace(settlement, review=Review()))
    if review.outdated:
        return advance(fresh)  # changed already: whoever asked for the quote waits for it
    notice = settlement.notice or Notice("review_change")
    return _replace(fresh, settlement=_replace(fresh.settlement, notice=notice))
