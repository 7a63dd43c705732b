"""The owner thread of one reader: makes every call on it, one whole dialogue after the other.

    connect ─▶ begin transaction ─▶ command, answer, command, answer ... ─▶ end with reset ─▶ disconnect

Connecting for every dialogue means that no handle is ever stale: a handle is bound to the card that was there, so a card
that is swapped during a dialogue ends it, and nothing is continued on the new card. The result is handed over before the
closing reset, which takes tens of milliseconds on a real reader and concerns nobody.

A call that hangs (service stopped, another program inside its own transaction) hangs here and nowhere else. The waiting
task gives up after its time and marks the job; the thread comes back when the call does, finds the mark, sends nothing
more, resets the card and goes on with the next job. No thread is left behind and none is added.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from enum import Enum
from typing import Any, Final

import msgspec

from drivers.interfaces.card_reader import CardRemoved, NoReader, ReaderFault, ReaderTimeout
from drivers.pcsc import scard
from drivers.pcsc.faults import SERVICE_LOST, ReaderBroken, fault_for
from drivers.pcsc.monitor import match_reader
from drivers.pcsc.scard import Context, Handle, PcscFailure

_RETRY_S: Final = 0.05
_SERVICE_TRIES: Final = (
    4  # one stale context, one refusal right after a kill, and time for a restart on request
)
_TAKEN_S: Final = 0.005
_REMOVAL_SEEN_MS: Final = 800  # the service polls the slot every 400 ms


class Phase(Enum):
    """Where the owner is; tells a busy reader from one that does not answer."""

    IDLE = "waiting for a job"
    CONNECTING = "connecting or waiting for another program"
    TALKING = "exchanging commands"
    CLOSING = "resetting the card"


class Timing(msgspec.Struct, frozen=True):
    """How long the parts of one dialogue took, in seconds."""

    waited_s: float
    """In the queue, behind other dialogues and their closing resets."""
    connect_s: float
    """Finding the reader, connecting, and waiting for the transaction."""
    dialogue_s: float
    """From the first command to the dialogue's result."""


class GivenUp(Exception):
    """The time for a job is over; the waiting task turns it into the fault that fits."""


class Job:
    """One dialogue and the task that waits for it."""

    def __init__(self, dialogue: Generator[bytes, bytes, Any]) -> None:
        self.dialogue = dialogue
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        # Written by the loop's thread and read by the owner's: plain flags, each set once and never taken back.
        self.queued_at = time.monotonic()
        self._taken = threading.Lock()
        self._taken.acquire(blocking=False)
        self.abandoned = False
        """Nobody waits any more and the time is over: send no further command."""
        self.dropped = False
        """Nobody waits any more: do not begin; when begun, finish."""

    def give_up(self) -> None:
        """Stop waiting because the time is over; called on the waiting task's loop."""
        if not self.future.done():
            self.abandoned = True
            self.future.set_exception(GivenUp())

    def deliver(self, result: object, error: BaseException | None) -> None:
        """Hand the outcome to the waiting task's loop."""
        with suppress(RuntimeError):  # the loop has ended; nobody waits
            self.loop.call_soon_threadsafe(self._set, result, error)
            # Let the loop run first: our next call wakes the service and the card, which would take the processor
            # from whoever waits for the result.
            self._taken.acquire(timeout=_TAKEN_S)

    def _set(self, result: object, error: BaseException | None) -> None:
        if not self.future.done():
            if error is None:
                self.future.set_result(result)
            else:
                self.future.set_exception(error)
        self.loop.call_soon(self._taken.release)  # behind the waiting task's own turn


class Owner:
    """One thread with one context."""

    def __init__(self, wanted: str, ended: Callable[[], None]) -> None:
        self._wanted = wanted
        self._ended = ended
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._context: Context | None = None
        self._thread = threading.Thread(target=self._main, name=f"pcsc-owner {wanted}", daemon=True)
        self.phase = Phase.IDLE
        self.timing: Timing | None = None
        """Of the last dialogue that had a result."""
        self.closing_s: float | None = None
        """How long the last reset and disconnect took; None while a dialogue is running."""

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def put(self, job: Job) -> None:
        """Queue a job."""
        self._jobs.put(job)

    def stop(self) -> None:
        """Ask the thread to end after the job it is in."""
        self._closing.set()
        self._jobs.put(None)

    def _main(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._serve(job)
                self.phase = Phase.IDLE
            while not self._jobs.empty():
                if (left := self._jobs.get()) is not None:
                    left.deliver(None, NoReader(f"{self._wanted}: the reader is being closed"))
        finally:
            self._drop_context()
            self._ended()

    def _serve(self, job: Job) -> None:
        """Run one job; whatever happens is delivered to whoever waits for it."""
        begun_at = time.monotonic()
        self.phase = Phase.CONNECTING
        self.closing_s = None
        handle: Handle | None = None
        try:
            handle, protocol, reader = self._open(job)
            self._begin(handle, reader)
            connected_at = time.monotonic()
            self.phase = Phase.TALKING
            result = self._drive(job, handle, protocol, reader)
            ended_at = time.monotonic()
            self.timing = Timing(begun_at - job.queued_at, connected_at - begun_at, ended_at - connected_at)
            job.deliver(result, None)
        except Exception as error:  # noqa: BLE001 - delivered; a bug in a dialogue must not end the reader
            job.deliver(None, error)
        finally:
            self.phase = Phase.CLOSING
            job.dialogue.close()
            if handle is not None:
                closing_at = time.monotonic()
                self._close(handle)
                self.closing_s = time.monotonic() - closing_at

    # Connecting

    def _open(self, job: Job) -> tuple[Handle, int, str]:
        """Connect to the card; waits while another program holds the reader for itself."""
        tries = 0
        while True:
            if job.abandoned or job.dropped:
                raise ReaderTimeout(f"{self._wanted}: given up before it began")
            try:
                if self._context is None:
                    self._context = scard.establish()
                reader = match_reader(self._wanted, scard.list_readers(self._context))
                if reader is None:
                    raise NoReader(f"no reader is called {self._wanted!r}")
                return (*scard.connect(self._context, reader), reader)
            except PcscFailure as failure:
                if failure.code in SERVICE_LOST:
                    tries += 1
                    self._drop_context()
                if tries >= _SERVICE_TRIES or failure.code not in SERVICE_LOST | {scard.SHARING_VIOLATION}:
                    raise self._at_connect(failure) from None
            if self._closing.wait(_RETRY_S):
                raise NoReader(f"{self._wanted}: the reader is being closed")

    def _at_connect(self, failure: PcscFailure) -> ReaderFault:
        # A card that goes while we connect was never ours: that is "no card", not "pulled out of a dialogue".
        if failure.code == scard.REMOVED_CARD:
            failure = PcscFailure(failure.call, scard.NO_SMARTCARD)
        return fault_for(failure, self._wanted)

    def _begin(self, handle: Handle, reader: str) -> None:
        try:
            try:
                scard.begin(handle)
            except PcscFailure as failure:
                if failure.code != scard.RESET_CARD:
                    raise
                scard.reconnect(handle)  # reset by another program before we began: nothing of ours is lost
                scard.begin(handle)
        except PcscFailure as failure:
            raise self._faulty(failure, reader) from None

    # Talking

    def _drive(self, job: Job, handle: Handle, protocol: int, reader: str) -> object:
        dialogue = job.dialogue
        try:
            if not job.dropped:
                command = next(dialogue)
                while not job.abandoned:
                    answer = scard.transmit(handle, protocol, command)
                    if len(answer) < 2:
                        raise CardRemoved(f"{reader}: the card went away while it was executing a command")
                    command = dialogue.send(answer)
        except StopIteration as end:
            return end.value
        except PcscFailure as failure:
            raise self._faulty(failure, reader) from None
        raise ReaderTimeout(f"{reader}: the dialogue was given up")

    def _faulty(self, failure: PcscFailure, reader: str) -> ReaderFault:
        """Name the fault; a failed exchange is a removed card when the reader soon says so."""
        if failure.code in SERVICE_LOST:
            self._drop_context()
        fault = fault_for(failure, reader)
        if isinstance(fault, ReaderBroken) and self._soon_empty(reader):
            return CardRemoved(f"{reader}: the card was taken out ({failure})")
        return fault

    def _soon_empty(self, reader: str) -> bool:
        if self._context is None:
            return False
        try:
            before = scard.wait_change(self._context, 0, [(reader, 0)])
            if not before or not before[0].present:
                return True
            after = scard.wait_change(self._context, _REMOVAL_SEEN_MS, [(reader, before[0].flags)])
            # Even when a card is there again: another count means that ours is not.
            if not after:
                return False
            return not after[0].present or after[0].event_count != before[0].event_count
        except PcscFailure:
            return False

    # Closing

    def _close(self, handle: Handle) -> None:
        for call in (scard.end_with_reset, scard.disconnect):
            with suppress(
                PcscFailure
            ):  # the card may be out and the service gone: both mean that nothing is left
                call(handle)

    def _drop_context(self) -> None:
        if self._context is not None:
            with suppress(PcscFailure):  # the service may be gone; its descriptor is given back all the same
                scard.release(self._context)
            self._context = None
