"""A target for the proxy: an HTTP server that answers every request with the request's own body, and counts."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator


class Echo:
    """What reached the target."""

    def __init__(self) -> None:
        self.port = 0
        self.received = 0
        """Bytes, whole requests or not."""
        self.requests: list[bytes] = []
        """Bodies of the requests that came whole."""


def answer_to(body: bytes) -> bytes:
    """The whole answer of the target on the wire."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextlib.asynccontextmanager
async def echo(tls: ssl.SSLContext | None = None) -> AsyncIterator[Echo]:
    """Serve on a free port until the block ends; every connection is then closed."""
    target = Echo()
    lines: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    is_over = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await converse(target, reader, writer)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_over:
            drop(writer)
            return
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        lines[task] = writer
        task.add_done_callback(lines.pop)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    target.port = listening.sockets[0].getsockname()[1]
    try:
        yield target
    finally:
        is_over = True
        listening.close()
        for task, writer in tuple(lines.items()):
            drop(writer)
            task.cancel()
        await asyncio.gather(*lines, return_exceptions=True)
        for _ in range(10):
            await asyncio.sleep(
                0
            )  # handshakes that broke off are over once the loop has looked at their sockets
        await listening.wait_closed()


def drop(writer: asyncio.StreamWriter) -> None:
    """Close without waiting; under TLS an aborted transport does not count as closed by itself."""
    writer.transport.abort()
    writer.close()


async def converse(target: Echo, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer until the caller ends the line."""
    buffer = b""
    while piece := await reader.read(65536):
        target.received += len(piece)
        buffer += piece
        head, separator, body = buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: ([0-9]+)", head)
        if separator and length and len(body) >= int(length[1]):
            buffer = body[int(length[1]) :]
            target.requests.append(body[: int(length[1])])
            writer.write(answer_to(target.requests[-1]))
            await writer.drain()
