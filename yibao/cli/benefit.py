"""`yibao sim benefit`: worked cases of the benefit rules, checked and told."""

from pathlib import Path
from typing import Annotated

import typer

from yibao.cli.common import text_of
from yibao.cli.errors import CommandFailed
from yibao.cli.help import help_of
from yibao.words import say

CaseFile = Annotated[
    Path, typer.Argument(metavar="FILE", help=help_of("sim.benefit.file"), show_default=False)
]
Only = Annotated[
    str, typer.Option("--only", metavar="P01,P02", help=help_of("sim.benefit.only"), show_default=False)
]
Case = Annotated[str, typer.Argument(metavar="CASE", help=help_of("sim.benefit.case"), show_default=False)]


def group() -> typer.Typer:
    """The commands."""
    commands = typer.Typer(
        help=help_of("sim.benefit"),
        short_help=help_of("sim.benefit"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    commands.command("check", help=help_of("sim.benefit.check"), short_help=help_of("sim.benefit.check"))(
        check
    )
    commands.command(
        "explain", help=help_of("sim.benefit.explain"), short_help=help_of("sim.benefit.explain")
    )(explain)
    return commands


def check(file: CaseFile, only: Only = "") -> int:
    """Check a file of worked cases."""
    from simulators.benefit.cases import check_file

    names = tuple(name.strip() for name in only.split(",") if name.strip())
    report = check_file(text_of(file), names, file.name)
    print(report.text())
    return 1 if report.failed else 0


def explain(file: CaseFile, case: Case) -> None:
    """Tell one worked case."""
    from simulators.benefit.explain import explain as told

    try:
        print(told(text_of(file), case, file.name))
    except LookupError:
        raise CommandFailed(say("benefit_no_case", file=file.name, case=case)) from None
