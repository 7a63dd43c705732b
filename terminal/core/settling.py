"""The settlement message: written, then sent, then judged (rules 1 to 5 of the outcome)."""

import msgspec

from protocols.hub.profile import Profile
from terminal.core.advancing import advance, ended, moved, question_failed
from terminal.core.collecting import forget_medium
from terminal.core.events import Answered, Composed, Decision, Heard, Transmit, Wake
from terminal.core.flows import FLOWS, Act
from terminal.core.message_parts import Misfit
from terminal.core.messages import READERS, misfits
from terminal.core.outcome import Verdict, judge, not_sent_notice, reason_of
from terminal.core.reviewing import review_failed
from terminal.core.states import BOOKED, State
from terminal.core.values import Attempt, AttemptEnded, AttemptSent, Move, Notice, Retry, Settlement
from terminal.core.visit import owing, owing_stray_lines

_replace = msgspec.structs.replace


def composed(settlement: Settlement, event: Composed) -> Decision:
    """Write id and bytes, then send: the one place where a settlement may begin to leave (S3, S7)."""
    targets = {"SETTLE": State.SENDING, "REVERSE": State.REVERSING, "CANCEL": State.CANCELLING}
    target = targets.get(event.purpose, settlement.state)
    attempt = Attempt(event.msgid, event.purpose, event.infno, event.key_id, event.request)
    fresh = _replace(settlement, attempt=attempt, in_flight=True)
    if event.purpose == "SETTLE":
        fresh = _replace(
            fresh,
            settle_msgid=event.msgid,
            settle_infno=event.number or event.infno,
            settle_key_id=event.key_id,
        )
    elif event.purpose == "CANCEL" and settlement.state in BOOKED:
        fresh = _replace(fresh, cancel_from=settlement.state, owed=())  # taken up again when it is over
    elif event.purpose == "REVERSE" and settlement.quiet_stage == 1:
        fresh = _replace(fresh, quiet_stage=2)
    moves: tuple[Move, ...] = ()
    if settlement.state is not target:
        fresh, moves = moved(fresh, target, f"{event.infno} written")
    sent = AttemptSent(event.msgid, event.purpose, event.infno, event.key_id, event.request)
    return Decision(
        fresh, moves, (Transmit(event.infno, event.msgid, event.request),), durable=True, sent=sent
    )


def question_said(settlement: Settlement, infno: str, heard: Heard, profile: Profile) -> Decision:
    """An answer to a question: nothing is owed whatever it is; the step stays due until it is answered."""
    idle = _replace(settlement, running="", in_flight=False)
    verdict = judge(heard, profile)
    if verdict is Verdict.DONE and isinstance(heard, Answered):
        try:
            known = READERS[infno](idle, heard.output, profile)
        except Misfit as misfit:
            told = Notice(misfit.code, misfit.params)
            return Decision(_replace(review_failed(idle, infno), notice=told))
        if infno == FLOWS[settlement.flow].step("quote").message:
            priced, moves = moved(known, State.PRICED, "quoted")
            return Decision(priced, moves)
        return advance(Decision(known))
    notice = question_failed(verdict, heard, profile)
    return Decision(_replace(review_failed(idle, infno), notice=notice))


def settlement_said(settlement: Settlement, heard: Heard, profile: Profile) -> Decision:
    verdict = judge(heard, profile)
    idle = _replace(settlement, running="", in_flight=False)
    if verdict is Verdict.UNSENT:
        armed, moves = moved(idle, State.ARMED, f"proved not sent: {reason_of(heard)}")
        notice = not_sent_notice("not_sent", heard, profile)
        return Decision(_replace(armed, notice=notice), moves, durable=True,
                        ended=ended(settlement, "UNSENT", reason_of(heard), heard))  # fmt: skip
    if verdict is Verdict.DONE and isinstance(heard, Answered):
        return _booked(idle, heard, profile)
    if verdict is Verdict.REFUSED and isinstance(heard, Answered):
        refused, moves = moved(forget_medium(idle), State.REFUSED, reason_of(heard))
        code = "refused" if settlement.refund_of is None else "refund_rest_refused"
        notice = Notice(code, {"text": heard.err_msg})
        told = _replace(refused, notice=notice)
        return owing(
            Decision(told, moves, durable=True, ended=ended(settlement, "ANSWERED", "refused", heard))
        )
    return doubt(idle, reason_of(heard), ended(settlement, "UNKNOWN", reason_of(heard), heard))


def _booked(settlement: Settlement, heard: Answered, profile: Profile) -> Decision:
    """It is at the hub. Does its content fit the sale?"""
    problems = misfits(settlement, heard.output, profile)
    if problems:
        confirmed, moves = moved(
            forget_medium(settlement), State.CONFIRMED, "answer does not fit: " + ", ".join(problems)
        )
        held = _replace(confirmed, quarantine=True, notice=Notice("quarantined"))
        return Decision(held, moves, (Wake(),), durable=True, ended=ended(settlement, "ANSWERED", "quarantined", heard),
                        retry=Retry(0, 0.0, 0.0, "quarantined", 0), receipt="doubt")  # fmt: skip
    step_row = FLOWS[settlement.flow].by_act(Act.SETTLE)
    known = READERS[step_row.message](forget_medium(settlement), heard.output, profile)
    confirmed, moves = moved(known, State.CONFIRMED, "hub confirmed")
    same = (
        settlement.quote is not None
        and known.booking is not None
        and settlement.quote.split == known.booking.split
    )
    notice = Notice("settled") if same else Notice("settled_differently")
    decision = Decision(_replace(confirmed, notice=notice), moves, durable=True,
                        ended=ended(settlement, "ANSWERED", "done", heard), receipt="original")  # fmt: skip
    return owing_stray_lines(decision, profile)


def doubt(settlement: Settlement, reason: str, record: AttemptEnded | None) -> Decision:
    """Nobody knows. Never resend; the reversal is due at once, and whoever asked hears "unknown" meanwhile."""
    doubt, moves = moved(forget_medium(settlement), State.DOUBT, reason)
    told = _replace(doubt, notice=Notice("doubt", {"reason": reason}))
    return Decision(told, moves, (Wake(),), durable=True, ended=record, receipt="doubt",
                    retry=Retry(0, 0.0, 0.0, reason, 0))  # fmt: skip
