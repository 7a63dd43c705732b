"""Retail barcodes (商品条码): EAN-13 and EAN-8, and the check digit that GTIN-14 and SSCC share with them."""

from collections.abc import Sequence


def gtin_check_digit(digits: str) -> int:
    """The check digit for the digits before it: weights 3, 1, 3 ... from the right (GS1 General Specifications 7.9).

    Serves EAN-8, EAN-13, GTIN-14, the 18-digit SSCC and the drug base code. Raises `ValueError` for anything but ASCII
    digits.
    """
    return -sum(weight * value for weight, value in _weighted(digits)) % 10


def has_good_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it; False for anything but ASCII digits."""
    if len(digits) < 2 or not (digits.isascii() and digits.isdigit()):
        return False
    return int(digits[-1]) == gtin_check_digit(digits[:-1])


def _weighted(digits: str) -> Sequence[tuple[int, int]]:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("check digits are computed over ASCII digits only")
    return [(3 if place % 2 == 0 else 1, int(digit)) for place, digit in enumerate(reversed(digits))]
