"""The network is back: every waiting try is due at once, at most one such signal every five seconds.

While the hub does not answer and something waits for it, a question that changes nothing is asked every ten seconds, so
that the end of an outage is noticed also where nobody sells. It is 5201 about the oldest that waits; its answer is not
looked at. When nothing waits, or the hub answers, nothing is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from drivers.interfaces.clock import Clock
from drivers.interfaces.signer import SignerUnavailable
from terminal.core.events import NoAnswer
from terminal.core.message_parts import Site
from terminal.core.messages import build
from terminal.core.values import Settlement
from terminal.counter.session import HubSession
from terminal.hub.client import FieldTooLong, HubClient

SIGNAL_PAUSE_S = 5.0
"""Between two signals; one that comes earlier is heard when the pause is over."""
ASK_EVERY_S = 10.0
"""How often a silent hub is asked, and how long it has for its answer."""
QUESTION = "5201"


class NetworkWatch:
    """Notices that the hub answers again; `run` is its only task."""

    def __init__(
        self,
        hub: HubClient,
        session: HubSession,
        site: Site,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        waiting: Callable[[], Sequence[Settlement]],
        hurry: Callable[[Sequence[str], float], None],
    ) -> None:
        """`waiting` names what waits for a try that may be brought forward, oldest first; `hurry` brings it forward."""
        self._hub = hub
        self._session = session
        self._site = site
        self._clock = clock
        self._sleep = sleep
        self._waiting = waiting
        self._hurry = hurry
        self._signal_at_s = -SIGNAL_PAUSE_S
        hub.line.on_back = self.is_back

    def is_back(self) -> None:
        """The hub answers again: let everything that waits try now, or as soon as the pause since the last signal is over."""
        now_s = self._clock.monotonic_s()
        if self._signal_at_s <= now_s:
            self._signal_at_s = max(now_s, self._signal_at_s + SIGNAL_PAUSE_S)
        self._hurry([settlement.id for settlement in self._waiting()], self._signal_at_s - now_s)

    async def run(self) -> None:
        """Ask for ever, while there is a reason to. Raises `JournalFailed` when no message number can be reserved."""
        line = self._hub.line
        while True:
            await line.trouble.wait()
            await self._sleep(ASK_EVERY_S)
            waiting = self._waiting()
            if waiting and not line.answers:
                await self._ask_about(waiting[0])

    async def _ask_about(self, settlement: Settlement) -> None:
        try:
            async with asyncio.timeout(ASK_EVERY_S):
                if await self._session.ensure() is None:
                    await self._hub.ask(QUESTION, *build(QUESTION, settlement, self._site))
        except TimeoutError:
            self._hub.line.heard(NoAnswer("timeout"), question=True)
        except (SignerUnavailable, FieldTooLong):
            return  # nothing is sent; whoever holds the key up, or wants to send more than a question, says so elsewhere
