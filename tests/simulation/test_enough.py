"""Enough of it for every change: 15,000 simulated settlements, most of them hit by a fault, and no invariant breaks.

The seeds are always the same: a red test is a changed program. `make simulation` runs 15,000 from a fresh seed, which it
names, and every twin from its first seed; `make soak` runs fresh seeds for hours.

In chunks, so that they share the processors. What was simulated, hit and cut, and every fault that fired, goes into the
record from which docs/reliability.md is made; that there were 15,000 of them is asserted where that record is read.
"""

from collections.abc import Sequence

import pytest

from tests.faults import counted, fired_in_simulation
from yibao.site.simulation import simulate
from yibao.site.site import Report
from yibao.site.swarm import replay_command, totals

pytestmark = [
    pytest.mark.blocking_allowed("virtual time: the disk is called in line, and nobody is kept waiting"),
    pytest.mark.timeout(300),
    pytest.mark.proof,
]
SALES = 120
"""More make a settlement a little cheaper, and for as many settlements there are fewer seeds: sites, weathers, plans of outages."""
FIRST_SEED = 1000
CHUNKS = [range(FIRST_SEED + 5 * chunk, FIRST_SEED + 5 * chunk + 5) for chunk in range(28)]
"""Seeds for some 15,260 settlements. Not every sale comes to one: people go, prices have no answer."""
FINAL_MAX_S = 600.0
"""How long any doubt may live once the hub answers again (I3); nearly all are over in `LATE_S`."""


def _checked(seeds: Sequence[int]) -> list[Report]:
    """Run the seeds; record what fired, and fail on the first that breaks something."""
    reports: list[Report] = []
    for seed in seeds:
        report = simulate(seed, SALES)
        reports.append(report)
        fired_in_simulation(report.faults)
        counted("simulated_settlements", report.settlements)
        counted("simulated_hit", report.faulted)
        counted("simulated_breaks", report.breaks)
        assert not report.breaks, (replay_command(seed, SALES), report.broken, report.last_events)
    return reports


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_nothing_breaks_in_a_chunk_of_settlements(seeds: Sequence[int]) -> None:
    result = totals(seeds[0], _checked(seeds), 0.0)
    counted("simulated_cuts", result.cuts)
    assert result.settlements * 10 > SALES * len(seeds) * 7, "most sales come to a settlement"
    # A chunk may have drawn calmer weather, or a few slow doubts: that most of all were hit, and that no more than one doubt in a
    # hundred is slow, is asserted where the record of a whole run is read.
    assert result.faulted * 10 > result.settlements, "some of them met a fault"
    counted("doubts_after_hub", result.doubts)
    counted("doubts_late", result.late)
    assert result.late <= 3
    assert result.final_max_s <= FINAL_MAX_S
