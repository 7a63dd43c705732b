"""A `CardReader` without pcscd: the dialogue meets the simulated card inside our own process.

For machines without the PC/SC service and for tests that need a card but no reader. It keeps the contract of the real
driver (one dialogue at a time, reset after each, typed faults, presence), and every fault can be asked for.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

from drivers.interfaces.card_reader import (
    CardPresence,
    CardRemoved,
    Dialogue,
    MuteCard,
    NoCard,
    NoReader,
    NoService,
    ReaderBusy,
    ReaderTimeout,
)
from drivers.interfaces.presence_feed import PresenceFeed
from simulators.cards.machine import CardMachine
from simulators.reader.tear import Tear, TearPoint

Result = TypeVar("Result")


class InProcessReader:
    """One simulated reader; used on one event loop."""

    def __init__(self, name: str = "Simulated reader", *, apdu_s: float = 0.0) -> None:
        self.name = name
        self.apdu_s = apdu_s
        """Time one command takes, in seconds."""
        self._card: CardMachine | None = None
        self._tear: Tear | None = None
        self._commands = 0
        self._events = 0
        self._service = True
        self._attached = True
        self._lock = asyncio.Lock()
        self._free = asyncio.Event()
        self._free.set()
        self._answering = asyncio.Event()
        self._answering.set()
        self._running: set[asyncio.Task[object]] = set()
        self._feed = PresenceFeed()
        self._publish()

    # What a person or another program does

    def insert(self, card: CardMachine, tear: Tear | None = None) -> None:
        """Put a card in, after taking out the one that is there."""
        self.remove()
        card.reset()
        self._card, self._tear, self._commands = card, tear, 0
        self._events += 1
        self._publish()

    def remove(self) -> None:
        """Take the card out; nothing happens when there is none."""
        if self._card is None:
            return
        self._card.reset()
        self._card = None
        self._events += 1
        self._publish()

    def set_service(self, running: bool) -> None:
        """Stop or start what would be the PC/SC service."""
        self._service = running
        self._publish()

    def set_attached(self, attached: bool) -> None:
        """Unplug or plug in the reader itself."""
        self._attached = attached
        self._publish()

    def hold(self) -> None:
        """Let another program hold the reader until `release`."""
        self._free.clear()

    def release(self) -> None:
        """Let the other program give the reader back."""
        self._free.set()

    def freeze(self) -> None:
        """Let the card stop answering until `thaw`."""
        self._answering.clear()

    def thaw(self) -> None:
        """Let the card answer again."""
        self._answering.set()

    def _publish(self) -> None:
        card = self._card if self._service and self._attached else None
        self._feed.publish(CardPresence(self.name, card is not None, card.atr if card else b"", self._events))

    # The contract

    async def run(self, dialogue: Dialogue[Result], timeout_s: float) -> Result:
        """Run a whole dialogue; see `CardReader.run`."""
        abandoned = asyncio.Event()
        task = asyncio.ensure_future(self._one_dialogue(dialogue, abandoned))
        self._running.add(task)
        task.add_done_callback(self._finished)
        # asyncio.wait leaves the task alone when we are cancelled: the dialogue finishes and its result is dropped.
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
        if done:
            return task.result()
        abandoned.set()
        if not self._free.is_set():
            raise ReaderBusy(f"another program holds {self.name}; waited {timeout_s} s")
        raise ReaderTimeout(f"{self.name} did not answer within {timeout_s} s")

    def presence(self) -> AsyncGenerator[CardPresence, None]:
        """Yield the present state at once, then every change; see `CardReader.presence`."""
        return self._feed.subscribe()

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # a dropped result must not be reported as "never retrieved"

    async def _one_dialogue(self, dialogue: Dialogue[Result], abandoned: asyncio.Event) -> Result:
        try:
            async with self._lock:
                await self._free.wait()
                card = self._connect()
                try:
                    return await self._drive(dialogue, card, abandoned)
                finally:
                    card.reset()
        finally:
            dialogue.close()

    def _connect(self) -> CardMachine:
        if not self._service:
            raise NoService("the simulated PC/SC service is stopped")
        if not self._attached:
            raise NoReader(f"{self.name} is not attached")
        if self._card is None:
            raise NoCard(f"no card in {self.name}")
        if not self._card.atr:
            raise MuteCard(f"the card in {self.name} does not answer to reset")
        return self._card

    async def _drive(self, dialogue: Dialogue[Result], card: CardMachine, abandoned: asyncio.Event) -> Result:
        try:
            command = next(dialogue)
            while not abandoned.is_set():
                if self.apdu_s:
                    await asyncio.sleep(self.apdu_s)
                await self._answering.wait()
                command = dialogue.send(self._transmit(card, command))
        except StopIteration as end:
            result: Result = end.value
            return result
        raise ReaderTimeout(f"the dialogue with {self.name} was given up")

    def _transmit(self, card: CardMachine, command: bytes) -> bytes:
        point = self._tear.point if self._tear and self._tear.apdu == self._commands else None
        self._commands += 1
        if point is TearPoint.BEFORE:
            self.remove()
        if self._card is not card:
            raise CardRemoved(f"the card was taken out of {self.name}")
        answer = card.process(command)
        if point is not None:
            self.remove()
        if point in (TearPoint.INSIDE, TearPoint.ONE_BYTE):
            raise CardRemoved(f"the card was taken out of {self.name}")
        return answer
