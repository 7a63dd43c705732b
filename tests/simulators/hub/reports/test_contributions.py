"""Premiums, subsidies, rates, and the monthly credit."""

import datetime as dt
import json

import pytest

from simulators.benefit.datafile import DataError
from simulators.hub.reports.contributions import (
    contributions,
    credit_account,
    employee_contribution,
    own_premium_fen,
)
from simulators.hub.reports.parameters import load_shipped, parse_parameters, shipped_text
from simulators.people import Person
from simulators.serve import SimulatedWorld
from tests.capabilities import asserted, yuan
from tests.simulators.benefit.conftest import CASES

PARAMETERS = load_shipped()
ROWS = contributions(PARAMETERS).rows


def _parts(table: str, who: str) -> dict[str, str]:
    """The parts of one group, by their English names, in yuan."""
    return {
        str(part).rpartition(" ")[2]: yuan(int(amount))
        for name, whom, part, amount in ROWS
        if str(name).endswith(table) and str(whom).endswith(who)
    }


def test_residents_of_2022() -> None:
    expected = {"own": "350.00", "subsidy": "610.00", "sum": "960.00"}
    asserted("R44", expected, _parts("2022", "residents"), what="sum")


def test_the_central_share_of_the_subsidy() -> None:
    asserted("R45", {"80%": "488.00"}, _parts("central subsidy", "west"), what="west")
    asserted("R45", {"60%": "366.00"}, _parts("central subsidy", "centre"), what="centre")


@pytest.mark.parametrize(
    ("what", "who", "region", "county"),
    [
        ("poverty-lifted county", "poverty-lifted county", "91.50", "30.50"),
        ("other county", "other county", "61.00", "61.00"),
        ("students", "students of the region", "122.00", "0.00"),
    ],
)
def test_who_pays_the_subsidy_in_guangxi(what: str, who: str, region: str, county: str) -> None:
    expected = {"central": "488.00", "region": region, "county": county, "sum": "610.00"}
    asserted("R46", expected, _parts("Guangxi subsidy", who), what=what)


@pytest.mark.parametrize(
    ("what", "category", "own"),
    [("extremely poor", "extremely_poor", "0.00"), ("low income", "low_income", "70.00")],
)
def test_premium_aid(what: str, category: str, own: str) -> None:
    asserted("R33", {"own": own}, {"own": yuan(own_premium_fen(PARAMETERS, category))}, what=what)
    assert _parts("premium aid", category)["own"] == own


def test_somebody_in_no_category_pays_the_whole_premium() -> None:
    assert own_premium_fen(PARAMETERS, "") == 35000


@pytest.mark.parametrize(
    ("what", "wage_fen", "base", "employer", "own"),
    [
        ("low wage", 300_000, "4800.00", "360.00", "96.00"),
        ("high wage", 3_000_000, "24000.00", "1800.00", "480.00"),
    ],
)
def test_jinhua_rates_and_base(what: str, wage_fen: int, base: str, employer: str, own: str) -> None:
    paid = employee_contribution(PARAMETERS.employees, wage_fen)
    actual = {"base": yuan(paid.base_fen), "employer": yuan(paid.employer_fen), "own": yuan(paid.own_fen)}
    asserted("R47", {"base": base, "employer": employer, "own": own}, actual, what=what)


def test_a_flexible_worker_pays_everything() -> None:
    paid = employee_contribution(PARAMETERS.employees, 480_000, flexible=True)
    assert paid.employer_fen == 0
    actual = {"base": yuan(paid.base_fen), "own": yuan(paid.own_fen)}
    asserted("R47", {"base": "4800.00", "own": "432.00"}, actual, what="flexible")


def test_jinhua_counties() -> None:
    asserted("R48", {"C": "930.00"}, _parts("Jinhua subsidy", "Wuyi"), what="Wuyi")
    asserted("R48", {"A": "1100.00"}, _parts("Jinhua subsidy", "Yiwu"), what="Yiwu")


def test_a_county_below_its_tier_is_refused() -> None:
    spoilt = shipped_text().replace(
        'name = "武义 Wuyi", tier = "C", subsidy = "930.00"',
        'name = "武义 Wuyi", tier = "C", subsidy = "929.99"',
    )
    with pytest.raises(DataError) as refused:
        parse_parameters(spoilt, "mine.toml")
    asserted(
        "R48",
        "mine.toml: county_subsidy.counties.7.subsidy: is below tier C",
        str(refused.value),
        what="below its tier",
    )
    above = shipped_text().replace('tier = "C", subsidy = "930.00"', 'tier = "C", subsidy = "935.00"', 1)
    assert parse_parameters(above, "mine.toml").county_subsidy.counties[4].subsidy_fen == 93500


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[heads]", "[head]", "head: unknown key"),
        ("low_income =", "low_incomes =", "contributions.aid.low_incomes: is no category"),
        (
            'low_income = "280.00"',
            'low_income = "350.01"',
            "contributions.aid.low_income: is more than the premium",
        ),
        ("base_lowest = 60 ", "base_lowest = 301 ", "employees.base_lowest: is above base_highest"),
        ("credit_day = 10", "credit_day = 0", "employees.credit_day: must be a day from 1 to 28"),
        (
            'tier = "B", subsidy',
            'tier = "D", subsidy',
            "county_subsidy.counties.2.tier: 'D' is none of A, B, C",
        ),
        (
            'fund = "36632000.00"',
            'fund = "48200000.01"',
            "inpatient.groups.1.fund: must not be more than the scope",
        ),
        ('"2026-10" = "1000.00"', '"2026-13" = "1000.00"', "clearing.budget.2026-13: is not a month"),
        (
            "factors = []",
            'factors = [{ month = "2026", institution = "x", factor = "97%" }]',
            "is not a month",
        ),
        ('"80%", "90%"', '"90%", "80%"', "budget.levels: must rise"),
        ("[heads]", "[heads", "is not TOML"),
    ],
)
def test_a_file_that_is_not_sound_is_refused_as_a_whole(old: str, new: str, words: str) -> None:
    assert old in shipped_text()
    with pytest.raises(DataError) as refused:
        parse_parameters(shipped_text().replace(old, new, 1), "mine.toml")
    assert words in str(refused.value)


def test_the_shipped_figures_are_those_of_the_worked_cases() -> None:
    theirs = json.loads(CASES.read_text("utf-8"))["contributions"]
    national, guangxi, jinhua = theirs["national_2022_resident"], theirs["GX"]["resident_2022"], theirs["JH"]
    rule = PARAMETERS.residents
    assert (rule.own_fen, rule.subsidy_fen) == (national["own"], national["subsidy_min"])
    assert list(rule.central_bp.values()) == [
        national["central_share_west"],
        national["central_share_centre"],
    ]
    assert PARAMETERS.subsidy.central_fen == guangxi["central"]
    splits = [(split.region_fen, split.county_fen) for split in PARAMETERS.subsidy.splits]
    assert splits == [(9150, 3050), (6100, 6100), (12200, 0)]
    for split, known in zip(splits, guangxi["local_split"].values(), strict=True):
        assert [amount for amount in split if amount] == list(known.values())
    employee = jinhua["employee"]
    assert (PARAMETERS.employees.employer_bp, PARAMETERS.employees.employee_bp, PARAMETERS.employees.flexible_bp) == (
        employee["employer"], employee["own"], employee["flexible"],
    )  # fmt: skip
    assert PARAMETERS.employees.base_lowest_percent * 100 == employee["base_min_share"]
    assert PARAMETERS.employees.base_highest_percent * 100 == employee["base_max_share"]
    counties = {
        county.name.partition(" ")[2]: county.subsidy_fen for county in PARAMETERS.county_subsidy.counties
    }
    assert counties == jinhua["resident_subsidy_2022"]
    aid = theirs["premium_aid"]
    assert rule.aid_fen == {
        "extremely_poor": national["own"], "low_income": aid["low_income"]["fixed"],
        "return_poverty": aid["return_poverty"]["fixed"],
    }  # fmt: skip


def test_the_account_is_credited_once_a_month_from_the_set_day_on(world: SimulatedWorld, jia: Person) -> None:
    def credit(year: int, month: int, day: int) -> int:
        date = dt.date(year, month, day)
        return credit_account(world.ledger, PARAMETERS.employees, jia.psn_no, 480_000, date)

    assert world.ledger.balance(jia.psn_no) == 6000
    assert credit(2026, 11, 9) == 0, "not yet"
    asserted("R50", {"credit": "96.00"}, {"credit": yuan(credit(2026, 11, 10))}, what="credit")
    assert [credit(2026, 11, 10), credit(2026, 11, 30)] == [0, 0]
    balance = {"balance": yuan(world.ledger.balance(jia.psn_no))}
    asserted("R50", {"balance": "156.00"}, balance, what="once")
    assert credit(2026, 12, 28) == 9600
    with pytest.raises(KeyError):
        credit_account(world.ledger, PARAMETERS.employees, "nobody", 480_000, dt.date(2026, 12, 28))
