"""Paper as a picture: 12 x 24 dots for an ASCII character, 24 x 24 for a Chinese one, 576 or 384 dots wide.

Text needs a Chinese font (Debian package fonts-wqy-microhei); without it there is only the paper's text.
"""

import io
from functools import lru_cache
from pathlib import Path

import qrcode
from PIL import Image, ImageDraw, ImageFont

from protocols.escpos.document import Align
from protocols.escpos.events import Gap, PaperEvent, Picture, QrSymbol, Span, TextLine
from protocols.escpos.width import DOTS_PER_COLUMN, char_columns
from simulators.printer.paper import Paper, line_columns

FONT_PATH = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
FONT_PACKAGE = "fonts-wqy-microhei"

_CELL_HEIGHT = 24
_LINE_GAP = 6
_BASELINE = 19
_MARGIN = 24  # white above and below the print, so that the picture looks like a piece of paper
_CHINESE_SIZE = 23
_ASCII_SIZE = 20  # the size at which the font's fixed-width Latin letters are 12 dots wide
_FIXED_WIDTH_FACE = 1  # index inside the collection
_INK, _PAPER = 0, 255
_QR_LEVELS = {
    "L": qrcode.constants.ERROR_CORRECT_L,
    "M": qrcode.constants.ERROR_CORRECT_M,
    "Q": qrcode.constants.ERROR_CORRECT_Q,
    "H": qrcode.constants.ERROR_CORRECT_H,
}


class FontMissing(RuntimeError):
    """There is no Chinese font on this machine; the message says which package brings it."""


def draw_png(paper: Paper, font_path: Path = FONT_PATH) -> bytes:
    """Draw a piece of paper as a PNG (8-bit grey). Reads the font file: call it off the event loop.

    Raises `FontMissing`.
    """
    width = paper.columns * DOTS_PER_COLUMN
    glyphs = _glyphs(font_path)
    strips = [_strip(event, width, glyphs) for event in paper.prints]
    image = Image.new("L", (width, sum(strip.height for strip in strips) + 2 * _MARGIN), _PAPER)
    y = _MARGIN
    for strip in strips:
        image.paste(strip, (0, y))
        y += strip.height
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


class _Glyphs:
    """Characters of the font, each centred in its cell."""

    def __init__(self, font_path: Path) -> None:
        self._path = font_path
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._cells: dict[tuple[str, int, int, bool], Image.Image] = {}
        self._font(_CHINESE_SIZE)  # a missing font shows at once

    def cell(self, char: str, width: int, height: int, bold: bool) -> Image.Image:
        """One character, that many times as wide and as high as its cell of 12 or 24 x 24 dots."""
        key = (char, width, height, bold)
        if key not in self._cells:
            self._cells[key] = self._drawn(*key)
        return self._cells[key]

    def _drawn(self, char: str, width: int, height: int, bold: bool) -> Image.Image:
        # Drawn as large as its longer side and then squeezed, which keeps the strokes sharp.
        scale = max(width, height)
        columns = char_columns(char)
        font = self._font(scale * (_ASCII_SIZE if columns == 1 else _CHINESE_SIZE))
        dots = DOTS_PER_COLUMN * columns
        image = Image.new("L", (dots * scale, _CELL_HEIGHT * scale), _PAPER)
        draw = ImageDraw.Draw(image)
        for shift in (0, 1) if bold else (0,):
            draw.text((image.width / 2 + shift, _BASELINE * scale), char, fill=_INK, font=font, anchor="ms")
        return image.resize((dots * width, _CELL_HEIGHT * height), Image.Resampling.LANCZOS)

    def _font(self, size: int) -> ImageFont.FreeTypeFont:
        if size not in self._fonts:
            try:
                self._fonts[size] = ImageFont.truetype(self._path, size, index=_FIXED_WIDTH_FACE)
            except OSError as error:
                raise FontMissing(
                    f"no Chinese font at {self._path}: install {FONT_PACKAGE} to see slips as pictures "
                    f"(没有中文字体，请安装 {FONT_PACKAGE}；凭条文字不受影响)"
                ) from error
        return self._fonts[size]


@lru_cache(maxsize=4)
def _glyphs(font_path: Path) -> _Glyphs:
    return _Glyphs(font_path)


def _strip(event: PaperEvent, width: int, glyphs: _Glyphs) -> Image.Image:
    """The stretch of paper that one event moved past the head."""
    match event:
        case TextLine():
            return _text_strip(event, width, glyphs)
        case QrSymbol():
            return _placed(_qr_image(event), width, event.align)
        case Picture():
            return _placed(_dots(event), width, event.align)
        case Gap():
            return Image.new("L", (width, event.dots), _PAPER)


def _text_strip(line: TextLine, width: int, glyphs: _Glyphs) -> Image.Image:
    height = _CELL_HEIGHT * max((span.height for span in line.spans), default=1)
    strip = Image.new("L", (width, height + _LINE_GAP), _PAPER)
    x = _left_edge(line_columns(line) * DOTS_PER_COLUMN, width, line.align)
    for span in line.spans:
        for char in span.text:
            cell = _styled(glyphs.cell(char, span.width, span.height, span.bold), span)
            strip.paste(cell, (x, height - cell.height))
            x += cell.width
    return strip


def _styled(cell: Image.Image, span: Span) -> Image.Image:
    if span.underline:
        cell = cell.copy()
        ImageDraw.Draw(cell).line((0, cell.height - 1, cell.width, cell.height - 1), fill=_INK)
    return cell.point(lambda value: 255 - value) if span.reverse else cell


def _qr_image(symbol: QrSymbol) -> Image.Image:
    code = qrcode.QRCode(error_correction=_QR_LEVELS[symbol.level], border=0)
    code.add_data(symbol.data)
    code.make(fit=True)
    modules = code.get_matrix()
    image = Image.new("L", (len(modules), len(modules)), _PAPER)
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            if dark:
                image.putpixel((x, y), _INK)
    side = len(modules) * symbol.module_dots
    return image.resize((side, side), Image.Resampling.NEAREST)


def _dots(picture: Picture) -> Image.Image:
    size = (picture.width_bytes * 8, len(picture.rows) // picture.width_bytes)
    image = Image.frombytes("1", size, bytes(byte ^ 0xFF for byte in picture.rows)).convert("L")
    return image.resize((size[0] * picture.scale_x, size[1] * picture.scale_y), Image.Resampling.NEAREST)


def _placed(image: Image.Image, width: int, align: Align) -> Image.Image:
    strip = Image.new("L", (width, image.height), _PAPER)
    strip.paste(image, (_left_edge(image.width, width, align), 0))
    return strip


def _left_edge(used: int, width: int, align: Align) -> int:
    gap = max(width - used, 0)
    return {Align.LEFT: 0, Align.CENTRE: gap // 2, Align.RIGHT: gap}[align]
