"""The journal's two commits of a sale and the bare commit beside them, at tiny size."""

from pathlib import Path

import pytest

from bench import commit, own_journal
from bench.floors import BareJournal
from bench.own_journal import Sizes
from terminal.core.states import State


async def test_both_figures_stand_on_one_floor(tmp_path: Path) -> None:
    through, inline = await commit.measure(tmp_path, rounds=3, warm_up=1)
    assert (through.name, inline.name) == ("journal commit", "journal commit, inline")
    assert through.floor_ms == inline.floor_ms > 0
    assert through.limit_ratio is None
    assert "thread" in through.note


async def test_a_made_up_sale_goes_the_way_of_a_real_one(tmp_path: Path) -> None:
    async with own_journal.running(tmp_path / "journal.db") as own:
        sale = await own.next(Sizes(request=700, answer=900))
        await own.commit(sale.s3)
        await own.commit(sale.outcome)
        await own.reserve()
        row = await own.thread.call(lambda journal: journal.settlements.get(sale.s3.row.id))
        attempts = await own.thread.call(lambda journal: journal.attempts.of(sale.s3.row.id))
        receipts = await own.thread.call(lambda journal: journal.receipts.of(sale.s3.row.id))
    assert row is not None
    assert row.state is State.CONFIRMED
    assert [(one.purpose, one.state, len(one.request), len(one.answer or b"")) for one in attempts] == [
        ("SETTLE", "ANSWERED", 700, 900)
    ]
    assert [receipt.kind for receipt in receipts] == ["original"]


async def test_made_up_sales_bind_as_many_bytes_as_they_are_asked_for(tmp_path: Path) -> None:
    async with own_journal.running(tmp_path / "journal.db") as own:
        sizes = await own.fitted(4321, 5432, request=1000, answer=1500)
        s3, outcome = await own.bound(sizes)
    # Sequence numbers in the audit records grow by a digit now and then.
    assert len(s3) == pytest.approx(4321, abs=5)
    assert len(outcome) == pytest.approx(5432, abs=5)
    assert (sizes.request, sizes.answer) == (1000, 1500)


def test_the_bare_journal_keeps_every_row_under_the_journals_settings(tmp_path: Path) -> None:
    bare = BareJournal(tmp_path / "bare.db")
    try:
        for _ in range(3):
            bare.commit(b"row")
        bare.checkpoint()
        assert bare.rows() == 3
        assert bare.pragmas() == {"journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 0}
    finally:
        bare.close()
