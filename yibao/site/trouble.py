"""What befalls the whole shop at times of its own: outages of the hub, and clocks of machines that jump."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final

from yibao.site.machine import Machine
from yibao.site.road import HubRoad
from yibao.site.weather import Weather

_DAY_S: Final = 86_400


class Trouble:
    """Planned from the seed; every plan is one piece of work beside the trade, and ends early when it is cancelled."""

    def __init__(
        self,
        weather: Weather,
        rng: Random,
        machines: Sequence[Machine],
        now_s: Callable[[], float],
        note: Callable[..., None],
        happened: Callable[[str], None],
    ) -> None:
        """`note` writes into the log of the run; `happened` counts a fault that belongs to no message."""
        self._weather = weather
        self._rng = rng
        self._machines = machines
        self._now_s = now_s
        self._note = note
        self._happened = happened
        self._outages = 0
        """How many have begun and not ended."""
        self.is_down = False
        """Nobody hears the hub."""
        self.ups: list[float] = []
        """When it came back, in virtual seconds."""

    def plans(self) -> list[Awaitable[None]]:
        """Outages and jumps, each at a time of its own."""
        rng, weather = self._rng, self._weather
        plans: list[Awaitable[None]] = []
        for _ in range(weather.outages):
            plans.append(self.outage(rng.uniform(0.0, 5400.0), rng.choice((60.0, 600.0, 3600.0))))
        if weather.days_down:
            plans.append(self.outage(rng.uniform(0.0, 1800.0), rng.choice((26.0, 72.0)) * 3600.0))
        for machine in self._machines:
            for _ in range(weather.clock_jumps):
                seconds = rng.choice((-3600.0, -3600.0, 3600.0, -90.0, 600.0, 86400.0))
                plans.append(self._clock_jump(machine, rng.uniform(0.0, 5400.0), seconds))
        return plans

    async def outage(self, after_s: float, lasts_s: float) -> None:
        """The hub is away for a while; outages that overlap are one."""
        await asyncio.sleep(after_s)
        if lasts_s > _DAY_S:
            self._happened("outage-days")
        self._outages += 1
        if self._outages == 1:
            self._down(True)
        try:
            await asyncio.sleep(lasts_s)
        finally:
            self._outages -= 1
            if not self._outages:
                self._down(False)

    def _down(self, down: bool) -> None:
        self._note("hub", "down" if down else "up")
        self.is_down = down
        if not down:
            self.ups.append(self._now_s())
        for machine in self._machines:
            assert isinstance(machine.road, HubRoad)
            machine.road.down = down

    async def _clock_jump(self, machine: Machine, after_s: float, seconds: float) -> None:
        await asyncio.sleep(after_s)
        self._note("clock", machine.name, seconds)
        self._happened("clock jump")
        machine.clock.jump(seconds)
        if seconds > 3600:  # a day ahead: somebody notices
            await asyncio.sleep(600.0)
            machine.clock.jump(-seconds)
