"""The hub with faults in front of it: which request meets which fault, and a record of every one that fired.

Faults come from three places, in this order: those armed for the next matching request, the steps of a script (the
n-th request of a transaction), and its rates (a share of them, drawn from the script's seed). The draw for a request
depends on the seed, the rate and the request's number within its transaction only: the same requests meet the same
faults whatever else is asked in between.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

import msgspec

from drivers.interfaces.signer import Signer
from protocols.errors import MalformedMessage
from protocols.gm.sm2 import PrivateKey
from protocols.hub import envelope
from protocols.hub.profile import Profile
from simulators.hub.core import HubCore
from simulators.hub.exchange import Delivery, Exchange
from simulators.hub.faults import Fault, check_infno
from simulators.hub.keys import Sm2Signer
from simulators.hub.reading import read_request
from simulators.hub.script import Script
from simulators.hub.steps import Steps, at_once

NextKey = Callable[[int], Signer]
"""The hub's key after so many rotations."""


class Armed(msgspec.Struct, frozen=True):
    """A fault that waits: for transaction `infno` ("" = any), `left` more times."""

    fault: Fault
    infno: str = ""
    left: int = 1


class Fired(msgspec.Struct, frozen=True):
    """One time a fault fired."""

    kind: str
    infno: str
    msgid: str


class FaultyHub:
    """A hub with faults in front of it. Without any armed it is the hub."""

    def __init__(
        self, core: HubCore, profile: Profile, signer: Signer, next_key: NextKey | None = None
    ) -> None:
        """`signer` is the hub's answer key; `next_key` makes those that follow it (SM2 keys that follow from it)."""
        self.core = core
        self._profile = profile
        self._signer = signer
        self._next_key = next_key or _keys_after(signer)
        self._forger: Signer | None = None
        self._former: list[Signer] = []
        self._armed: list[Armed] = []
        self._script: Script | None = None
        self._seen: Counter[str] = Counter()
        self._seen_of_all = 0
        self._fired: list[Fired] = []
        self._answers: dict[str, tuple[str, bytes]] = {}
        self._oldest: dict[str, tuple[str, bytes]] = {}
        self._travelling: list[tuple[dt.datetime, bytes]] = []
        self._now = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._down_until: dt.datetime | None = None

    # -- what is planned, and what has happened ---------------------------------------------------

    @property
    def armed(self) -> tuple[Armed, ...]:
        """Faults that have not fired often enough yet, in the order they were armed."""
        return tuple(self._armed)

    @property
    def fired(self) -> tuple[Fired, ...]:
        """Every time a fault fired, oldest first."""
        return tuple(self._fired)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind has fired."""
        return dict(sorted(Counter(one.kind for one in self._fired).items()))

    @property
    def script(self) -> Script | None:
        """The script in force."""
        return self._script

    @property
    def signer(self) -> Signer:
        """The key that signs now."""
        return self._signer

    @property
    def former_keys(self) -> tuple[Signer, ...]:
        """The keys that signed before, oldest first."""
        return tuple(self._former)

    @property
    def next_signer(self) -> Signer:
        """The key that the next rotation will take into use."""
        return self._next_key(len(self._former) + 1)

    @property
    def travelling(self) -> int:
        """How many requests are still on their way."""
        return len(self._travelling)

    def arm(self, fault: Fault, infno: str = "", count: int = 1) -> None:
        """Let `fault` hit the next `count` requests of transaction `infno` ("" = of any). Raises ValueError."""
        check_infno(infno)
        if count < 1:
            raise ValueError("count must be at least 1")
        self._armed.append(Armed(fault, infno, count))

    def load(self, script: Script) -> None:
        """Take a script into force instead of the one before; its requests are counted from here."""
        self._script = script
        self._seen.clear()
        self._seen_of_all = 0

    def clear(self) -> None:
        """Disarm everything and drop the script; be there again. The record of what fired stays."""
        self._armed.clear()
        self._script = None
        self._down_until = None

    # -- one request ------------------------------------------------------------------------------

    def respond(self, request: bytes, now: dt.datetime) -> Delivery:
        """Handle one request body with the first fault that meets it."""
        return at_once(self.steps(request, now))

    def steps(self, request: bytes, now: dt.datetime) -> Steps[Delivery]:
        """`respond` step by step. A fault meets the request where it would be booked, and does all it does there."""
        read = self.core.read(request)
        yield
        admitted = self.core.admit(read)
        yield
        self.arrive(now)
        infno, msgid = _named(request)
        if self._down_until is not None:
            if now < self._down_until:
                self._fired.append(Fired("down", infno, msgid))
                return Delivery(b"", closed=True, refused=True)
            self._down_until = None
        self._seen[infno] += 1
        self._seen_of_all += 1
        place, fault = self._plan(infno)
        if fault is None:
            booked = self.core.book(admitted, now)
            yield
            body = self.core.seal(booked)
            self._keep(infno, msgid, body)
            return Delivery(body)
        delivery = fault.deliver(self._exchange(request, infno, msgid))
        if delivery.missed:
            self._keep(infno, msgid, delivery.body)
            return delivery
        self._use_up(place)
        self._fired.append(Fired(fault.kind, infno, msgid))
        return delivery

    def arrive(self, now: dt.datetime) -> None:
        """Let the hub have what has reached it by now, in the order in which it came."""
        waiting, self._travelling = sorted(self._travelling, key=lambda one: one[0]), []
        for due, request in waiting:
            if due <= now:
                self.core.handle(request, due)
            else:
                self._travelling.append((due, request))
        self._now = now

    def _handle(self, request: bytes) -> bytes:
        return self.core.handle(request, self._now)

    def _exchange(self, request: bytes, infno: str, msgid: str) -> Exchange:
        kept = self._answers.get(infno)
        if self._forger is None:
            self._forger = Sm2Signer(PrivateKey.generate(Random("somebody else").randbytes))
        return Exchange(
            request,
            infno,
            msgid,
            self._handle,
            None if kept is None or kept[0] == msgid else kept,
            self._profile,
            self._signer,
            self._forger,
            self._oldest.get(infno),
            self,
            self._now,
        )

    def _keep(self, infno: str, msgid: str, body: bytes) -> None:
        if infno:
            self._answers[infno] = (msgid, body)
            if infno not in self._oldest and _succeeded(body):
                self._oldest[infno] = (msgid, body)

    def _plan(self, infno: str) -> tuple[int | None, Fault | None]:
        for place, armed in enumerate(self._armed):
            if armed.infno in ("", infno):
                return place, armed.fault
        if self._script is None:
            return None, None
        return None, self._script.fault_for(infno, self._seen[infno], self._seen_of_all)

    def _use_up(self, place: int | None) -> None:
        if place is None:
            return
        armed = self._armed[place]
        if armed.left == 1:
            del self._armed[place]
        else:
            self._armed[place] = msgspec.structs.replace(armed, left=armed.left - 1)

    # -- what a fault may do to the hub (`Behind`) ------------------------------------------------

    def forget_sign_ins(self) -> None:
        """See `Behind`."""
        with self.core.ledger.transaction():
            self.core.ledger.remove_sign_ins()

    def rotate_key(self) -> None:
        """See `Behind`."""
        following = self.next_signer
        self._former.append(self._signer)
        self._signer = following
        self.core.sign_with(following)

    def be_down(self, seconds: float) -> None:
        """See `Behind`."""
        self._down_until = self._now + dt.timedelta(seconds=seconds)

    def arrive_later(self, request: bytes, seconds: float) -> None:
        """See `Behind`."""
        self._travelling.append((self._now + dt.timedelta(seconds=seconds), request))


def _keys_after(signer: Signer) -> NextKey:
    """Keys that follow from the first one's public half: for simulations, where nobody has to keep a secret."""
    first = signer.description.public_point.hex()

    def key(number: int) -> Signer:
        return Sm2Signer(PrivateKey.generate(Random(f"{first} {number}").randbytes))

    return key


def _succeeded(body: bytes) -> bool:
    try:
        return envelope.decode_answer(body).infcode == 0
    except MalformedMessage:
        return False


def _named(request: bytes) -> tuple[str, str]:
    try:
        parsed = read_request(request)
    except MalformedMessage:
        return "", ""
    return parsed.infno, parsed.message_id
