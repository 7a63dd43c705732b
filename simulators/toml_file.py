"""Reads a TOML file of the simulators' data into a struct; a wrong one is refused by file, key and reason."""

import re
import tomllib
from typing import TypeVar

import msgspec

WHOLE_FILE = "(whole file)"
"""Stands for the key where no single one is to blame."""

_Wanted = TypeVar("_Wanted")


class WrongFile(ValueError):
    """A data file that cannot be used; the text names file, key and reason (never a value)."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


def read_toml(text: str, file: str, wanted: type[_Wanted], error: type[WrongFile]) -> _Wanted:
    """`text` as a `wanted`; raises `error`. `file` is only used in its text."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise error(file, WHOLE_FILE, f"not TOML: {broken}") from None
    try:
        return msgspec.convert(document, wanted)
    except msgspec.ValidationError as broken:
        raise error(file, *_key_and_reason(str(broken))) from None


def _key_and_reason(text: str) -> tuple[str, str]:
    """Split msgspec's text into our key and reason: it ends in ``- at `$.card.number` `` when it knows where."""
    found = re.match(r"(?P<reason>.*?)(?: - at `\$\.?(?P<key>.*)`)?$", text, re.DOTALL)
    if found is None:
        return WHOLE_FILE, text
    missing = re.search(r"(?:required|unknown) field `(\w+)`", found["reason"])
    key = found["key"] or ""
    if missing:
        key = f"{key}.{missing[1]}" if key else missing[1]
    return key or WHOLE_FILE, found["reason"]
