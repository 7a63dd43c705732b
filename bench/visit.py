"""A whole clinic visit inside the service's process against what it cannot do without.

Ours: from the identity number's arrival (`Counter.give_identity_number`, the charge lines are on the sheet) over the
picked disease to the durable CONFIRMED: 1101, 2001, 5301, 2201, 2203A, 2204, 2206A, 2207A. Outside: the local API, the
opening of the visit, its cancellation afterwards, the slip.

Floor: the terminal's own signatures, verifications and commits with as many bytes, plus the same number of POSTs of the
same bodies to a server returning the recorded answers. The commits stand in pairs (a message written, its outcome
written), as the journal writes them. As with the sale, the far end's own time is in neither side, and the half of the
rounds counts in which pure computing ran fastest.
"""

import asyncio
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from yarl import URL

from bench import far_end, own_journal
from bench.counter_rig import CLINIC, DOCTOR, Act, Exchange, Rig, Signed, Verified, running_counter
from bench.floors import BarePosts
from bench.own_journal import OwnJournal, Sizes
from bench.result import Result
from bench.sale import Composition, Floor, Pair, steady
from terminal.core.states import State
from terminal.counter.counter import DiseaseWish, LineWish, SaleWish

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
    return (await rig.counter.open_sale(wish, "bench", f"visit {number}")).id


async def treat(rig: Rig, settlement_id: str, identity_number: str) -> None:
    """The part of a visit that is measured."""
    await rig.counter.give_identity_number(settlement_id, identity_number)
    priced = await rig.counter.pick_disease(settlement_id, DISEASE)
    settled = await rig.counter.confirm(settlement_id, "bench")
    if priced.state is not State.PRICED or settled.state is not State.CONFIRMED:
        raise RuntimeError(f"the visit ended {settled.state} ({settled.notice}); its time would mean nothing")


async def undo(rig: Rig, settlement_id: str) -> None:
    """Cancel it and let its withdrawals be answered, so that the next one finds the same balances and limits."""
    await rig.counter.cancel(settlement_id, "bench", "benchmark")
    async with asyncio.timeout(10.0):
        async for entry in rig.counter.follow(0):
            over = entry.settlement_id == settlement_id and entry.state == State.CANCELLED
            if over and not (await rig.counter.get(settlement_id)).owed:
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


class VisitFloor:
    """Repeats a visit's composition with nothing around it."""

    def __init__(self, rig: Rig, own: OwnJournal, posts: BarePosts) -> None:
        self._rig = rig
        self._own = own
        self._posts = posts
        self._steps: list[tuple[Act, URL | None]] = []
        self._sizes: list[Sizes] = []
        self._recorded_commits = 0

    async def prepare(self, composition: Composition) -> None:
        """Put the recorded answers in place and fit the journal's commits to the recorded sizes, pair by pair."""
        for number, act in enumerate(composition.acts):
            url = await self._posts.prepare(number, act.answer) if isinstance(act, Exchange) else None
            self._steps.append((act, url))
        written = composition.written
        booking = [act for act in composition.acts if isinstance(act, Exchange)][-len(written) // 2 :]
        for pair, exchange in zip(zip(written[::2], written[1::2], strict=True), booking, strict=True):
            sent, outcome = pair
            self._sizes.append(
                await self._own.fitted(
                    len(sent.body),
                    len(outcome.body),
                    len(exchange.request),
                    len(exchange.answer),
                    settles=exchange is booking[-1],
                )
            )
        self._recorded_commits = len(written)

    async def run(self, commits: int) -> Floor:
        """Do it all once; `commits` beyond the recorded ones are reservations of message numbers."""
        crypto_ms = posts_ms = commits_ms = 0.0
        far_before_ms = self._posts.far_end_ms
        for act, url in self._steps:
            start = time.perf_counter()
            match act:
                case Signed(data):
                    self._rig.signer.sign(data)
                    crypto_ms += (time.perf_counter() - start) * 1000
                case Verified(data, signature):
                    self._rig.verifier.verify(data, signature)
                    crypto_ms += (time.perf_counter() - start) * 1000
                case Exchange(request) if url is not None:
                    await self._posts.post(url, request)
                    posts_ms += (time.perf_counter() - start) * 1000
                case _:
                    continue  # the commits follow below, prepared outside the clock
        for sizes in self._sizes:
            made_up = await self._own.next(sizes, settles=sizes is self._sizes[-1])
            start = time.perf_counter()
            await self._own.commit(made_up.s3)
            await self._own.commit(made_up.outcome)
            commits_ms += (time.perf_counter() - start) * 1000
        for _ in range(commits - self._recorded_commits):
            start = time.perf_counter()
            await self._own.reserve()
            commits_ms += (time.perf_counter() - start) * 1000
        return Floor(crypto_ms, posts_ms - (self._posts.far_end_ms - far_before_ms), commits_ms, 0.0)


async def measure(
    folder: Path, rounds: int = ROUNDS, warm_up: int = WARM_UP, seconds_per_round: float = SECONDS_PER_ROUND
) -> list[Result]:
    """Measure with the journals in `folder`."""
    async with (
        far_end.running() as addresses,
        running_counter(addresses, folder, CLINIC, DOCTOR) as rig,
        own_journal.running(folder / "own.db") as own,
    ):
        number_of = await _identity_number(rig)
        found = [await record(rig, number, number_of) for number in range(1, warm_up + 1)]
        composition = min(found, key=lambda one: len(one.written))
        floor = VisitFloor(rig, own, BarePosts(rig.session, addresses.ready))
        await floor.prepare(composition)
        for _ in range(warm_up):
            await floor.run(len(composition.written))
        pairs = [
            await _round(rig, floor, warm_up + 1 + number, number_of, seconds_per_round)
            for number in range(rounds)
        ]
    kept = steady(pairs)
    floors = [pair.floor for pair in kept]
    parts = [
        median(values)
        for values in zip(*((f.crypto_ms, f.posts_ms, f.commits_ms) for f in floors), strict=True)
    ]
    note = (
        f"floor: {composition.describe()}; crypto {parts[0]:.2f} ms, posts {parts[1]:.2f} ms,"
        f" the journal's commits {parts[2]:.2f} ms"
    )
    ours_ms = median(pair.ours_ms for pair in kept)
    return [Result(NAME, ours_ms, median(one.total_ms for one in floors), LIMIT_RATIO, note)]


async def _identity_number(rig: Rig) -> str:
    """The story's person, whose filing the hub knows; the number comes from the simulated people."""
    from simulators.people import find, load_people

    return find(await asyncio.to_thread(load_people), "yi").certno


async def _round(
    rig: Rig, floor: VisitFloor, number: int, identity_number: str, seconds_per_round: float
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
