"""Filings of a person: 2501 to 2506, and 5304. What is filed takes effect: 5301, 5302, 5304, 2001 and settlements see it.

Rules of ours, where none is published: 2503 is examined at once where the certifying doctor is on the certifying
institution's staff, else the day after, and counts from then; only what is not examined yet can be withdrawn (2504). A
transfer counts for the place of care it names. A second filing of the same thing is refused while the first stands; a
second withdrawal of the same filing is answered like the first.
"""

import datetime as dt
from typing import Final

from simulators.hub import submitted_tables as tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Node, as_node, check
from simulators.hub.identify import enrolment_of, person_named
from simulators.hub.refusals import FieldRefused, Refused
from simulators.hub.submitted_books import FilingKind, FilingRecord
from simulators.people import Registration

_DAY: Final = dt.timedelta(days=1)
_EXAMINED: Final = "examined_on"
"""Of a chronic filing: the day of its examination."""
_WITHDRAWS: Final[dict[str, FilingKind]] = {"2502": "transfer", "2504": "chronic", "2506": "institution"}


def file_transfer(desk: Desk, call: Call) -> Output:
    """2501: a transfer, or care elsewhere."""
    node = check(as_node(call.input.get("refmedin"), "refmedin"), tables.TRANSFER, "refmedin")
    person = person_named(desk, call, node.text("psn_no"))
    place = desk.world.institutions.get(node.text("reflin_medins_no"))
    if place is not None and place.division != node.text("mdtrtarea_admdvs"):
        raise FieldRefused(
            "refmedin.mdtrtarea_admdvs", "与转往机构所在区划不符 (not that institution's place)"
        )
    begins = node.day("begndate") if node.text("begndate") else node.day("refl_date")
    extra = {
        name: node.text(name)
        for name in ("insutype", "tel", "addr", "insu_optins", "diag_code", "diag_name", "mdtrtarea_admdvs",
                     "hosp_agre_refl_flag", "refl_type", "refl_date", "refl_rea", "refl_opnn")
    }  # fmt: skip
    code, name = node.text("reflin_medins_no"), node.text("reflin_medins_name")
    return _file(desk, call, node, person.psn_no, "transfer", code, name, begins, extra)


def file_chronic(desk: Desk, call: Call) -> Output:
    """2503: goes to the agency for examination; the entitlement counts once it is examined."""
    node = check(as_node(call.input.get("data"), "data"), tables.CHRONIC_APPLICATION, "data")
    person = person_named(desk, call, node.text("psn_no"))
    enrolment_of(call, person, node.text("insutype"), call.now.date())
    code, name = node.text("opsp_dise_code"), node.text("opsp_dise_name")
    if code not in desk.world.diseases:
        raise FieldRefused("data.opsp_dise_code", "病种目录无此编码 (not in the disease list)")
    today, begins = call.now.date(), node.day("begndate")
    for row in desk.ledger.registrations(person.psn_no):
        if (row.kind, row.code) == ("chronic", code) and _stands(row.end, today):
            raise Refused("FILING_EXISTS")
    examined = _examined(desk, call, node)
    if examined > today:
        begins = max(begins, examined)
    extra = {_EXAMINED: examined.isoformat()}
    answer = _file(desk, call, node, person.psn_no, "chronic", code, name, begins, extra)
    desk.ledger.register(person.psn_no, Registration("chronic", code, name, begins, _end(node)))
    return answer


def _stands(ends: dt.date | None, today: dt.date) -> bool:
    """What has ended may be filed anew."""
    return ends is None or today <= ends


def _examined(desk: Desk, call: Call, node: Node) -> dt.date:
    """The day on which the agency examines the filing."""
    place = desk.world.institutions.get(node.text("ide_fixmedins_no"))
    if place is None or not place.code.startswith("H"):
        raise FieldRefused("data.ide_fixmedins_no", "不是有鉴定资格的机构 (may not certify)")
    on_staff = node.text("diag_dr_codg") in {one.code for one in place.staff}
    return call.now.date() + (dt.timedelta() if on_staff else _DAY)


def choose_institution(desk: Desk, call: Call) -> Output:
    """2505: choose an institution for a kind of business."""
    node = check(as_node(call.input.get("data"), "data"), tables.INSTITUTION_CHOICE, "data")
    person = person_named(desk, call, node.text("psn_no"))
    place = desk.world.institutions.get(node.text("fixmedins_code"))
    if place is None:
        raise FieldRefused("data.fixmedins_code", "机构不存在 (unknown institution)")
    extra = {name: node.text(name) for name in ("biz_appy_type", "fix_srt_no", "memo")}
    return _file(
        desk, call, node, person.psn_no, "institution", place.code, place.name, node.day("begndate"), extra
    )


def _file(
    desk: Desk, call: Call, node: Node, psn_no: str, kind: FilingKind, code: str, name: str, begins: dt.date,
    extra: dict[str, str],
) -> Output:  # fmt: skip
    books = desk.ledger.submitted
    same = {"transfer": ("refl_date",), "chronic": (), "institution": ("biz_appy_type",)}[kind]
    ends = _end(node)
    if ends is not None and ends < begins:
        where = "refmedin" if kind == "transfer" else "data"
        raise FieldRefused(f"{where}.enddate", "早于开始日期 (before it begins)")
    for row in books.filings(psn_no, kind):
        again = row.code == code and all(row.extra[key] == extra[key] for key in same)
        if again and _stands(row.ends, call.now.date()):
            raise Refused("FILING_EXISTS")
    serial = desk.new_id("TRT", 20, call.institution.division, books.filing)
    books.file(
        FilingRecord(
            serial,
            kind,
            psn_no,
            call.institution.code,
            call.now.date(),
            begins,
            ends,
            code,
            name,
            extra,
        )
    )
    return {"result": {"trt_dcla_detl_sn": serial, "exp_content": None}}


def _end(node: Node) -> dt.date | None:
    return node.day("enddate") if node.text("enddate") else None


def withdraw_filing(desk: Desk, call: Call) -> Output:
    """2502, 2504, 2506: take a filing back; a filing that is withdrawn already is answered like the first time."""
    kind = _WITHDRAWS[call.infno]
    table = tables.WITHDRAW_TRANSFER if kind == "transfer" else tables.WITHDRAW_FILING
    node = check(as_node(call.input.get("data"), "data"), table, "data")
    person = person_named(desk, call, node.text("psn_no"))
    books = desk.ledger.submitted
    filed = books.filing(node.text("trt_dcla_detl_sn"))
    if filed is None or (filed.kind, filed.psn_no) != (kind, person.psn_no):
        raise Refused("FILING_NOT_FOUND")
    if filed.withdrawn:
        return None
    if kind == "chronic":
        if filed.extra.get(_EXAMINED, filed.begins.isoformat()) <= call.now.date().isoformat():
            raise Refused("FILING_EXAMINED")
        desk.ledger.unregister(person.psn_no, "chronic", filed.code)
    books.withdraw(filed.serial)
    return None


def transfers(desk: Desk, call: Call) -> Output:
    """5304: the transfers of a person with a date in the period; members that are not published are left out."""
    node = check(as_node(call.input.get("data"), "data"), tables.TRANSFERS_QUERY, "data")
    person = person_named(desk, call, node.text("psn_no"))
    first, last = node.text("begntime")[:10], (node.text("endtime") or "9999-12-31")[:10]
    return {
        "refmedin": [
            {
                **row.extra,
                "psn_no": row.psn_no,
                "out_flag": "0" if row.extra["refl_type"] == "1" else "1",
                "reflin_medins_no": row.code,
                "reflin_medins_name": row.name,
                "begndate": row.begins.isoformat(),
                "enddate": row.ends.isoformat() if row.ends else None,
            }
            for row in desk.ledger.submitted.filings(person.psn_no, "transfer")
            if first <= row.extra["refl_date"] <= last
        ]
    }
