"""What happened, in order, as decoded facts: the source of the run's hash and of what is shown when it fails.

Never bytes of signatures, files or messages: those may differ between runs that are the same.
"""

from collections import deque
from collections.abc import Callable

from protocols.gm.sm3 import sm3

KEPT = 60
"""Events that are shown of a run that failed."""


class Logbook:
    """The events of one run. `time` says the virtual second."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._head = bytes(32)
        self._pending: list[str] = []
        self._last: deque[str] = deque(maxlen=KEPT)
        self.events = 0

    def note(self, *facts: object) -> None:
        """Add one event."""
        line = f"{self._time():.6f} {' '.join(map(str, facts))}"
        self.events += 1
        self._last.append(line)
        self._pending.append(line)
        if len(self._pending) >= 200:
            self._fold()

    def _fold(self) -> None:
        self._head = sm3(self._head + "\n".join(self._pending).encode())
        self._pending = []

    def hash(self) -> str:
        """Hash over all events so far, 64 hex digits."""
        self._fold()
        return self._head.hex()

    def last(self) -> list[str]:
        """The newest events, oldest first."""
        return list(self._last)
