"""The faults that need memory, time, keys or the hub itself: what is booked, what the counter gets, what counts as fired."""

import asyncio
import datetime as dt

import pytest

from drivers.interfaces.hub_transport import NoAnswer, NotSent
from protocols.hub import envelope, wire
from protocols.hub.check import check_settlement_identities
from protocols.hub.envelope import Answer, Request
from protocols.hub.pharmacy import PharmacyOutput
from protocols.hub.signing import answer_signing_bytes, decode_signature
from protocols.wire_time import format_stamp_ms
from simulators.hub import HubLink
from simulators.hub.faults import AmountOff, Cut, Delivery, Html, HttpStatus, parse_fault
from simulators.hub.keys import Sm2Verifier
from simulators.hub.script import parse_script
from simulators.people import Person
from tests.simulators.hub.counter import Counter, Reply, purchase

HOME = "999900"


def settle(till: Counter, jia: Person, fault: str = "") -> tuple[Request, Delivery]:
    """Send one 2102, with a fault in the way."""
    if fault:
        till.world.hub.arm(parse_fault(fault), "2102")
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    return request, till.world.hub.respond(envelope.encode_request(request), till.now)


def reversal(till: Counter, jia: Person, original: Request) -> Request:
    """The 2601 of a settlement."""
    data = {"psn_no": jia.psn_no, "omsgid": original.message_id, "oinfno": "2102"}
    return till.request("2601", {"data": data}, HOME)


def booked(till: Counter) -> int:
    """How many settlements stand."""
    return len(till.world.ledger.live_settlements())


def answer_of(delivery: Delivery) -> Answer:
    """The envelope that comes back."""
    return envelope.decode_answer(delivery.body)


# -- forged ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["bad-signature", "other-key", "changed-infcode", "changed-text"])
def test_a_forged_answer_does_not_verify_and_the_hub_has_booked(
    fault: str, till: Counter, jia: Person
) -> None:
    request, delivery = settle(till, jia, fault)
    answer = answer_of(delivery)
    assert len(answer.signature) == 88, "it looks like one"
    assert not till.verifies(request, answer)
    assert booked(till) == 1
    assert till.world.hub.counts == {fault: 1}


def test_a_changed_infcode_turns_success_into_refusal_and_the_reverse(till: Counter, jia: Person) -> None:
    _, delivery = settle(till, jia, "changed-infcode")
    assert answer_of(delivery).infcode == -1
    till.world.hub.arm(parse_fault("changed-infcode"), "2601")
    request = till.request(
        "2601", {"data": {"psn_no": jia.psn_no, "omsgid": "x" * 30, "oinfno": "2102"}}, HOME
    )
    refused = till.world.hub.respond(envelope.encode_request(request), till.now)
    assert answer_of(refused).infcode == 0
    assert not till.verifies(request, answer_of(refused))


def test_an_old_answer_is_replayed_once_there_is_one(till: Counter, jia: Person) -> None:
    first, fresh = settle(till, jia, "replay")
    assert till.verifies(first, answer_of(fresh)), "there was nothing to replay: it waits"
    assert (till.world.hub.counts, len(till.world.hub.armed)) == ({}, 1)
    second, replayed = settle(till, jia)
    assert replayed.body == fresh.body
    assert till.verifies(first, answer_of(replayed))
    assert not till.verifies(second, answer_of(replayed))
    assert till.world.hub.counts == {"replay": 1}


# -- rightly signed and wrong ----------------------------------------------------------------------


def output_of(delivery: Delivery) -> PharmacyOutput:
    """The nodes of a 2102's answer, as the terminal reads them."""
    _, content = envelope.read_answer(delivery.body)
    return wire.convert(content, PharmacyOutput)


def test_an_answer_about_another_amount_adds_up(till: Counter, jia: Person) -> None:
    request, delivery = settle(till, jia, "other-amount 250")
    assert till.verifies(request, answer_of(delivery))
    output = output_of(delivery)
    assert output.info.total_fen == till.world.ledger.live_settlements()[0].result.total_fen + 250
    assert (
        check_settlement_identities(output.info, output.funds, output.line_splits, till.world.profile) == []
    )


@pytest.mark.parametrize("fault", ["identity-broken", "identity-broken -1", "amount-off acct_pay 1"])
def test_a_broken_sum_is_off_by_one_fen_and_rightly_signed(fault: str, till: Counter, jia: Person) -> None:
    request, delivery = settle(till, jia, fault)
    assert till.verifies(request, answer_of(delivery))
    output = output_of(delivery)
    broken = check_settlement_identities(output.info, output.funds, output.line_splits, till.world.profile)
    assert any(one.startswith("M6") for one in broken)


def test_an_answer_for_another_terminal_names_its_message(till: Counter, jia: Person) -> None:
    request, delivery = settle(till, jia, "other-terminal")
    assert till.verifies(request, answer_of(delivery))
    echoed = output_of(delivery).info.echoed_message_id
    assert (echoed[:26], echoed[28:]) == (request.message_id[:26], request.message_id[28:])
    assert echoed != request.message_id


def test_a_fault_of_the_amounts_waits_for_an_answer_that_has_some(till: Counter, jia: Person) -> None:
    till.world.hub.arm(parse_fault("identity-broken"))
    assert till.ask("5301", {"data": {"psn_no": jia.psn_no}}, HOME).infcode == 0
    assert (till.world.hub.counts, len(till.world.hub.armed)) == ({}, 1)


@pytest.mark.parametrize("field", ["nosuchfield", "psn_no"])
def test_a_fault_of_an_amount_that_the_answer_does_not_have_leaves_it_alone(
    field: str, till: Counter, jia: Person
) -> None:
    request, delivery = settle(till, jia, f"amount-off {field}")
    assert till.read(request, delivery.body).infcode == 0
    assert (till.world.hub.counts, len(till.world.hub.armed)) == ({}, 1)


@pytest.mark.parametrize(
    "fault",
    ["bad-signature", "other-key", "other-message", "changed-infcode", "changed-text", "other-amount"],
)
def test_a_fault_of_the_envelope_leaves_a_bare_file_alone(fault: str, till: Counter) -> None:
    """The answer of 9102 is the file itself."""
    upload = {"in": [1, 2], "filename": "x.zip", "fixmedins_code": "P99990000001"}
    number = till.ask("9101", {"fsUploadIn": upload}).output["file_qury_no"]
    till.world.hub.arm(parse_fault(fault), "9102")
    node = {"file_qury_no": number, "filename": "x.zip", "fixmedins_code": "P99990000001"}
    request = till.request("9102", {"fsDownloadIn": node})
    delivery = till.world.hub.respond(envelope.encode_request(request), till.now)
    assert (delivery.body, till.world.hub.counts) == (bytes([1, 2]), {})


# -- what a hub may say to a reversal --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [("refuse", "系统忙，请联系医保经办机构 (not possible now)"), ("not-found", "SETL_NOT_FOUND")],
)
def test_a_reversal_is_refused_rightly_signed_and_nothing_is_undone(
    fault: str, code: str, till: Counter, jia: Person
) -> None:
    original, _ = settle(till, jia)
    till.world.hub.arm(parse_fault(fault), "2601")
    request = reversal(till, jia, original)
    delivery = till.world.hub.respond(envelope.encode_request(request), till.now)
    assert till.verifies(request, answer_of(delivery))
    assert Reply(answer_of(delivery)).code == code
    assert booked(till) == 1
    assert (
        till.ask(
            "2601", {"data": {"psn_no": jia.psn_no, "omsgid": original.message_id, "oinfno": "2102"}}, HOME
        ).infcode
        == 0
    )
    assert booked(till) == 0


def test_a_request_that_is_still_travelling_is_not_found_and_books_later(till: Counter, jia: Person) -> None:
    original, delivery = settle(till, jia, "late-request 60")
    assert (delivery.closed, delivery.body, booked(till), till.world.hub.travelling) == (True, b"", 0, 1)
    early = reversal(till, jia, original)
    answer = till.world.hub.respond(envelope.encode_request(early), till.now)
    assert Reply(answer_of(answer)).code == "SETL_NOT_FOUND"
    till.world.hub.arrive(till.now + dt.timedelta(seconds=30))
    assert booked(till) == 0
    till.world.hub.arrive(till.now + dt.timedelta(seconds=120))
    assert (booked(till), till.world.hub.travelling) == (1, 0)


def test_requests_that_travel_arrive_in_the_order_of_their_times(till: Counter, jia: Person) -> None:
    original, _ = settle(till, jia, "late-request 30")
    began = till.now
    till.world.hub.arm(parse_fault("late-request 2"), "2601")
    early = reversal(till, jia, original)
    assert till.world.hub.respond(envelope.encode_request(early), till.now).closed
    till.world.hub.arrive(began + dt.timedelta(seconds=60))
    (record,) = till.world.ledger.settlements()
    assert (record.msgid, record.live) == (original.message_id, True), "the 2601 came first and found nothing"


def test_a_refusal_is_stamped_in_the_time_of_the_wire(till: Counter, jia: Person) -> None:
    till.world.hub.arm(parse_fault("refuse"), "2601")
    request = reversal(till, jia, settle(till, jia)[0])
    now = till.now.astimezone(dt.UTC)
    answer = answer_of(till.world.hub.respond(envelope.encode_request(request), now))
    stamp = format_stamp_ms(now)
    assert (answer.received_at, answer.answered_at) == (stamp, stamp)
    assert answer.hub_message_id[6:20] == stamp[:14]


# -- the hub itself --------------------------------------------------------------------------------


def test_a_sign_in_that_ends_mid_sale_is_refused_signed_and_nothing_is_booked(
    till: Counter, jia: Person
) -> None:
    request, delivery = settle(till, jia, "expire-sign-in")
    answer = answer_of(delivery)
    assert till.verifies(request, answer)
    assert Reply(answer).code == "SIGN_IN"
    assert booked(till) == 0
    till.sign_in()
    _, delivery = settle(till, jia)
    assert (answer_of(delivery).infcode, booked(till)) == (0, 1)


def test_a_hub_that_is_down_takes_nothing_until_its_time_is_over(till: Counter, jia: Person) -> None:
    began = till.now
    _, delivery = settle(till, jia, "down 259200")
    assert (delivery.refused, delivery.closed) == (True, True)
    till.now = began + dt.timedelta(days=3, seconds=-1)
    assert settle(till, jia)[1].refused
    till.now = began + dt.timedelta(days=3)
    assert not settle(till, jia)[1].refused
    assert till.world.hub.counts == {"down": 2}


def test_the_hub_rotates_its_key_and_the_next_one_is_known_beforehand(till: Counter, jia: Person) -> None:
    hub = till.world.hub
    before, announced = hub.signer.description, hub.next_signer.description
    request, delivery = settle(till, jia, "rotate-key")
    answer = answer_of(delivery)
    assert answer.infcode == 0
    assert not till.verifies(request, answer), "the old key does not verify it"
    assert hub.signer.description == announced != before
    assert [one.description for one in hub.former_keys] == [before]
    covered = answer_signing_bytes(till.world.profile, request.message_id, answer)
    assert Sm2Verifier(announced.public_point).verify(covered, decode_signature(answer.signature))


# -- scripts ---------------------------------------------------------------------------------------


def test_a_script_in_force_hits_what_it_says_and_is_counted(till: Counter, jia: Person) -> None:
    hub = till.world.hub
    hub.load(parse_script('[[step]]\nfault = "lose-answer"\ninfno = "2102"\nnth = 2\n'))
    assert not settle(till, jia)[1].closed
    assert settle(till, jia)[1].closed
    assert not settle(till, jia)[1].closed
    assert (hub.counts, booked(till)) == ({"lose-answer": 1}, 3)
    hub.load(parse_script('[[step]]\nfault = "html"\ninfno = "2102"\n'))
    assert settle(till, jia)[1].body.startswith(b"<html>"), "counted from its loading"
    hub.clear()
    assert hub.script is None
    assert hub.counts == {"html": 1, "lose-answer": 1}


def test_a_body_that_is_no_request_counts_once_among_all(till: Counter, jia: Person) -> None:
    hub = till.world.hub
    hub.load(parse_script('[[step]]\nfault = "html"\nnth = 2\n'))
    assert not hub.respond(b"rubbish", till.now).body.startswith(b"<html>")
    assert settle(till, jia)[1].body.startswith(b"<html>")
    assert hub.counts == {"html": 1}


@pytest.mark.parametrize("infno", ["2102 ", "21-02", "二一〇二", "2102207"])
def test_no_fault_is_armed_for_what_is_no_transaction_number(infno: str, till: Counter) -> None:
    with pytest.raises(ValueError, match="no transaction number"):
        till.world.hub.arm(parse_fault("html"), infno)


def test_an_armed_fault_comes_before_the_script(till: Counter, jia: Person) -> None:
    till.world.hub.load(parse_script('[[rate]]\nfault = "html"\nshare = 1.0\n'))
    assert settle(till, jia, "lose-request")[1].closed
    assert settle(till, jia)[1].body.startswith(b"<html>")


# -- over the link ---------------------------------------------------------------------------------


def link_to(till: Counter) -> HubLink:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    return HubLink(till.world.hub, lambda: till.now, at_once, "/hub")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("huge", "too_large"),
        ("gzip-bomb", "broken"),
        ("trickle 1", "timeout"),
        ("late-request 5", "disconnected"),
    ],
)
def test_the_link_says_what_a_transport_would(fault: str, reason: str, till: Counter, jia: Person) -> None:
    till.world.hub.arm(parse_fault(fault), "1101")
    body = envelope.encode_request(till.request("1101", {"data": {}}))
    with pytest.raises(NoAnswer) as silent:
        asyncio.run(link_to(till).post("/hub", body, {}, 5.0, 30.0))
    assert silent.value.reason == reason


def test_a_hub_that_is_down_is_not_sent_on_the_link(till: Counter) -> None:
    till.world.hub.arm(parse_fault("down 60"))
    with pytest.raises(NotSent):
        asyncio.run(
            link_to(till).post("/hub", envelope.encode_request(till.request("1101", {})), {}, 5.0, 30.0)
        )


async def two(till: Counter, fault: str) -> list[tuple[Request, Answer]]:
    """Two questions at once, each with what it got, in the order the answers came."""
    link = HubLink(till.world.hub, lambda: till.now, asyncio.sleep, "/hub")
    came: list[tuple[Request, Answer]] = []

    async def ask(who: str) -> None:
        request = till.request("5301", {"data": {"psn_no": who}}, HOME)
        till.world.hub.arm(parse_fault(fault), "5301")
        raw = await link.post("/hub", envelope.encode_request(request), {}, 5.0, 30.0)
        came.append((request, envelope.decode_answer(raw.body)))

    people = till.world.people
    await asyncio.gather(ask(people[0].psn_no), ask(people[1].psn_no))
    return came


async def test_swapped_answers_verify_for_the_other_one_only(till: Counter) -> None:
    (first, one), (second, other) = await two(till, "swap 5")
    assert (till.verifies(first, one), till.verifies(second, other)) == (False, False)
    assert (till.verifies(first, other), till.verifies(second, one)) == (True, True)


async def test_an_overtaken_answer_is_still_its_own(till: Counter) -> None:
    came = await two(till, "reorder 5")
    assert [till.verifies(request, answer) for request, answer in came] == [True, True]
    sent = sorted(came, key=lambda pair: pair[0].message_id)
    assert sent != came, "the later one was answered first"


async def test_a_swap_that_nobody_meets_ends_by_itself(till: Counter) -> None:
    till.world.hub.arm(parse_fault("swap 0.01"))
    link = HubLink(till.world.hub, lambda: till.now, asyncio.sleep, "/hub")
    request = till.request("1101", {"data": {}})
    raw = await link.post("/hub", envelope.encode_request(request), {}, 5.0, 30.0)
    assert till.verifies(request, envelope.decode_answer(raw.body))


@pytest.mark.parametrize("text", ["cut 40 shut", "html after", "delay 2 3", "swap soon", "down"])
def test_values_that_a_fault_does_not_take_are_refused_with_what_it_takes(text: str) -> None:
    with pytest.raises(ValueError, match="takes"):
        parse_fault(text)


def test_switches_and_names_are_values_too() -> None:
    assert parse_fault("cut 40 close") == Cut(40, close=True)
    assert parse_fault("html before") == Html(before=True)
    assert parse_fault("http-status 503 before") == HttpStatus(503, before=True)
    assert parse_fault("amount-off acct_pay -1") == AmountOff("acct_pay", -1)
