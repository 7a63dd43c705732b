"""Where each yield point can be at all: `left_empty.toml` read, with its reasons."""

import functools
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from terminal.core.states import State
from yibao.site.yield_points import Cell

_FILE = Path(__file__).parent / "left_empty.toml"


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points that can be in the same states."""

    patterns: tuple[str, ...]
    """Shell patterns of point names."""
    only_in: frozenset[str]
    reason: str
    """Why they cannot be in any other state."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    point: tuple[Point, ...]


@functools.cache
def _file() -> _File:
    """The file. Raises ValueError for a state that does not exist."""
    read = msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), _File)
    unknown = frozenset[str]().union(*(point.only_in for point in read.point)) - {"-", *State}
    if unknown:
        raise ValueError(f"left_empty.toml: no such state: {', '.join(sorted(unknown))}")
    return read


def elsewhere(cell: Cell) -> str | None:
    """Why this cell should be empty; None when its point may be in its state."""
    for point in _file().point:
        if any(fnmatchcase(cell.point, pattern) for pattern in point.patterns):
            return None if cell.state in point.only_in else point.reason
    return "no entry of left_empty.toml says where this point can be"
