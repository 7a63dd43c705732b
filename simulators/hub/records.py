"""What the hub tells of a person's visits: 5202 diagnoses, 5204 fee lines, 5205 chronic drugs, 5206 totals, and
5302 the institutions they have chosen, 100001 what each fund's rule gave."""

from collections.abc import Mapping, Sequence
from typing import Final

from simulators.benefit.amounts import WHOLE_BP
from simulators.benefit.model import FUND_NAMES, Accumulators, FundRow
from simulators.hub import answers, tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import Node, as_node, check
from simulators.hub.identify import person_named
from simulators.hub.ledger import LineRecord, SettlementRecord
from simulators.hub.listings import LIST_TYPES
from simulators.hub.pharmacy import find_settlement
from simulators.hub.refusals import FieldRefused, Refused
from simulators.hub.wire import price, quantity, ratio, yuan
from simulators.people import Designated

_DRUGS: Final = frozenset({"western", "patent", "pieces", "granules", "inhouse"})
_NOT_STATED: Final = "未注明"
"""Of members that may not be empty and that the invented catalogue does not have."""
_OUT_PATIENT: Final = "1"
_CAMEL: Final = {"psn_no": "psn_No", "setl_id": "setl_Id", "mdtrt_id": "mdtrt_Id"}
"""Members of 100001 by their usual names."""


def diagnoses(desk: Desk, call: Call) -> Output:
    """5202: the diagnoses of a visit at this institution that were not taken back."""
    node = check(as_node(call.input.get("data"), "data"), tables.DIAGNOSES_QUERY, "data")
    person_named(desk, call, node.text("psn_no"))
    visit = desk.ledger.visit(node.text("mdtrt_id"))
    if visit is None or visit.psn_no != node.text("psn_no") or visit.fixmedins_code != call.institution.code:
        raise Refused("VISIT_NOT_FOUND")
    return {
        "diseinfo": [
            {
                "diag_info_id": f"DIAG{visit.mdtrt_id[3:]}{row.order:02d}",
                "mdtrt_id": visit.mdtrt_id,
                "psn_no": visit.psn_no,
                "inout_diag_type": _OUT_PATIENT,
                "diag_type": row.kind,
                "maindiag_flag": "1" if row.main else "0",
                "diag_srt_no": row.order,
                "diag_code": row.code,
                "diag_name": row.name,
                "adm_cond": None,
                "diag_dept": row.department,
                "dise_dor_no": row.doctor_code,
                "dise_dor_name": row.doctor_name,
                "diag_time": row.diagnosed_at,
                "opter_id": visit.operator or None,
                "opter_name": visit.operator_name or None,
                "opt_time": visit.opened_at or None,
            }
            for row in visit.diagnoses
            if row.valid
        ]
    }


def fee_lines(desk: Desk, call: Call) -> Output:
    """5204: the lines of a settlement with their split; those of a cancelled one as long as they are not withdrawn."""
    node = check(as_node(call.input.get("data"), "data"), tables.FEE_LINES_QUERY, "data")
    person_named(desk, call, node.text("psn_no"))
    record = find_settlement(desk, call, node)
    rows = []
    for line, split in _settled(desk, record):
        rows.append(
            {
                "mdtrt_id": record.mdtrt_id,
                "setl_id": record.setl_id,
                **_line(desk, record, line),
                **split,
                "sin_dos_dscr": None,
                "used_frqu_dscr": None,
                "prd_days": None,
                "medc_way_dscr": None,
                "opter_id": record.operator,
                "opter_name": record.operator_name,
                "opt_time": record.setl_time,
            }
        )
    return {"data": rows}


def chronic_drugs(desk: Desk, call: Call) -> Output:
    """5205: drugs of the person's standing chronic settlements in a period, at any institution."""
    node = check(as_node(call.input.get("data"), "data"), tables.CHRONIC_DRUGS_QUERY, "data")
    person = person_named(desk, call, node.text("psn_no"))
    chronic = desk.profile.codes.med_type["chronic"]
    rows = []
    for record in desk.ledger.of_person(person.psn_no):
        if not record.live or record.med_type != chronic or not _inside(record.setl_time, node):
            continue
        institution = desk.world.institutions[record.fixmedins_code]
        rows += [
            {
                **_line(desk, record, line),
                "fixmedins_code": institution.code,
                "fixmedins_name": institution.name,
                "psn_no": person.psn_no,
                **{name: split[name] for name in ("chrgitm_lv", "med_chrgitm_type", "lmt_used_flag")},
            }
            for line, split in _settled(desk, record)
            if desk.policies.catalogue.items[line.item].type in _DRUGS
        ]
    return {"feedetail": rows}


def _inside(when: str, node: Node) -> bool:
    return node.text("begntime") <= when <= (node.text("endtime") or "9999-12-31 23:59:59")


def _settled(desk: Desk, record: SettlementRecord) -> Sequence[tuple[LineRecord, Mapping[str, object]]]:
    """The lines of a settlement with the members of their split; none when some were withdrawn since."""
    lines = desk.ledger.lines(record.mdtrt_id, record.chrg_bchno or None)
    if len(lines) != len(record.result.lines):
        return ()
    return tuple(zip(lines, answers.line_splits(desk, lines, record.result.lines, "2204"), strict=True))


def _line(desk: Desk, record: SettlementRecord, line: LineRecord) -> dict[str, object]:
    """What 5204 and 5205 both tell of a line."""
    item = desk.policies.catalogue.items[line.item]
    return {
        "feedetl_sn": line.feedetl_sn,
        "rx_drord_no": line.rxno or None,
        "med_type": record.med_type,
        "fee_ocur_time": f"{line.fee_date.isoformat()} 00:00:00",
        "cnt": quantity(line.quantity_e4),
        "pric": price(line.price_micro),
        "hilist_code": line.med_list_codg,
        "hilist_name": item.name,
        "list_type": LIST_TYPES[item.type],
        "med_list_codg": line.med_list_codg,
        "medins_list_codg": line.medins_list_codg,
        "medins_list_name": item.name,
        "prodname": None,
        "spec": _NOT_STATED,
        "dosform_name": _NOT_STATED,
    }


def totals(desk: Desk, call: Call) -> Output:
    """5206: the sums of the benefit year of a month (default: the present one) as they stand now."""
    node = check(as_node(call.input.get("data"), "data"), tables.TOTALS_QUERY, "data")
    person = person_named(desk, call, node.text("psn_no"))
    month = node.text("cum_ym") or f"{call.now:%Y%m}"
    if len(month) != 6 or not (month.isascii() and month.isdecimal()):
        raise FieldRefused("data.cum_ym", "应为 yyyyMM (not yyyyMM)")
    rows = []
    for enrolment in person.enrolment:
        if enrolment.division != call.insured_division:
            continue
        policy_set = desk.policies.set_of_division(enrolment.division)
        sums = _sums(desk.ledger.accumulators(person.psn_no, policy_set, int(month[:4])))
        rows += [
            {
                "insutype": enrolment.insutype,
                "year": month[:4],
                "cum_ym": month,
                "cum_type_code": kind,
                "cum": yuan(amount_fen),
            }
            for kind, amount_fen in sums.items()
        ]
    return {"cuminfo": rows}


def _sums(held: Accumulators) -> Mapping[str, int]:
    """By `cum_type_code`; the list of these codes is local, and this one is ours."""
    return {
        "dedc_op": held.deductible_op_fen,
        "pool_op": held.pool_op_fen,
        "pool_two": sum(held.pool_two_fen.values()),
        "pool_chr": sum(held.pool_chr_fen.values()),
        "pool_mat": held.pool_mat_fen,
        "pool_all": held.pool_all_fen,
        "hifmi": held.si_pay_fen,
        "hifes": held.enterprise_pay_fen,
        "cvlserv": held.civil_pay_fen,
        "maf": held.aid_pay_fen,
    }


def designated(desk: Desk, call: Call) -> Output:
    """5302: the institutions a person has chosen for a kind of business; nobody need have chosen any."""
    node = check(as_node(call.input.get("data"), "data"), tables.DESIGNATED_QUERY, "data")
    person = person_named(desk, call, node.text("psn_no"))
    business = node.text("biz_appy_type")
    chosen = [row for row in person.designated if row.business == business]
    rows = [_designation(desk, person.psn_no, str(rank), row, "") for rank, row in enumerate(chosen, start=1)]
    for filed in desk.ledger.submitted.filings(person.psn_no, "institution"):
        if filed.extra["biz_appy_type"] == business:
            row = Designated(business, filed.code, filed.begins, filed.ends)
            rows.append(
                _designation(desk, person.psn_no, filed.extra["fix_srt_no"], row, filed.extra["memo"])
            )
    return {"psnfixmedin": rows}


def _designation(desk: Desk, psn_no: str, rank: str, row: Designated, memo: str) -> dict[str, object]:
    return {
        "psn_no": psn_no,
        "insutype": None,
        "fix_srt_no": rank,
        "fixmedins_code": row.institution,
        "fixmedins_name": desk.world.institutions[row.institution].name,
        "begndate": row.begin.isoformat(),
        "enddate": row.end.isoformat() if row.end else None,
        "memo": memo or None,
    }


def policy_items(desk: Desk, call: Call) -> Output:
    """100001: one item for each fund that paid, with the amount its ratio was applied to; accounts have no ratio."""
    node = check(as_node(call.input.get("data"), "data"), tables.POLICY_ITEMS_QUERY, "data")
    person_named(desk, call, node.text("psn_No"))
    record = find_settlement(desk, call, Node({name: node.text(spelt) for name, spelt in _CAMEL.items()}))
    return {
        "data": [
            {
                "setlId": record.setl_id,
                "mdtrtId": record.mdtrt_id,
                "psnNo": record.psn_no,
                "polItemCode": row.fund_pay_type,
                "polItemName": FUND_NAMES.get(row.fund_pay_type, row.fund_pay_type),
                **_shares(row),
                "polItemPaySum": yuan(row.in_scope_fen or row.amount_fen),
            }
            for row in record.result.funds
        ]
    }


def _shares(row: FundRow) -> dict[str, object]:
    if not row.in_scope_fen:
        return {
            "selfPayAmt": None,
            "selfPayProp": None,
            "fundPayAmt": yuan(row.amount_fen),
            "fundPayProp": None,
        }
    paid, scope = abs(row.amount_fen), abs(row.in_scope_fen)
    fund_bp = (2 * WHOLE_BP * paid + scope) // (2 * scope)  # rounded half up
    return {
        "selfPayAmt": yuan(row.in_scope_fen - row.amount_fen),
        "selfPayProp": ratio(WHOLE_BP - fund_bp),
        "fundPayAmt": yuan(row.amount_fen),
        "fundPayProp": ratio(fund_bp),
    }
