"""When to try the broker again (PD-60): 1 s doubled up to 60 s, with jitter, forgotten after 60 stable seconds.

A problem that a person must solve is not tried in a fast series: once a quarter of an hour, so that a corrected
password at the far side is found without anybody restarting the till.
"""

from collections.abc import Callable
from typing import Final

FIRST_S: Final = 1.0
LIMIT_S: Final = 60.0
STABLE_S: Final = 60.0
PERMANENT_S: Final = 900.0


class Pacing:
    """Pauses of one session. `jitter` gives a number in [-1, 1)."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._next_s = FIRST_S

    def pause_s(self, lasted_s: float, permanent: bool) -> float:
        """The pause after a connection that lasted `lasted_s` (0 when there was none).

        Half to all of the nominal pause, so that the terminals of a town do not come back together after a power cut.
        """
        if lasted_s >= STABLE_S:
            self._next_s = FIRST_S
        nominal_s = PERMANENT_S if permanent else self._next_s
        if not permanent:
            self._next_s = min(self._next_s * 2, LIMIT_S)
        return max(nominal_s * (0.75 + 0.25 * self._jitter()), FIRST_S)
