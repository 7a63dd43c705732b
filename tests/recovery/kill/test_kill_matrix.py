"""The real process is killed in every cell and at random instants, starved, held up and stopped; nothing is lost.

How to read the table that a red test prints: `docs/testing.md`, "The kill matrix". The whole matrix, both flows in full:
`python -m tests.recovery.kill`.
"""

import asyncio
import signal
from collections.abc import Sequence

import pytest

from tests import faults
from tests.recovery.kill.matrix import Result, at_random, reachable, run, suffers, table
from tests.recovery.kill.places import elsewhere
from tests.recovery.kill.shop import CLINIC, PHARMACY, Nursery
from tests.recovery.kill.stories import STORIES
from tests.recovery.kill.victim import BLOCK, STARVE
from yibao.site.yield_points import Cell, reached

pytestmark = [
    pytest.mark.blocking_allowed("the auditor reads files between the lives of other processes"),
    pytest.mark.timeout(400),
]
SEEDS = (2, 9, 31, 45)
"""Shops of both kinds, with many kinds of faults."""
KILLS_AT_RANDOM = 3
AT_RANDOM = {
    ("answer lost", PHARMACY),
    ("cancelled after", PHARMACY),
    ("answer lost", CLINIC),
    ("leaves", CLINIC),
}

STOP_STORIES = {
    "abandoned", "sale", "cancelled at once", "cancelled after", "cancelled without paper", "answer lost", "request lost",
    "refused", "cancellation's answer lost",
}  # fmt: skip
STOPPED_IN = {
    signal.SIGTERM: (
        ("DRAFT", "send 1101"), ("PRICED", "tell"), ("ARMED", "effect Compose 2102"), ("SENDING", "effect Transmit 2102"),
        ("CONFIRMED", "start of commit to DELIVERED"), ("DELIVERED", "effect Compose 2103"), ("CLOSED", "effect Compose 2103"),
        ("DOUBT", "effect Compose 2601"), ("REVERSING", "send 2601"), ("REVERSED_ONCE", "effect Compose 2601"),
        ("REVERSED", "tell"), ("CANCELLING", "send 2103"), ("CANCEL_DOUBT", "send 5203"), ("CANCELLED", "tell"),
        ("ABANDONED", "tell"), ("REFUSED", "tell"),
    ),
    signal.SIGINT: (
        ("DRAFT", "end of open_sale"), ("ARMED", "end of commit 2102 to SENDING"), ("SENDING", "receive 2102"),
        ("DOUBT", "end of commit 2601 to REVERSING"), ("CANCELLING", "receive 2103"),
    ),
}  # fmt: skip
"""Where a process is told to stop, as state and point of a sale: each is met whenever its story is told, at any speed."""


def _once() -> frozenset[Cell]:
    """Of every point once, and of the end of some write in every state: two cells in three of the pharmacy, one in three of
    the clinic's own.

    What both shops have is killed in at the pharmacy, where a sale takes half the time. Not here: where a slip comes out
    of a printer that does not answer, since every life waits for it again. All cells: `make soak`.
    """
    points, kinds, chosen = set[str](), set[tuple[str, str]](), set[Cell]()
    for cell in sorted(
        reachable(),
        key=lambda cell: (cell.flow != "counter", cell.flow[:1] == "c", cell),
    ):
        kind = (cell.state, cell.point.split(" ")[0])
        if cell.point not in points or (kind[1] == "end" and kind not in kinds):
            chosen.add(cell)
            points.add(cell.point)
            kinds.add(kind)
    chosen = {cell for cell in chosen if not cell.point.endswith("printed_unverified")}
    clinics_own = sorted(cell for cell in chosen if cell.flow.startswith("clinic"))
    others = sorted(chosen.difference(clinics_own))
    return frozenset(others[::3] + others[1::3] + clinics_own[::3])


def _none_broken(result: Result) -> None:
    assert not result.breaks, "\n".join(result.breaks)


@pytest.mark.proof
@pytest.mark.parametrize("place", [PHARMACY, CLINIC])
def test_a_kill_in_any_cell_loses_and_doubles_nothing(place: str) -> None:
    """No cell stays empty; after each kill the next process ends what is in doubt, the books agree, a sale works."""
    wanted = {cell for cell in _once() if cell.flow.startswith("clinic") == (place == CLINIC)}
    stories = [story for story in STORIES if story.institution == place]
    if place == CLINIC:  # the last ones are its own, and leave little for those of both shops
        stories.reverse()
    stories.sort(key=lambda story: story.name.startswith("mute printer"))  # the slowest are rarely needed
    result = asyncio.run(run(wanted, stories))
    faults.fired("F23", result.kills.total())
    faults.counted("real_kills", result.kills.total())
    _none_broken(result)
    empty = wanted - result.kills.keys()
    assert not empty, table(result.kills, empty)


@pytest.mark.proof
def test_a_kill_at_a_random_instant_loses_and_doubles_nothing() -> None:
    """From outside, at instants drawn from a seed, in the middle of whatever the process does."""

    async def all_of_them() -> Result:
        result = Result()
        async with Nursery() as nursery:
            told = [story for story in STORIES if (story.name, story.institution) in AT_RANDOM]
            for one in await asyncio.gather(
                *(at_random(nursery, story, 1, KILLS_AT_RANDOM) for story in told)
            ):
                result.add(one)
        return result

    result = asyncio.run(all_of_them())
    faults.fired("F23", result.ends.total())
    faults.counted("real_kills", result.ends.total())
    _none_broken(result)
    assert result.ends.total() >= 12


@pytest.mark.parametrize("number", STOPPED_IN, ids=["SIGTERM", "SIGINT"])
def test_a_stop_signal_in_any_state_ends_the_process_cleanly(number: signal.Signals) -> None:
    """Exit status 0, and what was in flight is a doubt that the next process ends."""
    cells = {Cell("pharmacy_purchase", *place) for place in STOPPED_IN[number]}
    told = [story for story in STORIES if story.institution == PHARMACY and story.name in STOP_STORIES]
    result = asyncio.run(run(cells, told, number))
    _none_broken(result)
    missing = cells - result.kills.keys()
    assert not missing, table(result.kills, missing)


def test_the_stop_signals_meet_every_state_of_a_sale() -> None:
    """A state that a sale can be in, and that nobody is stopped in, wants a cell of its own here."""
    states = {cell.state for cell in reachable() if cell.flow == "pharmacy_purchase"}
    assert {state for state, _ in STOPPED_IN[signal.SIGTERM]} == states


async def _suffering(deed: int, cells: Sequence[str]) -> None:
    """Every cell with a shop of its own, side by side: nothing is lost, and each deed was done once."""
    wanted = [Cell.parse(cell) for cell in cells]
    async with Nursery() as nursery:
        endings = await asyncio.gather(*(suffers(nursery, cell, deed) for cell in wanted))
    for cell, (result, log) in zip(wanted, endings, strict=True):
        faults.fired("F30" if deed == STARVE else "F31", result.kills.total())
        _none_broken(result)
        assert result.kills == {cell: 1}, log


@pytest.mark.parametrize(
    "cells",
    [
        ("ARMED | effect Compose 2102", "ARMED | end of commit 2102 to SENDING"),
        (
            "SENDING | effect Transmit 2102",
            "SENDING | receive 2102",
            "SENDING | start of commit to CONFIRMED",
        ),
    ],
    ids=["armed", "sending"],
)
def test_a_process_without_memory_loses_nothing(cells: tuple[str, ...]) -> None:
    """From one cell on the address space is full (F30): whatever the process does then, the next one agrees with the hub."""
    asyncio.run(_suffering(STARVE, [f"pharmacy_purchase | {cell}" for cell in cells]))


def test_a_loop_that_stood_still_for_half_a_minute_loses_nothing() -> None:
    """F31, by the process's own clock."""
    cells = ("ARMED | effect Compose 2102", "SENDING | effect Transmit 2102", "SENDING | receive 2102")
    asyncio.run(_suffering(BLOCK, [f"pharmacy_purchase | {cell}" for cell in cells]))


def test_a_cell_that_a_simulation_run_newly_comes_through_can_be_killed_in() -> None:
    """Usually there is none. Add it to the file: `python -m tests.recovery.kill --reach FIRST LAST`."""
    new = reached(SEEDS) - reachable()
    result = asyncio.run(run(new)) if new else Result()
    faults.fired("F23", result.kills.total())
    _none_broken(result)
    empty = new - result.kills.keys()
    assert not empty, table(result.kills, empty)


def test_every_cell_lies_where_its_point_belongs() -> None:
    """`left_empty.toml` says where else a point cannot be, and why; a run that comes through there proves it wrong."""
    cells = reachable() | reached(SEEDS[:1])
    wrong = [f"{cell}: {reason}" for cell in sorted(cells) if (reason := elsewhere(cell)) is not None]
    assert not wrong, "\n".join(wrong)
