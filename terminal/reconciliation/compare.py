"""Every line of the hub's result file against the journal: kind, cause, and what to do. Pure.

The file is not signed, so nothing here is a fact about the hub; it is a reason to act. What a line says is believed
only as far as our own journal fits it: a line that joins our numbers with somebody else's person is taken up with the
hub and never acted upon.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from protocols.gm.sm3 import sm3
from protocols.hub.accounts import BadLine, ResultRow, result_kind
from terminal.core.message_parts import total_fen
from terminal.core.old_copy import OLD_COPY
from terminal.core.ruling import rulings
from terminal.core.states import BOOKED, State
from terminal.journal.records import Sent
from terminal.reconciliation.books import Books, Case, OwnRecord, day_bounds, is_open
from terminal.reconciliation.report import Action, Cause, Difference, Group, HubAmounts, Kind

_replace = msgspec.structs.replace
MEMO_LENGTH = 120
_FORMULA = ("=", "+", "-", "@")
_GONE = frozenset({"done", "already"})
MIDNIGHT_MARGIN = dt.timedelta(minutes=30)
"""What was sent so near to midnight by our clock may be booked on the day beside: its absence here proves nothing."""


class Found(msgspec.Struct, frozen=True):
    """A difference with what it changes in a group's totals, when both are known."""

    difference: Difference
    group: Group | None = None
    """The group its record belongs to; None when nobody says."""
    record: OwnRecord | None = None


def harmless(text: str) -> str:
    """The hub's words without control characters, and never the start of a formula in a table (abuse case T33)."""
    plain = "".join(letter for letter in text if letter.isprintable()).strip()[:MEMO_LENGTH]
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


def difference_id(*facts: str) -> str:
    """A short name that the same difference has in every run."""
    return sm3("\x1f".join(facts).encode()).hex()[:10]


def may_undo(undoing_fen: int | None, total_fen: int | None) -> bool:
    """True unless the amounts say that a record with minus one total does not undo the other."""
    return undoing_fen is None or total_fen is None or undoing_fen == -total_fen


class Comparison:
    """One category and agency of one day: what the file names, set against the books."""

    def __init__(
        self, books: Books, clr_type: str, clr_optins: str, terminal: str, rows: Sequence[ResultRow]
    ) -> None:
        """`terminal` is what our message ids have at digits 27 and 28: the slot of this terminal."""
        self._day = books.day
        self._clr = (clr_type, clr_optins)
        self._slot = terminal
        self._rows = rows
        records = books.of(clr_type, clr_optins)
        self._by_setl_id = {record.setl_id: record for record in records if record.setl_id}
        self._by_msgid = {record.msgid: record for record in records if record.msgid}
        self._numberless = [record for record in records if not record.setl_id]
        self._messages: dict[str, tuple[Case, Sent]] = {
            sent.msgid: (case, sent) for case in books.cases for sent in case.sent
        }
        self._listed = {row.message_id for row in rows if row.message_id}
        self._missing: dict[str, set[bool]] = defaultdict(set)

    def unknown_messages(self) -> list[str]:
        """Message ids of this terminal that the file names and the books of the day do not hold."""
        return sorted(msgid for msgid in self._listed if self._is_ours(msgid) and msgid not in self._messages)

    def learn(self, cases: Iterable[Case]) -> None:
        """Take in settlements of other days that the file names."""
        for case in cases:
            for sent in case.sent:
                self._messages.setdefault(sent.msgid, (case, sent))

    def _is_ours(self, msgid: str) -> bool:
        return len(msgid) == 30 and msgid[26:28] == self._slot

    def differences(self) -> list[Found]:
        """Judge every line."""
        for row in self._rows:
            record = self._own(row)
            if record is not None and self._is_missing(row):
                self._missing[record.case.settlement.id].add(record.refunded)
        return [self._judged(row) for row in self._rows]

    # -- whose is it ------------------------------------------------------------------------------

    def _own(self, row: ResultRow) -> OwnRecord | None:
        if row.settlement_id in self._by_setl_id:
            return self._by_setl_id[row.settlement_id]
        record = self._by_msgid.get(row.message_id)
        if record is not None and record.setl_id:
            return record
        if row.message_id or row.settlement_id:
            return None
        for record in self._numberless:
            same = (record.case.person_no, record.refunded) == (row.person_no, row.refunded)
            if same and row.total_fen in (None, record.total_fen):
                return record
        return None

    @staticmethod
    def _is_missing(row: ResultRow) -> bool:
        """True when the line says that the hub does not have our record: by its code, or for want of a message id."""
        kind = result_kind(row.result)
        return kind == "own_has_more" or (kind in ("unlike", "level") and not row.message_id)

    # -- what is it -------------------------------------------------------------------------------

    def _judged(self, row: ResultRow) -> Found:
        record = self._own(row)
        if record is None:
            return self._hub_only(row)
        if row.person_no != record.case.person_no or row.message_id not in ("", record.msgid):
            return self._found(
                row, Kind.AMOUNT_DIFFERS, Cause.IDS_CONTRADICT, Action.ASK_HUB, record.case, record
            )
        if self._is_missing(row):
            cause, action = self._why_missing(record)
            return self._found(row, Kind.TERMINAL_ONLY, cause, action, record.case, record)
        if not row.settlement_id:
            # The interface leaves the ids out where the centre has several records for one of ours.
            return self._found(row, Kind.HUB_ONLY, Cause.BOOKED_TWICE, Action.ASK_HUB, record.case)
        return self._differs(row, record)

    def _differs(self, row: ResultRow, record: OwnRecord) -> Found:
        told = (
            (row.total_fen, record.total_fen),
            (row.fund_fen, record.fund_fen),
            (row.account_fen, record.account_fen),
        )
        if any(hub is not None and hub != own for hub, own in told) or row.total_fen is None:
            state = record.case.settlement.state
            action = Action.CANCEL if state in BOOKED and not record.refunded else Action.ASK_HUB
            return self._found(row, Kind.AMOUNT_DIFFERS, Cause.AMOUNTS_DIFFER, action, record.case, record)
        return self._found(row, Kind.AMOUNT_DIFFERS, Cause.DATA_DIFFER, Action.ASK_HUB, record.case, record)

    def _why_missing(self, record: OwnRecord) -> tuple[Cause, Action]:
        settlement = record.case.settlement
        if not record.setl_id:
            cancels = {one.msgid for one in record.case.messages("CANCEL")}
            if cancels & self._listed or self._may_be_the_day_beside(record):
                return Cause.LOST_CANCELLATION_ANSWER, Action.NONE
        if settlement.state is not State.CANCELLED:
            return Cause.MISSING_AT_HUB, Action.ASK_HUB
        other = settlement.cancellation if not record.refunded else settlement.booking
        both_today = other is None or other.info.settlement_id in self._by_setl_id
        if both_today and self._missing[settlement.id] != {True, False}:
            return Cause.MISSING_AT_HUB, Action.ASK_HUB
        return Cause.OPERATOR_CANCELLATION, Action.NONE

    def _may_be_the_day_beside(self, record: OwnRecord) -> bool:
        """Only our clock says when it was: so near to midnight the hub may have booked it on the other side of it."""
        start, end = day_bounds(self._day)
        return not start + MIDNIGHT_MARGIN <= record.settled_at < end - MIDNIGHT_MARGIN

    def _hub_only(self, row: ResultRow) -> Found:
        if row.message_id not in self._messages:
            if not row.message_id:
                return self._found(row, Kind.HUB_ONLY, Cause.NOT_KNOWN, Action.ASK_HUB, None)
            if self._is_ours(row.message_id):
                return self._found(row, Kind.HUB_ONLY, Cause.UNKNOWN_MESSAGE, Action.ASK_HUB, None)
            return self._found(row, Kind.HUB_ONLY, Cause.OTHER_TERMINAL, Action.NONE, None)
        case, sent = self._messages[row.message_id]
        if case.person_no != row.person_no or row.refunded is (sent.purpose == "SETTLE"):
            return self._found(row, Kind.HUB_ONLY, Cause.IDS_CONTRADICT, Action.ASK_HUB, case)
        cause, action = self._why_hub_only(case, sent, row)
        return self._found(row, Kind.HUB_ONLY, cause, action, case)

    def _why_hub_only(self, case: Case, sent: Sent, row: ResultRow) -> tuple[Cause, Action]:
        state = case.settlement.state
        if sent.purpose == "CANCEL":
            return self._why_cancelled_there(case)
        if state is State.REVERSED:
            return self._why_reversed_there(case)
        if state is State.MANUAL:
            both = sent.purpose == "REVERSE" or self._pair_listed(case)
            if not both and self._stands(case, sent, row):
                return Cause.WAITS_FOR_PEOPLE, Action.CLOSE_CONFIRMED
            return Cause.WAITS_FOR_PEOPLE, Action.CLOSE_REVERSED if both else Action.WAIT
        if is_open(case):
            return Cause.STILL_OPEN, Action.WAIT
        if state in BOOKED and case.settlement.booking is None:
            return Cause.CONFIRMED_BY_RULING, Action.NONE
        if state in BOOKED | {State.CANCELLED}:
            return Cause.OTHER_DAY_OR_GROUP, Action.ASK_HUB
        return Cause.REFUSED_BUT_BOOKED, Action.ASK_HUB

    def _stands(self, case: Case, sent: Sent, row: ResultRow) -> bool:
        """True for a doubt of an old copy that the hub lists as we asked for it, without a record that undoes it.

        That record would have a message id of this terminal that the old copy does not know, and minus the amounts.
        """
        settlement = case.settlement
        if sent.verdict != OLD_COPY or State.CONFIRMED not in rulings(settlement) or settlement.cancel_wish:
            return False
        undoing = any(
            other.refunded
            and other.person_no == row.person_no
            and other.message_id not in self._messages
            and may_undo(other.total_fen, row.total_fen)
            for other in self._rows
        )
        return row.total_fen in (None, total_fen(settlement)) and not undoing

    def _why_cancelled_there(self, case: Case) -> tuple[Cause, Action]:
        settlement = case.settlement
        if settlement.state is State.MANUAL and settlement.cancel_wish:
            return Cause.WAITS_FOR_PEOPLE, Action.CLOSE_CANCELLED
        if is_open(case):
            return Cause.STILL_OPEN, Action.WAIT
        if settlement.state is State.CANCELLED:
            known = settlement.cancellation is not None
            return (
                (Cause.OTHER_DAY_OR_GROUP, Action.ASK_HUB)
                if known
                else (Cause.LOST_CANCELLATION_ANSWER, Action.NONE)
            )
        return Cause.REFUSED_BUT_BOOKED, Action.ASK_HUB

    def _pair_listed(self, case: Case) -> bool:
        return any(one.msgid in self._listed for one in case.messages("REVERSE"))

    def _why_reversed_there(self, case: Case) -> tuple[Cause, Action]:
        """A reversed settlement the hub lists: with its reversal, before its reversal, or without one."""
        if not self._pair_listed(case):
            if case.settlement.unseen:
                return Cause.COMMITTED_AFTER_NOT_FOUND, Action.REVERSE
            _, end = day_bounds(self._day)
            undone = [
                one.ended_at for one in case.messages("REVERSE") if one.verdict in _GONE and one.ended_at
            ]
            if not undone or min(undone) < end - MIDNIGHT_MARGIN:
                return Cause.REVERSED_BUT_LISTED, Action.ASK_HUB
            return Cause.REVERSAL_AFTER_CUTOFF, Action.NONE
        if any(one.verdict == "restart" for one in case.messages("SETTLE")):
            return Cause.CRASH, Action.NONE
        return Cause.LATE_ANSWER, Action.NONE

    # -- as a difference --------------------------------------------------------------------------

    def _found(
        self,
        row: ResultRow,
        kind: Kind,
        cause: Cause,
        action: Action,
        case: Case | None,
        record: OwnRecord | None = None,
    ) -> Found:
        hub = None
        if kind is not Kind.TERMINAL_ONLY:
            hub = HubAmounts(
                *(None if fen is None else int(fen) for fen in (row.total_fen, row.fund_fen, row.account_fen))
            )
        difference = described(
            Difference(
                id=difference_id(kind, row.message_id, row.settlement_id, str(row.refunded), *self._clr),
                kind=kind,
                cause=cause,
                action=action,
                clr_type=self._clr[0],
                clr_optins=self._clr[1],
                msgid=harmless(row.message_id),
                setl_id=harmless(row.settlement_id),
                refunded=row.refunded,
                hub=hub,
                own=None if record is None else record.amounts,
                memo=harmless(row.memo),
                line=row.line,
            ),
            case,
        )
        return Found(difference, None if record is None else record.group, record)


def described(difference: Difference, case: Case | None) -> Difference:
    """Add whose settlement it is."""
    if case is None:
        return difference
    settlement = case.settlement
    return _replace(
        difference, settlement_id=settlement.id, receipt_number=case.receipt, state=settlement.state.value
    )


def unreadable(line: BadLine, clr_type: str, clr_optins: str) -> Difference:
    """A line that is none."""
    return Difference(
        id=difference_id("unreadable", str(line.line), clr_type, clr_optins),
        kind=Kind.UNREADABLE,
        cause=Cause.NOT_KNOWN,
        action=Action.ASK_HUB,
        clr_type=clr_type,
        clr_optins=clr_optins,
        memo=line.reason,
        line=line.line,
    )


def unexplained(group: Group) -> Difference:
    """A group whose totals differ by more than the file accounts for."""
    return Difference(
        id=difference_id("unexplained", group.clr_type, group.clr_optins, group.insutype),
        kind=Kind.UNEXPLAINED,
        cause=Cause.NOT_KNOWN,
        action=Action.ASK_HUB,
        clr_type=group.clr_type,
        clr_optins=group.clr_optins,
        insutype=group.insutype,
    )


def still_open(
    case: Case, group: Group, day: dt.date, *, named: bool, proved: bool, alone: bool = False
) -> Difference | None:
    """A settlement of the day that is open here and not `named` by the file; None when another day has to say.

    `proved`: the day is over and its books were compared to the end, so that what is not named is not there. No day
    says that of what an old copy holds to be armed: it may have left on another. That a cancellation is on none of the
    other days on which it left is asked for when two people close it (`Corrections`). `alone`: no other day shows it,
    whenever it left.
    """
    settlement = case.settlement
    purpose = "CANCEL" if settlement.cancel_wish else "SETTLE"
    messages = [one for one in case.messages(purpose) if alone or one.sent_at.date() == day]
    if named or not messages:
        return None
    cause, action = Cause.STILL_OPEN, Action.WAIT
    if settlement.state is State.MANUAL:
        cause = Cause.WAITS_FOR_PEOPLE
        if proved and settlement.cancel_wish:
            action = Action.CLOSE_CONFIRMED
        elif proved and not settlement.armed_in_old_copy and _left_on(day, case.messages(purpose)):
            action = Action.CLOSE_REVERSED
    return described(
        Difference(
            id=difference_id("open", settlement.id, group.clr_type, group.clr_optins),
            kind=Kind.OPEN,
            cause=cause,
            action=action,
            clr_type=group.clr_type,
            clr_optins=group.clr_optins,
            insutype=group.insutype,
            msgid=messages[0].msgid,
        ),
        case,
    )


def _left_on(day: dt.date, messages: Sequence[Sent]) -> bool:
    """True when everything that may have booked was sent on that day, and not near its beginning or its end."""
    return all(days_of(one) == {day} for one in messages if not has_booked_nothing(one))


def days_of(sent: Sent) -> frozenset[dt.date]:
    """The days whose books have to say what a message did: the one on which it left; near midnight, without an answer, two."""
    margin = dt.timedelta() if has_booked_nothing(sent) else MIDNIGHT_MARGIN
    return frozenset({(sent.sent_at - margin).date(), (sent.sent_at + margin).date()})


def has_booked_nothing(sent: Sent) -> bool:
    """Proved unsent, or refused: whatever stands at the hub, this message is not what put it there."""
    return (sent.state, sent.verdict) == ("ANSWERED", "refused") or sent.state == "UNSENT"


def corrected(
    found: Sequence[Found], unlevel: Sequence[Group], groups_of_cases: Mapping[str, Group]
) -> Mapping[Group, tuple[int, int, int, int]] | None:
    """What the file's lines change in the totals of each group: count, total, fund and account; None when it is not said.

    A record of another terminal names no scheme; it can only be put where one single group of the file differs.
    """
    changes: dict[Group, tuple[int, int, int, int]] = {}
    for one in found:
        difference = one.difference
        group = one.group or groups_of_cases.get(difference.settlement_id)
        if group is None and len(unlevel) == 1:
            group = unlevel[0]
        change = _change(one)
        if group is None or change is None:
            return None
        before = changes.get(group, (0, 0, 0, 0))
        changes[group] = (
            before[0] + change[0],
            before[1] + change[1],
            before[2] + change[2],
            before[3] + change[3],
        )
    return changes


def _change(found: Found) -> tuple[int, int, int, int] | None:
    hub, record = found.difference.hub, found.record
    mine = (0, 0, 0, 0) if record is None else (1, record.total_fen, record.fund_fen, record.account_fen)
    if found.difference.kind is Kind.TERMINAL_ONLY:
        theirs = (0, 0, 0, 0)
    elif hub is None or hub.total_fen is None or hub.fund_fen is None or hub.account_fen is None:
        return None
    else:
        theirs = (1, hub.total_fen, hub.fund_fen, hub.account_fen)
    return theirs[0] - mine[0], theirs[1] - mine[1], theirs[2] - mine[2], theirs[3] - mine[3]
