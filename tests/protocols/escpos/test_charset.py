"""Text from outside becomes printable, cannot command the printer, and every change is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.escpos.charset import REPLACEMENT, PrintableText, encode, is_printable, to_printable
from tests.protocols.escpos.vectors import VECTORS, TextExample


@pytest.mark.parametrize("example", VECTORS.texts, ids=lambda example: example.text)
def test_texts_have_the_published_bytes(example: TextExample) -> None:
    assert encode(example.text).hex() == example.hex


def test_half_width_yen_becomes_the_full_width_one() -> None:
    assert "¥".encode("gb18030").hex() == VECTORS.four_byte.gb18030
    printable = to_printable("¥12.50")
    assert printable == PrintableText("￥12.50", dropped=0, substituted=1)
    assert encode(printable.text).hex() == "a3a4" + b"12.50".hex()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("测试甲", PrintableText("测试甲")),
        ("e\u0301", PrintableText("é")),
        ("𠮷野", PrintableText("□野", substituted=1)),
        ("药😀", PrintableText("药□", substituted=1)),
        ("\U0001f468\u200d\U0001f469", PrintableText("□□", dropped=1, substituted=2)),
        ("甲\u202e00.1\u202c", PrintableText("甲00.1", dropped=2)),
        ("甲\u2067乙\ufeff", PrintableText("甲乙", dropped=2)),
        ("\x1bp\x00\x19\xfa", PrintableText("pú", dropped=3)),
        ("a\nb\tc\x7f\x85\u2028", PrintableText("abc", dropped=5)),
        ("m²", PrintableText("m2", substituted=1)),
        ("\ue000\uf8ff", PrintableText("□□", substituted=2)),
        ("€5", PrintableText("□5", substituted=1)),
        ("1\u00a02", PrintableText("1 2", substituted=1)),
        ("\ud800", PrintableText("", dropped=1)),
    ],
)
def test_what_stands_in(text: str, expected: PrintableText) -> None:
    assert to_printable(text) == expected


def test_marks_cannot_pile_up() -> None:
    assert to_printable("医" + "\u0335" * 50) == PrintableText("医", dropped=50)


@given(st.text())
def test_whatever_comes_only_printable_bytes_leave(text: str) -> None:
    printable = to_printable(text)
    data = encode(printable.text)
    assert all(is_printable(char) for char in printable.text)
    assert all(byte >= 0x20 and byte not in (0x7F, 0xFF) for byte in data)
    assert len(data) == sum(1 if char < "\x80" else 2 for char in printable.text)


def test_every_printable_character_takes_one_byte_or_a_gbk_pair() -> None:
    printable = [chr(code) for code in range(0x110000) if is_printable(chr(code))]
    assert len(printable) == 95 + 21791
    assert REPLACEMENT in printable
    assert all(len(encode(char)) == (1 if char < "\x80" else 2) for char in printable)


def test_unprintable_text_is_refused_by_encode() -> None:
    with pytest.raises(ValueError, match="U\\+001B"):
        encode("a\x1b")
