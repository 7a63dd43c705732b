"""A secret shows itself only where it is asked to."""

import copy
import pickle
import traceback
from typing import Any

import pytest

from protocols.secret import Secret, holds_number, mask

NUMBER = "999999199001010016"


def test_no_text_form_shows_the_value() -> None:
    secret = Secret(NUMBER)
    shown = (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        repr([secret]),
        format(secret),
    )
    assert not any("9999" in text for text in shown)
    assert str(secret) == "***"


def test_reveal_and_masked_are_the_ways_out() -> None:
    assert Secret(NUMBER).reveal() == NUMBER
    assert Secret(NUMBER).masked() == "999***********0016"
    assert Secret(NUMBER).masked(first=0, last=1) == "*" * 17 + "6"


def test_masking_hides_short_values_whole() -> None:
    assert mask("1234567") == "*******"
    assert mask("") == ""
    assert mask("测试甲", first=1, last=0) == "测**"
    assert mask("12345678") == "123*5678"


def test_an_empty_secret_is_false() -> None:
    assert not Secret()
    assert Secret("x")
    assert str(Secret()) == ""


def test_secrets_compare_and_hash_by_value_and_not_with_text() -> None:
    assert Secret(NUMBER) == Secret(NUMBER)
    assert Secret(NUMBER) != Secret("other")
    assert len({Secret(NUMBER), Secret(NUMBER)}) == 1
    assert Secret(NUMBER) != NUMBER


def test_a_secret_cannot_be_joined_changed_or_pickled_by_accident() -> None:
    secret: Any = Secret(NUMBER)
    with pytest.raises(TypeError):
        "".join([secret])
    with pytest.raises(AttributeError):
        secret.other = "x"
    with pytest.raises(AttributeError):
        del secret._value
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_traceback_through_a_secret_does_not_show_it() -> None:
    with pytest.raises(TypeError) as failed:
        copy.deepcopy(Secret(NUMBER))
    assert NUMBER not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize(
    "text",
    [
        NUMBER,
        "99999920180601222X",
        "99999920180601222x",
        "999999180601222",
        "９９９９９９１９９００１０１００１６",
        "顾客999999 19900101 0016本人",
        "999999-19900101-0016",
    ],
)
def test_a_number_long_enough_to_be_a_persons_is_found_however_it_is_written(text: str) -> None:
    assert holds_number(text)


@pytest.mark.parametrize(
    "text", ["", "T01", "Y999900000001", "2026-11-22 2026-11-23", "1234567890123", "收银员１２"]
)
def test_what_is_no_number_of_a_person_is_not_taken_for_one(text: str) -> None:
    assert not holds_number(text)
