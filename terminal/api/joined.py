"""Several callers who want the same thing done at the same time: it is done once, and all hear the same."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Outcome = TypeVar("Outcome")


class Joined(Generic[Key, Outcome]):
    """What is being done now, by key. Use it on one event loop."""

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Future[Outcome]] = {}

    async def join(self, key: Key, work: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Begin `work`, or wait for the one begun under this key; its outcome or its exception reaches every caller.

        A caller who leaves ends nobody's work.
        """
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(work())
            running.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(running)

    def _end(self, key: Key, done: "asyncio.Future[Outcome]") -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # whoever waited has heard it; perhaps nobody did
