"""What tests of outcomes end with: what the operator reads, hub and journal in agreement, a counter that still sells."""

from terminal.core.states import State
from terminal.core.values import Notice
from terminal.texts import tell_notice
from tests.terminal.harness import Shop, Till

FULL = 6000
"""The account of 测试甲 in fen before anything was settled."""


def told(notice: Notice | None) -> tuple[str, str]:
    """What the operator reads, Chinese and English."""
    shown = tell_notice(notice)
    assert shown is not None
    return shown.zh, shown.en


async def end(shop: Shop, till: Till) -> None:
    """Hub and journal agree, and the counter still sells."""
    shop.assert_books_agree(till)
    shop.world.hub.clear()
    shop.hub_link.down = False
    assert (await till.settle("0999")).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()
