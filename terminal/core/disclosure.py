"""What a person must be told of a settlement beside who pays: kind of benefit, place, scope, ratio, limits, each line.

Pure: read from what the hub has answered (1101, 2101, 2102, 2204, 2206A, 2207A). What its answer does not name is left
out; nothing is worked out that only the hub can know. Rows R03, R09, R12, R14 to R16, R19, R20, R22, R25, R27, R28 and
R70 of the benefit policy. Amounts are fen and positive; the kind of record gives their direction.
"""

from typing import Literal

import msgspec

from protocols.hub.profile import Profile
from protocols.money import Ratio
from terminal.core.values import Booking, LineShare, Settlement

Area = Literal["local", "intra", "far"]
"""Insured in this city, elsewhere in the province, in another province."""


class LimitLeft(msgspec.Struct, frozen=True):
    """What is left of a fund's limit after this settlement."""

    fund_type: str
    name: str
    left_fen: int


class Working(msgspec.Struct, frozen=True):
    """The hub's own words on how a fund's amount came about (`setl_proc_info`)."""

    fund_type: str
    text: str


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one quote, settlement or cancellation record that is shown beside who pays."""

    self_paid_fen: int
    over_limit_fen: int
    class_b_share_fen: int
    policy_scope_fen: int
    deductible_fen: int | None = None
    ratio: Ratio | None = None
    """Ratio of the pooled fund; None where it paid nothing or the hub named none."""
    limits: tuple[LimitLeft, ...] = ()
    workings: tuple[Working, ...] = ()
    shares: tuple[LineShare, ...] = ()
    """How each charge line is split; empty where the lines do not add up to the record's own four amounts."""


def area_of(settlement: Settlement, profile: Profile) -> Area:
    """Where the person is insured, seen from the institution (K27)."""
    insured = "" if settlement.person is None else settlement.person.insured_division
    care = settlement.division
    if not care or profile.is_local(care, insured):
        return "local"
    return "intra" if care[:2] == insured[:2] else "far"


def disclose(booking: Booking) -> Disclosure:
    """Return what is told of a record."""
    info = booking.info
    pooled = bool(info.pooled_fund_fen)
    return Disclosure(
        self_paid_fen=abs(info.self_paid_fen),
        over_limit_fen=abs(info.over_limit_fen),
        class_b_share_fen=abs(info.class_b_share_fen),
        policy_scope_fen=abs(info.policy_scope_fen),
        deductible_fen=None if info.deductible_fen is None else abs(info.deductible_fen),
        ratio=info.pooled_ratio if pooled and info.pooled_ratio else None,
        limits=tuple(
            LimitLeft(fund.fund_type, fund.name, fund.limit_left_fen)
            for fund in booking.funds
            if fund.limit_left_fen is not None
        ),
        workings=tuple(Working(fund.fund_type, fund.working) for fund in booking.funds if fund.working),
        shares=booking.line_shares if shares_agree(booking) else (),
    )


def shares_agree(booking: Booking) -> bool:
    """Whether the lines' parts add up to the four amounts of the record: else the lines were split for another one."""
    info, shares = booking.info, booking.line_shares
    return bool(shares) and (
        sum(share.self_paid_fen for share in shares),
        sum(share.over_limit_fen for share in shares),
        sum(share.class_b_share_fen for share in shares),
        sum(share.policy_scope_fen for share in shares),
    ) == (
        info.self_paid_fen,
        info.over_limit_fen,
        info.class_b_share_fen,
        info.policy_scope_fen,
    )


def is_burden_high(booking: Booking, limit_fen: int) -> bool:
    """Whether the person's own share of this one record reaches the shop's configured amount (0 = never); R23."""
    return bool(limit_fen) and booking.split.account_fen + booking.split.cash_fen >= limit_fen
