"""Money coming in: premiums, subsidies, rates, and the monthly credit to personal accounts."""

import datetime as dt
from typing import Final

import msgspec

from simulators.benefit.amounts import share_of
from simulators.benefit.model import CATEGORIES
from simulators.control import Cell, Column, Report
from simulators.hub.ledger import Ledger
from simulators.hub.reports.parameters import Employees, Parameters

_COLUMNS: Final = (
    Column("table", "项目", "Table"),
    Column("who", "对象", "Who"),
    Column("part", "构成", "Part"),
    Column("amount_fen", "金额", "Amount"),
)
_SUM: Final = "合计 sum"


class EmployeeContribution(msgspec.Struct, frozen=True):
    """What is paid for one employee in a month."""

    base_fen: int
    employer_fen: int
    own_fen: int


def employee_contribution(rule: Employees, wage_fen: int, *, flexible: bool = False) -> EmployeeContribution:
    """The monthly contribution on a wage; a flexible worker pays everything, on the same base."""
    lowest_fen = rule.average_wage_fen * rule.base_lowest_percent // 100
    highest_fen = rule.average_wage_fen * rule.base_highest_percent // 100
    base_fen = min(max(wage_fen, lowest_fen), highest_fen)
    if flexible:
        return EmployeeContribution(base_fen, 0, share_of(base_fen, rule.flexible_bp))
    return EmployeeContribution(
        base_fen, share_of(base_fen, rule.employer_bp), share_of(base_fen, rule.employee_bp)
    )


def own_premium_fen(parameters: Parameters, category: str) -> int:
    """What a resident of that category pays; "" = none."""
    return parameters.residents.own_fen - parameters.residents.aid_fen.get(category, 0)


def contributions(parameters: Parameters) -> Report:
    """Every table of premiums and subsidies."""
    rows = [
        *_residents(parameters),
        *_aid(parameters),
        *_subsidy(parameters),
        *_counties(parameters),
        *_employees(parameters.employees),
    ]
    return Report("contributions", "筹资标准", "Premiums and subsidies", _COLUMNS, tuple(rows))


def _residents(parameters: Parameters) -> list[tuple[Cell, ...]]:
    rule, who = parameters.residents, "居民 residents"
    rows: list[tuple[Cell, ...]] = [
        ("2022", who, "个人缴费 own", rule.own_fen),
        ("2022", who, "财政补助 subsidy", rule.subsidy_fen),
        ("2022", who, _SUM, rule.own_fen + rule.subsidy_fen),
    ]
    rows += [
        ("中央补助 central subsidy", region, f"{share_bp / 100:g}%", share_of(rule.subsidy_fen, share_bp))
        for region, share_bp in rule.central_bp.items()
    ]
    return rows


def _aid(parameters: Parameters) -> list[tuple[Cell, ...]]:
    return [
        ("参保资助 premium aid", f"{CATEGORIES[category]} {category}", part, amount_fen)
        for category, aid_fen in parameters.residents.aid_fen.items()
        for part, amount_fen in (
            ("资助 aid", aid_fen),
            ("个人缴费 own", own_premium_fen(parameters, category)),
        )
    ]


def _subsidy(parameters: Parameters) -> list[tuple[Cell, ...]]:
    rule = parameters.subsidy
    return [
        (rule.name, split.who, part, amount_fen)
        for split in rule.splits
        for part, amount_fen in (
            ("中央 central", rule.central_fen),
            ("省级 region", split.region_fen),
            ("市县 county", split.county_fen),
            (_SUM, rule.central_fen + split.region_fen + split.county_fen),
        )
    ]


def _counties(parameters: Parameters) -> list[tuple[Cell, ...]]:
    rule = parameters.county_subsidy
    return [(rule.name, county.name, county.tier, county.subsidy_fen) for county in rule.counties]


def _employees(rule: Employees) -> list[tuple[Cell, ...]]:
    month = employee_contribution(rule, rule.average_wage_fen)
    flexible = employee_contribution(rule, rule.average_wage_fen, flexible=True)
    average = "月平均工资 average wage"
    return [
        (rule.name, average, "基数 base", month.base_fen),
        (rule.name, average, "单位 employer", month.employer_fen),
        (rule.name, average, "个人 own", month.own_fen),
        (rule.name, "灵活就业 flexible worker", "个人 own", flexible.own_fen),
    ]


def credit_account(ledger: Ledger, rule: Employees, psn_no: str, base_fen: int, day: dt.date) -> int:
    """Credit a personal account for the month of `day`, once, from the set day on; returns what was credited, in fen.

    0 before that day and where the month has its credit. Raises KeyError for somebody unknown.
    """
    if day.day < rule.credit_day:
        return 0
    amount_fen = share_of(base_fen, rule.account_credit_bp)
    with ledger.transaction():
        balance_fen = ledger.balance(psn_no)
        if not ledger.back_office.note_credit(psn_no, f"{day:%Y-%m}", amount_fen):
            return 0
        ledger.set_balance(psn_no, balance_fen + amount_fen)
    return amount_fen
