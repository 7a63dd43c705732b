"""What a journal that was put back holds open: settlements whose end may lie in the part that is gone (fault F29).

An old copy shows a moment of the past as the present. What it calls "on its way" was long answered: it may be confirmed,
with slip and goods in the customer's hands, and reversing it would take the shop's money (invariant I4). So nothing is
undone by itself. It goes to MANUAL at once, where two people close it by what the hub's ledger shows; what they leave
open goes on by the ordinary rules once they have accepted the journal (decision 0010 has the table of cases).
"""

import msgspec

from terminal.core.advancing import moved
from terminal.core.collecting import forget_medium
from terminal.core.events import Decision, Wake
from terminal.core.states import State
from terminal.core.values import AttemptEnded, Move, Notice, Retry, Settlement

_replace = msgspec.structs.replace
OLD_COPY = "old copy"
"""Verdict of a settlement message that an old copy holds to be on its way; the reason of its moves."""


def marked(settlement: Settlement) -> Settlement:
    """Remember that it was found in an old copy. Later tries of a cancellation than the copy knows may still arrive: none of
    its refusals has been waited out.
    """
    is_cancelling = settlement.cancel_wish and settlement.state in (
        State.CANCELLING,
        State.CANCEL_DOUBT,
        State.MANUAL,
    )
    return _replace(settlement, in_old_copy=True, quiet_stage=0 if is_cancelling else settlement.quiet_stage)


def found_in_old_copy(settlement: Settlement) -> Decision | None:
    """Decide for what was on its way when the copy was taken; None for everything else, which may wait as it is.

    ARMED, composed and proved unsent: the same message may have been sent after the copy, so it is on its way as well; hear
    `Restarted` once more. (An attempt's outcome is written once: it has to be under way before it can be unknown.)
    """
    attempt = settlement.attempt
    match settlement.state:
        case State.ARMED if attempt is not None and attempt.purpose == "SETTLE":
            perhaps_sent = _replace(settlement, in_flight=True, running="", armed_in_old_copy=True)
            sending, moves = moved(perhaps_sent, State.SENDING, OLD_COPY)
            return Decision(sending, moves, durable=True, ended=AttemptEnded(attempt.msgid, "SENT", OLD_COPY))
        case State.SENDING:
            return _to_people(forget_medium(settlement), State.DOUBT)
        case State.CANCELLING:
            return _to_people(_replace(settlement, tries=max(settlement.tries, 1)), State.CANCEL_DOUBT)
        case State.CANCEL_DOUBT:
            return _to_people(settlement, None)
        case _:
            return None


def put_off(decision: Decision) -> Decision:
    """Say of what waits for a try that none is made before two people have accepted the journal."""
    settlement = decision.settlement
    told = settlement.notice is not None and settlement.notice.code == "found_in_old_copy"
    if decision.retry is None or told:
        return decision
    return _replace(decision, settlement=_replace(settlement, notice=Notice("put_off_in_old_copy")))


def _to_people(settlement: Settlement, through: State | None) -> Decision:
    """Let people decide. No slip: what it would say of the money is not known."""
    attempt = settlement.attempt
    moves: tuple[Move, ...] = ()
    lost = AttemptEnded(attempt.msgid, "UNKNOWN", OLD_COPY) if attempt and settlement.in_flight else None
    told = _replace(settlement, in_flight=False, running="", manual=True, notice=Notice("found_in_old_copy"))
    for target in (through, State.MANUAL):
        if target is not None:
            told, more = moved(told, target, OLD_COPY)
            moves += more
    retry = Retry(settlement.tries, 0.0, 0.0, OLD_COPY, settlement.quiet_stage)
    return Decision(told, moves, (Wake(),), durable=True, ended=lost, retry=retry)
