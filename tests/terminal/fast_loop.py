"""An event loop with real sockets that waits a hundredth of the time: for minutes of quiet time beside a real line.

Everything asyncio and aiohttp build on loop time follows, the limits of the network too. Only waiting for nothing but a timer
is made short. While something is done, here or in a thread of the loop's own, and when something arrives, time goes on as it does
elsewhere: on a machine that has other work no limit of the network passes in the middle of an answer.
"""

import asyncio
import functools
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, ParamSpec, TypeVar, TypeVarTuple

Parameters = ParamSpec("Parameters")
Given = TypeVarTuple("Given")
Made = TypeVar("Made")
FASTER = 100.0


class _ImpatientSelector(selectors.DefaultSelector):
    """Waits a hundredth of what it is asked to, and remembers what it has left out."""

    left_out_s = 0.0
    threads = 0
    """How many threads are at work from which the loop wants an answer."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self.threads:
            return super().select(timeout)
        began_s = time.monotonic()
        events = super().select(timeout / FASTER)
        if not events:
            self.left_out_s += max(timeout - (time.monotonic() - began_s), 0.0)
        return events


class FastLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._waits = _ImpatientSelector()
        self._began_s = time.monotonic()
        super().__init__(self._waits)

    def time(self) -> float:
        """Its own seconds since it was made."""
        return time.monotonic() - self._began_s + self._waits.left_out_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Given], Made], *args: *Given
    ) -> asyncio.Future[Made]:
        """See `asyncio.loop`."""
        working = super().run_in_executor(executor, func, *args)
        self._waits.threads += 1
        working.add_done_callback(self._thread_is_done)
        return working

    def _thread_is_done(self, working: asyncio.Future[Any]) -> None:
        self._waits.threads -= 1


def fast(test: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """Run an async test on a fast loop of its own; parameters are passed on."""

    @functools.wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        with asyncio.Runner(loop_factory=FastLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
