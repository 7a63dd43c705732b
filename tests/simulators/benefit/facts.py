"""What the worked cases say about the capability rows whose acceptance examples they are, for whichever layer answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.capabilities import amounts, asserted
from tools.capabilities import rows

REASONS: Final[Mapping[str, str]] = {
    "INST_NOT_NETWORKED": "本机构未开通异地就医直接结算",
    "DISEASE_NOT_REGISTERED": "参保人未登记该病种",
    "WAITING_PERIOD": "待遇等待期未满",
    "LATER_SETTLEMENT_EXISTS": "存在后续结算，请先撤销后续结算",
    "ALREADY_REVERSED": "该笔结算已撤销",
}
"""What is said to people, for row R83."""
ABOUT_FUNDS: Final = frozenset({"R42", "R51"})
"""Rows about which fund a settlement is booked to."""
ABOUT_BURDEN: Final = frozenset({"R18"})
"""Rows about what counts into serious illness."""
ABOUT_REASONS: Final = frozenset({"R83"})

Facts = Mapping[str, object]


def record_case(
    case_id: str, steps: Sequence[Mapping[str, Any]], actual: Callable[[str, int], Facts]
) -> None:
    """Assert a case for every row whose example it is; `actual(row, place of the step)` is what a layer answered."""
    for number, row in rows().items():
        if case_id not in row.examples:
            continue
        expected = {step["ref"]: _expected(number, step) for step in steps}
        answered = {step["ref"]: actual(number, place) for place, step in enumerate(steps)}
        if len(steps) == 1:
            asserted(number, *expected.values(), *answered.values(), what=case_id)
            continue
        asserted(
            number,
            {ref: facts for ref, facts in expected.items() if facts},
            {ref: facts for ref, facts in answered.items() if facts},
            what=case_id,
        )


def _expected(number: str, step: Mapping[str, Any]) -> Facts:
    """What the file of worked cases says about a step, as far as it concerns the row."""
    expect = step["expect"]
    if "refused" in expect:
        return {expect["refused"]: REASONS[expect["refused"]]}
    if number in ABOUT_REASONS:
        return {}
    if number in ABOUT_FUNDS:
        return amounts(step["expect_setldetail"])
    if number in ABOUT_BURDEN:
        return burden({year: sums["si_base"] for year, sums in step["after"]["acc"].items()})
    return amounts(expect)


def burden(by_year_fen: Mapping[Any, int]) -> Facts:
    """The burden counted into serious illness, by year; 0 is a fact too."""
    return {f"counted burden {year}, fen": str(fen) for year, fen in by_year_fen.items()}
