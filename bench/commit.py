"""The commit of S3 (settlement row, attempt with its signed bytes, audit records) against one bare row of the same bytes.

Ours goes through the application's `JournalThread`; the second figure is the same commit seen from inside that thread,
so that the difference is the way there and back. Same file system, same settings, in turn.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import own_journal
from bench.floors import BareJournal
from bench.own_journal import OwnJournal, Sizes
from bench.result import Result

NAME = "journal commit"
ROUNDS = 300
WARM_UP = 50


async def measure(folder: Path, rounds: int = ROUNDS, warm_up: int = WARM_UP) -> list[Result]:
    """Measure with both journals in `folder`."""
    bare = BareJournal(folder / "bare.db")
    try:
        async with own_journal.running(folder / "journal.db") as own:
            body, _ = await own.bound(Sizes())
            for _ in range(warm_up):
                await _round(own, bare, body)
            await own.checkpoint()
            bare.checkpoint()
            rows = [await _round(own, bare, body) for _ in range(rounds)]
    finally:
        bare.close()
    ours_ms, inline_ms, floor_ms = (median(row[column] for row in rows) for column in range(3))
    what = f"S3 ({len(body)} bytes) against one bare row of as many bytes, WAL and FULL"
    return [
        Result(NAME, ours_ms, floor_ms, None, f"{what}; through the journal's thread"),
        Result(f"{NAME}, inline", inline_ms, floor_ms, None, f"{what}; inside that thread"),
    ]


async def _round(own: OwnJournal, bare: BareJournal, body: bytes) -> tuple[float, float, float]:
    """One S3 and one bare commit; milliseconds of S3 through the thread, of S3 inside it, of the bare commit."""
    sale = await own.next(Sizes())
    start = time.perf_counter()
    inline_ms = await own.thread.call(lambda journal: _took_ms(lambda: journal.commit(sale.s3)))
    ours_ms = (time.perf_counter() - start) * 1000
    floor_ms = _took_ms(lambda: bare.commit(body))
    await own.commit(sale.outcome)
    return ours_ms, inline_ms, floor_ms


def _took_ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def run() -> list[Result]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return asyncio.run(measure(Path(folder)))
