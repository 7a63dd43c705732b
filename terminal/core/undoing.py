"""Undoing: 2601 for a settlement whose outcome is unknown, 2103 or 2208 for one that is known. Never mixed."""

import msgspec

from protocols.hub.profile import Profile
from terminal.core.advancing import close_if_over, ended, moved
from terminal.core.events import Answered, Compose, Decision, Heard, Misuse, Wake
from terminal.core.flows import CANCELLATIONS, Act
from terminal.core.message_parts import Misfit
from terminal.core.messages import READERS, shows_refund
from terminal.core.outcome import (
    ALARM_AFTER_TRIES,
    JITTER,
    Verdict,
    judge,
    judge_cancellation,
    judge_reversal,
    reason_of,
    retry_delay_s,
)
from terminal.core.refunding import opening_rest, without_rest
from terminal.core.states import BOOKED, State
from terminal.core.values import AttemptEnded, Move, Notice, RefundPlan, Retry, Settlement
from terminal.core.visit import owing, owing_stray_lines, waits_for_stragglers

_replace = msgspec.structs.replace


# -- reversal ------------------------------------------------------------------------------------


def try_later(
    settlement: Settlement, verdict: Verdict, profile: Profile, record: AttemptEnded | None
) -> Decision:
    """No usable answer: the same question again later, for ever, with an alarm after the sixth."""
    tries = settlement.tries + 1
    series = "cancel" if settlement.cancel_wish else "reversal"
    code = f"{series}_alarm" if tries >= ALARM_AFTER_TRIES else f"{series}_waits"
    waiting = _replace(
        settlement, tries=tries, running="", in_flight=False, notice=Notice(code, {"tries": str(tries)})
    )
    retry = Retry(tries, retry_delay_s(tries), JITTER, verdict.value, settlement.quiet_stage)
    moves: tuple[Move, ...] = ()
    if waiting.manual and waiting.state in (State.REVERSING, State.CANCEL_DOUBT):
        waiting, moves = moved(_replace(waiting, notice=Notice("manual")), State.MANUAL, "still open")
    return Decision(waiting, moves, (Wake(),), durable=True, ended=record, retry=retry)


def reversal_said(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    verdict = judge_reversal(heard, profile)
    record = ended(settlement, "UNSENT" if verdict is Verdict.UNSENT else "ANSWERED", verdict.value, heard)
    if verdict in (Verdict.DONE, Verdict.ALREADY):
        return _reversed(settlement, verdict.value, record, unseen=False)
    if verdict is Verdict.NOT_FOUND:
        if settlement.quiet_stage >= 2:
            return _reversed(settlement, "not found twice", record, unseen=True)
        once, moves = moved(
            _replace(settlement, running="", in_flight=False, quiet_stage=1, tries=0),
            State.REVERSED_ONCE,
            "not found",
        )
        retry = Retry(0, profile.quiet_s, 0.0, verdict.value, 1)
        return Decision(
            _replace(once, notice=Notice("reversal_quiet")),
            moves,
            (Wake(),),
            durable=True,
            ended=record,
            retry=retry,
        )
    if verdict is Verdict.UNKNOWN and not isinstance(heard, Answered):
        record = ended(settlement, "UNKNOWN", reason_of(heard), heard)
    return try_later(settlement, verdict, profile, record)


def _reversed(settlement: Settlement, reason: str, record: AttemptEnded, *, unseen: bool) -> Decision:
    over, moves = moved(
        _replace(settlement, running="", in_flight=False, unseen=unseen, tries=0), State.REVERSED, reason
    )
    notice = Notice("reversed_unseen" if unseen else "reversed")
    told = _replace(over, notice=notice)
    return owing(Decision(told, moves, durable=True, ended=record, leave_queue=True, receipt="reversed"))


def is_cancelling_quietly(settlement: Settlement) -> bool:
    """True after a refusal that a cancellation before it, still travelling, may yet belie (as rule 7)."""
    waits = settlement.cancel_wish and settlement.state in (State.CANCEL_DOUBT, State.MANUAL)
    return waits and settlement.quiet_stage == 1


def may_be_hurried(settlement: Settlement) -> bool:
    """True when the next try of what waits may come earlier than planned: always, but for the quiet time (rule 7)."""
    if settlement.state is State.REVERSED_ONCE:
        return settlement.tries > 0
    return not is_cancelling_quietly(settlement) and not waits_for_stragglers(settlement)


# -- cancellation --------------------------------------------------------------------------------


def ask_cancel(settlement: Settlement, refund: RefundPlan | None) -> Decision:
    if settlement.running:
        raise Misuse("busy")
    if settlement.state not in BOOKED or settlement.quarantine:
        raise Misuse("nothing_to_cancel", state=settlement.state.value)
    if settlement.booking is None:
        raise Misuse("hub_number_unknown")
    message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
    wanted = _replace(settlement, cancel_wish=True, refund=refund, running="cancel", tries=0, notice=None)
    return Decision(wanted, (), (Compose("CANCEL", message),))


def cancellation_said(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    verdict = judge_cancellation(heard, profile)
    idle = _replace(settlement, running="", in_flight=False)
    if verdict is Verdict.DONE and isinstance(heard, Answered):
        message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
        try:
            idle = READERS[message](idle, heard.output, profile)
        except Misfit as misfit:
            return _cancel_unknown(settlement, Verdict.UNKNOWN, misfit.code, heard, profile)
        return _cancelled(idle, "cancelled", ended(settlement, "ANSWERED", "done", heard), profile)
    if verdict is Verdict.ALREADY:
        record = ended(settlement, "ANSWERED", "already", heard)
        told = _cancelled if settlement.tries else _cancelled_before
        return told(idle, "already cancelled", record, profile)
    if verdict is Verdict.REFUSED and isinstance(heard, Answered):
        # Where no flag tells, 5203 shows what is undone as standing: these words may be that hub's "already" (K64).
        is_told = settlement.quiet_stage == 2 and profile.recon.refd_flag_on_original
        if settlement.tries and not is_told:
            return _cancel_refused_again(
                idle, ended(settlement, "ANSWERED", "refused", heard), heard.err_msg, profile
            )
        back = _cancel_back(idle, Notice("cancel_refused", {"text": heard.err_msg}), reason_of(heard),
                            ended(settlement, "ANSWERED", "refused", heard))  # fmt: skip
        return owing_stray_lines(back, profile)
    if verdict is Verdict.UNSENT and settlement.tries == 0:
        back = _cancel_back(idle, Notice("cancel_not_sent", {"reason": reason_of(heard)}), f"proved not sent: {reason_of(heard)}",
                            ended(settlement, "UNSENT", reason_of(heard), heard))  # fmt: skip
        return owing_stray_lines(back, profile)
    return _cancel_unknown(settlement, verdict, reason_of(heard), heard, profile)


def _cancel_refused_again(
    settlement: Settlement, record: AttemptEnded, text: str, profile: Profile
) -> Decision:
    """A repeat was refused. One before it had no answer and may still be travelling: 5203 and the cancellation once more
    after the quiet time, as for a 2601 (rule 7). Refused again behind it, where no flag tells: people are called in time, and
    the tries come at the slow pace of every other.
    """
    tries = settlement.tries + (settlement.quiet_stage == 2)
    is_alarming = tries >= ALARM_AFTER_TRIES
    notice = (
        Notice("cancel_alarm", {"tries": str(tries)})
        if is_alarming
        else Notice("cancel_quiet", {"text": text})
    )
    quiet = _replace(settlement, quiet_stage=1, tries=tries, notice=notice)
    doubt, moves = moved(quiet, State.CANCEL_DOUBT, "refused, and an earlier one has no answer")
    if doubt.manual:
        doubt, more = moved(_replace(doubt, notice=Notice("manual")), State.MANUAL, "still open")
        moves += more
    pause_s = max(profile.quiet_s, retry_delay_s(tries))  # never varied: that could cut the quiet time short
    retry = Retry(doubt.tries, pause_s, 0.0, Verdict.REFUSED.value, 1)
    return Decision(doubt, moves, (Wake(),), durable=True, ended=record, retry=retry)


def _cancel_back(settlement: Settlement, notice: Notice, reason: str, record: AttemptEnded) -> Decision:
    """A definite no, or nothing was sent: the settlement stands as before."""
    if settlement.cancel_from is None:
        raise AssertionError("a cancellation without an origin")
    back, moves = moved(settlement, settlement.cancel_from, reason)
    back = _replace(
        back,
        cancel_wish=False,
        cancel_from=None,
        refund=None,
        tries=0,
        quiet_stage=0,
        manual=False,
        notice=notice,
    )
    return close_if_over(Decision(back, moves, durable=True, ended=record, leave_queue=True))


def _cancelled(
    settlement: Settlement, reason: str, record: AttemptEnded | None, profile: Profile
) -> Decision:
    over, moves = moved(_replace(settlement, running="", in_flight=False, tries=0), State.CANCELLED, reason)
    told = _replace(over, notice=Notice("cancelled"))
    decision = Decision(told, moves, durable=True, ended=record, leave_queue=True, receipt="cancellation")
    return owing(opening_rest(decision, profile))


def _cancelled_before(
    settlement: Settlement, reason: str, record: AttemptEnded, profile: Profile
) -> Decision:
    """No try of ours before this one can have done it: the cash may be back, and what a refund leaves settled anew, by what
    this journal does not know (or a gateway has delivered this one twice).
    """
    decision = _cancelled(without_rest(settlement), reason, record, profile)
    notice = Notice("cancelled_before")
    if settlement.refund is not None and settlement.refund.remaining:
        notice = Notice("refund_cancelled_before", {"number": settlement.key.sale_number})
    return _replace(decision, settlement=_replace(decision.settlement, notice=notice))


def _cancel_unknown(
    settlement: Settlement, verdict: Verdict, reason: str, heard: Heard, profile: Profile
) -> Decision:
    state = "UNSENT" if verdict is Verdict.UNSENT else "UNKNOWN"
    stage = settlement.quiet_stage if verdict is Verdict.UNSENT else 0
    doubt, moves = moved(_replace(settlement, quiet_stage=stage), State.CANCEL_DOUBT, reason)
    later = try_later(doubt, verdict, profile, ended(settlement, state, reason, heard))
    notice = (
        later.settlement.notice if later.settlement.tries > 1 else Notice("cancel_doubt", {"reason": reason})
    )
    return _replace(later, settlement=_replace(later.settlement, notice=notice), moves=(*moves, *later.moves))


def refund_asked(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    """5203 about a cancellation in doubt: refunded = finished; not refunded = repeat it; no answer, or one about another
    settlement = later (K65).
    """
    idle = _replace(settlement, running="", in_flight=False)
    if judge(heard, profile) is not Verdict.DONE or not isinstance(heard, Answered):
        return try_later(idle, Verdict.UNKNOWN, profile, None)
    refunded = shows_refund(settlement, heard.output, profile)
    if refunded is None:
        return try_later(idle, Verdict.UNKNOWN, profile, None)
    if refunded:
        return _cancelled(idle, "5203 shows it refunded", None, profile)
    message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
    return Decision(_replace(idle, running="cancel"), (), (Compose("CANCEL", message),))
