"""The out-patient chain: 2201, 2202, 2203(A), 2204, 2205, 2206(A), 2207(A), 2208.

Tables: national interface, Hunan edition V1.1.27, for 2201, 2202, 2204, 2205 and 2208 (which is
`settlement.CancellationInput`); the A forms follow the national 2203, 2206 and 2207 without the identity members of
that edition, as several provinces' clients send them (decision K20).
"""

from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import Extended, ExtendedOutput, Node, OutputNode, TraceCode, either
from protocols.hub.settlement import LineSplit
from protocols.money import Days, Fen, Price, Quantity
from protocols.secret import Secret

ALL_BATCHES = "0000"
"""The charge batch of 2205 that withdraws every unsettled line of the visit."""


class Registration(Extended, frozen=True, kw_only=True):
    """`data` of 2201: creates the visit."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    insurance_type: str = field(name="insutype")  # 险种类型
    began_at: str = field(name="begntime")  # 开始时间
    medium_type: str = field(name="mdtrt_cert_type")  # 就诊凭证类型
    medium_no: Secret = field(name="mdtrt_cert_no")  # 就诊凭证编号
    card_sn: Secret = field(name="card_sn", default=Secret())  # 卡识别码
    document_type: str = field(name="psn_cert_type", default="")  # 证件类型
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    person_type: str = field(name="psn_type", default="")  # 人员类别
    name: Secret = field(name="psn_name", default=Secret())  # 人员姓名
    own_visit_no: str = field(name="ipt_otp_no")  # 住院/门诊号, the institution's own number
    doctor_code: str = field(name="atddr_no", default="")  # 医师编码
    doctor_name: str = field(name="dr_name", default="")  # 医师姓名
    department_code: str = field(name="dept_code")  # 科室编码
    department_name: str = field(name="dept_name")  # 科室名称
    specialty: str = field(name="caty")  # 科别


class RegistrationInput(Node, frozen=True, kw_only=True):
    """Input of 2201."""

    registration: Registration = field(name="data")


class Registered(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of the answer to 2201."""

    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    own_visit_no: str = field(name="ipt_otp_no", default="")  # 住院/门诊号


class RegistrationOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 2201."""

    registered: Registered = field(name="data")


class RegistrationWithdrawal(Extended, frozen=True, kw_only=True):
    """`data` of 2202."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    own_visit_no: str = field(name="ipt_otp_no")  # 住院/门诊号


class RegistrationWithdrawalInput(Node, frozen=True, kw_only=True):
    """Input of 2202; allowed only while nothing is settled. Output: `blocks.NoOutput`."""

    withdrawal: RegistrationWithdrawal = field(name="data")


class VisitInfo(Extended, frozen=True, kw_only=True):
    """`mdtrtinfo` of 2203A: one medical category per visit."""

    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    person_no: Secret = field(name="psn_no")  # 人员编号
    medical_category: str = field(name="med_type")  # 医疗类别
    began_at: str = field(name="begntime")  # 开始时间
    main_complaint: str = field(name="main_cond_dscr", default="")  # 主要病情描述
    disease_code: str = field(name="dise_codg", default="")  # 病种编码
    disease_name: str = field(name="dise_name", default="")  # 病种名称
    family_planning_category: str = field(name="birctrl_type", default="")  # 计划生育手术类别
    family_planning_date: str = field(name="birctrl_matn_date", default="")  # 计划生育手术或生育日期
    birth_category: str = field(name="matn_type", default="")  # 生育类别
    gestation_weeks: int = field(name="geso_val", default=0)  # 孕周数


class Diagnosis(Node, frozen=True, kw_only=True):
    """One row of `diseinfo`; sent again with `valid` "0" it is withdrawn."""

    kind: str = field(
        name="diag_type"
    )  # 诊断类别, 1 Western, 2 Chinese main disease, 3 Chinese main syndrome
    order_no: int = field(name="diag_srt_no")  # 诊断排序号, 1 = first
    code: str = field(name="diag_code")  # 诊断代码, ICD-10 insurance version
    name: str = field(name="diag_name")  # 诊断名称
    department: str = field(name="diag_dept")  # 诊断科室
    doctor_code: str = field(name="dise_dor_no")  # 诊断医生编码
    doctor_name: str = field(name="dise_dor_name")  # 诊断医生姓名
    diagnosed_at: str = field(name="diag_time")  # 诊断时间
    valid: str = field(name="vali_flag", default="1")  # 有效标志


class VisitInput(Node, frozen=True, kw_only=True):
    """Input of 2203A. Output: `blocks.NoOutput`."""

    visit: VisitInfo = field(name="mdtrtinfo")
    diagnoses: tuple[Diagnosis, ...] = field(name="diseinfo")


class FeeLine(Extended, frozen=True, kw_only=True):
    """One row of `feedetail` of 2204."""

    line_no: str = field(name="feedetl_sn")  # 费用明细流水号
    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    person_no: Secret = field(name="psn_no")  # 人员编号
    charge_batch: str = field(name="chrg_bchno")  # 收费批次号
    disease_code: str = field(name="dise_codg", default="")  # 病种编码
    prescription_no: str = field(name="rxno", default="")  # 处方号
    external_prescription: str = field(name="rx_circ_flag", default="0")  # 外购处方标志
    occurred_at: str = field(name="fee_ocur_time")  # 费用发生时间
    catalogue_code: str = field(name="med_list_codg")  # 医疗目录编码
    own_code: str = field(name="medins_list_codg")  # 医药机构目录编码
    amount_fen: Fen = field(name="det_item_fee_sumamt")  # 明细项目费用总额
    quantity: Quantity = field(name="cnt")  # 数量
    price: Price = field(name="pric")  # 单价
    dose: str = field(name="sin_dos_dscr", default="")  # 单次剂量描述
    frequency: str = field(name="used_frqu_dscr", default="")  # 使用频次描述
    period_days: Days = field(name="prd_days", default=Days(0))  # 周期天数
    route: str = field(name="medc_way_dscr", default="")  # 用药途径描述
    department_code: str = field(name="bilg_dept_codg")  # 开单科室编码
    department_name: str = field(name="bilg_dept_name")  # 开单科室名称
    doctor_code: str = field(name="bilg_dr_codg")  # 开单医生编码
    doctor_name: str = field(name="bilg_dr_name")  # 开单医师姓名
    executing_department_code: str = field(name="acord_dept_codg", default="")  # 受单科室编码
    executing_department_name: str = field(name="acord_dept_name", default="")  # 受单科室名称
    executing_doctor_code: str = field(name="orders_dr_code", default="")  # 受单医生编码
    executing_doctor_name: str = field(name="orders_dr_name", default="")  # 受单医生姓名
    approval: str = field(
        name="hosp_appr_flag", default="0"
    )  # 医院审批标志: 0 none needed, 1 approved, 2 refused
    herbal_use: str = field(name="tcmdrug_used_way", default="")  # 中药使用方式
    sent_out: str = field(name="etip_flag", default="0")  # 外检标志
    sent_out_to: str = field(name="etip_hosp_code", default="")  # 外检医院编码
    take_home: str = field(name="dscg_tkdrug_flag", default="0")  # 出院带药标志
    maternity_fee: str = field(name="matn_fee_flag", default="0")  # 生育费用标志


class FeeLinesInput(Node, frozen=True, kw_only=True):
    """Input of 2204: all lines of a charge batch together."""

    lines: tuple[FeeLine, ...] = field(name="feedetail")


class FeeLinesOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 2204."""

    line_splits: tuple[LineSplit, ...] = field(name="result", default=())


class LinesWithdrawal(Extended, frozen=True, kw_only=True):
    """`data` of 2205."""

    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    charge_batch: str = field(name="chrg_bchno")  # 收费批次号, `ALL_BATCHES` = everything unsettled
    person_no: Secret = field(name="psn_no")  # 人员编号


class LinesWithdrawalInput(Node, frozen=True, kw_only=True):
    """Input of 2205; settled lines cannot be withdrawn. Output: `blocks.NoOutput`."""

    withdrawal: LinesWithdrawal = field(name="data")


class ClinicQuote(Extended, frozen=True, kw_only=True):
    """`data` of 2206 and 2206A: a trial that books nothing. The identity members are one edition's (`form.identity_fields`)."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    medium_type: str = field(name="mdtrt_cert_type")  # 就诊凭证类型
    medium_no: Secret = field(name="mdtrt_cert_no")  # 就诊凭证编号
    card_sn: Secret | UnsetType = field(name="card_sn", default=UNSET)  # 卡识别码
    document_type: str | UnsetType = field(name="psn_cert_type", default=UNSET)  # 证件类型
    document_no: Secret | UnsetType = field(name="certno", default=UNSET)  # 证件号码
    person_type: str | UnsetType = field(name="psn_type", default=UNSET)  # 人员类别, 2206 only
    name: Secret | UnsetType = field(name="psn_name", default=UNSET)  # 人员姓名, 2206 only
    medical_category: str = field(name="med_type")  # 医疗类别
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    settlement_way: str = field(name="psn_setlway", default="01")  # 个人结算方式, 01 by item
    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    charge_batch: str = field(name="chrg_bchno")  # 收费批次号
    insurance_type: str = field(name="insutype")  # 险种类型
    account_used: str = field(name="acct_used_flag")  # 个人账户使用标志


class ClinicQuoteInput(Node, frozen=True, kw_only=True):
    """Input of 2206A. Output: `settlement.SettlementOutput`."""

    quote: ClinicQuote = field(name="data")


class ClinicSettlement(ClinicQuote, frozen=True, kw_only=True):
    """`data` of 2207A: the quote's members and four amounts of its answer, which the hub compares with its own."""

    invoice_no: str = field(name="invono", default="")  # 发票号
    self_paid_fen: Fen = field(name="fulamt_ownpay_amt")  # 全自费金额
    over_limit_fen: Fen = field(name="overlmt_selfpay")  # 超限价金额
    class_b_share_fen: Fen = field(name="preselfpay_amt")  # 先行自付金额
    policy_scope_fen: Fen = field(name="inscp_scp_amt")  # 符合政策范围金额


class ClinicSettlementInput(Node, frozen=True, kw_only=True):
    """Input of 2207A, with the traceability codes beside `data` (K13). Output: `settlement.SettlementOutput`."""

    settlement: ClinicSettlement = field(name="data")
    drug_trac_info: tuple[TraceCode, ...] | UnsetType = UNSET  # 追溯码节点信息
    durg_trac_info: tuple[TraceCode, ...] | UnsetType = UNSET  # the same, misspelt; never sent by us

    @property
    def trace_codes(self) -> tuple[TraceCode, ...]:
        """The traceability codes, however the node is spelt; `line_no` ties each to its line."""
        return either(self.drug_trac_info, self.durg_trac_info)
