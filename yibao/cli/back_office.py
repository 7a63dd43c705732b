"""`yibao sim hub report` and `credit`: what a person at the hub's own desk does."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import JsonOption, text_of
from yibao.cli.errors import WrongUse
from yibao.cli.far_ends import SIM_DIR, DirOption, with_sim
from yibao.cli.help import help_of
from yibao.cli.output import new_file, print_json, tell, yuan
from yibao.words import say

if TYPE_CHECKING:
    from simulators.control import Cell, Report

Name = Annotated[str, typer.Argument(metavar="NAME", help=help_of("sim.hub.report.name"), show_default=False)]
Since = Annotated[
    str, typer.Option("--since", metavar="DATE", help=help_of("sim.hub.report.since"), show_default=False)
]
Until = Annotated[
    str, typer.Option("--until", metavar="DATE", help=help_of("sim.hub.report.until"), show_default=False)
]
ParametersFile = Annotated[
    Path | None,
    typer.Option(
        "--parameters", metavar="FILE", help=help_of("sim.hub.report.parameters"), show_default=False
    ),
]
Purpose = Annotated[
    str, typer.Option("--purpose", metavar="WORD", help=help_of("sim.hub.report.purpose"), show_default=False)
]
Who = Annotated[str, typer.Argument(metavar="PERSON", help=help_of("sim.person"), show_default=False)]
Base = Annotated[
    str, typer.Option("--base", metavar="YUAN", help=help_of("sim.hub.credit.base"), show_default=False)
]
QuotesFile = Annotated[
    Path, typer.Argument(metavar="FILE", help=help_of("sim.hub.quotes.file"), show_default=False)
]
FeedFile = Annotated[
    Path, typer.Argument(metavar="FILE", help=help_of("sim.hub.feed.file"), show_default=False)
]
Day = Annotated[
    str, typer.Option("--date", metavar="DATE", help=help_of("sim.hub.credit.day"), show_default=False)
]


def register(hub: typer.Typer) -> None:
    """Add the commands to `yibao sim hub`."""
    hub.command("report", help=help_of("sim.hub.report"), short_help=help_of("sim.hub.report"))(report)
    hub.command("quotes", help=help_of("sim.hub.quotes"), short_help=help_of("sim.hub.quotes"))(quotes)
    hub.command("feed", help=help_of("sim.hub.feed"), short_help=help_of("sim.hub.feed"))(feed)
    hub.command("credit", help=help_of("sim.hub.credit"), short_help=help_of("sim.hub.credit"))(credit)


def report(
    name: Name,
    since: Since = "",
    until: Until = "",
    parameters: ParametersFile = None,
    purpose: Purpose = "",
    json: JsonOption = False,
    folder: DirOption = SIM_DIR,
) -> None:
    """Print one report of the hub's books."""
    from simulators.control import ReportOrder

    order = ReportOrder(
        since=_day(since),
        until=_day(until),
        purpose=purpose,
        parameters=text_of(parameters) if parameters else "",
        file=parameters.name if parameters else "",
    )
    found = with_sim(folder, lambda sim: sim.report(name, order))
    if json:
        print_json({"report": found.name, "zh": found.zh, "en": found.en, "rows": found.records()})
        return
    _show(found)


def quotes(file: QuotesFile, json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """Write the kept quotes into a new file."""
    from simulators.benefit.rehearsal import read_record

    content = with_sim(folder, lambda sim: sim.quotes())
    count = len(read_record(content.decode(), "hub"))
    with new_file(file) as out:
        out.write(content)
    if json:
        print_json({"file": str(file), "quotes": count})
        return
    tell(say("sim_quotes_written", count=str(count), file=str(file)))


def feed(file: FeedFile, json: JsonOption = False, folder: DirOption = SIM_DIR) -> None:
    """Hand the hub what another department tells it."""
    from simulators.control import FeedOrder

    order = FeedOrder(text_of(file), file.name)
    taken = with_sim(folder, lambda sim: sim.feed(order))
    if json:
        print_json(taken)
        return
    tell(say("sim_feed_taken", changes=str(taken["changes"]), births=str(taken["births"])))


def credit(
    person: Who, base: Base, date: Day = "", json: JsonOption = False, folder: DirOption = SIM_DIR
) -> None:
    """Credit a personal account for a month."""
    from simulators.control import CreditOrder

    credited = with_sim(folder, lambda sim: sim.credit(CreditOrder(person, base, _day(date))))
    if json:
        print_json(credited)
        return
    tell(say("sim_credited", amount=yuan(credited.credited_fen), balance=yuan(credited.balance_fen)))


def _day(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WrongUse(say("wrong_date", text=text)) from None


def _show(found: "Report") -> None:
    from yibao.cli.tables import Screen

    keys = [column.key for column in found.columns]
    numbers = frozenset(place for place, key in enumerate(keys) if _is_number(key, found))
    screen = Screen()
    print(screen.label(found.zh, found.en))
    screen.rows(
        [(column.zh, column.en) for column in found.columns],
        [[_cell(key, value) for key, value in zip(keys, row, strict=True)] for row in found.rows],
        numbers,
    )


def _is_number(key: str, found: "Report") -> bool:
    place = [column.key for column in found.columns].index(key)
    return key.endswith(("_fen", "_bp")) or any(isinstance(row[place], int) for row in found.rows)


def _cell(key: str, value: "Cell") -> str:
    if isinstance(value, int) and key.endswith("_fen"):
        return yuan(value)
    if isinstance(value, int) and key.endswith("_bp"):
        return f"{value / 100:g}%"
    return str(value)
