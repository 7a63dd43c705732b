"""Goods come back: the whole is cancelled, what remains is sold anew; each half may end in doubt, and neither twice."""

import asyncio
from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Settlement
from terminal.counter.engine import Busy
from terminal.counter.wishes import LineWish, RefundWish, ReturnWish
from terminal.journal.records import JournalFailed
from tests.faults import fired
from tests.terminal.clinic.clinic import Clinic
from tests.terminal.harness import PILLS, Shop, Till, virtual

SYRUP = LineWish(
    national_code="XTEST000000000000000D03", own_code="SKU0004", name="测试止咳糖浆", spec="100ml", price="8.00", quantity="2",
    trace_codes=("89999990000000000001", "89999990000000000002"),
)  # fmt: skip
SHEET = (PILLS, SYRUP)
"""37.50 + 16.00 = 53.50 yuan."""
ONE_BACK = RefundWish((ReturnWish(1, "1"),), reason="包装破损")
"""One of three boxes of the first line: 41.00 yuan remain."""


async def refund(till: Till, settlement: Settlement, wish: RefundWish = ONE_BACK) -> Settlement:
    """Take goods back."""
    return await till.counter.refunds.begin(settlement.id, wish, "T01")


async def begin_in_doubt(till: Till, fault: str = "lose-answer") -> Settlement:
    """Sell, and take goods back while the line is bad: nobody knows yet whether the sale is cancelled."""
    sold = await till.settle("0001", SHEET)
    till.shop.arm(fault, "2103")
    till.shop.arm("lose-request", "5203", 2)
    assert (await refund(till, sold)).state is State.CANCEL_DOUBT
    return sold


def fail_commits(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the disk takes no commit of this till."""

    def full(commit: object) -> None:
        till.journal.store.fail("IOError")
        raise JournalFailed("IOError")

    monkeypatch.setattr(till.journal, "commit", full)


async def rest_of(till: Till, settlement: Settlement) -> Settlement:
    """The sale of what remains."""
    known = await till.get(settlement.id)
    assert known.refund is not None
    return await till.get(known.refund.rest_id)


async def settle_rest(till: Till, settlement: Settlement, who: str = "jia") -> Settlement:
    """The customer shows a fresh code for what remains, and agrees."""
    rest = await rest_of(till, settlement)
    priced = await till.counter.media.give_code(rest.id, till.shop.code(who))
    assert priced.state is State.PRICED, priced.notice
    return await till.counter.sales.confirm(rest.id, "T01")


def code_of(settlement: Settlement) -> str:
    """The code of what the operator is told."""
    assert settlement.notice is not None
    return settlement.notice.code


@virtual
async def test_a_part_comes_back_and_the_rest_is_settled_anew(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    before = shop.balance_fen()
    sold = await till.settle("0001", SHEET)
    old = await refund(till, sold)
    assert old.state is State.CANCELLED
    assert code_of(old) == "refund_cancelled"
    assert shop.balance_fen() == before
    rest = await rest_of(till, sold)
    assert rest.state is State.DRAFT
    assert (rest.key.sale_number, rest.key.generation) == ("0001", 2)
    assert [(line.number, line.name, line.amount_fen) for line in rest.lines] == [
        (1, "测试降糖片", 2500),
        (2, "测试止咳糖浆", 1600),
    ]
    settled = await settle_rest(till, sold)
    assert settled.state is State.CONFIRMED
    assert settled.booking is not None
    assert settled.booking.split.total_fen == 4100
    await till.quiet()
    shop.assert_books_agree(till)
    assert [record.result.total_fen for record in shop.live()] == [4100]
    await till.stop()


@virtual
async def test_the_two_slips_name_each_other(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold)
    await settle_rest(till, sold)
    await till.quiet()
    assert sold.booking is not None
    first, cancelled, anew = shop.printer.texts()
    assert "退货" not in first
    assert "退货：测试降糖片 1" in cancelled
    assert "T01-20261123-0001-2" in cancelled.replace("\n", "")
    assert "T01-20261123-0001" in anew
    assert sold.booking.info.settlement_id in anew.replace("\n", "")
    await till.stop()


@virtual
async def test_everything_comes_back_and_nothing_is_opened(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    old = await refund(till, sold, RefundWish(everything=True))
    assert (old.state, code_of(old)) == (State.CANCELLED, "refund_done")
    assert old.refund is not None
    assert old.refund.rest_id == ""
    assert till.states() == [State.CANCELLED]
    await till.quiet()
    assert "全部退回" in shop.printer.texts()[-1]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_every_line_named_whole_is_everything(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    old = await refund(till, sold, RefundWish((ReturnWish(2), ReturnWish(1, "3"))))
    assert code_of(old) == "refund_done"
    await till.stop()


@virtual
async def test_trace_codes_of_what_comes_back_leave_the_new_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    with pytest.raises(Misuse, match="refund_trace_codes"):
        await refund(till, sold, RefundWish((ReturnWish(2, "1"),)))
    with pytest.raises(Misuse, match="refund_trace_codes"):
        await refund(till, sold, RefundWish((ReturnWish(2, "1", ("89999990000000000009",)),)))
    await refund(till, sold, RefundWish((ReturnWish(2, "1", ("89999990000000000001",)),)))
    rest = await rest_of(till, sold)
    assert rest.lines[1].trace_codes == ("89999990000000000002",)
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.stop()


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (RefundWish(), "refund_line"),
        (RefundWish((ReturnWish(3),)), "refund_line"),
        (RefundWish((ReturnWish(0),)), "refund_line"),
        (RefundWish((ReturnWish(1, "1"), ReturnWish(1, "2"))), "refund_line"),
        (RefundWish((ReturnWish(1, "3.01"),)), "refund_too_much"),
        (RefundWish((ReturnWish(1, "0"),)), "refund_too_much"),
        (RefundWish((ReturnWish(1, "-1"),)), "refund_too_much"),
        (RefundWish((ReturnWish(1, "1e3"),)), "bad_request"),
        (RefundWish((ReturnWish(1, "NaN"),)), "bad_request"),
        (RefundWish((ReturnWish(1),), everything=True), "bad_request"),
    ],
)
@virtual
async def test_what_cannot_come_back_changes_nothing(wish: RefundWish, code: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    with pytest.raises(Misuse, match=code):
        await refund(till, sold, wish)
    assert (await till.get(sold.id)).refund is None
    assert till.states() == [State.CONFIRMED]
    assert len(shop.live()) == 1
    await till.stop()


@virtual
async def test_the_same_refund_twice_is_one_and_another_is_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    first = await refund(till, sold)
    again = await refund(till, sold)
    assert again.refund == first.refund
    assert len(till.rows()) == 2
    with pytest.raises(Misuse, match="refund_differs"):
        await refund(till, sold, RefundWish((ReturnWish(1, "2"),)))
    await till.kill()
    till = await shop.start()
    assert (await refund(till, sold)).refund == first.refund
    assert len(till.rows()) == 2
    await till.stop()


@virtual
async def test_the_same_packs_read_in_another_order_are_the_same_refund(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    codes = ("89999990000000000001", "89999990000000000002")
    first = await refund(till, sold, RefundWish((ReturnWish(2, "2", codes),)))
    again = await refund(till, sold, RefundWish((ReturnWish(2, "2", codes[::-1]),)))
    assert again.refund == first.refund
    assert len(till.rows()) == 2
    await till.stop()


@virtual
async def test_twenty_tills_take_the_same_goods_back_at_once_and_it_is_one_refund(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    shop.arm("delay 2", "2103")
    outcomes = await asyncio.gather(*(refund(till, sold) for _ in range(20)))
    assert {outcome.state for outcome in outcomes} == {State.CANCELLED}
    assert len(till.rows()) == 2
    assert [attempt[1] for attempt in till.attempts(sold.id)] == ["2102", "2103"]
    await till.stop()


@virtual
async def test_two_different_refunds_at_once_are_one_and_a_refusal(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    shop.arm("delay 2", "2103")
    first, second = await asyncio.gather(
        refund(till, sold), refund(till, sold, RefundWish(everything=True)), return_exceptions=True
    )
    assert isinstance(first, Settlement)
    assert isinstance(second, Misuse)
    assert second.code == "refund_differs"
    assert len(till.rows()) == 2
    await till.stop()


@virtual
async def test_the_new_sale_can_be_refunded_in_its_turn(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold)
    anew = await settle_rest(till, sold)
    await refund(till, anew)
    last = await settle_rest(till, anew)
    assert last.key.generation == 3
    assert last.booking is not None
    assert last.booking.split.total_fen == 2850
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_sale_that_is_not_settled_has_nothing_to_refund(tmp_path: Path) -> None:
    """Before the money, in doubt, cancelled: refused, and nothing is sent."""
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote("0001", SHEET)
    with pytest.raises(Misuse, match="nothing_to_refund"):
        await refund(till, priced)
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 2)
    await till.counter.sales.confirm(priced.id, "T01")
    await till.wait(0.1)
    with pytest.raises((Misuse, Busy)) as refused:
        await refund(till, priced)
    assert str(refused.value) in ("nothing_to_refund", priced.id)
    await till.quiet()
    with pytest.raises(Misuse, match="nothing_to_refund"):
        await refund(till, priced)
    await till.stop()


@virtual
async def test_a_refused_cancellation_leaves_the_sale_and_no_plan(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    shop.hub_link.down = True
    kept = await refund(till, sold)
    assert (kept.state, kept.refund, code_of(kept)) == (State.CONFIRMED, None, "cancel_not_sent")
    shop.hub_link.down = False
    done = await refund(till, sold, RefundWish((ReturnWish(1, "2"),)))
    assert done.state is State.CANCELLED
    await till.stop()


@pytest.mark.parametrize("fault", ["lose-request", "lose-answer", "bad-signature", "html"])
@virtual
async def test_while_the_cancellation_is_in_doubt_nothing_is_opened(fault: str, tmp_path: Path) -> None:
    """Fault F65 inside a refund: the plan waits until CANCELLED is known, then the rest is opened by itself."""
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await begin_in_doubt(till, fault)
    fired("F65")
    doubtful = await till.get(sold.id)
    assert doubtful.refund is not None
    assert len(till.rows()) == 1
    assert (await refund(till, sold)).state is State.CANCEL_DOUBT
    with pytest.raises(Misuse, match="refund_differs"):
        await refund(till, sold, RefundWish(everything=True))
    await till.quiet()
    assert (await till.get(sold.id)).state is State.CANCELLED
    assert (await rest_of(till, sold)).state is State.DRAFT
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_plan_survives_a_kill_while_the_cancellation_is_in_doubt(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await begin_in_doubt(till)
    await till.kill()
    till = await shop.start()
    await till.quiet()
    rest = await rest_of(till, sold)
    assert rest.state is State.DRAFT
    await till.kill()
    till = await shop.start()
    assert (await rest_of(till, sold)).state is State.DRAFT, "the draft outlives a restart too"
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_plan_can_be_withdrawn_while_the_cancellation_is_in_doubt(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await begin_in_doubt(till)
    assert (await till.counter.refunds.withdraw(sold.id, "T02")).refund is not None
    await till.quiet()
    over = await till.get(sold.id)
    assert (over.state, code_of(over)) == (State.CANCELLED, "cancelled")
    assert till.states() == [State.CANCELLED]
    assert "其余商品未重新结算" in shop.printer.texts()[-1].replace("\n", "")
    notes = [record for record in till.audit() if record.get("action") == "refund_withdrawn"]
    assert [(note["actor"], note["note"]) for note in notes] == [("T02", sold.id)]
    await till.stop()


@virtual
async def test_the_rest_can_be_given_up(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold)
    await till.counter.refunds.withdraw(sold.id, "T01")
    rest = await rest_of(till, sold)
    assert (rest.state, code_of(rest)) == (State.ABANDONED, "refund_rest_abandoned")
    assert (await till.counter.refunds.withdraw(sold.id, "T01")).state is State.CANCELLED, "twice is once"
    with pytest.raises(Misuse, match="no_refund_under_way"):
        await till.counter.refunds.withdraw(rest.id, "T01")
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_rest_is_settled_for_the_same_person_only(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold)
    rest = await rest_of(till, sold)
    refused = await till.counter.media.give_code(rest.id, shop.code("ding"))
    assert (refused.state, code_of(refused)) == (State.DRAFT, "refund_other_person")
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_a_doubt_about_the_second_half_is_an_ordinary_reversal(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    before = shop.balance_fen()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold)
    shop.arm("lose-answer", "2102")
    assert (await settle_rest(till, sold)).state is State.DOUBT
    await till.quiet()
    assert (await rest_of(till, sold)).state is State.REVERSED
    assert shop.live() == []
    assert shop.balance_fen() == before
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_refused_second_half_says_who_holds_the_money(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold)
    rest = await rest_of(till, sold)
    await till.counter.media.give_code(rest.id, shop.code())
    shop.arm("refuse", "2102")
    refused = await till.counter.sales.confirm(rest.id, "T01")
    assert (refused.state, code_of(refused)) == (State.REFUSED, "refund_rest_refused")
    assert shop.live() == []
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_refund_on_a_later_day_keeps_the_sale_number_of_its_day(tmp_path: Path) -> None:
    """Fault F34: the till may have used the number again today; the old sale's day stands in its key."""
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await till.wait(24 * 3600)
    await till.settle("0001", who="ding")
    await refund(till, sold)
    rest = await rest_of(till, sold)
    assert (rest.key.business_date, rest.key.generation) == (sold.key.business_date, 2)
    assert rest.began_at.startswith("2026-11-24"), "the hub sees a purchase of today"
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.quiet()
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_clinic_visit_is_refunded_by_a_new_visit(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    old = await window.counter.refunds.begin(settled.id, RefundWish((ReturnWish(3),)), "N01")
    assert old.refund is not None
    await window.rest()
    assert (await window.get(settled)).state is State.CANCELLED
    assert (await window.get(settled)).owed == ()
    rest = await window.counter.settlements.get(old.refund.rest_id)
    assert rest.state is State.DRAFT
    assert len(rest.lines) == 2
    assert rest.own_visit_no != settled.own_visit_no
    priced = await window.pick(await window.type_number(rest))
    assert priced.state is State.PRICED, priced.notice
    assert (await window.confirm(rest)).state is State.CONFIRMED
    await window.finish()


@virtual
async def test_a_rest_given_up_at_a_restart_says_that_kept_goods_are_not_paid(tmp_path: Path) -> None:
    """Its visit was registered already, so it is withdrawn like every other; nobody may read "no money moved" here."""
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    settled = await window.settled()
    old = await window.counter.refunds.begin(settled.id, RefundWish((ReturnWish(3),)), "N01")
    assert old.refund is not None
    await window.rest()
    rest = await window.counter.settlements.get(old.refund.rest_id)
    assert (await window.pick(await window.type_number(rest))).state is State.PRICED
    window = await window.restart()
    await window.rest()
    told = await window.get(rest)
    assert (told.state, code_of(told)) == (State.ABANDONED, "refund_rest_abandoned")
    await window.finish()


@virtual
async def test_a_disk_that_fails_while_a_closed_sale_comes_back_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed 1403: such a sale is not held in memory, and reading it again met the failed journal a second time."""
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await till.quiet()
    await till.counter.sales.acknowledge(sold.id, "T01")
    fail_commits(till, monkeypatch)
    with pytest.raises(Misuse, match="journal_failed"):
        await refund(till, sold)
    assert isinstance(await till.ended(), JournalFailed)


@virtual
async def test_a_disk_that_fails_during_a_refund_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the till asks then, it hears that the journal has failed: no refund is claimed, no error is our own."""
    shop = Shop(tmp_path)
    till = await shop.start()
    other = await till.settle("0002")
    await till.counter.sales.acknowledge(other.id, "T01")
    sold = await till.settle("0001", SHEET)
    await till.quiet()
    fail_commits(till, monkeypatch)
    with pytest.raises(Misuse, match="journal_failed"):
        await refund(till, sold)
    with pytest.raises(
        Misuse, match="journal_failed"
    ):  # not "the same refund, under way": it stands on no disk
        await refund(till, sold)
    with pytest.raises(Misuse, match="journal_failed"):
        await till.counter.sales.cancel(sold.id, "T01", "reason")
    with pytest.raises(Misuse, match="journal_failed"):
        await till.counter.sales.abandon(sold.id, "T01")
    with pytest.raises(Misuse, match="journal_failed"):
        await till.counter.slips.copy(sold.id, "T01")
    with pytest.raises(Misuse, match="journal_failed"):
        await till.counter.sales.cancel(other.id, "T01", "reason")
    assert isinstance(await till.ended(), JournalFailed)
    await till.kill()
    till = await shop.start()
    assert (await till.get(sold.id)).state is State.CONFIRMED
    await till.stop()
