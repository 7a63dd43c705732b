"""The conversation of `yibao visit`: medium, filed disease, diagnosis, charge lines, quote, agreement.

Disease and diagnosis are handed over when the lines are complete: then the hub registers the visit, so that a visit
given up earlier has left nothing there.
"""

import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import ClassVar, Final

from terminal.core.states import State
from yibao.cli import review
from yibao.cli.dialogue import GIVE_UP, Conversation, Order, article, converse
from yibao.cli.errors import CommandFailed
from yibao.cli.typing_in import unseen_typing
from yibao.client import CounterClient, DiseaseWish, SaleWish, SettlementView
from yibao.words import say

_DIAGNOSIS: Final = re.compile(r"(?P<code>[A-Za-z0-9.+*/-]+)\s*[:：]\s*(?P<name>\S.*)")
_TYPE_NUMBER: Final = "i"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitOrder(Order):
    """What the command line asks for."""

    card: bool
    """Read the card in the reader."""
    identity_number: bool
    """An identity number is typed in first, unseen."""
    disease: str
    """Code of the filed disease; empty = the only one, or asked for."""
    diagnosis: tuple[str, str] | None
    """Code and name."""
    epidemic: bool = False

    @property
    def needs_disease(self) -> bool:
        """Whether one of the diseases on record is picked."""
        return self.benefit in ("", "chronic", "two_disease")

    def wish(self, number: str, flow: str) -> SaleWish:
        """See `Order.wish`."""
        return SaleWish(
            sale_number=number,
            lines=self.lines,
            flow=flow,
            benefit=self.benefit,
            disease_code=self.disease if self.benefit == "two_disease" else "",
            insutype=self.insutype,
            epidemic=self.epidemic,
        )


def parse_diagnosis(text: str) -> tuple[str, str] | None:
    """Code and name of `E11.900:2型糖尿病`; None when it is no such text."""
    found = _DIAGNOSIS.fullmatch(text.strip())
    return (found["code"], found["name"]) if found else None


async def attend(client: CounterClient, order: VisitOrder, *, as_json: bool) -> int:
    """Hold the conversation of a visit; return the exit code."""
    status = await client.wait_ready()
    if status.institution.startswith("P"):
        raise CommandFailed(say("visit_at_pharmacy", institution=status.institution))
    return await converse(client, order, VisitConversation, as_json=as_json)


class VisitConversation(Conversation[VisitOrder]):
    """One visit and one person at the keyboard (or none)."""

    name: ClassVar = "visit"
    flow: ClassVar = "clinic_visit"

    async def run(self) -> SettlementView:
        """See `Conversation.run`; typing is seen again afterwards, however it ends."""
        self._disease = self._order.disease
        self._diagnosis = self._order.diagnosis
        self._lines_complete = bool(self._order.lines or self._sale.refund_of)
        self._picked: DiseaseWish | None = None
        self._number_wanted = self._order.identity_number
        with ExitStack() as self._unseen:
            return await super().run()

    @property
    def _medium_ordered(self) -> bool:
        order = self._order
        return order.card or order.identity_number or bool(order.code)

    async def _give_medium(self) -> None:
        if self._order.card:
            await self._attempt(self._client.read_card(self._sale.id))
        elif not self._order.identity_number:
            await super()._give_medium()

    async def _quote_if_due(self) -> None:
        sale, diagnosis = self._sale, self._diagnosis
        self._take_only_disease()
        complete = self._lines_complete and sale.lines and self._has_disease and diagnosis is not None
        if not complete or diagnosis is None or sale.busy or sale.state != State.DRAFT or not self._is_known:
            return
        wish = DiseaseWish(self._disease, *diagnosis)
        if self._picked == wish:
            await super()._quote_if_due()
            return
        if await self._attempt(self._client.pick_disease(sale.id, wish)):
            self._picked = wish
            self._quoted_for = (self._sale.lines, self._sale.person)
        else:
            self._disease = ""

    @property
    def _is_known(self) -> bool:
        """The hub has said who has come, and what for they may."""
        return bool(self._sale.filings) if self._order.needs_disease else self._sale.entitled

    @property
    def _has_disease(self) -> bool:
        return bool(self._disease) or not self._order.needs_disease

    def _take_only_disease(self) -> None:
        if self._disease or self._order.disease or self._picked or len(self._sale.filings) != 1:
            return
        (filing,) = self._sale.filings
        self._disease = filing.code

    def _show_news(self) -> None:
        told = self._told
        super()._show_news()
        if self._sale.filings and self._sale.filings != told.filings:
            self._screen.filings(self._sale.filings)

    def _is_hopeless(self) -> bool:
        if self._order.interactive or self._sale.busy:
            return False
        if self._failed_to_settle and self._order.confirmed:
            return True
        if self._sale.state in (State.PRICED, State.ARMED) or self._number_wanted:
            return self._keyboard_ended
        if self._picked is not None or (self._medium_ordered and not self._is_known):
            return True
        return self._keyboard_ended and (self._medium_ordered or not self._has_scanner)

    def _wanted(self) -> str:
        if self._number_wanted:
            self._unseen.enter_context(unseen_typing())
            return "visit_ask_number"
        if self._sale.state != State.DRAFT or review.is_open(self._sale):
            return super()._wanted()
        if not self._is_known:
            return "visit_waiting_medium"
        if not self._has_disease:
            return "visit_waiting_disease"
        if self._diagnosis is None:
            return "visit_waiting_diagnosis"
        return "sale_waiting_quote" if self._lines_complete else "visit_waiting_lines"

    async def _typed(self, text: str) -> bool:
        if self._number_wanted:
            await self._number_typed(text)
            return False
        if self._sale.state != State.DRAFT or review.is_open(self._sale):
            return await super()._typed(text)
        self._prompted = ""
        if text.lower() in GIVE_UP:
            return True
        if not self._is_known:
            await self._medium_typed(text)
        elif not self._has_disease:
            self._disease = self._disease_named(text)
        elif self._diagnosis is None:
            self._diagnosis = parse_diagnosis(text)
        elif text:
            await self._line_typed(text)
        elif self._sale.lines:
            self._lines_complete, self._quoted_for = True, None
        return False

    async def _number_typed(self, text: str) -> None:
        self._unseen.close()
        self._number_wanted, self._prompted = False, ""
        if text:
            await self._attempt(self._client.give_identity_number(self._sale.id, text))

    async def _medium_typed(self, text: str) -> None:
        if text.lower() == _TYPE_NUMBER:
            self._number_wanted = True
        elif text:
            await self._attempt(self._client.give_code(self._sale.id, text))
        else:
            await self._attempt(self._client.read_card(self._sale.id))

    def _disease_named(self, text: str) -> str:
        """The code of the filing with this place in the list or this code; empty when there is none."""
        for place, filing in enumerate(self._sale.filings, start=1):
            if text.upper() in (str(place), filing.code):
                return filing.code
        return ""

    async def _line_typed(self, text: str) -> None:
        line = article(text)
        if line is None:
            self._screen.say(say("wrong_item", text=text))
        else:
            await self._attempt(self._client.add_line(self._sale.id, line))
