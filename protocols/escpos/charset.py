"""Which characters a Chinese receipt printer can print, and what stands in for the others (profile decision PD-30).

Such printers take bytes from 0x80 up in pairs and hold the two-byte area of GBK. A four-byte GB18030 character
prints as junk: U+00A5 is `81 30 84 36`, and its two ASCII bytes come out as "0 6". So every character is brought
into ASCII or two-byte GBK before it is sent, and what was changed is counted.

Text from outside (names, drug names) also must not command the printer or move text about: control bytes, bidi
overrides and invisible format characters are dropped, never sent (they could open a drawer or draw a false line).
"""

import functools
import itertools
import unicodedata

import msgspec

REPLACEMENT = "□"
"""Stands for a character the printer cannot print (U+25A1, GBK `A1 F5`)."""

# The full-width signs of U+FFE0 to U+FFE6 that GBK holds, by the sign they widen; and signs with an obvious neighbour.
_NEIGHBOURS = {
    "¥": "￥",
    "£": "￡",
    "¢": "￠",
    "¬": "￢",
    "¦": "￤",
    "¯": "￣",
    "−": "－",
    "‑": "-",
    "•": "·",
}

# Categories that are never sent: controls, format characters (bidi, joiners), surrogates, line and paragraph
# separators, and marks that no composed character absorbed.
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Mn", "Mc", "Me"})


class PrintableText(msgspec.Struct, frozen=True):
    """Text made of ASCII 0x20 to 0x7E and two-byte GBK characters only, with what it cost."""

    text: str
    dropped: int = 0
    """How many characters were left out (control, bidi, joiner, lone mark)."""
    substituted: int = 0
    """How many characters were replaced by a neighbour or by `REPLACEMENT`."""


@functools.lru_cache(maxsize=4096)
def is_printable(char: str) -> bool:
    """Whether the printer holds this one character: ASCII 0x20 to 0x7E, or two-byte GBK outside the private area."""
    if " " <= char <= "~":
        return True
    if char < "\x80":
        return False
    try:
        return len(char.encode("gbk")) == 2
    except UnicodeEncodeError:
        return False


def to_printable(text: str) -> PrintableText:
    """Bring any text into the printer's characters; never fails.

    Composed forms are used first (`e` + acute becomes `é`, which GBK holds); that is not counted as a change.
    """
    if text.isascii() and text.isprintable():
        return PrintableText(text=text)
    composed = unicodedata.normalize("NFC", text)
    if all(map(is_printable, composed)):
        return PrintableText(text=composed)
    out: list[str] = []
    dropped = substituted = 0
    for char in composed:
        if is_printable(char):
            out.append(char)
        elif unicodedata.category(char) in _DROPPED:
            dropped += 1
        else:
            substituted += 1
            out.append(_stand_in(char))
    return PrintableText(text="".join(out), dropped=dropped, substituted=substituted)


def encode(text: str) -> bytes:
    """Encode text that `to_printable` returned; ASCII takes one byte, everything else two.

    Raises `ValueError` for a character the printer does not hold: it must have been replaced before.
    """
    if not all(map(is_printable, text)):
        char = next(itertools.filterfalse(is_printable, text))
        raise ValueError(f"character U+{ord(char):04X} is not printable; call to_printable first")
    return text.encode("gbk")


def _stand_in(char: str) -> str:
    neighbour = _NEIGHBOURS.get(char)
    if neighbour is not None:
        return neighbour
    compatible = unicodedata.normalize("NFKC", char)
    if compatible and all(is_printable(part) for part in compatible):
        return compatible
    return REPLACEMENT
