"""How a journal is looked at from outside: read-only, patient with its writer, one moment of it, and nothing left open."""

import io
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from drivers.signers import SoftwareSigner
from protocols.gm.sm2 import PrivateKey
from terminal.journal.backup import PAGES_AT_ONCE, back_up
from terminal.journal.export import export_audit
from terminal.journal.glance import Glance, glance_at_journal, keys_in_use
from terminal.journal.journal import Journal
from terminal.journal.migrations import fresh_schema
from terminal.journal.records import JournalFailed
from terminal.journal.schema import CREATE
from terminal.journal.thread import JournalThread
from terminal.journal.verify import verify_journal
from tests.terminal.journal.old_journals import old_vault, open_old, unpack
from tests.terminal.journal.samples import (
    MSGID,
    NINE,
    begin,
    closed_sale,
    doubt,
    open_at,
    send,
    settle,
    vault,
)

SIGNER = SoftwareSigner(PrivateKey.generate(random.Random(21).randbytes))


class Seen(apsw.Connection):
    """A connection that notes how it is used. `seen` is set by the fixture."""

    seen: "list[Seen]"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.waits_ms: int | None = None
        self.ran: list[str] = []
        self.steps: list[int] = []
        self.seen.append(self)
        self.exec_trace = self._note

    def _note(self, _cursor: Any, sql: str, _values: Any) -> bool:
        self.ran.append(" ".join(sql.replace('"', "").split()))
        return True

    def set_busy_timeout(self, milliseconds: int) -> None:
        """Note it."""
        self.waits_ms = milliseconds
        super().set_busy_timeout(milliseconds)

    @property
    def is_open(self) -> bool:
        """Whether anybody may still use it."""
        try:
            self.total_changes()
        except apsw.ConnectionClosedError:
            return False
        return True


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Seen]]:
    """Every connection that is opened from now on."""
    found: list[Seen] = []
    monkeypatch.setattr(Seen, "seen", found, raising=False)
    monkeypatch.setattr(apsw, "Connection", Seen)
    yield found
    for one in found:
        one.close()


def export(path: Path) -> object:
    """An export that is thrown away."""
    return export_audit(str(path), io.BytesIO(), "T", SIGNER, b"tool", NINE)


LOOKERS: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "verify": (lambda path: verify_journal(str(path), vault()), 1000, "BEGIN DEFERRED"),
    "export": (export, 1000, "BEGIN"),
    "glance": (lambda path: glance_at_journal(str(path)), 1000, "BEGIN DEFERRED"),
    "keys in use": (lambda path: keys_in_use(str(path)), 1000, "SELECT DISTINCT key_id"),
}
"""Each with how long it waits for the writer, in milliseconds, and what it does first."""


@pytest.mark.parametrize("who", LOOKERS)
def test_who_looks_reads_only_waits_sees_one_moment_and_closes(
    who: str, tmp_path: Path, seen: list[Seen]
) -> None:
    look, waits_ms, first = LOOKERS[who]
    closed_sale(tmp_path / "journal.db").close()
    fresh_schema()
    seen.clear()
    look(tmp_path / "journal.db")
    (connection,) = seen
    assert (connection.waits_ms, connection.is_open) == (waits_ms, False)
    assert connection.ran[0].startswith(first)
    assert not [sql for sql in connection.ran if sql.startswith(("INSERT", "UPDATE", "DELETE"))]


@pytest.mark.parametrize("who", ["verify", "export"])
def test_an_older_journal_is_looked_at_in_a_copy_without_a_name(
    who: str, tmp_path: Path, seen: list[Seen]
) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    fresh_schema()
    (verify_journal(str(path), old_vault()) if who == "verify" else export(path))
    assert [one.is_open for one in seen] == [False, False]
    assert not [
        sql for sql in seen[0].ran if sql.startswith(("INSERT", "UPDATE", "DELETE", "CREATE", "ALTER"))
    ]
    assert [file.name for file in tmp_path.iterdir() if "schema" in file.name] == []


def test_a_copy_in_use_is_one_moment_synced_and_closed(tmp_path: Path, seen: list[Seen]) -> None:
    journal = closed_sale(tmp_path / "journal.db")
    fresh_schema()
    seen.clear()
    back_up(str(tmp_path / "journal.db"), str(tmp_path / "copy.db"))
    reading, writing, checking = seen
    assert [one.is_open for one in seen] == [False] * 3
    assert (reading.waits_ms, reading.ran[0]) == (5000, "BEGIN DEFERRED")
    assert reading.ran[1] == "SELECT 1 FROM meta", "the moment begins with the first read"
    assert writing.ran == ["pragma synchronous(3)"]
    assert checking.ran[:2] == ["BEGIN DEFERRED", "pragma user_version"]
    assert PAGES_AT_ONCE * 4096 == 4 * 1024 * 1024
    journal.close()


def test_a_copy_that_fails_leaves_none_of_its_files_and_nothing_open(
    tmp_path: Path, seen: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed_sale(tmp_path / "journal.db").close()
    seen.clear()

    def broken(connection: Seen, *_: Any) -> Any:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{connection.filename}{end}").write_bytes(b"half")
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(Seen, "backup", broken)
    with pytest.raises(JournalFailed, match="FullError: database or disk is full"):
        back_up(str(tmp_path / "journal.db"), str(tmp_path / "copy.db"))
    assert [one.is_open for one in seen] == [False, False]
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("copy")] == []


def test_a_good_copy_has_no_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed_sale(tmp_path / "journal.db").close()
    target = tmp_path / "copy.db"
    for end in ("-wal", "-shm"):
        Path(f"{target}{end}").write_bytes(b"")
    assert back_up(str(tmp_path / "journal.db"), str(target)).ok
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("copy")] == ["copy.db"]


def test_a_start_leaves_one_connection_and_no_file_system_of_its_own(
    tmp_path: Path, seen: list[Seen]
) -> None:
    before = apsw.vfs_names()
    fresh_schema()
    journal = open_at(tmp_path / "journal.db")
    assert [one.is_open for one in seen] == [False, True]
    assert [one.waits_ms for one in seen] == [0, 0], "the journal has one writer: nobody is waited for"
    journal.close()
    assert [one.is_open for one in seen] == [False, False]
    assert apsw.vfs_names() == before


def test_a_migration_proves_its_settings_and_leaves_nothing_open(tmp_path: Path, seen: list[Seen]) -> None:
    path, before = unpack("schema-1-pharmacy", tmp_path), apsw.vfs_names()
    fresh_schema()
    seen.clear()
    open_old(path).close()
    migrating, copying, using = seen
    assert [one.is_open for one in seen] == [False] * 3
    assert copying.ran == ["pragma synchronous(3)", "PRAGMA quick_check"]
    order = [
        sql
        for sql in migrating.ran
        if sql.startswith(("pragma synchronous(", "pragma journal_mode(", "PRAGMA quick"))
    ]
    assert order == [
        "PRAGMA quick_check", "pragma synchronous(3)", "pragma journal_mode('delete')", "PRAGMA quick_check",
    ]  # fmt: skip
    assert using.ran[-1] != "PRAGMA quick_check"
    open_old(path).close()
    assert "PRAGMA quick_check" in seen[3].ran, "before the copies go"
    assert apsw.vfs_names() == before
    assert [one.is_open for one in seen] == [False] * 5


def test_a_journal_that_cannot_be_opened_is_closed_again(tmp_path: Path, seen: list[Seen]) -> None:
    def refuse(_: apsw.Connection) -> None:
        raise apsw.CorruptError("not this one")

    fresh_schema()
    with pytest.raises(JournalFailed, match="CorruptError: not this one"):
        open_at(tmp_path / "journal.db", check=refuse)
    assert [one.is_open for one in seen] == [False, False]


def test_the_schema_of_a_new_journal_is_worked_out_once_in_memory(seen: list[Seen]) -> None:
    fresh_schema.cache_clear()
    assert fresh_schema() is fresh_schema()
    (connection,) = seen
    assert not connection.is_open
    assert connection.ran[0].split()[:2] == CREATE.split()[:2]
    with pytest.raises(TypeError):
        fresh_schema()["table meta"] = ""  # type: ignore[index]  # that is what is tested


async def test_the_journals_thread_has_a_name_and_keeps_no_process_alive(tmp_path: Path) -> None:
    port = JournalThread(lambda: open_at(tmp_path / "journal.db"))
    await port.open()
    thread = await port.call(lambda _: threading.current_thread())
    assert (thread.name, thread.daemon, thread.is_alive()) == ("journal", True, True)
    await port.close()
    thread.join(5)
    assert not thread.is_alive()


async def test_a_thread_whose_journal_cannot_be_opened_ends(tmp_path: Path) -> None:
    found: list[threading.Thread] = []

    def opener() -> Any:
        found.append(threading.current_thread())
        raise JournalFailed("no")

    with pytest.raises(JournalFailed, match="no"):
        await JournalThread(opener).open()
    found[0].join(5)
    assert not found[0].is_alive()


def test_a_copy_that_came_out_damaged_stops_the_migration(
    tmp_path: Path, seen: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    right = Seen.execute

    def execute(connection: Seen, sql: str, *values: Any) -> apsw.Cursor:
        if connection.filename.endswith(".schema-1") and sql == "PRAGMA quick_check":
            sql = "SELECT 'a page is wrong'"
        return right(connection, sql, *values)

    monkeypatch.setattr(Seen, "execute", execute)
    with pytest.raises(JournalFailed) as failed:
        open_old(path)
    assert failed.value.reason == "the journal is damaged in its copy: a page is wrong"
    assert (failed.value.code, failed.value.params) == ("journal_not_migrated", {"why": "damaged"})
    assert [one.is_open for one in seen] == [False] * len(seen)


def test_a_glance_sees_doubts_slips_and_the_newest_change(tmp_path: Path, journal: Journal) -> None:
    path = str(tmp_path / "journal.db")
    assert glance_at_journal(path) == Glance((), 0, None)
    assert keys_in_use(path) == set()
    settle(journal, send(journal, begin(journal)))
    doubtful = doubt(
        journal, send(journal, begin(journal, "S2", "0002", lane="2"), MSGID[:-2] + "02"), MSGID[:-2] + "02"
    )
    assert doubtful.doubt_since == NINE
    assert glance_at_journal(path) == Glance((NINE,), 2, NINE)
    assert keys_in_use(path) == {"key 1"} == journal.attempts.keys_in_use()
