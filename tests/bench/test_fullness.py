"""A journal full of old sales is a journal, and both figures come out of it; at tiny size."""

import datetime as dt
from pathlib import Path

import apsw
import pytest

from bench import full_journal, fullness
from bench.excess import Excess
from bench.full_journal import DAYS, Filler, filling, kept, vault_of
from bench.result import Result
from protocols.wire_time import WIRE_ZONE
from terminal.core.states import State
from terminal.journal.verify import verify_journal


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kept journal of thirty sales."""
    monkeypatch.setattr(full_journal, "KEPT_IN", tmp_path / "kept")
    return kept(30)


def test_the_file_is_made_once_and_has_the_guards_of_every_journal(folder: Path, tmp_path: Path) -> None:
    made_at = (folder / "journal.db").stat().st_mtime_ns
    assert kept(30) == folder
    assert (folder / "journal.db").stat().st_mtime_ns == made_at
    connection = apsw.Connection(str(folder / "journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    ((sales, days),) = connection.execute(
        "SELECT COUNT(*), COUNT(DISTINCT business_date) FROM settlement"
    ).fetchall()
    assert (sales, days) == (30, DAYS)
    for table in ("attempt", "receipt", "code_seen"):
        assert connection.execute(f"SELECT COUNT(*) FROM {table}").fetchall() == [(30,)]
    triggers = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'trigger'"
    with filling(tmp_path / "plain.db", folder) as filler:
        plain = filler._connection.execute(triggers).fetchall()
    assert connection.execute(triggers).fetchall() == plain
    connection.close()


@pytest.mark.parametrize("hour", [0, 15, 23])
def test_the_sales_lie_in_days_before_today_whatever_the_hour(
    folder: Path, tmp_path: Path, hour: int
) -> None:
    filler = Filler(
        tmp_path / "journal.db", vault_of(folder), dt.datetime(2026, 11, 22, hour, 59, tzinfo=WIRE_ZONE)
    )
    filler.old_sales(30)
    filler.close()
    connection = apsw.Connection(str(tmp_path / "journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    days = connection.execute("SELECT DISTINCT business_date FROM settlement ORDER BY 1").fetchall()
    connection.close()
    assert (len(days), days[0], days[-1]) == (DAYS, ("2026-11-02",), ("2026-11-21",))


def test_the_chain_holds_and_only_copied_rows_are_not_authentic(folder: Path) -> None:
    with filling(folder / "journal.db", folder) as filler:
        filler.doubts(31, 3)
    report = verify_journal(str(folder / "journal.db"), vault_of(folder))
    assert {finding.code for finding in report.findings} <= {"row", "blob", "slip", "transition"}


def test_doubts_are_what_a_start_takes_up(folder: Path) -> None:
    with filling(folder / "journal.db", folder) as filler:
        filler.doubts(31, 3)
        open_ = filler._journal.settlements.unfinished()
    assert [(row.state, row.key.sale_number) for row in open_] == [
        (State.DOUBT, f"F{number:07d}") for number in (31, 32, 33)
    ]


@pytest.mark.blocking_allowed("files are copied between two measurements, while nothing else runs")
@pytest.mark.timeout(120)
async def test_both_figures_come_out(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    start, sale = await fullness.measure(folder, place, 30, doubts=2, starts=1, rounds=2, warm_up=1)
    assert (start.name, sale.name) == ("ready with 30 stored", "sale with 30 stored")
    assert isinstance(start, Excess)
    assert isinstance(sale, Result)
    assert start.ours > 0
    assert sale.ours_ms > 0
    assert sale.floor_ms > 0
