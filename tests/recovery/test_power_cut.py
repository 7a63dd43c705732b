"""A power cut at every write, sync and removal of the journal's life: whatever was acknowledged is there afterwards.

The journal alone, without a counter; the whole counter is cut in `test_cuts_images.py`.
"""

import itertools
import random
from pathlib import Path
from typing import Any

import apsw
import pytest

from terminal.journal import journal as module
from terminal.journal.records import JournalFailed
from terminal.journal.verify import Report, verify_journal
from tests.recovery.power_cut import REAL, Disk, Files, Replay, default_vfs, digest
from tests.terminal.journal.samples import MSGID, begin, doubt, open_at, send, settle, vault

SECOND = MSGID[:-2] + "02"
_names = itertools.count()


def _disk(folder: Path, files: Files | None = None) -> Disk:
    return Disk(folder, f"alone-{id(folder)}-{next(_names)}.db", files)


def _life(folder: Path) -> tuple[Disk, list[tuple[int, int]]]:
    """Create a journal, sell, close, open, sell again. Return the disk, and (moment, records acknowledged)."""
    disk = _disk(folder)
    path = Path(disk.path)
    acknowledged: list[tuple[int, int]] = []

    def note(journal: module.Journal) -> None:
        acknowledged.append((len(disk.operations), journal.audit_head()[0]))

    journal = open_at(path, vfs=disk.name)
    opened = begin(journal)
    note(journal)
    sending = send(journal, opened)
    note(journal)
    settle(journal, sending)
    note(journal)
    journal.close()
    journal = open_at(path, vfs=disk.name)
    sending = send(journal, begin(journal, "S2", "0002"), SECOND)
    note(journal)
    journal.checkpoint()
    doubt(journal, sending, SECOND)
    note(journal)
    journal.close()
    return disk, acknowledged


def _verified(disk: Disk) -> Report:
    """What `verify_journal`, which knows no file systems, says of a journal on this one."""
    with default_vfs(disk.name):
        return verify_journal(disk.path, vault())


def test_a_verification_that_raises_leaves_the_real_file_system_the_default(tmp_path: Path) -> None:
    """Else every database that this process opens later is on a disk of one test."""
    disk = _disk(tmp_path)
    open_at(Path(disk.path), vfs=disk.name).close()

    def mistaken(what: str, end: str) -> bool:
        raise ZeroDivisionError("a mistake of ours, on purpose")

    disk.on_call = mistaken
    with pytest.raises(ZeroDivisionError):
        _verified(disk)
    assert apsw.vfs_names()[0] == REAL
    disk.close()


def _assert_whole(folder: Path, files: Files, expected: int) -> None:
    """The image opens, holds at least what was acknowledged, and adds up."""
    disk = _disk(folder, files)
    journal = open_at(Path(disk.path), vfs=disk.name)
    assert journal.audit_head()[0] >= expected, "an acknowledged write is gone"
    report = _verified(disk)
    assert report.ok, report.findings
    journal.close()
    disk.close()


def _expected(acknowledged: list[tuple[int, int]], moment: int) -> int:
    return max((records for at, records in acknowledged if at <= moment), default=0)


@pytest.mark.parametrize("seed", [None, 1, 2], ids=["strict", "torn 1", "torn 2"])
def test_what_was_acknowledged_survives_a_power_cut_at_any_moment(seed: int | None, tmp_path: Path) -> None:
    disk, acknowledged = _life(tmp_path)
    assert len(disk.operations) > 150
    luck = random.Random(seed)
    replay = Replay({})
    for moment, operation in enumerate(disk.operations, start=1):
        replay.apply(operation)
        if seed is None:
            _assert_whole(tmp_path, replay.strict(), _expected(acknowledged, moment))
        elif moment % 2:
            _assert_whole(tmp_path, replay.torn(luck), _expected(acknowledged, moment))
    assert digest(replay.kept()) == digest({end: bytes(content) for end, content in disk.files.items()})
    disk.close()


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
    disk = _disk(tmp_path)
    journal = open_at(Path(disk.path), vfs=disk.name)
    for number in range(1, 60):
        begin(journal, f"S{number}", f"{number:04d}")
    records = journal.audit_head()[0]
    journal.close()
    monkeypatch.undo()
    replay = Replay({})
    for operation in disk.operations:
        replay.apply(operation)
    disk.close()
    left = [_records_after(tmp_path, replay.torn(random.Random(seed))) for seed in range(16)]
    assert (min(left) < records) is careless, left


def _records_after(folder: Path, files: Files) -> int:
    """How many audit records a start finds; none when the file does not open."""
    disk = _disk(folder, files)
    try:
        journal = open_at(Path(disk.path), vfs=disk.name)
    except JournalFailed:
        return 0
    else:
        found = journal.audit_head()[0]
        journal.close()
        return found
    finally:
        disk.close()
