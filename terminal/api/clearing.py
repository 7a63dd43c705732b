"""A month's clearing over the local API: what our books ask for (3203), and other places' records beside them (3260).

Nothing here changes the hub: the figures are those that an application would carry, or that are typed in at the
institution's portal where the profile leaves clearing to it.
"""

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from protocols.hub.clearing import FarQuery, FarQueryInput, FarQueryOutput, FarRecord
from terminal.api.questions import ask
from terminal.api.rows import Row, row_of
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.reconciliation.books import OwnRecord
from terminal.reconciliation.clearing import ClearingSums, Month, clearing_sums, compare_far, month_of
from terminal.reconciliation.runner import Reconciliation

MOST_ROWS = 100_000
"""A hub that goes on beyond that is not read to its end."""


class MonthWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say beyond the month."""


class ClearingView(msgspec.Struct, frozen=True):
    """What the books of a month ask for."""

    month: str
    """YYYY-MM."""
    by: str
    """`portal` or `3203`: how this hub takes applications."""
    is_over: bool
    """The month has ended; before that its sums still grow."""
    open: int
    """Settlements of the month whose outcome is open: with one of them nobody should apply."""
    applications: tuple[ClearingSums, ...]


class FarRowView(msgspec.Struct, frozen=True):
    """One record of another place, and whether our books have it."""

    row: Row
    """The hub's own members as text, by wire name, without the identity number."""
    agreed: bool
    reason: str
    """Why not: `not_ours`, `total_differs`, `fund_differs`."""


class FarView(msgspec.Struct, frozen=True):
    """The month's records of people insured elsewhere (3260)."""

    month: str
    rows: tuple[FarRowView, ...]


class ClearingController(Controller):
    """A month's clearing."""

    path = "/clearing"

    @post("/{month:str}", status_code=200)
    async def month(
        self, service: NamedDependency[Service], month: FromPath[str], data: JSONBody[MonthWish]
    ) -> ClearingView:
        """Add a month up by category, method and agency; asks nobody."""
        wanted = month_of(month)
        records, open_cases = await _books(service, wanted)
        return ClearingView(
            month=month,
            by=service.profile.recon.clearing,
            is_over=service.require_counter().today() > wanted.last,
            open=open_cases,
            applications=clearing_sums(records),
        )

    @post("/{month:str}/far", status_code=200)
    async def far(
        self, service: NamedDependency[Service], month: FromPath[str], data: JSONBody[MonthWish]
    ) -> FarView:
        """Fetch the month's records of people insured elsewhere and hold them against our books."""
        wanted = month_of(month)
        records, _ = await _books(service, wanted)
        matches = compare_far(await _far_records(service, wanted), records)
        rows = tuple(FarRowView(row_of(match.record), match.agreed, match.reason) for match in matches)
        return FarView(month, rows)


async def _books(service: Service, month: Month) -> tuple[list[OwnRecord], int]:
    reconciliation: Reconciliation | None = service.require_counter().reconciliation
    if reconciliation is None:
        raise Misuse("not_ready", state=service.phase.value)
    today = service.require_counter().today()
    days = [day for day in month.days if day <= today]
    if not days:
        raise Misuse("bad_request", reason=f"{month.first:%Y-%m} is still to come")
    records: list[OwnRecord] = []
    open_ids: set[str] = set()
    for day in days:
        found, still_open = await reconciliation.books_of(day)
        records += found
        open_ids |= still_open
    return records, len(open_ids)


async def _far_records(service: Service, month: Month) -> list[FarRecord]:
    """All pages: the size of one is the hub's own, so pages are asked for until one is empty."""
    rows: list[FarRecord] = []
    while len(rows) < MOST_ROWS:
        query = FarQuery(year=f"{month.first:%Y}", month=f"{month.first:%m}", first_row=len(rows) + 1)
        page = await ask(service, "3260", FarQueryInput(query=query), FarQueryOutput)
        if not page.records:
            return rows
        rows += page.records
    raise Misuse("hub_answer_unusable", infno="3260")
