"""Migrations: an older journal becomes one of this program, whole or not at all, and goes on being used."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from protocols.fleet.messages import Anchor
from terminal.core.states import State
from terminal.journal.journal import Journal
from terminal.journal.migrations import (
    MIGRATIONS,
    SPARE_BYTES,
    Migration,
    Reword,
    copy_path,
    fresh_schema,
    migrate_if_old,
    readable_from,
    schema_of,
)
from terminal.journal.opening import open_journal
from terminal.journal.records import Commit, JournalFailed, JournalRefused
from terminal.journal.schema import SCHEMA_VERSION
from terminal.journal.sheet import decode_sheet, encode_sheet, settlement_of
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.terminal.journal.old_journals import old_vault, unpack
from tests.terminal.journal.samples import (
    KEY,
    NINE,
    Disk,
    begin,
    doubt,
    open_at,
    path_of,
    raw,
    row,
    send,
    settle,
    stamp,
)
from yibao.cli.errors import words_of
from yibao.words import say

PHARMACY = {
    "0001": "CLOSED",
    "0002": "CANCELLED",
    "0003": "REVERSING",
    "0004": "REVERSED_ONCE",
    "0005": "DRAFT",
}
OLD = ("schema-1-pharmacy", "schema-1-clinic")
NEXT = Migration(
    SCHEMA_VERSION + 1,
    "made up: a column, a table, a state of slips",
    (
        "ALTER TABLE attempt ADD COLUMN weather TEXT; CREATE TABLE weather (day TEXT PRIMARY KEY) STRICT;",
        "ALTER TABLE anchor ADD COLUMN weather TEXT; ALTER TABLE meta ADD COLUMN weather TEXT;",
        Reword("receipt", "'printed_unverified'", "'printed_unverified', 'burnt'"),
    ),
    readable_from=SCHEMA_VERSION,
)
"""What the program after this one might do: it only adds."""


def _open_old(path: Path, **options: Any) -> Journal:
    return open_journal(str(path), old_vault(), "boot", NINE, **options)


def _states(path: Path) -> dict[str, str]:
    connection = raw(path)
    found = connection.execute("SELECT sale_number, state FROM settlement ORDER BY 1").fetchall()
    connection.close()
    return {str(number): str(state) for number, state in found}


def _head(journal: Journal) -> tuple[int, str]:
    records, head = journal.audit.head
    return records, head.hex()


def _to_next(path: Path) -> None:
    """Let the made-up next program migrate a journal."""
    connection = raw(path)
    migrate_if_old(connection, str(path), None, "boot of the next", NINE, (*MIGRATIONS, NEXT))
    connection.close()


@pytest.mark.parametrize("name", OLD)
def test_a_migrated_journal_has_the_tables_of_a_new_one(name: str, tmp_path: Path) -> None:
    """Both ways end in the same schema, so `schema.py` and `migrations.py` say the same."""
    path = unpack(name, tmp_path)
    _open_old(path).close()
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


def test_migrations_are_numbered_without_a_gap_up_to_this_schema() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(2, SCHEMA_VERSION + 1))
    assert all(migration.title for migration in MIGRATIONS)


@pytest.mark.parametrize("name", OLD)
def test_a_migrated_journal_verifies_and_says_what_it_said(name: str, tmp_path: Path) -> None:
    path = unpack(name, tmp_path)
    before = raw(path)
    tables = ("attempt", "receipt", "code_seen", "idempotency", "outbox", "reversal_queue")
    told = {table: before.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}
    records = int(str(before.execute("SELECT COUNT(*) FROM audit").fetchall()[0][0]))
    before.close()
    _open_old(path).close()
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
    journal = _open_old(path)
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


def test_an_old_journal_is_copied_beside_itself_until_the_next_good_start(tmp_path: Path) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    _open_old(path).close()
    copy = Path(copy_path(str(path), 1))
    assert copy.name == "journal.db.schema-1"
    kept = raw(copy)
    assert kept.pragma("user_version") == 1
    assert kept.pragma("quick_check") == "ok"
    kept.close()
    assert _states(copy) == PHARMACY, "with what stood in the write-ahead log"
    for file in tmp_path.glob("journal.db.schema-1-*"):
        file.unlink()  # what looking at the copy has left
    _open_old(path).close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.db"]


def test_a_copy_that_an_interrupted_start_left_is_made_anew(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    Path(copy_path(str(path), 1)).write_bytes(b"half a copy")
    _open_old(path).close()
    assert _states(Path(copy_path(str(path), 1))) == {"1": "CLOSED", "2": "ABANDONED"}


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
        _open_old(path).close()
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
            _open_old(path, vfs=disk.name).close()
        disk.fail_at = None
        if not disk.failures:
            break
        broken += 1
        connection = raw(path)
        assert connection.pragma("user_version") in (1, SCHEMA_VERSION)
        connection.close()
        journal = _open_old(path)
        assert [found.state for found in journal.settlements.recent(10)] == [State.ABANDONED, State.CLOSED]
        journal.close()
        assert verify_journal(str(path), old_vault()).ok
        shutil.rmtree(folder)
    else:
        raise AssertionError("never came to an end")
    assert broken > 20
    fired("F22", broken)


def test_too_little_room_is_said_before_anything_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    before = path.read_bytes()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1_000_000))
    with pytest.raises(JournalFailed, match="17 MB more") as failed:
        _open_old(path)
    assert (failed.value.code, failed.value.params) == ("journal_no_room", {"megabytes": "17"})
    words = say(failed.value.code, **failed.value.params)
    assert "磁盘空间不足" in words.zh
    assert "unchanged and nothing in it is lost" in words.en
    assert path.read_bytes() == before
    assert not Path(copy_path(str(path), 1)).exists()


def test_the_copy_of_an_interrupted_start_counts_as_room_and_goes_only_for_a_whole_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut in the middle has left a copy on a disk that has room for one only: the next start takes its place."""
    path = unpack("schema-1-clinic", tmp_path)
    copy = Path(copy_path(str(path), 1))
    copy.write_bytes(b"x" * 1_000_000)
    usage, free = shutil.disk_usage(tmp_path), 2 * path.stat().st_size + SPARE_BYTES - 900_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=free))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    with pytest.raises(JournalFailed):
        _open_old(path)
    assert copy.stat().st_size == 1_000_000, "a damaged journal may need it"
    path.write_bytes(whole)
    _open_old(path).close()
    assert _states(copy) == {"1": "CLOSED", "2": "ABANDONED"}


def test_a_damaged_old_journal_is_not_migrated(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    connection = raw(path)
    page = int(
        str(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'attempt'").fetchall()[0][0])
    )
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 + 100 : page * 4096] = b"\xa5" * 3996
    path.write_bytes(content)
    with pytest.raises(JournalFailed):
        _open_old(path)
    assert path.read_bytes() == bytes(content)


def test_a_journal_that_breaks_its_own_checks_is_not_migrated(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    connection = raw(path)
    connection.pragma("ignore_check_constraints", 1)
    connection.execute("UPDATE settlement SET account_fen = account_fen + 1 WHERE state = 'CLOSED'")
    connection.close()
    with pytest.raises(
        JournalFailed, match="damaged before its migration: CHECK constraint failed in settlement"
    ) as failed:
        _open_old(path)
    assert failed.value.code == "journal_not_migrated"
    words = words_of(failed.value)
    assert words is not None
    assert "旧日志未改动" in words.zh
    assert "CHECK" not in words.zh, "no English reason in the Chinese sentence"
    assert "（自检发现损坏）" in words.zh
    assert "(its checks found damage)" in words.en
    connection = raw(path)
    assert connection.pragma("user_version") == 1
    connection.close()


def test_without_a_rollback_journal_nothing_is_migrated(tmp_path: Path) -> None:
    """A database in memory has none; a file that somebody else uses keeps its log."""
    old = raw(unpack("schema-1-clinic", tmp_path))
    connection = apsw.Connection(":memory:")
    with connection.backup("main", old, "main") as backup:
        backup.step()
    old.close()
    with pytest.raises(JournalFailed, match="somebody else has the journal open"):
        migrate_if_old(connection, ":memory:", None, "boot", NINE)
    assert connection.pragma("user_version") == 1
    connection.close()


def test_a_journal_changed_by_hand_is_not_migrated(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    connection = raw(path)
    connection.execute("CREATE TABLE extra (x)")
    connection.close()
    with pytest.raises(JournalFailed, match="not those of this program"):
        _open_old(path)
    connection = raw(path)
    assert connection.pragma("user_version") == 1
    assert connection.execute("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'day_key'").fetchall() == [
        (0,)
    ]
    connection.close()


def test_a_journal_somebody_else_has_open_is_not_migrated(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    other = raw(path)
    other.execute("BEGIN; SELECT * FROM settlement").fetchall()
    with pytest.raises(JournalFailed) as failed:
        _open_old(path)
    words = say(failed.value.code, **failed.value.params)
    assert failed.value.code == "journal_busy"
    assert "Nothing is wrong with it" in words.en
    other.execute("COMMIT")
    other.close()
    _open_old(path).close()


def test_a_schema_from_before_the_first_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = raw(path)
    connection.pragma("user_version", -1)
    connection.close()
    with pytest.raises(JournalFailed, match="cannot be migrated"):
        open_at(path)


def test_the_program_before_goes_on_with_what_the_next_one_has_only_added_to(tmp_path: Path) -> None:
    """F72: put back by one version with a doubt open; the doubt is finished, new sales are made."""
    path = tmp_path / "journal.db"
    journal = open_at(path)
    doubtful = doubt(journal, send(journal, begin(journal)))
    journal.close()
    _to_next(path)
    connection = raw(path)
    assert connection.pragma("user_version") == SCHEMA_VERSION + 1
    assert "burnt" in schema_of(connection)["table receipt"]
    connection.close()

    journal = open_at(path)
    fired("F72")
    assert [found.state for found in journal.settlements.unfinished()] == [State.DOUBT]
    over = msgspec.structs.replace(doubtful, state=State.REVERSING)
    journal.commit(Commit(over, path_of(State.DOUBT, State.REVERSING), "T01", stamp(9)))
    settle(
        journal,
        send(journal, begin(journal, "S2", "0002", lane="2"), "P99990000001202611230900000102"),
        "P99990000001202611230900000102",
    )
    anchor = Anchor(*_head(journal), "2026-11-23T09:00:00.000000+08:00", "boot", "0" * 16, "0" * 128)
    journal.anchors.put(anchor, stamp(), to_fleet=True)
    assert journal.anchors.newest() == anchor
    journal.anchors.accept(frozenset({"1:00"}), "T01+T02", "", stamp())
    journal.close()
    connection = raw(path)
    assert connection.pragma("user_version") == SCHEMA_VERSION + 1, "its number stays"
    connection.close()
    report = verify_journal(str(path))
    assert report.ok, report.findings


def test_a_journal_the_next_program_has_changed_for_good_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    for_good = msgspec.structs.replace(NEXT, readable_from=0)
    migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, for_good))
    connection.close()
    before = path.read_bytes()
    schemas = f"schema {SCHEMA_VERSION + 1}, this program knows {SCHEMA_VERSION}"
    with pytest.raises(JournalFailed, match=schemas) as failed:
        open_at(path)
    words = say(failed.value.code, **failed.value.params)
    assert "日志由更新版本的程序写成" in words.zh
    assert "Install the newer version again" in words.en
    assert path.read_bytes() == before
    assert [finding.code for finding in verify_journal(str(path)).findings] == ["schema"]
    fired("F72")


def test_words_that_do_not_stand_in_a_table_stop_the_migration(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    wrong = msgspec.structs.replace(NEXT, steps=(Reword("receipt", "'no such state'", "'x'"),))
    with pytest.raises(JournalFailed, match="table receipt"):
        migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, wrong))
    assert connection.pragma("user_version") == SCHEMA_VERSION
    connection.close()


@pytest.mark.parametrize("name", OLD)
def test_an_old_journal_is_verified_as_it_lies_there(name: str, tmp_path: Path) -> None:
    """Through a copy in memory: the file is not migrated by being looked at, and tampering shows."""
    path = unpack(name, tmp_path)
    before = path.read_bytes()
    report = verify_journal(str(path), old_vault())
    assert report.ok, report.findings
    assert report.key_used
    assert path.read_bytes() == before
    connection = raw(path)
    connection.execute(
        "UPDATE settlement SET account_fen = account_fen - 1, cash_fen = cash_fen + 1 WHERE state = 'CLOSED'"
    )
    connection.close()
    assert {finding.code for finding in verify_journal(str(path), old_vault()).findings} == {"row"}


def test_an_old_journal_whose_guards_were_taken_out_is_found(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    connection = raw(path)
    connection.execute("DROP TRIGGER attempt_is_kept")
    connection.close()
    assert [finding.where for finding in verify_journal(str(path), old_vault()).findings] == [
        "trigger attempt_is_kept"
    ]


def test_a_new_sale_beside_old_ones_keeps_the_numbers_going(tmp_path: Path) -> None:
    journal = _open_old(unpack("schema-1-pharmacy", tmp_path))
    with pytest.raises(JournalRefused, match="sale_number_open"):
        journal.open_sale(row(id="same"), None, "till", stamp())
    again = msgspec.structs.replace(KEY, sale_number="0002")
    opened = journal.open_sale(row(id="new", key=again), None, "till", stamp())
    assert (opened.terminal_sequence, opened.key.generation) == (6, 2), (
        "0002 was cancelled and may be settled anew"
    )
    journal.close()
