"""`yibao clearing`: what a month's clearing asks for, and other places' records beside our books; and both told to the hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from yibao.cli.common import CounterOption, JsonOption, with_client
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell, yuan
from yibao.words import say

if TYPE_CHECKING:
    from yibao.client import ClearingView, FarView

Month = Annotated[str, typer.Argument(metavar="MONTH", help=help_of("clearing.name"), show_default=False)]
Serial = Annotated[str, typer.Argument(metavar="SERIAL", help=help_of("clearing.serial"), show_default=False)]
_REASONS: Final = {
    "": ("一致", "agreed"),
    "not_ours": ("本机无此记录", "not in our books"),
    "total_differs": ("总额不同", "total differs"),
    "fund_differs": ("基金支付不同", "fund part differs"),
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=help_of("clearing"), no_args_is_help=True, rich_markup_mode=None)
    group.command("month", help=help_of("clearing.month"), short_help=help_of("clearing.month"))(month)
    group.command("far", help=help_of("clearing.far"), short_help=help_of("clearing.far"))(far)
    for name, run in (
        ("apply", apply),
        ("withdraw", withdraw),
        ("confirm", confirm),
        ("take-back", take_back),
    ):
        group.command(name, help=help_of(f"clearing.{name}"), short_help=help_of(f"clearing.{name}"))(run)
    app.add_typer(group, name="clearing")


def month(month: Month, json: JsonOption = False, counter: CounterOption = None) -> int:
    """Add a month up. Exit code 1 while it is not over or an outcome is open: nobody should apply yet."""
    found = with_client(counter, lambda client: client.clearing(month))
    print_json(found) if json else _show(found)
    return 0 if found.is_over and not found.open else 1


def far(month: Month, json: JsonOption = False, counter: CounterOption = None) -> int:
    """Compare other places' records with our books. Exit code 1 when one of them is not agreed."""
    found = with_client(counter, lambda client: client.far_clearing(month))
    print_json(found) if json else _show_far(found)
    return 0 if all(row.agreed for row in found.rows) else 1


def apply(month: Month, json: JsonOption = False, counter: CounterOption = None) -> int:
    """Apply for a month's clearing."""
    return _submit(f"{quote(month, safe='')}/applications", {}, json, counter)


def withdraw(serial: Serial, json: JsonOption = False, counter: CounterOption = None) -> int:
    """Withdraw an application."""
    return _submit("withdrawals", {"serial": serial}, json, counter)


def confirm(month: Month, json: JsonOption = False, counter: CounterOption = None) -> int:
    """Answer other places' records."""
    return _submit(f"{quote(month, safe='')}/far/confirmation", {}, json, counter)


def take_back(month: Month, json: JsonOption = False, counter: CounterOption = None) -> int:
    """Take the answer back."""
    return _submit(f"{quote(month, safe='')}/far/taking_back", {}, json, counter)


def _submit(path: str, body: dict[str, str], json: bool, counter: Path | None) -> int:
    from yibao.cli.submissions import tell_submitted

    found = with_client(counter, lambda client: client.submit_clearing(path, body))
    return tell_submitted(found, json)


def _show(found: "ClearingView") -> None:
    from yibao.cli.tables import Screen

    heads = (
        ("清算类别", "Category"), ("清算方式", "Method"), ("经办机构", "Agency"), ("人次", "Count"), ("总额", "Total"),
        ("基金申报", "Funds"), ("个人账户", "Account"), ("现金", "Cash"),
    )  # fmt: skip
    rows = [
        (
            one.group.clr_type, one.group.clr_way, one.group.agency, str(one.count), yuan(one.total_fen),
            yuan(one.fund_fen), yuan(one.account_fen), yuan(one.cash_fen),
        )
        for one in found.applications
    ]  # fmt: skip
    Screen().rows(heads, rows, frozenset({3, 4, 5, 6, 7}))
    if not found.is_over:
        tell(say("clearing_not_over", month=found.month))
    elif found.open:
        tell(say("clearing_open", count=str(found.open)))
    elif found.without_amounts:
        tell(say("clearing_without_amounts", count=str(found.without_amounts)))
    else:
        tell(say("clearing_portal" if found.by == "portal" else "clearing_3203", month=found.month))


def _show_far(found: "FarView") -> None:
    from yibao.cli.tables import Screen

    screen = Screen()
    heads = (("结算流水号", "Settlement"), ("结算时间", "Settled"), ("总额", "Total"), ("经办机构支付", "Agency pays"),
             ("核对", "Books"))  # fmt: skip
    rows = [
        (
            one.row.get("setl_sn", ""), one.row.get("mdtrt_setl_time", ""), one.row.get("medfee_sumamt", ""),
            one.row.get("optins_pay_sumamt", ""), screen.label(*_REASONS[one.reason]),
        )
        for one in found.rows
    ]  # fmt: skip
    screen.rows(heads, rows, frozenset({2, 3}))
