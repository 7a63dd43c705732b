"""A refund is killed after every journal write and around every message, in turn; the books agree every time.

The customer brings goods back and settles what is kept anew. Whatever the point of the crash, the next counter comes
to rest by itself, then people do what is left of the story, and afterwards exactly the kept goods stand at the hub.
"""

from pathlib import Path

import pytest

from terminal.core.states import BOOKED, State
from terminal.counter.wishes import RefundWish, ReturnWish
from tests.faults import fired
from tests.recovery.test_crash_anywhere import arm
from tests.terminal.harness import Shop, Till, Watch, in_line
from yibao.site.virtual_loop import run_virtual

pytestmark = in_line

KEPT_FEN = 2500
BACK = RefundWish((ReturnWish(1, "1"),), reason="退一盒")
CASES = ("", "lose-answer 2103", "lose-request 2103", "lose-answer 2103+5203", "lose-answer 2102")


async def take_back(till: Till, fault: str) -> None:
    """Sell three, take one back, settle the two: from wherever the journal stands."""
    first = next((row for row in till.rows() if row.key.generation == 1), None)
    if first is None:
        first_id = (await till.settle()).id
        arm(till.shop, fault)
    else:
        first_id = first.id
    sold = await till.get(first_id)
    if sold.state in BOOKED:
        sold = await till.counter.refunds.begin(first_id, BACK, "T01")
        await till.quiet()
        sold = await till.get(first_id)
    if sold.refund is None or sold.state is not State.CANCELLED:
        return
    rest = await till.get(sold.refund.rest_id)
    if rest.state is State.DRAFT:
        await till.counter.media.give_code(rest.id, till.shop.code())
        await till.counter.sales.confirm(rest.id, "T01")
    elif rest.state is State.ARMED:
        await till.counter.sales.confirm(rest.id, "T01")


@pytest.mark.parametrize("fault", CASES)
def test_a_crash_at_any_point_of_a_refund_loses_nothing_and_doubles_nothing(
    fault: str, tmp_path: Path
) -> None:
    points, survived = 0, False
    while not survived:
        points += 1
        folder = tmp_path / str(points)
        folder.mkdir()

        async def life(folder: Path = folder, stop_at: int = points) -> bool:
            shop = Shop(folder)

            async def story(till: Till) -> None:
                await take_back(till, fault)

            till = await shop.start(Watch(stop_at))
            survived = not till.watch.dead and await till.run_story(story)
            till.watch.stop_at = None
            if not survived:
                fired("F23")
                await till.kill()
                till = await shop.start()
                await till.quiet()
                shop.assert_books_agree(till)
                shop.world.hub.clear()
                if till.states() and State.ABANDONED not in till.states():
                    await take_back(till, "")
                    await till.quiet()
            shop.assert_books_agree(till)
            rows = {row.key.generation: row for row in till.rows()}
            assert len(rows) <= 2, "what remains is opened once"
            if 2 in rows:
                assert rows[1].state is State.CANCELLED, "never before the cancellation is known"
                assert rows[2].state in BOOKED | {State.REVERSED}
                live = [record.result.total_fen for record in shop.live()]
                assert live == ([KEPT_FEN] if rows[2].state in BOOKED else [])
            titles = shop.printer.titles()
            assert titles.count("医保结算撤销单") <= 1
            assert titles.count("医保结算单") <= 2
            await till.stop()
            return survived

        survived = run_virtual(life)
        assert points < 120, "the story never ends"
    assert points > 25
