"""A piece of paper that came out of the printer."""

import msgspec

from protocols.escpos.document import Align
from protocols.escpos.events import Gap, PaperEvent, Picture, QrSymbol, TextLine
from protocols.escpos.width import pad, text_columns


class Paper(msgspec.Struct, frozen=True):
    """One piece, from cut to cut."""

    columns: int
    prints: tuple[PaperEvent, ...]
    cut: bool = True
    """False for a piece that is still in the printer, or was torn off."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands on it, line by line, set with spaces as on the paper; a QR code is the line `[QR:its data]`."""
        return tuple(text for event in self.prints for text in _text_of(event, self.columns))

    @property
    def text(self) -> str:
        """All lines in one text."""
        return "\n".join(self.lines)

    @property
    def qr_codes(self) -> tuple[str, ...]:
        """The contents of its QR codes."""
        return tuple(_qr_text(event) for event in self.prints if isinstance(event, QrSymbol))


def line_columns(line: TextLine) -> int:
    """Columns that a line takes, enlarged characters counted."""
    return sum(text_columns(span.text) * span.width for span in line.spans)


def _text_of(event: PaperEvent, columns: int) -> tuple[str, ...]:
    match event:
        case TextLine():
            text = "".join(span.text for span in event.spans)
            gap = max(columns - line_columns(event), 0)
            before = {Align.LEFT: 0, Align.CENTRE: gap // 2, Align.RIGHT: gap}[event.align]
            return ((" " * before + text).rstrip(" "),)
        case QrSymbol():
            mark = f"[QR:{_qr_text(event)}]"
            return (pad(mark, max(columns, text_columns(mark)), event.align.name.lower()).rstrip(" "),)
        case Picture():
            height = len(event.rows) // event.width_bytes * event.scale_y
            return (f"[picture {event.width_bytes * 8 * event.scale_x} x {height} dots]",)
        case Gap():
            return ()


def _qr_text(symbol: QrSymbol) -> str:
    return symbol.data.decode("utf-8", "backslashreplace")
