"""Queries that change nothing: 5201 visits, 5203 settlement, 5301 chronic filings.

National interface, Hunan edition V1.1.27. 5203 needs the settlement id, so it cannot find a settlement whose answer
was lost; 5201 finds a visit, never a settlement (decision K63).
"""

from msgspec import field

from protocols.hub.blocks import ExtendedOutput, Node, OutputNode
from protocols.money import Age
from protocols.secret import Secret


class VisitQuery(Node, frozen=True, kw_only=True):
    """`data` of 5201: own institution only."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    began_at: str = field(name="begntime")  # 开始时间
    ended_at: str = field(name="endtime")  # 结束时间
    medical_category: str = field(name="med_type")  # 医疗类别
    visit_id: str = field(name="mdtrt_id", default="")  # 就诊ID


class VisitQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5201."""

    query: VisitQuery = field(name="data")


class Visit(OutputNode, frozen=True, kw_only=True):
    """One row of `mdtrtinfo` of 5201: what a terminal needs of its 61 members, the others are ignored."""

    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    person_no: Secret = field(name="psn_no")  # 人员编号
    document_type: str = field(name="psn_cert_type", default="")  # 人员证件类型
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    name: Secret = field(name="psn_name", default=Secret())  # 人员姓名
    sex: str = field(name="gend", default="")  # 性别
    ethnic_group: str = field(name="naty", default="")  # 民族
    birth_date: Secret = field(name="brdy", default=Secret())  # 出生日期
    age: Age | None = field(name="age", default=None)  # 年龄
    insurance_type: str = field(name="insutype", default="")  # 险种类型
    person_type: str = field(name="psn_type", default="")  # 人员类别
    civil_servant: str = field(name="cvlserv_flag", default="")  # 公务员标志
    insured_agency: str = field(name="insu_optins", default="")  # 参保机构医保区划
    employer: Secret = field(name="emp_name", default=Secret())  # 单位名称
    began_at: str = field(name="begntime", default="")  # 开始时间
    ended_at: str = field(name="endtime", default="")  # 结束时间
    medium_type: str = field(name="mdtrt_cert_type", default="")  # 就诊凭证类型
    medical_category: str = field(name="med_type", default="")  # 医疗类别
    own_visit_no: str = field(name="ipt_otp_no", default="")  # 住院/门诊号
    doctor_code: str = field(name="atddr_no", default="")  # 主治医生编码
    doctor_name: str = field(name="chfpdr_name", default="")  # 主诊医师姓名
    department_code: str = field(name="adm_dept_codg", default="")  # 入院科室编码
    department_name: str = field(name="adm_dept_name", default="")  # 入院科室名称
    main_complaint: str = field(name="main_cond_dscr", default="")  # 主要病情描述
    disease_code: str = field(name="dise_codg", default="")  # 病种编码
    disease_name: str = field(name="dise_name", default="")  # 病种名称
    operator_id: str = field(name="opter_id", default="")  # 经办人ID
    operator_name: str = field(name="opter_name", default="")  # 经办人姓名
    operated_at: str = field(name="opt_time", default="")  # 经办时间
    memo: str = field(name="memo", default="")  # 备注


class VisitQueryOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 5201; no rows = no visit."""

    visits: tuple[Visit, ...] = field(name="mdtrtinfo", default=())


class SettlementQuery(Node, frozen=True, kw_only=True):
    """`data` of 5203."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    settlement_id: str = field(name="setl_id")  # 结算ID
    visit_id: str = field(name="mdtrt_id")  # 就诊ID


class SettlementQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5203. Output: `settlement.SettlementOutput`."""

    query: SettlementQuery = field(name="data")


class ChronicQuery(Node, frozen=True, kw_only=True):
    """`data` of 5301."""

    person_no: Secret = field(name="psn_no")  # 人员编号


class ChronicQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5301."""

    query: ChronicQuery = field(name="data")


class ChronicFiling(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """One filing in force."""

    disease_code: str = field(name="opsp_dise_code")  # 门慢门特病种目录代码, M0xxxx
    disease_name: str = field(name="opsp_dise_name")  # 门慢门特病种名称
    began_on: str = field(name="begndate", default="")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期


class ChronicQueryOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 5301: the node really is called `feedetail`; no rows = no filing."""

    filings: tuple[ChronicFiling, ...] = field(name="feedetail", default=())
