"""A power cut at every write, sync and removal of the journal's life: whatever was acknowledged is there afterwards."""

import random
from pathlib import Path
from typing import Any

import apsw
import pytest

from terminal.journal import journal as module
from terminal.journal.verify import verify_journal
from tests.recovery.power_cut import Operation, Recorder, image
from tests.terminal.journal.samples import MSGID, begin, doubt, open_at, send, settle, vault

SECOND = MSGID[:-2] + "02"


def _life(folder: Path, name: str) -> tuple[list[Operation], list[tuple[int, int]]]:
    """Create a journal, sell, close, open, sell again. Return what was done, and (moment, records acknowledged)."""
    path = folder / "journal.db"
    disk = Recorder(name, path)
    acknowledged: list[tuple[int, int]] = []

    def note(journal: module.Journal) -> None:
        acknowledged.append((len(disk.operations), journal.audit_head()[0]))

    journal = open_at(path, vfs=name)
    opened = begin(journal)
    note(journal)
    sending = send(journal, opened)
    note(journal)
    settle(journal, sending)
    note(journal)
    journal.close()
    journal = open_at(path, vfs=name)
    sending = send(journal, begin(journal, "S2", "0002"), SECOND)
    note(journal)
    journal.checkpoint()
    doubt(journal, sending, SECOND)
    note(journal)
    journal.close()
    return disk.operations, acknowledged


def _assert_whole(folder: Path, expected: int) -> None:
    """The image opens, holds at least what was acknowledged, and adds up."""
    journal = open_at(folder / "journal.db")
    assert journal.audit_head()[0] >= expected, "an acknowledged write is gone"
    journal.close()
    report = verify_journal(str(folder / "journal.db"), vault())
    assert report.ok, report.findings


def _expected(acknowledged: list[tuple[int, int]], moment: int) -> int:
    return max((records for at, records in acknowledged if at <= moment), default=0)


@pytest.mark.parametrize("seed", [None, 1, 2], ids=["strict", "torn 1", "torn 2"])
def test_what_was_acknowledged_survives_a_power_cut_at_any_moment(seed: int | None, tmp_path: Path) -> None:
    (tmp_path / "life").mkdir()
    operations, acknowledged = _life(tmp_path / "life", f"power cut {seed}")
    assert len(operations) > 150
    luck = None if seed is None else random.Random(seed)
    for moment in range(0, len(operations) + 1, 1 if seed is None else 2):
        folder = tmp_path / str(moment)
        folder.mkdir()
        image(operations[:moment], folder, luck)
        _assert_whole(folder, _expected(acknowledged, moment))


class Careless(apsw.Connection):
    """Takes every EXTRA for FULL: the removal of a rollback journal is not synced."""

    def pragma(self, name: str, *value: Any, **options: Any) -> Any:
        """See `apsw.Connection.pragma`."""
        if name == "synchronous" and value == (3,):
            value = (2,)
        return super().pragma(name, *value, **options)


@pytest.mark.parametrize("careless", [False, True])
def test_the_switch_to_wal_needs_extra(
    careless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bad twin: a removed rollback journal comes back after a morning's trade and rolls all of it away."""
    if careless:
        monkeypatch.setattr(apsw, "Connection", Careless)
        monkeypatch.setattr(module, "_require_pragma", lambda connection, name, expected: None)
    (tmp_path / "life").mkdir()
    (tmp_path / "image").mkdir()
    path = tmp_path / "life" / "journal.db"
    disk = Recorder(f"careless {careless}", path)
    journal = open_at(path, vfs=disk.name)
    for number in range(1, 60):
        begin(journal, f"S{number}", f"{number:04d}")
    records = journal.audit_head()[0]
    journal.close()
    monkeypatch.undo()
    image(disk.operations, tmp_path / "image")
    if careless:
        assert (tmp_path / "image" / "journal.db-journal").exists()
        report = verify_journal(str(tmp_path / "image" / "journal.db"), vault())
        assert report.audit_records < records
    else:
        _assert_whole(tmp_path / "image", records)
