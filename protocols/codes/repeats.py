"""A scanner in presentation mode reads a code again and again while it stays in view (PD-23, layer 1)."""

REPEAT_WINDOW_S = 1.5
_MAX_REMEMBERED = 64
"""More different codes than this within the window is a flood; the oldest are forgotten."""


class RepeatFilter:
    """Tells a second sighting of the same code from a second scan.

    The same bytes and symbology within 1.5 s of the last *sighting* are one scan: each sighting moves the window on, so
    a code left under the scanner counts once however long it lies there.
    """

    def __init__(self, window_s: float = REPEAT_WINDOW_S) -> None:
        self._window_s = window_s
        self._last_seen_s: dict[tuple[bytes, str], float] = {}

    def is_repeat(self, payload: bytes, symbology: str, now_s: float) -> bool:
        """Note this sighting; True when it continues an earlier one."""
        oldest_s = now_s - self._window_s
        self._last_seen_s = {key: seen for key, seen in self._last_seen_s.items() if seen > oldest_s}
        key = (payload, symbology)
        # Taken out and put back, so that the dictionary stays in order of the last sighting.
        repeated = self._last_seen_s.pop(key, None) is not None
        if len(self._last_seen_s) >= _MAX_REMEMBERED:
            del self._last_seen_s[next(iter(self._last_seen_s))]
        self._last_seen_s[key] = now_s
        return repeated
