"""Slips are read by their labels; what is not plainly there is refused, never guessed."""

import pytest

from simulators.printer import UnreadableSlip, decode_slip

RULE = "-" * 48
SLIP = (
    "          医保结算单",
    "单号：R1",
    "结算编号：SETL1",
    RULE,
    "费用总额      83.30",
    "基金支付       1.00",
    "个人账户支付  60.00",
    "现金支付      22.30",
    RULE,
    "[QR:R1]",
)


def test_a_slip_written_by_hand_is_read() -> None:
    slip = decode_slip(SLIP)
    assert (slip.title, slip.receipt_no, slip.setl_id, slip.mdtrt_id) == ("医保结算单", "R1", "SETL1", None)
    assert (slip.total_fen, slip.fund_fen, slip.account_fen, slip.cash_fen) == (8330, 100, 6000, 2230)
    assert (slip.copy_number, slip.qr, slip.balance_fen) == (0, "R1", None)


def test_a_code_that_goes_on_in_the_next_line_is_joined() -> None:
    lines = ("已冲正", "单号：", "P999", "0001", RULE, "费用总额 -0.05", RULE)
    slip = decode_slip(lines)
    assert (slip.receipt_no, slip.total_fen) == ("P9990001", -5)


@pytest.mark.parametrize("missing", ["医保结算单", "单号", "费用总额"])
def test_a_missing_part_is_refused(missing: str) -> None:
    with pytest.raises(UnreadableSlip):
        decode_slip([line for line in SLIP if not line.strip().startswith(missing)])


@pytest.mark.parametrize(
    "extra",
    ["医保结算单", "已冲正", "单号：R2", "结算编号：SETL1"],
)
def test_what_stands_there_twice_is_refused(extra: str) -> None:
    with pytest.raises(UnreadableSlip):
        decode_slip((*SLIP, extra))


@pytest.mark.parametrize("line", ["费用总额 1.00 甲", "费用总额 83.3", "费用总额"])
def test_sums_that_are_no_sums_are_refused(line: str) -> None:
    with pytest.raises(UnreadableSlip):
        decode_slip((*SLIP[:4], line, *SLIP[4:]))


def test_a_sum_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(UnreadableSlip):
        decode_slip((*SLIP[:8], "现金支付 22.30", *SLIP[8:]))


def test_two_copy_marks_are_refused() -> None:
    assert decode_slip((*SLIP, "补打（第12次）")).copy_number == 12
    with pytest.raises(UnreadableSlip):
        decode_slip((*SLIP, "补打（第1次）", "补打（第2次）"))
