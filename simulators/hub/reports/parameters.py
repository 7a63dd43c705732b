"""Parameters of the reports: reading and checking the file. A file that is not sound is refused as a whole (`DataError`)."""

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Final

import msgspec

from simulators.benefit.datafile import YUAN, DataError, Node
from simulators.benefit.model import CATEGORIES

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_LARGEST: Final = 1_000_000


class ResidentPremium(msgspec.Struct, frozen=True):
    """Residents' premium and its public subsidy."""

    own_fen: int
    subsidy_fen: int
    central_bp: Mapping[str, int]
    """Central share of the subsidy, by region of the country."""
    aid_fen: Mapping[str, int]
    """What is paid of a person's own premium by category, the whole premium included."""


class SubsidySplit(msgspec.Struct, frozen=True):
    """Who pays the local part of the subsidy for one kind of people."""

    who: str
    region_fen: int
    county_fen: int


class Subsidy(msgspec.Struct, frozen=True):
    """The subsidy's central part and the ways in which the rest is split."""

    name: str
    central_fen: int
    splits: tuple[SubsidySplit, ...]


class County(msgspec.Struct, frozen=True):
    """A county with the subsidy it gives; never less than that of its tier."""

    name: str
    tier: str
    subsidy_fen: int


class Employees(msgspec.Struct, frozen=True):
    """Rates and base of employees, and the credit to their accounts."""

    name: str
    employer_bp: int
    employee_bp: int
    flexible_bp: int
    base_lowest_percent: int
    base_highest_percent: int
    average_wage_fen: int
    account_credit_bp: int
    credit_day: int


class CountySubsidy(msgspec.Struct, frozen=True):
    """The residents' subsidy by county."""

    name: str
    counties: tuple[County, ...]


class InpatientGroup(msgspec.Struct, frozen=True):
    """Cost of stays inside the policy scope, and what the funds paid of it."""

    who: str
    scope_fen: int
    fund_fen: int


class Factor(msgspec.Struct, frozen=True):
    """What an assessment leaves of an institution's clearing amount."""

    month: str
    institution: str
    factor_bp: int


class Clearing(msgspec.Struct, frozen=True):
    """How the budget of a month is shared."""

    points: Mapping[str, int]
    """Points of one visit by `med_type`."""
    other_points: int
    budget_fen: Mapping[str, int]
    """By month."""
    factors: tuple[Factor, ...]


class Batch(msgspec.Struct, frozen=True):
    """One item of a batch of central procurement with its yearly budget."""

    item: str
    budget_fen: int


class Procurement(msgspec.Struct, frozen=True):
    """Prepayment and retained surplus."""

    prepaid_bp: int
    retained_bp: int
    batches: tuple[Batch, ...]


class CountyFund(msgspec.Struct, frozen=True):
    """A county's part of the city's fund."""

    division: str
    income_fen: int
    balance_fen: int
    """From before the city pooled; kept apart."""


class Funds(msgspec.Struct, frozen=True):
    """The city's fund."""

    city_share_bp: int
    counties: tuple[CountyFund, ...]


class Budget(msgspec.Struct, frozen=True):
    """Yearly budget of the pooled funds, by fund type, and the levels of warning."""

    year_fen: Mapping[str, int]
    levels_bp: tuple[int, ...]


class Monitoring(msgspec.Struct, frozen=True):
    """What is worth a look."""

    burden_fen: int
    outlier_percent: int
    outlier_lines: int


class Feed(msgspec.Struct, frozen=True):
    """An approved feed to another department."""

    purpose: str
    approval: str
    until: dt.date


class Parameters(msgspec.Struct, frozen=True):
    """Everything a report may ask beside the books."""

    residents: ResidentPremium
    subsidy: Subsidy
    employees: Employees
    county_subsidy: CountySubsidy
    inpatient: tuple[InpatientGroup, ...]
    head_price_fen: int
    clearing: Clearing
    procurement: Procurement
    funds: Funds
    budget: Budget
    monitoring: Monitoring
    feeds: tuple[Feed, ...]


def load_shipped() -> Parameters:
    """The parameters that come with the simulator."""
    return parse_parameters(shipped_text(), "parameters.toml")


def shipped_text() -> str:
    """The shipped file as text."""
    return resources.files(__package__).joinpath("parameters.toml").read_text("utf-8")


def parse_parameters(text: str, file: str) -> Parameters:
    """Read a file of parameters. Raises DataError."""
    try:
        root = Node(file, tomllib.loads(text), YUAN)
    except tomllib.TOMLDecodeError as fault:
        raise DataError(file, "", f"is not TOML: {fault}") from None
    root.only(
        "contributions", "subsidy", "employees", "county_subsidy", "inpatient", "heads", "clearing", "procurement", "funds",
        "budget", "monitoring", "feed",
    )  # fmt: skip
    root.child("inpatient").only("groups")
    root.child("heads").only("price")
    feeds = root.maybe("feed")
    return Parameters(
        residents=_residents(root.child("contributions")),
        subsidy=_subsidy(root.child("subsidy")),
        employees=_employees(root.child("employees")),
        county_subsidy=_county_subsidy(root.child("county_subsidy")),
        inpatient=tuple(_inpatient(row) for row in root.child("inpatient").child("groups").elements()),
        head_price_fen=root.child("heads").child("price").money(),
        clearing=_clearing(root.child("clearing")),
        procurement=_procurement(root.child("procurement")),
        funds=_funds(root.child("funds")),
        budget=_budget(root.child("budget")),
        monitoring=_monitoring(root.child("monitoring")),
        feeds=tuple(_feed(row) for row in feeds.elements()) if feeds else (),
    )


def _residents(node: Node) -> ResidentPremium:
    node.only("own", "subsidy", "central_west", "central_centre", "aid")
    own_fen = node.child("own").money()
    aid: dict[str, int] = {}
    for category, row in node.child("aid").children():
        if category not in CATEGORIES:
            raise row.error("is no category")
        aid[category] = own_fen if row.value == "full" else row.money()
        if aid[category] > own_fen:
            raise row.error("is more than the premium")
    return ResidentPremium(
        own_fen=own_fen,
        subsidy_fen=node.child("subsidy").money(),
        central_bp={
            "西部 west": node.child("central_west").ratio(),
            "中部 centre": node.child("central_centre").ratio(),
        },
        aid_fen=aid,
    )


def _subsidy(node: Node) -> Subsidy:
    node.only("name", "central", "splits")
    rows = node.child("splits").elements()
    for row in rows:
        row.only("who", "region", "county")
    return Subsidy(
        node.child("name").text(),
        node.child("central").money(),
        tuple(
            SubsidySplit(row.child("who").text(), row.child("region").money(), row.child("county").money())
            for row in rows
        ),
    )


def _employees(node: Node) -> Employees:
    node.only(
        "name", "employer", "employee", "flexible", "base_lowest", "base_highest", "average_wage",
        "account_credit", "credit_day",
    )  # fmt: skip
    lowest, highest = node.child("base_lowest").number(1000), node.child("base_highest").number(1000)
    if lowest > highest:
        raise node.child("base_lowest").error("is above base_highest")
    day = node.child("credit_day").number(28)
    if day == 0:
        raise node.child("credit_day").error("must be a day from 1 to 28")
    return Employees(
        name=node.child("name").text(),
        employer_bp=node.child("employer").ratio(),
        employee_bp=node.child("employee").ratio(),
        flexible_bp=node.child("flexible").ratio(),
        base_lowest_percent=lowest,
        base_highest_percent=highest,
        average_wage_fen=node.child("average_wage").money(),
        account_credit_bp=node.child("account_credit").ratio(),
        credit_day=day,
    )


def _county_subsidy(node: Node) -> CountySubsidy:
    node.only("name", "tiers", "counties")
    tiers = {tier: row.money() for tier, row in node.child("tiers").children()}
    return CountySubsidy(
        node.child("name").text(), tuple(_county(row, tiers) for row in node.child("counties").elements())
    )


def _county(node: Node, tiers: Mapping[str, int]) -> County:
    node.only("name", "tier", "subsidy")
    county = County(
        node.child("name").text(), node.child("tier").choice(*tiers), node.child("subsidy").money()
    )
    if county.subsidy_fen < tiers[county.tier]:
        raise node.child("subsidy").error(f"is below tier {county.tier}")
    return county


def _inpatient(node: Node) -> InpatientGroup:
    node.only("who", "scope", "fund")
    group = InpatientGroup(node.child("who").text(), node.child("scope").money(), node.child("fund").money())
    if not 0 < group.scope_fen >= group.fund_fen:
        raise node.child("fund").error("must not be more than the scope, which must be above 0")
    return group


def _clearing(node: Node) -> Clearing:
    node.only("points", "other_points", "budget", "factors")
    factors = node.maybe("factors")
    return Clearing(
        points={med_type: row.number(_LARGEST) for med_type, row in node.child("points").children()},
        other_points=node.child("other_points").number(_LARGEST),
        budget_fen={_month(row, month): row.money() for month, row in node.child("budget").children()},
        factors=tuple(_factor(row) for row in factors.elements()) if factors else (),
    )


def _month(node: Node, text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise node.error("is not a month such as 2026-11")
    return text


def _factor(node: Node) -> Factor:
    node.only("month", "institution", "factor")
    month = node.child("month")
    return Factor(_month(month, month.text()), node.child("institution").text(), node.child("factor").ratio())


def _procurement(node: Node) -> Procurement:
    node.only("prepaid", "retained", "batches")
    rows = node.child("batches").elements()
    for row in rows:
        row.only("item", "budget")
    return Procurement(
        node.child("prepaid").ratio(),
        node.child("retained").ratio(),
        tuple(Batch(row.child("item").text(), row.child("budget").money()) for row in rows),
    )


def _funds(node: Node) -> Funds:
    node.only("city_share", "counties")
    rows = node.child("counties").elements()
    for row in rows:
        row.only("division", "income", "balance")
    return Funds(
        node.child("city_share").ratio(),
        tuple(
            CountyFund(
                row.child("division").text(), row.child("income").money(), row.child("balance").money()
            )
            for row in rows
        ),
    )


def _budget(node: Node) -> Budget:
    node.only("levels", "year")
    levels = tuple(row.ratio() for row in node.child("levels").elements())
    if list(levels) != sorted(set(levels)):
        raise node.child("levels").error("must rise")
    return Budget({fund: row.money() for fund, row in node.child("year").children()}, levels)


def _monitoring(node: Node) -> Monitoring:
    node.only("burden", "outlier", "outlier_lines")
    return Monitoring(
        node.child("burden").money(),
        node.child("outlier").number(_LARGEST),
        node.child("outlier_lines").number(_LARGEST),
    )


def _feed(node: Node) -> Feed:
    node.only("purpose", "approval", "until")
    return Feed(node.child("purpose").text(), node.child("approval").text(), node.child("until").date())
