"""A hub that words "already cancelled" in its own way, and whose refund flag may stay at 0: what its refusals prove then."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from protocols.hub.profile_sections import ReversalAnswer
from simulators.hub.faults import Delivery, Exchange, _Fault, parse_fault
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Settlement
from terminal.reconciliation.report import Report
from tests.profiles.rig import profile_of
from tests.terminal.counter.endings import told
from tests.terminal.harness import Shop, Till, virtual
from tests.terminal.reconciliation.days import DAY_S, MONDAY, TUESDAY, arm, reconcile, reconciliation

TWO = ("A1", "B2")


class TakenAndRefused(_Fault, frozen=True):
    """A gateway delivers the request twice, and hands on the answer to the second copy, under its number."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """The first is booked, the second refused in other words."""
        exchange.ask(exchange.request)
        return parse_fault("refuse").deliver(exchange)


def unworded(tmp_path: Path, turns: str, *more: str) -> Shop:
    """A shop at a hub whose "already" is none of the profile's patterns."""
    profile = profile_of("\n".join(("[recon]", f"refd_flag_on_original = {turns}", *more)))
    known = (ReversalAnswer(pattern=r"\[SETL_NOT_FOUND\]", means="not_found"),)
    outcome = msgspec.structs.replace(profile.outcome, reversal_answers=known)
    return Shop(tmp_path, profile=msgspec.structs.replace(profile, outcome=outcome))


async def cancelling(shop: Shop, till: Till, fault: str, refusals: int = 0) -> Settlement:
    """A sale whose first 2103 meets a fault, and whose repeats the hub then refuses, so many of them."""
    sold = await till.settle()
    shop.arm(fault, "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    if refusals:
        shop.arm("refuse", "2103", refusals)
    return sold


async def close_on(till: Till, action: str) -> State:
    """Two people close what waits on Monday as its report proposes."""
    report = await reconcile(till, MONDAY)
    (row,) = [one for one in report.differences if one.action.value == action]
    await reconcile(till, till.counter.today())
    return (await reconciliation(till).corrections.fix(MONDAY, row.id, TWO)).settlement.state


async def reconciled(till: Till) -> dict[dt.date, Report]:
    """Compare every day up to today."""
    days = [MONDAY + dt.timedelta(days=n) for n in range((till.counter.today() - MONDAY).days + 1)]
    return {day: await reconcile(till, day) for day in days}


async def fix(till: Till, report: Report, action: str) -> State:
    """Two people do what a report proposes."""
    (row,) = [one for one in report.differences if one.action.value == action]
    day = dt.date.fromisoformat(report.date)
    return (await reconciliation(till).corrections.fix(day, row.id, TWO)).settlement.state


async def lost_on_two_days(shop: Shop, till: Till, second: str) -> str:
    """A 2103 without an answer on Monday, which never arrived, and another one on Tuesday; all between are refused."""
    sold = await cancelling(shop, till, "lose-request", refusals=100_000)
    await till.wait(DAY_S)
    shop.world.hub.clear()
    shop.arm(second, "2103")
    shop.arm("refuse", "2103", 100_000)
    await till.wait(3600)
    lost = [one for one in till.attempts(sold.id) if one[1:3] == ("2103", "UNKNOWN")]
    assert len(lost) == 2
    return sold.id


@pytest.mark.parametrize("by", [MONDAY, TUESDAY, TUESDAY + dt.timedelta(days=1)], ids=str)
@virtual
async def test_what_stayed_without_an_answer_on_two_days_is_closed_as_standing_when_both_are_over(
    by: dt.date, tmp_path: Path
) -> None:
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    sold = await lost_on_two_days(shop, till, "lose-request")
    with pytest.raises(Misuse, match="days_not_reconciled") as early:
        await fix(till, (await reconciled(till))[MONDAY], "close_confirmed")
    assert early.value.params == {"dates": "2026-11-24"}, "Tuesday may still hold more"
    await till.wait(2 * DAY_S)
    await reconcile(till, MONDAY)
    report = await reconcile(till, by)
    with pytest.raises(Misuse, match="days_not_reconciled"):
        await fix(till, report, "close_confirmed")
    reports = await reconciled(till)
    assert (await fix(till, reports[by], "close_confirmed"), len(shop.live())) == (State.CONFIRMED, 1)
    shop.world.hub.clear()
    shop.assert_books_agree(till)
    assert (await till.get(sold)).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_what_was_cancelled_on_the_second_day_is_closed_as_cancelled_by_that_day_only(
    tmp_path: Path,
) -> None:
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    await lost_on_two_days(shop, till, "lose-answer")
    assert shop.live() == []
    await till.wait(2 * DAY_S)
    reports = await reconciled(till)
    for day in (MONDAY, TUESDAY + dt.timedelta(days=1)):
        with pytest.raises(Misuse, match="may_be_undone"):
            await fix(till, reports[day], "close_confirmed")
    assert await fix(till, reports[TUESDAY], "close_cancelled") is State.CANCELLED
    shop.assert_books_agree(till)
    await till.stop()


@pytest.mark.parametrize("fault", ["lose-request", "late-request 900"])
@virtual
async def test_what_left_just_before_midnight_is_closed_by_both_days(fault: str, tmp_path: Path) -> None:
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    sold = await till.settle()
    await till.wait(15 * 3600 - 600)
    shop.arm(fault, "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    shop.arm("refuse", "2103", 100_000)
    await till.wait(DAY_S + 300)
    assert len(shop.live()) == (1 if fault == "lose-request" else 0)
    with pytest.raises(Misuse, match="days_not_reconciled") as early:
        await fix(till, (await reconciled(till))[MONDAY], "close_confirmed")
    assert early.value.params == {"dates": "2026-11-24"}, "it may have been booked on Tuesday"
    await till.wait(7200)
    reports = await reconciled(till)
    if fault == "lose-request":
        assert await fix(till, reports[MONDAY], "close_confirmed") is State.CONFIRMED
    else:
        with pytest.raises(Misuse, match="may_be_undone"):
            await fix(till, reports[MONDAY], "close_confirmed")
        assert await fix(till, reports[TUESDAY], "close_cancelled") is State.CANCELLED
    shop.world.hub.clear()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_where_nothing_undone_is_listed_the_day_of_the_sale_is_asked_after_the_last_message(
    tmp_path: Path,
) -> None:
    """Sold on Monday; the first 2103 leaves on Tuesday, of which the books say nothing either way."""
    shop = unworded(tmp_path, "false", "cancel_is_record = false")
    till = await shop.start()
    sold = await till.settle()
    await till.wait(DAY_S)
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    shop.arm("refuse", "2103", 100_000)
    await till.wait(DAY_S + 3600)
    reports = await reconciled(till)
    assert "close_confirmed" not in {one.action.value for one in reports[TUESDAY].differences}
    await till.wait(600)
    await reconcile(till, till.counter.today())
    with pytest.raises(Misuse, match="days_not_reconciled") as early:
        await fix(till, reports[MONDAY], "close_confirmed")
    assert early.value.params == {"dates": "2026-11-23"}
    reports = await reconciled(till)
    assert (await fix(till, reports[MONDAY], "close_confirmed"), len(shop.live())) == (State.CONFIRMED, 1)
    await till.stop()


@virtual
async def test_where_nothing_undone_is_listed_what_was_cancelled_is_not_closed_as_standing(
    tmp_path: Path,
) -> None:
    shop = unworded(tmp_path, "false", "cancel_is_record = false")
    till = await shop.start()
    await lost_on_two_days(shop, till, "lose-answer")
    assert shop.live() == []
    await till.wait(2 * DAY_S)
    for report in (await reconciled(till)).values():
        assert "close_confirmed" not in {one.action.value for one in report.differences}
    await till.stop()


@virtual
async def test_where_nothing_undone_is_listed_a_report_does_not_show_what_still_travels(
    tmp_path: Path,
) -> None:
    """Monday was compared while the last 2103 was on its way; it arrives a minute later, and nothing leaves after it."""
    shop = unworded(tmp_path, "false", "cancel_is_record = false")
    till = await shop.start()
    sold = await cancelling(shop, till, "lose-request", refusals=100_000)
    await till.wait(DAY_S + 3600)
    shop.world.hub.clear()
    shop.arm("late-request 60", "2103")
    while not shop.world.hub.travelling:
        await till.wait(1)
    shop.arm("lose-request", "5203", 100_000)
    while till.attempts(sold.id)[-1][2] != "UNKNOWN":
        await till.wait(1)
    report = await reconcile(till, MONDAY)
    assert len(shop.live()) == 1
    await till.wait(2 * DAY_S)
    assert shop.live() == []
    for day in (TUESDAY, TUESDAY + dt.timedelta(days=1), till.counter.today()):
        await reconcile(till, day)
    with pytest.raises(Misuse, match="days_not_reconciled") as early:
        await fix(till, report, "close_confirmed")
    assert early.value.params == {"dates": "2026-11-23"}
    await till.stop()


@virtual
async def test_a_lost_answer_is_made_up_for_where_the_flag_tells(tmp_path: Path) -> None:
    shop = unworded(tmp_path, "true")
    till = await shop.start()
    sold = await cancelling(shop, till, "lose-answer")
    await till.quiet()
    assert (await till.get(sold.id)).state is State.CANCELLED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_where_no_flag_tells_a_refused_repeat_is_never_told_as_standing(tmp_path: Path) -> None:
    """The hub has cancelled it and says so in words that nobody knows: a person is called, and the day's 3202 shows it."""
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    sold = await cancelling(shop, till, "lose-answer")
    assert shop.live() == []
    await till.wait(1200)
    waiting = await till.get(sold.id)
    assert waiting.state is State.CANCEL_DOUBT
    assert waiting.notice is not None
    assert waiting.notice.code == "cancel_alarm"
    assert "do not return cash" in told(waiting.notice)[1]
    await till.wait(DAY_S)
    assert (await till.get(sold.id)).state is State.MANUAL
    assert await close_on(till, "close_cancelled") is State.CANCELLED
    shop.assert_books_agree(till)
    await till.stop()


@pytest.mark.parametrize("restart", [False, True], ids=["", "restarted"])
@virtual
async def test_where_no_flag_tells_what_stands_is_closed_as_standing_by_two_people(
    restart: bool, tmp_path: Path
) -> None:
    """Only the first 2103 could have cancelled it: those that were refused since have booked nothing."""
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    sold = await cancelling(shop, till, "lose-request", refusals=100_000)
    await till.wait(DAY_S + 3600)
    if restart:
        await till.stop()
        till = await shop.start()
        await till.wait(600)
    assert (await till.get(sold.id)).state is State.MANUAL
    assert await close_on(till, "close_confirmed") is State.CONFIRMED
    shop.world.hub.clear()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_what_stands_on_its_day_may_have_been_undone_on_a_later_one(tmp_path: Path) -> None:
    """The 2103 that was told as refused on Tuesday had reached the hub twice, and its first copy was taken."""
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    sold = await cancelling(shop, till, "lose-request", refusals=10_000)
    await till.wait(DAY_S + 3600)
    shop.world.hub.clear()
    arm(shop, TakenAndRefused(), "2103", 10_000)
    await till.wait(600)
    assert shop.live() == []
    assert (await till.get(sold.id)).state is State.MANUAL
    with pytest.raises(Misuse, match="may_be_undone"):
        await close_on(till, "close_confirmed")
    await till.stop()


@virtual
async def test_what_left_behind_a_report_does_not_stand_in_it(tmp_path: Path) -> None:
    """Both days were compared while the sale stood; what undid it, told as refused, left later the same day."""
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    await cancelling(shop, till, "lose-request", refusals=10_000)
    await till.wait(DAY_S + 3600)
    report = await reconcile(till, MONDAY)
    (row,) = [one for one in report.differences if one.action.value == "close_confirmed"]
    await reconcile(till, till.counter.today())
    shop.world.hub.clear()
    arm(shop, TakenAndRefused(), "2103", 10_000)
    await till.wait(600)
    assert shop.live() == []
    with pytest.raises(Misuse, match="days_not_reconciled"):
        await reconciliation(till).corrections.fix(MONDAY, row.id, TWO)
    await till.stop()
