"""The card reader on the counter: a virtual slot of a real pcscd of our own, and the hand that puts cards into it.

On a machine without pcscd, vpcd or the right to run them the counter has no reader, and the view says what is missing.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from simulators.cards import CardImage, CardMachine, image_for, load_image
from simulators.control import CardOrder, CardReaderView
from simulators.people import Person, find
from simulators.reader import PcscdInstance, PcscdUnavailable, VpcdSlot


class NoCardReader(Exception):
    """This counter has no card reader; the text says why."""


class CardSlot:
    """The person's slot of a running pcscd, or its absence; use `CardSlot.open`."""

    def __init__(
        self,
        people: Sequence[Person],
        service: PcscdInstance | None = None,
        slot: VpcdSlot | None = None,
        missing: str = "",
    ) -> None:
        self._people = people
        self._service = service
        self._slot = slot
        self._missing = missing
        self._hand = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, people: Sequence[Person]) -> "AsyncIterator[CardSlot]":
        """Run a pcscd in `folder`, whose path must be short, while the block lasts; without one the slot says why."""
        async with AsyncExitStack() as stack:
            try:
                service = await stack.enter_async_context(PcscdInstance(folder))
            except PcscdUnavailable as unavailable:
                yield cls(people, missing=str(unavailable))
                return
            slot = await stack.enter_async_context(VpcdSlot(service.ports[0]))
            yield cls(people, service, slot)

    def view(self) -> CardReaderView:
        """The reader and the card in it."""
        if self._service is None or self._slot is None:
            return CardReaderView(missing=self._missing)
        card = self._slot.card
        return CardReaderView(
            self._service.readers[0],
            str(self._service.socket_path),
            "" if card is None else card.image.label,
            "" if card is None else card.atr.hex().upper(),
        )

    async def insert(self, order: CardOrder) -> None:
        """Put a card in, after taking out the one that is there; returns when the card service has seen it.

        Raises `NoCardReader`, KeyError (nobody of that name), `ImageError`, `SlotUnavailable` or TimeoutError.
        """
        service, slot = self._require()
        machine = CardMachine(self._image(order))
        async with self._hand:
            await slot.insert(machine)
            await service.card_seen(0, machine.atr)

    async def remove(self) -> None:
        """Take the card out; returns when the card service has seen it. Raises `NoCardReader` or TimeoutError."""
        service, slot = self._require()
        async with self._hand:
            await slot.remove()
            await service.card_seen(0, b"")

    def _image(self, order: CardOrder) -> CardImage:
        if order.image:
            return load_image(order.image)
        return image_for(find(self._people, order.person))

    def _require(self) -> tuple[PcscdInstance, VpcdSlot]:
        if self._service is None or self._slot is None:
            raise NoCardReader(f"there is no card reader here: {self._missing}")
        return self._service, self._slot
