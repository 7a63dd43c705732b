"""While a hold stands no new sale starts; what is open is finished, what is asked is answered."""

from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.holds import Holds
from terminal.counter.wishes import SaleWish
from tests.terminal.harness import PILLS, Shop, virtual

FULL = Notice("disk_full", {"free": "3"})
CLOCK = Notice("clock_behind", {"now": "a", "floor": "b"})


def test_each_reason_is_told_once_and_the_oldest_is_the_one_that_refuses() -> None:
    told: list[Notice] = []
    holds = Holds(told.append)
    holds.require_none()
    holds.set(FULL)
    holds.set(CLOCK)
    holds.set(Notice("disk_full", {"free": "2"}))
    assert told == [FULL, CLOCK]
    with pytest.raises(Misuse) as refused:
        holds.require_none()
    assert (refused.value.code, refused.value.params) == ("disk_full", {"free": "2"})
    assert holds.lift("disk_full")
    assert not holds.lift("disk_full")
    assert holds.standing == (CLOCK,)
    holds.set(FULL)
    assert told == [FULL, CLOCK, FULL], "a reason that came back is told again"


@virtual
async def test_no_sale_is_opened_or_confirmed_and_nothing_leaves(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    wish = SaleWish("0001", (PILLS,))
    opened = await till.counter.sales.open(wish, "till", "key 1")
    quoted = await till.quote("0002", who="ding")
    till.counter.holds.set(FULL)
    with pytest.raises(Misuse, match="disk_full"):
        await till.counter.sales.open(SaleWish("0003", (PILLS,)), "till", "key 3")
    with pytest.raises(Misuse, match="disk_full"):
        await till.counter.sales.open(SaleWish("0004", (PILLS,)), "till", "")
    with pytest.raises(Misuse, match="disk_full"):
        await till.counter.sales.confirm(quoted.id, "T01")
    again = await till.counter.sales.open(wish, "till", "key 1")
    assert again.id == opened.id, "a repeated request gets its old answer"
    assert (await till.get(quoted.id)).state is State.PRICED
    assert shop.live() == []
    till.counter.holds.lift("disk_full")
    assert (await till.counter.sales.confirm(quoted.id, "T01")).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_a_doubt_is_reversed_and_a_settlement_cancelled_all_the_same(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle("0001")
    await till.wait(1)
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 2)
    doubtful = await till.settle("0002", who="ding")
    assert doubtful.state in (State.DOUBT, State.REVERSING)
    till.counter.holds.set(CLOCK)
    await till.counter.sales.cancel(settled.id, "T01", "returned")
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    assert (await till.get(settled.id)).state is State.CANCELLED
    assert shop.live() == []
    await till.stop()
