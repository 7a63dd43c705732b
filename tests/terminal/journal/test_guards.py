"""The SQL guards: each stops its mistake even when Python is bypassed, and the file is as it was."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from terminal.core.states import ALLOWED, SALE_KEY_FREE, State
from terminal.core.values import AttemptSent
from terminal.journal.journal import Journal
from terminal.journal.records import Commit
from tests.terminal.journal.samples import MSGID, begin, open_at, path_of, raw, send, settle, stamp

BLOB = "zeroblob(32)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one settled sale S1 and one that is being sent, S2 on lane 2."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    send(journal, begin(journal, "S2", "0002", lane="2"), MSGID[:-2] + "02")
    journal.close()
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[apsw.Connection]:
    """A stranger's connection to that file."""
    stranger = raw(path)
    stranger.pragma("foreign_keys", 1)
    yield stranger
    stranger.close()


FORBIDDEN = {
    "a move the table does not allow": "UPDATE settlement SET state = 'DRAFT' WHERE id = 'S1'",
    "a state nobody knows": "UPDATE settlement SET state = 'PAID' WHERE id = 'S1'",
    "a settlement that vanishes": "DELETE FROM settlement WHERE id = 'S1'",
    "another sale number": "UPDATE settlement SET sale_number = '0009' WHERE id = 'S1'",
    "another business date": "UPDATE settlement SET business_date = '2026-11-24' WHERE id = 'S1'",
    "another generation": "UPDATE settlement SET generation = 2 WHERE id = 'S1'",
    "another sequence number": "UPDATE settlement SET terminal_sequence = 9 WHERE id = 'S1'",
    "another lane": "UPDATE settlement SET lane = '9' WHERE id = 'S1'",
    "a total that is not the sum": "UPDATE settlement SET total_fen = 3749 WHERE id = 'S1'",
    "an account payment more": "UPDATE settlement SET account_fen = 3751 WHERE id = 'S1'",
    "a negative amount": "UPDATE settlement SET cash_fen = -1, account_fen = 3751 WHERE id = 'S1'",
    "a total without parts": "UPDATE settlement SET fund_fen = NULL WHERE id = 'S1'",
    "parts without a total": "UPDATE settlement SET total_fen = NULL WHERE id = 'S1'",
    "mutual aid beyond the account": "UPDATE settlement SET mutual_aid_fen = 3751 WHERE id = 'S1'",
    "other request bytes": "UPDATE attempt SET request = x'00' WHERE settlement = 'S1'",
    "another hash of the request": f"UPDATE attempt SET request_sm3 = {BLOB} WHERE settlement = 'S1'",
    "another message id": "UPDATE attempt SET msgid = 'X' WHERE settlement = 'S1'",
    "an attempt of another settlement": "UPDATE attempt SET settlement = 'S2' WHERE settlement = 'S1'",
    "another purpose": "UPDATE attempt SET purpose = 'REVERSE' WHERE settlement = 'S1'",
    "an attempt that vanishes": "DELETE FROM attempt WHERE settlement = 'S1'",
    "a second settlement message": f"INSERT INTO attempt VALUES ('M2', 'S1', '1', 'SETTLE', '2102', 'k', x'00', {BLOB}, 'SENT',"
                                   " NULL, NULL, 't', 1.0, 'b', NULL)",
    "a message id used twice": f"INSERT INTO attempt VALUES ('{MSGID}', 'S2', '3', 'REVERSE', '2601', 'k', x'00', {BLOB}, 'SENT',"
                               " NULL, NULL, 't', 1.0, 'b', NULL)",
    "a second conversation on a lane": f"INSERT INTO attempt VALUES ('M2', 'S1', '2', 'REVERSE', '2601', 'k', x'00', {BLOB}, 'SENT',"
                                       " NULL, NULL, 't', 1.0, 'b', NULL)",
    "an attempt of no settlement": f"INSERT INTO attempt VALUES ('M2', 'S9', '3', 'REVERSE', '2601', 'k', x'00', {BLOB}, 'SENT',"
                                   " NULL, NULL, 't', 1.0, 'b', NULL)",
    "a hash that is none": "INSERT INTO attempt VALUES ('M2', 'S1', '3', 'REVERSE', '2601', 'k', x'00', x'00', 'SENT',"
                           " NULL, NULL, 't', 1.0, 'b', NULL)",
    "a second original slip": "INSERT INTO receipt (settlement, kind, copy_number, state, created_at, changed_at)"
                              " VALUES ('S1', 'original', 0, 'waiting', 't', 't')",
    "a copy without a number": "INSERT INTO receipt (settlement, kind, copy_number, state, created_at, changed_at)"
                               " VALUES ('S1', 'copy', 0, 'waiting', 't', 't')",
    "an audit record changed": "UPDATE audit SET record = x'00' WHERE sequence = 1",
    "an audit record removed": "DELETE FROM audit WHERE sequence = (SELECT MAX(sequence) FROM audit)",
    "a tries number below zero": "INSERT INTO reversal_queue VALUES ('S2', -1, 't', 'v', 0)",
    "a quiet stage nobody knows": "INSERT INTO reversal_queue VALUES ('S2', 0, 't', 'v', 3)",
    "an attempt that begins with its outcome": f"INSERT INTO attempt VALUES ('M2', 'S1', '3', 'REVERSE', '2601', 'k', x'00', {BLOB},"
                                               " 'UNKNOWN', NULL, NULL, 't', 1.0, 'b', NULL)",
    "an answer taken back": "UPDATE attempt SET state = 'SENT' WHERE settlement = 'S1'",
    "an answer that becomes unknown": "UPDATE attempt SET state = 'UNKNOWN' WHERE settlement = 'S1'",
    "request bytes erased before their term": "UPDATE attempt SET request = x'' WHERE settlement = 'S1'",
    "a try for a settlement that is booked": "INSERT INTO reversal_queue VALUES ('S1', 0, 't', 'v', 0)",
    "a slip printed before it was being printed": "UPDATE receipt SET state = 'printed'",
    "a slip that was never owed": "INSERT INTO receipt (settlement, kind, copy_number, state, created_at, changed_at)"
                                  " VALUES ('S1', 'copy', 1, 'printed', 't', 't')",
    "a slip that vanishes": "DELETE FROM receipt",
    "a slip of another settlement": "UPDATE receipt SET settlement = 'S2'",
    "a slip of another kind": "UPDATE receipt SET kind = 'cancellation'",
    "another day key": "UPDATE day_key SET wrapped = x'00' WHERE purpose = 'evidence'",
    "a day key blanked in place": "UPDATE day_key SET wrapped = NULL, deleted_at = 't'",
    "a day key without a key": "INSERT INTO day_key VALUES ('2026-01-01', 'identity', NULL, 't', NULL)",
    "a day key for another purpose": "INSERT INTO day_key VALUES ('2026-01-01', 'names', x'00', 't', NULL)",
    "a second key for a day": "INSERT INTO day_key VALUES ('2026-11-23', 'evidence', x'00', 't', NULL)",
    "a text in a column of numbers": "UPDATE settlement SET total_fen = 'much' WHERE id = 'S1'",
}  # fmt: skip


@pytest.mark.parametrize("mistake", FORBIDDEN)
def test_a_guard_refuses(mistake: str, connection: apsw.Connection) -> None:
    before = _content(connection)
    with pytest.raises(apsw.ConstraintError):
        connection.execute(FORBIDDEN[mistake]).fetchall()
    assert _content(connection) == before


def _content(connection: apsw.Connection) -> list[object]:
    return [
        connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in ("settlement", "attempt", "receipt", "audit", "reversal_queue", "day_key")
    ]


@pytest.mark.parametrize("state", sorted(set(State) - SALE_KEY_FREE))
def test_a_second_live_settlement_of_one_sale_is_refused_by_the_schema(
    state: State, connection: apsw.Connection
) -> None:
    columns = "institution, till, sale_number, business_date"
    with pytest.raises(apsw.ConstraintError, match="UNIQUE"):
        connection.execute(
            f"INSERT INTO settlement SELECT 'S3', {columns}, 2, 3, lane, flow, ?, person, total_fen, fund_fen, account_fen,"
            " mutual_aid_fen, cash_fen, hospital_fen, mutual_aid_beside, quarantine, opened_at, changed_at, doubt_since, sheet, row_mac,"
            " identity"
            " FROM settlement WHERE id = 'S1'",
            (state.value,),
        )


def test_the_rules_in_the_file_are_the_state_table(connection: apsw.Connection) -> None:
    rules = set(connection.execute("SELECT source, target FROM transition_rule"))
    assert rules == {(source.value, target.value) for source, target in ALLOWED}


def test_every_pair_of_states_is_allowed_or_refused_as_the_table_says(connection: apsw.Connection) -> None:
    wrong = []
    connection.execute("BEGIN")
    connection.execute("DROP TRIGGER settlement_is_kept")
    for source in State:
        for target in State:
            if source is target:
                continue
            connection.execute("SAVEPOINT pair")
            _put(connection, source)
            try:
                connection.execute("UPDATE settlement SET state = ? WHERE id = 'S1'", (target.value,))
                allowed = True
            except apsw.ConstraintError:
                allowed = False
            if allowed is not ((source, target) in ALLOWED):
                wrong.append((source, target))
            connection.execute("ROLLBACK TO pair; RELEASE pair").fetchall()
    connection.execute("ROLLBACK")
    assert wrong == []


def _put(connection: apsw.Connection, state: State) -> None:
    """Force S1 into a state, behind the guard's back."""
    connection.execute("DROP TRIGGER settlement_moves_by_rule")
    connection.execute("UPDATE settlement SET state = ? WHERE id = 'S1'", (state.value,))
    connection.execute(
        "CREATE TRIGGER settlement_moves_by_rule BEFORE UPDATE OF state ON settlement WHEN NEW.state <> OLD.state AND NOT EXISTS"
        " (SELECT 1 FROM transition_rule WHERE source = OLD.state AND target = NEW.state) BEGIN SELECT RAISE(ABORT, 'no'); END"
    )


def test_the_schema_of_that_test_is_the_real_trigger(connection: apsw.Connection) -> None:
    (sql,) = connection.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'settlement_moves_by_rule'"
    ).fetchone() or ("",)
    for part in (
        "BEFORE UPDATE OF state",
        "NEW.state <> OLD.state",
        "source = OLD.state AND target = NEW.state",
        "RAISE(ABORT",
    ):
        assert part in sql


def test_a_refused_commit_leaves_nothing_behind_and_the_journal_goes_on(tmp_path: Path) -> None:
    """All or nothing: the guard stops the last statement, so none of the others has happened."""
    journal: Journal = open_at(tmp_path / "journal.db")
    sending = send(journal, begin(journal))
    head = journal.audit.head
    again = AttemptSent(MSGID[:-2] + "09", "SETTLE", "2102", "key 1", b"{}")
    doubtful = msgspec.structs.replace(sending, state=State.DOUBT)
    with pytest.raises(apsw.ConstraintError):
        journal.commit(Commit(doubtful, path_of(State.SENDING, State.DOUBT), "T01", stamp(3), sent=again))
    assert journal.audit.head == head
    stored = journal.settlements.get("S1")
    assert stored is not None
    assert stored.state is State.SENDING
    assert journal.failed == ""
    assert settle(journal, sending).state is State.CONFIRMED
    journal.close()


SLIP_STATES = ("waiting", "printing", "printed", "printed_unverified", "unknown")
SLIP_MOVES = {
    ("waiting", "printing"), ("waiting", "unknown"), ("printing", "waiting"), ("printing", "printed"),
    ("printing", "printed_unverified"), ("printing", "unknown"),
}  # fmt: skip
ATTEMPT_STATES = ("SENT", "UNSENT", "ANSWERED", "UNKNOWN")
ATTEMPT_MOVES = {("SENT", "UNSENT"), ("SENT", "ANSWERED"), ("SENT", "UNKNOWN"), ("UNSENT", "SENT")}


@pytest.mark.parametrize(
    ("table", "guard", "states", "moves"),
    [("receipt", "receipt_moves_by_rule", SLIP_STATES, SLIP_MOVES), ("attempt", "attempt_moves_by_rule", ATTEMPT_STATES, ATTEMPT_MOVES)],
)  # fmt: skip
def test_slips_and_attempts_move_only_as_the_counter_moves_them(
    table: str, guard: str, states: tuple[str, ...], moves: set[tuple[str, str]], connection: apsw.Connection
) -> None:
    (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (guard,)).fetchone() or ("",)
    which = "settlement = 'S1'"
    found = set()
    for source in states:
        for target in states:
            if source == target:
                continue
            connection.execute("SAVEPOINT pair")
            connection.execute(f"DROP TRIGGER {guard}")
            connection.execute(f"UPDATE {table} SET state = ? WHERE {which}", (source,))
            connection.execute(str(sql))
            try:
                connection.execute(f"UPDATE {table} SET state = ? WHERE {which}", (target,))
                found.add((source, target))
            except apsw.ConstraintError:
                pass  # refused: not among the moves
            connection.execute("ROLLBACK TO pair; RELEASE pair").fetchall()
    assert found == moves


@pytest.mark.parametrize("state", State)
def test_only_what_is_open_or_owes_a_withdrawal_waits_for_a_try(
    state: State, connection: apsw.Connection
) -> None:
    _put(connection, state)
    put = "INSERT INTO reversal_queue (settlement, tries, due_at, last_verdict, quiet_stage) VALUES ('S1', 0, 't', 'v', 0)"
    if state in (State.DRAFT, State.PRICED, State.ARMED, State.CONFIRMED, State.DELIVERED, State.CLOSED):
        with pytest.raises(apsw.ConstraintError, match="nothing is open"):
            connection.execute(put)
    else:
        connection.execute(put)


def test_a_quarantined_booking_waits_for_its_reversal(connection: apsw.Connection) -> None:
    connection.execute("UPDATE settlement SET quarantine = 1 WHERE id = 'S1'")
    connection.execute("INSERT INTO reversal_queue VALUES ('S1', 0, 't', 'v', 0)")
