"""Questions of a start and of a sale are answered by an index, however full the journal is: none reads a whole table."""

import re
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from terminal.journal.glance import glance_at_journal, keys_in_use
from terminal.journal.journal import Journal
from tests.terminal.journal.samples import MSGID, begin, doubt, open_at, send, settle, stamp
from tests.terminal.journal.submission_steps import accepted, opened, sending

_GROWING = (
    "settlement",
    "attempt",
    "receipt",
    "audit",
    "code_seen",
    "idempotency",
    "submission",
    "submission_attempt",
)
_WHOLE = re.compile(
    rf"SCAN ({'|'.join(_GROWING)})(?! USING INDEX (?:settlement_by_state|receipt_waiting|submission_open)\b)"
)


def _plans(connection: apsw.Connection, asked: list[str]) -> list[str]:
    """How SQLite answers each question, one line per step."""
    found = []
    for sql in asked:
        values = (None,) * max(sql.count("?"), 1)
        for row in connection.execute(
            f"EXPLAIN QUERY PLAN {sql}", values[: 1 if "?1" in sql else sql.count("?")]
        ):
            found.append(str(row[3]))
    return found


QUESTIONS: dict[str, Callable[[Journal], object]] = {
    "unfinished": lambda journal: journal.settlements.unfinished(),
    "attempts": lambda journal: journal.attempts.of("S1"),
    "messages of a time": lambda journal: journal.attempts.sent_until(MSGID, stamp(9).wall),
    "receipts": lambda journal: journal.receipts.of("S1"),
    "open receipts": lambda journal: journal.receipts.unfinished(),
    "queue entry": lambda journal: journal.queue.of("S1"),
    "settlement": lambda journal: journal.settlements.get("S1"),
    "keys in use": lambda journal: journal.attempts.keys_in_use(),
    "code": lambda journal: journal.code_used_by("0" * 64),
    "open submissions": lambda journal: journal.submissions.unfinished(),
    "a submission": lambda journal: accepted(journal, sending(journal, opened(journal, "U9"))),
    "its messages": lambda journal: journal.submissions.attempts("U9"),
    "a sale": lambda journal: settle(journal, send(journal, begin(journal, "S7", "0007"), "7" * 30)),
    "a doubt": lambda journal: doubt(
        journal, send(journal, begin(journal, "S8", "0008"), "8" * 30), "8" * 30
    ),
}


def _asked(journal: Journal, question: Callable[[Journal], object]) -> list[str]:
    """The queries that answer a question."""
    asked: list[str] = []

    def note(_: apsw.Cursor, sql: str, __: object) -> bool:
        if sql.startswith("SELECT"):
            asked.append(sql)
        return True

    journal.store.connection.exec_trace = note
    question(journal)
    journal.store.connection.exec_trace = None
    return asked


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_reads_a_whole_table(name: str, tmp_path: Path) -> None:
    journal = open_at(tmp_path / "journal.db")
    settle(journal, send(journal, begin(journal)))
    asked = _asked(journal, QUESTIONS[name])
    plans = _plans(journal.store.connection, asked)
    journal.close()
    assert plans or name == "a doubt"
    assert [step for step in plans if _WHOLE.search(step)] == []


def test_the_keys_in_use_are_one_question_however_much_is_open(tmp_path: Path) -> None:
    """A start asks it before anything else, and decrypts nothing for it."""
    journal = open_at(tmp_path / "journal.db")
    for number in range(3):
        opened = begin(journal, f"S{number}", f"000{number}", lane=str(number))
        doubt(journal, send(journal, opened, str(number) * 30), str(number) * 30)
    assert journal.attempts.keys_in_use() == keys_in_use(str(tmp_path / "journal.db")) == {"key 1"}
    assert len(_asked(journal, lambda journal: journal.attempts.keys_in_use())) == 1
    journal.close()


def test_a_glance_reads_no_whole_table_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    doubt(journal, send(journal, begin(journal)))
    journal.close()
    asked: list[str] = []

    def note(_: apsw.Cursor, sql: str, __: object) -> bool:
        asked.append(sql)
        return True

    class Watched(apsw.Connection):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[arg-type]  # handed on as they come
            self.exec_trace = note

    monkeypatch.setattr("terminal.journal.glance.apsw.Connection", Watched)
    assert len(glance_at_journal(str(path)).doubts_since) == 1
    monkeypatch.undo()
    connection = apsw.Connection(str(path))
    plans = _plans(connection, [sql for sql in asked if sql.startswith("SELECT")])
    connection.close()
    assert plans
    assert [step for step in plans if _WHOLE.search(step)] == [
        "SCAN settlement USING INDEX sqlite_autoindex_settlement_2"
    ]
