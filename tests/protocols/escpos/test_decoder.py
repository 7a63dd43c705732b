"""Bytes are read as a Chinese-market printer reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.escpos.builder import build
from protocols.escpos.decoder import MAX_COMMAND_BYTES, Decoder
from protocols.escpos.document import Align, Cut, Document, Feed, Pair, Qr, Raster, Rule, Text
from protocols.escpos.events import (
    CutMade,
    DrawerKick,
    Event,
    Gap,
    Ignored,
    Picture,
    QrSymbol,
    SensorQuery,
    Span,
    TextLine,
)
from tests.protocols.escpos.reading import events_of, lines_of
from tests.protocols.escpos.vectors import VECTORS

DOCUMENT = Document(
    (
        Text("医保结算单", Align.CENTRE, width=2, height=2, bold=True),
        Pair("费用总额", "83.30"),
        Rule(),
        Raster(1, b"\x81\x42"),
        Qr("R1", module_dots=4, level="H"),
        Feed(2),
        Cut(),
    )
)
EVENTS: list[Event] = [
    TextLine((Span("医保结算单", 2, 2, bold=True),), Align.CENTRE),
    TextLine((Span("费用总额" + " " * 19 + "83.30"),)),
    TextLine((Span("-" * 32),)),
    Picture(1, b"\x81\x42", Align.LEFT),
    QrSymbol(b"R1", 4, "H", Align.CENTRE),
    TextLine(),
    TextLine(),
    CutMade(partial=True),
]


@pytest.mark.parametrize("chunk", [1, 7, 512])
def test_a_document_comes_back_however_it_is_cut(chunk: int) -> None:
    assert events_of(build(DOCUMENT, 32).data, 32, chunk) == EVENTS


def test_four_byte_characters_print_as_junk() -> None:
    example = VECTORS.four_byte
    assert lines_of(bytes.fromhex(example.gb18030) + b"\n") == [example.prints_as]


def test_a_broken_pair_does_not_swallow_the_next_command() -> None:
    assert lines_of(b"\xd2\n\xb1\xa3\n") == [" ", "保"]


def test_chinese_mode_off_reads_the_code_page() -> None:
    assert lines_of(b"\x1c.\x1bt\x10\xe9\x1c&\xd2\xbd\n") == ["é医"]


def test_initialise_brings_chinese_mode_back_and_drops_the_line() -> None:
    assert lines_of(b"abc\x1c.\x1b@\xd2\xbd\n") == ["医"]


def test_a_full_line_wraps() -> None:
    assert lines_of(b"-" * 31 + "医".encode("gbk") + b"\n", 32) == ["-" * 31, "医"]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"\x1b!\x38A\n", [TextLine((Span("A", 2, 2, bold=True),))]),
        (b"\x1c!\x0c\xd2\xbd\n", [TextLine((Span("医", 2, 2),))]),
        (b"\x1b-\x01A\x1b-\x00B\n", [TextLine((Span("A", underline=True), Span("B")))]),
        (b"\x1dB\x01A\n", [TextLine((Span("A", reverse=True),))]),
        (b"a\tb\n", [TextLine((Span("a" + " " * 7 + "b"),))]),
        (b"a\x1b$\x3c\x00b\n", [TextLine((Span("a    b"),))]),
        (b"ab\x1ba\x01c\n", [TextLine((Span("abc"),))]),
        (b"\x1bd\x02", [TextLine(), TextLine()]),
        (b"a\x1bd\x02", [TextLine((Span("a"),)), TextLine()]),
        (b"\x1bJ\x10", [Gap(16)]),
        (b"a\x1dV\x00", [TextLine((Span("a"),)), CutMade(partial=False)]),
        (b"\x1dV\x42\x10", [CutMade(partial=True)]),
        (b"\x1bi\x1bm", [CutMade(partial=False), CutMade(partial=True)]),
        (b"\x1bp\x00\x19\xfa", [DrawerKick()]),
        (b"\x10\x14\x01\x00\x01", [DrawerKick()]),
        (b"\x10\x14\x02\x01\x08", []),
        (b"\x10\x04\x01a\n", [TextLine((Span("a"),))]),
        (b"\x1dr\x01", [SensorQuery(1)]),
        (b"abc\x18d\n", [TextLine((Span("d"),))]),
        (b"\x1b3\x18", [Ignored("1b33")]),
        (b"\x1bD\x08\x10\x00a\n", [Ignored("1b44"), TextLine((Span("a"),))]),
        (b"\x1dk\x04ABC\x00", [Ignored("1d6b")]),
        (b"\x1dk\x49\x03ABC", [Ignored("1d6b")]),
        (b"\x1d(E\x02\x00ab", [Ignored("1d2845")]),
        (b"\x1d8L\x02\x00\x00\x00ab", [Ignored("1d384c")]),
        (b"\x1dv0\x01\x01\x00\x01\x00\xaa", [Picture(1, b"\xaa", Align.LEFT, 2, 1)]),
        (b"\x1b*\x01\x02\x00\x80\x01\n", [Picture(1, b"\x80" + bytes(6) + b"\x40", Align.LEFT, 1, 3)]),
        (b"\x1d(k\x03\x001Q0", []),
    ],
)
def test_commands(data: bytes, events: list[Event]) -> None:
    assert events_of(data) == events


def test_realtime_bytes_inside_a_picture_stay_in_the_picture() -> None:
    rows = b"\x10\x04\x01\x10\x04\x04"
    assert events_of(b"\x1dv0\x00\x03\x00\x02\x00" + rows + b"a\n") == [
        Picture(3, rows, Align.LEFT),
        TextLine((Span("a"),)),
    ]


def test_an_impossible_length_is_skipped() -> None:
    assert MAX_COMMAND_BYTES < 0xFFFF * 0xFFFF
    assert events_of(b"\x1dv0\x00\xff\xff\xff\xffa\n") == [Ignored("1d76"), TextLine((Span("a"),))]
    assert events_of(b"\x1d8L\xff\xff\xff\xffa\n") == [Ignored("1d38"), TextLine((Span("a"),))]


def test_what_is_not_asked_for_stays_in_the_buffer() -> None:
    decoder = Decoder(48)
    decoder.receive(b"a\nbc\n")
    assert decoder.next_event() == TextLine((Span("a"),))
    assert decoder.pending == 3


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    assert events_of(data, 32) == events_of(data, 32, chunk=1)
