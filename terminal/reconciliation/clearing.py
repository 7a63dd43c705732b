"""What a month's clearing asks for, out of our books (3203), and which records of other places we agree to (3261). Pure.

A clearing application is made for one category, method and agency over a whole month: the agency stands in the
envelope, as the place where the people are insured. Cancellations are records of their own with negative amounts, so a
cancelled sale leaves nothing. A month with an open outcome is not applied for: nobody knows its sums yet.
"""

import calendar
import datetime as dt
from collections.abc import Iterable, Mapping

import msgspec

from protocols.hub.clearing import (
    Application,
    ApplicationInput,
    ConfirmationInput,
    Confirmed,
    FarMonth,
    FarRecord,
)
from protocols.money import Fen
from terminal.core.events import Misuse
from terminal.reconciliation.books import OwnRecord
from terminal.shapes.clearing import ClearingGroup, ClearingSums

MOST_CONFIRMED = 100
"""Rows in one 3261, as the one client that sends it does."""


class Month(msgspec.Struct, frozen=True):
    """One month of the calendar."""

    first: dt.date
    last: dt.date

    @property
    def text(self) -> str:
        """`setlym`, yyyyMM."""
        return f"{self.first:%Y%m}"

    @property
    def days(self) -> tuple[dt.date, ...]:
        """Every day of it."""
        return tuple(self.first + dt.timedelta(days=day) for day in range((self.last - self.first).days + 1))


def month_of(text: str) -> Month:
    """Read YYYY-MM; raises `Misuse` (`bad_request`)."""
    try:
        first = dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Misuse("bad_request", reason="month is not a month like 2026-11") from None
    return Month(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))


def clearing_sums(records: Iterable[OwnRecord]) -> tuple[ClearingSums, ...]:
    """Add up records by category, method and agency, in order."""
    found: dict[ClearingGroup, ClearingSums] = {}
    for record in records:
        booking = record.case.settlement.booking
        way = "" if booking is None else booking.info.clearing_way
        group = ClearingGroup(record.group.clr_type, way, record.group.clr_optins)
        before = found.get(group, ClearingSums(group, 0, 0, 0, 0, 0, 0))
        found[group] = ClearingSums(
            group,
            before.count + (-1 if record.refunded else 1),
            before.total_fen + record.total_fen,
            before.recognised_fen + record.total_fen,
            before.fund_fen + record.fund_fen,
            before.cash_fen + record.cash_fen,
            before.account_fen + record.account_fen,
        )
    return tuple(found[group] for group in sorted(found))


def application(sums: ClearingSums, month: Month) -> ApplicationInput:
    """Return the input of 3203; the whole total counts as recognised, as nothing else is told of it (K84)."""
    return ApplicationInput(
        application=Application(
            clearing_type=sums.group.clr_type,
            clearing_way=sums.group.clr_way,
            month=month.text,
            count=sums.count,
            total_fen=Fen(sums.total_fen),
            recognised_fen=Fen(sums.recognised_fen),
            fund_fen=Fen(sums.fund_fen),
            cash_fen=Fen(sums.cash_fen),
            account_fen=Fen(sums.account_fen),
            began_on=month.first.isoformat(),
            ended_on=month.last.isoformat(),
        )
    )


class FarMatch(msgspec.Struct, frozen=True):
    """One record of another place beside our own books."""

    record: FarRecord
    agreed: bool
    reason: str
    """Why not: `not_ours`, `total_differs`, `fund_differs`; empty when agreed."""


def compare_far(records: Iterable[FarRecord], own: Iterable[OwnRecord]) -> tuple[FarMatch, ...]:
    """Hold the records of 3260 against our books: agreed is what we have under that number with those amounts."""
    ours: Mapping[str, OwnRecord] = {one.setl_id: one for one in own if one.setl_id}
    return tuple(_match(record, ours.get(record.settlement_id)) for record in records)


def _match(record: FarRecord, own: OwnRecord | None) -> FarMatch:
    reason = ""
    if own is None:
        reason = "not_ours"
    elif own.total_fen != record.total_fen:
        reason = "total_differs"
    elif own.fund_fen != record.agency_fen:
        reason = "fund_differs"
    return FarMatch(record, not reason, reason)


def confirmations(month: Month, matches: Iterable[FarMatch]) -> tuple[ConfirmationInput, ...]:
    """Return the inputs of 3261, at most `MOST_CONFIRMED` rows in each."""
    rows = [
        Confirmed(
            document_no=match.record.document_no,
            visit_id=match.record.visit_id,
            settled_at=match.record.settled_at,
            settlement_id=match.record.settlement_id,
            total_fen=match.record.total_fen,
            agency_fen=match.record.agency_fen,
            agreed="1" if match.agreed else "0",
        )
        for match in matches
    ]
    return tuple(
        ConfirmationInput(
            month=FarMonth(
                year=f"{month.first:%Y}",
                month=f"{month.first:%m}",
                rows=len(rows[at : at + MOST_CONFIRMED]),
            ),
            rows=tuple(rows[at : at + MOST_CONFIRMED]),
        )
        for at in range(0, len(rows), MOST_CONFIRMED)
    )
