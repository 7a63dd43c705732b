"""Questions about records: 5201 visits, 5203 one settlement."""

from simulators.hub import answers, tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import as_node, check
from simulators.hub.identify import person_named
from simulators.hub.ledger import VisitRecord
from simulators.hub.pharmacy import find_settlement
from simulators.hub.wire import tenths
from simulators.people import Person


def visits(desk: Desk, call: Call) -> Output:
    """5201: a person's visits at this institution in a period; the way to an `mdtrt_id` after a lost answer.

    A registration without 2203 has no category yet and is found under every one.
    """
    node = check(as_node(call.input.get("data"), "data"), tables.VISIT_QUERY, "data")
    person = person_named(desk, call, node.text("psn_no"))
    return {
        "mdtrtinfo": [
            _visit_node(call, person, visit)
            for visit in desk.ledger.visits(person.psn_no, call.institution.code)
            if node.text("begntime") <= visit.begntime <= node.text("endtime")
            and visit.med_type in ("", node.text("med_type"))
            and node.text("mdtrt_id") in ("", visit.mdtrt_id)
        ]
    }


def settlement(desk: Desk, call: Call) -> Output:
    """5203: one settlement by its id; `refd_setl_flag` says whether it was undone."""
    node = check(as_node(call.input.get("data"), "data"), tables.SETTLEMENT_ID, "data")
    person = person_named(desk, call, node.text("psn_no"))
    record = find_settlement(desk, call, node)
    return {
        "setlinfo": answers.settlement_query(desk, call, person, record),
        "setldetail": answers.setldetail(desk, record.result),
    }


def _visit_node(call: Call, person: Person, visit: VisitRecord) -> dict[str, object]:
    insured = next(row for row in person.enrolment if row.insutype == visit.insutype)
    main = next((row for row in visit.diagnoses if row.main and row.valid), None)
    return {
        "mdtrt_id": visit.mdtrt_id,
        "psn_no": person.psn_no,
        "psn_cert_type": person.psn_cert_type,
        "certno": person.certno,
        "psn_name": person.name,
        "gend": person.sex,
        "naty": person.ethnic_group,
        "brdy": person.born.isoformat(),
        "age": tenths(person.age(call.now.date())),
        "coner_name": None,
        "tel": None,
        "insutype": visit.insutype,
        "psn_type": insured.psn_type,
        "maf_psn_flag": "1" if person.categories(call.now.date()) else "0",
        "cvlserv_flag": "1" if insured.civil_servant else "0",
        "flxempe_flag": "0",
        "nwb_flag": "1" if insured.psn_type == "1401" else "0",
        "insu_optins": insured.division,
        "emp_name": insured.employer or None,
        "begntime": visit.begntime,
        "endtime": visit.begntime,
        "mdtrt_cert_type": visit.mdtrt_cert_type,
        "med_type": visit.med_type or None,
        "ars_year_ipt_flag": "0",
        "pre_pay_flag": "0",
        "ipt_otp_no": visit.ipt_otp_no or None,
        "medrcdno": None,
        "atddr_no": visit.doctor_code or None,
        "chfpdr_name": visit.doctor_name or None,
        "adm_dept_codg": visit.department_code or None,
        "adm_dept_name": visit.department_name or None,
        "main_cond_dscr": visit.main_condition or None,
        "dise_codg": visit.dise_codg or None,
        "dise_name": visit.dise_name or None,
        "otp_diag_info": main.name if main else None,
        "inhosp_stas": "0",
        "opter_id": visit.operator or None,
        "opter_name": visit.operator_name or None,
        "opt_time": visit.opened_at or None,
        "memo": None,
    }
