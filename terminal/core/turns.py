"""Whose turn it is: an answer counts only while the step that asked for it is running.

Whatever comes late, twice or from nowhere changes nothing. The caller's order of work should make such an event
impossible; that the core refuses it as well is the second guard.
"""

from terminal.core.advancing import FIND_VISIT, WITHDRAW_BATCH
from terminal.core.events import CentreRefused, CentreSaid, Composed, ComposeFailed, Event, HubSaid, Misuse
from terminal.core.flows import FLOWS, Act, Step
from terminal.core.states import ALLOWED, UNSENT, State
from terminal.core.values import Settlement
from terminal.core.visit import WITHDRAW

ASK_REFUNDED = "ask refunded"
"""Running: 5203 asks whether a cancellation whose answer was lost has arrived."""

SENDS = {"SETTLE": State.SENDING, "REVERSE": State.REVERSING, "CANCEL": State.CANCELLING}
"""State in which a message of this purpose is on its way; a STEP leaves the state as it is."""
_RUNNING = {"SETTLE": "settle", "REVERSE": "reverse", "CANCEL": "cancel"}
_QUESTIONS = {ASK_REFUNDED: "5203", FIND_VISIT: "5201"}
_BOOKINGS = frozenset({WITHDRAW_BATCH, WITHDRAW})


def require_turn(settlement: Settlement, event: Event) -> None:
    """Raise `Misuse` (`out_of_turn`) for an answer that nobody waits for; wishes and time always pass."""
    match event:
        case CentreSaid() | CentreRefused():
            fits = _running_step(settlement, Act.DECODE) is not None
        case Composed(purpose) | ComposeFailed(purpose):
            fits = _may_send(settlement, purpose)
        case HubSaid(infno):
            fits = infno == _awaited(settlement)
        case _:
            return
    if not fits:
        raise Misuse("out_of_turn", state=settlement.state.value)


def _running_step(settlement: Settlement, act: Act) -> Step | None:
    """Return the step of this act that is running, while nothing that moves money has left."""
    if settlement.state not in UNSENT:
        return None
    for step in FLOWS[settlement.flow].steps:
        if step.act is act and step.name == settlement.running:
            return step
    return None


def _may_send(settlement: Settlement, purpose: str) -> bool:
    """True when a message of this purpose is being composed and may leave in this state; one that is on its way is not."""
    if settlement.in_flight:
        return False
    if purpose == "STEP":
        owed = settlement.running == WITHDRAW and bool(settlement.owed)
        batch = settlement.running == WITHDRAW_BATCH and settlement.state in UNSENT
        return owed or batch or _running_step(settlement, Act.BOOK) is not None
    target = SENDS.get(purpose)
    if target is None or settlement.running != _RUNNING[purpose]:
        return False
    if purpose == "REVERSE":
        if settlement.state is State.CONFIRMED:
            return settlement.quarantine
        if settlement.state is State.REVERSED:
            return settlement.unseen
    return (settlement.state, target) in ALLOWED or settlement.state is target is State.REVERSING


def _awaited(settlement: Settlement) -> str | None:
    """Return the transaction whose answer is awaited now, or None."""
    running, attempt = settlement.running, settlement.attempt
    if running in _QUESTIONS:
        return _QUESTIONS[running]
    if attempt is not None and settlement.in_flight:
        if attempt.purpose == "STEP":
            booking = running in _BOOKINGS or _running_step(settlement, Act.BOOK) is not None
            return attempt.infno if booking else None
        on_its_way = settlement.state is SENDS[attempt.purpose] and running == _RUNNING[attempt.purpose]
        return attempt.infno if on_its_way else None
    step = _running_step(settlement, Act.ASK)
    return None if step is None else step.message
