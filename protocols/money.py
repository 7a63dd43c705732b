"""Exact numbers of the hub: money in integer fen, prices, quantities and ratios in their own small integer units.

On the wire an amount is a JSON number in yuan with two decimals (`83.30`); inside it is an integer of fen (8330).
Every type here is an `int` in the unit its name says, knows how many decimals its wire form has, and is exact in both
directions. No float ever carries an amount.

Reading is tolerant in form and strict in value (decision K18): a JSON number or a numeric text with at most the
allowed decimals; an exponent, NaN, one decimal too many, a digit that is not ASCII, or a number outside the printed
width is refused. Lengths follow the national interface (Hunan edition V1.1.27): amounts N 16,2, prices N 16,6,
quantities N 16,4, ratios N 5,4, age N 4,1, days N 4,2.

Sums and differences of these types are plain `int`; wrap the result again (`Fen(a + b)`) before it goes to the wire.
"""

import re
from collections.abc import Iterable
from typing import ClassVar, Self

import msgspec

from protocols.errors import MoneyError

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_WHOLE = re.compile(r"[0-9]{1,18}")


class Decimals(msgspec.Struct, frozen=True, gc=False):
    """A JSON number with a fraction or an exponent, kept as its exact text until its field's type is known."""

    text: str


class Scaled(int):
    """An exact decimal number, stored as an integer of its smallest unit."""

    __slots__ = ()

    PLACES: ClassVar[int]
    """Decimals the unit stands for (at least one): 2 means that one unit is a hundredth."""
    MIN_PLACES: ClassVar[int]
    """Decimals always written, even when they are zero."""
    INTEGER_DIGITS: ClassVar[int]
    """Digits allowed before the point."""
    _UNIT: ClassVar[int]
    _LIMIT: ClassVar[int]
    _SHIFTS: ClassVar[tuple[int, ...]]

    def __init_subclass__(cls) -> None:
        # Worked out once per type: a settlement answer holds some forty amounts.
        cls._UNIT = 10**cls.PLACES
        cls._LIMIT = 10 ** (cls.INTEGER_DIGITS + cls.PLACES)
        cls._SHIFTS = tuple(10 ** (cls.PLACES - written) for written in range(cls.PLACES + 1))

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a wire value: an int in whole units (83 = 83 yuan), a text, or a number with a fraction.

        Raises `MoneyError`, whose text never repeats the value.
        """
        if isinstance(value, Decimals):
            text = value.text
            if text == "0.00" and cls.PLACES > 1:  # most amounts of most answers
                return cls(0)
        elif isinstance(value, str):
            if _NUMBER.fullmatch(value) is None:
                raise MoneyError("not a plain decimal number")
            text = value
        elif isinstance(value, int) and not isinstance(value, bool):
            return cls._in_range(value * cls._UNIT)
        else:
            raise MoneyError("not a number")
        whole, point, fraction = text.partition(".")
        if point and not fraction.isdigit():
            raise MoneyError("a number with an exponent")
        try:
            units = int(whole + fraction) * cls._SHIFTS[len(fraction)]
        except IndexError:
            raise MoneyError(f"more than {cls.PLACES} decimals") from None
        except ValueError:
            raise MoneyError("a number with an exponent, or with thousands of digits") from None
        return cls._in_range(units)

    @classmethod
    def _in_range(cls, units: int) -> Self:
        if -cls._LIMIT < units < cls._LIMIT:
            return cls(units)
        raise MoneyError("out of range")

    def wire_text(self) -> str:
        """Return the decimal text written on the wire, for instance `-83.30`."""
        units = int(self)
        if not -self._LIMIT < units < self._LIMIT:
            raise MoneyError("out of range")
        places = self.PLACES
        digits = str(abs(units)).rjust(places + 1, "0")
        whole, fraction = digits[:-places], digits[-places:]
        if places > self.MIN_PLACES:
            fraction = fraction[: max(len(fraction.rstrip("0")), self.MIN_PLACES)]
        if fraction:
            whole = f"{whole}.{fraction}"
        return f"-{whole}" if units < 0 else whole


class Count(int):
    """A whole number that is no amount: rows, pages, a rank."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a wire value, a number or its digits as text (K18). Raises `MoneyError`, whose text never repeats the value."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
            return cls(value)
        if isinstance(value, str) and _WHOLE.fullmatch(value) is not None:
            return cls(value)
        raise MoneyError("not a whole number")


class Fen(Scaled):
    """An amount of money in fen (0.01 yuan); negative only in the hub's records of cancellations."""

    __slots__ = ()
    PLACES = 2
    MIN_PLACES = 2
    INTEGER_DIGITS = 14


class Price(Scaled):
    """A unit price in millionths of a yuan."""

    __slots__ = ()
    PLACES = 6
    MIN_PLACES = 2
    INTEGER_DIGITS = 10


class Quantity(Scaled):
    """A quantity in ten-thousandths of a unit of sale."""

    __slots__ = ()
    PLACES = 4
    MIN_PLACES = 2
    INTEGER_DIGITS = 12


class Ratio(Scaled):
    """A share between 0 and 1 in ten-thousandths."""

    __slots__ = ()
    PLACES = 4
    MIN_PLACES = 2
    INTEGER_DIGITS = 1


class Age(Scaled):
    """An age in tenths of a year."""

    __slots__ = ()
    PLACES = 1
    MIN_PLACES = 1
    INTEGER_DIGITS = 3


class Days(Scaled):
    """A number of days in hundredths of a day."""

    __slots__ = ()
    PLACES = 2
    MIN_PLACES = 0
    # Printed as N 4,2, which would stop at 99.99; prescriptions of 100 days and more exist.
    INTEGER_DIGITS = 4


def parse_yuan(text: str) -> Fen:
    """Read an amount in yuan such as `83.3` or `-83.30`; raises `MoneyError` (the rules stand at the top)."""
    return Fen.parse(text)


def format_yuan(fen: int) -> str:
    """Write an amount in yuan with exactly two decimals: 8330 -> `83.30`."""
    return Fen(fen).wire_text()


def sum_fen(amounts: Iterable[int]) -> Fen:
    """Add amounts in fen."""
    return Fen(sum(amounts))


def line_amount_fen(price: Price, quantity: Quantity) -> Fen:
    """Return price x quantity rounded to the fen, half away from zero (money identity M1)."""
    product = int(price) * int(quantity)
    unit = 10 ** (Price.PLACES + Quantity.PLACES - Fen.PLACES)
    rounded = (abs(product) * 2 + unit) // (2 * unit)
    return Fen(rounded if product >= 0 else -rounded)


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays one settlement, in fen, all amounts positive.

    total = fund + account + cash + hospital. The mutual-aid part (paid from a relative's account) lies inside the
    account (decision K41). Direction (sale or cancellation) is kept beside a split, never in its signs.
    Raises `MoneyError` when the amounts do not add up, so a split that exists is a split that is right.
    """

    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    mutual_aid_fen: int = 0
    hospital_fen: int = 0

    def __post_init__(self) -> None:
        parts = (self.fund_fen, self.account_fen, self.cash_fen, self.hospital_fen)
        if min(self.total_fen, self.mutual_aid_fen, *parts) < 0:
            raise MoneyError("a part of the split is negative")
        if sum(parts) != self.total_fen:
            raise MoneyError("total is not fund + account + cash + hospital")
        if self.mutual_aid_fen > self.account_fen:
            raise MoneyError("mutual aid is larger than the account payment it is part of")
