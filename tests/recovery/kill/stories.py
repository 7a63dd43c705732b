"""What happens at the till while victims die: every story brings its counter through cells that others do not see.

A story is told again and again; the victim dies in the first cell it comes through that still wants a kill, the next
one recovers from that and is told the story again, until it survives.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from tests.recovery.kill.audit import restless
from tests.recovery.kill.shop import CLINIC, HASTY_S, PATIENT_S, PHARMACY, Shop
from tests.recovery.kill.till import Till

OVER = ("CLOSED", "REVERSED", "CANCELLED", "ABANDONED", "REFUSED")


A_DAY_LATER, NOBODY_THERE = "a day later", "nobody there"


class Story(msgspec.Struct, frozen=True):
    """One story and where it happens."""

    name: str
    institution: str
    tell: Callable[[Shop, Till], Awaitable[None]]
    then: str = ""
    """It leaves something in doubt; then the process is killed, and the next one starts `A_DAY_LATER`, or finds
    `NOBODY_THERE` until all slips are out."""
    timeout_s: int = HASTY_S
    """How long the counter waits for an answer, in its own fast seconds."""


def _numbers(shop: Shop) -> tuple[str, str]:
    """The transactions that settle and cancel here."""
    return ("2207A", "2208") if shop.is_clinic else ("2102", "2103")


async def sale(shop: Shop, till: Till) -> None:
    """Settled, acknowledged, and a copy of the slip."""
    settled = await till.confirmed()
    await till.acknowledge(settled)
    await till.copy(settled)
    closed = await till.reaches(settled, "CLOSED")
    await till.copy(closed)


async def cancelled_at_once(shop: Shop, till: Till) -> None:
    """The customer changes their mind before the till has taken note."""
    await till.cancel(await till.confirmed())


async def cancelled_after(shop: Shop, till: Till) -> None:
    """Cancelled when all was over."""
    settled = await till.confirmed()
    await till.acknowledge(settled)
    await till.cancel(await till.reaches(settled, "CLOSED"))


async def cancelled_without_paper(shop: Shop, till: Till) -> None:
    """The slip still waits for paper when the sale is acknowledged and cancelled; then all slips come at once."""
    shop.printer.paper_out()
    settled = await till.confirmed()
    delivered = await till.acknowledge(settled)
    await till.copy(delivered)
    await till.cancel(delivered)
    shop.printer.load_paper()


async def cancellation_refused(shop: Shop, till: Till) -> None:
    """Nobody hears the cancellation; the sale stands as before, from each state it can come from."""
    settled = await till.confirmed()
    await shop.hub_down()
    await till.cancel(settled)
    await shop.hub_up()
    shop.printer.paper_out()
    delivered = await till.acknowledge(await till.confirmed())
    await shop.hub_down()
    await till.cancel(delivered)
    await shop.hub_up()
    shop.printer.load_paper()
    closed = await till.reaches(delivered, "CLOSED")
    await shop.hub_down()
    await till.cancel(closed)
    await shop.hub_up()


async def abandoned(shop: Shop, till: Till) -> None:
    """Given up as soon as it is open, with a quote, and with a message that was proved unsent."""
    await till.abandon((await till.opened()).id)
    await till.abandon((await till.priced()).id)
    priced = await till.priced()
    await shop.hub_down()
    armed = await till.confirm(priced)
    await shop.hub_up()
    if armed.state == "ARMED":
        await till.abandon(armed.id)


async def sent_again(shop: Shop, till: Till) -> None:
    """Proved unsent, and confirmed once more: the same id and bytes."""
    priced = await till.priced()
    await shop.hub_down()
    armed = await till.confirm(priced)
    await shop.hub_up()
    await till.confirm(armed)


async def left(shop: Shop, till: Till) -> None:
    """The sheet changes after the quote; then nobody says anything any more until the next start."""
    await till.change_lines(await till.priced())
    await till.opened()


def doubt(kind: str, *more: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """A settlement whose answer does not come as it should, and what follows from that."""

    async def tell(shop: Shop, till: Till) -> None:
        settle, _ = _numbers(shop)
        shop.lose(kind, settle)
        shop.lose("answer", *more)
        await till.reaches(await till.confirmed(), *OVER)

    return tell


def doubt_with_late_paper(till_state: str, kind: str, *more: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """The same, and the paper comes when the doubt has got to a state."""

    async def tell(shop: Shop, till: Till) -> None:
        settle, _ = _numbers(shop)
        shop.printer.paper_out()
        shop.lose(kind, settle)
        shop.lose("delay" if till_state == "REVERSING" else "answer", *more)
        known = await till.reaches(await till.confirmed(), till_state, *OVER)
        shop.printer.load_paper()
        await till.reaches(known, *OVER)

    return tell


def mute_in(till_state: str, kind: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """The paper comes when the doubt has got to a state, from a printer that falls silent; the state lasts until it is out."""

    async def tell(shop: Shop, till: Till) -> None:
        settle, _ = _numbers(shop)
        await _slips_are_out(shop, till)
        shop.printer.paper_out()
        shop.lose(kind, settle)
        if till_state == "REVERSING":
            shop.lose("hold", "2601")
        known = await till.reaches(await till.confirmed(), till_state, *OVER)
        shop.printer.mute()
        shop.printer.load_paper()
        await _slips_are_out(shop, till)
        shop.let_go.set()
        await till.reaches(known, *OVER)

    return tell


async def _slips_are_out(shop: Shop, till: Till) -> None:
    while any(line.startswith("slip") for line in restless(shop)):
        await till.pause()


def cancel_doubt(kind: str, *more: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """A cancellation whose answer does not come as it should."""

    async def tell(shop: Shop, till: Till) -> None:
        _, cancel = _numbers(shop)
        shop.lose(kind, cancel)
        shop.lose("answer", *more)
        await till.reaches(await till.cancel(await till.confirmed()), "CANCELLED")

    return tell


def cancelling_paper(lines: int) -> Callable[[Shop, Till], Awaitable[None]]:
    """The slip of the settlement is printed while its cancellation is under way; the paper may end in the middle."""

    async def tell(shop: Shop, till: Till) -> None:
        _, cancel = _numbers(shop)
        await _slips_are_out(shop, till)
        shop.printer.paper_out()
        settled = await till.confirmed()
        shop.lose("hold", cancel)
        cancelling = asyncio.ensure_future(till.cancel(settled))
        try:
            await till.reaches(settled, "CANCELLING", "CANCELLED")
            shop.printer.load_paper()
            if lines:
                shop.printer.paper_out(lines)
            await _slips_are_out(shop, till)
        finally:
            shop.let_go.set()
            await cancelling
        shop.printer.load_paper()

    return tell


async def cancel_doubt_with_late_paper(shop: Shop, till: Till) -> None:
    """The slip of the settlement is printed while nobody knows about its cancellation."""
    _, cancel = _numbers(shop)
    shop.printer.paper_out()
    settled = await till.confirmed()
    shop.lose("answer", cancel, "5203")
    doubtful = await till.cancel(settled)
    shop.printer.load_paper()
    await till.reaches(doubtful, "CANCELLED")


async def slow_till(shop: Shop, till: Till) -> None:
    """The till takes note when the slip has long been out."""
    settled = await till.confirmed()
    while restless(shop):
        await till.pause()
    await till.acknowledge(settled)


async def on_its_way(shop: Shop, till: Till) -> None:
    """A settlement is on its way when the process ends."""
    settle, _ = _numbers(shop)
    priced = await till.priced()
    shop.lose("delay", settle)
    confirming = asyncio.ensure_future(till.confirm(priced))
    await till.reaches(priced, "SENDING", *OVER)
    confirming.cancel()
    await asyncio.gather(confirming, return_exceptions=True)


def mute_printer(tell_it: Callable[[Shop, Till], Awaitable[None]]) -> Callable[[Shop, Till], Awaitable[None]]:
    """The same with a printer that prints and answers no question."""

    async def tell(shop: Shop, till: Till) -> None:
        shop.printer.mute()
        await tell_it(shop, till)

    return tell


async def reconciled(shop: Shop, till: Till) -> None:
    """The day is reconciled while a settlement is in doubt: the totals differ, so the details are fetched."""
    settle, _ = _numbers(shop)
    shop.lose("answer", settle)
    shop.lose("request", "2601", "2601", "2601")
    doubtful = await till.confirmed()
    await till.reconcile(doubtful.business_date)
    await till.reaches(doubtful, *OVER)
    await till.reconcile(doubtful.business_date)


def refund(kind: str, *more: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """A pack comes back: cancelled, with an answer that does not come as it should; then the rest is settled."""

    async def tell(shop: Shop, till: Till) -> None:
        _, cancel = _numbers(shop)
        settled = await till.confirmed()
        if kind:
            shop.lose(kind, cancel)
        shop.lose("answer", *more)
        await till.sell_the_rest(await till.reaches(await till.refund(settled), "CANCELLED"))

    return tell


async def refund_after(shop: Shop, till: Till) -> None:
    """A pack comes back after all was over, and before the slip of another sale is out; each time nobody hears it at first."""
    closed = await till.reaches(await till.acknowledge(await till.confirmed()), "CLOSED")
    await shop.hub_down()
    await till.refund(closed)
    await shop.hub_up()
    await till.refund(closed)
    shop.printer.paper_out()
    delivered = await till.acknowledge(await till.confirmed())
    await shop.hub_down()
    await till.refund(delivered)
    await shop.hub_up()
    await till.refund(delivered)
    shop.printer.load_paper()


async def rest_in_doubt(shop: Shop, till: Till) -> None:
    """The rest of a refund is settled, and its answer is lost."""
    settle, _ = _numbers(shop)
    refunded = await till.refund(await till.confirmed())
    shop.lose("answer", settle)
    await till.reaches(await till.sell_the_rest(refunded), *OVER)


async def refund_not_sent(shop: Shop, till: Till) -> None:
    """Nobody hears the cancellation of a refund."""
    settled = await till.confirmed()
    await shop.hub_down()
    await till.refund(settled)
    await shop.hub_up()


async def quarantined(shop: Shop, till: Till) -> None:
    """The hub's answer does not fit the sale: undone by our message id, with a first try that gets no answer."""
    settle, _ = _numbers(shop)
    shop.lose("amount-off", settle)
    shop.lose("answer", "2601")
    await till.reaches(await till.confirmed(), "REVERSED")


def steps(kind: str, *transactions: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """A visit whose booked steps get no answer, given up or settled."""

    async def tell(shop: Shop, till: Till) -> None:
        shop.lose(kind, *transactions)
        priced = await till.priced()
        if priced.state != "PRICED":
            await till.abandon(priced.id)
            return
        await till.confirm(priced)

    return tell


def leaves(kind: str, *transactions: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """A visit that is given up after the quote; its withdrawals get no answer at first."""

    async def tell(shop: Shop, till: Till) -> None:
        priced = await till.priced()
        shop.lose(kind, *transactions)
        await till.abandon(priced.id)
        await _withdrawn(shop, till, priced.id)

    return tell


def cancels_and_leaves(kind: str, *transactions: str) -> Callable[[Shop, Till], Awaitable[None]]:
    """A settled visit that is cancelled; its withdrawals get no answer at first."""

    async def tell(shop: Shop, till: Till) -> None:
        settled = await till.confirmed()
        shop.lose(kind, *transactions)
        await till.cancel(settled)
        await _withdrawn(shop, till, settled.id)

    return tell


async def _withdrawn(shop: Shop, till: Till, settlement_id: str) -> None:
    """Wait until a visit that has ended owes nothing."""
    while (await till.look(settlement_id)).withdrawals_owed:
        await till.pause()


async def changed_sheet(shop: Shop, till: Till) -> None:
    """A visit whose sheet changes after the quote; the withdrawal of the old batch gets no answer at first."""
    priced = await till.priced()
    shop.lose("answer", "2205")
    await till.confirm(await till.change_lines(priced))


async def nobody_answers(shop: Shop, till: Till) -> None:
    """Neither the settlement nor its reversal gets an answer."""
    settle, _ = _numbers(shop)
    shop.lose("answer", settle)
    shop.lose("request", *["2601"] * 20)
    await till.reaches(await till.confirmed(), "REVERSING")


async def nobody_answers_a_cancellation(shop: Shop, till: Till) -> None:
    """Neither the cancellation nor the question about it gets an answer."""
    _, cancel = _numbers(shop)
    settled = await till.confirmed()
    shop.lose("answer", cancel)
    shop.lose("request", *["5203"] * 20)
    await till.cancel(settled)


def _both(name: str, tell: Callable[[Shop, Till], Awaitable[None]]) -> list[Story]:
    return [Story(name, place, tell) for place in (PHARMACY, CLINIC)]


def _patient(name: str, tell: Callable[[Shop, Till], Awaitable[None]]) -> list[Story]:
    return [Story(name, place, tell, timeout_s=PATIENT_S) for place in (PHARMACY, CLINIC)]


def _clinic(name: str, tell: Callable[[Shop, Till], Awaitable[None]]) -> list[Story]:
    return [Story(name, CLINIC, tell)]


STORIES: tuple[Story, ...] = (
    *_both("sale", sale),
    *_both("cancelled at once", cancelled_at_once),
    *_both("cancelled after", cancelled_after),
    *_both("cancelled without paper", cancelled_without_paper),
    *_both("cancellation not sent", cancellation_refused),
    *_both("abandoned", abandoned),
    *_both("sent again", sent_again),
    *_both("slow till", slow_till),
    *(Story("on its way", place, on_its_way, NOBODY_THERE) for place in (PHARMACY, CLINIC)),
    *_both("late paper, cancellation in doubt", cancel_doubt_with_late_paper),
    *_both("left", left),
    *_both("answer lost", doubt("answer")),
    *_both("answers lost", doubt("answer", "2601", "2601")),
    *_both("request lost", doubt("request", "2601")),
    *_both("quarantined", quarantined),
    *_both("late paper, reversing", doubt_with_late_paper("REVERSING", "answer", "2601")),
    *_both("late paper, reversed once", doubt_with_late_paper("REVERSED_ONCE", "request")),
    *_both("late paper, reversed", doubt_with_late_paper("REVERSED", "answer")),
    *_both("cancellation's answer lost", cancel_doubt("answer", "5203")),
    *_both("cancellation lost", cancel_doubt("request", "5203")),
    *_patient("cancelling paper", cancelling_paper(0)),
    *_patient("cancelling torn paper", cancelling_paper(5)),
    *_both("reconciled", reconciled),
    *_both("refused", doubt("refuse", "2205", "2202")),
    *_both("mute printer", mute_printer(cancelled_at_once)),
    *_both("mute printer, doubt", mute_printer(doubt("request"))),
    *_both("mute printer, late", mute_printer(sale)),
    *_both("mute printer, slow till", mute_printer(slow_till)),
    *_patient("mute printer, reversing", mute_in("REVERSING", "answer")),
    *_patient("mute printer, reversed once", mute_in("REVERSED_ONCE", "request")),
    *_both("refund", refund("")),
    *_both("refund after", refund_after),
    *_both("refund's answer lost", refund("answer", "5203")),
    *_both("refund lost", refund("request")),
    *_both("refund not sent", refund_not_sent),
    *_both("rest of a refund in doubt", rest_in_doubt),
    *(Story("a day of doubt", place, nobody_answers, A_DAY_LATER) for place in (PHARMACY, CLINIC)),
    *(
        Story("a day of doubt about a cancellation", place, nobody_answers_a_cancellation, A_DAY_LATER)
        for place in (PHARMACY, CLINIC)
    ),
    *_clinic("registration lost", steps("answer", "2201")),
    *_clinic("registration and its search lost", steps("answer", "2201", "5201")),
    *_clinic("diagnosis lost", steps("answer", "2203A")),
    *_clinic("charges lost", steps("answer", "2204", "2205")),
    *_clinic("changed sheet", changed_sheet),
    *_clinic("leaves", leaves("answer", "2205", "2202")),
    *_clinic("leaves unheard", leaves("request", "2205", "2202")),
    *_clinic("leaves, refused", leaves("refuse", "2202")),
    *_clinic("cancels and leaves", cancels_and_leaves("answer", "2205", "2202")),
    *_clinic("cancels and leaves, refused", cancels_and_leaves("refuse", "2202")),
)
