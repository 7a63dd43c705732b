"""What one sale or one visit does that no program can leave out, recorded, and the floor that repeats it.

The floor does the same in the same order: the terminal's own signatures, verifications and commits, each by itself and
with as many bytes, and POSTs of the same bodies to a server that returns the recorded answers, after computing for as
long as the far end did when they were recorded. Its time is in neither side, but both sides wait for it: a process
that has just waited finds its caches cold and its processor slowed down, and does so on both sides.
"""

import time
from collections.abc import Sequence
from statistics import median

import msgspec
from yarl import URL

from bench.counter_rig import Act, Exchange, Rig, Signed, Verified, Written
from bench.floors import BareJournal, BarePosts
from bench.own_journal import OwnJournal, Sizes
from bench.result import Result
from terminal.journal.records import Commit

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
    """One run of ours and the pass over the floor right after it."""

    ours_ms: float
    floor: Floor


class Booked(msgspec.Struct, frozen=True):
    """One message that changes the hub: written (S3), exchanged, its outcome written."""

    sent: Written
    exchange: Exchange
    outcome: Written


class Composition(msgspec.Struct, frozen=True):
    """What one sale or visit does that no program can leave out, in its order."""

    acts: tuple[Act, ...]

    @property
    def written(self) -> tuple[Written, ...]:
        """The commits."""
        return tuple(act for act in self.acts if isinstance(act, Written))

    def booked(self) -> list[Booked]:
        """Each message that changes the hub, as it stands between its two commits."""
        found: list[Booked] = []
        pair: tuple[Written, Exchange | None] | None = None
        for act in self.acts:
            match act, pair:
                case Exchange(), (sent, _):
                    pair = sent, act
                case Written(), (sent, Exchange() as exchange):
                    found.append(Booked(sent, exchange, act))
                    pair = None
                case Written(), _:
                    pair = act, None
        return found

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


class FloorRunner:
    """Repeats a composition in its order with nothing around it."""

    def __init__(self, rig: Rig, own: OwnJournal, bare: BareJournal, posts: BarePosts) -> None:
        self._rig = rig
        self._own = own
        self._bare = bare
        self._posts = posts
        self._steps: list[tuple[Act, URL | None]] = []
        self._sizes: list[Sizes] = []
        self._recorded_commits = 0

    async def prepare(self, composition: Composition) -> None:
        """Put the recorded answers in place, see that they verify, and fit the commits to the recorded sizes."""
        for number, act in enumerate(composition.acts):
            url = None
            if isinstance(act, Exchange):
                url = await self._posts.prepare(number, act.answer, act.far_end_ms)
            elif isinstance(act, Verified) and not self._rig.verifier.verify(act.data, act.signature):
                raise RuntimeError("a recorded answer does not verify")
            self._steps.append((act, url))
        booked = composition.booked()
        self._sizes = [await self._fit(message, settles=message is booked[-1]) for message in booked]
        self._recorded_commits = len(composition.written)

    async def _fit(self, message: Booked, *, settles: bool) -> Sizes:
        sent, exchange, outcome = message.sent.body, message.exchange, message.outcome.body
        return await self._own.fitted(
            len(sent), len(outcome), len(exchange.request), len(exchange.answer), settles=settles
        )

    async def _made_up(self) -> list[Commit]:
        """Open as many sales as there are messages; return their commits in the composition's order."""
        due: list[Commit] = []
        for sizes in self._sizes:
            sale = await self._own.next(sizes, settles=sizes is self._sizes[-1])
            due += (sale.s3, sale.outcome)
        return due

    async def run(self, commits: int) -> Floor:
        """Do it all once; `commits` beyond the recorded ones are reservations of message numbers."""
        due = iter(await self._made_up())
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
                    await self._own.commit(next(due))
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


def results(name: str, limit_ratio: float, composition: Composition, pairs: Sequence[Pair]) -> list[Result]:
    """Work the figures out of the rounds that count."""
    ours_ms = median(pair.ours_ms for pair in pairs)
    floors = [pair.floor for pair in pairs]
    crypto_ms, posts_ms = median(one.crypto_ms for one in floors), median(one.posts_ms for one in floors)
    own_ms, bare_ms = median(one.commits_ms for one in floors), median(one.bare_commits_ms for one in floors)
    return [
        Result(
            name,
            ours_ms,
            median(one.total_ms for one in floors),
            limit_ratio,
            f"floor: {composition.describe()}; crypto {crypto_ms:.2f} ms, posts {posts_ms:.2f} ms, the journal's commits"
            f" {own_ms:.2f} ms",
        ),
        Result(
            f"{name}, bare commits",
            ours_ms,
            median(one.strict_ms for one in floors),
            None,
            f"the same with bare SQLite commits of as many bytes, one row each, in place of the journal's: {bare_ms:.2f} ms",
        ),
    ]
