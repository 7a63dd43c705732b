"""Why no new sale may start at the moment, while what is open is worked off all the same.

A hold is set by whoever found the reason (a journal that was put back, a full disk, a clock that cannot be trusted)
and lifted by the same. Each is told once when it begins; its text says what happened, who holds the money, what to do.
"""

from collections.abc import Callable

from terminal.core.events import Misuse
from terminal.core.values import Notice


class Holds:
    """The reasons that stand now, in the order in which they came."""

    def __init__(self, announce: Callable[[Notice], None]) -> None:
        """`announce` tells everybody who follows the counter."""
        self._announce = announce
        self._standing: dict[str, Notice] = {}

    def set(self, notice: Notice) -> None:
        """No new sale for this reason from now on; a reason that stands already is not told again."""
        if self._standing.get(notice.code) == notice:
            return
        is_new = notice.code not in self._standing
        self._standing[notice.code] = notice
        if is_new:
            self._announce(notice)

    def lift(self, code: str) -> bool:
        """The reason is gone; returns whether it stood."""
        return self._standing.pop(code, None) is not None

    @property
    def standing(self) -> tuple[Notice, ...]:
        """All reasons that stand."""
        return tuple(self._standing.values())

    def require_none(self) -> None:
        """Raise `Misuse` with the oldest reason, if there is one."""
        for notice in self._standing.values():
            raise Misuse(notice.code, **notice.params)
