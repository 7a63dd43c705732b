"""A hub that words "already cancelled" in its own way, and whose refund flag may stay at 0: what its refusals prove then."""

from pathlib import Path

import msgspec
import pytest

from protocols.hub.profile_sections import ReversalAnswer
from simulators.hub.faults import Delivery, Exchange, _Fault, parse_fault
from terminal.core.events import Misuse
from terminal.core.states import State
from tests.profiles.rig import profile_of
from tests.terminal.counter.endings import told
from tests.terminal.harness import Shop, Till, virtual
from tests.terminal.reconciliation.days import DAY_S, MONDAY, arm, reconcile, reconciliation

TWO = ("A1", "B2")


class TakenAndRefused(_Fault, frozen=True):
    """A gateway delivers the request twice, and hands on the answer to the second copy, under its number."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """The first is booked, the second refused in other words."""
        exchange.ask(exchange.request)
        return parse_fault("refuse").deliver(exchange)


def unworded(tmp_path: Path, turns: str) -> Shop:
    """A shop at a hub whose "already" is none of the profile's patterns."""
    profile = profile_of(f"[recon]\nrefd_flag_on_original = {turns}")
    known = (ReversalAnswer(pattern=r"\[SETL_NOT_FOUND\]", means="not_found"),)
    outcome = msgspec.structs.replace(profile.outcome, reversal_answers=known)
    return Shop(tmp_path, profile=msgspec.structs.replace(profile, outcome=outcome))


async def close_on(till: Till, action: str) -> State:
    """Two people close what waits on Monday as its report proposes."""
    report = await reconcile(till, MONDAY)
    (row,) = [one for one in report.differences if one.action.value == action]
    await reconcile(till, till.counter.today())
    return (await reconciliation(till).corrections.fix(MONDAY, row.id, TWO)).settlement.state


@virtual
async def test_a_lost_answer_is_made_up_for_where_the_flag_tells(tmp_path: Path) -> None:
    shop = unworded(tmp_path, "true")
    till = await shop.start()
    sold = await till.settle()
    shop.arm("lose-answer", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    await till.quiet()
    assert (await till.get(sold.id)).state is State.CANCELLED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_where_no_flag_tells_a_refused_repeat_is_never_told_as_standing(tmp_path: Path) -> None:
    """The hub has cancelled it and says so in words that nobody knows: a person is called, and the day's 3202 shows it."""
    shop = unworded(tmp_path, "false")
    till = await shop.start()
    sold = await till.settle()
    shop.arm("lose-answer", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
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
    sold = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    shop.arm("refuse", "2103", 100_000)
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
    sold = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    shop.arm("refuse", "2103", 10_000)
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
    sold = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    shop.arm("refuse", "2103", 10_000)
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
