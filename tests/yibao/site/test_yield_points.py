"""A watched counter does what one that nobody watches does."""

from pathlib import Path

from terminal.core.states import State
from tests.terminal.counter.test_refund import ONE_BACK, SHEET, refund
from tests.terminal.harness import Shop, virtual
from yibao.site.yield_points import Cell, watched


@virtual
async def test_the_rest_of_a_refund_is_told_of(tmp_path: Path) -> None:
    cells: set[Cell] = set()
    shop = Shop(tmp_path)
    with watched(cells.add):
        till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold, ONE_BACK)
    assert sorted(till.told().values()) == [State.CANCELLED, State.DRAFT]
    assert cells
    await till.stop()
