"""The printer on a wire: it outlives its hosts, and its wire can go with its power."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.interfaces.byte_stream import ByteStream, StreamClosed
from drivers.serial.stream import SerialOpener
from protocols.escpos.status import question
from simulators.links import PtyLink
from simulators.printer import SimulatedPrinter


@contextlib.asynccontextmanager
async def running(folder: Path, *, vanishes: bool = False) -> AsyncIterator[tuple[SimulatedPrinter, PtyLink]]:
    """A printer on a pseudo-terminal."""
    printer = SimulatedPrinter()
    async with PtyLink(folder / "printer") as link:
        task = asyncio.create_task(printer.run(link, vanishes_without_power=vanishes))
        yield printer, link
    await task


@contextlib.asynccontextmanager
async def opened(link: PtyLink) -> AsyncIterator[ByteStream]:
    """The host's end."""
    stream = await SerialOpener(link.url).open()
    try:
        yield stream
    finally:
        await stream.close()


async def test_it_serves_one_host_after_another(tmp_path: Path) -> None:
    async with running(tmp_path) as (printer, link):
        for count in (1, 2):
            async with opened(link) as stream:
                await stream.write(b"abc\n\x1dV\x00" + question(1), 5.0)
                assert await stream.read(10) == b"\x12"
            assert (await printer.wait_printed(count)).lines == ("abc",)


async def test_what_a_host_left_behind_in_a_moment_is_printed(tmp_path: Path) -> None:
    async with running(tmp_path) as (printer, link):
        await asyncio.to_thread(Path(link.url).write_bytes, b"abc\n\x1dV\x00")
        assert (await printer.wait_printed(1)).lines == ("abc",)


async def test_a_stopped_printer_goes_on_when_it_can(tmp_path: Path) -> None:
    async with running(tmp_path) as (printer, link), opened(link) as stream:
        printer.cover_open()
        await stream.write(b"0123456\n" * 2000 + b"\x1dV\x00", 5.0)
        assert printer.printed == 0
        printer.cover_close()
        assert len((await printer.wait_printed(1)).lines) == 2000


async def test_the_wire_vanishes_and_comes_back_with_the_power(tmp_path: Path) -> None:
    async with running(tmp_path, vanishes=True) as (printer, link):
        async with opened(link) as stream:
            printer.cut_power()
            with pytest.raises(StreamClosed):
                await stream.read(1)
        printer.power_on()
        while not (tmp_path / "printer").is_symlink():  # noqa: ASYNC110 - a folder tells nobody what appears in it
            await asyncio.sleep(0)
        async with opened(link) as stream:
            await stream.write(question(4), 5.0)
            assert await stream.read(1) == b"\x12"
