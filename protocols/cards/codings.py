"""How the card writes values: packed BCD, text, names in GBK (file structure notice V2.0, section 7)."""

import re
from datetime import date
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_PADDING: Final = b"\x00\xff"  # neither byte ever stands inside GB 18030 text


class BadCoding(ValueError):
    """Bytes that do not hold a value of the coding; the text never repeats them."""


def decode_digits(raw: bytes) -> str:
    """Read packed BCD, left aligned and padded with F; all F means "not set" and gives ""."""
    digits = raw.hex().rstrip("f")
    if not digits.isdigit() and digits:
        raise BadCoding("packed BCD with nibbles that are no digits")
    return digits


def encode_digits(digits: str, length: int) -> bytes:
    """Write packed BCD into `length` bytes, padded on the right with nibble F."""
    if len(digits) > 2 * length or (digits and not digits.isdecimal()):
        raise BadCoding(f"not up to {2 * length} digits")
    return bytes.fromhex(digits.ljust(2 * length, "f"))


def decode_text(raw: bytes) -> str:
    """Read GBK text padded with 00, FF or spaces; ASCII is a part of it."""
    raw = raw.rstrip(b"\x00\xff\x20")
    if raw.isascii():  # most items: no codec to look up, and printable is all there is to check
        text = raw.decode("ascii")
        if text.isprintable():
            return text
        raise BadCoding("text with control characters")
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        # "from None": the original error carries the bytes, which are a person's name.
        raise BadCoding("bytes that are no GBK text") from None
    # Not str.isprintable(): rare characters of names may lie in the private area that GBK maps there.
    if _CONTROL.search(text):
        raise BadCoding("text with control characters")
    return text


def decode_name(first: bytes, extension: bytes) -> str:
    """Join the two parts of a name and decode them together: a character may lie across the cut (P-5).

    Padding is taken off the first part too, so a short name whose extension holds stray bytes does not get a hole.
    """
    return decode_text(first.rstrip(_PADDING) + extension)


def split_name(name: str, first_length: int, extension_length: int) -> tuple[bytes, bytes]:
    """Write a name into its two parts, each padded with 00; the cut may fall inside a character, as on real cards."""
    try:
        raw = name.encode("gb18030")
    except UnicodeEncodeError:
        raise BadCoding("a name that GB 18030 cannot write") from None
    if len(raw) > first_length + extension_length:
        raise BadCoding(f"a name of more than {first_length + extension_length} bytes")
    return raw[:first_length].ljust(first_length, b"\x00"), raw[first_length:].ljust(
        extension_length, b"\x00"
    )


def parse_date(digits: str) -> date | None:
    """Turn YYYYMMDD into a date; None when it is not set or no day of the calendar."""
    if len(digits) != 8 or not digits.isdecimal():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


_NUMBER_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def card_number_check(number: str) -> str:
    """Return the check character of the first eight characters (V2.0 notice, annex A).

    For information only: real cards exist that do not follow it, so nothing is ever refused because of it.
    """
    total = 0
    for weight, character in zip(_NUMBER_WEIGHTS, number[:8], strict=True):
        value = int(character) if character.isdecimal() else ord(character) - ord("A") + 10
        total += weight * value
    check = 11 - total % 11
    return {10: "X", 11: "0"}.get(check, str(check))
