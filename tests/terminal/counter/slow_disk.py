"""A disk that keeps the counter waiting."""

import asyncio
from collections.abc import Callable

from terminal.journal.journal import Journal
from terminal.journal.thread import JournalPort, Result


class SlowDisk:
    """A journal whose calls wait until it is `idle`, and then take `takes_s` seconds each."""

    def __init__(self, inner: JournalPort, takes_s: float = 0.0) -> None:
        self._inner = inner
        self._takes_s = takes_s
        self.idle = asyncio.Event()
        self.idle.set()

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """See `JournalPort`."""
        await self.idle.wait()
        await asyncio.sleep(self._takes_s)
        return await self._inner.call(work)
