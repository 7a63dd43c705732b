"""Why no new sale may start at the moment, while what is open is worked off all the same.

A hold is set by whoever found the reason (a journal that was put back, a full disk, a clock that cannot be trusted)
and lifted by the same. Each is told once when it begins; its text says what happened, who holds the money, what to do.

One of them stops more than sales. When the journal is an old copy, what it calls open may be long over: a settlement it
holds to be in doubt may have been confirmed since, its customer gone with the goods. So while `ROLLED_BACK` stands no
reversal, no cancellation and no withdrawal leaves either (decision 0010).
"""

from collections.abc import Callable
from typing import Final

from terminal.core.events import Misuse
from terminal.core.values import Notice

ROLLED_BACK: Final = "journal_rolled_back"
DISK_FULL: Final = "disk_full"
DISK_READ_ONLY: Final = "disk_read_only"
CLOCK_BEHIND: Final = "clock_behind"
CLOCK_JUMPED: Final = "clock_jumped"
HOLD_CODES: Final = frozenset({ROLLED_BACK, DISK_FULL, DISK_READ_ONLY, CLOCK_BEHIND, CLOCK_JUMPED})
"""Every reason there is: the local API answers 503 with them, the fleet's people see them as alarms."""


class Holds:
    """The reasons that stand now, in the order in which they came."""

    def __init__(self, announce: Callable[[Notice], None]) -> None:
        """`announce` tells everybody who follows the counter."""
        self._announce = announce
        self._standing: dict[str, Notice] = {}

    def set(self, notice: Notice) -> None:
        """No new sale for this reason from now on; a reason that stands already is not told again."""
        if notice.code not in HOLD_CODES:
            raise ValueError(f"{notice.code} is not among HOLD_CODES")
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

    @property
    def is_old_copy(self) -> bool:
        """True while a witness says that this journal is not the newest: nothing that changes the hub may leave."""
        return ROLLED_BACK in self._standing

    def require_newest(self) -> None:
        """Raise `Misuse` while the journal is an old copy."""
        if self.is_old_copy:
            raise Misuse(ROLLED_BACK, **self._standing[ROLLED_BACK].params)

    def require_none(self) -> None:
        """Raise `Misuse` with the oldest reason, if there is one."""
        for notice in self._standing.values():
            raise Misuse(notice.code, **notice.params)
