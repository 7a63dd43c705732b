"""`setl_proc_info` of the fund rows: in the hub's own words, how an amount came about and by which version of the policy.

The national interface gives the field (结算过程信息) and says nothing of its content. This hub writes what a person at the
counter asks and no other field names: the policy version (R27), what filing would change (R10), the family doctor's
bonus (R26), the tilt of serious illness (R20), the line crossed (R17), the category of the assistance (R34), whose
account paid (R16), and once a year that the burden has become high (R36).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from simulators.benefit import entitlement, layers, model
from simulators.benefit.entitlement import Terms
from simulators.benefit.model import Accumulators, Person, Result, Visit
from simulators.benefit.policy_set import PolicySet
from simulators.people.model import Relation

HIGH_BURDEN_FEN: Final = 20_000_00
"""Counted burden of a year from which on the departments are told, once (R36)."""
_RELATIONS: Final[Mapping[Relation, str]] = {"parent": "父母", "child": "子女", "spouse": "配偶"}


class Asked(msgspec.Struct, frozen=True):
    """What a settlement was calculated from."""

    policy: PolicySet
    subject: Person
    visit: Visit
    before: Accumulators


def workings(asked: Asked, result: Result, relations: Mapping[str, Relation]) -> dict[str, str]:
    """Words by `fund_pay_type`, "" left out. `relations` says what the owner of an account (`psn_no`) is to the person."""
    employee = asked.subject.insutype == model.EMPLOYEE
    words = {
        model.FUND_EMPLOYEE_POOL if employee else model.FUND_RESIDENT_POOL: _pool(asked, result),
        model.FUND_LARGE_AMOUNT if employee else model.FUND_SERIOUS_ILLNESS: _serious(asked),
        model.FUND_ASSISTANCE: _assistance(asked),
        model.FUND_ACCOUNT: _account(result, relations),
    }
    return {fund: text for fund, text in words.items() if text}


def crosses_high_burden(before: Accumulators, result: Result) -> bool:
    """Whether this settlement takes the year's counted burden over the limit: true for one settlement only."""
    after_fen = before.si_base_fen + result.contributions.si_base_fen
    return before.si_base_fen < HIGH_BURDEN_FEN <= after_fen


def _pool(asked: Asked, result: Result) -> str:
    told = [f"政策{asked.policy.id}（{asked.policy.valid_from}起）"]
    terms = _terms(asked)
    if terms is not None and terms.bonus_bp:
        told.append(f"家庭医生签约加{_percent(terms.bonus_bp)}")
    if asked.visit.area == "unfiled":
        filed = _terms(
            msgspec.structs.replace(asked, visit=msgspec.structs.replace(asked.visit, area="long_term"))
        )
        if filed is not None and filed.ratio_bp != result.pool_ratio_bp:
            told.append(f"未备案：支付比例{_percent(result.pool_ratio_bp)}，备案为{_percent(filed.ratio_bp)}")
    if crosses_high_burden(asked.before, result):
        told.append(f"年度个人负担超过{HIGH_BURDEN_FEN // 100}元，已为您通报救助部门")
    return "；".join(told)


def _serious(asked: Asked) -> str:
    rule = asked.policy.serious_illness.get(asked.subject.insutype)
    if rule is None:
        return ""
    tilt = layers.tilt_of(asked.policy, asked.subject)
    told = []
    first_fen = rule.bands[0].from_fen
    if tilt is not None:
        first_fen = first_fen * tilt.threshold_factor_bp // 10_000
        told.append(
            f"困难人员倾斜：起付线{first_fen // 100}元，比例加{_percent(tilt.ratio_add_bp)}"
            + ("，不设封顶" if tilt.no_cap else "")
        )
    if asked.before.si_base_fen < first_fen:
        told.append("本次越过大病起付线")
    return "；".join(told)


def _assistance(asked: Asked) -> str:
    rule = asked.policy.assistance
    category = layers.best_category(rule.ratio_bp, rule.threshold_fen, asked.subject)
    return "" if category is None else f"按{model.CATEGORIES[category]}救助"


def _account(result: Result, relations: Mapping[str, Relation]) -> str:
    """Whose account paid; nothing where it was the person's own alone."""
    if not result.relatives_paid:
        return ""
    own_fen = result.account_fen - result.mutual_aid_fen
    told = [f"本人{_yuan(own_fen)}"] if own_fen else []
    told += [f"{_RELATIONS[relations[row.owner]]}{_yuan(row.amount_fen)}" for row in result.relatives_paid]
    return "账户支付：" + "，".join(told)


def _terms(asked: Asked) -> Terms | None:
    terms = entitlement.entitle(asked.policy, asked.subject, asked.visit)
    return terms if isinstance(terms, Terms) else None


def _percent(ratio_bp: int) -> str:
    whole, rest = divmod(ratio_bp, 100)
    return f"{whole}.{rest:02d}%" if rest else f"{whole}%"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
