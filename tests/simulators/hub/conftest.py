"""A world, a pharmacy till and a clinic window, both signed in."""

import pytest

from simulators.people import Person
from simulators.serve import SimulatedWorld
from tests.simulators.hub.counter import Counter, make_world


@pytest.fixture
def world() -> SimulatedWorld:
    """The shipped world with books in memory."""
    return make_world()


@pytest.fixture
def till(world: SimulatedWorld) -> Counter:
    """Till T01 of the pharmacy, signed in."""
    counter = Counter(world, "P99990000001")
    counter.sign_in()
    return counter


@pytest.fixture
def clinic(world: SimulatedWorld) -> Counter:
    """Window N01 of the clinic, signed in."""
    counter = Counter(world, "H99990000002")
    counter.sign_in()
    return counter


@pytest.fixture
def jia(world: SimulatedWorld) -> Person:
    """测试甲: employee, 60.00 on the account."""
    return world.person("jia")


@pytest.fixture
def yi(world: SimulatedWorld) -> Person:
    """测试乙: retired, diabetes filed, 50.00 on the account."""
    return world.person("yi")
