"""Time that never goes back, and what happens while the machine's clock cannot be trusted (faults F33 and F36).

The wall clock of a counter may jump: a dead battery starts it in 1970, somebody sets it, a time server corrects it. What
the counter tells (in messages, slips, the journal) comes from `TrustedClock`: it follows the wall clock while that goes
on evenly, goes on by the monotonic clock while it does not, and never tells a time before one it has told, nor before
the newest record of the journal. One exception: when that had run ahead and the hub confirms the machine's clock, what is
told goes back to it, because every sale would otherwise be dated in the future. Deadlines use the monotonic clock anyway.

A clock that goes on evenly may be wrong from the beginning, and one that was behind may be set too far. So the hub's first answer
after a start, and after a trouble that ended without the hub, is compared too: more than ten minutes off is as suspicious as a jump.

No new sale starts while the time is not trusted; what is open is worked off. Trust comes back with the wall clock
itself, or with the hub: its answers say when it received the request. That member is not under the hub's signature; only the
TLS line vouches for it. It can therefore set or end a hold, but no time is ever taken from it.
"""

import datetime as dt
import math
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from drivers.interfaces.clock import Clock
from protocols.wire_time import WIRE_ZONE, format_time
from terminal.core.values import Notice
from terminal.counter.holds import CLOCK_BEHIND, CLOCK_JUMPED, Holds
from terminal.hub.client import Contact

BUILT: Final = dt.datetime(2026, 11, 1, tzinfo=WIRE_ZONE)
"""No time before this one is true: the program did not exist. Raised with each release."""
BACK: Final = dt.timedelta(minutes=2)
"""So far behind the newest record the clock may be at a start without suspicion."""
JUMP: Final = dt.timedelta(minutes=10)
"""What is more than this in one step is a jump; also the narrowest clock window of a far end (PD-8)."""
LOOK_EVERY_S: Final = 5.0
ASK_HUB_EVERY_S: Final = 30.0
"""How often a hub is asked that has not told its time since the trouble began."""
ASK_HUB_AGAIN_S: Final = 300.0
"""How often one is asked that has: its time goes on by the monotonic clock, so that a clock set right is seen at the next look."""


log = structlog.get_logger("terminal.clock")


class TrustedClock:
    """Implements `Clock` over the machine's clock."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._base = max(machine.now(), BUILT)
        self._base_s = machine.monotonic_s()
        self._told = self._base
        self.trouble = CLOCK_BEHIND if machine.now() < BUILT else ""
        """`clock_behind` or `clock_jumped` while the machine's clock is not followed; else empty."""
        self._disputed = False
        """The hub says otherwise: that the clock goes on evenly proves nothing."""

    def raise_floor(self, newest_record: dt.datetime | None) -> None:
        """Take the journal's newest record into account; called once, when it has been opened."""
        if newest_record is None:
            return
        if self._machine.now() < newest_record - BACK:
            self.trouble = CLOCK_BEHIND
            self._base, self._base_s = newest_record, self._machine.monotonic_s()
        self._told = max(self._told, newest_record)

    def now(self) -> dt.datetime:
        """See `Clock`. Never goes back but in `follow_machine`."""
        wall, at_s = self._machine.now(), self._machine.monotonic_s()
        expected = self._base + dt.timedelta(seconds=at_s - self._base_s)
        if (self.trouble == CLOCK_BEHIND and wall >= expected - BACK) or (
            self.trouble != CLOCK_BEHIND and not self._disputed and abs(wall - expected) <= JUMP
        ):
            self._follow(wall, at_s)
        elif not self.trouble:
            self.trouble = CLOCK_JUMPED
            log.error("clock_jumped", expected=format_time(expected), machine=format_time(wall))
        self._told = max(self._told, wall if not self.trouble else expected)
        return self._told

    def _follow(self, wall: dt.datetime, at_s: float) -> None:
        self._base, self._base_s, self.trouble, self._disputed = wall, at_s, "", False

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self._machine.monotonic_s()

    @property
    def machine_now(self) -> dt.datetime:
        """What the machine's own clock says."""
        return self._machine.now()

    def dispute(self) -> None:
        """Somebody trusted says that what is told is wrong, though the clock goes on evenly."""
        log.error("clock_disputed", machine=format_time(self._machine.now()))
        self.trouble, self._disputed = CLOCK_JUMPED, True

    def follow_machine(self) -> None:
        """Somebody trusted says that the machine's clock is right as it is now."""
        log.info("clock_trusted", machine=format_time(self._machine.now()))
        self._follow(self._machine.now(), self._machine.monotonic_s())
        if self._told - self._base > JUMP:
            self._told = self._base


class ClockWatch:
    """Holds new sales back while the time is not trusted, and asks the hub for its time."""

    def __init__(
        self,
        clock: TrustedClock,
        holds: Holds,
        contact: Callable[[], Contact | None],
        ask_hub: Callable[[], Awaitable[object]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """`ask_hub` makes the hub answer anything; `contact` is the newest authentic exchange."""
        self._clock = clock
        self._holds = holds
        self._contact = contact
        self._ask_hub = ask_hub
        self._sleep = sleep
        self._since_s: float | None = None
        self._asked_s: float | None = None
        self._compared = False
        """The hub's first answer since the start, or since a trouble ended by itself, has been held against what is told."""
        self._believed_s = -math.inf
        """Since when what is told is to be compared, in monotonic seconds."""

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await self.look_once()
            await self._sleep(LOOK_EVERY_S)

    def look(self) -> str:
        """Set or lift the hold by what the clocks say now; returns the trouble."""
        clock = self._clock
        told = clock.now()
        self._compare_first()
        trouble = clock.trouble
        for code in (CLOCK_BEHIND, CLOCK_JUMPED):
            if code != trouble:
                self._holds.lift(code)
        if not trouble:
            if self._since_s is not None:
                self._compared, self._believed_s = False, clock.monotonic_s()
            self._since_s = self._asked_s = None
            return ""
        if self._since_s is None:
            self._since_s = clock.monotonic_s()
        hub_now = self._hub_now()
        if hub_now is not None:
            if abs(clock.machine_now - hub_now) <= JUMP:
                clock.follow_machine()
                self._holds.lift(trouble)
                self._since_s = self._asked_s = None
                return ""
            if abs(hub_now - told) <= JUMP:
                self._holds.lift(trouble)  # what we tell is right, only the machine's clock is not
                return trouble
        self._holds.set(Notice(trouble, {"now": format_time(clock.machine_now), "floor": format_time(told)}))
        return trouble

    def _hub_now(self) -> dt.datetime | None:
        """What the hub's clock says now, by what it told since the trouble began."""
        contact = self._contact()
        if contact is None or self._since_s is None or contact.arrived_s <= self._since_s:
            return None
        return contact.hub_now(self._clock.monotonic_s())

    def _compare_first(self) -> None:
        contact = None if self._compared else self._contact()
        if contact is None or contact.sent_s <= self._believed_s:
            return
        offset_s = contact.clock_offset_s
        if offset_s is not None:
            self._compared = True
            if not self._clock.trouble and abs(offset_s) > JUMP.total_seconds():
                self._clock.dispute()

    async def look_once(self) -> None:
        """Look, and while the time is not trusted ask the hub now and then."""
        if not self.look():
            return
        now_s = self._clock.monotonic_s()
        pause_s = ASK_HUB_EVERY_S if self._hub_now() is None else ASK_HUB_AGAIN_S
        if self._asked_s is None or now_s - self._asked_s >= pause_s:
            self._asked_s = now_s
            await self._ask_hub()
            self.look()
