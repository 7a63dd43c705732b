"""`yibao refund`: goods come back. The whole sale is cancelled, then what the customer keeps is sold anew."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from yibao.cli.common import (
    OUTCOME_OPEN,
    CounterOption,
    JsonOption,
    SaleArgument,
    WaitOption,
    YesOption,
    with_sale,
)
from yibao.cli.errors import CommandFailed, Interrupted, WrongUse
from yibao.cli.help import help_of
from yibao.cli.output import print_json, yuan
from yibao.cli.visit import diagnosis_of
from yibao.words import say

if TYPE_CHECKING:
    from yibao.client import CounterClient, ReturnWish, SettlementView

_RETURN: Final = re.compile(
    r"(?P<line>[0-9]{1,4})(?:[=*](?P<quantity>[0-9]+(?:\.[0-9]+)?))?(?P<codes>(?:,[0-9A-Za-z]+)*)", re.ASCII
)
_STANDS: Final = frozenset({"CONFIRMED", "DELIVERED", "CLOSED"})

Returns = Annotated[
    list[str] | None,
    typer.Option("--return", metavar="LINE[=QTY][,CODE]", help=help_of("refund.return"), show_default=False),
]
Everything = Annotated[bool, typer.Option("--all", help=help_of("refund.all"))]
Reason = Annotated[str, typer.Option("--reason", help=help_of("cancel.reason"), show_default=False)]
Withdraw = Annotated[bool, typer.Option("--withdraw", help=help_of("refund.withdraw"))]
Code = Annotated[str, typer.Option("--code", metavar="CODE", help=help_of("refund.code"), show_default=False)]
Disease = Annotated[
    str, typer.Option("--disease", metavar="CODE", help=help_of("refund.disease"), show_default=False)
]
Diagnosis = Annotated[
    str,
    typer.Option("--diagnosis", metavar="CODE:NAME", help=help_of("refund.diagnosis"), show_default=False),
]

_NOT_OPENED: Final = ("refund_rest_not_opened", "refund_cancelled_before")
"""Codes of the notices that nobody has settled what is kept, as far as is known here."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("refund", help=help_of("refund"), short_help=help_of("refund"))(refund)


def refund(
    sale: SaleArgument,
    returned: Returns = None,
    everything: Everything = False,
    reason: Reason = "",
    withdraw: Withdraw = False,
    code: Code = "",
    disease: Disease = "",
    diagnosis: Diagnosis = "",
    yes: YesOption = False,
    json: JsonOption = False,
    wait: WaitOption = 60.0,
    counter: CounterOption = None,
) -> int:
    """Take goods back."""
    wishes = tuple(parse_return(text) for text in returned or [])
    if bool(wishes) + everything + withdraw > 1:
        raise WrongUse(say("refund_one_of"))
    picked = _Picked(disease.strip().upper(), diagnosis_of(diagnosis))

    async def work(client: "CounterClient", settlement_id: str) -> int:
        if withdraw:
            return await _withdraw(client, settlement_id, json)
        if yes:
            await _require_meant(client, await client.sale(settlement_id), sale)
        desk = _Desk(client, yes=yes, wait_s=wait, json=json, code="".join(code.split()), picked=picked)
        return await desk.take_back(settlement_id, wishes, reason, everything=everything)

    return with_sale(counter, sale, work)


def parse_return(text: str) -> "ReturnWish":
    """What `2`, `2=1` or `2=1,CODE,CODE` says comes back; raises `WrongUse`."""
    from yibao.client import ReturnWish

    found = _RETURN.fullmatch(text.strip())
    if found is None:
        from protocols.secret import hide_numbers

        raise WrongUse(say("wrong_return", text=hide_numbers(text)))
    codes = tuple(code for code in found["codes"].split(",") if code)
    return ReturnWish(int(found["line"]), found["quantity"] or "", codes)


def code_without_rest(cancelled: "SettlementView") -> int:
    """Return the exit code of a refund that opened no sale of what is kept, as `_Desk.take_back`."""
    may_be_unpaid = cancelled.notice is not None and cancelled.notice.code in _NOT_OPENED
    return OUTCOME_OPEN if cancelled.in_doubt or may_be_unpaid else int(cancelled.state != "CANCELLED")


async def _require_meant(client: "CounterClient", known: "SettlementView", name: str) -> None:
    """Raises `CommandFailed` where a sale number means what was settled of the rest: a repeat would take that back as well."""
    if name != known.sale_number or not known.refund_of or known.state not in _STANDS:
        return
    returned: list[str] = []
    origin = known
    while origin.refund_of:
        origin = await client.sale(origin.refund_of)
        rows = () if origin.refund is None else origin.refund.returned
        returned[:0] = [f"{row.name} {row.quantity}" for row in rows]
    words = say(
        "refund_rest_meant", number=name, returned="; ".join(returned), rest=known.receipt_number, id=known.id
    )
    raise CommandFailed(words)


async def _withdraw(client: "CounterClient", settlement_id: str, json: bool) -> int:
    from yibao.cli.tables import Screen

    known = await client.withdraw_refund(settlement_id)
    if json:
        print_json(known)
    else:
        Screen().say(say("refund_withdrawn", number=known.receipt_number))
    return 0


class _Picked(NamedTuple):
    """What a clinic's visit for the rest is for, as the command line says it."""

    disease: str
    diagnosis: tuple[str, str] | None


class _Desk:
    """One refund: ask, cancel, follow, and then the sale of what remains."""

    def __init__(
        self, client: "CounterClient", *, yes: bool, wait_s: float, json: bool, code: str, picked: _Picked
    ) -> None:
        from yibao.cli.tables import Screen

        self._client = client
        self._yes = yes
        self._wait_s = wait_s
        self._json = json
        self._code = code
        self._picked = picked
        self._screen = Screen(beside_json=json)

    async def take_back(
        self, settlement_id: str, wishes: "tuple[ReturnWish, ...]", reason: str, *, everything: bool
    ) -> int:
        """Return the exit code: 0 all is settled or everything is back, 3 something is open, 1 not done.

        What is kept of a refund found in an old copy, or cancelled before, may be unpaid: open.
        """
        known = await self._client.sale(settlement_id)
        if known.refund_of and known.state in ("DRAFT", "PRICED", "ARMED"):
            return await self._sell_rest(known)  # the command was broken off: go on where it was
        if not wishes and not everything:
            raise WrongUse(say("refund_one_of"))
        await self._agree(known)
        cancelled = await self._cancel(known, wishes, reason)
        plan = cancelled.refund
        nothing_opened = plan is None or not plan.rest_id or plan.withdrawn
        if cancelled.in_doubt or plan is None or nothing_opened or cancelled.state != "CANCELLED":
            if self._json:
                print_json(cancelled)
            return code_without_rest(cancelled)
        return await self._sell_rest(await self._client.sale(plan.rest_id))

    async def _agree(self, known: "SettlementView") -> None:
        if self._yes or known.settled is None or known.refund is not None:
            return
        from yibao.cli.counter import agreement

        self._screen.lines(known)
        self._screen.not_undone(known)
        self._screen.ask(say("refund_ask", number=known.receipt_number, amount=yuan(known.settled.total_fen)))
        await agreement("refund_not_done")

    async def _cancel(
        self, known: "SettlementView", wishes: "tuple[ReturnWish, ...]", reason: str
    ) -> "SettlementView":
        import asyncio

        from yibao.cli.dialogue import follow

        try:
            asked = await self._client.refund(known.id, wishes, everything=not wishes, reason=reason)
            if known.state == "CANCELLED":
                self._screen.cancelled_before(known)
                return asked
            found = await follow(self._client, self._screen, asked, self._wait_s)
        except asyncio.CancelledError:
            raise Interrupted(say("cancel_interrupted", number=known.receipt_number)) from None
        if found.state == "CANCELLED":
            self._screen.money(found)
        return found

    async def _sell_rest(self, rest: "SettlementView") -> int:
        from yibao.cli.dialogue import Conversation, Order, rest_waits, resume
        from yibao.cli.visit_dialogue import VisitConversation, VisitOrder

        interactive = sys.stdin.isatty()
        if not interactive and not self._code:
            self._screen.say(rest_waits(rest))
            if self._json:
                print_json(rest)
            return OUTCOME_OPEN
        if rest.flow == "clinic_visit":
            visit = VisitOrder(
                lines=(), code=self._code, number="", confirmed=self._yes, follow_s=self._wait_s, interactive=interactive,
                card=False, identity_number=False, disease=self._picked.disease, diagnosis=self._picked.diagnosis,
            )  # fmt: skip
            return await resume(self._client, visit, VisitConversation, rest.id, as_json=self._json)
        order = Order(
            lines=(),
            code=self._code,
            number="",
            confirmed=self._yes,
            follow_s=self._wait_s,
            interactive=interactive,
        )
        return await resume(self._client, order, Conversation, rest.id, as_json=self._json)
