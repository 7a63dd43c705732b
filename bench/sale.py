"""A whole sale inside the service's process against what it cannot do without.

Ours: from the certificate text's arrival (`Counter.give_code`, the charge lines are on the sheet) to the durable
CONFIRMED (`Counter.confirm` returns), the confirmation given at once; less the time that hub and certificate centre
say they thought (`Server-Timing`). Real journal file and thread, real SM2, real HTTP to another process. Outside:
the local API, opening the sale, the slip.

Floor: the terminal's own signatures and verifications over the same bytes by the same keys, the same number of bare
commits of one row of as many bytes, and the same number of POSTs of the same bodies to a server returning the answers
that were recorded, one behind the other. What the floor repeats is recorded from a sale; the commits are counted
again in every sale, because once in five seconds of trade a block of message numbers is reserved on disk.

Both sides run in turn in one loop, keys loaded, connections open, statements prepared. Of several blocks of rounds the
one counts in which the floor was fastest: that is when the machine had least else to do.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from yarl import URL

from bench import far_end
from bench.counter_rig import Act, Exchange, Rig, Signed, Verified, Written, running_counter
from bench.floors import BareJournal, BarePosts
from bench.result import Result
from terminal.core.states import State

NAME = "whole sale"
LIMIT_RATIO = 1.5
BLOCKS = 4
ROUNDS = 60
WARM_UP = 10
SECONDS_PER_ROUND = 0.05
"""Slower than the message numbers of one terminal allow: 100 in a second, and a sale takes three."""
RESERVED_BYTES = len("2026-11-21 00:00:00.000000")
"""What reserving a block of message numbers writes."""


class Floor(msgspec.Struct, frozen=True):
    """What one pass over the floor took, in milliseconds."""

    crypto_ms: float
    commits_ms: float
    posts_ms: float

    @property
    def total_ms(self) -> float:
        """All of it."""
        return self.crypto_ms + self.commits_ms + self.posts_ms


class Composition(msgspec.Struct, frozen=True):
    """What one sale does that no program can leave out, in its order."""

    acts: tuple[Act, ...]

    @property
    def commits(self) -> int:
        """How many of them are commits."""
        return sum(isinstance(act, Written) for act in self.acts)

    def describe(self) -> str:
        """Return counts and sizes as text."""
        sizes: dict[str, list[str]] = {"signatures": [], "verifications": [], "commits": [], "posts": []}
        for act in self.acts:
            match act:
                case Signed(data):
                    sizes["signatures"].append(str(len(data)))
                case Verified(data):
                    sizes["verifications"].append(str(len(data)))
                case Written(body):
                    sizes["commits"].append(str(len(body)))
                case Exchange(request, answer):
                    sizes["posts"].append(f"{len(request)}>{len(answer)}")
        return ", ".join(f"{len(found)} {name} ({' '.join(found)} bytes)" for name, found in sizes.items())


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
    priced = await rig.counter.give_code(settlement_id, code)
    settled = await rig.counter.confirm(settlement_id, "bench")
    if priced.state is not State.PRICED or settled.state is not State.CONFIRMED:
        raise RuntimeError(f"the sale ended {settled.state} ({settled.notice}); its time would mean nothing")


class FloorRunner:
    """Repeats a composition with nothing around it."""

    def __init__(self, rig: Rig, journal: BareJournal, posts: BarePosts) -> None:
        self._rig = rig
        self._journal = journal
        self._posts = posts
        self._steps: list[tuple[Act, URL | None]] = []

    async def prepare(self, composition: Composition) -> None:
        """Put the recorded answers in place and make sure that they still verify."""
        for number, act in enumerate(composition.acts):
            url = None
            if isinstance(act, Exchange):
                url = await self._posts.prepare(number, act.answer)
            elif isinstance(act, Verified) and not self._rig.verifier.verify(act.data, act.signature):
                raise RuntimeError("a recorded answer does not verify")
            self._steps.append((act, url))

    async def run(self, commits: int) -> Floor:
        """Do it all once; `commits` beyond the recorded ones are reservations of message numbers."""
        spent = {"crypto": 0.0, "commit": 0.0, "post": 0.0}
        far_before_ms, mark = self._posts.far_end_ms, time.perf_counter()
        for act, url in self._steps:
            match act:
                case Signed(data):
                    self._rig.signer.sign(data)
                    kind = "crypto"
                case Verified(data, signature):
                    self._rig.verifier.verify(data, signature)
                    kind = "crypto"
                case Written(body):
                    commits -= 1
                    self._journal.commit(body)
                    kind = "commit"
                case Exchange(request):
                    assert url is not None
                    await self._posts.post(url, request)
                    kind = "post"
            now = time.perf_counter()
            spent[kind] += (now - mark) * 1000
            mark = now
        for _ in range(commits):
            self._journal.commit(bytes(RESERVED_BYTES))
            now = time.perf_counter()
            spent["commit"] += (now - mark) * 1000
            mark = now
        far_ms = self._posts.far_end_ms - far_before_ms
        return Floor(spent["crypto"], spent["commit"], spent["post"] - far_ms)


class Pair(msgspec.Struct, frozen=True):
    """One sale and the pass over the floor right after it."""

    ours_ms: float
    floor: Floor


def quietest(blocks: Sequence[Sequence[Pair]]) -> Sequence[Pair]:
    """Return the block in which the machine was least busy with other things: the one whose floor took least.

    Chosen by the floor alone, so that the choice favours neither side of the ratio.
    """
    return min(blocks, key=lambda block: median(pair.floor.total_ms for pair in block))


async def measure(
    folder: Path,
    blocks: int = BLOCKS,
    rounds: int = ROUNDS,
    warm_up: int = WARM_UP,
    seconds_per_round: float = SECONDS_PER_ROUND,
) -> Result:
    """Measure with the journals in `folder`; `rounds` are those of one block."""
    async with far_end.running() as addresses, running_counter(addresses, folder) as rig:
        bare = BareJournal(folder / "bare.db")
        try:
            composition = await _warm(rig, warm_up)
            floor = FloorRunner(rig, bare, BarePosts(rig.session, addresses.ready))
            await floor.prepare(composition)
            for _ in range(warm_up):
                await floor.run(composition.commits)
            found = []
            for block in range(blocks):
                numbers = range(warm_up + 1 + block * rounds, warm_up + 1 + (block + 1) * rounds)
                found.append([await _round(rig, floor, number, seconds_per_round) for number in numbers])
                await rig.checkpoint()
        finally:
            bare.close()
    return _result(composition, quietest(found))


def _result(composition: Composition, pairs: Sequence[Pair]) -> Result:
    floors = [pair.floor for pair in pairs]
    return Result(
        NAME,
        median(pair.ours_ms for pair in pairs),
        median(one.total_ms for one in floors),
        LIMIT_RATIO,
        f"floor = {composition.describe()}: crypto {median(one.crypto_ms for one in floors):.2f} ms, commits"
        f" {median(one.commits_ms for one in floors):.2f} ms, posts {median(one.posts_ms for one in floors):.2f} ms",
    )


async def _warm(rig: Rig, times: int) -> Composition:
    """Sell until everything is loaded; return what the leanest sale did (one without a reservation)."""
    found = [await record(rig, number) for number in range(1, times + 1)]
    return min(found, key=lambda one: one.commits)


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
        return [asyncio.run(measure(Path(folder)))]
