"""Our side of a day: the records of this counter, read out of the journal. Nobody is asked."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from protocols.hub.envelope import message_id
from protocols.hub.profile import Profile
from terminal.core.events import Misuse
from terminal.core.values import Settlement
from terminal.counter.workroom import Workroom
from terminal.hub.client import Institution
from terminal.journal.journal import Journal
from terminal.journal.sheet import settlement_of
from terminal.reconciliation.books import (
    AROUND,
    Books,
    Case,
    OwnRecord,
    day_bounds,
    group_of,
    is_open,
    is_without_amounts,
    keep_books,
    touches,
    usual_groups,
)

SETTLEMENTS_AT_ONCE: Final = 20
"""How many are read in one call: a sale's commit waits no longer than that."""


class DayRecords(NamedTuple):
    """What our books know of a day, and what they do not."""

    records: tuple[OwnRecord, ...]
    open: frozenset[str]
    """Settlements that touch the day and whose outcome is open."""
    without_amounts: frozenset[str]
    """Settlements that touch the day and stand, with amounts that only the hub knows."""


class OwnBooks:
    """The days of one counter."""

    def __init__(
        self,
        workroom: Workroom,
        profile: Profile,
        institution: Institution,
        open_now: Callable[[], Iterable[Settlement]],
    ) -> None:
        """`workroom` reads the journal; `open_now` are the settlements that the counter still has to end."""
        self._workroom = workroom
        self._profile = profile
        self._institution = institution
        self._open_now = open_now

    async def records_of(self, day: dt.date) -> DayRecords:
        """Return our records of a day and which settlements may be missing among them; asks nobody."""
        books = await self.of(day)
        return DayRecords(
            books.records,
            frozenset(case.settlement.id for case in filter(is_open, books.cases)),
            frozenset(case.settlement.id for case in filter(is_without_amounts, books.cases)),
        )

    async def of(self, day: dt.date) -> Books:
        """Everything of a day. Raises `Misuse` (`day_past_term`)."""
        start, end = day_bounds(day)
        one_day = dt.timedelta(days=1)
        first = message_id(self._institution.code, start - one_day, 0, 0)
        # What was armed long ago and proved unsent goes out under its old id: its business date leads to it.
        sent = await self._workroom.read(
            lambda journal: [
                *journal.attempts.sent_until(first, end + AROUND),
                *journal.attempts.sent_for_days(day - one_day, day + one_day),
            ]
        )
        ids = list(dict.fromkeys(one.settlement for one in sent if touches(one, day)))
        cases = [
            case for at in range(0, len(ids), SETTLEMENTS_AT_ONCE) for case in await self.cases(ids[at : at + SETTLEMENTS_AT_ONCE])
        ]  # fmt: skip
        return self.kept(day, cases)

    def kept(self, day: dt.date, cases: Sequence[Case]) -> Books:
        """The books that these settlements make of a day."""
        usual = usual_groups(self._profile, self._institution.code, self._institution.division)
        # What an old copy holds to be on its way may have left on any day since.
        perhaps = {group_of(one, self._profile) for one in self._open_now() if one.in_old_copy}
        return keep_books(day, cases, usual | perhaps, self._profile)

    async def cases(self, ids: Sequence[str]) -> list[Case]:
        """Settlements with what was sent for them. Raises `Misuse` (`day_past_term`)."""

        def read(journal: Journal) -> list[Case]:
            found = []
            for settlement_id in ids:
                row = journal.settlements.get(settlement_id)
                if row is not None:
                    if not row.sheet:
                        raise Misuse("day_past_term", date=row.key.business_date.isoformat())
                    settlement = settlement_of(row)
                    found.append(Case(settlement, tuple(journal.attempts.sent_for(settlement_id))))
            return found

        return await self._workroom.read(read)

    async def cases_behind(self, msgids: Sequence[str]) -> list[Case]:
        """The settlements of other days behind message ids that the file names."""

        def owners(journal: Journal) -> list[str]:
            return [one.settlement for msgid in msgids for one in journal.attempts.sent_under(msgid)]

        ids = await self._workroom.read(owners)
        return await self.cases(list(dict.fromkeys(ids)))  # one settlement may have sent several of them
