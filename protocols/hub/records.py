"""What the hub keeps of a person's visits: 5202 diagnoses, 5204 fee lines, 5205 chronic drugs, 5206 accumulated totals,
5302 designated institutions, 100001 policy items.

National interface, Hunan edition V1.1.27. They change nothing. The tables of 5204 and 100001 (which is Hunan's own)
print no node around their rows; they are read from a list `data` or from a bare list (decision K20c).
"""

from msgspec import field

from protocols.hub.blocks import Node, OutputNode
from protocols.money import Count, Fen, Price, Quantity, Ratio
from protocols.secret import Secret


class RowsOutput(OutputNode, frozen=True, kw_only=True):
    """An answer that is rows; each says under which node."""

    rows: tuple[OutputNode, ...] = ()


class DiagnosesQuery(Node, frozen=True, kw_only=True):
    """`data` of 5202."""

    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    person_no: Secret = field(name="psn_no")  # 人员编号


class DiagnosesQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5202."""

    query: DiagnosesQuery = field(name="data")


class RecordedDiagnosis(OutputNode, frozen=True, kw_only=True):
    """One diagnosis of a visit."""

    record_no: str = field(name="diag_info_id")  # 诊断信息ID
    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    stage: str = field(name="inout_diag_type", default="")  # 出入院诊断类别
    kind: str = field(name="diag_type", default="")  # 诊断类别
    main: str = field(name="maindiag_flag", default="")  # 主诊断标志
    order_no: Count | None = field(name="diag_srt_no", default=None)  # 诊断排序号, 1 = first
    code: str = field(name="diag_code")  # 诊断代码
    name: str = field(name="diag_name")  # 诊断名称
    department: str = field(name="diag_dept", default="")  # 诊断科室
    doctor_code: str = field(name="dise_dor_no", default="")  # 诊断医生编码
    doctor_name: str = field(name="dise_dor_name", default="")  # 诊断医生姓名
    diagnosed_at: str = field(name="diag_time", default="")  # 诊断时间


class DiagnosesQueryOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 5202."""

    rows: tuple[RecordedDiagnosis, ...] = field(name="diseinfo", default=())


class FeeLinesQuery(Node, frozen=True, kw_only=True):
    """`data` of 5204."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    settlement_id: str = field(name="setl_id")  # 结算ID
    visit_id: str = field(name="mdtrt_id")  # 就诊ID


class FeeLinesQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5204."""

    query: FeeLinesQuery = field(name="data")


class RecordedLine(OutputNode, frozen=True, kw_only=True):
    """What 5204 and 5205 both tell of a line."""

    line_no: str = field(name="feedetl_sn")  # 费用明细流水号
    prescription_no: str = field(name="rx_drord_no", default="")  # 处方/医嘱号
    medical_category: str = field(name="med_type", default="")  # 医疗类别
    occurred_at: str = field(name="fee_ocur_time", default="")  # 费用发生时间
    quantity_e4: Quantity = field(name="cnt")  # 数量
    price_micro: Price = field(name="pric")  # 单价
    item_class: str = field(name="chrgitm_lv", default="")  # 收费项目等级
    code: str = field(name="hilist_code", default="")  # 医保目录编码
    name: str = field(name="hilist_name", default="")  # 医保目录名称
    list_kind: str = field(name="list_type", default="")  # 目录类别
    national_code: str = field(name="med_list_codg")  # 医疗目录编码
    own_code: str = field(name="medins_list_codg", default="")  # 医药机构目录编码
    own_name: str = field(name="medins_list_name", default="")  # 医药机构目录名称
    charge_category: str = field(name="med_chrgitm_type", default="")  # 医疗收费项目类别
    spec: str = field(name="spec", default="")  # 规格


class SettledLine(RecordedLine, frozen=True, kw_only=True):
    """One line of a settlement with its split."""

    visit_id: str = field(name="mdtrt_id", default="")  # 就诊ID
    settlement_id: str = field(name="setl_id", default="")  # 结算ID
    amount_fen: Fen = field(name="det_item_fee_sumamt")  # 明细项目费用总额
    ceiling_micro: Price | None = field(name="pric_uplmt_amt", default=None)  # 定价上限金额
    share_bp: Ratio | None = field(name="selfpay_prop", default=None)  # 自付比例
    full_self_fen: Fen | None = field(name="fulamt_ownpay_amt", default=None)  # 全自费金额
    over_limit_fen: Fen | None = field(name="overlmt_amt", default=None)  # 超限价金额
    pre_self_fen: Fen | None = field(name="preselfpay_amt", default=None)  # 先行自付金额
    in_scope_fen: Fen | None = field(name="inscp_scp_amt", default=None)  # 符合政策范围金额


class FeeLinesQueryOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 5204."""

    rows: tuple[SettledLine, ...] = field(name="data", default=())


class ChronicDrugsQuery(Node, frozen=True, kw_only=True):
    """`data` of 5205."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    began_at: str = field(name="begntime")  # 开始时间
    ended_at: str = field(name="endtime", default="")  # 结束时间


class ChronicDrugsQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5205."""

    query: ChronicDrugsQuery = field(name="data")


class ChronicDrug(RecordedLine, frozen=True, kw_only=True):
    """One drug taken for a chronic disease, at any institution."""

    institution_code: str = field(name="fixmedins_code", default="")  # 定点医药机构编号
    institution_name: str = field(name="fixmedins_name", default="")  # 定点医药机构名称
    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号


class ChronicDrugsQueryOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 5205: the node really is called `feedetail`."""

    rows: tuple[ChronicDrug, ...] = field(name="feedetail", default=())


class TotalsQuery(Node, frozen=True, kw_only=True):
    """`data` of 5206."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    month: str = field(name="cum_ym", default="")  # 累计年月, yyyyMM


class TotalsQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5206."""

    query: TotalsQuery = field(name="data")


class AccumulatedTotal(OutputNode, frozen=True, kw_only=True):
    """One accumulated value; its kind is of a list that every place has for itself."""

    insurance_type: str = field(name="insutype")  # 险种类型
    year: str = field(name="year")  # 年度
    month: str = field(name="cum_ym", default="")  # 累计年月
    kind: str = field(name="cum_type_code")  # 累计类别代码
    total_fen: Fen = field(name="cum")  # 累计值


class TotalsQueryOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 5206."""

    rows: tuple[AccumulatedTotal, ...] = field(name="cuminfo", default=())


class DesignatedQuery(Node, frozen=True, kw_only=True):
    """`data` of 5302."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    business: str = field(name="biz_appy_type")  # 业务申请类型, 03 designated institution


class DesignatedQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5302."""

    query: DesignatedQuery = field(name="data")


class DesignatedInstitution(OutputNode, frozen=True, kw_only=True):
    """One institution a person has chosen."""

    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    insurance_type: str = field(name="insutype", default="")  # 险种类型
    rank: str = field(name="fix_srt_no", default="")  # 定点排序号
    institution_code: str = field(name="fixmedins_code")  # 定点医药机构编号
    institution_name: str = field(name="fixmedins_name", default="")  # 定点医药机构名称
    began_on: str = field(name="begndate", default="")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    memo: str = field(name="memo", default="")  # 备注


class DesignatedQueryOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 5302."""

    rows: tuple[DesignatedInstitution, ...] = field(name="psnfixmedin", default=())


class PolicyItemsQuery(Node, frozen=True, kw_only=True):
    """`data` of 100001; its members are really spelt so."""

    person_no: Secret = field(name="psn_No")  # 人员编号
    settlement_id: str = field(name="setl_Id")  # 结算ID
    visit_id: str = field(name="mdtrt_Id")  # 就诊ID


class PolicyItemsQueryInput(Node, frozen=True, kw_only=True):
    """Input of 100001."""

    query: PolicyItemsQuery = field(name="data")


class PolicyItem(OutputNode, frozen=True, kw_only=True):
    """One rule that had a part in a settlement, and how much it gave."""

    settlement_id: str = field(name="setlId", default="")  # 结算ID
    visit_id: str = field(name="mdtrtId", default="")  # 就诊ID
    person_no: Secret = field(name="psnNo", default=Secret())  # 人员编号
    code: str = field(name="polItemCode")  # 政策项编码
    name: str = field(name="polItemName")  # 政策项名称
    self_fen: Fen | None = field(name="selfPayAmt", default=None)  # 自付金额
    self_bp: Ratio | None = field(name="selfPayProp", default=None)  # 自付比例
    fund_fen: Fen | None = field(name="fundPayAmt", default=None)  # 基金支付金额
    fund_bp: Ratio | None = field(name="fundPayProp", default=None)  # 基金支付比例
    sum_fen: Fen | None = field(name="polItemPaySum", default=None)  # 政策项支付合计


class PolicyItemsQueryOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 100001."""

    rows: tuple[PolicyItem, ...] = field(name="data", default=())
