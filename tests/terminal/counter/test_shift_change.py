"""A doubt belongs to the terminal and not to the cashier who was there when it began (fault F64)."""

from pathlib import Path

import msgspec

from terminal.core.states import State
from tests.faults import fired
from tests.terminal.harness import Shop, counter_config, virtual


@virtual
async def test_a_doubt_outlives_the_shift_in_which_it_began(tmp_path: Path) -> None:
    """Another operator signs the next shift's messages; the doubt ends by itself, and the audit log names both."""
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 3)
    doubtful = await till.settle("0001")
    assert doubtful.state in (State.DOUBT, State.REVERSING)
    await till.stop()

    morning = counter_config()
    evening = msgspec.structs.replace(
        morning,
        terminal=msgspec.structs.replace(morning.terminal, operator="T02", operator_name="收银员晚班"),
    )
    till = await shop.start(config=evening)
    assert [row.id for _, row in till.counter.settlements.doubts()] == [doubtful.id]
    fired("F64")
    await till.quiet()
    over = await till.get(doubtful.id)
    assert over.state is State.REVERSED
    assert shop.live() == []
    assert (await till.counter.sales.confirm((await till.quote("0002")).id, "T02")).state is State.CONFIRMED
    actors = {record["actor"] for record in till.audit() if record.get("action") == "move"}
    assert {"T01", "T02"} <= actors
    shop.assert_books_agree(till)
    await till.stop()
