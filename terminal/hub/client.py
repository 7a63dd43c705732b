"""The terminal's side of the hub: compose and sign a message, send it once, say what the answer proves.

Nothing here decides about money. `compose` gives a message its id, bytes and signature without sending; `exchange`
sends exactly those bytes and returns one of four things: not sent, no answer, not authentic, answered. The core draws
the conclusions.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final

import msgspec

from drivers.interfaces.clock import Clock
from drivers.interfaces.hub_transport import HubTransport, RawAnswer
from drivers.interfaces.hub_transport import NoAnswer as TransportSilent
from drivers.interfaces.hub_transport import NotSent as TransportNotSent
from drivers.interfaces.signer import Signer, Verifier
from protocols.errors import MalformedMessage
from protocols.hub import wire
from protocols.hub.addresses import NoPath
from protocols.hub.catalogue import MESSAGES
from protocols.hub.envelope import Answer, Request, encode_request, number_of, read_answer
from protocols.hub.packing import PLAIN, Packing
from protocols.hub.pharmacy import PharmacyOutput
from protocols.hub.printed import first_too_long
from protocols.hub.profile import Profile
from protocols.hub.settlement import SettlementOutput, in_our_terms
from protocols.hub.signing import (
    answer_signing_bytes,
    decode_signature,
    encode_signature,
    is_bound_by_content,
    request_signing_bytes,
)
from protocols.wire_time import format_time, parse_time
from terminal.core.events import Answered, Heard, NoAnswer, NotAuthentic, NotSent
from terminal.hub.gate import HubGate
from terminal.hub.line import HubLine, is_plain_question
from terminal.hub.message_ids import MessageIds

HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}
"""Of the certificate centre."""
_BEFORE_A_PERSON = frozenset({"9001", "1101"})
"""Transactions that name nobody whose insured place is known (`env.own_insuplc`)."""
SIGN_IN: Final = "9001"
_UNREADABLE: Final = "unreadable"
_NEVER_HELD_BACK: Final = frozenset({SIGN_IN, "2601", "2103", "2208", "5203", "2202", "2205", "5201"})
"""What ends a doubt or undoes, and the sign-in before it: a hub's refusal is better than a doubt that never ends."""


class Institution(msgspec.Struct, frozen=True):
    """Who we are to the hub."""

    code: str
    name: str
    division: str
    """`mdtrtarea_admvs`, the place of care."""


class Operator(msgspec.Struct, frozen=True):
    """Who works at this till; goes into every envelope."""

    number: str
    name: str


class Contact(msgspec.Struct, frozen=True):
    """One exchange with the hub whose answer was proved to be the hub's own; times in milliseconds."""

    infno: str
    sent_at: dt.datetime
    arrived_s: float
    """Monotonic time at which the whole answer was here."""
    answer_ms: float
    """From handing over the request to the whole answer."""
    verify_ms: float
    """Reading the envelope and verifying its signature."""
    hub_time: str
    """`refmsg_time`: when the hub received the request, by its own clock; not covered by the signature, may be empty."""

    @property
    def sent_s(self) -> float:
        """Monotonic time at which the request was handed over."""
        return self.arrived_s - self.answer_ms / 1000

    def hub_now(self, monotonic_s: float) -> dt.datetime | None:
        """The hub's clock at a later moment, if it goes as ours does; None when the hub does not tell."""
        try:
            return parse_time(self.hub_time) + dt.timedelta(seconds=monotonic_s - self.sent_s)
        except MalformedMessage:
            return None

    @property
    def clock_offset_s(self) -> float | None:
        """The hub's clock minus ours, as exact as the request's way is short; None when the hub does not tell."""
        try:
            return (parse_time(self.hub_time) - self.sent_at).total_seconds()
        except MalformedMessage:
            return None


class SignedMessage(msgspec.Struct, frozen=True):
    """A message ready to leave."""

    infno: str
    msgid: str
    key_id: str
    body: bytes
    number: str
    """`infno` on the wire (`Profile.wire_number`)."""


class FieldTooLong(Exception):
    """A field is longer than this hub takes it; nothing was sent."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def bare_file(heard: Heard) -> bytes | None:
    """Return the file that came in the place of an envelope, as 9102 brings it; None when none did."""
    if isinstance(heard, NotAuthentic) and heard.reason == _UNREADABLE and heard.raw.startswith(b"PK"):
        return heard.raw
    return None


def _says_nothing_of_the_line(infno: str, heard: Heard) -> bool:
    """Whether an exchange proves neither that the hub answers nor that it does not: no path for it, a bare file of 9102."""
    if isinstance(heard, NotSent):
        return heard.reason == "no_path"
    return infno == "9102" and bare_file(heard) is not None


class HubClient:
    """Speaks one province profile to one hub with one identity."""

    def __init__(
        self,
        profile: Profile,
        institution: Institution,
        operator: Operator,
        transport: HubTransport,
        gate: HubGate,
        signer: Signer,
        verifier: Verifier,
        ids: MessageIds,
        clock: Clock,
        former_signers: Mapping[str, Signer] | None = None,
        packing: Packing = PLAIN,
    ) -> None:
        """`former_signers`, by key id, still sign what undoes a message of theirs; `packing` is the profile's."""
        self._profile = profile
        self._institution = institution
        self._operator = operator
        self._transport = transport
        self._gate = gate
        self.packing = packing
        """How payloads travel; opens what is kept of them."""
        self._signer = signer
        self._former_signers = former_signers or {}
        self._verifier = verifier
        self._ids = ids
        self._clock = clock
        self.sign_in_no = ""
        """Serial of the newest 9001, in every message but 9001 itself; empty until signed in."""
        self.contact: Contact | None = None
        """The newest exchange with an authentic answer."""
        self.line = HubLine()
        """Whether the hub answers; every exchange tells it."""

    async def compose(
        self, infno: str, content: msgspec.Struct, insured_division: str, *, key_id: str = ""
    ) -> SignedMessage:
        """Give the message an id, build its bytes and sign them. Raises `SignerUnavailable`, `FieldTooLong`; nothing is sent.

        `key_id` names the key that has signed what this message undoes: while that key is kept it signs this one too,
        for a hub that knows a message's sender by its key. Else the present key does.
        """
        signer = self._former_signers.get(key_id, self._signer)
        env, sign = self._profile.env, self._profile.sign
        unsigned = Request(
            infno=self._profile.wire_number(infno),
            message_id=await self._ids.next(),
            care_division=self._institution.division,
            insured_division=insured_division or self._own_division(infno),
            receiver=env.recer_sys_code,
            signature_type=sign.signtype,
            version=env.infver,
            operator_type=env.opter_type,
            operator=self._operator.number,
            operator_name=self._operator.name,
            sent_at=format_time(self._clock.now()),
            institution_code=self._institution.code,
            institution_name=self._institution.name,
            sign_in_no="" if infno == SIGN_IN else self.sign_in_no,
            extra=tuple(env.extra_fields.items()),
            input=wire.encode(content),
        )
        longer = "" if infno in _NEVER_HELD_BACK else first_too_long(self._profile, unsigned)
        if longer:
            raise FieldTooLong(longer)
        signature = signer.sign(request_signing_bytes(self._profile, unsigned))
        signed = msgspec.structs.replace(
            unsigned,
            signature=encode_signature(signature, sign),
            input=self.packing.pack_input(unsigned.input),
        )
        key = signer.description.key_id
        return SignedMessage(infno, unsigned.message_id, key, encode_request(signed), unsigned.infno)

    def plain(self, message: SignedMessage) -> bytes:
        """The message as it would be without packing: read back from the very bytes that will leave."""
        return self.packing.plain_request(message.body)

    def _own_division(self, infno: str) -> str:
        """What stands for the insured place while nobody is named: nothing, or our own place."""
        is_own = self._profile.env.own_insuplc == "own" and infno in _BEFORE_A_PERSON
        return self._institution.division if is_own else ""

    async def exchange(self, infno: str, msgid: str, body: bytes) -> Heard:
        """Send the bytes once and judge the answer's authenticity. Never raises for what the far side does."""
        heard = await self._exchange(infno, msgid, body)
        if not _says_nothing_of_the_line(infno, heard):
            self.line.heard(heard, question=is_plain_question(infno))
        return heard

    async def _exchange(self, infno: str, msgid: str, body: bytes) -> Heard:
        hub = self._profile.hub
        number = number_of(body)  # a message composed under an earlier profile goes where its own bytes say
        try:
            # The path first: nothing is asked of a gateway for a message without one.
            path = self._gate.path(number)
            headers = await self._gate.headers(number, body)
            sent_at, sent_s = self._clock.now(), self._clock.monotonic_s()  # a token may have taken long
            raw = await self._transport.post(path, body, headers, hub.connect_timeout_s, hub.total_timeout_s)
        except NoPath:
            return NotSent("no_path")
        except TransportNotSent as not_sent:
            return NotSent(not_sent.reason)
        except TransportSilent as silent:
            return NoAnswer(silent.reason)
        return self._authenticate(infno, msgid, raw, sent_at, sent_s)

    def _authenticate(
        self, infno: str, msgid: str, raw: RawAnswer, sent_at: dt.datetime, sent_s: float
    ) -> Heard:
        """An answer counts only when it is a whole national envelope, bound to our message as the profile's hub binds it.

        That is a signature of the hub over our message id, or, where none binds it, what K15 asks for instead.
        """
        arrived_s = self._clock.monotonic_s()
        if raw.status != 200:
            if raw.status == 401:
                self._gate.refused()
            return NotAuthentic(f"http {raw.status}", raw.body)
        try:
            answer, content = read_answer(self.packing.plain_answer(raw.body))
        except MalformedMessage:
            return NotAuthentic(_UNREADABLE, raw.body)
        doubtful = self._proves_nothing(msgid, answer, raw.body)
        if doubtful is not None:
            return doubtful
        verify_ms = (self._clock.monotonic_s() - arrived_s) * 1000
        self.contact = Contact(
            infno, sent_at, arrived_s, (arrived_s - sent_s) * 1000, verify_ms, answer.received_at
        )
        return Answered(
            answer.infcode, answer.error_text, self._typed(infno, answer.infcode, content), raw.body
        )

    def _proves_nothing(self, msgid: str, answer: Answer, raw: bytes) -> NotAuthentic | None:
        """Why this answer is not the hub's to our message; None when it is.

        Where no signature binds it to our request, line and shape have to: pinned TLS, one request on the connection (the
        transport's part), and a whole national envelope (K15). The short shape of errors raised before dispatch has no
        reference number.
        """
        if is_bound_by_content(self._profile) and not answer.hub_message_id:
            return NotAuthentic("no reference", raw)
        if self._profile.sign.profile == "unsigned-answers":
            return None
        if not answer.signature:
            return NotAuthentic("unsigned", raw)
        try:
            covered = answer_signing_bytes(self._profile, msgid, answer)
            signature = decode_signature(answer.signature, self._profile.sign)
        except MalformedMessage:
            return NotAuthentic("bad signature", raw)
        return None if self._verifier.verify(covered, signature) else NotAuthentic("bad signature", raw)

    def _typed(self, infno: str, infcode: int, content: object) -> object | None:
        if infcode != 0:
            return None
        try:
            output = wire.convert({} if content is None else content, MESSAGES[infno].output_type)
        except MalformedMessage:
            return None
        if isinstance(output, PharmacyOutput | SettlementOutput):
            return msgspec.structs.replace(output, info=in_our_terms(output.info, self._profile))
        return output

    async def ask(self, infno: str, content: msgspec.Struct, insured_division: str) -> Heard:
        """Ask a question that changes nothing: compose and exchange in one go."""
        message = await self.compose_question(infno, content, insured_division)
        return await self.exchange(infno, message.msgid, message.body)

    async def compose_question(
        self, infno: str, content: msgspec.Struct, insured_division: str
    ) -> SignedMessage:
        """As `compose`, for bytes that nobody writes down before they leave: never for what changes the hub."""
        if MESSAGES[infno].changes_hub:
            raise AssertionError(f"{infno} changes the hub: it is on disk before it leaves")
        return await self.compose(infno, content, insured_division)
