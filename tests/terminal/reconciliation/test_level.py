"""A day is level when the hub says so, signed; and a settlement counts on the day on which the hub booked it."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from terminal.core.states import State
from terminal.reconciliation.report import Group, Outcome, Sums
from tests.faults import fired
from tests.terminal.harness import NINE, Shop, virtual
from tests.terminal.reconciliation.days import (
    DAY_S,
    MONDAY,
    TUESDAY,
    Withhold,
    arm,
    facts,
    reconcile,
    reconciliation,
)
from yibao.site.virtual_loop import VirtualClock

EMPLOYEES, RESIDENTS = Group("41", "999900", "310"), Group("41", "999900", "390")


@virtual
async def test_a_day_with_sales_and_a_cancellation_is_level_by_totals_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0001")
    await till.settle("0002", who="ding")
    cancelled = await till.settle("0003", who="ji")
    await till.counter.sales.cancel(cancelled.id, "T01", "换货")
    await till.wait(DAY_S)
    report = await reconcile(till)
    assert (report.outcome, report.provisional, report.differences) == (Outcome.LEVEL, False, ())
    assert {one.group: one.own.count for one in report.groups} == {EMPLOYEES: 3, RESIDENTS: 1}
    assert report.groups[0].own == Sums(3, 3750, 0, 3750, 0), "the cancellation is a record of its own"
    assert report.details == (), "level totals need no file"
    assert "9101" not in [message.infno for message in shop.world.ledger.messages()]
    await till.stop()


@virtual
async def test_an_empty_day_is_asked_about_too(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    report = await reconcile(till)
    assert [one.group for one in report.groups] == [EMPLOYEES, RESIDENTS]
    assert (report.outcome, report.provisional) == (Outcome.LEVEL, True)
    await till.stop()


@virtual
async def test_a_sale_of_another_city_makes_a_group_of_its_own(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    await till.settle(who="yi")
    report = await reconcile(till)
    assert (Group("41", "999901", "310"), 1) in [(one.group, one.own.count) for one in report.groups]
    assert report.outcome is Outcome.LEVEL
    await till.stop()


@virtual
async def test_a_cancellation_on_the_next_day_counts_on_the_next_day(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.sales.acknowledge(settled.id, "T01")
    await till.wait(DAY_S)
    assert (await till.counter.sales.cancel(settled.id, "T01", "次日退货")).state is State.CANCELLED
    monday, tuesday = await reconcile(till), await reconcile(till, TUESDAY)
    assert (monday.outcome, tuesday.outcome) == (Outcome.LEVEL, Outcome.LEVEL)
    assert [day.groups[0].own for day in (monday, tuesday)] == [
        Sums(1, 3750, 0, 3750, 0),
        Sums(1, -3750, 0, -3750, 0),
    ]
    await till.stop()


@virtual
async def test_a_sale_over_midnight_counts_where_the_hub_booked_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 5)
    priced = await till.quote()
    assert priced.key.business_date == MONDAY
    await till.wait(30)
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    monday, tuesday = await reconcile(till), await reconcile(till, TUESDAY)
    assert [day.groups[0].own.count for day in (monday, tuesday)] == [0, 1]
    fired("F34")
    assert (monday.outcome, tuesday.outcome) == (Outcome.LEVEL, Outcome.LEVEL)
    await till.stop()


@pytest.mark.parametrize("scheme", ["jia", "yi"])
@virtual
async def test_a_sale_counts_where_the_hub_booked_it_whatever_the_clock_here_said(
    scheme: str, tmp_path: Path
) -> None:
    """The wall clock was three hours ahead: one sale is dated on the next day here, the following has an id of that day.

    "yi" is insured elsewhere: a group that is asked about only where the books of the day hold a record of it.
    """
    shop = Shop(tmp_path)
    shop.clock = VirtualClock(asyncio.get_running_loop(), NINE)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 90 * 60)
    await till.settle("0001", who=scheme)
    priced = await till.quote("0002", who=scheme)
    shop.clock.jump(3 * 3600)
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    shop.clock.jump(-3 * 3600)
    late = await till.settle("0003", who=scheme)
    assert late.key.business_date == MONDAY
    assert f"{TUESDAY:%Y%m%d}" in late.settle_msgid
    await till.wait(DAY_S)
    fired("F33")
    monday, tuesday = await reconcile(till), await reconcile(till, TUESDAY)
    assert (monday.outcome, tuesday.outcome) == (Outcome.LEVEL, Outcome.LEVEL)
    assert (facts(monday), facts(tuesday)) == ([], [])
    assert [sum(one.own.count for one in day.groups) for day in (monday, tuesday)] == [3, 0]
    await till.stop()


@virtual
async def test_a_sale_and_its_cancellation_from_under_a_wrong_clock_count_once_each(tmp_path: Path) -> None:
    """The hub's file names both message ids, and one settlement is behind them."""
    shop = Shop(tmp_path)
    shop.clock = VirtualClock(asyncio.get_running_loop(), NINE)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 90 * 60)
    priced = await till.quote()
    shop.clock.jump(3 * 3600)
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    assert (await till.counter.sales.cancel(priced.id, "T01", "退货")).state is State.CANCELLED
    shop.clock.jump(-3 * 3600)
    await till.wait(DAY_S)
    fired("F33")
    monday = await reconcile(till)
    assert (monday.outcome, facts(monday)) == (Outcome.LEVEL, [])
    assert sum(one.own.count for one in monday.groups) == 2
    await till.stop()


@virtual
async def test_a_doubt_whose_ids_run_ahead_is_listed_on_its_own_day(tmp_path: Path) -> None:
    """Ids never go back: after a clock three hours ahead they carry the next day, and the doubt is of this one."""
    shop = Shop(tmp_path)
    shop.clock = VirtualClock(asyncio.get_running_loop(), NINE)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 90 * 60)
    priced = await till.quote("0001")
    shop.clock.jump(3 * 3600)
    await till.counter.sales.confirm(priced.id, "T01")
    shop.clock.jump(-3 * 3600)
    held: list[bytes] = []
    for infno in ("2102", "2601"):
        arm(shop, Withhold(held), infno, 50)
    lost = await till.settle("0002", who="ji")
    fired("F33")
    assert lost.key.business_date == MONDAY
    assert f"{TUESDAY:%Y%m%d}" in lost.settle_msgid
    assert lost.id in {one.settlement_id for one in (await reconcile(till)).differences}
    await till.stop()


@virtual
async def test_a_cancellation_whose_id_runs_days_ahead_lies_on_the_day_it_was_made(tmp_path: Path) -> None:
    """The clock had been three days ahead for a moment; neither the id nor the day of the sale lead to the day of the cancellation."""
    shop = Shop(tmp_path)
    shop.clock = VirtualClock(asyncio.get_running_loop(), NINE)
    till = await shop.start()
    settled = await till.settle()
    await till.counter.sales.acknowledge(settled.id, "T01")
    shop.clock.jump(3 * DAY_S)
    await reconcile(till)  # any question will do: it takes an id
    shop.clock.jump(-3 * DAY_S)
    await till.wait(2 * DAY_S)
    assert (await till.counter.sales.cancel(settled.id, "T01", "退货")).state is State.CANCELLED
    fired("F33")
    await till.wait(DAY_S)
    wednesday = MONDAY + dt.timedelta(days=2)
    records = (await reconciliation(till).books.records_of(wednesday)).records
    assert [(one.refunded, one.total_fen) for one in records] == [(True, -3750)], (
        "a month's clearing is added up of these, and asks nobody"
    )
    report = await reconcile(till, wednesday)
    assert (report.outcome, report.details) == (Outcome.LEVEL, ())
    await till.stop()
