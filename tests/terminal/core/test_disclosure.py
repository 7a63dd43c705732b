"""Where a person is insured, seen from the place of care."""

import msgspec
import pytest

from terminal.core.disclosure import area_of
from tests.terminal.core.samples import PROFILE, TO_PRICED, after, draft


@pytest.mark.parametrize(
    ("care", "insured", "locality", "area"),
    [
        ("999900", "999900", "two_digits", "local"),
        ("999900", "999800", "two_digits", "local"),
        ("999900", "999800", "four_digits", "intra"),
        ("999901", "999900", "four_digits", "local"),
        ("999900", "989900", "two_digits", "far"),
        ("999900", "989900", "four_digits", "far"),
        ("999900", "", "four_digits", "local"),
        ("", "989900", "four_digits", "local"),
    ],
)
def test_the_first_two_digits_name_the_province_and_the_first_four_the_city(
    care: str, insured: str, locality: str, area: str
) -> None:
    profile = msgspec.structs.replace(
        PROFILE, codes=msgspec.structs.replace(PROFILE.codes, locality=locality)
    )
    known = after(*TO_PRICED)
    assert known.person is not None
    person = msgspec.structs.replace(known.person, insured_division=insured)
    assert area_of(msgspec.structs.replace(known, division=care, person=person), profile) == area
    assert area_of(draft(division=care), profile) == "local", "nobody is known yet"
