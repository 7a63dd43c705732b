"""GS1 element strings: fields with application identifiers, as in the DataMatrix of imported drugs.

GS1 General Specifications, section 3 (identifiers and lengths), 7.9 (check digits), 7.11 (characters) and 7.12
(two-digit years). Only the identifiers that stand on drug packs are known; a string with another one is not taken
apart, because its length, and so everything after it, would be a guess.
"""

import calendar
import datetime
import re

import msgspec

from protocols.codes.ean import has_good_check_digit

SEPARATOR = "\x1d"
"""GS: ends a field of variable length (the FNC1 of the symbol)."""

SSCC, GTIN, CONTENT_GTIN = "00", "01", "02"
LOT, SERIAL = "10", "21"
PRODUCTION_DATE, PACKAGING_DATE, BEST_BEFORE_DATE, EXPIRY_DATE = "11", "13", "15", "17"

_FIXED_LENGTHS = {"00": 18, "01": 14, "02": 14, "11": 6, "13": 6, "15": 6, "17": 6}
_CHECKED = frozenset({SSCC, GTIN, CONTENT_GTIN})
_DATES = frozenset({PRODUCTION_DATE, PACKAGING_DATE, BEST_BEFORE_DATE, EXPIRY_DATE})
_TEXT = r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]"
_VARIABLE = {
    "10": re.compile(_TEXT + "{1,20}"),
    "21": re.compile(_TEXT + "{1,20}"),
    "22": re.compile(_TEXT + "{1,20}"),
    "240": re.compile(_TEXT + "{1,30}"),
    "241": re.compile(_TEXT + "{1,30}"),
    "30": re.compile("[0-9]{1,8}"),
    "37": re.compile("[0-9]{1,8}"),
}


class Gs1Error(ValueError):
    """Not an element string we can take apart. The message names the identifier, never the content."""


class Gs1CheckDigitError(Gs1Error):
    """The shape is right, but the check digit of an SSCC or GTIN is not."""


class Gs1Field(msgspec.Struct, frozen=True):
    """One field."""

    identifier: str
    value: str


class Gs1Date(msgspec.Struct, frozen=True):
    """A date of a GS1 field: two-digit year, month, day; day 0 is the last day of the month."""

    year: int
    month: int
    day: int

    def resolve(self, current_year: int) -> datetime.date:
        """The date meant when read in `current_year`: from 49 years back to 50 ahead (7.12).

        Raises `ValueError` when there is no such day (30 February, 29 February of a common year).
        """
        ahead = self.year - current_year % 100
        if ahead >= 51:
            ahead -= 100
        elif ahead <= -50:
            ahead += 100
        year = current_year + ahead
        return datetime.date(year, self.month, self.day or calendar.monthrange(year, self.month)[1])


def parse_date(text: str) -> Gs1Date:
    """Six digits YYMMDD; raises `Gs1Error` for a month outside 1-12 or a day no month has."""
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise Gs1Error("a date has six digits")
    date = Gs1Date(year=int(text[:2]), month=int(text[2:4]), day=int(text[4:]))
    if not 1 <= date.month <= 12 or date.day > (
        29 if date.month == 2 else 30 if date.month in (4, 6, 9, 11) else 31
    ):
        raise Gs1Error("no such day")
    return date


def parse(text: str) -> tuple[Gs1Field, ...]:
    """Take an element string apart (GS between fields; one in front is allowed).

    Raises `Gs1CheckDigitError` when all is well but for a check digit, else `Gs1Error`.
    """
    fields: list[Gs1Field] = []
    rest = text.removeprefix(SEPARATOR)
    while rest:
        field, rest = _take_field(rest)
        if any(field.identifier == earlier.identifier for earlier in fields):
            raise Gs1Error(f"field ({field.identifier}) twice")
        fields.append(field)
    if not fields:
        raise Gs1Error("no field")
    for field in fields:
        if field.identifier in _CHECKED and not has_good_check_digit(field.value):
            raise Gs1CheckDigitError(f"check digit of field ({field.identifier})")
    return tuple(fields)


def _take_field(text: str) -> tuple[Gs1Field, str]:
    identifier = text[:2]
    length = _FIXED_LENGTHS.get(identifier)
    if length is not None:
        value, rest = text[2 : 2 + length], text[2 + length :]
        if len(value) != length or not (value.isascii() and value.isdigit()):
            raise Gs1Error(f"field ({identifier}) needs {length} digits")
        if identifier in _DATES:
            parse_date(value)
        # A separator behind a field of fixed length is not needed, but some printers add it.
        return Gs1Field(identifier, value), rest.removeprefix(SEPARATOR)
    identifier = text[:3] if text[:3] in _VARIABLE else identifier
    pattern = _VARIABLE.get(identifier)
    if pattern is None:
        raise Gs1Error("unknown application identifier")
    value, _, rest = text[len(identifier) :].partition(SEPARATOR)
    if not pattern.fullmatch(value):
        raise Gs1Error(f"characters or length of field ({identifier})")
    return Gs1Field(identifier, value), rest
