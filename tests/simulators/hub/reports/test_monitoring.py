"""Places, prices, burdens, events, averages, feeds."""

import datetime as dt

import msgspec
import pytest

from simulators.hub.reports import monitoring
from simulators.hub.reports.books import Books, Period
from simulators.hub.reports.parameters import load_shipped
from simulators.hub.reports.refused import ReportRefused
from simulators.hub.reports.registry import NAMES, make
from simulators.people import load_people
from tests.capabilities import asserted, yuan
from tests.simulators.hub.reports.bookings import booked, books_of, result_of, since, sold, undone

PARAMETERS = load_shipped()
PEOPLE = load_people()
TODAY = dt.date(2026, 3, 12)
SHOP, OTHER_SHOP = "P99990000001 测试大药房一号店", "P99990000003 测试大药房双通道店"


def test_a_day_with_p25_and_p20_shows_two_groups_whose_sums_are_the_settlements() -> None:
    report = monitoring.areas(books_of(booked("P25"), booked("P20")), PARAMETERS)
    home, abroad = report.records()
    assert (abroad["care"], abroad["insured"]) == ("989900 外省测试市", "999900 测试市")
    assert (home["care"], home["insured"]) == ("999900 测试市", "999900 测试市")
    for what, row, case_id in (("cross-province", abroad, "P25"), ("local", home, "P20")):
        _, result = result_of(case_id)
        expected = {"settlements": "1", "total": yuan(result.total_fen), "funds": yuan(result.fund_fen),
                    "cash": yuan(result.cash_fen)}  # fmt: skip
        actual = {"settlements": str(row["settlements"]), "total": yuan(int(row["total_fen"])),
                  "funds": yuan(int(row["fund_fen"])), "cash": yuan(int(row["cash_fen"]))}  # fmt: skip
        asserted("R11", expected, actual, what=what)
    assert (result_of("P20")[1].total_fen, result_of("P20")[1].fund_fen) == (38000, 15600)


def test_what_was_undone_takes_itself_off() -> None:
    books = books_of(*undone(booked("P20")), booked("P20", 2))
    (row,) = monitoring.areas(books, PARAMETERS).records()
    assert (row["settlements"], row["total_fen"], row["fund_fen"]) == (1, 38000, 15600)


def test_a_line_at_three_times_the_median_is_listed() -> None:
    records = [booked("P01", number) for number in range(1, 6)]
    prices = (1000, 1100, 1250, 1250, 3750)
    lines = {record.setl_id: (sold("D03", price),) for record, price in zip(records, prices, strict=True)}
    (row,) = monitoring.prices(books_of(*records, lines=lines), PARAMETERS).records()
    shown = {"item": row["item"], "price": yuan(int(row["price_fen"])), "median": yuan(int(row["median_fen"])),
             "times": f"{int(row['times_bp']) / 10_000:g}"}  # fmt: skip
    asserted("R62", {"item": "D03", "price": "37.50", "median": "12.50", "times": "3"}, shown, what="outlier")
    assert row["setl_id"] == records[-1].setl_id


@pytest.mark.parametrize("prices", [(1000, 1000, 2000), (1000, 9000), (1000, 1000, 1000, 1000)])
def test_at_twice_the_median_or_with_too_few_lines_nothing_is_listed(prices: tuple[int, ...]) -> None:
    records = [booked("P01", number) for number, _ in enumerate(prices)]
    lines = {record.setl_id: (sold("D03", price),) for record, price in zip(records, prices, strict=True)}
    assert monitoring.prices(books_of(*records, lines=lines), PARAMETERS).rows == ()


def test_the_median_of_an_even_number_of_lines_lies_between_the_middle_two() -> None:
    records = [booked("P01", number) for number in range(4)]
    lines = {
        record.setl_id: (sold("D03", price),)
        for record, price in zip(records, (1000, 1000, 2000, 5000), strict=True)
    }
    (row,) = monitoring.prices(books_of(*records, lines=lines), PARAMETERS).records()
    assert (row["price_fen"], row["median_fen"]) == (5000, 1500)


def _burdened(number: int, scope_fen: int, fund_fen: int, psn_no: str = "99990000000000000001") -> Books:
    result = msgspec.structs.replace(booked("P01").result, in_scope_fen=scope_fen, fund_fen=fund_fen)
    return books_of(booked("P01", number, psn_no=psn_no, result=result))


def test_a_burden_that_passes_the_limit_is_one_event_for_the_year() -> None:
    visits = [_burdened(1, 3_000_000, 1_000_001), _burdened(2, 2, 0), _burdened(3, 500_000, 0)]
    books = books_of(*(record for visit in visits for record in visit.records))
    until_limit = books_of(*books.records[:1])
    assert monitoring.burdens(until_limit, PARAMETERS).rows == ()
    crossed = monitoring.burdens(books_of(*books.records[:2]), PARAMETERS)
    value = [{"burden": yuan(int(row["burden_fen"])), "limit": yuan(int(row["limit_fen"]))}
             for row in crossed.records()]  # fmt: skip
    asserted("R36", [{"burden": "20000.01", "limit": "20000.00"}], value, what="one event")
    after = monitoring.burdens(books, PARAMETERS)
    assert after.rows == crossed.rows
    asserted("R36", {"events": 1}, {"events": len(after.rows)}, what="next visit")


def test_what_was_borne_before_the_period_counts_and_its_events_are_not_told_again() -> None:
    visits = [_burdened(1, 1_500_000, 0), _burdened(2, 1_000_000, 0), _burdened(3, 1_000_000, 0)]
    records = [
        msgspec.structs.replace(visit.records[0], setl_time=f"2026-03-{day:02d} 10:00:00")
        for day, visit in enumerate(visits, start=1)
    ]
    (crossed,) = monitoring.burdens(since(2, *records), PARAMETERS).records()
    assert (crossed["day"], crossed["burden_fen"]) == ("2026-03-02", 2_500_000)
    assert monitoring.burdens(since(3, *records), PARAMETERS).rows == ()


def test_another_year_and_another_person_count_by_themselves() -> None:
    first = _burdened(1, 2_500_000, 0).records[0]
    next_year = msgspec.structs.replace(first, setl_id="S2", fee_date=dt.date(2027, 1, 2))
    other = _burdened(3, 2_500_000, 0, psn_no="99990000000000000002").records[0]
    rows = monitoring.burdens(books_of(first, next_year, other), PARAMETERS).records()
    assert [(row["psn_no"], row["year"]) for row in rows] == [
        ("99990000000000000001", 2026), ("99990000000000000001", 2027), ("99990000000000000002", 2026),
    ]  # fmt: skip


def test_somebody_enrolled_twice_is_one_event() -> None:
    """R13: employee and resident in force; paused or ended enrolments are none."""
    twice, once, paused = PEOPLE[:3]
    insured = msgspec.structs.replace(twice.enrolment[0], insutype="310", status="1")
    second = msgspec.structs.replace(insured, insutype="390")
    ended = msgspec.structs.replace(second, status="4")
    people = (
        msgspec.structs.replace(twice, enrolment=(insured, second)),
        msgspec.structs.replace(once, enrolment=(insured,)),
        msgspec.structs.replace(paused, enrolment=(insured, ended)),
    )
    found = monitoring.duplicates(msgspec.structs.replace(books_of(), people=people), PARAMETERS).records()
    assert [row["psn_no"] for row in found] == [twice.psn_no]
    shown = [{"pays": row["pays"], "does not pay": row["others"]} for row in found]
    asserted("R13", [{"pays": "310", "does not pay": "390"}], shown, what="event")


def test_events_are_counted_by_institution() -> None:
    first, second, third = (booked("P01", number) for number in (1, 2, 3))
    elsewhere = booked("P04", 4, fixmedins_code="P99990000003")
    books = books_of(*undone(first), *undone(second, "2601"), third, elsewhere)
    rows = monitoring.events(books, PARAMETERS).rows
    assert rows == ((SHOP, 3, 1, 1, 0), (OTHER_SHOP, 1, 0, 0, 0))


def test_averages_are_of_what_stands_and_round_half_up() -> None:
    books = books_of(*undone(booked("P01", 1)), booked("P01", 2), booked("P04", 3))
    ((institution, visits, total, fund, person, full_self),) = monitoring.averages(books, PARAMETERS).rows
    assert (institution, visits) == (SHOP, 2)
    assert (total, fund, person, full_self) == ((9350 + 7520) // 2, 2170, (9350 + 3180) // 2, 1995)


def test_a_feed_without_approval_is_refused() -> None:
    books = books_of(booked("P20"))
    with pytest.raises(ReportRefused) as refused:
        make("feed", books, PARAMETERS, "advertising", TODAY)
    asserted(
        "R80",
        "no approval in force for the purpose 'advertising'",
        str(refused.value),
        what="without approval",
    )
    with pytest.raises(ReportRefused, match="no approval in force"):
        make("feed", books, PARAMETERS, "civil-affairs", dt.date(2027, 1, 1))
    (row,) = make("feed", books, PARAMETERS, "civil-affairs", TODAY).records()
    assert (row["approval"], row["settlements"], row["total_fen"]) == ("测试批字2026第1号", 1, 38000)


def test_a_report_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(ReportRefused, match="no report 'clearings'; there are areas, clearing, heads"):
        make("clearings", books_of(), PARAMETERS, "", TODAY)


@pytest.mark.parametrize("name", NAMES)
def test_every_report_of_empty_books_has_its_columns(name: str) -> None:
    report = make(name, books_of(), PARAMETERS, "civil-affairs", TODAY)
    assert report.name == name
    assert len({column.key for column in report.columns}) == len(report.columns)
    assert all(len(row) == len(report.columns) for row in report.rows)


def test_a_period_includes_its_ends_and_may_be_open() -> None:
    march = Period(dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    assert [march.holds(dt.date(2026, 3, day)) for day in (1, 31)] == [True, True]
    assert not march.holds(dt.date(2026, 2, 28))
    assert not march.holds(dt.date(2026, 4, 1))
    assert Period().holds(TODAY)
