"""Where answers meet on their way back: two change places, or the later one goes first."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from simulators.hub.exchange import Delivery

Sleep = Callable[[float], Awaitable[None]]


class Crossing:
    """One for each shell. Create and use it on one event loop."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        """`sleep` is handed in, so time may be virtual."""
        self._sleep = sleep
        self._waiting: dict[str, tuple[bytes, asyncio.Future[bytes]]] = {}

    async def pass_through(self, delivery: Delivery) -> bytes:
        """The body to send: of the other answer after a swap, else its own; waits no longer than the fault says."""
        kind = delivery.meets
        if not kind:
            return delivery.body
        first = self._waiting.pop(kind, None)
        if first is not None:
            body, other = first
            if not other.done():
                other.set_result(delivery.body)
            return body if kind == "swap" else delivery.body
        met: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[kind] = (delivery.body, met)
        limit = asyncio.ensure_future(self._sleep(delivery.wait_s))
        either: set[asyncio.Future[Any]] = {met, limit}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
            if self._waiting.get(kind, (b"", None))[1] is met:
                del self._waiting[kind]
        if kind == "swap" and met.done():
            return met.result()
        if met.done():
            await self._sleep(0.01)  # the one that overtakes is on the wire by then
        return delivery.body
