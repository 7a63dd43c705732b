"""A line in memory for tests that must decide what arrives in which read, and when it breaks."""

import asyncio

from drivers.interfaces.byte_stream import StreamClosed


class MemoryStream:
    """A `ByteStream` fed by the test; counts the reads that were cancelled while the line lived."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = False
        self.cancelled_reads = 0

    def arrive(self, data: bytes) -> None:
        """The next read returns exactly this."""
        self._arrived.put_nowait(data)

    def unplug(self) -> None:
        """The read after those already there fails."""
        self._arrived.put_nowait(None)

    async def read(self, max_bytes: int) -> bytes:
        """The next piece."""
        try:
            data = await self._arrived.get()
        except asyncio.CancelledError:
            self.cancelled_reads += 1
            raise
        if data is None:
            raise StreamClosed("memory: unplugged")
        return data

    async def write(self, data: bytes, timeout_s: float) -> None:
        """A plain scanner is never spoken to."""
        raise AssertionError

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


class MemoryOpener:
    """Gives out the prepared streams or failures, one for each opening; then waits for ever."""

    url = "memory"

    def __init__(self, *prepared: MemoryStream | StreamClosed) -> None:
        self._prepared = list(prepared)

    async def open(self) -> MemoryStream:
        """The next one."""
        if not self._prepared:
            await asyncio.Event().wait()
        prepared = self._prepared.pop(0)
        if isinstance(prepared, StreamClosed):
            raise prepared
        return prepared
