"""A receipt as values: a tuple of elements, independent of the paper's width.

Elements hold any text; the builder brings it into printable characters and wraps it. They know nothing of
settlement. Sizes are multiples of the normal character (12 x 24 dots for ASCII, 24 x 24 for Chinese).
"""

import enum

import msgspec


class Align(enum.Enum):
    """Where a line stands on the paper; the value is the operand of `ESC a`."""

    LEFT = 0
    CENTRE = 1
    RIGHT = 2


class Text(msgspec.Struct, frozen=True, tag=True):
    """A paragraph; wrapped at the width of the paper."""

    text: str
    align: Align = Align.LEFT
    width: int = 1
    """1 to 8 times as wide."""
    height: int = 1
    """1 to 8 times as high."""
    bold: bool = False
    indent: int = 0
    """Columns left free before every line."""


class Cell(msgspec.Struct, frozen=True):
    """One cell of a row."""

    text: str
    align: Align = Align.LEFT
    columns: int | None = None
    """Fixed width in columns; None = an equal share of what the fixed cells leave."""


class Row(msgspec.Struct, frozen=True, tag=True):
    """Cells side by side with one free column between them; a long cell wraps inside its own width."""

    cells: tuple[Cell, ...]
    bold: bool = False


class Pair(msgspec.Struct, frozen=True, tag=True):
    """A label at the left edge and a value at the right edge.

    When both do not fit on one line, the value goes below, still at the right edge.
    """

    label: str
    value: str
    bold: bool = False
    indent: int = 0
    """Columns left free before the label."""


class Rule(msgspec.Struct, frozen=True, tag=True):
    """A line across the paper, drawn with one ASCII character."""

    char: str = "-"


class Qr(msgspec.Struct, frozen=True, tag=True):
    """A QR code (model 2), centred. The data is printable ASCII only, 1 to 300 characters."""

    data: str
    module_dots: int = 6
    """Dots per module, 1 to 16."""
    level: str = "M"
    """Error correction: L, M, Q or H."""


class Raster(msgspec.Struct, frozen=True, tag=True):
    """A small picture: rows of `width_bytes` bytes, 8 dots each, most significant bit left, 1 = black."""

    width_bytes: int
    rows: bytes
    align: Align = Align.LEFT


class Feed(msgspec.Struct, frozen=True, tag=True):
    """Feed this many lines (1 to 255)."""

    lines: int = 1


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Feed the paper to the cutter and cut it but for a small bridge."""


Element = Text | Row | Pair | Rule | Qr | Raster | Feed | Cut


class Document(msgspec.Struct, frozen=True):
    """One print job."""

    elements: tuple[Element, ...]
