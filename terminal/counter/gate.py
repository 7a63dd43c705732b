"""The gate: while a doubt of the lane is young, or any of the person is open, no new settlement begins.

Who asks: the confirmation of a sale, and once more the engine when its turn has come, because the doubt of another sale may
have begun while it waited.
"""

from terminal.core.events import Misuse
from terminal.core.values import Settlement
from terminal.counter.engine import Engine
from terminal.counter.holds import Holds


class Gate:
    """The gate of one counter, for all its lanes."""

    def __init__(self, engine: Engine, holds: Holds, gate_s: float) -> None:
        """`gate_s`: how long a doubt keeps its lane waiting."""
        self._engine = engine
        self._holds = holds
        self._gate_s = gate_s

    def require(self, settlement: Settlement) -> None:
        """Raise `Misuse` when this settlement may not begin now: a hold, `lane_gate`, `person_in_doubt`."""
        self._holds.require_none()
        person = None if settlement.person is None else settlement.person.psn_no
        for other, _ in self._engine.doubts():
            if other.id == settlement.id:
                continue
            left_s = self._gate_s - self._engine.doubt_age_s(other.id)
            if other.lane == settlement.lane and left_s > 0:
                raise Misuse("lane_gate", seconds=str(int(left_s) + 1))
            if other.person is not None and other.person.psn_no == person:
                raise Misuse("person_in_doubt")
