"""What the fund pays institutions, and how the funds stand: on top of the people's bills, which never change for it."""

import datetime as dt
from collections import Counter, defaultdict
from typing import Final

from simulators.benefit.amounts import WHOLE_BP, share_of
from simulators.benefit.model import FUND_EMPLOYEE_POOL, FUND_NAMES, FUND_RESIDENT_POOL
from simulators.control import Cell, Column, Report
from simulators.hub.reports.books import Books, day_of, month_of
from simulators.hub.reports.parameters import Parameters

_POOLS: Final = frozenset({FUND_EMPLOYEE_POOL, FUND_RESIDENT_POOL})
_INSTITUTION: Final = Column("institution", "机构", "Institution")
_MONTH: Final = Column("month", "月份", "Month")


def clearing(books: Books, parameters: Parameters) -> Report:
    """The budget of each month shared by points; a factor of the assessment changes what is paid, never a bill."""
    rule = parameters.clearing
    points: dict[str, Counter[str]] = defaultdict(Counter)
    visits, booked = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for record in books.standing():
        if record.result.fund_fen == 0:
            continue
        month, code = month_of(record), record.fixmedins_code
        points[month][code] += rule.points.get(record.med_type, rule.other_points)
        visits[month, code] += 1
        booked[month, code] += record.result.fund_fen
    factors = {(row.month, row.institution): row.factor_bp for row in rule.factors}
    rows: list[tuple[Cell, ...]] = []
    for month in sorted(points):
        shares = shared_out(rule.budget_fen.get(month, 0), points[month])
        for code in sorted(points[month]):
            factor_bp = factors.get((month, code), WHOLE_BP)
            due_fen = shares[code]
            rows.append(
                (month, books.institution(code), visits[month, code], points[month][code], booked[month, code],
                 due_fen, factor_bp, share_of(due_fen, factor_bp))
            )  # fmt: skip
    columns = (
        _MONTH, _INSTITUTION, Column("visits", "人次", "Visits"), Column("points", "点数", "Points"),
        Column("booked_fen", "记账基金", "Booked"), Column("cleared_fen", "应清算", "Cleared"),
        Column("factor_bp", "考核系数", "Factor"), Column("payable_fen", "应拨付", "Payable"),
    )  # fmt: skip
    return Report("clearing", "月度清算", "Monthly clearing", columns, tuple(rows))


def shared_out(total_fen: int, parts: Counter[str]) -> dict[str, int]:
    """An amount shared in proportion, to the fen: what rounding leaves goes to the largest remainders, then by name."""
    whole = parts.total()
    if not whole:
        return dict.fromkeys(parts, 0)
    shares = {name: total_fen * part // whole for name, part in parts.items()}
    left = total_fen - sum(shares.values())
    by_remainder = sorted(parts, key=lambda name: (-(total_fen * parts[name] % whole), name))
    for name in by_remainder[:left]:
        shares[name] += 1
    return shares


def heads(books: Books, parameters: Parameters) -> Report:
    """Chronic care paid per head: one amount for a patient and month, whatever was booked for them."""
    patients: dict[tuple[str, str], set[str]] = defaultdict(set)
    booked = Counter[tuple[str, str]]()
    for record in books.standing():
        if record.result.kind == "chr":
            key = (month_of(record), record.fixmedins_code)
            patients[key].add(record.psn_no)
            booked[key] += record.result.pool_fen
    price_fen = parameters.head_price_fen
    rows = tuple(
        (month, books.institution(code), len(people), price_fen, len(people) * price_fen, booked[month, code])
        for (month, code), people in sorted(patients.items())
    )
    columns = (
        _MONTH, _INSTITUTION, Column("heads", "人数", "Heads"), Column("price_fen", "人头标准", "Per head"),
        Column("payable_fen", "应拨付", "Payable"), Column("booked_fen", "记账统筹", "Booked"),
    )  # fmt: skip
    return Report("heads", "慢特病按人头付费", "Chronic care per head", columns, rows)


def procurement(books: Books, parameters: Parameters) -> Report:
    """Prepayment and retained surplus of central procurement; `net` is still to be paid, below 0 to be given back."""
    rule = parameters.procurement
    spent = Counter[str]()
    for lines in books.lines.values():
        for line in lines:
            spent[line.item] += line.amount_fen
    rows: list[tuple[Cell, ...]] = []
    for batch in rule.batches:
        prepaid_fen = share_of(batch.budget_fen, rule.prepaid_bp)
        saved_fen = max(0, batch.budget_fen - spent[batch.item])
        retained_fen = share_of(saved_fen, rule.retained_bp)
        net_fen = spent[batch.item] + retained_fen - prepaid_fen
        rows.append(
            (batch.item, batch.budget_fen, prepaid_fen, spent[batch.item], saved_fen, retained_fen, net_fen)
        )
    columns = (
        Column("item", "项目", "Item"), Column("budget_fen", "预算", "Budget"),
        Column("prepaid_fen", "预付", "Prepaid"), Column("spent_fen", "支出", "Spent"),
        Column("saved_fen", "结余", "Saved"), Column("retained_fen", "结余留用", "Retained"),
        Column("net_fen", "净额", "Net"),
    )  # fmt: skip
    return Report("procurement", "集采预付与结余留用", "Prepaid and retained", columns, tuple(rows))


def funds(books: Books, parameters: Parameters) -> Report:
    """The city's fund with the books of its counties; a county's gap is shared, its balance of before pooling is not used."""
    spent = Counter[str]()
    for record in books.records:
        spent[record.insured_division] += record.result.pool_fen
    rule = parameters.funds
    rows: list[tuple[Cell, ...]] = []
    for county in rule.counties:
        paid_fen = spent[county.division]
        gap_fen = max(0, paid_fen - county.income_fen)
        city_fen = share_of(gap_fen, rule.city_share_bp)
        rows.append(
            (books.place(county.division), county.balance_fen, county.income_fen, paid_fen, gap_fen, city_fen,
             gap_fen - city_fen)
        )  # fmt: skip
    columns = (
        Column("county", "县区", "County"), Column("balance_fen", "历年结余（单列）", "Balance kept apart"),
        Column("income_fen", "收入", "Income"), Column("spent_fen", "支出", "Spent"),
        Column("gap_fen", "缺口", "Gap"), Column("city_fen", "市级分担", "City bears"),
        Column("county_fen", "县级分担", "County bears"),
    )  # fmt: skip
    return Report("funds", "市级统收统支", "City fund", columns, tuple(rows))


def budget(books: Books, parameters: Parameters) -> Report:
    """Use of the yearly budget day by day; the first day at or above a level carries its warning, and only that one."""
    by_day: dict[tuple[int, str], Counter[dt.date]] = defaultdict(Counter)
    for record in (*books.earlier, *books.records):
        for fund in record.result.funds:
            if fund.fund_pay_type in _POOLS:
                day = day_of(record)
                by_day[day.year, fund.fund_pay_type][day] += fund.amount_fen
    listed = {day_of(record) for record in books.records}
    rows: list[tuple[Cell, ...]] = []
    for (_, fund_type), days in sorted(by_day.items()):
        year_fen = parameters.budget.year_fen.get(fund_type, 0)
        if year_fen == 0:
            continue
        used_fen, warned = 0, 0
        for day in sorted(days):
            used_fen += days[day]
            used_bp = _ratio(used_fen, year_fen)
            reached = [level for level in parameters.budget.levels_bp if warned < level <= used_bp]
            warned = max(reached, default=warned)
            warning = f"{reached[-1] / 100:g}%" if reached else ""
            if day in listed:
                name = f"{fund_type} {FUND_NAMES[fund_type]}"
                rows.append((name, day.isoformat(), used_fen, year_fen, used_bp, warning))
    columns = (
        Column("fund", "基金", "Fund"), Column("day", "日期", "Day"), Column("used_fen", "累计支出", "Used"),
        Column("budget_fen", "预算", "Budget"), Column("used_bp", "使用率", "Share"),
        Column("warning", "预警", "Warning"),
    )  # fmt: skip
    return Report("budget", "基金预算预警", "Budget and warnings", columns, tuple(rows))


def inpatient(parameters: Parameters) -> Report:
    """The funds' share of policy-scope in-patient cost in the given data, by group and in all."""
    groups = [(group.who, group.scope_fen, group.fund_fen) for group in parameters.inpatient]
    groups.append(("合计 sum", sum(row[1] for row in groups), sum(row[2] for row in groups)))
    rows = tuple(
        (who, scope_fen, fund_fen, _ratio(fund_fen, scope_fen)) for who, scope_fen, fund_fen in groups
    )
    columns = (
        Column("who", "对象", "Who"), Column("scope_fen", "政策范围内", "Policy scope"),
        Column("fund_fen", "基金支付", "Funds"), Column("share_bp", "支付比例", "Share"),
    )  # fmt: skip
    return Report("inpatient", "政策范围内住院支付比例", "In-patient share", columns, rows)


def _ratio(part_fen: int, whole_fen: int) -> int:
    """A part in 1/10000 of the whole, rounded down: a level is reached when it is reached. 0 of nothing."""
    return part_fen * WHOLE_BP // whole_fen if whole_fen else 0
