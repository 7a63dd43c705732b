"""Stage B: everything that can go wrong between counter and hub ends in the state that the rules say.

Each test looks at all four sides: what the operator is told, the journal, the hub's ledger with the customer's account,
and the slips.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from terminal.core.states import State
from terminal.core.values import Notice
from tests.faults import fired
from tests.terminal.counter.endings import FULL, end, told
from tests.terminal.harness import Shop, virtual

# -- all is well -----------------------------------------------------------------------------------


@virtual
async def test_a_sale_is_settled_printed_acknowledged_and_closed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    assert settled.state is State.CONFIRMED
    assert settled.notice == Notice("settled")
    assert settled.booking is not None
    assert (
        settled.booking.split.total_fen,
        settled.booking.split.account_fen,
        settled.booking.split.cash_fen,
    ) == (3750, 3750, 0)
    assert shop.balance_fen() == FULL - 3750
    assert [record.msgid for record in shop.live()] == [settled.settle_msgid]
    await till.counter.sales.acknowledge(settled.id, "T01")
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CLOSED
    assert shop.printer.titles() == ["医保结算单"]
    assert till.attempts(settled.id) == [("SETTLE", "2102", "ANSWERED", "done")]
    assert till.moves(settled.id) == [
        "DRAFT>PRICED", "PRICED>ARMED", "ARMED>SENDING", "SENDING>CONFIRMED", "CONFIRMED>DELIVERED", "DELIVERED>CLOSED",
    ]  # fmt: skip
    await end(shop, till)


@virtual
async def test_what_the_account_cannot_pay_is_paid_in_cash(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0001")
    second = await till.settle("0002")
    assert second.booking is not None
    assert (second.booking.split.account_fen, second.booking.split.cash_fen) == (2250, 1500)
    assert shop.balance_fen() == 0
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_real_signatures_settle_and_reverse_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path, real_sm2=True)
    till = await shop.start()
    assert (await till.settle("0001")).state is State.CONFIRMED
    shop.arm("bad-signature", "2102")
    doubtful = await till.settle("0002")
    assert doubtful.notice == Notice("doubt", {"reason": "bad signature"})
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    await end(shop, till)


# -- the settlement message ------------------------------------------------------------------------

LOST = {
    # fault: reason told, whether the hub had booked, verdicts of the 2601s, how it ends
    "lose-request": ("disconnected", False, ["not_found", "not_found"], "reversed_unseen"),
    "lose-answer": ("disconnected", True, ["done"], "reversed"),
    "bad-signature": ("bad signature", True, ["done"], "reversed"),
    "html": ("unreadable", True, ["done"], "reversed"),
    "cut 1": ("unreadable", True, ["done"], "reversed"),
    "cut 300": ("unreadable", True, ["done"], "reversed"),
    "http-status 502": ("http 502", True, ["done"], "reversed"),
    "http-status 401": ("http 401", True, ["done"], "reversed"),
    "other-message": ("bad signature", True, ["done"], "reversed"),
    "delay 31": ("timeout", True, ["done"], "reversed"),
    "duplicate": ("infcode -1", True, ["done"], "reversed"),
}


@pytest.mark.parametrize("fault", LOST)
@virtual
async def test_a_settlement_without_a_usable_answer_is_reversed_by_its_message_id(
    fault: str, tmp_path: Path
) -> None:
    reason, booked, verdicts, ends = LOST[fault]
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0001")
    shop.arm(fault, "2102")
    doubtful = await till.settle("0002")

    assert doubtful.state is State.DOUBT
    assert doubtful.notice == Notice("doubt", {"reason": reason})
    zh, en = told(doubtful.notice)
    assert "勿重新结算" in zh
    assert "不要收款" in zh
    assert "Do not settle again and take no money" in en
    assert (len(shop.live()) == 2) is booked, "the hub had booked, or it had not; nobody here knew"

    await till.quiet()
    over = await till.get(doubtful.id)
    assert over.state is State.REVERSED
    assert over.unseen is (ends == "reversed_unseen")
    assert over.notice == Notice(ends)
    assert "未入账" in told(over.notice)[0] or "均无欠款" in told(over.notice)[0]
    assert [verdict for purpose, _, _, verdict in till.attempts(over.id) if purpose == "REVERSE"] == verdicts
    assert len(shop.live()) == 1
    assert shop.balance_fen() == FULL - 3750
    assert shop.printer.titles()[-2:] == ["未结算，冲正处理中", "已冲正"]
    assert till.moves(over.id)[:4] == ["DRAFT>PRICED", "PRICED>ARMED", "ARMED>SENDING", "SENDING>DOUBT"]
    await end(shop, till)


@virtual
async def test_every_2601_names_the_message_that_was_lost(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-request", "2102")
    doubtful = await till.settle()
    await till.quiet()
    reversals = [attempt for attempt in till.journal.attempts.of(doubtful.id) if attempt.purpose == "REVERSE"]
    assert len(reversals) == 2
    for attempt in reversals:
        assert f'"omsgid":"{doubtful.settle_msgid}"'.encode() in attempt.request
        assert b'"oinfno":"2102"' in attempt.request
        assert attempt.msgid != doubtful.settle_msgid
    assert reversals[0].msgid != reversals[1].msgid
    await end(shop, till)


@virtual
async def test_the_second_2601_waits_for_the_quiet_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-request", "2102")
    doubtful = await till.settle()
    began_s = shop.clock.monotonic_s()
    await till.quiet()
    waited_s = shop.clock.monotonic_s() - began_s
    assert 120 <= waited_s < 125
    assert "REVERSED_ONCE" in "".join(till.moves(doubtful.id))
    await end(shop, till)


@virtual
async def test_an_answer_just_inside_the_limit_is_no_doubt(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("delay 29", "2102")
    assert (await till.settle()).state is State.CONFIRMED
    await end(shop, till)


QUARANTINED = {"amount-off": "M", "other-person": "person"}


@pytest.mark.parametrize("fault", QUARANTINED)
@virtual
async def test_a_signed_answer_that_does_not_fit_is_never_shown_as_good(fault: str, tmp_path: Path) -> None:
    """Faults F45 and F46: it *is* at the hub, so it is undone by our message id, and only an incident slip comes out."""
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm(fault, "2102")
    held = await till.settle()
    assert held.state is State.CONFIRMED
    assert held.quarantine
    assert held.booking is None
    fired("F45" if fault == "other-person" else "F46")
    assert held.notice == Notice("quarantined")
    zh, en = told(held.notice)
    assert "勿收款" in zh
    assert "不要交付药品" in zh
    assert "take no money and hand nothing over" in en
    await till.quiet()
    over = await till.get(held.id)
    assert over.state is State.REVERSED
    assert shop.live() == []
    assert shop.balance_fen() == FULL
    assert shop.printer.titles() == ["未结算，冲正处理中", "已冲正"]
    (confirmed,) = [record for record in till.audit() if record.get("new") == "CONFIRMED"]
    assert QUARANTINED[fault] in confirmed["reason"]
    await end(shop, till)


@virtual
async def test_a_refusal_books_nothing_and_the_sale_number_is_free_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.world.book._tokens.clear()  # the token has run out at the centre
    refused = await till.counter.sales.confirm(priced.id, "T01")
    assert refused.state is State.REFUSED
    assert refused.notice is not None
    assert refused.notice.code == "refused"
    zh, en = told(refused.notice)
    assert "均无欠款" in zh
    assert "[ECTOKEN_UNKNOWN]" in zh
    assert "Nothing was booked" in en
    assert shop.live() == []
    assert shop.printer.titles() == []
    again = await till.settle("0001")
    assert again.state is State.CONFIRMED
    assert again.key.generation == 2
    await end(shop, till)


@virtual
async def test_a_hub_that_is_down_leaves_the_sale_armed_and_the_same_bytes_go_out_later(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.hub_link.down = True
    armed = await till.counter.sales.confirm(priced.id, "T01")
    assert armed.state is State.ARMED
    assert armed.notice == Notice("not_sent", {"reason": "refused"})
    zh, en = told(armed.notice)
    assert "未入账" in zh
    assert "连接被拒绝" in zh
    assert "Confirm again to send the same request, or give the sale up" in en
    assert till.attempts(armed.id) == [("SETTLE", "2102", "UNSENT", "refused")]
    first = till.journal.attempts.of(armed.id)[0].request

    shop.hub_link.down = False
    settled = await till.counter.sales.confirm(armed.id, "T01")
    assert settled.state is State.CONFIRMED
    (attempt,) = till.journal.attempts.of(armed.id)
    assert attempt.request == first
    assert shop.live()[0].msgid == attempt.msgid
    await end(shop, till)


@virtual
async def test_an_unsent_sale_survives_a_restart_and_may_be_given_up(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.hub_link.down = True
    armed = await till.counter.sales.confirm(priced.id, "T01")
    await till.kill()
    shop.hub_link.down = False
    till = await shop.start()
    found = await till.get(armed.id)
    assert found.state is State.ARMED
    assert found.notice == Notice("not_sent", {"reason": "restart"})
    gone = await till.counter.sales.abandon(armed.id, "T01")
    assert gone.state is State.ABANDONED
    assert gone.notice == Notice("abandoned")
    assert shop.live() == []
    await end(shop, till)


@virtual
async def test_an_unsent_sale_survives_a_restart_and_goes_out_with_the_same_bytes(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.hub_link.down = True
    armed = await till.counter.sales.confirm(priced.id, "T01")
    before = till.journal.attempts.of(armed.id)[0].request
    await till.kill()
    shop.hub_link.down = False
    till = await shop.start()
    settled = await till.counter.sales.confirm(armed.id, "T01")
    assert settled.state is State.CONFIRMED
    assert till.journal.attempts.of(armed.id)[0].request == before
    await end(shop, till)


# -- the reversal itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    ["lose-request", "lose-answer", "bad-signature", "html", "http-status 500", "other-message", "cut 40"],
)
@virtual
async def test_a_2601_without_a_usable_answer_is_repeated(fault: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    await till.settle("0000")
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601")
    shop.arm(fault, "2601", 2)
    doubtful = await till.settle()
    await till.quiet()
    over = await till.get(doubtful.id)
    assert over.state is State.REVERSED
    verdicts = [
        (state, verdict) for purpose, _, state, verdict in till.attempts(over.id) if purpose == "REVERSE"
    ]
    assert verdicts[-1][1] == "already", "an earlier 2601 had done it"
    assert len(verdicts) == 4
    await end(shop, till)


@virtual
async def test_a_hub_that_stays_away_is_asked_for_ever_and_a_person_is_called(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    priced = await till.quote()
    doubtful = await till.counter.sales.confirm(priced.id, "T01")
    shop.hub_link.down = True
    await till.wait(200)
    waiting = await till.get(doubtful.id)
    assert waiting.state is State.REVERSING
    assert waiting.notice is not None
    assert waiting.notice.code == "reversal_alarm"
    assert "通知主管" in told(waiting.notice)[0]
    await till.wait(25 * 3600)
    late = await till.get(doubtful.id)
    assert "DOUBT" not in (late.state.value,)
    assert any(move.endswith(">MANUAL") for move in till.moves(doubtful.id))
    assert late.tries > 280, "every five minutes, for a day"
    shop.hub_link.down = False
    await till.quiet(400)
    assert (await till.get(doubtful.id)).state is State.REVERSED
    await end(shop, till)


@virtual
async def test_pauses_between_tries_grow_and_vary_by_a_fifth(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 8)
    doubtful = await till.settle()
    await till.quiet()
    sent = [
        attempt.sent_at for attempt in till.journal.attempts.of(doubtful.id) if attempt.purpose == "REVERSE"
    ]
    seconds = [int(text[11:13]) * 3600 + int(text[14:16]) * 60 + float(text[17:]) for text in sent]
    pauses = [later - earlier for earlier, later in pairwise(seconds)]
    for pause, nominal in zip(pauses, (5, 10, 20, 40, 80, 300, 300, 300), strict=True):
        assert nominal * 0.8 <= pause <= nominal * 1.2
    await end(shop, till)
