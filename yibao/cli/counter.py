"""The commands about sales that exist: status, cancel, abandon, copy, doubts."""

from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import (
    OUTCOME_OPEN,
    CounterOption,
    JsonOption,
    SaleArgument,
    WaitOption,
    YesOption,
    with_client,
    with_sale,
)
from yibao.cli.errors import CommandFailed, Interrupted
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell, yuan
from yibao.words import Words, say

if TYPE_CHECKING:
    from yibao.client import CounterClient, SettlementView


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("cancel", help=help_of("cancel"), short_help=help_of("cancel"))(cancel)
    app.command("status", help=help_of("status"), short_help=help_of("status"))(status)
    app.command("doubts", help=help_of("doubts"), short_help=help_of("doubts"))(doubts)
    app.command("copy", help=help_of("copy"), short_help=help_of("copy"))(copy)
    app.command("explain", help=help_of("explain"), short_help=help_of("explain"))(explain)
    app.command("abandon", help=help_of("abandon"), short_help=help_of("abandon"))(abandon)


def status(
    sale: Annotated[
        str | None, typer.Argument(metavar="SALE", help=help_of("sale_name"), show_default=False)
    ] = None,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Show the service, or one sale."""
    from yibao.cli.tables import Screen

    if sale is not None:
        found = with_sale(counter, sale, lambda client, settlement_id: client.sale(settlement_id))
        print_json(found) if json else Screen().sale(found)
    else:
        service = with_client(counter, lambda client: client.status())
        print_json(service) if json else Screen().status(service)


def doubts(json: JsonOption = False, counter: CounterOption = None) -> None:
    """List what is open."""
    from yibao.cli.tables import Screen

    found = with_client(counter, lambda client: client.doubts())
    if json:
        print_json(found)
    elif found:
        Screen().doubts(found)
    else:
        tell(say("no_doubts"))


def cancel(
    sale: SaleArgument,
    reason: Annotated[str, typer.Option("--reason", help=help_of("cancel.reason"), show_default=False)],
    yes: YesOption = False,
    json: JsonOption = False,
    wait: WaitOption = 60.0,
    counter: CounterOption = None,
) -> int:
    """Undo a known settlement."""

    async def work(client: "CounterClient", settlement_id: str) -> "SettlementView":
        return await cancel_sale(client, settlement_id, reason, yes=yes, wait_s=wait, json=json)

    cancelled = with_sale(counter, sale, work)
    if json:
        print_json(cancelled)
    if cancelled.in_doubt:
        return OUTCOME_OPEN
    return 0 if cancelled.state == "CANCELLED" else 1


async def cancel_sale(
    client: "CounterClient", settlement_id: str, reason: str, *, yes: bool, wait_s: float, json: bool
) -> "SettlementView":
    """Cancel a sale after asking, and tell what goes back to whom; of one that is cancelled already, that it is."""
    import asyncio

    from yibao.cli.dialogue import follow
    from yibao.cli.tables import Screen

    screen = Screen(beside_json=json)
    known = await client.sale(settlement_id)
    amounts = known.settled
    if known.state == "CANCELLED":
        screen.cancelled_before(known)
        return known
    if not yes and amounts is not None:
        screen.not_undone(known)
        question = say(
            "cancel_ask",
            number=known.receipt_number,
            amount=yuan(amounts.total_fen),
            cash=yuan(amounts.cash_fen),
        )
        screen.ask(question)
        await agreement("cancel_not_done")
    try:
        cancelled = await follow(client, screen, await client.cancel(settlement_id, reason), wait_s)
    except asyncio.CancelledError:
        raise Interrupted(say("cancel_interrupted", number=known.receipt_number)) from None
    if cancelled.state == "CANCELLED":
        screen.money(cancelled)
    return cancelled


async def agreement(not_done: str) -> None:
    """Wait for a typed y; anything else, or Ctrl-C, ends the command with the words `not_done`."""
    import asyncio

    from yibao.cli.typing_in import TypedLines

    try:
        answer = await TypedLines().next()
    except asyncio.CancelledError:
        raise Interrupted(say(not_done)) from None
    if (answer or "").lower() not in ("y", "yes", "是"):
        raise CommandFailed(say(not_done))


def copy(
    sale: SaleArgument,
    came_out: Annotated[bool, typer.Option("--came-out", help=help_of("copy.came_out"))] = False,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Print the slip once more, or say that it did come out."""
    if came_out:
        found = with_sale(counter, sale, lambda client, settlement_id: client.slip_seen(settlement_id))
        print_json(found) if json else tell(say("slip_noted"))
        return
    number = with_sale(counter, sale, lambda client, settlement_id: client.copy(settlement_id))
    if json:
        print_json({"copy_number": number})
    else:
        tell(say("copy_owed", copy=str(number)))


def explain(sale: SaleArgument, json: JsonOption = False, counter: CounterOption = None) -> None:
    """Print why something was refused."""
    found = with_sale(counter, sale, lambda client, settlement_id: client.explain(settlement_id))
    if json:
        print_json(found)
    elif found.refusal is not None:
        tell(Words(found.refusal.code, found.refusal.zh, found.refusal.en))


def abandon(sale: SaleArgument, json: JsonOption = False, counter: CounterOption = None) -> None:
    """Give a sale up."""
    found = with_sale(counter, sale, lambda client, settlement_id: client.abandon(settlement_id))
    if json:
        print_json(found)
    else:
        from yibao.cli.dialogue import given_up_words

        tell(given_up_words(found))
