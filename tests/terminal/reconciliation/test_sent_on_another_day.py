"""A settlement composed on one day and sent on another: only the books of the day on which it left say anything of it."""

from pathlib import Path

from terminal.core.states import State
from terminal.core.values import Settlement
from tests.terminal.counter.test_old_copy import TWO, a_day_later, accepted, copy_now, put_back
from tests.terminal.harness import Shop, Till, virtual
from tests.terminal.reconciliation.days import DAY_S, MONDAY, TUESDAY, facts, only, reconcile, reconciliation


async def armed_on_monday(shop: Shop, till: Till) -> Settlement:
    """Agreed to, composed, proved unsent; for somebody who named an identity number, which no night ends."""
    opened = await till.open()
    priced = await till.counter.media.give_identity_number(opened.id, shop.world.person("jia").certno)
    shop.hub_link.down = True
    armed = await till.counter.sales.confirm(priced.id, "T01")
    assert armed.state is State.ARMED
    shop.hub_link.down = False
    return armed


@virtual
async def test_the_day_on_which_nothing_left_proves_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    armed = await armed_on_monday(shop, till)
    await till.wait(DAY_S)
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 100_000)
    assert (await till.counter.sales.confirm(armed.id, "T01")).state is State.DOUBT
    assert len(shop.live()) == 1, "booked on Tuesday"
    await till.wait(DAY_S + 3600)
    assert (await till.get(armed.id)).state is State.MANUAL
    assert "close_reversed" not in {one.action.value for one in (await reconcile(till, MONDAY)).differences}
    assert facts(await reconcile(till, TUESDAY)) == [("hub_only", "waits_for_people", "wait")]
    shop.world.hub.clear()
    await till.quiet()
    assert ((await till.get(armed.id)).state, shop.live()) == (State.REVERSED, [])
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_day_on_which_it_left_proves_that_it_is_not_there(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    armed = await armed_on_monday(shop, till)
    await till.wait(DAY_S)
    shop.arm("lose-request", "2102")
    shop.arm("lose-request", "2601", 100_000)
    assert (await till.counter.sales.confirm(armed.id, "T01")).state is State.DOUBT
    await till.wait(DAY_S + 3600)
    report = await reconcile(till, TUESDAY)
    assert facts(report) == [("open", "waits_for_people", "close_reversed")]
    fixed = await reconciliation(till).corrections.fix(TUESDAY, only(report).id, TWO)
    assert (fixed.settlement.state, shop.live()) == (State.REVERSED, [])
    await till.stop()


@virtual
async def test_armed_in_an_old_copy_and_settled_on_a_later_day_is_not_closed_as_reversed(
    tmp_path: Path,
) -> None:
    """The customer has paid on Tuesday and left with the goods; the books of Monday, when it was armed, are level."""
    shop = Shop(tmp_path)
    till = await shop.start()
    armed = await armed_on_monday(shop, till)
    copy_now(shop)
    await till.wait(DAY_S)
    assert (await till.counter.sales.confirm(armed.id, "T01")).state is State.CONFIRMED
    await till.quiet()
    till = await put_back(shop, till)
    assert (await till.get(armed.id)).state is State.MANUAL
    await a_day_later(till)
    assert "close_reversed" not in {one.action.value for one in (await reconcile(till, MONDAY)).differences}
    report = await reconcile(till, TUESDAY)
    assert facts(report) == [("hub_only", "waits_for_people", "close_confirmed")]
    await reconcile(till, till.counter.today())
    fixed = await reconciliation(till).corrections.fix(TUESDAY, only(report).id, TWO)
    assert (fixed.settlement.state, len(shop.live())) == (State.CONFIRMED, 1)
    await till.stop()


@virtual
async def test_armed_in_an_old_copy_and_settled_on_that_day_is_not_closed_by_the_day_it_was_put_back(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    armed = await armed_on_monday(shop, till)
    copy_now(shop)
    assert (await till.counter.sales.confirm(armed.id, "T01")).state is State.CONFIRMED
    await till.wait(DAY_S)
    till = await put_back(shop, till)
    await a_day_later(till)
    assert "close_reversed" not in {one.action.value for one in (await reconcile(till, TUESDAY)).differences}
    assert len(shop.live()) == 1
    await till.stop()


@virtual
async def test_armed_in_an_old_copy_and_never_sent_is_undone_after_the_acceptance(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    armed = await armed_on_monday(shop, till)
    copy_now(shop)
    till = await put_back(shop, till)
    await a_day_later(till)
    assert facts(await reconcile(till, MONDAY)) == [("open", "waits_for_people", "wait")]
    await accepted(till)
    assert ((await till.get(armed.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()
