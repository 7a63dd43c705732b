"""The clock of the queue: says due when the time has come, once, in order, by the monotonic clock."""

import asyncio

from terminal.counter.retries import RetryClock
from tests.terminal.harness import NINE, virtual
from yibao.site.virtual_loop import VirtualClock


class Bench:
    """A retry clock that writes down what it says, and when."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop(), NINE)
        self.said: list[tuple[float, str]] = []
        self._takes_s = takes_s
        self.retries = RetryClock(self.clock, self._say)
        self._task = asyncio.ensure_future(self.retries.run())

    async def _say(self, settlement_id: str) -> None:
        self.said.append((self.clock.monotonic_s(), settlement_id))
        await asyncio.sleep(self._takes_s)

    async def after(self, seconds: float) -> list[tuple[float, str]]:
        """What has been said after this time."""
        await asyncio.sleep(seconds)
        return self.said

    async def stop(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@virtual
async def test_what_is_due_is_said_at_its_time_and_once() -> None:
    bench = Bench()
    bench.retries.schedule("A", 5.0)
    bench.retries.schedule("B", 2.0)
    assert await bench.after(4.9) == [(2.0, "B")]
    assert await bench.after(100) == [(2.0, "B"), (5.0, "A")]
    await bench.stop()


@virtual
async def test_what_is_due_at_once_or_overdue_is_said_at_once() -> None:
    bench = Bench()
    bench.retries.schedule("A", 0.0)
    bench.retries.schedule("B", -3600.0)
    assert await bench.after(0.001) == [(0.0, "A"), (0.0, "B")]
    await bench.stop()


@virtual
async def test_of_two_that_are_due_together_the_first_set_comes_first() -> None:
    bench = Bench()
    for name in ("Z", "M", "A"):
        bench.retries.schedule(name, 1.0)
    assert [name for _, name in await bench.after(2)] == ["Z", "M", "A"]
    await bench.stop()


@virtual
async def test_a_new_deadline_replaces_the_old_one() -> None:
    bench = Bench()
    bench.retries.schedule("A", 5.0)
    bench.retries.schedule("A", 20.0)
    bench.retries.schedule("B", 20.0)
    bench.retries.schedule("B", 5.0)
    assert await bench.after(100) == [(5.0, "B"), (20.0, "A")]
    await bench.stop()


@virtual
async def test_the_same_deadline_set_twice_is_said_once() -> None:
    bench = Bench()
    bench.retries.schedule("A", 5.0)
    bench.retries.schedule("A", 5.0)
    assert await bench.after(100) == [(5.0, "A")]
    await bench.stop()


@virtual
async def test_a_deadline_may_be_set_while_another_is_waited_for() -> None:
    bench = Bench()
    bench.retries.schedule("A", 50.0)
    await asyncio.sleep(10)
    bench.retries.schedule("B", 1.0)
    assert await bench.after(100) == [(11.0, "B"), (50.0, "A")]
    await bench.stop()


@virtual
async def test_one_that_takes_long_does_not_keep_the_others() -> None:
    bench = Bench(takes_s=60.0)
    bench.retries.schedule("A", 1.0)
    bench.retries.schedule("B", 2.0)
    assert await bench.after(3) == [(1.0, "A"), (2.0, "B")]
    await bench.stop()


@virtual
async def test_when_the_network_is_back_what_waits_is_due_in_the_order_given() -> None:
    bench = Bench()
    bench.retries.schedule("A", 300.0)
    bench.retries.schedule("B", 200.0)
    await asyncio.sleep(10)
    bench.retries.hurry(["A", "B", "not waiting"])
    assert await bench.after(1) == [(10.0, "A"), (10.0, "B")]
    assert await bench.after(1000) == [(10.0, "A"), (10.0, "B")]
    await bench.stop()


@virtual
async def test_hurry_brings_forward_and_never_puts_off() -> None:
    bench = Bench()
    bench.retries.schedule("A", 300.0)
    bench.retries.schedule("B", 2.0)
    bench.retries.schedule("C", 200.0)
    bench.retries.hurry(["A", "B"], 5.0)
    assert await bench.after(1000) == [(2.0, "B"), (5.0, "A"), (200.0, "C")]
    await bench.stop()


@virtual
async def test_the_wall_clock_has_no_say() -> None:
    bench = Bench()
    bench.retries.schedule("A", 10.0)
    bench.clock.jump(86_400)
    assert await bench.after(9) == []
    bench.clock.jump(-10 * 86_400)
    assert await bench.after(2) == [(10.0, "A")]
    await bench.stop()


@virtual
async def test_a_deadline_that_was_brought_forward_is_said_once_also_when_it_was_the_first_of_all() -> None:
    bench = Bench()
    bench.retries.schedule("A", 20.0)
    bench.retries.schedule("A", 5.0)
    assert await bench.after(100) == [(5.0, "A")]
    assert not bench._task.done()
    await bench.stop()
