"""Followers see the present state and then the changes."""

import asyncio

from drivers.interfaces.device_state import DeviceState, DeviceStatus
from drivers.serial.status_board import StatusBoard


async def test_a_follower_sees_the_present_state_then_each_change() -> None:
    board = StatusBoard(lambda: 7.0)
    follower = board.follow()
    assert await anext(follower) == DeviceStatus(state=DeviceState.ABSENT, reason="not started", since_s=7.0)
    waiting = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0)
    assert not waiting.done()
    board.set(DeviceState.READY)
    assert (await waiting).state is DeviceState.READY


async def test_the_same_state_again_is_no_change_and_keeps_its_time() -> None:
    now = [1.0]
    board = StatusBoard(lambda: now[0])
    board.set(DeviceState.FAULT, "in use")
    now[0] = 2.0
    board.set(DeviceState.FAULT, "in use")
    assert board.current.since_s == 1.0
    board.set(DeviceState.FAULT, "no permission")
    assert board.current.since_s == 2.0


async def test_a_slow_follower_misses_what_came_and_went_but_ends_at_the_truth() -> None:
    board = StatusBoard(lambda: 0.0)
    follower = board.follow()
    await anext(follower)
    board.set(DeviceState.OPENING)
    board.set(DeviceState.READY)
    assert (await anext(follower)).state is DeviceState.READY


async def test_several_followers_are_all_woken() -> None:
    board = StatusBoard(lambda: 0.0)
    followers = [board.follow() for _ in range(3)]
    for follower in followers:
        await anext(follower)
    waiting = [asyncio.ensure_future(anext(follower)) for follower in followers]
    await asyncio.sleep(0)
    board.set(DeviceState.READY)
    assert [(await one).state for one in waiting] == [DeviceState.READY] * 3
