"""Every way to spoil one node of an input by the published form of its fields: missing, mistyped, too long, no such code."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from simulators.hub.fields import Field

MISSING: Final = (None, "", "null")
_NO_DATES: Final = {
    "D": ("2026-02-30", "20261121", "2026-11-21 10:00:00"),
    "DT": ("2026-02-30 10:00:00", "2026-11-21"),
}


def spoiled(table: tuple[Field, ...], good: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(the field that is wrong, the node with it) for every field of the table."""
    for field in table:
        wrong = [*(MISSING if field.required else ()), *_wrong(field)]
        for value in wrong:
            yield field.name, {**good, field.name: value}


def _wrong(field: Field) -> Iterator[object]:
    yield from (True, {"a": 1}, ["a"])
    match field.kind:
        case "S":
            if field.length:
                yield "X" * (field.length + 1)
            if field.codes:
                yield "?"
        case "N":
            yield from ("abc", "1e3", "1." + "1" * (field.decimals + 1), "9" * (field.length + 1))
        case kind:
            yield from (*_NO_DATES[kind], 20261121)
