"""The three sums every step is made of. Inputs are never negative."""

from typing import Final

WHOLE_BP: Final = 10_000
"""A ratio of 100 %."""


def share_of(amount_fen: int, ratio_bp: int) -> int:
    """A ratio of an amount, rounded half up to the fen (the R of the model)."""
    return (amount_fen * ratio_bp + 5_000) // WHOLE_BP


def rest_of(limit_fen: int | None, used_fen: int) -> int | None:
    """What is left of a limit; below 0 counts as 0, None is no limit."""
    if limit_fen is None:
        return None
    return limit_fen - used_fen if limit_fen > used_fen else 0


def within(wanted_fen: int, rest_fen: int | None) -> int:
    """The wanted amount as far as the rest of a limit allows."""
    return wanted_fen if rest_fen is None or wanted_fen < rest_fen else rest_fen
