"""`yibao prescription`: the circulating prescriptions of a sale's person, selling against one, handing its goods over."""

import re
from typing import Annotated, Final

import typer

from yibao.cli.common import CounterOption, JsonOption, SaleArgument, with_sale
from yibao.cli.errors import WrongUse
from yibao.cli.far_ends import SIM_DIR, DirOption, with_sim
from yibao.cli.help import help_of
from yibao.cli.output import print_json
from yibao.words import Words, say

Number = Annotated[
    str, typer.Argument(metavar="RXNO", help=help_of("prescription.number"), show_default=False)
]

_DRUG: Final = re.compile(r"[0-9A-Za-z]+(?:\*[1-9][0-9]{0,3})?", re.ASCII)
"""A national code, and how many whole packs."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = _group("prescription")
    group.command("list", help=help_of("prescription.list"), short_help=help_of("prescription.list"))(listed)
    group.command("take", help=help_of("prescription.take"), short_help=help_of("prescription.take"))(take)
    words = help_of("prescription.hand_over")
    group.command("hand-over", help=words, short_help=words)(hand_over)
    app.add_typer(group, name="prescription")


def sim_group() -> typer.Typer:
    """`yibao sim prescription`: what a doctor's office does."""
    group = _group("sim.prescription")
    group.command(
        "issue", help=help_of("sim.prescription.issue"), short_help=help_of("sim.prescription.issue")
    )(issue)
    group.command("void", help=help_of("sim.prescription.void"), short_help=help_of("sim.prescription.void"))(
        void
    )
    return group


def _group(name: str) -> typer.Typer:
    return typer.Typer(
        help=help_of(name), short_help=help_of(name), no_args_is_help=True, rich_markup_mode=None
    )


def listed(sale: SaleArgument, json: JsonOption = False, counter: CounterOption = None) -> None:
    """List them."""
    from yibao.cli.tables import Screen

    found = with_sale(counter, sale, lambda client, settlement_id: client.prescriptions(settlement_id))
    if json:
        print_json(found)
        return
    heads = (
        ("处方号", "Number"),
        ("状态", "State"),
        ("开方机构", "Issued by"),
        ("有效期至", "Valid until"),
        ("药品", "Drugs"),
    )
    rows = [
        (
            row.number,
            row.state,
            row.issuer,
            row.valid_until,
            ", ".join(f"{item.name or item.national_code} × {item.quantity}" for item in row.items),
        )
        for row in found
    ]
    Screen().rows(heads, rows, frozenset())


def take(
    sale: SaleArgument,
    number: Number,
    pharmacist: Annotated[
        str,
        typer.Option(
            "--pharmacist", metavar="NUMBER", help=help_of("prescription.pharmacist"), show_default=False
        ),
    ],
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Sell against one."""
    from yibao.cli.tables import Screen

    found = with_sale(
        counter,
        sale,
        lambda client, settlement_id: client.take_prescription(settlement_id, number, pharmacist),
    )
    print_json(found) if json else Screen().sale(found)


def hand_over(
    sale: SaleArgument,
    code: Annotated[
        str, typer.Argument(metavar="CODE", help=help_of("prescription.code"), show_default=False)
    ] = "",
    sent: Annotated[bool, typer.Option("--sent", help=help_of("prescription.sent"))] = False,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Hand the goods over, or show how far they have come."""
    from yibao.cli.tables import Screen

    found = with_sale(
        counter,
        sale,
        lambda client, settlement_id: (
            client.hand_over(settlement_id, code, sent=sent)
            if code or sent
            else client.handed_over(settlement_id)
        ),
    )
    if json:
        print_json(found)
        return
    screen = Screen()
    screen.pairs((("取药码", "Pick-up code", found.pick_up_code),))
    screen.say(Words(found.told.code, found.told.zh, found.told.en))


def issue(
    person: Annotated[str, typer.Argument(metavar="PERSON", help=help_of("sim.person"), show_default=False)],
    drug: Annotated[
        list[str],
        typer.Argument(metavar="CODE[*QTY]...", help=help_of("sim.prescription.drug"), show_default=False),
    ],
    revisit: Annotated[bool, typer.Option("--revisit", help=help_of("sim.prescription.revisit"))] = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Issue one and print its number, and nothing else."""
    for text in drug:
        if _DRUG.fullmatch(text) is None:
            raise WrongUse(say("sim_wrong_drug", text=text))
    print(with_sim(folder, lambda sim: sim.issue_prescription(person, drug, revisit=revisit)))


def void(number: Number, folder: DirOption = SIM_DIR) -> None:
    """Void one."""
    print_json(with_sim(folder, lambda sim: sim.void_prescription(number)))
