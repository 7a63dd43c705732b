"""A code scanner: an endless source of scans."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec


class Scan(msgspec.Struct, frozen=True):
    """One code as read, already one line and free of control bytes (profile decision PD-20)."""

    payload: bytes
    """The code's bytes without prefix, AIM id and terminator; GS (0x1D) is kept."""
    text: str | None
    """The payload as text (ASCII, else UTF-8, else GB18030); None when it decodes as none of them."""
    symbology: str
    """AIM symbology id such as "]E0", or "" when the device sends none."""
    dropped_control_bytes: int
    """How many control bytes were dropped (fault F13 counts them)."""

    def __repr__(self) -> str:
        """The code may be a person's certificate: its text form shows nothing of it."""
        return f"Scan({len(self.payload)} bytes, symbology={self.symbology!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What `rich` prints in a traceback."""
        return [("symbology", self.symbology)]


class ScanFault(msgspec.Struct, frozen=True):
    """Something arrived that is not a usable scan."""

    kind: str
    """`scan.overrun` (line too long or too slow; discarded to the next terminator), `scan.lost` (opened or unplugged in
    the middle), `scan.dropped` (nobody took the events; the oldest are gone)."""


class Scanner(Protocol):
    """One scanner; its driver task owns the line and reconnects by itself."""

    def events(self) -> AsyncIterator[Scan | ScanFault]:
        """Yield scans and faults for ever; one consumer.

        The same code within 1.5 s of its last sighting is one scan (PD-23).
        """
        ...
