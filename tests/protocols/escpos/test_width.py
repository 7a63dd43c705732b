"""Columns: Chinese characters take two, and no line is ever too long or cut through a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.escpos.width import pad, text_columns, wrap
from tests.protocols.escpos.vectors import VECTORS, WidthExample

_TEXT = st.text(alphabet="ab1 .-医保结算单￥", max_size=80)


@pytest.mark.parametrize("example", VECTORS.widths, ids=lambda example: example.text)
def test_columns_of_examples(example: WidthExample) -> None:
    assert text_columns(example.text) == example.columns


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("", 10, ("",)),
        ("医保结算单", 10, ("医保结算单",)),
        ("医保结算单", 9, ("医保结算", "单")),
        ("阿莫西林胶囊 0.25g*24粒", 20, ("阿莫西林胶囊", "0.25g*24粒")),
        ("A医A", 2, ("A", "医", "A")),
        ("XTEST000000000000000D01", 10, ("XTEST00000", "0000000000", "D01")),
        ("ab cd ef", 5, ("ab cd", "ef")),
        ("ab    cd", 5, ("ab", "cd")),
    ],
)
def test_wrapping(text: str, columns: int, lines: tuple[str, ...]) -> None:
    assert wrap(text, columns) == lines


@given(_TEXT, st.integers(2, 48))
def test_wrapping_loses_only_spaces_and_never_overflows(text: str, columns: int) -> None:
    lines = wrap(text, columns)
    assert all(text_columns(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_one_column_is_refused() -> None:
    with pytest.raises(ValueError, match="Chinese"):
        wrap("医", 1)


@pytest.mark.parametrize(("align", "padded"), [("left", "医 1  "), ("centre", " 医 1 "), ("right", "  医 1")])
def test_padding(align: str, padded: str) -> None:
    assert pad("医 1", 6, align) == padded


def test_padding_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        pad("医保", 3, "left")
