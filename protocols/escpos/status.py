"""Realtime status `DLE EOT n` (`10 04 n`): one byte back, bits 1 and 4 set, bits 0 and 7 clear; 0x12 = all well.

The printer reads the question even while it is busy, and also inside image data.
"""

import msgspec

DLE = 0x10
EOT = 0x04
QUESTIONS = (1, 2, 3, 4)
"""n of the question: 1 printer, 2 cause of offline, 3 error, 4 paper sensors."""

_FIXED_MASK = 0x93
_FIXED_BITS = 0x12

_OFFLINE = 0x08  # n = 1
_COVER_OPEN = 0x04  # n = 2
_STOPPED_FOR_PAPER = 0x20  # n = 2
_ERROR = 0x40  # n = 2
_CUTTER = 0x08  # n = 3
_UNRECOVERABLE = 0x20  # n = 3
_NEAR_END = 0x0C  # n = 4, two bits
_PAPER_END = 0x60  # n = 4, two bits


class Condition(msgspec.Struct, frozen=True):
    """What is true of a printer at this moment."""

    offline: bool = False
    cover_open: bool = False
    paper_out: bool = False
    paper_near_end: bool = False
    cutter_fault: bool = False
    unrecoverable: bool = False


class StatusReply(msgspec.Struct, frozen=True):
    """What one status byte says; None for a condition that this question does not speak of."""

    offline: bool | None = None
    cover_open: bool | None = None
    paper_out: bool | None = None
    paper_near_end: bool | None = None
    cutter_fault: bool | None = None
    error: bool | None = None


def question(n: int) -> bytes:
    """The three bytes of realtime question `n` (1 to 4)."""
    _check(n)
    return bytes((DLE, EOT, n))


def is_status_byte(byte: int) -> bool:
    """Whether a byte has the fixed bits of a realtime answer (XON, XOFF and text have not)."""
    return byte & _FIXED_MASK == _FIXED_BITS


def parse_status(n: int, byte: int) -> StatusReply:
    """Read the answer to question `n`; raises `ValueError` when the fixed bits are wrong."""
    _check(n)
    if not is_status_byte(byte):
        raise ValueError(f"0x{byte:02X} is no realtime status byte")
    if n == 1:
        return StatusReply(offline=bool(byte & _OFFLINE))
    if n == 2:
        return StatusReply(
            cover_open=bool(byte & _COVER_OPEN),
            paper_out=bool(byte & _STOPPED_FOR_PAPER),
            error=bool(byte & _ERROR),
        )
    if n == 3:
        return StatusReply(cutter_fault=bool(byte & _CUTTER), error=bool(byte & _UNRECOVERABLE))
    return StatusReply(paper_near_end=bool(byte & _NEAR_END), paper_out=bool(byte & _PAPER_END))


def status_byte(n: int, condition: Condition) -> int:
    """The byte a printer in this condition answers to question `n`."""
    _check(n)
    stopped = condition.cover_open or condition.paper_out or condition.cutter_fault or condition.unrecoverable
    bits = _FIXED_BITS
    if n == 1:
        bits |= _OFFLINE if condition.offline or stopped else 0
    elif n == 2:
        bits |= _COVER_OPEN if condition.cover_open else 0
        bits |= _STOPPED_FOR_PAPER if condition.paper_out else 0
        bits |= _ERROR if condition.cutter_fault or condition.unrecoverable else 0
    elif n == 3:
        bits |= _CUTTER if condition.cutter_fault else 0
        bits |= _UNRECOVERABLE if condition.unrecoverable else 0
    else:
        bits |= _NEAR_END if condition.paper_near_end or condition.paper_out else 0
        bits |= _PAPER_END if condition.paper_out else 0
    return bits


class RealtimeScanner:
    """Finds realtime questions in the bytes as they arrive, wherever they stand, also across two chunks."""

    def __init__(self) -> None:
        self._matched = 0

    def split(self, data: bytes) -> list[tuple[bytes, int | None]]:
        """Cut a chunk behind every question: `(bytes up to and with it, n)`; the rest of the chunk comes with None."""
        parts: list[tuple[bytes, int | None]] = []
        start = 0
        for index, byte in enumerate(data):
            if self._matched == 2 and byte in QUESTIONS:
                parts.append((data[start : index + 1], byte))
                start = index + 1
                self._matched = 0
            elif self._matched == 1 and byte == EOT:
                self._matched = 2
            else:
                self._matched = 1 if byte == DLE else 0
        if start < len(data):
            parts.append((data[start:], None))
        return parts


def _check(n: int) -> None:
    if n not in QUESTIONS:
        raise ValueError(f"realtime question is 1 to 4, not {n}")
