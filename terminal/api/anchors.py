"""The anchors of the audit log over the local API: how they stand, and accepting a journal that a witness contradicts."""

import datetime as dt
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody

from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.journal.anchors import AnchorKeeper, AnchorView
from terminal.reconciliation.report import Outcome
from terminal.reconciliation.runner import Reconciliation, two_operators

ClientName = Annotated[str, HeaderParameter(name="X-Client", max_length=100, required=False)]


class AcceptWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go on with this journal; the two operators are two people."""

    operators: tuple[str, str]


class AnchorController(Controller):
    """Whether this journal is the one that was there before."""

    path = "/anchor"

    @get("/", sync_to_thread=False)
    def anchor(self, service: NamedDependency[Service]) -> AnchorView:
        """How the anchors stand, and what contradicts the journal."""
        return _keeper(service).view()

    @post("/acceptance", status_code=200)
    async def accept(
        self, service: NamedDependency[Service], data: JSONBody[AcceptWish], client: ClientName = "till"
    ) -> AnchorView:
        """Sell again with a journal that was put back or cut: the missing days are reconciled, two people answer for it."""
        keeper = _keeper(service)
        first, second = two_operators(data.operators)
        if not keeper.view().contradictions:
            raise Misuse("nothing_contradicts")
        reconciliation = service.require_counter().reconciliation
        days = keeper.missing_days()
        told = [f"{day.isoformat()} {outcome}" for day in days if (outcome := _outcome(reconciliation, day))]
        if len(told) < len(days):
            missing = [day.isoformat() for day in days if not _outcome(reconciliation, day)]
            raise Misuse("days_not_reconciled", dates=", ".join(missing))
        await keeper.accept(f"{first}+{second}", f"by {client}: {', '.join(told)}")
        return keeper.view()


def _keeper(service: Service) -> AnchorKeeper:
    service.require_counter()
    if service.anchors is None:
        raise Misuse("not_ready", state=service.phase.value)
    return service.anchors


def _outcome(reconciliation: Reconciliation | None, day: dt.date) -> str:
    """What the newest report of a day since the start says; "" when there is none that compared anything."""
    try:
        report = None if reconciliation is None else reconciliation.last(day)
    except Misuse:
        return ""
    return "" if report is None or report.outcome is Outcome.NOT_COMPARED else report.outcome.value
