"""What a migration leaves behind and what it says when it cannot: notes, settings, codes and their words, whole."""

import datetime as dt
import shutil
from pathlib import Path

import msgspec
import pytest

from terminal.journal.migrations import (
    COPY_KEPT,
    MIGRATIONS,
    OLDEST,
    SPARE_BYTES,
    Migration,
    Reword,
    copy_path,
    forget_copies_past_their_time,
    migrate_if_old,
    migrated_copy,
    readable_from,
    refuse_newer,
    schema_of,
)
from terminal.journal.opening import MINIMUM_ENGINE, open_journal
from terminal.journal.records import JournalFailed
from terminal.journal.schema import RULES, SCHEMA_VERSION
from tests.terminal.journal.old_journals import old_vault, unpack
from tests.terminal.journal.samples import NINE, open_at, raw

NEXT = Migration(
    SCHEMA_VERSION + 1, "made up", (Reword("receipt", "'printed_unverified'", "'printed_unverified', 'burnt'"),), readable_from=2
)  # fmt: skip


def failed(number: str, code: str, **params: str) -> tuple[str, str, dict[str, str]]:
    """What a `JournalFailed` says."""
    return number, code, params


def said(error: JournalFailed) -> tuple[str, str, dict[str, str]]:
    """The same of one that was raised."""
    return error.reason, error.code, error.params


def meta(path: Path) -> dict[str, str]:
    """The notes of a file."""
    stranger = raw(path)
    found = {str(name): str(value) for name, value in stranger.execute("SELECT name, value FROM meta")}
    stranger.close()
    return found


def test_a_migrated_journal_notes_when_and_who_may_read_it(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    before = meta(path)
    open_journal(str(path), old_vault(), "boot", NINE.astimezone(dt.UTC)).close()
    assert meta(path) == {**before, "readable_from": "2", "migrated_at": "2026-11-23 09:00:00"}
    stranger = raw(path)
    assert stranger.pragma("user_version") == SCHEMA_VERSION == 3
    assert {tuple(row) for row in stranger.execute("SELECT source, target FROM transition_rule")} == set(
        RULES
    )
    stranger.close()
    assert [(one.number, bool(one.title), one.readable_from) for one in MIGRATIONS] == [
        (2, True, 0),
        (3, True, 2),
    ]
    assert (OLDEST, readable_from(), readable_from(MIGRATIONS[:1])) == (1, 2, 2)


def test_a_new_journal_notes_its_first_second_and_who_may_read_it(tmp_path: Path) -> None:
    floor = NINE + dt.timedelta(microseconds=7)
    path = tmp_path / "journal.db"
    open_journal(str(path), old_vault(), "boot", floor).close()
    assert meta(path) == {"message_numbers_until": "2026-11-23 09:00:00.000000", "readable_from": "2"}
    stranger = raw(path)
    assert stranger.execute("SELECT name, value FROM sequence").fetchall() == [("settlement", 0)]
    assert {tuple(row) for row in stranger.execute("SELECT source, target FROM transition_rule")} == set(
        RULES
    )
    stranger.close()
    assert MINIMUM_ENGINE == (3, 51, 3)


def test_a_word_changed_in_a_table_is_changed_there_alone_and_the_door_is_shut_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    before, number = schema_of(connection), connection.pragma("schema_version")
    migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, NEXT))
    assert (connection.pragma("writable_schema"), connection.pragma("synchronous")) == (0, 3)
    assert isinstance(number, int)
    assert connection.pragma("schema_version") == number + 1
    after = schema_of(connection)
    assert [name for name in after if after[name] != before[name]] == ["table receipt"]
    assert after["table receipt"] == before["table receipt"].replace(
        "'printed_unverified'", "'printed_unverified' , 'burnt'"
    )
    connection.close()
    assert meta(path)["readable_from"] == "2"
    stranger = raw(path)
    ((record,),) = stranger.execute("SELECT record FROM audit").fetchall()
    stranger.close()
    assert isinstance(record, bytes)
    assert msgspec.json.decode(record) == {
        "v": 1, "sequence": 1, "boot": "boot", "wall": "2026-11-23 09:00:00.000000", "monotonic": 0.0, "action": "migrate",
        "actor": "start", "old": "3", "new": "4",
    }  # fmt: skip


@pytest.mark.parametrize(
    "step", [Reword("receipt", "'nowhere'", "x"), Reword("receipt", "TEXT", "x"), Reword("none", "x", "y")]
)
def test_words_that_do_not_stand_there_exactly_once_are_refused(step: Reword, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    connection = raw(path)
    wrong = msgspec.structs.replace(NEXT, steps=(step,))
    with pytest.raises(JournalFailed) as refused:
        migrate_if_old(connection, str(path), None, "boot", NINE, (*MIGRATIONS, wrong))
    assert said(refused.value) == failed(
        f"table {step.table} is not as it was made", "journal_not_migrated", why="changed"
    )
    assert not connection.in_transaction
    connection.close()


def test_what_is_said_of_a_schema_that_is_too_old_or_too_new(tmp_path: Path) -> None:
    connection = raw(tmp_path / "journal.db")
    old = failed("journal has schema 0, which cannot be migrated", "journal_not_migrated", why="schema")
    with pytest.raises(JournalFailed) as refused:
        migrate_if_old(connection, str(tmp_path / "journal.db"), None, "boot", NINE)
    assert said(refused.value) == old
    with pytest.raises(JournalFailed) as refused:
        migrated_copy(connection)
    assert said(refused.value) == old
    connection.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    connection.pragma("user_version", 4)
    new = failed("journal has schema 4, this program knows 3", "journal_newer", found="4", known="3")
    for note in (None, "4"):
        if note is not None:
            connection.execute("INSERT INTO meta VALUES ('readable_from', ?)", (note,))
        with pytest.raises(JournalFailed) as refused:
            refuse_newer(connection)
        assert said(refused.value) == new
    connection.execute("UPDATE meta SET value = '3'")
    refuse_newer(connection)
    connection.pragma("user_version", 3)
    connection.execute("DELETE FROM meta")
    refuse_newer(connection)
    connection.close()


@pytest.mark.parametrize(
    ("missing_bytes", "megabytes"), [(0, ""), (1, "1"), (1_000_000, "1"), (1_000_001, "2")]
)
def test_the_room_that_a_migration_wants_to_the_byte(
    missing_bytes: int, megabytes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the journal with its log, and 16 MB; what an interrupted start left of a copy is counted as free."""
    path = unpack("schema-1-pharmacy", tmp_path)
    assert SPARE_BYTES == 16 * 1024 * 1024
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert len(sizes) == 2, "with a write-ahead log"
    Path(copy_path(str(path), 1)).write_bytes(b"x" * 1000)
    Path(f"{copy_path(str(path), 1)}-journal").write_bytes(b"x" * 500)
    # Opening it moves the log into the file: what is asked for is what stands there then.
    usage = shutil.disk_usage(tmp_path)
    asked: list[Path] = []

    def free(folder: Path) -> object:
        asked.append(folder)
        size = sum(file.stat().st_size for file in (path, Path(f"{path}-wal")) if file.exists())
        return usage._replace(free=2 * size + SPARE_BYTES - 1500 - missing_bytes)

    monkeypatch.setattr(shutil, "disk_usage", free)
    if not megabytes:
        open_journal(str(path), old_vault(), "boot", NINE).close()
    else:
        with pytest.raises(JournalFailed) as refused:
            open_journal(str(path), old_vault(), "boot", NINE)
        assert said(refused.value) == failed(
            f"not enough room to migrate the journal: {megabytes} MB more",
            "journal_no_room",
            megabytes=megabytes,
        )
    assert asked == [tmp_path]


def test_a_copy_is_kept_three_days_in_a_service_that_goes_on_running(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    open_journal(str(path), old_vault(), "boot", NINE).close()
    assert dt.timedelta(days=3) == COPY_KEPT
    copy, connection = Path(copy_path(str(path), 1)), raw(path)
    assert copy.exists()
    assert forget_copies_past_their_time(connection, NINE + COPY_KEPT - dt.timedelta(seconds=1)) is False
    assert copy.exists()
    Path(f"{copy}-wal").write_bytes(b"x")
    Path(f"{copy}-journal").write_bytes(b"x")
    assert forget_copies_past_their_time(connection, NINE + COPY_KEPT) is True
    assert [file.name for file in tmp_path.iterdir() if "schema" in file.name] == []
    assert forget_copies_past_their_time(connection, NINE) is True, "there is none"
    copy.write_bytes(b"x")
    connection.execute("DELETE FROM meta WHERE name = 'migrated_at'")
    assert forget_copies_past_their_time(connection, NINE) is True, "nobody knows how old it is"
    assert not copy.exists()
    Path(copy_path(str(path), SCHEMA_VERSION)).write_bytes(b"x")
    assert forget_copies_past_their_time(connection, NINE) is True, "a copy of this schema is none of ours"
    assert Path(copy_path(str(path), SCHEMA_VERSION)).exists()
    copy.mkdir()
    assert forget_copies_past_their_time(connection, NINE) is False, "it cannot be removed: tried again"
    connection.close()


def test_somebody_who_has_the_journal_open_is_said_to_have(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    other = raw(path)
    other.execute("BEGIN; SELECT * FROM settlement").fetchall()
    with pytest.raises(JournalFailed) as refused:
        open_journal(str(path), old_vault(), "boot", NINE)
    assert said(refused.value) == failed("somebody else has the journal open", "journal_busy")
    other.close()


def test_damage_is_said_with_its_first_line(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    connection = raw(path)
    connection.pragma("ignore_check_constraints", 1)
    connection.execute("UPDATE settlement SET account_fen = account_fen + 1 WHERE state = 'CLOSED'")
    connection.close()
    with pytest.raises(JournalFailed) as refused:
        open_journal(str(path), old_vault(), "boot", NINE)
    assert said(refused.value) == failed(
        "the journal is damaged before its migration: CHECK constraint failed in settlement", "journal_not_migrated", why="damaged"
    )  # fmt: skip


def test_a_migrated_copy_has_the_rules_of_this_program_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    source = raw(path)
    source.execute("DELETE FROM transition_rule")
    copy = migrated_copy(source)
    assert copy.filename == ""
    assert {tuple(row) for row in copy.execute("SELECT source, target FROM transition_rule")} == set(RULES)
    assert schema_of(copy).keys() > schema_of(source).keys()
    assert source.execute("SELECT COUNT(*) FROM transition_rule").fetchall() == [(0,)]
    copy.close()
    source.close()
