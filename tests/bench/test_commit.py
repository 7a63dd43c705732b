"""The journal's S3 and the bare commit beside it, at tiny size."""

import random
from pathlib import Path

from bench import commit
from bench.counter_rig import CommitMeter, Record
from bench.floors import BareJournal
from terminal.core.states import State
from terminal.journal.journal import open_journal
from terminal.journal.thread import JournalThread
from terminal.journal.vault import Vault


async def test_both_figures_stand_on_one_floor(tmp_path: Path) -> None:
    through, inline = await commit.measure(tmp_path, rounds=3, warm_up=1)
    assert (through.name, inline.name) == ("journal commit", "journal commit, inline")
    assert through.floor_ms == inline.floor_ms > 0
    assert through.limit_ratio is None
    assert "thread" in through.note


async def test_a_sale_of_the_bench_goes_the_way_of_a_real_one(tmp_path: Path) -> None:
    random_bytes = random.Random(1).randbytes
    record = Record()
    meter = CommitMeter(record)
    vault = Vault(random_bytes(16), random_bytes)
    thread = JournalThread(
        lambda: open_journal(str(tmp_path / "journal.db"), vault, "boot", commit.MOMENT, check=meter.attach)
    )
    await thread.open()
    try:
        sales = commit.Sales(thread, random_bytes)
        due = await sales.next()
        await thread.call(lambda journal: journal.commit(due))
        await sales.finish(due)
        row = await thread.call(lambda journal: journal.settlement(due.row.id))
        attempts = await thread.call(lambda journal: journal.attempts(due.row.id))
    finally:
        await thread.close()
    assert row is not None
    assert row.state is State.CONFIRMED
    assert [(attempt.purpose, attempt.state, len(attempt.request)) for attempt in attempts] == [
        ("SETTLE", "ANSWERED", commit.REQUEST_BYTES)
    ]
    assert record.commits == 3


def test_the_bare_journal_keeps_every_row_under_the_journals_settings(tmp_path: Path) -> None:
    bare = BareJournal(tmp_path / "bare.db")
    try:
        for _ in range(3):
            bare.commit(b"row")
        assert bare.rows() == 3
        assert bare.pragmas() == {"journal_mode": "wal", "synchronous": 2}
    finally:
        bare.close()
