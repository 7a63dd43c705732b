"""Reading data files strictly: every value is checked, every fault names file, key and reason.

One reader serves two notations of the same keys. `YUAN` is what people edit: money as text such as "600.00",
ratios as "70%", "none" for no limit. `FEN` is the notation of the worked cases: integer fen, ratios in 1/10000,
null for no limit.
"""

import datetime
import re
from collections.abc import Iterator
from typing import Final, Literal, TypeVar

_Choice = TypeVar("_Choice", bound=str)
Notation = Literal["yuan", "fen"]
YUAN: Final = "yuan"
FEN: Final = "fen"

_MONEY: Final = re.compile(r"(\d{1,10})(?:\.(\d{1,2}))?", re.ASCII)
_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?%", re.ASCII)
WHOLE_BP: Final = 10_000
LARGEST_FEN: Final = 10**12


class DataError(ValueError):
    """A data file that must not be used. Nothing of it was taken over."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


class Node:
    """A value inside a data file, with the path that leads to it."""

    __slots__ = ("file", "key", "notation", "value")

    def __init__(self, file: str, value: object, notation: Notation, key: str = "") -> None:
        self.file = file
        self.value = value
        self.notation = notation
        self.key = key

    def error(self, reason: str) -> DataError:
        """The error to raise for this value."""
        return DataError(self.file, self.key, reason)

    def _below(self, name: str, value: object) -> "Node":
        return Node(self.file, value, self.notation, f"{self.key}.{name}" if self.key else name)

    def table(self) -> dict[str, object]:
        """The value as a table with text keys."""
        if not isinstance(self.value, dict):
            raise self.error("must be a table")
        return self.value

    def only(self, *names: str) -> None:
        """Refuse keys that are not in `names`: a misspelt key must not be silently ignored."""
        for name in self.table():
            if name not in names:
                raise self._below(name, None).error(f"unknown key; known are {', '.join(names)}")

    def child(self, name: str) -> "Node":
        """The value under a key that must be there."""
        table = self.table()
        if name not in table:
            raise self._below(name, None).error("is missing")
        return self._below(name, table[name])

    def maybe(self, name: str) -> "Node | None":
        """The value under a key, None when it is absent or null."""
        value = self.table().get(name)
        return None if value is None else self._below(name, value)

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """Every key with its value; null counts as absent."""
        for name, value in self.table().items():
            if value is not None:
                yield name, self._below(name, value)

    def elements(self) -> tuple["Node", ...]:
        """The members of a list."""
        if not isinstance(self.value, list):
            raise self.error("must be a list")
        return tuple(self._below(str(i), v) for i, v in enumerate(self.value, start=1))

    def text(self) -> str:
        """Text that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            raise self.error("must be text that is not empty")
        return self.value

    def choice(self, *allowed: _Choice) -> _Choice:
        """Text out of a list."""
        text = self.text()
        for candidate in allowed:
            if candidate == text:
                return candidate
        raise self.error(f"'{text}' is none of {', '.join(allowed)}")

    def flag(self) -> bool:
        """true or false."""
        if not isinstance(self.value, bool):
            raise self.error("must be true or false")
        return self.value

    def number(self, largest: int) -> int:
        """A whole number from 0 to `largest`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not 0 <= self.value <= largest:
            raise self.error(f"must be a whole number from 0 to {largest}")
        return self.value

    def date(self) -> datetime.date:
        """A date written without quotes, e.g. 2026-01-01."""
        if not isinstance(self.value, datetime.date) or isinstance(self.value, datetime.datetime):
            raise self.error("must be a date such as 2026-01-01, without quotes")
        return self.value

    def money(self) -> int:
        """An amount, in fen."""
        if self.notation == FEN:
            return self.number(LARGEST_FEN)
        match = _MONEY.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None:
            raise self.error('must be an amount in yuan in quotes, such as "600.00"')
        return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))

    def limit(self) -> int | None:
        """An amount, or no limit ("none", in the cases null)."""
        if self.value is None or (self.notation == YUAN and self.value == "none"):
            return None
        return self.money()

    def ratio(self) -> int:
        """A share from 0 % to 100 %, in 1/10000."""
        if self.notation == FEN:
            return self.number(WHOLE_BP)
        match = _PERCENT.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None:
            raise self.error('must be a percentage in quotes, such as "70%" or "12.5%"')
        ratio_bp = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
        if ratio_bp > WHOLE_BP:
            raise self.error("is more than 100%")
        return ratio_bp
