"""One request on its way to the hub and what leaves it again, as faults see both; the base class of all faults."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal, Protocol

import msgspec

from drivers.interfaces.signer import Signer
from protocols.errors import MalformedMessage
from protocols.hub import envelope, signing
from protocols.hub.envelope import Answer
from protocols.hub.profile import Profile
from protocols.wire_time import WIRE_ZONE, format_stamp_ms

JSON_TYPE: Final = "application/json;charset=utf-8"

Nodes = dict[str, object]


class Delivery(msgspec.Struct, frozen=True):
    """What goes back to whoever asked; the shells (HTTP server, in-memory link) carry it out."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    delay_s: float = 0.0
    closed: bool = False
    """The connection is closed; `body` is what got through before, b"" = nothing."""
    refused: bool = False
    """Nobody is there. On a link the request counts as never sent; a server can only close the connection."""
    every_s: float = 0.0
    """The answer comes one byte every so many seconds."""
    filler: Literal["", "huge", "gzip-bomb"] = ""
    """This comes instead of `body`: 100 MB of zero bytes, or as much packed into a thousandth."""
    meets: Literal["", "swap", "reorder"] = ""
    """The answer waits up to `wait_s` for the next one of its kind (see `simulators.hub.crossing`)."""
    wait_s: float = 0.0
    missed: bool = False
    """There was nothing for the fault to spoil, so it did not fire."""


class Behind(Protocol):
    """What a fault may do to the hub itself."""

    def forget_sign_ins(self) -> None:
        """Every sign-in has ended."""
        ...

    def rotate_key(self) -> None:
        """From the next answer on the hub signs with its next key."""
        ...

    def be_down(self, seconds: float) -> None:
        """Nobody is there for so long, counted from now."""
        ...

    def arrive_later(self, request: bytes, seconds: float) -> None:
        """The hub gets these bytes, but only after so long."""
        ...


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
    forger: Signer | None = None
    """Somebody else's key."""
    oldest: tuple[str, bytes] | None = None
    """Message id and answer of the first request of the same transaction that succeeded."""
    behind: Behind | None = None
    now: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=WIRE_ZONE)

    @property
    def hub(self) -> Behind:
        """The hub itself."""
        if self.behind is None:
            raise RuntimeError("this fault needs the hub itself, and this road does not lead there")
        return self.behind

    def signed(self, answer: Answer, msgid: str, signer: Signer | None = None) -> bytes:
        """`answer` signed as the answer to `msgid`, by the hub unless somebody else is named."""
        if self.profile.sign.profile == "unsigned-answers":
            return envelope.encode_answer(answer)
        covered = signing.answer_signing_bytes(self.profile, msgid, answer)
        signature = signing.encode_signature((signer or self.signer).sign(covered), self.profile.sign)
        return envelope.encode_answer(msgspec.structs.replace(answer, signature=signature))

    def refusal(self, error_text: str) -> bytes:
        """A refusal rightly signed by the hub, for a request it has not looked at."""
        stamp = format_stamp_ms(self.now)
        answer = Answer(
            infcode=-1,
            hub_message_id=envelope.hub_message_id("999900", self.now, 0),
            received_at=stamp,
            answered_at=stamp,
            error_text=error_text,
            signature_type=self.profile.sign.signtype,
            output=b"null",
        )
        return self.signed(answer, self.msgid)

    def changed(self, change: Callable[[Answer], bytes | None]) -> Delivery:
        """What `change` makes of the hub's answer; missed when that is None, or the answer a bare file (9102)."""
        body = self.ask(self.request)
        try:
            other = change(envelope.decode_answer(body))
        except MalformedMessage:
            other = None
        return Delivery(body, missed=True) if other is None else Delivery(other)

    def changed_output(self, change: Callable[[Nodes], bool]) -> Delivery:
        """The hub's answer with `output` changed and signed anew; missed when `change` finds nothing to change."""

        def of_answer(answer: Answer) -> bytes | None:
            nodes = _NUMBERS_KEPT.decode(answer.output or b"null")
            if not isinstance(nodes, dict) or not change(nodes):
                return None
            return self.signed(msgspec.structs.replace(answer, output=_ENCODER.encode(nodes)), self.msgid)

        return self.changed(of_answer)

    def with_setlinfo(self, change: Callable[[Nodes], None]) -> Delivery:
        """The hub's answer with `setlinfo` changed and signed anew; missed when it has none."""

        def of_nodes(nodes: Nodes) -> bool:
            setlinfo = nodes.get("setlinfo")
            if isinstance(setlinfo, dict):
                change(setlinfo)
            return isinstance(setlinfo, dict)

        return self.changed_output(of_nodes)

    def with_amount(self, field: str, fen: int) -> Delivery:
        """The same with so much added to one amount of `setlinfo`; missed when it has no such amount."""
        return self.changed_output(lambda nodes: more(nodes.get("setlinfo"), field, fen))


class _Fault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Base: a fault knows how to deliver one exchange."""

    @property
    def kind(self) -> str:
        """Its name in a script."""
        return str(type(self).__struct_config__.tag)

    def deliver(self, exchange: Exchange) -> Delivery:
        """Carry out the exchange with this fault in the way."""
        return Delivery(exchange.ask(exchange.request))


def more(node: object, field: str, fen: int) -> bool:
    """Add to one amount of a node; False when there is no such amount."""
    before = node.get(field) if isinstance(node, dict) else None
    if not isinstance(node, dict) or not isinstance(before, int | Decimal):
        return False
    node[field] = Decimal(before) + Decimal(fen).scaleb(-2)
    return True


_NUMBERS_KEPT: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
