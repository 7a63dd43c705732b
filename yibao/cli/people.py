"""`yibao sim people`: the invented people by what kind of person they are."""

from typing import Annotated

import typer

from yibao.cli.common import JsonOption
from yibao.cli.errors import WrongUse
from yibao.cli.far_ends import SIM_DIR, DirOption, with_sim
from yibao.cli.help import help_of
from yibao.cli.output import print_json, yuan
from yibao.words import say


def people(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD]...", help=help_of("sim.people.words"), show_default=False),
    ] = None,
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """List the invented people; with words, those of whose kinds all of them are said."""
    from simulators.people import KINDS
    from yibao.simulated.people import rows_of

    found = rows_of(with_sim(folder, lambda sim: sim.people()), " ".join(words or ()))
    if not found:
        known = ", ".join(kind.id for kind in KINDS)
        raise WrongUse(say("sim_nobody_of_kind", words=" ".join(words or ()), known=known))
    if json:
        print_json(found)
        return
    from yibao.cli.tables import Screen

    screen = Screen()
    heads = (
        ("", "slug"),
        ("姓名", "Name"),
        ("证件号码", "Identity no."),
        ("人员编号", "psn_no"),
        ("电子凭证", "Certificate"),
        ("账户", "Account"),
        ("身份", "Kinds"),
    )
    cells = [
        (
            row.slug,
            row.name,
            row.certno,
            row.psn_no,
            row.certificate,
            yuan(row.balance_fen),
            "，".join(kind.zh for kind in row.kinds)
            if screen.chinese
            else "; ".join(kind.en for kind in row.kinds),
        )
        for row in found
    ]
    screen.rows(heads, cells, frozenset({5}))
