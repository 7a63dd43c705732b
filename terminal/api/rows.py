"""An answer of the hub as rows of text: its own members by wire name, without what names the insured person."""

from collections.abc import Mapping
from typing import Any

import msgspec

from protocols.money import Ratio, Scaled
from protocols.secret import Secret
from terminal.shapes.hub import Row

_EXTENSION = frozenset({"exp_content", "expContent"})
"""May hold anything, so it is not shown."""


def row_of(node: msgspec.Struct) -> Row:
    """Return a node as text, without what names the insured person, the extension, and what the hub did not send."""
    row: Row = {}
    for member in msgspec.structs.fields(node):
        value: Any = getattr(node, member.name)
        if member.encode_name in _EXTENSION or isinstance(value, Secret) or value is None or value == "":
            continue
        row[member.encode_name] = _text(value)
    return row


def row_of_members(members: Mapping[str, Any]) -> Row:
    """Return a row whose members are not published as text; what is no text or number is left out."""
    return {
        name: str(value)
        for name, value in members.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and name not in _EXTENSION
    }


def _text(value: Any) -> str:
    """As it stands on the wire; a ratio always with four decimals."""
    if isinstance(value, Ratio):
        return f"{int(value) // 10_000}.{int(value) % 10_000:04d}"
    return value.wire_text() if isinstance(value, Scaled) else str(value)
