"""Migrations: an older journal becomes one of this program, whole or not at all, and goes on being used."""

import contextlib
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from terminal.core.states import State
from terminal.journal.migrations import (
    MIGRATIONS,
    OLDEST,
    fresh_schema,
    migrated_copy,
    readable_from,
    schema_of,
)
from terminal.journal.opening import open_journal
from terminal.journal.records import Commit, JournalFailed, JournalRefused
from terminal.journal.schema import RULES, SCHEMA_VERSION
from terminal.journal.sheet import decode_sheet, encode_sheet, settlement_of
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.terminal.journal.old_journals import OLD, PHARMACY, old_vault, open_old, unpack
from tests.terminal.journal.samples import KEY, NINE, Disk, meta, open_at, path_of, raw, row, stamp


@pytest.mark.parametrize("name", OLD)
def test_a_migrated_journal_has_the_tables_of_a_new_one(name: str, tmp_path: Path) -> None:
    """Both ways end in the same schema, so `schema.py` and `migrations.py` say the same."""
    path = unpack(name, tmp_path)
    open_old(path).close()
    migrated = raw(path)
    (tmp_path / "new").mkdir()
    open_at(tmp_path / "new" / "journal.db").close()
    new = raw(tmp_path / "new" / "journal.db")
    assert schema_of(migrated) == schema_of(new) == fresh_schema()
    for table in ("transition_rule",):
        assert (
            migrated.execute(f"SELECT * FROM {table}").fetchall()
            == new.execute(f"SELECT * FROM {table}").fetchall()
        )
    for connection in (migrated, new):
        assert connection.pragma("user_version") == SCHEMA_VERSION
        assert connection.execute("SELECT value FROM meta WHERE name = 'readable_from'").fetchall() == [
            (str(readable_from()),)
        ]
        connection.close()


def _rules(connection: apsw.Connection) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in connection.execute("SELECT source, target FROM transition_rule")}


def test_a_migration_allows_what_this_program_allows(tmp_path: Path) -> None:
    """Also where the old program knew of fewer transitions; the copy for looking at has them too."""
    path = unpack("schema-1-pharmacy", tmp_path)
    stranger = raw(path)
    stranger.execute("DELETE FROM transition_rule WHERE source = 'REVERSED'")
    assert _rules(stranger) < set(RULES)
    copy = migrated_copy(stranger)
    assert _rules(copy) == set(RULES)
    copy.close()
    stranger.close()
    open_old(path).close()
    migrated = raw(path)
    assert _rules(migrated) == set(RULES)
    migrated.close()


def test_migrations_are_numbered_without_a_gap_up_to_this_schema() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(2, SCHEMA_VERSION + 1))
    assert all(migration.title for migration in MIGRATIONS)


def test_a_migrated_journal_notes_when_and_who_may_read_it(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    before = meta(path)
    open_journal(str(path), old_vault(), "boot", NINE.astimezone(dt.UTC)).close()
    assert meta(path) == {**before, "readable_from": "2", "migrated_at": "2026-11-23 09:00:00"}
    stranger = raw(path)
    assert stranger.pragma("user_version") == SCHEMA_VERSION == 3
    assert _rules(stranger) == set(RULES)
    stranger.close()
    assert [(one.number, bool(one.title), one.readable_from) for one in MIGRATIONS] == [
        (2, True, 0),
        (3, True, 2),
    ]
    assert (OLDEST, readable_from(), readable_from(MIGRATIONS[:1])) == (1, 2, 2)


@pytest.mark.parametrize("name", OLD)
def test_a_migrated_journal_verifies_and_says_what_it_said(name: str, tmp_path: Path) -> None:
    path = unpack(name, tmp_path)
    before = raw(path)
    tables = ("attempt", "receipt", "code_seen", "idempotency", "outbox", "reversal_queue")
    told = {table: before.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}
    records = int(str(before.execute("SELECT COUNT(*) FROM audit").fetchall()[0][0]))
    before.close()
    open_old(path).close()
    after = raw(path)
    assert {table: after.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables} == told
    newest = after.execute("SELECT record FROM audit ORDER BY sequence DESC LIMIT 1").fetchall()[0][0]
    after.close()
    assert isinstance(newest, bytes)
    assert msgspec.json.decode(newest) == {
        "v": 1, "sequence": records + 1, "boot": "boot", "wall": "2026-11-23 09:00:00.000000", "monotonic": 0.0,
        "action": "migrate", "actor": "start", "old": "1", "new": str(SCHEMA_VERSION),
    }  # fmt: skip
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings
    assert (report.audit_records, report.key_used) == (records + 1, True)


def test_what_schema_1_sealed_opens_after_the_migration_and_is_sealed_anew_when_it_moves(
    tmp_path: Path,
) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    journal = open_old(path)
    rows = {found.key.sale_number: found for found in journal.settlements.recent(10)}
    assert {number: found.state.value for number, found in rows.items()} == PHARMACY
    closed = settlement_of(rows["0001"])
    assert closed.person is not None
    assert closed.person.name.reveal() == "测试甲"
    (attempt,) = journal.attempts.of(closed.id)
    assert closed.settle_msgid.encode() in attempt.request
    assert attempt.answer is not None
    assert closed.booking is not None
    assert closed.booking.info.settlement_id.encode() in attempt.answer

    reversing = rows["0003"]
    over = msgspec.structs.replace(
        reversing, state=State.MANUAL, sheet=encode_sheet(msgspec.structs.replace(settlement_of(reversing), state=State.MANUAL))
    )  # fmt: skip
    journal.commit(Commit(over, path_of(State.REVERSING, State.MANUAL), "T01", stamp(5)))
    again = journal.settlements.get(reversing.id)
    assert again is not None
    assert decode_sheet(again.sheet).person == settlement_of(reversing).person
    journal.close()
    connection = raw(path)
    kinds = connection.execute("SELECT sale_number, hex(substr(sheet, 1, 2)) FROM settlement").fetchall()
    connection.close()
    assert {number for number, kind in kinds if kind == "0265"} == {"0003"}, "02, then e for evidence"
    assert verify_journal(str(path), old_vault()).ok


def test_a_new_sale_beside_old_ones_keeps_the_numbers_going(tmp_path: Path) -> None:
    journal = open_old(unpack("schema-1-pharmacy", tmp_path))
    with pytest.raises(JournalRefused, match="sale_number_open"):
        journal.open_sale(row(id="same"), None, "till", stamp())
    again = msgspec.structs.replace(KEY, sale_number="0002")
    opened = journal.open_sale(row(id="new", key=again), None, "till", stamp())
    assert (opened.terminal_sequence, opened.key.generation) == (6, 2), (
        "0002 was cancelled and may be settled anew"
    )
    journal.close()


def test_a_migration_runs_under_extra_and_a_rollback_journal_in_one_transaction(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    seen: list[str] = []

    def watch(connection: apsw.Connection) -> None:
        def trace(_cursor: Any, sql: str, _bindings: Any) -> bool:
            seen.append(" ".join(sql.replace('"', "").split()))
            return True

        if connection.filename.endswith("journal.db"):
            connection.exec_trace = trace

    apsw.connection_hooks.append(watch)
    try:
        open_old(path).close()
    finally:
        apsw.connection_hooks.remove(watch)
    asked = (
        "pragma synchronous",
        "pragma journal_mode",
        "BEGIN",
        "CREATE TABLE day_key",
        f"pragma user_version({SCHEMA_VERSION})",
        "COMMIT",
    )
    order = [sql for sql in seen if sql.startswith(asked) or sql == "PRAGMA quick_check"]
    assert [sql.split(" (")[0] for sql in order][:8] == [
        "PRAGMA quick_check", "pragma synchronous(3)", "pragma journal_mode('delete')", "BEGIN EXCLUSIVE", "CREATE TABLE day_key",
        f"pragma user_version({SCHEMA_VERSION})", "PRAGMA quick_check", "COMMIT",
    ]  # fmt: skip


def test_a_migration_that_fails_at_any_write_leaves_the_old_journal_and_can_be_done_again(
    tmp_path: Path,
) -> None:
    """Full disk or failed sync, at each write and sync in turn: schema 1 and its sales, or schema 2 and its sales."""
    disk = Disk("a migration in trouble")
    broken = 0
    for turn in range(1, 400):
        folder = tmp_path / str(turn)
        folder.mkdir()
        path = unpack("schema-1-clinic", folder)
        disk.fail_at, disk.failures = turn, 0
        with contextlib.suppress(JournalFailed):
            open_old(path, vfs=disk.name).close()
        disk.fail_at = None
        if not disk.failures:
            break
        broken += 1
        connection = raw(path)
        assert connection.pragma("user_version") in (1, SCHEMA_VERSION)
        connection.close()
        journal = open_old(path)
        assert [found.state for found in journal.settlements.recent(10)] == [State.ABANDONED, State.CLOSED]
        journal.close()
        assert verify_journal(str(path), old_vault()).ok
        shutil.rmtree(folder)
    else:
        raise AssertionError("never came to an end")
    assert broken > 20
    fired("F22", broken)
