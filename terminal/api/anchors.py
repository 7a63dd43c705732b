"""The anchors of the audit log over the local API: how they stand, and accepting a journal that a witness contradicts."""

import datetime as dt
from collections.abc import Sequence

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from terminal.api.client_name import ClientName
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.core.ruling import rulings
from terminal.core.states import State
from terminal.counter.anchor_keeper import AnchorKeeper
from terminal.counter.counter import Counter
from terminal.reconciliation.correcting import two_operators
from terminal.reconciliation.report import Action, Outcome, Report, is_nowhere
from terminal.reconciliation.runner import Reconciliation
from terminal.shapes.anchors import AnchorView


class AcceptWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go on with this journal; the two operators are two people."""

    operators: tuple[str, str]
    undo_open: bool = False
    """What may stand at the hub may stay open: it goes on by the ordinary rules, and is undone there."""


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
        """Sell again with a journal that was put back or cut: the missing days are reconciled, two people answer for it.

        What it holds open, and the reports do not prove to be nothing at the hub, is closed first, or left to be undone
        in so many words.
        """
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
        left = _not_ruled(service.require_counter(), reconciliation, days)
        if left and not data.undo_open:
            raise Misuse("doubts_not_ruled", count=str(len(left)), sales=", ".join(left))
        told += [f"left open: {', '.join(left)}"] if left else []
        await keeper.accept(f"{first}+{second}", f"by {client}: {', '.join(told)}")
        return keeper.view()


def _keeper(service: Service) -> AnchorKeeper:
    service.require_counter()
    if service.anchors is None:
        raise Misuse("not_ready", state=service.phase.value)
    return service.anchors


def _not_ruled(counter: Counter, reconciliation: Reconciliation | None, days: Sequence[dt.date]) -> list[str]:
    """Settlements open here that may stand at the hub, as far as the reports of these days show.

    Only the proof that the hub has nothing of one takes it off the list: a report that can prove nothing, or does not name
    it, is no leave to undo it.
    """
    reports = [] if reconciliation is None else [reconciliation.reports.last(day) for day in days]
    return [
        settlement.id
        for settlement, _ in counter.settlements.doubts()
        if State.CONFIRMED in rulings(settlement) and not _is_proved_absent(settlement.id, reports)
    ]


def _is_proved_absent(settlement_id: str, reports: Sequence[Report]) -> bool:
    """Whether the first report that names it offers `CLOSE_REVERSED`, and that day and each since prove that they lack it."""
    for at, report in enumerate(reports):
        for one in report.differences:
            if one.settlement_id == settlement_id:
                return one.action is Action.CLOSE_REVERSED and is_nowhere(one, reports[at:])
    return False


def _outcome(reconciliation: Reconciliation | None, day: dt.date) -> str:
    """What the newest report of a day since the start says; "" when there is none that compared anything."""
    try:
        report = None if reconciliation is None else reconciliation.reports.last(day)
    except Misuse:
        return ""
    return "" if report is None or report.outcome is Outcome.NOT_COMPARED else report.outcome.value
