"""What is told of a day's reconciliation."""

import msgspec

from terminal.reconciliation.report import Detail, Difference, GroupResult
from terminal.shapes.settlements import SettlementView
from terminal.texts import Told


class DifferenceView(msgspec.Struct, frozen=True):
    """One difference with its words."""

    difference: Difference
    open: bool
    """True while somebody or something still has to act."""
    operators_needed: int
    """2 when the terminal can carry out the action; 0 when there is nothing for it to carry out."""
    kind: Told
    cause: Told
    action: Told


class ReportView(msgspec.Struct, frozen=True):
    """One day, compared."""

    date: str
    made_at: str
    provisional: bool
    """The day was not over yet, or had only just ended."""
    outcome: str
    """`level`, `explained`, `differs` or `not_compared`."""
    told: Told
    groups: tuple[GroupResult, ...]
    details: tuple[Detail, ...]
    differences: tuple[DifferenceView, ...]


class FixedView(msgspec.Struct, frozen=True):
    """What came of a correction: the settlement as it is now."""

    difference: str
    settlement: SettlementView
