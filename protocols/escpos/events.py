"""What a printer does with the bytes it is given: the decoder's answers, one value per act."""

import msgspec

from protocols.escpos.document import Align


class Span(msgspec.Struct, frozen=True):
    """A run of characters in one style."""

    text: str
    width: int = 1
    height: int = 1
    bold: bool = False
    underline: bool = False
    reverse: bool = False


class TextLine(msgspec.Struct, frozen=True):
    """A line was printed and the paper moved on; no spans = an empty line."""

    spans: tuple[Span, ...] = ()
    align: Align = Align.LEFT


class Gap(msgspec.Struct, frozen=True):
    """The paper moved by this many dots (`ESC J`)."""

    dots: int


class QrSymbol(msgspec.Struct, frozen=True):
    """A QR code was printed."""

    data: bytes
    module_dots: int
    level: str
    align: Align


class Picture(msgspec.Struct, frozen=True):
    """Dots were printed: rows of `width_bytes` bytes, most significant bit left, 1 = black."""

    width_bytes: int
    rows: bytes
    align: Align
    scale_x: int = 1
    scale_y: int = 1


class CutMade(msgspec.Struct, frozen=True):
    """The knife came down: what was printed since the last cut is one piece of paper."""

    partial: bool


class DrawerKick(msgspec.Struct, frozen=True):
    """A pulse went to the cash drawer (`ESC p` or `DLE DC4`)."""


class SensorQuery(msgspec.Struct, frozen=True):
    """`GS r n`: the printer answers when it comes to this point of the job; n = 1 paper, 2 drawer."""

    n: int


class Ignored(msgspec.Struct, frozen=True):
    """A command was skipped; it has no effect on this printer's paper."""

    command: str
    """The bytes that name it, in hex."""


PaperEvent = TextLine | Gap | QrSymbol | Picture
Event = PaperEvent | CutMade | DrawerKick | SensorQuery | Ignored
