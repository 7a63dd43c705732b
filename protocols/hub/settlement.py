"""The blocks every settlement answer is made of, and cancellation (national interface, Hunan edition V1.1.27).

`setlinfo`, `setldetail` and `detlcutinfo` are shared by 2101, 2102, 2103, 2206(A), 2207(A), 2208 and 5203; which
transaction fills which member differs, so everything that a settlement can do without is optional here. In the answer
of a cancellation every amount is negative; the ratio, the balance and the limit are not negated (money identity M13).
"""

import msgspec
from msgspec import field

from protocols.errors import MoneyError
from protocols.hub.blocks import Extended, ExtendedOutput, Node, OutputNode
from protocols.hub.profile import Profile
from protocols.money import Age, Fen, Price, Quantity, Ratio, Split
from protocols.secret import Secret


class SettlementInfo(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """`setlinfo`: one quote, settlement, or cancellation record. Amounts in fen."""

    visit_id: str = field(name="mdtrt_id")  # 就诊ID, issued by the hub
    settlement_id: str = field(name="setl_id", default="")  # 结算ID, none in a quote
    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    name: Secret = field(name="psn_name", default=Secret())  # 人员姓名
    document_type: str = field(name="psn_cert_type", default="")  # 人员证件类型
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    sex: str = field(name="gend", default="")  # 性别
    ethnic_group: str = field(name="naty", default="")  # 民族
    birth_date: Secret = field(name="brdy", default=Secret())  # 出生日期
    age: Age | None = field(name="age", default=None)  # 年龄
    insurance_type: str = field(name="insutype", default="")  # 险种类型
    person_type: str = field(name="psn_type", default="")  # 人员类别
    civil_servant: str = field(name="cvlserv_flag", default="")  # 公务员标志
    settled_at: str = field(name="setl_time", default="")  # 结算时间, null before settlement
    medium_type: str = field(name="mdtrt_cert_type", default="")  # 就诊凭证类型
    medical_category: str = field(name="med_type", default="")  # 医疗类别
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    self_paid_fen: Fen = field(name="fulamt_ownpay_amt")  # 全自费金额
    over_limit_fen: Fen = field(name="overlmt_selfpay")  # 超限价自费费用
    class_b_share_fen: Fen = field(name="preselfpay_amt")  # 先行自付金额
    policy_scope_fen: Fen = field(name="inscp_scp_amt")  # 符合政策范围金额
    deductible_fen: Fen | None = field(name="act_pay_dedc", default=None)  # 实际支付起付线
    pooled_fund_fen: Fen | None = field(name="hifp_pay", default=None)  # 基本医疗保险统筹基金支出
    pooled_ratio: Ratio | None = field(
        name="pool_prop_selfpay", default=None
    )  # 统筹基金支付比例 (name misleads)
    civil_servant_fen: Fen | None = field(name="cvlserv_pay", default=None)  # 公务员医疗补助资金支出
    enterprise_fen: Fen | None = field(name="hifes_pay", default=None)  # 企业补充医疗保险基金支出
    serious_illness_fen: Fen | None = field(name="hifmi_pay", default=None)  # 居民大病保险资金支出
    large_amount_fen: Fen | None = field(name="hifob_pay", default=None)  # 职工大额医疗费用补助基金支出
    assistance_fen: Fen | None = field(name="maf_pay", default=None)  # 医疗救助基金支出
    other_fund_fen: Fen | None = field(name="oth_pay", default=None)  # 其他支出
    disabled_veterans_fen: Fen | None = field(name="hifdm_pay", default=None)  # 伤残人员医疗保障基金支出
    fund_total_fen: Fen = field(name="fund_pay_sumamt")  # 基金支付总额
    psn_part_fen: Fen | None = field(name="psn_part_amt", default=None)  # 个人负担总金额; read `person_fen`
    psn_pay_fen: Fen | None = field(name="psn_pay", default=None)  # 个人支付金额, 5203's name of the same
    account_fen: Fen = field(name="acct_pay")  # 个人账户支出, mutual aid included
    mutual_aid_fen: Fen | None = field(name="acct_mulaid_pay", default=None)  # 个人账户共济支付金额
    psn_cash_fen: Fen | None = field(name="psn_cash_pay", default=None)  # 个人现金支出; read `cash_fen`
    pdn_cash_fen: Fen | None = field(
        name="pdn_cash_pay", default=None
    )  # the same, misspelt in the table of 2208
    cash_payamt_fen: Fen | None = field(
        name="cash_payamt", default=None
    )  # 现金支付金额, 5203's name of the same
    hospital_fen: Fen | None = field(name="hosp_part_amt", default=None)  # 医院负担金额
    balance_fen: Fen | None = field(name="balc", default=None)  # 余额 after this record
    echoed_message_id: str = field(name="medins_setl_id", default="")  # 医药机构结算ID = msgid of the request
    clearing_agency: str = field(name="clr_optins", default="")  # 清算经办机构
    clearing_way: str = field(name="clr_way", default="")  # 清算方式
    clearing_type: str = field(name="clr_type", default="")  # 清算类别
    # The query 5203 alone:
    pay_location: str = field(name="pay_loc", default="")  # 支付地点类别
    institution_code: str = field(name="fixmedins_code", default="")  # 定点医药机构编号
    institution_name: str = field(name="fixmedins_name", default="")  # 定点医药机构名称
    hospital_level: str = field(name="hosp_lv", default="")  # 医院等级
    began_on: str = field(name="begndate", default="")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    refunded: str = field(name="refd_setl_flag", default="")  # 退费结算标志, 1 = a cancellation record
    year: str = field(name="year", default="")  # 年度
    disease_code: str = field(name="dise_codg", default="")  # 病种编码
    disease_name: str = field(name="dise_name", default="")  # 病种名称
    invoice_no: str = field(name="invono", default="")  # 发票号
    operator_id: str = field(name="opter_id", default="")  # 经办人ID
    operator_name: str = field(name="opter_name", default="")  # 经办人姓名
    operated_at: str = field(name="opt_time", default="")  # 经办时间

    @property
    def person_fen(self) -> Fen:
        """What the person bears, account and cash together."""
        for amount in (self.psn_part_fen, self.psn_pay_fen):
            if amount is not None:
                return amount
        cash = self._stated_cash()
        if cash is None:
            raise MoneyError("neither the person's burden nor the cash is stated")
        return Fen(self.account_fen + cash)

    @property
    def cash_fen(self) -> Fen:
        """What the person pays in cash, whatever the member is called in this transaction."""
        cash = self._stated_cash()
        return Fen(self.person_fen - self.account_fen) if cash is None else cash

    def _stated_cash(self) -> Fen | None:
        for amount in (self.psn_cash_fen, self.pdn_cash_fen, self.cash_payamt_fen):
            if amount is not None:
                return amount
        return None


class FundPart(OutputNode, frozen=True, kw_only=True):
    """One row of `setldetail`. Rows of the personal account and of the institution occur here too (M9)."""

    fund_pay_type: str = field(name="fund_pay_type")  # 基金支付类型
    policy_scope_fen: Fen | None = field(name="inscp_scp_amt", default=None)  # 符合政策范围金额
    limit_left_fen: Fen | None = field(
        name="crt_payb_lmt_amt", default=None
    )  # 本次可支付限额金额, before this one
    paid_fen: Fen = field(name="fund_payamt")  # 基金支付金额
    fund_name: str = field(name="fund_pay_type_name", default="")  # 基金支付类型名称
    working: str = field(name="setl_proc_info", default="")  # 结算过程信息


class LineSplit(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """One row of `detlcutinfo` (2101, 2102) or `result` (2204): how one line is split."""

    line_no: str = field(name="feedetl_sn")  # 费用明细流水号
    amount_fen: Fen = field(name="det_item_fee_sumamt")  # 明细项目费用总额
    quantity: Quantity = field(name="cnt")  # 数量
    price: Price = field(name="pric")  # 单价
    price_limit: Price | None = field(name="pric_uplmt_amt", default=None)  # 定价上限金额, 999999 = none
    self_paid_ratio: Ratio | None = field(name="selfpay_prop", default=None)  # 自付比例
    self_paid_fen: Fen | None = field(name="fulamt_ownpay_amt", default=None)  # 全自费金额
    over_limit_fen: Fen | None = field(name="overlmt_amt", default=None)  # 超限价金额
    class_b_share_fen: Fen | None = field(name="preselfpay_amt", default=None)  # 先行自付金额
    policy_scope_fen: Fen | None = field(name="inscp_scp_amt", default=None)  # 符合政策范围金额
    catalogue_class: str = field(name="chrgitm_lv", default="")  # 收费项目等级, 01 A, 02 B, 03 C
    charge_category: str = field(name="med_chrgitm_type", default="")  # 医疗收费项目类别
    essential_medicine: str = field(name="bas_medn_flag", default="")  # 基本药物标志
    negotiated_drug: str = field(name="hi_nego_drug_flag", default="")  # 医保谈判药品标志
    children_medicine: str = field(name="chld_medc_flag", default="")  # 儿童用药标志
    special_item: str = field(name="list_sp_item_flag", default="")  # 目录特项标志
    restricted_use: str = field(name="lmt_used_flag", default="")  # 限制使用标志, 2204 only
    direct_report: str = field(name="drt_reim_flag", default="")  # 直报标志
    memo: str = field(name="memo", default="")  # 备注
    hospital_fen: Fen | None = field(name="hosp_part_amt", default=None)  # 医院负担金额, 2101 only


class SettlementOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 2206A, 2207A, 2103, 2208 and 5203."""

    info: SettlementInfo = field(name="setlinfo")
    funds: tuple[FundPart, ...] = field(name="setldetail", default=())


class Cancellation(Extended, frozen=True, kw_only=True):
    """`data` of 2103 and 2208: always a whole settlement, by the ids its answer gave."""

    settlement_id: str = field(name="setl_id")  # 结算ID
    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    person_no: Secret = field(name="psn_no")  # 人员编号


class CancellationInput(Node, frozen=True, kw_only=True):
    """Input of 2103 and 2208."""

    cancellation: Cancellation = field(name="data")


def in_our_terms(info: SettlementInfo, profile: Profile) -> SettlementInfo:
    """Return the record with relatives' money inside the account payment, wherever this hub counts it (K41)."""
    if profile.money.mutual_aid == "inside" or info.mutual_aid_fen is None:
        return info
    return msgspec.structs.replace(info, account_fen=Fen(info.account_fen + info.mutual_aid_fen))


def settlement_split(info: SettlementInfo, profile: Profile) -> Split:
    """Return who pays this quote or settlement; raises `MoneyError` when its amounts do not add up."""
    return _split(info, profile, 1)


def cancellation_split(info: SettlementInfo, profile: Profile) -> Split:
    """Return who gets back what by this cancellation record, as positive amounts; raises `MoneyError`."""
    return _split(info, profile, -1)


def fund_only_fen(info: SettlementInfo, profile: Profile) -> Fen:
    """Return the fund money of a record, without the account where a province counts it in (K42)."""
    if profile.money.fund_sum == "with_account":
        return Fen(info.fund_total_fen - info.account_fen)
    return info.fund_total_fen


def _split(info: SettlementInfo, profile: Profile, sign: int) -> Split:
    return Split(
        total_fen=sign * info.total_fen,
        fund_fen=sign * fund_only_fen(info, profile),
        account_fen=sign * info.account_fen,
        cash_fen=sign * info.cash_fen,
        mutual_aid_fen=sign * (info.mutual_aid_fen or 0),
        hospital_fen=sign * (info.hospital_fen or 0),
    )
