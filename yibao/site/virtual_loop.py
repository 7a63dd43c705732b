"""An event loop whose time is virtual: a wait of five minutes takes as long as nothing.

Time stands still while anything is ready to run and jumps to the next timer when nothing is. Everything asyncio builds
on loop time (`sleep`, `timeout`, `wait_for`) follows. There are no sockets, signals or threads; work for an executor
runs at once, in line, and takes no time.

Two runs with the same seed take the same turns: callbacks that are ready together are shuffled by the seed (without
one they run in the order they came), and tasks hash by their number instead of their address, because a `TaskGroup`
cancels its tasks in the order of a set. When nothing is ready and no timer is set the program waits for something that
can never come: that is reported as `NothingWillHappen` instead of hanging.

It builds on internals of `asyncio.BaseEventLoop` (`_ready`, `_run_once`) and of its handles; its tests are the contract.
"""

import asyncio
import datetime as dt
import heapq
import math
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, copy_context
from random import Random
from typing import Any, TypeVar, TypeVarTuple

from protocols.wire_time import WIRE_ZONE

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class NothingWillHappen(RuntimeError):
    """Nothing is ready and no timer is set: everybody waits for somebody, for ever."""


class _NumberedTask(asyncio.Task[Any]):
    """A task that hashes by its number, so that sets of tasks have the same order in every run."""

    def __init__(
        self, coro: Coroutine[Any, Any, Any], number: int, loop: asyncio.AbstractEventLoop, **options: Any
    ) -> None:
        self._number = number  # first: the base class puts itself into a set at once
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Turn(asyncio.Handle):
    """A callback with its turn to come; made without the base class's questions about a debug mode."""

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class _Timer(asyncio.TimerHandle):
    """A turn that comes at its time; made and given up without questions about a debug mode."""

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback: Any = callback
        self._args: Any = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self._scheduled = False

    def cancel(self) -> None:
        """See `asyncio.Handle.cancel`; the loop finds it in its heap when its time has come."""
        self._cancelled = True
        self._callback = self._args = None


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks, one batch after the other, and moves its own time."""

    # Owned by the base class.
    _ready: deque[Any]
    _stopping: bool

    def __init__(self, order: Random | None = None) -> None:
        """`order` shuffles callbacks that are ready together; None keeps the order in which they came."""
        super().__init__()
        self._order = order
        self._now_s = 0.0
        self._tasks_made = 0
        self._timers: list[tuple[float, int, Any]] = []
        self._timers_made = 0
        self.set_task_factory(self._number_task)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def _number_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Any,
        context: Context | None = None,
        **options: Any,
    ) -> "asyncio.Future[Any]":
        self._tasks_made += 1
        return _NumberedTask(coro, self._tasks_made, loop, context=context, **options)

    # The base class checks at every call for a debug mode and a closed loop; a simulation makes some five hundred calls
    # for each settlement, so ours do only what must be done.

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """See `asyncio.loop.call_soon`."""
        handle = _Turn(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio.loop.call_later`."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio.loop.call_at`; timers of one moment ring in the order in which they were set."""
        handle = _Timer(when, callback, args, self, context)
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, handle))
        return handle

    def still_until_s(self) -> float:
        """Until when nothing happens but what the caller does: now, while anything is ready; for ever without a timer."""
        while self._timers and self._timers[0][2]._cancelled:
            heapq.heappop(self._timers)
        if self._ready:
            return self._now_s
        return self._timers[0][0] if self._timers else math.inf

    def _run_once(self) -> None:
        """Run one batch: what is ready, or what the next timers make ready."""
        ready, timers = self._ready, self._timers
        # A cancelled timer at the head of the heap would move time to a moment at which nothing happens.
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise NothingWillHappen("nothing is ready and no timer is set")
            self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            handle = heapq.heappop(timers)[2]
            if not handle._cancelled:
                ready.append(handle)
        batch = len(ready)
        if self._order is not None and batch > 1:
            self._order.shuffle(ready)
        for _ in range(batch):  # what these make ready has its turn in the next batch
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so nobody must be woken."""

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Arguments], Result],
        *args: *Arguments,
    ) -> "asyncio.Future[Result]":
        """Run `func` at once in this thread; a simulation has one thread and one order of things."""
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - every error is handed to the caller, as an executor does
            future.set_exception(error)
        return future


class VirtualClock:
    """Both clocks of a machine on a virtual loop. Implements `drivers.interfaces.clock.Clock`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, began: dt.datetime) -> None:
        """`began` is the wall time at second 0 of the loop; it knows its zone."""
        self._loop = loop
        self._began = began.astimezone(WIRE_ZONE)
        self._read_s = -1.0
        self._now = self._began
        """The time at second `_read_s` of the loop: it is asked for several times in every moment."""

    def now(self) -> dt.datetime:
        """Wall time in UTC+8."""
        at_s = self._loop.time()
        if at_s != self._read_s:
            self._read_s, self._now = at_s, self._began + dt.timedelta(seconds=at_s)
        return self._now

    def monotonic_s(self) -> float:
        """Seconds of the loop."""
        return self._loop.time()

    def jump(self, seconds: float) -> None:
        """Let the wall clock jump, forward or back; the monotonic clock does not notice."""
        self._began += dt.timedelta(seconds=seconds)
        self._read_s = -1.0


def run_virtual(main: Callable[[], Coroutine[Any, Any, Result]], seed: int | None = None) -> Result:
    """Run `main` on a fresh virtual loop to its end; `seed` shuffles the order of turns."""

    def make() -> VirtualLoop:
        return VirtualLoop(None if seed is None else Random(seed))

    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main())
