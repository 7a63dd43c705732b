"""Catalogues as files: 1301 and its like. Every row carries the version of the list that changed it last."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from protocols.hub.accounts import pack
from simulators.benefit.catalogue import FIRST_VERSION
from simulators.hub import accounts, tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import as_node, check
from simulators.hub.listings import selection_memo

_VERSION_NAME: Final = "测试版本"
_SINCE: Final = "2020-01-01"


class _Layout(msgspec.Struct, frozen=True):
    """How many cells a row has, and which (from 1) are filled here; 0 = there is no such cell."""

    cells: int
    code: int
    name: int
    valid: int
    version: int
    version_name: int
    begin: int = 0
    memo: int = 0
    types: frozenset[str] = frozenset()
    """Kinds of item of the benefit catalogue that stand in it."""


_DEVICES: Final = frozenset({"consumable", "device"})
_LAYOUTS: Final[Mapping[str, _Layout]] = {
    "1301": _Layout(97, 1, 4, 79, 83, 84, 37, 78, frozenset({"western", "patent"})),
    "1302": _Layout(33, 1, 2, 14, 18, 19, 12, 0, frozenset({"pieces"})),
    "1303": _Layout(83, 1, 2, 65, 71, 72, 66, 64, frozenset({"inhouse"})),
    "1305": _Layout(19, 1, 10, 7, 15, 16, 12, 8, frozenset({"service"})),
    "1306": _Layout(71, 1, 2, 68, 70, 71, 47, 0, _DEVICES),
    "1306A": _Layout(71, 1, 2, 68, 70, 71, 47, 0, _DEVICES),
    "1307": _Layout(24, 11, 12, 19, 23, 24),
    "1308": _Layout(24, 11, 12, 19, 23, 24),
    "1309": _Layout(16, 1, 15, 6, 10, 12),
    "1310": _Layout(15, 2, 3, 6, 10, 13),
    "1311": _Layout(15, 2, 3, 4, 8, 11),
    "1313": _Layout(11, 4, 5, 6, 10, 11),
    "1314": _Layout(14, 6, 7, 9, 13, 14),
    "1315": _Layout(14, 6, 7, 9, 13, 14),
    "1320": _Layout(44, 2, 3, 29, 42, 43, 0, 41, frozenset({"granules"})),
    "1321": _Layout(34, 3, 7, 14, 21, 22, 23, 0, frozenset({"service"})),
}
NUMBERS: Final = frozenset(_LAYOUTS)
"""The transactions answered here."""


def catalogue_file(desk: Desk, call: Call) -> Output:
    """Keep a file of the rows newer than the version named, and name it. The answer has no node."""
    node = check(as_node(call.input.get("data"), "data"), tables.CATALOGUE_VERSION, "data")
    layout = _layout(desk, call.infno)
    entries = list(_entries(desk, call.infno, layout))
    rows = [_row(entry, layout) for entry in entries if entry.version > node.text("ver")]
    name = f"{call.infno}_{max((entry.version for entry in entries), default=FIRST_VERSION)}"
    content = pack(f"{name}.txt", "".join(rows).encode())
    return {
        "file_qury_no": accounts.keep(desk, call, content, accounts.PUBLIC),
        "filename": f"{name}.zip",
        "dld_end_time": accounts.KEPT,
        "data_cnt": len(rows),
    }


def _layout(desk: Desk, infno: str) -> _Layout:
    """As printed, or cut as the profile says: what would stand outside the row is left out."""
    printed, other = _LAYOUTS[infno], desk.profile.catalogue.columns.get(infno)
    if other is None:
        return printed
    return msgspec.structs.replace(printed, cells=other.cells, version=other.version)


class _Entry(msgspec.Struct, frozen=True):
    """What a row says."""

    code: str
    name: str
    version: str
    begin: str = _SINCE
    memo: str = ""


def _row(entry: _Entry, layout: _Layout) -> str:
    filled = {
        layout.code: entry.code,
        layout.name: entry.name,
        layout.valid: "1",
        layout.version_name: _VERSION_NAME,
        layout.begin: entry.begin,
        layout.memo: entry.memo or "null",
        layout.version: entry.version,
    }
    return "\t".join(filled.get(place, "null") for place in range(1, layout.cells + 1)) + "\n"


def _entries(desk: Desk, infno: str, layout: _Layout) -> Iterator[_Entry]:
    """Every entry of a list; diseases are those of the disease list."""
    if infno == "1309":
        for row in desk.world.diseases.values():
            yield _Entry(row.code, row.name, row.version, row.begin.isoformat())
            own = desk.profile.two_disease_code(row.code)
            if own != row.code:
                yield _Entry(own, row.name, row.version, row.begin.isoformat())
        return
    for item in desk.policies.catalogue.items.values():
        if item.code and item.type in layout.types:
            yield _Entry(item.code, item.name, item.version, memo=selection_memo(item))
