"""Notices of hub and fleet: shown once each, kept for a look back, acknowledged every time they come."""

import datetime as dt
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from drivers.interfaces.clock import Clock
from protocols.fleet.messages import (
    CatalogueChanged,
    FleetNotice,
    MaintenanceWindow,
    NoticeAck,
    NoticeOutcome,
    OperatorMessage,
)
from protocols.wire_time import format_time
from terminal.core.values import Notice

KEPT: Final = 100


class ShownNotice(msgspec.Struct, frozen=True):
    """A notice as it was shown."""

    id: str
    at: dt.datetime
    """When the fleet sent it."""
    notice: Notice


class NoticeBoard:
    """What has been said to this counter since its start, newest last."""

    def __init__(self, clock: Clock, announce: Callable[[Notice], None]) -> None:
        """`announce` shows a notice to the people at the counter."""
        self._clock = clock
        self._announce = announce
        self._shown: deque[ShownNotice] = deque(maxlen=KEPT)

    @property
    def shown(self) -> tuple[ShownNotice, ...]:
        """Newest last; the oldest of many are forgotten."""
        return tuple(self._shown)

    def take(self, arrived: FleetNotice) -> NoticeAck:
        """Show a notice unless it has been shown or is over; return what to tell the fleet."""
        now = self._clock.now()
        if any(shown.id == arrived.id for shown in self._shown):
            return NoticeAck(arrived.id, NoticeOutcome.SHOWN, now)
        if arrived.expires_at is not None and arrived.expires_at <= now:
            return NoticeAck(arrived.id, NoticeOutcome.EXPIRED, now)
        self.show(arrived.id, arrived.at, notice_of(arrived))
        return NoticeAck(arrived.id, NoticeOutcome.SHOWN, now)

    def show(self, notice_id: str, at: dt.datetime, notice: Notice) -> None:
        """Show and keep."""
        self._shown.append(ShownNotice(notice_id, at, notice))
        self._announce(notice)


def notice_of(arrived: FleetNotice) -> Notice:
    """Turn a notice into a message of our catalogue."""
    match arrived.content:
        case CatalogueChanged(catalogue, version):
            return Notice("catalogue_changed", {"catalogue": _plain(catalogue), "version": _plain(version)})
        case MaintenanceWindow(starts_at, ends_at):
            return Notice("hub_maintenance", {"starts": format_time(starts_at), "ends": format_time(ends_at)})
        case OperatorMessage(text):
            return fleet_message(text)


def fleet_message(text: str) -> Notice:
    """A text of the fleet, marked as one."""
    return Notice("fleet_message", {"text": _plain(text)})


def _plain(text: str) -> str:
    """Text of a stranger on our screen: one line, no control or direction characters that could dress it up."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
