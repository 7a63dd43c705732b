"""The interpreter: `step(settlement, event, profile) -> Decision`, pure.

It reads the flow's table for what comes next and the state table for what may be. Every change of state goes through
`moved`, which asks the table. The order of work belongs to the caller and is the whole safety of the money path:
commit what the decision says is durable, then run its effects, then tell.

`advancing` reads the tables, `collecting` is before the money, `settling` the settlement message, `undoing` reversal
and cancellation, `ruling` what two people decide, `old_copy` what a put-back journal holds open, `visit` the steps that
book without money, `reviewing` the hub's review before the quote.
"""

import msgspec

from protocols.hub.profile import Profile
from terminal.core.advancing import advance, close_if_over, moved
from terminal.core.collecting import (
    abandon,
    ask_quote,
    confirm,
    pick_disease,
    recharge,
    reprice,
    set_beside,
    without_person,
)
from terminal.core.events import (
    Abandoned,
    Acknowledged,
    Ask,
    CancelAsked,
    CentreRefused,
    CentreSaid,
    CodeGiven,
    Compose,
    Composed,
    ComposeFailed,
    Confirmed,
    Decision,
    DiseasePicked,
    Due,
    Event,
    Heard,
    HubSaid,
    LinesSet,
    MediumGiven,
    Misuse,
    PrescriptionTaken,
    QuoteAsked,
    RefundWithdrawn,
    Reopened,
    Restarted,
    ReviewAnswered,
    Ruled,
    SlipPrinted,
    Wake,
)
from terminal.core.flows import FLOWS, REVERSAL, Act
from terminal.core.old_copy import found_in_old_copy, marked, put_off
from terminal.core.outcome import MANUAL_AFTER_S, Verdict
from terminal.core.prescribing import take_prescription
from terminal.core.refunding import waits_at_start, withdraw_refund, without_rest
from terminal.core.reviewing import (
    FEEDBACK,
    answer_review,
    due_review,
    feedback_not_made,
    feedback_said,
    outdated,
)
from terminal.core.ruling import reopen, rule
from terminal.core.settling import composed, doubt, question_said, settlement_said
from terminal.core.states import BOOKED, OPEN_DOUBT, State
from terminal.core.turns import ASK_REFUNDED, require_turn
from terminal.core.undoing import (
    ask_cancel,
    cancellation_said,
    is_cancelling_quietly,
    refund_asked,
    reversal_said,
    try_later,
)
from terminal.core.values import AttemptEnded, Move, Notice, Retry, Settlement
from terminal.core.visit import (
    booking_said,
    found_owing,
    grown_unsure,
    is_booking,
    owing,
    withdraw,
    withdraw_later,
)

_replace = msgspec.structs.replace

REFUSALS = frozenset(
    {
        "refused",
        "refund_rest_refused",
        "hub_refused_question",
        "cancel_refused",
        "not_entitled",
        "not_networked",
        "no_filing",
        "not_insured_now",
    }
)
"""Codes of notices that say no to a person."""


def step(settlement: Settlement, event: Event, profile: Profile) -> Decision:
    """Decide what `event` means for `settlement`.

    Raises `Misuse` when a person's wish does not fit the state, or when nobody waits for this answer (`out_of_turn`).
    """
    require_turn(settlement, event)
    return _remembering_refusal(_decide(settlement, event, profile))


def _remembering_refusal(decision: Decision) -> Decision:
    settlement = decision.settlement
    notice = settlement.notice
    if notice is None or notice.code not in REFUSALS or settlement.refusal == notice:
        return decision
    return _replace(decision, settlement=_replace(settlement, refusal=notice))


def _decide(settlement: Settlement, event: Event, profile: Profile) -> Decision:
    match event:
        case LinesSet(lines, self_pay):
            if self_pay is not None:
                settlement = set_beside(settlement, self_pay)
                if lines == settlement.lines:
                    return Decision(settlement)
            fresh = recharge(_replace(outdated(settlement), lines=lines, prescription=None))
            return reprice(settlement, fresh, "lines changed")
        case CodeGiven(code, mark):
            fresh = _replace(without_person(settlement), code=code, code_mark=mark)
            return advance(reprice(settlement, fresh, "medium changed"))
        case MediumGiven(medium):
            fresh = _replace(without_person(settlement), medium=medium)
            return advance(reprice(settlement, fresh, "medium changed"))
        case DiseasePicked(disease):
            return pick_disease(settlement, disease)
        case ReviewAnswered():
            return answer_review(settlement, event)
        case PrescriptionTaken(prescription, person_no):
            return take_prescription(settlement, prescription, person_no)
        case QuoteAsked():
            return ask_quote(settlement)
        case Confirmed():
            return confirm(settlement)
        case Abandoned():
            return abandon(settlement)
        case CancelAsked(refund=refund):
            return ask_cancel(settlement, refund)
        case RefundWithdrawn():
            return withdraw_refund(settlement)
        case Acknowledged():
            return _acknowledge(settlement)
        case SlipPrinted(kind):
            return _slip_printed(settlement, kind)
        case Reopened():
            return reopen(settlement, event)
        case Ruled():
            return rule(settlement, event, profile)
        case CentreSaid(medium):
            return advance(Decision(_replace(settlement, code=None, medium=medium, running="")))
        case CentreRefused(code, params, rescan):
            known = None if rescan else settlement.code
            return Decision(_replace(settlement, code=known, running="", notice=Notice(code, params)))
        case Composed():
            return composed(settlement, event)
        case ComposeFailed():
            return _compose_failed(settlement, event, profile)
        case HubSaid(infno, heard):
            return _hub_said(settlement, infno, heard, profile)
        case Due(doubt_age_s):
            return _due(settlement, doubt_age_s, profile)
        case Restarted(old_copy):  # pragma: no branch - mypy knows that there is no other
            if not old_copy:
                return _restarted(settlement, profile)
            doubtful = marked(without_rest(settlement))
            return put_off(
                found_in_old_copy(doubtful) or _restarted(doubtful, profile, rest_over="rest_in_old_copy")
            )


def _compose_failed(settlement: Settlement, event: ComposeFailed, profile: Profile) -> Decision:
    idle = _replace(settlement, running="", notice=Notice(event.code, event.params))
    if settlement.running == FEEDBACK and event.code == "field_too_long":
        return feedback_not_made(idle)
    if event.purpose == "STEP":
        return withdraw_later(settlement, None, Verdict.UNSENT) if settlement.owed else Decision(idle)
    if event.purpose == "SETTLE":
        return Decision(idle)
    if event.purpose == "CANCEL" and settlement.state in BOOKED:
        return Decision(_replace(idle, cancel_wish=False, refund=None))
    if settlement.state is State.REVERSED:
        # Nothing was written: it is still over, and may be taken up again.
        return Decision(_replace(idle, quarantine=False))
    return try_later(idle, Verdict.UNKNOWN, profile, None)


def _hub_said(settlement: Settlement, infno: str, heard: Heard, profile: Profile) -> Decision:
    if settlement.running == ASK_REFUNDED:
        return refund_asked(settlement, heard, profile)
    if settlement.running == FEEDBACK:
        return feedback_said(settlement, heard, profile)
    if is_booking(settlement):
        return booking_said(settlement, infno, heard, profile)
    match settlement.state:
        case State.SENDING:
            return settlement_said(settlement, heard, profile)
        case State.REVERSING:
            return reversal_said(settlement, heard, profile)
        case State.CANCELLING:
            return cancellation_said(settlement, heard, profile)
        case _:
            return question_said(settlement, infno, heard, profile)


def _due(settlement: Settlement, doubt_age_s: float, profile: Profile) -> Decision:
    if settlement.running:
        return Decision(settlement)
    if settlement.owed:
        return withdraw(settlement)
    moves: tuple[Move, ...] = ()
    if (
        doubt_age_s >= MANUAL_AFTER_S
        and settlement.state in OPEN_DOUBT
        and settlement.state is not State.MANUAL
    ):
        settlement, moves = moved(settlement, State.MANUAL, "open for more than 24 hours")
        settlement = _replace(settlement, manual=True, notice=Notice("manual"))
    if settlement.cancel_wish and settlement.state in (State.CANCEL_DOUBT, State.MANUAL):
        # The quiet time is over. This is not written by itself: a start that finds stage 1 waits anew.
        stage = 2 if is_cancelling_quietly(settlement) else settlement.quiet_stage
        asking = _replace(settlement, running=ASK_REFUNDED, quiet_stage=stage)
        return Decision(asking, moves, (Ask("5203"),), durable=bool(moves))
    if settlement.state in (State.DOUBT, State.REVERSING, State.REVERSED_ONCE, State.MANUAL) or (
        settlement.state is State.CONFIRMED and settlement.quarantine
    ):
        effect = Compose("REVERSE", REVERSAL.by_act(Act.REVERSE).message)
        return Decision(_replace(settlement, running="reverse"), moves, (effect,), durable=bool(moves))
    return Decision(settlement)


def _restarted(settlement: Settlement, profile: Profile, rest_over: str = "") -> Decision:
    """Believe the disk: what may have been sent is in doubt, what was never written was never sent. Idempotent.

    `rest_over`: why the rest of a refund does not wait here (a code of the message catalogue); "" = it does.
    """
    now = Retry(settlement.tries, 0.0, 0.0, "restart", settlement.quiet_stage)
    attempt = settlement.attempt
    lost = AttemptEnded(attempt.msgid, "UNKNOWN", "restart") if attempt and settlement.in_flight else None
    landed = _replace(settlement, in_flight=False)
    match settlement.state:
        case State.DRAFT | State.PRICED | State.ARMED:
            return _unfinished(landed, lost, rest_over, profile)
        case State.SENDING:
            return doubt(landed, "restart", lost)
        case State.CANCELLING:
            again = _replace(
                landed,
                tries=max(settlement.tries, 1),
                quiet_stage=0,
                notice=Notice("cancel_doubt", {"reason": "restart"}),
            )
            unknown, moves = moved(again, State.CANCEL_DOUBT, "restart")
            retry = _replace(now, tries=again.tries, quiet_stage=0)
            return Decision(unknown, moves, (Wake(),), durable=True, ended=lost, retry=retry)
        case State.REVERSED_ONCE:
            # The wall clock may have jumped while we were away: the quiet time begins anew.
            quiet = Retry(0, profile.quiet_s, 0.0, "restart", settlement.quiet_stage)
            return Decision(_replace(landed, tries=0), (), (Wake(),), durable=True, retry=quiet)
        case _ if is_cancelling_quietly(settlement):
            quiet = _replace(now, delay_s=profile.quiet_s)
            return Decision(landed, (), (Wake(),), durable=True, retry=quiet)
        case State.REVERSING | State.DOUBT | State.CANCEL_DOUBT | State.MANUAL:
            return Decision(landed, (), (Wake(),), durable=True, ended=lost, retry=now)
        case State.CONFIRMED if settlement.quarantine:
            return Decision(landed, (), (Wake(),), durable=True, ended=lost, retry=now)
        case _ if settlement.owed:
            return found_owing(landed, lost, profile)
        case _:
            return Decision(landed)


def _unfinished(
    settlement: Settlement, lost: AttemptEnded | None, rest_over: str, profile: Profile
) -> Decision:
    """Nothing that moves money had been sent. Booked steps of a visit may have been: they are withdrawn."""
    if waits_at_start(settlement) and not rest_over:
        # Its customer shows a medium again, and is reviewed anew, as the profile has it by now.
        resting = _replace(settlement, running="", review=due_review(profile))
        decision = reprice(resting, resting, "found unfinished at start")
        return decision if lost is None else _replace(decision, durable=True, ended=lost)
    attempt = settlement.attempt
    if settlement.state is State.ARMED and attempt is not None and attempt.purpose == "SETTLE":
        return Decision(_replace(settlement, notice=Notice("not_sent", {"reason": "restart"})))
    if lost is not None and attempt is not None:
        names = {row.message: row.name for row in FLOWS[settlement.flow].steps if row.act is Act.BOOK}
        if attempt.infno in names:
            settlement = grown_unsure(settlement, names[attempt.infno])
    gone, moves = moved(settlement, State.ABANDONED, "found unfinished at start")
    code = "abandoned_at_start" if settlement.refund_of is None else rest_over or "refund_rest_abandoned"
    told = _replace(gone, notice=Notice(code))
    return owing(Decision(told, moves, durable=True, ended=lost))


# -- after the money ---------------------------------------------------------------------------


def _acknowledge(settlement: Settlement) -> Decision:
    if settlement.state is not State.CONFIRMED or settlement.quarantine:
        if settlement.state in (State.DELIVERED, State.CLOSED):
            return Decision(settlement)
        raise Misuse("nothing_to_acknowledge", state=settlement.state.value)
    if settlement.running:
        raise Misuse("busy")
    delivered, moves = moved(_replace(settlement, acknowledged=True), State.DELIVERED, "acknowledged")
    return close_if_over(Decision(delivered, moves, durable=True))


def _slip_printed(settlement: Settlement, kind: str) -> Decision:
    """Paper never decides about money; that it is out counts whatever the settlement is doing meanwhile."""
    if kind not in ("original", "copy") or settlement.booking is None or settlement.paper_out:
        return Decision(settlement)
    if kind == "copy" and settlement.state not in BOOKED:
        return Decision(settlement)  # a copy of something else than the settlement's slip
    return close_if_over(Decision(_replace(settlement, paper_out=True), durable=True))
