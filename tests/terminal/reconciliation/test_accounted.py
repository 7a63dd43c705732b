"""Differences that the journal explains: each has a cause, and nobody has to act."""

import asyncio
from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.reconciliation.report import Group, Outcome
from tests.faults import fired
from tests.terminal.harness import NINE, Shop, counter_config, virtual
from tests.terminal.reconciliation.days import (
    DAY_S,
    MONDAY,
    TUESDAY,
    facts,
    neighbour,
    only,
    reconcile,
    reconciliation,
)
from yibao.site.virtual_loop import VirtualClock

EMPLOYEES, RESIDENTS = Group("41", "999900", "310"), Group("41", "999900", "390")


@virtual
async def test_a_lost_answer_that_was_reversed_is_two_records_at_the_hub_and_none_here(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0001")
    shop.arm("lose-answer", "2102")
    lost = await till.settle("0002", who="ji")
    await till.quiet()
    report = await reconcile(till)
    assert report.outcome is Outcome.EXPLAINED
    assert facts(report) == [("hub_only", "late_answer", "none")] * 2
    assert {one.settlement_id for one in report.differences} == {lost.id}
    assert [(one.refunded, one.hub and one.hub.total_fen, one.insutype) for one in report.differences] == [
        (False, 3750, "310"),
        (True, -3750, "310"),
    ]
    assert report.groups[0].accounted is True, "the hub has signed that the file's lines are all of it"
    assert (report.details[0].uploaded, report.details[0].listed) == (1, 2)
    await till.stop()


@virtual
async def test_a_crash_is_named_as_the_cause(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    dying = asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))
    till.watch.stop_at = (
        len(till.watch.points) + 3
    )  # written, before the 2102, after it: the answer is never read
    await till.watch.stopped.wait()
    await asyncio.gather(dying, return_exceptions=True)
    await till.kill()
    till = await shop.start()
    await till.quiet()
    assert till.states() == [State.REVERSED]
    assert facts(await reconcile(till)) == [("hub_only", "crash", "none")] * 2
    await till.stop()


@virtual
async def test_a_reversal_after_the_cut_off_lies_on_two_days(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 3600)
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 20)
    lost = await till.settle()
    await till.quiet(2 * 3600)
    assert (await till.get(lost.id)).state is State.REVERSED
    assert shop.clock.now().date() == TUESDAY
    monday, tuesday = await reconcile(till), await reconcile(till, TUESDAY)
    assert facts(monday) == [("hub_only", "reversal_after_cutoff", "none")]
    assert facts(tuesday) == [("hub_only", "late_answer", "none")]
    assert (monday.outcome, tuesday.outcome) == (Outcome.EXPLAINED, Outcome.EXPLAINED)
    assert monday.groups[0].accounted is True
    await till.stop()


@virtual
async def test_a_reversal_just_before_the_end_of_the_day_may_lie_on_the_next_one_at_the_hub(
    tmp_path: Path,
) -> None:
    """Our clock may be ten minutes behind the hub's without any suspicion (PD-8)."""
    shop = Shop(tmp_path)
    shop.clock = VirtualClock(asyncio.get_running_loop(), NINE)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 20)
    priced = await till.quote()
    shop.clock.jump(-9 * 60)
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 5)
    lost = await till.counter.sales.confirm(priced.id, "T01")
    await till.quiet(3600)
    (undone,) = [sent for sent in till.journal.attempts.sent_for(lost.id) if sent.verdict == "done"]
    assert undone.ended_at is not None
    assert undone.ended_at.date() == MONDAY
    fired("F33")
    await till.wait(3600)
    monday, tuesday = await reconcile(till), await reconcile(till, TUESDAY)
    assert facts(monday) == [("hub_only", "reversal_after_cutoff", "none")]
    assert [(one.settlement_id, one.refunded, one.is_open) for one in tuesday.differences] == [
        (lost.id, True, False)
    ]
    await till.stop()


@virtual
async def test_a_cancellation_without_an_answer_may_lie_on_the_next_day_at_the_hub(tmp_path: Path) -> None:
    """Seed 343340693: no signed time says when it was booked, and our clock was 98 seconds behind the hub's."""
    shop = Shop(tmp_path)
    shop.clock = VirtualClock(asyncio.get_running_loop(), NINE)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 20)
    sold = await till.settle()
    shop.clock.jump(-98)
    await till.wait(30)
    shop.arm("lose-answer", "2103")
    doubtful = await till.counter.sales.cancel(sold.id, "T01", "退货")
    assert doubtful.state is State.CANCEL_DOUBT
    await till.quiet(3600)
    assert (await till.get(sold.id)).state is State.CANCELLED
    await till.wait(3600)
    monday, tuesday = await reconcile(till), await reconcile(till, TUESDAY)
    assert facts(monday) == [("terminal_only", "lost_cancellation_answer", "none")]
    assert facts(tuesday) == [("hub_only", "lost_cancellation_answer", "none")]
    await till.stop()


@virtual
async def test_a_record_of_another_terminal_is_its_own_business(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    shop = Shop(tmp_path / "1")
    till = await shop.start()
    other = await neighbour(shop, tmp_path / "2").start(config=counter_config("T02", 2))
    await till.settle("0001")
    theirs = await other.settle("0001", who="ji")
    report = await reconcile(till)
    assert (report.outcome, facts(report)) == (Outcome.EXPLAINED, [("hub_only", "other_terminal", "none")])
    assert (only(report).msgid, only(report).settlement_id) == (theirs.settle_msgid, "")
    assert report.groups[0].accounted is True
    mirrored = await reconcile(other)
    assert facts(mirrored) == [("hub_only", "other_terminal", "none")]
    with pytest.raises(Misuse, match="nothing_to_fix"):
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "B2"))
    await till.stop()
    await other.stop()


@virtual
async def test_a_cancellation_whose_answer_was_lost_is_accounted_for_without_its_number(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-answer", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "退货")
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    report = await reconcile(till)
    assert report.outcome in (Outcome.LEVEL, Outcome.EXPLAINED)
    assert {cause for _, cause, _ in facts(report)} <= {"lost_cancellation_answer"}
    await till.stop()
