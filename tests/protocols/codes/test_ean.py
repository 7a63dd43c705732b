"""Check digits with the weights 3 and 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codes.ean import gtin_check_digit, has_good_check_digit


@pytest.mark.parametrize(
    "digits", ["6901234567892", "06901234567892", "69012341", "86999999900005", "4006381333931"]
)
def test_good_check_digits(digits: str) -> None:
    """Samples of the profile, and the example number of the EAN-13 specification."""
    assert has_good_check_digit(digits)
    assert gtin_check_digit(digits[:-1]) == int(digits[-1])


@pytest.mark.parametrize("text", ["", "0", "69012345678９2", "690123456789X", "6901234567891"])
def test_anything_else_has_none(text: str) -> None:
    assert not has_good_check_digit(text)


def test_only_ascii_digits_have_a_check_digit() -> None:
    with pytest.raises(ValueError, match="ASCII digits only"):
        gtin_check_digit("６９")


@given(body=st.from_regex(r"[0-9]{1,17}", fullmatch=True), place=st.integers(0, 16), other=st.integers(1, 9))
def test_every_single_wrong_digit_is_found(body: str, place: int, other: int) -> None:
    code = body + str(gtin_check_digit(body))
    at = place % len(code)
    assert not has_good_check_digit(code[:at] + str((int(code[at]) + other) % 10) + code[at + 1 :])
