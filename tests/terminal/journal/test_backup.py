"""The copy of a journal in use: one moment of it, whole, checked."""

from pathlib import Path

import apsw
import pytest

from terminal.journal.backup import back_up
from terminal.journal.records import JournalFailed
from terminal.journal.verify import verify_journal
from tests.terminal.journal.samples import MSGID, begin, doubt, open_at, raw, send, settle, vault


def test_a_journal_in_use_is_copied_whole_and_the_copy_verifies(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    report = back_up(str(path), str(target), vault())
    assert sorted(file.name for file in tmp_path.iterdir() if file.name.startswith("copy")) == ["copy.db"]
    assert report.ok, report.findings
    assert (report.settlements, report.attempts, report.key_used) == (1, 1, True)
    assert report.head == journal.audit.head[1].hex(), "with what stands only in the write-ahead log"
    doubt(
        journal, send(journal, begin(journal, "S2", "0002", lane="2"), MSGID[:-2] + "02"), MSGID[:-2] + "02"
    )
    assert verify_journal(str(target), vault()).settlements == 1, "the copy stays as it was"
    journal.close()


def test_a_copy_can_be_used_in_place_of_the_journal(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    journal = open_at(path)
    sending = send(journal, begin(journal))
    back_up(str(path), str(target))
    journal.close()
    copy = open_at(target)
    settle(copy, sending)
    assert copy.attempts.of("S1")[0].state == "ANSWERED"
    copy.close()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    open_at(path).close()
    target.write_bytes(b"something else")
    with pytest.raises(FileExistsError):
        back_up(str(path), str(target))
    assert target.read_bytes() == b"something else"


def test_a_copy_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    open_at(path).close()
    with pytest.raises(JournalFailed, match="CantOpenError"):
        back_up(str(path), str(tmp_path / "nowhere" / "copy.db"))

    def full(connection: apsw.Connection) -> None:
        if connection.filename == str(target):
            connection.pragma("max_page_count", 4)

    apsw.connection_hooks.append(full)
    try:
        with pytest.raises(JournalFailed, match="FullError"):
            back_up(str(path), str(target))
    finally:
        apsw.connection_hooks.remove(full)
    assert [file.name for file in tmp_path.iterdir() if "copy" in file.name] == []


def test_a_damaged_journal_shows_in_its_copy(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    journal.close()
    connection = raw(path)
    connection.execute("UPDATE settlement SET account_fen = 3650, cash_fen = 100")
    connection.close()
    assert {finding.code for finding in back_up(str(path), str(target), vault()).findings} == {"row"}
