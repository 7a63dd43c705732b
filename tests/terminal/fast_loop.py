"""An event loop with real sockets whose seconds last a hundredth: for minutes of quiet time beside a real line.

Everything asyncio and aiohttp build on loop time follows, the limits of the network too. So a limit of 100 s is one real
second: long enough for whatever this machine answers by itself.
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
    """Waits a hundredth of what it is asked to."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / FASTER)


class FastLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        super().__init__(_ImpatientSelector())

    def time(self) -> float:
        """Its own seconds since it was made."""
        return (time.monotonic() - self._began_s) * FASTER


def fast(test: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """Run an async test on a fast loop of its own; parameters are passed on."""

    @functools.wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        with asyncio.Runner(loop_factory=FastLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
