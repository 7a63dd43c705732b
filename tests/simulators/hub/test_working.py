"""What the hub says in `setl_proc_info`: made of the policy's own figures, for the person it is about."""

import datetime as dt

import msgspec
import pytest

from simulators.benefit import engine
from simulators.benefit.model import (
    AccountState,
    Accumulators,
    Area,
    Institution,
    Line,
    Person,
    Refusal,
    Relative,
    Result,
    Visit,
)
from simulators.benefit.policies import load_shipped
from simulators.hub.working import HIGH_BURDEN_FEN, Asked, crosses_high_burden, workings

BOOK = load_shipped()
DAY = dt.date(2026, 3, 12)
DIALYSIS = Line("S05", 130_000, 420_000_000)
"""13 sessions of 420.00."""


def settled(
    subject: Person, before: Accumulators, area: Area = "local", account: AccountState | None = None
) -> tuple[Asked, Result]:
    """Dialysis of somebody insured under JH at a third-level hospital."""
    visit = Visit(
        "JH",
        Institution("tier3", networked=True),
        "chronic",
        DAY,
        area,
        "family" if account else "none",
        "M07801",
    )
    asked = Asked(BOOK.version("JH", DAY), subject, visit, before)
    result = engine.settle(
        asked.policy, BOOK.place("JH"), subject, account or AccountState(), before, visit, [DIALYSIS]
    )
    assert not isinstance(result, Refusal)
    return asked, result


RESIDENT = Person(insutype="390", psn_type="15", chronic=("M07801",))
NOTHING = Accumulators(year=2026)


def test_r27_the_version_of_the_policy_is_named() -> None:
    told = workings(*settled(RESIDENT, NOTHING), {})
    version = BOOK.version("JH", DAY)
    assert told["390100"] == f"政策JH（{version.valid_from}起）"
    assert "610100" not in told


def test_r10_unfiled_care_is_told_with_both_ratios() -> None:
    asked, result = settled(RESIDENT, NOTHING, "unfiled")
    assert f"未备案：支付比例{result.pool_ratio_bp // 100}" in workings(asked, result, {})["390100"]


@pytest.mark.parametrize(("category", "tilted"), [("low_income", True), ("", False)])
def test_r20_r34_a_tilt_and_an_assistance_are_told_to_those_they_are_for(category: str, tilted: bool) -> None:
    subject = msgspec.structs.replace(RESIDENT, categories=(category,) if category else ())
    told = workings(*settled(subject, NOTHING), {})
    assert ("困难人员倾斜" in told.get("390200", "")) is tilted
    assert ("按低保对象救助" in told.get("610100", "")) is tilted


def test_r17_the_line_is_crossed_once() -> None:
    first = BOOK.version("JH", DAY).serious_illness["390"].bands[0].from_fen
    assert (
        "越过大病起付线"
        in workings(*settled(RESIDENT, msgspec.structs.replace(NOTHING, si_base_fen=first - 1)), {})["390200"]
    )
    assert "390200" not in workings(
        *settled(RESIDENT, msgspec.structs.replace(NOTHING, si_base_fen=first)), {}
    )


def test_r16_whose_account_paid_is_told_where_it_was_not_the_persons_own_alone() -> None:
    account = AccountState(1000, (Relative("R1", 2000), Relative("R2", 100_000_00)))
    subject = msgspec.structs.replace(RESIDENT, insutype="310", psn_type="11")
    told = workings(*settled(subject, NOTHING, account=account), {"R1": "spouse", "R2": "child"})
    assert told["310200"].startswith("账户支付：本人10.00，配偶20.00，子女")
    own = AccountState(100_000_00)
    assert "310200" not in workings(*settled(subject, NOTHING, account=own), {})


def test_r36_a_year_crosses_the_limit_once() -> None:
    asked, result = settled(RESIDENT, msgspec.structs.replace(NOTHING, si_base_fen=HIGH_BURDEN_FEN - 1))
    assert crosses_high_burden(asked.before, result)
    after = engine.accumulate(asked.before, result.contributions)
    assert not crosses_high_burden(after, result)
