"""The virtual loop: time that jumps, turns that repeat, waits that are found out."""

import asyncio
import datetime as dt
import math
import subprocess
import sys
import time

import pytest

from protocols.wire_time import WIRE_ZONE
from yibao.site.virtual_loop import NothingWillHappen, VirtualClock, VirtualLoop, run_virtual

NINE = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)


def test_a_day_of_sleep_takes_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_virtual(main) == 86_400
    assert time.perf_counter() - began < 5


def test_timers_fire_in_the_order_of_their_times() -> None:
    fired: list[str] = []

    async def later(delay_s: float, name: str) -> None:
        await asyncio.sleep(delay_s)
        fired.append(f"{name} at {asyncio.get_running_loop().time():g}")

    async def main() -> None:
        await asyncio.gather(later(3, "c"), later(1, "a"), later(2, "b"))

    run_virtual(main)
    assert fired == ["a at 1", "b at 2", "c at 3"]


def test_timeouts_of_asyncio_follow_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.sleep(31)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 10)
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 40


def test_a_cancelled_timer_does_not_move_time() -> None:
    async def main() -> float:
        async with asyncio.timeout(1000):
            await asyncio.sleep(1)
        asyncio.get_running_loop().call_later(500, print).cancel()
        await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 2


def test_waiting_for_something_that_cannot_come_is_reported() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingWillHappen):
        run_virtual(main)


def test_a_task_group_cancels_the_others_when_one_fails() -> None:
    ended: list[int] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(number)

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("on purpose")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(wait(number))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup):
        run_virtual(main)
    assert sorted(ended) == [0, 1, 2, 3, 4]


def test_work_for_an_executor_runs_in_line_and_its_error_reaches_the_caller() -> None:
    async def main() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(lambda: 42)

    assert run_virtual(main) == 42


def test_a_failure_of_main_reaches_the_caller() -> None:
    async def main() -> None:
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        run_virtual(main)


def _turns(seed: int | None) -> list[int]:
    order: list[int] = []

    async def turn(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            order.append(number)

    async def main() -> None:
        await asyncio.gather(*(turn(number) for number in range(8)))

    run_virtual(main, seed)
    return order


def test_without_a_seed_turns_come_in_the_order_of_readiness() -> None:
    assert _turns(None) == [*range(8)] * 3


def test_a_seed_shuffles_turns_and_repeats_itself() -> None:
    assert _turns(1) == _turns(1)
    assert _turns(1) != _turns(None)
    assert _turns(1) != _turns(2)


_PROGRAM = """
import asyncio, sys
from yibao.site.virtual_loop import run_virtual
order = []
async def wait(number):
    try:
        await asyncio.sleep(100)
    finally:
        order.append(number)
async def fail():
    await asyncio.sleep(1)
    raise ValueError
async def main():
    ballast = [object() for _ in range(int(sys.argv[1]))]
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(30):
                ballast.append(bytearray(number * int(sys.argv[1])))
                group.create_task(wait(number))
            group.create_task(fail())
    except ExceptionGroup:
        pass
run_virtual(main, seed=7)
print(order)
"""


def test_two_processes_with_one_seed_cancel_a_task_group_in_the_same_order() -> None:
    """A set of tasks ordered by address would differ from process to process."""
    seen = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, ballast], capture_output=True, check=True, text=True
        ).stdout
        for ballast in ("1", "777")
    }
    assert len(seen) == 1


def test_the_wall_clock_jumps_and_the_monotonic_clock_does_not() -> None:
    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop(), NINE)
        await asyncio.sleep(60)
        assert clock.now() == NINE + dt.timedelta(minutes=1)
        clock.jump(-3600)
        await asyncio.sleep(1)
        assert clock.now() == NINE + dt.timedelta(minutes=-59, seconds=1)
        assert clock.monotonic_s() == 61

    run_virtual(main)


def test_the_loop_says_until_when_nothing_happens() -> None:
    async def life() -> tuple[float, ...]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        told = [loop.still_until_s()]
        loop.call_later(5.0, lambda: None).cancel()
        loop.call_later(7.0, lambda: None)
        told.append(loop.still_until_s())
        loop.call_soon(lambda: None)
        told.append(loop.still_until_s())
        return tuple(told)

    assert run_virtual(life) == (math.inf, 7.0, 0.0)
