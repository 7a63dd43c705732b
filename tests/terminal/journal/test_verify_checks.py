"""Every CHECK of the schema, broken in one row: SQLite leaves them out of its own check of a file it may only read."""

from pathlib import Path

import apsw
import pytest

from protocols.fleet.messages import Anchor
from terminal.journal.schema import CREATE, SCHEMA_VERSION
from terminal.journal.verify import verify_journal
from terminal.journal.verify_checks import checks_of_tables
from tests.terminal.journal.old_journals import old_vault, unpack
from tests.terminal.journal.samples import MSGID, SECOND, open_at, raw, stamp, three_sales, vault
from tests.terminal.journal.submission_steps import opened, sending
from tests.terminal.journal.tampering import Tamper, findings, sql

UPLOAD = MSGID[:-2] + "03"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a row in every table that has a CHECK."""
    path = three_sales(tmp_path / "journal.db")
    journal = open_at(path)
    sending(journal, opened(journal), UPLOAD)
    records, head = journal.audit.head
    anchor = Anchor(records, head.hex(), "2026-11-23T09:00:00.000000+08:00", "boot", "0" * 16, "0" * 128)
    journal.anchors.put(anchor, stamp(), to_fleet=True)
    journal.close()
    return path


def unguarded(statement: str) -> Tamper:
    """Do this with every trigger out of the way, and put them back."""

    def tamper(connection: apsw.Connection) -> None:
        guards = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        sql(statement, *(str(guard) for (guard,) in guards))(connection)

    return tamper


BROKEN: dict[str, list[tuple[str, str, str]]] = {
    # table: begin of each CHECK, in the order of the schema; what breaks it; the row that is named
    "settlement": [
        ("generation >= 1", "generation = 0 WHERE id = 'S1'", "S1"),
        ("state IN ( 'DRAFT'", "state = 'GONE' WHERE id = 'S1'", "S1"),
        ("total_fen >= 0", "total_fen = -1 WHERE id = 'S1'", "S1"),
        ("fund_fen >= 0", "fund_fen = -1 WHERE id = 'S1'", "S1"),
        ("account_fen >= 0", "account_fen = -1 WHERE id = 'S1'", "S1"),
        ("mutual_aid_fen >= 0", "mutual_aid_fen = -1 WHERE id = 'S1'", "S1"),
        ("cash_fen >= 0", "cash_fen = -1 WHERE id = 'S1'", "S1"),
        ("hospital_fen >= 0", "hospital_fen = -1 WHERE id = 'S1'", "S1"),
        ("mutual_aid_beside IN", "mutual_aid_beside = 2 WHERE id = 'S2'", "S2"),
        ("quarantine IN", "quarantine = 2 WHERE id = 'S3'", "S3"),
        ("total_fen IS NULL OR total_fen = fund_fen", "cash_fen = 1 WHERE id = 'S1'", "S1"),
        ("total_fen IS NULL OR mutual_aid_beside = 1", "mutual_aid_fen = 3751 WHERE id = 'S1'", "S1"),
        ("( total_fen IS NULL )", "hospital_fen = NULL WHERE id = 'S1'", "S1"),
    ],
    "attempt": [
        ("purpose IN", f"purpose = 'TRY' WHERE msgid = '{MSGID}'", MSGID),
        ("length ( request_sm3 ) = 32", f"request_sm3 = x'00' WHERE msgid = '{SECOND}'", SECOND),
        ("state IN ( 'SENT'", f"state = 'LOST' WHERE msgid = '{MSGID}'", MSGID),
    ],
    "reversal_queue": [
        ("tries >= 0", "tries = -1", "S2"),
        ("quiet_stage IN", "quiet_stage = 3", "S2"),
    ],
    "receipt": [
        ("kind IN", "kind = 'poem' WHERE id = 1", "1"),
        ("copy_number >= 0", "copy_number = -1 WHERE id = 2", "2"),
        ("length ( content_sm3 ) = 32", "content_sm3 = x'00' WHERE id = 1", "1"),
        ("state IN ( 'waiting'", "state = 'burnt' WHERE id = 1", "1"),
        ("( kind = 'copy' )", "copy_number = 1 WHERE id = 1", "1"),
    ],
    "audit": [
        ("length ( previous ) = 32", "previous = x'00' WHERE sequence = 3", "3"),
        ("length ( hash ) = 32", "hash = x'00' WHERE sequence = 3", "3"),
    ],
    "outbox": [("class IN", "class = 'gossip'", "1")],
    "day_key": [
        ("purpose IN", "purpose = 'fun' WHERE purpose = 'identity'", "2026-11-23"),
        ("( wrapped IS NULL ) =", "wrapped = NULL WHERE purpose = 'identity'", "2026-11-23"),
    ],
    "anchor": [
        ("sequence >= 1", "sequence = 0", "0"),
        ("length ( head ) = 32", "head = x'00'", "13"),
        ("length ( signature ) = 64", "signature = x'00'", "13"),
    ],
    "submission": [
        ("sequence >= 1", "sequence = 0", "U1"),
        ("part >= 1", "part = 0", "U1"),
        ("length ( fingerprint ) = 32", "fingerprint = x'00'", "U1"),
        ("state IN ( 'WAITING'", "state = 'LOST'", "U1"),
        ("tries >= 0", "tries = -1", "U1"),
        ("unanswered >= 0", "unanswered = -1", "U1"),
        ("state NOT IN ( 'WAITING'", "state = 'UNKNOWN'", "U1"),
    ],
    "submission_attempt": [
        ("length ( request_sm3 ) = 32", "request_sm3 = x'00'", UPLOAD),
        ("state IN ( 'SENT'", "state = 'LOST'", UPLOAD),
    ],
}  # fmt: skip
CASES = [(table, *case) for table, cases in BROKEN.items() for case in cases]


def test_a_row_in_every_table_breaks_nothing(path: Path) -> None:
    connection = raw(path)
    empty = [table for table in BROKEN if not connection.execute(f"SELECT 1 FROM {table}").fetchall()]
    connection.close()
    assert empty == []
    assert verify_journal(str(path), vault()).findings == ()


def test_every_check_of_the_schema_is_known_and_broken_below() -> None:
    known = [(table, check) for table, checks in checks_of_tables().items() for check in checks]
    assert len(known) == CREATE.count("CHECK (") == len(CASES)
    for (table, check), (of, begins, _, _) in zip(known, CASES, strict=True):
        assert (table, check[: len(begins)]) == (of, begins)


@pytest.mark.parametrize(
    ("table", "begins", "change", "name"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES]
)
def test_a_row_that_breaks_a_check_is_named(
    table: str, begins: str, change: str, name: str, path: Path
) -> None:
    found = findings(path, unguarded(f"UPDATE {table} SET {change}"))
    assert [
        where for code, where, text in found
        if code == "check" and text.startswith(f"breaks CHECK ( {begins}") and text.endswith(f") of {table}")
    ] == [name]  # fmt: skip


def test_several_checks_that_one_row_breaks_are_said_one_by_one(path: Path) -> None:
    found = findings(path, unguarded("UPDATE receipt SET kind = 'poem', copy_number = -1 WHERE id = 1"))
    assert [(code, where) for code, where, _ in found] == [("check", "1")] * 2


def test_a_table_that_is_not_as_it_was_made_is_said_to_be_so_and_not_asked(path: Path) -> None:
    connection = raw(path)
    connection.execute("ALTER TABLE outbox RENAME COLUMN class TO sort").fetchall()
    connection.close()
    assert {one.code for one in verify_journal(str(path)).findings} == {"guard"}


def test_what_a_newer_program_allows_is_no_finding_and_what_both_forbid_is_one(path: Path) -> None:
    connection = raw(path)
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.execute("PRAGMA ignore_check_constraints = 1; PRAGMA writable_schema = 1").fetchall()
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, '''waiting'', ', '''waiting'', ''burnt'', ') WHERE name = 'receipt'"
    )
    connection.close()
    burnt = findings(path, unguarded("UPDATE receipt SET state = 'burnt' WHERE id = 1"))
    assert burnt == [("slip", "1", "is burnt, the audit log says waiting")], (
        "that nobody wrote it is another matter"
    )
    unguarded("UPDATE receipt SET state = 'waiting'")(connection := raw(path))
    connection.close()
    (finding,) = findings(path, unguarded("UPDATE reversal_queue SET tries = -1"))
    assert finding[:2] == ("check", "S2")


def test_an_older_journal_is_asked_the_same(tmp_path: Path) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    connection = raw(path)
    connection.execute("PRAGMA ignore_check_constraints = 1").fetchall()
    connection.execute("UPDATE receipt SET kind = 'poem' WHERE id = 1")
    connection.close()
    assert ("check", "1") in {
        (one.code, one.where) for one in verify_journal(str(path), old_vault()).findings
    }
