"""Do the amounts of a settlement answer agree with each other? (Money identities M2 to M9.)

The identities are those stated for the national interface (Hunan edition V1.1.27, rules on amounts) or seen to hold in
recorded answers. They hold for cancellation records too, where every amount is negative. An answer that breaks one is
never taken as a settlement.
"""

from collections.abc import Sequence

from protocols.errors import MoneyError
from protocols.hub.profile import Profile
from protocols.hub.settlement import FundPart, LineSplit, SettlementInfo, fund_only_fen


def check_settlement_identities(
    info: SettlementInfo,
    funds: Sequence[FundPart],
    lines: Sequence[LineSplit],
    profile: Profile,
) -> list[str]:
    """Return the broken identities as short sentences that begin with their number; [] = all hold.

    `lines` may be empty (out-patient answers do not repeat them): M2 and M4 are then not checked.
    """
    broken: list[str] = []
    if lines and sum(line.amount_fen for line in lines) != info.total_fen:
        broken.append("M2: the total is not the sum of the lines")
    scope_fen = info.self_paid_fen + info.over_limit_fen + info.class_b_share_fen + info.policy_scope_fen
    if scope_fen != info.total_fen:
        broken.append("M3: the total is not self-paid + over-limit + class-B share + policy scope")
    broken.extend(
        f"M4: line {position} is not self-paid + over-limit + class-B share + policy scope"
        for position, line in enumerate(lines, start=1)
        if not _line_adds_up(line)
    )
    broken.extend(_check_person(info, profile))
    broken.extend(_check_funds(info, funds, profile))
    return broken


def _line_adds_up(line: LineSplit) -> bool:
    parts = (line.self_paid_fen, line.over_limit_fen, line.class_b_share_fen, line.policy_scope_fen)
    if all(part is None for part in parts):
        return True
    return sum(part or 0 for part in parts) == line.amount_fen


def _check_person(info: SettlementInfo, profile: Profile) -> list[str]:
    try:
        person_fen, cash_fen = info.person_fen, info.cash_fen
    except MoneyError:
        return ["M5: neither the person's burden nor the cash is stated"]
    broken: list[str] = []
    hospital_fen = info.hospital_fen or 0
    if fund_only_fen(info, profile) + person_fen + hospital_fen != info.total_fen:
        broken.append("M5: the total is not fund + person + hospital")
    if info.account_fen + cash_fen != person_fen:
        broken.append("M6: the person's burden is not account + cash")
    mutual_aid_fen = info.mutual_aid_fen or 0
    if not min(0, info.account_fen) <= mutual_aid_fen <= max(0, info.account_fen):
        broken.append("M7: mutual aid is not a part of the account payment")
    return broken


def _check_funds(info: SettlementInfo, funds: Sequence[FundPart], profile: Profile) -> list[str]:
    broken: list[str] = []
    fund_fen = fund_only_fen(info, profile)
    named = (
        info.pooled_fund_fen,
        info.civil_servant_fen,
        info.enterprise_fen,
        info.serious_illness_fen,
        info.large_amount_fen,
        info.assistance_fen,
        info.other_fund_fen,
    )
    inside_fen = sum(amount or 0 for amount in named)
    beside_fen = inside_fen + (info.disabled_veterans_fen or 0)
    accepted = {"either": (inside_fen, beside_fen), "beside": (beside_fen,), "inside": (inside_fen,)}
    if fund_fen not in accepted[profile.money.hifdm]:
        broken.append("M8: the fund total is not the sum of the named funds")
    rows_fen = sum(part.paid_fen for part in funds if profile.fund_class(part.fund_pay_type) == "fund")
    if rows_fen != fund_fen:
        broken.append("M9: the fund total is not the sum of the fund rows")
    return broken
