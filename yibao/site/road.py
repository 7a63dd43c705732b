"""The road between a counter and the hub, on which messages are lost, late, doubled, swapped, cut and forged.

`HubRoad.post` is the counter's own socket: it gives up after its time limit, and what arrives afterwards is heard by
nobody. Behind it is the far half: what reaches the hub, what comes back and when. Most faults of a single answer are those of
`simulators.hub.faults`; here stand those that need time or memory, and those that speak with a key or words of this run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Final, Protocol

import msgspec

from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer
from drivers.interfaces.signer import Signer
from protocols.hub import envelope
from protocols.hub.catalogue import MESSAGES
from protocols.hub.profile import Profile
from protocols.hub.signing import answer_signing_bytes, encode_signature
from simulators.hub import faults
from simulators.hub.reading import read_request
from yibao.site.weather import CANCELLATION_FAULTS, MONEY, OF_AMOUNTS, Weather

REPEATS: Final = frozenset({"swap", "replay"})
"""Faults that need an answer to another message; while there is none they do not fire."""
ONCE: Final = frozenset({"not-found-reversal"})
"""Faults that meet each original once; after that the hub itself is asked, and they do not fire."""
TRY: Final = "5203"
"""A question, and how a cancellation in doubt is tried: unanswered it says as little about the hub as an unanswered 2601."""
ANSWERED: Final = OF_AMOUNTS | {
    "slow-answer", "duplicate", "reorder", "expire-sign-in", "refused-reversal", "not-found-reversal", "refused-cancellation",
}  # fmt: skip
"""Faults that let an authentic answer through."""
LONGEST_JOURNEY_S: Final = 110.0
"""No message travels longer than this; less than the quiet time before the second 2601, else no terminal could be right."""
_replace = msgspec.structs.replace


class Hub(Protocol):
    """The hub as the road sees it."""

    def handle(self, request: bytes) -> bytes:
        """Let the hub act on a request now and return its answer."""
        ...

    def fault_fired(self, kind: str, infno: str, msgid: str) -> None:
        """A fault has met this message."""
        ...

    def forget_sign_ins(self) -> None:
        """Let the hub know nobody's sign-in any more."""
        ...


class Reply(msgspec.Struct, frozen=True):
    """What comes back over the wire."""

    body: bytes
    status: int = 200
    content_type: str = faults.JSON_TYPE
    after_s: float = 0.0
    broken: bool = False
    """The connection ends without a whole answer."""


class Exchanged(msgspec.Struct, frozen=True):
    """One exchange as the counter's side of the road saw it."""

    infno: str
    msgid: str
    began_s: float
    ended_s: float
    clean: bool
    """Nothing went wrong: the hub answered, at once and for certain."""
    answered: bool
    """The hub's own signed answer came, whatever it said."""
    away: bool
    """No byte could be sent, or a question (no try of a cancellation) was not answered: the hub is away."""
    denied: bool
    """The hub said that it does not know what a 2601 is about, or refused a cancellation: the quiet time may follow."""


class HubRoad:
    """One counter's way to the hub. Implements `HubTransport`."""

    def __init__(
        self,
        hub: Hub,
        weather: Weather,
        rng: Random,
        profile: Profile,
        signer: Signer,
        forger: Signer,
        spawn: Callable[[Awaitable[None]], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`signer` is the hub's key, `forger` somebody else's. `spawn` runs what goes on after the counter gave up."""
        self._hub = hub
        self._weather = weather
        self._rng = rng
        self._profile = profile
        self._signer = signer
        self._forger = forger
        self._spawn = spawn
        self._sleep = sleep
        self.down = False
        """Nobody listens at the hub."""
        self.exchanges: list[Exchanged] = []
        """Everything that was asked, in the order in which it ended."""
        self._old: dict[str, list[tuple[str, bytes]]] = {}
        self._doubted: set[str] = set()

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        request = read_request(body)
        fault = "down" if self.down else self._weather.fault_for(request.infno)
        if fault in REPEATS and not self._others(request.infno, request.message_id):
            fault = ""  # it does not fire: the right answer comes, and the hub is not away
        loop, clean, answer, is_sent = asyncio.get_running_loop(), False, b"", True
        began_s = loop.time()
        try:
            raw = await self._post(fault, request, body, total_timeout_s)
            clean, answer = not fault, raw.body
            return raw
        except NotSent:
            is_sent = False
            raise
        finally:
            answered = bool(answer) and (clean or fault in ANSWERED)
            self.exchanges.append(
                Exchanged(
                    request.infno, request.message_id, began_s, loop.time(), clean, answered,
                    not is_sent or (not answered and not MESSAGES[request.infno].changes_hub and request.infno != TRY),
                    (request.infno == "2601" and b"[SETL_NOT_FOUND]" in answer) or fault in CANCELLATION_FAULTS,
                )
            )  # fmt: skip

    async def _post(
        self, fault: str, request: envelope.Request, body: bytes, total_timeout_s: float
    ) -> RawAnswer:
        infno, msgid = request.infno, request.message_id
        if fault == "down":
            self._fired(fault, infno, msgid)
            raise NotSent("refused")
        if fault == "no-way":
            self._fired(fault, infno, msgid)
            raise NotSent("unreachable")
        await self._sleep(self._rng.uniform(0.01, 0.3))
        reply = await self._travel(fault, request, body, total_timeout_s)
        if reply.after_s >= total_timeout_s:
            await self._sleep(total_timeout_s)
            raise NoAnswer("timeout")
        await self._sleep(reply.after_s)
        if reply.broken:
            raise NoAnswer("broken" if reply.body else "disconnected")
        return RawAnswer(reply.status, reply.body, reply.content_type)

    async def close(self) -> None:
        """Nothing is held open."""

    async def _travel(self, fault: str, request: envelope.Request, body: bytes, patience_s: float) -> Reply:
        """Carry one request there and something back."""
        infno, msgid, rng = request.infno, request.message_id, self._rng
        if fault and fault not in REPEATS | OF_AMOUNTS | ONCE:
            self._fired(fault, infno, msgid)
        back_s = rng.uniform(0.01, 0.3)
        match fault:
            case "":
                return Reply(self._ask(request, body), after_s=back_s)
            case "lose-request":
                return self._silence(patience_s)
            case "lose-answer":
                self._ask(request, body)
                return self._silence(patience_s)
            case "slow-answer":
                return Reply(self._ask(request, body), after_s=rng.uniform(1.0, patience_s * 0.99))
            case "late-answer":
                return Reply(self._ask(request, body), after_s=patience_s + rng.uniform(0.1, 60.0))
            case "late-request":
                self._spawn(self._later(request, body, rng.uniform(1.0, LONGEST_JOURNEY_S)))
                return self._silence(patience_s)
            case "duplicate":
                first = self._ask(request, body)
                if rng.random() < 0.3:
                    return Reply(self._ask(request, body), after_s=back_s)
                self._spawn(self._later(request, body, rng.uniform(0.1, LONGEST_JOURNEY_S)))
                return Reply(first, after_s=back_s)
            case "swap" | "replay":
                others = self._others(infno, msgid)
                self._ask(request, body)
                self._fired(fault, infno, msgid)
                return Reply(others[-1] if fault == "swap" else rng.choice(others), after_s=back_s)
            case (
                "huge" | "trickle"
            ):  # the counter stops reading: at its limit of size, or at its limit of time
                self._ask(request, body)
                is_slow = fault == "trickle"
                return Reply(b"{", after_s=patience_s if is_slow else back_s, broken=not is_slow)
            case "reorder":
                return Reply(self._ask(request, body), after_s=rng.uniform(2.0, patience_s * 0.7))
            case "expire-sign-in":
                self._hub.forget_sign_ins()
                return Reply(self._ask(request, body), after_s=back_s)
            case "refused-reversal" | "refused-cancellation":
                refusal = self._error("操作失败，请联系医保经办机构 (not possible now)")
                return Reply(self._signed(msgid, refusal), after_s=back_s)
            case "not-found-reversal":
                return Reply(self._not_found_once(request, body), after_s=back_s)
            case _:
                return self._spoilt(fault, request, body, back_s)

    def _spoilt(self, fault: str, request: envelope.Request, body: bytes, back_s: float) -> Reply:
        """A fault of one answer, or of a gateway on the way."""
        infno, msgid, rng = request.infno, request.message_id, self._rng
        match fault:
            case "cut" | "cut-close":
                answer = self._ask(request, body)
                return Reply(
                    answer[: rng.randrange(len(answer))], after_s=back_s, broken=fault == "cut-close"
                )
            case "other-key":
                return Reply(self._changed(request, body, self._forger), after_s=back_s)
            case "changed-infcode" | "changed-text":
                right = envelope.decode_answer(self._ask(request, body))
                if fault == "changed-text":
                    forged = _replace(right, error_text=right.error_text + " [SETL_NOT_FOUND]")
                else:
                    forged = _replace(right, infcode=-1 if right.infcode == 0 else 0)
                return Reply(envelope.encode_answer(forged), after_s=back_s)
            case "http-429" | "http-500" | "http-502":
                single: faults.Fault = faults.HttpStatus(int(fault[5:]))
            case "http-503-before":
                single = faults.HttpStatus(503, before=True)
            case "html-before":
                single = faults.Html(before=True)
            case "identity-broken":
                single = faults.AmountOff("acct_pay", rng.choice((1, -1)))
            case "other-amount":
                single = faults.OtherAmount(rng.choice((1, 100, 99999)))
            case "other-person":
                single = faults.OtherPerson()
            case _:
                single = faults.parse_fault(fault)
        exchange = faults.Exchange(
            body, infno, msgid, lambda sent: self._ask(request, sent), None, self._profile, self._signer
        )
        delivery = single.deliver(exchange)
        if fault in OF_AMOUNTS and not delivery.missed:
            self._fired(fault, infno, msgid)
        return Reply(delivery.body, delivery.status, delivery.content_type, back_s, delivery.closed)

    # -- parts ------------------------------------------------------------------------------------

    def _fired(self, kind: str, infno: str, msgid: str) -> None:
        self._hub.fault_fired(kind, infno, msgid)

    def _silence(self, patience_s: float) -> Reply:
        """Nothing comes: the line breaks at some moment, or time runs out."""
        if self._rng.random() < 0.5:
            return Reply(b"", after_s=patience_s)
        return Reply(b"", after_s=self._rng.uniform(0.05, 5.0), broken=True)

    def _ask(self, request: envelope.Request, body: bytes) -> bytes:
        answer = self._hub.handle(body)
        if request.infno == "2601" and b"[SETL_NOT_FOUND]" in answer:
            self._doubted.add(_original(request))
        if request.infno in MONEY:
            self._old.setdefault(request.infno, []).append((request.message_id, answer))
        return answer

    async def _later(self, request: envelope.Request, body: bytes, delay_s: float) -> None:
        await self._sleep(delay_s)
        self._ask(request, body)

    def _others(self, infno: str, msgid: str) -> list[bytes]:
        """The hub's answers to other messages of the same kind, oldest first."""
        return [answer for sent, answer in self._old.get(infno, ()) if sent != msgid]

    def _changed(self, request: envelope.Request, body: bytes, signer: Signer) -> bytes:
        answer = envelope.decode_answer(self._ask(request, body))
        return self._signed(request.message_id, answer, signer)

    def _signed(self, msgid: str, answer: envelope.Answer, signer: Signer | None = None) -> bytes:
        covered = answer_signing_bytes(self._profile, msgid, answer)
        key = self._signer if signer is None else signer
        return envelope.encode_answer(_replace(answer, signature=encode_signature(key.sign(covered))))

    def _error(self, text: str) -> envelope.Answer:
        number = f"{self._rng.randrange(10**10):010d}"
        return envelope.Answer(
            infcode=-1, hub_message_id=number, error_text=text, signature_type=self._profile.sign.signtype, output=b"null"
        )  # fmt: skip

    def _not_found_once(self, request: envelope.Request, body: bytes) -> bytes:
        """A hub whose books are behind says "not found" for what it holds, once; with the quiet time over it knows."""
        original = _original(request)
        if original in self._doubted:
            return self._ask(request, body)
        self._fired("not-found-reversal", request.infno, request.message_id)
        self._doubted.add(original)
        return self._signed(
            request.message_id, self._error("未找到该笔结算记录 (no such settlement) [SETL_NOT_FOUND]")
        )


def _original(request: envelope.Request) -> str:
    """The message id that a 2601 is about."""
    return str(msgspec.json.decode(request.input)["data"]["omsgid"])


class CentreRoad:
    """The way to the certificate centre, which books nothing: silence and refusals are all that can go wrong."""

    def __init__(
        self,
        handle: Callable[[bytes], bytes],
        weather: Weather,
        rng: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._handle = handle
        self._weather = weather
        self._rng = rng
        self._sleep = sleep

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        await self._sleep(self._rng.uniform(0.01, 0.2))
        match self._weather.fault_for("decode"):
            case "":
                return RawAnswer(200, self._handle(body), "application/json")
            case "no-way" | "lose-request":
                raise NotSent("refused")
            case "cut" | "html":
                return RawAnswer(200, self._handle(body)[:20], "application/json")
            case _:
                self._handle(body)
                await self._sleep(total_timeout_s)
                raise NoAnswer("timeout")

    async def close(self) -> None:
        """Nothing is held open."""
