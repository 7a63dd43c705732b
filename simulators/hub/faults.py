"""What can go wrong between a counter and the hub, as small values armed for the next matching request.

A fault is a frozen value; adding one means a class here with `deliver`, and its name in `Fault`. Faults sit outside
the core: the hub behind them does exactly what it would do, so the ledger is right whatever the counter sees.

    name                     hub commits   what the counter gets
    lose-request             no            closed connection
    lose-answer              yes           closed connection
    late-request S           S s later     closed connection: the request is still travelling
    delay S                  yes           the answer, S seconds later
    duplicate                once          the answer to the second of two deliveries of the same bytes
    swap S                   yes           the answer to the next request that meets a `swap` within S seconds
    reorder S                yes           the answer, after that to the next request that meets a `reorder`
    cut N [close]            yes           the first N bytes of the answer (`close`: and a broken connection)
    trickle S                yes           the answer, one byte every S seconds
    huge, gzip-bomb          yes           100 MB of zero bytes; as much, packed into a thousandth
    html [before]            yes *         a gateway's HTML page with status 200
    http-status N [before]   yes *         a gateway's few words of JSON with that status
    bad-signature            yes           an answer whose signature is wrong by one bit
    other-key                yes           the answer signed by another key
    replay                   yes           the first good answer to this transaction that no fault met
    other-message            yes           the latest answer that no fault met, or this one signed for another id
    changed-infcode          yes           success for refusal or the reverse, under the signature of the original
    changed-text             yes           another `err_msg`, under the signature of the original
    other-person             yes           a rightly signed answer that names somebody else
    other-amount [FEN]       yes           a rightly signed answer about another amount, which adds up
    other-terminal           yes           a rightly signed answer that names another terminal's message
    amount-off [FIELD] [FEN] yes           a rightly signed answer with one amount of `setlinfo` off
    identity-broken          yes           the same, the account's part by one fen: the sum no longer holds
    refuse                   no            a signed refusal with words of no known meaning
    not-found                no            a signed "no such settlement", whatever the hub holds
    expire-sign-in           -             every sign-in has ended; then whatever the hub says to that
    rotate-key               yes           the answer, signed by the hub's next key, as all that follow
    down S                   no            nobody is there for S seconds

    * with `before` the request is dropped first, as when a gateway refuses it.

A fault of `setlinfo` misses an answer that has none, or not that amount; one of the envelope misses the bare file of a
9102; `replay` misses the first answer of all. What missed did not fire.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from protocols.errors import MalformedMessage
from protocols.hub import envelope, signing
from protocols.hub.envelope import Answer
from simulators.hub.exchange import JSON_TYPE, Behind, Delivery, Exchange, Nodes, _Fault, more

__all__ = [
    "FAULT_NAMES",
    "HTML_PAGE",
    "JSON_TYPE",
    "Behind",
    "Delivery",
    "Exchange",
    "Fault",
    "_Fault",
    "check_fault",
    "check_infno",
    "parse_fault",
]

HTML_PAGE: Final = "<html><head><title>502</title></head><body>网关错误 Bad Gateway</body></html>".encode()
_UNKNOWN_WORDS: Final = "系统忙，请联系医保经办机构 (not possible now)"
_OF_THE_WHOLE: Final = ("medfee_sumamt", "fulamt_ownpay_amt", "psn_part_amt", "psn_cash_pay")
_OF_A_LINE: Final = ("det_item_fee_sumamt", "fulamt_ownpay_amt")
_NOT_FOUND_WORDS: Final = "未找到该笔结算记录 (no such settlement) [SETL_NOT_FOUND]"


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

        def spoil(answer: Answer) -> bytes:
            try:
                right = signing.decode_signature(answer.signature)
            except MalformedMessage:
                right = b"\x01" * signing.SIGNATURE_BYTES
            wrong = signing.encode_signature(right[:-1] + bytes([right[-1] ^ 1]))
            return envelope.encode_answer(msgspec.structs.replace(answer, signature=wrong))

        return exchange.changed(spoil)


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
        if exchange.earlier is not None:
            exchange.ask(exchange.request)
            return Delivery(exchange.earlier[1])
        other = exchange.msgid[:-1] + ("0" if exchange.msgid[-1:] != "0" else "1")
        return exchange.changed(lambda answer: exchange.signed(answer, other))


class AmountOff(_Fault, frozen=True, tag="amount-off"):
    """One amount of `setlinfo` is wrong, in a rightly signed answer."""

    field: str = "medfee_sumamt"
    fen: int = 1

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the amount."""
        return exchange.with_amount(self.field, self.fen)


class OtherPerson(_Fault, frozen=True, tag="other-person"):
    """The answer names another person, rightly signed."""

    psn_no: str = "99990000000000000099"

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the person."""
        return exchange.with_setlinfo(lambda setlinfo: setlinfo.update(psn_no=self.psn_no))


class Duplicate(_Fault, frozen=True, tag="duplicate"):
    """A relay delivers the same bytes twice; the counter gets the second answer."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Ask twice."""
        exchange.ask(exchange.request)
        return Delivery(exchange.ask(exchange.request))


class LateRequest(_Fault, frozen=True, tag="late-request"):
    """The request is still travelling when its sender has given up."""

    seconds: float

    def deliver(self, exchange: Exchange) -> Delivery:
        """Close now; the hub gets the bytes later."""
        exchange.hub.arrive_later(exchange.request, self.seconds)
        return Delivery(b"", closed=True)


class Swap(_Fault, frozen=True, tag="swap"):
    """Two answers change places."""

    seconds: float = 20.0

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer, once another one has met this one."""
        return Delivery(exchange.ask(exchange.request), meets="swap", wait_s=self.seconds)


class Reorder(_Fault, frozen=True, tag="reorder"):
    """An answer is overtaken by the next one."""

    seconds: float = 20.0

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer, once another one has gone ahead."""
        return Delivery(exchange.ask(exchange.request), meets="reorder", wait_s=self.seconds)


class Trickle(_Fault, frozen=True, tag="trickle"):
    """A slow loris of an answer."""

    every_s: float = 1.0

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer byte by byte."""
        return Delivery(exchange.ask(exchange.request), every_s=self.every_s)


class Huge(_Fault, frozen=True, tag="huge"):
    """A body without measure."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with 100 MB."""
        exchange.ask(exchange.request)
        return Delivery(b"", filler="huge")


class GzipBomb(_Fault, frozen=True, tag="gzip-bomb"):
    """A small body that unpacks to one without measure."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with the bomb."""
        exchange.ask(exchange.request)
        return Delivery(b"", filler="gzip-bomb")


class OtherKey(_Fault, frozen=True, tag="other-key"):
    """Somebody else signs."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer under another key; misses where nobody else is at hand."""
        forger = exchange.forger
        return exchange.changed(
            lambda answer: None if forger is None else exchange.signed(answer, exchange.msgid, forger)
        )


class Replay(_Fault, frozen=True, tag="replay"):
    """An old answer, once valid, comes again."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Answer with the oldest good answer of this transaction."""
        body = exchange.ask(exchange.request)
        if exchange.oldest is None:
            return Delivery(body, missed=True)
        return Delivery(exchange.oldest[1])


class ChangedInfcode(_Fault, frozen=True, tag="changed-infcode"):
    """Success is turned into refusal, or refusal into success."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the code and leave the signature."""
        return exchange.changed(
            lambda answer: envelope.encode_answer(
                msgspec.structs.replace(answer, infcode=-1 if answer.infcode == 0 else 0)
            )
        )


class ChangedText(_Fault, frozen=True, tag="changed-text"):
    """The words of the answer are changed."""

    text: str = _NOT_FOUND_WORDS

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the words and leave the signature."""
        return exchange.changed(
            lambda answer: envelope.encode_answer(msgspec.structs.replace(answer, error_text=self.text))
        )


class OtherAmount(_Fault, frozen=True, tag="other-amount"):
    """The answer is about another amount: every sum in it holds, and it is not what was asked for."""

    fen: int = 100

    def deliver(self, exchange: Exchange) -> Delivery:
        """Add to the total, the cash, and the first line."""

        def change(nodes: Nodes) -> bool:
            lines = nodes.get("detlcutinfo")
            amounts = [(nodes.get("setlinfo"), field) for field in _OF_THE_WHOLE]
            if isinstance(lines, list) and lines:
                amounts += [(lines[0], field) for field in _OF_A_LINE]
            return all(more(node, field, self.fen) for node, field in amounts)

        return exchange.changed_output(change)


class OtherTerminal(_Fault, frozen=True, tag="other-terminal"):
    """The answer names a message that another terminal has sent."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the slot in the echoed message id."""

        def change(setlinfo: Nodes) -> None:
            sent = exchange.msgid
            slot = int(sent[26:28]) % 99 + 1
            setlinfo["medins_setl_id"] = f"{sent[:26]}{slot:02d}{sent[28:]}"

        return exchange.with_setlinfo(change)


class IdentityBroken(_Fault, frozen=True, tag="identity-broken"):
    """The parts no longer make the whole."""

    fen: int = 1

    def deliver(self, exchange: Exchange) -> Delivery:
        """Change the account's part."""
        return exchange.with_amount("acct_pay", self.fen)


class Refuse(_Fault, frozen=True, tag="refuse"):
    """The hub refuses without looking."""

    text: str = _UNKNOWN_WORDS

    def deliver(self, exchange: Exchange) -> Delivery:
        """Refuse, rightly signed."""
        return Delivery(exchange.refusal(self.text))


class NotFound(_Fault, frozen=True, tag="not-found"):
    """The hub knows of nothing, whatever it holds."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Say so, rightly signed."""
        return Delivery(exchange.refusal(_NOT_FOUND_WORDS))


class ExpireSignIn(_Fault, frozen=True, tag="expire-sign-in"):
    """The sign-in ends just before this request."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Forget all sign-ins, then ask."""
        exchange.hub.forget_sign_ins()
        return Delivery(exchange.ask(exchange.request))


class RotateKey(_Fault, frozen=True, tag="rotate-key"):
    """The hub takes its next key into use."""

    def deliver(self, exchange: Exchange) -> Delivery:
        """Rotate, then ask."""
        exchange.hub.rotate_key()
        return Delivery(exchange.ask(exchange.request))


class Down(_Fault, frozen=True, tag="down"):
    """Nobody is there for a while, from this request on."""

    seconds: float

    def deliver(self, exchange: Exchange) -> Delivery:
        """Go away."""
        exchange.hub.be_down(self.seconds)
        return Delivery(b"", closed=True, refused=True)


Fault = (
    LoseRequest
    | LoseAnswer
    | LateRequest
    | Delay
    | Duplicate
    | Swap
    | Reorder
    | Cut
    | Trickle
    | Huge
    | GzipBomb
    | Html
    | HttpStatus
    | BadSignature
    | OtherKey
    | Replay
    | OtherMessage
    | ChangedInfcode
    | ChangedText
    | OtherPerson
    | OtherAmount
    | OtherTerminal
    | AmountOff
    | IdentityBroken
    | Refuse
    | NotFound
    | ExpireSignIn
    | RotateKey
    | Down
)

_KINDS: Final[Mapping[str, type[_Fault]]] = {str(kind.__struct_config__.tag): kind for kind in Fault.__args__}
FAULT_NAMES: Final = tuple(_KINDS)

_LONGEST_INFNO: Final = 6
_LONGEST_S: Final = 30 * 86_400.0


def parse_fault(text: str) -> Fault:
    """A fault as people write it: `lose-answer`, `delay 2.5`, `cut 40 close`, `http-status 500`. Raises ValueError.

    The words after the name are its values in their order; the name of a switch turns it on.
    """
    name, *words = text.split() or [""]
    if name not in _KINDS:
        raise ValueError(f"no fault {name!r}; there are: {', '.join(FAULT_NAMES)}")
    fields = msgspec.structs.fields(_KINDS[name])
    switches = {field.name for field in fields if field.type is bool}
    waiting = [field for field in fields if field.name not in switches]
    given: dict[str, object] = {}
    try:
        for word in words:
            if word in switches:
                given[word] = True
            else:
                field = waiting.pop(0)
                given[field.name] = field.type(word)
        fault: Fault = msgspec.convert({"kind": name, **given}, Fault)
    except (ValueError, IndexError):
        raise ValueError(f"fault {name} takes {_usage(name)}") from None
    check_fault(fault)
    return fault


def check_fault(fault: Fault) -> None:
    """Numbers that no fault can mean. Raises ValueError."""
    for field in msgspec.structs.fields(fault):
        value = getattr(fault, field.name)
        if isinstance(value, float) and not 0 <= value <= _LONGEST_S:
            raise ValueError(f"fault {fault.kind}: {field.name} is from 0 to {_LONGEST_S:.0f} seconds")
    if isinstance(fault, Cut) and fault.at < 0:
        raise ValueError("fault cut: at is 0 or more bytes")
    if isinstance(fault, HttpStatus) and not 200 <= fault.status <= 599:
        raise ValueError("fault http-status: status is from 200 to 599")


def check_infno(infno: str) -> None:
    """What no fault can wait for: "" is any transaction, else its number. Raises ValueError."""
    if infno and not (infno.isascii() and infno.isalnum() and len(infno) <= _LONGEST_INFNO):
        raise ValueError(f"{infno!r} is no transaction number")


def _usage(name: str) -> str:
    words = []
    for field in msgspec.structs.fields(_KINDS[name]):
        word = field.name if field.type is bool else field.name.upper()
        words.append(word if field.required else f"[{word}]")
    return " ".join(words) or "nothing"
