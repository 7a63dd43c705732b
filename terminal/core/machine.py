"""The interpreter: `step(settlement, event, profile) -> Decision`, pure.

It reads the flow's table for what comes next and the state table for what may be. Every change of state goes through
`_move`, which asks the table. The order of work belongs to the caller and is the whole safety of the money path:
commit what the decision says is durable, then run its effects, then tell.
"""

import msgspec

from protocols.hub.profile import Profile
from terminal.core.events import (
    Abandoned,
    Acknowledged,
    Answered,
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
    Decode,
    Due,
    Effect,
    Event,
    Heard,
    HubSaid,
    LinesSet,
    MediumGiven,
    Misuse,
    QuoteAsked,
    Restarted,
    SlipPrinted,
    Transmit,
    Wake,
)
from terminal.core.flows import CANCELLATIONS, FLOWS, REVERSAL, Act, Fact, Step
from terminal.core.messages import READERS, Misfit, misfits, shows_refund
from terminal.core.outcome import (
    ALARM_AFTER_TRIES,
    JITTER,
    MANUAL_AFTER_S,
    Verdict,
    judge,
    judge_cancellation,
    judge_reversal,
    reason_of,
    retry_delay_s,
)
from terminal.core.states import BOOKED, OPEN_DOUBT, State, require_allowed
from terminal.core.values import Attempt, AttemptEnded, AttemptSent, Move, Notice, Retry, Settlement

_replace = msgspec.structs.replace


def facts(settlement: Settlement) -> frozenset[Fact]:
    """What is known, in the words of the flow tables."""
    known = {
        Fact.CODE: settlement.code is not None,
        Fact.MEDIUM: settlement.medium is not None,
        Fact.PERSON: settlement.person is not None,
        Fact.LINES: bool(settlement.lines),
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


def due_step(settlement: Settlement) -> Step | None:
    """Return the first step whose needs are met and whose facts are still missing; None at a waiting point."""
    known = facts(settlement)
    for step in FLOWS[settlement.flow].steps:
        if known.issuperset(step.gives):
            continue
        if known.issuperset(step.needs):
            return step
        if step.act is not Act.DECODE:
            return None
    return None


def step(settlement: Settlement, event: Event, profile: Profile) -> Decision:
    """Decide what `event` means for `settlement`. Raises `Misuse` when a person's wish does not fit the state."""
    match event:
        case LinesSet(lines):
            return _reprice(
                settlement, _replace(settlement, lines=lines, quote=None, notice=None), "lines changed"
            )
        case CodeGiven(code, mark):
            fresh = _replace(
                settlement, code=code, code_mark=mark, medium=None, person=None, quote=None, notice=None
            )
            return _advance_from(_reprice(settlement, fresh, "medium changed"))
        case MediumGiven(medium):
            fresh = _replace(
                settlement, code=None, code_mark="", medium=medium, person=None, quote=None, notice=None
            )
            return _advance_from(_reprice(settlement, fresh, "medium changed"))
        case QuoteAsked():
            return _ask_quote(settlement)
        case Confirmed():
            return _confirm(settlement)
        case Abandoned():
            return _abandon(settlement)
        case CancelAsked():
            return _ask_cancel(settlement)
        case Acknowledged():
            return _acknowledge(settlement)
        case SlipPrinted(kind):
            return _slip_printed(settlement, kind)
        case CentreSaid(medium):
            return _advance_from(Decision(_replace(settlement, code=None, medium=medium, running="")))
        case CentreRefused(code, params, rescan):
            known = None if rescan else settlement.code
            return Decision(_replace(settlement, code=known, running="", notice=Notice(code, params)))
        case Composed():
            return _composed(settlement, event)
        case ComposeFailed(purpose, code):
            return _compose_failed(settlement, purpose, code, profile)
        case HubSaid(infno, heard):
            return _hub_said(settlement, infno, heard, profile)
        case Due(doubt_age_s):
            return _due(settlement, doubt_age_s, profile)
        case Restarted():
            return _restarted(settlement)


# -- before anything is sent ---------------------------------------------------------------------


def _move(settlement: Settlement, target: State, reason: str) -> tuple[Settlement, tuple[Move, ...]]:
    require_allowed(settlement.state, target)
    return _replace(settlement, state=target), (Move(settlement.state, target, reason),)


def _require_collecting(settlement: Settlement) -> None:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state not in (State.DRAFT, State.PRICED):
        raise Misuse("not_open_for_changes", state=settlement.state.value)


def _reprice(before: Settlement, after: Settlement, reason: str) -> Decision:
    """Take changed lines or a changed medium; a quote given before no longer holds."""
    _require_collecting(before)
    if before.state is State.PRICED:
        after, moves = _move(after, State.DRAFT, reason)
        return Decision(after, moves)
    return Decision(after)


def _ask_quote(settlement: Settlement) -> Decision:
    _require_collecting(settlement)
    if not settlement.lines:
        raise Misuse("no_lines")
    if settlement.medium is None and settlement.code is None:
        raise Misuse("no_medium")
    if settlement.state is State.PRICED:
        fresh, moves = _move(_replace(settlement, quote=None, notice=None), State.DRAFT, "asked again")
        return _advance_from(Decision(fresh, moves))
    return _advance_from(Decision(_replace(settlement, notice=None)))


def _advance_from(decision: Decision) -> Decision:
    """Start the next due step of the flow, if it is one the terminal can do by itself."""
    settlement = decision.settlement
    due = due_step(settlement)
    if due is None or due.act in (Act.PERSON, Act.PRINT):
        return decision
    effect: Effect
    if due.act is Act.DECODE:
        if settlement.code is None:
            return decision
        effect = Decode(settlement.code)
    elif due.act is Act.ASK:
        effect = Ask(due.message)
    else:
        effect = Compose("SETTLE", due.message)
    return _replace(
        decision, settlement=_replace(settlement, running=due.name), effects=(*decision.effects, effect)
    )


def _confirm(settlement: Settlement) -> Decision:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state is State.ARMED:
        return _send_again(settlement)
    if settlement.state is not State.PRICED:
        raise Misuse("nothing_to_confirm", state=settlement.state.value)
    armed, moves = _move(_replace(settlement, confirmed=True, notice=None), State.ARMED, "confirmed")
    return _advance_from(Decision(armed, moves))


def _send_again(settlement: Settlement) -> Decision:
    """An armed settlement was composed and proved unsent: same id, same bytes."""
    attempt = settlement.attempt
    if attempt is None:
        return _advance_from(Decision(_replace(settlement, notice=None)))
    sending, moves = _move(
        _replace(settlement, notice=None, running="settle"), State.SENDING, "sent again, was proved unsent"
    )
    return Decision(
        sending, moves, (Transmit(attempt.infno, attempt.msgid, attempt.request),), durable=True,
        ended=AttemptEnded(attempt.msgid, "SENT", "again"),
    )  # fmt: skip


def _abandon(settlement: Settlement) -> Decision:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state not in (State.DRAFT, State.PRICED, State.ARMED):
        raise Misuse("too_late_to_abandon", state=settlement.state.value)
    gone, moves = _move(_forget_medium(settlement), State.ABANDONED, "given up")
    return Decision(_replace(gone, notice=Notice("abandoned")), moves, durable=True)


def _forget_medium(settlement: Settlement) -> Settlement:
    return _replace(settlement, code=None, medium=None)


# -- messages that change the hub ----------------------------------------------------------------


def _composed(settlement: Settlement, event: Composed) -> Decision:
    """Write id and bytes, then send: the one place where a settlement may begin to leave (S3, S7)."""
    target = {"SETTLE": State.SENDING, "REVERSE": State.REVERSING, "CANCEL": State.CANCELLING}[event.purpose]
    attempt = Attempt(event.msgid, event.purpose, event.infno, event.key_id, event.request)
    fresh = _replace(settlement, attempt=attempt)
    if event.purpose == "SETTLE":
        fresh = _replace(fresh, settle_msgid=event.msgid)
    elif event.purpose == "CANCEL" and settlement.state in BOOKED:
        fresh = _replace(fresh, cancel_from=settlement.state)
    elif event.purpose == "REVERSE" and settlement.quiet_stage == 1:
        fresh = _replace(fresh, quiet_stage=2)
    moves: tuple[Move, ...] = ()
    if settlement.state is not target:
        fresh, moves = _move(fresh, target, f"{event.infno} written")
    sent = AttemptSent(event.msgid, event.purpose, event.infno, event.key_id, event.request)
    return Decision(
        fresh, moves, (Transmit(event.infno, event.msgid, event.request),), durable=True, sent=sent
    )


def _compose_failed(settlement: Settlement, purpose: str, code: str, profile: Profile) -> Decision:
    idle = _replace(settlement, running="", notice=Notice(code))
    if purpose == "SETTLE":
        return Decision(_replace(idle, confirmed=True))
    if purpose == "CANCEL" and settlement.state in BOOKED:
        return Decision(_replace(idle, cancel_wish=False))
    return _try_later(idle, Verdict.UNKNOWN, profile, None)


def _hub_said(settlement: Settlement, infno: str, heard: Heard, profile: Profile) -> Decision:
    if settlement.running == "ask refunded":
        return _refund_asked(settlement, heard, profile)
    match settlement.state:
        case State.SENDING:
            return _settlement_said(settlement, heard, profile)
        case State.REVERSING:
            return _reversal_said(settlement, heard, profile)
        case State.CANCELLING:
            return _cancellation_said(settlement, heard, profile)
        case _:
            return _question_said(settlement, infno, heard, profile)


def _question_said(settlement: Settlement, infno: str, heard: Heard, profile: Profile) -> Decision:
    """An answer to a question: nothing is owed whatever it is; the step stays due until it is answered."""
    idle = _replace(settlement, running="")
    verdict = judge(heard, profile)
    if verdict is Verdict.DONE and isinstance(heard, Answered):
        try:
            known = READERS[infno](idle, heard.output, profile)
        except Misfit as misfit:
            return Decision(_replace(idle, notice=Notice(misfit.code, misfit.params)))
        if infno == FLOWS[settlement.flow].step("quote").message:
            priced, moves = _move(known, State.PRICED, "quoted")
            return Decision(priced, moves)
        return _advance_from(Decision(known))
    return Decision(_replace(idle, notice=_question_failed(verdict, heard)))


def _question_failed(verdict: Verdict, heard: Heard) -> Notice:
    if verdict is Verdict.UNSENT:
        return Notice("hub_not_reached", {"reason": reason_of(heard)})
    if verdict is Verdict.REFUSED and isinstance(heard, Answered):
        return Notice("hub_refused_question", {"text": heard.err_msg})
    if isinstance(heard, Answered):
        return Notice("hub_unclear_question", {"text": heard.err_msg})
    return Notice("hub_silent_question", {"reason": reason_of(heard)})


def _ended(settlement: Settlement, state: str, verdict: str, heard: Heard) -> AttemptEnded:
    if settlement.attempt is None:
        raise AssertionError("an answer without an attempt")
    raw = heard.raw if hasattr(heard, "raw") else b""
    return AttemptEnded(settlement.attempt.msgid, state, verdict, raw)


def _settlement_said(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    verdict = judge(heard, profile)
    idle = _replace(settlement, running="")
    if verdict is Verdict.UNSENT:
        armed, moves = _move(idle, State.ARMED, f"proved not sent: {reason_of(heard)}")
        notice = Notice("not_sent", {"reason": reason_of(heard)})
        return Decision(_replace(armed, notice=notice), moves, durable=True,
                        ended=_ended(settlement, "UNSENT", reason_of(heard), heard))  # fmt: skip
    if verdict is Verdict.DONE and isinstance(heard, Answered):
        return _booked(idle, heard, profile)
    if verdict is Verdict.REFUSED and isinstance(heard, Answered):
        refused, moves = _move(_forget_medium(idle), State.REFUSED, reason_of(heard))
        notice = Notice("refused", {"text": heard.err_msg})
        return Decision(_replace(refused, notice=notice), moves, durable=True,
                        ended=_ended(settlement, "ANSWERED", "refused", heard))  # fmt: skip
    return _doubt(idle, reason_of(heard), _ended(settlement, "UNKNOWN", reason_of(heard), heard))


def _booked(settlement: Settlement, heard: Answered, profile: Profile) -> Decision:
    """It is at the hub. Does its content fit the sale?"""
    problems = misfits(settlement, heard.output, profile)
    if problems:
        confirmed, moves = _move(
            _forget_medium(settlement), State.CONFIRMED, "answer does not fit: " + ", ".join(problems)
        )
        held = _replace(confirmed, quarantine=True, notice=Notice("quarantined"))
        return Decision(held, moves, (Wake(),), durable=True, ended=_ended(settlement, "ANSWERED", "quarantined", heard),
                        retry=Retry(0, 0.0, 0.0, "quarantined", 0), receipt="doubt")  # fmt: skip
    step_row = FLOWS[settlement.flow].by_act(Act.SETTLE)
    known = READERS[step_row.message](_forget_medium(settlement), heard.output, profile)
    confirmed, moves = _move(known, State.CONFIRMED, "hub confirmed")
    same = (
        settlement.quote is not None
        and known.booking is not None
        and settlement.quote.split == known.booking.split
    )
    notice = Notice("settled") if same else Notice("settled_differently")
    return Decision(_replace(confirmed, notice=notice), moves, durable=True,
                    ended=_ended(settlement, "ANSWERED", "done", heard), receipt="original")  # fmt: skip


def _doubt(settlement: Settlement, reason: str, ended: AttemptEnded | None) -> Decision:
    """Nobody knows. Never resend; the reversal is due at once, and whoever asked hears "unknown" meanwhile."""
    doubt, moves = _move(_forget_medium(settlement), State.DOUBT, reason)
    told = _replace(doubt, notice=Notice("doubt", {"reason": reason}))
    return Decision(told, moves, (Wake(),), durable=True, ended=ended, receipt="doubt",
                    retry=Retry(0, 0.0, 0.0, reason, 0))  # fmt: skip


# -- reversal ------------------------------------------------------------------------------------


def _try_later(
    settlement: Settlement, verdict: Verdict, profile: Profile, ended: AttemptEnded | None
) -> Decision:
    """No usable answer: the same question again later, for ever, with an alarm after the sixth."""
    tries = settlement.tries + 1
    code = "reversal_alarm" if tries >= ALARM_AFTER_TRIES else "reversal_waits"
    if settlement.state in (State.CANCELLING, State.CANCEL_DOUBT):
        code = "cancel_alarm" if tries >= ALARM_AFTER_TRIES else "cancel_waits"
    waiting = _replace(settlement, tries=tries, running="", notice=Notice(code, {"tries": str(tries)}))
    retry = Retry(tries, retry_delay_s(tries), JITTER, verdict.value, settlement.quiet_stage)
    return Decision(waiting, (), (Wake(),), durable=True, ended=ended, retry=retry)


def _reversal_said(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    verdict = judge_reversal(heard, profile)
    ended = _ended(settlement, "UNSENT" if verdict is Verdict.UNSENT else "ANSWERED", verdict.value, heard)
    if verdict in (Verdict.DONE, Verdict.ALREADY):
        return _reversed(settlement, verdict.value, ended, unseen=False)
    if verdict is Verdict.NOT_FOUND:
        if settlement.quiet_stage >= 2:
            return _reversed(settlement, "not found twice", ended, unseen=True)
        once, moves = _move(
            _replace(settlement, running="", quiet_stage=1, tries=0), State.REVERSED_ONCE, "not found"
        )
        retry = Retry(0, profile.quiet_s, 0.0, verdict.value, 1)
        return Decision(
            _replace(once, notice=Notice("reversal_quiet")),
            moves,
            (Wake(),),
            durable=True,
            ended=ended,
            retry=retry,
        )
    if verdict is Verdict.UNKNOWN and not isinstance(heard, Answered):
        ended = _ended(settlement, "UNKNOWN", reason_of(heard), heard)
    return _try_later(settlement, verdict, profile, ended)


def _reversed(settlement: Settlement, reason: str, ended: AttemptEnded, *, unseen: bool) -> Decision:
    over, moves = _move(_replace(settlement, running="", unseen=unseen, tries=0), State.REVERSED, reason)
    notice = Notice("reversed_unseen" if unseen else "reversed")
    return Decision(
        _replace(over, notice=notice), moves, durable=True, ended=ended, leave_queue=True, receipt="reversed"
    )


# -- cancellation --------------------------------------------------------------------------------


def _ask_cancel(settlement: Settlement) -> Decision:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state not in BOOKED or settlement.quarantine:
        raise Misuse("nothing_to_cancel", state=settlement.state.value)
    message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
    wanted = _replace(settlement, cancel_wish=True, running="cancel", tries=0, notice=None)
    return Decision(wanted, (), (Compose("CANCEL", message),))


def _cancellation_said(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    verdict = judge_cancellation(heard, profile)
    idle = _replace(settlement, running="")
    if verdict is Verdict.DONE and isinstance(heard, Answered):
        message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
        try:
            idle = READERS[message](idle, heard.output, profile)
        except Misfit as misfit:
            return _cancel_unknown(settlement, Verdict.UNKNOWN, misfit.code, heard, profile)
        return _cancelled(idle, "cancelled", _ended(settlement, "ANSWERED", "done", heard))
    if verdict is Verdict.ALREADY:
        return _cancelled(idle, "already cancelled", _ended(settlement, "ANSWERED", "already", heard))
    if verdict is Verdict.REFUSED and isinstance(heard, Answered):
        return _cancel_back(idle, Notice("cancel_refused", {"text": heard.err_msg}), reason_of(heard),
                            _ended(settlement, "ANSWERED", "refused", heard))  # fmt: skip
    if verdict is Verdict.UNSENT and settlement.tries == 0:
        return _cancel_back(idle, Notice("cancel_not_sent", {"reason": reason_of(heard)}), f"proved not sent: {reason_of(heard)}",
                            _ended(settlement, "UNSENT", reason_of(heard), heard))  # fmt: skip
    return _cancel_unknown(settlement, verdict, reason_of(heard), heard, profile)


def _cancel_back(settlement: Settlement, notice: Notice, reason: str, ended: AttemptEnded) -> Decision:
    """A definite no, or nothing was sent: the settlement stands as before."""
    if settlement.cancel_from is None:
        raise AssertionError("a cancellation without an origin")
    back, moves = _move(settlement, settlement.cancel_from, reason)
    back = _replace(back, cancel_wish=False, cancel_from=None, tries=0, notice=notice)
    return Decision(back, moves, durable=True, ended=ended, leave_queue=True)


def _cancelled(settlement: Settlement, reason: str, ended: AttemptEnded | None) -> Decision:
    over, moves = _move(_replace(settlement, running="", tries=0), State.CANCELLED, reason)
    return Decision(_replace(over, notice=Notice("cancelled")), moves, durable=True, ended=ended, leave_queue=True,
                    receipt="cancellation")  # fmt: skip


def _cancel_unknown(
    settlement: Settlement, verdict: Verdict, reason: str, heard: Heard, profile: Profile
) -> Decision:
    state = "UNSENT" if verdict is Verdict.UNSENT else "UNKNOWN"
    doubt, moves = _move(settlement, State.CANCEL_DOUBT, reason)
    later = _try_later(doubt, verdict, profile, _ended(settlement, state, reason, heard))
    notice = (
        later.settlement.notice if later.settlement.tries > 1 else Notice("cancel_doubt", {"reason": reason})
    )
    return _replace(later, settlement=_replace(later.settlement, notice=notice), moves=moves)


def _refund_asked(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    """5203 about a cancellation in doubt: refunded = finished; not refunded = repeat it; no answer = later (K65)."""
    idle = _replace(settlement, running="")
    if judge(heard, profile) is not Verdict.DONE or not isinstance(heard, Answered):
        return _try_later(idle, Verdict.UNKNOWN, profile, None)
    if shows_refund(settlement, heard.output):
        return _cancelled(idle, "5203 shows it refunded", None)
    message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
    return Decision(_replace(idle, running="cancel"), (), (Compose("CANCEL", message),))


# -- time and restart ----------------------------------------------------------------------------


def _due(settlement: Settlement, doubt_age_s: float, profile: Profile) -> Decision:
    if settlement.running:
        return Decision(settlement)
    moves: tuple[Move, ...] = ()
    if (
        doubt_age_s >= MANUAL_AFTER_S
        and settlement.state in OPEN_DOUBT
        and settlement.state is not State.MANUAL
    ):
        settlement, moves = _move(settlement, State.MANUAL, "open for more than 24 hours")
        settlement = _replace(settlement, notice=Notice("manual"))
    if settlement.cancel_wish and settlement.state in (State.CANCEL_DOUBT, State.MANUAL):
        return Decision(
            _replace(settlement, running="ask refunded"), moves, (Ask("5203"),), durable=bool(moves)
        )
    if settlement.state in (State.DOUBT, State.REVERSING, State.REVERSED_ONCE, State.MANUAL) or (
        settlement.state is State.CONFIRMED and settlement.quarantine
    ):
        effect = Compose("REVERSE", REVERSAL.by_act(Act.REVERSE).message)
        return Decision(_replace(settlement, running="reverse"), moves, (effect,), durable=bool(moves))
    return Decision(settlement)


def _restarted(settlement: Settlement) -> Decision:
    """Believe the disk: what may have been sent is in doubt, what was never written was never sent. Idempotent."""
    now = Retry(settlement.tries, 0.0, 0.0, "restart", settlement.quiet_stage)
    attempt = settlement.attempt
    unknown = None if attempt is None else AttemptEnded(attempt.msgid, "UNKNOWN", "restart")
    match settlement.state:
        case State.DRAFT | State.PRICED | State.ARMED:
            if settlement.state is State.ARMED and attempt is not None:
                return Decision(_replace(settlement, notice=Notice("not_sent", {"reason": "restart"})))
            gone, moves = _move(
                settlement, State.ABANDONED, "found unfinished at start; nothing had been sent"
            )
            return Decision(_replace(gone, notice=Notice("abandoned_at_start")), moves, durable=True)
        case State.SENDING:
            doubt, moves = _move(settlement, State.DOUBT, "restart")
            return Decision(_replace(doubt, notice=Notice("doubt", {"reason": "restart"})), moves, (Wake(),), durable=True,
                            ended=unknown, retry=now, receipt="doubt")  # fmt: skip
        case State.CANCELLING:
            doubt, moves = _move(
                _replace(settlement, tries=max(settlement.tries, 1)), State.CANCEL_DOUBT, "restart"
            )
            return Decision(_replace(doubt, notice=Notice("cancel_doubt", {"reason": "restart"})), moves, (Wake(),), durable=True,
                            ended=unknown, retry=now)  # fmt: skip
        case State.REVERSING:
            return Decision(settlement, (), (Wake(),), durable=True, ended=unknown, retry=now)
        case State.DOUBT | State.CANCEL_DOUBT | State.MANUAL:
            return Decision(settlement, (), (Wake(),), durable=True, retry=now)
        case State.REVERSED_ONCE:
            return Decision(settlement, (), (Wake(),))
        case State.CONFIRMED if settlement.quarantine:
            return Decision(settlement, (), (Wake(),), durable=True, retry=now)
        case _:
            return Decision(settlement)


# -- after the money -----------------------------------------------------------------------------


def _acknowledge(settlement: Settlement) -> Decision:
    if settlement.state is not State.CONFIRMED or settlement.quarantine:
        if settlement.state in (State.DELIVERED, State.CLOSED):
            return Decision(settlement)
        raise Misuse("nothing_to_acknowledge", state=settlement.state.value)
    delivered, moves = _move(_replace(settlement, acknowledged=True), State.DELIVERED, "acknowledged")
    return _close_if_over(Decision(delivered, moves, durable=True))


def _slip_printed(settlement: Settlement, kind: str) -> Decision:
    if kind != "original" or settlement.state not in (State.CONFIRMED, State.DELIVERED):
        return Decision(settlement)
    return _close_if_over(Decision(_replace(settlement, paper_out=True), durable=True))


def _close_if_over(decision: Decision) -> Decision:
    settlement = decision.settlement
    if settlement.state is not State.DELIVERED or not settlement.paper_out:
        return decision
    closed, moves = _move(settlement, State.CLOSED, "slip out and acknowledged")
    return _replace(decision, settlement=closed, moves=(*decision.moves, *moves))
