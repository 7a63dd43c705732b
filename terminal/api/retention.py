"""The end of terms over the local API: delete now what is past its term."""

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from terminal.api.client_name import ClientName
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.counter.expiry import ExpiryReport
from terminal.shapes.retention import ExpiredDayView, ExpiryView, HeldDayView


class ExpireWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say: the terms are the province's."""


class RetentionController(Controller):
    """What is past its term."""

    path = "/retention"

    @post("/expire", status_code=200)
    async def expire(
        self, service: NamedDependency[Service], data: JSONBody[ExpireWish], client: ClientName = "till"
    ) -> ExpiryView:
        """Delete what is past its term now, as the counter does by itself once a day; for ever."""
        expiry = service.require_counter().expiry
        if expiry is None:
            raise Misuse("not_ready", state=service.phase.value)
        return expiry_view(await expiry.run(client))


def expiry_view(report: ExpiryReport) -> ExpiryView:
    """A report for the caller."""
    return ExpiryView(
        tuple(
            ExpiredDayView(one.day.isoformat(), one.purpose.value, one.settlements) for one in report.deleted
        ),
        tuple(HeldDayView(one.day.isoformat(), one.purpose.value, one.settlements) for one in report.held),
        report.purged,
    )
