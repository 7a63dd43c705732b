"""The institution's service agreement: no new sale after its last day, everything open is finished all the same (R65)."""

import datetime as dt
from typing import Final

from terminal.core.events import Misuse
from terminal.core.values import Notice

WARN_DAYS: Final = 30
"""How long before its last day the end of the agreement is told."""


def agreement_notice(ends: dt.date | None, today: dt.date) -> Notice | None:
    """Return what is to be told of the agreement today: that it has ended, or that it ends soon."""
    if ends is None or (ends - today).days > WARN_DAYS:
        return None
    return Notice("agreement_ended" if ends < today else "agreement_ends", {"until": ends.isoformat()})


def require_agreement(ends: dt.date | None, today: dt.date) -> None:
    """Raise `Misuse` when the agreement has ended."""
    if ends is not None and ends < today:
        raise Misuse("agreement_ended", until=ends.isoformat())
