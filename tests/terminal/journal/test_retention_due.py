"""Which days are due at the end of their terms, which are held back and by what, and what is left of a sale then."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from protocols.wire_time import WIRE_ZONE
from terminal.core.states import State
from terminal.core.submission import Progress, SubmissionState
from terminal.core.values import Move
from terminal.journal.records import Commit, SubmissionChange
from terminal.journal.retention import ACTION, MOST_DAYS, Due, Expired, Held, Outlook, Terms
from terminal.journal.sheet import SheetGone, decode_sheet, encode_sheet, identity_is_gone, settlement_of
from terminal.journal.verify import verify_journal
from tests.terminal.core.samples import draft
from tests.terminal.journal.samples import (
    KEY,
    MSGID,
    NINE,
    begin,
    closed_sale,
    doubt,
    open_at,
    path_of,
    row,
    send,
    stamp,
    vault,
)
from tests.terminal.journal.terms import (
    DAY,
    EVIDENCE,
    IDENTITY,
    PERSON,
    TERMS,
    expire_due,
    later,
    sale,
    submission,
)


def test_the_terms() -> None:
    assert (Terms(), ACTION, MOST_DAYS) == (Terms(30, 730), "expire", 31)
    assert (TERMS.of(IDENTITY), TERMS.of(EVIDENCE)) == (dt.timedelta(days=30), dt.timedelta(days=730))
    assert Terms(1, 2).of(IDENTITY) == dt.timedelta(days=1)


def test_names_are_kept_thirty_days_after_the_end_and_the_rest_two_years(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = closed_sale(path)
    assert expire_due(journal, later(29.9)) == []
    assert expire_due(journal, later(30.1)) == [(DAY.isoformat(), "identity")]
    assert expire_due(journal, later(30.2)) == [], "once"
    kept = journal.settlements.get("S1")
    assert kept is not None
    shown = settlement_of(kept)
    assert identity_is_gone(shown)
    assert PERSON is not None
    assert shown.person is not None
    assert shown.person.psn_no == PERSON.psn_no, "what the machine needs for a cancellation is no name"
    assert (shown.person.name.reveal(), shown.person.certno.reveal()) == ("", "")
    assert shown.lines == draft().lines
    (attempt,) = journal.attempts.of("S1")
    assert (attempt.answer, attempt.past_term) == (b"the answer", False)

    assert expire_due(journal, later(729.9)) == []
    assert expire_due(journal, later(730.1)) == [(DAY.isoformat(), "evidence")]
    gone = journal.settlements.get("S1")
    assert gone is not None
    assert (gone.sheet, gone.state, gone.person, gone.amounts) == (
        b"",
        State.CLOSED,
        "pseudonym",
        kept.amounts,
    )
    (attempt,) = journal.attempts.of("S1")
    assert (attempt.request, attempt.answer, attempt.past_term, attempt.verdict) == (b"", None, True, "done")
    with pytest.raises(SheetGone):
        decode_sheet(gone.sheet)
    bare = settlement_of(gone)
    assert bare.notice is not None
    assert (bare.notice.code, bare.state, bare.key) == ("evidence_past_term", State.CLOSED, gone.key)
    assert bare.booking is not None
    assert bare.booking.split.total_fen == 3750
    journal.close()
    report = verify_journal(str(path), vault())
    assert report.ok, report.findings


def test_terms_count_from_the_end_whatever_zone_the_clock_has(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    end = NINE + dt.timedelta(seconds=5)
    for zone in (WIRE_ZONE, dt.UTC, dt.timezone(dt.timedelta(hours=-5))):
        just = (end + dt.timedelta(days=30)).astimezone(zone)
        assert len(journal.retention.outlook(TERMS, just).due) == 1
        assert journal.retention.outlook(TERMS, just - dt.timedelta(seconds=1)).due == ()
    journal.close()


def test_nothing_of_a_day_is_deleted_while_a_sale_of_it_is_open_or_waits_for_its_slip(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    doubtful = doubt(
        journal, send(journal, begin(journal, "S2", "0002", lane="2"), MSGID[:-2] + "02"), MSGID[:-2] + "02"
    )
    outlook = journal.retention.outlook(TERMS, later(2000).wall)
    assert outlook.due == ()
    assert outlook.held == (Held(DAY, IDENTITY, ("S2",)), Held(DAY, EVIDENCE, ("S2",)))
    assert journal.retention.expire(Due(DAY, EVIDENCE), "T01", later(2000)) is None, (
        "also when it is asked for by name"
    )

    moves = (State.DOUBT, State.REVERSING, State.REVERSED)
    over = msgspec.structs.replace(doubtful, state=State.REVERSED, changed_at=NINE + dt.timedelta(days=40))
    journal.commit(Commit(over, path_of(*moves), "T01", later(40), leave_queue=True))
    assert [held.settlements for held in journal.retention.outlook(TERMS, later(2000).wall).held] == [
        ("S2",)
    ] * 2, "its slip"
    (slip,) = journal.receipts.of("S2")
    journal.receipts.move(slip.id, "unknown", "T01", later(40))
    assert journal.retention.outlook(TERMS, later(69).wall).due == (), (
        "counted from the end of the last sale of the day"
    )
    assert [due.purpose for due in journal.retention.outlook(TERMS, later(71).wall).due] == [IDENTITY]
    journal.close()


def test_of_what_holds_a_day_the_first_five_of_each_kind_are_named(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    for number in range(1, 8):
        sale(journal, number, over=False)
        submission(journal, number)
    named = ("S1", "S2", "S3", "S4", "S5", "U1", "U2", "U3", "U4", "U5")
    assert journal.retention.outlook(TERMS, later(731).wall) == Outlook(
        (), (Held(DAY, IDENTITY, named), Held(DAY, EVIDENCE, named))
    )
    assert journal.retention.outlook(TERMS, later(31).wall) == Outlook((), (Held(DAY, IDENTITY, named),))
    assert journal.retention.expire(Due(DAY, IDENTITY), "schedule", later(31)) is None
    journal.close()


def test_days_come_due_one_by_one_oldest_first_whoever_filled_them(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    days = [DAY + dt.timedelta(days=number) for number in range(4)]
    sale(journal, 1, days[0])
    submission(journal, 1, days[1])
    sale(journal, 2, days[2])
    sale(journal, 3, days[2], over=False)
    sale(journal, 4, days[3])
    waiting = journal.submissions.get("U1")
    assert waiting is not None
    ended = msgspec.structs.replace(
        waiting,
        progress=Progress(SubmissionState.GIVEN_UP),
        reason="x",
        due_at=None,
        changed_at=later(1).wall,
    )
    journal.submissions.change(
        SubmissionChange(row=ended, before=SubmissionState.WAITING, actor="T01", stamp=later(1))
    )

    def outlook(day: float) -> Outlook:
        return journal.retention.outlook(TERMS, later(day).wall)

    assert outlook(29.99) == Outlook((), ())
    assert outlook(30) == Outlook((Due(days[0], IDENTITY),), ())
    assert outlook(30.99) == Outlook((Due(days[0], IDENTITY),), ()), (
        "the end of the second day's submission counts"
    )
    assert outlook(31).due == (Due(days[0], IDENTITY), Due(days[1], IDENTITY))
    assert outlook(33) == Outlook(
        tuple(Due(days[number], IDENTITY) for number in (0, 1, 3)), (Held(days[2], IDENTITY, ("S3",)),)
    )
    assert journal.retention.expire(Due(days[1], IDENTITY), "schedule", later(33)) == Expired(
        days[1], IDENTITY, 0
    )
    assert journal.retention.expire(Due(days[3], IDENTITY), "schedule", later(33)) == Expired(
        days[3], IDENTITY, 1
    )
    assert outlook(33).due == (Due(days[0], IDENTITY),)
    journal.close()


def test_one_run_deletes_at_most_a_month_of_days(tmp_path: Path) -> None:
    """A clock that jumps by years does not empty the journal at once."""
    journal = open_at(tmp_path / "journal.db")
    for number in range(40):
        key = msgspec.structs.replace(
            KEY, sale_number=str(number), business_date=DAY + dt.timedelta(days=number)
        )
        opened = journal.open_sale(
            row(id=f"S{number}", key=key, sheet=encode_sheet(draft(id=f"S{number}"))), None, "till", stamp()
        )
        gone = msgspec.structs.replace(opened, state=State.ABANDONED)
        journal.commit(Commit(gone, (Move(State.DRAFT, State.ABANDONED, "test"),), "T01", stamp(1)))
    due = journal.retention.outlook(TERMS, later(5000).wall).due
    assert len(due) == 2 * MOST_DAYS
    assert [one.purpose for one in due] == [IDENTITY] * MOST_DAYS + [EVIDENCE] * MOST_DAYS
    assert due[0].day == DAY
    journal.close()
