"""The conversation of `yibao sale`: goods and code come from options, the scanner or the keyboard, in any order.
That of `yibao visit` (`yibao.cli.visit_dialogue`) is built on it.

The counter's own view of the sale decides what comes next; nothing is remembered here that the service does not know,
so the conversation may break off at any point.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, TypeVar

from protocols.wire_time import WIRE_ZONE
from terminal.core.states import State
from terminal.shapes.settlements import AmountsView
from terminal.shapes.technician import HealthView
from terminal.texts import reason_in_words
from yibao.cli import review
from yibao.cli.common import OUTCOME_OPEN
from yibao.cli.errors import CommandFailed, Interrupted, OutputLost, is_output_lost
from yibao.cli.output import print_json, yuan
from yibao.cli.tables import Screen
from yibao.cli.typing_in import TypedLines
from yibao.client import (
    CounterClient,
    CounterError,
    CounterProblem,
    EventView,
    LineWish,
    SaleWish,
    SettlementView,
)
from yibao.words import Words, say

_BEFORE_THE_MONEY: Final = frozenset({State.DRAFT, State.PRICED, State.ARMED})
_GOOD: Final = frozenset({State.CONFIRMED, State.DELIVERED, State.CLOSED})
_LONGEST_BARCODE: Final = 14
_OPENING_TRIES: Final = 20
_GIVE_UP_S: Final = 5.0
_LOOK_S: Final = 0.5
_YES: Final = frozenset({"y", "yes", "是"})
GIVE_UP: Final = frozenset({"q", "n", "no", "否"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks for."""

    lines: tuple[LineWish, ...]
    code: str
    number: str
    confirmed: bool
    """Settle without asking."""
    follow_s: float
    """How long to follow an outcome that is open."""
    interactive: bool
    """Somebody sits at a keyboard."""
    reason: str = ""
    """Why to carry on whatever the hub's review finds; empty = it is asked for."""
    benefit: str = ""
    """Kind of benefit; empty = the first of the flow."""
    insutype: str = ""
    """Which enrolment, where several are in force."""

    def wish(self, number: str, flow: str) -> SaleWish:
        """What the sale is opened with."""
        return SaleWish(
            sale_number=number, lines=self.lines, flow=flow, benefit=self.benefit, insutype=self.insutype
        )


OrderKind = TypeVar("OrderKind", bound=Order)


async def sell(client: CounterClient, order: Order, *, as_json: bool) -> int:
    """Hold the conversation of a sale; return the exit code."""
    return await converse(client, order, Conversation, as_json=as_json)


async def converse(
    client: CounterClient, order: OrderKind, kind: "type[Conversation[OrderKind]]", *, as_json: bool
) -> int:
    """Hold a whole conversation; return the exit code."""
    await client.wait_ready()
    sale = await _open(client, order, kind.flow)
    return await _converse_about(client, order, kind, sale, as_json=as_json)


async def resume(
    client: CounterClient,
    order: OrderKind,
    kind: "type[Conversation[OrderKind]]",
    settlement_id: str,
    *,
    as_json: bool,
) -> int:
    """Hold the conversation of a sale that is open already; return the exit code."""
    return await _converse_about(client, order, kind, await client.sale(settlement_id), as_json=as_json)


async def _converse_about(
    client: CounterClient,
    order: OrderKind,
    kind: "type[Conversation[OrderKind]]",
    sale: SettlementView,
    *,
    as_json: bool,
) -> int:
    screen = Screen(beside_json=as_json)
    status = await client.status()
    has_scanner = any(device.name == "scanner" and device.state != "absent" for device in status.devices)
    async with Happenings(client, sale.id) as happenings:
        talk = kind(client, screen, order, sale, happenings, has_scanner)
        try:
            screen.line(say(f"{kind.name}_opened", number=sale.sale_number, id=sale.id))
            sale = await talk.run()
            if as_json:
                print_json(sale)
        except asyncio.CancelledError:
            raise await talk.broken_off() from None
        except OSError as lost:
            if not is_output_lost(lost):
                raise
            raise OutputLost((await talk.broken_off()).words, lost) from None
    return outcome_code(sale)


def outcome_code(sale: SettlementView) -> int:
    """Exit code of a sale: 0 settled, 3 outcome open or the rest of a refund still unpaid, 1 not settled."""
    if sale.in_doubt or sale.state == State.SENDING or is_waiting_rest(sale):
        return OUTCOME_OPEN
    return 0 if sale.state in _GOOD else 1


def is_waiting_rest(sale: SettlementView) -> bool:
    """What the customer keeps after a refund, not settled yet: goods that nobody has paid for."""
    return bool(sale.refund_of) and sale.state in _BEFORE_THE_MONEY


def rest_waits(sale: SettlementView) -> Words:
    """What is true of such a rest, and how to go on with it."""
    code = "refund_visit_waits" if sale.flow == "clinic_visit" else "refund_rest_waits"
    return say(code, number=sale.sale_number, id=sale.id)


async def _open(client: CounterClient, order: Order, flow: str) -> SettlementView:
    """Open the sale under the number asked for, or under the day's next free one."""
    if order.number:
        return await client.open_sale(order.wish(order.number, flow))
    first = await next_number(client)
    for number in range(first, first + _OPENING_TRIES):
        try:
            return await client.open_sale(order.wish(str(number), flow))
        except CounterProblem as problem:
            # Another program of the till may have taken the number a moment ago.
            if problem.code != "sale_number_open":
                raise
    raise CommandFailed(say("no_free_number"))


async def next_number(client: CounterClient) -> int:
    """The number behind the highest of today's numeric sale numbers."""
    today = dt.datetime.now(WIRE_ZONE).date().isoformat()
    taken = [
        int(row.sale_number)
        for row in await client.recent(500)
        if row.business_date == today and row.sale_number.isascii() and row.sale_number.isdigit()
    ]
    return max(taken, default=0) + 1


class Happenings:
    """What is typed and what the counter tells, in one queue."""

    def __init__(self, client: CounterClient, settlement_id: str) -> None:
        self._client = client
        self._id = settlement_id
        self._queue: asyncio.Queue[str | EventView | CounterError | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Happenings":
        self._tasks.append(asyncio.create_task(self._events()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def listen_to_keyboard(self) -> None:
        """From now on what is typed arrives too; None = nothing more can be typed."""
        if len(self._tasks) == 1:
            self._tasks.append(asyncio.create_task(self._typed(TypedLines())))

    async def next(self) -> str | EventView | None:
        """The next happening; raises `CounterError` when the service has gone."""
        found = await self._queue.get()
        if isinstance(found, CounterError):
            raise found
        return found

    async def _events(self) -> None:
        """This sale's events, and what was told to nobody in particular since it was opened."""
        begun = False
        try:
            async with contextlib.aclosing(self._client.events()) as events:
                async for event in events:
                    begun = begun or event.settlement_id == self._id
                    if begun and event.settlement_id in ("", self._id):
                        self._queue.put_nowait(event)
            await self._client.status()
            self._queue.put_nowait(CounterError(say("service_went_away")))
        except CounterError as error:
            self._queue.put_nowait(error)

    async def _typed(self, typed: TypedLines) -> None:
        while (line := await typed.next()) is not None:
            self._queue.put_nowait(line)
        self._queue.put_nowait(None)


class Conversation(Generic[OrderKind]):
    """One sale and one person at the keyboard (or none)."""

    name: ClassVar = "sale"
    """Stands before the codes of its own words."""
    flow: ClassVar = "pharmacy_purchase"

    def __init__(
        self,
        client: CounterClient,
        screen: Screen,
        order: OrderKind,
        sale: SettlementView,
        happenings: Happenings,
        has_scanner: bool,
    ) -> None:
        self._client = client
        self._screen = screen
        self._order = order
        self._sale = sale
        self._happenings = happenings
        self._has_scanner = has_scanner
        self._told = sale
        self._prompted = ""
        self._quoted_for: object = None
        self._failed_to_settle = False
        self._settling = False
        self._keyboard_ended = False
        self._reason_used = False

    async def run(self) -> SettlementView:
        """Collect, quote, agree, settle, follow; return the sale as it is then."""
        if self._sale.lines:
            self._screen.lines(self._sale)
        self._screen.beside(self._sale)
        await self._give_medium()
        while self._sale.state in _BEFORE_THE_MONEY:
            await self._quote_if_due()
            self._show_news()
            if await self._answered_by_order():
                continue
            if self._sale.state == State.PRICED and self._order.confirmed and not self._failed_to_settle:
                await self._settle()
            elif self._is_hopeless():
                return await self._give_up()
            else:
                self._prompt()
                if await self._wait():
                    return await self._give_up()
        return await self._after_the_money()

    async def broken_off(self) -> Interrupted:
        """Ctrl-C, or nobody sees the output: give the sale up while that is possible; say what is true now. The rest of a refund waits."""
        number = self._sale.sale_number
        if is_waiting_rest(self._sale) and not self._settling:
            return Interrupted(rest_waits(self._sale))
        if not self._settling:
            with contextlib.suppress(CounterError, TimeoutError):
                async with asyncio.timeout(_GIVE_UP_S):
                    await self._client.abandon(self._sale.id)
                return Interrupted(say(f"{self.name}_interrupted", number=number))
        return Interrupted(say(f"{self.name}_interrupted_late", number=number))

    # -- before the money -------------------------------------------------------------------------

    async def _attempt(self, change: Awaitable[SettlementView]) -> bool:
        """Ask for a change; a refusal is told and changes nothing. Whether it was done."""
        try:
            self._sale = await change
        except CounterProblem as problem:
            if problem.status >= 500 and problem.code != "not_ready":
                raise
            if problem.code != "busy":
                self._screen.say(problem.words)
            self._sale = await self._client.sale(self._sale.id)
            return False
        return True

    async def _give_medium(self) -> None:
        """Hand over what the command line says the person has shown."""
        if self._order.code:
            await self._attempt(self._client.give_code(self._sale.id, self._order.code))

    async def _quote_if_due(self) -> None:
        """Goods after the code: the quote is asked for here, once for each state of the charge sheet."""
        sale = self._sale
        due = sale.state == State.DRAFT and sale.person is not None and bool(sale.lines) and not sale.busy
        due = due and not (sale.review is not None and sale.review.waits)
        if due and self._quoted_for != (sale.lines, sale.person):
            self._quoted_for = (sale.lines, sale.person)
            await self._attempt(self._client.quote(sale.id))

    async def _answered_by_order(self) -> bool:
        """Answer the review with the reason of the command line, once. Whether it was done."""
        found = self._sale.review
        if not self._order.reason or self._reason_used or found is None or not found.waits:
            return False
        self._reason_used = True
        answer = self._client.answer_review(self._sale.id, carry_on=True, reason=self._order.reason)
        return await self._attempt(answer)

    async def _answer_typed(self, text: str) -> bool:
        """Work off a line typed while the review stands open. Whether the sale is to be given up."""
        word = text.lower()
        self._prompted = ""
        if word in GIVE_UP:
            return True
        if not word:
            self._quoted_for = None
        elif (line := article(word)) is not None:
            await self._attempt(self._client.add_line(self._sale.id, line))
        else:
            back = word in review.BACK
            answer = self._client.answer_review(self._sale.id, carry_on=not back, reason="" if back else text)
            await self._attempt(answer)
        return False

    def _show_news(self) -> None:
        """Print what is new since the last time."""
        sale, told = self._sale, self._told
        self._told = sale
        if sale.review is not None and sale.review.waits and sale.review != told.review:
            self._screen.findings(sale.review.findings)
        if sale.person is not None and sale.person != told.person:
            self._screen.person(sale.person)
        if sale.lines != told.lines:
            self._screen.lines(sale)
        if sale.quote is not None and sale.quote != told.quote:
            self._screen.amounts(sale.quote)
            self._screen.beside(sale)
        for hint in sale.hints:
            if hint not in told.hints:
                self._screen.say(Words(hint.code, hint.zh, hint.en))
        if sale.notice is not None and sale.notice != told.notice:
            self._screen.notice(sale)

    def _is_hopeless(self) -> bool:
        """Nobody is left who could bring this sale on."""
        if self._order.interactive:
            return False
        if self._failed_to_settle and self._order.confirmed:
            return True
        if self._sale.state in (State.PRICED, State.ARMED):
            return self._keyboard_ended
        if self._order.code and not self._sale.busy:
            return True
        return self._keyboard_ended and not self._has_scanner

    def _prompt(self) -> None:
        self._happenings.listen_to_keyboard()
        if self._sale.busy:
            return
        code = self._wanted()
        wanted = f"{code} {self._sale.quote}"
        if wanted != self._prompted:
            self._prompted = wanted
            if "_ask" in code:
                self._screen.ask(say(code))
            else:
                self._screen.say(say(code))

    def _wanted(self) -> str:
        """Code of the words that say what is waited for."""
        sale = self._sale
        if review.is_open(sale):
            return review.wanted(sale)
        if sale.state in (State.PRICED, State.ARMED):
            return "sale_ask_again" if self._failed_to_settle else "sale_ask"
        if sale.lines and sale.person is not None:
            return "sale_waiting_quote"
        return "sale_waiting_code" if sale.lines else "sale_waiting"

    async def _wait(self) -> bool:
        """Wait for the next happening and work it off. Whether the sale is to be given up."""
        happening = await self._happenings.next()
        if isinstance(happening, EventView):
            if happening.settlement_id:
                self._sale = await self._client.sale(self._sale.id)
            elif happening.notice is not None:
                notice = happening.notice
                self._screen.say(Words(notice.code, notice.zh, notice.en))
            return False
        if happening is None:
            self._keyboard_ended = True
            return False
        return await self._typed(happening)

    async def _typed(self, text: str) -> bool:
        """Work off a typed line. Whether the sale is to be given up."""
        if review.is_open(self._sale):
            return await self._answer_typed(text)
        word = text.lower()
        can_agree = self._sale.state in (State.PRICED, State.ARMED)
        self._prompted = ""
        if word in GIVE_UP:
            return True
        if can_agree and word in _YES:
            await self._settle()
        elif not word:
            self._quoted_for = None
            return can_agree  # the small letter of [y/N]
        elif (line := article(word)) is not None:
            await self._attempt(self._client.add_line(self._sale.id, line))
        else:
            await self._attempt(self._client.give_code(self._sale.id, text))
        return False

    async def _give_up(self) -> SettlementView:
        """Give the sale up; the rest of a refund stays: only `--withdraw` says that nobody will pay for it."""
        if not self._order.interactive and self._keyboard_ended:
            self._screen.say(say(f"{self.name}_no_input", number=self._sale.sale_number))
        if is_waiting_rest(self._sale):
            self._screen.say(rest_waits(self._sale))
            return self._sale
        if self._sale.self_pay and not self._sale.lines:
            amount = yuan(self._sale.self_pay_fen)
            self._screen.say(say("sale_only_beside", number=self._sale.sale_number, amount=amount))
        self._sale = await self._client.abandon(self._sale.id)
        self._screen.say(given_up_words(self._sale))
        return self._sale

    # -- the money --------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Confirm. A refusal by the counter itself, or a request that never left, brings the question back."""
        self._settling = True
        done = await self._attempt(self._client.confirm(self._sale.id))
        self._failed_to_settle = not done or self._sale.state in _BEFORE_THE_MONEY
        self._settling = not self._failed_to_settle

    async def _after_the_money(self) -> SettlementView:
        """Tell the outcome; follow it while it is open; acknowledge it."""
        self._settling = True
        self._sale = await follow(self._client, self._screen, self._sale, self._order.follow_s)
        if self._sale.settled is not None and self._sale.state in _GOOD:
            if _who_pays(self._sale.settled) != _who_pays(self._told.quote):
                self._screen.amounts(self._sale.settled)
                self._screen.beside(self._sale)
            # A refusal here changes nothing about the money: the sale is settled, and the exit code says so.
            await self._attempt(self._client.acknowledge(self._sale.id))
            await self._say_if_slip_waits()
        elif self._sale.in_doubt:
            self._screen.say(say(f"{self.name}_still_open", number=self._sale.sale_number))
        return self._sale

    async def _say_if_slip_waits(self) -> None:
        """One look at the printer; nobody waits for paper here. A printer that is printing answers later: nothing is said."""
        if self._sale.state == State.CLOSED:
            return
        with contextlib.suppress(CounterError, TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                health = await self._client.health()
            if health.slips_waiting and (problem := _what_keeps_slips(health)):
                zh, en = reason_in_words(problem)
                self._screen.say(
                    Words("slip_waits", say("slip_waits", reason=zh).zh, say("slip_waits", reason=en).en)
                )


def _what_keeps_slips(health: HealthView) -> str:
    """What the printer says now, else what it said to the slip before; that it reports no status keeps none."""
    known = [one.reason for one in health.status.devices if one.name == "printer" and one.state == "fault"]
    now = "" if health.printer_problem == "no_status" else health.printer_problem
    return now or "".join(known)


def given_up_words(sale: SettlementView) -> Words:
    """What is true of a sale or visit that was given up."""
    code = "visit_given_up" if sale.flow == "clinic_visit" else "sale_given_up"
    return say("visit_withdrawn" if sale.withdrawals_owed else code, number=sale.sale_number)


def article(word: str) -> LineWish | None:
    """The line behind a typed BARCODE or BARCODE*QUANTITY; None when it is neither."""
    barcode, _, quantity = word.partition("*")
    if not word.isascii() or not barcode.isdigit() or len(barcode) > _LONGEST_BARCODE:
        return None
    return LineWish(barcode=barcode, quantity=quantity or "1")


def _who_pays(amounts: AmountsView | None) -> tuple[int, ...]:
    if amounts is None:
        return ()
    return amounts.total_fen, amounts.fund_fen, amounts.account_fen, amounts.cash_fen, amounts.mutual_aid_fen


async def follow(
    client: CounterClient, screen: Screen, sale: SettlementView, limit_s: float
) -> SettlementView:
    """Tell what the counter says about a sale, until its outcome is known or `limit_s` is over."""
    told: list[object] = []

    def is_over(now: SettlementView) -> bool:
        if now.notice is not None and now.notice not in told:
            told.append(now.notice)
            screen.notice(now)
        return not now.in_doubt and not now.busy

    if is_over(sale) or limit_s == 0:
        return sale
    return await client.wait_until(sale.id, is_over, limit_s)
