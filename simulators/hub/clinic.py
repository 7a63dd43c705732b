"""Out-patient: 2201 to 2205 build and take back a visit, 2206(A) quotes, 2207(A) settles, 2208 cancels."""

from collections.abc import Mapping, Sequence

import msgspec

from simulators.hub import answers, prescriptions, settling, tables
from simulators.hub.accounts import bytes_of
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.extension import is_epidemic
from simulators.hub.fields import Field, Node, absent, as_list, as_node, check
from simulators.hub.identify import enrolment_of, person_named, person_with_medium
from simulators.hub.ledger import Diagnosis, LineRecord, SettlementRecord, VisitRecord
from simulators.hub.pharmacy import cancel_settlement, check_total, read_line
from simulators.hub.refusals import FieldRefused, Refused
from simulators.people import Person

ALL_BATCHES = "0000"
"""`chrg_bchno` of 2205 that withdraws every unsettled line."""


def register(desk: Desk, call: Call) -> Output:
    """2201: open a visit."""
    table = tables.with_identity(tables.REGISTRATION, desk.wants_identity)
    node = check(as_node(call.input.get("data"), "data"), table, "data")
    person = person_with_medium(desk, call, node)
    enrolment_of(call, person, node.text("insutype"), node.day("begntime"))
    settling.check_agreement(call)
    if desk.ledger.open_visit_with(call.institution.code, node.text("ipt_otp_no")) is not None:
        raise FieldRefused("data.ipt_otp_no", "门诊号重复 (used before)")
    visit = VisitRecord(
        mdtrt_id=settling.new_mdtrt_id(desk, call),
        psn_no=person.psn_no,
        fixmedins_code=call.institution.code,
        insutype=node.text("insutype"),
        begntime=node.text("begntime"),
        mdtrt_cert_type=node.text("mdtrt_cert_type"),
        ipt_otp_no=node.text("ipt_otp_no"),
        doctor_code=node.text("atddr_no"),
        doctor_name=node.text("dr_name"),
        department_code=node.text("dept_code"),
        department_name=node.text("dept_name"),
        operator=call.operator,
        operator_name=call.operator_name,
        opened_at=call.time_text,
    )
    desk.ledger.add_visit(visit)
    return {
        "data": {
            "mdtrt_id": visit.mdtrt_id,
            "psn_no": visit.psn_no,
            "ipt_otp_no": visit.ipt_otp_no,
            "exp_content": None,
        }
    }


def withdraw_registration(desk: Desk, call: Call) -> Output:
    """2202: take back a visit that has neither a standing settlement nor unsettled lines."""
    node = check(as_node(call.input.get("data"), "data"), tables.WITHDRAW_REGISTRATION, "data")
    visit = _visit(desk, call, node)
    if visit.ipt_otp_no != node.text("ipt_otp_no"):
        raise Refused("VISIT_NOT_FOUND")
    if any(record.live for record in desk.ledger.of_visit(visit.mdtrt_id)):
        raise Refused("VISIT_SETTLED")
    if desk.ledger.unsettled_lines(visit.mdtrt_id):
        raise Refused("VISIT_HAS_LINES")
    desk.ledger.change_visit(msgspec.structs.replace(visit, withdrawn=True))
    return None


def upload_visit(desk: Desk, call: Call) -> Output:
    """2203(A): category, disease and diagnoses of a visit; the same content may be sent again."""
    given_visit = as_node(call.input.get("mdtrtinfo"), "mdtrtinfo")
    node = check(given_visit, tables.VISIT, "mdtrtinfo")
    if not absent(given_visit.get("rxIn")):
        bytes_of(given_visit["rxIn"], "mdtrtinfo.rxIn")
    visit = _visit(desk, call, node)
    settling.benefit_kind(desk.profile, node.text("med_type"))
    if any(record.live for record in desk.ledger.of_visit(visit.mdtrt_id)):
        raise Refused("VISIT_SETTLED")
    diagnoses = dict.fromkeys(visit.diagnoses)
    for place, row in enumerate(as_list(call.input.get("diseinfo"), "diseinfo")):
        where = f"diseinfo[{place}]"
        given = check(as_node(row, where), tables.DIAGNOSIS, where)
        order = given.scaled("diag_srt_no", 0)
        new = Diagnosis(
            order=order,
            code=given.text("diag_code"),
            name=given.text("diag_name"),
            main=order == 1,
            valid=given.text("vali_flag") == "1",
            kind=given.text("diag_type"),
            department=given.text("diag_dept"),
            doctor_code=given.text("dise_dor_no"),
            doctor_name=given.text("dise_dor_name"),
            diagnosed_at=given.text("diag_time"),
        )
        diagnoses = {old: None for old in diagnoses if old.code != new.code}
        diagnoses[new] = None
    desk.ledger.change_visit(
        msgspec.structs.replace(
            visit,
            med_type=node.text("med_type"),
            dise_codg=node.text("dise_codg"),
            dise_name=node.text("dise_name"),
            main_condition=node.text("main_cond_dscr"),
            diagnoses=tuple(diagnoses),
        )
    )
    return None


def upload_lines(desk: Desk, call: Call) -> Output:
    """2204: book unsettled lines and say how each would be split."""
    found: dict[str, tuple[VisitRecord, list[LineRecord]]] = {}
    order: list[tuple[str, LineRecord]] = []
    for place, row in enumerate(as_list(call.input.get("feedetail"), "feedetail")):
        where = f"feedetail[{place}]"
        node = check(as_node(row, where), tables.FEE_LINE, where)
        if node.text("chrg_bchno") == ALL_BATCHES:
            raise FieldRefused(f"{where}.chrg_bchno", "0000 为保留值 (reserved)")
        mdtrt_id = node.text("mdtrt_id")
        if mdtrt_id not in found:
            visit = _visit(desk, call, node)
            if not visit.med_type:
                raise FieldRefused(f"{where}.mdtrt_id", "尚未上传就诊信息 (2203 is missing)")
            found[mdtrt_id] = (visit, [])
        visit, lines = found[mdtrt_id]
        if node.text("psn_no") != visit.psn_no:
            raise Refused("VISIT_NOT_FOUND")
        line = read_line(desk, call, node, where)
        taken = {old.feedetl_sn for old in (*desk.ledger.lines(mdtrt_id), *lines)}
        if line.feedetl_sn in taken:
            raise Refused("LINE_REPEATED", detail=f"{where}.feedetl_sn")
        lines.append(line)
        order.append((mdtrt_id, line))
    splits: list[object] = []
    for mdtrt_id, (visit, lines) in found.items():
        splits += _line_results(desk, call, visit, lines)
        desk.ledger.add_lines(mdtrt_id, lines)
    return {"result": splits}


def withdraw_lines(desk: Desk, call: Call) -> Output:
    """2205: take back the unsettled lines of a batch, or of the visit with `0000` (also when there are none)."""
    node = check(as_node(call.input.get("data"), "data"), tables.WITHDRAW_LINES, "data")
    visit = _visit(desk, call, node)
    batch = node.text("chrg_bchno")
    removed = desk.ledger.remove_unsettled_lines(visit.mdtrt_id, None if batch == ALL_BATCHES else batch)
    if not removed and batch != ALL_BATCHES:
        raise Refused("BATCH_UNKNOWN")
    return None


def quote(desk: Desk, call: Call) -> Output:
    """2206(A): the same calculation as 2207(A), nothing booked."""
    person, record, told = _priced_record(desk, call, tables.CLINIC_QUOTE)
    return {
        "setlinfo": answers.clinic_quote(desk, call, person, record),
        "setldetail": answers.setldetail(desk, record.result, told),
    }


def settle(desk: Desk, call: Call) -> Output:
    """2207(A): settle a batch; refused when the four amounts are not those of the hub's own result."""
    _take_traces(call)
    person, record, told = _priced_record(desk, call, tables.CLINIC_SETTLEMENT)
    if desk.settings.quote_check and desk.profile.policy.quote_check_2207:
        node = check(as_node(call.input.get("data"), "data"), tables.CLINIC_SETTLEMENT, "data")
        result = record.result
        expected = {
            "fulamt_ownpay_amt": result.full_self_fen,
            "overlmt_selfpay": result.over_limit_fen,
            "preselfpay_amt": result.pre_self_fen,
            "inscp_scp_amt": result.in_scope_fen,
        }
        for name, amount_fen in expected.items():
            if node.fen(name) != amount_fen:
                raise Refused("AMOUNTS_CHANGED", detail=name)
    settling.book(desk, record)
    lines = desk.ledger.unsettled_lines(record.mdtrt_id, record.chrg_bchno)
    desk.ledger.settle_lines(record.mdtrt_id, record.chrg_bchno, record.setl_id)
    prescriptions.dispense(desk, call, lines, record.setl_id)
    return {
        "setlinfo": answers.setlinfo(desk, call, person, record),
        "setldetail": answers.setldetail(desk, record.result, told),
    }


def cancel(desk: Desk, call: Call) -> Output:
    """2208: undo a known settlement as a whole; its lines are unsettled again."""
    person, record = cancel_settlement(desk, call, frozenset({"2207", "2207A"}))
    return {
        "setlinfo": answers.setlinfo(desk, call, person, record),
        "setldetail": answers.setldetail(desk, record.result),
    }


def _visit(desk: Desk, call: Call, node: Node) -> VisitRecord:
    """The visit of this institution and person that was not withdrawn. Raises `Refused`."""
    person_named(desk, call, node.text("psn_no"))
    visit = desk.ledger.visit(node.text("mdtrt_id"))
    if (
        visit is None
        or visit.withdrawn
        or visit.psn_no != node.text("psn_no")
        or visit.fixmedins_code != call.institution.code
    ):
        raise Refused("VISIT_NOT_FOUND")
    return visit


def _line_results(
    desk: Desk, call: Call, visit: VisitRecord, lines: Sequence[LineRecord]
) -> Sequence[object]:
    """Split of lines that are not settled yet. The split by class and ceiling needs no entitlement."""
    person = desk.person(visit.psn_no)
    assert person is not None  # _visit has found the person
    insured = enrolment_of(call, person, visit.insutype, settling.last_fee_date(lines))
    splits = settling.split_only(desk, call, person, insured, visit.med_type, visit.dise_codg, lines)
    return answers.line_splits(desk, lines, splits, "2204")


def _priced_record(
    desk: Desk, call: Call, table: tuple[Field, ...]
) -> tuple[Person, SettlementRecord, Mapping[str, str]]:
    required = desk.wants_identity and not call.infno.endswith("A")
    names = tables.SETTLEMENT_IDENTITY if call.infno.startswith("2207") else tables.IDENTITY_FIELDS
    node = check(
        as_node(call.input.get("data"), "data"), tables.with_identity(table, required, names), "data"
    )
    person = person_with_medium(desk, call, node)
    visit = _visit(desk, call, node)
    if visit.med_type != node.text("med_type"):
        raise FieldRefused("data.med_type", "与就诊信息不一致 (differs from the visit)")
    if visit.insutype != node.text("insutype"):
        raise FieldRefused("data.insutype", "与挂号登记不一致 (differs from the registration)")
    batch = node.text("chrg_bchno")
    lines = desk.ledger.unsettled_lines(visit.mdtrt_id, batch)
    if not lines:
        raise Refused("BATCH_UNKNOWN")
    check_total(node, lines)
    prescriptions.require_usable(desk, call, person.psn_no, lines)
    insured = enrolment_of(call, person, visit.insutype, settling.last_fee_date(lines))
    priced = settling.price(
        desk,
        call,
        person,
        insured,
        visit.med_type,
        visit.dise_codg,
        node.text("acct_used_flag"),
        lines,
        epidemic=is_epidemic(node),
    )
    record = SettlementRecord(
        setl_id=settling.new_setl_id(desk, call),
        mdtrt_id=visit.mdtrt_id,
        psn_no=person.psn_no,
        fixmedins_code=call.institution.code,
        msgid=call.msgid,
        infno=call.infno,
        setl_time=call.time_text,
        policy_set=priced.policy_set,
        fee_date=priced.fee_date,
        insutype=insured.insutype,
        psn_type=priced.psn_type,
        insured_division=insured.division,
        pay_loc=priced.pay_loc,
        mdtrt_cert_type=node.text("mdtrt_cert_type"),
        med_type=visit.med_type,
        clr_type=priced.clr_type,
        clr_optins=insured.division,
        result=priced.result,
        chrg_bchno=batch,
        dise_codg=visit.dise_codg,
        dise_name=visit.dise_name,
        invono=node.text("invono"),
        operator=call.operator,
        operator_name=call.operator_name,
        relatives=priced.relatives,
    )
    return person, record, priced.workings


def _take_traces(call: Call) -> None:
    """Check the trace codes beside `data` (newer builds of 2207), one row per code."""
    given = call.input.get("drug_trac_info")
    if absent(given) or given == []:
        return
    for place, row in enumerate(as_list(given, "drug_trac_info")):
        where = f"drug_trac_info[{place}]"
        check(as_node(row, where), tables.TRACE, where)
