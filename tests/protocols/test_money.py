"""Amounts: exact in both directions, tolerant in form, strict in value."""

import decimal
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MoneyError
from protocols.money import (
    Age,
    Count,
    Days,
    Decimals,
    Fen,
    Price,
    Quantity,
    Ratio,
    Scaled,
    Split,
    format_yuan,
    line_amount_fen,
    parse_yuan,
    sum_fen,
)

LARGEST_FEN = 10**16 - 1


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0", 0),
        ("83", 8300),
        ("83.3", 8330),
        ("83.30", 8330),
        ("0.01", 1),
        ("-83.30", -8330),
        ("-0", 0),
        ("-0.00", 0),
        ("99999999999999.99", LARGEST_FEN),
    ],
)
def test_an_amount_in_yuan_is_read_exactly(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen
    assert Fen.parse(Decimals(text)) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "NaN",
        "Infinity",
        "1e2",
        "1E2",
        "1.5e1",
        "1e-1",
        "83.301",
        "83.",
        ".5",
        "+1",
        "--1",
        "1,000.00",
        "1_000",
        " 1",
        "1 ",
        "1\n",
        "00",
        "01",
        "0x10",
        "１２",
        "٣",
        "1.２",
        "¥1",
        "100000000000000",
        "9" * 5000,
    ],
)
def test_a_text_that_is_no_plain_amount_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(MoneyError) as refused:
        parse_yuan(text)
    assert text.strip() == "" or text not in str(refused.value)


@pytest.mark.parametrize("text", ["1e2", "1.5e1", "1E-2", "83.301", "9" * 5000 + "e1", "1." + "0" * 5000])
def test_a_json_number_with_an_exponent_or_too_many_decimals_is_refused(text: str) -> None:
    with pytest.raises(MoneyError):
        Fen.parse(Decimals(text))


@pytest.mark.parametrize("value", [None, True, False, 1.0, b"1", [], {}, 10**14, -(10**14)])
def test_what_is_not_a_number_in_range_is_refused(value: object) -> None:
    with pytest.raises(MoneyError):
        Fen.parse(value)


def test_an_integer_on_the_wire_is_whole_yuan() -> None:
    assert Fen.parse(83) == 8300
    assert Price.parse(999999) == 999999 * 10**6


@given(st.integers(min_value=-LARGEST_FEN, max_value=LARGEST_FEN))
def test_every_amount_survives_writing_and_reading(fen: int) -> None:
    text = format_yuan(fen)
    assert parse_yuan(text) == fen
    assert decimal.Decimal(text) * 100 == fen
    assert len(text.partition(".")[2]) == 2


@given(st.integers(min_value=-(10**9), max_value=10**9), st.sampled_from([Price, Quantity]))
def test_prices_and_quantities_survive_writing_and_reading(units: int, kind: type[Scaled]) -> None:
    text = kind(units).wire_text()
    assert kind.parse(text) == units
    assert 2 <= len(text.partition(".")[2]) <= kind.PLACES


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_a_money_error(text: str) -> None:
    try:
        fen = parse_yuan(text)
    except MoneyError:
        return
    assert decimal.Decimal(text) * 100 == fen
    assert text.isascii()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fen(8330), "83.30"),
        (Fen(5), "0.05"),
        (Fen(-5), "-0.05"),
        (Fen(0), "0.00"),
        (Price(12_500_000), "12.50"),
        (Price(12_345_678), "12.345678"),
        (Price(999_999_000_000), "999999.00"),
        (Quantity(30_000), "3.00"),
        (Quantity(12_345), "1.2345"),
        (Ratio(8_000), "0.80"),
        (Ratio(10_000), "1.00"),
        (Ratio(1_234), "0.1234"),
        (Age(1_258), "125.8"),
        (Age(1_260), "126.0"),
        (Days(0), "0"),
        (Days(3_000), "30"),
        (Days(150), "1.5"),
    ],
)
def test_each_kind_of_number_is_written_with_its_own_decimals(value: Scaled, text: str) -> None:
    assert value.wire_text() == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Ratio, "10"),
        (Ratio, "0.12345"),
        (Price, "1.1234567"),
        (Quantity, "1.12345"),
        (Age, "12.55"),
        (Days, "10000"),
    ],
)
def test_a_number_wider_than_its_field_is_refused(kind: type[Scaled], text: str) -> None:
    with pytest.raises(MoneyError):
        kind.parse(text)


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (10**18 - 1, 10**18 - 1), ("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)]
)
def test_a_count_is_a_whole_number_or_its_digits(value: object, count: int) -> None:
    assert Count.parse(value) == count
    assert isinstance(Count.parse(value), Count)


@pytest.mark.parametrize(
    "value", [-1, 10**18, True, 1.0, None, "", "-1", "1.0", "1e2", "9" * 19, "３", Decimals("3.00")]
)
def test_what_is_no_count_is_refused_without_repeating_it(value: object) -> None:
    with pytest.raises(MoneyError, match=r"^not a whole number$"):
        Count.parse(value)


def test_two_decimals_of_nothing_are_nothing_where_two_decimals_may_stand() -> None:
    for kind in (Fen, Price, Quantity, Ratio):
        assert kind.parse(Decimals("0.00")) == 0
        assert isinstance(kind.parse(Decimals("0.00")), kind)
    with pytest.raises(MoneyError):
        Age.parse(Decimals("0.00"))


def test_an_amount_too_wide_for_its_field_is_not_written() -> None:
    for fen in (LARGEST_FEN, -LARGEST_FEN):
        assert parse_yuan(Fen(fen).wire_text()) == fen
        with pytest.raises(MoneyError, match=r"^out of range$"):
            Fen(fen + (1 if fen > 0 else -1)).wire_text()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("1e2", "not a plain decimal number"),
        (None, "not a number"),
        (True, "not a number"),
        (Decimals("1.5e1"), "a number with an exponent"),
        (Decimals("1e1"), "a number with an exponent, or with thousands of digits"),
        (10**14, "out of range"),
        ("100000000000000", "out of range"),
        (Decimals("-100000000000000.00"), "out of range"),
        ("1.234", "more than 2 decimals"),
    ],
)
def test_a_refused_number_says_why(value: object, why: str) -> None:
    with pytest.raises(MoneyError) as refused:
        Fen.parse(value)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("price", "quantity", "fen"),
    [
        ("12.5", "3", 3750),
        ("45.8", "1", 4580),
        ("0.005", "1", 1),  # half goes up
        ("0.004999", "1", 0),
        ("0.333333", "3", 100),
        ("1.25", "0.3333", 42),  # 0.416625
        ("0.01", "-0.5", -1),  # half goes away from zero
        ("0", "7", 0),
    ],
)
def test_a_line_is_price_times_quantity_rounded_half_up(price: str, quantity: str, fen: int) -> None:
    assert line_amount_fen(Price.parse(price), Quantity.parse(quantity)) == fen


def test_amounts_are_added_in_fen() -> None:
    assert sum_fen([Fen(3750), Fen(4580)]) == 8330
    assert sum_fen([]) == 0


def test_a_split_that_adds_up_exists() -> None:
    split = Split(total_fen=8330, fund_fen=0, account_fen=6000, mutual_aid_fen=1000, cash_fen=2330)
    assert split.hospital_fen == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cash_fen": 2331}, "total is not"),
        ({"total_fen": 8329}, "total is not"),
        ({"fund_fen": -1, "cash_fen": 2331}, "negative"),
        ({"mutual_aid_fen": 6001}, "mutual aid"),
        ({"mutual_aid_fen": -1}, "negative"),
        ({"hospital_fen": 1}, "total is not"),
    ],
)
def test_a_split_that_does_not_add_up_cannot_exist(changes: dict[str, int], why: str) -> None:
    amounts = {"total_fen": 8330, "fund_fen": 0, "account_fen": 6000, "cash_fen": 2330} | changes
    with pytest.raises(MoneyError, match=why):
        Split(**amounts)


@pytest.mark.parametrize(
    ("kind", "digits", "places", "always"),
    [(Fen, 14, 2, 2), (Price, 10, 6, 2), (Quantity, 12, 4, 2), (Ratio, 1, 4, 2), (Age, 3, 1, 1)],
)
def test_every_kind_of_number_has_its_digits_and_no_more(
    kind: type[Scaled], digits: int, places: int, always: int
) -> None:
    whole = "9" * digits
    largest = kind.parse(f"{whole}.{'9' * places}")
    assert largest.wire_text() == f"{whole}.{'9' * places}"
    assert kind.parse(int(whole)).wire_text() == f"{whole}.{'0' * always}"
    assert kind.parse(f"-{whole}").wire_text() == f"-{whole}.{'0' * always}"
    for wrong in (f"{whole}9", int(f"{whole}9"), f"0.{'0' * places}1"):
        with pytest.raises(MoneyError):
            kind.parse(wrong)


def test_a_json_number_that_is_none_is_refused_whatever_python_makes_of_its_digits() -> None:
    """`int` would take an underscore or a sign behind the point."""
    for text in ("1.", "1._5", "1.+5", "1.-5", "1. 5"):
        with pytest.raises(MoneyError):
            Fen.parse(Decimals(text))


def test_who_pays_what_is_said_by_name_and_never_by_place() -> None:
    split: Any = Split
    with pytest.raises(TypeError, match="positional"):
        split(1, 1, 0, 0)


def test_a_split_that_exists_cannot_be_changed() -> None:
    split: Any = Split(total_fen=1, fund_fen=1, account_fen=0, cash_fen=0)
    with pytest.raises(AttributeError):
        split.fund_fen = 2


def test_a_number_that_waits_for_its_type_costs_the_collector_nothing() -> None:
    """An answer of a day holds ten thousands of them, and none can be part of a cycle."""
    number: Any = Decimals("1.50")
    assert sys.getsizeof(number) == Decimals.__basicsize__, "no room for the collector's own words"
    with pytest.raises(AttributeError):
        number.text = "2.50"
