"""Doubts that wait for people: closed on what the hub has signed for the day, and on nothing less."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.reconciliation.report import Group, Outcome
from tests.terminal.harness import NATIONAL, NINE, Shop, Till, virtual
from tests.terminal.reconciliation.days import (
    DAY_S,
    MONDAY,
    TUESDAY,
    facts,
    only,
    reconcile,
    reconciliation,
)
from yibao.site.virtual_loop import VirtualClock

EMPLOYEES, RESIDENTS = Group("41", "999900", "310"), Group("41", "999900", "390")


async def down_for_a_day(shop: Shop, till: Till) -> Till:
    """The hub is away, then the terminal is off until it calls a person; now both are back, but what undoes stays unanswered."""
    shop.hub_link.down = True
    await till.stop()
    shop.clock.jump(25 * 3600)
    for infno in ("2601", "2103", "5203"):
        shop.arm("lose-request", infno, 10_000)
    shop.hub_link.down = False
    till = await shop.start()
    await till.wait(60)
    assert till.states() == [State.MANUAL]
    return till


@virtual
async def test_a_doubt_in_manual_is_closed_on_the_hubs_signed_level(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-request", "2102")
    lost = await till.settle()
    till = await down_for_a_day(shop, till)
    report = await reconcile(till)
    assert report.groups[0].outcome is Outcome.LEVEL
    assert facts(report) == [("open", "waits_for_people", "close_reversed")]
    fixed = await reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "B2"))
    assert fixed.settlement.state is State.REVERSED
    assert fixed.settlement.notice == Notice("reversed_by_ruling")
    move = [
        record for record in till.audit() if record.get("old") == "MANUAL" and record["object"] == lost.id
    ][-1]
    assert (move["new"], move["actor"], "3201" in move["reason"]) == ("REVERSED", "A1+B2", True)
    assert till.counter.settlements.doubts() == []
    await till.stop()


@virtual
async def test_a_doubt_in_manual_that_stands_at_the_hub_is_not_closed_but_reversed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    lost = await till.settle()
    till = await down_for_a_day(shop, till)
    assert facts(await reconcile(till)) == [("hub_only", "waits_for_people", "wait")]
    shop.world.hub.clear()
    await till.quiet()
    assert ((await till.get(lost.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()


@virtual
@pytest.mark.parametrize(
    ("fault", "action", "state"),
    [
        ("lose-request", "close_confirmed", State.CONFIRMED),
        ("lose-answer", "close_cancelled", State.CANCELLED),
    ],
)
async def test_a_cancellation_in_manual_is_closed_as_what_the_hub_shows(
    tmp_path: Path, fault: str, action: str, state: State
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm(fault, "2103")
    await till.counter.sales.cancel(settled.id, "T01", "退货")
    till = await down_for_a_day(shop, till)
    report = await reconcile(till)
    assert [one[1:] for one in facts(report)] == [("waits_for_people", action)]
    fixed = await reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "B2"))
    assert fixed.settlement.state is state
    assert len(shop.live()) == (1 if state is State.CONFIRMED else 0)
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_cancellation_repeated_since_the_report_is_not_closed_as_not_done(tmp_path: Path) -> None:
    """What the day's books do not hold may have been booked by the try after them."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "退货")
    till = await down_for_a_day(shop, till)
    report = await reconcile(till)
    assert facts(report) == [("open", "waits_for_people", "close_confirmed")]
    shop.world.hub.clear()
    shop.arm("lose-answer", "2103")
    while shop.live():
        await till.wait(1)
    assert (await till.get(settled.id)).state is State.MANUAL
    for _ in range(2):
        with pytest.raises(Misuse, match="days_not_reconciled"):
            await reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "B2"))
        assert (await reconcile(till)).outcome is Outcome.DIFFERS
        assert (await reconcile(till, TUESDAY)).provisional
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_cancellation_that_leaves_while_two_people_close_it_is_not_closed_as_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow tries go on behind the look at what was sent; the one that leaves then arrives after the closing."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "退货")
    till = await down_for_a_day(shop, till)
    report = await reconcile(till)
    noted = till.counter.note

    async def slow_note(actor: str, action: str, text: str = "") -> None:
        await noted(actor, action, text)
        shop.world.hub.clear()
        shop.arm("late-request 60", "2103")
        while not shop.world.hub.travelling:
            await till.wait(1)

    monkeypatch.setattr(till.counter, "note", slow_note)
    with pytest.raises(Misuse, match="nothing_to_correct"):
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "B2"))
    await till.quiet()
    assert ((await till.get(settled.id)).state, shop.live()) == (State.CANCELLED, [])
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_where_nothing_undone_is_listed_a_day_without_the_sale_proves_no_absence(
    tmp_path: Path,
) -> None:
    """Booked on the day after the sale, answer lost; the hub leaves both records out, so that day is level all the same."""
    recon = msgspec.structs.replace(NATIONAL.recon, cancel_is_record=False)
    shop = Shop(tmp_path, profile=msgspec.structs.replace(NATIONAL, recon=recon))
    till = await shop.start()
    settled = await till.settle()
    await till.days_pass(1)
    shop.arm("lose-answer", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "退货")
    till = await down_for_a_day(shop, till)
    assert shop.live() == []
    assert facts(await reconcile(till, TUESDAY)) == [("open", "waits_for_people", "wait")]
    shop.world.hub.clear()
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    await till.stop()


@virtual
async def test_a_day_that_is_not_over_proves_no_absence(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 20)
    shop.arm("lose-request", "2102")
    await till.settle()
    till = await down_for_a_day(shop, till)
    assert facts(await reconcile(till)) == [("open", "waits_for_people", "wait")], (
        "sent a minute before midnight"
    )
    shop.world.hub.clear()
    await till.quiet()
    await till.stop()


@virtual
async def test_a_day_on_which_it_was_sent_just_after_midnight_proves_no_absence(tmp_path: Path) -> None:
    """Our clock is eight minutes ahead, which no hold finds: the hub has booked on the day before what it has of this one."""
    shop = Shop(tmp_path)
    shop.clock = VirtualClock(asyncio.get_running_loop(), NINE)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 6 * 60)
    shop.arm("lose-answer", "2102")
    lost = await till.quote()
    shop.clock.jump(8 * 60)
    await till.counter.sales.confirm(lost.id, "T01")
    till = await down_for_a_day(shop, till)
    assert facts(await reconcile(till)) == [("hub_only", "waits_for_people", "wait")]
    assert facts(await reconcile(till, TUESDAY)) == [("open", "waits_for_people", "wait")]
    shop.world.hub.clear()
    await till.quiet()
    assert ((await till.get(lost.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()
