"""A centre with a fixed random source."""

from random import Random

import pytest

from simulators.certificate_centre import CertificateCentre, CodeBook
from simulators.people import Person, load_people
from tests.simulators.certificate_centre.asking import CLINIC, OTHER, PHARMACY

PEOPLE = load_people()


@pytest.fixture
def book() -> CodeBook:
    """An empty book."""
    return CodeBook(PEOPLE, Random(1))


@pytest.fixture
def centre(book: CodeBook) -> CertificateCentre:
    """A centre that knows three institutions."""
    return CertificateCentre(book, [PHARMACY, OTHER, CLINIC])


@pytest.fixture
def people() -> dict[str, Person]:
    """Everybody by slug."""
    return {person.slug: person for person in PEOPLE}
