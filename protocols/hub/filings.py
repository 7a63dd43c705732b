"""Filings of a person: 2501 transfer, 2503 chronic disease, 2505 designated institution; 2502, 2504, 2506 withdraw; 5304 asks.

National interface, Hunan edition V1.1.27, filing and queries. They move no money; what is filed decides what the fund pays
later. 2507 (accident) is known by name only and is not here.
"""

from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import Day, Extended, ExtendedOutput, Flag, Moment, Node, OutputNode
from protocols.hub.records import RowsOutput
from protocols.secret import Secret


class Transfer(Node, frozen=True, kw_only=True):
    """`refmedin` of 2501: a transfer, or care in another city (kind 2) or province (3)."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    insurance_type: str = field(name="insutype", default="")  # 险种类型
    telephone: Secret = field(name="tel", default=Secret())  # 联系电话
    address: Secret = field(name="addr", default=Secret())  # 联系地址
    insured_agency: str = field(name="insu_optins", default="")  # 参保机构医保区划
    diagnosis_code: str = field(name="diag_code")  # 诊断代码
    diagnosis_name: str = field(name="diag_name")  # 诊断名称
    condition: str = field(name="dise_cond_dscr", default="")  # 疾病病情描述
    receiving_code: str = field(name="reflin_medins_no")  # 转往定点医药机构编号
    receiving_name: str = field(name="reflin_medins_name")  # 转往医院名称
    care_division: str = field(name="mdtrtarea_admdvs")  # 就医地行政区划
    hospital_agrees: Flag | UnsetType = field(name="hosp_agre_refl_flag", default=UNSET)  # 医院同意转院标志
    kind: str = field(name="refl_type")  # 转院类型, 1 within the city, 2 other city, 3 other province
    transferred_on: Day = field(name="refl_date")  # 转院日期
    reason: str = field(name="refl_rea")  # 转院原因
    opinion: str = field(name="refl_opnn")  # 转院意见
    began_on: Day | UnsetType = field(name="begndate", default=UNSET)  # 开始日期
    ended_on: Day | UnsetType = field(name="enddate", default=UNSET)  # 结束日期
    former_visit_id: str = field(name="refl_old_mdtrt_id", default="")  # 转院前就诊id
    used: str = field(name="refl_used_flag", default="")  # 转诊使用标志


class TransferInput(Node, frozen=True, kw_only=True):
    """Input of 2501."""

    filing: Transfer = field(name="refmedin")


class FiledUnder(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """`result` of 2501, 2503 and 2505."""

    serial: str = field(name="trt_dcla_detl_sn")  # 待遇申报明细流水号


class FilingOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 2501, 2503 and 2505."""

    filed: FiledUnder = field(name="result")


class ChronicApplication(Extended, frozen=True, kw_only=True):
    """`data` of 2503; the agency examines it, 5301 shows the result."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    insurance_type: str = field(name="insutype")  # 险种类型
    disease_code: str = field(name="opsp_dise_code")  # 门慢门特病种目录代码
    disease_name: str = field(name="opsp_dise_name")  # 门慢门特病种名称
    telephone: Secret = field(name="tel", default=Secret())  # 联系电话
    address: Secret = field(name="addr", default=Secret())  # 联系地址
    insured_agency: str = field(name="insu_optins")  # 参保机构医保区划
    certifying_code: str = field(name="ide_fixmedins_no")  # 鉴定定点医药机构编号
    certifying_name: str = field(name="ide_fixmedins_name")  # 鉴定定点医药机构名称
    certified_on: Day = field(name="hosp_ide_date")  # 医院鉴定日期
    doctor_code: str = field(name="diag_dr_codg")  # 诊断医师编码
    doctor_name: str = field(name="diag_dr_name")  # 诊断医师姓名
    began_on: Day = field(name="begndate")  # 开始日期
    ended_on: Day | UnsetType = field(name="enddate", default=UNSET)  # 结束日期
    serial: str = field(name="trt_dcla_detl_sn", default="")  # 待遇申报明细流水号
    supplement: str = field(name="selfdef_splm_flag", default="")  # 自定义补充标志
    memo: str = field(name="memo", default="")  # 备注


class ChronicApplicationInput(Node, frozen=True, kw_only=True):
    """Input of 2503."""

    filing: ChronicApplication = field(name="data")


class InstitutionChoice(Extended, frozen=True, kw_only=True):
    """`data` of 2505."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    telephone: Secret = field(name="tel", default=Secret())  # 联系电话
    address: Secret = field(name="addr", default=Secret())  # 联系地址
    business: str = field(name="biz_appy_type")  # 业务申请类型, 03 a designated institution
    began_on: Day = field(name="begndate")  # 开始日期
    ended_on: Day | UnsetType = field(name="enddate", default=UNSET)  # 结束日期
    agent_name: Secret = field(name="agnter_name", default=Secret())  # 代办人姓名
    agent_document_type: str = field(name="agnter_cert_type", default="")  # 代办人证件类型
    agent_document_no: Secret = field(name="agnter_certno", default=Secret())  # 代办人证件号码
    agent_telephone: Secret = field(name="agnter_tel", default=Secret())  # 代办人联系方式
    agent_address: Secret = field(name="agnter_addr", default=Secret())  # 代办人联系地址
    agent_relation: str = field(name="agnter_rlts", default="")  # 代办人关系
    rank: str = field(name="fix_srt_no")  # 定点排序号, among those chosen for that business
    institution_code: str = field(name="fixmedins_code")  # 定点医药机构编号
    institution_name: str = field(name="fixmedins_name")  # 定点医药机构名称
    memo: str = field(name="memo", default="")  # 备注


class InstitutionChoiceInput(Node, frozen=True, kw_only=True):
    """Input of 2505."""

    filing: InstitutionChoice = field(name="data")


class FilingWithdrawal(Node, frozen=True, kw_only=True):
    """`data` of 2502, 2504 (not yet examined ones only) and 2506."""

    serial: str = field(name="trt_dcla_detl_sn")  # 待遇申报明细流水号
    person_no: Secret = field(name="psn_no")  # 人员编号
    memo: str = field(name="memo", default="")  # 备注; 2504 and 2506 ask for it


class FilingWithdrawalInput(Node, frozen=True, kw_only=True):
    """Input of 2502, 2504 and 2506."""

    withdrawal: FilingWithdrawal = field(name="data")


class TransfersQuery(Node, frozen=True, kw_only=True):
    """`data` of 5304."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    began_at: Moment = field(name="begntime")  # 开始时间
    ended_at: Moment | UnsetType = field(name="endtime", default=UNSET)  # 结束时间


class TransfersQueryInput(Node, frozen=True, kw_only=True):
    """Input of 5304."""

    query: TransfersQuery = field(name="data")


class FiledTransfer(OutputNode, frozen=True, kw_only=True):
    """One row of `refmedin` of 5304: of its 26 members those that are published, under the names they have in 2501."""

    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    insurance_type: str = field(name="insutype", default="")  # 险种类型
    out_of_area: str = field(name="out_flag", default="")  # 异地标志
    receiving_code: str = field(name="reflin_medins_no", default="")  # 转往定点医药机构编号
    receiving_name: str = field(name="reflin_medins_name", default="")  # 转往医院名称
    care_division: str = field(name="mdtrtarea_admdvs", default="")  # 就医地行政区划
    kind: str = field(name="refl_type", default="")  # 转院类型
    transferred_on: str = field(name="refl_date", default="")  # 转院日期
    began_on: str = field(name="begndate", default="")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期


class TransfersQueryOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 5304; no rows = no transfer filed in that time."""

    rows: tuple[FiledTransfer, ...] = field(name="refmedin", default=())
