"""`yibao reconcile`: a day's books against the hub's, and the correction of what differs."""

from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import OUTCOME_OPEN, CounterOption, JsonOption, with_client
from yibao.cli.errors import WrongUse
from yibao.cli.help import help_of
from yibao.cli.output import print_json
from yibao.words import Words, say

if TYPE_CHECKING:
    from yibao.cli.tables import Screen
    from yibao.client import CounterClient, ReportView

Date = Annotated[str, typer.Argument(metavar="DATE", help=help_of("reconcile.date"), show_default=False)]
Fix = Annotated[
    str, typer.Option("--fix", metavar="DIFFERENCE", help=help_of("reconcile.fix"), show_default=False)
]
By = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="OPERATOR", help=help_of("reconcile.by"), show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile", help=help_of("reconcile"), short_help=help_of("reconcile"))(reconcile)


def reconcile(
    date: Date, fix: Fix = "", by: By = None, json: JsonOption = False, counter: CounterOption = None
) -> int:
    """Reconcile a day, or carry out what its report proposes for one difference.

    Exit code 0: level, or every difference is accounted for; 1: somebody has to look; 3: the hub did not answer.
    """
    from yibao.cli.tables import Screen

    if not _is_day(date):
        raise WrongUse(say("wrong_date", text=date))
    if fix:
        return _fix(date, fix, by or [], json, counter)

    async def ask(client: "CounterClient") -> "ReportView":
        await client.wait_ready()
        return await client.reconcile(date)

    report = with_client(counter, ask)
    if json:
        print_json(report)
    else:
        _show(Screen(), report)
    return {"level": 0, "explained": 0, "not_compared": OUTCOME_OPEN}.get(report.outcome, 1)


def _fix(date: str, difference: str, by: list[str], json: bool, counter: CounterOption) -> int:
    from yibao.cli.tables import Screen

    if len(by) != 2:
        raise WrongUse(say("wrong_operators"))
    operators = (by[0], by[1])
    fixed = with_client(counter, lambda client: client.fix_difference(date, difference, operators))
    if json:
        print_json(fixed)
    else:
        Screen().sale(fixed.settlement)
    return OUTCOME_OPEN if fixed.settlement.in_doubt else 0


def _is_day(text: str) -> bool:
    import datetime as dt

    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-22")


def _show(screen: "Screen", report: "ReportView") -> None:
    from yibao.cli.output import yuan

    heads = (
        ("险种", "Scheme"), ("清算类别", "Category"), ("经办机构", "Agency"), ("笔数", "Records"), ("总额", "Total"),
        ("基金", "Funds"), ("个人账户", "Account"), ("结果", "Result"), ("平台说明", "Hub says"),
    )  # fmt: skip
    rows = [
        (
            one.group.insutype, one.group.clr_type, one.group.clr_optins, str(one.own.count), yuan(one.own.total_fen),
            yuan(one.own.fund_fen), yuan(one.own.account_fen), one.outcome.value, one.reason or one.hub_words,
        )
        for one in report.groups
    ]  # fmt: skip
    screen.rows(heads, rows, frozenset({3, 4, 5, 6}))
    for view in report.differences:
        one = view.difference
        hub = "" if one.hub is None or one.hub.total_fen is None else yuan(one.hub.total_fen)
        own = "" if one.own is None else yuan(one.own.total_fen)
        screen.pairs(
            [
                ("差异", "Difference", one.id),
                ("类型", "Kind", f"{view.kind.zh} {view.kind.en}"),
                ("原因", "Cause", f"{view.cause.zh} {view.cause.en}"),
                ("处理", "Action", f"{view.action.zh} {view.action.en}"),
                ("单号", "Receipt", f"{one.receipt_number} {one.state}".strip()),
                ("报文编号", "Message id", one.msgid),
                ("平台 / 本机", "Hub / here", f"{hub or '-'} / {own or '-'}"),
                ("平台备注", "Hub's remark", one.memo),
            ]
        )
    screen.say(Words(report.told.code, report.told.zh, report.told.en))
    if report.provisional:
        screen.say(say("reconcile_provisional"))
