"""`python -m tests.recovery.kill`: kill the real process in every reachable cell, and at random instants.

Prints the table on standard error and one JSON object with the counts; 1 when something broke or a cell stayed empty.

    --hours N      go on at least this long, with other seeds (default: once)
    --reach A B    run the whole-site simulation of seeds A to B-1 and note the cells they come through
"""

import argparse
import asyncio
import random
import secrets
import signal
import sys
import time

import msgspec

from tests import faults
from tests.recovery.kill.matrix import REACHABLE, Result, at_random, reachable, run, table
from tests.recovery.kill.shop import Nursery
from tests.recovery.kill.stories import STORIES
from yibao.site.yield_points import reached

KILLS_AT_RANDOM = 3
"""For each story and round."""
STOPS = 60
"""Cells of each round in which a process is told to stop."""


class Totals(msgspec.Struct, frozen=True):
    """What it came to."""

    first_seed: int
    rounds: int
    kills: int
    """Real kills: in cells and at random instants."""
    kills_at_random: int
    stops: int
    """Processes ended by SIGTERM or SIGINT in a cell."""
    cells: int
    """Distinct cells killed in."""
    empty: int
    """Reachable cells without a kill."""
    breaks: int
    seconds: float


def note_reached(first: int, last: int) -> int:
    """Add the cells of these seeds to the file."""
    cells = set(reachable())
    for seed in range(first, last):
        cells |= reached([seed])
        REACHABLE.write_text("".join(f"{cell}\n" for cell in sorted(cells)), encoding="utf-8")
        sys.stderr.write(f"seed {seed}: {len(cells)} cells\n")
    return 0


async def one_round(seed: int, number: int) -> tuple[Result, Result, Result]:
    """The matrix once, by kill and by a stop signal, and kills at random."""
    killed = await run(reachable(), seed=seed)
    stop = (signal.SIGTERM, signal.SIGINT)[number % 2]
    some = random.Random(f"stops {seed}").sample(sorted(reachable()), STOPS)
    stopped = await run(some, number=stop, seed=seed, rounds=1)
    at_instants = Result()
    async with Nursery() as nursery:
        for story in STORIES:
            if not story.then:
                at_instants.add(await at_random(nursery, story, seed, KILLS_AT_RANDOM))
    return killed, stopped, at_instants


def soak(hours: float, seed: int) -> int:
    """Rounds until the time is over."""
    began_s, rounds, all_kills, breaks = time.monotonic(), 0, Result(), []
    sys.stderr.write(f"first seed {seed}\n")
    stops = kills_at_random = 0
    while not rounds or time.monotonic() - began_s < hours * 3600:
        killed, stopped, at_instants = asyncio.run(one_round(seed + rounds, rounds))
        all_kills.add(killed)
        stops += stopped.kills.total()
        kills_at_random += at_instants.ends.total()
        breaks += killed.breaks + stopped.breaks + at_instants.breaks
        for line in killed.breaks + stopped.breaks + at_instants.breaks:
            sys.stderr.write(f"seed {seed + rounds}: {line}\n")
        rounds += 1
    empty = reachable() - all_kills.kills.keys()
    faults.fired("F23", all_kills.kills.total() + kills_at_random)
    faults.counted("real_kills", all_kills.kills.total() + kills_at_random)
    sys.stderr.write(f"{table(all_kills.kills, empty)}\n")
    totals = Totals(
        seed, rounds, all_kills.kills.total() + kills_at_random, kills_at_random, stops, len(all_kills.kills), len(empty),
        len(breaks), round(time.monotonic() - began_s, 1),
    )  # fmt: skip
    sys.stdout.write(msgspec.json.encode(totals).decode() + "\n")
    return int(bool(breaks or empty))


def main() -> int:
    """Entry."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.kill", description=__doc__)
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--seed", type=int, help="default: a fresh one, which is printed")
    parser.add_argument("--reach", type=int, nargs=2, metavar=("FIRST", "LAST"))
    given = parser.parse_args()
    if given.reach is not None:
        return note_reached(*given.reach)
    return soak(given.hours, secrets.randbelow(10**6) if given.seed is None else given.seed)


if __name__ == "__main__":
    sys.exit(main())
