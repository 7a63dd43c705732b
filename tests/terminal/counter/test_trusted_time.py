"""Clock jumps and dead batteries: told times never go back, no new sale before the time is trusted (F33, F36, T31, T32)."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Literal, cast

import msgspec
import pytest

from protocols.wire_time import WIRE_ZONE, format_stamp_ms
from simulators.hub.desk import HubSettings
from terminal.building import build_clock_watch
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.holds import Holds
from terminal.counter.trusted_time import BUILT, ClockWatch, TrustedClock
from terminal.hub.client import Contact
from tests.faults import fired
from tests.terminal.harness import NATIONAL, Shop, virtual
from tests.terminal.stood_clock import StoodClock
from yibao.site.virtual_loop import VirtualClock

NINE = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)
HOUR = dt.timedelta(hours=1)


class Watched:
    """A watch with a hub that knows the true time, or is silent."""

    def __init__(self, machine: StoodClock, newest_record: dt.datetime | None = None) -> None:
        self.machine = machine
        self.clock = TrustedClock(machine)
        self.clock.raise_floor(newest_record)
        self.told: list[Notice] = []
        self.holds = Holds(self.told.append)
        self.true: dt.datetime | None = None
        self.asked = 0
        self._contact: Contact | None = None
        self.watch = ClockWatch(self.clock, self.holds, lambda: self._contact, self._ask, _no_sleep)

    async def _ask(self) -> None:
        self.asked += 1
        if self.true is not None:
            self.machine.move(1)
            self.true += dt.timedelta(seconds=1)
            stamp = format_stamp_ms(self.true)
            self._contact = Contact("9001", self.clock.now(), self.machine.passed_s, 5.0, 1.0, stamp)

    async def look(self) -> list[str]:
        """Look once; returns why no new sale starts."""
        await self.watch.look_once()
        return [notice.code for notice in self.holds.standing]


async def _no_sleep(seconds: float) -> None:
    raise AssertionError("nothing sleeps here")


async def test_an_even_clock_is_followed() -> None:
    machine = StoodClock(NINE)
    place = Watched(machine, NINE - HOUR)
    for _ in range(5):
        machine.move(3600)
        assert await place.look() == []
        assert place.clock.now() == machine.wall
    assert place.asked == 0


@pytest.mark.parametrize(
    "jump", [HOUR, -HOUR, dt.datetime(1970, 1, 1, tzinfo=WIRE_ZONE) - NINE, dt.timedelta(days=26_600)]
)
async def test_after_a_jump_the_told_time_goes_on_evenly_and_no_sale_starts(jump: dt.timedelta) -> None:
    """F33: an hour on, an hour back, 1970, 2099."""
    machine = StoodClock(NINE)
    place = Watched(machine)
    before = place.clock.now()
    machine.wall += jump
    fired("F33")
    machine.move(10)
    assert place.clock.now() == before + dt.timedelta(seconds=10)
    assert await place.look() == ["clock_jumped"]
    assert [notice.code for notice in place.told] == ["clock_jumped"]
    with pytest.raises(Misuse, match="clock_jumped"):
        place.holds.require_none()
    machine.wall -= jump
    assert await place.look() == [], "the clock was set right again"
    assert place.clock.now() == machine.wall


async def test_small_corrections_pass_and_still_nothing_goes_back() -> None:
    machine = StoodClock(NINE)
    place = Watched(machine)
    before = place.clock.now()
    machine.wall -= dt.timedelta(minutes=4)
    assert place.clock.now() == before
    machine.move(60)
    assert place.clock.now() == before, "it stands still until the clock has caught up"
    machine.move(200)
    assert place.clock.now() == before + dt.timedelta(seconds=20)
    assert await place.look() == []


async def test_the_hub_ends_the_suspicion_when_the_new_time_is_right() -> None:
    """A time server put a wrong clock right by three hours: the hub says the same, sales go on."""
    machine = StoodClock(NINE)
    place = Watched(machine)
    machine.wall += 3 * HOUR
    fired("F33")
    place.true = machine.wall
    assert await place.look() == []
    assert place.clock.now() == machine.wall
    assert place.asked == 1


async def test_the_hub_ends_the_hold_when_the_told_time_is_right_and_only_the_machine_is_wrong() -> None:
    machine = StoodClock(NINE)
    place = Watched(machine)
    place.true = machine.wall
    machine.wall -= 5 * HOUR
    fired("F33")
    assert await place.look() == [], "what is told is right"
    assert place.clock.trouble == "clock_jumped"
    assert place.true is not None
    assert abs(place.clock.now() - place.true) < dt.timedelta(seconds=2)


async def test_a_dead_battery_stops_new_sales_until_the_clock_is_set() -> None:
    """F36: the machine starts in 1970 without a time server; the journal knows better."""
    machine = StoodClock(dt.datetime(1970, 1, 1, 0, 0, 7, tzinfo=WIRE_ZONE))
    place = Watched(machine, NINE)
    fired("F36")
    machine.move(30)
    assert place.clock.now() == NINE + dt.timedelta(seconds=30), "what is told goes on from the newest record"
    assert await place.look() == ["clock_behind"]
    (notice,) = place.told
    assert notice.params == {"now": "1970-01-01 00:00:37", "floor": "2026-11-23 09:00:30"}
    assert await place.look() == ["clock_behind"]
    assert place.asked == 1, "the hub is asked every half minute, not at every look"
    machine.move(31)
    await place.look()
    assert place.asked == 2
    machine.wall = NINE + 72 * HOUR
    assert await place.look() == [], "set by hand or by a time server"
    assert place.clock.now() == machine.wall


async def test_a_clock_that_was_behind_and_is_set_too_far_is_held_against_the_hubs_next_answer() -> None:
    """F36: somebody sets the dead clock, to the wrong year. Nothing but the hub can say so."""
    machine = StoodClock(dt.datetime(1970, 1, 1, tzinfo=WIRE_ZONE))
    place = Watched(machine, NINE)
    fired("F36")
    place.true = NINE + 2 * HOUR
    assert await place.look() == ["clock_behind"], "the hub answers, and agrees with neither"
    machine.wall = place.true + dt.timedelta(days=365)
    assert await place.look() == [], "nothing is known against it yet"
    await place._ask()
    assert await place.look() == ["clock_jumped"]
    machine.wall = place.true
    machine.move(31)
    place.true = machine.wall
    assert await place.look() == [], "set right, and the hub says so"
    assert place.clock.now() == machine.wall


async def test_a_clock_that_was_behind_and_is_set_right_is_not_held_against_older_answers() -> None:
    """What the hub said while the clock was behind compares it with a time that is told no more."""
    machine = StoodClock(dt.datetime(1970, 1, 1, tzinfo=WIRE_ZONE))
    place = Watched(machine, NINE)
    fired("F36")
    place.true = NINE + 72 * HOUR
    assert await place.look() == ["clock_behind"]
    machine.wall = place.true
    for _ in range(3):
        machine.move(1)
        assert await place.look() == []


async def test_a_new_journal_knows_at_least_when_the_program_was_made() -> None:
    place = Watched(StoodClock(dt.datetime(2000, 1, 1, tzinfo=WIRE_ZONE)))
    fired("F36")
    assert await place.look() == ["clock_behind"]
    assert place.clock.now() >= BUILT


async def test_a_journal_from_the_future_is_overruled_by_the_hub() -> None:
    """T32: somebody sold with the clock in 2031; it is right again now, and the hub says so."""
    machine = StoodClock(NINE)
    place = Watched(machine, NINE + dt.timedelta(days=1800))
    fired("F33")
    assert await place.look() == ["clock_behind"]
    place.true = machine.wall
    machine.move(31)
    place.true = machine.wall
    assert await place.look() == []
    assert place.clock.now() == machine.wall, "no sale is dated in 2031 any more"


async def test_a_clock_that_is_ahead_from_the_start_dates_no_sale() -> None:
    """Even and wrong: the hub's first answer says so, and sales wait until the clock is set."""
    machine = StoodClock(NINE + dt.timedelta(days=1095))
    place = Watched(machine)
    fired("F33")
    assert await place.look() == [], "nothing is known against it yet"
    place.true = NINE
    await place._ask()
    assert await place.look() == ["clock_jumped"]
    machine.move(31)
    place.true += dt.timedelta(seconds=31)
    assert await place.look() == ["clock_jumped"], "that it goes on evenly proves nothing"
    machine.wall = place.true
    machine.move(31)
    place.true += dt.timedelta(seconds=31)
    assert await place.look() == [], "set right, and the hub says so"
    assert place.clock.now() == machine.wall, "what was told before was never true"


async def test_only_the_first_answer_of_the_hub_is_held_against_an_even_clock() -> None:
    machine = StoodClock(NINE)
    place = Watched(machine)
    place.true = NINE + dt.timedelta(minutes=9)
    await place._ask()
    assert await place.look() == []
    place.true = NINE + 9 * HOUR
    await place._ask()
    assert await place.look() == [], "a hub whose clock goes wrong stops no shop that it agreed with"


async def test_a_hub_answer_from_before_the_jump_proves_nothing() -> None:
    machine = StoodClock(NINE)
    place = Watched(machine)
    place.true = machine.wall
    await place._ask()
    place.true = None
    machine.wall += 2 * HOUR
    fired("F33")
    assert await place.look() == ["clock_jumped"]


async def test_a_hub_that_disagrees_with_both_ends_nothing() -> None:
    machine = StoodClock(NINE)
    place = Watched(machine)
    machine.wall += 2 * HOUR
    fired("F33")
    place.true = NINE + 9 * HOUR
    assert await place.look() == ["clock_jumped"]


@pytest.mark.parametrize("sign_in", ["daily", "none"])
@virtual
async def test_a_clock_that_was_set_right_is_confirmed_also_where_nobody_signs_in(
    sign_in: Literal["daily", "none"], tmp_path: Path
) -> None:
    """Without a sale nothing else asks the hub, and without its answer no sale would ever start again."""
    env = msgspec.structs.replace(NATIONAL.env, sign_in=sign_in)
    shop = Shop(
        tmp_path, profile=msgspec.structs.replace(NATIONAL, env=env), settings=HubSettings(sign_in=False)
    )
    machine, clock = shop.clock, TrustedClock(shop.clock)
    shop.clock = cast(VirtualClock, clock)
    till = await shop.start()
    watch = asyncio.ensure_future(build_clock_watch(clock, till.counter, asyncio.sleep).run())
    await till.wait(10)
    state = till.counter.session.state
    machine.jump(3600)
    fired("F33")
    await till.wait(60)
    assert till.counter.holds.standing == ()
    assert till.counter.session.state is state
    assert (await till.settle()).state is State.CONFIRMED
    watch.cancel()
    await till.stop()
