"""From a document to ESC/POS bytes (published command set of ESC/POS; Chinese mode `FS &`).

Order of a job: initialise, Chinese mode on, then the elements. Every line is laid out here in columns, so the
printer never wraps by itself, and its text holds nothing but printable characters: all commands are ours.
"""

from collections.abc import Iterator

import msgspec

from protocols.escpos.charset import encode, to_printable
from protocols.escpos.document import (
    Align,
    Cell,
    Cut,
    Document,
    Element,
    Feed,
    Pair,
    Qr,
    Raster,
    Row,
    Rule,
    Text,
)
from protocols.escpos.width import pad, text_columns, wrap

INITIALISE = b"\x1b@"
CHINESE_MODE = b"\x1c&"
LINE_FEED = b"\n"
FEED_AND_CUT = b"\x1dVB\x00"  # GS V 66 0: feed just far enough that the last line is past the knife
_QR_LEVELS = {"L": 0x30, "M": 0x31, "Q": 0x32, "H": 0x33}


class BuiltDocument(msgspec.Struct, frozen=True):
    """Bytes ready for the printer, and what had to be changed in the text."""

    data: bytes
    dropped: int
    """Characters left out because they would not print or must not (control, bidi, format)."""
    substituted: int
    """Characters replaced by a neighbour or by □ (profile decision PD-30)."""


class Line(msgspec.Struct, frozen=True):
    """One line of text as it will stand on the paper."""

    text: str
    align: Align = Align.LEFT
    width: int = 1
    height: int = 1
    bold: bool = False


def build(document: Document, columns: int) -> BuiltDocument:
    """Turn a document into bytes for paper of `columns` columns (32 or 48).

    Raises `ValueError` for an element out of range (size, QR data, picture shape): a programming error, since
    text from outside never causes it.
    """
    out = bytearray(INITIALISE + CHINESE_MODE)
    clean = _Cleaner()
    for element in document.elements:
        match element:
            case Qr():
                out += _qr(element)
            case Raster():
                out += _raster(element, columns)
            case Feed():
                out += bytes((0x1B, 0x64, _within(element.lines, 1, 255, "feed lines")))
            case Cut():
                out += FEED_AND_CUT
            case _:
                for line in _lines(element, columns, clean):
                    out += _line(line)
    return BuiltDocument(data=bytes(out), dropped=clean.dropped, substituted=clean.substituted)


def layout(document: Document, columns: int) -> tuple[Line, ...]:
    """The text lines of a document as they will stand on the paper, for a preview on a screen."""
    clean = _Cleaner()
    return tuple(line for element in document.elements for line in _lines(element, columns, clean))


class _Cleaner:
    """Makes text printable and adds up what that cost."""

    def __init__(self) -> None:
        self.dropped = 0
        self.substituted = 0

    def __call__(self, text: str) -> str:
        printable = to_printable(text)
        self.dropped += printable.dropped
        self.substituted += printable.substituted
        return printable.text


def _lines(element: Element, columns: int, clean: _Cleaner) -> Iterator[Line]:
    match element:
        case Text():
            _within(element.width, 1, 8, "width")
            _within(element.height, 1, 8, "height")
            room = (columns - element.indent) // element.width
            for text in wrap(clean(element.text), room):
                indented = " " * element.indent + text if text else text
                yield Line(indented, element.align, element.width, element.height, element.bold)
        case Row():
            for text in _row(element.cells, columns, clean):
                yield Line(text, bold=element.bold)
        case Pair():
            for text in _pair(element, columns, clean):
                yield Line(text, bold=element.bold)
        case Rule():
            if len(element.char) != 1 or not " " < element.char <= "~":
                raise ValueError("a rule is drawn with one ASCII character")
            yield Line(element.char * columns)
        case Feed():
            for _ in range(element.lines):
                yield Line("")
        case Qr() | Raster() | Cut():
            return


def _row(cells: tuple[Cell, ...], columns: int, clean: _Cleaner) -> Iterator[str]:
    widths = _cell_widths(cells, columns)
    wrapped = [wrap(clean(cell.text), width) for cell, width in zip(cells, widths, strict=True)]
    for index in range(max(map(len, wrapped))):
        parts = [
            pad(lines[index] if index < len(lines) else "", width, cell.align.name.lower())
            for cell, width, lines in zip(cells, widths, wrapped, strict=True)
        ]
        yield " ".join(parts).rstrip(" ")


def _cell_widths(cells: tuple[Cell, ...], columns: int) -> list[int]:
    room = columns - (len(cells) - 1) - sum(cell.columns or 0 for cell in cells)
    shares = [cell for cell in cells if cell.columns is None]
    if not cells or room < 2 * len(shares):
        raise ValueError(f"a row of {len(cells)} cells does not fit into {columns} columns")
    each, extra = divmod(room, len(shares)) if shares else (0, 0)
    widths: list[int] = []
    for cell in cells:
        if cell.columns is not None:
            widths.append(cell.columns)
            continue
        widths.append(each + (1 if extra > 0 else 0))
        extra -= 1
    return widths


def _pair(pair: Pair, columns: int, clean: _Cleaner) -> Iterator[str]:
    label, value = " " * pair.indent + clean(pair.label), clean(pair.value)
    used = text_columns(label) + 1 + text_columns(value)
    if used <= columns:
        yield label + " " * (columns - text_columns(label) - text_columns(value)) + value
        return
    for text in wrap(clean(pair.label), columns - pair.indent):
        yield " " * pair.indent + text
    for text in wrap(value, columns - 2):
        yield pad(text, columns, "right")


def _line(line: Line) -> bytes:
    """The bytes of one line; every setting it changes is set back, so that lines do not depend on each other."""
    before = after = b""
    if line.align is not Align.LEFT:
        before += bytes((0x1B, 0x61, line.align.value))
        after += b"\x1ba\x00"
    if (line.width, line.height) != (1, 1):
        before += bytes((0x1D, 0x21, (line.width - 1) << 4 | (line.height - 1)))
        after += b"\x1d!\x00"
    if line.bold:
        before += b"\x1bE\x01"
        after += b"\x1bE\x00"
    return before + encode(line.text) + LINE_FEED + after


def _qr(qr: Qr) -> bytes:
    if not 1 <= len(qr.data) <= 300 or not all(" " <= char <= "~" for char in qr.data):
        raise ValueError("QR data is 1 to 300 printable ASCII characters")
    if qr.level not in _QR_LEVELS:
        raise ValueError("QR level is L, M, Q or H")
    data = qr.data.encode("ascii")
    size = len(data) + 3
    return b"".join(
        (
            b"\x1ba\x01",
            b"\x1d(k\x04\x001A2\x00",
            b"\x1d(k\x03\x001C" + bytes((_within(qr.module_dots, 1, 16, "module dots"),)),
            b"\x1d(k\x03\x001E" + bytes((_QR_LEVELS[qr.level],)),
            b"\x1d(k" + bytes((size & 0xFF, size >> 8)) + b"1P0" + data,
            b"\x1d(k\x03\x001Q0",
            b"\x1ba\x00",
        )
    )


def _raster(raster: Raster, columns: int) -> bytes:
    _within(raster.width_bytes, 1, columns * 12 // 8, "picture width in bytes")
    height, rest = divmod(len(raster.rows), raster.width_bytes)
    if rest or not 1 <= height <= 0xFFFF:
        raise ValueError("a picture has whole rows, at least one")
    head = b"\x1dv0\x00" + bytes((raster.width_bytes, 0, height & 0xFF, height >> 8))
    align = b"" if raster.align is Align.LEFT else bytes((0x1B, 0x61, raster.align.value))
    return align + head + raster.rows + (b"\x1ba\x00" if align else b"")


def _within(value: int, low: int, high: int, name: str) -> int:
    if not low <= value <= high:
        raise ValueError(f"{name} is {low} to {high}, not {value}")
    return value
