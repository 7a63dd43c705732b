"""ESC/POS bytes read the way a Chinese-market receipt printer reads them (published ESC/POS command set).

Sans-I/O: `receive` takes bytes, `next_event` carries out the next thing the paper or the drawer would see. A printer
that must stop (paper end) simply stops asking; what is left stays in `pending`, as in a printer's receive buffer.

Limits, chosen for a witness of receipts: font B prints as font A; page mode, macros, barcodes and user-defined
characters are skipped and reported as `Ignored`.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from protocols.escpos.document import Align
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
from protocols.escpos.width import DOTS_PER_COLUMN, char_columns

MAX_COMMAND_BYTES = 1 << 20
"""A command that announces more data than this is skipped: no printer would hold it."""

_MISSING_GLYPH = "□"
_TAB_COLUMNS = 8
_CODE_PAGES = {0: "cp437", 2: "cp850", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858"}
_QR_LEVELS = {0x30: "L", 0x31: "M", 0x32: "Q", 0x33: "H"}

# Commands without effect on this paper, by name: how many operand bytes follow.
_SKIPPED = {
    b"\x1b2": 0, b"\x1b3": 1, b"\x1b ": 1, b"\x1bR": 1, b"\x1b{": 1, b"\x1bV": 1, b"\x1bM": 1, b"\x1b=": 1,
    b"\x1b%": 1, b"\x1b?": 1, b"\x1br": 1, b"\x1bB": 2, b"\x1bc": 2, b"\x1bS": 0, b"\x1bL": 0, b"\x1b\x0c": 0,
    b"\x1bT": 1, b"\x1bW": 8, b"\x1bu": 1, b"\x1bv": 0, b"\x1b\\": 2,
    b"\x1cW": 1, b"\x1c-": 1, b"\x1cS": 2, b"\x1cC": 1, b"\x1cp": 2,
    b"\x1da": 1, b"\x1dI": 1, b"\x1dL": 2, b"\x1dW": 2, b"\x1dP": 2, b"\x1db": 1, b"\x1d/": 1,
    b"\x1dh": 1, b"\x1dw": 1, b"\x1dH": 1, b"\x1df": 1, b"\x1d:": 0, b"\x1d^": 3, b"\x1dT": 1, b"\x1d$": 2,
    b"\x1d\\": 2, b"\x1dz": 2,
}  # fmt: skip


class _Style(msgspec.Struct):
    ascii_size: tuple[int, int] = (1, 1)
    chinese_size: tuple[int, int] = (1, 1)
    bold: bool = False
    underline: bool = False
    reverse: bool = False


class _Qr(msgspec.Struct):
    module_dots: int = 3
    level: str = "L"
    data: bytes = b""


class Decoder:
    """One printer's command interpreter, from power-on."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._buffer = bytearray()
        self._events: deque[Event] = deque()
        self._initialise()
        self._commands: dict[bytes, Callable[[bytes], None]] = {
            b"\x1b@": lambda _: self._initialise(),
            b"\x1b!": self._print_mode,
            b"\x1ba": self._align_command,
            b"\x1bd": self._feed_lines,
            b"\x1bJ": self._feed_dots,
            b"\x1bE": self._bold,
            b"\x1bG": self._bold,
            b"\x1b-": self._underline,
            b"\x1bt": self._code_page,
            b"\x1b$": self._move_to,
            b"\x1bp": lambda _: self._events.append(DrawerKick()),
            b"\x1bi": lambda _: self._cut(partial=False),
            b"\x1bm": lambda _: self._cut(partial=True),
            b"\x1c&": lambda _: self._chinese_mode(on=True),
            b"\x1c.": lambda _: self._chinese_mode(on=False),
            b"\x1c!": self._chinese_style,
            b"\x1d!": self._size,
            b"\x1dB": self._reverse,
            b"\x1dr": self._sensor_query,
        }
        self._operands = {
            b"\x1b@": 0,
            b"\x1bi": 0,
            b"\x1bm": 0,
            b"\x1c&": 0,
            b"\x1c.": 0,
            b"\x1b$": 2,
            b"\x1bp": 3,
        }

    @property
    def pending(self) -> int:
        """Bytes received and not yet carried out."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Append bytes to the receive buffer."""
        self._buffer += data

    def next_event(self) -> Event | None:
        """Carry out the buffer up to the next visible act; None when it is empty or ends inside a command."""
        while not self._events:
            used = self._step()
            if used == 0:
                return None
            del self._buffer[:used]
        return self._events.popleft()

    # -- one unit of the buffer -------------------------------------------------------------------------------

    def _step(self) -> int:
        """Carry out the first character or command; return its length, 0 when it is not complete yet."""
        if not self._buffer:
            return 0
        first = self._buffer[0]
        if first in (0x1B, 0x1C, 0x1D):
            return self._command()
        if first == 0x10:
            return self._realtime()
        if first < 0x20 or first == 0x7F:
            self._control(first)
            return 1
        return self._character(first)

    def _control(self, byte: int) -> None:
        if byte == 0x0A:
            self._end_line()
        elif byte == 0x09:
            self._put(" " * (_TAB_COLUMNS - self._used % _TAB_COLUMNS))
        elif byte == 0x18:
            self._drop_line()
        elif byte not in (0x00, 0x0D):
            self._events.append(Ignored(f"{byte:02x}"))

    def _realtime(self) -> int:
        """Realtime commands were answered when they arrived; here they only leave the buffer."""
        if len(self._buffer) < 3:
            return 0
        if self._buffer[1] != 0x14:
            return 3 if self._buffer[1] in (0x04, 0x05) else 1
        length = 10 if self._buffer[2] == 0x08 else 5
        if len(self._buffer) < length:
            return 0
        if self._buffer[2] == 0x01:
            self._events.append(DrawerKick())
        return length

    def _character(self, first: int) -> int:
        if first < 0x80:
            self._put(chr(first))
            return 1
        if not self._chinese:
            self._put(bytes((first,)).decode(self._page, "replace").replace("�", _MISSING_GLYPH))
            return 1
        if not 0x81 <= first <= 0xFE:
            self._put(" ")
            return 1
        if len(self._buffer) < 2:
            return 0
        second = self._buffer[1]
        if second < 0x40 or second in (0x7F, 0xFF):
            # Half of a four-byte character, or a broken pair: the lead byte is blank, the other one stands for itself.
            self._put(" ")
            return 1
        self._put(bytes((first, second)).decode("gbk", "replace")[0].replace("�", _MISSING_GLYPH))
        return 2

    def _command(self) -> int:
        if len(self._buffer) < 2:
            return 0
        name = bytes(self._buffer[:2])
        if name in self._commands:
            return self._fixed(name)
        if name == b"\x1dV":
            return self._cut_command()
        if name == b"\x1d(" or name == b"\x1d8":
            return self._function(name)
        if name == b"\x1dv":
            return self._raster()
        if name == b"\x1b*":
            return self._bit_image()
        if name == b"\x1dk":
            return self._barcode()
        if name == b"\x1bD":
            return self._tab_stops()
        length = 2 + _SKIPPED.get(name, 0)
        if len(self._buffer) < length:
            return 0
        self._events.append(Ignored(name.hex()))
        return length

    def _fixed(self, name: bytes) -> int:
        length = 2 + self._operands.get(name, 1)
        if len(self._buffer) < length:
            return 0
        self._commands[name](bytes(self._buffer[2:length]))
        return length

    # -- settings ---------------------------------------------------------------------------------------------

    def _initialise(self) -> None:
        """Settings of power-on: Chinese mode on, as printers for this market have it."""
        self._style = _Style()
        self._align = Align.LEFT
        self._chinese = True
        self._page = "cp437"
        self._qr = _Qr()
        self._drop_line()

    def _drop_line(self) -> None:
        self._spans: list[Span] = []
        self._used = 0
        self._strip: Picture | None = None

    def _print_mode(self, operand: bytes) -> None:
        n = operand[0]
        self._style.bold = bool(n & 0x08)
        self._style.ascii_size = (2 if n & 0x20 else 1, 2 if n & 0x10 else 1)
        self._style.underline = bool(n & 0x80)

    def _chinese_style(self, operand: bytes) -> None:
        n = operand[0]
        self._style.chinese_size = (2 if n & 0x04 else 1, 2 if n & 0x08 else 1)

    def _size(self, operand: bytes) -> None:
        size = ((operand[0] >> 4 & 7) + 1, (operand[0] & 7) + 1)
        self._style.ascii_size = self._style.chinese_size = size

    def _align_command(self, operand: bytes) -> None:
        # The published rule: it works only at the beginning of a line.
        if not self._spans:
            self._align = {0: Align.LEFT, 1: Align.CENTRE, 2: Align.RIGHT}.get(operand[0] & 0x0F, self._align)

    def _bold(self, operand: bytes) -> None:
        self._style.bold = bool(operand[0] & 1)

    def _underline(self, operand: bytes) -> None:
        self._style.underline = bool(operand[0] & 3)

    def _reverse(self, operand: bytes) -> None:
        self._style.reverse = bool(operand[0] & 1)

    def _code_page(self, operand: bytes) -> None:
        self._page = _CODE_PAGES.get(operand[0], "cp437")

    def _chinese_mode(self, *, on: bool) -> None:
        self._chinese = on

    def _sensor_query(self, operand: bytes) -> None:
        self._events.append(SensorQuery(operand[0] & 0x0F))

    # -- the line being set -----------------------------------------------------------------------------------

    def _put(self, text: str) -> None:
        style = self._style
        for char in text:
            size = style.ascii_size if char_columns(char) == 1 else style.chinese_size
            columns = char_columns(char) * size[0]
            if self._used + columns > self._columns:
                self._end_line()
            self._append(Span(char, size[0], size[1], style.bold, style.underline, style.reverse))
            self._used += columns

    def _append(self, span: Span) -> None:
        if self._spans:
            last = self._spans[-1]
            if msgspec.structs.replace(last, text="") == msgspec.structs.replace(span, text=""):
                self._spans[-1] = msgspec.structs.replace(last, text=last.text + span.text)
                return
        self._spans.append(span)

    def _end_line(self) -> None:
        if self._strip is not None:
            self._events.append(self._strip)
        if self._spans or self._strip is None:
            self._events.append(TextLine(tuple(self._spans), self._align))
        self._drop_line()

    def _feed_lines(self, operand: bytes) -> None:
        for _ in range(max(operand[0], 1 if self._spans or self._strip else 0)):
            self._end_line()

    def _feed_dots(self, operand: bytes) -> None:
        if self._spans or self._strip:
            self._end_line()
        if operand[0]:
            self._events.append(Gap(operand[0]))

    def _move_to(self, operand: bytes) -> None:
        column = int.from_bytes(operand, "little") // DOTS_PER_COLUMN
        if column < self._columns:
            self._put(" " * (column - self._used))

    def _cut(self, *, partial: bool) -> None:
        if self._spans or self._strip:
            self._end_line()
        self._events.append(CutMade(partial))

    # -- commands of variable length --------------------------------------------------------------------------

    def _cut_command(self) -> int:
        if len(self._buffer) < 3:
            return 0
        mode = self._buffer[2]
        if mode in (0, 1, 48, 49):
            self._cut(partial=mode in (1, 49))
            return 3
        if len(self._buffer) < 4:
            return 0
        self._cut(partial=mode in (66, 98, 104))
        return 4

    def _function(self, name: bytes) -> int:
        """`GS (` and `GS 8`: a letter, the length of the rest (two or four bytes), the rest."""
        width = 2 if name == b"\x1d(" else 4
        if len(self._buffer) < 3 + width:
            return 0
        size = int.from_bytes(self._buffer[3 : 3 + width], "little")
        if size > MAX_COMMAND_BYTES:
            self._events.append(Ignored(name.hex()))
            return 3 + width
        end = 3 + width + size
        if len(self._buffer) < end:
            return 0
        letter, body = self._buffer[2], bytes(self._buffer[3 + width : end])
        if name == b"\x1d(" and letter == ord("k") and body[:1] == b"1" and size >= 3:
            self._qr_function(body[1], body[2:])
        else:
            self._events.append(Ignored(bytes(self._buffer[:3]).hex()))
        return end

    def _qr_function(self, function: int, operand: bytes) -> None:
        if function == 0x43:
            self._qr.module_dots = min(max(operand[0], 1), 16)
        elif function == 0x45:
            self._qr.level = _QR_LEVELS.get(operand[0], "L")
        elif function == 0x50:
            self._qr.data = operand[1:]
        elif function == 0x51 and self._qr.data:
            self._events.append(QrSymbol(self._qr.data, self._qr.module_dots, self._qr.level, self._align))

    def _raster(self) -> int:
        """`GS v 0 m xL xH yL yH data`."""
        if len(self._buffer) < 8:
            return 0
        mode = self._buffer[3] & 3
        width = int.from_bytes(self._buffer[4:6], "little")
        size = width * int.from_bytes(self._buffer[6:8], "little")
        if size > MAX_COMMAND_BYTES:
            self._events.append(Ignored("1d76"))
            return 8
        if len(self._buffer) < 8 + size:
            return 0
        if size:
            rows = bytes(self._buffer[8 : 8 + size])
            self._events.append(Picture(width, rows, self._align, 1 + (mode & 1), 1 + (mode >> 1)))
        return 8 + size

    def _bit_image(self) -> int:
        """`ESC * m nL nH data`: columns of 8 or 24 dots, top bit first; becomes one strip of the line."""
        if len(self._buffer) < 5:
            return 0
        mode, count = self._buffer[2], int.from_bytes(self._buffer[3:5], "little")
        deep = 3 if mode in (32, 33) else 1
        end = 5 + count * deep
        if len(self._buffer) < end:
            return 0
        if count:
            self._strip = _strip_of(bytes(self._buffer[5:end]), deep, mode, self._align)
        return end

    def _tab_stops(self) -> int:
        """`ESC D n1 ... NUL`: tabs stay at every eighth column here."""
        end = self._buffer.find(b"\x00", 2) + 1
        if end:
            self._events.append(Ignored("1b44"))
        return end

    def _barcode(self) -> int:
        """`GS k m`: the old form ends with NUL, the new one begins with its length."""
        if len(self._buffer) < 4:
            return 0
        ends_with_nul = self._buffer[2] <= 6
        end = self._buffer.find(b"\x00", 3) + 1 if ends_with_nul else 4 + self._buffer[3]
        if end == 0 or len(self._buffer) < end:
            return 0
        self._events.append(Ignored("1d6b"))
        return end


def _strip_of(data: bytes, deep: int, mode: int, align: Align) -> Picture:
    """Turn columns of dots into rows of bytes."""
    count = len(data) // deep
    width = (count + 7) // 8
    rows = bytearray(width * deep * 8)
    for x in range(count):
        column = int.from_bytes(data[x * deep : (x + 1) * deep], "big")
        for y in range(deep * 8):
            if column >> (deep * 8 - 1 - y) & 1:
                rows[y * width + x // 8] |= 0x80 >> x % 8
    scale_x = 1 if mode in (1, 33) else 2
    return Picture(width, bytes(rows), align, scale_x, 3 if deep == 1 else 1)
