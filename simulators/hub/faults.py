"""What can go wrong between a counter and the hub, as small values armed for the next matching request.

A fault is a frozen value; adding one means a class here with `deliver`, and its name in `Fault`. Faults sit outside
the core: the hub behind them does exactly what it would do, so the ledger is right whatever the counter sees.
`Delivery` says what leaves the hub; the shells (HTTP server, in-memory link) carry it out.

    name           hub commits   what the counter gets
    lose-request   no            closed connection
    lose-answer    yes           closed connection
    bad-signature  yes           an answer whose signature is wrong
    delay S        yes           the answer, S seconds later
    cut N          yes           the first N bytes of the answer (`close`: and a broken connection)
    html           yes *         a gateway's HTML page with status 200
    http-status N  yes *         an empty page with that status
    other-message  yes           a rightly signed answer to another message id
    amount-off     yes           a rightly signed answer with one amount of `setlinfo` off by `fen`
    other-person   yes           a rightly signed answer that names somebody else
    duplicate      once          the answer to the second of two deliveries of the same bytes

    * with `before = true` the request is dropped first, as when a gateway refuses it.
"""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from drivers.interfaces.signer import Signer
from protocols.errors import MalformedMessage
from protocols.hub import envelope, signing
from protocols.hub.envelope import Answer
from protocols.hub.profile import Profile
from simulators.hub.core import HubCore

JSON_TYPE: Final = "application/json;charset=utf-8"
HTML_PAGE: Final = "<html><head><title>502</title></head><body>网关错误 Bad Gateway</body></html>".encode()


class Delivery(msgspec.Struct, frozen=True):
    """What goes back to whoever asked."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    delay_s: float = 0.0
    closed: bool = False
    """The connection is closed; `body` is what got through before, b"" = nothing."""


class Exchange(msgspec.Struct, frozen=True):
    """One request on its way, as a fault sees it."""

    request: bytes
    infno: str
    msgid: str
    ask: Callable[[bytes], bytes]
    """Let the hub handle the bytes; commits."""
    earlier: tuple[str, bytes] | None
    """Message id and answer of an earlier request of the same transaction."""
    profile: Profile
    signer: Signer
    """The hub's own key: some faults are the hub's, and rightly signed."""

    def signed(self, answer: Answer, msgid: str) -> bytes:
        """`answer` signed as the answer to `msgid`."""
        covered = signing.answer_signing_bytes(self.profile, msgid, answer)
        signature = signing.encode_signature(self.signer.sign(covered))
        return envelope.encode_answer(msgspec.structs.replace(answer, signature=signature))

    def changed_setlinfo(self, change: Callable[[dict[str, object]], None]) -> bytes:
        """The hub's answer with `setlinfo` changed and signed anew; unchanged when it has none."""
        body = self.ask(self.request)
        answer = envelope.decode_answer(body)
        nodes = _NUMBERS_KEPT.decode(answer.output or b"null")
        if not isinstance(nodes, dict) or not isinstance(nodes.get("setlinfo"), dict):
            return body
        change(nodes["setlinfo"])
        return self.signed(msgspec.structs.replace(answer, output=_ENCODER.encode(nodes)), self.msgid)


_NUMBERS_KEPT: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class _Fault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Base: a fault knows how to deliver one exchange."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Carry out the exchange with this fault in the way."""
        return Delivery(exchange.ask(exchange.request))


class LoseRequest(_Fault, frozen=True, tag="lose-request"):
    """The request never arrives."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Close without asking the hub."""
        return Delivery(b"", closed=True)


class LoseAnswer(_Fault, frozen=True, tag="lose-answer"):
    """The hub commits, then the connection is closed."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Ask, then close."""
        exchange.ask(exchange.request)
        return Delivery(b"", closed=True)


class BadSignature(_Fault, frozen=True, tag="bad-signature"):
    """The answer's signature is well formed and wrong."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Flip one bit of the signature."""
        answer = envelope.decode_answer(exchange.ask(exchange.request))
        try:
            right = signing.decode_signature(answer.signature)
        except MalformedMessage:
            right = b"\x01" * signing.SIGNATURE_BYTES
        wrong = signing.encode_signature(right[:-1] + bytes([right[-1] ^ 1]))
        return Delivery(envelope.encode_answer(msgspec.structs.replace(answer, signature=wrong)))


class Delay(_Fault, frozen=True, tag="delay"):
    """The answer comes late."""

    seconds: float

    def deliver(self, exchange: Exchange) -> Delivery:
        """Ask now, answer later."""
        return Delivery(exchange.ask(exchange.request), delay_s=self.seconds)


class Cut(_Fault, frozen=True, tag="cut"):
    """The answer is truncated at byte `at`."""

    at: int
    close: bool = False
    """Announce the whole length and break the connection, instead of a shorter, complete HTTP answer."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with the first bytes only."""
        return Delivery(exchange.ask(exchange.request)[: self.at], closed=self.close)


class Html(_Fault, frozen=True, tag="html"):
    """A gateway answers with a page."""

    before: bool = False

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with HTML."""
        if not self.before:
            exchange.ask(exchange.request)
        return Delivery(HTML_PAGE, content_type="text/html;charset=utf-8")


class HttpStatus(_Fault, frozen=True, tag="http-status"):
    """A gateway answers with a status of its own."""

    status: int
    before: bool = False

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with the status and a gateway's JSON."""
        if not self.before:
            exchange.ask(exchange.request)
        body = msgspec.json.encode({"code": self.status, "message": "gateway"})
        return Delivery(body, status=self.status)


class OtherMessage(_Fault, frozen=True, tag="other-message"):
    """The answer belongs to another message id."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with an earlier answer of the same transaction, or sign this one for another message id."""
        body = exchange.ask(exchange.request)
        if exchange.earlier is not None:
            return Delivery(exchange.earlier[1])
        other = exchange.msgid[:-1] + ("0" if exchange.msgid[-1:] != "0" else "1")
        return Delivery(exchange.signed(envelope.decode_answer(body), other))


class AmountOff(_Fault, frozen=True, tag="amount-off"):
    """One amount of `setlinfo` is wrong, in a rightly signed answer."""

    field: str = "medfee_sumamt"
    fen: int = 1

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the amount."""

        def change(setlinfo: dict[str, object]) -> None:
            before = setlinfo[self.field]
            assert isinstance(before, int | Decimal)
            setlinfo[self.field] = Decimal(before) + Decimal(self.fen).scaleb(-2)

        return Delivery(exchange.changed_setlinfo(change))


class OtherPerson(_Fault, frozen=True, tag="other-person"):
    """The answer names another person, rightly signed."""

    psn_no: str = "99990000000000000099"

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the person."""

        def change(setlinfo: dict[str, object]) -> None:
            setlinfo["psn_no"] = self.psn_no

        return Delivery(exchange.changed_setlinfo(change))


class Duplicate(_Fault, frozen=True, tag="duplicate"):
    """A relay delivers the same bytes twice; the counter gets the second answer."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Ask twice."""
        exchange.ask(exchange.request)
        return Delivery(exchange.ask(exchange.request))


Fault = (
    LoseRequest
    | LoseAnswer
    | BadSignature
    | Delay
    | Cut
    | Html
    | HttpStatus
    | OtherMessage
    | AmountOff
    | OtherPerson
    | Duplicate
)

_PLAIN: Final[dict[str, Fault]] = {
    "lose-request": LoseRequest(),
    "lose-answer": LoseAnswer(),
    "bad-signature": BadSignature(),
    "html": Html(),
    "other-message": OtherMessage(),
    "amount-off": AmountOff(),
    "other-person": OtherPerson(),
    "duplicate": Duplicate(),
}
FAULT_NAMES: Final = (*_PLAIN, "delay", "cut", "http-status")


def parse_fault(text: str) -> Fault:
    """A fault as people write it: `lose-answer`, `delay 2.5`, `cut 40`, `http-status 500`. Raises ValueError."""
    name, _, argument = text.strip().partition(" ")
    if name not in FAULT_NAMES:
        raise ValueError(f"no fault {name!r}; there are: {', '.join(FAULT_NAMES)}")
    try:
        match name:
            case "delay":
                return Delay(float(argument))
            case "cut":
                return Cut(int(argument))
            case "http-status":
                return HttpStatus(int(argument))
    except ValueError:
        raise ValueError(f"fault {name} needs one number") from None
    if argument:
        raise ValueError(f"fault {name} takes no number")
    return _PLAIN[name]


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

    def __init__(self, core: HubCore, profile: Profile, signer: Signer) -> None:
        """`signer` is the hub's answer key, for the faults whose answers are rightly signed."""
        self.core = core
        self._profile = profile
        self._signer = signer
        self._armed: list[Armed] = []
        self._fired: list[Fired] = []
        self._answers: dict[str, tuple[str, bytes]] = {}

    @property
    def armed(self) -> tuple[Armed, ...]:
        """Faults that have not fired often enough yet, in the order they were armed."""
        return tuple(self._armed)

    @property
    def fired(self) -> tuple[Fired, ...]:
        """Every time a fault fired, oldest first."""
        return tuple(self._fired)

    def arm(self, fault: Fault, infno: str = "", count: int = 1) -> None:
        """Let `fault` hit the next `count` requests of transaction `infno` ("" = of any)."""
        if count < 1:
            raise ValueError("count must be at least 1")
        self._armed.append(Armed(fault, infno, count))

    def clear(self) -> None:
        """Disarm everything; the record of what fired stays."""
        self._armed.clear()

    def respond(self, request: bytes, now: dt.datetime) -> Delivery:
        """Handle one request body with the first armed fault that matches it."""
        infno, msgid = _named(request)

        def ask(body: bytes) -> bytes:
            return self.core.handle(body, now)

        exchange = Exchange(
            request, infno, msgid, ask, self._earlier(infno, msgid), self._profile, self._signer
        )
        fault = self._take(infno, msgid)
        if fault is None:
            body = ask(request)
            if infno:
                self._answers[infno] = (msgid, body)
            return Delivery(body)
        return fault.deliver(exchange)

    def _earlier(self, infno: str, msgid: str) -> tuple[str, bytes] | None:
        kept = self._answers.get(infno)
        return None if kept is None or kept[0] == msgid else kept

    def _take(self, infno: str, msgid: str) -> Fault | None:
        for place, armed in enumerate(self._armed):
            if armed.infno in ("", infno):
                if armed.left == 1:
                    del self._armed[place]
                else:
                    self._armed[place] = msgspec.structs.replace(armed, left=armed.left - 1)
                self._fired.append(Fired(str(type(armed.fault).__struct_config__.tag), infno, msgid))
                return armed.fault
        return None


def _named(request: bytes) -> tuple[str, str]:
    try:
        parsed = envelope.decode_request(request)
    except MalformedMessage:
        return "", ""
    return parsed.infno, parsed.message_id
