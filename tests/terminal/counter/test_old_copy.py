"""An old copy of the journal was put back (fault F29): what it holds open undoes nothing by itself, people decide.

Each test takes a copy of the journal at one moment, lets the real day go on, and starts again on the copy under the hold
of the witnesses. The cases are the rows of the table in decision 0010.
"""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from drivers.interfaces.hub_transport import RawAnswer
from simulators.hub.link import HubLink
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Notice, Settlement
from terminal.counter.holds import ROLLED_BACK
from terminal.counter.wishes import RefundWish
from terminal.counter.workroom import Phase
from terminal.journal.verify import verify_journal
from tests.faults import fired
from tests.terminal.clinic.clinic import Clinic, Window, window_config
from tests.terminal.counter.test_refund import ONE_BACK, SHEET, code_of, refund, rest_of, settle_rest
from tests.terminal.harness import Shop, Till, virtual
from tests.terminal.reconciliation.days import (
    DAY_S,
    MONDAY,
    FileWith,
    arm,
    facts,
    only,
    reconcile,
    reconciliation,
)

OLD = Notice(ROLLED_BACK, {"count": "1", "noted": "2"})
TWO = ("A1", "B2")


class TakingLink(HubLink):
    """A link to the hub that copies the journal just before the first message of one transaction leaves."""

    def __init__(self, shop: Shop, infno: str) -> None:
        super().__init__(shop.world.hub, shop.clock.now, asyncio.sleep, shop.profile.hub.path)
        self._shop = shop
        self._mark = f'"{infno}"'.encode()

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        if self._mark in body and not old(self._shop).exists():
            copy_now(self._shop)
        return await super().post(path, body, headers, connect_timeout_s, total_timeout_s)


def old(shop: Shop) -> Path:
    """Where the copy lies."""
    return shop.folder / "old.db"


def copy_now(shop: Shop) -> None:
    """Take the copy."""
    for suffix in ("", "-wal"):
        source = Path(f"{shop.journal_path}{suffix}")
        if source.exists():
            shutil.copyfile(source, f"{old(shop)}{suffix}")


async def copying_shop(tmp_path: Path) -> tuple[Shop, Till]:
    """A shop whose journal is copied just before its first settlement leaves."""
    shop = Shop(tmp_path)
    shop.hub_link = TakingLink(shop, "2102")
    return shop, await shop.start()


async def settled_in_doubt(till: Till, fault: str) -> Settlement:
    """Settle with a fault on 2102, and let the counter work it off."""
    till.shop.arm(fault, "2102")
    lost = await till.settle()
    await till.quiet()
    return lost


async def put_back(shop: Shop, till: Till) -> Till:
    """The service stops, the old copy takes the journal's place, the service starts and a witness contradicts it."""
    await till.stop()
    shop.journal_path = old(shop)
    fired("F29")
    return await shop.start(hold=OLD)


async def a_day_later(till: Till) -> None:
    """Long enough for every ordinary try, and for the day to be over."""
    await till.wait(DAY_S)


async def accepted(till: Till) -> None:
    """Two people have accepted the journal."""
    till.counter.holds.lift(ROLLED_BACK)
    await till.quiet()


@virtual
async def test_sending_then_confirmed_stands_and_two_people_confirm_it(tmp_path: Path) -> None:
    shop, till = await copying_shop(tmp_path)
    sold = await till.settle()
    await till.counter.sales.acknowledge(sold.id, "T01")
    await till.quiet()
    assert (await till.get(sold.id)).state is State.CLOSED
    slips = len(shop.printer.papers)
    till = await put_back(shop, till)
    found = await till.get(sold.id)
    assert (found.state, found.notice) == (State.MANUAL, Notice("found_in_old_copy"))
    assert till.moves(sold.id)[-2:] == ["SENDING>DOUBT", "DOUBT>MANUAL"]
    await a_day_later(till)
    assert len(shop.live()) == 1, "the customer left with the goods: nothing undoes it"
    assert [row[0] for row in till.attempts(sold.id)] == ["SETTLE"]
    assert len(shop.printer.papers) == slips, "no slip says what nobody knows"
    report = await reconcile(till)
    assert facts(report) == [("hub_only", "waits_for_people", "close_confirmed")]
    with pytest.raises(Misuse) as refused:
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    assert refused.value.code == "days_not_reconciled", "a later day may hold what undid it"
    await reconcile(till, till.counter.today())
    with pytest.raises(Misuse, match="two_operators"):
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, ("A1", "a1"))
    fixed = await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    assert (fixed.settlement.state, fixed.settlement.notice) == (
        State.CONFIRMED,
        Notice("confirmed_by_ruling"),
    )
    assert facts(await reconcile(till)) == [("hub_only", "confirmed_by_ruling", "none")]
    await accepted(till)
    for wish in (
        till.counter.sales.cancel(sold.id, "T01", ""),
        till.counter.refunds.begin(sold.id, RefundWish(everything=True), "T01"),
    ):
        with pytest.raises(Misuse, match="hub_number_unknown"):
            await wish
    closed = await till.counter.sales.acknowledge(sold.id, "T01")
    assert (closed.state, len(shop.live())) == (State.CLOSED, 1)
    assert verify_journal(str(shop.journal_path), shop.vault).findings == (), (
        "booked, and nobody knows the amounts"
    )
    await till.stop()


@virtual
async def test_sending_then_never_booked_is_reversed_after_the_acceptance(tmp_path: Path) -> None:
    shop, till = await copying_shop(tmp_path)
    lost = await settled_in_doubt(till, "lose-request")
    till = await put_back(shop, till)
    await a_day_later(till)
    assert facts(await reconcile(till)) == [("open", "waits_for_people", "close_reversed")]
    await accepted(till)
    assert ((await till.get(lost.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()


@virtual
async def test_sending_then_reversed_and_settled_anew_leaves_the_new_settlement_alone(tmp_path: Path) -> None:
    shop, till = await copying_shop(tmp_path)
    lost = await settled_in_doubt(till, "lose-answer")
    await till.wait(200)
    again = await till.settle()
    assert (again.state, len(shop.live())) == (State.CONFIRMED, 1)
    till = await put_back(shop, till)
    await a_day_later(till)
    actions = {
        one.msgid: one.action.value
        for one in (await reconcile(till)).differences
        if one.settlement_id == lost.id
    }
    assert list(actions.values()) == ["wait"], (
        "a record that undid it is listed: it is not offered as standing"
    )
    await accepted(till)
    assert (await till.get(lost.id)).state is State.REVERSED
    (live,) = shop.live()
    assert live.msgid == again.settle_msgid
    await till.stop()


@virtual
async def test_sending_then_cancelled_on_another_day_cannot_be_confirmed(tmp_path: Path) -> None:
    shop, till = await copying_shop(tmp_path)
    sold = await till.settle()
    await till.wait(DAY_S)
    await till.counter.sales.cancel(sold.id, "T01", "")
    await till.quiet()
    assert shop.live() == []
    till = await put_back(shop, till)
    report = await reconcile(till)
    await reconcile(till, till.counter.today())
    assert facts(report) == [("hub_only", "waits_for_people", "close_confirmed")]
    with pytest.raises(Misuse, match="may_be_undone"):
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    await accepted(till)
    assert ((await till.get(sold.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()


@virtual
async def test_a_later_day_that_proves_nothing_is_no_proof_that_it_was_not_cancelled_then(
    tmp_path: Path,
) -> None:
    """The line of its cancellation cannot be read, and the day's totals do not agree without it."""
    shop, till = await copying_shop(tmp_path)
    sold = await till.settle()
    await till.wait(DAY_S)
    await till.counter.sales.cancel(sold.id, "T01", "")
    await till.quiet()
    till = await put_back(shop, till)
    report = await reconcile(till)
    arm(shop, FileWith("\n", "\tspoiled\n"), "9102")
    later = await reconcile(till, till.counter.today())
    assert [row[0] for row in facts(later)] == ["unreadable"]
    with pytest.raises(Misuse, match="may_be_undone"):
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    await accepted(till)
    assert ((await till.get(sold.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()


@virtual
@pytest.mark.parametrize("infno", ["2601"])
async def test_reversing_waits_for_the_acceptance_and_is_then_finished(tmp_path: Path, infno: str) -> None:
    shop = Shop(tmp_path)
    shop.hub_link = TakingLink(shop, infno)
    till = await shop.start()
    lost = await settled_in_doubt(till, "lose-answer")
    await till.wait(200)
    again = await till.settle()
    till = await put_back(shop, till)
    await a_day_later(till)
    assert (await till.get(lost.id)).state is State.REVERSING
    assert [row[0] for row in till.attempts(lost.id)] == ["SETTLE", "REVERSE"], "put off"
    assert "close_confirmed" not in {one.action.value for one in (await reconcile(till)).differences}
    await accepted(till)
    assert (await till.get(lost.id)).state is State.REVERSED
    assert [one.msgid for one in shop.live()] == [again.settle_msgid]
    await till.stop()


@virtual
async def test_a_doubt_of_before_the_copy_is_put_off_and_then_reversed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 10_000)
    lost = await till.settle()
    await till.wait(5)
    copy_now(shop)
    till = await put_back(shop, till)
    shop.world.hub.clear()
    await a_day_later(till)
    assert len(shop.live()) == 1, (
        "it was in doubt for its customer too, but nothing leaves before the acceptance"
    )
    assert "close_confirmed" not in {one.action.value for one in (await reconcile(till)).differences}
    await accepted(till)
    assert ((await till.get(lost.id)).state, shop.live()) == (State.REVERSED, [])
    await till.stop()


@virtual
@pytest.mark.parametrize(
    ("cancelled", "state"), [(True, State.CANCELLED), (False, State.CONFIRMED)], ids=["cancelled", "refused"]
)
async def test_cancelling_is_closed_as_what_the_hub_shows(
    tmp_path: Path, cancelled: bool, state: State
) -> None:
    shop = Shop(tmp_path)
    shop.hub_link = TakingLink(shop, "2103")
    till = await shop.start()
    sold = await till.settle()
    await till.quiet()
    if not cancelled:
        shop.arm("lose-request", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    if cancelled:
        await till.quiet()
    else:
        shop.world.hub.clear()
    till = await put_back(shop, till)
    assert (await till.get(sold.id)).state is State.MANUAL
    await a_day_later(till)
    assert len(shop.live()) == (0 if cancelled else 1), "5203 and 2103 wait"
    report = await reconcile(till)
    await reconcile(till, till.counter.today())
    (row,) = [
        one
        for one in report.differences
        if one.settlement_id == sold.id and one.action.value.startswith("close_")
    ]
    fixed = await reconciliation(till).corrections.fix(MONDAY, row.id, TWO)
    assert fixed.settlement.state is state
    await accepted(till)
    shop.assert_books_agree(till)
    await till.stop()


@virtual
@pytest.mark.parametrize("later", [0, DAY_S], ids=["the same day", "the next day"])
async def test_cancelling_is_not_closed_as_not_done_when_a_later_try_may_have_cancelled_it(
    tmp_path: Path, later: float
) -> None:
    """The copy knows the first 2103, which the hub never got, and not the one after it, which was booked."""
    shop = Shop(tmp_path)
    shop.hub_link = TakingLink(shop, "2103")
    till = await shop.start()
    sold = await till.settle()
    await till.quiet()
    shop.arm("lose-request", "2103")
    if later:
        shop.arm("lose-request", "5203", 10_000)
    await till.counter.sales.cancel(sold.id, "T01", "")
    if later:
        await till.stop()
        shop.clock.jump(later)
        shop.world.hub.clear()
        till = await shop.start()
    await till.quiet()
    assert ((await till.get(sold.id)).state, shop.live()) == (State.CANCELLED, [])
    till = await put_back(shop, till)
    if not later:
        await a_day_later(till)
    report = await reconcile(till)
    await reconcile(till, till.counter.today())
    (row,) = [one for one in report.differences if one.action.value == "close_confirmed"]
    with pytest.raises(Misuse, match="may_be_undone"):
        await reconciliation(till).corrections.fix(MONDAY, row.id, TWO)
    await accepted(till)
    assert (await till.get(sold.id)).state is State.CANCELLED
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_refused_cancellation_is_waited_out_anew_after_an_old_copy_is_accepted(
    tmp_path: Path,
) -> None:
    """The copy is of the quiet time; accepted at once, and the first 2103 arrives after the refusals that follow."""
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle()
    await till.quiet()
    shop.arm("late-request 90", "2103")
    await till.counter.sales.cancel(sold.id, "T01", "")
    shop.arm("refuse", "2103", 2)
    await till.wait(20)
    assert (await till.get(sold.id)).quiet_stage == 1
    copy_now(shop)
    till = await put_back(shop, till)
    await accepted(till)
    await till.quiet()
    over = await till.get(sold.id)
    assert (over.state, shop.live()) == (State.CANCELLED, [])
    shop.assert_books_agree(till)
    await till.stop()


async def refunded_since(shop: Shop) -> tuple[Till, str]:
    """A copy taken in the middle of a refund, whose rest was settled and handed over since."""
    shop.hub_link = TakingLink(shop, "2103")
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await till.quiet()
    await refund(till, sold)
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.quiet()
    return await put_back(shop, till), sold.id


@virtual
@pytest.mark.parametrize("closed", ["by two people", "by 5203 after the acceptance"])
async def test_the_rest_of_a_refund_is_not_offered_a_second_time(tmp_path: Path, closed: str) -> None:
    """Cancelled, and its rest settled since: the customer must not pay for the goods twice."""
    shop = Shop(tmp_path)
    till, sold = await refunded_since(shop)
    assert (await till.get(sold)).state is State.MANUAL
    if closed == "by two people":
        await a_day_later(till)
        report = await reconcile(till)
        (row,) = [one for one in report.differences if one.action.value == "close_cancelled"]
        await reconciliation(till).corrections.fix(MONDAY, row.id, TWO)
    else:
        await accepted(till)
    over = await till.get(sold)
    assert (over.state, over.notice) == (
        State.CANCELLED,
        Notice("refund_rest_not_opened", {"number": "0001"}),
    )
    assert [row.id for row in till.rows()] == [sold], "nothing is opened for what may be settled"
    await accepted(till)
    assert "是否已重新结算以医保平台账目为准" in shop.printer.texts()[-1].replace("\n", "")
    assert [record.result.total_fen for record in shop.live()] == [4100]
    await till.stop()


@virtual
async def test_a_refund_that_waited_for_people_in_the_copy_opens_nothing_either(tmp_path: Path) -> None:
    """MANUAL after a day: two people closed it since, and its rest was settled."""
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await till.quiet()
    shop.arm("lose-answer", "2103")
    shop.arm("lose-request", "5203", 10_000)
    await refund(till, sold)
    await till.wait(DAY_S + 3600)
    assert (await till.get(sold.id)).state is State.MANUAL
    copy_now(shop)
    shop.world.hub.clear()
    await till.quiet()
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.quiet()
    till = await put_back(shop, till)
    await accepted(till)
    over = await till.get(sold.id)
    assert (over.state, code_of(over)) == (State.CANCELLED, "refund_rest_not_opened")
    assert [row.id for row in till.rows()] == [sold.id]
    await till.stop()


@virtual
async def test_a_rest_that_waits_in_the_copy_may_be_settled_and_is_given_up(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold, ONE_BACK)
    await till.quiet()
    copy_now(shop)
    assert (await settle_rest(till, sold)).state is State.CONFIRMED
    await till.quiet()
    till = await put_back(shop, till)
    rest = await rest_of(till, sold)
    assert (rest.state, code_of(rest)) == (State.ABANDONED, "rest_in_old_copy")
    await accepted(till)
    with pytest.raises(Misuse):
        await till.counter.media.give_identity_number(rest.id, shop.world.person("jia").certno)
    assert [record.result.total_fen for record in shop.live()] == [4100]
    await till.stop()


@virtual
async def test_what_was_armed_and_unsent_may_have_been_sent_since(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.hub_link.down = True
    armed = await till.counter.sales.confirm(priced.id, "T01")
    assert armed.state is State.ARMED
    copy_now(shop)
    shop.hub_link.down = False
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.CONFIRMED
    till = await put_back(shop, till)
    assert (await till.get(priced.id)).state is State.MANUAL
    assert till.moves(priced.id)[-3:] == ["ARMED>SENDING", "SENDING>DOUBT", "DOUBT>MANUAL"]
    report = await reconcile(till)
    fixed = await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    assert (fixed.settlement.state, len(shop.live())) == (State.CONFIRMED, 1)
    await till.stop()


@virtual
async def test_what_was_on_its_way_and_left_on_a_later_day_is_not_closed_on_the_books_of_its_first(
    tmp_path: Path,
) -> None:
    """Proved unsent just after the copy, and sent the next morning: the copy dates it on the day of its first try."""
    shop, till = await copying_shop(tmp_path)
    opened = await till.open()
    await till.counter.media.give_identity_number(opened.id, shop.world.person("jia").certno)
    shop.hub_link.down = True
    assert (await till.counter.sales.confirm(opened.id, "T01")).state is State.ARMED
    await a_day_later(till)
    shop.hub_link.down = False
    assert (await till.counter.sales.confirm(opened.id, "T01")).state is State.CONFIRMED
    till = await put_back(shop, till)
    report = await reconcile(till)
    assert facts(report) == [("open", "waits_for_people", "close_reversed")]
    with pytest.raises(Misuse, match="days_not_reconciled"):
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    later = await reconcile(till, till.counter.today())
    assert facts(later) == [("hub_only", "waits_for_people", "close_confirmed")]
    with pytest.raises(Misuse, match="nothing_to_correct"):
        await reconciliation(till).corrections.fix(MONDAY, only(report).id, TWO)
    fixed = await reconciliation(till).corrections.fix(till.counter.today(), only(later).id, TWO)
    assert (fixed.settlement.state, len(shop.live())) == (State.CONFIRMED, 1)
    await till.stop()


@virtual
async def test_what_was_armed_waits_for_its_lane_while_another_sale_is_on_its_way(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote("0001")
    shop.hub_link.down = True
    assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.ARMED
    await till.stop()
    shop.hub_link = TakingLink(shop, "2102")
    till = await shop.start()
    sold = await till.settle("0002", who="yi")
    assert sold.state is State.CONFIRMED
    till = await put_back(shop, till)
    assert till.counter.phase is Phase.READY
    assert [(await till.get(one.id)).state for one in (priced, sold)] == [State.MANUAL, State.MANUAL]
    await till.stop()


@virtual
async def test_nobody_cancels_or_refunds_on_an_old_copy(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle()
    await till.quiet()
    copy_now(shop)
    till = await put_back(shop, till)
    for wish in (
        till.counter.sales.cancel(sold.id, "T01", ""),
        till.counter.refunds.begin(sold.id, RefundWish(everything=True), "T01"),
    ):
        with pytest.raises(Misuse, match=ROLLED_BACK):
            await wish
    assert len(shop.live()) == 1
    till.counter.holds.lift(ROLLED_BACK)
    assert (await till.counter.sales.cancel(sold.id, "T01", "")).state is State.CANCELLED
    await till.stop()


@virtual
async def test_a_slip_that_waits_in_the_copy_is_not_printed_a_second_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.printer.problem = "paper_out"
    till = await shop.start()
    sold = await till.settle()
    await till.wait(5)
    copy_now(shop)
    shop.printer.problem = None
    await till.quiet()
    assert len(shop.printer.papers) == 1
    till = await put_back(shop, till)
    await till.wait(60)
    assert len(shop.printer.papers) == 1
    assert [one.state for one in till.journal.receipts.of(sold.id)] == ["unknown"]
    await till.stop()


async def put_back_window(clinic: Clinic, window: Window) -> Window:
    """As `put_back`, for the window of a clinic."""
    await window.till.stop()
    clinic.journal_path = old(clinic)
    return Window(clinic, await clinic.start(config=window_config(clinic.institution, clinic.slot), hold=OLD))


@virtual
async def test_a_visit_priced_in_the_copy_and_settled_since_stays_settled(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    copy_now(clinic)
    await window.confirm(priced)
    await window.till.quiet()
    window = await put_back_window(clinic, window)
    sent = len(clinic.hub_link.sent)
    assert (await window.get(priced)).owed == ("2205", "2202")
    await window.pass_time(3600)
    assert {one.infno for one in clinic.hub_link.sent[sent:]} <= {"9001"}, "no withdrawal leaves"
    window.counter.holds.lift(ROLLED_BACK)
    await window.rest(2 * DAY_S)
    assert (len(clinic.live()), len(clinic.visits())) == (1, 1), "what is settled the hub does not withdraw"
    await window.till.stop()


@virtual
async def test_withdrawals_owed_in_the_copy_and_made_since_end_after_the_acceptance(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.arm("lose-request", "2205")
    await window.abandon(priced)
    copy_now(clinic)
    await window.rest()
    assert clinic.visits() == []
    again = await window.settled("2")
    await window.till.quiet()
    window = await put_back_window(clinic, window)
    await window.pass_time(3600)
    assert window.queued() == 1
    window.counter.holds.lift(ROLLED_BACK)
    await window.rest(2 * DAY_S)
    assert [one.msgid for one in clinic.live()] == [again.settle_msgid]
    assert len(clinic.visits()) == 1, "the later visit is another one"
    await window.till.stop()
