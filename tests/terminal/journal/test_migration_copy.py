"""The copy of an older journal beside the migrated one: made, counted as room, kept three days."""

import datetime as dt
import shutil
from pathlib import Path

import pytest

from terminal.journal.migrations import COPY_KEPT, SPARE_BYTES, copy_path, forget_copies_past_their_time
from terminal.journal.records import JournalFailed
from terminal.journal.schema import SCHEMA_VERSION
from tests.terminal.journal.old_journals import PHARMACY, open_old, unpack
from tests.terminal.journal.samples import NINE, raw


def _states(path: Path) -> dict[str, str]:
    connection = raw(path)
    found = connection.execute("SELECT sale_number, state FROM settlement ORDER BY 1").fetchall()
    connection.close()
    return {str(number): str(state) for number, state in found}


def test_an_old_journal_is_copied_beside_itself_until_the_next_good_start(tmp_path: Path) -> None:
    path = unpack("schema-1-pharmacy", tmp_path)
    open_old(path).close()
    copy = Path(copy_path(str(path), 1))
    assert copy.name == "journal.db.schema-1"
    kept = raw(copy)
    assert kept.pragma("user_version") == 1
    assert kept.pragma("quick_check") == "ok"
    kept.close()
    assert _states(copy) == PHARMACY, "with what stood in the write-ahead log"
    for file in tmp_path.glob("journal.db.schema-1-*"):
        file.unlink()  # what looking at the copy has left
    open_old(path).close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.db"]


def test_a_copy_that_an_interrupted_start_left_is_made_anew(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    Path(copy_path(str(path), 1)).write_bytes(b"half a copy")
    open_old(path).close()
    assert _states(Path(copy_path(str(path), 1))) == {"1": "CLOSED", "2": "ABANDONED"}


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
        open_old(path)
    assert copy.stat().st_size == 1_000_000, "a damaged journal may need it"
    path.write_bytes(whole)
    open_old(path).close()
    assert _states(copy) == {"1": "CLOSED", "2": "ABANDONED"}


def test_a_copy_is_kept_three_days_in_a_service_that_goes_on_running(tmp_path: Path) -> None:
    path = unpack("schema-1-clinic", tmp_path)
    open_old(path).close()
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
