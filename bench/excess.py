"""What a measurement of `bench` yields where the promise is an amount on top of something, not a ratio to it."""

import msgspec


class Excess(msgspec.Struct, frozen=True):
    """One figure of ours beside the floor that it may exceed by so much and no more."""

    name: str
    ours: float
    """Median through our code, in `unit`."""
    floor: float
    """Median of the bare thing underneath, in `unit`, measured in the same run."""
    limit: float
    """What may come on top of the floor, in `unit`."""
    unit: str
    """`ms`, `s`, `MiB` or `errors`."""
    note: str = ""
    """What the two sides contain, in one sentence."""

    @property
    def excess(self) -> float:
        """What our code puts on top of the floor."""
        return self.ours - self.floor

    @property
    def is_within_limit(self) -> bool:
        """Whether the promise is kept."""
        return self.excess <= self.limit
