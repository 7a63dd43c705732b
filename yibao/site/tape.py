"""The printer of a simulated counter: paper that ends, jobs that take time, and a tape that keeps every piece.

What stands on the tape is what a customer could hold in the hand; the auditor reads it as a person would.
"""

import asyncio
from collections.abc import Callable
from random import Random

import msgspec

from drivers.interfaces.printer import PrinterStatus, PrintOutcome, PrintResult
from protocols.escpos.decoder import Decoder
from protocols.escpos.events import CutMade, DrawerKick, Ignored, PaperEvent, SensorQuery
from simulators.printer.paper import Paper

COLUMNS = 48


class Piece(msgspec.Struct, frozen=True):
    """One piece of paper."""

    text: tuple[str, ...]
    """Its lines; of a torn piece those that came out."""
    whole: bool


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
            return PrintResult(PrintOutcome.NOT_PRINTED, PrinterStatus(paper_out=True), "paper_out")
        lines = lines_of(document)
        try:
            await asyncio.sleep(self._rng.uniform(0.3, 3.0))
        except asyncio.CancelledError:
            # The machine died; its printer had anything from nothing to the whole job in its buffer.
            self._come_out(lines, self._rng.randrange(len(lines) * 2))
            raise
        if not self._come_out(lines, len(lines)):
            return PrintResult(PrintOutcome.UNKNOWN, PrinterStatus(paper_out=True), "paper_out")
        if self.mute:
            return PrintResult(PrintOutcome.PRINTED_UNVERIFIED, PrinterStatus())
        return PrintResult(PrintOutcome.PRINTED, PrinterStatus())

    def _come_out(self, lines: tuple[str, ...], sent: int) -> bool:
        """Print as many lines as were sent and there is paper for; True when that is all of them."""
        printed = min(len(lines), sent, max(self.lines_left, 0))
        self.lines_left -= printed
        whole = printed == len(lines)
        if printed:
            self.tape.append(Piece(lines[:printed], whole))
            self._note("paper", "whole" if whole else "torn", printed)
        return whole


def lines_of(document: bytes) -> tuple[str, ...]:
    """What a document looks like on paper."""
    decoder = Decoder(COLUMNS)
    decoder.receive(document)
    prints: list[PaperEvent] = []
    while (event := decoder.next_event()) is not None:
        if not isinstance(event, CutMade | DrawerKick | Ignored | SensorQuery):
            prints.append(event)
    return Paper(COLUMNS, tuple(prints)).lines
