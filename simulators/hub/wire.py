"""Numbers as the hub writes them: JSON numbers with their decimals, made without floats.

One answer holds some forty of them, most of them more than once; those written last are kept.
"""

from functools import lru_cache
from typing import Final

import msgspec

from protocols.money import Age, Fen, Price, Quantity, Ratio

_NOTHING: Final = msgspec.Raw(b"0.00")
"""Most amounts of an answer are nothing."""
_KEPT: Final = 4096


@lru_cache(maxsize=_KEPT)
def yuan(fen: int) -> msgspec.Raw:
    """An amount in yuan with two decimals."""
    return _NOTHING if fen == 0 else msgspec.Raw(Fen(fen).wire_text().encode())


@lru_cache(maxsize=_KEPT)
def price(micro: int) -> msgspec.Raw:
    """A unit price, two to six decimals."""
    return msgspec.Raw(Price(micro).wire_text().encode())


@lru_cache(maxsize=_KEPT)
def quantity(e4: int) -> msgspec.Raw:
    """A quantity, two to four decimals."""
    return msgspec.Raw(Quantity(e4).wire_text().encode())


@lru_cache(maxsize=_KEPT)
def ratio(bp: int) -> msgspec.Raw:
    """A share of one, two to four decimals."""
    return msgspec.Raw(Ratio(bp).wire_text().encode())


@lru_cache(maxsize=_KEPT)
def tenths(value: int) -> msgspec.Raw:
    """An age with one decimal."""
    return msgspec.Raw(Age(value).wire_text().encode())
