"""Nodes of the money answers: `setlinfo`, `setldetail`, `detlcutinfo` and `result` (interface tables 3.1 to 3.3).

Which transaction returns which `setlinfo` field follows the columns of table 3.1. Before settlement `setl_id`,
`setl_time`, `clr_way` and `clr_optins` of an out-patient quote are null.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from protocols.hub.profile import Profile
from simulators.benefit import model
from simulators.benefit.model import FundRow, LineResult, Result
from simulators.hub.desk import Call, Desk
from simulators.hub.ledger import LineRecord, SettlementRecord
from simulators.hub.wire import price, quantity, ratio, tenths, yuan
from simulators.people import Person

_NO_LIMIT_FEN: Final = 999_999_00
CHARGE_CATEGORIES: Final = {
    "western": "09",
    "patent": "11",
    "pieces": "10",
    "granules": "10",
    "inhouse": "09",
    "service": "05",
    "consumable": "08",
    "device": "08",
    "goods": "14",
}
"""med_chrgitm_type by kind of item."""

_CANCELLED_PHARMACY: Final = (
    "mdtrt_id",
    "setl_id",
    "clr_optins",
    "setl_time",
    "medfee_sumamt",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "preselfpay_amt",
    "inscp_scp_amt",
    "act_pay_dedc",
    "hifp_pay",
    "pool_prop_selfpay",
    "cvlserv_pay",
    "hifes_pay",
    "hifmi_pay",
    "hifob_pay",
    "maf_pay",
    "oth_pay",
    "fund_pay_sumamt",
    "psn_part_amt",
    "acct_pay",
    "psn_cash_pay",
    "balc",
    "acct_mulaid_pay",
    "medins_setl_id",
    "hifdm_pay",
)
"""Fields of `setlinfo` in 2103."""

Node = Mapping[str, object]
_SILENT: Final[Mapping[str, str]] = MappingProxyType({})


def setlinfo(desk: Desk, call: Call, person: Person, record: SettlementRecord) -> dict[str, object]:
    """`setlinfo` of 2102, 2207(A) and 2208; the others are cut from it."""
    result = record.result
    return {
        "setl_id": record.setl_id,
        "mdtrt_id": record.mdtrt_id,
        "psn_no": person.psn_no,
        "psn_name": person.name,
        "psn_cert_type": person.psn_cert_type,
        "certno": person.certno,
        "gend": person.sex,
        "naty": person.ethnic_group.zfill(desk.profile.form.naty_width),
        "brdy": person.born.isoformat(),
        "age": tenths(person.age(call.now.date())),
        "insutype": record.insutype,
        "psn_type": record.psn_type,
        "cvlserv_flag": "1" if _civil_servant(person, record.insutype) else "0",
        "setl_time": record.setl_time,
        "mdtrt_cert_type": record.mdtrt_cert_type,
        "med_type": record.med_type,
        **_amounts(desk.profile, result),
        "clr_optins": record.clr_optins,
        "clr_way": "1",
        "clr_type": record.clr_type,
        "medins_setl_id": record.msgid,
        "exp_content": None,
    }


def pharmacy_quote(desk: Desk, call: Call, person: Person, record: SettlementRecord) -> dict[str, object]:
    """`setlinfo` of 2101: no settlement id."""
    node = setlinfo(desk, call, person, record)
    del node["setl_id"]
    return node


def clinic_quote(desk: Desk, call: Call, person: Person, record: SettlementRecord) -> dict[str, object]:
    """`setlinfo` of 2206(A)."""
    node = setlinfo(desk, call, person, record)
    node.update(setl_id=None, setl_time=None, clr_way=None, clr_optins=None)
    return node


def pharmacy_cancellation(
    desk: Desk, call: Call, person: Person, record: SettlementRecord
) -> dict[str, object]:
    """`setlinfo` of 2103."""
    node = setlinfo(desk, call, person, record)
    return {name: node[name] for name in _CANCELLED_PHARMACY}


def settlement_query(desk: Desk, call: Call, person: Person, record: SettlementRecord) -> dict[str, object]:
    """`setlinfo` of 5203, which spells the person's two payments `psn_pay` and `cash_payamt`."""
    node = setlinfo(desk, call, person, record)
    for name in ("psn_part_amt", "psn_cash_pay", "hosp_part_amt", "hifdm_pay", "exp_content"):
        del node[name]
    institution = desk.world.institutions[record.fixmedins_code]
    node.update(
        psn_pay=yuan(record.result.person_fen),
        cash_payamt=yuan(record.result.cash_fen),
        flxempe_flag="0",
        nwb_flag="1" if record.psn_type == "1401" else "0",
        insu_optins=record.insured_division,
        emp_name=next((row.employer for row in person.enrolment if row.insutype == record.insutype), None),
        pay_loc=record.pay_loc,
        fixmedins_code=institution.code,
        fixmedins_name=institution.name,
        hosp_lv=institution.level,
        fixmedins_poolarea=institution.division,
        lmtpric_hosp_lv=None,
        dedc_hosp_lv=None,
        begndate=record.fee_date.isoformat(),
        enddate=record.fee_date.isoformat(),
        refd_setl_flag="1" if _is_flagged(desk.profile, record) else "0",
        year=str(record.fee_date.year),
        dise_codg=record.dise_codg or None,
        dise_name=record.dise_name or None,
        invono=record.invono or None,
        opter_id=record.operator,
        opter_name=record.operator_name,
        opt_time=record.setl_time,
        pref_fund_pay=yuan(0),
    )
    return node


def _is_flagged(profile: Profile, record: SettlementRecord) -> bool:
    """A cancellation is flagged as a refund, and what it has undone where the profile says so."""
    return record.direction < 0 or (bool(record.how_undone) and profile.recon.refd_flag_on_original)


def _civil_servant(person: Person, insutype: str) -> bool:
    return any(row.civil_servant for row in person.enrolment if row.insutype == insutype)


def _amounts(profile: Profile, result: Result) -> dict[str, object]:
    """The amounts as this hub counts them: what stands inside what is the profile's business."""
    money = profile.money
    account_fen = result.account_fen - (result.mutual_aid_fen if money.mutual_aid == "beside" else 0)
    fund_fen = result.fund_fen + (result.account_fen if money.fund_sum == "with_account" else 0)
    other_fen = result.other_fen + (result.disabled_fen if money.hifdm == "inside" else 0)
    return {
        "medfee_sumamt": yuan(result.total_fen),
        "fulamt_ownpay_amt": yuan(result.full_self_fen),
        "overlmt_selfpay": yuan(result.over_limit_fen),
        "preselfpay_amt": yuan(result.pre_self_fen),
        "inscp_scp_amt": yuan(result.in_scope_fen),
        "act_pay_dedc": yuan(result.deductible_fen),
        "hifp_pay": yuan(result.pool_fen),
        "pool_prop_selfpay": ratio(result.pool_ratio_bp),
        "cvlserv_pay": yuan(result.civil_servant_fen),
        "hifes_pay": yuan(result.enterprise_fen),
        "hifmi_pay": yuan(result.serious_illness_fen),
        "hifob_pay": yuan(result.large_amount_fen),
        "maf_pay": yuan(result.assistance_fen),
        "oth_pay": yuan(other_fen),
        "fund_pay_sumamt": yuan(fund_fen),
        "psn_part_amt": yuan(result.person_fen),
        "acct_pay": yuan(account_fen),
        "psn_cash_pay": yuan(result.cash_fen),
        "hosp_part_amt": yuan(result.hospital_fen),
        "balc": yuan(result.balance_fen),
        "acct_mulaid_pay": yuan(result.mutual_aid_fen),
        "hifdm_pay": yuan(result.disabled_fen),
    }


def setldetail(desk: Desk, result: Result, workings: Mapping[str, str] = _SILENT) -> list[Node]:
    """One row per fund, and one for the personal account; `workings` are words by the fund's code."""
    return [
        {
            "fund_pay_type": _fund_code(desk.profile, row),
            "inscp_scp_amt": yuan(
                result.in_scope_fen if row.fund_pay_type == model.FUND_ACCOUNT else row.in_scope_fen
            ),
            "crt_payb_lmt_amt": yuan(_limit_left_fen(row)),
            "fund_payamt": yuan(row.amount_fen),
            "fund_pay_type_name": model.FUND_NAMES.get(row.fund_pay_type),
            "setl_proc_info": workings.get(row.fund_pay_type),
        }
        for row in result.funds
    ]


def _fund_code(profile: Profile, row: FundRow) -> str:
    return profile.codes.fund_other if row.fund_pay_type == model.FUND_OTHER else row.fund_pay_type


def _limit_left_fen(row: FundRow) -> int:
    if row.limit_left_fen is not None:
        return row.limit_left_fen
    return 0 if row.fund_pay_type == model.FUND_ACCOUNT else _NO_LIMIT_FEN


def line_splits(
    desk: Desk, lines: Sequence[LineRecord], splits: Sequence[LineResult], infno: str
) -> list[Node]:
    """`detlcutinfo` of 2101 and 2102, `result` of 2204: how every line was split."""
    nodes: list[Node] = []
    for line, split in zip(lines, splits, strict=True):
        item = desk.policies.catalogue.items[line.item]
        node: dict[str, object] = {
            "feedetl_sn": line.feedetl_sn,
            "det_item_fee_sumamt": yuan(line.amount_fen),
            "cnt": quantity(line.quantity_e4),
            "pric": price(line.price_micro),
            "pric_uplmt_amt": 999999 if split.ceiling_fen is None else yuan(split.ceiling_fen),
            "selfpay_prop": ratio(split.share_bp),
            "fulamt_ownpay_amt": yuan(split.full_self_fen),
            "overlmt_amt": yuan(split.over_limit_fen),
            "preselfpay_amt": yuan(split.pre_self_fen),
            "inscp_scp_amt": yuan(split.in_scope_fen),
            "chrgitm_lv": split.charge_class,
            "med_chrgitm_type": CHARGE_CATEGORIES[item.type],
            "bas_medn_flag": "0",
            "hi_nego_drug_flag": "1" if split.negotiated else "0",
            "chld_medc_flag": "0",
            "list_sp_item_flag": "0",
        }
        if infno == "2204":
            node["lmt_used_flag"] = "1" if split.limit_used else "0"
        node["drt_reim_flag"] = "0"
        node["memo"] = None
        if infno == "2204":
            node["exp_content"] = None
        if infno == "2101":
            node["hosp_part_amt"] = yuan(0)
        nodes.append(node)
    return nodes
