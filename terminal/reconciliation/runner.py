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
import logging
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from drivers.interfaces.clock import Clock
from protocols.errors import MalformedMessage
from protocols.gm.sm3 import sm3
from protocols.hub.accounts import (
    BadLine,
    DetailCheck,
    DetailCheckInput,
    DetailCheckOutput,
    DetailRow,
    ResultFile,
    TotalsCheck,
    TotalsCheckInput,
    TotalsCheckOutput,
    Upload,
    UploadInput,
    UploadOutput,
    byte_list,
    detail_text,
    pack,
    result_kind,
    result_rows,
    unpack,
)
from protocols.hub.envelope import message_id
from protocols.hub.profile import Profile
from protocols.money import Fen
from protocols.wire_time import format_time
from terminal.core.events import (
    Answered,
    CancelAsked,
    Event,
    Heard,
    Misuse,
    Reopened,
    Ruled,
)
from terminal.core.message_parts import total_fen
from terminal.core.states import State
from terminal.core.values import Notice, Settlement
from terminal.counter.feed import Feed
from terminal.counter.session import HubSession
from terminal.counter.settlements import Settlements
from terminal.counter.workroom import Workroom
from terminal.hub.client import HubClient, Institution
from terminal.hub.questions import ask_file, ask_hub
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.journal.sheet import settlement_of
from terminal.reconciliation.books import (
    AROUND,
    Books,
    Case,
    OwnRecord,
    belongs,
    day_bounds,
    group_of,
    is_open,
    keep_books,
    sums_of,
    touches,
    usual_groups,
)
from terminal.reconciliation.compare import (
    Comparison,
    Found,
    clear_of_midnight,
    corrected,
    may_undo,
    still_open,
    unexplained,
    unreadable,
)
from terminal.reconciliation.report import (
    FIXES,
    Action,
    Cause,
    Detail,
    Difference,
    Group,
    GroupResult,
    Outcome,
    Report,
    Sums,
    outcome_of,
)
from terminal.submissions.kinds import FILE
from terminal.submissions.runner import Submissions

_replace = msgspec.structs.replace
_Result = TypeVar("_Result")
log = logging.getLogger(__name__)

SETTLEMENTS_AT_ONCE = 20
"""How many are read in one call: a sale's commit waits no longer than that."""
DAYS_KEPT = 31
"""Reports kept in memory; an older one is simply made again."""
DAILY_TRIES = 6
DAILY_PAUSE_S = 600.0
LOOK_AGAIN_S = 60.0
"""How often the daily run looks at the clock, which somebody may have set."""
OPERATOR_LENGTH = 30
FIRST_DAY = dt.date(2020, 1, 1)
"""There was no national platform to compare an earlier day with."""


class CounterPort(Protocol):
    """What a reconciliation needs of the counter it belongs to."""

    @property
    def workroom(self) -> Workroom:
        """Reads the journal."""
        ...

    @property
    def feed(self) -> Feed:
        """Tells everybody who follows the counter."""
        ...

    async def note(self, actor: str, action: str, text: str = "") -> None:
        """Append an audit record."""
        ...

    @property
    def settlements(self) -> Settlements:
        """Hands events to settlements."""
        ...

    def went_wrong(self, settlement_id: str, error: Exception) -> None:
        """Something unexpected happened inside."""
        ...


class Fixed(msgspec.Struct, frozen=True):
    """What came of a correction."""

    difference: Difference
    settlement: Settlement


class _NoUse(Exception):
    """A message brought nothing to work with; `reason` is a machine word or the hub's own text."""

    def __init__(self, heard: Heard) -> None:
        super().__init__("no use")
        self.reason = _reason(heard)
        self.is_silence = not isinstance(heard, Answered)


class Reconciliation:
    """The reconciliation of one counter. One run at a time."""

    def __init__(
        self,
        *,
        counter: CounterPort,
        profile: Profile,
        institution: Institution,
        slot: int,
        hub: HubClient,
        session: HubSession,
        submissions: Submissions,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        daily_at: dt.time | None = None,
    ) -> None:
        """`daily_at` (UTC+8): when the day before is reconciled by itself; None = only on demand."""
        self._counter = counter
        self._profile = profile
        self._institution = institution
        self._slot = slot
        self._hub = hub
        self._session = session
        self._submissions = submissions
        self._clock = clock
        self._sleep = sleep
        self._daily_at = daily_at
        self._turn = asyncio.Lock()
        self._reports: dict[dt.date, Report] = {}

    # -- reports --------------------------------------------------------------------------------------

    def last(self, day: dt.date) -> Report:
        """The newest report of a day since the start; raises `Misuse` (`not_reconciled`)."""
        report = self._reports.get(day)
        if report is None:
            raise Misuse("not_reconciled", date=day.isoformat())
        return report

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
            self._reports[day] = report
            for old in sorted(self._reports)[:-DAYS_KEPT]:
                del self._reports[old]
        return report

    async def _compare(self, day: dt.date) -> Report:
        _, end = day_bounds(day)
        provisional = self._clock.now() < end + dt.timedelta(seconds=self._profile.quiet_s)
        books = await self._books(day)
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
            made_at=format_time(self._clock.now()),
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
        # Signed proof that nothing is there which we do not count: level, or level once corrected by the file.
        proved = {one.group: one.outcome is Outcome.LEVEL or one.accounted is True for one in groups}
        found = []
        for case in filter(is_open, books.cases):
            group = group_of(case.settlement, self._profile)
            if (group.clr_type, group.clr_optins) == (clr_type, clr_optins):
                sure = proved.get(group, False) and not provisional
                if case.settlement.cancel_wish and not self._profile.recon.cancel_is_record:
                    # What is undone leaves no record: only the day of the sale itself shows whether it stands.
                    sure = sure and belongs(case, books.day, self._profile)
                found.append(
                    still_open(case, group, books.day, named=case.settlement.id in named, proved=sure)
                )
        return [difference for difference in found if difference is not None]

    async def books_of(self, day: dt.date) -> tuple[tuple[OwnRecord, ...], frozenset[str]]:
        """Return our records of a day, and the ids of the settlements that touch it and are open; asks nobody."""
        books = await self._books(day)
        return books.records, frozenset(case.settlement.id for case in filter(is_open, books.cases))

    # -- our side -------------------------------------------------------------------------------------

    async def _books(self, day: dt.date) -> Books:
        start, end = day_bounds(day)
        first, last = (
            message_id(self._institution.code, at, slot, slot)
            for at, slot in ((start - dt.timedelta(days=1), 0), (end + AROUND, 99))
        )
        one_day = dt.timedelta(days=1)
        # Ids never go back: after a clock that was ahead they run ahead of the days that settlements are booked on.
        sent = await self._counter.workroom.read(
            lambda journal: [
                *journal.attempts.sent_between(first, last),
                *journal.attempts.sent_for_days(day - one_day, day + one_day),
            ]
        )
        ids = list(dict.fromkeys(one.settlement for one in sent if touches(one, day)))
        cases = [
            case for at in range(0, len(ids), SETTLEMENTS_AT_ONCE) for case in await self._cases(ids[at : at + SETTLEMENTS_AT_ONCE])
        ]  # fmt: skip
        return self._kept(day, cases)

    def _kept(self, day: dt.date, cases: Sequence[Case]) -> Books:
        usual = usual_groups(self._profile, self._institution.code, self._institution.division)
        return keep_books(day, cases, usual, self._profile)

    async def _cases(self, ids: Sequence[str]) -> list[Case]:
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

        return await self._counter.workroom.read(read)

    async def _cases_behind(self, msgids: Sequence[str]) -> list[Case]:
        """The settlements of other days behind message ids that the file names."""

        def owners(journal: Journal) -> list[str]:
            return [one.settlement for msgid in msgids for one in journal.attempts.sent_between(msgid, msgid)]

        ids = await self._counter.workroom.read(owners)
        return await self._cases(list(dict.fromkeys(ids)))  # one settlement may have sent several of them

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
            except _NoUse as no_use:
                silence = no_use.reason if no_use.is_silence else ""
                results.append(GroupResult(group, own, Outcome.NOT_COMPARED, reason=no_use.reason))
                continue
            results.append(GroupResult(group, own, Outcome.NOT_COMPARED, reason=silence))
        return results

    async def _ask_totals(self, day: dt.date, group: Group, own: Sums) -> GroupResult:
        msgid, answer = await self._totals(day, group, own)
        level = result_kind(answer.result.result) == "level"
        return GroupResult(
            group,
            own,
            Outcome.LEVEL if level else Outcome.DIFFERS,
            hub_code=answer.result.result,
            hub_words=answer.result.words,
            msgid=msgid,
        )

    async def _totals(self, day: dt.date, group: Group, sums: Sums) -> tuple[str, TotalsCheckOutput]:
        date = day.isoformat()
        content = TotalsCheckInput(
            check=TotalsCheck(
                insurance_type=group.insutype,
                clearing_type=group.clr_type,
                settling_agency=group.clr_optins,
                began_on=date,
                ended_on=date,
                total_fen=Fen(sums.total_fen),
                fund_fen=Fen(sums.fund_fen),
                account_fen=Fen(sums.account_fen),
                count=sums.count,
            )
        )
        return await self._ask("3201", content, group.clr_optins, TotalsCheckOutput)

    # -- 9101, 3202, 9102 -----------------------------------------------------------------------------

    async def _compare_lines(
        self, books: Books, groups: list[GroupResult], clr_type: str, clr_optins: str
    ) -> tuple[Detail, list[GroupResult], list[Difference]]:
        records = books.of(clr_type, clr_optins)
        detail = Detail(clr_type, clr_optins, len(records), 0, 0, "")
        try:
            data = await self._result_file(books.day, records, clr_type, clr_optins)
            detail = _replace(detail, file_sm3=sm3(data).hex())
            rows, bad = result_rows(unpack(data), self._profile.recon.columns)
        except _NoUse as no_use:
            return _replace(detail, reason=no_use.reason), groups, []
        except MalformedMessage as malformed:
            return _replace(detail, reason=malformed.reason), groups, []
        comparison = Comparison(books, clr_type, clr_optins, f"{self._slot:02d}", rows)
        detail = _replace(detail, listed=len(rows), unreadable=len(bad))
        others = await self._cases_behind(comparison.unknown_messages())
        late = [case for case in others if belongs(case, books.day, self._profile)]
        if late:
            return await self._compare_anew(self._kept(books.day, (*books.cases, *late)), detail)
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
            _, answer = await self._totals(day, result.group, sums)
        except _NoUse:
            return result
        return _replace(result, accounted=result_kind(answer.result.result) == "level")

    async def _result_file(
        self, day: dt.date, records: Sequence[OwnRecord], clr_type: str, clr_optins: str
    ) -> bytes:
        uploaded = await self._upload(f"3202_{day:%Y%m%d}", detail_text(list(map(_row, records))), clr_optins)
        sums, date = sums_of(records), day.isoformat()
        content = DetailCheckInput(
            check=DetailCheck(
                settling_agency=clr_optins,
                file_no=uploaded.file_no,
                began_on=date,
                ended_on=date,
                total_fen=Fen(sums.total_fen),
                fund_fen=Fen(sums.fund_fen),
                cash_fen=Fen(sums.cash_fen),
                count=sums.count,
                clearing_type=clr_type,
            )
        )
        _, answer = await self._ask("3202", content, clr_optins, DetailCheckOutput)
        return await self._download(answer.file, clr_optins)

    async def _upload(self, name: str, text: bytes, division: str) -> UploadOutput:
        data = pack(f"{name}.txt", text)
        code = self._institution.code
        content = UploadInput(
            upload=Upload(content=byte_list(data), name=f"{name}.zip", institution_code=code)
        )
        heard = await self._submissions.deliver_once(FILE, content, division, "reconciliation")
        return _useful(heard, UploadOutput)

    async def _download(self, file: ResultFile, division: str) -> bytes:
        """The bare file. An envelope instead of it is a refusal, and proves at least that."""
        heard = await ask_file(
            self._hub, self._session, self._profile, file.file_no, file.name, self._institution.code, division
        )
        if isinstance(heard, bytes):
            return heard
        raise _NoUse(heard)

    # -- asking ---------------------------------------------------------------------------------------

    async def _ask(
        self, infno: str, content: msgspec.Struct, division: str, wanted: type[_Result]
    ) -> tuple[str, _Result]:
        msgid, heard = await ask_hub(self._hub, self._session, self._profile, infno, content, division)
        return msgid, _useful(heard, wanted)

    # -- correcting -----------------------------------------------------------------------------------

    async def fix(self, day: dt.date, difference_id: str, operators: tuple[str, str]) -> Fixed:
        """Carry out the action proposed for a difference, on the word of two different operators.

        Raises `Misuse`: `two_operators`, `not_reconciled`, `no_such_difference`, `nothing_to_fix`, `days_not_reconciled`
        and `may_be_undone` (of an old copy: undone perhaps by what the copy does not know), `nothing_to_correct` (a cancellation
        repeated since the report), or what the settlement itself objects to. Who they are is what the caller says; their
        numbers go into the audit log.
        """
        first, second = two_operators(operators)
        report = self.last(day)
        difference = next((one for one in report.differences if one.id == difference_id), None)
        if difference is None:
            raise Misuse("no_such_difference")
        if difference.action not in FIXES:
            raise Misuse("nothing_to_fix")
        if difference.action is Action.CLOSE_CONFIRMED:
            await self._require_standing(day, difference)
        evidence = f"{difference.action} {day.isoformat()} {difference.kind}/{difference.cause} {_evidence(report, difference)}"
        actor = f"{first}+{second}"
        await self._counter.note(actor, "correction", f"{difference.settlement_id} {evidence}")
        event = _event(difference, actor, evidence)
        settlement = await self._counter.settlements.post(difference.settlement_id, event, actor)
        return Fixed(difference, settlement)

    async def _require_standing(self, day: dt.date, standing: Difference) -> None:
        """What the report of a day shows must not have been undone since, by a message we know of or by one we do not."""
        for case in await self._cases([standing.settlement_id]):
            settlement = case.settlement
            if settlement.cancel_wish and not clear_of_midnight(case, "CANCEL", day):
                raise Misuse("nothing_to_correct", state=settlement.state.value)
            if settlement.in_old_copy:
                self._require_not_undone(day, total_fen(settlement))

    def _require_not_undone(self, day: dt.date, own_fen: int) -> None:
        """Every day since must be compared, and none may list a record of ours that could be what undid this one."""
        count = (self._clock.now().date() - day).days + 1
        reports = {
            later: self._reports.get(later) for later in (day + dt.timedelta(days=n) for n in range(count))
        }
        missing = [
            later.isoformat()
            for later, report in reports.items()
            if report is None or report.outcome is Outcome.NOT_COMPARED
        ]
        if missing:
            raise Misuse("days_not_reconciled", dates=", ".join(missing))
        for one in (one for report in reports.values() if report is not None for one in report.differences):
            other_fen = None if one.hub is None else one.hub.total_fen
            if one.refunded and one.cause is Cause.UNKNOWN_MESSAGE and may_undo(other_fen, own_fen):
                raise Misuse("may_be_undone")

    # -- every day ------------------------------------------------------------------------------------

    async def daily(self) -> None:
        """Reconcile the day before at the configured time, for ever; returns at once where none is configured."""
        if self._daily_at is None:
            return
        done: dt.date | None = None
        while True:
            now = self._clock.now()
            yesterday = now.date() - dt.timedelta(days=1)
            if now.time() >= self._daily_at and done != yesterday:
                await self._run_daily(yesterday)
                done = yesterday
            await self._sleep(LOOK_AGAIN_S)

    async def _run_daily(self, day: dt.date) -> None:
        report: Report | None = None
        for left in reversed(range(DAILY_TRIES)):
            try:
                report = await self.run(day, "schedule")
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


def _useful(heard: Heard, wanted: type[_Result]) -> _Result:
    if isinstance(heard, Answered) and heard.infcode == 0 and isinstance(heard.output, wanted):
        return heard.output
    raise _NoUse(heard)


def notice_of(report: Report) -> Notice:
    """What is told of a day's report."""
    date = report.date
    match report.outcome:
        case Outcome.LEVEL:
            return Notice("reconciled_level", {"date": date})
        case Outcome.EXPLAINED:
            return Notice("reconciled_explained", {"date": date})
        case Outcome.DIFFERS:
            count = sum(one.is_open for one in report.differences)
            return Notice("reconciled_differs", {"date": date, "count": str(count)})
        case Outcome.NOT_COMPARED:
            return Notice("reconciled_not", {"date": date})


def _with_scheme(found: Found, places: Mapping[str, Group]) -> Difference:
    group = found.group or places.get(found.difference.settlement_id)
    return found.difference if group is None else _replace(found.difference, insutype=group.insutype)


def _as_far_as_proved(difference: Difference, proved: set[Group]) -> Difference:
    """On the word of the file alone only 2601 is offered, which asks the hub; all else needs its signature first."""
    group = Group(difference.clr_type, difference.clr_optins, difference.insutype)
    if difference.action in FIXES - {Action.REVERSE} and group not in proved:
        return _replace(difference, action=Action.ASK_HUB)
    return difference


def _row(record: OwnRecord) -> DetailRow:
    return DetailRow(
        settlement_id=record.setl_id,
        visit_id=record.visit_id,
        person_no=record.case.person_no,
        total_fen=Fen(record.total_fen),
        fund_fen=Fen(record.fund_fen),
        account_fen=Fen(record.account_fen),
        refunded=record.refunded,
    )


def _reason(heard: Heard) -> str:
    if isinstance(heard, Answered):
        return heard.err_msg if heard.infcode else "malformed output"
    return heard.reason


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


def _evidence(report: Report, difference: Difference) -> str:
    """Which file says so, or which signed answer."""
    where = (difference.clr_type, difference.clr_optins)
    if difference.line:
        for detail in report.details:
            if (detail.clr_type, detail.clr_optins) == where:
                return f"3202 line {difference.line} of the file with SM3 {detail.file_sm3}"
    msgids = [one.msgid for one in report.groups if (one.group.clr_type, one.group.clr_optins) == where]
    return f"3201 {' '.join(msgids)}"


def two_operators(operators: tuple[str, str]) -> tuple[str, str]:
    """Two operators' numbers; raises `Misuse` unless both are there and they are two, however they are written."""
    first, second = (unicodedata.normalize("NFKC", one).strip() for one in operators)
    if not first or not second or first.casefold() == second.casefold():
        raise Misuse("two_operators")
    if not all(one.isprintable() and len(one) <= OPERATOR_LENGTH for one in (first, second)):
        raise Misuse("bad_request", reason="operators")
    return first, second


def _event(difference: Difference, actor: str, evidence: str) -> Event:
    match difference.action:
        case Action.REVERSE:
            return Reopened()
        case Action.CANCEL:
            return CancelAsked(actor, evidence)
        case Action.CLOSE_REVERSED:
            return Ruled(State.REVERSED, evidence)
        case Action.CLOSE_CANCELLED:
            return Ruled(State.CANCELLED, evidence)
        case Action.CLOSE_CONFIRMED:
            return Ruled(State.CONFIRMED, evidence)
        case _:
            raise Misuse("nothing_to_fix")
