"""Single bits of database and write-ahead log are flipped: what matters is unchanged, or the damage is seen.

What matters: settlements, the messages sent for them with their bytes, and the audit log. Each flip is made in a copy of
one journal in the middle of its work (checkpointed pages, a log with commits behind them, an open doubt). A flip in the
log ends it for SQLite at that frame, so commits can vanish: that is seen by whoever holds an audit head noted outside.
(The newest commit may be one without an audit record: that a slip is out is noted in the sheet alone, and found again
from the slip at the next start.)
"""

import functools
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from terminal.journal.anchors import Noted
from terminal.journal.journal import open_journal
from terminal.journal.records import JournalFailed
from terminal.journal.vault import Vault
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.memory_disk import MEMORY
from tests.recovery.cut_stories import record, stage_for
from tests.recovery.power_cut import Files, Replay
from tests.recovery.witness import Facts
from tests.terminal.harness import NINE, in_line
from tests.terminal.journal.old_journals import old_vault
from yibao.site.virtual_loop import run_virtual

pytestmark = in_line

FLIPS = 150
QUERIES = (
    "SELECT id, sale_number, generation, state, person, total_fen, fund_fen, account_fen, cash_fen, hospital_fen, quarantine"
    " FROM settlement ORDER BY id",
    "SELECT msgid, settlement, lane, purpose, infno, key_id, request, request_sm3, answer FROM attempt ORDER BY msgid",
    "SELECT * FROM audit ORDER BY sequence",
    "SELECT id, sheet, row_mac FROM settlement ORDER BY id",
)
IN_THE_LOG = 3
"""So many of these are compared when commits may have vanished."""
Content = list[list[tuple[Any, ...]]]


class Original(NamedTuple):
    """The journal that is spoiled."""

    files: Files
    facts: Facts
    content: Content


@functools.cache
def _original() -> Original:
    """A journal with a checkpoint behind it and a log in use: as it was when the last write of its log was done."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:

        async def life() -> Any:
            return await record("reopened", stage_for("reopened", Path(folder)))

        recording = run_virtual(life)
        last = max(
            number
            for number, operation in enumerate(recording.operations, start=1)
            if operation.what == "sync" and operation.file == "-wal"
        )
        replay = Replay(recording.found)
        for operation in recording.operations[:last]:
            replay.apply(operation)
        facts = next(facts for moment, facts in reversed(recording.history) if moment <= last)
        files = replay.kept()
        content = _content(_written(files, Path(folder) / "original.db"))
    assert content is not None
    return Original(files, facts, content)


def _written(files: Files, path: Path) -> Path:
    for end, content in files.items():
        Path(f"{path}{end}").write_bytes(content)
    return path


def _content(path: Path) -> Content | None:
    """Everything that matters; None when it cannot be read."""
    try:
        connection = apsw.Connection(str(path))
        try:
            return [list(connection.execute(query)) for query in QUERIES]
        finally:
            connection.close()
    except apsw.Error:
        return None


def _opens(path: Path, vault: Vault) -> bool:
    """True when a start takes the journal for good: it opens, and every settlement and message can be read."""
    try:
        journal = open_journal(str(path), vault, "boot", NINE)
    except JournalFailed:
        return False
    try:
        for row in journal.recent(100):
            journal.attempts(row.id)
    except JournalFailed:
        return False
    finally:
        journal.close()
    return True


@pytest.mark.timeout(120)
@pytest.mark.parametrize("end", ["", "-wal"], ids=["database", "log"])
def test_a_flipped_bit_is_harmless_or_seen(end: str, tmp_path: Path) -> None:
    original = _original()
    luck = random.Random(f"bits of {end}")
    seen = harmless = at_start = 0
    records, head = original.facts.head
    for number in range(FLIPS):
        spoiled = bytearray(original.files[end])
        spoiled[luck.randrange(len(spoiled))] ^= 1 << luck.randrange(8)
        files = {**original.files, end: bytes(spoiled)}
        path = _written(files, tmp_path / f"{number}.db")
        report = verify_journal(str(path), old_vault(), Noted(records, head.hex()))
        if not report.ok:
            seen += 1
        at_start += not _opens(_written(files, tmp_path / f"{number}-start.db"), old_vault())
        if report.ok:
            compared = IN_THE_LOG if end else len(QUERIES)
            assert (_content(path) or [])[:compared] == original.content[:compared], (
                "changed, and nobody saw it"
            )
            harmless += 1
        fired("F26")
    assert seen >= FLIPS // 10
    assert harmless > 0, "unused space, and pages that have a newer copy in the log"
    assert at_start > 0 or end == "-wal", "some damage to the database stops the start itself"
