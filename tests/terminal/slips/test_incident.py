"""Slips of sales that did not end in a settlement."""

import msgspec
import pytest

from simulators.printer import decode_slip
from simulators.printer.reading import REVERSAL_PENDING
from simulators.printer.reading import REVERSED as REVERSED_TITLE
from terminal.slips import incident_document
from tests.terminal.slips.samples import PENDING, RECEIPT_NO, REVERSED, on_paper

BOTH_PAPERS = pytest.mark.parametrize("columns", [32, 48])


def test_a_pending_reversal_says_what_to_do() -> None:
    assert on_paper(incident_document(PENDING), 32).lines == (
        " " * 7 + "未结算，冲正处理中",
        " " * 8 + "测试大药房一号店",
        "=" * 32,
        "机构编码：P99990000001",
        "单号：",
        RECEIPT_NO,
        "时间：2026-11-21 10:11:05",
        "姓名：测*",
        "证件：999***********0016",
        "-" * 32,
        "费用总额" + " " * 19 + "83.30",
        "-" * 32,
        "本单没有结算成功，医保平台的处理",
        "结果未知，正在自动冲正。",
        "账户或基金如有扣款，冲正后全部退",
        "回。",
        "请保留此单，凭单号查询结果。",
        "-" * 32,
        "经办人：收银终端一",
        "",
        f"[QR:{RECEIPT_NO}]",
        "",
    )


@BOTH_PAPERS
def test_incidents_read_back(columns: int) -> None:
    pending = decode_slip(on_paper(incident_document(PENDING), columns).lines)
    assert (pending.title, pending.receipt_no, pending.total_fen) == (REVERSAL_PENDING, RECEIPT_NO, 8330)
    assert (pending.fund_fen, pending.cash_fen, pending.setl_id, pending.copy_number) == (None, None, None, 0)
    done = decode_slip(on_paper(incident_document(REVERSED), columns).lines)
    assert (done.title, done.receipt_no, done.total_fen) == (REVERSED_TITLE, RECEIPT_NO, 8330)


@BOTH_PAPERS
def test_a_copy_and_an_unknown_person(columns: int) -> None:
    slip = msgspec.structs.replace(PENDING, person=None, copy_number=1)
    paper = on_paper(incident_document(slip), columns)
    assert decode_slip(paper.lines).copy_number == 1
    assert "姓名" not in paper.text
