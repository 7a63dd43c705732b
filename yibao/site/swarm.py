"""Many seeds, in several processes, until enough has been simulated: `python -m yibao.site.swarm --help`.

Prints one line per seed that broke, with the command that replays it, and at the end one JSON object with the totals.
"""

import argparse
import contextlib
import multiprocessing
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator

import msgspec

from yibao.site.delays import share_below
from yibao.site.simulation import SALES_PER_RUN, simulate
from yibao.site.site import Report
from yibao.site.twins import TWINS

PROGRESS_EVERY = 50
LATE_S = 30.0
"""So soon 99 of 100 doubts are to be final once the hub answers again."""
TWIN_LIMIT = 200
"""Seeds after which a twin counts as missed."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What many runs came to."""

    first_seed: int
    runs: int
    settlements: int
    faulted: int
    breaks: int
    broken_seeds: tuple[int, ...]
    cuts: int
    """Kills and power cuts."""
    faults: dict[str, int]
    """How often each fault fired."""
    healed_p99_s: float
    """Virtual seconds from the end of all faults until nothing was in doubt, quiet times and gates included."""
    doubts: int
    """Doubts that saw the hub answer again and none of whose own messages went wrong after that, see `delays`."""
    final_p50_s: float
    """Virtual seconds from then to their end, without quiet times and without the message that had left before then."""
    final_p99_s: float
    final_max_s: float
    late: int
    """Doubts that took longer than `LATE_S`."""
    days_compared: int
    """Business days that were reconciled with the hub."""
    seconds: float


class Caught(msgspec.Struct, frozen=True):
    """After how many settlements a bad twin was found out, and by what; `invariant` "" when it was not."""

    twin: str
    settlements: int
    runs: int
    invariant: str


def replay_command(seed: int, sales: int, twin: str = "") -> str:
    """The one command that runs this again."""
    return f"yibao sim run --seed {seed} --sales {sales} --json" + (f" --twin {twin}" if twin else "")


def _run(seed: int) -> Report:
    return simulate(seed)


def catch(twin: str, first_seed: int = 0) -> Caught:
    """Run seeds from `first_seed` on until the twin is caught."""
    settlements = 0
    for seed in range(first_seed, first_seed + TWIN_LIMIT):
        report = simulate(seed, twin=twin)
        settlements += report.settlements
        if report.breaks:
            return Caught(twin, settlements, seed - first_seed + 1, report.broken[0].invariant)
    return Caught(twin, settlements, TWIN_LIMIT, "")


def swarm(first_seed: int, settlements: int, hours: float, jobs: int) -> Totals:
    """Run seeds from `first_seed` on until there are enough settlements and the time is over, or Ctrl-C."""
    began_s, done = time.monotonic(), 0
    reports: list[Report] = []
    with (
        contextlib.suppress(KeyboardInterrupt),
        multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=200) as pool,
    ):
        for report in pool.imap_unordered(_run, _seeds(first_seed)):
            reports.append(msgspec.structs.replace(report, last_events=(), weather={}))
            done += report.settlements
            if report.breaks:
                _tell(report)
            if len(reports) % PROGRESS_EVERY == 0:
                print(f"{len(reports)} runs, {done} settlements", file=sys.stderr, flush=True)
            if done >= settlements and time.monotonic() - began_s >= hours * 3600:
                break
    return totals(first_seed, reports, time.monotonic() - began_s)


def _seeds(first_seed: int) -> Iterator[int]:
    seed = first_seed
    while True:
        yield seed
        seed += 1


def totals(first_seed: int, reports: list[Report], seconds: float) -> Totals:
    """Add up what the runs came to."""
    faults: Counter[str] = Counter()
    for report in reports:
        faults.update(report.faults)
    final = [delay_s for report in reports for delay_s in report.final_after_s]
    cuts = sum(count for name, count in faults.items() if name.split()[0] in ("kill", "strict", "torn"))
    return Totals(
        first_seed=first_seed,
        runs=len(reports),
        settlements=sum(report.settlements for report in reports),
        faulted=sum(report.faulted for report in reports),
        breaks=sum(report.breaks for report in reports),
        broken_seeds=tuple(report.seed for report in reports if report.breaks),
        cuts=cuts,
        faults=dict(sorted(faults.items())),
        healed_p99_s=share_below([report.healed_after_s for report in reports], 0.99),
        doubts=len(final),
        final_p50_s=share_below(final, 0.5),
        final_p99_s=share_below(final, 0.99),
        final_max_s=max(final, default=0.0),
        late=sum(delay_s > LATE_S for delay_s in final),
        days_compared=sum(report.days_compared for report in reports),
        seconds=round(seconds, 1),
    )


def _tell(report: Report) -> None:
    print(f"seed {report.seed}: {report.broken[0].invariant} {report.broken[0].text}", file=sys.stderr)
    print(f"    {replay_command(report.seed, SALES_PER_RUN)}", file=sys.stderr, flush=True)


def main() -> int:
    """Run the swarm, or hunt the twins; 1 when something broke, or a twin got away."""
    parser = argparse.ArgumentParser(prog="python -m yibao.site.swarm", description=__doc__)
    parser.add_argument("--seed", type=int, help="first seed (default: a fresh one, which is printed)")
    parser.add_argument("--settlements", type=int, default=15_000)
    parser.add_argument("--hours", type=float, default=0.0, help="go on at least this long")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--twins", action="store_true", help="run every bad twin until it is caught, instead")
    given = parser.parse_args()
    if given.twins:
        with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
            caught = pool.map(catch, TWINS, chunksize=1)
        counts = sorted(one.settlements for one in caught)
        print(msgspec.json.encode({"twins": caught, "median_settlements": counts[len(counts) // 2]}).decode())
        return int(not all(one.invariant for one in caught))
    seed = secrets.randbelow(10**9) if given.seed is None else given.seed
    print(f"first seed {seed}", file=sys.stderr, flush=True)
    result = swarm(seed, given.settlements, given.hours, given.jobs)
    print(msgspec.json.encode(result).decode())
    return int(result.breaks > 0)


if __name__ == "__main__":
    sys.exit(main())
