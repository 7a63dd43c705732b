"""The review desk: 3101 before, 3102 during, 3103 feedback. The rules are data (`review_rules.toml`).

A review books nothing. What it found is kept under its number, so that the feedback can name it; feedback that comes
again replaces what was said before.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from protocols.hub.review import CARRY_ON, NOTHING
from simulators.hub import review_tables as tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Node, absent, as_list, as_node, check
from simulators.hub.identify import person_named
from simulators.hub.refusals import FieldRefused, Refused
from simulators.hub.review_rules import SHIPPED, Bought, Broken, Case, broken_rules
from simulators.hub.wire import yuan
from simulators.people import Person

KIND: Final = "finding"
"""Kind of the documents kept here."""
_NUMBER: Final = re.compile(r"\d{1,4}(\.\d{1,2})?")
_PURCHASE: Final = "3"


class FindingRecord(msgspec.Struct, frozen=True):
    """One finding and what was said about it."""

    jr_id: str
    rule_id: str
    severity: str
    psn_no: str
    dspo_way: str = ""
    reason: str = ""
    told_by: str = ""
    """Message id of the feedback."""


def analyse(desk: Desk, call: Call) -> Output:
    """3101 and 3102: which rules the visits of the patients break."""
    data = as_node(call.input.get("data"), "data")
    scene = check(data, tables.REQUEST, "data").text("trig_scen")
    rows: list[dict[str, object]] = []
    for place, row in enumerate(as_list(data.get("patient_dtos"), "patient_dtos")):
        where = f"patient_dtos[{place}]"
        raw = as_node(row, where)
        patient = check(raw, tables.PATIENT, where)
        person = person_named(desk, call, patient.text("patn_id"))
        if patient.text("patn_name") != person.name:
            raise Refused("PERSON_MISMATCH", detail=f"{where}.patn_name")
        for case, visit in _cases(desk, call, person, raw, where):
            for broken in broken_rules(SHIPPED, case, scene):
                rows.append(_found(desk, call, person, visit, broken, len(rows) + 1))
    return {"result": rows}


def feedback(desk: Desk, call: Call) -> Output:
    """3103: what the operator did about each finding."""
    data = as_node(call.input.get("data"), "data")
    check(data, tables.FEEDBACK, "data")
    for place, row in enumerate(as_list(data.get("warns"), "warns")):
        where = f"warns[{place}]"
        node = check(as_node(row, where), tables.ANSWER, where)
        number, way, reason = (node.text(name) for name in ("warn_rslt_id", "dspo_way", "dspo_way_rea"))
        found = desk.ledger.documents.get(KIND, number, call.institution.code, FindingRecord)
        if found is None:
            raise Refused("REVIEW_UNKNOWN", detail=f"{where}.warn_rslt_id")
        if way == CARRY_ON and not reason:
            raise FieldRefused(f"{where}.dspo_way_rea", "继续时不能为空 (missing when carrying on)")
        if way == CARRY_ON and found.severity in desk.profile.review.blocking:
            raise Refused("REVIEW_BLOCKED", detail=found.rule_id)
        told = msgspec.structs.replace(found, dspo_way=way, reason=reason, told_by=call.msgid)
        desk.ledger.documents.put(KIND, number, call.institution.code, told)
    return None


def findings(desk: Desk, fixmedins_code: str) -> tuple[FindingRecord, ...]:
    """Everything found at an institution, for auditors."""
    return desk.ledger.documents.all(KIND, fixmedins_code, FindingRecord)


def _cases(
    desk: Desk, call: Call, person: Person, patient: Mapping[str, object], where: str
) -> Iterator[tuple[Case, str]]:
    visits = as_list(patient.get("fsi_encounter_dtos"), f"{where}.fsi_encounter_dtos")
    for place, row in enumerate(visits):
        here = f"{where}.fsi_encounter_dtos[{place}]"
        raw = as_node(row, here)
        visit = check(raw, tables.VISIT, here)
        if visit.text("medins_id") != call.institution.code:
            raise FieldRefused(f"{here}.medins_id", "与发送机构不符 (not the sending institution)")
        _check_diagnoses(visit, raw, here)
        day = visit.day("dscg_date")
        if day < person.born:
            raise FieldRefused(f"{here}.dscg_date", "早于出生日期 (before birth)")
        lines = tuple(_lines(desk, raw, here))
        if visit.fen("medfee_sumamt") != sum(line.amount_fen for line in lines):
            raise Refused("SUM_MISMATCH", detail=f"{here}.medfee_sumamt")
        case = Case(
            sex=person.sex,
            age=person.age(day) // 10,
            day=day,
            lines=lines,
            earlier=tuple(_earlier(desk, person)),
            stays=tuple(stay for stay in desk.settings.stays if stay.psn_no == person.psn_no),
        )
        yield case, visit.text("mdtrt_id")


def _check_diagnoses(visit: Node, raw: Mapping[str, object], where: str) -> None:
    rows = raw.get("fsi_diagnose_dtos")
    if visit.text("med_mdtrt_type") == _PURCHASE and (rows is None or rows == []):
        return
    for place, row in enumerate(as_list(rows, f"{where}.fsi_diagnose_dtos")):
        here = f"{where}.fsi_diagnose_dtos[{place}]"
        check(as_node(row, here), tables.DIAGNOSIS, here)


def _lines(desk: Desk, visit: Mapping[str, object], where: str) -> Iterator[Bought]:
    for place, row in enumerate(as_list(visit.get("fsi_order_dtos"), f"{where}.fsi_order_dtos")):
        here = f"{where}.fsi_order_dtos[{place}]"
        raw = as_node(row, here)
        node = check(raw, tables.ORDER, here)
        given = raw.get("extend_order_map")
        use = check({} if absent(given) else as_node(given, here), tables.USE, f"{here}.extend_order_map")
        days = _number(use.text("o_prdDays"))
        number = node.text("rxno")
        yield Bought(
            order=node.text("rx_id"),
            item=desk.policies.catalogue.item_of_code.get(node.text("hilist_code"), ""),
            name=node.text("hilist_name"),
            quantity_e4=node.scaled("cnt", 4),
            amount_fen=node.fen("sumamt"),
            day=node.day("drord_begn_date"),
            days=int(days or 0),
            single=_number(use.text("o_sinDosDscr")),
            daily=_number(use.text("o_used_frqu_dscr")),
            prescription="" if number == NOTHING else number,
        )


def _number(text: str) -> Decimal | None:
    """The first number of a description such as "2片"; None where there is none."""
    found = _NUMBER.search(text)
    return Decimal(found[0]) if found else None


def _earlier(desk: Desk, person: Person) -> Iterator[Bought]:
    """What the person's standing settlements hold, at any institution."""
    for record in desk.ledger.of_person(person.psn_no):
        if not record.live:
            continue
        for line in desk.ledger.lines(record.mdtrt_id, record.chrg_bchno or None):
            yield Bought("", line.item, "", line.quantity_e4, line.amount_fen, line.fee_date)


def _found(
    desk: Desk, call: Call, person: Person, visit_id: str, broken: Broken, number: int
) -> dict[str, object]:
    rule, jr_id = broken.rule, f"JR{call.msgid}{number:02d}"
    record = FindingRecord(jr_id, rule.id, rule.severity, person.psn_no)
    desk.ledger.documents.put(KIND, jr_id, call.institution.code, record)
    return {
        "jr_id": jr_id,
        "rule_id": rule.id,
        "rule_name": rule.name,
        "vola_cont": f"{broken.text} ({rule.english})",
        "patn_id": person.psn_no,
        "mdtrt_id": visit_id,
        "judge_result_detail_dtos": [
            {
                "jrd_id": f"{jr_id}{place:02d}",
                "patn_id": person.psn_no,
                "mdtrt_id": visit_id,
                "rx_id": line.order,
                "vola_item_type": "1",
                "vola_amt": yuan(line.amount_fen),
            }
            for place, line in enumerate(broken.lines, start=1)
        ],
        "vola_amt": yuan(sum(line.amount_fen for line in broken.lines)),
        "vola_amt_stas": "1",
        "sev_deg": rule.severity,
        "vola_evid": None,
        "vola_bhvr_type": rule.behaviour,
        "task_id": None,
    }
