"""The gate: while a doubt of the lane is young, or any of the person is open, no new settlement begins."""

import asyncio
from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from tests.faults import fired
from tests.terminal.harness import Shop, Till, virtual


async def in_doubt(shop: Shop, till: Till, number: str = "0001", who: str = "jia") -> str:
    """A sale whose settlement and whose 2601s get no answer; returns its id."""
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 1000)
    doubtful = await till.settle(number, who=who)
    assert doubtful.state is State.DOUBT
    return doubtful.id


@virtual
async def test_a_young_doubt_of_the_lane_stops_everybody(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await in_doubt(shop, till)
    other = await till.quote("0002", who="ding")
    assert other.state is State.PRICED, "asking is free"
    with pytest.raises(Misuse) as misuse:
        await till.counter.sales.confirm(other.id, "T01")
    assert misuse.value.code == "lane_gate"
    assert 118 <= int(misuse.value.params["seconds"]) <= 121
    assert (await till.get(other.id)).state is State.PRICED, "it may be confirmed later"
    await till.wait(60)
    with pytest.raises(Misuse) as misuse:
        await till.counter.sales.confirm(other.id, "T01")
    assert 58 <= int(misuse.value.params["seconds"]) <= 61
    await till.stop()


@virtual
async def test_after_two_minutes_others_are_served_and_the_person_is_not(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    doubtful = await in_doubt(shop, till)
    await till.wait(121)
    assert (await till.settle("0002", who="ding")).state is State.CONFIRMED
    same = await till.quote("0003", who="jia")
    with pytest.raises(Misuse, match="person_in_doubt"):
        await till.counter.sales.confirm(same.id, "T01")
    shop.world.hub.clear()
    await till.quiet()
    assert (await till.get(doubtful)).state is State.REVERSED
    assert (await till.counter.sales.confirm(same.id, "T01")).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_gate_opens_the_moment_the_doubt_is_over(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await in_doubt(shop, till)
    other = await till.quote("0002", who="ding")
    shop.world.hub.clear()
    await till.quiet()
    assert shop.clock.monotonic_s() < 60
    assert (await till.counter.sales.confirm(other.id, "T01")).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_a_doubt_that_begins_while_another_sale_waits_for_the_line_stops_that_sale_too(
    tmp_path: Path,
) -> None:
    """Both were confirmed before anything was in doubt; the second must not be sent after the first got lost."""
    shop = Shop(tmp_path)
    till = await shop.start()
    first, second = await till.quote("0001"), await till.quote("0002", who="ding")
    shop.arm("delay 31", "2102")
    shop.arm("lose-request", "2601", 1000)
    losing = asyncio.ensure_future(till.counter.sales.confirm(first.id, "T01"))
    await asyncio.sleep(1)
    waiting = asyncio.ensure_future(till.counter.sales.confirm(second.id, "T01"))
    await asyncio.sleep(1)
    assert not waiting.done()
    assert (await losing).state is State.DOUBT
    with pytest.raises(Misuse, match="lane_gate"):
        await waiting
    untouched = await till.get(second.id)
    assert untouched.state is State.PRICED
    assert till.attempts(second.id) == []
    await till.stop()


@virtual
async def test_a_restart_does_not_open_the_gate(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await in_doubt(shop, till)
    await till.wait(30)
    await till.kill()
    till = await shop.start()
    other = await till.quote("0002", who="ding")
    with pytest.raises(Misuse) as misuse:
        await till.counter.sales.confirm(other.id, "T01")
    assert misuse.value.code == "lane_gate"
    assert int(misuse.value.params["seconds"]) <= 91
    await till.stop()


@pytest.mark.parametrize("jump_s", [-50 * 365 * 86_400.0, -3600.0, 3600.0, 70 * 365 * 86_400.0])
@virtual
async def test_the_wall_clock_does_not_move_the_gate(jump_s: float, tmp_path: Path) -> None:
    """Fault F33: the age of a doubt is counted by the monotonic clock."""
    shop = Shop(tmp_path)
    till = await shop.start()
    doubtful = await in_doubt(shop, till)
    other = await till.quote("0002", who="ding")
    shop.clock.jump(jump_s)
    with pytest.raises(Misuse, match="lane_gate"):
        await till.counter.sales.confirm(other.id, "T01")
    await till.wait(200)
    till.counter.require_gate(other)
    fired("F33")
    assert (await till.get(doubtful)).state is not State.MANUAL, "nor does a jump make a day of a minute"
    await till.stop()


@virtual
async def test_a_quarantined_settlement_closes_the_gate(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("amount-off", "2102")
    shop.arm("lose-request", "2601", 1000)
    assert (await till.settle("0001")).quarantine
    other = await till.quote("0002", who="ding")
    with pytest.raises(Misuse, match="lane_gate"):
        await till.counter.sales.confirm(other.id, "T01")
    await till.stop()


@virtual
async def test_a_cancellation_in_doubt_closes_the_gate(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle("0001")
    shop.arm("lose-answer", "2103")
    shop.arm("lose-request", "5203", 1000)
    assert (await till.counter.sales.cancel(settled.id, "T01", "")).state is State.CANCEL_DOUBT
    other = await till.quote("0002", who="ding")
    with pytest.raises(Misuse, match="lane_gate"):
        await till.counter.sales.confirm(other.id, "T01")
    await till.stop()


@virtual
async def test_an_unsent_sale_is_not_in_doubt_and_passes_the_gate_of_its_own(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.hub_link.down = True
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.ARMED
    shop.hub_link.down = False
    assert (await till.settle("0002", who="ding")).state is State.CONFIRMED
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_an_unsent_sale_waits_for_the_line_like_any_other(tmp_path: Path) -> None:
    """Sending the same bytes again needs the lane: while another sale is on it, it waits instead of failing."""
    shop = Shop(tmp_path)
    till = await shop.start()
    unsent = await till.quote("0001")
    shop.hub_link.down = True
    assert (await till.counter.sales.confirm(unsent.id, "T01")).state is State.ARMED
    shop.hub_link.down = False
    slow = await till.quote("0002", who="ding")
    shop.arm("delay 5", "2102")
    first = asyncio.ensure_future(till.counter.sales.confirm(slow.id, "T01"))
    await asyncio.sleep(1)
    second = asyncio.ensure_future(till.counter.sales.confirm(unsent.id, "T01"))
    assert (await first).state is State.CONFIRMED
    assert (await second).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()
