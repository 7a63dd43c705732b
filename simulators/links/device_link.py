"""What a simulated device can ask of its wire, whichever kind of wire it is."""

from typing import Protocol


class LinkClosed(OSError):
    """The link was closed by its owner; it cannot be used again."""


class NobodyListening(OSError):
    """The terminal does not have this end open now, or closed it in the middle; what was written may be lost.

    A real scanner would not notice: its bytes fall on the floor. A simulator says so, because the person who asked for
    a scan wants to know why nothing happened.
    """


class DeviceLink(Protocol):
    """The device's end of a wire that the terminal opens, closes and opens again as it likes."""

    @property
    def url(self) -> str:
        """The address for the terminal's configuration: a stable path, or `socket://host:port`."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether the terminal has its end open (seen with a delay of some milliseconds)."""
        ...

    async def wait_connected(self) -> None:
        """Return as soon as the terminal has its end open; raises `LinkClosed`."""
        ...

    async def wait_disconnected(self) -> None:
        """Return as soon as the terminal has closed its end, or the device is unplugged.

        While 64 KiB lie unread the closing is not noticed: it stands behind bytes that nobody takes.
        """
        ...

    async def read(self, max_bytes: int) -> bytes:
        """Return 1 to `max_bytes` bytes from the terminal, waiting through reopenings and replugging.

        Raises `LinkClosed` once the link is closed. At most 64 KiB are held unread; beyond that the terminal's writes
        block, as on a line with flow control.
        """
        ...

    async def write(self, data: bytes, timeout_s: float = 5.0) -> None:
        """Send `data` to the terminal.

        Raises `NobodyListening`, `TimeoutError` when the terminal does not read (a part may have gone), `LinkClosed`.
        """
        ...

    async def unplug(self) -> None:
        """Pull the cable: the terminal sees the device vanish, bytes it had not read are lost."""
        ...

    async def plug(self) -> None:
        """Put the cable back: the same `url` works again."""
        ...

    async def close(self) -> None:
        """End the link for good; may be called twice."""
        ...
