"""What one measurement of `bench` yields."""

import msgspec


class Result(msgspec.Struct, frozen=True):
    """One figure of ours beside the floor it cannot go below."""

    name: str
    ours_ms: float
    """Median milliseconds through our code."""
    floor_ms: float
    """Median milliseconds of the bare thing underneath, measured in the same run."""
    limit_ratio: float | None
    """What the ratio must not exceed; None where nothing was promised."""
    note: str = ""
    """What the two sides contain, in one sentence."""

    @property
    def ratio(self) -> float:
        """How many times the floor our code takes."""
        return self.ours_ms / self.floor_ms

    @property
    def is_within_limit(self) -> bool:
        """Whether the promise is kept; true where there is none."""
        return self.limit_ratio is None or self.ratio <= self.limit_ratio
