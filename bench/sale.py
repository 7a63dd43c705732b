"""A whole sale inside the service's process against what it cannot do without.

Ours: from the certificate text's arrival (`Counter.give_code`, the charge lines are on the sheet) to the durable
CONFIRMED (`Counter.confirm` returns), the confirmation given at once. Real journal file and thread, real SM2, real HTTP
to another process. Outside: the local API, opening the sale, the slip.

Floor: the terminal's own signatures, verifications and commits, each by itself and with as many bytes, plus the same
number of POSTs of the same bodies to a server returning the answers that were recorded, one behind the other. What it
repeats is recorded from a sale; the commits are counted again in every sale, because once in five seconds of trade a
block of message numbers is reserved on disk. A second, stricter floor without a promise has bare SQLite commits of as
many bytes, one row each, in place of the journal's.

The time the far end says it took (`Server-Timing`) is in neither side. Both sides run in turn in one loop, keys loaded,
connections open, statements prepared. The half of the rounds counts in which the floor's signatures and verifications,
which are computing and nothing else, ran fastest: then the machine had least else to do. In that half the ratio is the
less favourable one, because what is not computing weighs more.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from yarl import URL

from bench import far_end, own_journal
from bench.counter_rig import Act, Exchange, Rig, Signed, Verified, Written, running_counter
from bench.floors import BareJournal, BarePosts
from bench.own_journal import OwnJournal, Sizes
from bench.result import Result
from terminal.core.states import State

NAME, STRICT_NAME = "whole sale", "whole sale, bare commits"
LIMIT_RATIO = 1.5
ROUNDS = 200
WARM_UP = 20
SECONDS_PER_ROUND = 0.05
"""Slower than the message numbers of one terminal allow: 100 in a second, and a sale takes three."""
CHECKPOINT_EVERY = 50
RESERVED = bytes(len("2026-11-21 00:00:00.000000"))
"""As much as reserving a block of message numbers writes."""


class Floor(msgspec.Struct, frozen=True):
    """What one pass over the floor took, in milliseconds."""

    crypto_ms: float
    posts_ms: float
    commits_ms: float
    bare_commits_ms: float

    @property
    def total_ms(self) -> float:
        """With the journal's own commits."""
        return self.crypto_ms + self.posts_ms + self.commits_ms

    @property
    def strict_ms(self) -> float:
        """With bare commits in their place."""
        return self.crypto_ms + self.posts_ms + self.bare_commits_ms


class Pair(msgspec.Struct, frozen=True):
    """One sale and the pass over the floor right after it."""

    ours_ms: float
    floor: Floor


class Composition(msgspec.Struct, frozen=True):
    """What one sale does that no program can leave out, in its order."""

    acts: tuple[Act, ...]

    @property
    def written(self) -> tuple[Written, ...]:
        """The commits."""
        return tuple(act for act in self.acts if isinstance(act, Written))

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

    def __init__(self, rig: Rig, own: OwnJournal, bare: BareJournal, posts: BarePosts) -> None:
        self._rig = rig
        self._own = own
        self._bare = bare
        self._posts = posts
        self._steps: list[tuple[Act, URL | None]] = []
        self._sizes = Sizes()
        self._recorded_commits = 0

    async def prepare(self, composition: Composition) -> None:
        """Put the recorded answers in place and make sure that they still verify."""
        for number, act in enumerate(composition.acts):
            url = None
            if isinstance(act, Exchange):
                url = await self._posts.prepare(number, act.answer)
            elif isinstance(act, Verified) and not self._rig.verifier.verify(act.data, act.signature):
                raise RuntimeError("a recorded answer does not verify")
            self._steps.append((act, url))
        s3, outcome = composition.written
        settling = [act for act in composition.acts if isinstance(act, Exchange)][-1]
        self._sizes = await self._own.fitted(
            len(s3.body), len(outcome.body), len(settling.request), len(settling.answer)
        )
        self._recorded_commits = len(composition.written)

    async def run(self, commits: int) -> Floor:
        """Do it all once; `commits` beyond the recorded ones are reservations of message numbers."""
        sale = await self._own.next(self._sizes)
        due = [sale.outcome, sale.s3]
        spent = dict.fromkeys(("crypto", "post", "own", "bare"), 0.0)
        far_before_ms, mark = self._posts.far_end_ms, time.perf_counter()

        def book(kind: str) -> None:
            nonlocal mark
            now = time.perf_counter()
            spent[kind] += (now - mark) * 1000
            mark = now

        for act, url in self._steps:
            match act:
                case Signed(data):
                    self._rig.signer.sign(data)
                    book("crypto")
                case Verified(data, signature):
                    self._rig.verifier.verify(data, signature)
                    book("crypto")
                case Written(body):
                    await self._own.commit(due.pop())
                    book("own")
                    self._bare.commit(body)
                    book("bare")
                case Exchange(request):
                    assert url is not None
                    await self._posts.post(url, request)
                    book("post")
        for _ in range(commits - self._recorded_commits):
            await self._own.reserve()
            book("own")
            self._bare.commit(RESERVED)
            book("bare")
        far_ms = self._posts.far_end_ms - far_before_ms
        return Floor(spent["crypto"], spent["post"] - far_ms, spent["own"], spent["bare"])


def steady(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """Return the half of the rounds whose pure computing ran fastest."""
    ranked = sorted(pairs, key=lambda pair: pair.floor.crypto_ms)
    return ranked[: (len(ranked) + 1) // 2]


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
    return results(composition, steady(pairs))


def results(composition: Composition, pairs: Sequence[Pair]) -> list[Result]:
    """Work the figures out of the rounds that count."""
    ours_ms = median(pair.ours_ms for pair in pairs)
    floors = [pair.floor for pair in pairs]
    crypto_ms, posts_ms = median(one.crypto_ms for one in floors), median(one.posts_ms for one in floors)
    own_ms, bare_ms = median(one.commits_ms for one in floors), median(one.bare_commits_ms for one in floors)
    return [
        Result(
            NAME,
            ours_ms,
            median(one.total_ms for one in floors),
            LIMIT_RATIO,
            f"floor: {composition.describe()}; crypto {crypto_ms:.2f} ms, posts {posts_ms:.2f} ms, the journal's commits"
            f" {own_ms:.2f} ms",
        ),
        Result(
            STRICT_NAME,
            ours_ms,
            median(one.strict_ms for one in floors),
            None,
            f"the same with bare SQLite commits of as many bytes, one row each, in place of the journal's: {bare_ms:.2f} ms",
        ),
    ]


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
