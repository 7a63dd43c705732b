"""The monitor thread: which readers are there, and whether a card is in ours.

It owns a context of its own, because a context that waits cannot do anything else. It waits on our reader and on the
plug-and-play pseudo-reader, and comes back at least every heartbeat: that is also how we know that the service is alive
when a dialogue does not come back. When the service goes away, every old context is dead for good; the thread drops its
own and tries a new one until the service is there again.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from drivers.interfaces.card_reader import CardPresence
from drivers.pcsc import scard
from drivers.pcsc.scard import PcscFailure, Seen

_HEARTBEAT_MS: Final = 200
_RETRY_S: Final = 0.05  # a restarted service is back within 14 ms; the monitor 50 ms after it


class Sight(msgspec.Struct, frozen=True):
    """What the monitor saw last."""

    service: bool
    readers: tuple[str, ...]
    presence: CardPresence


def match_reader(wanted: str, names: tuple[str, ...]) -> str | None:
    """Pick our reader: the exact name, else the first one that contains it ("" = the first one)."""
    if wanted in names:
        return wanted
    # The numbers at the end of a reader's name change with the order of plugging in.
    return next((name for name in names if wanted in name), None)


class Monitor:
    """One thread that calls `seen` (in that thread) with every change."""

    def __init__(self, wanted: str, seen: Callable[[Sight], None], ended: Callable[[], None]) -> None:
        self._wanted = wanted
        self._seen = seen
        self._ended = ended
        self._stop = threading.Event()
        self._epoch = 0
        self._last: Sight | None = None
        self._thread = threading.Thread(target=self._main, name=f"pcsc-monitor {wanted}", daemon=True)
        self.beat_at = 0.0
        """Monotonic time at which the service last answered."""

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end, which it does within one heartbeat unless the service hangs."""
        self._stop.set()

    def _main(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._watch()
                except PcscFailure:
                    self._report(Sight(False, (), CardPresence(self._wanted, False, b"", self._epoch << 16)))
                    self._stop.wait(_RETRY_S)
        finally:
            self._ended()

    def _watch(self) -> None:
        """Watch with one context until it fails or we are asked to stop."""
        context = scard.establish()
        self._epoch += 1
        known: dict[str, int] = {}
        try:
            while not self._stop.is_set():
                names = scard.list_readers(context)
                ours = match_reader(self._wanted, names)
                wait_for = [name for name in (ours, scard.PNP) if name is not None]
                states = scard.wait_change(
                    context, _HEARTBEAT_MS, [(name, known.get(name, 0)) for name in wait_for]
                )
                self.beat_at = time.monotonic()
                for state in states or ():
                    known[state.reader] = state.flags
                    if state.reader == ours:
                        self._report(Sight(True, names, self._presence(state)))
                if ours is None:
                    known = {name: flags for name, flags in known.items() if name == scard.PNP}
                    self._report(
                        Sight(True, names, CardPresence(self._wanted, False, b"", self._epoch << 16))
                    )
        finally:
            with suppress(PcscFailure):  # the service may be gone; its descriptor is given back all the same
                scard.release(context)

    def _presence(self, state: Seen) -> CardPresence:
        # The service starts to count again when it is restarted; the epoch keeps two insertions apart all the same.
        count = self._epoch << 16 | state.event_count
        return CardPresence(state.reader, state.present, state.atr if state.present else b"", count)

    def _report(self, sight: Sight) -> None:
        if sight != self._last:
            self._last = sight
            self._seen(sight)
