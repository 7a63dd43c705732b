"""What goes wrong in one run, and how often: drawn once per seed, because always-everything hides the deep states.

Every fault has a weight (none, rare, often), every class of message an intensity, every life of a machine a doom.
"""

import datetime as dt
from collections.abc import Mapping
from random import Random
from typing import Final

import msgspec

from protocols.wire_time import WIRE_ZONE
from yibao.site.disk import Cut

MONEY: Final = frozenset({"2102", "2103", "2207A", "2207", "2208", "2601"})
"""Transactions that move money."""

ROAD_FAULTS: Final = (
    "lose-request", "lose-answer", "slow-answer", "late-answer", "late-request", "duplicate", "swap", "replay", "cut", "cut-close",
    "bad-signature", "other-key", "changed-infcode", "changed-text", "other-message", "other-person", "identity-broken",
    "amount-off", "other-amount", "other-terminal", "html", "html-before", "http-500", "http-502", "http-429", "http-503-before", "huge",
    "trickle", "reorder", "expire-sign-in", "no-way",
)  # fmt: skip
"""What may happen to one message. `late-request` arrives after we gave up, `replay` brings an old answer again."""
REVERSAL_FAULTS: Final = ("refused-reversal", "not-found-reversal")
"""What a hub may besides say to a 2601: a refusal with a text of its own, and "not found" for what it holds."""
CANCELLATIONS: Final = frozenset({"2103", "2208"})
CANCELLATION_FAULTS: Final = ("refused-cancellation",)
"""What it may besides say to a cancellation: a refusal of what it takes at another time."""
OF_AMOUNTS: Final = frozenset(
    {"other-person", "identity-broken", "amount-off", "other-amount", "other-terminal"}
)
"""Faults of the settlement information in an answer; where there is none they do not exist."""
OPENINGS: Final = tuple(
    dt.datetime(2026, month, day, 23, 40, tzinfo=WIRE_ZONE) for month, day in ((11, 23), (11, 30), (12, 31))
)
DAYS_DOWN: Final = 0.005
"""Share of runs in which the hub is down for longer than a day, so that people are called (MANUAL)."""
_RATES: Final = {"none": 0.0, "rare": 1.0, "often": 6.0}


class Doom(msgspec.Struct, frozen=True):
    """How and when one life of a machine will end; the first that comes true."""

    cut: Cut
    after_changes: int | None = None
    """At this change of the disk, counted from the life's beginning."""
    after_messages: int | None = None
    """Around a message to the hub, counting each twice: before it leaves, and when its answer is back."""
    around_money: int | None = None
    """The same, counting only messages that move money."""
    after_s: float | None = None
    at_slip: int | None = None
    """While this slip is being printed."""


class Weather:
    """The faults of one run. `calm()` ends them all."""

    def __init__(self, rng: Random, of_cancellations: Random) -> None:
        """Refused cancellations have numbers of their own: they came later, and the stories of older seeds stay."""
        self._rng = rng
        self._of_cancellations = of_cancellations
        self.refused_cancellations = of_cancellations.choice((0.0, 0.0, 0.5))
        """Share of cancellations that the hub refuses."""
        kinds = ROAD_FAULTS + REVERSAL_FAULTS
        self.rates = {kind: rng.choices(tuple(_RATES), (0.35, 0.3, 0.35))[0] for kind in kinds}
        self._weights = [_RATES[self.rates[kind]] for kind in ROAD_FAULTS]
        self._reversal_weights = [_RATES[self.rates[kind]] for kind in kinds]
        self.on_money = rng.choice((0.0, 0.5, 0.7, 0.85, 0.95))
        """Share of messages that move money and meet a fault."""
        self.on_reversals = rng.choice((0.0, 0.2, 0.3, 0.4, 0.85))
        """The same for 2601: where most of them fail, all else stands still."""
        self.on_questions = rng.choice((0.0, 0.01, 0.05))
        self.doom = rng.choice((0.0, 0.5, 0.8, 0.95))
        """Share of lives that end by a kill or a power cut."""
        self.sync_failures = rng.choice((0.0, 0.0, 0.0, 0.3))
        """Share of lives in which a sync fails; the power goes soon after."""
        self.full_disks = rng.choice((0.0, 0.0, 0.0, 0.2))
        """Share of lives in which no file can grow from some moment on."""
        self.unreadable = rng.choice((0.0, 0.0, 0.0, 0.2))
        """Share of lives in which a read fails."""
        self.new_keys = rng.choice((0.0, 0.0, 0.3))
        """Share of lives that begin with a new key of the terminal."""
        self.outages = rng.choice((0, 0, 1, 2))
        """How often the hub is down for minutes or hours."""
        self.days_down = rng.random() < DAYS_DOWN
        """Whether an outage lasts for days."""
        self.opening = rng.choices(OPENINGS, (4, 1, 1))[0]
        """When the run begins: late in the evening of an ordinary day, of the last one of a month, or of a year."""
        self.mute_printers = rng.choice((False, False, False, True))
        """Whether the printer prints and answers no question now and then."""
        self.clock_jumps = rng.choice((0, 0, 2, 8))
        self.paper = rng.choice((10**6, 400, 60))
        """Lines on a roll."""
        self.people_err = rng.choice((0.0, 0.1, 0.3))
        """Share of people's acts that go wrong: double presses, old codes, a till that dies."""
        self.is_calm = False

    def calm(self) -> None:
        """All faults off."""
        self.is_calm = True

    def told(self) -> Mapping[str, object]:
        """What was drawn, for the report of a failure."""
        drawn = {kind: rate for kind, rate in self.rates.items() if rate != "none"}
        told = {name: value for name, value in vars(self).items() if isinstance(value, int | float)}
        return {"faults": drawn, "opening": self.opening.isoformat(), **told}

    def fault_for(self, infno: str) -> str:
        """The fault that meets this message, "" for none."""
        fault = self._usual_fault_for(infno)
        is_refused = infno in CANCELLATIONS and self._of_cancellations.random() < self.refused_cancellations
        return CANCELLATION_FAULTS[0] if is_refused and not self.is_calm else fault

    def _usual_fault_for(self, infno: str) -> str:
        share = self.on_questions
        if infno in MONEY:
            share = self.on_reversals if infno == "2601" else self.on_money
        if self.is_calm or self._rng.random() >= share:
            return ""
        weights = self._reversal_weights if infno == "2601" else self._weights
        if not any(weights):
            return ""
        fault = self._rng.choices((ROAD_FAULTS + REVERSAL_FAULTS)[: len(weights)], weights)[0]
        has_amounts = infno in MONEY and infno != "2601"
        return fault if has_amounts or fault not in OF_AMOUNTS else ""

    def next_doom(self) -> Doom | None:
        """How the next life will end."""
        rng = self._rng
        if self.is_calm or rng.random() >= self.doom:
            return None
        cut = rng.choice(tuple(Cut))
        match rng.randrange(5):
            case 0:
                return Doom(cut, after_changes=rng.randrange(1, 1 + rng.choice((60, 300, 3000))))
            case 1:
                return Doom(cut, after_messages=rng.randrange(2, rng.choice((20, 60))))
            case 2:
                return Doom(cut, around_money=rng.randrange(1, 9))
            case 3:
                return Doom(cut, at_slip=rng.randrange(1, 5))
            case _:
                return Doom(cut, after_s=rng.uniform(0.0, rng.choice((60.0, 900.0))))

    def sync_fails_at(self) -> int | None:
        """The change of the disk at which a sync fails in the next life, None for a sound disk."""
        return self._once(self.sync_failures, 30, 600)

    def full_at(self) -> int | None:
        """The change of the disk from which on no file grows in the next life."""
        return self._once(self.full_disks, 30, 2000)

    def fails_reading_at(self) -> int | None:
        """The read that fails in the next life."""
        return self._once(self.unreadable, 20, 400)

    def has_new_key(self) -> bool:
        """Whether the next life has a new key of the terminal."""
        return not self.is_calm and self._rng.random() < self.new_keys

    def _once(self, share: float, first: int, behind: int) -> int | None:
        if self.is_calm or self._rng.random() >= share:
            return None
        return self._rng.randrange(first, behind)
