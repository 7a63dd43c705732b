"""What two people decide after the day's reconciliation: a reversal taken up again, or a settlement in MANUAL closed.

Both need evidence from outside the conversation itself (3201, 3202), which is why they are not steps of a flow. Nothing
is believed that was not signed: taking a reversal up again only *asks* the hub once more with 2601, whose signed answer
decides; and what is closed here is closed on the word of two people, whose numbers stand in the audit record.

A reversal taken up again is quarantined: the record is at the hub, must not stay there, and may not keep the sale
number from a later settlement of the same sale.
"""

import msgspec

from protocols.hub.profile import Profile
from terminal.core.advancing import moved
from terminal.core.events import Compose, Decision, Misuse, Reopened, Ruled
from terminal.core.flows import REVERSAL, Act
from terminal.core.refunding import opening_rest
from terminal.core.states import State
from terminal.core.values import Notice, Settlement
from terminal.core.visit import owing, owing_stray_lines

_replace = msgspec.structs.replace


def reopen(settlement: Settlement, event: Reopened) -> Decision:
    """Send 2601 again for a reversal that was closed because the hub twice knew of no such record."""
    if settlement.running or settlement.owed:
        raise Misuse("busy")
    if settlement.state is not State.REVERSED or not settlement.unseen:
        raise Misuse("nothing_to_correct", state=settlement.state.value)
    again = _replace(
        settlement, running="reverse", quarantine=True, manual=False, quiet_stage=0, tries=0, notice=None
    )
    return Decision(again, (), (Compose("REVERSE", REVERSAL.by_act(Act.REVERSE).message),))


def rulings(settlement: Settlement) -> tuple[State, ...]:
    """How a settlement in MANUAL may be closed: a cancellation as done or as not done, a doubt as reversed.

    A doubt for which no 2601 was ever written may also be confirmed: nothing that could undo it has left.
    """
    if settlement.state is not State.MANUAL:
        return ()
    if settlement.cancel_wish:
        return State.CANCELLED, State.CONFIRMED
    newest = "" if settlement.attempt is None else settlement.attempt.purpose
    never_reversed = newest == "SETTLE" and settlement.quiet_stage == 0
    return (State.REVERSED, State.CONFIRMED) if never_reversed else (State.REVERSED,)


def rule(settlement: Settlement, event: Ruled, profile: Profile) -> Decision:
    """Close a settlement in MANUAL on evidence and the word of two people."""
    if settlement.running:
        raise Misuse("busy")
    if event.target not in rulings(settlement):
        raise Misuse("nothing_to_correct", state=settlement.state.value)
    over, moves = moved(settlement, event.target, event.evidence)
    receipt, notice = {
        State.REVERSED: ("reversed", "reversed_by_ruling"),
        State.CANCELLED: ("cancellation", "cancelled_by_ruling"),
        State.CONFIRMED: ("", "cancel_ruled_out" if settlement.cancel_wish else "confirmed_by_ruling"),
    }[event.target]
    if event.target is State.CONFIRMED and not settlement.cancel_wish:
        # The answer, and with it what a slip would say, is lost; the people who rule have seen the slip that is out.
        over = _replace(over, paper_out=True)
    closed = _replace(
        over,
        in_flight=False,
        tries=0,
        quiet_stage=0,
        manual=False,
        cancel_wish=False,
        cancel_from=None,
        notice=Notice(notice),
    )
    decision = Decision(closed, moves, durable=True, leave_queue=True, receipt=receipt)
    if event.target is State.CONFIRMED:
        return owing_stray_lines(_replace(decision, settlement=_replace(closed, refund=None)), profile)
    return owing(opening_rest(decision, profile) if event.target is State.CANCELLED else decision)
