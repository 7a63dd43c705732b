"""`yibao goods`: the shop's articles as the insurance sees them, with what somebody should know."""

from typing import Annotated

import typer

from yibao.cli.common import CounterOption, JsonOption, with_client
from yibao.cli.help import help_of
from yibao.cli.output import print_json
from yibao.words import Words


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("goods", help=help_of("goods"), short_help=help_of("goods"))(goods)


def goods(
    check: Annotated[bool, typer.Option("--check", help=help_of("goods.check"))] = False,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """List the articles and their warnings."""
    from yibao.cli.tables import Screen

    found = with_client(counter, lambda client: client.goods(check=check))
    if json:
        print_json(found)
        return
    screen = Screen()
    heads = (
        ("条码", "Barcode"),
        ("商品", "Item"),
        ("单价", "Price"),
        ("集采", "Selected"),
        ("库存", "Stock"),
        ("目录至", "Listed until"),
    )
    rows = [
        (
            row.barcode,
            f"{row.name} {row.spec}".strip(),
            row.price,
            "✓" if row.selected else "",
            "" if row.stock is None else str(row.stock),
            row.listed_until,
        )
        for row in found
    ]
    screen.rows(heads, rows, frozenset({2, 4}))
    for row in found:
        for told in row.warnings:
            screen.say(Words(told.code, told.zh, told.en))
