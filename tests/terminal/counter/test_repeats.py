"""Pressed twice, sent twice, asked twice: one sale, one settlement, and everybody hears the same."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Settlement
from terminal.counter.engine import Busy, UnknownSettlement
from terminal.counter.wishes import LineWish, SaleWish, canonical
from terminal.journal.records import JournalRefused
from tests.capabilities import asserted
from tests.terminal.harness import PILLS, Shop, virtual


@virtual
async def test_twenty_confirmations_at_once_make_one_settlement(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.arm("delay 2", "2102")
    outcomes = await asyncio.gather(
        *(till.counter.sales.confirm(priced.id, f"T{number:02d}") for number in range(20)),
        return_exceptions=True,
    )
    settled = [outcome for outcome in outcomes if isinstance(outcome, Settlement)]
    others = [outcome for outcome in outcomes if not isinstance(outcome, Settlement)]
    assert all(isinstance(outcome, Busy) for outcome in others)
    assert [outcome.state for outcome in settled] == [State.CONFIRMED]
    assert len(shop.live()) == 1
    assert till.attempts(priced.id) == [("SETTLE", "2102", "ANSWERED", "done")]
    late = await till.counter.sales.confirm(priced.id, "T01")
    assert late.state is State.CONFIRMED, "whoever presses later is shown the outcome"
    assert len(shop.live()) == 1
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_twenty_tills_open_the_same_sale_and_get_one(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await asyncio.gather(*(till.open("0001", key="the same key") for _ in range(20)))
    assert len({settlement.id for settlement in opened}) == 1
    assert len(till.rows()) == 1
    await till.stop()


@virtual
async def test_the_same_key_returns_the_sale_however_far_it_has_come(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open("0001", key="k")
    assert (await till.open("0001", key="k")).state is State.DRAFT
    await till.counter.media.give_code(opened.id, shop.code())
    assert (await till.open("0001", key="k")).quote is not None, "also what is not on disk yet"
    await till.counter.sales.confirm(opened.id, "T01")
    assert (await till.open("0001", key="k")).state is State.CONFIRMED
    await till.counter.sales.cancel(opened.id, "T01", "")
    again = await till.open("0001", key="k")
    assert again.state is State.CANCELLED
    assert again.id == opened.id
    await till.kill()
    till = await shop.start()
    assert (await till.open("0001", key="k")).id == opened.id
    await till.stop()


@virtual
async def test_the_same_key_with_another_body_is_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open("0001", key="k")
    dearer = LineWish(
        PILLS.barcode, PILLS.national_code, PILLS.own_code, PILLS.name, PILLS.spec, "13.50", "3"
    )
    with pytest.raises(JournalRefused) as refused:
        await till.open("0001", (dearer,), key="k")
    assert (refused.value.code, refused.value.settlement_id) == ("idempotency_conflict", opened.id)
    assert (await till.get(opened.id)).lines == opened.lines
    await till.stop()


@virtual
async def test_a_sale_number_that_is_open_cannot_be_opened_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    first = await till.open("0001", key="a")
    with pytest.raises(JournalRefused) as refused:
        await till.open("0001", key="b")
    assert (refused.value.code, refused.value.settlement_id) == ("sale_number_open", first.id)
    await till.counter.sales.abandon(first.id, "T01")
    assert (await till.open("0001", key="b")).key.generation == 2
    await till.stop()


@virtual
async def test_a_sale_number_in_doubt_stays_closed_until_the_doubt_is_over(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601", 3)
    doubtful = await till.settle("0001")
    await till.wait(8)
    with pytest.raises(JournalRefused, match="sale_number_open"):
        await till.open("0001")
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    again = await till.settle("0001")
    assert (again.key.generation, again.state) == (2, State.CONFIRMED)
    live = {"live settlements": len(shop.live()), "undone": len(shop.world.ledger.settlements()) // 2}
    asserted("R81", {"live settlements": 1, "undone": 1}, live, what="lost answer")
    await till.stop()


@virtual
async def test_lines_that_are_added_at_the_same_moment_are_all_on_the_sheet(tmp_path: Path) -> None:
    """A till with two requests under way, or a till and a scanner: a lost line is goods that nobody pays for."""
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open(lines=())
    wishes = [
        PILLS,
        msgspec.structs.replace(PILLS, own_code="SKU0004", quantity="1"),
        LineWish(own_code="SKU0012", name="测试洗手液", price="19.90", quantity="2", self_pay=True),
    ]
    await asyncio.gather(*(till.counter.sales.add_line(opened.id, wish) for wish in wishes))
    now = await till.get(opened.id)
    assert [(line.number, line.own_code) for line in now.lines] == [(1, "SKU0003"), (2, "SKU0004")]
    assert [line.own_code for line in now.self_pay] == ["SKU0012"]
    await till.stop()


@virtual
async def test_a_code_serves_one_sale(tmp_path: Path) -> None:
    """Abuse case T02: the second use is refused here, before the centre or the hub are asked."""
    shop = Shop(tmp_path)
    till = await shop.start()
    code = shop.code()
    first = await till.open("0001")
    await till.counter.media.give_code(first.id, code)
    await till.counter.sales.confirm(first.id, "T01")
    second = await till.open("0002")
    asked = shop.centre_link.asked
    with pytest.raises(Misuse, match="code_used"):
        await till.counter.media.give_code(second.id, code)
    assert shop.centre_link.asked == asked
    assert (await till.counter.media.give_code(second.id, shop.code())).state is State.PRICED
    await till.stop()


@virtual
async def test_a_code_given_to_two_open_sales_settles_one_of_them(tmp_path: Path) -> None:
    """Both were quoted before either was settled: the journal refuses the second before a byte leaves."""
    shop = Shop(tmp_path)
    till = await shop.start()
    code = shop.code()
    first, second = await till.open("0001"), await till.open("0002")
    for opened in (first, second):
        assert (await till.counter.media.give_code(opened.id, code)).state is State.PRICED
    assert (await till.counter.sales.confirm(first.id, "T01")).state is State.CONFIRMED
    refused = await till.counter.sales.confirm(second.id, "T01")
    assert refused.state is State.ARMED
    assert refused.notice is not None
    assert refused.notice.code == "code_used"
    assert till.attempts(second.id) == []
    assert len(shop.live()) == 1
    assert (await till.counter.sales.abandon(second.id, "T01")).state is State.ABANDONED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_same_code_may_be_given_again_to_its_own_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    code = shop.code()
    opened = await till.open()
    await till.counter.media.give_code(opened.id, code)
    assert (await till.counter.media.give_code(opened.id, code)).state is State.PRICED
    assert (await till.counter.sales.confirm(opened.id, "T01")).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_a_caller_who_hangs_up_interrupts_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.arm("delay 5", "2102")
    impatient = asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))
    await asyncio.sleep(1)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert (await till.get(priced.id)).state is State.SENDING
    await till.wait(5)
    assert (await till.get(priced.id)).state is State.CONFIRMED
    assert len(shop.live()) == 1
    await till.stop()


@virtual
async def test_while_it_is_being_settled_nothing_else_can_be_done_to_a_sale(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.arm("delay 5", "2102")
    confirming = asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))
    await asyncio.sleep(1)
    counter = till.counter
    for wish in (
        counter.sales.abandon(priced.id, "T01"),
        counter.sales.cancel(priced.id, "T01", ""),
        counter.media.give_code(priced.id, shop.code()),
        counter.sales.set_lines(priced.id, (PILLS, PILLS)),
        counter.sales.quote(priced.id),
        counter.sales.acknowledge(priced.id, "T01"),
    ):
        with pytest.raises(Busy):
            await wish
    assert (await confirming).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_cancelling_and_acknowledging_at_the_same_moment_is_one_after_the_other(tmp_path: Path) -> None:
    """Abuse case T56: the loser is told."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("delay 1", "2103")
    outcomes = await asyncio.gather(
        till.counter.sales.cancel(settled.id, "T01", ""),
        till.counter.sales.acknowledge(settled.id, "T01"),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], Settlement)
    assert outcomes[0].state is State.CANCELLED
    assert isinstance(outcomes[1], Busy)
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_wishes_that_do_not_fit_are_refused_and_change_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    counter = till.counter
    opened = await till.open()
    for wish, code in (
        (counter.sales.confirm(opened.id, "T01"), "nothing_to_confirm"),
        (counter.sales.cancel(opened.id, "T01", ""), "nothing_to_cancel"),
        (counter.sales.acknowledge(opened.id, "T01"), "nothing_to_acknowledge"),
        (counter.sales.quote(opened.id), "no_medium"),
        (counter.slips.copy(opened.id, "T01"), "nothing_to_copy"),
        (counter.media.give_code(opened.id, "not a code"), "not_a_certificate"),
        (counter.media.give_code(opened.id, "134567890123456789"), "payment_code"),
    ):
        with pytest.raises(Misuse) as misuse:
            await wish
        assert misuse.value.code == code
    with pytest.raises(UnknownSettlement):
        await counter.settlements.get("S9")
    with pytest.raises(UnknownSettlement):
        await counter.sales.confirm("S9", "T01")
    assert till.states() == [State.DRAFT]
    await till.stop()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LineWish(), "barcode"),
        (LineWish(national_code="X", own_code="Y", name="Z"), "barcode"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="1.0.0"), "not a plain decimal number"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="1e3"), "not a plain decimal number"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="NaN"), "not a plain decimal number"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="-1"), "above zero"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="1", quantity="0"), "above zero"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="1", quantity="-1"), "above zero"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="1.1234567"), "more than 6 decimals"),
        (LineWish(national_code="X", own_code="Y", name="Z", price="１２"), "not a plain decimal number"),
    ],
)
@virtual
async def test_a_line_that_cannot_be_counted_is_refused(line: LineWish, reason: str, tmp_path: Path) -> None:
    """Abuse cases T57 and T58: amounts have an exact grammar."""
    shop = Shop(tmp_path)
    till = await shop.start()
    with pytest.raises(Misuse) as misuse:
        await till.counter.sales.open(SaleWish("0001", (line,)), "till", "")
    assert misuse.value.code == "bad_request"
    assert reason in misuse.value.params["reason"]
    assert till.rows() == []
    await till.stop()


@virtual
async def test_changed_lines_take_the_quote_back(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    changed = await till.counter.sales.add_line(priced.id, PILLS)
    assert changed.state is State.DRAFT
    assert changed.quote is None
    assert [line.number for line in changed.lines] == [1, 2]
    with pytest.raises(Misuse, match="nothing_to_confirm"):
        await till.counter.sales.confirm(priced.id, "T01")
    quoted = await till.counter.sales.quote(priced.id)
    assert quoted.quote is not None
    assert quoted.quote.split.total_fen == 7500
    settled = await till.counter.sales.confirm(priced.id, "T01")
    assert settled.booking is not None
    assert settled.booking.split.total_fen == 7500
    shop.assert_books_agree(till)
    await till.stop()


def test_a_line_without_a_word_on_its_use_has_the_fingerprint_it_always_had() -> None:
    """A till that repeats its request over an upgrade of the terminal still opens the same sale."""
    written = canonical(SaleWish(sale_number="1", lines=(PILLS,)))
    assert (
        written
        == (
            '{"flow":"pharmacy_purchase","lines":['
            '{"barcode":"","name":"测试降糖片","national_code":"XTEST000000000000000D03","own_code":"SKU0003","price":"12.50",'
            '"quantity":"3","spec":"10mg*20片","trace_codes":[]}'
            '],"sale_number":"1","use_account":true}'
        ).encode()
    )
    changed = SaleWish(sale_number="1", lines=(msgspec.structs.replace(PILLS, self_pay=True),), epidemic=True)
    assert canonical(changed).count(b"true") == 3
