"""What the proxy can do to one exchange, as small values; their text form; and the plan that says which comes when.

An exchange is one request and what comes back before the next request begins; the proxy counts them over all
connections. A line of a script is a fault, its numbers, how often, and for which requests:

    cut-answer 40                        the next answer ends after its 40th byte, then the line is closed
    cut-answer 40 reset x3               three times, by a reset
    delay-answer 2.5 if "infno":"2102"   only when these characters stand in the request

    name             arguments         what happens
    cut-request N    [reset]           the target gets the first N bytes, then both lines end
    cut-answer N     [reset]           the target gets all, the caller the first N bytes, then both lines end
    delay-request S                    the request travels for S seconds
    delay-answer S                     the answer travels for S seconds
    duplicate-answer                   the whole answer comes twice
    stall N                            N bytes of answer, then silence on an open line (half-open)
    trickle S [N]                      the answer comes N bytes (1) every S seconds
    swap                               this answer and that of the next `swap` are exchanged; needs two connections
    replace WHAT     [before]          another answer: html, huge, endless, gzip-bomb, charset, garbage, continue,
                                       empty; `before`: the target never gets the request
    refuse S                           after this exchange all lines end and for S seconds nobody listens

Orders with `if`, and duplicate, swap and refuse, look for the end of an HTTP message; the others take any bytes.
Bytes are counted on the wire: under TLS that passes through untouched these are bytes of TLS records.
"""

import re
from collections.abc import Callable
from random import Random
from typing import Final

import msgspec


class _Fault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Base of all faults."""

    @property
    def kind(self) -> str:
        """Its name in a script."""
        return str(type(self).__struct_config__.tag)


class CutRequest(_Fault, frozen=True, tag="cut-request"):
    """The request ends after `at` bytes."""

    at: int
    reset: bool = False


class CutAnswer(_Fault, frozen=True, tag="cut-answer"):
    """The answer ends after `at` bytes; at 0 the line ends when its first byte would have come."""

    at: int
    reset: bool = False


class DelayRequest(_Fault, frozen=True, tag="delay-request"):
    """The request is late."""

    seconds: float


class DelayAnswer(_Fault, frozen=True, tag="delay-answer"):
    """The answer is late."""

    seconds: float


class DuplicateAnswer(_Fault, frozen=True, tag="duplicate-answer"):
    """The answer comes twice in a row."""


class Stall(_Fault, frozen=True, tag="stall"):
    """After `at` bytes of answer nothing more comes, and the line stays."""

    at: int


class Trickle(_Fault, frozen=True, tag="trickle"):
    """A slow loris of an answer."""

    every_s: float
    size: int = 1


class Swap(_Fault, frozen=True, tag="swap"):
    """Two answers change places."""


class Replace(_Fault, frozen=True, tag="replace"):
    """Somebody else's answer, named as in `simulators.chaos.answers`."""

    what: str
    before: bool = False


class Refuse(_Fault, frozen=True, tag="refuse"):
    """Nobody listens for a while."""

    seconds: float


Fault = (
    CutRequest
    | CutAnswer
    | DelayRequest
    | DelayAnswer
    | DuplicateAnswer
    | Stall
    | Trickle
    | Swap
    | Replace
    | Refuse
)
FAULT_KINDS: Final = tuple(str(kind.__struct_config__.tag) for kind in Fault.__args__)
REPLACEMENTS: Final = ("html", "huge", "endless", "gzip-bomb", "charset", "garbage", "continue", "empty")


class Order(msgspec.Struct, frozen=True):
    """A fault that waits for the next `left` exchanges whose request has `match` in it ("" = any)."""

    fault: Fault
    left: int = 1
    match: str = ""


_LINE: Final = re.compile(r"(?P<fault>.+?)(?:\s+x(?P<count>[0-9]{1,6}))?(?:\s+if\s+(?P<match>.+))?")


def parse_order(line: str) -> Order:
    """One line of a script. Raises ValueError that says what is wrong with it."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError("an order names a fault")
    count = int(found["count"] or 1)
    if count < 1:
        raise ValueError("x0 orders nothing")
    return Order(parse_fault(found["fault"]), count, (found["match"] or "").strip())


def parse_script(text: str) -> tuple[Order, ...]:
    """All orders of a script, in their order; empty lines and lines that begin with # say nothing. Raises ValueError."""
    orders = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                orders.append(parse_order(line))
            except ValueError as wrong:
                raise ValueError(f"line {number}: {wrong}") from None
    return tuple(orders)


def parse_fault(text: str) -> Fault:
    """A fault with its arguments. Raises ValueError."""
    name, *arguments = text.split()
    if name not in FAULT_KINDS:
        raise ValueError(f"no fault {name!r}; there are: {', '.join(FAULT_KINDS)}")
    try:
        fault = _make(name, arguments)
    except (ValueError, IndexError):
        raise ValueError(f"fault {name} does not take {' '.join(arguments) or 'nothing'}") from None
    return fault


def _make(name: str, arguments: list[str]) -> Fault:
    match name, arguments:
        case "cut-request", [at]:
            return CutRequest(_count(at))
        case "cut-request", [at, "reset"]:
            return CutRequest(_count(at), reset=True)
        case "cut-answer", [at]:
            return CutAnswer(_count(at))
        case "cut-answer", [at, "reset"]:
            return CutAnswer(_count(at), reset=True)
        case "delay-request", [seconds]:
            return DelayRequest(_seconds(seconds))
        case "delay-answer", [seconds]:
            return DelayAnswer(_seconds(seconds))
        case "duplicate-answer", []:
            return DuplicateAnswer()
        case "stall", [at]:
            return Stall(_count(at))
        case "trickle", [every_s]:
            return Trickle(_seconds(every_s))
        case "trickle", [every_s, size] if int(size) > 0:
            return Trickle(_seconds(every_s), int(size))
        case "swap", []:
            return Swap()
        case "replace", [what] if what in REPLACEMENTS:
            return Replace(what)
        case "replace", [what, "before"] if what in REPLACEMENTS:
            return Replace(what, before=True)
        case "refuse", [seconds]:
            return Refuse(_seconds(seconds))
    raise ValueError


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 86400:
        raise ValueError
    return seconds


_BY_CHANCE: Final[tuple[Callable[[Random], Fault], ...]] = (
    lambda rng: CutRequest(rng.randrange(1500), rng.random() < 0.5),
    lambda rng: CutAnswer(rng.randrange(1500), rng.random() < 0.5),
    lambda rng: DelayAnswer(round(rng.uniform(0.0, 3.0), 3)),
    lambda rng: DelayRequest(round(rng.uniform(0.0, 3.0), 3)),
    lambda _: DuplicateAnswer(),
    lambda rng: Stall(rng.randrange(1500)),
    lambda rng: Trickle(0.01, rng.randrange(1, 40)),
    lambda rng: Replace(rng.choice(REPLACEMENTS), rng.random() < 0.3),
    lambda rng: Refuse(round(rng.uniform(0.1, 2.0), 3)),
)


class Plan:
    """Which exchange meets which fault: the first order that fits, else chance. Same seed and exchanges, same faults."""

    def __init__(self, orders: tuple[Order, ...] = (), *, seed: int = 0, rate: float = 0.0) -> None:
        """`rate` is the share of exchanges, from 0 to 1, that meet a fault drawn from `seed`."""
        self._orders = list(orders)
        self._rng = Random(seed)
        self._rate = rate

    @property
    def waiting(self) -> tuple[Order, ...]:
        """Orders that have not been carried out often enough yet."""
        return tuple(self._orders)

    def add(self, order: Order) -> None:
        """One more order, behind those that wait."""
        self._orders.append(order)

    def clear(self) -> None:
        """Forget every order; what happens by chance goes on."""
        self._orders.clear()

    @property
    def must_see_request(self) -> bool:
        """Whether an order depends on what stands in the request."""
        return any(order.match for order in self._orders)

    def take(self, request: bytes) -> Fault | None:
        """The fault for one exchange whose request (or its beginning) this is."""
        for place, order in enumerate(self._orders):
            if order.match.encode() in request:
                if order.left == 1:
                    del self._orders[place]
                else:
                    self._orders[place] = msgspec.structs.replace(order, left=order.left - 1)
                return order.fault
        if self._rng.random() < self._rate:
            return self._rng.choice(_BY_CHANCE)(self._rng)
        return None


def text_of(fault: Fault) -> str:
    """A fault as a script names it."""
    words = [fault.kind]
    for name, value in msgspec.structs.asdict(fault).items():
        if isinstance(value, bool):
            words += [name] if value else []
        else:
            words.append(f"{value:g}" if isinstance(value, float) else str(value))
    return " ".join(words)
