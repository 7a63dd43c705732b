"""Every bad twin is caught by an invariant that does not know it; else the simulation proves nothing."""

import inspect

import pytest

import yibao.site.twins
from tests.faults import counted, fired
from yibao.site.swarm import catch
from yibao.site.twins import TWINS

pytestmark = [
    pytest.mark.blocking_allowed("virtual time: the disk is called in line, and nobody is kept waiting"),
    pytest.mark.timeout(240),
]
SIXTEEN = [name for name, twin in TWINS.items() if not twin.slots]
MOST_SETTLEMENTS = 2000
FIRST_SEED = {
    "lock-released-on-timeout": 7,
    "send-before-commit": 2,
    "print-before-commit": 2,
    "float-money": 1,
    "late-approval-accepted": 27,
    "not-found-ends-reversal": 7,
    "wall-clock-deadlines": 48,
    "audit-in-another-transaction": 26,
    "sync-tried-again": 30,
}
"""Where the hunt begins for those that need long from seed 0, so that it is short here; `make simulation` begins at 0."""


def test_there_are_sixteen_and_the_colliding_ids() -> None:
    assert len(SIXTEEN) == 16
    assert len(TWINS) == 17


@pytest.mark.proof
@pytest.mark.parametrize("name", SIXTEEN)
def test_the_twin_is_caught(name: str) -> None:
    caught = catch(name, FIRST_SEED.get(name, 0))
    assert caught.invariant
    assert caught.settlements <= MOST_SETTLEMENTS
    counted("twins_caught")


def test_colliding_message_ids_are_found() -> None:
    """Fault F73: two tills with the same slot, and a hub that books a message id as often as it comes."""
    assert catch("colliding-message-ids").invariant in ("I1", "I2", "I5")
    fired("F73")


def test_no_twin_is_longer_than_thirty_lines() -> None:
    parts = [
        thing for _, thing in inspect.getmembers(yibao.site.twins)
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and thing.__module__ == yibao.site.twins.__name__
    ]  # fmt: skip
    for thing in parts:
        lines = [line for line in inspect.getsource(thing).splitlines() if line.strip()]
        assert len(lines) <= 30, thing.__name__
