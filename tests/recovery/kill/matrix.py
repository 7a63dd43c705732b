"""The kill matrix: kill the real process in every cell, let the next one recover, audit, sell once more, go on.

One shop serves for a whole story: the victim that recovers from one kill is the one that dies next, inside the recovery
if it comes through a cell there that still wants a kill.
"""

import asyncio
import contextlib
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec

from tests.recovery.kill.audit import audit, restless, unsent
from tests.recovery.kill.shop import Nursery, Shop
from tests.recovery.kill.stories import A_DAY_LATER, STORIES, Story, sale
from tests.recovery.kill.till import LONGEST_PAUSE_S, PAUSE_S, Till
from yibao.client import CounterError
from yibao.site.yield_points import Cell

HERE = Path(__file__).parent
REACHABLE = HERE / "reachable.txt"
MOST_LIVES = 600
"""Lives of one story; more means that a cell kills for ever."""
MOST_BREAKS = 10
MOST_ROUNDS = 3
REST_LIMIT_S = 60.0
"""1,200 of the victim's fast seconds: two of the longest pauses between tries (432 s), and a quiet time behind each."""
REST_PAUSE_S = 0.03
SUFFERS_LIMIT_S = 8.0


class Result(msgspec.Struct):
    """What came of it."""

    kills: Counter[Cell] = msgspec.field(default_factory=Counter)
    ends: Counter[str] = msgspec.field(default_factory=Counter)
    """How processes ended that were not killed by the matrix: `signal N`, `exit N`."""
    breaks: list[str] = []

    def add(self, other: "Result") -> None:
        """Take another result in."""
        self.kills.update(other.kills)
        self.ends.update(other.ends)
        self.breaks += other.breaks


def reachable() -> frozenset[Cell]:
    """Every cell that simulation runs have come through, as noted."""
    return frozenset(map(Cell.parse, REACHABLE.read_text(encoding="utf-8").splitlines()))


class _Wanted:
    """The cells that still want a kill; shops that run side by side share it."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self.cells = set(cells)


async def comes_to_rest(shop: Shop, till: Till) -> None:
    """Wait until nothing more happens by itself; what was proved unsent is given up at the till."""
    pause_s, open_ends = REST_PAUSE_S, restless(shop)
    try:
        async with asyncio.timeout(REST_LIMIT_S):
            while True:
                for settlement_id in unsent(shop):
                    await till.abandon(settlement_id)
                open_ends = restless(shop)
                if not open_ends:
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
    except TimeoutError:
        raise AssertionError(f"still not at rest (after {_last(shop)}): {open_ends}") from None


async def _life(
    shop: Shop, story: Story | None, wanted: frozenset[Cell], number: int, result: Result
) -> bool:
    """One victim: recovers, is audited, sells, hears the story; False when it died on the way."""

    async def work(till: Till) -> None:
        if not shop.is_hub_up:
            await _slips_come_out(shop)
            await shop.hub_up()
        await comes_to_rest(shop, till)
        result.breaks += [f"{line} (after {_last(shop)})" for line in audit(shop)]
        await sale(shop, till)
        if story is not None:
            await story.tell(shop, till)
        if story is None or not story.then:
            await comes_to_rest(shop, till)

    before = shop.kills.total()
    process = await shop.start(wanted, number)
    try:
        survived = await shop.during(work)
    finally:
        await shop.calm()
    shop.listen_to_words()
    if survived and shop.kills.total() > before:  # told to stop, and the story was over first
        async with asyncio.timeout(REST_LIMIT_S):
            await asyncio.shield(process.ended)
        survived = False
    if not survived:
        status = process.ended.result()
        if status != (number if number == signal.SIGKILL else 0):
            log = (shop.folder / "victim.log").read_text(encoding="utf-8", errors="replace")
            result.breaks.append(
                f"a victim ended with wait status {status} (after {_last(shop)}): {log[-2000:]}"
            )
    return survived


async def _slips_come_out(shop: Shop) -> None:
    async with asyncio.timeout(REST_LIMIT_S):
        while True:
            if not any(line.startswith("slip") for line in restless(shop)):
                return
            await asyncio.sleep(PAUSE_S)


def _last(shop: Shop) -> str:
    """The cell of the newest kill."""
    return str(next(reversed(shop.kills), "no kill"))


async def tell(
    nursery: Nursery, story: Story, wanted: _Wanted, number: int = signal.SIGKILL, seed: int = 1
) -> Result:
    """One story until a victim survives it."""
    result = Result()
    with tempfile.TemporaryDirectory(prefix="yk", dir=memory_folder(), ignore_cleanup_errors=True) as name:
        async with Shop.open(Path(name), nursery, story.institution, seed, story.timeout_s) as shop:

            async def until_one_survives(told: Story | None) -> int:
                for lives in range(MOST_LIVES):
                    survived = await _life(shop, told, frozenset(wanted.cells), number, result)
                    wanted.cells -= shop.kills.keys()
                    if survived:
                        return lives
                    if len(result.breaks) > MOST_BREAKS:
                        raise AssertionError("\n".join(result.breaks))
                raise AssertionError(f"story {story.name}: no victim survives")

            await until_one_survives(story)
            while story.then:
                await shop.end(signal.SIGKILL)
                if story.then == A_DAY_LATER:
                    shop.a_day_passes()
                else:
                    await shop.hub_down()
                if not await until_one_survives(None):
                    break
                await shop.end(signal.SIGKILL)
                await until_one_survives(story)
            result.breaks += [f"{line} (story {story.name})" for line in audit(shop)]
            while (status := await shop.end(signal.SIGTERM)) == signal.SIGKILL and shop.has_died_in_a_cell():
                # It had one more cell to die in, and came through it while it stopped.
                await until_one_survives(None)
            if status != 0:
                result.breaks.append(f"story {story.name}: the last process ended with wait status {status}")
            result.kills = shop.kills
    return result


async def at_random(nursery: Nursery, story: Story, seed: int, kills: int) -> Result:
    """Kill from outside, at instants drawn from a seed."""
    result, rng = Result(), random.Random(f"kills at random {seed} {story.name}")
    with tempfile.TemporaryDirectory(prefix="yk", dir=memory_folder(), ignore_cleanup_errors=True) as name:
        async with Shop.open(Path(name), nursery, story.institution, seed, story.timeout_s) as shop:
            done = 0
            longest_s = 0.5
            while done < kills:
                loop = asyncio.get_running_loop()
                began_s = loop.time()

                def kill() -> None:
                    if shop.process is not None:
                        shop.process.send(signal.SIGKILL)

                timer = loop.call_later(rng.uniform(0.0, longest_s), kill)
                try:
                    survived = await _life(shop, story, frozenset(), signal.SIGKILL, result)
                finally:
                    timer.cancel()
                if survived:
                    longest_s = loop.time() - began_s
                    await shop.end(signal.SIGTERM)
                else:
                    done += 1
                    longest_s = max(longest_s, loop.time() - began_s)
            await _life(shop, None, frozenset(), signal.SIGKILL, result)
            result.breaks += audit(shop)
            await shop.end(signal.SIGTERM)
            result.ends[f"random {seed}"] = done
    return result


async def suffers(nursery: Nursery, cell: Cell, deed: int) -> tuple[Result, str]:
    """A deed that need not end the process, in one cell of a sale; then it is killed, and the next one is audited.

    Returns what broke, and what the process wrote into its log.
    """
    result = Result()

    async def sells(till: Till) -> None:
        await sale(shop, till)
        await comes_to_rest(shop, till)

    with tempfile.TemporaryDirectory(prefix="yk", dir=memory_folder(), ignore_cleanup_errors=True) as name:
        async with Shop.open(Path(name), nursery) as shop:
            await shop.start({cell}, deed)
            with contextlib.suppress(CounterError, TimeoutError):
                await shop.during(sells, SUFFERS_LIMIT_S)
            await shop.end(signal.SIGKILL)
            await shop.calm()
            shop.listen_to_words()
            if not await _life(shop, None, frozenset(), signal.SIGKILL, result):
                result.breaks.append("the next process did not live")
            result.breaks += audit(shop)
            await shop.end(signal.SIGTERM)
            result.kills = shop.kills
            log = (shop.folder / "victim.log").read_text(encoding="utf-8", errors="replace")
    return result, log


async def run(
    cells: Iterable[Cell],
    stories: Sequence[Story] = STORIES,
    number: int = signal.SIGKILL,
    side_by_side: int = 3,
    seed: int = 1,
    rounds: int = MOST_ROUNDS,
) -> Result:
    """Every story, some side by side, until each wanted cell that they come through has had its kill."""
    result, wanted = Result(), _Wanted(cells)
    async with Nursery() as nursery:
        for _ in range(rounds):  # some cells need two things at the same moment: the next round may see them
            waiting = list(reversed(stories))

            async def worker(waiting: list[Story]) -> None:
                while waiting and wanted.cells:
                    result.add(await tell(nursery, waiting.pop(), wanted, number, seed))

            async with asyncio.TaskGroup() as group:
                for _ in range(side_by_side):
                    group.create_task(worker(waiting))
    return result


def memory_folder() -> str | None:
    """A folder in memory where there is one; its path is short, as a socket's must be."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def table(kills: Counter[Cell], empty: Collection[Cell]) -> str:
    """The matrix as text: a line for each flow and point, with the states and how often a process was killed there."""
    lines: dict[tuple[str, str], list[str]] = {}
    for cell in sorted({*kills, *empty}, key=lambda cell: (cell.flow, cell.point, cell.state)):
        count = str(kills[cell]) if cell in kills else "-"
        lines.setdefault((cell.flow, cell.point), []).append(f"{cell.state} {count}")
    return "\n".join(f"{flow:18} {point:40} {'  '.join(states)}" for (flow, point), states in lines.items())
