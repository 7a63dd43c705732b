"""What is due, what is held back, and what is made anew at the end of a term: whole values, and the day on either side."""

import datetime as dt
from pathlib import Path

import apsw
import msgspec
import pytest

from terminal.core.states import State
from terminal.core.submission import Progress, SubmissionState
from terminal.core.values import Move
from terminal.journal.journal import Journal
from terminal.journal.records import Commit, Idempotency, NewSubmission, SubmissionChange
from terminal.journal.retention import ACTION, MOST_DAYS, Due, Expired, Held, Outlook, Terms
from tests.terminal.journal.samples import KEY, NINE, closed_sale, open_at, row, stamp
from tests.terminal.journal.terms import DAY, EVIDENCE, IDENTITY, TERMS, expire_due, later


def sale(journal: Journal, number: int, day: dt.date = DAY, *, over: bool = True) -> None:
    """A sale of a day, abandoned or left open."""
    key = msgspec.structs.replace(KEY, sale_number=str(number), business_date=day)
    opened = journal.open_sale(row(id=f"S{number}", key=key), None, "till", stamp())
    if over:
        gone = msgspec.structs.replace(opened, state=State.ABANDONED)
        journal.commit(Commit(gone, (Move(State.DRAFT, State.ABANDONED, "test"),), "T01", stamp()))


def submission(journal: Journal, number: int, day: dt.date = DAY) -> None:
    """A submission that waits."""
    asked = Idempotency("till", f"k{number}", bytes(32))
    journal.submissions.open([NewSubmission(f"U{number}", "kind", "2503", b"{}")], asked, day, stamp())


def test_the_terms() -> None:
    assert (Terms(), ACTION, MOST_DAYS) == (Terms(30, 730), "expire", 31)
    assert (TERMS.of(IDENTITY), TERMS.of(EVIDENCE)) == (dt.timedelta(days=30), dt.timedelta(days=730))
    assert Terms(1, 2).of(IDENTITY) == dt.timedelta(days=1)


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


def test_of_a_day_without_a_key_it_is_noted_that_none_will_be_made(tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    sale(journal, 1)
    expire_due(journal, later(31))
    rows = journal.store.rows(
        "SELECT purpose, wrapped IS NULL, made_at, deleted_at FROM day_key ORDER BY purpose"
    )
    at = "2026-12-24 09:00:00.000000"
    assert rows == [("evidence", 0, "2026-11-23 09:00:00.000000", None), ("identity", 1, at, at)]
    journal.close()


def test_what_was_deleted_is_overwritten_and_the_log_is_cut_once(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    connection, seen = journal.store.connection, list[str]()

    def note(_cursor: object, sql: str, _values: object) -> bool:
        if sql.startswith(("DELETE", "INSERT INTO day_key", "INSERT INTO meta")) or "secure_delete" in sql:
            seen.append(" ".join(sql.replace('"', "").split()).split(" (")[0])
        return True

    connection.exec_trace = note
    assert journal.retention.expire(Due(DAY, IDENTITY), "schedule", later(31)) == Expired(DAY, IDENTITY, 1)
    key = "INSERT INTO day_key"
    assert seen == [
        "pragma secure_delete(1)", "DELETE FROM day_key", key, key, "INSERT INTO meta", "pragma secure_delete(0)",
    ]  # fmt: skip
    seen.clear()
    assert journal.retention.purge(later(31).wall) is True
    assert seen == ["pragma secure_delete(1)", "pragma secure_delete(0)", "DELETE FROM meta WHERE name = ?"]
    assert Path(f"{tmp_path / 'journal.db'}-wal").stat().st_size < 10_000
    seen.clear()
    assert journal.retention.purge(later(31).wall) is True
    assert seen == [], "nothing is left to cut"
    connection.exec_trace = None
    journal.close()


@pytest.mark.parametrize("purpose", [IDENTITY, EVIDENCE])
def test_a_deletion_that_breaks_leaves_everything_as_it_was(
    purpose: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    query = "SELECT day, purpose, wrapped, deleted_at FROM day_key"
    before, head = journal.store.rows(query), journal.audit.head

    def refuse(*_: object) -> None:
        raise apsw.ConstraintError("no")

    monkeypatch.setattr(journal.audit, "append", refuse)
    due = Due(DAY, IDENTITY if purpose is IDENTITY else EVIDENCE)
    with pytest.raises(apsw.ConstraintError):
        journal.retention.expire(due, "schedule", later(800))
    assert (journal.store.rows(query), journal.audit.head) == (before, head)
    assert journal.store.connection.pragma("secure_delete") == 0
    assert journal.store.rows("SELECT name FROM meta WHERE name = 'purge_pending'") == []
    journal.close()


def test_a_key_that_was_deleted_is_forgotten_in_memory_too(tmp_path: Path) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    kept = journal.settlements.get("S1")
    assert kept is not None
    assert journal.retention.expire(Due(DAY, EVIDENCE), "schedule", later(731)) is not None
    gone = journal.settlements.get("S1")
    assert gone == msgspec.structs.replace(kept, sheet=b"")
    assert [(one.request, one.answer, one.past_term) for one in journal.attempts.of("S1")] == [
        (b"", None, True)
    ]
    assert gone.changed_at == NINE + dt.timedelta(seconds=5)
    journal.close()
