"""The printer itself: a receive buffer, a print head, a roll of paper, and a person's hands on all of them.

`receive` is the whole machine without a wire: bytes in, answers out. `run` puts it on a link. Realtime questions are
answered where they stand in the stream, also inside image data, and after everything before them has been printed if
it can be: this printer prints infinitely fast, so what it answers after a job is true of the whole job. `hold()` makes
it slow: then it answers while the job still waits in the buffer, as real printers do.
"""

import asyncio
import contextlib
from collections import deque

import msgspec

from protocols.escpos.decoder import MAX_COMMAND_BYTES, Decoder
from protocols.escpos.events import CutMade, DrawerKick, Event, Ignored, PaperEvent, Picture, SensorQuery
from protocols.escpos.status import Condition, RealtimeScanner, status_byte
from protocols.escpos.width import COLUMNS_80_MM
from simulators.links.device_link import DeviceLink, LinkClosed, NobodyListening
from simulators.printer.paper import Paper

RECEIVE_BUFFER_BYTES = 4096
"""What a printer that cannot print still takes; then it stops taking, and the line fills up."""

MAX_PIECE_WEIGHT = 4_000_000
"""Rough bytes of one piece of paper; a longer one falls off by itself, so that memory stays bounded."""

_LINE_WEIGHT = 200
_READ_BYTES = 4096


class SimulatedPrinter:
    """One printer, switched on, with paper. Keeps the last `keep` pieces of paper."""

    def __init__(self, columns: int = COLUMNS_80_MM, keep: int = 20) -> None:
        self._columns = columns
        self._papers: deque[Paper] = deque(maxlen=keep)
        self._printed = 0
        self._piece: list[PaperEvent] = []
        self._piece_weight = 0
        self._decoder = Decoder(columns)
        self._scanner = RealtimeScanner()
        self._condition = Condition()
        self._lines_to_paper_end: int | None = None
        self._lines_to_power_cut: int | None = None
        self._powered = True
        self._held = False
        self._mute = False
        self._lying = False
        self._drawer_kicks = 0
        self._ignored: deque[str] = deque(maxlen=100)
        self._changed = asyncio.Event()

    # -- what came out ----------------------------------------------------------------------------------------

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The pieces that came out, oldest first."""
        return tuple(self._papers)

    @property
    def printed(self) -> int:
        """How many pieces ever came out, also those no longer kept."""
        return self._printed

    @property
    def current(self) -> Paper:
        """What stands on the paper that is still in the printer."""
        return Paper(self._columns, tuple(self._piece), cut=False)

    @property
    def drawer_kicks(self) -> int:
        """How often the cash drawer was opened."""
        return self._drawer_kicks

    @property
    def ignored_commands(self) -> tuple[str, ...]:
        """The last commands that had no effect here, in hex."""
        return tuple(self._ignored)

    @property
    def condition(self) -> Condition:
        """Its true condition, whatever it answers."""
        return self._condition

    @property
    def powered(self) -> bool:
        """Whether it is switched on."""
        return self._powered

    async def wait_printed(self, count: int) -> Paper:
        """Wait until `count` pieces came out since the start; return the latest."""
        while self._printed < count:
            await self._changed.wait()
        return self._papers[-1]

    # -- a person's hands -------------------------------------------------------------------------------------

    def paper_out(self, after_lines: int = 0) -> None:
        """The roll ends, now or after that many more lines."""
        if after_lines:
            self._lines_to_paper_end = after_lines
        else:
            self._set(paper_out=True)

    def load_paper(self) -> None:
        """A new roll: what waits in the receive buffer is printed on it, as real printers do."""
        self._lines_to_paper_end = None
        self._set(paper_out=False, paper_near_end=False)

    def near_end(self, near: bool = True) -> None:
        """The near-end sensor sees the core of the roll; printing goes on."""
        self._set(paper_near_end=near)

    def cover_open(self) -> None:
        """Open the cover; printing stops."""
        self._set(cover_open=True)

    def cover_close(self) -> None:
        """Close the cover; printing goes on."""
        self._set(cover_open=False)

    def offline(self, offline: bool = True) -> None:
        """Put it offline by its own key; it still answers, but prints nothing."""
        self._set(offline=offline)

    def jam_cutter(self, jammed: bool = True) -> None:
        """The knife is stuck; printing stops."""
        self._set(cutter_fault=jammed)

    def mute(self, muted: bool = True) -> None:
        """Never answer a status question; print all the same."""
        self._mute = muted

    def lie(self, lying: bool = True) -> None:
        """Answer "all well" whatever is true; without paper the text is lost (fault F16)."""
        self._lying = lying
        self._go_on()

    def hold(self, held: bool = True) -> None:
        """Print nothing for now, but take and answer: a slow printer in the middle of earlier work."""
        self._held = held
        self._go_on()

    def cut_power(self, after_lines: int = 0) -> None:
        """Lose power, now or after that many more lines: the buffer is gone, the paper stays."""
        if after_lines:
            self._lines_to_power_cut = after_lines
        else:
            self._lose_power()

    def power_on(self) -> None:
        """Switch on again: settings of power-on, empty buffer, the same paper."""
        self._powered = True
        self._announce()

    def tear_off(self) -> Paper:
        """Tear off what stands out of the printer; it counts as a piece of paper."""
        self._piece_done(cut=False)
        return self._papers[-1]

    # -- the machine ------------------------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """Whether it takes more bytes."""
        return self._decoder.pending < RECEIVE_BUFFER_BYTES or self._can_print

    def receive(self, data: bytes) -> bytes:
        """Take bytes, print what can be printed, return the answers."""
        answers = bytearray()
        for part, n in self._scanner.split(data):
            if not self._powered:
                break
            self._decoder.receive(part)
            answers += self._print()
            if n is not None and self._answers:
                answers.append(status_byte(n, Condition() if self._lying else self._condition))
        return bytes(answers)

    async def run(self, link: DeviceLink, *, vanishes_without_power: bool = False) -> None:
        """Be the device on this link until the link is closed (noticed at the next read) or the task is cancelled.

        With `vanishes_without_power` the wire goes too when the power does (a USB device), else it only falls silent.
        """
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._follow_power(link)) if vanishes_without_power else None
            while True:
                try:
                    data = await link.read(_READ_BYTES)
                except LinkClosed:
                    break
                answers = self.receive(data)
                if answers:
                    # Nobody there to hear it: a printer does not care.
                    with contextlib.suppress(NobodyListening, TimeoutError, LinkClosed):
                        await link.write(answers)
                while not self.has_room and self._powered:
                    await self._changed.wait()
            if watch is not None:
                watch.cancel()

    async def _follow_power(self, link: DeviceLink) -> None:
        while True:
            while self._powered:
                await self._changed.wait()
            await link.unplug()
            while not self._powered:
                await self._changed.wait()
            try:
                await link.plug()
            except LinkClosed:
                return

    @property
    def _can_print(self) -> bool:
        condition = self._condition
        stopped = (
            condition.offline or condition.cover_open or condition.paper_out or condition.cutter_fault
        ) and not self._lying
        return self._powered and not stopped and not self._held

    @property
    def _answers(self) -> bool:
        return self._powered and not self._mute

    def _print(self) -> bytes:
        answers = bytearray()
        while self._can_print:
            event = self._decoder.next_event()
            if event is None:
                break
            answers += self._carry_out(event)
        if self._can_print and self._decoder.pending > 2 * MAX_COMMAND_BYTES:
            # A command that never ends; a real buffer would have overflowed long ago.
            self._decoder = Decoder(self._columns)
        return bytes(answers)

    def _carry_out(self, event: Event) -> bytes:
        match event:
            case CutMade():
                self._piece_done(cut=True)
            case DrawerKick():
                self._drawer_kicks += 1
            case SensorQuery():
                return self._sensor_answer(event.n) if self._answers else b""
            case Ignored():
                self._ignored.append(event.command)
            case _:
                self._put_on_paper(event)
        return b""

    def _sensor_answer(self, n: int) -> bytes:
        """Answer to `GS r`: paper sensors in bits 0, 1 (near end) and 2, 3 (end); the drawer is closed."""
        if n != 1 or self._lying:
            return b"\x00"
        near = 0x03 if self._condition.paper_near_end else 0
        return bytes((near | (0x0C if self._condition.paper_out else 0),))

    def _put_on_paper(self, event: PaperEvent) -> None:
        if not self._condition.paper_out:
            self._piece.append(event)
            self._piece_weight += len(event.rows) if isinstance(event, Picture) else _LINE_WEIGHT
            if self._piece_weight > MAX_PIECE_WEIGHT:
                self._piece_done(cut=False)
        if self._lines_to_paper_end is not None:
            self._lines_to_paper_end -= 1
            if self._lines_to_paper_end <= 0:
                self._lines_to_paper_end = None
                self._set(paper_out=True)
        if self._lines_to_power_cut is not None:
            self._lines_to_power_cut -= 1
            if self._lines_to_power_cut <= 0:
                self._lose_power()

    def _piece_done(self, *, cut: bool) -> None:
        self._papers.append(Paper(self._columns, tuple(self._piece), cut))
        self._piece.clear()
        self._piece_weight = 0
        self._printed += 1
        self._announce()

    def _lose_power(self) -> None:
        self._powered = False
        self._lines_to_power_cut = None
        self._decoder = Decoder(self._columns)
        self._scanner = RealtimeScanner()
        self._announce()

    def _set(self, **changes: bool) -> None:
        self._condition = msgspec.structs.replace(self._condition, **changes)
        self._go_on()

    def _go_on(self) -> None:
        """Something changed at the printer: print what waits, if it can. Late answers to `GS r` are lost."""
        self._print()
        self._announce()

    def _announce(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()
