"""A clock that moves only when told, wall and monotonic apart."""

import datetime as dt

from protocols.wire_time import WIRE_ZONE

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=WIRE_ZONE)


class StoodClock:
    """Implements `Clock`."""

    def __init__(self, wall: dt.datetime = NOON) -> None:
        self.wall = wall
        self.passed_s = 1000.0

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return self.wall

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self.passed_s

    def move(self, seconds: float) -> None:
        """Time passes."""
        self.wall += dt.timedelta(seconds=seconds)
        self.passed_s += seconds

    def set_back(self, seconds: float) -> None:
        """Somebody sets the wall clock back."""
        self.wall -= dt.timedelta(seconds=seconds)
