"""How the card reader is doing, from what its driver saw last."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from drivers.interfaces.card_reader import CardPresence
from drivers.interfaces.device_state import DeviceState


class ReaderSight(Protocol):
    """What a reader's driver saw last."""

    @property
    def service(self) -> bool:
        """The card service answers."""
        ...

    @property
    def readers(self) -> tuple[str, ...]:
        """Names of all readers there are."""
        ...

    @property
    def presence(self) -> CardPresence:
        """Our reader and its card."""
        ...


Look = Callable[[], ReaderSight | None]
"""Asks the driver; None before its first look."""


class ReaderState(msgspec.Struct, frozen=True):
    """The card reader for the devices page and the technician; names and counts, no data of a card."""

    state: str
    """A `DeviceState`."""
    problem: str = ""
    """`no_service`, `no_reader`, `no_binding`, `not configured`; empty when there is none."""
    reader: str = ""
    """PC/SC name of our reader, once it was found."""
    readers: tuple[str, ...] = ()
    """Every reader of the machine."""
    card: bool = False
    """A card is in it."""
    card_answers: bool = False
    """It answered to reset; a card the wrong way round does not."""


def reader_state(name: str, look: Look | None) -> ReaderState:
    """Return the state of the reader called `name` in the configuration; `look` None = no binding installed."""
    if not name:
        return ReaderState(DeviceState.ABSENT.value, "not configured")
    if look is None:
        return ReaderState(DeviceState.FAULT.value, "no_binding")
    sight = look()
    if sight is None:
        return ReaderState(DeviceState.OPENING.value)
    if not sight.service:
        return ReaderState(DeviceState.ABSENT.value, "no_service")
    ours = sight.presence
    if ours.reader not in sight.readers:
        return ReaderState(DeviceState.ABSENT.value, "no_reader", readers=sight.readers)
    return ReaderState(
        DeviceState.READY.value,
        reader=ours.reader,
        readers=sight.readers,
        card=ours.present,
        card_answers=bool(ours.atr),
    )
