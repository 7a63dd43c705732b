"""A printer driver and a simulated printer joined by a wire: in memory, a pseudo-terminal, or a socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from drivers.interfaces.byte_stream import ByteStreamOpener
from drivers.printers.escpos import EscPosPrinter
from drivers.serial.stream import SerialOpener
from protocols.escpos.builder import build
from protocols.escpos.document import Cut, Document, Text
from simulators.links import DeviceLink, PtyLink, TcpLink
from simulators.printer import SimulatedPrinter
from tests.drivers.printers.memory_wire import MemoryLink

WIRES = ("memory", "pty", "socket")
LONG_S = 5.0
"""Longer than any answer takes; a test that waits for it has failed."""
SHORT_S = 0.02
"""For questions that nobody answers."""


class WiredPrinter:
    """What a test holds in its hands."""

    def __init__(self, link: DeviceLink, opener: ByteStreamOpener, columns: int) -> None:
        self.link = link
        self.opener = opener
        self.printer = SimulatedPrinter(columns)
        self.columns = columns
        self._drivers: list[EscPosPrinter] = []

    def driver(self, status_timeout_s: float = LONG_S, block_timeout_s: float = LONG_S) -> EscPosPrinter:
        """A driver on this wire."""
        driver = EscPosPrinter(
            self.opener, self.columns, status_timeout_s=status_timeout_s, block_timeout_s=block_timeout_s
        )
        self._drivers.append(driver)
        return driver

    async def close(self) -> None:
        """Close every driver."""
        for driver in self._drivers:
            await driver.close()


@contextlib.asynccontextmanager
async def wired_printer(
    wire: str, folder: Path, *, columns: int = 48, running: bool = True, vanishes: bool = False
) -> AsyncIterator[WiredPrinter]:
    """A printer switched on and its driver; not `running` = nobody reads the far end of the wire."""
    link: DeviceLink
    opener: ByteStreamOpener
    if wire == "memory":
        link = opener = MemoryLink()
    elif wire == "pty":
        link = PtyLink(folder / "printer")
        await link.plug()
        opener = SerialOpener(link.url, baudrate=115200)
    else:
        link = TcpLink()
        await link.plug()
        opener = SerialOpener(link.url)
    made = WiredPrinter(link, opener, columns)
    task = asyncio.create_task(made.printer.run(link, vanishes_without_power=vanishes)) if running else None
    try:
        yield made
    finally:
        await made.close()
        await link.close()
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))


def slip(lines: int = 20, columns: int = 48) -> bytes:
    """A job of that many lines and a cut."""
    texts = tuple(Text(f"第{number}行") for number in range(1, lines + 1))
    return build(Document((*texts, Cut())), columns).data
