"""Values the benefit engine takes and gives.

Money is integer fen (`_fen`), a ratio a whole number of 1/10000 (`_bp`, 7000 = 70 %), a price integer millionths
of a yuan (`_micro`: prices may carry six decimals on the wire), a quantity integer ten-thousandths (`_e4`).
All values are frozen; the mappings inside are never changed in place. Every money field names its wire
field of `setlinfo`, `setldetail` or the line answer (national interface, Hunan edition V1.1.27, 2102 and 2204).
"""

import datetime
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

InstitutionKind = Literal["pharmacy", "primary", "tier2", "tier3"]
"""Level of an institution, which decides ratio, deductible and price ceiling. Primary includes village clinics."""

INSTITUTION_KINDS: Final[tuple[InstitutionKind, ...]] = ("pharmacy", "primary", "tier2", "tier3")

VisitKind = Literal[
    "pharmacy",  # med_type 41
    "outpatient",  # 11
    "emergency",  # 13
    "chronic",  # 14 and its sub-codes
    "maternity",  # 51
    "two_disease",  # 9901
    "special_drug",  # 9904: only negotiated drugs are pooled
]
"""What the visit is for. The hub's profile maps the wire's `med_type` to it (its codes differ by province)."""

VISIT_KINDS: Final[tuple[VisitKind, ...]] = (
    "pharmacy",
    "outpatient",
    "emergency",
    "chronic",
    "maternity",
    "two_disease",
    "special_drug",
)

BenefitKind = Literal["acct_only", "op", "two", "chr", "mat", "nego_only"]
"""How the pool treats the main bucket: not at all (`acct_only`, `nego_only`) or by the rule of that name."""

Area = Literal["local", "intra", "long_term", "referral", "emergency", "unfiled"]
"""Filing situation of the visit: in the insured city, elsewhere in its province, or outside it with that filing."""

AREAS: Final[tuple[Area, ...]] = ("local", "intra", "long_term", "referral", "emergency", "unfiled")
AREAS_INSIDE_PROVINCE: Final = frozenset({"local", "intra"})

AccountUse = Literal["none", "own", "family"]
"""Which personal accounts may pay: none, the person's own, or the own one and then the bound relatives'.

The hub maps `acct_used_flag` to it: in mode `auto` 0 = none, 1 = family; in mode `explicit` 1 = own, 2 = family (K40).
"""

Bucket = Literal["main", "nego"]

EMPLOYEE: Final = "310"
"""`insutype` of employee insurance. Only employees have an own personal account."""
RESIDENT: Final = "390"
"""`insutype` of resident insurance."""
INSUTYPES: Final = (EMPLOYEE, RESIDENT)

CATEGORIES: Final[Mapping[str, str]] = {
    "extremely_poor": "特困人员",
    "orphan": "孤儿",
    "de_facto_unattended": "事实无人抚养儿童",
    "low_income": "低保对象",
    "low_margin": "低保边缘对象",
    "return_poverty": "返贫致贫人口",
    "poverty_monitored": "防止返贫监测对象",
    "lifted_poverty": "脱贫人口",
}
"""Assistance categories (`psn_idet_type`) with their Chinese names."""

FUND_EMPLOYEE_POOL: Final = "310100"
FUND_ACCOUNT: Final = "310200"
FUND_CIVIL_SERVANT: Final = "320100"
FUND_LARGE_AMOUNT: Final = "330100"
FUND_ENTERPRISE: Final = "370100"
FUND_RESIDENT_POOL: Final = "390100"
FUND_SERIOUS_ILLNESS: Final = "390200"
FUND_ASSISTANCE: Final = "610100"
FUND_OTHER: Final = "999109"
"""Further layers and public money of an epidemic. No national code exists; this one is ours (K26)."""

FUND_NAMES: Final[Mapping[str, str]] = {
    FUND_EMPLOYEE_POOL: "职工基本医疗保险统筹基金",
    FUND_ACCOUNT: "职工基本医疗保险个人账户",
    FUND_CIVIL_SERVANT: "公务员医疗补助基金",
    FUND_LARGE_AMOUNT: "职工大额医疗费用补助基金",
    FUND_ENTERPRISE: "企业补充医疗保险基金",
    FUND_RESIDENT_POOL: "城乡居民基本医疗保险统筹基金",
    FUND_SERIOUS_ILLNESS: "城乡居民大病医疗保险资金",
    FUND_ASSISTANCE: "医疗救助基金",
    FUND_OTHER: "其他保障资金",
}
"""Text of `fund_pay_type_name` by `fund_pay_type`."""

RefusalCode = Literal[
    "WAITING_PERIOD",
    "INST_NOT_NETWORKED",
    "DISEASE_NOT_REGISTERED",
    "USE_CHRONIC",
    "XPROV_TWO_NOT_OPEN",
    "XPROV_DISEASE_NOT_OPEN",
    "BENEFIT_NOT_OPEN",
    "LATER_SETTLEMENT_EXISTS",
    "ALREADY_REVERSED",
    "SETL_NOT_FOUND",
]

REFUSAL_TEXTS: Final[Mapping[RefusalCode, tuple[str, str]]] = {
    "WAITING_PERIOD": ("待遇等待期未满", "The waiting period is not over"),
    "INST_NOT_NETWORKED": (
        "本机构未开通异地就医直接结算",
        "This institution is not open for settlement outside the insured place",
    ),
    "DISEASE_NOT_REGISTERED": ("参保人未登记该病种", "The person is not registered for this disease"),
    "USE_CHRONIC": (
        "该病种已办理门诊慢特病，请按慢特病结算",
        "The disease is registered as chronic: settle it as a chronic visit",
    ),
    "XPROV_TWO_NOT_OPEN": (
        "两病待遇未开通跨省结算",
        "The two-disease benefit is not open outside the province",
    ),
    "XPROV_DISEASE_NOT_OPEN": (
        "该病种未开通跨省结算",
        "This disease is not open for settlement outside the province",
    ),
    "BENEFIT_NOT_OPEN": (
        "参保地待遇清单无此项待遇",
        "The benefit list of the insured place has no such benefit",
    ),
    "LATER_SETTLEMENT_EXISTS": ("存在后续结算，请先撤销后续结算", "Cancel the later settlement first"),
    "ALREADY_REVERSED": ("该笔结算已撤销", "The settlement is already cancelled"),
    "SETL_NOT_FOUND": ("未找到该笔结算", "No such settlement"),
}
"""Chinese and English words for each refusal. The hub appends the code in brackets to its `err_msg`."""


class Line(msgspec.Struct, frozen=True):
    """One line of a charge sheet as the institution entered it."""

    item: str
    """Item id of the catalogue (`Catalogue.item_of_code` finds it for a wire code)."""
    quantity_e4: int
    """`cnt`, in ten-thousandths."""
    price_micro: int
    """`pric`, in millionths of a yuan: 1 fen = 10,000."""
    indication_ok: bool = False
    """The restricted indication was confirmed (`hosp_appr_flag` 1)."""


class Institution(msgspec.Struct, frozen=True):
    """What the hub's institution record says about the place of care."""

    kind: InstitutionKind
    dual_channel: bool = False
    networked: bool = True
    """Open for direct settlement of people insured outside the province."""


class Visit(msgspec.Struct, frozen=True):
    """One settlement's circumstances. All its lines share one fee date."""

    place: str
    """Catalogue place (id of the policy set of the place of treatment)."""
    institution: Institution
    kind: VisitKind
    fee_date: datetime.date
    """Fixes benefit year, policy version, month of the chronic deductible and catalogue version."""
    area: Area = "local"
    account_use: AccountUse = "none"
    disease: str = ""
    """Disease code for `chronic` and `two_disease`, as the policy set spells it; else empty."""
    rx_pooled: bool = False
    """A pharmacy purchase on a pooled prescription (统筹处方)."""
    nego_approved: bool = False
    """The person's use of the negotiated drugs on the sheet was approved (filing 32)."""
    epidemic: bool = False


class Enrolment(msgspec.Struct, frozen=True):
    """Facts for the waiting period (R43)."""

    paid_on: datetime.date
    in_window: bool = False
    """Joined inside the yearly collection period."""
    employee_gap_months: int | None = None
    """Whole months since employee insurance stopped; None when there was none."""
    newborn_birth: datetime.date | None = None
    lapsed_years: int = 0


class Person(msgspec.Struct, frozen=True):
    """What the insured place knows about the person on the fee date."""

    insutype: str
    """`310` employee, `390` resident."""
    psn_type: str
    """11 in service, 12 retired, a resident type, or `*` for any resident."""
    categories: tuple[str, ...] = ()
    """Assistance categories valid on the fee date (keys of `CATEGORIES`)."""
    chronic: tuple[str, ...] = ()
    """Registered chronic diseases (5301)."""
    two_disease: tuple[str, ...] = ()
    """Registered two-disease codes."""
    signed_doctor: bool = False
    civil_servant: bool = False
    enterprise: bool = False
    """Takes part in an enterprise supplementary insurance."""
    layers: tuple[str, ...] = ()
    """Ids of further layers the person joined."""
    enrolment: Enrolment | None = None
    """None when no waiting period can apply (employees, long-standing members)."""


class Relative(msgspec.Struct, frozen=True):
    """A relative's account bound for mutual aid (共济)."""

    owner: str
    balance_fen: int


class AccountState(msgspec.Struct, frozen=True):
    """The person's own account and the bound relatives' in the order they are used."""

    balance_fen: int = 0
    relatives: tuple[Relative, ...] = ()


class LayerAccumulator(msgspec.Struct, frozen=True):
    """Yearly base and payments of one further layer."""

    base_fen: int = 0
    pay_fen: int = 0


class Accumulators(msgspec.Struct, frozen=True):
    """Sums of one person, policy set and benefit year; also the change one settlement makes to them.

    A missing key means 0, and a key whose sum comes to 0 is dropped.
    """

    year: int
    deductible_op_fen: int = 0
    """dedc_op: yearly out-patient deductible paid."""
    deductible_chr_fen: Mapping[str, int] = {}
    """dedc_chr_month: monthly chronic deductible paid, by YYYY-MM."""
    pool_op_fen: int = 0
    pool_two_fen: Mapping[str, int] = {}
    """By two-disease code."""
    pool_chr_fen: Mapping[str, int] = {}
    """By chronic disease code."""
    pool_mat_fen: int = 0
    """Maternity, per pregnancy: the ledger clears it when a new pregnancy is filed."""
    pool_all_fen: int = 0
    """All payments of the basic fund, in-patient included."""
    si_base_fen: int = 0
    """Counted burden before any serious-illness payment."""
    si_pay_fen: int = 0
    enterprise_pay_fen: int = 0
    civil_pay_fen: int = 0
    aid_base_fen: int = 0
    aid_pay_fen: int = 0
    """Medical assistance, out-patient and in-patient together."""
    layers: Mapping[str, LayerAccumulator] = {}


class LineResult(msgspec.Struct, frozen=True):
    """How one line was split. `amount = full_self + over_limit + pre_self + in_scope`."""

    item: str
    amount_fen: int
    """det_item_fee_sumamt"""
    charge_class: Literal["01", "02", "03"]
    """chrgitm_lv: class A, B, C."""
    full_self_fen: int
    """fulamt_ownpay_amt"""
    over_limit_fen: int
    """overlmt_amt"""
    pre_self_fen: int
    """preselfpay_amt: class-B share and out-of-area share."""
    in_scope_fen: int
    """inscp_scp_amt"""
    bucket: Bucket
    share_bp: int
    """selfpay_prop: class-B share of the catalogue; 10000 for a line that is wholly self-paid."""
    ceiling_fen: int | None
    """pric_uplmt_amt per unit; None = no ceiling (999999 on the wire, K47)."""
    negotiated: bool
    """hi_nego_drug_flag"""
    limit_used: bool
    """lmt_used_flag: a drug with a restricted indication whose indication was confirmed."""


class FundRow(msgspec.Struct, frozen=True):
    """One row of `setldetail`: what one fund paid. Rows of 0 are left out."""

    fund_pay_type: str
    amount_fen: int
    """fund_payamt"""
    in_scope_fen: int
    """inscp_scp_amt: the amount the fund's ratio was applied to; 0 for the account."""
    limit_left_fen: int | None
    """crt_payb_lmt_amt: rest of the tightest limit before this payment; None = no limit."""


class RelativePayment(msgspec.Struct, frozen=True):
    """What one relative's account paid."""

    owner: str
    amount_fen: int


class Result(msgspec.Struct, frozen=True):
    """A settlement or, with every amount negated, its cancellation."""

    kind: BenefitKind
    total_fen: int
    """medfee_sumamt"""
    full_self_fen: int
    """fulamt_ownpay_amt"""
    over_limit_fen: int
    """overlmt_selfpay"""
    pre_self_fen: int
    """preselfpay_amt"""
    in_scope_fen: int
    """inscp_scp_amt: policy scope before the deductible."""
    deductible_fen: int
    """act_pay_dedc"""
    pool_fen: int
    """hifp_pay"""
    pool_ratio_bp: int
    """pool_prop_selfpay, which despite its name is the fund's ratio. Not negated in a cancellation."""
    civil_servant_fen: int
    """cvlserv_pay"""
    enterprise_fen: int
    """hifes_pay"""
    serious_illness_fen: int
    """hifmi_pay (residents)"""
    large_amount_fen: int
    """hifob_pay (employees)"""
    disabled_fen: int
    """hifdm_pay: not modelled, 0."""
    assistance_fen: int
    """maf_pay"""
    other_fen: int
    """oth_pay: further layers and the epidemic's public money."""
    fund_fen: int
    """fund_pay_sumamt: the funds above without the personal account."""
    person_fen: int
    """psn_part_amt"""
    account_fen: int
    """acct_pay: own account plus relatives."""
    mutual_aid_fen: int
    """acct_mulaid_pay: the relatives' part of `account_fen`."""
    cash_fen: int
    """psn_cash_pay"""
    hospital_fen: int
    """hosp_part_amt: not modelled, 0."""
    balance_fen: int
    """balc: own account after this step. Not negated in a cancellation."""
    lines: tuple[LineResult, ...]
    funds: tuple[FundRow, ...]
    relatives_paid: tuple[RelativePayment, ...]
    contributions: Accumulators
    """Change to the accumulators of its own `year`; `engine.accumulate` applies it."""
    account_after: AccountState

    @property
    def ratio_text(self) -> str:
        """`pool_prop_selfpay` as the wire wants it: four decimals, e.g. `0.7000`."""
        return f"{self.pool_ratio_bp // 10_000}.{self.pool_ratio_bp % 10_000:04d}"


class Refusal(msgspec.Struct, frozen=True):
    """The hub refuses; nothing changed."""

    code: RefusalCode
    begins_on: datetime.date | None = None
    """First day of entitlement, for WAITING_PERIOD."""

    @property
    def texts(self) -> tuple[str, str]:
        """Chinese and English words for the operator, without the code."""
        return REFUSAL_TEXTS[self.code]


class Rules(msgspec.Struct, frozen=True):
    """Switches of the hub that no policy set carries."""

    xprov_diseases: frozenset[str] = frozenset(
        {"M03900", "M01600", "M00500", "M00503", "M00504", "M07801", "M07803", "M07804", "M08300"}
    )
    """Chronic diseases open outside the province: the five groups of 2022 (K25, K25b)."""
    rural_low_income: frozenset[str] = frozenset(CATEGORIES)
    """Categories exempt from the waiting period (R35, R43)."""
    mutual_aid_outside_province: bool = False
    cancellation_order: bool = True
    """Refuse to cancel an earlier settlement while a later one stands (K46)."""
    year_close_month: int = 3
    year_close_day: int = 31
    """Last day on which fee dates and cancellations of the year before are taken."""


DEFAULT_RULES: Final = Rules()
