"""The printer of a simulated counter: paper that ends, jobs that take time, and a tape that keeps every piece.

What stands on the tape is what a customer could hold in the hand; the auditor reads it as a person would.
"""

import asyncio
import re
from collections.abc import Callable
from random import Random

import msgspec

from drivers.interfaces.printer import PrinterStatus, PrintOutcome, PrintResult

COLUMNS = 48


class Piece(msgspec.Struct, frozen=True):
    """One piece of paper."""

    document: bytes
    """What was sent to be printed on it."""
    whole: bool
    """False when the paper ended, or the machine died, in the middle."""

    def lines(self) -> tuple[str, ...]:
        """What stands on a whole piece."""
        return lines_of(self.document)


class TapePrinter:
    """One printer. Implements `Printer`; a job that is cancelled in the middle leaves what had come out by then."""

    columns = COLUMNS

    def __init__(self, roll_lines: int, rng: Random, note: Callable[..., None]) -> None:
        """A new roll has `roll_lines` lines."""
        self._roll_lines = roll_lines
        self._rng = rng
        self._note = note
        self.lines_left = roll_lines
        self.mute = False
        """It prints, and answers no question."""
        self.met: Callable[[str], None] = lambda kind: None
        """Called for each fault of the printer that has fired."""
        self.tape: list[Piece] = []

    def new_roll(self) -> None:
        """Somebody changes the paper."""
        self.lines_left = self._roll_lines

    async def status(self) -> PrinterStatus:
        """See `Printer`."""
        await asyncio.sleep(0.02)
        return PrinterStatus() if self.mute else PrinterStatus(paper_out=self.lines_left <= 0)

    async def print(self, document: bytes) -> PrintResult:
        """See `Printer`."""
        if self.lines_left <= 0 and not self.mute:
            self.met("paper-out")
            return PrintResult(PrintOutcome.NOT_PRINTED, PrinterStatus(paper_out=True), "paper_out")
        lines = document.count(b"\n")
        try:
            await asyncio.sleep(self._rng.uniform(0.3, 3.0))
        except asyncio.CancelledError:
            # The machine died; its printer had anything from nothing to the whole job in its buffer.
            self.met("cut-print")
            self._come_out(document, lines, self._rng.randrange(lines * 2))
            raise
        if not self._come_out(document, lines, lines):
            self.met("paper-out")
            return PrintResult(PrintOutcome.UNKNOWN, PrinterStatus(paper_out=True), "paper_out")
        if self.mute:
            self.met("mute-printer")
            return PrintResult(PrintOutcome.PRINTED_UNVERIFIED, PrinterStatus())
        return PrintResult(PrintOutcome.PRINTED, PrinterStatus())

    def _come_out(self, document: bytes, lines: int, sent: int) -> bool:
        """Print as many lines as were sent and there is paper for; True when that is all of them."""
        printed = min(lines, sent, max(self.lines_left, 0))
        self.lines_left -= printed
        whole = printed == lines
        if printed:
            self.tape.append(Piece(document, whole))
            self._note("paper", "whole" if whole else "torn", printed)
        return whole


_COMMANDS = re.compile(
    rb"\x1d\(k(?P<size>..)"  # a QR symbol: its data follow, as many as the size says
    rb"|\x1dVB.|\x1b[@2]|\x1b[!aEGdJMt3 -].|\x1d[!BVLWa].|\x1d[$\\]..|\x1c[&.]|\x1c[!-].",
    re.DOTALL,
)


def lines_of(document: bytes) -> tuple[str, ...]:
    """The text lines of a slip, read with a reader of our own: it knows which commands to skip and nothing else."""
    text, place = bytearray(), 0
    while (found := _COMMANDS.search(document, place)) is not None:
        text += document[place : found.start()]
        place = found.end()
        if found["size"] is not None:
            place += int.from_bytes(found["size"], "little")
    text += document[place:]
    return tuple(text.decode("gb18030").split("\n"))
