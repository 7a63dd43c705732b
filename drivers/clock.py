"""The machine's own clocks."""

import datetime as dt
import time

from protocols.wire_time import WIRE_ZONE


class SystemClock:
    """Wall clock in UTC+8 and the monotonic clock of this boot."""

    def now(self) -> dt.datetime:
        """Wall time in UTC+8."""
        return dt.datetime.now(WIRE_ZONE)

    def monotonic_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()
