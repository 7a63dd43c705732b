"""Finds tests that block their event loop.

Two detectors, because neither sees everything:

* `blockbuster` replaces Python's blocking calls (files, sockets, locks, sqlite3) and raises at the call itself when
  code of ours makes one while an event loop runs in that thread. It cannot see into native code.
* `LoopWatch` times every callback of every event loop. That finds apsw, pyscard, ctypes and long calculations, but
  only after the fact.

What is timed. A callback holds the loop while it computes *and* while it sleeps in a native call, so CPU time alone
is too little. Wall time alone is too much: on a machine with two busy cores a callback of 1 ms may take 300 ms because
somebody else is running. So the time that the thread was ready to run but had no processor, which Linux keeps per
thread, is taken off the wall time. What remains is the callback's own doing.

The limit. The heaviest honest callbacks (drawing a slip, compiling a template, describing an API) take 30-100 ms on a
slow core; a device or a disk that hangs costs its time-out, hundreds of milliseconds at least. 250 ms lies between.
A callback that imports modules may take longer: that happens once per process, not once per sale.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import pytest
from blockbuster import BlockBuster

LIMIT_S = 0.25
LIMIT_WITH_IMPORTS_S = 2.0
"""Importing aiohttp or litestar took about 250 ms each where it was measured; several may come together."""

OUR_PACKAGES = ("protocols", "drivers", "terminal", "simulators", "yibao")
"""Only calls with one of these on the stack count for blockbuster: a test may read its own files as it likes."""

_Handle: Any = asyncio.events.Handle
"""Every callback of every asyncio loop passes through its private method `_run`: the only seam they all share."""


class _RunQueueMeter(threading.local):
    """Seconds that the calling thread has waited for a processor since it began; always 0 where that is unknown."""

    def __init__(self) -> None:
        # thread-self is resolved here, once for each thread: the number read is that of this thread.
        try:
            self._descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1

    def __call__(self) -> float:
        if self._descriptor < 0:
            return 0.0
        # "nanoseconds on a processor, nanoseconds waiting for one, number of turns"
        return int(os.pread(self._descriptor, 96, 0).split()[1]) / 1e9

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


_run_queue_wait_s = _RunQueueMeter()


class LoopWatch:
    """While entered, times every callback of every event loop in this process and keeps those that took too long.

    `clock` and `run_queue_wait_s` give seconds; tests of the watch hand in their own.
    """

    def __init__(
        self,
        limit_s: float = LIMIT_S,
        clock: Callable[[], float] = time.perf_counter,
        run_queue_wait_s: Callable[[], float] = _run_queue_wait_s,
    ) -> None:
        self.breaches: list[str] = []
        self._limit_s = limit_s
        self._clock = clock
        self._run_queue_wait_s = run_queue_wait_s

    def __enter__(self) -> Self:
        original = self._original = _Handle._run
        clock, run_queue_wait_s, limit_s = self._clock, self._run_queue_wait_s, self._limit_s

        def timed_run(handle: asyncio.Handle) -> None:
            modules = len(sys.modules)
            waited_s = run_queue_wait_s()
            started_s = clock()
            try:
                original(handle)
            finally:
                wall_s = clock() - started_s
                if wall_s > limit_s:
                    held_s = wall_s - (run_queue_wait_s() - waited_s)
                    self._judge(handle, held_s, imported=len(sys.modules) > modules)

        _Handle._run = timed_run
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _Handle._run = self._original

    def _judge(self, handle: asyncio.Handle, held_s: float, *, imported: bool) -> None:
        limit_s = max(self._limit_s, LIMIT_WITH_IMPORTS_S) if imported else self._limit_s
        if held_s > limit_s:
            self.breaches.append(
                f"{_name_of(handle)} held the event loop for {held_s:.2f} s (limit {limit_s} s)"
            )


def _name_of(handle: asyncio.Handle) -> str:
    """The coroutine or function behind a callback, without its arguments."""
    callback = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return getattr(owner.get_coro(), "__qualname__", repr(owner))
    return getattr(callback, "__qualname__", None) or type(callback).__name__


@pytest.fixture(scope="session")
def block_buster() -> BlockBuster:
    """The one set of replaced calls of this process; building it takes longer than switching it on and off."""
    return BlockBuster(list(OUR_PACKAGES))


@pytest.fixture(autouse=True)
def loop_is_watched(request: pytest.FixtureRequest, block_buster: BlockBuster) -> Iterator[None]:
    """Both detectors around every test, also around a test that is not async but starts a loop or a thread with one.

    A test marked `blocking_allowed("reason")` is left alone.
    """
    allowed = request.node.get_closest_marker("blocking_allowed")
    if allowed is not None:
        if not allowed.args:
            pytest.fail('blocking_allowed needs its reason: @pytest.mark.blocking_allowed("...")')
        yield
        return
    with LoopWatch() as watch:
        block_buster.activate()
        try:
            yield
        finally:
            block_buster.deactivate()
    if watch.breaches:
        pytest.fail("blocked event loop:\n" + "\n".join(watch.breaches), pytrace=False)
