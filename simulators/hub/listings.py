"""The catalogues by page: 1304, 1312, 1316, 1317, 1318, 1319, drawn from the benefit catalogue and the invented shop.

A national item is its own item of the insurance catalogue here (one code in both). Kinds of ceiling and share have no
published values; ours are 1. The page members stand beside `data`, as in the one recorded reply.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from simulators.benefit.catalogue import Entry, Item
from simulators.hub import tables
from simulators.hub.answers import CHARGE_CATEGORIES
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Field, Node, as_node, check
from simulators.hub.refusals import FieldRefused
from simulators.hub.wire import price, ratio
from simulators.world import ShopItem

_Row = Mapping[str, object]


class _Mapped(msgspec.Struct, frozen=True):
    """An own item with what it is mapped to, and what was said of it, by wire name of 3301."""

    entry: Entry
    said: Mapping[str, str]


_Source = Entry | _Mapped
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
_PAGE: Final = frozenset({"page_num", "page_size"})
_NO_CONDITIONS: Final = _PAGE | {"query_date", "updt_time", "insu_admdvs"}
_DESCRIBED: Final = ("aprvno", "dosform", "exct_cont", "item_cont", "prcunt", "spec", "pacspec")
_PARTS: Final = frozenset({"hilist_name", "medins_list_name"})
"""Part of these is enough."""


class _Listing(msgspec.Struct, frozen=True):
    table: tuple[Field, ...]
    sources: Callable[[Desk, Call, str], Iterator[_Source]]
    row: Callable[[Desk, Call, str, Any], _Row]
    """Of one source, for a place."""


def items(desk: Desk, call: Call) -> Output:
    """1312: the insurance catalogue of a place."""
    return _answer(desk, call, _Listing(tables.ITEM_QUERY, _listed, _item))


def ethnic(desk: Desk, call: Call) -> Output:
    """1304: ethnic drugs; the names of the members are ours (K87)."""
    return _answer(desk, call, _Listing(tables.ETHNIC_QUERY, _in_house, _ethnic_drug))


def national_mappings(desk: Desk, call: Call) -> Output:
    """1316: which item of the insurance catalogue a national item is; asked for by an own item's code."""
    return _answer(desk, call, _Listing(tables.NATIONAL_MAPPING_QUERY, _listed, _national_mapping))


def own_mappings(desk: Desk, call: Call) -> Output:
    """1317: which national item an own item is; an institution sees its own mappings only."""
    return _answer(desk, call, _Listing(tables.OWN_MAPPING_QUERY, _mapped, _own_mapping))


def ceilings(desk: Desk, call: Call) -> Output:
    """1318: price ceilings, those that hold for institutions of the asking one's kind."""
    return _answer(desk, call, _Listing(tables.CEILING_QUERY, _limited, _ceiling))


def shares(desk: Desk, call: Call) -> Output:
    """1319: the part of a price that is paid first: nothing of class A, all of class C."""
    return _answer(desk, call, _Listing(tables.SHARE_QUERY, _listed, _share))


def _answer(desk: Desk, call: Call, listing: _Listing) -> Output:
    node = check(as_node(call.input.get("data"), "data"), listing.table, "data")
    for name in ("page_num", "page_size"):
        if node.number(name) < 1:
            raise FieldRefused(f"data.{name}", "必须大于 0 (not above zero)")
    division = node.text("insu_admdvs") or call.institution.division

    def search() -> Sequence[_Source]:
        wanted = _conditions(listing.table, node)
        return [
            source
            for source in listing.sources(desk, call, division)
            if _fits(listing.row(desk, call, division, source), wanted, node)
        ]

    asked = tuple(node.text(field.name) for field in listing.table if field.name not in _PAGE)
    found = desk.last_question.find((call.infno, call.institution.code, division, asked), search)
    number, size = int(node.number("page_num")), int(node.number("page_size"))
    page = found[(number - 1) * size : number * size]
    return _page([listing.row(desk, call, division, source) for source in page], len(found), number, size)


def _conditions(table: tuple[Field, ...], node: Node) -> Mapping[str, str]:
    """The members that a row must have."""
    names = (field.name for field in table if field.name not in _NO_CONDITIONS)
    return {name: text for name in names if (text := node.text(name))}


def _fits(row: _Row, wanted: Mapping[str, str], node: Node) -> bool:
    day = node.text("query_date")
    if str(row["updt_time"]) < node.text("updt_time"):
        return False
    if day and not str(row["begndate"]) <= day <= str(row["enddate"] or _FOR_EVER):
        return False
    for name, text in wanted.items():
        given = str(row.get(name) or "")
        if not (text in given if name in _PARTS else text == given):
            return False
    return True


def _page(rows: Sequence[_Row], records: int, number: int, size: int) -> Output:
    pages = -(-records // size)
    return {
        "data": rows,
        "pages": pages,
        "pageNum": number,
        "pageSize": size,
        "recordCounts": records,
        "startRow": (number - 1) * size + 1,
        "size": len(rows),
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


def _listed(desk: Desk, _: Call, division: str) -> Iterator[_Source]:
    return _entries(desk, division)


def _in_house(desk: Desk, _: Call, division: str) -> Iterator[_Source]:
    """The preparations of institutions, which here stand for the ethnic drugs."""
    return (entry for entry in _entries(desk, division) if entry.item.type == "inhouse")


def _mapped(desk: Desk, call: Call, division: str) -> Iterator[_Source]:
    """What the institution has uploaded (3301). The articles of the shelf are mapped from the start."""
    entries = {entry.item.code: entry for entry in _entries(desk, division)}
    uploaded = desk.ledger.submitted.mappings(call.institution.code)
    own = {row["fixmedins_hilist_id"] for row in uploaded}
    shelved = (_shelved(good) for good in desk.world.shop if good.own_code not in own)
    for said in (*shelved, *uploaded):
        if said["med_list_codg"] in entries:
            yield _Mapped(entries[said["med_list_codg"]], said)


def _shelved(good: ShopItem) -> Mapping[str, str]:
    return {
        "fixmedins_hilist_id": good.own_code,
        "fixmedins_hilist_name": good.name,
        "med_list_codg": good.med_list_codg,
        "prcunt": good.unit,
        "spec": good.spec,
    }


def _limited(desk: Desk, call: Call, division: str) -> Iterator[_Source]:
    """What has a ceiling for institutions of the asking one's kind."""
    return (
        entry
        for entry in _entries(desk, division)
        if (entry.ceiling_fen or {}).get(call.institution.kind) is not None
    )


def _dated(entry: Entry, division: str) -> dict[str, object]:
    """The members that all rows drawn from an entry share."""
    begin = max(entry.valid_from or _SINCE, _SINCE).isoformat()
    return {
        "insu_admdvs": division,
        "begndate": begin,
        "enddate": entry.valid_to.isoformat() if entry.valid_to else None,
        "memo": selection_memo(entry.item) or None,
        "vali_flag": "1",
        "rid": f"{division}{entry.item.code}",
        "updt_time": begin,
        "crte_time": begin,
        "poolarea_no": division,
    }


def selection_memo(item: Item) -> str:
    """What the remark says of a product selected in centralised procurement; empty for any other (K91)."""
    chosen = item.selection
    return f"集采中选 {chosen.batch} {chosen.valid_from}/{chosen.valid_to}" if chosen else ""


def _ethnic_drug(_desk: Desk, _call: Call, division: str, entry: Entry) -> _Row:
    return {"med_list_codg": entry.item.code, "prodname": entry.item.name, **_dated(entry, division)}


def _item(_desk: Desk, _call: Call, division: str, entry: Entry) -> _Row:
    item = entry.item
    return {
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


def _national_mapping(desk: Desk, _call: Call, division: str, entry: Entry) -> _Row:
    code = entry.item.code
    return {
        "med_list_codg": code,
        "hilist_code": code,
        "list_type": LIST_TYPES[entry.item.type],
        **_dated(entry, division),
        # To ask by; the printed answer has no such member.
        "medins_list_codg": next(
            (good.own_code for good in desk.world.shop if good.med_list_codg == code), None
        ),
    }


def _own_mapping(_desk: Desk, call: Call, division: str, mapped: _Mapped) -> _Row:
    entry, said = mapped.entry, mapped.said
    as_told = ("list_type", "begndate", "enddate", "memo", "updt_time")
    return {
        "fixmedins_code": call.institution.code,
        "medins_list_codg": said["fixmedins_hilist_id"],
        "medins_list_name": said["fixmedins_hilist_name"],
        "list_type": LIST_TYPES[entry.item.type],
        "med_list_codg": said["med_list_codg"],
        **_dated(entry, division),
        "rid": f"{call.institution.code}{said['fixmedins_hilist_id']}",
        **{name: said.get(name) for name in _DESCRIBED},
        **{name: said[name] for name in as_told if name in said},
    }


def _ceiling(_desk: Desk, call: Call, division: str, entry: Entry) -> _Row:
    return {
        "hilist_code": entry.item.code,
        "hilist_lmtpric_type": "1",
        "overlmt_dspo_way": "1",
        **_dated(entry, division),
        "hilist_pric_uplmt_amt": price((entry.ceiling_fen or {})[call.institution.kind] * 10_000),
        "tabname": None,
    }


def _share(_desk: Desk, _call: Call, division: str, entry: Entry) -> _Row:
    share_bp = {"A": 0, "B": entry.share_bp, "C": 10_000}[entry.item_class]
    return {
        "hilist_code": entry.item.code,
        "selfpay_prop_psn_type": "1",
        "selfpay_prop_type": "1",
        **_dated(entry, division),
        "selfpay_prop": ratio(share_bp),
        "tabname": None,
    }
