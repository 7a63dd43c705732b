"""What is told of the end of terms."""

import msgspec


class ExpiredDayView(msgspec.Struct, frozen=True):
    """One key deleted."""

    day: str
    purpose: str
    """`identity` or `evidence`."""
    settlements: int


class HeldDayView(msgspec.Struct, frozen=True):
    """A day past its term that is kept, because something of it is not over."""

    day: str
    purpose: str
    settlements: tuple[str, ...]
    """The first few that are not over."""


class ExpiryView(msgspec.Struct, frozen=True):
    """What was deleted and what is held back."""

    deleted: tuple[ExpiredDayView, ...]
    held: tuple[HeldDayView, ...]
    purged: bool
    """False while traces are left on the disk (a reader of the file, the copy kept after a migration); a later run removes
    them."""
