"""Every fault: what the hub has booked, what the counter gets, and that it fires as often as it was armed."""

import asyncio

import msgspec
import pytest

from drivers.interfaces.hub_transport import NoAnswer, NotSent
from protocols.errors import MalformedMessage
from protocols.hub import envelope
from protocols.hub.envelope import Answer, Request
from simulators.hub import Fault, HubLink
from simulators.hub.faults import (
    FAULT_NAMES,
    AmountOff,
    BadSignature,
    Cut,
    Delay,
    Delivery,
    Duplicate,
    Html,
    HttpStatus,
    LoseAnswer,
    LoseRequest,
    OtherMessage,
    OtherPerson,
    parse_fault,
)
from simulators.people import Person
from tests.simulators.hub.counter import Counter, Reply, purchase

HOME = "999900"


def settle_through(till: Counter, jia: Person, fault: Fault) -> tuple[Request, Delivery]:
    """Send one 2102 with a fault in the way."""
    till.world.hub.arm(fault, "2102")
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    return request, till.world.hub.respond(envelope.encode_request(request), till.now)


def booked(till: Counter) -> int:
    """How many settlements stand."""
    return len(till.world.ledger.live_settlements())


def authentic(till: Counter, request: Request, delivery: Delivery) -> Answer:
    """The answer, which must be signed over our message id."""
    answer = envelope.decode_answer(delivery.body)
    assert till.verifies(request, answer)
    return answer


def test_without_a_fault_the_hub_answers(till: Counter) -> None:
    assert till.world.hub.armed == ()
    assert till.world.hub.fired == ()


def test_lose_request_books_nothing(till: Counter, jia: Person) -> None:
    _, delivery = settle_through(till, jia, LoseRequest())
    assert (delivery.closed, delivery.body, booked(till)) == (True, b"", 0)


def test_lose_answer_books_and_answers_nothing(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, LoseAnswer())
    assert (delivery.closed, delivery.body, booked(till)) == (True, b"", 1)
    data = {"psn_no": jia.psn_no, "omsgid": request.message_id, "oinfno": "2102"}
    assert till.ask("2601", {"data": data}, HOME).infcode == 0
    assert booked(till) == 0


def test_bad_signature_spoils_nothing_but_the_signature(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, BadSignature())
    answer = envelope.decode_answer(delivery.body)
    assert answer.infcode == 0
    assert len(answer.signature) == 88
    assert not till.verifies(request, answer)
    assert booked(till) == 1


def test_delay_carries_the_seconds(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, Delay(2.5))
    assert delivery.delay_s == 2.5
    assert authentic(till, request, delivery).ok


@pytest.mark.parametrize("close", [False, True])
def test_cut_truncates_the_answer(till: Counter, jia: Person, close: bool) -> None:
    _, delivery = settle_through(till, jia, Cut(40, close))
    assert (len(delivery.body), delivery.closed, booked(till)) == (40, close, 1)
    with pytest.raises(MalformedMessage):
        envelope.decode_answer(delivery.body)


@pytest.mark.parametrize(("before", "books"), [(False, 1), (True, 0)])
def test_html_is_a_page_whether_the_hub_was_asked_or_not(
    till: Counter, jia: Person, before: bool, books: int
) -> None:
    _, delivery = settle_through(till, jia, Html(before))
    assert delivery.status == 200
    assert delivery.content_type.startswith("text/html")
    assert delivery.body.startswith(b"<html>")
    assert booked(till) == books


@pytest.mark.parametrize(("before", "books"), [(False, 1), (True, 0)])
def test_http_status_has_no_envelope(till: Counter, jia: Person, before: bool, books: int) -> None:
    _, delivery = settle_through(till, jia, HttpStatus(500, before))
    assert delivery.status == 500
    with pytest.raises(MalformedMessage):
        envelope.decode_answer(delivery.body)
    assert booked(till) == books


def test_other_message_without_an_earlier_one_is_signed_for_another_id(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, OtherMessage())
    answer = envelope.decode_answer(delivery.body)
    assert answer.ok
    assert not till.verifies(request, answer)


def test_other_message_delivers_the_earlier_answer(till: Counter, jia: Person) -> None:
    first = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    till.send(first)
    second, delivery = settle_through(till, jia, OtherMessage())
    answer = envelope.decode_answer(delivery.body)
    assert till.verifies(first, answer)
    assert not till.verifies(second, answer)
    assert booked(till) == 2


def test_amount_off_changes_one_amount_by_one_fen_rightly_signed(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, AmountOff())
    reply = Reply(authentic(till, request, delivery))
    assert (reply.setlinfo["medfee_sumamt"], reply.setlinfo["acct_pay"]) == ("83.31", "60.00")
    assert till.world.ledger.live_settlements()[0].result.total_fen == 8330


def test_amount_off_may_name_another_field(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, AmountOff("acct_pay", -1))
    assert Reply(authentic(till, request, delivery)).setlinfo["acct_pay"] == "59.99"


def test_other_person_names_somebody_else_rightly_signed(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, OtherPerson())
    assert Reply(authentic(till, request, delivery)).setlinfo["psn_no"] != jia.psn_no


def test_a_fault_for_setlinfo_leaves_an_answer_without_it_alone(till: Counter) -> None:
    till.world.hub.arm(AmountOff())
    assert till.ask("5301", {"data": {"psn_no": "99990000000000000001"}}, HOME).infcode == 0


def test_duplicate_books_once_and_answers_message_id_seen(till: Counter, jia: Person) -> None:
    request, delivery = settle_through(till, jia, Duplicate())
    assert Reply(authentic(till, request, delivery)).code == "MSGID_SEEN"
    assert booked(till) == 1


def test_a_fault_waits_for_its_transaction_and_fires_as_often_as_armed(till: Counter, jia: Person) -> None:
    hub = till.world.hub
    hub.arm(LoseAnswer(), "2601", 2)
    settled = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    assert till.send(settled).infcode == 0
    for _ in range(2):
        body = {"data": {"psn_no": jia.psn_no, "omsgid": settled.message_id, "oinfno": "2601"}}
        assert hub.respond(envelope.encode_request(till.request("2601", body, HOME)), till.now).closed
    assert hub.armed == ()
    assert [(row.kind, row.infno) for row in hub.fired] == [("lose-answer", "2601")] * 2


def test_clear_disarms_and_keeps_the_record(till: Counter, jia: Person) -> None:
    settle_through(till, jia, LoseAnswer())
    till.world.hub.arm(Delay(1), count=3)
    till.world.hub.clear()
    assert till.world.hub.armed == ()
    assert len(till.world.hub.fired) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("lose-request", LoseRequest()),
        ("lose-answer", LoseAnswer()),
        ("bad-signature", BadSignature()),
        ("delay 2.5", Delay(2.5)),
        ("cut 40", Cut(40)),
        ("html", Html()),
        ("http-status 500", HttpStatus(500)),
        ("other-message", OtherMessage()),
        ("amount-off", AmountOff()),
        ("other-person", OtherPerson()),
        ("duplicate", Duplicate()),
    ],
)
def test_faults_are_written_as_text_and_as_json(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault
    assert msgspec.json.decode(msgspec.json.encode(fault), type=Fault) == fault
    assert text.partition(" ")[0] in FAULT_NAMES


@pytest.mark.parametrize("text", ["", "explode", "cut", "cut x", "delay", "lose-answer 3"])
def test_a_fault_nobody_knows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="fault"):
        parse_fault(text)


class Sleeper:
    """Remembers how long was slept, without sleeping."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept_s.append(seconds)


def link_to(till: Counter, sleeper: Sleeper) -> HubLink:
    return HubLink(till.world.hub, lambda: till.now, sleeper, "/hub")


def post(link: HubLink, request: Request, path: str = "/hub") -> bytes:
    body = envelope.encode_request(request)
    return asyncio.run(link.post(path, body, {}, 5.0, 30.0)).body


def test_the_link_hands_requests_to_the_hub(till: Counter, jia: Person) -> None:
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    assert till.read(request, post(link_to(till, Sleeper()), request)).infcode == 0


def test_the_link_says_not_sent_only_when_nobody_listens(till: Counter) -> None:
    link = link_to(till, Sleeper())
    link.down = True
    with pytest.raises(NotSent) as refused:
        post(link, till.request("1101", {}))
    assert refused.value.reason == "refused"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (LoseRequest(), "disconnected"),
        (LoseAnswer(), "disconnected"),
        (Cut(10, close=True), "broken"),
        (Delay(30.0), "timeout"),
    ],
)
def test_the_link_says_no_answer_when_the_outcome_is_unknown(
    till: Counter, fault: Fault, reason: str
) -> None:
    till.world.hub.arm(fault)
    with pytest.raises(NoAnswer) as unknown:
        post(link_to(till, Sleeper()), till.request("1101", {}))
    assert unknown.value.reason == reason


def test_the_link_waits_out_a_short_delay(till: Counter) -> None:
    till.world.hub.arm(Delay(2.0))
    sleeper = Sleeper()
    post(link_to(till, sleeper), till.request("1101", {}))
    assert sleeper.slept_s == [2.0]


def test_the_link_answers_404_on_another_path(till: Counter) -> None:
    assert post(link_to(till, Sleeper()), till.request("1101", {}), "/elsewhere") == b""
