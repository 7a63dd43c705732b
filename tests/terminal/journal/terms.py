"""The end of terms in the tests of the journal."""

import datetime as dt
from pathlib import Path

from terminal.journal.day_keys import Purpose
from terminal.journal.journal import Journal
from terminal.journal.records import Stamp
from terminal.journal.retention import Terms
from tests.terminal.journal.samples import NINE, raw

TERMS = Terms()
DAY = NINE.date()
IDENTITY, EVIDENCE = Purpose.IDENTITY, Purpose.EVIDENCE


def later(days: float) -> Stamp:
    """So many days after nine."""
    return Stamp(NINE + dt.timedelta(days=days), 1000.0)


def expire_due(journal: Journal, at: Stamp) -> list[tuple[str, str]]:
    """Delete what is due; return day and purpose of each key that went."""
    found = []
    for due in journal.retention.outlook(TERMS, at.wall).due:
        expired = journal.retention.expire(due, "schedule", at)
        assert expired is not None
        found.append((expired.day.isoformat(), expired.purpose.value))
    assert journal.retention.purge(at.wall)
    return found


def wrapped_keys(path: Path) -> dict[str, bytes]:
    """The wrapped keys of the day that stand in the file, by their purpose."""
    connection = raw(path)
    rows = connection.execute(
        "SELECT purpose, wrapped FROM day_key WHERE day = ?", (DAY.isoformat(),)
    ).fetchall()
    connection.close()
    return {str(purpose): wrapped for purpose, wrapped in rows if isinstance(wrapped, bytes)}
