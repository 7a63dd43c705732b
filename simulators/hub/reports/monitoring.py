"""What the books show about places, prices, people in need of help, and what may leave for other departments."""

import datetime as dt
from collections import Counter, defaultdict
from typing import Final

from simulators.benefit.amounts import WHOLE_BP
from simulators.control import Cell, Column, Report
from simulators.hub.ledger import SettlementRecord
from simulators.hub.reports.books import OTHER_PROVINCE, Books, day_of
from simulators.hub.reports.parameters import Parameters
from simulators.hub.reports.refused import ReportRefused

_MICRO_PER_FEN: Final = 10_000
_MONEY: Final = (
    Column("total_fen", "总额", "Total"),
    Column("fund_fen", "基金", "Funds"),
    Column("account_fen", "账户", "Account"),
    Column("cash_fen", "现金", "Cash"),
)


def areas(books: Books, _parameters: Parameters) -> Report:
    """Cross-province and other amounts apart, by place of care and insured place; what was undone takes itself off."""
    groups: dict[tuple[str, str, str], list[SettlementRecord]] = defaultdict(list)
    for record in books.records:
        kind = "跨省 cross-province" if record.pay_loc == OTHER_PROVINCE else "省内 inside the province"
        place = books.institutions.get(record.fixmedins_code)
        care = "" if place is None else books.place(place.division)
        groups[kind, care, books.place(record.insured_division)].append(record)
    rows = tuple(
        (*key, sum(record.direction for record in found), *_sums(found))
        for key, found in sorted(groups.items())
    )
    columns = (
        Column("group", "类别", "Group"), Column("care", "就医地", "Place of care"),
        Column("insured", "参保地", "Insured place"), Column("settlements", "笔数", "Settlements"), *_MONEY,
    )  # fmt: skip
    return Report("areas", "异地与本地结算", "Local and cross-province", columns, rows)


def _sums(records: list[SettlementRecord]) -> tuple[int, int, int, int]:
    results = [record.result for record in records]
    return (
        sum(row.total_fen for row in results),
        sum(row.fund_fen for row in results),
        sum(row.account_fen for row in results),
        sum(row.cash_fen for row in results),
    )


def prices(books: Books, parameters: Parameters) -> Report:
    """Lines whose price lies far above the median price of their item."""
    rule = parameters.monitoring
    found: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for record in books.standing():
        for line in books.lines.get(record.setl_id, ()):
            found[line.item].append((line.price_micro, record.setl_id, record.fixmedins_code))
    rows: list[tuple[Cell, ...]] = []
    for item, lines in sorted(found.items()):
        if len(lines) < rule.outlier_lines:
            continue
        median = _median([price for price, _, _ in lines])
        rows += [
            (item, books.institution(code), setl_id, price // _MICRO_PER_FEN, median // _MICRO_PER_FEN,
             price * WHOLE_BP // median)
            for price, setl_id, code in lines
            if median and price * 100 > median * rule.outlier_percent
        ]  # fmt: skip
    columns = (
        Column("item", "项目", "Item"), Column("institution", "机构", "Institution"),
        Column("setl_id", "结算编号", "setl_id"), Column("price_fen", "单价", "Price"),
        Column("median_fen", "中位价", "Median"), Column("times_bp", "比例", "Of the median"),
    )  # fmt: skip
    return Report("prices", "价格监测", "Price outliers", columns, tuple(rows))


def _median(prices: list[int]) -> int:
    ordered = sorted(prices)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


def burdens(books: Books, parameters: Parameters) -> Report:
    """Whose burden inside the policy scope passed the yearly limit, and when: one event for a person and year.

    The burden is what the funds left of the policy scope; whoever passed the limit is not listed again for later visits.
    """
    limit_fen = parameters.monitoring.burden_fen
    burden = Counter[tuple[str, int]]()
    told: set[tuple[str, int]] = set()
    rows: list[tuple[Cell, ...]] = []
    for place, record in enumerate((*books.earlier, *books.records)):
        key = (record.psn_no, record.fee_date.year)
        burden[key] += record.result.in_scope_fen - record.result.fund_fen
        if burden[key] <= limit_fen or key in told:
            continue
        told.add(key)
        if place >= len(books.earlier):
            rows.append(
                (record.psn_no, record.fee_date.year, day_of(record).isoformat(), burden[key], limit_fen)
            )
    columns = (
        Column("psn_no", "人员编号", "psn_no"), Column("year", "年度", "Year"), Column("day", "日期", "Day"),
        Column("burden_fen", "政策内负担", "Burden"), Column("limit_fen", "预警线", "Limit"),
    )  # fmt: skip
    return Report("burdens", "高额费用预警", "High burdens", columns, tuple(rows))


def duplicates(books: Books, _parameters: Parameters) -> Report:
    """Who has more than one enrolment in force: one event for a person, the scheme that pays, and those that do not."""
    rows: list[tuple[Cell, ...]] = []
    for person in books.people:
        pays, *others = [row.insutype for row in person.enrolment if row.active] or [""]
        if others:
            rows.append((person.psn_no, pays, ", ".join(others)))
    columns = (
        Column("psn_no", "人员编号", "psn_no"), Column("pays", "享受险种", "Pays"),
        Column("others", "重复险种", "Does not pay"),
    )  # fmt: skip
    return Report("duplicates", "重复参保", "Duplicate enrolments", columns, tuple(rows))


def events(books: Books, parameters: Parameters) -> Report:
    """What credit management looks at, by institution: settlements, those undone, and lines far above the median price."""
    settled, cancelled, turned_back = Counter[str](), Counter[str](), Counter[str]()
    for record in books.records:
        if record.direction == 1:
            settled[record.fixmedins_code] += 1
        elif record.infno == "2601":
            turned_back[record.fixmedins_code] += 1
        else:
            cancelled[record.fixmedins_code] += 1
    outliers = Counter(row[1] for row in prices(books, parameters).rows)
    codes = sorted({*settled, *cancelled, *turned_back})
    rows = tuple(
        (books.institution(code), settled[code], cancelled[code], turned_back[code],
         outliers[books.institution(code)])
        for code in codes
    )  # fmt: skip
    columns = (
        Column("institution", "机构", "Institution"), Column("settled", "结算", "Settled"),
        Column("cancelled", "撤销", "Cancelled"), Column("reversed", "冲正", "Reversed"),
        Column("outliers", "价格异常", "Price outliers"),
    )  # fmt: skip
    return Report("events", "信用管理事件", "Events for credit management", columns, rows)


def averages(books: Books, _parameters: Parameters) -> Report:
    """What a visit costs on average at each institution, as it is published: no person can be told from it."""
    found: dict[str, list[SettlementRecord]] = defaultdict(list)
    for record in books.standing():
        found[record.fixmedins_code].append(record)
    rows: list[tuple[Cell, ...]] = []
    for code, records in sorted(found.items()):
        count, results = len(records), [record.result for record in records]
        sums = (
            sum(row.total_fen for row in results),
            sum(row.fund_fen for row in results),
            sum(row.person_fen for row in results),
            sum(row.full_self_fen for row in results),
        )
        rows.append((books.institution(code), count, *(_mean(amount, count) for amount in sums)))
    columns = (
        Column("institution", "机构", "Institution"), Column("visits", "人次", "Visits"),
        Column("total_fen", "次均费用", "Total"), Column("fund_fen", "次均基金", "Funds"),
        Column("person_fen", "次均个人", "Person"), Column("full_self_fen", "次均自费", "Wholly self-paid"),
    )  # fmt: skip
    return Report("averages", "机构次均费用", "Averages of institutions", columns, tuple(rows))


def _mean(amount_fen: int, count: int) -> int:
    """An average, rounded half up to the fen."""
    return (2 * amount_fen + count) // (2 * count)


def feed(books: Books, parameters: Parameters, purpose: str, day: dt.date) -> Report:
    """Totals by insured place for another department. Raises `ReportRefused` without an approval that is in force."""
    approved = next((row for row in parameters.feeds if row.purpose == purpose and day <= row.until), None)
    if approved is None:
        raise ReportRefused(f"no approval in force for the purpose '{purpose}'")
    groups: dict[str, list[SettlementRecord]] = defaultdict(list)
    for record in books.records:
        groups[books.place(record.insured_division)].append(record)
    rows = tuple(
        (approved.approval, place, sum(record.direction for record in found), *_sums(found))
        for place, found in sorted(groups.items())
    )
    columns = (
        Column("approval", "批准文号", "Approval"), Column("insured", "参保地", "Insured place"),
        Column("settlements", "笔数", "Settlements"), *_MONEY,
    )  # fmt: skip
    return Report("feed", "数据共享", "Feed", columns, rows)
