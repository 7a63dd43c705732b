"""Everything that can happen to a settlement, by plain names, and the walk through all that it leads to."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from protocols.money import Quantity
from terminal.core.events import (
    Abandoned,
    Acknowledged,
    CancelAsked,
    CentreRefused,
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
    QuoteAsked,
    RefundWithdrawn,
    Reopened,
    Restarted,
    Ruled,
    SlipPrinted,
)
from terminal.core.outcome import MANUAL_AFTER_S
from terminal.core.states import State
from terminal.core.values import Disease, RefundPlan, ReturnedLine, Settlement
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.terminal.core import samples
from tests.terminal.core.samples import decide, good

REFUND = RefundPlan((ReturnedLine(1, Quantity.parse("1")),), (samples.LINE,), "S2", "T01")
QUERY_NUMBERS = ("1101", "2101", "2102", "2103", "2601", "5203")
HEARD: dict[str, Heard] = {
    "not sent": samples.UNSENT,
    "time-out": samples.SILENT,
    "HTML": samples.HTML,
    "forged": samples.FORGED,
    "refused": samples.REFUSED,
    "unknown code": samples.OTHER_CODE,
    "seen before": samples.SEEN,
    "shapeless": samples.SHAPELESS,
    "already undone": samples.ALREADY,
    "not found": samples.NOT_FOUND,
    "person": good(samples.person_output()),
    "booked": good(samples.sale_output()),
    "booked, 1 fen short": good(samples.sale_output(total_fen=3749)),
    "cancelled": good(samples.cancelled_output()),
    "not refunded": good(samples.query_output("0")),
    "refunded": good(samples.query_output("1")),
    "something else": good("something else"),
}
"""What may come of a message; everything but the first four is signed."""
WISHES: dict[str, Event] = {
    "no lines": LinesSet(()),
    "two lines": samples.CHANGED_LINES,
    "one line": LinesSet((samples.LINE,)),
    "code scanned": samples.CODE,
    "medium given": MediumGiven(samples.MEDIUM),
    "disease picked": DiseasePicked(Disease("M01600", "糖尿病", "E11.900", "2型糖尿病")),
    "quote asked": QuoteAsked(),
    "agreed": Confirmed("T01"),
    "given up": Abandoned("T01"),
    "cancel": CancelAsked("T01", "错误"),
    "cancel for a refund": CancelAsked("T01", "退货", REFUND),
    "refund withdrawn": RefundWithdrawn("T02"),
    "acknowledged": Acknowledged("T01"),
    "slip out": SlipPrinted("original"),
    "copy out": SlipPrinted("copy"),
    "due": Due(0.0),
    "due after a day": Due(MANUAL_AFTER_S),
    "reopened": Reopened(),
    "ruled REVERSED": Ruled(State.REVERSED, "3202 and two people"),
    "ruled CANCELLED": Ruled(State.CANCELLED, "3202 and two people"),
    "ruled CONFIRMED": Ruled(State.CONFIRMED, "3202 and two people"),
    "ruled REFUSED": Ruled(State.REFUSED, "3202 and two people"),
}
"""What people, the printer and the clock do; none of it is ever out of turn."""
STARTS: dict[str, Event] = {"restart": Restarted(), "restart on an old copy": Restarted(old_copy=True)}
CENTRE: dict[str, Event] = {
    "centre: person": samples.DECODED,
    "centre: code expired": CentreRefused("code_expired"),
    "centre: not reached": CentreRefused("centre_not_reached", {"reason": "timeout"}, rescan=False),
}
EVENTS: dict[str, Event] = {
    **WISHES,
    **STARTS,
    **CENTRE,
    "2102 composed": samples.COMPOSED,
    "2601 composed": samples.COMPOSED_2601,
    "2103 composed": samples.COMPOSED_2103,
    "2201 composed": Composed("STEP", "2201", "X", "key", b"{}"),
    **{
        f"{purpose} not composed": ComposeFailed(purpose, "key_locked")
        for purpose in ("SETTLE", "REVERSE", "CANCEL", "STEP", "NONSENSE")
    },
    **{f"{infno} {name}": HubSaid(infno, heard) for infno in QUERY_NUMBERS for name, heard in HEARD.items()},
}


class Met(NamedTuple):
    """What a settlement made of one event: a decision, or why there is none."""

    before: Settlement
    name: str
    event: Event
    what: Decision | Exception


def _any(_: Settlement, __: Event) -> bool:
    return True


def walk(
    starts: Iterable[Settlement],
    events: Mapping[str, Event],
    kind: Callable[[Settlement], object],
    may_happen: Callable[[Settlement, Event], bool] = _any,
) -> Iterator[Met]:
    """Let every event happen to every settlement that events lead to, breadth first; one of each kind goes on."""
    waiting = deque(starts)
    seen = set(map(kind, waiting))
    while waiting:
        settlement = waiting.popleft()
        for name, event in events.items():
            if not may_happen(settlement, event):
                continue
            # What hears of a restart comes from the disk: token, code and the running step are gone.
            before = decode_sheet(encode_sheet(settlement)) if isinstance(event, Restarted) else settlement
            try:
                decision = decide(before, event)
            except Exception as error:  # noqa: BLE001 - whoever walks judges it
                yield Met(before, name, event, error)
                continue
            yield Met(before, name, event, decision)
            if (found := kind(decision.settlement)) not in seen:
                seen.add(found)
                waiting.append(decision.settlement)
