"""Review services: 3101 review before, 3102 review during, 3103 feedback (national interface, Hunan edition V1.1.27).

The hub holds one patient's visit against its monitoring rules and answers with what it sees broken. Asking changes
nothing at the hub. 3102 has the tables of 3101. Amounts that only a quote would tell are 0, and a required text that a
purchase does not have is `NOTHING` (decision K83). Prices are millionths of a yuan a unit, quantities ten-thousandths
of a unit; days are of UTC+8.
"""

from typing import Final

from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import Node, OutputNode
from protocols.money import Fen, Price, Quantity
from protocols.secret import Secret

NOTHING: Final = "无"
"""What a required text says that there is nothing to say about."""
CARRY_ON: Final = "1"
"""`dspo_way`: the operator goes on, and says why."""
GO_BACK: Final = "2"
"""`dspo_way`: the operator goes back and changes what was found."""


# -- 3101 and 3102 ---------------------------------------------------------------------------------------


class OrderUse(Node, frozen=True, kw_only=True):
    """`extend_order_map`: how the drug is to be used; members that nobody gave are not sent."""

    days: str | UnsetType = field(name="o_prdDays", default=UNSET)  # 周期天数
    single_dose: str | UnsetType = field(name="o_sinDosDscr", default=UNSET)  # 单次剂量描述
    frequency: str | UnsetType = field(name="o_used_frqu_dscr", default=UNSET)  # 使用频次描述


class Order(Node, frozen=True, kw_only=True):
    """One row of `fsi_order_dtos`: a prescribed or bought item."""

    id: str = field(name="rx_id")  # 处方(医嘱)标识, the line's number on our sheet
    prescription_no: str = field(name="rxno", default=NOTHING)  # 处方号
    is_long_term: str = field(name="long_drord_flag", default="0")  # 是否为长期医嘱
    list_type: str = field(name="hilist_type")  # 目录类别
    charge_type: str = field(name="chrg_type")  # 收费类别
    behaviour: str = field(name="drord_bhvr", default=NOTHING)  # 医嘱行为, no published values
    catalogue_code: str = field(name="hilist_code")  # 医保目录代码
    catalogue_name: str = field(name="hilist_name")  # 医保目录名称
    catalogue_class: str = field(name="hilist_lv", default=NOTHING)  # 医保目录等级, known after the quote
    catalogue_price: Price = field(name="hilist_pric")  # 医保目录价格
    own_code: str = field(name="hosplist_code")  # 医院目录代码
    own_name: str = field(name="hosplist_name")  # 医院目录名称
    quantity: Quantity = field(name="cnt")  # 数量
    price: Price = field(name="pric")  # 单价
    amount_fen: Fen = field(name="sumamt")  # 总费用
    self_paid_fen: Fen = field(name="ownpay_amt", default=Fen(0))  # 自费金额
    co_paid_fen: Fen = field(name="selfpay_amt", default=Fen(0))  # 自付金额
    spec: str = field(name="spec", default=NOTHING)  # 规格
    unit: str = field(name="spec_unt", default=NOTHING)  # 数量单位
    began_on: str = field(name="drord_begn_date")  # 医嘱开始日期
    department_code: str = field(name="drord_dept_codg", default=NOTHING)  # 下达医嘱的科室标识
    department_name: str = field(name="drord_dept_name", default=NOTHING)  # 下达医嘱科室名称
    doctor_code: str = field(name="drord_dr_codg", default=NOTHING)  # 开处方(医嘱)医生标识
    doctor_name: str = field(name="drord_dr_name", default=NOTHING)  # 开处方(医嘱)医生姓名
    doctor_title: str = field(name="drord_dr_profttl", default=NOTHING)  # 开处方(医嘱)医职称
    is_current: str = field(name="curr_drord_flag", default="1")  # 是否当前处方(医嘱)
    use: OrderUse | UnsetType = field(name="extend_order_map", default=UNSET)  # 处方扩展属性


class Diagnosed(Node, frozen=True, kw_only=True):
    """One row of `fsi_diagnose_dtos`."""

    id: str = field(name="dise_id")  # 诊断标识
    kind: str = field(name="inout_dise_type", default="1")  # 出入诊断类别
    is_main: str = field(name="maindise_flag", default="1")  # 主诊断标志
    order_no: str = field(name="dias_srt_no", default="1")  # 诊断排序号
    code: str = field(name="dise_codg")  # 诊断(疾病)编码
    name: str = field(name="dise_name")  # 诊断(疾病)名称
    diagnosed_on: str = field(name="dise_date")  # 诊断日期


class ReviewedVisit(Node, frozen=True, kw_only=True):
    """One row of `fsi_encounter_dtos`: a visit, or a purchase."""

    id: str = field(name="mdtrt_id")  # 就诊标识; of a purchase our own, the hub's does not exist yet
    institution_code: str = field(name="medins_id")  # 医疗服务机构标识
    institution_name: str = field(name="medins_name")  # 医疗机构名称
    institution_division: str = field(name="medins_admdvs")  # 医疗机构行政区划编码
    institution_kind: str = field(name="medins_type")  # 医疗服务机构类型
    institution_grade: str = field(name="medins_lv")  # 医疗机构等级, dictionary hosp_lv
    began_on: str = field(name="adm_date")  # 入院日期
    ended_on: str = field(name="dscg_date")  # 出院日期; of a purchase its day
    main_disease_code: str = field(name="dscg_main_dise_codg", default=NOTHING)  # 主诊断编码
    main_disease_name: str = field(name="dscg_main_dise_name", default=NOTHING)  # 主诊断名称
    diagnoses: tuple[Diagnosed, ...] = field(name="fsi_diagnose_dtos", default=())  # 诊断信息
    doctor_code: str = field(name="dr_codg", default=NOTHING)  # 医师标识
    department_code: str = field(name="adm_dept_codg", default=NOTHING)  # 入院科室标识
    department_name: str = field(name="adm_dept_name", default=NOTHING)  # 入院科室名称
    last_department_code: str = field(name="dscg_dept_codg", default=NOTHING)  # 出院科室标识
    last_department_name: str = field(name="dscg_dept_name", default=NOTHING)  # 出院科室名称
    kind: str = field(name="med_mdtrt_type")  # 就诊类型, 1 out-patient, 3 drug purchase
    medical_category: str = field(name="med_type")  # 医疗类别
    orders: tuple[Order, ...] = field(name="fsi_order_dtos")  # 处方(医嘱)信息
    maternity: str = field(name="matn_stas", default="0")  # 生育状态
    total_fen: Fen = field(name="medfee_sumamt")  # 总费用
    self_paid_fen: Fen = field(name="ownpay_amt", default=Fen(0))  # 自费金额
    co_paid_fen: Fen = field(name="selfpay_amt", default=Fen(0))  # 自付金额
    settlements: int = field(name="setl_totlnum", default=1)  # 结算总次数
    insurance_type: str = field(name="insutype")  # 险种
    reimbursed: str = field(name="reim_flag", default="2")  # 报销标志, 2 online
    is_far: str = field(name="out_setl_flag")  # 异地结算标志, 0/1


class Patient(Node, frozen=True, kw_only=True):
    """One row of `patient_dtos`."""

    id: Secret = field(name="patn_id")  # 参保人标识, the person number
    name: Secret = field(name="patn_name")  # 姓名
    sex: str = field(name="gend")  # 性别
    birth_date: Secret = field(name="brdy")  # 出生日期
    insured_division: str = field(name="poolarea")  # 统筹区编码
    visit_id: str = field(name="curr_mdtrt_id")  # 当前就诊标识
    visits: tuple[ReviewedVisit, ...] = field(name="fsi_encounter_dtos")  # 就诊信息集合


class ReviewRequest(Node, frozen=True, kw_only=True):
    """`data` of 3101 and 3102."""

    patients: tuple[Patient, ...] = field(name="patient_dtos")  # 参保人信息
    scene: str | UnsetType = field(name="trig_scen", default=UNSET)  # 触发场景, selects rules


class ReviewInput(Node, frozen=True, kw_only=True):
    """Input of 3101 and 3102."""

    request: ReviewRequest = field(name="data")


class FindingLine(OutputNode, frozen=True, kw_only=True):
    """One row of `judge_result_detail_dtos`: an item that a finding is about."""

    id: str = field(name="jrd_id")  # 违规明细标识
    person_no: Secret = field(name="patn_id", default=Secret())  # 参保人标识
    visit_id: str = field(name="mdtrt_id", default="")  # 就诊标识
    order_id: str = field(name="rx_id", default="")  # 处方(医嘱)标识
    kind: str = field(name="vola_item_type", default="")  # 违规明细类型, 1 violating, 2 related
    amount_fen: Fen | None = field(name="vola_amt", default=None)  # 违规金额


class Found(OutputNode, frozen=True, kw_only=True):
    """One row of `result`: one rule that the hub sees broken."""

    id: str = field(name="jr_id")  # 违规标识, what the feedback names
    rule_id: str = field(name="rule_id")  # 规则ID
    rule_name: str = field(name="rule_name", default="")  # 规则名称
    text: str = field(name="vola_cont", default="")  # 违规内容
    person_no: Secret = field(name="patn_id", default=Secret())  # 参保人ID
    visit_id: str = field(name="mdtrt_id", default="")  # 就诊ID
    lines: tuple[FindingLine, ...] = field(name="judge_result_detail_dtos", default=())  # 违规明细
    amount_fen: Fen | None = field(name="vola_amt", default=None)  # 违规金额
    amount_state: str = field(name="vola_amt_stas", default="")  # 违规金额计算状态
    severity: str = field(name="sev_deg", default="")  # 严重程度, 1 clear, 2 highly, 3 slightly suspect
    evidence: str = field(name="vola_evid", default="")  # 违规依据
    behaviour: str = field(name="vola_bhvr_type", default="")  # 违规行为分类, 1 visit, 2 item


class ReviewOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 3101 and 3102; nothing at all, or an empty list, means that nothing was found."""

    result: tuple[Found, ...] | Found = field(name="result", default=())

    @property
    def findings(self) -> tuple[Found, ...]:
        """The rows, whichever way they came."""
        return (self.result,) if isinstance(self.result, Found) else self.result


# -- 3103 ------------------------------------------------------------------------------------------------


class Answer(Node, frozen=True, kw_only=True):
    """One row of `warns`: what was done about one finding."""

    finding_id: str = field(name="warn_rslt_id")  # 违规标识, `jr_id`
    way: str = field(name="dspo_way")  # 处理方式, 1 carry on, 2 go back and change
    reason: str = field(name="dspo_way_rea", default="")  # 处理原因, needed when carrying on


class Feedback(Node, frozen=True, kw_only=True):
    """`data` of 3103."""

    kind: str = field(name="warn_type")  # 反馈类型, 1 before, 2 during
    answers: tuple[Answer, ...] = field(name="warns")  # 处理数据集合


class FeedbackInput(Node, frozen=True, kw_only=True):
    """Input of 3103; nothing is answered."""

    feedback: Feedback = field(name="data")
