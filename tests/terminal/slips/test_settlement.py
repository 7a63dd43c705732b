"""The settlement slip: every field of PD-33 in order, on both papers, and safe against hostile names."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.money import Split
from simulators.printer import decode_slip
from simulators.printer.reading import SETTLED as SETTLED_TITLE
from terminal.slips import FundShare, SettlementSlip, settlement_document
from tests.terminal.slips.samples import CANCELLED, CANCELLED_UNNAMED, RECEIPT_NO, SETTLED, on_paper

BOTH_PAPERS = pytest.mark.parametrize("columns", [32, 48])
HOSTILE = st.text(alphabet="ab0.: \x1b\x1d\x10\x04\n\r医保：单号费用总额¥𠮷😀\u202e\u0301", max_size=40)


def test_a_slip_has_all_fields_in_order() -> None:
    assert on_paper(settlement_document(SETTLED)).lines == (
        " " * 14 + "医保结算单",
        " " * 16 + "测试大药房一号店",
        "=" * 48,
        "机构编码：P99990000001",
        "结算编号：SETL99990000000000201",
        "就诊编号：MDT999900000000000102",
        "单号：" + RECEIPT_NO,
        "时间：2026-11-21 10:11:05",
        "姓名：测*",
        "证件：999***********0016",
        "险种：职工基本医疗保险",
        "类别：定点药店购药/在职",
        "-" * 48,
        "名称 规格" + " " * 35 + "类别",
        "  数量 × 单价" + " " * 24 + "金额（元）",
        "-" * 48,
        "阿莫西林胶囊 0.25g*24粒" + " " * 23 + "甲",
        "  XTEST000000000000000D01",
        "  2 × 12.50" + " " * 31 + "25.00",
        "复方丹参滴丸 27mg*180丸" + " " * 23 + "乙",
        "  ZTEST00000000000D02",
        "  1.5 × 38.866667" + " " * 25 + "58.30",
        "-" * 48,
        "费用总额" + " " * 35 + "83.30",
        "基金支付" + " " * 36 + "0.00",
        "个人账户支付" + " " * 31 + "60.00",
        "现金支付" + " " * 35 + "23.30",
        "个人账户余额" + " " * 32 + "0.00",
        "-" * 48,
        "追溯码：3个",
        "经办人：收银终端一",
        "",
        f"      [QR:{RECEIPT_NO}]",
        "",
    )


@BOTH_PAPERS
def test_the_slip_reads_back(columns: int) -> None:
    slip = decode_slip(on_paper(settlement_document(SETTLED), columns).lines)
    assert (slip.title, slip.receipt_no, slip.copy_number) == (SETTLED_TITLE, RECEIPT_NO, 0)
    assert (slip.setl_id, slip.mdtrt_id) == ("SETL99990000000000201", "MDT999900000000000102")
    assert (slip.total_fen, slip.fund_fen, slip.account_fen, slip.cash_fen) == (8330, 0, 6000, 2330)
    assert (slip.balance_fen, slip.mutual_aid_fen, slip.hospital_fen) == (0, None, None)
    assert slip.qr == RECEIPT_NO


@BOTH_PAPERS
def test_a_cancellation_is_negative_but_for_the_balance(columns: int) -> None:
    paper = on_paper(settlement_document(CANCELLED), columns)
    slip = decode_slip(paper.lines)
    assert (slip.title, slip.setl_id, slip.cancelled_setl_id) == (
        "医保结算撤销单",
        "SETL99990000000000202",
        "SETL99990000000000201",
    )
    assert (slip.total_fen, slip.fund_fen, slip.account_fen, slip.cash_fen) == (-8330, 0, -6000, -2330)
    assert slip.balance_fen == 6000
    assert "-2 × 12.50" in paper.text
    assert "-25.00" in paper.text


@BOTH_PAPERS
def test_a_cancellation_of_which_the_hub_told_no_record_claims_none(columns: int) -> None:
    """Neither its number, nor a time, nor what is left on the account: the settlement's own are not those of the cancellation."""
    paper = on_paper(settlement_document(CANCELLED_UNNAMED), columns)
    slip = decode_slip(paper.lines)
    assert (slip.setl_id, slip.cancelled_setl_id) == (None, "SETL99990000000000201")
    assert (slip.account_fen, slip.balance_fen) == (-6000, None)
    lines = [line.partition("：")[0] for line in paper.lines]
    assert "原结算时间" in lines
    assert "时间" not in lines
    assert "医保平台未告知" in paper.text.replace("\n", "")


@BOTH_PAPERS
def test_a_reprint_says_so_twice(columns: int) -> None:
    paper = on_paper(settlement_document(msgspec.structs.replace(SETTLED, copy_number=2)), columns)
    assert decode_slip(paper.lines).copy_number == 2
    assert paper.lines[1].strip() == "补打（第2次）"
    assert "补打：第2次，非原始凭条" in paper.lines


@BOTH_PAPERS
def test_every_payer_that_paid_is_shown(columns: int) -> None:
    slip = msgspec.structs.replace(
        SETTLED,
        split=Split(
            total_fen=21080,
            fund_fen=15000,
            account_fen=4000,
            cash_fen=1580,
            mutual_aid_fen=1000,
            hospital_fen=500,
        ),
        funds=(
            FundShare("hifp_pay", 13376),
            FundShare("hifmi_pay", 0),
            FundShare("maf_pay", 1624),
        ),
        balance_fen=None,
    )
    paper = on_paper(settlement_document(slip), columns)
    start = next(i for i, line in enumerate(paper.lines) if line.startswith("费用总额"))
    assert [" ".join(line.split()) for line in paper.lines[start : start + 8]] == [
        "费用总额 210.80",
        "基金支付 150.00",
        "其中 基本统筹 133.76",
        "其中 医疗救助 16.24",
        "个人账户支付 40.00",
        "其中 家庭共济 10.00",
        "现金支付 15.80",
        "医院负担 5.00",
    ]
    decoded = decode_slip(paper.lines)
    assert (decoded.mutual_aid_fen, decoded.hospital_fen, decoded.balance_fen) == (1000, 500, None)


@pytest.mark.parametrize(
    ("insutype", "med_type", "psn_type", "lines"),
    [
        ("390", "11", "1403", ("险种：城乡居民基本医疗保险", "类别：普通门诊/中小学生")),
        ("390", "9901", "15", ("险种：城乡居民基本医疗保险", "类别：门诊两病/居民(成年)")),
        ("310", "14", "126013", ("险种：职工基本医疗保险", "类别：门诊慢特病/退休")),
        ("777", "888", "999", ("险种：777", "类别：888/999")),
    ],
)
def test_codes_have_chinese_names(
    insutype: str, med_type: str, psn_type: str, lines: tuple[str, str]
) -> None:
    slip = msgspec.structs.replace(SETTLED, insutype=insutype, med_type=med_type, psn_type=psn_type)
    paper = on_paper(settlement_document(slip))
    assert set(lines) <= set(paper.lines)


def test_own_cost_items_are_marked() -> None:
    line = msgspec.structs.replace(SETTLED.lines[0], level="03")
    paper = on_paper(settlement_document(msgspec.structs.replace(SETTLED, lines=(line,))), 32)
    assert "阿莫西林胶囊 0.25g*24粒     自费" in paper.lines


def test_a_time_without_zone_is_refused() -> None:
    naive = SETTLED.at.replace(tzinfo=None)
    with pytest.raises(ValueError, match=r".+"):
        settlement_document(msgspec.structs.replace(SETTLED, at=naive))


def _with_names(name: str) -> SettlementSlip:
    line = msgspec.structs.replace(SETTLED.lines[0], name=name, spec=name, code=name)
    return msgspec.structs.replace(
        SETTLED,
        lines=(line,),
        institution_name=name,
        operator=name,
        person=type(SETTLED.person).of(name, name),
    )


@given(HOSTILE, st.sampled_from([32, 48]))
def test_no_name_opens_the_drawer_or_moves_the_sums(name: str, columns: int) -> None:
    paper = on_paper(settlement_document(_with_names(name)), columns)
    sums = [line for line in paper.lines if line.rstrip().endswith("83.30") and line.startswith("费用总额")]
    assert sums == ["费用总额" + " " * (columns - 13) + "83.30"]
    assert paper.qr_codes == (RECEIPT_NO,)


def test_a_name_with_a_drawer_command_prints_as_letters() -> None:
    paper = on_paper(settlement_document(_with_names("\x1bp\x00\x19\xfa\x10\x14\x01\x00\x01药")))
    assert paper.lines[1].strip() == "pú药"
