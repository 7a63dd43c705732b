"""`yibao card read` and `yibao apdu`: what a technician asks a running counter."""

from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import CounterOption, JsonOption, with_client
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell
from yibao.words import say

if TYPE_CHECKING:
    from yibao.client import CardView, ExchangedView

FullCard = Annotated[bool, typer.Option("--full", help=help_of("card.full"))]
FullApdu = Annotated[bool, typer.Option("--full", help=help_of("apdu.full"))]
Commands = Annotated[
    list[str], typer.Argument(metavar="APDU...", help=help_of("apdu.command"), show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=help_of("card"), short_help=help_of("card"), no_args_is_help=True, rich_markup_mode=None
    )
    group.command("read", help=help_of("card.read"), short_help=help_of("card.read"))(read_card)
    app.add_typer(group, name="card")
    app.command("apdu", help=help_of("apdu"), short_help=help_of("apdu"))(apdu)


def read_card(full: FullCard = False, json: JsonOption = False, counter: CounterOption = None) -> None:
    """Read the card and show it."""
    card = with_client(counter, lambda client: client.show_card(full=full))
    if json:
        print_json(card)
        return
    _show_card(card)
    if card.masked:
        tell(say("card_is_masked"))


def _show_card(card: "CardView") -> None:
    from yibao.cli.tables import Screen

    rows = [
        ("卡号", "Card number", card.card_number),
        ("卡识别码", "Identification code", card.card_sn),
        ("姓名", "Name", card.name or "-"),
        ("身份证号", "Identity number", card.certno or "-"),
        ("出生日期", "Born", card.born or "-"),
        ("规范版本", "Version", card.version),
        ("发卡地区", "Issuing area", card.issuing_area),
        ("发卡日期", "Issued", card.issued or "-"),
        ("有效期至", "Valid until", card.valid_until or "-"),
        ("算法", "Algorithm", card.algorithm),
        ("未能读取", "Unreadable", ", ".join(card.unreadable) or "-"),
        ("用时", "Time", f"{card.read_ms:.0f} ms"),
    ]
    Screen().pairs(rows)


def apdu(
    commands: Commands, full: FullApdu = False, json: JsonOption = False, counter: CounterOption = None
) -> None:
    """Send raw commands to the card."""
    exchanged = with_client(counter, lambda client: client.apdu(commands, full=full))
    if json:
        print_json(exchanged)
        return
    _show_exchanged(exchanged)
    if not full:
        tell(say("apdu_is_masked"))


def _show_exchanged(exchanged: "list[ExchangedView]") -> None:
    for one in exchanged:
        print(f"> {one.command}")
        print(f"< {one.response}  {one.meaning}".rstrip())
