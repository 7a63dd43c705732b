"""A cancellation whose very first message is told "already": something did it that this journal does not know."""

from pathlib import Path

import pytest

from terminal.core.states import State
from terminal.counter.wishes import RefundWish
from tests.terminal.counter.endings import told
from tests.terminal.counter.test_old_copy import accepted, copy_now, put_back
from tests.terminal.counter.test_refund import SHEET, code_of, refund, settle_rest
from tests.terminal.harness import Shop, Till, virtual

ALL_BACK = RefundWish(everything=True)


async def refunded_in_the_lost_part(shop: Shop) -> tuple[Till, str]:
    """In the copy it stands; since then it was refunded, its cash returned, and its rest settled."""
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await till.counter.sales.acknowledge(sold.id, "T01")
    await till.quiet()
    copy_now(shop)
    await refund(till, sold)
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.quiet()
    till = await put_back(shop, till)
    await accepted(till)
    return till, sold.id


@virtual
async def test_a_sale_cancelled_and_sold_anew_elsewhere_opens_no_rest_of_a_refund(tmp_path: Path) -> None:
    """The operator repeats the refund. A second sale of what is kept would be one agreement away."""
    shop = Shop(tmp_path)
    till, sold = await refunded_in_the_lost_part(shop)
    again = await refund(till, await till.get(sold))
    assert (again.state, code_of(again)) == (State.CANCELLED, "refund_cancelled_before")
    assert [row.id for row in till.rows()] == [sold], "nothing is opened for what is settled"
    assert [record.result.total_fen for record in shop.live()] == [4100]
    await till.quiet()
    assert "是否已重新结算以医保平台账目为准" in shop.printer.texts()[-1].replace("\n", "")
    await till.stop()


@pytest.mark.parametrize("way", ["cancelled", "refunded as a whole"])
@virtual
async def test_cash_that_may_be_returned_already_is_not_simply_told_to_be_returned(
    way: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    till, sold = await refunded_in_the_lost_part(shop)
    if way == "cancelled":
        again = await till.counter.sales.cancel(sold, "T01", "")
    else:
        again = await refund(till, await till.get(sold), ALL_BACK)
    assert (again.state, code_of(again)) == (State.CANCELLED, "cancelled_before")
    assert "only if it has not been returned" in told(again.notice)[1]
    await till.stop()
