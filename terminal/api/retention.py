"""The end of terms over the local API: delete now what is past its term."""

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from terminal.api.client_name import ClientName
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.counter.expiry import ExpiryReport


class ExpireWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say: the terms are the province's."""


class ExpiredDayView(msgspec.Struct, frozen=True):
    """One key deleted."""

    day: str
    purpose: str
    """`identity` or `evidence`."""
    settlements: int


class HeldDayView(msgspec.Struct, frozen=True):
    """A day past its term that is kept, because something of it is not over."""

    day: str
    purpose: str
    settlements: tuple[str, ...]
    """The first few that are not over."""


class ExpiryView(msgspec.Struct, frozen=True):
    """What was deleted and what is held back."""

    deleted: tuple[ExpiredDayView, ...]
    held: tuple[HeldDayView, ...]
    purged: bool
    """False while traces are left on the disk (a reader of the file, the copy kept after a migration); a later run removes
    them."""


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
