"""The worked cases, the shipped policy book, and visits to try them with."""

import datetime
from pathlib import Path

import pytest

from simulators.benefit.model import Area, Institution, Line, Person, Visit
from simulators.benefit.policies import PolicyBook, load_shipped

CASES = Path(__file__).parents[2] / "vectors" / "benefit" / "benefit-cases.json"
DAY = datetime.date(2026, 3, 12)

RESIDENT = Person(insutype="390", psn_type="15")
EMPLOYEE = Person(insutype="310", psn_type="11")


@pytest.fixture(scope="session")
def cases_text() -> str:
    """The file of worked cases."""
    return CASES.read_text("utf-8")


@pytest.fixture(scope="session")
def book() -> PolicyBook:
    """The shipped sets and catalogue."""
    return load_shipped()


def line(item: str, count: int, price_fen: int, *, indication_ok: bool = False) -> Line:
    """A line with a whole count and a price in fen."""
    return Line(item, count * 10_000, price_fen * 10_000, indication_ok)


def clinic_visit(place: str = "JH", area: Area = "local", *, networked: bool = True) -> Visit:
    """An ordinary visit to a primary clinic."""
    return Visit(place, Institution("primary", networked=networked), "outpatient", DAY, area)
