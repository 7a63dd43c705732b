"""An ESC/POS receipt printer on a byte stream, with the honest job outcomes of profile decision PD-32.

A job asks the printer how it is, sends the bytes in blocks, and asks again after the cut. It never prints anything
twice by itself: after `UNKNOWN` a person decides, and the next print is a marked copy.
"""

import asyncio
from collections.abc import Sequence

from drivers.interfaces.byte_stream import ByteStream, ByteStreamOpener, StreamClosed
from drivers.interfaces.printer import PrinterStatus, PrintOutcome, PrintResult
from protocols.escpos.status import QUESTIONS, is_status_byte, parse_status, question
from protocols.escpos.width import COLUMNS_80_MM

STATUS_TIMEOUT_S = 0.3
BLOCK_BYTES = 512
BLOCK_TIMEOUT_S = 5.0
"""A printer that takes 512 bytes at 9600 baud needs 0.6 s; one that takes none for 5 s has stopped."""

_ENDS = bytes(64)
"""First on every line: a process that ended inside a job may have left half a character or half a command in the printer,
which would take our questions and the beginning of our slip for its rest. These bytes end it, and print nothing by
themselves. What can be open of our own slips is shorter: the receipt number inside a QR code. At 9600 baud they take 0.07 s."""
_BEFORE = (1, 2, 4)
_AFTER = QUESTIONS
_NEEDED = frozenset(_BEFORE)
"""Questions that must be answered before `PRINTED` may be said; n = 3 (cutter) is missing in many models."""


class EscPosPrinter:
    """Implements `drivers.interfaces.printer.Printer`. Close it with `close()` when the counter stops."""

    def __init__(
        self,
        opener: ByteStreamOpener,
        columns: int = COLUMNS_80_MM,
        *,
        status_timeout_s: float = STATUS_TIMEOUT_S,
        block_timeout_s: float = BLOCK_TIMEOUT_S,
    ) -> None:
        self._opener = opener
        self._columns = columns
        self._status_timeout_s = status_timeout_s
        self._block_timeout_s = block_timeout_s
        self._turn = asyncio.Lock()
        self._line: _Line | None = None

    @property
    def columns(self) -> int:
        """Width of the paper in columns."""
        return self._columns

    async def print(self, document: bytes) -> PrintResult:
        """Print one document; jobs wait for each other in the order of the calls.

        When the caller is cancelled in the middle, what stands on the paper is unknown and the stream is dropped.
        """
        async with self._turn:
            try:
                return await self._job(document)
            except BaseException:
                await self._drop_line()
                raise

    async def status(self) -> PrinterStatus:
        """Ask all four questions; all fields None when there is no device."""
        async with self._turn:
            try:
                answers = await self._ask_on_fresh_line(QUESTIONS)
            except StreamClosed:
                return PrinterStatus()
            except BaseException:
                await self._drop_line()
                raise
            return _status_of(answers)

    async def close(self) -> None:
        """Let the device go, after the running job if there is one."""
        async with self._turn:
            await self._drop_line()

    async def _job(self, document: bytes) -> PrintResult:
        try:
            before = await self._ask_on_fresh_line(_BEFORE)
        except StreamClosed:
            return PrintResult(PrintOutcome.NOT_PRINTED, PrinterStatus(), "no_device")
        status = _status_of(before)
        if status.problem is not None:
            return PrintResult(PrintOutcome.NOT_PRINTED, status, status.problem)
        assert self._line is not None
        try:
            await self._send(self._line, document)
            after = await self._line.ask(_AFTER, self._status_timeout_s)
        except TimeoutError:
            await self._drop_line()
            return PrintResult(PrintOutcome.UNKNOWN, status, "write_timeout")
        except StreamClosed:
            await self._drop_line()
            return PrintResult(PrintOutcome.UNKNOWN, status, "device_lost")
        status = _status_of(after)
        if status.problem is not None:
            return PrintResult(PrintOutcome.UNKNOWN, status, status.problem)
        if before.keys() >= _NEEDED and after.keys() >= _NEEDED:
            return PrintResult(PrintOutcome.PRINTED, status)
        return PrintResult(PrintOutcome.PRINTED_UNVERIFIED, status, "no_status")

    async def _send(self, line: "_Line", document: bytes) -> None:
        for start in range(0, len(document), BLOCK_BYTES):
            await line.write(document[start : start + BLOCK_BYTES], self._block_timeout_s)

    async def _ask_on_fresh_line(self, questions: Sequence[int]) -> dict[int, int]:
        """Ask before any byte of a document is out; a line that turns out to be dead is opened anew, once.

        Raises `StreamClosed` when the device is not there or dies again.
        """
        if self._line is not None:
            try:
                return await self._line.ask(questions, self._status_timeout_s)
            except (StreamClosed, TimeoutError):
                await self._drop_line()
        self._line = _Line(await self._opener.open())
        try:
            await self._line.write(_ENDS, self._status_timeout_s)
            return await self._line.ask(questions, self._status_timeout_s)
        except TimeoutError as error:
            await self._drop_line()
            raise StreamClosed("the printer does not take the status question") from error
        except StreamClosed:
            await self._drop_line()
            raise

    async def _drop_line(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


class _Line:
    """One open stream with a task that collects status bytes as they come."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._replies: list[int] = []
        self._news = asyncio.Event()
        self._lost: StreamClosed | None = None
        self._collector = asyncio.create_task(self._collect(), name="printer status")

    async def write(self, data: bytes, timeout_s: float) -> None:
        """Hand a block to the line; raises `TimeoutError` or `StreamClosed`."""
        self._check()
        await self._stream.write(data, timeout_s)

    async def ask(self, questions: Sequence[int], timeout_s: float) -> dict[int, int]:
        """Put realtime questions one by one; return the answered ones as n -> byte.

        A reply does not say which question it answers. When as many came as were asked, they are taken in order,
        even if some were late; when fewer came, each is taken for the question that was open when it came.
        """
        self._replies.clear()  # what arrives unasked, or after its time, answers nothing
        arrived_at: list[int] = []
        for n in questions:
            await self.write(question(n), timeout_s)
            await self._wait_for_reply(len(arrived_at) + 1, timeout_s)
            arrived_at += [n] * (len(self._replies) - len(arrived_at))
        if len(self._replies) == len(questions):
            return dict(zip(questions, self._replies, strict=True))
        return dict(zip(arrived_at, self._replies, strict=False))

    async def close(self) -> None:
        """Stop collecting and close the stream."""
        self._collector.cancel()
        await asyncio.wait((self._collector,))
        await self._stream.close()

    async def _wait_for_reply(self, count: int, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while len(self._replies) < count:
                    self._check()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return  # not answered; that is a fact the caller sees, not an error

    def _check(self) -> None:
        if self._lost is not None:
            raise StreamClosed(str(self._lost)) from self._lost

    async def _collect(self) -> None:
        try:
            while True:
                data = await self._stream.read(64)
                # Flow control and automatic status of other forms are not answers.
                self._replies += filter(is_status_byte, data)
                del self._replies[:-64]
                self._news.set()
        except StreamClosed as error:
            self._lost = error
            self._news.set()


def _status_of(answers: dict[int, int]) -> PrinterStatus:
    parsed = [parse_status(n, byte) for n, byte in answers.items()]

    def any_of(field: str) -> bool | None:
        told = [value for reply in parsed if (value := getattr(reply, field)) is not None]
        return any(told) if told else None

    return PrinterStatus(
        # An error without a name of its own (hot head, firmware) stops printing as well.
        offline=True if any_of("error") else any_of("offline"),
        cover_open=any_of("cover_open"),
        paper_out=any_of("paper_out"),
        paper_near_end=any_of("paper_near_end"),
        cutter_fault=any_of("cutter_fault"),
    )
