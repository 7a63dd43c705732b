"""The catalogues by page: 1304, 1312, 1316, 1317, 1318, 1319, drawn from the benefit catalogue and the invented shop.

A national item is its own item of the insurance catalogue here (one code in both). Kinds of ceiling and share have no
published values; ours are 1. The page members stand beside `data`, as in the one recorded reply.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from simulators.benefit.catalogue import Entry
from simulators.hub import tables
from simulators.hub.answers import CHARGE_CATEGORIES
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Field, Node, as_node, check
from simulators.hub.refusals import FieldRefused
from simulators.hub.wire import price, ratio

_Row = Mapping[str, object]
_SINCE: Final = dt.date(2020, 1, 1)
"""From when on what has no date of its own is in force."""
_FOR_EVER: Final = "9999-12-31"
_CLASSES: Final = {"A": "01", "B": "02", "C": "03"}
LIST_TYPES: Final = {
    "western": "101",
    "patent": "101",
    "pieces": "102",
    "inhouse": "103",
    "granules": "106",
    "service": "201",
    "consumable": "301",
    "device": "301",
    "goods": "105",
}
"""list_type by kind of item."""
_NO_CONDITIONS: Final = frozenset({"query_date", "updt_time", "page_num", "page_size", "insu_admdvs"})
_PARTS: Final = frozenset({"hilist_name", "medins_list_name"})
"""Part of these is enough."""


def items(desk: Desk, call: Call) -> Output:
    """1312: the insurance catalogue of a place."""
    return _answer(desk, call, tables.ITEM_QUERY, _items)


def ethnic(desk: Desk, call: Call) -> Output:
    """1304: ethnic drugs; the names of the members are ours (K87)."""
    return _answer(desk, call, tables.ETHNIC_QUERY, _ethnic)


def national_mappings(desk: Desk, call: Call) -> Output:
    """1316: which item of the insurance catalogue a national item is; asked for by an own item's code."""
    return _answer(desk, call, tables.NATIONAL_MAPPING_QUERY, _national_mappings)


def own_mappings(desk: Desk, call: Call) -> Output:
    """1317: which national item an own item is; an institution sees its own mappings only."""
    return _answer(desk, call, tables.OWN_MAPPING_QUERY, _own_mappings)


def ceilings(desk: Desk, call: Call) -> Output:
    """1318: price ceilings, those that hold for institutions of the asking one's kind."""
    return _answer(desk, call, tables.CEILING_QUERY, _ceilings)


def shares(desk: Desk, call: Call) -> Output:
    """1319: the part of a price that is paid first: nothing of class A, all of class C."""
    return _answer(desk, call, tables.SHARE_QUERY, _shares)


def _answer(
    desk: Desk, call: Call, table: tuple[Field, ...], rows: Callable[[Desk, Call, str], Iterator[_Row]]
) -> Output:
    node = check(as_node(call.input.get("data"), "data"), table, "data")
    for name in ("page_num", "page_size"):
        if node.number(name) < 1:
            raise FieldRefused(f"data.{name}", "必须大于 0 (not above zero)")
    division = node.text("insu_admdvs") or call.institution.division
    found = [row for row in rows(desk, call, division) if _fits(row, table, node)]
    return _page(found, int(node.number("page_num")), int(node.number("page_size")))


def _fits(row: _Row, table: tuple[Field, ...], node: Node) -> bool:
    day = node.text("query_date")
    if str(row["updt_time"]) < node.text("updt_time"):
        return False
    if day and not str(row["begndate"]) <= day <= str(row["enddate"] or _FOR_EVER):
        return False
    for field in table:
        wanted = "" if field.name in _NO_CONDITIONS else node.text(field.name)
        given = str(row.get(field.name) or "")
        if wanted and not (wanted in given if field.name in _PARTS else wanted == given):
            return False
    return True


def _page(rows: Sequence[_Row], number: int, size: int) -> Output:
    start, pages = (number - 1) * size, -(-len(rows) // size)
    return {
        "data": rows[start : start + size],
        "pages": pages,
        "pageNum": number,
        "pageSize": size,
        "recordCounts": len(rows),
        "startRow": start + 1,
        "size": len(rows[start : start + size]),
        "firstPage": number == 1,
        "lastPage": number >= pages,
    }


def _entries(desk: Desk, division: str) -> Iterator[Entry]:
    """What a place lists and the wire has a code for; nothing for a place nobody knows."""
    try:
        place = desk.policies.place(desk.policies.set_of_division(division))
    except LookupError:
        return
    yield from (entry for entry in place.values() if entry.item.code)


def _dated(entry: Entry, division: str) -> dict[str, object]:
    """The members that all rows drawn from an entry share."""
    begin = max(entry.valid_from or _SINCE, _SINCE).isoformat()
    return {
        "insu_admdvs": division,
        "begndate": begin,
        "enddate": entry.valid_to.isoformat() if entry.valid_to else None,
        "memo": None,
        "vali_flag": "1",
        "rid": f"{division}{entry.item.code}",
        "updt_time": begin,
        "crte_time": begin,
        "poolarea_no": division,
    }


def _items(desk: Desk, _: Call, division: str) -> Iterator[_Row]:
    for entry in _entries(desk, division):
        item = entry.item
        yield {
            "hilist_code": item.code,
            "hilist_name": item.name,
            **_dated(entry, division),
            "med_chrgitm_type": CHARGE_CATEGORIES[item.type],
            "chrgitm_lv": _CLASSES[entry.item_class],
            "lmt_used_flag": "1" if item.restricted else "0",
            "list_type": LIST_TYPES[item.type],
            "med_use_flag": "1",
            "matn_used_flag": "0",
            "hilist_use_type": "1",
            "lmt_cpnd_type": "0",
            "wubi": None,
            "pinyin": None,
        }


def _ethnic(desk: Desk, _: Call, division: str) -> Iterator[_Row]:
    for entry in _entries(desk, division):
        if entry.item.type == "inhouse":
            yield {
                "med_list_codg": entry.item.code,
                "prodname": entry.item.name,
                **_dated(entry, division),
            }


def _national_mappings(desk: Desk, _: Call, division: str) -> Iterator[_Row]:
    own = {good.med_list_codg: good.own_code for good in desk.world.shop}
    for entry in _entries(desk, division):
        yield {
            "med_list_codg": entry.item.code,
            "hilist_code": entry.item.code,
            "list_type": LIST_TYPES[entry.item.type],
            **_dated(entry, division),
            "medins_list_codg": own.get(entry.item.code),  # to ask by; the printed answer has no such member
        }


def _own_mappings(desk: Desk, call: Call, division: str) -> Iterator[_Row]:
    listed = {entry.item.code: entry for entry in _entries(desk, division)}
    for good in desk.world.shop:
        entry = listed.get(good.med_list_codg)
        if entry is None:
            continue
        yield {
            "fixmedins_code": call.institution.code,
            "medins_list_codg": good.own_code,
            "medins_list_name": good.name,
            "list_type": LIST_TYPES[entry.item.type],
            "med_list_codg": good.med_list_codg,
            **_dated(entry, division),
            "rid": f"{call.institution.code}{good.own_code}",
            "aprvno": None,
            "dosform": None,
            "exct_cont": None,
            "item_cont": None,
            "prcunt": good.unit,
            "spec": good.spec,
            "pacspec": None,
        }


def _ceilings(desk: Desk, call: Call, division: str) -> Iterator[_Row]:
    for entry in _entries(desk, division):
        ceiling_fen = (entry.ceiling_fen or {}).get(call.institution.kind)
        if ceiling_fen is None:
            continue
        yield {
            "hilist_code": entry.item.code,
            "hilist_lmtpric_type": "1",
            "overlmt_dspo_way": "1",
            **_dated(entry, division),
            "hilist_pric_uplmt_amt": price(ceiling_fen * 10_000),
            "tabname": None,
        }


def _shares(desk: Desk, _: Call, division: str) -> Iterator[_Row]:
    for entry in _entries(desk, division):
        share_bp = {"A": 0, "B": entry.share_bp, "C": 10_000}[entry.item_class]
        yield {
            "hilist_code": entry.item.code,
            "selfpay_prop_psn_type": "1",
            "selfpay_prop_type": "1",
            **_dated(entry, division),
            "selfpay_prop": ratio(share_bp),
            "tabname": None,
        }
