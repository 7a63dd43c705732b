"""Who stands at the counter: tills (or front desks) with their cashiers, and customers with habits.

A till knows the counter only through what it may ask it (the same verbs as the local API), and writes down what it was
told: that record, and not the counter's memory, is what the auditor holds the counter to.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, Protocol, TypeVar

from simulators.people import Person
from terminal.core.events import Misuse
from terminal.core.flows import CLINIC_VISIT, PHARMACY_PURCHASE
from terminal.core.states import BOOKED, FINAL, UNSENT, State
from terminal.core.values import Settlement
from terminal.counter.counter import Counter
from terminal.counter.engine import Busy, UnknownSettlement
from terminal.counter.holds import CLOCK_BEHIND, CLOCK_JUMPED
from terminal.counter.wishes import DiseaseWish, LineWish, RefundWish, ReturnWish, SaleWish
from terminal.journal.records import JournalRefused
from yibao.site.machine import Gone, Machine

Result = TypeVar("Result")
GOODS: Final = (
    ("XTEST000000000000000D01", "SKU0001", "测试降压片(集采中选)", "5mg×28片", "3.00"),
    ("XTEST000000000000000D02", "SKU0002", "测试降压片(原研)", "5mg×7片", "15.00"),
    ("XTEST000000000000000D03", "SKU0003", "测试降糖片", "0.5g×20片", "12.50"),
    ("XTEST000000000000000D04", "SKU0004", "测试抗菌胶囊", "0.25g×24粒", "28.65"),
    ("ZTEST000000000000D05", "SKU0005", "测试感冒颗粒", "10g×9袋", "45.83"),
    ("XTEST000000000000000D11", "SKU0008", "测试维生素片", "100片", "39.97"),
)
TREATMENT: Final = (
    ("TTEST000000000000S01", "SRV0001", "门诊诊察费", "", "10.00"),
    ("XTEST000000000000000D03", "SKU0003", "测试降糖片", "0.5g×20片", "12.50"),
    ("XTEST000000000000000D12", "SKU0012", "测试胰岛素笔", "3ml", "48.71"),
)
BUYERS: Final = ("jia", "yi", "bing", "ding", "wu", "ji")
PATIENTS: Final = ("yi", "jia", "ji")
"""Insured employees; the site files a chronic disease for those who have none."""
DIAGNOSES: Final = {"M01600": ("E11.900", "2型糖尿病"), "M03900": ("I10.x00", "原发性高血压")}
MOST_OPENINGS: Final = 30
"""How often a till asks a counter that takes no sale, about every four seconds, before the customer goes."""
MOST_TRIES: Final = 12
"""What is refused so often is given up."""
PATIENCE_S: Final = 400.0
"""After this the customer walks out; what has been sent by then is the counter's to finish."""


class Sale:
    """One sale as the till knows it."""

    def __init__(self, till: str, number: str, key: str, wish: SaleWish, boxes: tuple[str, ...]) -> None:
        self.till = till
        self.number = number
        self.key = key
        self.wish = wish
        self.boxes = boxes
        """Trace codes of the packs on the table: a pack is sold once."""
        self.id = ""
        self.told: list[Settlement] = []
        """What the counter said of it, in order."""
        self.cancel_asked = False
        self.over = False
        self.tries = 0
        """How often the cashier has asked for a price, or shown a code."""
        self.looks = 0
        """How often the cashier has looked at a doubt."""
        self.numbered_on: dt.date | None = None
        """The business date to which its number belongs."""
        self.who = ""
        """Whose code was shown; of a sale of what remains after a refund, whose code must be."""


class Listener(Protocol):
    """Who watches the tills."""

    def told(self, machine: Machine, sale: Sale, settlement: Settlement) -> None:
        """The counter has answered a till."""
        ...

    def refused_without_cause(self, machine: Machine, sale: Sale, code: str) -> None:
        """A sale that nothing stands against was not taken."""
        ...

    def taken_by_a_failed_counter(self, machine: Machine, sale: Sale) -> None:
        """A new sale was taken although the disk had failed before it was asked for."""
        ...

    def forgotten(self, machine: Machine, sale: Sale) -> None:
        """The counter does not know a sale that it had answered for."""
        ...

    def acted(self, kind: str) -> None:
        """Somebody has done something unwise."""
        ...


class Shelf:
    """Packs of medicine, each with a trace code of its own; one for the whole site."""

    def __init__(self) -> None:
        self._packs = 0

    def pack(self) -> str:
        """The next pack's trace code, 20 digits."""
        self._packs += 1
        return f"8999999{self._packs:013d}"


class Till:
    """One cashier at one till of one machine."""

    def __init__(
        self,
        name: str,
        machine: Machine,
        shelf: Shelf,
        rng: Random,
        err: Callable[[], float],
        customer: Callable[[str], Person],
        code_of: Callable[[Person, float], str],
        listener: Listener,
    ) -> None:
        """`err` is the share of acts that go wrong; `code_of` shows a code that was issued so many seconds ago."""
        self.name = name
        self.machine = machine
        self._shelf = shelf
        self._rng = rng
        self._err = err
        self._customer = customer
        self._code_of = code_of
        self._listener = listener
        self._clinic = machine.config.institution.code.startswith("H")
        self._used_numbers: dict[dt.date, int] = {}
        self._old_codes: list[str] = []
        self.sales: list[Sale] = []

    def slips_up(self, factor: float = 1.0) -> bool:
        """True when somebody does something wrong now."""
        return self._rng.random() < self._err() * factor

    def new_sale(self) -> Sale:
        """The next customer's sale: numbers begin anew every business day of the counter, as on real tills."""
        rng, today = self._rng, self.machine.today()
        number = self._used_numbers.get(today, 0) + 1
        self._used_numbers[today] = number
        shelf = TREATMENT if self._clinic else GOODS
        lines: list[LineWish] = []
        boxes: list[str] = []
        for code, own, name, spec, price in rng.sample(shelf, rng.choice((1, 1, 2, 3))):
            traces = (self._shelf.pack(),)
            boxes.extend(traces)
            quantity = str(rng.choice((1, 1, 1, 2, 3)))
            lines.append(LineWish("", code, own, name, spec, price, quantity, traces))
        flow = CLINIC_VISIT.name if self._clinic else PHARMACY_PURCHASE.name
        wish = SaleWish(f"{self.name}{number:04d}", tuple(lines), rng.random() < 0.9, flow)
        key = f"{self.name}-{today:%Y%m%d}-{number}"
        sale = Sale(self.name, wish.sale_number, key, wish, tuple(boxes))
        sale.numbered_on = today
        self.sales.append(sale)
        return sale

    async def serve(self, sale: Sale) -> None:
        """Serve one customer from the first pack on the table to the slip, or until patience ends."""
        if not await self._open(sale):
            sale.over = True
            return
        await self._see_through(sale)
        rest = self._rest_of(sale)
        if rest is not None and not self.slips_up():
            await self._see_through(rest)

    async def _see_through(self, sale: Sale) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + PATIENCE_S
        while loop.time() < end_s and not sale.over:
            await self._next_act(sale, await self._look(sale))
        await self._leave(sale)
        sale.over = True

    def _rest_of(self, sale: Sale) -> Sale | None:
        """What the customer keeps of a sale that went back in part: the counter has opened it as a sale of its own."""
        known = sale.told[-1] if sale.told else None
        if (
            known is None
            or known.state is not State.CANCELLED
            or known.refund is None
            or not known.refund.rest_id
        ):
            return None
        boxes = tuple(code for line in known.refund.remaining for code in line.trace_codes)
        rest = Sale(sale.till, sale.number, sale.key, sale.wish, boxes)
        rest.id, rest.who = known.refund.rest_id, sale.who
        self.sales.append(rest)
        return rest

    # -- acts -------------------------------------------------------------------------------------

    async def _open(self, sale: Sale) -> bool:
        """Open the sale; a till that heard nothing asks again with the same key, and gets the same sale."""
        refused = ""
        for _ in range(MOST_OPENINGS):
            failed = self._disk_has_failed()
            try:
                opened = await self._ask(lambda counter: counter.sales.open(sale.wish, self.name, sale.key))
            except JournalRefused as refusal:
                if sale.numbered_on == self.machine.today():  # else its number belongs to another day
                    self._listener.refused_without_cause(self.machine, sale, refusal.code)
                return False
            except Misuse as misuse:
                refused = misuse.code
                await self._pause(4.0)
                continue
            except Gone:
                await self.machine.wait_up()
                continue
            if failed:
                self._listener.taken_by_a_failed_counter(self.machine, sale)
            self._heard(sale, opened)
            if self.slips_up(0.5):
                await self._open_again_wrongly(sale)
            if self.slips_up(0.5):
                await self._open_elsewhere(sale)
            return True
        if refused in (CLOCK_BEHIND, CLOCK_JUMPED) and self._rng.random() < 0.5:
            self._listener.acted("sets-the-clock")  # the counter says itself what keeps it from selling
            self.machine.clock.set_right()
        return False

    def _disk_has_failed(self) -> bool:
        life = self.machine.life
        return life is not None and life.disk.failure in ("sync", "full")

    async def _open_again_wrongly(self, sale: Sale) -> None:
        """The same key with other amounts is refused and changes nothing."""
        line = sale.wish.lines[0]
        other = SaleWish(sale.wish.sale_number, (LineWish(*_with_quantity(line, "9")),), flow=sale.wish.flow)
        self._listener.acted("other-amounts")
        try:
            await self._ask(lambda counter: counter.sales.open(other, self.name, sale.key))
        except (JournalRefused, Misuse, Gone):
            return
        self._listener.refused_without_cause(self.machine, sale, "took other amounts under the same key")

    async def _open_elsewhere(self, sale: Sale) -> None:
        """Another till sends the same sale, at once twice: it gets this one or a no, never a second."""
        self._listener.acted("two-tills")
        for _ in range(2):
            try:
                opened = await self._ask(
                    lambda counter: counter.sales.open(sale.wish, f"{self.name}2", f"{sale.key}-2")
                )
            except (JournalRefused, Misuse, Gone):
                continue
            # Two that may both settle are wrong. Not so on another date (numbers begin anew every day), nor after an
            # end without a settlement: a counter that died meanwhile gave the first one up.
            same_day = opened.key.business_date == sale.told[-1].key.business_date
            if opened.id != sale.id and same_day and not await self._has_ended(sale):
                self._listener.refused_without_cause(self.machine, sale, "one sale was opened twice")

    async def _has_ended(self, sale: Sale) -> bool:
        try:
            state = (await self._ask(lambda counter: counter.settlements.get(sale.id))).state
            return state in FINAL and state is not State.CLOSED
        except (Gone, Misuse, UnknownSettlement):
            return True  # nobody says; the auditor looks at the books anyway

    async def _look(self, sale: Sale) -> Settlement | None:
        try:
            settlement = await self._ask(lambda counter: counter.settlements.get(sale.id))
        except (Gone, Misuse):
            await self.machine.wait_up()
            await self._pause(0.5)
            return None
        except UnknownSettlement:
            self._forgotten(sale)
            return None
        self._heard(sale, settlement)
        return settlement

    def _forgotten(self, sale: Sale) -> None:
        if not sale.over:
            self._listener.forgotten(self.machine, sale)
        sale.over = True

    async def _next_act(self, sale: Sale, settlement: Settlement | None) -> None:
        if settlement is None:
            return
        state = settlement.state
        if state in UNSENT and self.slips_up(0.1):
            self._listener.acted("abandon")
            await self._try(sale, lambda counter: counter.sales.abandon(sale.id, self.name))
        elif state is State.DRAFT:
            await self._draft(sale, settlement)
        elif state in (State.PRICED, State.ARMED):
            await self._confirm(sale)
        elif state in BOOKED and not settlement.quarantine:
            await self._settled(sale, settlement)
        elif state in FINAL:
            sale.over = True
        elif self.slips_up(0.5):
            self._listener.acted("same-sale-again")
            await self._sell_again(sale)
        elif self.slips_up(0.3):  # no state but a settled one lets itself be cancelled
            self._listener.acted("cancel-in-doubt")
            await self._try(sale, lambda counter: counter.sales.cancel(sale.id, self.name, "顾客改变主意"))
        elif self.slips_up(0.3):
            sale.over = True  # this customer does not wait for the end of a doubt
        else:
            sale.looks += 1
            await self._pause(min(5.0 * sale.looks, 30.0))

    async def _draft(self, sale: Sale, settlement: Settlement) -> None:
        await self._pause(1.5)
        if settlement.running:
            return
        sale.tries += 1
        if sale.tries > MOST_TRIES:
            await self._try(sale, lambda counter: counter.sales.abandon(sale.id, self.name))
            sale.over = True
        elif settlement.person is not None and settlement.filings == ():
            await self._try(sale, lambda counter: counter.sales.abandon(sale.id, self.name))
        elif settlement.person is not None and settlement.filings and settlement.disease is None:
            filed = settlement.filings[0].code
            code, name = DIAGNOSES[filed]
            await self._try(
                sale, lambda counter: counter.sales.pick_disease(sale.id, DiseaseWish(filed, code, name))
            )
        elif settlement.medium is not None and not self.slips_up():
            await self._try(sale, lambda counter: counter.sales.quote(sale.id))
        else:
            await self._show_code(sale)

    async def _show_code(self, sale: Sale) -> None:
        sale.who = sale.who or self._rng.choice(PATIENTS if self._clinic else BUYERS)
        person = self._customer(sale.who)
        code = self._code_of(person, 300.0 if self.slips_up(0.3) else 0.0)
        if self._old_codes and self.slips_up(0.3):
            code = self._rng.choice(self._old_codes)
        self._old_codes.append(code)
        await self._pause(0.5)
        if not await self._try(sale, lambda counter: counter.media.give_code(sale.id, code)):
            await self._pause(1.0)

    async def _confirm(self, sale: Sale) -> None:
        await self._pause(2.0)

        def press(counter: Counter) -> Awaitable[Settlement]:
            return counter.sales.confirm(sale.id, self.name)

        if self.slips_up():  # pressed twice, or by two tills
            self._listener.acted("double-press")
            await asyncio.gather(*(self._try(sale, press) for _ in range(self._rng.choice((2, 3)))))
        elif self.slips_up():  # the till dies before it reads the answer
            self._listener.acted("till-dies")
            dying = asyncio.ensure_future(self._try(sale, press))
            await asyncio.sleep(self._rng.uniform(0.0, 2.0))
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
        elif not await self._try(sale, press):
            await self._pause(10.0)

    async def _settled(self, sale: Sale, settlement: Settlement) -> None:
        if not sale.cancel_asked and self._rng.random() < 0.08:
            sale.cancel_asked = True
            await self._pause(5.0)
            await self._try(sale, lambda counter: counter.sales.cancel(sale.id, self.name, "顾客改变主意"))
        elif not sale.cancel_asked and self._rng.random() < 0.05:
            await self._give_back(sale)
        elif sale.cancel_asked and self.slips_up():
            await self._try(sale, lambda counter: counter.sales.cancel(sale.id, self.name, "顾客改变主意"))
        elif settlement.acknowledged:
            if self.slips_up(0.2):
                await self._copy(sale)
            sale.over = True
        else:
            await self._try(sale, lambda counter: counter.sales.acknowledge(sale.id, self.name))

    async def _give_back(self, sale: Sale) -> None:
        """Goods come back: the first line, or everything."""
        sale.cancel_asked = True
        whole = len(sale.wish.lines) == 1 or self._rng.random() < 0.4
        lines = () if whole else (ReturnWish(1),)
        wish = RefundWish(lines, everything=whole, operator=self.name, reason="顾客退货")
        await self._pause(5.0)
        await self._try(sale, lambda counter: counter.refunds.begin(sale.id, wish, self.name))

    async def _copy(self, sale: Sale) -> None:
        try:
            await self._ask(lambda counter: counter.slips.copy(sale.id, self.name))
        except (Gone, Misuse, UnknownSettlement):
            return

    async def _sell_again(self, sale: Sale) -> None:
        """A doubt takes too long for the cashier: the same sale, under a new key. It must be refused until the doubt ends."""
        try:
            opened = await self._ask(lambda counter: counter.sales.open(sale.wish, self.name, ""))
        except (Gone, Misuse, JournalRefused):
            await self._pause(10.0)
            return
        self._heard(sale, opened)

    async def _leave(self, sale: Sale) -> None:
        """Give up what has not been sent; everything else is the counter's to finish."""
        if sale.told and sale.told[-1].state in UNSENT:
            await self._try(sale, lambda counter: counter.sales.abandon(sale.id, self.name))

    # -- asking -----------------------------------------------------------------------------------

    async def _try(self, sale: Sale, work: Callable[[Counter], Awaitable[Settlement]]) -> bool:
        """Do something to a sale; False when it was refused, or nobody answered."""
        try:
            self._heard(sale, await self._ask(work))
        except (Misuse, JournalRefused, Busy):
            await self._pause(1.0)
            return False
        except Gone:
            await self.machine.wait_up()
            return False
        except UnknownSettlement:
            self._forgotten(sale)
            return False
        return True

    async def _ask(self, work: Callable[[Counter], Awaitable[Result]]) -> Result:
        return await self.machine.ask(work)

    def _heard(self, sale: Sale, settlement: Settlement) -> None:
        sale.id = settlement.id
        # Midnight may fall between the till's number and the counter's date: then the number is used on that day.
        used, date = self._used_numbers, settlement.key.business_date
        used[date] = max(used.get(date, 0), int(sale.number[1:]))
        if not sale.told or sale.told[-1].state is not settlement.state:
            sale.told.append(settlement)
        self._listener.told(self.machine, sale, settlement)

    async def _pause(self, about_s: float) -> None:
        await asyncio.sleep(self._rng.uniform(0.3, 1.7) * about_s)


def _with_quantity(line: LineWish, quantity: str) -> tuple[str, str, str, str, str, str, str]:
    return (line.barcode, line.national_code, line.own_code, line.name, line.spec, line.price, quantity)
