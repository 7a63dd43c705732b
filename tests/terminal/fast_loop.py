"""An event loop with real sockets that waits a hundredth of the time: for minutes of quiet time beside a real line.

Everything asyncio and aiohttp build on loop time follows, the limits of the network too. Only waiting for a timer is made
short. While something is done, or arrives, time goes on as it does elsewhere: on a machine that has other work a second is a
second, and no limit of the network passes in the middle of an answer.
"""

import asyncio
import functools
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

Parameters = ParamSpec("Parameters")
FASTER = 100.0


class _ImpatientSelector(selectors.DefaultSelector):
    """Waits a hundredth of what it is asked to, and remembers what it has left out."""

    left_out_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        began_s = time.monotonic()
        events = super().select(None if timeout is None else timeout / FASTER)
        if timeout is not None and not events:
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


def fast(test: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """Run an async test on a fast loop of its own; parameters are passed on."""

    @functools.wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        with asyncio.Runner(loop_factory=FastLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
