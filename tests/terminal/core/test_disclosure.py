"""Where a person is insured, seen from the place of care, and what is told of a record beside who pays."""

from typing import Any, get_args

import msgspec
import pytest

from protocols.money import Fen, Ratio, Split
from terminal.core.disclosure import (
    Area,
    Disclosure,
    LimitLeft,
    Working,
    area_of,
    disclose,
    is_burden_high,
    shares_agree,
)
from terminal.core.values import Booking, FundRow, LineShare
from tests.terminal.core.samples import PROFILE, TO_PRICED, after, draft, info


@pytest.mark.parametrize(
    ("care", "insured", "locality", "area"),
    [
        ("999900", "999900", "two_digits", "local"),
        ("999900", "999800", "two_digits", "local"),
        ("999900", "999800", "four_digits", "intra"),
        ("999901", "999900", "four_digits", "local"),
        ("999900", "989900", "two_digits", "far"),
        ("999900", "989900", "four_digits", "far"),
        ("999900", "", "four_digits", "local"),
        ("", "989900", "four_digits", "local"),
    ],
)
def test_the_first_two_digits_name_the_province_and_the_first_four_the_city(
    care: str, insured: str, locality: str, area: str
) -> None:
    profile = msgspec.structs.replace(
        PROFILE, codes=msgspec.structs.replace(PROFILE.codes, locality=locality)
    )
    known = after(*TO_PRICED)
    assert known.person is not None
    person = msgspec.structs.replace(known.person, insured_division=insured)
    assert area_of(msgspec.structs.replace(known, division=care, person=person), profile) == area
    assert area_of(draft(division=care), profile) == "local", "nobody is known yet"
    assert area in get_args(Area), "one of the words that whoever shows it knows"


SPLIT = Split(total_fen=3750, fund_fen=2000, account_fen=1000, cash_fen=750)
RECORD = info(
    1000, 2000, self_paid_fen=Fen(100), over_limit_fen=Fen(20), class_b_share_fen=Fen(3), policy_scope_fen=Fen(3627),
    deductible_fen=Fen(500), pooled_ratio=Ratio(8_000),
)  # fmt: skip
SHARES = (LineShare("02", 60, 15, 1, 1827), LineShare("01", 40, 5, 2, 1800))
FUNDS = (
    FundRow("310100", 2000, "统筹基金", 2500, "按比例"),
    FundRow("510100", 10, "生育基金"),
    FundRow("610100", 7, "医疗救助", 7),
)
AMOUNTS = ("self_paid_fen", "over_limit_fen", "class_b_share_fen", "policy_scope_fen")


def booked(**changes: Any) -> Booking:
    """A record of 37.50 yuan of which every part is different."""
    record = msgspec.structs.replace(
        RECORD, **{name: what for name, what in changes.items() if name not in ("funds", "line_shares")}
    )
    return Booking(SPLIT, record, changes.get("funds", FUNDS), line_shares=changes.get("line_shares", SHARES))


def test_everything_that_the_record_says_is_told() -> None:
    assert disclose(booked()) == Disclosure(
        self_paid_fen=100,
        over_limit_fen=20,
        class_b_share_fen=3,
        policy_scope_fen=3627,
        deductible_fen=500,
        ratio=Ratio(8_000),
        limits=(LimitLeft("310100", "统筹基金", 500), LimitLeft("610100", "医疗救助", 0)),
        workings=(Working("310100", "按比例"),),
        shares=SHARES,
    )


def test_what_the_record_does_not_say_is_left_out() -> None:
    bare = disclose(booked(deductible_fen=None, pooled_ratio=None, funds=(), line_shares=()))
    assert bare == Disclosure(
        self_paid_fen=100, over_limit_fen=20, class_b_share_fen=3, policy_scope_fen=3627
    )
    assert disclose(booked(deductible_fen=Fen(0))).deductible_fen == 0, "none was taken, and that is told"


def test_a_cancellation_is_told_in_positive_amounts() -> None:
    undone = {name: Fen(-getattr(RECORD, name)) for name in AMOUNTS}
    told = disclose(booked(**undone, deductible_fen=Fen(-500), line_shares=()))
    assert told == disclose(booked(line_shares=()))


@pytest.mark.parametrize(
    ("pooled", "ratio", "told"),
    [(2000, 8_000, 8_000), (-2000, 8_000, 8_000), (0, 8_000, None), (None, 8_000, None), (2000, 0, None), (2000, None, None)],
)  # fmt: skip
def test_a_ratio_is_told_where_the_pool_paid_by_one(
    pooled: int | None, ratio: int | None, told: int | None
) -> None:
    record = booked(
        pooled_fund_fen=None if pooled is None else Fen(pooled),
        pooled_ratio=None if ratio is None else Ratio(ratio),
    )
    assert disclose(record).ratio == told


@pytest.mark.parametrize("name", AMOUNTS)
def test_lines_that_were_split_for_another_record_are_not_shown(name: str) -> None:
    assert shares_agree(booked())
    other = booked(**{name: Fen(getattr(RECORD, name) + 1)})
    assert not shares_agree(other)
    assert disclose(other).shares == ()
    nothing = dict.fromkeys(AMOUNTS, Fen(0))
    assert not shares_agree(booked(**nothing, line_shares=())), "no lines, nothing that could agree"


@pytest.mark.parametrize(
    ("limit_fen", "high"), [(0, False), (1, True), (1749, True), (1750, True), (1751, False)]
)
def test_r23_the_burden_is_high_from_the_configured_amount_on(limit_fen: int, high: bool) -> None:
    """Account and cash together, 17.50 yuan; the fund's 20.00 are nobody's burden."""
    assert is_burden_high(booked(), limit_fen) is high
