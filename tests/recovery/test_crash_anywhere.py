"""The counter is killed after every journal write and around every message, in turn; the books agree every time.

One story is told again and again. The first time it is killed at its first point, then at its second, until it runs
through untouched. After each crash a new counter starts on what the disk held, with the same hub, and works until
nothing is in doubt. Then the hub's ledger and the journal must hold the same settlements, and what the dead counter
had reported as settled must still be settled, or cancelled because a person asked for it.
"""

import asyncio
import functools
from pathlib import Path

import pytest

from terminal.core.states import BOOKED, State
from tests.terminal.harness import Shop, Story, Till, Watch, in_line
from yibao.site.virtual_loop import run_virtual

pytestmark = in_line

CANCELLATION = frozenset({State.CANCELLING, State.CANCEL_DOUBT, State.CANCELLED})


async def purchase(till: Till) -> None:
    """A sale, acknowledged by the till when it is settled."""
    settlement = await till.settle()
    if settlement.state is State.CONFIRMED and not settlement.quarantine:
        await till.counter.sales.acknowledge(settlement.id, "T01")


async def cancellation(till: Till) -> None:
    """A sale that is cancelled at once, before the till has acknowledged it."""
    settlement = await till.settle()
    if settlement.state is State.CONFIRMED and not settlement.quarantine:
        await till.counter.sales.cancel(settlement.id, "T01", "顾客改变主意")


STORIES: dict[str, tuple[Story, tuple[str, ...]]] = {
    "purchase": (purchase, ("", "lose-request 2102", "lose-answer 2102", "bad-signature 2102", "html 2102", "amount-off 2102",
                            "lose-answer 2102+2601", "lose-request 2601+2102")),
    "cancellation": (cancellation, ("", "lose-request 2103", "lose-answer 2103", "bad-signature 2103", "lose-answer 2103+5203",
                                   "late-request 60 2103; refuse 2103")),
}  # fmt: skip
CASES = [(story, fault) for story, (_, faults) in STORIES.items() for fault in faults]


def arm(shop: Shop, faults: str) -> None:
    """Arm a fault for each transaction named: "lose-answer 2102+2601", and one after the other: "html 2103; refuse 2103"."""
    for one in filter(None, faults.split("; ")):
        name, _, transactions = one.rpartition(" ")
        for infno in transactions.split("+"):
            shop.arm(name, infno)


def assert_nothing_unsaid(told: dict[str, State], till: Till) -> None:
    """What was once reported settled is settled, or a person has had it cancelled (invariant I4)."""
    now = {row.id: row for row in till.rows()}
    for settlement_id, state in told.items():
        row = now[settlement_id]
        if state in BOOKED and not row.quarantine:
            assert row.state in BOOKED | CANCELLATION, f"was reported {state}, is {row.state}"
        if state in (State.REFUSED, State.REVERSED, State.CANCELLED):
            assert row.state is state, f"was reported {state}, is {row.state}"


def assert_slips_match(shop: Shop, till: Till) -> None:
    """At most one original of each kind on paper, and a settlement slip only for what was settled (invariant I6)."""
    titles = shop.printer.titles()
    for title in set(titles):
        assert titles.count(title) == 1, titles
    states = till.states()
    assert len(states) <= 1, "one sale, one settlement"
    if "医保结算单" in titles:
        assert set(states) <= BOOKED | CANCELLATION
    if "已冲正" in titles:
        assert states == [State.REVERSED]


async def one_life(
    folder: Path, story: Story, faults: str, stop_at: int | None
) -> tuple[Shop, Till, bool, dict[str, State]]:
    """Tell the story to a counter that dies at point `stop_at`, restart it, and let it come to rest."""
    shop = Shop(folder)
    arm(shop, faults)
    till = await shop.start(Watch(stop_at))
    survived = not till.watch.dead and await till.run_story(story)
    till.watch.stop_at = None
    told = till.told()
    if not survived:
        await till.kill()
        till = await shop.start()
        await till.quiet()
    if shop.world.hub.travelling:  # however late it is, what left has arrived when the books are compared
        await till.wait(60)
        await till.counter.session.hear_hub()
    return shop, till, survived, told


@pytest.mark.parametrize(("story", "faults"), CASES)
def test_a_crash_at_any_point_leaves_hub_and_journal_agreeing(
    story: str, faults: str, tmp_path: Path
) -> None:
    tell, _ = STORIES[story]
    points = 0
    survived = False
    while not survived:
        points += 1
        folder = tmp_path / str(points)
        folder.mkdir()

        async def life(folder: Path = folder, stop_at: int = points) -> bool:
            shop, till, survived, told = await one_life(folder, tell, faults, stop_at)
            shop.assert_books_agree(till)
            assert_nothing_unsaid(told, till)
            assert_slips_match(shop, till)
            await till.stop()
            return survived

        survived = run_virtual(life)
        assert points < 100, "the story never ends"
    assert points > 20, "the story has hardly any points: is anything watched?"


@pytest.mark.parametrize(
    ("story", "faults"), [("purchase", "lose-answer 2102"), ("cancellation", "lose-answer 2103")]
)
def test_a_crash_inside_the_recovery_from_a_crash_changes_nothing(
    story: str, faults: str, tmp_path: Path
) -> None:
    """Two crashes: at every sixth point of the story, then at every point of what the next counter does about it."""
    tell, _ = STORIES[story]
    lives = 0
    for first in range(1, 60, 6):
        second = 0
        rested = died = False
        while not rested:
            second += 1
            lives += 1
            folder = tmp_path / str(lives)
            folder.mkdir()

            async def life(
                folder: Path = folder, stops: tuple[int, int] = (first, second)
            ) -> tuple[bool, bool]:
                shop = Shop(folder)
                arm(shop, faults)
                till = await shop.start(Watch(stops[0]))
                if not till.watch.dead and await till.run_story(tell):
                    await till.stop()
                    return False, True
                await till.kill()
                till = await shop.start(Watch(stops[1]))
                rested = not till.watch.dead and await till.run_story(nothing)
                if not rested:
                    await till.kill()
                    till = await shop.start()
                    await till.quiet()
                shop.assert_books_agree(till)
                assert_slips_match(shop, till)
                await till.stop()
                return True, rested

            died, rested = run_virtual(life)
        if not died:
            break
    assert lives > 40


async def nothing(till: Till) -> None:
    """Nobody does anything; the counter is left to itself."""
    await asyncio.sleep(0)


def test_started_again_after_every_crash_the_counter_sells(tmp_path: Path) -> None:
    """The next sale works without a technician (invariant I11), whatever point the crash was at."""

    async def life(folder: Path, stop_at: int) -> bool:
        shop, till, survived, _ = await one_life(folder, purchase, "lose-answer 2102", stop_at)
        shop.world.hub.clear()
        settled = await till.settle("0002")
        assert settled.state is State.CONFIRMED
        await till.quiet()
        shop.assert_books_agree(till)
        await till.stop()
        return survived

    for point in range(1, 60, 4):
        folder = tmp_path / str(point)
        folder.mkdir()
        if run_virtual(functools.partial(life, folder, point)):
            return
    raise AssertionError("the story never ends")
