"""The five stories, told to one hub over HTTP by a pharmacy and a clinic of one profile."""

import asyncio

from terminal.core.states import State
from terminal.core.values import Settlement
from terminal.counter.wishes import LineWish
from tests.profiles.rig import Hub, Till
from tests.terminal.harness import PILLS

TRACED = LineWish(
    national_code="XTEST000000000000000D03", own_code="SKU0003", name="测试降糖片", spec="10mg*20片", price="12.50", quantity="3",
    trace_codes=("89999990000000000003",),
)  # fmt: skip
"""37.50 yuan with a trace code; 测试甲's account of 60.00 pays it."""


async def tell(hub: Hub, shop: Till, clinic: Till) -> None:
    """A sale, a visit, a cancellation, a lost answer, a killed process; asserted in the hub's books each time."""
    sale = await _sale(hub, shop)
    await _visit(hub, clinic)
    await _cancellation(hub, shop, sale)
    await _lost_answer(hub, shop)
    await _killed(hub, shop)
    assert hub.live_fen() == [449_68]
    assert hub.balance_fen("jia") == 60_00
    shop.assert_books_agree()
    clinic.assert_books_agree()


async def _sale(hub: Hub, shop: Till) -> Settlement:
    priced = await shop.priced("1001", "jia", TRACED)
    assert priced.state is State.PRICED, priced.notice
    closed = await shop.closed(await shop.confirm(priced))
    assert closed.booking is not None
    split = closed.booking.split
    assert (split.total_fen, split.account_fen, split.cash_fen) == (37_50, 37_50, 0)
    assert hub.balance_fen("jia") == 22_50
    return closed


async def _visit(hub: Hub, clinic: Till) -> None:
    """449.68 of 测试乙: 365.67 from the pooled fund, 50.00 from the account, 34.01 in cash."""
    priced = await clinic.visit("2001")
    assert priced.state is State.PRICED, priced.notice
    closed = await clinic.closed(await clinic.confirm(priced))
    assert closed.booking is not None
    split = closed.booking.split
    assert (split.total_fen, split.fund_fen, split.account_fen, split.cash_fen) == (
        449_68,
        365_67,
        50_00,
        34_01,
    )
    assert hub.balance_fen("yi") == 0


async def _cancellation(hub: Hub, shop: Till, sale: Settlement) -> None:
    await shop.counter.sales.cancel(sale.id, "T01", "顾客退药")
    cancelled = await shop.until(sale, State.CANCELLED)
    assert cancelled.cancellation is not None
    assert cancelled.cancellation.split.total_fen == 37_50
    assert hub.balance_fen("jia") == 60_00


async def _lost_answer(hub: Hub, shop: Till) -> None:
    priced = await shop.priced("1002", "jia", PILLS)
    hub.arm("lose-answer", "2102")
    doubt = await shop.confirm(priced)
    assert doubt.state in (State.DOUBT, State.REVERSING), doubt.notice
    await shop.until(doubt, State.REVERSED)
    assert len(shop.line.of("2601")) == 1
    assert hub.balance_fen("jia") == 60_00


async def _killed(hub: Hub, shop: Till) -> None:
    priced = await shop.priced("1003", "jia", PILLS)
    hub.arm("delay 20", "2102")
    confirming = asyncio.ensure_future(shop.confirm(priced))
    while hub.balance_fen("jia") == 60_00:
        await hub.clock.sleep(0.5)
    assert (await shop.counter.settlements.get(priced.id)).state is State.SENDING
    await shop.kill()
    await asyncio.gather(confirming, return_exceptions=True)
    await shop.until(priced, State.REVERSED)
