"""1101 person information and 2001 benefit check (national interface, Hunan edition V1.1.27, 1101 and 2001)."""

from msgspec import field

from protocols.hub.blocks import Extended, ExtendedOutput, Node, OutputNode
from protocols.money import Age, Fen
from protocols.secret import Secret


class PersonQuery(Node, frozen=True, kw_only=True):
    """`data` of 1101: the medium, and the identity document where the profile sends it beside the medium (K29)."""

    medium_type: str = field(
        name="mdtrt_cert_type"
    )  # 就诊凭证类型, 01 e-certificate, 02 identity card, 03 card
    medium_no: Secret = field(name="mdtrt_cert_no")  # 就诊凭证编号: token, identity number or card number
    card_sn: Secret = field(name="card_sn", default=Secret())  # 卡识别码, needed with type 03
    began_at: str = field(name="begntime", default="")  # 开始时间
    document_type: str = field(name="psn_cert_type", default="")  # 人员证件类型, 01 identity card
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    name: Secret = field(name="psn_name", default=Secret())  # 人员姓名


class PersonInput(Node, frozen=True, kw_only=True):
    """Input of 1101."""

    query: PersonQuery = field(name="data")


class BaseInfo(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """`baseinfo` of 1101: who the person is."""

    person_no: Secret = field(name="psn_no")  # 人员编号, used in every later transaction
    document_type: str = field(name="psn_cert_type", default="")  # 人员证件类型
    document_no: Secret = field(name="certno")  # 证件号码
    name: Secret = field(name="psn_name")  # 人员姓名
    sex: str = field(name="gend", default="")  # 性别
    ethnic_group: str = field(name="naty", default="")  # 民族
    birth_date: Secret = field(name="brdy", default=Secret())  # 出生日期 yyyy-MM-dd
    age: Age | None = field(name="age", default=None)  # 年龄


class Insurance(OutputNode, frozen=True, kw_only=True):
    """One row of `insuinfo`: one scheme at one place."""

    balance_fen: Fen | None = field(name="balc", default=None)  # 余额, personal account
    insurance_type: str = field(name="insutype")  # 险种类型, 310 employee, 390 resident
    person_type: str = field(name="psn_type")  # 人员类别
    status: str = field(name="psn_insu_stas", default="")  # 人员参保状态, 1 normal
    insured_since: str = field(name="psn_insu_date", default="")  # 个人参保日期
    paused_since: str = field(name="paus_insu_date", default="")  # 暂停参保日期
    civil_servant: str = field(name="cvlserv_flag", default="")  # 公务员标志, 0/1
    insured_division: str = field(name="insuplc_admdvs")  # 参保地医保区划, for every later envelope
    employer: Secret = field(name="emp_name", default=Secret())  # 单位名称


class SpecialIdentity(OutputNode, frozen=True, kw_only=True):
    """One row of `idetinfo`: an assistance category."""

    category: str = field(name="psn_idet_type")  # 人员身份类别
    level: str = field(name="psn_type_lv", default="")  # 人员类别等级
    memo: str = field(name="memo", default="")  # 备注
    began_at: str = field(name="begntime", default="")  # 开始时间
    ended_at: str = field(name="endtime", default="")  # 结束时间


class PersonOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 1101."""

    base: BaseInfo = field(name="baseinfo")
    insurances: tuple[Insurance, ...] = field(name="insuinfo", default=())
    special_identities: tuple[SpecialIdentity, ...] = field(name="idetinfo", default=())

    def active_insurance(self, insurance_type: str = "") -> Insurance | None:
        """Return the row to settle under (status normal and, when asked for, of this scheme), or None."""
        for row in self.insurances:
            if row.status == "1" and insurance_type in ("", row.insurance_type):
                return row
        return None


class BenefitCheck(Extended, frozen=True, kw_only=True):
    """`data` of 2001: is this person entitled for this category in this period?"""

    person_no: Secret = field(name="psn_no")  # 人员编号
    insurance_type: str = field(name="insutype")  # 险种类型
    institution_code: str = field(name="fixmedins_code")  # 定点医药机构编号
    medical_category: str = field(name="med_type")  # 医疗类别
    began_at: str = field(name="begntime")  # 开始时间
    ended_at: str = field(name="endtime", default="")  # 结束时间
    disease_code: str = field(name="dise_codg", default="")  # 病种编码
    disease_name: str = field(name="dise_name", default="")  # 病种名称
    operation_code: str = field(name="oprn_oprt_code", default="")  # 手术操作代码
    operation_name: str = field(name="oprn_oprt_name", default="")  # 手术操作名称
    birth_category: str = field(name="matn_type", default="")  # 生育类别
    family_planning_category: str = field(name="birctrl_type", default="")  # 计划生育手术类别


class BenefitCheckInput(Node, frozen=True, kw_only=True):
    """Input of 2001."""

    check: BenefitCheck = field(name="data")


class Entitlement(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """One row of `trtinfo`: entitled or not, for one fund."""

    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    check_type: str = field(name="trt_chk_type", default="")  # 待遇检查类型, 01 fund check, 99 other
    fund_pay_type: str = field(name="fund_pay_type", default="")  # 基金支付类型
    entitled: str = field(name="trt_enjymnt_flag")  # 基金款项待遇享受标志, 1 entitled
    began_on: str = field(name="begndate", default="")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    reason: str = field(name="trt_chk_rslt", default="")  # 待遇检查结果, why not


class BenefitCheckOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 2001; `trtinfo` comes as a list or, when there is one row, as the row itself."""

    trtinfo: tuple[Entitlement, ...] | Entitlement = field(name="trtinfo", default=())

    @property
    def entitlements(self) -> tuple[Entitlement, ...]:
        """The rows, whichever way they came."""
        return (self.trtinfo,) if isinstance(self.trtinfo, Entitlement) else self.trtinfo
