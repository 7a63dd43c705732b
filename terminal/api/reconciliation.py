"""Reconciliation over the local API: make a day's report, read it again, carry out a correction.

Who the operators are is what the caller says; the service sees to it that there are two and writes their numbers down.
"""

import datetime as dt

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from terminal.api.client_name import ClientName
from terminal.api.service import Service
from terminal.api.views import settlement_view
from terminal.core.events import Misuse
from terminal.reconciliation.report import Difference, Report, notice_of
from terminal.reconciliation.runner import Reconciliation
from terminal.shapes.reconciliation import DifferenceView, FixedView, ReportView
from terminal.texts import tell


class ReconcileWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say beyond the day."""


class FixWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Carry out what a report proposes for one difference; the two operators are two people."""

    difference: str
    operators: tuple[str, str]


class ReconciliationController(Controller):
    """A day's books against the hub's."""

    path = "/reconciliation"

    @post("/{date:str}", status_code=200)
    async def reconcile(
        self,
        service: NamedDependency[Service],
        date: FromPath[str],
        data: JSONBody[ReconcileWish],
        client: ClientName = "till",
    ) -> ReportView:
        """Compare a day with the hub now (3201, and 3202 with its files where they differ)."""
        reconciliation, day = _reconciliation(service), _day(date)
        workroom = service.require_counter().workroom
        return report_view(await workroom.do(lambda: reconciliation.run(day, client)))

    @get("/{date:str}", sync_to_thread=False)
    def last(self, service: NamedDependency[Service], date: FromPath[str]) -> ReportView:
        """The newest report of a day since the start of the service; asks nobody."""
        return report_view(_reconciliation(service).reports.last(_day(date)))

    @post("/{date:str}/fixes", status_code=200)
    async def fix(
        self, service: NamedDependency[Service], date: FromPath[str], data: JSONBody[FixWish]
    ) -> FixedView:
        """Carry out the proposed action for one difference; two different operators answer for it."""
        fixed = await _reconciliation(service).corrections.fix(_day(date), data.difference, data.operators)
        return FixedView(fixed.difference.id, settlement_view(fixed.settlement, service.mask))


def _reconciliation(service: Service) -> Reconciliation:
    reconciliation = service.require_counter().reconciliation
    if reconciliation is None:
        raise Misuse("not_ready", state=service.phase.value)
    return reconciliation


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as wrong:
        raise Misuse("bad_request", reason="date is not a day like 2026-11-22") from wrong


def difference_view(difference: Difference) -> DifferenceView:
    """Add the words."""
    return DifferenceView(
        difference,
        difference.is_open,
        difference.operators_needed,
        tell(f"recon_kind_{difference.kind}"),
        tell(f"recon_cause_{difference.cause}"),
        tell(f"recon_action_{difference.action}"),
    )


def report_view(report: Report) -> ReportView:
    """A report with its words."""
    notice = notice_of(report)
    return ReportView(
        date=report.date,
        made_at=report.made_at,
        provisional=report.provisional,
        outcome=report.outcome.value,
        told=tell(notice.code, notice.params),
        groups=report.groups,
        details=report.details,
        differences=tuple(map(difference_view, report.differences)),
    )
