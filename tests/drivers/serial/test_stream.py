"""Real lines: a pty pair and a TCP socket behind the same contract."""

import asyncio
import fcntl
import logging
import os
import termios
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drivers.interfaces.byte_stream import ByteStream, ByteStreamOpener, StreamClosed
from drivers.serial.errors import PortAbsent, PortUnusable
from drivers.serial.stream import SerialOpener
from simulators.links import DeviceLink, PtyLink, TcpLink

CERTIFICATE = b"4240000000000000001707990000"


@pytest.fixture(params=["pty", "tcp"])
async def link(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PtyLink | TcpLink]:
    """The device's end of each kind of wire."""
    made = PtyLink(tmp_path / "device") if request.param == "pty" else TcpLink()
    async with made:
        yield made


async def open_stream(link: DeviceLink) -> ByteStream:
    """The terminal's end, both sides ready."""
    opener: ByteStreamOpener = SerialOpener(link.url)
    stream = await opener.open()
    await link.wait_connected()
    return stream


async def test_bytes_go_both_ways_unchanged(link: DeviceLink) -> None:
    stream = await open_stream(link)
    every_byte = bytes(range(256))
    await link.write(every_byte)
    got = b""
    while len(got) < 256:
        got += await stream.read(100)
    assert got == every_byte
    await stream.write(every_byte, timeout_s=1.0)
    got = b""
    while len(got) < 256:
        got += await link.read(100)
    assert got == every_byte
    await stream.close()


async def test_read_returns_what_is_there_and_at_most_what_was_asked(link: DeviceLink) -> None:
    stream = await open_stream(link)
    await link.write(b"abcdef")
    assert await stream.read(4) == b"abcd"
    assert await stream.read(4) == b"ef"
    await stream.close()


async def test_a_cancelled_read_loses_no_byte(link: DeviceLink) -> None:
    stream = await open_stream(link)
    reading = asyncio.create_task(stream.read(100))
    await asyncio.sleep(0)
    await link.write(b"code\r")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await stream.read(100) == b"code\r"
    await stream.close()


async def test_unplugging_ends_a_waiting_read_and_every_later_call(link: DeviceLink) -> None:
    stream = await open_stream(link)
    reading = asyncio.create_task(stream.read(100))
    await asyncio.sleep(0)
    await link.unplug()
    with pytest.raises(StreamClosed):
        await reading
    with pytest.raises(StreamClosed):
        await stream.read(1)
    with pytest.raises(StreamClosed):
        await stream.write(b"x", timeout_s=1.0)
    await stream.close()
    await stream.close()


async def test_writing_to_an_unplugged_device_is_the_same_failure(link: DeviceLink) -> None:
    stream = await open_stream(link)
    await link.unplug()

    async def write_on_and_on() -> None:
        """A socket's kernel takes the first bytes before it hears that nobody is there."""
        for _ in range(100):
            await stream.write(b"x" * 1000, timeout_s=1.0)

    with pytest.raises(StreamClosed):
        await write_on_and_on()
    await stream.close()


async def test_a_device_that_takes_nothing_ends_the_write_by_time_and_close_does_not_hang(
    link: DeviceLink,
) -> None:
    stream = await open_stream(link)
    with pytest.raises(TimeoutError, match="not all bytes went"):
        await stream.write(b"x" * 20_000_000, timeout_s=0.05)
    await stream.close()

    async def take_what_went() -> None:
        while True:
            await link.read(100_000)

    taking = asyncio.create_task(take_what_went())
    await link.wait_disconnected()
    taking.cancel()


async def test_a_closed_stream_says_so_and_the_same_address_opens_again(link: DeviceLink) -> None:
    stream = await open_stream(link)
    await stream.close()
    with pytest.raises(StreamClosed, match="closed"):
        await stream.read(1)
    await link.wait_disconnected()
    stream = await open_stream(link)
    await link.write(b"again")
    assert await stream.read(100) == b"again"
    await stream.close()


async def test_a_replugged_device_opens_at_the_same_address(link: DeviceLink) -> None:
    stream = await open_stream(link)
    await link.unplug()
    await stream.close()
    with pytest.raises(PortAbsent):
        await SerialOpener(link.url).open()
    await link.plug()
    stream = await open_stream(link)
    await link.write(b"again")
    assert await stream.read(100) == b"again"
    await stream.close()


async def test_no_byte_reaches_a_log_however_talkative_the_logging(
    link: DeviceLink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("serialx"), "level", logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    stream = await open_stream(link)
    await link.write(CERTIFICATE)
    assert await stream.read(100) == CERTIFICATE
    await stream.write(CERTIFICATE, timeout_s=1.0)
    await stream.close()
    assert CERTIFICATE.decode() not in caplog.text


async def test_a_port_is_opened_by_one_program_only(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "device") as link:
        stream = await open_stream(link)
        with pytest.raises(PortUnusable, match="in use by another program"):
            await SerialOpener(link.url).open()
        await stream.close()


async def test_the_line_is_raw_8n1_at_the_configured_rate(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "device") as link:
        stream = await SerialOpener(link.url, baudrate=115200).open()
        watcher = os.open(link.url, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            iflag, oflag, cflag, lflag, in_speed, out_speed, _ = termios.tcgetattr(watcher)
        finally:
            os.close(watcher)
        assert (iflag, oflag, lflag) == (0, 0, 0)
        assert cflag & termios.CSIZE == termios.CS8
        assert not cflag & (termios.PARENB | termios.CSTOPB)
        assert in_speed == out_speed == termios.B115200
        await stream.close()


async def test_dtr_and_rts_are_raised_after_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pty has no pins to look at, so the request to the kernel is what is watched."""
    asked: list[tuple[int, int]] = []
    really = fcntl.ioctl

    def watched(descriptor: int, request: int, *rest: Any) -> object:
        if request == termios.TIOCMBIS:
            asked.append((request, rest[0][0]))  # an array with the pins
        return really(descriptor, request, *rest)

    async with PtyLink(tmp_path / "device") as link:
        monkeypatch.setattr(fcntl, "ioctl", watched)
        stream = await SerialOpener(link.url).open()
        monkeypatch.undo()
        await stream.close()
    assert asked == [(termios.TIOCMBIS, termios.TIOCM_DTR | termios.TIOCM_RTS)]


async def test_what_is_not_there_or_no_port_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(PortAbsent, match="no such device"):
        await SerialOpener(str(tmp_path / "nothing")).open()
    (tmp_path / "file").write_text("")
    with pytest.raises(PortUnusable, match="not a serial port"):
        await SerialOpener(str(tmp_path / "file")).open()
    with pytest.raises(PortUnusable, match="folder"):
        await SerialOpener(str(tmp_path)).open()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ttyUSB0",
        "COM1",
        "socket://127.0.0.1",
        "socket://:5000",
        "rfc2217://host",
        "esphome://x:1",
        "socket://h:x",
    ],
)
def test_a_wrong_address_is_refused_when_it_is_configured(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SerialOpener(url)


def test_addresses_that_are_accepted() -> None:
    for url in ("/dev/serial/by-id/usb-X", "socket://127.0.0.1:5000", "rfc2217://192.0.2.1:2217"):
        assert SerialOpener(url).url == url
    with pytest.raises(ValueError, match="baud rate"):
        SerialOpener("/dev/ttyUSB0", baudrate=0)
