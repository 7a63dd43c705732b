"""Settlement blocks: amounts by any of their names, splits, and the money identities."""

import msgspec
import pytest

from protocols.errors import MoneyError
from protocols.hub import wire
from protocols.hub.check import check_settlement_identities
from protocols.hub.pharmacy import PharmacyOutput
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import Money
from protocols.hub.settlement import (
    FundPart,
    LineSplit,
    SettlementInfo,
    SettlementOutput,
    cancellation_split,
    settlement_split,
)
from protocols.money import Fen, Split
from tests.profiles.switches import switch
from tests.protocols.hub import examples

NATIONAL = Profile(name="national")
replace = msgspec.structs.replace

PHARMACY = wire.decode(examples.payload("a-2102-response.json"), PharmacyOutput)
CLINIC = wire.decode(examples.payload("b-2207A-response.json"), SettlementOutput)
CANCELLED = wire.decode(examples.payload("c-2208-response.json"), SettlementOutput)


def _broken(
    info: SettlementInfo,
    funds: tuple[FundPart, ...] = PHARMACY.funds,
    lines: tuple[LineSplit, ...] = PHARMACY.line_splits,
    profile: Profile = NATIONAL,
) -> list[str]:
    return [text.split(":")[0] for text in check_settlement_identities(info, funds, lines, profile)]


def test_a_settlement_shows_who_pays() -> None:
    assert settlement_split(PHARMACY.info, NATIONAL) == Split(
        total_fen=8330, fund_fen=0, account_fen=6000, cash_fen=2330
    )


def test_a_cancellation_shows_who_gets_back_as_positive_amounts() -> None:
    assert CANCELLED.info.total_fen == -21080
    assert cancellation_split(CANCELLED.info, NATIONAL) == settlement_split(CLINIC.info, NATIONAL)
    with pytest.raises(MoneyError):
        settlement_split(CANCELLED.info, NATIONAL)


@pytest.mark.parametrize("member", ["psn_cash_pay", "pdn_cash_pay", "cash_payamt"])
@pytest.mark.parametrize("burden", ["psn_part_amt", "psn_pay", None])
def test_the_cash_is_found_under_each_of_its_names(member: str, burden: str | None) -> None:
    info = replace(PHARMACY.info, psn_cash_fen=None, psn_part_fen=None)
    tree = examples.meaning(wire.encode(info)) | {member: "23.3"} | ({burden: "83.3"} if burden else {})
    again = wire.decode(msgspec.json.encode(tree), SettlementInfo)
    assert again.cash_fen == 2330
    assert again.person_fen == 8330


def test_cash_that_is_not_stated_follows_from_the_burden() -> None:
    info = replace(PHARMACY.info, psn_cash_fen=None)
    assert info.cash_fen == 2330
    assert _broken(info) == []


def test_a_record_without_burden_and_cash_has_no_split() -> None:
    info = replace(PHARMACY.info, psn_cash_fen=None, psn_part_fen=None)
    with pytest.raises(MoneyError):
        settlement_split(info, NATIONAL)
    assert _broken(info) == ["M5"]


def test_the_recorded_answers_break_nothing() -> None:
    assert _broken(PHARMACY.info) == []
    assert _broken(CLINIC.info, CLINIC.funds, ()) == []
    assert _broken(CANCELLED.info, CANCELLED.funds, ()) == []


@pytest.mark.parametrize(
    ("member", "identities"),
    [
        ("total_fen", {"M2", "M3", "M5"}),
        ("self_paid_fen", {"M3"}),
        ("over_limit_fen", {"M3"}),
        ("class_b_share_fen", {"M3"}),
        ("policy_scope_fen", {"M3"}),
        ("pooled_fund_fen", {"M8"}),
        ("civil_servant_fen", {"M8"}),
        ("enterprise_fen", {"M8"}),
        ("serious_illness_fen", {"M8"}),
        ("large_amount_fen", {"M8"}),
        ("assistance_fen", {"M8"}),
        ("other_fund_fen", {"M8"}),
        ("fund_total_fen", {"M5", "M8", "M9"}),
        ("psn_part_fen", {"M5", "M6"}),
        ("account_fen", {"M6"}),
        ("psn_cash_fen", {"M6"}),
        ("hospital_fen", {"M5"}),
    ],
)
def test_an_amount_off_by_one_fen_breaks_its_identities(member: str, identities: set[str]) -> None:
    for step in (1, -1):
        info = replace(PHARMACY.info, **{member: Fen(getattr(PHARMACY.info, member) + step)})
        assert set(_broken(info)) == identities
        assert set(_broken(info, lines=())) == identities - {"M2"}


def test_an_amount_off_by_one_fen_breaks_a_cancellation_too() -> None:
    info = replace(CANCELLED.info, pooled_fund_fen=Fen(-13375))
    assert _broken(info, CANCELLED.funds, ()) == ["M8"]


def test_mutual_aid_is_a_part_of_the_account() -> None:
    assert _broken(replace(PHARMACY.info, mutual_aid_fen=Fen(6000))) == []
    assert _broken(replace(PHARMACY.info, mutual_aid_fen=Fen(6001))) == ["M7"]
    assert _broken(replace(PHARMACY.info, mutual_aid_fen=Fen(-1))) == ["M7"]
    assert _broken(replace(CANCELLED.info, mutual_aid_fen=Fen(-5000)), CANCELLED.funds, ()) == []
    assert _broken(replace(CANCELLED.info, mutual_aid_fen=Fen(1)), CANCELLED.funds, ()) == ["M7"]
    assert _broken(replace(PHARMACY.info, mutual_aid_fen=None)) == []


def test_a_line_that_does_not_add_up_is_named() -> None:
    first, second = PHARMACY.line_splits
    wrong = replace(second, class_b_share_fen=Fen(459))
    assert check_settlement_identities(PHARMACY.info, PHARMACY.funds, (first, wrong), NATIONAL) == [
        "M4: line 2 is not self-paid + over-limit + class-B share + policy scope"
    ]
    unsplit = replace(
        second, self_paid_fen=None, over_limit_fen=None, class_b_share_fen=None, policy_scope_fen=None
    )
    assert _broken(PHARMACY.info, lines=(first, unsplit)) == []
    assert _broken(PHARMACY.info, lines=(first,)) == ["M2"]


def test_fund_rows_count_by_class() -> None:
    advance = FundPart(fund_pay_type="999996", paid_fen=Fen(100))
    layer = FundPart(fund_pay_type="999109", paid_fen=Fen(100))
    assert _broken(CLINIC.info, (*CLINIC.funds, advance), ()) == []
    assert _broken(CLINIC.info, (*CLINIC.funds, layer), ()) == ["M9"]
    assert _broken(CLINIC.info, (), ()) == ["M9"]


@switch("money.hifdm", "either", "beside", "inside")
def test_the_disabled_veterans_fund_may_be_beside_or_inside() -> None:
    beside = replace(CLINIC.info, pooled_fund_fen=Fen(13276), disabled_veterans_fen=Fen(100))
    inside = replace(
        CLINIC.info, pooled_fund_fen=Fen(13276), other_fund_fen=Fen(100), disabled_veterans_fen=Fen(100)
    )
    only_beside = Profile(name="x", money=Money(hifdm="beside"))
    only_inside = Profile(name="x", money=Money(hifdm="inside"))
    assert _broken(beside, CLINIC.funds, ()) == _broken(inside, CLINIC.funds, ()) == []
    assert _broken(inside, CLINIC.funds, (), only_beside) == ["M8"]
    assert _broken(beside, CLINIC.funds, (), only_inside) == ["M8"]


def test_a_fund_total_that_counts_the_account_in() -> None:
    with_account = Profile(name="x", money=Money(fund_sum="with_account"))
    info = replace(CLINIC.info, fund_total_fen=Fen(CLINIC.info.fund_total_fen + CLINIC.info.account_fen))
    assert settlement_split(info, with_account) == settlement_split(CLINIC.info, NATIONAL)
    assert _broken(info, CLINIC.funds, (), with_account) == []
    assert _broken(info, CLINIC.funds, ()) != []


def test_a_quote_has_no_settlement_id_and_no_time() -> None:
    quote = wire.decode(examples.payload("b-2206A-response.json"), SettlementOutput).info
    assert (quote.settlement_id, quote.settled_at, quote.clearing_way, quote.clearing_agency) == (
        "",
        "",
        "",
        "",
    )


def test_the_ratio_the_balance_and_the_limit_of_a_cancellation_are_not_negated() -> None:
    assert CANCELLED.info.pooled_ratio == CLINIC.info.pooled_ratio == 8000
    assert CANCELLED.info.balance_fen == 5000
    assert CANCELLED.funds[0].limit_left_fen == CLINIC.funds[0].limit_left_fen == 480000
