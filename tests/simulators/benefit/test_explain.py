"""A calculation in words: every amount that matters is named with its step."""

import pytest

from simulators.benefit.case_file import parse_case, parse_file, run, year_of
from simulators.benefit.datafile import DataError
from simulators.benefit.explain import explain, explain_settlement, percent, yuan


def test_a_pooled_visit_is_told_step_by_step(cases_text: str) -> None:
    """P11: the deductible is crossed inside the bill."""
    assert explain(cases_text, "P11").splitlines() == [
        "P11 Deductible crossing, retired, tier 3",
        "insured at JH: employee (310), person type 12",
        "personal account 0.00",
        "",
        "s1: settle outpatient on 2026-03-12 at JH tier3, area local",
        "  steps 1-8  S03 (CT scan): 1 x 240 = 240.00, class B, share (class B 10%) 24.00, in scope 216.00",
        "  steps 1-8  S02 (laboratory panel): 2 x 60 = 120.00, class A, in scope 120.00",
        "  steps 1-8  D03 (oral hypoglycaemic tablet, box): 3 x 12.5 = 37.50, class A, in scope 37.50",
        "  step 9   total 397.50 = self-paid 0.00 + above the ceiling 0.00 + share 24.00 + scope 373.50",
        "  step 10  ratio 55%",
        "  step 11  deductible: standard 300.00, 120.00 paid before; 180.00 falls on this bill",
        "  step 12  pool: (373.50 - 180.00) x 55% = 106.43",
        "           left of the yearly limit of ordinary out-patient care: 8000.00",
        "           left of the overall cap of the basic fund: 400000.00",
        "  step 13  the pool leaves 267.07 of the scope, 0.00 of negotiated drugs",
        "  step 14  large-amount subsidy: counted burden of the year 0.00 to 267.07: pays 0.00",
        "  step 20  funds 106.43, person 291.07",
        "           310100 职工基本医疗保险统筹基金 106.43",
        "  step 21  accounts not used",
        "  step 22  cash 291.07",
        "  step 23  accumulators of 2026: dedc_op 180.00, pool_op 106.43, pool_all 106.43, si_base 267.07",
    ]


@pytest.mark.parametrize(
    ("case_id", "words"),
    [
        ("P08", "class C, listed B but not payable here, wholly self-paid 196.00"),
        ("P29", "step 10  ratio 60%, times 60% for the area: 36%"),
        ("P29", "above the ceiling of 320.00: 30.00"),
        ("P27", "share (class B 10%, then out of area 10%) 798.00"),
        ("P16", "step 10  ratio 55% + 5% for the signed family doctor: 60%"),
        ("P33", "= 615.29, limited to 350.00"),
        ("P33", "left of the joint ceiling of class II: 350.00"),
        ("P34", "left of the highest class-II limit with its additions: 50.00"),
        ("P18", "left of the shared limit of both two-disease drugs: 180.00"),
        ("P40", "counted burden of the year 9600.00 to 10868.82, better terms for the person's category"),
        ("P41", "base 1615.00, 1115.00 of it above the threshold, x 60% = 669.00"),
        ("P43", "step 18  layer GX_TILT: base 570.00, 470.00 of it above the threshold, x 70% = 329.00"),
        ("P45", "step 17  no assistance: not filed"),
        ("P47", "left of the limit per pregnancy: 200.00"),
        ("P49", "step 16  civil servant: 899.64 x 96% + 0.00 x 96% = 863.65"),
        ("P50", "step 15  enterprise supplement: 176.60 x 50% = 88.30, limited to 20.00"),
        ("P54", "refused: The waiting period is not over [WAITING_PERIOD], benefits begin on 2026-06-10"),
        ("P01", "step 10  account purchase: no pool"),
        ("P03", "step 21  the account may not pay 25.80 of daily goods"),
        ("P63", "negotiated drugs: 2398.00 x 70% = 1678.60"),
        ("P66", "account of other_parent 30.00"),
        ("P70", "refused: Cancel the later settlement first [LATER_SETTLEMENT_EXISTS]; nothing changes"),
        ("P71", "spouse gets back 24.00"),
        ("P73", "step 19  public money takes the rest: 311.99"),
    ],
)
def test_what_decides_a_case_is_said(cases_text: str, case_id: str, words: str) -> None:
    """Each rule that changes an amount has its words."""
    assert words in explain(cases_text, case_id)


def test_every_case_can_be_told(cases_text: str) -> None:
    """All 74, and each names its cash or its refusal."""
    for case_id in parse_file(cases_text).cases:
        told = explain(cases_text, case_id)
        assert "step 22  cash" in told or "refused:" in told


def test_a_settlement_outside_a_case_can_be_told(cases_text: str) -> None:
    """The same lines come from the values a settlement was calculated from."""
    found = parse_file(cases_text)
    case = parse_case(found.cases["P20"])
    (outcome,) = run(found, case)
    visit = outcome.step.visit
    assert visit is not None
    assert outcome.calculation is not None
    told = explain_settlement(
        found.book.version("JH", visit.fee_date),
        found.book.place(visit.place),
        case.person,
        year_of(outcome.before, 2026),
        visit,
        outcome.step.lines,
        outcome.calculation,
    )
    assert "\n".join(told) in explain(cases_text, "P20")


def test_unknown_case_and_unreadable_file_are_told_apart(cases_text: str) -> None:
    """The command can say which of the two it was."""
    with pytest.raises(LookupError, match="cases has no case P99"):
        explain(cases_text, "P99")
    with pytest.raises(DataError, match="is not JSON"):
        explain("", "P01")


def test_amounts_in_words() -> None:
    """Yuan with two decimals, ratios with as many as they need."""
    assert [yuan(0), yuan(5), yuan(-12345)] == ["0.00", "0.05", "-123.45"]
    assert [percent(7000), percent(1250), percent(5), percent(10000)] == ["70%", "12.5%", "0.05%", "100%"]
