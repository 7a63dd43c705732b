"""Whole days over the in-memory link: every kind of difference produced for real, found, named, and put right."""

import asyncio
import datetime as dt
import itertools
import time
from pathlib import Path

import msgspec
import pytest

from protocols.hub.envelope import message_id
from simulators.hub.desk import HubSettings
from terminal.config import ReconciliationConfig
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import AttemptEnded, AttemptSent, Move, Notice, Settlement
from terminal.journal.records import Commit, Stamp
from terminal.journal.sheet import encode_sheet
from terminal.reconciliation.report import Group, Outcome, Sums
from tests.faults import fired
from tests.terminal.harness import INSTITUTION, NINE, Shop, Till, counter_config, virtual
from tests.terminal.reconciliation.days import (
    DAY_S,
    MONDAY,
    TUESDAY,
    FileWith,
    LessAccount,
    Withhold,
    arm,
    deliver,
    facts,
    neighbour,
    only,
    reconcile,
    reconciliation,
)
from yibao.site.virtual_loop import VirtualClock

EMPLOYEES, RESIDENTS = Group("41", "999900", "310"), Group("41", "999900", "390")


# -- level ---------------------------------------------------------------------------------------------


@virtual
async def test_a_day_with_sales_and_a_cancellation_is_level_by_totals_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0001")
    await till.settle("0002", who="ding")
    cancelled = await till.settle("0003", who="ji")
    await till.counter.cancel(cancelled.id, "T01", "换货")
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
    await till.counter.acknowledge(settled.id, "T01")
    await till.wait(DAY_S)
    assert (await till.counter.cancel(settled.id, "T01", "次日退货")).state is State.CANCELLED
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
    assert (await till.counter.confirm(priced.id, "T01")).state is State.CONFIRMED
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
    assert (await till.counter.confirm(priced.id, "T01")).state is State.CONFIRMED
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
    assert (await till.counter.confirm(priced.id, "T01")).state is State.CONFIRMED
    assert (await till.counter.cancel(priced.id, "T01", "退货")).state is State.CANCELLED
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
    await till.counter.confirm(priced.id, "T01")
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


# -- accounted for ---------------------------------------------------------------------------------------


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
    dying = asyncio.ensure_future(till.counter.confirm(priced.id, "T01"))
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
    lost = await till.counter.confirm(priced.id, "T01")
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
    doubtful = await till.counter.cancel(sold.id, "T01", "退货")
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
        await reconciliation(till).fix(MONDAY, only(report).id, ("A1", "B2"))
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
    await till.counter.cancel(settled.id, "T01", "退货")
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    report = await reconcile(till)
    assert report.outcome in (Outcome.LEVEL, Outcome.EXPLAINED)
    assert {cause for _, cause, _ in facts(report)} <= {"lost_cancellation_answer"}
    await till.stop()


# -- not accounted for -------------------------------------------------------------------------------------


async def unseen_and_there(shop: Shop, till: Till, number: str = "0001") -> str:
    """A 2102 stays in the network until 2601 was twice told that there is no such record; then it is booked."""
    held: list[bytes] = []
    arm(shop, Withhold(held), "2102")
    lost = await till.settle(number)
    await till.quiet()
    assert (await till.get(lost.id)).unseen
    deliver(shop, held[0])
    assert lost.settle_msgid in [record.msgid for record in shop.live()]
    return lost.id


@virtual
async def test_what_was_booked_after_two_times_not_found_is_reversed_by_two_people(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    lost = await unseen_and_there(shop, till)
    assert shop.balance_fen() == 6000 - 3750, "the customer is charged for a sale that is over"
    report = await reconcile(till)
    assert (report.outcome, facts(report)) == (
        Outcome.DIFFERS,
        [("hub_only", "committed_after_not_found", "reverse")],
    )
    found = only(report)
    assert (found.settlement_id, found.state, found.operators_needed) == (lost, "REVERSED", 2)
    fired("F57")
    fixed = await reconciliation(till).fix(MONDAY, found.id, ("A1", "B2"))
    assert (fixed.settlement.state, fixed.settlement.unseen) == (State.REVERSED, False)
    assert (shop.live(), shop.balance_fen()) == ([], 6000)
    assert till.moves(lost)[-2:] == ["REVERSED>REVERSING", "REVERSING>REVERSED"]
    correction = next(record for record in till.audit() if record["action"] == "correction")
    assert (correction["actor"], lost in correction["note"]) == ("A1+B2", True)
    assert report.details[0].file_sm3 in correction["note"], "the evidence is named"
    after = await reconcile(till)
    assert (after.outcome, facts(after)) == (
        Outcome.EXPLAINED,
        [("hub_only", "late_answer", "none")] * 2,
    )
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_sale_settled_anew_meanwhile_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """The worst of all: charged twice. The second settlement stays, the first is reversed."""
    shop = Shop(tmp_path)
    till = await shop.start()
    lost = await unseen_and_there(shop, till)
    again = await till.settle("0001")
    assert (again.state, again.key.generation) == (State.CONFIRMED, 2)
    assert len(shop.live()) == 2
    report = await reconcile(till)
    assert facts(report) == [("hub_only", "committed_after_not_found", "reverse")]
    fixed = await reconciliation(till).fix(MONDAY, only(report).id, ("A1", "B2"))
    assert fixed.settlement.id == lost
    await till.quiet()
    assert [record.msgid for record in shop.live()] == [again.settle_msgid]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_correction_interrupted_by_a_crash_is_finished_after_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    lost = await unseen_and_there(shop, till)
    report = await reconcile(till)
    till.watch.stop_at = len(till.watch.points) + 3  # the note, the 2601 written, and it is about to leave
    fixing = asyncio.ensure_future(reconciliation(till).fix(MONDAY, only(report).id, ("A1", "B2")))
    await till.watch.stopped.wait()
    await asyncio.gather(fixing, return_exceptions=True)
    await till.kill()
    till = await shop.start()
    await till.quiet()
    assert (await till.get(lost)).state is State.REVERSED
    assert shop.live() == []
    await till.stop()


@virtual
async def test_one_operator_is_not_two(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    found = only(await reconcile(till)).id
    for pair in (("A1", "A1"), ("A1", " a1 "), ("A1", "Ａ１"), ("A1", ""), ("", "B2"), (" ", "B2")):
        with pytest.raises(Misuse, match="two_operators"):
            await reconciliation(till).fix(MONDAY, found, pair)
    with pytest.raises(Misuse, match="bad_request"):
        await reconciliation(till).fix(MONDAY, found, ("A1", "B\n2"))
    with pytest.raises(Misuse, match="no_such_difference"):
        await reconciliation(till).fix(MONDAY, "0" * 10, ("A1", "B2"))
    with pytest.raises(Misuse, match="not_reconciled"):
        await reconciliation(till).fix(TUESDAY, found, ("A1", "B2"))
    assert len(shop.live()) == 1, "nothing was done"
    assert [record for record in till.audit() if record["action"] == "correction"] == []
    await till.stop()


@virtual
async def test_a_line_that_lies_about_an_unseen_reversal_undoes_nothing(tmp_path: Path) -> None:
    """The file is not signed. What is done on its word is asked of the hub, and the hub's signed answer decides."""
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-request", "2102")
    gone = await till.settle("0001")
    await till.quiet()
    assert (await till.get(gone.id)).unseen
    shop.arm("lose-answer", "2102")
    other = await till.settle("0002", who="ji")
    await till.quiet()
    person, theirs = (shop.world.person(who).psn_no for who in ("jia", "ji"))
    arm(
        shop,
        FileWith(f"{theirs}\tnull\tnull\t{other.settle_msgid}", f"{person}\tnull\tnull\t{gone.settle_msgid}"),
        "9102",
    )
    report = await reconcile(till)
    lie = next(one for one in report.differences if one.settlement_id == gone.id)
    assert (lie.cause, lie.action) == ("committed_after_not_found", "reverse")
    await reconciliation(till).fix(MONDAY, lie.id, ("A1", "B2"))
    await till.quiet()
    assert ((await till.get(gone.id)).state, (await till.get(gone.id)).unseen) == (State.REVERSED, True)
    assert shop.balance_fen() == 6000
    await till.stop()


@virtual
async def test_other_amounts_in_a_signed_answer_are_found_and_cancelled_by_two_people(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    arm(shop, LessAccount(), "2102")
    settled = await till.settle()
    assert settled.state is State.CONFIRMED
    report = await reconcile(till)
    assert facts(report) == [("amount_differs", "amounts_differ", "cancel")]
    fired("F57")
    found = only(report)
    assert found.hub is not None
    assert found.own is not None
    assert (found.hub.account_fen, found.own.account_fen, found.own.cash_fen) == (3750, 3749, 1)
    assert report.groups[0].accounted is True
    await reconciliation(till).fix(MONDAY, found.id, ("A1", "B2"))
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    assert (shop.live(), shop.balance_fen()) == ([], 6000)
    await till.stop()


@virtual
async def test_what_the_hub_has_forgotten_is_taken_up_with_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.world.ledger._database.execute("UPDATE settlement SET fixmedins_code = 'P99990000003'")
    report = await reconcile(till)
    assert facts(report) == [("terminal_only", "missing_at_hub", "ask_hub")]
    fired("F57")
    assert (only(report).settlement_id, only(report).hub) == (settled.id, None)
    assert report.groups[0].accounted is True
    await till.stop()


@virtual
async def test_a_doubt_that_is_still_open_is_listed_and_waited_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-request", "2102")
    shop.arm("lose-request", "2601", 50)
    await till.settle("0001")
    report = await reconcile(till)
    assert (report.outcome, facts(report)) == (Outcome.DIFFERS, [("open", "still_open", "wait")])
    shop.world.hub.clear()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 50)
    await till.wait(121)
    booked = await till.quote("0002", who="ji")
    await till.counter.confirm(booked.id, "T01")
    states = {one.settlement_id: (one.kind, one.action) for one in (await reconcile(till)).differences}
    assert states[booked.id] == ("hub_only", "wait")
    shop.world.hub.clear()
    await till.quiet()
    await till.stop()


# -- what waits for people -----------------------------------------------------------------------------------


async def down_for_a_day(shop: Shop, till: Till) -> None:
    """The hub is away until the terminal calls a person; now it is back, but leaves what undoes unanswered."""
    shop.hub_link.down = True
    await till.wait(25 * 3600)
    assert till.states() == [State.MANUAL]
    for infno in ("2601", "2103", "5203"):
        shop.arm("lose-request", infno, 10_000)
    shop.hub_link.down = False


@virtual
async def test_a_doubt_in_manual_is_closed_on_the_hubs_signed_level(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-request", "2102")
    lost = await till.settle()
    await down_for_a_day(shop, till)
    report = await reconcile(till)
    assert report.groups[0].outcome is Outcome.LEVEL
    assert facts(report) == [("open", "waits_for_people", "close_reversed")]
    fixed = await reconciliation(till).fix(MONDAY, only(report).id, ("A1", "B2"))
    assert fixed.settlement.state is State.REVERSED
    assert fixed.settlement.notice == Notice("reversed_by_ruling")
    move = [
        record for record in till.audit() if record.get("old") == "MANUAL" and record["object"] == lost.id
    ][-1]
    assert (move["new"], move["actor"], "3201" in move["reason"]) == ("REVERSED", "A1+B2", True)
    assert till.counter.doubts() == []
    await till.stop()


@virtual
async def test_a_doubt_in_manual_that_stands_at_the_hub_is_not_closed_but_reversed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    lost = await till.settle()
    shop.hub_link.down = True
    await down_for_a_day(shop, till)
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
    await till.counter.cancel(settled.id, "T01", "退货")
    await down_for_a_day(shop, till)
    report = await reconcile(till)
    assert [one[1:] for one in facts(report)] == [("waits_for_people", action)]
    fixed = await reconciliation(till).fix(MONDAY, only(report).id, ("A1", "B2"))
    assert fixed.settlement.state is state
    assert len(shop.live()) == (1 if state is State.CONFIRMED else 0)
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_day_that_is_not_over_proves_no_absence(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.wait(DAY_S - 9 * 3600 - 20)
    shop.arm("lose-request", "2102")
    await till.settle()
    await down_for_a_day(shop, till)
    assert facts(await reconcile(till)) == [("open", "waits_for_people", "wait")], (
        "sent a minute before midnight"
    )
    shop.world.hub.clear()
    await till.quiet()
    await till.stop()


# -- the hub's ways --------------------------------------------------------------------------------------------


@virtual
async def test_the_six_digit_codes_of_newer_hubs_are_read_as_well(tmp_path: Path) -> None:
    shop = Shop(tmp_path, settings=HubSettings(stmt_rslt="six_digits"))
    till = await shop.start()
    await unseen_and_there(shop, till)
    report = await reconcile(till)
    assert [one.hub_code for one in report.groups] == ["000101", "000000"]
    assert facts(report) == [("hub_only", "committed_after_not_found", "reverse")]
    await till.stop()


@virtual
async def test_a_hub_that_is_not_there_leaves_the_day_uncompared(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle()
    shop.arm("lose-answer", "3201")
    report = await reconcile(till)
    assert (report.outcome, report.differences) == (Outcome.NOT_COMPARED, ())
    assert [(one.outcome, one.reason) for one in report.groups] == [
        (Outcome.NOT_COMPARED, "disconnected")
    ] * 2
    asked = [message.infno for message in shop.world.ledger.messages()]
    assert asked.count("3201") == 1, "silence is not asked for twice"
    assert (await reconcile(till)).outcome is Outcome.LEVEL
    await till.stop()


@virtual
async def test_a_forged_level_is_no_level(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("bad-signature", "3201", 2)
    report = await reconcile(till)
    assert [one.reason for one in report.groups] == ["bad signature"] * 2
    assert report.outcome is Outcome.NOT_COMPARED
    await till.stop()


@virtual
@pytest.mark.parametrize("infno", ["9101", "3202", "9102"])
async def test_an_answer_lost_on_the_way_to_the_file_is_said_and_the_next_run_is_whole(
    tmp_path: Path, infno: str
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    shop.arm("lose-answer", infno)
    report = await reconcile(till)
    assert (report.outcome, report.details[0].reason) == (Outcome.NOT_COMPARED, "disconnected")
    assert facts(await reconcile(till)) == [("hub_only", "committed_after_not_found", "reverse")]
    await till.stop()


@virtual
async def test_a_forgotten_sign_in_is_made_again_on_the_way(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle()
    shop.world.ledger.remove_sign_in(till.counter.hub.sign_in_no)
    assert (await reconcile(till)).outcome is Outcome.LEVEL
    await till.stop()


@virtual
async def test_what_goes_up_is_in_the_audit_log_before_it_leaves(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till)
    shop.arm("lose-request", "9101")
    await reconcile(till)
    noted = [record for record in till.audit() if record["action"] == "upload"]
    assert len(noted) == 1
    assert "3202_20261123.zip msgid P99990000001" in noted[0]["note"]
    assert [record["actor"] for record in till.audit() if record["action"] == "reconciled"] == ["tester"]
    await till.stop()


@virtual
async def test_a_day_to_come_is_refused_and_a_day_not_asked_about_is_not_there(tmp_path: Path) -> None:
    till = await Shop(tmp_path).start()
    with pytest.raises(Misuse, match="bad_request"):
        await reconcile(till, TUESDAY)
    with pytest.raises(Misuse, match="not_reconciled"):
        reconciliation(till).last(MONDAY)
    report = await reconcile(till)
    assert reconciliation(till).last(MONDAY) == report
    await till.stop()


# -- every day -----------------------------------------------------------------------------------------------


@virtual
async def test_the_day_before_is_reconciled_by_itself_at_the_configured_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    config = counter_config()
    till = await shop.start(
        config=msgspec.structs.replace(config, reconciliation=ReconciliationConfig(daily_at="10:30"))
    )
    await till.settle()
    await till.wait(DAY_S + 3600)
    assert reconciliation(till).last(MONDAY - dt.timedelta(days=1)).outcome is Outcome.LEVEL
    with pytest.raises(Misuse):
        reconciliation(till).last(MONDAY)
    shop.arm("lose-answer", "3201", 2)
    await till.wait(3600)
    report = reconciliation(till).last(MONDAY)
    assert report.outcome is Outcome.LEVEL, "tried again after ten minutes, until the hub answers"
    assert report.made_at.startswith("2026-11-24 10:5")
    told = [entry.notice for entry in till.counter.feed.entries if entry.notice is not None]
    assert Notice("reconciled_level", {"date": "2026-11-23"}) in told
    await till.stop()


@virtual
async def test_without_a_configured_time_nothing_is_asked_by_itself(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.wait(2 * DAY_S)
    assert "3201" not in [message.infno for message in shop.world.ledger.messages()]
    await till.stop()


# -- a large day -----------------------------------------------------------------------------------------------


def settled_again(shop: Shop, till: Till, settled: Settlement, number: int) -> None:
    """The same sale once more under another number, in the journal and in the hub's books."""
    (record,) = shop.world.ledger.by_msgid(settled.settle_msgid)
    assert settled.booking is not None
    at = NINE + dt.timedelta(seconds=10 * number)
    msgid, setl_id = message_id(INSTITUTION, at, 1, 99), f"SETL{number:017d}"
    info = msgspec.structs.replace(settled.booking.info, settlement_id=setl_id)
    copied = msgspec.structs.replace(
        settled,
        id=f"S{number:024x}",
        key=msgspec.structs.replace(settled.key, sale_number=f"{number:04d}"),
        settle_msgid=msgid,
        booking=msgspec.structs.replace(settled.booking, info=info),
    )
    shop.world.ledger.add_settlement(msgspec.structs.replace(record, msgid=msgid, setl_id=setl_id))
    row, stamp = till.journal.settlements.get(settled.id), Stamp(at, float(number))
    assert row is not None
    row = msgspec.structs.replace(row, id=copied.id, key=copied.key, sheet=encode_sheet(copied), opened_at=at)
    path = (State.DRAFT, State.PRICED, State.ARMED, State.SENDING, State.CONFIRMED)
    opened = msgspec.structs.replace(row, state=State.DRAFT, amounts=None)
    stored = till.journal.open_sale(opened, None, "test", stamp)
    row = msgspec.structs.replace(row, terminal_sequence=stored.terminal_sequence)
    till.journal.commit(
        Commit(
            row=row,
            moves=tuple(Move(source, target, "copied") for source, target in itertools.pairwise(path)),
            actor="test",
            stamp=stamp,
            sent=AttemptSent(msgid, "SETTLE", "2102", "key", b"{}"),
            ended=AttemptEnded(msgid, "ANSWERED", "done", b"{}"),
        )
    )


@virtual
async def test_a_day_of_a_thousand_settlements_is_compared_line_by_line_in_no_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await unseen_and_there(shop, till, "9000")
    settled = await till.settle("0000")
    for number in range(1, 1000):
        settled_again(shop, till, settled, number)
    began_s = time.perf_counter()
    report = await reconcile(till)
    spent_s = time.perf_counter() - began_s
    assert report.groups[0].own.count == report.details[0].uploaded == 1000
    assert facts(report) == [("hub_only", "committed_after_not_found", "reverse")]
    assert report.groups[0].accounted is True
    assert spent_s < 5.0, "a second or so, on a slow machine too"
    await till.stop()
