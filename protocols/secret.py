"""Values that may be sent to the hub, the card and the certificate centre, and shown nowhere else."""

import re
import unicodedata
from typing import Final


class Secret:
    """A person's number, name or token: printable only through `reveal()`.

    `repr`, `str` and formatting show `***`, so that a log line, a traceback or an assertion never carries the value.
    It is deliberately not a `str`: joining, concatenating or JSON-dumping one by accident is a type error.
    An absent value (null, "" or "null" on the wire) is `Secret("")`, which is false.
    """

    __slots__ = ("_value",)

    _value: str

    def __init__(self, value: str = "") -> None:
        object.__setattr__(self, "_value", value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Secret does not change")

    def reveal(self) -> str:
        """Return the value itself; every call of it marks a place where the value leaves our hands."""
        return self._value

    def masked(self, first: int = 3, last: int = 4) -> str:
        """Return the value with all but the first and last characters starred; short values are starred whole."""
        return mask(self.reveal(), first, last)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    def __str__(self) -> str:
        return "***" if self._value else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        raise TypeError("a Secret is not pickled")


def mask(text: str, first: int = 3, last: int = 4) -> str:
    """Star the middle of `text`, keeping `first` and `last` characters; star all of it when nothing would be hidden."""
    hidden = len(text) - first - last
    if hidden <= 0:
        return "*" * len(text)
    return text[:first] + "*" * hidden + text[len(text) - last :]


_LONG_NUMBER: Final = re.compile(r"[0-9]{14,}[0-9Xx]?")


def hide_numbers(text: str) -> str:
    """Star every number long enough to be a person's or a code's (14 digits on); for texts nobody can vouch for."""
    return _LONG_NUMBER.sub(lambda found: "*" * len(found[0]), text)


_SPACED_NUMBER: Final = re.compile(r"[0-9](?:[ -]?[0-9]){16}[ -]?[0-9Xx]")
"""18 characters of an identity number, also in groups; a date beside another number is shorter."""


def holds_number(text: str) -> bool:
    """Whether `hide_numbers` would hide something of it, or it holds an identity number in groups; wide digits count."""
    plain = unicodedata.normalize("NFKC", text)
    return hide_numbers(plain) != plain or _SPACED_NUMBER.search(plain) is not None
