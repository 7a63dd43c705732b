"""Growing pauses between tries (profile decision PD-50: 0.5 s, doubled up to 10 s)."""


class Backoff:
    """Hands out the next pause; forgotten once a try has worked."""

    def __init__(self, first_s: float = 0.5, limit_s: float = 10.0) -> None:
        self._first_s = first_s
        self._limit_s = limit_s
        self._next_s = first_s

    def next_pause_s(self) -> float:
        """The pause before the next try."""
        pause_s = self._next_s
        self._next_s = min(pause_s * 2, self._limit_s)
        return pause_s

    def reset(self) -> None:
        """A try has worked: the next failure starts with the short pause again."""
        self._next_s = self._first_s
