"""Short command and response APDUs (ISO/IEC 7816-4, 5.1).

Social-security cards speak short APDUs only, so Lc is one byte and Le means at most 256 bytes. A PIN may stand in the
data field of some commands: print an APDU only through `masked_command` and `masked_response`.
"""

from typing import Final

import msgspec

LE_ANY: Final = 256
"""Le byte 00: "as many bytes as there are, up to 256"."""


class MalformedApdu(ValueError):
    """Bytes that are no short command APDU, or a response shorter than a status word."""


class Command(msgspec.Struct, frozen=True):
    """One command APDU; `le` is the number of bytes expected (1..256), or None where nothing is asked for."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    def encode(self) -> bytes:
        """Write the command as it goes to the card (cases 1, 2S, 3S and 4S)."""
        if len(self.data) > 255:
            raise MalformedApdu(f"{len(self.data)} data bytes do not fit a short command")
        if self.le is not None and not 1 <= self.le <= LE_ANY:
            raise MalformedApdu(f"Le {self.le} is outside 1..256")
        lc = bytes([len(self.data)]) + self.data if self.data else b""
        le = b"" if self.le is None else bytes([self.le % LE_ANY])
        return bytes([self.cla, self.ins, self.p1, self.p2]) + lc + le

    @property
    def header(self) -> str:
        """CLA INS P1 P2 in hexadecimal: never holds a secret, so it may stand in an error text."""
        return bytes([self.cla, self.ins, self.p1, self.p2]).hex(" ").upper()


def parse_command(raw: bytes) -> Command:
    """Read a short command APDU; raises MalformedApdu when the lengths do not fit."""
    if len(raw) < 4:
        raise MalformedApdu("a command has at least four bytes")
    cla, ins, p1, p2 = raw[:4]
    body = raw[4:]
    if not body:
        return Command(cla, ins, p1, p2)
    if len(body) == 1:
        return Command(cla, ins, p1, p2, le=body[0] or LE_ANY)
    lc, data = body[0], body[1:]
    if lc and len(data) == lc:
        return Command(cla, ins, p1, p2, data)
    if lc and len(data) == lc + 1:
        return Command(cla, ins, p1, p2, data[:-1], data[-1] or LE_ANY)
    raise MalformedApdu("Lc does not fit the number of data bytes")


class Response(msgspec.Struct, frozen=True):
    """One response APDU: data and the status word."""

    data: bytes
    sw: int

    @property
    def sw1(self) -> int:
        """First status byte."""
        return self.sw >> 8

    @property
    def sw2(self) -> int:
        """Second status byte."""
        return self.sw & 0xFF

    @property
    def ok(self) -> bool:
        """True for 9000."""
        return self.sw == 0x9000

    def encode(self) -> bytes:
        """Write the response as it comes from the card."""
        return self.data + self.sw.to_bytes(2, "big")


def parse_response(raw: bytes) -> Response:
    """Split a response into data and status word; raises MalformedApdu when there is no whole status word."""
    if len(raw) < 2:
        raise MalformedApdu(f"a response of {len(raw)} bytes holds no status word")
    return Response(raw[:-2], int.from_bytes(raw[-2:], "big"))


def masked_command(raw: bytes) -> str:
    """Show header and lengths of a command, never its data: the data field may hold a PIN or a person's record."""
    try:
        command = parse_command(raw)
    except MalformedApdu:
        return f"<{len(raw)} bytes, no APDU>"
    parts = [command.header]
    if command.data:
        parts.append(f"Lc {len(command.data):02X} <{len(command.data)} bytes>")
    if command.le is not None:
        parts.append(f"Le {command.le % LE_ANY:02X}")
    return " ".join(parts)


def masked_response(raw: bytes) -> str:
    """Show the length of the data and the status word of a response, never the data."""
    if len(raw) < 2:
        return f"<{len(raw)} bytes, no status word>"
    data = f"<{len(raw) - 2} bytes> " if len(raw) > 2 else ""
    return data + raw[-2:].hex().upper()
