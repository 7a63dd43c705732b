"""What people do with the card reader beside a sale: read the card to look at it, or talk to it command by command."""

from collections.abc import Sequence

import msgspec

from drivers.interfaces.card_reader import CardReader, ReaderFault
from protocols.cards.social_security import SocialSecurityCard
from protocols.iso7816.apdu import Command, parse_command
from protocols.iso7816.exchange import Dialogue
from terminal.core.events import Misuse
from terminal.devices.card_medium import card_message, read_social_security_card

MAX_COMMANDS = 32
"""In one conversation; a whole card by single records takes fewer."""
APDU_LIMIT_S = 15.0

_PIN_INSTRUCTIONS = frozenset({0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D, 0x5E})
"""VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER (ISO/IEC 7816-4, 11.6; even and odd), and the social-security
card's own PIN change 80 5E: six wrong tries close a card for good, and a PIN has no business in a terminal's window."""


class Exchanged(msgspec.Struct, frozen=True):
    """One command and what the card answered, raw; both may hold data of the person."""

    command: bytes
    response: bytes


class CardDesk:
    """The card reader of the counter, or its absence."""

    def __init__(self, reader: CardReader | None) -> None:
        self._reader = reader

    async def read(self) -> SocialSecurityCard:
        """Read the social-security card in the reader; raises `Misuse` with the words for the operator."""
        return await read_social_security_card(self._require())

    async def talk(self, commands: Sequence[str]) -> tuple[Exchanged, ...]:
        """Send commands (hexadecimal) one after the other to the card, which is reset afterwards.

        Nothing is sent when one of them is no APDU or carries a PIN. Raises `Misuse`.
        """
        parsed = [parse_apdu(command) for command in commands]
        if not 1 <= len(parsed) <= MAX_COMMANDS:
            raise Misuse("bad_request", reason=f"commands: 1 to {MAX_COMMANDS}")
        reader = self._require()
        try:
            return await reader.run(_one_by_one([command.encode() for command in parsed]), APDU_LIMIT_S)
        except ReaderFault as fault:
            raise Misuse(card_message(fault.kind)) from fault

    def _require(self) -> CardReader:
        if self._reader is None:
            raise Misuse("card_no_reader_configured")
        return self._reader


def parse_apdu(text: str) -> Command:
    """Read a short command APDU in hexadecimal; raises `Misuse`, whose text never repeats what was typed."""
    try:
        command = parse_command(bytes.fromhex(text))
    except ValueError as wrong:
        raise Misuse("apdu_malformed") from wrong
    if command.ins in _PIN_INSTRUCTIONS:
        raise Misuse("apdu_pin", ins=f"{command.ins:02X}")
    return command


def _one_by_one(commands: Sequence[bytes]) -> Dialogue[tuple[Exchanged, ...]]:
    exchanged: tuple[Exchanged, ...] = ()
    for command in commands:
        response = yield command
        exchanged = (*exchanged, Exchanged(command, response))
    return exchanged
