"""The byte examples, typed."""

from pathlib import Path

import msgspec

_FILE = Path(__file__).parents[2] / "vectors" / "escpos" / "bytes.json"


class TextExample(msgspec.Struct):
    """A text and its bytes."""

    text: str
    hex: str


class FourByteExample(msgspec.Struct):
    """A character that needs four bytes, and the junk that a printer makes of them."""

    text: str
    gb18030: str
    prints_as: str


class WidthExample(msgspec.Struct):
    """A text and its columns."""

    text: str
    columns: int


class StatusExample(msgspec.Struct):
    """An answer to realtime question n and what it says is true."""

    n: int
    byte: str
    true: list[str]


class Vectors(msgspec.Struct):
    """The whole file."""

    origin: str
    commands: dict[str, str]
    texts: list[TextExample]
    four_byte: FourByteExample
    widths: list[WidthExample]
    status: list[StatusExample]

    def command(self, name: str) -> bytes:
        """Bytes of one command."""
        return bytes.fromhex(self.commands[name])


VECTORS = msgspec.json.decode(_FILE.read_bytes(), type=Vectors)
