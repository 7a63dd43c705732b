"""A loopback TCP port that the terminal opens as `socket://host:port`.

For machines without pseudo-terminals. One terminal at a time, as on a cable: a second connection is closed at once.
"""

import asyncio
from types import TracebackType

from simulators.held_port import HeldPort
from simulators.links.device_link import LinkClosed, NobodyListening

UNREAD_LIMIT_BYTES = 64 * 1024
"""Bytes of the terminal held for a device that does not read; then TCP's own window closes."""


class TcpLink:
    """One simulated device behind a listening socket; use as `async with TcpLink() as link`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._place = HeldPort(host, port)
        self._server: asyncio.Server | None = None
        self._line: _Line | None = None
        self._closed = False
        self._changed = asyncio.Event()
        self._inbound = bytearray()

    @property
    def url(self) -> str:
        """`socket://host:port`; the port is known once the link is open."""
        return f"socket://{self._place.host}:{self._place.port}"

    @property
    def is_connected(self) -> bool:
        """Whether a terminal is connected."""
        return self._line is not None

    async def open(self) -> None:
        """Start listening; port 0 takes a free port and keeps it for every later `plug`."""
        await self.plug()

    async def __aenter__(self) -> "TcpLink":
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def plug(self) -> None:
        """Listen (again) on the same port."""
        if self._closed:
            raise LinkClosed(f"link {self.url} is closed")
        if self._server is None:
            loop, place = asyncio.get_running_loop(), self._place.take()
            self._server = await loop.create_server(lambda: _Line(self), place.host, place.port)

    async def unplug(self) -> None:
        """Stop listening and break the connection."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        if self._line is not None:
            self._line.abort()
            await self.wait_disconnected()
        await server.wait_closed()

    async def close(self) -> None:
        """Unplug for good; a waiting `read` ends with `LinkClosed`."""
        self._closed = True
        await self.unplug()
        self._place.release()
        self._announce_change()

    async def wait_connected(self) -> None:
        """Return when a terminal is connected."""
        while self._line is None:
            await self._wait_change()

    async def wait_disconnected(self) -> None:
        """Return when no terminal is connected any more."""
        while self._line is not None:
            await self._changed.wait()

    async def read(self, max_bytes: int) -> bytes:
        """Return what the terminal sent; see `DeviceLink.read`."""
        while not self._inbound:
            await self._wait_change()
        data = bytes(self._inbound[:max_bytes])
        del self._inbound[:max_bytes]
        if self._line is not None:
            self._line.resume_reading()
        return data

    async def write(self, data: bytes, timeout_s: float = 5.0) -> None:
        """Send to the terminal; see `DeviceLink.write`."""
        if self._closed:
            raise LinkClosed(f"link {self.url} is closed")
        line = self._line
        if line is None:
            raise NobodyListening(f"nobody is connected to {self.url}")
        async with asyncio.timeout(timeout_s):
            line.write(data)
            while line.has_unsent and self._line is line:
                await self._wait_change()
        if self._line is not line:
            raise NobodyListening(f"{self.url} was closed while writing")

    def _line_made(self, line: "_Line") -> bool:
        if self._line is not None or self._server is None:
            return False
        self._line = line
        self._announce_change()
        return True

    def _line_lost(self, line: "_Line") -> None:
        if self._line is line:
            self._line = None
            self._announce_change()

    def _received(self, data: bytes) -> bool:
        self._inbound += data
        self._announce_change()
        return len(self._inbound) < UNREAD_LIMIT_BYTES

    def _announce_change(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    async def _wait_change(self) -> None:
        if self._closed:
            raise LinkClosed(f"link {self.url} is closed")
        await self._changed.wait()


class _Line(asyncio.Protocol):
    """One accepted connection; tells its link what happens on it."""

    def __init__(self, link: TcpLink) -> None:
        self._link = link
        self._transport: asyncio.Transport | None = None
        self._write_paused = False

    @property
    def has_unsent(self) -> bool:
        """Whether the kernel has not taken everything yet."""
        return self._write_paused

    def write(self, data: bytes) -> None:
        """Queue `data`."""
        if self._transport is not None:
            self._transport.write(data)

    def abort(self) -> None:
        """Break the connection, dropping what is queued."""
        if self._transport is not None:
            self._transport.abort()

    def resume_reading(self) -> None:
        """Take bytes again; harmless when not paused."""
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A terminal connects; turned away when there is one already."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)
        if not self._link._line_made(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of the terminal."""
        if not self._link._received(data) and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The kernel's buffer is full."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """Everything has gone."""
        self._write_paused = False
        self._link._announce_change()

    def connection_lost(self, exc: Exception | None) -> None:
        """The terminal closed, or we did."""
        self._link._line_lost(self)
