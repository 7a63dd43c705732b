"""A whole clinic visit inside the service's process against what it cannot do without.

Ours: from the identity number's arrival (`Counter.give_identity_number`, the charge lines are on the sheet) over the
picked disease to the durable CONFIRMED: 1101, 2001, 5301, 2201, 2203A, 2204, 2206A, 2207A. Outside: the local API, the
opening of the visit, its cancellation afterwards, the slip.

Floor: `bench.composition`, beside it the one with bare commits. The half of the rounds counts in which pure computing ran
fastest, as with the sale.
"""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import far_end, own_journal
from bench.composition import Composition, FloorRunner, Pair, results, steady
from bench.counter_rig import CLINIC, DOCTOR, Rig, running_counter
from bench.floors import BareJournal, BarePosts
from bench.result import Result
from terminal.core.states import State
from terminal.counter.wishes import DiseaseWish, LineWish, SaleWish

NAME = "whole clinic visit"
LIMIT_RATIO = 1.5
ROUNDS = 60
WARM_UP = 8
SECONDS_PER_ROUND = 0.25
"""A visit and its cancellation take twelve message numbers; a terminal has a hundred in a second."""
LINES = (
    LineWish(
        national_code="XTEST000000000000000D03", own_code="SKU0003", name="测试降糖片", price="12.50", quantity="1"
    ),
)  # fmt: skip
DISEASE = DiseaseWish("M01600", "E11.900", "2型糖尿病")


async def open_visit(rig: Rig, number: int) -> str:
    """Open a visit with its lines and return its id."""
    wish = SaleWish(f"{number:04d}", LINES, flow="clinic_visit")
    return (await rig.counter.sales.open(wish, "bench", f"visit {number}")).id


async def treat(rig: Rig, settlement_id: str, identity_number: str) -> None:
    """The part of a visit that is measured."""
    await rig.counter.media.give_identity_number(settlement_id, identity_number)
    priced = await rig.counter.sales.pick_disease(settlement_id, DISEASE)
    settled = await rig.counter.sales.confirm(settlement_id, "bench")
    if priced.state is not State.PRICED or settled.state is not State.CONFIRMED:
        raise RuntimeError(f"the visit ended {settled.state} ({settled.notice}); its time would mean nothing")


async def undo(rig: Rig, settlement_id: str) -> None:
    """Cancel it and let its withdrawals be answered, so that the next one finds the same balances and limits."""
    await rig.counter.sales.cancel(settlement_id, "bench", "benchmark")
    async with asyncio.timeout(10.0):
        async for entry in rig.counter.feed.follow(0):
            over = entry.settlement_id == settlement_id and entry.state == State.CANCELLED
            if over and not (await rig.counter.settlements.get(settlement_id)).owed:
                break


async def record(rig: Rig, number: int, identity_number: str) -> Composition:
    """Do one visit and return what it did."""
    settlement_id = await open_visit(rig, number)
    await rig.journal.call(rig.commit_meter.trace)
    with rig.record.kept() as acts:
        await treat(rig, settlement_id, identity_number)
    await rig.journal.call(rig.commit_meter.stop_tracing)
    await undo(rig, settlement_id)
    return Composition(tuple(acts))


async def measure(
    folder: Path, rounds: int = ROUNDS, warm_up: int = WARM_UP, seconds_per_round: float = SECONDS_PER_ROUND
) -> list[Result]:
    """Measure with the journals in `folder`."""
    bare = BareJournal(folder / "bare.db")
    try:
        async with (
            far_end.running() as addresses,
            running_counter(addresses, folder, CLINIC, DOCTOR) as rig,
            own_journal.running(folder / "own.db") as own,
        ):
            number_of = await _identity_number(rig)
            found = [await record(rig, number, number_of) for number in range(1, warm_up + 1)]
            composition = min(found, key=lambda one: len(one.written))
            floor = FloorRunner(rig, own, bare, BarePosts(rig.session, addresses.ready))
            await floor.prepare(composition)
            for _ in range(warm_up):
                await floor.run(len(composition.written))
            pairs = [
                await _round(rig, floor, warm_up + 1 + number, number_of, seconds_per_round)
                for number in range(rounds)
            ]
    finally:
        bare.close()
    return results(NAME, LIMIT_RATIO, composition, steady(pairs))


async def _identity_number(rig: Rig) -> str:
    """The story's person, whose filing the hub knows; the number comes from the simulated people."""
    from simulators.people import find, load_people

    return find(await asyncio.to_thread(load_people), "yi").certno


async def _round(
    rig: Rig, floor: FloorRunner, number: int, identity_number: str, seconds_per_round: float
) -> Pair:
    began = time.perf_counter()
    settlement_id = await open_visit(rig, number)
    far_before_ms, commits_before = rig.far_end_ms, rig.record.commits
    start = time.perf_counter()
    await treat(rig, settlement_id, identity_number)
    took_ms = (time.perf_counter() - start) * 1000
    ours_ms = took_ms - (rig.far_end_ms - far_before_ms)
    commits = rig.record.commits - commits_before
    await undo(rig, settlement_id)
    pair = Pair(ours_ms, await floor.run(commits))
    await asyncio.sleep(max(0.0, seconds_per_round - (time.perf_counter() - began)))
    return pair


def run() -> list[Result]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return asyncio.run(measure(Path(folder)))
