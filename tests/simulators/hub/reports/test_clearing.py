"""Clearing, funds, budget: on top of the bills, which stay as they are."""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from simulators.benefit.cases import result_amounts
from simulators.hub.ledger import SettlementRecord
from simulators.hub.reports import clearing
from simulators.hub.reports.parameters import CountyFund, Factor, Parameters, load_shipped
from tests.capabilities import amounts, asserted, yuan
from tests.simulators.hub.reports.bookings import booked, books_of, result_of, since, sold

PARAMETERS = load_shipped()
P20 = {"medfee_sumamt": "380.00", "overlmt_selfpay": "120.00", "inscp_scp_amt": "260.00", "hifp_pay": "156.00",
       "pool_prop_selfpay": "0.6000", "psn_cash_pay": "224.00"}  # fmt: skip
P64 = {"medfee_sumamt": "180.60", "overlmt_selfpay": "117.60", "inscp_scp_amt": "63.00", "hifp_pay": "44.10",
       "pool_prop_selfpay": "0.7000", "psn_cash_pay": "136.50"}  # fmt: skip


def _with(part: str, **changes: object) -> Parameters:
    changed = msgspec.structs.replace(getattr(PARAMETERS, part), **changes)
    return msgspec.structs.replace(PARAMETERS, **{part: changed})


def _two_months() -> tuple[SettlementRecord, ...]:
    return (
        booked("P20", 1, "2026-10-03"), booked("P04", 2, "2026-10-09"), booked("P25", 3, "2026-10-20"),
        booked("P20", 4, "2026-11-03"), booked("P06", 5, "2026-11-04"), booked("P01", 6, "2026-11-05"),
    )  # fmt: skip


def test_the_clearing_lines_of_two_months_add_up_to_the_budgets() -> None:
    rows = clearing.clearing(books_of(*_two_months()), PARAMETERS).records()
    sums = Counter[str]()
    for row in rows:
        sums[str(row["month"])] += int(row["cleared_fen"])
    by_row = [
        (row["month"], row["visits"], row["points"], row["booked_fen"], row["cleared_fen"]) for row in rows
    ]
    # October: 25 and 5 points here, 25 at the other place: 1000.00 x 30/55 = 545.454.. and 454.545..
    # November: the purchase P01 has no pooled money and no points.
    assert by_row == [
        ("2026-10", 1, 25, result_of("P25")[1].fund_fen, 45455),
        ("2026-10", 2, 30, 15600 + 4340, 54545),
        ("2026-11", 2, 35, 15600 + 22261, 100000),
    ]
    asserted("R71", {"sum": "1000.00"}, {"sum": yuan(sums["2026-10"])}, what="first month")
    asserted("R71", {"sum": "1000.00"}, {"sum": yuan(sums["2026-11"])}, what="second month")


def test_an_assessment_changes_what_is_paid_and_nothing_else() -> None:
    books = books_of(*_two_months())
    plain = clearing.clearing(books, PARAMETERS).records()
    factor = Factor("2026-11", "P99990000001", 9700)
    assessed = clearing.clearing(books, _with("clearing", factors=(factor,))).records()
    changed = {
        key: (before[key], after[key])
        for before, after in zip(plain, assessed, strict=True)
        for key in before
        if before[key] != after[key]
    }
    expected = {"factor_bp": (10_000, 9700), "payable_fen": (100_000, 97_000)}
    asserted("R69", expected, changed, what="factor")


def test_a_month_without_a_budget_clears_nothing() -> None:
    (row,) = clearing.clearing(books_of(booked("P20", 1, "2026-03-12")), PARAMETERS).records()
    assert (row["cleared_fen"], row["payable_fen"], row["booked_fen"]) == (0, 0, 15600)


@given(st.integers(0, 10**9), st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 999)))
def test_shares_add_up_to_the_whole_and_differ_from_the_exact_part_by_less_than_a_fen(
    total_fen: int, parts: dict[str, int]
) -> None:
    points = Counter(parts)
    shares = clearing.shared_out(total_fen, points)
    assert sum(shares.values()) == (total_fen if points.total() else 0)
    for name, share in shares.items():
        assert not points.total() or abs(share * points.total() - total_fen * points[name]) < points.total()


def test_another_price_per_head_changes_the_report_and_no_bill() -> None:
    records = (booked("P20", 1), booked("P20", 2), booked("P22", 3, fixmedins_code="P99990000001"))
    books = books_of(*records)
    (before,) = clearing.heads(books, PARAMETERS).records()
    dearer = msgspec.structs.replace(PARAMETERS, head_price_fen=7500)
    (after,) = clearing.heads(books, dearer).records()
    assert (before["heads"], after["heads"]) == (2, 2), "one person came twice"
    expected = {"at 60.00": "120.00", "at 75.00": "150.00"}
    actual = {"at 60.00": yuan(int(before["payable_fen"])), "at 75.00": yuan(int(after["payable_fen"]))}
    asserted("R31", expected, actual, what="report")
    asserted("R31", P20, amounts(result_amounts(books.records[0].result)), what="P20 unchanged")


def test_half_of_the_saved_budget_is_retained() -> None:
    record = booked("P64")
    lines = {record.setl_id: (sold("D01", 300, 14), sold("D02", 1980, 7))}
    first, other = clearing.procurement(books_of(record, lines=lines), PARAMETERS).records()
    # D01: budget 500.00, prepaid 250.00, spent 42.00, saved 458.00.
    expected = {"budget": "500.00", "prepaid": "250.00", "spent": "42.00", "saved": "458.00", "retained": "229.00",
                "net": "21.00"}  # fmt: skip
    actual = {name: yuan(int(first[f"{name}_fen"])) for name in expected}
    asserted("R57", expected, actual, what="retained")
    asserted("R57", P64, amounts(result_amounts(record.result)), what="P64 unchanged")
    assert (other["spent_fen"], other["retained_fen"], other["net_fen"]) == (0, 100_000, 0)


def test_more_than_the_budget_saves_nothing() -> None:
    record = booked("P64")
    books = books_of(record, lines={record.setl_id: (sold("D01", 300, 200),)})
    first = clearing.procurement(books, PARAMETERS).records()[0]
    assert (first["spent_fen"], first["saved_fen"], first["retained_fen"]) == (60_000, 0, 0)


def test_a_gap_is_shared_between_city_and_county() -> None:
    spent_fen = 2 * result_of("P20")[1].pool_fen
    county = CountyFund("999900", income_fen=spent_fen - 10_000, balance_fen=500_000)
    parameters = _with("funds", counties=(county, CountyFund("999901", 100, 0)))
    gap, none = clearing.funds(books_of(booked("P20", 1), booked("P20", 2)), parameters).records()
    expected = {"gap": "100.00", "city": "60.00", "county": "40.00"}
    actual = {name: yuan(int(gap[f"{name}_fen"])) for name in expected}
    asserted("R72", expected, actual, what="gap")
    assert (gap["county"], gap["balance_fen"]) == ("999900 测试市", 500_000), "what it had before stays apart"
    assert (none["gap_fen"], none["city_fen"], none["county_fen"]) == (0, 0, 0)


def test_use_of_the_budget_warns_once_at_each_level() -> None:
    pool_fen = result_of("P20")[1].pool_fen
    parameters = _with("budget", year_fen={"390100": 5 * pool_fen}, levels_bp=(9000,))
    books = books_of(*(booked("P20", number, f"2026-03-{number:02d}") for number in range(1, 7)))
    rows = clearing.budget(books, parameters).records()
    assert [row["used_bp"] for row in rows] == [2000, 4000, 6000, 8000, 10_000, 12_000]
    warnings = [(row["day"], row["warning"]) for row in rows if row["warning"]]
    asserted("R73", [("2026-03-05", "90%")], warnings, what="90 %")


def test_a_period_inside_the_year_lists_its_own_days_of_the_whole_years_use() -> None:
    pool_fen = result_of("P20")[1].pool_fen
    parameters = _with("budget", year_fen={"390100": 5 * pool_fen}, levels_bp=(6000, 9000))
    records = [booked("P20", number, f"2026-03-{number:02d}") for number in range(1, 7)]
    rows = clearing.budget(since(4, *records), parameters).records()
    assert [(row["day"], row["used_bp"], row["warning"]) for row in rows] == [
        ("2026-03-04", 8000, ""), ("2026-03-05", 10_000, "90%"), ("2026-03-06", 12_000, ""),
    ]  # fmt: skip


def test_levels_passed_in_one_day_are_one_warning_and_a_fund_without_a_budget_is_left_out() -> None:
    pool_fen = result_of("P20")[1].pool_fen
    two_on_a_day = (booked("P20", 1), booked("P20", 2))
    tight = _with("budget", year_fen={"390100": 2 * pool_fen})
    (row,) = clearing.budget(books_of(*two_on_a_day), tight).records()
    assert (row["used_bp"], row["warning"]) == (10_000, "100%")
    assert clearing.budget(books_of(*two_on_a_day), _with("budget", year_fen={})).rows == ()


def test_the_in_patient_share_of_the_given_data_lies_around_seventy_per_cent() -> None:
    *groups, total = clearing.inpatient(PARAMETERS).records()
    assert total["fund_fen"] == sum(int(row["fund_fen"]) for row in groups)
    share = {"share": f"{int(total['share_bp']) / 100:.2f} %"}
    assert 6500 <= int(total["share_bp"]) <= 7500
    asserted("R21", {"share": "71.62 %"}, share, what="share")
