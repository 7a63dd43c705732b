"""Stands in for a card reader that is configured where the PC/SC binding is not installed: selling goes on without."""

from collections.abc import AsyncGenerator
from typing import TypeVar

from drivers.interfaces.card_reader import CardPresence, Dialogue, ReaderFault
from drivers.interfaces.presence_feed import PresenceFeed

Result = TypeVar("Result")


class NoBinding(ReaderFault):
    """The library that speaks PC/SC is not installed."""

    kind = "no_binding"
    what_to_do = (
        "The PC/SC library is not installed on this machine. Run the set-up again with its headers there."
    )


class NoBindingReader:
    """A `CardReader` that says so whenever it is asked."""

    def __init__(self, name: str) -> None:
        self._feed = PresenceFeed()
        self._feed.publish(CardPresence(name, present=False))

    async def run(self, dialogue: Dialogue[Result], timeout_s: float) -> Result:
        """See `CardReader.run`."""
        dialogue.close()
        raise NoBinding(f"pyscard is not installed; gave up at once instead of after {timeout_s:g} s")

    def presence(self) -> AsyncGenerator[CardPresence, None]:
        """See `CardReader.presence`."""
        return self._feed.subscribe()
