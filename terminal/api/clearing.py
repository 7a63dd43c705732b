"""A month's clearing over the local API: what our books ask for (3203), and other places' records beside them (3260).

The figures are those of an application, or are typed in at the institution's portal where the profile leaves clearing to
it. What changes the hub (3203, 3204, 3261, 3262) is a submission: on disk before it leaves, and listed with the others.
"""

from collections.abc import Sequence

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from protocols.hub.clearing import (
    FarQuery,
    FarQueryInput,
    FarQueryOutput,
    FarRecord,
    TakingBack,
    TakingBackInput,
    Withdrawal,
    WithdrawalInput,
)
from terminal.api.client_name import ClientName
from terminal.api.questions import ask
from terminal.api.rows import row_of
from terminal.api.service import Service
from terminal.api.submissions import WAIT_S, IdempotencyKey, submission_view, submissions_of
from terminal.core.events import Misuse
from terminal.reconciliation.clearing import (
    Month,
    application,
    clearing_sums,
    compare_far,
    confirmations,
    month_of,
)
from terminal.reconciliation.own_books import DayRecords
from terminal.reconciliation.runner import Reconciliation
from terminal.shapes.clearing import ClearingView, FarRowView, FarView
from terminal.shapes.submissions import SubmissionView
from terminal.submissions.kinds import CLEARING
from terminal.submissions.rows import encode_content

MOST_ROWS = 100_000
"""A hub that goes on beyond that is not read to its end."""


class MonthWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say beyond the month."""


class WithdrawalWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which application."""

    serial: str
    """`clr_appy_evt_id`, the hub's number of it."""


class ClearingController(Controller):
    """A month's clearing."""

    path = "/clearing"

    @post("/{month:str}", status_code=200)
    async def month(
        self, service: NamedDependency[Service], month: FromPath[str], data: JSONBody[MonthWish]
    ) -> ClearingView:
        """Add a month up by category, method and agency; asks nobody."""
        wanted = month_of(month)
        known = await _books(service, wanted)
        return ClearingView(
            month=month,
            by=service.profile.recon.clearing,
            is_over=service.require_counter().today() > wanted.last,
            open=len(known.open),
            without_amounts=len(known.without_amounts),
            applications=clearing_sums(known.records),
        )

    @post("/{month:str}/far", status_code=200)
    async def far(
        self, service: NamedDependency[Service], month: FromPath[str], data: JSONBody[MonthWish]
    ) -> FarView:
        """Fetch the month's records of people insured elsewhere and hold them against our books."""
        wanted = month_of(month)
        known = await _books(service, wanted)
        matches = compare_far(await _far_records(service, wanted), known.records)
        rows = tuple(FarRowView(row_of(match.record), match.agreed, match.reason) for match in matches)
        return FarView(month, rows)

    @post("/{month:str}/applications")
    async def apply(
        self,
        service: NamedDependency[Service],
        month: FromPath[str],
        data: JSONBody[MonthWish],
        key: IdempotencyKey,
        client: ClientName = "till",
    ) -> list[SubmissionView]:
        """Apply for a month's clearing (3203), one application for each category, method and agency."""
        wanted = month_of(month)
        _require_applications(service)
        known = await _books(service, wanted)
        if service.require_counter().today() <= wanted.last:
            raise Misuse("clearing_not_over", month=month)
        _require_whole(known)
        contents = [
            encode_content(application(sums, wanted), sums.group.agency)
            for sums in clearing_sums(known.records)
        ]
        return await _submit(service, "clearing.apply", contents, month, client, key)

    @post("/withdrawals")
    async def withdraw(
        self,
        service: NamedDependency[Service],
        data: JSONBody[WithdrawalWish],
        key: IdempotencyKey,
        client: ClientName = "till",
    ) -> list[SubmissionView]:
        """Withdraw an application (3204)."""
        _require_applications(service)
        content = WithdrawalInput(withdrawal=Withdrawal(event_id=data.serial))
        contents = [encode_content(content, "")]
        return await _submit(service, "clearing.withdraw", contents, data.serial, client, key)

    @post("/{month:str}/far/confirmation")
    async def confirm(
        self,
        service: NamedDependency[Service],
        month: FromPath[str],
        data: JSONBody[MonthWish],
        key: IdempotencyKey,
        client: ClientName = "till",
    ) -> list[SubmissionView]:
        """Say of each record of another place whether our books have it (3261); not while one of ours may be among them."""
        wanted = month_of(month)
        known = await _books(service, wanted)
        _require_whole(known)
        matches = compare_far(await _far_records(service, wanted), known.records)
        contents = [encode_content(content, "") for content in confirmations(wanted, matches)]
        return await _submit(service, "clearing.confirm", contents, month, client, key)

    @post("/{month:str}/far/taking_back")
    async def take_back(
        self,
        service: NamedDependency[Service],
        month: FromPath[str],
        data: JSONBody[MonthWish],
        key: IdempotencyKey,
        client: ClientName = "till",
    ) -> list[SubmissionView]:
        """Take back what was said of a month's records of other places (3262)."""
        first = month_of(month).first
        content = TakingBackInput(taking_back=TakingBack(year=f"{first:%Y}", month=f"{first:%m}"))
        return await _submit(service, "clearing.take-back", [encode_content(content, "")], month, client, key)


def _require_applications(service: Service) -> None:
    if service.profile.recon.clearing == "portal":
        raise Misuse("clearing_by_portal")


def _require_whole(known: DayRecords) -> None:
    """Nothing is told to the hub out of books that lack something it may have."""
    if known.open:
        raise Misuse("clearing_open", count=str(len(known.open)))
    if known.without_amounts:
        raise Misuse("clearing_without_amounts", count=str(len(known.without_amounts)))


async def _submit(
    service: Service, name: str, contents: Sequence[bytes], what: str, client: str, key: str
) -> list[SubmissionView]:
    """Put these on disk, then send them; the same key about the same thing submits nothing new."""
    if not contents:
        raise Misuse("clearing_nothing")
    counter, submissions, kind = service.require_counter(), submissions_of(service), CLEARING[name]
    body = f"{name} {what}".encode()
    rows = await counter.workroom.do(
        lambda: submissions.submit(kind.name, kind.plain.infno, contents, client, key, body, WAIT_S)
    )
    return [submission_view(row) for row in rows]


async def _books(service: Service, month: Month) -> DayRecords:
    """All days of the month as one."""
    reconciliation: Reconciliation | None = service.require_counter().reconciliation
    if reconciliation is None:
        raise Misuse("not_ready", state=service.phase.value)
    today = service.require_counter().today()
    days = [day for day in month.days if day <= today]
    if not days:
        raise Misuse("bad_request", reason=f"{month.first:%Y-%m} is still to come")
    found = [await reconciliation.books.records_of(day) for day in days]
    return DayRecords(
        tuple(record for day in found for record in day.records),
        frozenset().union(*(day.open for day in found)),
        frozenset().union(*(day.without_amounts for day in found)),
    )


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
