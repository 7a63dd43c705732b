"""A serial server on the network (RFC 2217: telnet with a com-port option) behind the same contract."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from drivers.interfaces.byte_stream import StreamClosed
from drivers.serial.stream import SerialOpener

IAC, SB, SE = 255, 250, 240
DO, WILL = 253, 251
COM_PORT = 44
COMMAND = re.compile(
    rb"\xff([\xfb-\xfe])(.)|\xff\xfa\x2c(.)((?:[^\xff]|\xff\xff)*)\xff\xf0|(\xff\xff|[^\xff])", re.DOTALL
)


class SerialServer:
    """As little of the protocol as a client needs: agrees to every option, confirms every setting, passes data."""

    def __init__(self) -> None:
        self.settings: dict[int, bytes] = {}
        self.data = bytearray()
        self.writer: asyncio.StreamWriter | None = None
        self.got_data = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self.writer = writer
        pending = b""
        while chunk := await reader.read(4096):
            pending += chunk
            while found := COMMAND.match(pending):
                pending = pending[found.end() :]
                self.answer(found, writer)
        writer.close()

    def answer(self, found: re.Match[bytes], writer: asyncio.StreamWriter) -> None:
        """One command or one byte of data."""
        verb, option, setting, value, byte = found.groups()
        if verb is not None and verb[0] in (DO, WILL):
            writer.write(bytes((IAC, WILL if verb[0] == DO else DO)) + option)
        elif setting is not None:
            self.settings[setting[0]] = value
            writer.write(bytes((IAC, SB, COM_PORT, setting[0] + 100)) + value + bytes((IAC, SE)))
        elif byte is not None:
            self.data += byte[-1:]
            self.got_data.set()


@pytest.fixture
async def server() -> AsyncIterator[tuple[SerialServer, str]]:
    """The server and its address."""
    peer = SerialServer()
    listening = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    async with listening:
        yield peer, f"rfc2217://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_settings_are_asked_for_and_every_byte_passes_both_ways(
    server: tuple[SerialServer, str],
) -> None:
    peer, url = server
    stream = await SerialOpener(url, baudrate=115200).open()
    assert peer.settings[1] == (115200).to_bytes(4, "big")  # SET-BAUDRATE
    assert peer.settings[2] == b"\x08"  # SET-DATASIZE 8
    assert peer.writer is not None
    peer.writer.write(b"code\xff\xff\r")
    got = b""
    while len(got) < 6:
        got += await stream.read(100)
    assert got == b"code\xff\r"
    await stream.write(bytes(range(256)), timeout_s=1.0)
    while len(peer.data) < 256:
        peer.got_data.clear()
        await peer.got_data.wait()
    assert peer.data == bytes(range(256))
    await stream.close()


async def test_a_server_that_goes_away_ends_the_stream(server: tuple[SerialServer, str]) -> None:
    peer, url = server
    stream = await SerialOpener(url).open()
    assert peer.writer is not None
    peer.writer.close()
    with pytest.raises(StreamClosed):
        await stream.read(1)
    await stream.close()
