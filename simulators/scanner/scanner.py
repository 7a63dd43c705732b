"""A code scanner in plain mode at the device's end of a link: `[prefix][AIM id]data[suffix]`, nothing else.

It does on request what real ones do by accident: stops in the middle, runs codes together, reads twice.
"""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Sequence

from protocols.codes.symbologies import AIM_IDS
from simulators.links.device_link import DeviceLink


class SimulatedScanner:
    """Sends codes over a link that somebody else opened and closes.

    `prefix` and `suffix` are the device's settings; with `send_aim_id` a scan whose symbology is given carries its id.
    `pause` is what waits inside a split code; hand in another one where time is simulated.
    """

    def __init__(
        self,
        link: DeviceLink,
        *,
        suffix: bytes = b"\r",
        prefix: bytes = b"",
        send_aim_id: bool = True,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._link = link
        self._suffix = suffix
        self._prefix = prefix
        self._send_aim_id = send_aim_id
        self._pause = pause

    async def scan(
        self,
        code: str | bytes,
        symbology: str | None = None,
        *,
        suffix: bytes | None = None,
        split_at: Sequence[int] = (),
        pause_s: float = 0.0,
        times: int = 1,
    ) -> None:
        """Send one code.

        `symbology` is a word of `protocols.codes.symbologies.AIM_IDS` ("qr") or an AIM id ("]Q1"). Text goes as UTF-8;
        give bytes for anything else. `split_at` are places in the bytes on the wire where sending stops for `pause_s`.
        `times` repeats the whole, as a scanner does with a code left in view. Raises `NobodyListening` when the
        terminal does not have its end open, `ValueError` for an unknown symbology.
        """
        wire = self.wire_bytes(code, symbology, suffix) * times
        edges = [0, *sorted(split_at), len(wire)]
        for number, (begin, end) in enumerate(itertools.pairwise(edges)):
            if number:
                await self._pause(pause_s)
            await self._link.write(wire[begin:end])

    async def scan_glued(
        self, *codes: str | bytes, symbology: str | None = None, suffix: bytes | None = None
    ) -> None:
        """Send several codes in one burst; with `suffix=b""` nothing stands between them."""
        await self._link.write(b"".join(self.wire_bytes(code, symbology, suffix) for code in codes))

    async def unplug_inside(self, code: str | bytes, sent_bytes: int, symbology: str | None = None) -> None:
        """Send only the first `sent_bytes` bytes of a code, then pull the cable."""
        await self._link.write(self.wire_bytes(code, symbology)[:sent_bytes])
        await self._link.unplug()

    def wire_bytes(
        self, code: str | bytes, symbology: str | None = None, suffix: bytes | None = None
    ) -> bytes:
        """The bytes a scan puts on the wire."""
        data = code.encode() if isinstance(code, str) else code
        aim_id = _aim_id(symbology) if symbology is not None and self._send_aim_id else b""
        return self._prefix + aim_id + data + (self._suffix if suffix is None else suffix)


def _aim_id(symbology: str) -> bytes:
    aim_id = AIM_IDS.get(symbology, symbology)
    if not re.fullmatch(r"\][A-Za-z][0-9]", aim_id):
        raise ValueError(f"unknown symbology {symbology}; known: {', '.join(AIM_IDS)}")
    return aim_id.encode("ascii")
