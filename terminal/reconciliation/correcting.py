"""Corrections: the action that a report proposes for a difference, carried out on the word of two people."""

import datetime as dt
import unicodedata
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from drivers.interfaces.clock import Clock
from protocols.wire_time import parse_time
from terminal.core.events import CancelAsked, Event, Misuse, Reopened, Ruled
from terminal.core.message_parts import total_fen
from terminal.core.states import State
from terminal.core.values import Attempt, Settlement
from terminal.counter.engine import Wish
from terminal.journal.records import Sent
from terminal.reconciliation.compare import days_of, has_booked_nothing, may_undo
from terminal.reconciliation.counter_port import CounterPort
from terminal.reconciliation.own_books import OwnBooks
from terminal.reconciliation.report import (
    FIXES,
    Action,
    Cause,
    Difference,
    KeptReports,
    Kind,
    Outcome,
    Report,
    is_nowhere,
)

OPERATOR_LENGTH: Final = 30


class Fixed(msgspec.Struct, frozen=True):
    """What came of a correction."""

    difference: Difference
    settlement: Settlement


class Corrections:
    """Carries out what the reports of one counter propose."""

    def __init__(
        self, counter: CounterPort, clock: Clock, books: OwnBooks, reports: KeptReports, quiet_s: float
    ) -> None:
        """`reports` are the newest ones of each day; behind `quiet_s` no message without an answer still travels."""
        self._counter = counter
        self._clock = clock
        self._books = books
        self._reports = reports
        self._quiet = dt.timedelta(seconds=quiet_s)

    async def fix(self, day: dt.date, difference_id: str, operators: tuple[str, str]) -> Fixed:
        """Carry out the action proposed for a difference, on the word of two different operators.

        Raises `Misuse`: `two_operators`, `not_reconciled`, `no_such_difference`, `nothing_to_fix`, `days_not_reconciled`
        and `may_be_undone` (by what an old copy does not know, or by a cancellation that left on another day),
        `nothing_to_correct` (a cancellation that leaves meanwhile), or what the settlement itself objects to. Who they
        are is what the caller says; their numbers go into the audit log.
        """
        first, second = two_operators(operators)
        report = self._reports.last(day)
        difference = next((one for one in report.differences if one.id == difference_id), None)
        if difference is None:
            raise Misuse("no_such_difference")
        if difference.action not in FIXES:
            raise Misuse("nothing_to_fix")
        seen = (await self._counter.settlements.get(difference.settlement_id)).attempt
        if difference.action is Action.CLOSE_CONFIRMED:
            await self._require_standing(day, difference)
        if difference.action is Action.CLOSE_REVERSED and difference.kind is Kind.OPEN:
            await self._require_nowhere(day, difference)
        evidence = f"{difference.action} {day.isoformat()} {difference.kind}/{difference.cause} {_evidence(report, difference)}"
        actor = f"{first}+{second}"
        await self._counter.note(actor, "correction", f"{difference.settlement_id} {evidence}")
        event = _event(difference, actor, evidence)
        wish = _unless_sent_since(event, seen) if difference.action is Action.CLOSE_CONFIRMED else event
        settlement = await self._counter.settlements.post(difference.settlement_id, wish, actor)
        return Fixed(difference, settlement)

    async def _require_standing(self, day: dt.date, standing: Difference) -> None:
        """What the report of a day shows must not have been undone since, by a message we know of or by one we do not."""
        for case in await self._books.cases([standing.settlement_id]):
            sent = case.messages("CANCEL")
            days = {date for one in sent for date in days_of(one)}
            if case.settlement.in_old_copy or days - {day}:
                self._require_not_undone(day, standing, case.settlement, sent)

    async def _require_nowhere(self, day: dt.date, absent: Difference) -> None:
        """What an old copy holds to be on its way may have left on a later day than the copy knows of.

        So each day since must be compared, have proved what it holds, and not name it.
        """
        (case,) = await self._books.cases([absent.settlement_id])
        if not case.settlement.in_old_copy:
            return
        if not is_nowhere(absent, self._reports_since([day])):
            raise Misuse("nothing_to_correct", state=case.settlement.state.value)

    def _require_not_undone(
        self, day: dt.date, standing: Difference, settlement: Settlement, sent: Sequence[Sent]
    ) -> None:
        """Every day since its first cancellation must be compared, and none may list a record that could have undone it.

        Each day on which something that undoes it may have been booked must have proved what it holds: of an old copy, all.
        `sent`: its cancellations. What left behind a report does not stand in it, and a day on which one stayed without an
        answer must be over. The day that shows it standing shows that of all of them: where what is undone leaves no
        record (`recon.cancel_is_record`), no other day would.
        """
        own_fen = total_fen(settlement)
        days = {date for one in sent for date in days_of(one)}
        for report in self._reports_since({day} | days):
            date = dt.date.fromisoformat(report.date)
            here = [one for one in sent if date in days_of(one)]
            is_early = any(self._is_ahead_of(report, one) for one in (sent if date == day else here))
            if is_early or (report.provisional and not all(map(has_booked_nothing, here))):
                raise Misuse("days_not_reconciled", dates=report.date)
            if (settlement.in_old_copy or here or date == day) and not report.is_proved_for(standing):
                raise Misuse("may_be_undone")
            if any(_may_have_undone(one, settlement.id, own_fen) for one in report.differences):
                raise Misuse("may_be_undone")

    def _is_ahead_of(self, report: Report, sent: Sent) -> bool:
        """True when a message may have been booked after the report was begun."""
        travels = dt.timedelta() if has_booked_nothing(sent) else self._quiet
        return parse_time(report.made_at) < sent.sent_at + travels

    def _reports_since(self, days: Collection[dt.date]) -> list[Report]:
        """The reports of every day from the first of these up to today; raises `Misuse` (`days_not_reconciled`)."""
        first, last = min(days), max(self._clock.now().date(), *days)
        reports = {
            later: self._reports.find(later)
            for later in (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
        }
        missing = [
            later.isoformat()
            for later, report in reports.items()
            if report is None or report.outcome is Outcome.NOT_COMPARED
        ]
        if missing:
            raise Misuse("days_not_reconciled", dates=", ".join(missing))
        return [report for report in reports.values() if report is not None]


def _may_have_undone(one: Difference, settlement_id: str, own_fen: int) -> bool:
    """Whether the hub lists the cancellation of a settlement or lacks what it undid, or lists something that could be it."""
    other_fen = None if one.hub is None else one.hub.total_fen
    is_listed = one.settlement_id == settlement_id and (one.refunded or one.kind is Kind.TERMINAL_ONLY)
    is_unknown = one.refunded and one.cause is Cause.UNKNOWN_MESSAGE and may_undo(other_fen, own_fen)
    return is_listed or is_unknown


def two_operators(operators: tuple[str, str]) -> tuple[str, str]:
    """Two operators' numbers; raises `Misuse` unless both are there and they are two, however they are written."""
    first, second = (unicodedata.normalize("NFKC", one).strip() for one in operators)
    if not first or not second or first.casefold() == second.casefold():
        raise Misuse("two_operators")
    if not all(one.isprintable() and len(one) <= OPERATOR_LENGTH for one in (first, second)):
        raise Misuse("bad_request", reason="operators")
    return first, second


def _evidence(report: Report, difference: Difference) -> str:
    """Which file says so, or which signed answer."""
    where = (difference.clr_type, difference.clr_optins)
    if difference.line:
        for detail in report.details:
            if (detail.clr_type, detail.clr_optins) == where:
                return f"3202 line {difference.line} of the file with SM3 {detail.file_sm3}"
    msgids = [one.msgid for one in report.groups if (one.group.clr_type, one.group.clr_optins) == where]
    return f"3201 {' '.join(msgids)}"


def _unless_sent_since(event: Event, seen: Attempt | None) -> Wish:
    """The slow tries go on until the very closing: one that left behind the look at what was sent speaks against it."""

    def wish(now: Settlement) -> Event:
        if (now.attempt and now.attempt.msgid) != (seen and seen.msgid):
            raise Misuse("nothing_to_correct", state=now.state.value)
        return event

    return wish


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
