"""What a reconciliation found: typed, for programs and people alike. No value here names a person."""

import datetime as dt
import enum
from collections.abc import Iterable
from typing import Final

import msgspec

from terminal.core.events import Misuse
from terminal.core.values import Notice

DAYS_KEPT: Final = 31
"""So many days keep their report."""


class Kind(enum.StrEnum):
    """What kind of difference."""

    HUB_ONLY = "hub_only"
    """The hub has a record that our books of the day do not have."""
    TERMINAL_ONLY = "terminal_only"
    """Our books have a record that the hub does not have."""
    AMOUNT_DIFFERS = "amount_differs"
    """Both have it, with other amounts or other data."""
    OPEN = "open"
    """Not a difference yet: a settlement of the day whose outcome is still open here."""
    UNREADABLE = "unreadable"
    """A line of the hub's file that cannot be read."""
    UNEXPLAINED = "unexplained"
    """The totals differ, and the hub's file does not account for all of it."""


class Cause(enum.StrEnum):
    """Where the difference comes from, as far as the journal tells."""

    LATE_ANSWER = "late_answer"
    """The answer was lost or late; it was reversed by 2601 the same day: the hub holds both records, we hold none."""
    CRASH = "crash"
    """As before, and the answer was lost because the terminal was stopped."""
    REVERSAL_AFTER_CUTOFF = "reversal_after_cutoff"
    """Reversed by 2601, but on a later day: the hub's two records lie on two days."""
    COMMITTED_AFTER_NOT_FOUND = "committed_after_not_found"
    """2601 was twice told that there is no such record, and yet there is: somebody is charged for nothing."""
    OPERATOR_CANCELLATION = "operator_cancellation"
    """Cancelled here; the hub leaves out what has been cancelled."""
    LOST_CANCELLATION_ANSWER = "lost_cancellation_answer"
    """Cancelled; the hub's number of the cancellation never reached us."""
    STILL_OPEN = "still_open"
    """The terminal is still at it by itself."""
    WAITS_FOR_PEOPLE = "waits_for_people"
    """Open for more than a day, or found open in an old copy of the journal (MANUAL)."""
    CONFIRMED_BY_RULING = "confirmed_by_ruling"
    """Two people confirmed a doubt of an old copy of the journal; the hub's number of it never reached us."""
    OTHER_TERMINAL = "other_terminal"
    """Made by another terminal of the institution, whose own reconciliation accounts for it."""
    UNKNOWN_MESSAGE = "unknown_message"
    """The message id is of this terminal, and its journal does not know it: was an old journal put back?"""
    REVERSED_BUT_LISTED = "reversed_but_listed"
    """The hub has signed that it is reversed, and lists it without the reversal."""
    REFUSED_BUT_BOOKED = "refused_but_booked"
    """The hub has signed that it refuses, and lists it as booked."""
    BOOKED_TWICE = "booked_twice"
    """The hub has more than one record under one message id of ours."""
    OTHER_DAY_OR_GROUP = "other_day_or_group"
    """We have it on another day, or under another scheme, category or agency."""
    MISSING_AT_HUB = "missing_at_hub"
    """The hub has signed that it is booked, and does not list it."""
    AMOUNTS_DIFFER = "amounts_differ"
    """The amounts in the signed answer are not those of the hub's record."""
    DATA_DIFFER = "data_differ"
    """The hub says the data differ; the amounts do not."""
    IDS_CONTRADICT = "ids_contradict"
    """The line joins a number of ours with a person or message that does not belong to it."""
    NOT_KNOWN = "not_known"
    """The journal says nothing about it."""


class Action(enum.StrEnum):
    """What to do."""

    NONE = "none"
    """Nothing: it is accounted for."""
    WAIT = "wait"
    """Wait until the terminal has finished by itself, then reconcile again."""
    ASK_HUB = "ask_hub"
    """Take it up with the insurance office; no message of ours can put it right."""
    REVERSE = "reverse"
    """Send 2601 again. Two people."""
    CANCEL = "cancel"
    """Cancel the whole settlement (2103, 2208), then settle anew what is right. Two people."""
    CLOSE_REVERSED = "close_reversed"
    """Close the doubt as reversed: the hub has nothing of it. Two people."""
    CLOSE_CANCELLED = "close_cancelled"
    """Close the cancellation as done: the hub has it. Two people."""
    CLOSE_CONFIRMED = "close_confirmed"
    """Close as standing. Two people. A cancellation (`open`): the hub does not have it. A doubt of an old copy of the
    journal (`hub_only`): the hub has the settlement, and we never wrote a 2601 for it."""


FIXES = frozenset(
    {Action.REVERSE, Action.CANCEL, Action.CLOSE_REVERSED, Action.CLOSE_CANCELLED, Action.CLOSE_CONFIRMED}
)
"""Actions the terminal can carry out; all of them decide about money and need two different operators."""


class Outcome(enum.StrEnum):
    """Of a group of records, and of the whole day."""

    LEVEL = "level"
    EXPLAINED = "explained"
    """Differences, all of them accounted for."""
    DIFFERS = "differs"
    """At least one difference that somebody has to look at."""
    NOT_COMPARED = "not_compared"
    """The hub was not reached, or its answer was no use."""


class Group(msgspec.Struct, frozen=True, order=True):
    """What 3201 is asked by."""

    clr_type: str
    clr_optins: str
    insutype: str


class Sums(msgspec.Struct, frozen=True):
    """Totals of some records in fen; a cancellation is one record and counts negative."""

    count: int = 0
    total_fen: int = 0
    fund_fen: int = 0
    account_fen: int = 0
    cash_fen: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.count + other.count,
            self.total_fen + other.total_fen,
            self.fund_fen + other.fund_fen,
            self.account_fen + other.account_fen,
            self.cash_fen + other.cash_fen,
        )

    def __neg__(self) -> "Sums":
        return Sums(-self.count, -self.total_fen, -self.fund_fen, -self.account_fen, -self.cash_fen)


class HubAmounts(msgspec.Struct, frozen=True):
    """The amounts of the hub's record in fen, as far as its file tells them."""

    total_fen: int | None
    fund_fen: int | None
    account_fen: int | None


class OwnAmounts(msgspec.Struct, frozen=True):
    """The amounts of our record in fen."""

    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int


class GroupResult(msgspec.Struct, frozen=True):
    """One group as 3201 sees it."""

    group: Group
    own: Sums
    outcome: Outcome
    hub_code: str = ""
    """`stmt_rslt` as it came."""
    hub_words: str = ""
    reason: str = ""
    """Why it was not compared: a machine word, or the hub's own text."""
    msgid: str = ""
    """Message id of the 3201 whose signed answer this is."""
    accounted: bool | None = None
    """Asked once more with our totals corrected by the file's lines, has the hub signed "level"? None = not asked."""

    @property
    def is_proved(self) -> bool:
        """Signed by the hub: nothing is there but what our books and the file's lines name."""
        return self.outcome is Outcome.LEVEL or self.accounted is True


class Detail(msgspec.Struct, frozen=True):
    """One comparison line by line (9101, 3202, 9102)."""

    clr_type: str
    clr_optins: str
    uploaded: int
    """Records we sent."""
    listed: int
    """Lines the hub's file names."""
    unreadable: int
    file_sm3: str
    """SM3 of the file as it came, hex; empty without one."""
    reason: str = ""
    """Why there is no file; empty when there is."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference with its cause and what to do."""

    id: str
    """The same difference has the same id in every run."""
    kind: Kind
    cause: Cause
    action: Action
    clr_type: str
    clr_optins: str
    insutype: str = ""
    """Empty when nobody says."""
    settlement_id: str = ""
    receipt_number: str = ""
    state: str = ""
    """State of the settlement here."""
    msgid: str = ""
    setl_id: str = ""
    refunded: bool = False
    """The record undoes another one."""
    hub: HubAmounts | None = None
    own: OwnAmounts | None = None
    memo: str = ""
    """The hub's remark, made harmless."""
    line: int = 0
    """Line of the hub's file, 0 when none."""

    @property
    def is_open(self) -> bool:
        """True while somebody or something still has to act."""
        return self.action is not Action.NONE

    @property
    def operators_needed(self) -> int:
        """How many different operators the action takes; 0 when the terminal cannot carry it out."""
        return 2 if self.action in FIXES else 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One day, compared."""

    date: str
    """The day, UTC+8, by the hub's `setl_time`."""
    made_at: str
    """When it was begun: what has left since may be missing."""
    provisional: bool
    """The day was not over yet, or had only just ended: what is missing may still come."""
    outcome: Outcome
    groups: tuple[GroupResult, ...]
    details: tuple[Detail, ...]
    differences: tuple[Difference, ...]

    def is_proved_for(self, difference: Difference) -> bool:
        """Whether it accounts for everything in the group of a difference, its own or another day's."""
        group = Group(difference.clr_type, difference.clr_optins, difference.insutype)
        return any(one.group == group and one.is_proved for one in self.groups)


def is_nowhere(absent: Difference, reports: Iterable[Report]) -> bool:
    """Whether each of these days has proved what it holds, and none names the settlement otherwise than as absent."""
    return all(
        report.is_proved_for(absent)
        and not any(
            one.settlement_id == absent.settlement_id and one.action is not Action.CLOSE_REVERSED
            for one in report.differences
        )
        for report in reports
    )


def outcome_of(
    groups: tuple[GroupResult, ...], details: tuple[Detail, ...], differences: tuple[Difference, ...]
) -> Outcome:
    """The day's outcome: one open end is enough."""
    if any(group.outcome is Outcome.NOT_COMPARED for group in groups) or any(one.reason for one in details):
        return Outcome.NOT_COMPARED
    if any(difference.is_open for difference in differences):
        return Outcome.DIFFERS
    return Outcome.EXPLAINED if differences else Outcome.LEVEL


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


class KeptReports:
    """The newest report of each day since the start, in memory: an older one is simply made again."""

    def __init__(self) -> None:
        self._reports: dict[dt.date, Report] = {}

    def keep(self, day: dt.date, report: Report) -> None:
        """The newest report of a day."""
        self._reports[day] = report
        for old in sorted(self._reports)[:-DAYS_KEPT]:
            del self._reports[old]

    def find(self, day: dt.date) -> Report | None:
        """The newest report of a day."""
        return self._reports.get(day)

    def last(self, day: dt.date) -> Report:
        """The newest report of a day; raises `Misuse` (`not_reconciled`)."""
        report = self.find(day)
        if report is None:
            raise Misuse("not_reconciled", date=day.isoformat())
        return report
