"""One canonical log line per settlement: what it was, how it ended, where the time went. Masked by construction.

The line is written when a settlement reaches a state that a person or a till is told as an outcome. It carries ids,
states, amounts and step times; a person only as the keyed pseudonym, a code or token never.
"""

from collections.abc import Callable
from typing import Any

from terminal.core.states import State
from terminal.core.values import Settlement

OUTCOMES = frozenset(
    {
        State.CONFIRMED,
        State.REFUSED,
        State.DOUBT,
        State.REVERSED,
        State.CANCELLED,
        State.CANCEL_DOUBT,
        State.ABANDONED,
        State.MANUAL,
    }
)
"""The states whose reaching writes a line."""

Write = Callable[..., Any]


class Chronicle:
    """Collects step times per settlement and writes the line through `write(event, **facts)`."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._steps: dict[str, dict[str, float]] = {}
        self._states: dict[str, State] = {}

    def step_done(self, settlement_id: str, name: str, elapsed_s: float) -> None:
        """Note how long one effect took; repeated steps add up."""
        steps = self._steps.setdefault(settlement_id, {})
        steps[name] = round(steps.get(name, 0.0) + elapsed_s * 1000, 3)

    def changed(self, settlement: Settlement) -> None:
        """Write the line when an outcome has been reached; forget what is over."""
        before = self._states.get(settlement.id)
        if settlement.state is before:
            return
        self._states[settlement.id] = settlement.state
        if settlement.state in OUTCOMES:
            self._write("settlement", **line_of(settlement, self._steps.pop(settlement.id, {})))
        if settlement.state in (
            State.REFUSED,
            State.REVERSED,
            State.CANCELLED,
            State.ABANDONED,
            State.CLOSED,
        ):
            del self._states[settlement.id]


def line_of(settlement: Settlement, steps_ms: dict[str, float]) -> dict[str, Any]:
    """Return the facts of the line."""
    facts: dict[str, Any] = {
        "settlement": settlement.id,
        "flow": settlement.flow,
        "state": settlement.state.value,
        "lane": settlement.lane,
        "generation": settlement.key.generation,
        "lines": len(settlement.lines),
        "total_fen": sum(line.amount_fen for line in settlement.lines),
        "msgid": settlement.settle_msgid,
        "steps_ms": steps_ms,
    }
    if settlement.notice is not None:
        facts["notice"] = settlement.notice.code
        facts["reason"] = settlement.notice.params.get("reason", "")
    if settlement.booking is not None:
        split = settlement.booking.split
        facts |= {
            "fund_fen": split.fund_fen,
            "account_fen": split.account_fen,
            "cash_fen": split.cash_fen,
            "setl_id": settlement.booking.info.settlement_id,
        }
    return facts
