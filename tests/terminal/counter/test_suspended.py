"""The machine sleeps for hours while a settlement is out: nobody waits longer for it, and it is never taken for done (fault F35)."""

import asyncio
from pathlib import Path

from terminal.core.states import State
from tests.faults import fired
from tests.terminal.harness import Shop, virtual

EIGHT_HOURS_S = 8 * 3600.0


@virtual
async def test_a_settlement_that_was_out_while_the_machine_slept_is_a_doubt_and_ends_reversed(
    tmp_path: Path,
) -> None:
    """Wall time goes on without us, the monotonic clock and the limits of the network do not; the line is dead."""
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote("0001")
    shop.arm("delay 40", "2102")
    confirming = asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))
    await asyncio.sleep(5)
    assert (await till.get(priced.id)).state is State.SENDING
    shop.clock.jump(EIGHT_HOURS_S)
    fired("F35")
    assert (await confirming).state in (State.DOUBT, State.REVERSING)
    await till.quiet()
    over = await till.get(priced.id)
    assert over.state is State.REVERSED
    assert over.key.business_date == priced.key.business_date
    assert shop.live() == []
    assert (await till.settle("0002", who="ding")).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()
