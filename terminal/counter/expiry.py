"""Deletes what is past its term, once a day while the counter runs, and when somebody asks for it.

The terms are the province's (`[retention]` of its profile). What is due, and how it is deleted, is the journal's business
(`terminal/journal/retention.py`); one day and purpose at a time, so that no sale waits for all of them.
"""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec

from protocols.hub.profile import Profile
from protocols.wire_time import format_time
from terminal.core.events import Misuse
from terminal.journal.journal import Journal
from terminal.journal.records import Stamp
from terminal.journal.retention import Due, Expired, Held, Terms

if TYPE_CHECKING:
    from terminal.counter.counter import Counter

LOOK_AGAIN_S: Final = 1800.0
DAILY_ACTOR: Final = "schedule"
FAR_FROM_HUB: Final = dt.timedelta(days=1)
"""Nothing is deleted by a clock so far from the hub's: terms are counted in days."""


class ExpiryReport(msgspec.Struct, frozen=True):
    """What one run did."""

    deleted: tuple[Expired, ...]
    held: tuple[Held, ...]
    """Days past their term that are kept, because something of them is not over."""
    purged: bool
    """False while traces are left (a reader of the file, the copy kept after a migration); a later run removes them."""


class Expiry:
    """The counter's deletions."""

    def __init__(
        self, counter: "Counter", profile: Profile, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._counter = counter
        self._terms = Terms(profile.retention.identity_days, profile.retention.evidence_days)
        self._sleep = sleep

    async def run(self, actor: str) -> ExpiryReport:
        """Delete what is due now. Raises `Misuse`: why no new sale may start (a clock that cannot be trusted, a journal that
        was put back, a full disk: no time for deleting either), `clock_not_the_hubs`, or `journal_failed`.
        """
        self._counter.holds.require_none()
        self._require_the_hubs_time()
        stamp = self._counter.engine.stamp()
        outlook = await self._counter.workroom.write(
            lambda journal: journal.retention.outlook(self._terms, stamp.wall)
        )
        deleted = [
            found for due in outlook.due if (found := await self._expire(due, actor, stamp)) is not None
        ]
        purged = await self._counter.workroom.write(lambda journal: journal.retention.purge(stamp.wall))
        return ExpiryReport(tuple(deleted), outlook.held, purged)

    def _require_the_hubs_time(self) -> None:
        """A clock that was wrong from the start on looks even; deleting cannot be undone, so the hub has a word in it too."""
        contact = self._counter.hub.contact
        offset_s = None if contact is None else contact.clock_offset_s
        if contact is None or offset_s is None or abs(offset_s) <= FAR_FROM_HUB.total_seconds():
            return
        hubs = contact.sent_at + dt.timedelta(seconds=offset_s)
        raise Misuse("clock_not_the_hubs", now=format_time(contact.sent_at), hub=format_time(hubs))

    async def daily(self) -> None:
        """Run once on every day, for ever; the first time some while after the start."""
        done: dt.date | None = None
        while True:
            await self._sleep(LOOK_AGAIN_S)
            today = self._counter.engine.stamp().wall.date()
            if done == today:
                continue
            try:
                report = await self.run(DAILY_ACTOR)
            except Misuse:
                continue  # a hold, a failed journal, a counter that is stopping: all are told elsewhere
            if report.purged:
                done = today

    async def _expire(self, due: Due, actor: str, stamp: Stamp) -> Expired | None:
        def work(journal: Journal) -> Expired | None:
            return journal.retention.expire(due, actor, stamp)

        return await self._counter.workroom.write(work)
