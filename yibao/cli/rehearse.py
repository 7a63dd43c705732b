"""`yibao rehearse`: recorded quotes under other rules, and every amount that changes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yibao.cli.common import JsonOption, text_of
from yibao.cli.errors import CommandFailed, WrongUse
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell, yuan
from yibao.words import say

if TYPE_CHECKING:
    from protocols.hub.profile import Profile
    from simulators.benefit.policy_set import PolicySet
    from simulators.benefit.rehearsal import Quote, Rehearsal
    from yibao.cli.tables import Screen

Record = Annotated[
    Path, typer.Argument(metavar="RECORD", help=help_of("rehearse.record"), show_default=False)
]
PolicyFiles = Annotated[
    list[Path] | None,
    typer.Option("--policy", metavar="FILE", help=help_of("rehearse.policy"), show_default=False),
]
SetName = Annotated[
    str, typer.Option("--set", metavar="NAME", help=help_of("rehearse.set"), show_default=False)
]
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="NAME", help=help_of("rehearse.profile"), show_default=False)
]

FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "medfee_sumamt": ("医疗费总额", "Total"),
    "fulamt_ownpay_amt": ("全自费", "Wholly self-paid"),
    "overlmt_selfpay": ("超限价自费", "Over the limit"),
    "preselfpay_amt": ("先行自付", "Paid first"),
    "inscp_scp_amt": ("政策范围内", "Policy scope"),
    "act_pay_dedc": ("起付线", "Deductible"),
    "hifp_pay": ("统筹基金", "Pooled fund"),
    "cvlserv_pay": ("公务员补助", "Civil servants"),
    "hifes_pay": ("企业补充", "Enterprise"),
    "hifmi_pay": ("大病保险", "Serious illness"),
    "hifob_pay": ("大额补助", "Large amount"),
    "hifdm_pay": ("伤残基金", "Disabled"),
    "maf_pay": ("医疗救助", "Assistance"),
    "oth_pay": ("其他支出", "Other"),
    "fund_pay_sumamt": ("基金支付总额", "Funds"),
    "psn_part_amt": ("个人负担", "Person"),
    "acct_pay": ("个人账户", "Account"),
    "acct_mulaid_pay": ("共济", "Mutual aid"),
    "psn_cash_pay": ("现金", "Cash"),
    "hosp_part_amt": ("医院负担", "Institution"),
    "balc": ("账户余额", "Account left"),
}
"""How the money fields of `setlinfo` are called."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rehearse", help=help_of("rehearse"), short_help=help_of("rehearse"))(rehearse)


def rehearse(
    record: Record,
    policy: PolicyFiles = None,
    set_name: SetName = "",
    profile: ProfileName = "",
    json: JsonOption = False,
) -> None:
    """Calculate recorded quotes under other rules and list what changes."""
    from simulators.benefit.policies import load_shipped, parse_policy
    from simulators.benefit.rehearsal import Substitution, read_record
    from simulators.benefit.rehearsal import rehearse as calculate
    from simulators.hub.desk import rules_of

    if not policy and not set_name and not profile:
        raise WrongUse(say("rehearse_what"))
    quotes = read_record(text_of(record), record.name)
    book = load_shipped()
    policies: dict[str, PolicySet] = {}
    for file in policy or ():
        read = parse_policy(text_of(file), file.name)
        policies[read.id] = read
    if set_name and set_name not in {*book.versions, *policies}:
        known = ", ".join(sorted({*book.versions, *policies}))
        raise CommandFailed(say("rehearse_no_set", name=set_name, known=known))
    change = Substitution(book, policies, set_name, rules_of(_profile(profile)) if profile else None)
    found = calculate(quotes, change, record.name)
    if json:
        print_json(_as_json(quotes, found))
    else:
        _show(quotes, found)


def _profile(name: str) -> "Profile":
    """A shipped profile by name, or one's own by its file."""
    from protocols.errors import ProfileError
    from protocols.hub.profile_reading import parse_profile
    from simulators.serve import shipped_profile

    try:
        return parse_profile(text_of(Path(name)), name) if name.endswith(".toml") else shipped_profile(name)
    except FileNotFoundError:
        raise CommandFailed(say("rehearse_no_profile", name=name)) from None
    except ProfileError as wrong:
        raise CommandFailed(say("file_wrong", reason=str(wrong))) from None


def _as_json(quotes: "Sequence[Quote]", found: "Rehearsal") -> dict[str, object]:
    return {
        "quotes": found.quotes,
        "changed": found.changed,
        "changes": [
            {
                "quote": row.quote,
                "quoted_at": quotes[row.quote - 1].quoted_at,
                "field": row.field,
                "before_fen": row.before_fen,
                "after_fen": row.after_fen,
            }
            for row in found.changes
        ],
        "refused": [
            {"quote": row.quote, "quoted_at": quotes[row.quote - 1].quoted_at, "code": row.code}
            for row in found.refused
        ],
        "totals": {
            field: {"before_fen": before_fen, "after_fen": after_fen}
            for field, (before_fen, after_fen) in found.totals().items()
        },
    }


def _show(quotes: "Sequence[Quote]", found: "Rehearsal") -> None:
    from yibao.cli.tables import Screen

    counts = {"quotes": str(found.quotes), "changed": str(found.changed)}
    if not found.changed:
        tell(say("rehearse_nothing", **counts))
        return
    screen = Screen()
    heads = (("", "#"), ("时间", "Quoted"), ("交易", "infno"), ("金额", "Amount"), ("原", "Before"),
             ("新", "After"), ("差", "Difference"))  # fmt: skip
    rows = [
        (row.quote, (str(row.quote), *_when(quotes, row.quote), _field(screen, row.field),
                     *_amounts(row.before_fen, row.after_fen)))
        for row in found.changes
    ]  # fmt: skip
    rows += [
        (
            row.quote,
            (str(row.quote), *_when(quotes, row.quote), screen.label("拒绝", "refused"), "", row.code, ""),
        )
        for row in found.refused
    ]
    rows.sort(key=lambda row: row[0])
    screen.rows(heads, [cells for _, cells in rows], frozenset({0, 4, 5, 6}))
    totals = [
        (_field(screen, field), *_amounts(before_fen, after_fen))
        for field, (before_fen, after_fen) in found.totals().items()
    ]
    if totals:
        screen.rows((("合计", "Totals"), *heads[4:]), totals, frozenset({1, 2, 3}))
    tell(say("rehearse_changed", **counts))


def _when(quotes: "Sequence[Quote]", number: int) -> tuple[str, str]:
    quote = quotes[number - 1]
    return quote.quoted_at, quote.infno


def _field(screen: "Screen", field: str) -> str:
    return f"{screen.label(*FIELDS[field])} {field}"


def _amounts(before_fen: int, after_fen: int) -> tuple[str, str, str]:
    return yuan(before_fen), yuan(after_fen), yuan(after_fen - before_fen)
