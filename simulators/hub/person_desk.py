"""Sign-in and questions about a person: 9001, 9002, 1101, 2001, 5301."""

import datetime as dt

from simulators.benefit import model
from simulators.hub import settling, tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import as_node, check
from simulators.hub.identify import check_identity, enrolment_of, person_named, person_of_medium
from simulators.hub.ledger import SignIn
from simulators.hub.refusals import FieldRefused, Refused
from simulators.hub.wire import tenths, yuan
from simulators.people import Person


def sign_in(desk: Desk, call: Call) -> Output:
    """9001: once per operator and day; the number goes into every later envelope."""
    node = check(as_node(call.input.get("signIn"), "signIn"), tables.SIGN_IN, "signIn")
    if node.text("opter_no") != call.operator:
        raise FieldRefused("signIn.opter_no", "与 opter 不一致 (differs from opter)")
    sign_no = desk.new_id("SIGN", 26, call.institution.division, desk.ledger.sign_in)
    desk.ledger.add_sign_in(SignIn(sign_no, call.institution.code, call.operator, call.time_text))
    return {"signinoutb": {"sign_time": call.time_text, "sign_no": sign_no}}


def sign_out(desk: Desk, call: Call) -> Output:
    """9002: ends a sign-in of the same day."""
    node = check(as_node(call.input.get("signOut"), "signOut"), tables.SIGN_OUT, "signOut")
    entry = desk.ledger.sign_in(node.text("sign_no"))
    if (
        entry is None
        or (entry.fixmedins_code, entry.operator) != (call.institution.code, node.text("opter_no"))
        or entry.sign_time[:10] != call.time_text[:10]
    ):
        raise Refused("SIGN_IN", detail="signOut.sign_no")
    desk.ledger.remove_sign_in(entry.sign_no)
    return {"sign_time": {"sign_time": call.time_text}}


def person_information(desk: Desk, call: Call) -> Output:
    """1101: who holds this medium, where and how they are insured, what is on the account."""
    node = check(as_node(call.input.get("data"), "data"), tables.PERSON, "data")
    person = person_of_medium(desk, call, node)
    check_identity(person, node)
    return person_output(desk, person, call.now)


def person_output(desk: Desk, person: Person, now: dt.datetime) -> dict[str, object]:
    """What the hub tells of a person: the output of 1101, and the greater part of 1162's."""
    codes = {str(category): code for category, code in desk.profile.codes.idet.items()}
    return {
        "baseinfo": {
            "psn_no": person.psn_no,
            "psn_cert_type": person.psn_cert_type,
            "certno": person.certno,
            "psn_name": person.name,
            "gend": person.sex,
            "naty": person.ethnic_group.zfill(desk.profile.form.naty_width),
            "brdy": person.born.isoformat(),
            "age": tenths(person.age(now.date())),
            "exp_content": None,
        },
        "insuinfo": [
            {
                "balc": yuan(
                    desk.ledger.balance(person.psn_no) if _holds_account(person, row.insutype) else 0
                ),
                "insutype": row.insutype,
                "psn_type": row.psn_type,
                "psn_insu_stas": row.status,
                "psn_insu_date": row.since.isoformat(),
                "paus_insu_date": row.paused.isoformat() if row.paused else None,
                "cvlserv_flag": "1" if row.civil_servant else "0",
                "insuplc_admdvs": row.division,
                "emp_name": row.employer or None,
            }
            for row in person.enrolment
        ],
        "idetinfo": [
            {
                "psn_idet_type": codes[row.kind],
                "psn_type_lv": None,
                "memo": model.CATEGORIES[row.kind],
                "begntime": f"{row.begin or dt.date(now.year, 1, 1)} 00:00:00",
                "endtime": f"{row.end or dt.date(now.year, 12, 31)} 23:59:59",
            }
            for row in person.category
        ],
    }


def _holds_account(person: Person, insutype: str) -> bool:
    return insutype == model.EMPLOYEE and person.enrolled(insutype) is not None


def benefit_check(desk: Desk, call: Call) -> Output:
    """2001: whether the pool would pay for this category, and if not, why. Never refuses for a lacking entitlement."""
    node = check(as_node(call.input.get("data"), "data"), tables.BENEFIT_CHECK, "data")
    if node.text("fixmedins_code") != call.institution.code:
        raise FieldRefused("data.fixmedins_code", "与报文头机构不一致 (differs from the envelope)")
    person = person_named(desk, call, node.text("psn_no"))
    day = node.day("begntime")
    med_type, disease = node.text("med_type"), node.text("dise_codg")
    if med_type == desk.profile.codes.med_type["chronic"] and not disease:
        # Asked before a disease is picked: the gates of any pooled visit; which diseases are filed is 5301's answer.
        med_type = desk.profile.codes.med_type["ordinary"]
    reason = ""
    try:
        settling.check_agreement(call)
        enrolment = enrolment_of(call, person, node.text("insutype"), day)
        settling.check_entitlement(desk, call, person, enrolment, med_type, disease, day)
    except FieldRefused:
        raise
    except Refused as refusal:
        reason = refusal.err_msg
    pool = model.FUND_EMPLOYEE_POOL if node.text("insutype") == model.EMPLOYEE else model.FUND_RESIDENT_POOL
    return {
        "trtinfo": [
            {
                "psn_no": person.psn_no,
                "trt_chk_type": "01",
                "fund_pay_type": pool,
                "trt_enjymnt_flag": "0" if reason else "1",
                "begndate": day.isoformat(),
                "enddate": dt.date(day.year, 12, 31).isoformat(),
                "trt_chk_rslt": reason or None,
                "exp_content": None,
            }
        ]
    }


def filings(desk: Desk, call: Call) -> Output:
    """5301: chronic filings in force today; an empty list means none. Two-disease filings are not here (K28)."""
    node = check(as_node(call.input.get("data"), "data"), tables.FILINGS_QUERY, "data")
    person = person_named(desk, call, node.text("psn_no"))
    return {
        "feedetail": [
            {
                "opsp_dise_code": row.code,
                "opsp_dise_name": row.name,
                "begndate": row.begin.isoformat(),
                "enddate": row.end.isoformat() if row.end else None,
                "exp_content": None,
            }
            for row in desk.ledger.registrations(person.psn_no)
            if row.kind == "chronic" and row.in_force(call.now.date())
        ]
    }
