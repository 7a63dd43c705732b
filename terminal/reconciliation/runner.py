"""Runs a reconciliation: our books out of the journal, 3201 for every group, 3202 with its files where they differ.

What authenticates what. The answers to 3201, 3202 and 9101 are signed envelopes like every other; the file that 9102
brings is bare bytes. So the file alone changes nothing: it names what to look at. It is held against a signed answer: our totals,
corrected by its lines, are put to 3201 once more, and "level" then says, signed, that the lines account for the whole
difference. Without that, only 2601 is offered, which asks the hub and is decided by its signed answer. And nothing at
all is done but on the word of two people.

The questions are repeated with a new message id whenever they stay unanswered (they change nothing). 9101 leaves a file
at the hub: it is a submission (`terminal/submissions/`), its id and bytes are on disk before it is sent.
"""

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from drivers.interfaces.clock import Clock
from protocols.errors import MalformedMessage
from protocols.gm.sm3 import sm3
from protocols.hub.accounts import BadLine, result_kind, result_rows, unpack
from protocols.hub.profile import Profile
from protocols.wire_time import format_time
from terminal.core.events import Misuse
from terminal.hub.client import Institution
from terminal.reconciliation.asking import HubBooks, NoUse
from terminal.reconciliation.books import Books, belongs, day_bounds, group_of, is_open, sums_of
from terminal.reconciliation.compare import Comparison, Found, corrected, still_open, unexplained, unreadable
from terminal.reconciliation.correcting import Corrections
from terminal.reconciliation.counter_port import CounterPort
from terminal.reconciliation.own_books import OwnBooks
from terminal.reconciliation.report import (
    FIXES,
    Action,
    Detail,
    Difference,
    Group,
    GroupResult,
    KeptReports,
    Outcome,
    Report,
    Sums,
    outcome_of,
)

_replace = msgspec.structs.replace

FIRST_DAY: Final = dt.date(2020, 1, 1)
"""There was no national platform to compare an earlier day with."""


class Reconciliation:
    """The reconciliation of one counter. One run at a time."""

    def __init__(
        self,
        *,
        counter: CounterPort,
        profile: Profile,
        institution: Institution,
        slot: int,
        hub: HubBooks,
        clock: Clock,
    ) -> None:
        """`slot` marks the message ids of this counter among those of the institution."""
        self._counter = counter
        self._profile = profile
        self._slot = slot
        self._hub = hub
        self._clock = clock
        self._turn = asyncio.Lock()
        self.books = OwnBooks(
            counter.workroom,
            profile,
            institution,
            lambda: (settlement for settlement, _ in counter.settlements.doubts()),
        )
        self.reports = KeptReports()
        self.corrections = Corrections(counter, clock, self.books, self.reports, profile.quiet_s)

    async def run(self, day: dt.date, actor: str) -> Report:
        """Reconcile a day; raises `Misuse` for a day to come or before `FIRST_DAY`. Never raises for what the hub does."""
        today = self._clock.now().date()
        if day > today:
            raise Misuse("bad_request", reason=f"{day.isoformat()} is still to come")
        if day < FIRST_DAY:
            raise Misuse("bad_request", reason=f"{day.isoformat()} is before {FIRST_DAY.isoformat()}")
        async with self._turn:
            report = await self._compare(day)
            await self._counter.note(actor, "reconciled", _summary(report))
            self.reports.keep(day, report)
        return report

    async def _compare(self, day: dt.date) -> Report:
        begun = self._clock.now()
        _, end = day_bounds(day)
        provisional = begun < end + dt.timedelta(seconds=self._profile.quiet_s)
        books = await self.books.of(day)
        groups = await self._all_totals(books, books.groups)
        details: list[Detail] = []
        differences: list[Difference] = []
        for clr_type, clr_optins in sorted({(one.group.clr_type, one.group.clr_optins) for one in groups}):
            mine = [
                one for one in groups if (one.group.clr_type, one.group.clr_optins) == (clr_type, clr_optins)
            ]
            named: set[str] = set()
            if any(one.outcome is Outcome.DIFFERS for one in mine):
                detail, mine, found = await self._compare_lines(books, mine, clr_type, clr_optins)
                details.append(detail)
                differences += found
                named = {one.settlement_id for one in found}
                # Those of the other agencies stay; here there may be a scheme more than before.
                others = [
                    one
                    for one in groups
                    if (one.group.clr_type, one.group.clr_optins) != (clr_type, clr_optins)
                ]
                groups = sorted([*others, *mine], key=lambda one: one.group)
            differences += self._open_ones(books, mine, clr_type, clr_optins, named, provisional)
        done = tuple(groups), tuple(details), tuple(differences)
        return Report(
            date=day.isoformat(),
            made_at=format_time(begun),
            provisional=provisional,
            outcome=outcome_of(*done),
            groups=done[0],
            details=done[1],
            differences=done[2],
        )

    def _open_ones(
        self,
        books: Books,
        groups: Sequence[GroupResult],
        clr_type: str,
        clr_optins: str,
        named: set[str],
        provisional: bool,
    ) -> list[Difference]:
        proved = {one.group for one in groups if one.is_proved}
        found = []
        for case in filter(is_open, books.cases):
            group = group_of(case.settlement, self._profile)
            if (group.clr_type, group.clr_optins) == (clr_type, clr_optins):
                sure = group in proved and not provisional
                alone = False
                if case.settlement.cancel_wish and not self._profile.recon.cancel_is_record:
                    # What is undone leaves no record: only the day of the sale itself shows whether it stands.
                    alone = belongs(case, books.day, self._profile)
                    sure = sure and alone
                is_named = case.settlement.id in named
                found.append(still_open(case, group, books.day, named=is_named, proved=sure, alone=alone))
        return [difference for difference in found if difference is not None]

    # -- 3201 -----------------------------------------------------------------------------------------

    async def _all_totals(self, books: Books, groups: Sequence[Group]) -> list[GroupResult]:
        """Ask about these groups; a hub that is silent is not asked about the others, each would cost its time limit."""
        results: list[GroupResult] = []
        silence = ""
        for group in groups:
            own = sums_of(record for record in books.records if record.group == group)
            try:
                if not silence:
                    results.append(await self._ask_totals(books.day, group, own))
                    continue
            except NoUse as no_use:
                silence = no_use.reason if no_use.is_silence else ""
                results.append(GroupResult(group, own, Outcome.NOT_COMPARED, reason=no_use.reason))
                continue
            results.append(GroupResult(group, own, Outcome.NOT_COMPARED, reason=silence))
        return results

    async def _ask_totals(self, day: dt.date, group: Group, own: Sums) -> GroupResult:
        msgid, answer = await self._hub.totals(day, group, own)
        level = result_kind(answer.result.result) == "level"
        return GroupResult(
            group,
            own,
            Outcome.LEVEL if level else Outcome.DIFFERS,
            hub_code=answer.result.result,
            hub_words=answer.result.words,
            msgid=msgid,
        )

    # -- 9101, 3202, 9102 -----------------------------------------------------------------------------

    async def _compare_lines(
        self, books: Books, groups: list[GroupResult], clr_type: str, clr_optins: str
    ) -> tuple[Detail, list[GroupResult], list[Difference]]:
        records = books.of(clr_type, clr_optins)
        detail = Detail(clr_type, clr_optins, len(records), 0, 0, "")
        try:
            data = await self._hub.result_file(books.day, records, clr_type, clr_optins)
            detail = _replace(detail, file_sm3=sm3(data).hex())
            rows, bad = result_rows(unpack(data), self._profile.recon.columns)
        except NoUse as no_use:
            return _replace(detail, reason=no_use.reason), groups, []
        except MalformedMessage as malformed:
            return _replace(detail, reason=malformed.reason), groups, []
        comparison = Comparison(books, clr_type, clr_optins, f"{self._slot:02d}", rows)
        detail = _replace(detail, listed=len(rows), unreadable=len(bad))
        others = await self.books.cases_behind(comparison.unknown_messages())
        late = [case for case in others if belongs(case, books.day, self._profile)]
        if late:
            return await self._compare_anew(self.books.kept(books.day, (*books.cases, *late)), detail)
        comparison.learn(others)
        found = comparison.differences()
        places = {
            case.settlement.id: group_of(case.settlement, self._profile) for case in (*books.cases, *others)
        }
        groups = await self._hold_against(books.day, groups, found, bad, places)
        proved = {one.group for one in groups if one.accounted is True}
        differences = [_as_far_as_proved(_with_scheme(one, places), proved) for one in found]
        differences += [unreadable(line, clr_type, clr_optins) for line in bad]
        differences += [unexplained(one.group) for one in groups if one.accounted is False]
        return detail, groups, differences

    async def _compare_anew(
        self, books: Books, before: Detail
    ) -> tuple[Detail, list[GroupResult], list[Difference]]:
        """Compare one category and agency once more, with records of the day that our clock had put elsewhere.

        It comes to an end, because what the file may name next is not in the books yet.
        """
        clr = before.clr_type, before.clr_optins
        wanted = [group for group in books.groups if (group.clr_type, group.clr_optins) == clr]
        groups = await self._all_totals(books, wanted)
        if any(one.outcome is Outcome.DIFFERS for one in groups):
            return await self._compare_lines(books, groups, *clr)
        return before, groups, []

    async def _hold_against(
        self,
        day: dt.date,
        groups: list[GroupResult],
        found: Sequence[Found],
        bad: Sequence[BadLine],
        places: Mapping[str, Group],
    ) -> list[GroupResult]:
        """Put our totals, corrected by the file's lines, to 3201: its signed answer says whether they account for it all."""
        unlevel = [one.group for one in groups if one.outcome is Outcome.DIFFERS]
        changes = None if bad else corrected(found, unlevel, places)
        if changes is None:
            return groups
        return [
            await self._corrected(day, one, changes) if one.outcome is Outcome.DIFFERS else one
            for one in groups
        ]

    async def _corrected(
        self, day: dt.date, result: GroupResult, changes: Mapping[Group, tuple[int, int, int, int]]
    ) -> GroupResult:
        change = changes.get(result.group)
        if change is None:
            return _replace(result, accounted=False)
        own = result.own
        sums = Sums(
            own.count + change[0],
            own.total_fen + change[1],
            own.fund_fen + change[2],
            own.account_fen + change[3],
        )
        try:
            _, answer = await self._hub.totals(day, result.group, sums)
        except NoUse:
            return result
        return _replace(result, accounted=result_kind(answer.result.result) == "level")


def _with_scheme(found: Found, places: Mapping[str, Group]) -> Difference:
    group = found.group or places.get(found.difference.settlement_id)
    return found.difference if group is None else _replace(found.difference, insutype=group.insutype)


def _as_far_as_proved(difference: Difference, proved: set[Group]) -> Difference:
    """On the word of the file alone only 2601 is offered, which asks the hub; all else needs its signature first."""
    group = Group(difference.clr_type, difference.clr_optins, difference.insutype)
    if difference.action in FIXES - {Action.REVERSE} and group not in proved:
        return _replace(difference, action=Action.ASK_HUB)
    return difference


def _summary(report: Report) -> str:
    """For the audit log: the outcome and what was compared, with the hashes of the files."""
    groups = " ".join(
        f"{one.group.insutype}/{one.group.clr_type}/{one.group.clr_optins}:{one.outcome}"
        for one in report.groups
    )
    files = " ".join(one.file_sm3 for one in report.details if one.file_sm3)
    return (
        f"{report.date} {report.outcome} {groups} differences {len(report.differences)} files {files or '-'}"
    )
