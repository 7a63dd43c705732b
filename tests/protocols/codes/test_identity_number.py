"""Identity numbers of the invented people."""

import datetime

import pytest

from protocols.codes.identity_number import (
    birth_date,
    check_character,
    has_identity_shape,
    is_identity_number,
)

PEOPLE = [
    "999999199001010016",
    "999999197006150043",
    "99999920180601222X",
    "999999198512120028",
    "999999200102280037",
    "999999198501018888",
    "999999195708080060",
    "999999202603010077",
    "999999194802150083",
    "999999197909090096",
    "999999199003070012",
]


@pytest.mark.parametrize("number", PEOPLE)
def test_invented_people_have_right_numbers(number: str) -> None:
    assert is_identity_number(number)
    assert check_character(number[:17]) == number[17]


@pytest.mark.parametrize("number", PEOPLE)
def test_each_wrong_check_character_is_found_but_keeps_the_shape(number: str) -> None:
    for character in set("0123456789X") - {number[17]}:
        assert not is_identity_number(number[:17] + character)
        assert has_identity_shape(number[:17] + character)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "99999919900101001",
        "9999991990010100166",
        "99999919900230001X",  # 30 February
        "999999179901010016",  # before 1800
        "99999920180601222x",  # lower case
        "９99999199001010016",
        "9999991990010100１6",
        "99999919900101001６",
    ],
)
def test_other_shapes_are_not_numbers(text: str) -> None:
    assert not has_identity_shape(text)
    assert not is_identity_number(text)


def test_birth_date() -> None:
    assert birth_date("99999920180601222X") == datetime.date(2018, 6, 1)
    assert birth_date("99999920190229222X") is None


def test_the_check_character_needs_17_digits() -> None:
    with pytest.raises(ValueError, match="17 ASCII digits"):
        check_character("1234")
