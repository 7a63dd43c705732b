"""From the bytes of a scanner in plain mode to lines, however the bytes are cut (profile decision PD-20).

A plain scanner sends `[prefix][AIM id]data[suffix]`: no length, no checksum. All that frames a code is its terminator
and time. The rules, and what each protects against:

* A line ends at CR, LF or CR LF. An empty line is no code, which also swallows the second terminator of a pair.
* A device without suffix ends a line by being quiet for 80 ms.
* A line may hold 512 bytes and take 2 s from its first byte. Beyond either it is an *overrun*: everything up to the
  next terminator is thrown away, because half a code may look like a whole one of another kind. When that rest
  arrives long after the overrun was told, it is told again: the scanner beeped for a code that was thrown away.
* After the line is opened, bytes that come within 80 ms may be the tail of a code whose head went to nobody. They
  are thrown away up to the next terminator and reported as *lost*.
* When the line breaks, what was collected is dropped and reported as *lost*.
* Control bytes are dropped and counted, but for GS (0x1D), which separates GS1 fields. They are data from a stranger
  and are never acted upon.

The assembler has no clock: each call brings the time in seconds of any monotonic clock. All bytes of one `feed` count
as arriving at that moment. Cutting the same bytes differently gives the same lines.
"""

import enum
import re

import msgspec

from protocols.codes.masked import Masked

MAX_LINE_BYTES = 512
MAX_LINE_S = 2.0
IDLE_GAP_S = 0.080
"""The gap that ends a line of a device without suffix; a byte takes 1 ms at 9600 baud, a USB adapter waits 16 ms."""

GS = 0x1D
"""ASCII group separator: what a scanner sends for the FNC1 between two GS1 fields."""

_TERMINATORS = (b"\r", b"\n")
_PIECES = re.compile(rb"[\r\n]|[^\r\n]+")
_DROPPED = bytes(byte for byte in (*range(0x20), 0x7F) if byte != GS)
_AIM_ID = re.compile(rb"\][A-Za-z][0-9]")


class SuffixMode(enum.Enum):
    """What the scanner puts behind a code."""

    TERMINATED = "terminated"
    """CR, LF or CR LF; the usual setting."""
    NONE = "none"
    """Nothing, or something that is no line end (such as TAB): the idle gap ends the line."""


class ScannedLine(Masked, frozen=True):
    """One whole line."""

    payload: bytes
    """The code without AIM id, control bytes (but GS) and terminator; never empty."""
    text: str | None
    """The payload as ASCII, else UTF-8, else GB18030; None when it is none of them."""
    symbology: str
    """The AIM symbology id such as "]E0", or ""."""
    dropped_control_bytes: int


class FaultKind(enum.Enum):
    """Why bytes did not become a line."""

    OVERRUN = "scan.overrun"
    """Too long or too slow."""
    LOST = "scan.lost"
    """The line was opened or broke in the middle of a code."""


class LineFault(msgspec.Struct, frozen=True):
    """Bytes arrived and were thrown away; the person should scan again."""

    kind: FaultKind


class LineAssembler:
    """Collects one line at a time; holds at most `MAX_LINE_BYTES` bytes."""

    def __init__(self, suffix_mode: SuffixMode = SuffixMode.TERMINATED) -> None:
        self._suffix_mode = suffix_mode
        self._opened_s: float | None = None
        self._told_s = 0.0
        self._discarding = False
        self._discarded_late = False
        self._begin_line()

    @property
    def next_deadline_s(self) -> float | None:
        """When `tick` must be called if no byte arrives before; None while there is nothing to wait for."""
        if self._discarding:
            return self._last_byte_s + IDLE_GAP_S if self._suffix_mode is SuffixMode.NONE else None
        if not self._byte_count:
            return self._settle_end_s()
        too_slow_s = self._first_byte_s + MAX_LINE_S
        if self._suffix_mode is SuffixMode.NONE:
            return min(too_slow_s, self._last_byte_s + IDLE_GAP_S)
        return too_slow_s

    @property
    def is_settling(self) -> bool:
        """Whether the line was opened so recently that a byte may belong to a code begun before."""
        return self._opened_s is not None

    def opened(self, now_s: float) -> None:
        """The line has just been opened: whatever was there before is forgotten."""
        self._discarding = False
        self._begin_line()
        self._opened_s = now_s

    def broken(self) -> tuple[LineFault, ...]:
        """The line is gone: drop what was collected and say so, unless that was told already."""
        had_bytes = self._byte_count > 0
        self._opened_s = None
        self._discarding = False
        self._begin_line()
        return (LineFault(FaultKind.LOST),) if had_bytes else ()

    def tick(self, now_s: float) -> tuple[ScannedLine | LineFault, ...]:
        """Time has passed without bytes: end what has waited long enough."""
        settle_end_s = self._settle_end_s()
        if settle_end_s is not None and now_s >= settle_end_s:
            self._opened_s = None
        deadline_s = self.next_deadline_s
        if deadline_s is None or now_s < deadline_s:
            return ()
        if not self._discarding and deadline_s == self._first_byte_s + MAX_LINE_S:
            return self._start_discarding(FaultKind.OVERRUN, now_s)
        return self._end_line()

    def feed(self, data: bytes, now_s: float) -> tuple[ScannedLine | LineFault, ...]:
        """Take bytes as they arrived at `now_s`; return what they complete, in order."""
        found = list(self.tick(now_s))
        for piece in _PIECES.findall(data):
            is_terminator = piece in _TERMINATORS
            if self._opened_s is not None:
                self._opened_s = None
                if not is_terminator:
                    found += self._start_discarding(FaultKind.LOST, now_s)
            found += self._end_line() if is_terminator else self._take(piece, now_s)
        return tuple(found)

    def _take(self, piece: bytes, now_s: float) -> tuple[LineFault, ...]:
        self._last_byte_s = now_s
        if self._discarding:
            self._discarded_late |= now_s > self._told_s + MAX_LINE_S
            return ()
        if not self._byte_count:
            self._first_byte_s = now_s
        self._byte_count += len(piece)
        if self._byte_count > MAX_LINE_BYTES:
            return self._start_discarding(FaultKind.OVERRUN, now_s)
        kept = piece.translate(None, _DROPPED)
        self._dropped += len(piece) - len(kept)
        self._line += kept
        return ()

    def _end_line(self) -> tuple[ScannedLine | LineFault, ...]:
        if self._discarding:
            tell_again = self._discarded_late
            self._discarding = False
            self._begin_line()
            return (LineFault(FaultKind.OVERRUN),) if tell_again else ()
        line = _finish(bytes(self._line), self._dropped)
        self._begin_line()
        return (line,) if line is not None else ()

    def _start_discarding(self, kind: FaultKind, now_s: float) -> tuple[LineFault, ...]:
        self._begin_line()
        self._discarding = True
        self._told_s = now_s
        self._last_byte_s = now_s
        return (LineFault(kind),)

    def _begin_line(self) -> None:
        self._line = bytearray()
        self._byte_count = 0
        self._dropped = 0
        self._first_byte_s = 0.0
        self._last_byte_s = 0.0
        self._discarded_late = False

    def _settle_end_s(self) -> float | None:
        return None if self._opened_s is None else self._opened_s + IDLE_GAP_S


def decode_payload(payload: bytes) -> str | None:
    """The payload as ASCII, else UTF-8, else GB18030 (PD-20); None when it is none of them.

    Short GB18030 texts can be good UTF-8 by chance and are then misread; no code we know holds Chinese.
    """
    for encoding in ("ascii", "utf-8", "gb18030"):
        try:
            return payload.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _finish(raw: bytes, dropped: int) -> ScannedLine | None:
    aim_id = _AIM_ID.match(raw)
    symbology = aim_id.group().decode("ascii") if aim_id else ""
    payload = raw[len(symbology) :]
    if not payload:
        return None
    return ScannedLine(
        payload=payload,
        text=decode_payload(payload),
        symbology=symbology,
        dropped_control_bytes=dropped,
    )
