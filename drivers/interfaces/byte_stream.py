"""A two-way stream of bytes: a serial line, a USB-CDC device, a TCP socket.

The contract is deliberately small (open is the constructor's business, then read, write, close), so that another
serial library is a day's work.
"""

from typing import Protocol


class StreamClosed(OSError):
    """The other end is gone: unplugged, closed, or never there.

    After it every call on this stream raises the same; bytes not yet read are lost, bytes written may or may not
    have arrived. The owner closes the stream and opens a new one.
    """


class ByteStream(Protocol):
    """One open stream, owned by exactly one driver task."""

    async def read(self, max_bytes: int) -> bytes:
        """Return 1 to `max_bytes` bytes as soon as any are there; raise `StreamClosed` at the end, never b""."""
        ...

    async def write(self, data: bytes, timeout_s: float) -> None:
        """Hand all of `data` to the line and wait until it has drained.

        Raises `TimeoutError` when the far side does not take it in `timeout_s` (how much went is then unknown) and
        `StreamClosed` when the line is gone.
        """
        ...

    async def close(self) -> None:
        """Close; may be called twice; never raises."""
        ...


class ByteStreamOpener(Protocol):
    """Opens the stream behind one configured URL, again and again (a replugged device gets a new stream)."""

    @property
    def url(self) -> str:
        """The configured address: a device path, `socket://host:port` or `rfc2217://host:port`."""
        ...

    async def open(self) -> ByteStream:
        """Open; raises `StreamClosed` with a reason a technician can act on when the device is not there."""
        ...
