"""Reads a slip back from the paper, as a person would: by its title and labels, knowing nothing of who printed it."""

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

SETTLED = "医保结算单"
CANCELLED = "医保结算撤销单"
REVERSAL_PENDING = "未结算，冲正处理中"
REVERSED = "已冲正"
TITLES = (SETTLED, CANCELLED, REVERSAL_PENDING, REVERSED)

_Value = TypeVar("_Value")

_COPY = re.compile(r"补打（第([0-9]+)次）")
_AMOUNT = re.compile(r"-?[0-9]+\.[0-9]{2}")
_FACT = re.compile(r"(结算编号|原结算编号|就诊编号|单号|校验码)：(.*)")
_QR = re.compile(r"\[QR:(.*)\]")


class UnreadableSlip(ValueError):
    """The paper is no slip, or a part that every slip has is missing."""


class DecodedSlip(msgspec.Struct, frozen=True):
    """What stands on a slip. Amounts in fen as printed (a cancellation's are negative); None = not on this slip."""

    title: str
    """One of `TITLES`."""
    receipt_no: str
    total_fen: int
    fund_fen: int | None
    account_fen: int | None
    mutual_aid_fen: int | None
    cash_fen: int | None
    hospital_fen: int | None
    balance_fen: int | None
    setl_id: str | None
    mdtrt_id: str | None
    cancelled_setl_id: str | None
    copy_number: int
    """0 = not marked as a copy."""
    check_code: str | None
    qr: str | None
    """Content of the QR code."""


def decode_slip(lines: Sequence[str]) -> DecodedSlip:
    """Read one slip from its lines (`Paper.lines`).

    Raises `UnreadableSlip` when title, receipt number or total are missing, or when a label stands there twice.
    """
    stripped = [line.strip() for line in lines]
    titles = [line for line in stripped if line in TITLES]
    if len(titles) != 1:
        raise UnreadableSlip(f"{len(titles)} titles on the paper")
    facts = _facts(stripped)
    amounts = _amounts(stripped)
    return DecodedSlip(
        title=titles[0],
        receipt_no=_needed(facts, "单号"),
        total_fen=_needed(amounts, "费用总额"),
        fund_fen=amounts.get("基金支付"),
        account_fen=amounts.get("个人账户支付"),
        mutual_aid_fen=amounts.get("其中 家庭共济"),
        cash_fen=amounts.get("现金支付"),
        hospital_fen=amounts.get("医院负担"),
        balance_fen=amounts.get("个人账户余额"),
        setl_id=facts.get("结算编号"),
        mdtrt_id=facts.get("就诊编号"),
        cancelled_setl_id=facts.get("原结算编号"),
        copy_number=_copy_number(stripped),
        check_code=facts.get("校验码"),
        qr=next((match[1] for line in stripped if (match := _QR.fullmatch(line))), None),
    )


def _facts(lines: Sequence[str]) -> dict[str, str]:
    """`label：value` lines; a code too long for one line goes on in the next."""
    facts: dict[str, str] = {}
    label = ""
    for line in lines:
        match = _FACT.fullmatch(line)
        if match:
            label = match[1]
            if label in facts:
                raise UnreadableSlip(f"{label} stands on the paper twice")
            facts[label] = match[2]
        elif label and re.fullmatch(r"[!-~]+", line) and not _is_rule(line):
            facts[label] += line
        else:
            label = ""
    return facts


def _amounts(lines: Sequence[str]) -> dict[str, int]:
    """Lines that end in an amount, from the last rule-framed block that has a total."""
    amounts: dict[str, int] = {}
    start = next((index for index, line in enumerate(lines) if line.startswith("费用总额")), len(lines))
    for line in lines[start:]:
        if _is_rule(line):
            break
        label, _, amount = line.rpartition(" ")
        if not _AMOUNT.fullmatch(amount):
            raise UnreadableSlip("a line among the sums has no amount")
        label = label.strip()
        if label in amounts:
            raise UnreadableSlip(f"{label} stands on the paper twice")
        sign = -1 if amount.startswith("-") else 1
        amounts[label] = sign * int(amount.lstrip("-").replace(".", ""))
    return amounts


def _is_rule(line: str) -> bool:
    return len(line) > 8 and len(set(line)) == 1


def _copy_number(lines: Sequence[str]) -> int:
    numbers = [int(match[1]) for line in lines if (match := _COPY.fullmatch(line))]
    if len(numbers) > 1:
        raise UnreadableSlip("two copy marks on the paper")
    return numbers[0] if numbers else 0


def _needed(found: dict[str, _Value], label: str) -> _Value:
    if label not in found:
        raise UnreadableSlip(f"{label} is not on the paper")
    return found[label]
