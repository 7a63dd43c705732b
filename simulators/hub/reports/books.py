"""What the reports read: the hub's settlement records of a period, with their lines and places."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from simulators.hub.desk import Desk
from simulators.hub.ledger import LineRecord, SettlementRecord
from simulators.people import Person
from simulators.world import Institution

OTHER_PROVINCE = "4"
"""`pay_loc` of care outside the insured province."""


class Period(msgspec.Struct, frozen=True):
    """Days of settlement, both included; None = open."""

    since: dt.date | None = None
    until: dt.date | None = None

    def holds(self, day: dt.date) -> bool:
        """Whether the period includes that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class Books(msgspec.Struct, frozen=True):
    """The records of a period, oldest first."""

    records: tuple[SettlementRecord, ...]
    """Settlements and those that undo one, with negated amounts: plain sums are what stands."""
    lines: Mapping[str, tuple[LineRecord, ...]] = {}
    """Charge lines of the settlements that stand, by `setl_id`."""
    institutions: Mapping[str, Institution] = {}
    divisions: Mapping[str, str] = {}
    people: Sequence[Person] = ()
    earlier: tuple[SettlementRecord, ...] = ()
    """Those of before the period: they count into the sums of a year and are listed nowhere."""

    def standing(self) -> Iterator[SettlementRecord]:
        """The settlements that still stand."""
        return (record for record in self.records if record.live)

    def place(self, division: str) -> str:
        """A division with its name."""
        return f"{division} {self.divisions.get(division, '')}".rstrip()

    def institution(self, code: str) -> str:
        """An institution with its name."""
        found = self.institutions.get(code)
        return code if found is None else f"{code} {found.name}"


def read_books(desk: Desk, period: Period) -> Books:
    """The books of a hub as they stand now."""
    earlier, records = split_at(desk.ledger.settlements(), period)
    wanted = {record.setl_id for record in records if record.live}
    lines: dict[str, tuple[LineRecord, ...]] = {}
    for setl_id, line in desk.ledger.settled_lines():
        if setl_id in wanted:
            lines[setl_id] = (*lines.get(setl_id, ()), line)
    return Books(records, lines, desk.world.institutions, desk.world.divisions, desk.people, earlier)


def split_at(
    records: Sequence[SettlementRecord], period: Period
) -> tuple[tuple[SettlementRecord, ...], tuple[SettlementRecord, ...]]:
    """The records of before a period, and those of it."""
    return (
        tuple(record for record in records if period.since is not None and day_of(record) < period.since),
        tuple(record for record in records if period.holds(day_of(record))),
    )


def day_of(record: SettlementRecord) -> dt.date:
    """The day on which a record was booked."""
    return dt.date.fromisoformat(record.setl_time[:10])


def month_of(record: SettlementRecord) -> str:
    """Its month, YYYY-MM."""
    return record.setl_time[:7]
