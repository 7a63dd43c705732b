"""What the hub's review found, in the conversation of a sale and as the command `yibao review`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from yibao.cli.common import CounterOption, JsonOption, SaleArgument, with_sale
from yibao.cli.errors import WrongUse
from yibao.cli.help import help_of
from yibao.cli.output import print_json
from yibao.words import say

if TYPE_CHECKING:
    from yibao.client import CounterClient, SettlementView

BACK: Final = frozenset({"b", "back", "改"})
"""Typed to go back and change the sheet."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review", help=help_of("review"), short_help=help_of("review"))(review)


def review(
    sale: SaleArgument,
    reason: Annotated[str, typer.Option("--reason", help=help_of("review.reason"), show_default=False)] = "",
    change: Annotated[bool, typer.Option("--change", help=help_of("review.change"))] = False,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Show what the hub's review found, or answer it."""
    from yibao.cli.tables import Screen

    if reason and change:
        raise WrongUse(say("review_one_answer"))

    async def work(client: "CounterClient", settlement_id: str) -> "SettlementView":
        if reason or change:
            return await client.answer_review(settlement_id, carry_on=not change, reason=reason)
        return await client.sale(settlement_id)

    found = with_sale(counter, sale, work)
    if json:
        print_json(found)
        return
    screen = Screen()
    if found.review is not None and found.review.findings:
        screen.findings(found.review.findings)
    screen.sale(found)


def is_open(sale: "SettlementView") -> bool:
    """True while the sale stands still because of the review."""
    return sale.state == "DRAFT" and sale.review is not None and (sale.review.waits or sale.review.failed)


def wanted(sale: "SettlementView") -> str:
    """Code of the words that say what is waited for."""
    if sale.review is None or sale.review.failed:
        return "review_ask_without"
    return "review_ask_change" if any(found.blocks for found in sale.review.findings) else "review_ask"
