"""A request handled step by step, so that several may go side by side."""

from collections.abc import Generator
from typing import TypeVar

Outcome = TypeVar("Outcome")

Steps = Generator[None, None, Outcome]
"""Handling of one request: it is read, admitted, booked, its answer signed, with a `yield` between. It may end earlier."""


def at_once(steps: Steps[Outcome]) -> Outcome:
    """Take all steps of a request that goes alone."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
