"""The Unix socket the API is served on: mode 0600, ours alone, removed when we leave."""

import asyncio
import contextlib
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from litestar import Litestar

MAX_SOCKET_PATH = 100
"""Bytes a Unix socket's path may have on Linux, with a little left."""


class SocketUnusable(Exception):
    """The socket cannot be made; the text says why and what to do."""


class _QuietServer(uvicorn.Server):
    """Signals belong to the application, not to the server; says when it answers."""

    def __init__(self, config: uvicorn.Config, started: asyncio.Event) -> None:
        super().__init__(config)
        self._answers = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._answers.set()


def bind(path: Path) -> socket.socket:
    """Bind the socket with mode 0600; a stale file of a dead service is replaced (the lock says it is dead)."""
    if len(str(path).encode()) > MAX_SOCKET_PATH:
        raise SocketUnusable(f"{path}: the path is too long for a Unix socket; use a shorter state folder")
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(128)
    except OSError as failure:
        listener.close()
        raise SocketUnusable(f"{path}: {failure.strerror}") from failure
    return listener


async def serve(app: Litestar, listener: socket.socket, started: asyncio.Event) -> None:
    """Serve until cancelled; `started` is set once requests are answered."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        ws="none",
    )
    server = _QuietServer(config, started)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
