"""What is not migrated, with the code and the words that say why; the journal is as it was."""

import shutil
from pathlib import Path

import apsw
import pytest

from terminal.journal.migrations import SPARE_BYTES, copy_path, migrate_if_old, migrated_copy, refuse_newer
from terminal.journal.records import JournalFailed
from tests.terminal.journal.old_journals import open_old, unpack
from tests.terminal.journal.samples import NINE, open_at, raw
from yibao.cli.errors import words_of
from yibao.words import say


def failure(reason: str, code: str, **params: str) -> tuple[str, str, dict[str, str]]:
    """What a `JournalFailed` says."""
    return reason, code, params


def said(error: JournalFailed) -> tuple[str, str, dict[str, str]]:
    """The same of one that was raised."""
    return error.reason, error.code, error.params


def test_too_little_room_is_said_before_anything_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    before = path.read_bytes()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1_000_000))
    with pytest.raises(JournalFailed, match="17 MB more") as failed:
        open_old(path)
    assert (failed.value.code, failed.value.params) == ("journal_no_room", {"megabytes": "17"})
    words = say(failed.value.code, **failed.value.params)
    assert "磁盘空间不足" in words.zh
    assert "unchanged and nothing in it is lost" in words.en
    assert path.read_bytes() == before
    assert not Path(copy_path(str(path), 1)).exists()


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
        open_old(path).close()
    else:
        with pytest.raises(JournalFailed) as refused:
            open_old(path)
        assert said(refused.value) == failure(
            f"not enough room to migrate the journal: {megabytes} MB more",
            "journal_no_room",
            megabytes=megabytes,
        )
    assert asked == [tmp_path]


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
        open_old(path)
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
        open_old(path)
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


def test_damage_is_said_with_its_first_line(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    connection = raw(path)
    connection.pragma("ignore_check_constraints", 1)
    connection.execute("UPDATE settlement SET account_fen = account_fen + 1 WHERE state = 'CLOSED'")
    connection.close()
    with pytest.raises(JournalFailed) as refused:
        open_old(path)
    assert said(refused.value) == failure(
        "the journal is damaged before its migration: CHECK constraint failed in settlement", "journal_not_migrated", why="damaged"
    )  # fmt: skip


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
        open_old(path)
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
        open_old(path)
    words = say(failed.value.code, **failed.value.params)
    assert failed.value.code == "journal_busy"
    assert "Nothing is wrong with it" in words.en
    other.execute("COMMIT")
    other.close()
    open_old(path).close()


def test_somebody_who_has_the_journal_open_is_said_to_have(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    other = raw(path)
    other.execute("BEGIN; SELECT * FROM settlement").fetchall()
    with pytest.raises(JournalFailed) as refused:
        open_old(path)
    assert said(refused.value) == failure("somebody else has the journal open", "journal_busy")
    other.close()


def test_a_schema_from_before_the_first_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = raw(path)
    connection.pragma("user_version", -1)
    connection.close()
    with pytest.raises(JournalFailed, match="cannot be migrated"):
        open_at(path)


def test_what_is_said_of_a_schema_that_is_too_old_or_too_new(tmp_path: Path) -> None:
    connection = raw(tmp_path / "journal.db")
    old = failure("journal has schema 0, which cannot be migrated", "journal_not_migrated", why="schema")
    with pytest.raises(JournalFailed) as refused:
        migrate_if_old(connection, str(tmp_path / "journal.db"), None, "boot", NINE)
    assert said(refused.value) == old
    with pytest.raises(JournalFailed) as refused:
        migrated_copy(connection)
    assert said(refused.value) == old
    connection.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    connection.pragma("user_version", 4)
    new = failure("journal has schema 4, this program knows 3", "journal_newer", found="4", known="3")
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
