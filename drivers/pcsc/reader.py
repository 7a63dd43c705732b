"""A PC/SC reader behind the `CardReader` contract: the asyncio side of the owner and monitor threads."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from drivers.interfaces.card_reader import (
    CardPresence,
    Dialogue,
    NoReader,
    ReaderBusy,
    ReaderFault,
    ReaderTimeout,
)
from drivers.interfaces.presence_feed import PresenceFeed
from drivers.pcsc import scard
from drivers.pcsc.faults import fault_for
from drivers.pcsc.monitor import Monitor, Sight
from drivers.pcsc.owner import GivenUp, Job, Owner, Phase, Timing

Result = TypeVar("Result")

_ALIVE_S: Final = 0.3  # the monitor's heartbeat is 0.2 s
_BEAT_LIMIT_S: Final = 0.7
_CLOSE_LIMIT_S: Final = 2.0


class PcscReader:
    """One reader of the machine; open it, use it and close it on one event loop.

    `name` is the reader's PC/SC name or a part of it; "" takes the first reader there is.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._feed = PresenceFeed()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner: Owner | None = None
        self._monitor: Monitor | None = None
        self._running = 0
        self._ended = asyncio.Event()
        self._sight: Sight | None = None

    async def __aenter__(self) -> "PcscReader":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Start the threads. Needs neither service nor reader: both may come later."""
        self._loop = asyncio.get_running_loop()
        self._owner = Owner(self.name, self._thread_ended)
        self._monitor = Monitor(self.name, self._seen_in_thread, self._thread_ended)
        self._running = 2
        self._ended.clear()
        self._owner.start()
        self._monitor.start()

    async def close(self) -> None:
        """Stop the threads. A thread that hangs in the service is not waited for longer than two seconds."""
        if self._owner is None or self._monitor is None:
            return
        self._owner.stop()
        self._monitor.stop()
        self._owner = None
        try:
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await self._ended.wait()
        except TimeoutError:
            return  # both threads are daemons and end when the service answers or dies

    def _thread_ended(self) -> None:
        self._to_loop(self._count_down)

    def _count_down(self) -> None:
        self._running -= 1
        if self._running == 0:
            self._ended.set()

    def _seen_in_thread(self, sight: Sight) -> None:
        self._to_loop(self._seen, sight)

    def _seen(self, sight: Sight) -> None:
        self._sight = sight
        self._feed.publish(sight.presence)

    def _to_loop(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended; nobody listens
                self._loop.call_soon_threadsafe(call, *arguments)

    # The contract

    async def run(self, dialogue: Dialogue[Result], timeout_s: float) -> Result:
        """Run a whole dialogue inside one transaction; see `CardReader.run`."""
        owner = self._owner
        if owner is None:
            raise NoReader(f"{self.name}: the reader is not open")
        job = Job(dialogue)
        owner.put(job)
        timer = job.loop.call_later(timeout_s, job.give_up)
        try:
            result: Result = await job.future
        except GivenUp:
            raise await self._why_late(owner, timeout_s) from None
        except asyncio.CancelledError:
            job.dropped = True
            if job.future.done() and not job.future.cancelled():
                job.future.exception()  # look at it, or a dropped fault is reported as forgotten
            raise
        finally:
            timer.cancel()
        return result

    def presence(self) -> AsyncGenerator[CardPresence, None]:
        """Yield the present state at once, then every change; see `CardReader.presence`."""
        return self._feed.subscribe()

    # For those who look at the counter's health

    @property
    def sight(self) -> Sight | None:
        """What the monitor saw last: service, names of all readers, our card. None before its first look."""
        return self._sight

    @property
    def timing(self) -> Timing | None:
        """How long the parts of the last successful dialogue took."""
        return self._owner.timing if self._owner else None

    @property
    def closing_s(self) -> float | None:
        """How long the last closing reset took, None until it is over; only the next dialogue waits for it."""
        return self._owner.closing_s if self._owner else None

    async def _why_late(self, owner: Owner, timeout_s: float) -> ReaderFault:
        """Say whether another program keeps us waiting or nobody answers at all."""
        phase = owner.phase
        if phase is Phase.CONNECTING and await self._service_answers():
            return ReaderBusy(f"{self.name}: another program holds the reader; waited {timeout_s:g} s")
        return ReaderTimeout(f"{self.name}: no answer within {timeout_s:g} s while {phase.value}")

    async def _service_answers(self) -> bool:
        monitor = self._monitor
        if monitor is None:
            return False
        begun_at = time.monotonic()
        while time.monotonic() - monitor.beat_at > _ALIVE_S:
            if time.monotonic() - begun_at > _BEAT_LIMIT_S:
                return False
            await asyncio.sleep(0.05)
        return True


class ServiceReport(msgspec.Struct, frozen=True):
    """What a look at the PC/SC service found."""

    readers: tuple[str, ...] = ()
    fault: str = ""
    """Machine word of the fault, "" when the service answers."""
    what_to_do: str = ""


async def probe_service(timeout_s: float = 1.0) -> ServiceReport:
    """Look once whether the service is there and which readers it has, without keeping anything open."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[ServiceReport] = loop.create_future()

    def settle(report: ServiceReport) -> None:
        if not answer.done():
            answer.set_result(report)

    def look() -> None:
        report = _look()
        with suppress(RuntimeError):  # the loop has ended; nobody waits
            loop.call_soon_threadsafe(settle, report)

    # Not the loop's own executor: its shutdown would wait for a service that hangs.
    threading.Thread(target=look, name="pcsc-probe", daemon=True).start()
    done, _ = await asyncio.wait({answer}, timeout=timeout_s)
    if done:
        return answer.result()
    return ServiceReport(fault=ReaderTimeout.kind, what_to_do=ReaderTimeout.what_to_do)


def _look() -> ServiceReport:
    try:
        context = scard.establish()
        try:
            return ServiceReport(scard.list_readers(context))
        finally:
            with suppress(scard.PcscFailure):  # we have our answer already
                scard.release(context)
    except scard.PcscFailure as failure:
        fault = fault_for(failure, "PC/SC")
        return ServiceReport(fault=fault.kind, what_to_do=fault.what_to_do)
