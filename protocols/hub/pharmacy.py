"""2101 pharmacy pre-settlement, 2102 settlement, 2103 cancellation (national interface, Hunan edition V1.1.27).

2101 books nothing and may be repeated; 2102 books the purchase and its lines in one step, without a registration
before it, so when its answer is lost the only handle is the message id. 2103 is `settlement.CancellationInput`.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import Extended, Node, OutputNode, TraceCode, either
from protocols.hub.profile import Profile
from protocols.hub.settlement import FundPart, LineSplit, SettlementInfo
from protocols.money import Days, Fen, Price, Quantity
from protocols.secret import Secret


class Purchase(Extended, frozen=True, kw_only=True):
    """`druginfo` of 2101 and 2102."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    medium_type: str = field(name="mdtrt_cert_type")  # 就诊凭证类型
    medium_no: Secret = field(name="mdtrt_cert_no")  # 就诊凭证编号
    card_sn: Secret = field(name="card_sn", default=Secret())  # 卡识别码
    document_type: str = field(name="psn_cert_type", default="")  # 证件类型
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    person_type: str = field(name="psn_type", default="")  # 人员类别
    name: Secret = field(name="psn_name", default=Secret())  # 人员姓名
    began_at: str = field(name="begntime")  # 开始时间
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    invoice_no: str | UnsetType = field(name="invono", default=UNSET)  # 发票号, 2102 only
    insurance_type: str = field(name="insutype")  # 险种类型
    disease_code: str = field(name="dise_codg", default="")  # 病种编码
    disease_name: str = field(name="dise_name", default="")  # 病种名称
    account_used: str = field(name="acct_used_flag")  # 个人账户使用标志: 0 no, 1 own, 2 relatives' (K40)
    medical_category: str = field(name="med_type")  # 医疗类别


class PurchaseLine(Extended, frozen=True, kw_only=True):
    """One row of `drugdetail`."""

    line_no: str = field(name="feedetl_sn")  # 费用明细流水号, unique inside one purchase
    prescription_no: str = field(name="rxno", default="")  # 处方号
    external_prescription: str = field(name="rx_circ_flag", default="0")  # 外购处方标志
    occurred_at: str = field(name="fee_ocur_time")  # 费用发生时间
    catalogue_code: str = field(name="med_list_codg")  # 医疗目录编码, national item code
    own_code: str = field(name="medins_list_codg")  # 医药机构目录编码
    amount_fen: Fen = field(name="det_item_fee_sumamt")  # 明细项目费用总额
    quantity: Quantity = field(name="cnt")  # 数量
    price: Price = field(name="pric")  # 单价
    dose: str = field(name="sin_dos_dscr", default="")  # 单次剂量描述
    frequency: str = field(name="used_frqu_dscr", default="")  # 使用频次描述
    period_days: Days = field(name="prd_days", default=Days(0))  # 周期天数
    route: str = field(name="medc_way_dscr", default="")  # 用药途径描述
    doctor_code: str = field(name="bilg_dr_codg", default="")  # 开单医生编码
    doctor_name: str = field(name="bilg_dr_name", default="")  # 开单医师姓名
    herbal_use: str = field(name="tcmdrug_used_way", default="")  # 中药使用方式
    durg_trac_info: tuple[TraceCode, ...] | UnsetType = UNSET  # 追溯码节点信息, as the table spells it
    drug_trac_info: tuple[TraceCode, ...] | UnsetType = UNSET  # the same, as the change log spells it

    @property
    def trace_codes(self) -> tuple[TraceCode, ...]:
        """The traceability codes of this line, however the node is spelt."""
        return either(self.durg_trac_info, self.drug_trac_info)


class PharmacyInput(Node, frozen=True, kw_only=True):
    """Input of 2101 and 2102."""

    purchase: Purchase = field(name="druginfo")
    lines: tuple[PurchaseLine, ...] = field(name="drugdetail")


class PharmacyOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 2101 (a quote: no settlement id) and 2102."""

    info: SettlementInfo = field(name="setlinfo")
    funds: tuple[FundPart, ...] = field(name="setldetail", default=())
    line_splits: tuple[LineSplit, ...] = field(name="detlcutinfo", default=())


def traced(line: PurchaseLine, profile: Profile, codes: Sequence[TraceCode]) -> PurchaseLine:
    """Return the line with its traceability codes in the node this profile spells (2102 only, K13)."""
    if profile.trace.pharmacy_node == "durg_trac_info":
        return msgspec.structs.replace(line, durg_trac_info=tuple(codes))
    return msgspec.structs.replace(line, drug_trac_info=tuple(codes))
