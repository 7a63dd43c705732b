"""Paper as a picture: its size, its grid, its QR code."""

import io
from pathlib import Path

import pytest
from PIL import Image

from protocols.escpos.builder import build
from protocols.escpos.document import Align, Cut, Document, Element, Feed, Raster, Rule, Text
from simulators.printer import FontMissing, Paper, SimulatedPrinter, draw_png
from simulators.printer.drawing import FONT_PACKAGE, FONT_PATH
from tests.real_parts import real_part_missing

MARGIN, LINE = 24, 30


@pytest.fixture
def _font() -> None:
    if not FONT_PATH.exists():
        real_part_missing(f"the Chinese font of {FONT_PACKAGE}")


needs_font = pytest.mark.usefixtures("_font")


def printed(*elements: Element, columns: int = 48) -> Paper:
    """These elements on a piece of paper."""
    printer = SimulatedPrinter(columns)
    printer.receive(build(Document((*elements, Cut())), columns).data)
    return printer.papers[0]


def picture(*elements: Element, columns: int = 48) -> Image.Image:
    """The same as an image."""
    return Image.open(io.BytesIO(draw_png(printed(*elements, columns=columns))))


def ink_columns(image: Image.Image) -> tuple[int, int]:
    """Leftmost and rightmost dot with ink."""
    box = image.point(lambda value: 255 - value).getbbox()
    assert box is not None
    return box[0], box[2]


@needs_font
@pytest.mark.parametrize(("columns", "width"), [(32, 384), (48, 576)])
def test_width_is_that_of_the_paper(columns: int, width: int) -> None:
    assert picture(Text("医保"), columns=columns).size == (width, 2 * MARGIN + LINE)


@needs_font
def test_characters_stand_on_the_grid() -> None:
    left, right = ink_columns(picture(Text("医")))
    assert 0 <= left < right <= 24
    left, right = ink_columns(picture(Text("AAAA医", Align.RIGHT)))
    assert 576 - 72 <= left < right <= 576
    left, right = ink_columns(picture(Text("医保", Align.CENTRE, width=2, height=2)))
    assert 288 - 48 <= left < right <= 288 + 48
    assert ink_columns(picture(Rule("=")))[1] > 576 - 12


@needs_font
def test_every_kind_of_print_moves_the_paper() -> None:
    heights = [
        picture(*elements).height - 2 * MARGIN
        for elements in (
            (Text("a"), Text("b", height=2)),
            (Feed(3),),
            (Raster(2, bytes(20)),),
        )
    ]
    assert heights == [30 + 54, 90, 10]


@needs_font
def test_dots_are_drawn_as_sent() -> None:
    image = picture(Raster(1, b"\x80\x01"))
    assert [image.getpixel((x, MARGIN + y)) for x, y in ((0, 0), (7, 0), (0, 1), (7, 1))] == [0, 255, 255, 0]


@needs_font
def test_underline_and_reverse_are_ink() -> None:
    printer = SimulatedPrinter()
    printer.receive(b"\x1b-\x01 \x1b-\x00\x1dB\x01 \x1dB\x00\n\x1dV\x00")
    image = Image.open(io.BytesIO(draw_png(printer.papers[0])))
    assert image.getpixel((6, MARGIN + 23)) == 0
    assert image.getpixel((6, MARGIN + 10)) == 255
    assert image.getpixel((18, MARGIN + 10)) == 0


def test_without_a_font_the_message_names_the_package_and_text_remains(tmp_path: Path) -> None:
    paper = printed(Text("医保"))
    with pytest.raises(FontMissing, match=FONT_PACKAGE):
        draw_png(paper, tmp_path / "no-such-font.ttc")
    assert paper.lines == ("医保",)
