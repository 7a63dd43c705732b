"""Several public keys of one far side, each believed for a stated time: how a hub's key is rotated without a gap."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.interfaces.signer import Verifier


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """One key and when it is believed; `None` = without a limit on that side."""

    verifier: Verifier
    valid_from: dt.datetime | None = None
    valid_to: dt.datetime | None = None
    """The first moment at which it is believed no more."""

    def is_valid(self, now: dt.datetime) -> bool:
        """Whether it is believed at this moment."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_to is None or now < self.valid_to
        )


class VerifierRing:
    """Implements `Verifier`: a signature counts when any key verifies it that is believed now.

    "Now" is when the answer is judged, not when the question was asked: an answer that was kept back until its key was
    withdrawn proves nothing any more, and what it was about is found out by asking again.
    """

    def __init__(self, keys: Sequence[PinnedKey], now: Callable[[], dt.datetime]) -> None:
        """The key that is expected most often first; `now` knows its zone."""
        self._keys = tuple(keys)
        self._now = now

    def verify(self, data: bytes, signature: bytes) -> bool:
        """True only for a signature of a key that is believed now; malformed input is False."""
        now = self._now()
        return any(key.is_valid(now) and key.verifier.verify(data, signature) for key in self._keys)
