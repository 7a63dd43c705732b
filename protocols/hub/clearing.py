"""Clearing: 3203 application and 3204 its withdrawal; 3260 to 3262 the month's records of other places' people.

National interface, Hunan edition V1.1.27 (3203 is marked obsolete there: institutions apply on the portal; other
provinces go on with it, profile key `recon.clearing`). 3260 to 3262 are as two client code bases write them.
"""

from msgspec import field

from protocols.hub.blocks import Node, OutputNode
from protocols.money import Fen
from protocols.secret import Secret


class Application(Node, frozen=True, kw_only=True):
    """`data` of 3203: the sums of one clearing category and method over a month."""

    clearing_type: str = field(name="clr_type")  # 清算类别
    clearing_way: str = field(name="clr_way", default="")  # 清算方式
    month: str = field(name="setlym")  # 清算年月, yyyyMM
    count: int = field(name="psntime")  # 清算人次, settlements less those undone (K84)
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    recognised_fen: Fen = field(name="med_sumfee")  # 医保认可费用总额, the whole total (K84)
    fund_fen: Fen = field(name="fund_appy_sum")  # 基金申报总额
    cash_fen: Fen = field(name="cash_payamt")  # 现金支付金额
    account_fen: Fen = field(name="acct_pay")  # 个人账户支出
    began_on: str = field(name="begndate")  # 开始日期
    ended_on: str = field(name="enddate")  # 结束日期


class ApplicationInput(Node, frozen=True, kw_only=True):
    """Input of 3203."""

    application: Application = field(name="data")


class Applied(OutputNode, frozen=True, kw_only=True):
    """`result` of 3203."""

    event_id: str = field(name="clr_appy_evt_id")  # 机构清算申请事件ID


class ApplicationOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 3203."""

    result: Applied = field(name="result")


class Withdrawal(Node, frozen=True, kw_only=True):
    """`data` of 3204."""

    event_id: str = field(name="clr_appy_evt_id")  # 机构清算申请事件ID


class WithdrawalInput(Node, frozen=True, kw_only=True):
    """Input of 3204; nothing is answered."""

    withdrawal: Withdrawal = field(name="data")


class FarQuery(Node, frozen=True, kw_only=True):
    """`data` of 3260; answers come in pages of the hub's own size."""

    year: str = field(name="trt_year")  # 年
    month: str = field(name="trt_month")  # 月, two digits
    first_row: int = field(name="startrow")  # 起始行, from 1


class FarQueryInput(Node, frozen=True, kw_only=True):
    """Input of 3260."""

    query: FarQuery = field(name="data")


class FarRecord(OutputNode, frozen=True, kw_only=True):
    """One record of a person insured elsewhere, as their place sees it."""

    number: str = field(name="seqno", default="")  # 序号
    place_of_care: str = field(name="mdtrtarea", default="")  # 就医地
    institution_code: str = field(name="medins_no", default="")  # 医疗机构编号
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    visit_id: str = field(name="mdtrt_id", default="")  # 就诊ID
    settled_at: str = field(name="mdtrt_setl_time", default="")  # 就诊结算时间
    settlement_id: str = field(name="setl_sn")  # 结算流水号
    paid_in_advance: str = field(name="fulamt_advpay_flag", default="")  # 全额垫付标志
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    agency_fen: Fen = field(name="optins_pay_sumamt")  # 经办机构支付总额


class FarQueryOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 3260."""

    records: tuple[FarRecord, ...] = field(name="data", default=())


class FarMonth(Node, frozen=True, kw_only=True):
    """`data` of 3261: the month and how many rows are answered."""

    year: str = field(name="trt_year")  # 年
    month: str = field(name="trt_month")  # 月
    rows: int = field(name="totalrow")  # 总行数, of this message


class Confirmed(Node, frozen=True, kw_only=True):
    """One row of `detail` of 3261."""

    document_no: Secret = field(name="certno")  # 证件号码
    visit_id: str = field(name="mdtrt_id")  # 就诊ID
    settled_at: str = field(name="mdtrt_setl_time")  # 就诊结算时间
    settlement_id: str = field(name="setl_sn")  # 结算流水号
    total_fen: Fen = field(name="medfee_sumamt")  # 医疗费总额
    agency_fen: Fen = field(name="optins_pay_sumamt")  # 经办机构支付总额
    agreed: str = field(name="cnfm_flag")  # 确认标志, 1 agreed, 0 not (K84)


class ConfirmationInput(Node, frozen=True, kw_only=True):
    """Input of 3261; nothing is answered."""

    month: FarMonth = field(name="data")
    rows: tuple[Confirmed, ...] = field(name="detail")


class TakingBack(Node, frozen=True, kw_only=True):
    """`data` of 3262."""

    year: str = field(name="trt_year")  # 年
    month: str = field(name="trt_month")  # 月
    original: str = field(name="otransid", default="0")  # 原交易号; clients send 0


class TakingBackInput(Node, frozen=True, kw_only=True):
    """Input of 3262; nothing is answered."""

    taking_back: TakingBack = field(name="data")
