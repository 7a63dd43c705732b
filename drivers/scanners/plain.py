"""A scanner that is never spoken to: it sends codes, we listen (family `plain` of profile decision PD-22, the default).

One task owns the line. It opens it, waits until it has been quiet for a moment, reads, and when the line goes it
closes it and tries again with growing pauses. A read is never cancelled while the line lives: time limits are kept
beside it, so that no byte can be lost to a timeout (PD-21).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NoReturn

from drivers.interfaces.byte_stream import ByteStream, ByteStreamOpener, StreamClosed
from drivers.interfaces.device_state import DeviceState, DeviceStatus
from drivers.interfaces.scanner import Scan, ScanFault
from drivers.scanners.event_queue import EventQueue
from drivers.serial.backoff import Backoff
from drivers.serial.errors import PortUnusable
from drivers.serial.status_board import StatusBoard
from protocols.codes.assembler import LineAssembler, LineFault, ScannedLine, SuffixMode
from protocols.codes.repeats import RepeatFilter

READ_BYTES = 4096


class PlainScanner:
    """Implements `drivers.interfaces.scanner.Scanner` and `HasStatus`.

    `run` must be running in a task group of the caller; nothing happens without it.
    """

    def __init__(
        self,
        opener: ByteStreamOpener,
        suffix_mode: SuffixMode = SuffixMode.TERMINATED,
        *,
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._opener = opener
        self._assembler = LineAssembler(suffix_mode)
        self._clock = clock
        self._backoff = backoff if backoff is not None else Backoff()
        self._sleep = sleep
        self._board = StatusBoard(clock)
        self._queue = EventQueue()
        self._repeats = RepeatFilter()

    @property
    def status(self) -> DeviceStatus:
        """The present state. READY means that a code scanned from now on is not mistaken for the rest of another."""
        return self._board.current

    def statuses(self) -> AsyncIterator[DeviceStatus]:
        """The present state, then every later one; any number of followers."""
        return self._board.follow()

    async def events(self) -> AsyncIterator[Scan | ScanFault]:
        """Scans and faults for ever; one consumer. Leaving the iteration and coming back loses nothing."""
        while True:
            yield await self._queue.get()

    async def run(self) -> NoReturn:
        """Own the line until cancelled: open, read, and after any loss open again. Raises nothing but cancellation."""
        while True:
            self._board.set(DeviceState.OPENING)
            try:
                stream = await self._opener.open()
            except StreamClosed as failure:
                state = DeviceState.FAULT if isinstance(failure, PortUnusable) else DeviceState.ABSENT
                self._board.set(state, str(failure))
            else:
                await self._read_until_lost(stream)
            await self._sleep(self._backoff.next_pause_s())

    async def _read_until_lost(self, stream: ByteStream) -> None:
        reading: asyncio.Task[bytes] | None = None
        self._assembler.opened(self._clock())
        try:
            while True:
                reading = reading or asyncio.create_task(stream.read(READ_BYTES), name="scanner read")
                await asyncio.wait({reading}, timeout=self._time_left_s())
                if reading.done():
                    data = reading.result()
                    reading = None
                    self._report(self._assembler.feed(data, self._clock()))
                else:
                    self._report(self._assembler.tick(self._clock()))
                if not self._assembler.is_settling:
                    self._backoff.reset()
                    self._board.set(DeviceState.READY)
        except StreamClosed as failure:
            self._board.set(DeviceState.ABSENT, str(failure))
        finally:
            self._report(self._assembler.broken())
            if reading is not None:
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError, StreamClosed):
                    await reading
            await stream.close()

    def _time_left_s(self) -> float | None:
        deadline_s = self._assembler.next_deadline_s
        return None if deadline_s is None else max(0.0, deadline_s - self._clock())

    def _report(self, found: tuple[ScannedLine | LineFault, ...]) -> None:
        for item in found:
            if isinstance(item, LineFault):
                self._queue.put(ScanFault(kind=item.kind.value))
            elif not self._repeats.is_repeat(item.payload, item.symbology, self._clock()):
                self._queue.put(_scan(item))


def _scan(line: ScannedLine) -> Scan:
    return Scan(
        payload=line.payload,
        text=line.text,
        symbology=line.symbology,
        dropped_control_bytes=line.dropped_control_bytes,
    )
