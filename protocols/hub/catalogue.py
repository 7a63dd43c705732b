"""Every transaction this version speaks, in one table: its types, what it changes, and what heals a lost answer.

The remedies are those of docs/profile-decisions.md ("when a call stays without answer"). 2601 is the remedy of
settlements only; there is no transaction that looks a message id up.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from protocols.hub import (
    accounts,
    catalogue_files,
    clearing,
    filings,
    goods,
    listings,
    mappings,
    outpatient,
    person,
    pharmacy,
    prescriptions,
    queries,
    records,
    registers,
    reversal,
    review,
    settlement,
    sign_in,
    trace_codes,
)
from protocols.hub.blocks import NoOutput


class Remedy(enum.Enum):
    """What to do when the outcome of a transaction is unknown."""

    REPEAT = "repeat"
    """Ask again with a new message id: nothing was changed, or changing it twice is the same."""
    REVERSE = "reverse"
    """Send 2601 with the original message id until it is known to be undone."""
    REVERSE_AGAIN = "reverse_again"
    """Send another 2601 with a new message id and the same original: a second one can only be refused."""
    FINISH_CANCELLATION = "finish_cancellation"
    """Query 5203 with the known settlement id, then repeat the cancellation until done or already done, or refused for good (K65)."""
    FIND_VISIT = "find_visit"
    """Query 5201 for person and period; use the visit found, or register again."""
    CHECK_VISIT_AND_REPEAT = "check_visit_and_repeat"
    """Query 5201, then repeat."""
    WITHDRAW_BATCH = "withdraw_batch"
    """Withdraw that charge batch with 2205, then upload again with a new batch number."""
    ASK_A_PERSON = "ask_a_person"
    """No published question tells whether it arrived: a person looks before it is sent again."""
    LOOK_UP_FILING = "look_up_filing"
    """Query 5304, 5301 or 5302 for the person before repeating."""
    LOOK_UP_GOODS = "look_up_goods"
    """Query 3512 or 3513, or delete with 3507, before repeating."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction."""

    infno: str
    title_zh: str
    title_en: str
    input_type: type[msgspec.Struct]
    output_type: type[msgspec.Struct]
    changes_hub: bool
    """Its exact bytes are durable before the first one leaves."""
    moves_money: bool
    """A lost answer means that nobody knows who holds the money."""
    remedy: Remedy


def _question(
    infno: str,
    title_zh: str,
    title_en: str,
    input_type: type[msgspec.Struct],
    output_type: type[msgspec.Struct],
) -> Message:
    """A transaction that changes nothing: unanswered, it is asked again."""
    return Message(
        infno=infno,
        title_zh=title_zh,
        title_en=title_en,
        input_type=input_type,
        output_type=output_type,
        changes_hub=False,
        moves_money=False,
        remedy=Remedy.REPEAT,
    )


def _submission(
    infno: str,
    title_zh: str,
    title_en: str,
    input_type: type[msgspec.Struct],
    output_type: type[msgspec.Struct] = NoOutput,
    remedy: Remedy = Remedy.REPEAT,
) -> Message:
    """A transaction outside any settlement that changes the hub: its registers, stocks or clearing, and nobody's money here."""
    return Message(
        infno=infno,
        title_zh=title_zh,
        title_en=title_en,
        input_type=input_type,
        output_type=output_type,
        changes_hub=True,
        moves_money=False,
        remedy=remedy,
    )


_FILINGS: Final = (
    _submission("2501", "转院备案", "transfer filing", filings.TransferInput, filings.FilingOutput, Remedy.LOOK_UP_FILING),
    _submission("2502", "转院备案撤销", "withdrawal of a transfer filing", filings.FilingWithdrawalInput),
    _submission("2503", "人员慢特病备案", "chronic or special disease filing", filings.ChronicApplicationInput,
                filings.FilingOutput, Remedy.LOOK_UP_FILING),
    _submission("2504", "人员慢特病备案撤销", "withdrawal of a chronic filing", filings.FilingWithdrawalInput),
    _submission("2505", "人员定点备案", "choice of a designated institution", filings.InstitutionChoiceInput,
                filings.FilingOutput, Remedy.LOOK_UP_FILING),
    _submission("2506", "人员定点备案撤销", "withdrawal of that choice", filings.FilingWithdrawalInput),
    _question("5304", "转院信息查询", "transfers of a person", filings.TransfersQueryInput, filings.TransfersQueryOutput),
    _submission("3301", "目录对照上传", "upload of the catalogue mapping", mappings.MappingInput),
    _submission("3302", "目录对照撤销", "withdrawal of a mapping", mappings.MappingWithdrawalInput),
)  # fmt: skip

_LOOK: Final = Remedy.LOOK_UP_GOODS
_GOODS: Final = (
    _submission("3501", "商品盘存上传", "stock-take", goods.StockTakeInput, remedy=_LOOK),
    _submission("3501A", "商品盘存上传（批量）", "stock-take, many rows", goods.StockTakeAInput, goods.GoodsOutput, _LOOK),
    _submission("3502", "商品库存变更", "stock change", goods.StockChangeInput, remedy=_LOOK),
    _submission("3502A", "商品库存变更（批量）", "stock change, many rows", goods.StockChangeAInput, goods.GoodsOutput, _LOOK),
    _submission("3503", "商品采购", "purchase", goods.PurchaseInput, remedy=_LOOK),
    _submission("3503A", "商品采购（批量）", "purchase, many rows", goods.PurchaseAInput, goods.GoodsOutput, _LOOK),
    _submission("3504", "商品采购退货", "purchase return", goods.PurchaseReturnInput, remedy=_LOOK),
    _submission("3504A", "商品采购退货（批量）", "purchase return, many rows", goods.PurchaseReturnAInput, goods.GoodsOutput,
                _LOOK),
    _submission("3505", "商品销售", "sale of goods", goods.SaleInput, remedy=_LOOK),
    _submission("3505A", "商品销售（批量）", "sale of goods, many rows", goods.SaleAInput, goods.GoodsOutput, _LOOK),
    _submission("3506", "商品销售退货", "sale return", goods.SaleReturnInput, remedy=_LOOK),
    _submission("3506A", "商品销售退货（批量）", "sale return, many rows", goods.SaleReturnAInput, goods.GoodsOutput, _LOOK),
    _submission("3507", "商品信息删除", "deletion of uploaded goods data", goods.DeletionInput),
    _submission("3507A", "商品信息删除（批量）", "deletion of uploaded goods data, many rows", goods.DeletionAInput,
                goods.GoodsOutput),
    _question("3512", "药品入库追溯码查询", "trace codes taken into stock", trace_codes.StockedCodesQueryInput,
              trace_codes.HeldCodesOutput),
    _question("3513", "药品销售追溯码查询", "trace codes sold", trace_codes.SoldCodesQueryInput, trace_codes.HeldCodesOutput),
    _submission("3592B", "替代追溯码获取", "substitute trace code", trace_codes.SubstituteCodeInput,
                trace_codes.SubstituteCodeOutput),
)  # fmt: skip

_REGISTERS: Final = (
    _question(
        "1201",
        "医药机构信息获取",
        "institution information",
        registers.InstitutionQueryInput,
        registers.InstitutionQueryOutput,
    ),
    _question(
        "1304",
        "民族药品目录查询",
        "ethnic drugs, by page",
        listings.EthnicQueryInput,
        listings.EthnicQueryOutput,
    ),
    _question(
        "1312",
        "医保目录信息查询",
        "insurance catalogue, by page",
        listings.ItemQueryInput,
        listings.ItemQueryOutput,
    ),
    _question(
        "1316",
        "医疗目录与医保目录匹配信息查询",
        "national item to insurance item, by page",
        listings.NationalMappingQueryInput,
        listings.NationalMappingQueryOutput,
    ),
    _question(
        "1317",
        "医药机构目录匹配信息查询",
        "own item to national item, by page",
        listings.OwnMappingQueryInput,
        listings.OwnMappingQueryOutput,
    ),
    _question(
        "1318",
        "医保目录限价信息查询",
        "price ceilings, by page",
        listings.CeilingQueryInput,
        listings.CeilingQueryOutput,
    ),
    _question(
        "1319",
        "医保目录先自付比例信息查询",
        "first-borne ratios, by page",
        listings.ShareQueryInput,
        listings.ShareQueryOutput,
    ),
    _question(
        "1901",
        "字典表查询",
        "dictionary query",
        registers.DictionaryQueryInput,
        registers.DictionaryQueryOutput,
    ),
)

_FILES: Final = tuple(
    _question(
        infno, one.title_zh, one.title_en, catalogue_files.VersionQueryInput, catalogue_files.FileAnswer
    )
    for infno, one in catalogue_files.CATALOGUE_FILES.items()
)

_RECORDS: Final = (
    _question(
        "5202",
        "诊断信息查询",
        "diagnoses of a visit",
        records.DiagnosesQueryInput,
        records.DiagnosesQueryOutput,
    ),
    _question(
        "5204",
        "费用明细查询",
        "fee lines of a settlement",
        records.FeeLinesQueryInput,
        records.FeeLinesQueryOutput,
    ),
    _question(
        "5205",
        "人员慢特病用药记录查询",
        "chronic-disease drug record",
        records.ChronicDrugsQueryInput,
        records.ChronicDrugsQueryOutput,
    ),
    _question(
        "5206", "人员累计信息查询", "accumulated totals", records.TotalsQueryInput, records.TotalsQueryOutput
    ),
    _question(
        "5302",
        "人员定点信息查询",
        "designated institutions of a person",
        records.DesignatedQueryInput,
        records.DesignatedQueryOutput,
    ),
    _question(
        "100001",
        "结算政策项查询",
        "policy items of a settlement",
        records.PolicyItemsQueryInput,
        records.PolicyItemsQueryOutput,
    ),
)

_TABLE: Final = (
    _question("9001", "签到", "sign in", sign_in.SignInInput, sign_in.SignInOutput),
    _question("9002", "签退", "sign out", sign_in.SignOutInput, sign_in.SignOutOutput),
    _question("1101", "人员信息获取", "person information", person.PersonInput, person.PersonOutput),
    _question(
        "2001", "人员待遇享受检查", "benefit check", person.BenefitCheckInput, person.BenefitCheckOutput
    ),
    _question(
        "2101", "药店预结算", "pharmacy pre-settlement", pharmacy.PharmacyInput, pharmacy.PharmacyOutput
    ),
    Message(
        infno="2102",
        title_zh="药店结算",
        title_en="pharmacy settlement",
        input_type=pharmacy.PharmacyInput,
        output_type=pharmacy.PharmacyOutput,
        changes_hub=True,
        moves_money=True,
        remedy=Remedy.REVERSE,
    ),
    Message(
        infno="2103",
        title_zh="药店结算撤销",
        title_en="pharmacy settlement cancellation",
        input_type=settlement.CancellationInput,
        output_type=settlement.SettlementOutput,
        changes_hub=True,
        moves_money=True,
        remedy=Remedy.FINISH_CANCELLATION,
    ),
    Message(
        infno="2201",
        title_zh="门诊挂号",
        title_en="registration",
        input_type=outpatient.RegistrationInput,
        output_type=outpatient.RegistrationOutput,
        changes_hub=True,
        moves_money=False,
        remedy=Remedy.FIND_VISIT,
    ),
    Message(
        infno="2202",
        title_zh="门诊挂号撤销",
        title_en="withdrawal of a registration",
        input_type=outpatient.RegistrationWithdrawalInput,
        output_type=NoOutput,
        changes_hub=True,
        moves_money=False,
        remedy=Remedy.CHECK_VISIT_AND_REPEAT,
    ),
    Message(
        infno="2203A",
        title_zh="门诊就诊信息上传",
        title_en="visit and diagnosis upload",
        input_type=outpatient.VisitInput,
        output_type=NoOutput,
        changes_hub=True,
        moves_money=False,
        remedy=Remedy.REPEAT,
    ),
    Message(
        infno="2204",
        title_zh="门诊费用明细上传",
        title_en="fee lines upload",
        input_type=outpatient.FeeLinesInput,
        output_type=outpatient.FeeLinesOutput,
        changes_hub=True,
        moves_money=False,
        remedy=Remedy.WITHDRAW_BATCH,
    ),
    Message(
        infno="2205",
        title_zh="门诊费用明细撤销",
        title_en="withdrawal of fee lines",
        input_type=outpatient.LinesWithdrawalInput,
        output_type=NoOutput,
        changes_hub=True,
        moves_money=False,
        remedy=Remedy.REPEAT,
    ),
    _question(
        "2206A",
        "门诊预结算",
        "out-patient pre-settlement",
        outpatient.ClinicQuoteInput,
        settlement.SettlementOutput,
    ),
    Message(
        infno="2207A",
        title_zh="门诊结算",
        title_en="out-patient settlement",
        input_type=outpatient.ClinicSettlementInput,
        output_type=settlement.SettlementOutput,
        changes_hub=True,
        moves_money=True,
        remedy=Remedy.REVERSE,
    ),
    Message(
        infno="2208",
        title_zh="门诊结算撤销",
        title_en="out-patient settlement cancellation",
        input_type=settlement.CancellationInput,
        output_type=settlement.SettlementOutput,
        changes_hub=True,
        moves_money=True,
        remedy=Remedy.FINISH_CANCELLATION,
    ),
    Message(
        infno="2601",
        title_zh="冲正",
        title_en="reversal",
        input_type=reversal.ReversalInput,
        output_type=NoOutput,
        changes_hub=True,
        moves_money=True,
        remedy=Remedy.REVERSE_AGAIN,
    ),
    _question(
        "3201",
        "医药机构费用结算对总账",
        "reconciliation of totals",
        accounts.TotalsCheckInput,
        accounts.TotalsCheckOutput,
    ),
    _question(
        "3202",
        "医药机构费用结算对明细账",
        "reconciliation of detail",
        accounts.DetailCheckInput,
        accounts.DetailCheckOutput,
    ),
    _question("5201", "就诊信息查询", "visit query", queries.VisitQueryInput, queries.VisitQueryOutput),
    _question(
        "5203", "结算信息查询", "settlement query", queries.SettlementQueryInput, settlement.SettlementOutput
    ),
    _question(
        "5301",
        "人员慢特病备案查询",
        "chronic filing query",
        queries.ChronicQueryInput,
        queries.ChronicQueryOutput,
    ),
    Message(
        infno="9101",
        title_zh="文件上传",
        title_en="file upload",
        input_type=accounts.UploadInput,
        output_type=accounts.UploadOutput,
        changes_hub=True,
        moves_money=False,
        remedy=Remedy.REPEAT,
    ),
    _question("9102", "文件下载", "file download", accounts.DownloadInput, NoOutput),
)

_REVIEWS: Final = (
    _question("3101", "明细审核事前分析服务", "review before", review.ReviewInput, review.ReviewOutput),
    _question("3102", "明细审核事中分析服务", "review during", review.ReviewInput, review.ReviewOutput),
    _submission("3103", "审核结果反馈", "feedback on a review", review.FeedbackInput),
)


_CLEARING: Final = (
    _submission(
        "3203",
        "清算申请",
        "clearing application",
        clearing.ApplicationInput,
        clearing.ApplicationOutput,
        Remedy.ASK_A_PERSON,
    ),
    _submission(
        "3204",
        "清算申请撤销",
        "withdrawal of a clearing application",
        clearing.WithdrawalInput,
        NoOutput,
        Remedy.REPEAT,
    ),
    _question(
        "3260",
        "异地清分明细查询",
        "clearing with other places: the month's records",
        clearing.FarQueryInput,
        clearing.FarQueryOutput,
    ),
    _submission(
        "3261",
        "异地清分结果确认",
        "clearing with other places: confirmation",
        clearing.ConfirmationInput,
        NoOutput,
        Remedy.REPEAT,
    ),
    _submission(
        "3262",
        "异地清分结果确认回退",
        "clearing with other places: taking it back",
        clearing.TakingBackInput,
        NoOutput,
        Remedy.REPEAT,
    ),
)


_PRESCRIPTIONS: Final = (
    _question(
        "990101",
        "流转处方查询",
        "circulating prescriptions of a person",
        prescriptions.PrescriptionsQueryInput,
        prescriptions.PrescriptionsQueryOutput,
    ),
    _submission(
        "990102",
        "流转处方锁定",
        "lock of a prescription, for a while",
        prescriptions.PrescriptionLockInput,
        prescriptions.PrescriptionLockOutput,
    ),
    _submission(
        "990103", "流转处方解锁", "freeing of a locked prescription", prescriptions.PrescriptionReleaseInput
    ),
)
"""Our own numbers (K98)."""

MESSAGES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        message.infno: message
        for message in (
            *_TABLE,
            *_REGISTERS,
            *_FILES,
            *_RECORDS,
            *_FILINGS,
            *_GOODS,
            *_REVIEWS,
            *_CLEARING,
            *_PRESCRIPTIONS,
        )
    }
)
"""All transactions by their number."""
