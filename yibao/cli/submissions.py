"""`yibao filing`, `mapping`, `stock` and `submissions`: what changes the hub outside a settlement, and how it stands."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from yibao.cli.common import (
    OUTCOME_OPEN,
    CounterOption,
    JsonOption,
    SaleArgument,
    with_client,
)
from yibao.cli.errors import WrongUse
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell, without_controls
from yibao.words import Words, say

if TYPE_CHECKING:
    from yibao.cli.row_files import Cell
    from yibao.client import CounterClient, RowsView, SubmissionView

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help=help_of("submissions.file"), show_default=False)
]
FilingKind = Annotated[
    str,
    typer.Argument(metavar="transfer|chronic|institution", help=help_of("filing.kind"), show_default=False),
]
Serial = Annotated[str, typer.Argument(metavar="SERIAL", help=help_of("filing.serial"), show_default=False)]
Memo = Annotated[str, typer.Option("--memo", help=help_of("filing.memo"), show_default=False)]
StockKind = Annotated[
    str,
    typer.Argument(
        metavar="take|change|purchase|purchase-return|sale|sale-return|delete|substitute-code",
        help=help_of("stock.kind"),
        show_default=False,
    ),
]
MappingVerb = Annotated[
    str, typer.Argument(metavar="upload|withdraw", help=help_of("mapping.verb"), show_default=False)
]
Key = Annotated[str, typer.Option("--key", help=help_of("submissions.key"), show_default=False)]
Open = Annotated[bool, typer.Option("--open", help=help_of("submissions.open"))]
Id = Annotated[str, typer.Argument(metavar="ID", help=help_of("submissions.id"), show_default=False)]
DecisionWord = Annotated[
    str,
    typer.Argument(metavar="again|accepted|given_up", help=help_of("submissions.word"), show_default=False),
]
By = Annotated[
    str, typer.Option("--by", metavar="OPERATOR", help=help_of("submissions.by"), show_default=False)
]
Reason = Annotated[str, typer.Option("--reason", help=help_of("submissions.reason"), show_default=False)]
Which = Annotated[
    str, typer.Argument(metavar="stocked|sold", help=help_of("stock.codes.which"), show_default=False)
]
Batch = Annotated[str, typer.Option("--batch", help=help_of("stock.codes.batch"), show_default=False)]
OwnCode = Annotated[
    str, typer.Option("--own-code", help=help_of("hub.catalogue.own_code"), show_default=False)
]
Since = Annotated[
    str, typer.Option("--since", metavar="DATE", help=help_of("stock.codes.since"), show_default=False)
]

_FILINGS: Final = ("transfer", "chronic", "institution")
_GOODS: Final = (
    "take", "change", "purchase", "purchase-return", "sale", "sale-return", "delete", "substitute-code",
)  # fmt: skip
_OPEN: Final = frozenset({"WAITING", "SENT", "UNKNOWN"})
_ENDED: Final = frozenset({"ACCEPTED", "PARTLY", "REFUSED", "GIVEN_UP"})
_NEWEST: Final = 500
"""As many as the counter lists at once."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, commands in (
        ("filing", (("file", file_filing), ("withdraw", withdraw_filing))),
        ("stock", (("upload", upload_stock), ("codes", trace_codes))),
        ("submissions", (("list", list_all), ("show", show), ("decide", decide))),
    ):
        group = typer.Typer(
            help=help_of(name), short_help=help_of(name), no_args_is_help=True, rich_markup_mode=None
        )
        for command, run in commands:
            text = help_of(f"{name}.{command}")
            group.command(command, help=text, short_help=text)(run)
        app.add_typer(group, name=name)
    app.command("mapping", help=help_of("mapping"), short_help=help_of("mapping"))(mapping)


def file_filing(
    kind: FilingKind, sale: SaleArgument, file: FileArgument, key: Key = "", json: JsonOption = False,
    counter: CounterOption = None,
) -> int:  # fmt: skip
    """File something for the person of a sale."""
    from yibao.cli.row_files import read_rows

    name = f"filing.{_one_of(kind, _FILINGS)}"
    return _submit(name, read_rows(file), key, json, counter, sale)


def withdraw_filing(
    kind: FilingKind, sale: SaleArgument, serial: Serial, memo: Memo = "", key: Key = "",
    json: JsonOption = False, counter: CounterOption = None,
) -> int:  # fmt: skip
    """Take a filing back."""
    row: dict[str, Cell] = {"trt_dcla_detl_sn": serial, "memo": memo or "withdrawn"}
    return _submit(f"filing.{_one_of(kind, _FILINGS)}.withdraw", [row], key, json, counter, sale)


def mapping(
    verb: MappingVerb,
    file: FileArgument,
    key: Key = "",
    json: JsonOption = False,
    counter: CounterOption = None,
) -> int:
    """Upload or withdraw mappings of the own catalogue."""
    from yibao.cli.row_files import read_rows

    return _submit(f"mapping.{_one_of(verb, ('upload', 'withdraw'))}", read_rows(file), key, json, counter)


def upload_stock(
    kind: StockKind,
    file: FileArgument,
    key: Key = "",
    json: JsonOption = False,
    counter: CounterOption = None,
) -> int:
    """Upload goods data."""
    from yibao.cli.row_files import read_rows

    return _submit(f"stock.{_one_of(kind, _GOODS)}", read_rows(file), key, json, counter)


def trace_codes(
    which: Which, batch: Batch = "", own_code: OwnCode = "", since: Since = "", json: JsonOption = False,
    counter: CounterOption = None,
) -> None:  # fmt: skip
    """Look trace codes up at the hub."""
    from yibao.cli.hub import show_rows

    place: Literal["stocked", "sold"] = "sold" if _one_of(which, ("stocked", "sold")) == "sold" else "stocked"

    async def ask(client: "CounterClient") -> "RowsView":
        await client.wait_ready()
        return await client.trace_codes(place, batch=batch, own_code=own_code, since=since)

    show_rows(with_client(counter, ask), json)


def list_all(open_only: Open = False, json: JsonOption = False, counter: CounterOption = None) -> None:
    """List submissions."""
    found = with_client(counter, lambda client: client.submissions(open_only=open_only))
    if json:
        print_json(found)
        return
    _show(found)
    if not found:
        tell(say("no_open_submissions" if open_only else "no_submissions"))


def show(id: Id, json: JsonOption = False, counter: CounterOption = None) -> int:
    """Show one with its rows and messages."""
    found = with_client(counter, lambda client: client.submission(id))
    if json:
        print_json(found)
    else:
        _show([found])
        _show_one(found)
    return _exit_code([found])


def decide(
    id: Id, word: DecisionWord, by: By = "", reason: Reason = "", json: JsonOption = False,
    counter: CounterOption = None,
) -> int:  # fmt: skip
    """Decide about a submission that waits for a person."""
    decision = _one_of(word, ("again", "accepted", "given_up"))
    found = with_client(counter, lambda client: client.decide_submission(id, decision, by, reason))
    if json:
        print_json(found)
    else:
        _show([found])
    return 0


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise WrongUse(say("wrong_choice", text=text, choices=", ".join(allowed)))
    return text


def _submit(
    kind: str, rows: "list[dict[str, Cell]]", key: str, json: bool, counter: Path | None, sale: str = ""
) -> int:
    async def send(client: "CounterClient") -> "tuple[list[SubmissionView], bool]":
        await client.wait_ready()
        sale_id = await client.resolve(sale) if sale else ""
        return await submit_or_find(client, kind, rows, sale_id, key)

    found, is_old = with_client(counter, send)
    exit_code = tell_submitted(found, json)
    if is_old:
        tell(say("submitted_before", at=found[0].opened_at), sys.stderr)
    return exit_code


async def submit_or_find(
    client: "CounterClient", kind: str, rows: "list[dict[str, Cell]]", sale_id: str, key: str
) -> "tuple[list[SubmissionView], bool]":
    """Submit; and whether it was submitted and ended before, so that nothing was sent now."""
    before = {one.id for one in await client.submissions(_NEWEST)}
    found = await client.submit(kind, rows, sale_id, key)
    return found, all(one.id in before and one.state in _ENDED for one in found)


def tell_submitted(found: "list[SubmissionView]", json: bool) -> int:
    """Tell what became of what was just submitted; return the exit code."""
    if json:
        print_json(found)
    else:
        _show(found)
        for one in found:
            _show_one(one)
    return _exit_code(found)


def _exit_code(found: "list[SubmissionView]") -> int:
    """0: the hub has everything; 3: something is still open and goes on by itself; 1: a person has to look."""
    states = {one.state for one in found}
    if states <= {"ACCEPTED"}:
        return 0
    return OUTCOME_OPEN if states <= {"ACCEPTED", *_OPEN} else 1


def _show(found: "list[SubmissionView]") -> None:
    from yibao.cli.tables import Screen

    heads = [
        ("编号", "Id"),
        ("类别", "Kind"),
        ("交易", "Number"),
        ("状态", "State"),
        ("时间", "Changed"),
        ("平台编号", "Given"),
    ]
    rows = [
        (
            one.id,
            f"{one.kind} {one.part}",
            one.infno,
            one.state,
            one.changed_at,
            one.serial or one.trace_code or "-",
        )
        for one in found
    ]
    Screen().rows(heads, rows, frozenset())


def _show_one(one: "SubmissionView") -> None:
    """The words of one that is not simply accepted, and what became of its rows."""
    from yibao.cli.tables import Screen

    if one.state != "ACCEPTED":
        tell(Words(one.told.code, without_controls(one.told.zh), without_controls(one.told.en)))
    failed = [row for row in one.rows if not row.taken]
    if failed:
        heads = [
            ("批次", "Batch"),
            ("机构目录编码", "Own code"),
            ("医疗目录编码", "National code"),
            ("原因", "Reason"),
        ]
        Screen().rows(
            heads,
            [(row.batch, row.own_code, row.national_code, row.message or "-") for row in failed],
            frozenset(),
        )
