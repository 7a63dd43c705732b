"""What a person types with a Chinese input method switched on."""

import pytest

from yibao.cli.typing_in import narrow


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("ｙ", "y"),
        ("ｑ", "q"),
        ("６９０１２３４５６７８９２＊３", "6901234567892*3"),
        ("6901234567892＊2", "6901234567892*2"),
        ("　ｙ　", "y"),
        ("y", "y"),
        ("", ""),
        ("病情需要，已核对（Ａ）", "病情需要，已核对（Ａ）"),
        ("E11.900：2型糖尿病", "E11.900：2型糖尿病"),
    ],
)
def test_wide_letters_and_digits_are_read_as_plain_ones_and_chinese_text_stays_as_it_is(
    typed: str, read: str
) -> None:
    assert narrow(typed) == read
