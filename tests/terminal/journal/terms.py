"""The end of terms in the tests of the journal, and what fills a day before it."""

import datetime as dt
from pathlib import Path

import msgspec

from terminal.core.states import State
from terminal.core.values import Move
from terminal.journal.day_keys import Purpose
from terminal.journal.journal import Journal
from terminal.journal.records import Commit, Idempotency, NewSubmission, Stamp
from terminal.journal.retention import Terms
from tests.terminal.core.samples import TO_CONFIRMED, after, draft
from tests.terminal.journal.samples import KEY, NINE, raw, row, stamp

TERMS = Terms()
DAY = NINE.date()
IDENTITY, EVIDENCE = Purpose.IDENTITY, Purpose.EVIDENCE
PERSON = after(*TO_CONFIRMED, start=draft(id="S1")).person
"""Whom the hub names in a sale of the tests."""


def later(days: float) -> Stamp:
    """So many days after nine."""
    return Stamp(NINE + dt.timedelta(days=days), 1000.0)


def sale(journal: Journal, number: int, day: dt.date = DAY, *, over: bool = True) -> None:
    """A sale of a day, abandoned or left open."""
    key = msgspec.structs.replace(KEY, sale_number=str(number), business_date=day)
    opened = journal.open_sale(row(id=f"S{number}", key=key), None, "till", stamp())
    if over:
        gone = msgspec.structs.replace(opened, state=State.ABANDONED)
        journal.commit(Commit(gone, (Move(State.DRAFT, State.ABANDONED, "test"),), "T01", stamp()))


def submission(journal: Journal, number: int, day: dt.date = DAY) -> None:
    """A submission that waits."""
    asked = Idempotency("till", f"k{number}", bytes(32))
    journal.submissions.open([NewSubmission(f"U{number}", "kind", "2503", b"{}")], asked, day, stamp())


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
