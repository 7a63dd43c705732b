"""`yibao sale`: one sale from the first barcode to the acknowledged result."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import (
    CounterOption,
    JsonOption,
    WaitOption,
    YesOption,
    parse_item,
    parse_line,
    with_client,
)
from yibao.cli.help import help_of

if TYPE_CHECKING:
    from yibao.client import LineWish

Items = Annotated[
    list[str] | None,
    typer.Option("--item", metavar="BARCODE[*QTY]", help=help_of("sale.item"), show_default=False),
]
Lines = Annotated[
    list[str] | None, typer.Option("--line", metavar="LINE", help=help_of("sale.line"), show_default=False)
]
SelfPay = Annotated[
    list[str] | None,
    typer.Option("--self-pay", metavar="BARCODE[*QTY]", help=help_of("sale.self_pay"), show_default=False),
]
Code = Annotated[str, typer.Option("--code", metavar="CODE", help=help_of("sale.code"), show_default=False)]
Number = Annotated[
    str, typer.Option("--number", metavar="NUMBER", help=help_of("sale.number"), show_default=False)
]

Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help=help_of("sale.reason"), show_default=False)
]

Kind = Annotated[
    str, typer.Option("--benefit", metavar="KIND", help=help_of("sale.benefit"), show_default=False)
]
Insutype = Annotated[
    str, typer.Option("--insutype", metavar="CODE", help=help_of("visit.insutype"), show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sale", help=help_of("sale"), short_help=help_of("sale"))(sale)


def sale(
    item: Items = None,
    line: Lines = None,
    self_pay: SelfPay = None,
    code: Code = "",
    number: Number = "",
    benefit: Kind = "",
    insutype: Insutype = "",
    reason: Reason = "",
    yes: YesOption = False,
    json: JsonOption = False,
    wait: WaitOption = 60.0,
    counter: CounterOption = None,
) -> int:
    """Sell something."""
    from yibao.cli.dialogue import Order, sell

    order = Order(
        lines=wishes_of(item or [], line or [], self_pay or []),
        code="".join(code.split()),
        number=number,
        confirmed=yes,
        follow_s=wait,
        interactive=sys.stdin.isatty(),
        reason=reason.strip(),
        benefit=benefit,
        insutype=insutype,
    )
    return with_client(counter, lambda client: sell(client, order, as_json=json))


def wishes_of(items: list[str], lines: list[str], self_pay: Sequence[str] = ()) -> "tuple[LineWish, ...]":
    """The lines of `--item`, `--line` and `--self-pay`; raises `WrongUse`."""
    from yibao.client import LineWish

    wishes = []
    for text, beside in (*((text, False) for text in items), *((text, True) for text in self_pay)):
        barcode, quantity = parse_item(text)
        wishes.append(LineWish(barcode=barcode, quantity=quantity, self_pay=beside))
    for text in lines:
        national, own, name, price, quantity = parse_line(text)
        wishes.append(
            LineWish(national_code=national, own_code=own, name=name, price=price, quantity=quantity)
        )
    return tuple(wishes)
