"""Where a card is pulled out: at which command, and on which side of its execution."""

from enum import Enum

import msgspec


class TearPoint(Enum):
    """The moment, seen from the card."""

    BEFORE = "the card is gone when the command arrives; it executes nothing"
    INSIDE = "the card has executed the command and is gone before the answer"
    AFTER = "the answer has arrived, then the card is gone"
    ONE_BYTE = (
        "the link breaks after one byte of the answer's length; pcscd 1.9.9 dies of it, so only for that test"
    )


class Tear(msgspec.Struct, frozen=True):
    """Pull the card at command number `apdu` (0 is the first one since insertion)."""

    apdu: int
    point: TearPoint
