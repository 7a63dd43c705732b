"""What is told of a month's clearing."""

import msgspec

from terminal.shapes.hub import Row


class ClearingGroup(msgspec.Struct, frozen=True, order=True):
    """What one application is made for."""

    clr_type: str
    clr_way: str
    agency: str
    """`clr_optins`; stands as `insuplc_admdvs` in the envelope."""


class ClearingSums(msgspec.Struct, frozen=True):
    """The sums of one application, in fen."""

    group: ClearingGroup
    count: int
    """Settlements that stand: a cancellation takes its settlement back."""
    total_fen: int
    recognised_fen: int
    fund_fen: int
    cash_fen: int
    account_fen: int


class ClearingView(msgspec.Struct, frozen=True):
    """What the books of a month ask for."""

    month: str
    """YYYY-MM."""
    by: str
    """`portal` or `3203`: how this hub takes applications."""
    is_over: bool
    """The month has ended; before that its sums still grow."""
    open: int
    """Settlements of the month whose outcome is open: with one of them nobody should apply."""
    without_amounts: int
    """Settlements of the month that stand, confirmed by two people out of an old copy of the journal: the sums lack them."""
    applications: tuple[ClearingSums, ...]


class FarRowView(msgspec.Struct, frozen=True):
    """One record of another place, and whether our books have it."""

    row: Row
    """The hub's own members as text, by wire name, without the identity number."""
    agreed: bool
    reason: str
    """Why not: `not_ours`, `total_differs`, `fund_differs`."""


class FarView(msgspec.Struct, frozen=True):
    """The month's records of people insured elsewhere (3260)."""

    month: str
    rows: tuple[FarRowView, ...]
