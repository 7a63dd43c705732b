"""A settlement is cancelled: at once, refused, or in doubt and finished by asking; refused again, it waits for the first try."""

from pathlib import Path

import pytest

from simulators.printer import decode_slip
from terminal.core.states import State
from terminal.core.values import Notice
from tests.terminal.counter.endings import FULL, end, told
from tests.terminal.harness import Shop, virtual


@virtual
async def test_a_known_settlement_is_cancelled_by_a_record_of_its_own(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    cancelled = await till.counter.sales.cancel(settled.id, "T01", "顾客改变主意")
    assert cancelled.state is State.CANCELLED
    assert shop.live() == []
    assert shop.balance_fen() == FULL
    assert [record.direction for record in shop.world.ledger.settlements()] == [1, -1]
    await till.quiet()
    assert shop.printer.titles() == ["医保结算单", "医保结算撤销单"]
    assert till.attempts(settled.id)[1] == ("CANCEL", "2103", "ANSWERED", "done")
    again = await till.counter.sales.cancel(settled.id, "T01", "again")
    assert again.state is State.CANCELLED, "asking again changes nothing"
    await end(shop, till)


@virtual
async def test_a_refused_cancellation_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """A definite refusal (here: the benefit year has been closed meanwhile); the words are the hub's."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    await till.wait(130 * 86_400)
    refused = await till.counter.sales.cancel(settled.id, "T01", "")
    assert refused.state is State.CONFIRMED
    assert refused.notice is not None
    assert refused.notice.code == "cancel_refused"
    assert "[YEAR_CLOSED]" in refused.notice.params["text"]
    assert "原结算维持不变" in told(refused.notice)[0]
    assert len(shop.live()) == 1
    assert till.attempts(settled.id)[1] == ("CANCEL", "2103", "ANSWERED", "refused")
    await end(shop, till)


@virtual
async def test_a_settlement_that_somebody_else_has_cancelled_is_cancelled(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-answer", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "")
    await till.kill()
    till = await shop.start()
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    assert [record.direction for record in shop.world.ledger.settlements()] == [1, -1]
    await end(shop, till)


CANCEL_LOST = {
    # fault: does the hub cancel at once, is 2103 sent a second time
    "lose-request": (False, True),
    "lose-answer": (True, False),
    "bad-signature": (True, False),
    "html": (True, False),
    "cut 200": (True, False),
    "http-status 503": (True, False),
    "amount-off": (True, False),
    "delay 40": (True, False),
}


@pytest.mark.parametrize("fault", CANCEL_LOST)
@virtual
async def test_a_cancellation_in_doubt_is_finished_by_asking_and_never_undone(
    fault: str, tmp_path: Path
) -> None:
    at_once, repeated = CANCEL_LOST[fault]
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm(fault, "2103")
    doubtful = await till.counter.sales.cancel(settled.id, "T01", "")
    assert doubtful.state is State.CANCEL_DOUBT
    assert doubtful.notice is not None
    assert doubtful.notice.code == "cancel_doubt"
    zh, en = told(doubtful.notice)
    assert "勿退现金" in zh
    assert "do not return cash" in en
    assert (shop.live() == []) is at_once
    await till.quiet()
    over = await till.get(settled.id)
    assert over.state is State.CANCELLED
    assert over.notice == Notice("cancelled")
    assert shop.live() == []
    assert shop.balance_fen() == FULL
    assert len([1 for purpose, *_ in till.attempts(over.id) if purpose == "CANCEL"]) == (2 if repeated else 1)
    assert not [1 for purpose, *_ in till.attempts(over.id) if purpose == "REVERSE"], (
        "a known settlement is never reversed"
    )
    assert shop.printer.titles() == ["医保结算单", "医保结算撤销单"]
    slip = decode_slip(shop.printer.texts()[-1].splitlines())
    assert slip.account_fen == slip.total_fen < 0
    assert slip.balance_fen == (FULL if repeated else None), (
        "only the answer to the 2103 says what is on the account"
    )
    assert (slip.setl_id is None) is not repeated
    await end(shop, till)


@virtual
async def test_a_cancellation_that_did_not_leave_changes_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.hub_link.down = True
    back = await till.counter.sales.cancel(settled.id, "T01", "")
    assert back.state is State.CONFIRMED
    assert back.notice == Notice("cancel_not_sent", {"reason": "refused"})
    assert "原结算维持不变" in told(back.notice)[0]
    assert len(shop.live()) == 1
    shop.hub_link.down = False
    assert (await till.counter.sales.cancel(settled.id, "T01", "")).state is State.CANCELLED
    await end(shop, till)


@virtual
async def test_a_repeated_cancellation_that_does_not_leave_stays_in_doubt(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "")
    shop.hub_link.down = True
    await till.wait(120)
    assert (await till.get(settled.id)).state is State.CANCEL_DOUBT
    shop.hub_link.down = False
    await till.quiet(400)
    assert (await till.get(settled.id)).state is State.CANCELLED
    await end(shop, till)


@virtual
async def test_a_refused_repeat_does_not_hide_a_first_cancellation_that_still_travels(tmp_path: Path) -> None:
    """The hub takes the first one after it has refused the second: what it holds by then is what counts."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("late-request 60", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "")
    shop.arm("refuse", "2103")
    await till.wait(30)
    waiting = await till.get(settled.id)
    assert waiting.state is State.CANCEL_DOUBT
    assert waiting.notice is not None
    assert waiting.notice.code == "cancel_quiet"
    assert "勿退现金" in told(waiting.notice)[0]
    assert len(shop.live()) == 1
    await till.quiet(400)
    over = await till.get(settled.id)
    assert over.state is State.CANCELLED
    assert shop.live() == []
    assert len([1 for purpose, *_ in till.attempts(over.id) if purpose == "CANCEL"]) == 2
    assert shop.printer.titles() == ["医保结算单", "医保结算撤销单"]
    await end(shop, till)


@virtual
async def test_a_cancellation_is_one_doubt_from_its_first_silence_to_its_end(tmp_path: Path) -> None:
    """Also while it is repeated after a quiet time: else nobody would be called after a day, and a till could look away."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "")
    shop.arm("refuse", "2103")
    shop.arm("delay 20", "2103")
    row = till.counter.engine.row(settled.id)
    assert row is not None
    began = row.doubt_since
    assert began is not None
    await till.wait(10 + shop.profile.quiet_s)
    repeating = await till.get(settled.id)
    assert repeating.state is State.CANCELLING
    row = till.counter.engine.row(settled.id)
    assert row is not None
    assert row.doubt_since == began
    assert [one.id for one, _ in till.counter.settlements.doubts()] == [settled.id]
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    await end(shop, till)


@virtual
async def test_a_refused_repeat_ends_the_cancellation_after_the_quiet_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(settled.id, "T01", "")
    shop.arm("refuse", "2103", 2)
    await till.wait(30)
    assert (await till.get(settled.id)).state is State.CANCEL_DOUBT
    await till.wait(shop.profile.quiet_s)
    back = await till.get(settled.id)
    assert back.state is State.CONFIRMED
    assert back.notice is not None
    assert back.notice.code == "cancel_refused"
    assert len(shop.live()) == 1
    assert len([1 for purpose, *_ in till.attempts(back.id) if purpose == "CANCEL"]) == 3
    assert (await till.counter.sales.cancel(settled.id, "T01", "")).state is State.CANCELLED
    await end(shop, till)
