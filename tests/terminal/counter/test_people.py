"""People and tills at the wrong moment: two at once, cancel in every state, a till that dies, an amount that changes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from protocols.money import Fen
from terminal.core.events import Misuse
from terminal.core.shown import asks_for_what_was_shown
from terminal.core.states import State
from terminal.core.values import ChargeLine, Settlement
from terminal.counter.engine import Busy
from tests.faults import fired
from tests.terminal.clinic.clinic import Clinic
from tests.terminal.core import samples
from tests.terminal.harness import Shop, Till, virtual

DAY_S = 24 * 3600.0


# -- F60, T56: two at once ------------------------------------------------------------------------------


@virtual
async def test_two_tills_on_one_lane_are_served_one_after_the_other(tmp_path: Path) -> None:
    """Fault F60: the second waits; never two conversations of one lane with the hub."""
    shop = Shop(tmp_path)
    till = await shop.start()
    first, second = await till.quote("0001"), await till.quote("0002", who="ding")
    shop.arm("delay 5", "2102")
    slow = asyncio.ensure_future(till.counter.sales.confirm(first.id, "T01"))
    await asyncio.sleep(1)
    fired("F60")
    quick = asyncio.ensure_future(till.counter.sales.confirm(second.id, "T02"))
    for _ in range(4):
        await asyncio.sleep(0.9)
        assert till.attempts(second.id) == [], "nothing of the second is written while the first is open"
    outcomes = await asyncio.gather(slow, quick)
    assert [outcome.state for outcome in outcomes] == [State.CONFIRMED, State.CONFIRMED]
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_the_second_of_two_tills_is_told_to_wait_when_the_first_ends_in_doubt(tmp_path: Path) -> None:
    """Fault F60 with a lost answer: the gate closes while the second waits in line."""
    shop = Shop(tmp_path)
    till = await shop.start()
    first, second = await till.quote("0001"), await till.quote("0002", who="ding")
    shop.arm("delay 31", "2102")
    slow = asyncio.ensure_future(till.counter.sales.confirm(first.id, "T01"))
    await asyncio.sleep(1)
    quick = asyncio.ensure_future(till.counter.sales.confirm(second.id, "T02"))
    fired("F60")
    assert (await slow).state in (State.DOUBT, State.REVERSING, State.REVERSED)
    with pytest.raises(Misuse, match="lane_gate"):
        await quick
    assert (await till.get(second.id)).state is State.PRICED
    await till.quiet()
    assert (await till.counter.sales.confirm(second.id, "T02")).state is State.CONFIRMED
    shop.assert_books_agree(till)
    await till.stop()


@pytest.mark.parametrize("first", ["confirm", "abandon", "cancel"])
@virtual
async def test_settling_and_taking_it_back_at_the_same_instant_is_one_of_them(
    first: str, tmp_path: Path
) -> None:
    """Abuse case T56: whoever is first has it; the other is told, and changes nothing."""
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    shop.arm("delay 1", "2102")
    wishes: dict[str, Callable[[], Awaitable[Settlement]]] = {
        "confirm": lambda: till.counter.sales.confirm(priced.id, "T01"),
        "abandon": lambda: till.counter.sales.abandon(priced.id, "T02"),
        "cancel": lambda: till.counter.sales.cancel(priced.id, "T02", ""),
    }
    order = [first, *(name for name in wishes if name != first)]
    outcomes = await asyncio.gather(*(wishes[name]() for name in order), return_exceptions=True)
    told = dict(zip(order, outcomes, strict=True))
    for name, outcome in told.items():
        assert isinstance(outcome, Settlement | Busy | Misuse), f"{name}: {outcome!r}"
    known = await till.get(priced.id)
    assert known.state is (State.ABANDONED if first == "abandon" else State.CONFIRMED)
    assert len(shop.live()) == (0 if first == "abandon" else 1)
    assert isinstance(told["cancel"], Busy | Misuse)
    shop.assert_books_agree(till)
    await till.stop()


# -- F62: the till dies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("counter_dies_too", [False, True])
@virtual
async def test_a_till_that_dies_before_it_read_the_answer_asks_and_is_told(
    counter_dies_too: bool, tmp_path: Path
) -> None:
    """Fault F62: by id, by sale number and by its own key it hears CONFIRMED; nothing is undone by itself."""
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open("0001", key="written down before")
    await till.counter.media.give_code(opened.id, shop.code())
    confirming = asyncio.ensure_future(till.counter.sales.confirm(opened.id, "T01"))
    for _ in range(1000):
        if (await till.get(opened.id)).state is State.CONFIRMED:
            break
        await asyncio.sleep(0)
    confirming.cancel()
    await asyncio.gather(confirming, return_exceptions=True)
    fired("F62")
    if counter_dies_too:
        await till.kill()
        till = await shop.start()
    await till.wait(DAY_S)
    assert (await till.get(opened.id)).state is State.CONFIRMED
    row = await till.counter.settlements.find("0001", opened.key.business_date)
    assert row is not None
    assert (row.id, row.state) == (opened.id, State.CONFIRMED)
    shop.clock.jump(-DAY_S)
    assert (await till.open("0001", key="written down before")).id == opened.id
    assert len(shop.live()) == 1
    await till.stop()


# -- F63: cancel in every state -------------------------------------------------------------------------


async def reach(shop: Shop, till: Till, state: State) -> str:
    """Bring a sale into a state and keep it there; return its id."""
    if state is State.DRAFT:
        return (await till.open()).id
    priced = await till.quote()
    match state:
        case State.PRICED:
            return priced.id
        case State.ARMED:
            shop.hub_link.down = True
        case State.REFUSED:
            shop.arm("refuse", "2102")
        case State.ABANDONED:
            await till.counter.sales.abandon(priced.id, "T01")
            return priced.id
        case State.SENDING:
            shop.arm("delay 20", "2102")
            asyncio.ensure_future(till.counter.sales.confirm(priced.id, "T01"))  # noqa: RUF006 - ends with the test's loop
            await till.wait(1)
            return priced.id
        case State.DOUBT | State.REVERSING | State.REVERSED | State.MANUAL:
            shop.arm("lose-answer", "2102")
            if state is not State.REVERSED:
                shop.arm("lose-request", "2601", 100_000)
        case State.REVERSED_ONCE:
            shop.arm("lose-request", "2102")
        case State.CLOSED | State.DELIVERED if state is State.DELIVERED:
            shop.printer.problem = "paper_out"
    await till.counter.sales.confirm(priced.id, "T01")
    if state in (State.DELIVERED, State.CLOSED):
        await till.counter.sales.acknowledge(priced.id, "T01")
    if state in (State.CANCELLING, State.CANCEL_DOUBT, State.CANCELLED):
        if state is State.CANCEL_DOUBT:
            shop.arm("lose-request", "2103", 100_000)
            shop.arm("lose-request", "5203", 100_000)
        if state is State.CANCELLING:
            shop.arm("delay 20", "2103")
            asyncio.ensure_future(till.counter.sales.cancel(priced.id, "T01", ""))  # noqa: RUF006 - ends with the test's loop
        else:
            await till.counter.sales.cancel(priced.id, "T01", "")
    await till.wait(DAY_S + 600 if state is State.MANUAL else 1)
    return priced.id


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (State.DRAFT, "nothing_to_cancel"),
        (State.PRICED, "nothing_to_cancel"),
        (State.ARMED, "nothing_to_cancel"),
        (State.SENDING, "busy"),
        (State.CONFIRMED, State.CANCELLED),
        (State.DELIVERED, State.CANCELLED),
        (State.CLOSED, State.CANCELLED),
        (State.REFUSED, "nothing_to_cancel"),
        (State.ABANDONED, "nothing_to_cancel"),
        (State.DOUBT, "nothing_to_cancel"),
        (State.REVERSING, "nothing_to_cancel"),
        (State.REVERSED_ONCE, "nothing_to_cancel"),
        (State.REVERSED, "nothing_to_cancel"),
        (State.CANCELLING, State.CANCELLING),
        (State.CANCEL_DOUBT, State.CANCEL_DOUBT),
        (State.CANCELLED, State.CANCELLED),
        (State.MANUAL, "nothing_to_cancel"),
    ],
)
@virtual
async def test_cancel_pressed_in_every_state(state: State, answer: State | str, tmp_path: Path) -> None:
    """Fault F63: before the settlement free to give up, after it a cancellation, in doubt only the terminal's own way."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settlement_id = await reach(shop, till, state)
    before = await till.get(settlement_id)
    assert (
        before.state in {state, State.REVERSING, State.MANUAL}
        if state is State.DOUBT
        else {state, State.REVERSING}
    )
    sent = len(till.attempts(settlement_id))
    fired("F63")
    try:
        told: State | str = (await till.counter.sales.cancel(settlement_id, "T01", "")).state
    except Busy:
        told = "busy"
    except Misuse as misuse:
        told = misuse.code
    assert told == answer
    more = len(till.attempts(settlement_id)) - sent
    assert more == (1 if answer is State.CANCELLED and state is not State.CANCELLED else 0)
    if state in (State.DRAFT, State.PRICED, State.ARMED):
        assert (await till.counter.sales.abandon(settlement_id, "T01")).state is State.ABANDONED
        assert shop.live() == []
    await till.stop()


# -- F74: the amount changes ----------------------------------------------------------------------------


def dearer(line: ChargeLine) -> ChargeLine:
    """The line after a bit has flipped in its amount."""
    return msgspec.structs.replace(line, amount_fen=line.amount_fen ^ 0x100)


@pytest.mark.parametrize("what", ["line", "price of the quote"])
@virtual
async def test_an_amount_that_changes_between_screen_and_message_is_not_sent(
    what: str, tmp_path: Path
) -> None:
    """Fault F74: the finished bytes are compared with what the customer agreed to; nothing leaves, nothing is written."""
    shop = Shop(tmp_path)
    till = await shop.start()
    priced = await till.quote()
    held = till.counter.engine._held[priced.id]
    quote = held.settlement.quote
    assert quote is not None
    if what == "line":
        changed = msgspec.structs.replace(held.settlement, lines=tuple(map(dearer, held.settlement.lines)))
    else:
        total_fen = quote.split.total_fen ^ 0x100
        split = msgspec.structs.replace(quote.split, total_fen=total_fen, account_fen=total_fen)
        changed = msgspec.structs.replace(held.settlement, quote=msgspec.structs.replace(quote, split=split))
    held.settlement = changed
    fired("F74")
    stopped = await till.counter.sales.confirm(priced.id, "T01")
    assert stopped.state is State.ARMED
    assert stopped.notice is not None
    assert stopped.notice.code == "amount_changed"
    assert till.attempts(priced.id) == []
    assert shop.live() == []
    assert (await till.counter.sales.abandon(priced.id, "T01")).state is State.ABANDONED
    await till.stop()


@virtual
async def test_a_clinics_total_is_compared_too(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    held = window.counter.engine._held[priced.id]
    held.settlement = msgspec.structs.replace(
        held.settlement, lines=tuple(map(dearer, held.settlement.lines))
    )
    fired("F74")
    stopped = await window.confirm(priced)
    assert (stopped.state, clinic.live()) == (State.ARMED, [])
    assert stopped.notice is not None
    assert stopped.notice.code == "amount_changed"
    await window.till.stop()


def test_what_the_bytes_must_say() -> None:
    priced = samples.after(*samples.TO_PRICED)
    good = b'{"input":{"druginfo":{"medfee_sumamt":37.50},"drugdetail":[{"det_item_fee_sumamt":37.50}]}}'
    assert asks_for_what_was_shown(priced, good)
    assert asks_for_what_was_shown(
        priced, good.replace(b',"drugdetail":[{"det_item_fee_sumamt":37.50}]', b"")
    )
    for bad in (
        good.replace(b"37.50", b"37.51"),
        good.replace(b"37.50", b"37.51", 1),
        good.replace(b'"det_item_fee_sumamt":37.50', b'"det_item_fee_sumamt":37.51'),
        good.replace(b"medfee_sumamt", b"other"),
        good + good,
        b"{}",
    ):
        assert not asks_for_what_was_shown(priced, bad)
    assert not asks_for_what_was_shown(samples.draft(), good)
    assert Fen(3750).wire_text() == "37.50"
