"""What the terminal takes for the hub's word: only a national envelope, signed by the hub over our message id."""

import datetime as dt
import json
import random
from collections.abc import Callable, Mapping

import msgspec
import pytest

from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer
from drivers.interfaces.signer import SignerUnavailable
from protocols.hub import signing
from protocols.hub.catalogue import MESSAGES
from protocols.hub.envelope import Answer, decode_request, encode_answer
from protocols.hub.gateway import Credentials
from protocols.hub.profile_reading import parse_profile
from protocols.hub.profile_sections import Sign
from protocols.hub.queries import SettlementQuery, SettlementQueryInput
from protocols.hub.sign_in import SignIn, SignInInput, SignOut, SignOutInput
from protocols.secret import Secret
from terminal.core import events
from terminal.hub.client import FieldTooLong, HubClient, Institution, Operator, bare_file
from terminal.hub.gate import HubGate
from terminal.hub.line import LineState
from terminal.hub.message_ids import MessageIds
from tests.profiles.rig import CREDENTIALS
from tests.terminal.harness import INSTITUTION, NATIONAL, NINE, MacKey

HUB, OURS, STRANGER = MacKey("hub"), MacKey("terminal"), MacKey("somebody else")
MSGID = f"{INSTITUTION}202611230900000100"
OTHER = f"{INSTITUTION}202611230900000199"
SIGN_OUT = SignOutInput(sign_out=SignOut(sign_in_no="S123", operator_no="T01"))
SIGN_IN = SignInInput(sign_in=SignIn(operator_no="T01", mac="00-00-00-00-00-00", ip="127.0.0.1"))
OUTPUT = json.dumps({"signinoutb": {"sign_time": "2026-11-23 09:00:00", "sign_no": "S123"}}).encode()


class Clock:
    """Time that stands still."""

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return NINE

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return 0.0


class Ids(MessageIds):
    """One id after the other, without a journal."""

    def __init__(self) -> None:
        self.count = -1

    async def next(self) -> str:
        """See `MessageIds`."""
        self.count += 1
        return f"{MSGID[:-2]}{self.count:02d}"


class Link:
    """Gives one answer, or raises it; keeps what was sent."""

    def __init__(self, answer: RawAnswer | Exception) -> None:
        self.answer = answer
        self.sent: list[bytes] = []
        self.paths: list[str] = []

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        self.sent.append(body)
        self.paths.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        """See `HubTransport`."""


def client(answer: RawAnswer | Exception, signer: MacKey = OURS) -> tuple[HubClient, Link]:
    """A client whose hub answers this."""
    link = Link(answer)
    place = Institution(INSTITUTION, "测试大药房一号店", "999900")
    operator = Operator("T01", "收银员测试")
    gate = HubGate(NATIONAL, Credentials(), link, Clock(), random.Random(1).getrandbits)
    hub = HubClient(NATIONAL, place, operator, link, gate, signer, HUB, Ids(), Clock())
    return hub, link


def signed(answer: Answer, msgid: str = MSGID, key: MacKey = HUB) -> bytes:
    """The bytes of an answer signed as the answer to `msgid`."""
    covered = signing.answer_signing_bytes(NATIONAL, msgid, answer)
    return encode_answer(
        msgspec.structs.replace(answer, signature=signing.encode_signature(key.sign(covered)))
    )


GOOD = Answer(infcode=0, hub_message_id="999900202611230900000000000001", output=OUTPUT, signature_type="SM2")
NO = Answer(
    infcode=-1,
    hub_message_id="999900202611230900000000000001",
    error_text="余额不足 [X]",
    output=b"null",
    signature_type="SM2",
)


def page(body: bytes, status: int = 200) -> RawAnswer:
    """Whatever came back."""
    return RawAnswer(status, body, "application/json")


async def heard(raw: RawAnswer | Exception) -> events.Heard:
    """What the terminal makes of an answer to its 9001."""
    hub, _ = client(raw)
    return await hub.exchange("9001", MSGID, b'{"infno":"9001"}')


# -- what counts -----------------------------------------------------------------------------------


async def test_a_signed_success_is_answered_with_its_typed_output() -> None:
    answered = await heard(page(signed(GOOD)))
    assert isinstance(answered, events.Answered)
    assert answered.infcode == 0
    assert answered.output is not None
    assert answered.raw == signed(GOOD)


async def test_a_signed_refusal_is_answered_with_its_words() -> None:
    answered = await heard(page(signed(NO)))
    assert isinstance(answered, events.Answered)
    assert (answered.infcode, answered.err_msg, answered.output) == (-1, "余额不足 [X]", None)


@pytest.mark.parametrize("output", [b"", b"null", b"{}", b"[]", b'{"signinoutb": 5}', b'"text"'])
async def test_a_signed_success_of_another_shape_is_answered_without_output(output: bytes) -> None:
    answered = await heard(page(signed(msgspec.structs.replace(GOOD, output=output))))
    assert isinstance(answered, events.Answered)
    assert answered.output is None


# -- what proves nothing ---------------------------------------------------------------------------

NATIONAL_FORM = signed(GOOD)
PROVES_NOTHING: dict[str, tuple[RawAnswer, str]] = {
    "nothing at all": (page(b""), "unreadable"),
    "a page": (page("<html>网关错误</html>".encode()), "unreadable"),
    "the gateway's own JSON": (page(b'{"code": 401, "message": "unauthorized"}'), "unreadable"),
    "a list": (page(b"[]"), "unreadable"),
    "an answer cut in the middle": (page(NATIONAL_FORM[: len(NATIONAL_FORM) // 2]), "unreadable"),
    "an answer without its last byte": (page(NATIONAL_FORM[:-1]), "unreadable"),
    "another charset": (page(NATIONAL_FORM.decode().replace("null", '"错误"').encode("gb18030")), "unreadable"),
    "a status that is no number": (page(b'{"infcode": "ok", "output": {}}'), "unreadable"),
    "no status": (page(b'{"output": {}}'), "unreadable"),
    "two statuses": (page(b'{"infcode": 0, "infcode": -1, "output": {}}'), "unreadable"),
    "no signature": (page(encode_answer(GOOD)), "unsigned"),
    "a refusal without a signature": (page(encode_answer(NO)), "unsigned"),
    "a signature that is no Base64": (page(encode_answer(msgspec.structs.replace(GOOD, signature="!!!"))), "bad signature"),
    "a signature that is too short": (page(encode_answer(msgspec.structs.replace(GOOD, signature="AAAA"))), "bad signature"),
    "somebody else's signature": (page(signed(GOOD, key=STRANGER)), "bad signature"),
    "our own signature": (page(signed(GOOD, key=OURS)), "bad signature"),
    "a good answer to another message": (page(signed(GOOD, OTHER)), "bad signature"),
    "a refusal of another message": (page(signed(NO, OTHER)), "bad signature"),
    "status 401": (page(signed(NO), 401), "http 401"),
    "status 500 with a good body": (page(signed(GOOD), 500), "http 500"),
    "a redirect": (page(b"", 302), "http 302"),
    "status 204": (page(b"", 204), "http 204"),
}  # fmt: skip


@pytest.mark.parametrize("what", PROVES_NOTHING)
async def test_it_is_not_authentic(what: str) -> None:
    raw, reason = PROVES_NOTHING[what]
    assert await heard(raw) == events.NotAuthentic(reason, raw.body)


CHANGES: dict[str, Callable[[dict[str, object]], object]] = {
    "infcode": lambda node: node.update(infcode=-1),
    "infcode as text of another value": lambda node: node.update(infcode="-1"),
    "inf_refmsgid": lambda node: node.update(inf_refmsgid="999900202611230900000000000002"),
    "err_msg": lambda node: node.update(err_msg="another text"),
    "output": lambda node: node.update(
        output={"signinoutb": {"sign_time": "2026-11-23 09:00:00", "sign_no": "S999"}}
    ),
    "output missing": lambda node: node.pop("output"),
    "output null": lambda node: node.update(output=None),
}


@pytest.mark.parametrize("part", CHANGES)
async def test_each_covered_part_changed_in_turn_breaks_the_signature(part: str) -> None:
    node = json.loads(signed(GOOD))
    CHANGES[part](node)
    changed = json.dumps(node, ensure_ascii=False, separators=(",", ":")).encode()
    result = await heard(page(changed))
    assert isinstance(result, events.NotAuthentic)
    assert result.reason == "bad signature"


async def test_an_answer_that_was_good_once_is_not_good_for_the_next_message() -> None:
    """A replayed answer (abuse case T20): bound to its message id."""
    old = page(signed(GOOD, OTHER))
    assert isinstance(await heard(old), events.NotAuthentic)


# -- what did not come, or did not leave -----------------------------------------------------------


async def test_not_sent_and_no_answer_are_kept_apart() -> None:
    assert await heard(NotSent("refused")) == events.NotSent("refused")
    assert await heard(NoAnswer("timeout")) == events.NoAnswer("timeout")


# -- what leaves -----------------------------------------------------------------------------------


async def test_a_message_carries_our_id_our_place_and_a_signature_over_its_bytes() -> None:
    hub, link = client(page(signed(GOOD)))
    hub.sign_in_no = "S123"
    message = await hub.compose("9002", SIGN_OUT, "")
    assert link.sent == [], "composing sends nothing"
    request = decode_request(message.body)
    assert message.msgid == request.message_id == MSGID
    assert message.key_id == OURS.description.key_id
    assert (request.infno, request.institution_code, request.care_division, request.sign_in_no) == (
        "9002",
        INSTITUTION,
        "999900",
        "S123",
    )
    assert (request.operator, request.operator_name, request.sent_at) == (
        "T01",
        "收银员测试",
        "2026-11-23 09:00:00",
    )
    covered = signing.request_signing_bytes(NATIONAL, request)
    assert OURS.verify(covered, signing.decode_signature(request.signature))


async def test_a_sign_in_carries_no_serial_of_an_earlier_one() -> None:
    hub, _ = client(page(signed(GOOD)))
    hub.sign_in_no = "S123"
    assert decode_request((await hub.compose("9001", SIGN_IN, "")).body).sign_in_no == ""


async def test_exactly_the_composed_bytes_are_sent_once() -> None:
    hub, link = client(page(signed(GOOD)))
    message = await hub.compose("9001", SIGN_IN, "")
    await hub.exchange("9001", message.msgid, message.body)
    assert link.sent == [message.body]


async def test_the_insured_place_goes_into_the_envelope() -> None:
    hub, _ = client(page(signed(GOOD)))
    query = SettlementQueryInput(
        query=SettlementQuery(person_no=Secret("1"), settlement_id="H1", visit_id="M1")
    )
    message = await hub.compose("5203", query, "999901")
    assert decode_request(message.body).insured_division == "999901"


async def test_every_question_has_an_id_of_its_own() -> None:
    hub, link = client(NoAnswer("timeout"))
    for _ in range(3):
        await hub.ask("9001", SIGN_IN, "")
    assert len({decode_request(body).message_id for body in link.sent}) == 3


@pytest.mark.parametrize("infno", sorted(name for name, one in MESSAGES.items() if one.changes_hub))
async def test_what_changes_the_hub_is_never_merely_asked(infno: str) -> None:
    """Its bytes must be on disk before they leave; a question's are not kept."""
    hub, link = client(page(signed(GOOD)))
    with pytest.raises(AssertionError, match=infno):
        await hub.ask(infno, SIGN_OUT, "")
    assert link.sent == []


async def test_without_a_key_nothing_is_sent() -> None:
    class Locked(MacKey):
        def sign(self, data: bytes) -> bytes:
            raise SignerUnavailable("locked")

    hub, link = client(page(signed(GOOD)), Locked("terminal"))
    with pytest.raises(SignerUnavailable):
        await hub.ask("9001", SIGN_IN, "")
    assert link.sent == []


async def heard_unsigned(answer: Answer) -> events.Heard:
    """What a client of unsigned answers makes of this one."""
    profile = msgspec.structs.replace(NATIONAL, sign=Sign(profile="unsigned-answers"))
    link = Link(page(encode_answer(answer)))
    gate = HubGate(profile, Credentials(), link, Clock(), random.Random(1).getrandbits)
    place, operator = Institution(INSTITUTION, "测试大药房一号店", "999900"), Operator("T01", "收银员测试")
    hub = HubClient(profile, place, operator, link, gate, OURS, HUB, Ids(), Clock())
    return await hub.ask("9001", SIGN_IN, "")


async def test_an_unsigned_answer_counts_only_as_a_whole_envelope() -> None:
    good, no = await heard_unsigned(GOOD), await heard_unsigned(NO)
    assert isinstance(good, events.Answered)
    assert isinstance(no, events.Answered)
    assert (good.infcode, no.infcode) == (0, -1)
    short = await heard_unsigned(Answer(infcode=-1, error_text="before dispatch"))
    assert isinstance(short, events.NotAuthentic)
    assert short.reason == "no reference"
    unsigned_elsewhere = await heard(page(encode_answer(GOOD)))
    assert isinstance(unsigned_elsewhere, events.NotAuthentic)


def client_of(text: str, link: Link, name: str = "测试大药房一号店") -> HubClient:
    """A client that speaks the profile of these lines over this link."""
    profile = parse_profile(text, "x.toml")
    gate = HubGate(profile, CREDENTIALS, link, Clock(), random.Random(1).getrandbits)
    place, operator = Institution(INSTITUTION, name, "999900"), Operator("T01", "收银员测试")
    return HubClient(profile, place, operator, link, gate, OURS, HUB, Ids(), Clock())


async def test_where_only_the_payload_is_signed_an_answer_needs_the_hubs_reference_number() -> None:
    """`infcode` and `err_msg` are not covered, and the signature over an empty payload fits every refusal."""
    text = '[sign]\nprofile = "input-only"'
    profile = parse_profile(text, "x.toml")
    heard_with: list[events.Heard] = []
    for answer in (NO, msgspec.structs.replace(NO, hub_message_id="")):
        signature = signing.encode_signature(HUB.sign(signing.answer_signing_bytes(profile, MSGID, answer)))
        body = encode_answer(msgspec.structs.replace(answer, signature=signature))
        heard_with.append(await client_of(text, Link(page(body))).ask("9001", SIGN_IN, ""))
    whole, short = heard_with
    assert isinstance(whole, events.Answered)
    assert isinstance(short, events.NotAuthentic)
    assert short.reason == "no reference"


class SlowGateway(Link):
    """Hands out a token after seven seconds, then gives its one answer at once."""

    def __init__(self, answer: RawAnswer) -> None:
        super().__init__(answer)
        self.passed_s = 0.0

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return NINE + dt.timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self.passed_s

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        if path == "/auth/oauth/token":
            self.passed_s += 7
            return page(b'{"access_token":"t"}')
        return await super().post(path, body, headers, connect_timeout_s, total_timeout_s)


async def test_the_time_a_token_takes_is_no_part_of_the_exchange() -> None:
    """Else the hub's clock would look seven seconds ahead of ours."""
    profile = parse_profile('[hub]\ngateway = "G4"', "x.toml")
    received = (NINE + dt.timedelta(seconds=7)).strftime("%Y%m%d%H%M%S") + "000"
    link = SlowGateway(page(signed(msgspec.structs.replace(GOOD, received_at=received))))
    gate = HubGate(profile, CREDENTIALS, link, link, lambda bits: 0)
    place, operator = Institution(INSTITUTION, "测试大药房一号店", "999900"), Operator("T01", "收银员测试")
    hub = HubClient(profile, place, operator, link, gate, OURS, HUB, Ids(), link)
    assert isinstance(await hub.ask("9001", SIGN_IN, ""), events.Answered)
    contact = hub.contact
    assert contact is not None
    assert (contact.sent_at, contact.answer_ms, contact.clock_offset_s) == (link.now(), 0.0, 0.0)
    assert contact.hub_now(link.monotonic_s()) == link.now()


@pytest.mark.parametrize("infno", ["9001", "2601", "2103", "2208", "5203", "2202", "2205", "5201"])
async def test_what_ends_a_doubt_is_sent_however_long_its_fields_are(infno: str) -> None:
    """Else a name that grew while a doubt was open would keep it open for ever."""
    hub = client_of('[limits]\ncheck_printed = ["fixmedins_name"]', Link(page(b"")), "店" * 21)
    assert (await hub.compose(infno, SIGN_IN, "")).infno == infno
    for other in ("1101", "2102", "2207A"):
        with pytest.raises(FieldTooLong):
            await hub.compose(other, SIGN_IN, "")


async def test_a_message_that_nobody_has_a_path_for_was_not_sent() -> None:
    profile = parse_profile('[hub]\nurl_shape = "U3"', "x.toml")
    link = Link(page(encode_answer(GOOD)))
    gate = HubGate(profile, Credentials(), link, Clock(), random.Random(1).getrandbits)
    place, operator = Institution(INSTITUTION, "测试大药房一号店", "999900"), Operator("T01", "收银员测试")
    hub = HubClient(profile, place, operator, link, gate, OURS, HUB, Ids(), Clock())
    assert await hub.exchange("2102", MSGID, b'{"infno":"2102"}') == events.NotSent("no_path")
    assert link.sent == []
    assert hub.line.state is LineState.ANSWERS, "nobody was asked"


async def test_no_token_is_fetched_for_a_message_without_a_path() -> None:
    link = Link(page(b'{"access_token":"t","expires_in":600}'))
    hub = client_of('[hub]\nurl_shape = "U3"\ngateway = "G4"', link)
    assert await hub.exchange("2102", MSGID, b'{"infno":"2102"}') == events.NotSent("no_path")
    assert link.sent == []


@pytest.mark.parametrize(
    ("composed", "sent", "path"),
    [("A", "plain", "/base/2207A"), ("plain", "A", "/base/2207"), ("A", "A", "/base/2207A")],
)
async def test_a_message_goes_where_its_own_bytes_say_whatever_the_profile_says_today(
    composed: str, sent: str, path: str
) -> None:
    """An armed settlement is sent again with the bytes of the day it was composed."""
    text = '[hub]\nurl_shape = "U2"\npath = "/base/"\n[form]\noutpatient = "{}"'
    link = Link(page(b""))
    message = await client_of(text.format(composed), link).compose("2207A", SIGN_IN, "")
    await client_of(text.format(sent), link).exchange("2207A", message.msgid, message.body)
    assert (link.paths, link.sent) == ([path], [message.body])


@pytest.mark.parametrize(
    ("infno", "answer", "file", "state"),
    [
        ("9102", page(b"PK\x03\x04"), b"PK\x03\x04", LineState.ANSWERS),
        ("9102", page(b"PK\x03\x04", 503), None, LineState.DOWN),
        ("9102", page(b"<html>"), None, LineState.DOWN),
        ("5203", page(b"PK\x03\x04"), b"PK\x03\x04", LineState.SUSPECT),
    ],
)
async def test_a_file_that_comes_bare_is_no_sign_of_trouble(
    infno: str, answer: RawAnswer, file: bytes | None, state: LineState
) -> None:
    """9102 answers with the file itself, which nothing proves; a page in its place, or a gateway's error, is trouble."""
    hub, _ = client(answer)
    heard = await hub.exchange(infno, MSGID, b'{"infno":"%s"}' % infno.encode())
    assert isinstance(heard, events.NotAuthentic)
    assert bare_file(heard) == file
    assert hub.line.state is state
