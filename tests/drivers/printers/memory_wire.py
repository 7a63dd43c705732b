"""A wire in memory: the device's end and the terminal's opener, with a limit on what lies unread."""

import asyncio

from drivers.interfaces.byte_stream import StreamClosed
from simulators.links import LinkClosed, NobodyListening

UNREAD_LIMIT_BYTES = 64 * 1024


class MemoryStream:
    """The terminal's end of one connection."""

    def __init__(self, link: "MemoryLink") -> None:
        self._link = link
        self._inbound = bytearray()
        self._gone = False
        self._changed = asyncio.Event()

    async def read(self, max_bytes: int) -> bytes:
        """Wait for bytes of the device."""
        while not self._inbound:
            if self._gone:
                raise StreamClosed("gone")
            self._changed.clear()
            await self._changed.wait()
        data = bytes(self._inbound[:max_bytes])
        del self._inbound[:max_bytes]
        return data

    async def write(self, data: bytes, timeout_s: float) -> None:
        """Hand bytes to the device, waiting for room."""
        async with asyncio.timeout(timeout_s):
            while not self._gone and len(self._link.inbound) + len(data) > UNREAD_LIMIT_BYTES:
                await self._link.changed.wait()
        if self._gone:
            raise StreamClosed("gone")
        self._link.inbound += data
        self._link.announce()

    async def close(self) -> None:
        """Hang up."""
        self.vanish()
        self._link.hung_up(self)

    def deliver(self, data: bytes) -> None:
        """Bytes of the device arrive."""
        self._inbound += data
        self._changed.set()

    def vanish(self) -> None:
        """The cable is pulled."""
        self._gone = True
        self._changed.set()


class MemoryLink:
    """The device's end; also the terminal's opener."""

    def __init__(self) -> None:
        self.inbound = bytearray()
        self.changed = asyncio.Event()
        self.opened = 0
        self._stream: MemoryStream | None = None
        self._plugged = True
        self._closed = False

    @property
    def url(self) -> str:
        """A name."""
        return "/memory/printer"

    @property
    def is_connected(self) -> bool:
        """Whether the terminal has it open."""
        return self._stream is not None

    async def open(self) -> MemoryStream:
        """The terminal opens its end."""
        if not self._plugged:
            raise StreamClosed("no such device")
        self.opened += 1
        self._stream = MemoryStream(self)
        self.announce()
        return self._stream

    async def wait_connected(self) -> None:
        """Wait for the terminal."""
        while self._stream is None:
            await self.changed.wait()

    async def wait_disconnected(self) -> None:
        """Wait until the terminal hangs up."""
        while self._stream is not None:
            await self.changed.wait()

    async def read(self, max_bytes: int) -> bytes:
        """Bytes of the terminal."""
        while not self.inbound:
            if self._closed:
                raise LinkClosed("closed")
            await self.changed.wait()
        data = bytes(self.inbound[:max_bytes])
        del self.inbound[:max_bytes]
        self.announce()
        return data

    async def write(self, data: bytes, timeout_s: float = 5.0) -> None:
        """Bytes to the terminal."""
        if self._stream is None:
            raise NobodyListening("nobody")
        self._stream.deliver(data)

    async def unplug(self) -> None:
        """Pull the cable."""
        self._plugged = False
        if self._stream is not None:
            self._stream.vanish()
            self._stream = None
        self.announce()

    async def plug(self) -> None:
        """Put it back."""
        self._plugged = True

    async def close(self) -> None:
        """End for good."""
        self._closed = True
        await self.unplug()

    def hung_up(self, stream: MemoryStream) -> None:
        """The terminal closed this stream."""
        if self._stream is stream:
            self._stream = None
        self.announce()

    def announce(self) -> None:
        """Wake everybody who waits."""
        waiting, self.changed = self.changed, asyncio.Event()
        waiting.set()
