"""Mappings and goods: 3301, 3302, 3501 to 3507 in both generations, 3592B, 3512, 3513.

The plain numbers refuse a wrong row as a whole, in the national error shape that names the field. Those with the letter A
answer `infcode` 0 and say of each row whether it was taken. A trace code that was told before is recorded, never stopped.
Deleting what is not there is no error: whoever deletes before repeating a lost upload must not be stopped by it.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from protocols.hub.goods import NO_NATIONAL_CODE
from simulators.hub import submitted_tables as tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Field, Node, WireNumber, absent, as_list, as_node, check
from simulators.hub.refusals import FieldRefused, Refused
from simulators.hub.submitted_books import GoodsKind, GoodsRecord, TraceRecord


class _Upload(msgspec.Struct, frozen=True):
    """One kind of upload: where its rows stand and come back, how they are checked, what kind of data they are."""

    node: str
    table: tuple[Field, ...]
    kind: GoodsKind
    answered: str = ""
    """Node of the rows that come back; "" = none does."""
    whole_rows: bool = False
    """The rows come back as they were sent, with `serial`; else only those that failed, by their keys."""
    serial: str = ""
    keys: tuple[str, ...] = ()
    """What comes back of a row that failed, beside its goods and its remark."""


_UPLOADS: Final[Mapping[str, _Upload]] = {
    "3501": _Upload("invinfo", tables.STOCK_TAKE, "1"),
    "3501A": _Upload("invinfoDetail", tables.STOCK_TAKE_A, "1"),
    "3502": _Upload("invinfo", tables.STOCK_CHANGE, "2"),
    "3502A": _Upload("invinfoDetail", tables.STOCK_CHANGE_A, "2", "invinfoErrDetail", keys=("inv_chg_type",)),
    "3503": _Upload("purcinfo", tables.PURCHASE, "3"),
    "3503A": _Upload("purcinfoDetail", tables.PURCHASE_A, "3", "purcinfoDetail", True, "medins_prod_purc_no"),
    "3504": _Upload("purcinfo", tables.PURCHASE_RETURN, "3"),
    "3504A": _Upload(
        "purcinfoDetail", tables.PURCHASE_RETURN, "3", "purcinfoErrDetail", keys=("medins_prod_purc_no",)
    ),
    "3505": _Upload("selinfo", tables.SALE, "4"),
    "3505A": _Upload("selinfoDetail", tables.SALE_A, "4", "selinfoDetail", True, "medins_prod_sel_no"),
    "3506": _Upload("selinfo", tables.SALE_RETURN, "4"),
    "3506A": _Upload(
        "selinfoDetail", tables.SALE_RETURN, "4", "selinfoErrDetail", keys=("medins_prod_sel_no",)
    ),
}
_CODES: Final = "drugtracinfo"
_DOCUMENTS: Final = "purc_invo_file_List"
_KEYS: Final = (*tables.GOODS_NAMES, "memo")
_SALES: Final = frozenset({"3505", "3505A"})
_RETURNED_SALES: Final = frozenset({"3506", "3506A"})


def upload(desk: Desk, call: Call) -> Output:
    """3501 to 3506 and their A forms."""
    kind = _UPLOADS[call.infno]
    if not call.infno.endswith("A"):
        row = as_node(call.input.get(kind.node), kind.node)
        _book(desk, call, kind, row, *_read(desk, call, kind, row, kind.node))
        return None
    answers = []
    for number, given in enumerate(as_list(call.input.get(kind.node), kind.node)):
        row = as_node(given, f"{kind.node}[{number}]")
        words, serial = "", 0
        try:
            with desk.ledger.transaction():
                serial = _book(desk, call, kind, row, *_read(desk, call, kind, row, f"{kind.node}[{number}]"))
        except Refused as refused:
            words = refused.err_msg
        if kind.whole_rows or words:
            answers.append(_answer(kind, row, words, serial))
    return {kind.answered: answers} if kind.answered else None


def _answer(kind: _Upload, row: Mapping[str, object], words: str, serial: int) -> dict[str, object]:
    whole = _as_it_came(row)
    told = whole if kind.whole_rows else {name: whole.get(name) for name in (*_KEYS, *kind.keys)}
    told |= {"retRslt": "0" if words else "1", "msgRslt": words or None}
    if kind.serial:
        told[kind.serial] = None if words else f"{serial:020d}"
    return told


def _as_it_came(row: Mapping[str, object]) -> dict[str, object]:
    """A row on its way back; a number exactly as it stood."""
    return {name: _value_as_it_came(value) for name, value in row.items()}


def _value_as_it_came(value: object) -> object:
    if isinstance(value, WireNumber):
        return msgspec.Raw(str(value).encode())
    if isinstance(value, dict):
        return _as_it_came(value)
    return [_value_as_it_came(one) for one in value] if isinstance(value, list) else value


def _read(
    desk: Desk, call: Call, kind: _Upload, row: Mapping[str, object], where: str
) -> tuple[Node, tuple[str, ...]]:
    """Check one row; returns its values and trace codes. Raises `Refused`."""
    node = check(row, kind.table, where)
    given = row.get(_CODES)
    listed = [] if given is None or given == [] else as_list(given, f"{where}.{_CODES}")
    codes = tuple(
        check(as_node(one, f"{where}.{_CODES}"), tables.PACK_CODE, f"{where}.{_CODES}").text("drug_trac_codg")
        for one in listed
    )
    if call.infno == "3503A":
        for one in as_list(row.get(_DOCUMENTS), f"{where}.{_DOCUMENTS}"):
            check(as_node(one, f"{where}.{_DOCUMENTS}"), tables.PURCHASE_DOCUMENT, f"{where}.{_DOCUMENTS}")
    if call.infno in _SALES:
        _check_sale(desk, call, node, codes, where)
    return node, codes


def _check_sale(desk: Desk, call: Call, node: Node, codes: tuple[str, ...], where: str) -> None:
    if not codes and desk.profile.trace.required != "none":
        raise FieldRefused(f"{where}.{_CODES}", "不能为空 (missing)", "TRACE_CODE")
    if call.infno != "3505A" or node.text("MDTRT_SETL_TYPE") != "1":
        return
    if not node.text("setl_id"):
        raise FieldRefused(f"{where}.setl_id", "医保结算不能为空 (missing for an insured settlement)")
    if node.text("med_list_codg") == NO_NATIONAL_CODE:
        raise FieldRefused(f"{where}.med_list_codg", "医保结算须有国家编码 (no national code)")
    people = {one.code for place in desk.world.institutions.values() for one in place.staff}
    for name, letter, words in (
        ("prsc_dr_no", "D", "不是医保医师 (not an insurance doctor)"),
        ("phar_no", "Y", "不是医保药师 (not an insurance pharmacist)"),
    ):
        given = node.text(name)
        if not given.startswith(letter) or given not in people:
            raise FieldRefused(f"{where}.{name}", words)


def _book(
    desk: Desk, call: Call, kind: _Upload, row: Mapping[str, object], node: Node, codes: tuple[str, ...]
) -> int:
    books, code, batch = desk.ledger.submitted, call.institution.code, node.text("fixmedins_bchno")
    fields = {
        name: str(value)
        for name, value in row.items()
        if name not in (_CODES, _DOCUMENTS) and not absent(value)
    }
    number = books.take(GoodsRecord(code, kind.kind, call.infno, batch, call.msgid, fields))
    for one in codes:
        if call.infno in _RETURNED_SALES:
            books.untrace(code, kind.kind, batch, one)
            continue
        books.trace(
            TraceRecord(
                code, kind.kind, batch, one, call.now.date(), node.text("med_list_codg"), node.text("fixmedins_hilist_id"),
                node.text("fixmedins_hilist_name"), node.text("mdtrt_sn"), node.text("MDTRT_SETL_TYPE"),
                node.text("trdn_flag"), psn_no=node.text("psn_no"), psn_cert_type=node.text("psn_cert_type"),
                certno=node.text("certno"), psn_name=node.text("psn_name"),
            )
        )  # fmt: skip
    return number


def delete(desk: Desk, call: Call) -> Output:
    """3507 and 3507A: delete everything of a batch and kind."""
    if call.infno == "3507":
        _delete(desk, call, as_node(call.input.get("data"), "data"), "data")
        return None
    failed = []
    for number, given in enumerate(as_list(call.input.get("goodDetail"), "goodDetail")):
        row = as_node(given, f"goodDetail[{number}]")
        try:
            _delete(desk, call, row, f"goodDetail[{number}]")
        except Refused as refused:
            failed.append({**_as_it_came(row), "retRslt": "0", "msgRslt": refused.err_msg})
    return {"goodErrDetail": failed}


def _delete(desk: Desk, call: Call, row: Mapping[str, object], where: str) -> None:
    node = check(row, tables.DELETION, where)
    kinds: dict[str, GoodsKind] = {"1": "1", "2": "2", "3": "3", "4": "4"}
    desk.ledger.submitted.delete_goods(
        call.institution.code, kinds[node.text("inv_data_type")], node.text("fixmedins_bchno")
    )


def substitute_code(desk: Desk, call: Call) -> Output:
    """3592B: a trace code for a drug that carries none; each call gives a new one."""
    node = check(as_node(call.input.get("data"), "data"), tables.SUBSTITUTE_CODE, "data")
    books, code = desk.ledger.submitted, call.institution.code
    given = f"8999998{books.substitute_count() + 1:013d}"
    books.give_code(given, code, node.text("fixmedins_bchno"))
    keys = ("med_list_codg", "fixmedins_hilist_id", "fixmedins_hilist_name")
    return {"result": {**{name: node.text(name) for name in keys}, "drug_trac_codg": given}}


def stocked_codes(desk: Desk, call: Call) -> Output:
    """3512: trace codes taken into stock."""
    node = check(as_node(call.input.get("data"), "data"), tables.STOCKED_CODES, "data")
    return _codes(
        desk, call, node, frozenset({"1", "2"}), ("med_list_codg", "medins_list_codg", "fixmedins_bchno")
    )


def sold_codes(desk: Desk, call: Call) -> Output:
    """3513: trace codes sold."""
    node = check(as_node(call.input.get("data"), "data"), tables.SOLD_CODES, "data")
    asked = ("med_list_codg", "medins_list_codg", "fixmedins_bchno", "mdtrt_id", "certno")
    return _codes(desk, call, node, frozenset({"4"}), asked)


def _codes(desk: Desk, call: Call, node: Node, kinds: frozenset[str], one_of: tuple[str, ...]) -> Output:
    if node.text("fixmedins_code") != call.institution.code:
        raise FieldRefused("data.fixmedins_code", "与报文头机构不一致 (differs from the envelope)")
    if not any(node.text(name) for name in one_of):
        raise FieldRefused(f"data.{one_of[0]}", f"至少一项：{'、'.join(one_of)} (one of these)")
    asked: dict[str, Callable[[TraceRecord], str]] = {
        "med_list_codg": lambda row: row.national_code,
        "medins_list_codg": lambda row: row.own_code,
        "fixmedins_bchno": lambda row: row.batch,
        "drug_trac_codg": lambda row: row.code,
        "mdtrt_id": lambda row: row.visit,
        "psn_no": lambda row: row.psn_no,
        "psn_cert_type": lambda row: row.psn_cert_type,
        "certno": lambda row: row.certno,
        "psn_name": lambda row: row.psn_name,
    }
    first, last = node.text("begndate"), node.text("enddate") or "9999-12-31"
    return {
        "data": [
            {
                "fixmedinsCode": row.fixmedins_code,
                "medinsListCodg": row.own_code,
                "fixmedinsBchno": row.batch,
                "medListCodg": row.national_code,
                "medinsListName": row.own_name,
                "drugTracCodg": row.code,
                "valiFlag": "1",
                "mdtrtId": row.visit or None,
                "mdtrtSetlType": row.settled or None,
                "trdnFlag": row.split_pack or None,
                "psnNo": row.psn_no or None,
                "psnCertType": row.psn_cert_type or None,
                "certno": row.certno or None,
                "psnName": row.psn_name or None,
                "optinsNo": call.institution.division,
                "fixBlngAdmdvs": call.institution.division,
            }
            for row in desk.ledger.submitted.traces(call.institution.code, kinds)
            if first <= row.on.isoformat() <= last
            and all(node.text(name) in ("", value(row)) for name, value in asked.items())
        ]
    }


def upload_mapping(desk: Desk, call: Call) -> Output:
    """3301: tie own items to national ones; all rows or none."""
    for number, given in enumerate(as_list(call.input.get("data"), "data")):
        where = f"data[{number}]"
        row = as_node(given, where)
        node = check(row, tables.MAPPING, where)
        if node.text("med_list_codg") not in desk.policies.catalogue.item_of_code:
            raise FieldRefused(f"{where}.med_list_codg", "国家目录无此编码 (no such national code)")
        if node.day("enddate") < node.day("begndate"):
            raise FieldRefused(f"{where}.enddate", "早于开始日期 (before it begins)")
        fields = {field.name: node.text(field.name) for field in tables.MAPPING if node.text(field.name)}
        fields["updt_time"] = call.now.date().isoformat()
        desk.ledger.submitted.map_item(
            call.institution.code, node.text("fixmedins_hilist_id"), node.text("list_type"), node.text("med_list_codg"), fields
        )  # fmt: skip
    desk.last_question.forget()
    return None


def withdraw_mapping(desk: Desk, call: Call) -> Output:
    """3302: untie one; one that is not there is no error."""
    node = check(call.input, tables.WITHDRAW_MAPPING, "")
    if node.text("fixmedins_code") != call.institution.code:
        raise FieldRefused("fixmedins_code", "与报文头机构不一致 (differs from the envelope)")
    desk.ledger.submitted.unmap_item(
        call.institution.code,
        node.text("fixmedins_hilist_id"),
        node.text("list_type"),
        node.text("med_list_codg"),
    )
    desk.last_question.forget()
    return None
