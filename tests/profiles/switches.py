"""Which test is the witness of which value of a profile's switch: the mark `switch`, read by the docs and by a test."""

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


def switch(key: str, *values: object) -> Callable[[Test], Test]:
    """Mark a test that asserts the bytes or the state by which these values of a switch differ from the others."""

    def marked(test: Test) -> Test:
        return test

    return marked
