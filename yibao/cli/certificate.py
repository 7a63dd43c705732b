"""`yibao sim phone` and `yibao sim centre`: the customers' phones, and the certificate centre with its terminal."""

import enum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from yibao.cli.common import JsonOption
from yibao.cli.far_ends import SIM_DIR, DirOption, with_sim
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell
from yibao.words import say

if TYPE_CHECKING:
    from yibao.simulated.control import CentreView


class State(enum.StrEnum):
    """States of a certificate."""

    NOT_INSURED = "NOT_INSURED"
    NOT_ACTIVATED = "NOT_ACTIVATED"
    ACTIVATED = "ACTIVATED"
    FROZEN = "FROZEN"
    CANCELLED = "CANCELLED"


class Shape(enum.StrEnum):
    """How a reply carries its data."""

    OBJECT = "object"
    TEXT = "text"
    IN_MESSAGE = "in_message"


class Outcome(enum.StrEnum):
    """What a camera makes of a face."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_ALIVE = "not_alive"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help=help_of("sim.person"), show_default=False)
]


def register(sim: typer.Typer, phone: typer.Typer) -> None:
    """Add the commands."""
    phone.command("page", help=help_of("sim.phone.page"), short_help=help_of("sim.phone.page"))(phone_page)
    phone.command("state", help=help_of("sim.phone.state"), short_help=help_of("sim.phone.state"))(
        phone_state
    )
    centre = typer.Typer(
        help=help_of("sim.centre"),
        short_help=help_of("sim.centre"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for name, command in (("set", set_centre), ("scan", scan), ("face", face), ("notices", notices)):
        centre.command(name, help=help_of(f"sim.centre.{name}"), short_help=help_of(f"sim.centre.{name}"))(
            command
        )
    sim.add_typer(centre, name="centre")


def phone_page(
    person: Annotated[
        str, typer.Argument(metavar="[PERSON]", help=help_of("sim.person"), show_default=False)
    ] = "",
    folder: DirOption = SIM_DIR,
) -> None:
    """Print the address of the page, and nothing else."""
    from yibao.simulated.endpoints import read_endpoints

    slug = ""
    if person:
        rows = with_sim(folder, lambda sim: sim.people())
        slug = next((row.slug for row in rows if person in (row.slug, row.name, row.psn_no)), person)
    print(read_endpoints(folder).phone + (f"#{quote(slug)}" if slug else ""))


def phone_state(
    person: PersonArgument,
    state: Annotated[State, typer.Argument(help=help_of("sim.phone.which"), show_default=False)],
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Put a certificate into a state."""
    row = with_sim(folder, lambda sim: sim.set_certificate(person, state))
    if json:
        print_json(row)
    else:
        tell(say("sim_done"))


def set_centre(
    single_use_code: Annotated[
        bool | None,
        typer.Option("--single-use-code/--reusable-code", help=help_of("sim.single_use"), show_default=False),
    ] = None,
    reply_shape: Annotated[
        Shape | None, typer.Option("--reply-shape", help=help_of("sim.centre.shape"), show_default=False)
    ] = None,
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Change how the centre behaves, and show how it does."""
    wanted = {"single_use_code": single_use_code, "reply_shape": reply_shape}
    changes = {name: value for name, value in wanted.items() if value is not None}
    _show(with_sim(folder, lambda sim: sim.centre(**changes)), json)


def scan(
    code: Annotated[str, typer.Argument(metavar="CODE", help=help_of("sim.scan.text"), show_default=False)],
    folder: DirOption = SIM_DIR,
) -> None:
    """Hold a code to the certified terminal's own scanner."""
    with_sim(folder, lambda sim: sim.terminal_scan(code))
    tell(say("sim_done"))


def face(
    person: PersonArgument,
    outcome: Annotated[
        Outcome, typer.Option("--outcome", help=help_of("sim.centre.outcome"))
    ] = Outcome.MATCH,
    folder: DirOption = SIM_DIR,
) -> None:
    """Stand before the certified terminal's camera."""
    with_sim(folder, lambda sim: sim.terminal_face(person, outcome))
    tell(say("sim_done"))


def notices(json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """Show the settle notices."""
    rows = with_sim(folder, lambda sim: sim.notices())
    if json:
        print_json(rows)
        return
    from yibao.cli.tables import Screen

    heads = (
        ("状态", "State"),
        ("结算编号", "setl_id"),
        ("总额", "Total"),
        ("基金", "Funds"),
        ("账户", "Account"),
        ("自付", "Own"),
    )
    cells = [(row.state, row.settlement_no, row.total, row.fund, row.account, row.own) for row in rows]
    Screen().rows(heads, cells, frozenset({2, 3, 4, 5}))


def _show(view: "CentreView", json: bool) -> None:
    if json:
        print_json(view)
        return
    from yibao.cli.tables import Screen

    yes_no = {True: "是 yes", False: "否 no"}
    Screen().pairs(
        [
            ("一码一用", "Single use", yes_no[view.single_use_code]),
            ("应答形式", "Reply shape", view.reply_shape),
            ("等候扫码（秒）", "Waits for a scan, s", str(view.scan_wait_s)),
        ]
    )
