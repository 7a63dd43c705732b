"""How the file comes into being and how it is opened: settings are proved, not hoped for."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from terminal.journal import opening as module
from terminal.journal.journal import Journal
from terminal.journal.opening import MINIMUM_ENGINE, engine_is_safe, open_journal
from terminal.journal.records import JournalFailed
from terminal.journal.schema import RULES, SCHEMA_VERSION
from tests.faults import fired
from tests.terminal.journal.old_journals import old_vault
from tests.terminal.journal.samples import NINE, Disk, begin, meta, open_at, raw, send, settle, vault


@pytest.fixture
def statements() -> Iterator[list[tuple[int, str]]]:
    """Every statement of every connection opened meanwhile, with the number of the connection."""
    seen: list[tuple[int, str]] = []
    connections = 0

    def watch(connection: apsw.Connection) -> None:
        nonlocal connections
        connections += 1
        number = connections

        def trace(_cursor: Any, sql: str, _bindings: Any) -> bool:
            seen.append((number, " ".join(sql.replace('"', "").split())))
            return True

        connection.exec_trace = trace

    apsw.connection_hooks.append(watch)
    yield seen
    apsw.connection_hooks.remove(watch)


def _number(statements: list[tuple[int, str]], connection: int, begins: str) -> int:
    for place, (number, sql) in enumerate(statements):
        if number == connection and sql.lower().replace(" ", "").startswith(begins.lower().replace(" ", "")):
            return place
    raise AssertionError(f"connection {connection} never ran {begins}: {statements}")


def test_tables_are_made_under_extra_and_the_log_is_used_under_full(
    tmp_path: Path, statements: list[tuple[int, str]]
) -> None:
    open_at(tmp_path / "journal.db").close()
    assert _number(statements, 1, "pragma synchronous(3)") < _number(statements, 1, "begin exclusive")
    assert (
        _number(statements, 1, "begin exclusive")
        < _number(statements, 1, "create table meta")
        < _number(statements, 1, "commit")
    )
    second = [sql for number, sql in statements if number == 2]
    order = [sql for sql in second if sql.startswith(("pragma synchronous(", "pragma journal_mode("))]
    assert order == ["pragma synchronous(3)", "pragma journal_mode('wal')", "pragma synchronous(2)"]


def test_the_settings_hold_on_the_connection_that_is_used(tmp_path: Path) -> None:
    seen: dict[str, object] = {}

    def look(connection: apsw.Connection) -> None:
        for pragma in (
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "mmap_size",
            "wal_autocheckpoint",
            "user_version",
        ):
            seen[pragma] = connection.pragma(pragma)

    open_at(tmp_path / "journal.db", check=look).close()
    assert seen == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "mmap_size": 0, "wal_autocheckpoint": 0,
        "user_version": SCHEMA_VERSION,
    }  # fmt: skip


def test_every_removal_of_a_rollback_journal_is_synced(tmp_path: Path) -> None:
    """Else a power cut brings it back, and it rolls away what was committed since."""
    disk = Disk("creation is synced")
    open_at(tmp_path / "journal.db", vfs=disk.name).close()
    removals = [number for what, suffix, number in disk.done if (what, suffix) == ("delete", "-journal")]
    assert len(removals) == 2, "one for the tables, one for the switch to WAL"
    assert removals == [1, 1]


def test_a_commit_ends_with_a_sync_of_the_log(tmp_path: Path) -> None:
    disk = Disk("commits are synced")
    journal = open_at(tmp_path / "journal.db", vfs=disk.name)
    disk.done.clear()
    opened = begin(journal)
    assert disk.done[-1] == ("sync", "-wal", 2)
    send(journal, opened)
    assert disk.done[-1] == ("sync", "-wal", 2)
    assert {suffix for what, suffix, _ in disk.done if what == "write"} == {"-wal"}, "no automatic checkpoint"
    journal.close()


def test_a_pragma_that_does_not_hold_refuses_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_require_pragma", _lying_about("synchronous", module._require_pragma))
    with pytest.raises(JournalFailed, match="pragma synchronous is 1, not 2"):
        open_at(tmp_path / "journal.db")


def _lying_about(name: str, right: Any) -> Any:
    def require(connection: apsw.Connection, pragma: str, expected: object) -> None:
        if pragma == name and expected == 2:
            connection.pragma(name, 1)
        right(connection, pragma, expected)

    return require


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ("3.40.1", False),
        ("3.51.2", False),
        ("3.51.3", True),
        ("3.52.0", False),
        ("3.53.0", True),
        ("3.54.1", True),
    ],
)
def test_an_engine_with_the_wal_reset_bug_is_refused(
    version: str, safe: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    assert engine_is_safe() is safe
    if not safe:
        with pytest.raises(JournalFailed, match=version):
            open_at(tmp_path / "journal.db")
        assert not (tmp_path / "journal.db").exists(), "an unsafe engine does not even touch the file"


def test_the_engine_in_use_is_safe() -> None:
    assert engine_is_safe()


def test_a_journal_of_another_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_at(path).close()
    stranger = raw(path)
    stranger.pragma("user_version", SCHEMA_VERSION + 1)
    stranger.execute("UPDATE meta SET value = ? WHERE name = 'readable_from'", (str(SCHEMA_VERSION + 1),))
    stranger.close()
    with pytest.raises(
        JournalFailed, match=f"schema {SCHEMA_VERSION + 1}, this program knows {SCHEMA_VERSION}"
    ):
        open_at(path)
    again = raw(path)
    assert again.pragma("user_version") == SCHEMA_VERSION + 1
    fired("F72")
    again.close()


@pytest.mark.parametrize("content", [b"this is not a database" * 100, b"\x00" * 8192])
def test_a_file_that_is_no_database_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(JournalFailed):
        open_at(path)
    assert path.read_bytes()[: len(content)] == content


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalFailed, match="CantOpenError"):
        open_at(tmp_path / "nowhere" / "journal.db")


def test_what_was_written_is_there_after_closing_and_opening(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    before = (
        journal.settlements.get("S1"),
        journal.attempts.of("S1"),
        journal.receipts.of("S1"),
        journal.audit.head,
    )
    journal.close()
    assert not path.with_name("journal.db-wal").exists(), "an orderly end leaves one file"
    again = open_at(path)
    assert (
        again.settlements.get("S1"),
        again.attempts.of("S1"),
        again.receipts.of("S1"),
        again.audit.head,
    ) == before
    again.close()


def test_what_was_written_is_there_when_the_process_just_ended(tmp_path: Path) -> None:
    path, copy = tmp_path / "journal.db", tmp_path / "copy.db"
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    for suffix in ("", "-wal"):
        Path(f"{copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    again = open_at(copy)
    assert again.settlements.get("S1") == journal.settlements.get("S1")
    assert again.audit.head == journal.audit.head
    journal.close()
    again.close()


def test_another_field_key_does_not_open_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = open_at(path)
    begin(journal)
    journal.close()
    other: Journal = open_at(path, vault=vault(b"\x01" * 16))
    with pytest.raises(JournalFailed):
        other.settlements.get("S1")
    other.close()


def test_the_settings_that_durability_hangs_on(journal: Journal) -> None:
    names = (
        "journal_mode",
        "synchronous",
        "wal_autocheckpoint",
        "foreign_keys",
        "trusted_schema",
        "mmap_size",
        "busy_timeout",
    )
    assert [journal.store.connection.pragma(name) for name in names] == ["wal", 2, 0, 1, 0, 0, 0]


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
