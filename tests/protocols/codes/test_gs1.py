"""Element strings are taken apart whole or not at all."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codes.gs1 import Gs1CheckDigitError, Gs1Date, Gs1Error, Gs1Field, parse, parse_date

SAMPLE = "01069012345678921728123110LOT17\x1d21S000017"


def test_the_sample_of_the_profile() -> None:
    assert parse(SAMPLE) == (
        Gs1Field("01", "06901234567892"),
        Gs1Field("17", "281231"),
        Gs1Field("10", "LOT17"),
        Gs1Field("21", "S000017"),
    )


def test_a_separator_in_front_or_behind_a_fixed_field_is_harmless() -> None:
    assert parse("\x1d0106901234567892\x1d21A") == (Gs1Field("01", "06901234567892"), Gs1Field("21", "A"))


def test_three_digit_identifiers_are_not_taken_for_two() -> None:
    assert parse("240ABC\x1d241DEF\x1d22V1\x1d3012\x1d377") == (
        Gs1Field("240", "ABC"),
        Gs1Field("241", "DEF"),
        Gs1Field("22", "V1"),
        Gs1Field("30", "12"),
        Gs1Field("37", "7"),
    )


def test_a_shipping_container_code_has_its_check_digit_checked() -> None:
    assert parse("00340123450000000000") == (Gs1Field("00", "340123450000000000"),)
    with pytest.raises(Gs1CheckDigitError, match=r"field \(00\)"):
        parse("00340123450000000001")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x1d",
        "01690123456789",  # too short
        "01069012345678Ａ2",
        "17281331",  # month 13
        "17280230",  # 30 February
        "10",  # empty lot
        "10" + "A" * 21,  # lot too long
        "10LOT 17",  # blank is not in the character set
        "10批号",
        "30A",
        "9912",  # unknown identifier
        "10A\x1d10B",  # twice
        "21A\x1d\x1d10B",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Gs1Error):
        parse(text)


def test_an_error_never_shows_the_content() -> None:
    with pytest.raises(Gs1Error) as caught:
        parse("0106901234567891")
    assert "6901234" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "current_year", "expected"),
    [
        ("281231", 2026, datetime.date(2028, 12, 31)),
        ("280200", 2026, datetime.date(2028, 2, 29)),  # day 00 = last of the month
        ("270200", 2026, datetime.date(2027, 2, 28)),
        ("760101", 2026, datetime.date(2076, 1, 1)),  # 50 ahead
        ("770101", 2026, datetime.date(1977, 1, 1)),  # 51 ahead means the past
        ("010101", 2060, datetime.date(2101, 1, 1)),
        ("110101", 2060, datetime.date(2011, 1, 1)),  # 49 back
        ("100101", 2060, datetime.date(2110, 1, 1)),
    ],
)
def test_two_digit_years_by_the_sliding_window(text: str, current_year: int, expected: datetime.date) -> None:
    assert parse_date(text).resolve(current_year) == expected


def test_29_february_of_a_common_year_is_no_day() -> None:
    with pytest.raises(ValueError, match="day"):
        Gs1Date(year=27, month=2, day=29).resolve(2026)


@given(st.text(alphabet=st.sampled_from("0123456789AZ\x1d"), max_size=60))
def test_any_text_parses_or_is_refused_by_name(text: str) -> None:
    try:
        fields = parse(text)
    except Gs1Error:
        return
    assert "".join(field.identifier + field.value for field in fields) == text.replace("\x1d", "")
