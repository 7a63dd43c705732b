"""The reconciliation of the day before, by itself, at the time that the counter's file names."""

import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from drivers.interfaces.clock import Clock
from terminal.core.events import Misuse
from terminal.journal.records import JournalFailed
from terminal.reconciliation.counter_port import CounterPort
from terminal.reconciliation.report import Outcome, Report, notice_of
from terminal.reconciliation.runner import Reconciliation

log = logging.getLogger(__name__)

DAILY_TRIES: Final = 6
DAILY_PAUSE_S: Final = 600.0
LOOK_AGAIN_S: Final = 60.0
"""How often the clock is looked at, which somebody may have set."""


class DailyReconciliation:
    """One run a day."""

    def __init__(
        self,
        reconciliation: Reconciliation,
        counter: CounterPort,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        at: dt.time | None,
    ) -> None:
        """`at` (UTC+8): when the day before is reconciled; None = only on demand."""
        self._reconciliation = reconciliation
        self._counter = counter
        self._clock = clock
        self._sleep = sleep
        self._at = at

    async def run(self) -> None:
        """Reconcile the day before at the configured time, for ever; returns at once where none is configured."""
        if self._at is None:
            return
        done: dt.date | None = None
        while True:
            now = self._clock.now()
            yesterday = now.date() - dt.timedelta(days=1)
            if now.time() >= self._at and done != yesterday:
                await self._reconcile(yesterday)
                done = yesterday
            await self._sleep(LOOK_AGAIN_S)

    async def _reconcile(self, day: dt.date) -> None:
        report: Report | None = None
        for left in reversed(range(DAILY_TRIES)):
            try:
                report = await self._reconciliation.run(day, "schedule")
            except (
                Misuse
            ) as misuse:  # the counter is stopping, or the journal has failed: both are told elsewhere
                log.warning("reconciliation of %s: %s", day.isoformat(), misuse.code)
                return
            except JournalFailed:
                raise
            except Exception as error:  # noqa: BLE001 - comparing a day must not stop the sales of another
                self._counter.went_wrong("", error)
            if not left or (report is not None and report.outcome is not Outcome.NOT_COMPARED):
                break
            await self._sleep(DAILY_PAUSE_S)
        if report is not None:
            self._counter.feed.announce(notice_of(report))
