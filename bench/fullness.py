"""What years of trade cost: the start and a sale with half a million settlements in the journal (see `full_journal`).

Start: from the start of `yibao run` until `GET /status` says `ready`, which is after the recovery of a thousand doubts
and of everything else that is open; the hub is away, so that they stay doubts. There is no floor under it: the promise is
five seconds.

Sale: from its opening to the durable CONFIRMED, by two counters side by side in one process, one with an empty journal and one
with the full one, in turn; what the far ends say they took is in neither. The promise is a ratio.
"""

import asyncio
import os
import shutil
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench import far_end, full_journal
from bench.commands import YIBAO
from bench.counter_rig import Rig, running_counter
from bench.excess import Excess
from bench.full_journal import KEPT_IN, PASSWORD, filling
from bench.result import Result
from bench.sale import sell
from bench.start_up import prepare, process_of, status
from drivers.signers import SoftwareKeyStore

SETTLEMENTS: Final = 500_000
DOUBTS: Final = 1000
STARTS: Final = 3
ROUNDS: Final = 80
WARM_UP: Final = 15
SECONDS_PER_ROUND: Final = 0.1
"""Two sales: slower than the message numbers of a terminal allow."""
START_LIMIT_MS: Final = 5000.0
SALE_LIMIT_RATIO: Final = 1.15
READY_TIMEOUT_S: Final = 120.0


async def start_ms(counter: Path) -> float:
    """Start `yibao run`, wait until it is ready, end it; return how long it took."""
    began = time.perf_counter()
    async with (
        process_of(str(YIBAO), "run", "--counter", str(counter)) as process,
        asyncio.timeout(READY_TIMEOUT_S),
    ):
        while (await status(counter))["phase"] != "ready":
            if process.returncode is not None:
                raise RuntimeError(f"yibao run ended with {process.returncode}")
            await asyncio.sleep(0.01)
        took_ms = (time.perf_counter() - began) * 1000
        process.terminate()
        if await process.wait() != 0:
            raise RuntimeError(f"yibao run ended with {process.returncode}")
    return took_ms


def _copy(kept: Path, journal: Path) -> None:
    """Copy a journal. It is on disk afterwards: writing gigabytes back would take the disk from what is measured."""
    shutil.copyfile(kept, journal)
    os.sync()


async def measure_start(kept: Path, folder: Path, settlements: int, doubts: int, starts: int) -> Excess:
    """Start a counter on a copy of the kept journal with doubts in it."""
    async with far_end.running() as addresses:
        counter = await prepare(folder, addresses, keys_of=kept)
    journal = folder / "state" / "journal.db"
    journal.parent.mkdir(mode=0o700)
    await asyncio.to_thread(_copy, kept / "journal.db", journal)
    with filling(journal, kept) as filler:
        filler.doubts(settlements + 1, doubts)
    took = [await start_ms(counter) for _ in range(starts)]
    return Excess(
        f"ready with {settlements:,} stored", median(took), 0.0, START_LIMIT_MS, "ms",
        f"from the start of the process until it is ready, {doubts:,} doubts in the journal and the hub away; slowest of"
        f" {starts}: {max(took):.0f} ms",
    )  # fmt: skip


async def _sale_ms(rig: Rig, number: int) -> float:
    code = await rig.fresh_code()
    far_before_ms, began = rig.far_end_ms, time.perf_counter()
    settlement_id = await rig.open_sale(number)
    await sell(rig, settlement_id, code)
    took_ms = (time.perf_counter() - began) * 1000 - (rig.far_end_ms - far_before_ms)
    await rig.finish(settlement_id)
    return took_ms


async def measure_sale(kept: Path, folder: Path, settlements: int, rounds: int, warm_up: int) -> Result:
    """Sell with an empty and a full journal in turn."""
    empty, full = folder / "empty", folder / "full"
    for place in (empty, full):
        place.mkdir()
    await asyncio.to_thread(_copy, kept / "journal.db", full / "journal.db")
    keys = await asyncio.to_thread(SoftwareKeyStore(kept / "keys").unlock, PASSWORD)
    took: dict[Path, list[float]] = {empty: [], full: []}
    async with (
        far_end.running() as first, far_end.running() as second,
        running_counter(first, empty) as without, running_counter(second, full, field_key=keys.field_key) as with_all,
    ):  # fmt: skip
        for number in range(1, warm_up + rounds + 1):
            began = time.perf_counter()
            pair = [(empty, without), (full, with_all)]
            for place, rig in pair if number % 2 else reversed(pair):
                took[place].append(await _sale_ms(rig, number))
            await asyncio.sleep(max(0.0, SECONDS_PER_ROUND - (time.perf_counter() - began)))
    ours, floor = (median(took[place][warm_up:]) for place in (full, empty))
    return Result(
        f"sale with {settlements:,} stored", ours, floor, SALE_LIMIT_RATIO,
        "from the opening to the durable CONFIRMED; floor: the same counter with an empty journal, in turn",
    )  # fmt: skip


async def measure(
    kept: Path, folder: Path, settlements: int, doubts: int, starts: int, rounds: int, warm_up: int
) -> list[Result | Excess]:
    """Both figures, on copies of a kept journal in `folder`."""
    start, sale = folder / "start", folder / "sale"
    for place in (start, sale):
        place.mkdir()
    found: list[Result | Excess] = [await measure_start(kept, start, settlements, doubts, starts)]
    shutil.rmtree(start)
    return [*found, await measure_sale(kept, sale, settlements, rounds, warm_up)]


def run() -> list[Result | Excess]:
    """Measure in a folder of its own, on the disk of the kept journal."""
    kept = full_journal.kept(SETTLEMENTS)
    with TemporaryDirectory(prefix="full-", dir=KEPT_IN) as folder:
        return asyncio.run(measure(kept, Path(folder), SETTLEMENTS, DOUBTS, STARTS, ROUNDS, WARM_UP))
