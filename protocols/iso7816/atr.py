"""Answer to reset (ISO/IEC 7816-3, 8.2) and what the social-security card keeps in its historical bytes.

Usual contact form of a social-security card: `3B 6D 00 00` and 13 historical bytes, T=0 only, no check byte. Over the
contactless interface PC/SC makes an ATR of the ATS: `3B 8D 80 01`, the historical bytes, a check byte; profile decision
P-1 takes the same 13 bytes there.
"""

from functools import reduce
from operator import xor
from typing import Final

import msgspec

HISTORICAL_LENGTH: Final = 13
"""Historical bytes of a social-security card: chip maker 2, free 3, card maker 2, area 2, serial 4."""


class MalformedAtr(ValueError):
    """Bytes that are no answer to reset."""


class Atr(msgspec.Struct, frozen=True):
    """A parsed answer to reset; `protocols` in the order announced (0 when none is named)."""

    historical: bytes
    protocols: tuple[int, ...]


def parse_atr(raw: bytes) -> Atr:
    """Read an answer to reset; raises MalformedAtr when the lengths or the check byte are wrong."""
    if len(raw) < 2 or raw[0] not in (0x3B, 0x3F):
        raise MalformedAtr("an answer to reset starts with 3B or 3F")
    present, count = raw[1] >> 4, raw[1] & 0x0F
    at = 2
    protocols: list[int] = []
    while present:
        has_td = bool(present & 0x8)
        at += bin(present).count("1")
        if at > len(raw):
            raise MalformedAtr("the interface bytes end early")
        if not has_td:
            break
        td = raw[at - 1]
        protocols.append(td & 0x0F)
        present = td >> 4
    checked = any(protocol != 0 for protocol in protocols)
    if len(raw) != at + count + checked:
        raise MalformedAtr("the length does not fit the announced historical bytes")
    if checked and reduce(xor, raw[1:]) != 0:
        raise MalformedAtr("the check byte is wrong")
    return Atr(raw[at : at + count], tuple(dict.fromkeys(protocols)) or (0,))


def contact_atr(historical: bytes) -> bytes:
    """Build the usual contact answer to reset of a social-security card (TB1 = TC1 = 00, T=0)."""
    return bytes([0x3B, 0x60 | _count(historical), 0x00, 0x00]) + historical


def contactless_atr(historical: bytes) -> bytes:
    """Build the answer PC/SC shows for a contactless card (PC/SC part 3, 3.1.3.2.3)."""
    body = bytes([0x80 | _count(historical), 0x80, 0x01]) + historical
    return b"\x3b" + body + bytes([reduce(xor, body)])


def _count(historical: bytes) -> int:
    if len(historical) > 0x0F:
        raise MalformedAtr("at most 15 historical bytes fit an answer to reset")
    return len(historical)


def reset_information(atr: bytes) -> str:
    """Return the historical bytes as upper-case hex (26 characters), or "" when this is no such card's ATR (P-15)."""
    if not atr:
        return ""
    try:
        historical = parse_atr(atr).historical
    except MalformedAtr:
        return ""
    return historical.hex().upper() if len(historical) == HISTORICAL_LENGTH else ""
