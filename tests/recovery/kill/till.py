"""The till of a shop: what a cashier does over the local API, and what the counter said to it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from terminal.counter.wishes import DiseaseWish, LineWish, ReturnWish, SaleWish
from terminal.shapes.settlements import SettlementView
from yibao.client import CounterClient, CounterProblem

if TYPE_CHECKING:
    from tests.recovery.kill.shop import Shop

CONSULTATION = LineWish(
    national_code="TTEST000000000000S01", own_code="SRV0001", name="门诊诊察费", price="10.00", quantity="1"
)
DIABETES = DiseaseWish("M01600", "E11.900", "2型糖尿病")
PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.1
"""Between two looks at a settlement that takes long: looking costs the machine more than waiting."""
MOST_QUESTIONS = 4
"""How often a till asks for a quote that does not come."""


class Told(msgspec.Struct):
    """What the till was told of one settlement."""

    states: list[str]
    cancel_asked: bool = False


class Till:
    """A cashier at the local API, who writes down what the counter says."""

    def __init__(self, shop: "Shop", client: CounterClient) -> None:
        self._shop = shop
        self._client = client
        self._packs: dict[str, tuple[str, ...]] = {}
        """Packs sold, by settlement."""

    async def is_served(self) -> bool:
        """The counter takes sales."""
        return (await self._client.status()).phase == "ready"

    async def opened(self) -> SettlementView:
        """A sale or visit with its lines."""
        shop = self._shop
        shop.sales += 1
        pills = self._pills("2")
        lines = (pills, CONSULTATION) if shop.is_clinic else (pills,)
        flow = "clinic_visit" if shop.is_clinic else "pharmacy_purchase"
        wish = SaleWish(f"{shop.sales:04d}", lines, flow=flow)
        sale = self._heard(await self._client.open_sale(wish, f"K{shop.sales}"))
        self._packs[sale.id] = pills.trace_codes
        return sale

    def _pills(self, quantity: str) -> LineWish:
        packs = tuple(self._shop.pack() for _ in range(int(quantity)))
        return LineWish(
            national_code="XTEST000000000000000D03", own_code="SKU0003", name="测试降糖片", spec="0.5g×20片", price="12.50",
            quantity=quantity, trace_codes=packs,
        )  # fmt: skip

    async def identified(self) -> SettlementView:
        """The customer has shown a code."""
        return await self._shown(await self.opened())

    async def _shown(self, sale: SettlementView) -> SettlementView:
        return self._heard(await self._client.give_code(sale.id, self._shop.code()))

    async def priced(self) -> SettlementView:
        """Everything is known but the customer's word."""
        return await self._known(await self.identified())

    async def _known(self, sale: SettlementView) -> SettlementView:
        if self._shop.is_clinic:
            for _ in range(MOST_QUESTIONS):
                if not sale.filings:
                    sale = self._heard(await self._client.quote(sale.id))
            sale = self._heard(await self._client.pick_disease(sale.id, DIABETES))
        return await self._quoted(sale)

    async def refund(self, sale: SettlementView) -> SettlementView:
        """The customer brings one pack back; returns the old settlement."""
        self._shop.told[sale.id].cancel_asked = True
        pack = ReturnWish(1, "1", self._packs[sale.id][:1])
        return await self._patiently(lambda: self._client.refund(sale.id, (pack,), reason="顾客退药"))

    async def sell_the_rest(self, refunded: SettlementView) -> SettlementView:
        """What the customer keeps is settled anew."""
        assert refunded.refund is not None
        rest = await self._shown(await self.look(refunded.refund.rest_id))
        return await self.confirm(await self._known(rest))

    async def _quoted(self, sale: SettlementView) -> SettlementView:
        for _ in range(MOST_QUESTIONS):
            if sale.state == "DRAFT":
                sale = self._heard(await self._client.quote(sale.id))
        return sale

    async def confirmed(self) -> SettlementView:
        """A sale that was confirmed, whatever came of it."""
        return await self.confirm(await self.priced())

    async def confirm(self, sale: SettlementView) -> SettlementView:
        """The customer agrees."""
        return self._heard(await self._client.confirm(sale.id))

    async def acknowledge(self, sale: SettlementView) -> SettlementView:
        """The till takes note."""
        return await self._patiently(lambda: self._client.acknowledge(sale.id))

    async def cancel(self, sale: SettlementView) -> SettlementView:
        """The customer brings it back."""
        self._shop.told[sale.id].cancel_asked = True
        return await self._patiently(lambda: self._client.cancel(sale.id, "顾客改变主意"))

    async def abandon(self, settlement_id: str) -> SettlementView:
        """The customer leaves."""
        return await self._patiently(lambda: self._client.abandon(settlement_id))

    async def change_lines(self, sale: SettlementView) -> SettlementView:
        """Another sheet, with one pack, and its quote."""
        return await self._quoted(self._heard(await self._client.set_lines(sale.id, (self._pills("1"),))))

    async def copy(self, sale: SettlementView) -> None:
        """Another slip."""
        await self._client.copy(sale.id)

    async def reconcile(self, date: str) -> None:
        """Compare a day with the hub; what it finds, or whether it can, is not this till's matter."""
        with contextlib.suppress(CounterProblem):
            await self._client.reconcile(date)

    async def look(self, settlement_id: str) -> SettlementView:
        """How it stands."""
        return self._heard(await self._client.sale(settlement_id))

    async def pause(self) -> None:
        """A moment."""
        await asyncio.sleep(PAUSE_S)

    async def reaches(self, sale: SettlementView, *states: str) -> SettlementView:
        """Wait until it is in one of these states."""
        pause_s = PAUSE_S
        while sale.state not in states:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
            sale = await self.look(sale.id)
        return sale

    async def _patiently(self, ask: Callable[[], Awaitable[SettlementView]]) -> SettlementView:
        """Ask again while the counter is busy with this sale."""
        while True:
            try:
                return self._heard(await ask())
            except CounterProblem as problem:
                if problem.code != "busy":
                    raise
            await self.pause()

    def _heard(self, sale: SettlementView) -> SettlementView:
        booked = sale.state in ("CONFIRMED", "DELIVERED", "CLOSED")
        state = "DOUBT" if sale.quarantine and booked else sale.state  # told as such: "undone, not settled"
        told = self._shop.told.setdefault(sale.id, Told([]))
        if not told.states or told.states[-1] != state:
            told.states.append(state)
        return sale
