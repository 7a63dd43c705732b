"""A card reader: whole dialogues are handed over and run inside one transaction.

A dialogue is a generator that yields command APDUs and receives response APDUs (with SW1 SW2 at the end); it knows
no reader. One hop to the reader's thread per dialogue, not per APDU.
"""

from collections.abc import AsyncGenerator, Generator
from typing import Protocol, TypeVar

import msgspec

Result = TypeVar("Result")
Dialogue = Generator[bytes, bytes, Result]


class ReaderFault(Exception):
    """Base of everything that can go wrong between us and the card.

    `kind` is a machine word, `what_to_do` one sentence for the operator (a message id for translation).
    """

    kind = "reader"
    what_to_do = "Take the card out and insert it again; if it happens twice, use another medium."


class NoService(ReaderFault):
    """pcscd is not running or has just died; the driver keeps trying to come back by itself."""

    kind = "no_service"
    what_to_do = "The card service is not running. It is being retried; meanwhile use the e-certificate."


class NoReader(ReaderFault):
    """The configured reader is not there."""

    kind = "no_reader"
    what_to_do = "The card reader is not there. Check its cable; meanwhile use the e-certificate."


class NoCard(ReaderFault):
    """No card in the reader."""

    kind = "no_card"
    what_to_do = "Insert the card."


class MuteCard(ReaderFault):
    """A card is in the reader but does not answer to reset: inserted the wrong way round, dirty, or broken."""

    kind = "mute_card"
    what_to_do = "The card does not answer. Insert it the right way round, chip first; clean the chip."


class CardRemoved(ReaderFault):
    """The card was pulled out (or torn, or replaced) during the dialogue. What the card did with the last command is unknown."""

    kind = "card_removed"
    what_to_do = "The card was taken out too early. Insert it again and leave it in."


class ReaderBusy(ReaderFault):
    """Another program holds the reader; we waited as long as we were told to."""

    kind = "reader_busy"
    what_to_do = "Another program is using the card reader. Close it, or wait and try again."


class ReaderTimeout(ReaderFault):
    """The service or the card did not answer in time; the call still hangs in its own thread and is abandoned."""

    kind = "reader_timeout"
    what_to_do = "The card or the card service does not answer. Take the card out, insert it again."


class CardPresence(msgspec.Struct, frozen=True):
    """What the monitor saw last."""

    reader: str
    present: bool
    atr: bytes = b""
    event_count: int = 0
    """Insertions and removals so far: two equal ATRs with different counts are two insertions."""


class CardReader(Protocol):
    """One reader; one owner thread behind it."""

    async def run(self, dialogue: Dialogue[Result], timeout_s: float) -> Result:
        """Run a whole dialogue inside one reader transaction and return its result.

        Raises a `ReaderFault`, or whatever the dialogue itself raises (the card said no). A cancelled call finishes in
        its thread, its result is dropped and the card is reset; the card is reset after every dialogue.
        """
        ...

    def presence(self) -> AsyncGenerator[CardPresence, None]:
        """Yield the present state at once, then every change, for ever; who stops listening closes it (`aclosing`)."""
        ...
