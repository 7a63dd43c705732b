"""Holds a driver's present state and wakes those who follow it."""

import asyncio
from collections.abc import AsyncIterator, Callable

from drivers.interfaces.device_state import DeviceState, DeviceStatus


class StatusBoard:
    """One device's state; written by its driver task, read by any number of followers of the same event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._current = DeviceStatus(state=DeviceState.ABSENT, reason="not started", since_s=clock())
        self._changed = asyncio.Event()

    @property
    def current(self) -> DeviceStatus:
        """The present state."""
        return self._current

    def set(self, state: DeviceState, reason: str = "") -> None:
        """Change the state; an equal state and reason is no change."""
        if (state, reason) == (self._current.state, self._current.reason):
            return
        self._current = DeviceStatus(state=state, reason=reason, since_s=self._clock())
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    async def follow(self) -> AsyncIterator[DeviceStatus]:
        """Yield the present state, then every later one; states that came and went unseen are left out."""
        while True:
            changed, seen = self._changed, self._current
            yield seen
            if self._current is seen:
                await changed.wait()
