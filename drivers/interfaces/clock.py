"""Time as the application sees it: one clock to tell people, one to keep deadlines."""

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Both clocks of the machine; a simulation hands in its own."""

    def now(self) -> dt.datetime:
        """Wall time, aware, in the wire zone UTC+8 whatever the machine says. May jump."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump nor go back within one boot. All deadlines use this."""
        ...
