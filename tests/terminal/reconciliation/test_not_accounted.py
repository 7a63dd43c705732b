"""Differences that somebody has to act on; what moves money takes two operators."""

import asyncio
from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.reconciliation.report import Group, Outcome
from tests.faults import fired
from tests.terminal.harness import Shop, virtual
from tests.terminal.reconciliation.days import (
    MONDAY,
    TUESDAY,
    FileWith,
    LessAccount,
    arm,
    facts,
    only,
    reconcile,
    reconciliation,
    unseen_and_there,
)

EMPLOYEES, RESIDENTS = Group("41", "999900", "310"), Group("41", "999900", "390")


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
    fixed = await reconciliation(till).corrections.fix(MONDAY, found.id, ("A1", "B2"))
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
    fixed = await reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "B2"))
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
    fixing = asyncio.ensure_future(
        reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "B2"))
    )
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
            await reconciliation(till).corrections.fix(MONDAY, found, pair)
    with pytest.raises(Misuse, match="bad_request"):
        await reconciliation(till).corrections.fix(MONDAY, found, ("A1", "B\n2"))
    with pytest.raises(Misuse, match="no_such_difference"):
        await reconciliation(till).corrections.fix(MONDAY, "0" * 10, ("A1", "B2"))
    with pytest.raises(Misuse, match="not_reconciled"):
        await reconciliation(till).corrections.fix(TUESDAY, found, ("A1", "B2"))
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
    await reconciliation(till).corrections.fix(MONDAY, lie.id, ("A1", "B2"))
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
    await reconciliation(till).corrections.fix(MONDAY, found.id, ("A1", "B2"))
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
    await till.counter.sales.confirm(booked.id, "T01")
    states = {one.settlement_id: (one.kind, one.action) for one in (await reconcile(till)).differences}
    assert states[booked.id] == ("hub_only", "wait")
    shop.world.hub.clear()
    await till.quiet()
    await till.stop()
