"""A whole sale inside the service's process against what it cannot do without.

Ours: from the certificate text's arrival (`Counter.give_code`, the charge lines are on the sheet) to the durable
CONFIRMED (`Sales.confirm` returns), the confirmation given at once. Real journal file and thread, real SM2, real HTTP
to another process. Outside: the local API, opening the sale, the slip.

Floor: `bench.composition`. The commits are counted again in every sale, because once in five seconds of trade a block of
message numbers is reserved on disk. A second, stricter floor without a promise has bare SQLite commits of as many
bytes, one row each, in place of the journal's.

Both sides run in turn in one loop, keys loaded, connections open, statements prepared. The half of the rounds counts in
which the floor's signatures and verifications, which are computing and nothing else, ran fastest: then the machine had
least else to do. In that half the ratio is the less favourable one, because what is not computing weighs more.
"""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import far_end, own_journal
from bench.composition import Composition, FloorRunner, Pair, results, steady
from bench.counter_rig import Rig, running_counter
from bench.floors import BareJournal, BarePosts
from bench.result import Result
from terminal.core.states import State

NAME = "whole sale"
LIMIT_RATIO = 1.5
ROUNDS = 200
WARM_UP = 20
SECONDS_PER_ROUND = 0.05
"""Slower than the message numbers of one terminal allow: 100 in a second, and a sale takes three."""
CHECKPOINT_EVERY = 50


async def record(rig: Rig, number: int) -> Composition:
    """Do one sale and return what it did."""
    settlement_id, code = await rig.open_sale(number), await rig.fresh_code()
    await rig.journal.call(rig.commit_meter.trace)
    with rig.record.kept() as acts:
        await sell(rig, settlement_id, code)
    await rig.journal.call(rig.commit_meter.stop_tracing)
    await rig.finish(settlement_id)
    return Composition(tuple(acts))


async def sell(rig: Rig, settlement_id: str, code: str) -> None:
    """The part of a sale that is measured."""
    priced = await rig.counter.media.give_code(settlement_id, code)
    settled = await rig.counter.sales.confirm(settlement_id, "bench")
    if priced.state is not State.PRICED or settled.state is not State.CONFIRMED:
        raise RuntimeError(f"the sale ended {settled.state} ({settled.notice}); its time would mean nothing")


async def measure(
    folder: Path, rounds: int = ROUNDS, warm_up: int = WARM_UP, seconds_per_round: float = SECONDS_PER_ROUND
) -> list[Result]:
    """Measure with the journals in `folder`."""
    bare = BareJournal(folder / "bare.db")
    try:
        async with (
            far_end.running() as addresses,
            running_counter(addresses, folder) as rig,
            own_journal.running(folder / "own.db") as own,
        ):
            composition = await _warm(rig, warm_up)
            floor = FloorRunner(rig, own, bare, BarePosts(rig.session, addresses.ready))
            await floor.prepare(composition)
            for _ in range(warm_up):
                await floor.run(len(composition.written))
            pairs = []
            for number in range(rounds):
                if number % CHECKPOINT_EVERY == 0:
                    await rig.checkpoint()
                    await own.checkpoint()
                    bare.checkpoint()
                pairs.append(await _round(rig, floor, warm_up + 1 + number, seconds_per_round))
    finally:
        bare.close()
    return results(NAME, LIMIT_RATIO, composition, steady(pairs))


async def _warm(rig: Rig, times: int) -> Composition:
    """Sell until everything is loaded; return what the leanest sale did (one without a reservation)."""
    found = [await record(rig, number) for number in range(1, times + 1)]
    return min(found, key=lambda one: len(one.written))


async def _round(rig: Rig, floor: FloorRunner, number: int, seconds_per_round: float) -> Pair:
    began = time.perf_counter()
    settlement_id, code = await rig.open_sale(number), await rig.fresh_code()
    far_before_ms, commits_before = rig.far_end_ms, rig.record.commits
    start = time.perf_counter()
    await sell(rig, settlement_id, code)
    took_ms = (time.perf_counter() - start) * 1000
    ours_ms = took_ms - (rig.far_end_ms - far_before_ms)
    commits = rig.record.commits - commits_before
    await rig.finish(settlement_id)
    pair = Pair(ours_ms, await floor.run(commits))
    await asyncio.sleep(max(0.0, seconds_per_round - (time.perf_counter() - began)))
    return pair


def run() -> list[Result]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return asyncio.run(measure(Path(folder)))
