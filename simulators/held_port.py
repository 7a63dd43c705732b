"""A port that stays ours while nobody listens on it.

A device that is unplugged, or a hub that is down, comes back where it was. Meanwhile the system would give its port to any
connection that goes out of this machine, and coming back would fail; now and then it did.
"""

import socket
from typing import Self


def bound(host: str, port: int, *, lingering: bool = True) -> socket.socket:
    """Bind a port, 0 for a free one, and do not listen: connecting is refused. Raises OSError when it is in use.

    A server that asks for SO_REUSEADDR, as asyncio's all do, may listen on it beside this. `lingering`: connections of an
    earlier server that are not quite over do not count as use.
    """
    place = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(lingering))
    try:
        place.bind((host, port))
    except OSError:
        place.close()
        raise
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return place


class HeldPort:
    """Where a server that comes and goes listens: chosen at the first `take`, and kept until `release`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        """0 until it is taken, unless a certain one was asked for."""
        self._place: socket.socket | None = None

    def take(self) -> Self:
        """Bind it; harmless when that is done. Raises OSError when it is in use."""
        if self._place is None:
            self._place = bound(self.host, self.port)
            self.port = self._place.getsockname()[1]
        return self

    def release(self) -> None:
        """Anybody may have it now."""
        place, self._place = self._place, None
        if place is not None:
            place.close()
