"""One canonical log line per settlement outcome: what it was, how it ended, where the time went. Masked by construction.

A line is written when a settlement reaches a state that a person or a till is told as an outcome. It carries our own
ids, states, amounts and step times, and the hub's settlement id; nothing that names or stands for a person, no code,
no token, and no text of a far end (which may quote them).
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
_UNDER_CANCELLATION = frozenset({State.CANCELLING, State.CANCEL_DOUBT})
"""Leaving one of these is an outcome too: a refused cancellation leads back to a state that was reached before."""

WriteLog = Callable[..., Any]
"""`write(event, **facts)`; must not raise, because it is called on the money path."""


def say_nothing(event: str, **facts: object) -> None:
    """The log of a counter that nobody reads."""


class Chronicle:
    """Collects step times per settlement and writes the line."""

    def __init__(self, write: WriteLog) -> None:
        self._write = write
        self._steps: dict[str, dict[str, float]] = {}
        self._states: dict[str, State] = {}

    def taken_up(self, settlement_id: str, state: State) -> None:
        """A settlement was found unfinished at start: the state it is in had its line from the process before."""
        self._states[settlement_id] = state

    def step_done(self, settlement_id: str, name: str, elapsed_s: float) -> None:
        """Note how long a step took; repeated steps add up until the next line."""
        steps = self._steps.setdefault(settlement_id, {})
        steps[name] = round(steps.get(name, 0.0) + elapsed_s * 1000, 3)

    def changed(self, settlement: Settlement) -> None:
        """Write the line when an outcome has been reached."""
        before = self._states.get(settlement.id)
        if settlement.state is before:
            return
        self._states[settlement.id] = settlement.state
        cancelling_is_over = before in _UNDER_CANCELLATION and settlement.state not in _UNDER_CANCELLATION
        if settlement.state in OUTCOMES or cancelling_is_over:
            self._write("settlement", **line_of(settlement, self._steps.pop(settlement.id, {})))

    def let_go(self, settlement_id: str) -> None:
        """Forget a settlement that is over."""
        self._states.pop(settlement_id, None)
        self._steps.pop(settlement_id, None)


def line_of(settlement: Settlement, steps_ms: dict[str, float]) -> dict[str, Any]:
    """Return the facts of the line; amounts in fen, times in milliseconds."""
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
