"""The hub without sockets: the same transport interface as HTTP, straight into the core, for tests and simulation."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping

from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer
from simulators.hub.crossing import Crossing
from simulators.hub.exchange import Delivery
from simulators.hub.faulty import FaultyHub

Clock = Callable[[], dt.datetime]
Sleep = Callable[[float], Awaitable[None]]


class HubLink:
    """A `HubTransport` over a hub in this process. Clock and sleep are handed in, so time may be virtual."""

    def __init__(self, hub: FaultyHub, clock: Clock, sleep: Sleep, path: str) -> None:
        """`path` is the one the hub answers on; any other is answered 404."""
        self.hub = hub
        self.down = False
        """True: nobody listens, every post is `NotSent("refused")`."""
        self._clock = clock
        self._sleep = sleep
        self._path = path
        self._crossing = Crossing(sleep)

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """Hand the bytes to the hub. `NotSent` when it is down, `NoAnswer` when a fault swallows the answer."""
        if self.down:
            raise NotSent("refused")
        if path != self._path:
            return RawAnswer(404, b"", "text/plain")
        delivery = self.hub.respond(body, self._clock())
        return await self._deliver(delivery, total_timeout_s)

    async def _deliver(self, delivery: Delivery, total_timeout_s: float) -> RawAnswer:
        if delivery.refused:
            raise NotSent("refused")
        if delivery.filler:
            raise NoAnswer("too_large" if delivery.filler == "huge" else "broken")
        delay_s = delivery.delay_s + delivery.every_s * len(delivery.body)
        if delay_s:
            await self._sleep(min(delay_s, total_timeout_s))
            if delay_s >= total_timeout_s:
                raise NoAnswer("timeout")
        if delivery.closed:
            raise NoAnswer("broken" if delivery.body else "disconnected")
        try:
            async with asyncio.timeout(total_timeout_s):
                body = await self._crossing.pass_through(delivery)
        except TimeoutError:
            raise NoAnswer("timeout") from None
        return RawAnswer(delivery.status, body, delivery.content_type)

    async def close(self) -> None:
        """Nothing is held open."""
