"""What the fleet has told this counter, for screens and tills."""

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency

from terminal.api.service import Service
from terminal.texts import Told, tell_notice


class NoticeView(msgspec.Struct, frozen=True):
    """One notice as it was shown."""

    id: str
    at: str
    """When the fleet sent it, ISO 8601 with its zone."""
    told: Told | None


class FleetController(Controller):
    """Notices of hub and fleet."""

    path = "/notices"

    @get("/", sync_to_thread=False)
    def notices(self, service: NamedDependency[Service]) -> list[NoticeView]:
        """List the notices shown since the start, newest last; empty without a broker."""
        shown = () if service.fleet is None else service.fleet.board.shown
        return [NoticeView(notice.id, notice.at.isoformat(), tell_notice(notice.notice)) for notice in shown]
