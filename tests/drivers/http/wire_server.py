"""A server that speaks bytes: it counts what it is sent and answers, or misbehaves, exactly as a test says."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self


class Exchange:
    """One request on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        self.reader = reader
        self.writer = writer
        self.connection = connection
        """Number of the connection, from 1."""
        self.head = b""
        self.body = b""

    async def answer(self, body: bytes, status: str = "200 OK", headers: str = "", keep: bool = True) -> None:
        """A whole, correct answer."""
        connection = "keep-alive" if keep else "close"
        await self.raw(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: {connection}\r\n{headers}\r\n".encode()
            + body
        )
        if not keep:
            self.close()

    async def raw(self, data: bytes) -> None:
        """These bytes and no others."""
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """End the connection in order."""
        self.writer.close()

    def abort(self) -> None:
        """Break the connection off."""
        self.writer.transport.abort()


Behaviour = Callable[[Exchange], Awaitable[None]]


class WireServer:
    """Serves on a free loopback port while entered."""

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self.requests: list[Exchange] = []
        self.connections = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self.connections += 1
        number = self.connections
        try:
            while not writer.is_closing():
                exchange = Exchange(reader, writer, number)
                exchange.head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in exchange.head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                exchange.body = await reader.readexactly(length)
                self.requests.append(exchange)
                await self._behave(exchange)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return  # the far end has gone, or the test is over
        finally:
            writer.close()
