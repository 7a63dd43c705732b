"""Catalogues as files: 1301 and its like. Every row of the invented catalogue is of version v0001."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from protocols.hub.accounts import pack
from simulators.hub import accounts, tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import as_node, check

_VERSION: Final = "v0001"
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
    types: frozenset[str] = frozenset()
    """Kinds of item of the benefit catalogue that stand in it."""


_DEVICES: Final = frozenset({"consumable", "device"})
_LAYOUTS: Final[Mapping[str, _Layout]] = {
    "1301": _Layout(97, 1, 4, 79, 83, 84, 37, frozenset({"western", "patent"})),
    "1302": _Layout(33, 1, 2, 14, 18, 19, 12, frozenset({"pieces"})),
    "1303": _Layout(83, 1, 2, 65, 71, 72, 66, frozenset({"inhouse"})),
    "1305": _Layout(19, 1, 10, 7, 15, 16, 12, frozenset({"service"})),
    "1306": _Layout(71, 1, 2, 68, 70, 71, 47, _DEVICES),
    "1306A": _Layout(71, 1, 2, 68, 70, 71, 47, _DEVICES),
    "1307": _Layout(24, 11, 12, 19, 23, 24),
    "1308": _Layout(24, 11, 12, 19, 23, 24),
    "1309": _Layout(16, 1, 15, 6, 10, 12),
    "1310": _Layout(15, 2, 3, 6, 10, 13),
    "1311": _Layout(15, 2, 3, 4, 8, 11),
    "1313": _Layout(11, 4, 5, 6, 10, 11),
    "1314": _Layout(14, 6, 7, 9, 13, 14),
    "1315": _Layout(14, 6, 7, 9, 13, 14),
    "1320": _Layout(44, 2, 3, 29, 42, 43, 0, frozenset({"granules"})),
    "1321": _Layout(34, 3, 7, 14, 21, 22, 23, frozenset({"service"})),
}
NUMBERS: Final = frozenset(_LAYOUTS)
"""The transactions answered here."""


def catalogue_file(desk: Desk, call: Call) -> Output:
    """Keep a file of the rows newer than the version named, and name it. The answer has no node."""
    node = check(as_node(call.input.get("data"), "data"), tables.CATALOGUE_VERSION, "data")
    layout = _layout(desk, call.infno)
    rows = list(_rows(desk, call.infno, layout)) if node.text("ver") < _VERSION else []
    name = f"{call.infno}_{_VERSION}"
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


def _rows(desk: Desk, infno: str, layout: _Layout) -> Iterator[str]:
    for code, name in _entries(desk, infno, layout):
        filled = {
            layout.code: code,
            layout.name: name,
            layout.valid: "1",
            layout.version_name: _VERSION_NAME,
            layout.begin: _SINCE,
            layout.version: _VERSION,
        }
        yield "\t".join(filled.get(place, "null") for place in range(1, layout.cells + 1)) + "\n"


def _entries(desk: Desk, infno: str, layout: _Layout) -> Iterator[tuple[str, str]]:
    """Code and name of every entry; of the diseases the invented world knows only the filed ones."""
    if infno == "1309":
        filed = {
            desk.profile.two_disease_code(row.code) if row.kind == "two_disease" else row.code: row.name
            for person in desk.people
            for row in person.registration
        }
        yield from sorted(filed.items())
        return
    for item in desk.policies.catalogue.items.values():
        if item.code and item.type in layout.types:
            yield item.code, item.name
