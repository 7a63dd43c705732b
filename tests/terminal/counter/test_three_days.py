"""F56: the hub is away for three days; no doubt is forgotten or given up, and all end soon after it is back."""

from pathlib import Path

import pytest

from terminal.core.states import State
from tests.faults import fired
from tests.terminal.harness import Shop, virtual

PEOPLE = ("jia", "yi")
DAYS_S = 3 * 86_400


@pytest.mark.timeout(90)
@virtual
async def test_doubts_of_two_people_end_in_their_order_soon_after_the_hubs_return(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    before = {who: shop.balance_fen(who) for who in PEOPLE}
    till = await shop.start()
    shop.arm("lose-request", "2601", 1000)
    doubtful = []
    for number, who in enumerate(PEOPLE):
        shop.arm("lose-answer", "2102")
        doubtful.append(await till.settle(f"{number:04d}", who=who))
        await till.wait(125)  # the lane's gate
    assert len(shop.live()) == len(PEOPLE)
    shop.world.hub.clear()
    shop.arm("down 259200", "2601")
    back_s = shop.clock.monotonic_s() + DAYS_S
    await till.wait(DAYS_S - 5.0)
    assert {(await till.get(one.id)).state for one in doubtful} <= {State.REVERSING, State.MANUAL}
    assert len(shop.live()) == len(PEOPLE)
    fired("F56", shop.world.hub.counts["down"])
    assert shop.world.hub.counts["down"] > 100, "it never stops trying"
    while shop.live():
        await till.wait(1)
        assert shop.clock.monotonic_s() < back_s + 700.0, (
            "the longest pause between two tries, and then at once"
        )
    undone = [record.undoes for record in shop.world.ledger.settlements() if record.direction == -1]
    assert undone == [shop.world.ledger.by_msgid(one.settle_msgid)[0].setl_id for one in doubtful], (
        "first in, first out"
    )
    for one in doubtful:
        over = await till.get(one.id)
        assert over.state is State.REVERSED
        assert len([1 for purpose, *_ in till.attempts(one.id) if purpose == "SETTLE"]) == 1
    assert {who: shop.balance_fen(who) for who in PEOPLE} == before
    shop.assert_books_agree(till)
    await till.stop()
