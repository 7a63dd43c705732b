"""Who is let in, in which order the hub judges, and how it says no."""

from random import Random

import msgspec
import pytest

from protocols.hub import envelope, signing
from protocols.hub.profile_reading import parse_profile
from simulators.hub import HubSettings
from simulators.hub.keys import Sm2Verifier
from simulators.people import Person
from simulators.serve import SimulatedWorld
from tests.simulators.hub.counter import START, Counter, Reply, make_world, purchase

HOME = "999900"


def raw_answer(till: Counter, body: bytes) -> dict[str, object]:
    """The hub's answer to arbitrary bytes, unverified."""
    answer: dict[str, object] = msgspec.json.decode(till.world.hub.respond(body, till.now).body)
    return answer


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"<html>", b"\xff\xfe", b'{"infno":"2102","infno":"2601"}']
)
def test_rubbish_gets_the_short_unsigned_error_shape(till: Counter, body: bytes) -> None:
    answer = raw_answer(till, body)
    assert (answer["type"], answer["infcode"]) == ("error", -1)
    assert "cainfo" not in answer


@pytest.mark.parametrize(
    "name",
    [
        *(
            "infno",
            "msgid",
            "mdtrtarea_admvs",
            "recer_sys_code",
            "infver",
            "opter_type",
            "opter",
            "opter_name",
        ),
        *("inf_time", "fixmedins_code", "fixmedins_name", "input"),
    ],
)
def test_an_envelope_without_a_field_is_refused_by_its_name(till: Counter, jia: Person, name: str) -> None:
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    members = msgspec.json.decode(envelope.encode_request(request))
    del members[name]
    answer = raw_answer(till, msgspec.json.encode(members))
    assert answer["infcode"] == -1
    assert name in str(answer["err_msg"])
    assert till.world.ledger.settlements() == ()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"receiver": ""}, "recer_sys_code"),
        ({"version": "V9"}, "infver"),
        ({"operator_type": "7"}, "opter_type"),
        ({"operator": ""}, "opter"),
        ({"operator": "T" * 31}, "opter"),
        ({"operator_name": ""}, "opter_name"),
        ({"sent_at": "2026-11-21"}, "inf_time"),
        ({"care_division": "999901"}, "mdtrtarea_admvs"),
        ({"message_id": "P99990000001" + "2026112110100101"}, "msgid"),
        ({"message_id": "P99990000001" + "20261321101001" + "0101"}, "msgid"),
        ({"message_id": "P99990000003" + "20261121101001" + "0101"}, "msgid"),
    ],
)
def test_a_signed_envelope_with_a_wrong_field_gets_a_signed_refusal(
    till: Counter, change: dict[str, str], name: str
) -> None:
    own = Sm2Verifier(till.signer.description.public_point)
    for institution in ("P99990000001", "P99990000003"):
        till.world.keys.register(institution, "", own)
    reply = till.ask("2601", {"data": {}}, HOME, **change)
    assert reply.infcode == -1
    assert name in reply.err_msg


def test_an_unsigned_request_is_refused_unsigned_and_books_nothing(till: Counter, jia: Person) -> None:
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    bare = msgspec.structs.replace(request, signature="")
    answer = raw_answer(till, envelope.encode_request(bare))
    assert (answer["type"], answer["infcode"]) == ("error", -1)
    assert "[SIGNATURE]" in str(answer["err_msg"])
    assert "cainfo" not in answer
    assert till.world.ledger.message(request.message_id) is None
    assert till.send(request).infcode == 0


@pytest.mark.parametrize("change", ["infno", "message_id", "sent_at", "input", "signature"])
def test_one_change_in_any_covered_part_breaks_the_signature(till: Counter, jia: Person, change: str) -> None:
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    if change == "input":
        spoiled = msgspec.structs.replace(request, input=request.input.replace(b"83.30", b"83.31"))
    elif change == "signature":
        other = signing.decode_signature(request.signature)
        spoiled = msgspec.structs.replace(request, signature=signing.encode_signature(other[:-1] + b"\0"))
    else:
        value = {"infno": "2101", "message_id": till.next_msgid(), "sent_at": "2026-11-21 23:59:59"}[change]
        spoiled = msgspec.structs.replace(request, **{change: value})
    answer = raw_answer(till, envelope.encode_request(spoiled))
    assert "[SIGNATURE]" in str(answer["err_msg"])
    assert till.world.ledger.settlements() == ()


def test_a_terminal_whose_key_nobody_registered_is_refused(world: SimulatedWorld) -> None:
    till = Counter(world, "P99990000001")
    request = till.request("9001", {"signIn": {"opter_no": "T01", "mac": "m", "ip": "i"}})
    foreign = msgspec.structs.replace(request, message_id=request.message_id[:26] + "0201")
    answer = raw_answer(till, envelope.encode_request(till.sign(foreign)))
    assert "[SIGNATURE]" in str(answer["err_msg"])


def test_an_answer_is_signed_over_the_requests_message_id(till: Counter, jia: Person) -> None:
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    body = till.world.hub.respond(envelope.encode_request(request), till.now).body
    answer = envelope.decode_answer(body)
    assert till.verifies(request, answer)
    assert not till.verifies(till.request("2102", {}, HOME), answer)
    assert not till.verifies(request, msgspec.structs.replace(answer, infcode=-1))
    changed = answer.output.replace(b"83.30", b"83.31")
    assert not till.verifies(request, msgspec.structs.replace(answer, output=changed))


def test_the_hubs_own_number_is_division_time_and_ten_digits(till: Counter) -> None:
    answer = till.ask("5301", {"data": {"psn_no": "99990000000000000001"}}, HOME).answer
    assert len(answer.hub_message_id) == 30
    assert answer.hub_message_id.startswith(f"999900{till.now:%Y%m%d%H%M%S}")
    assert answer.received_at == f"{till.now:%Y%m%d%H%M%S}000"


def settle_twice(till: Counter, jia: Person) -> tuple[Reply, Reply]:
    request = till.request("2102", purchase(till, jia, till.token(jia), acct_used_flag="0"), HOME)
    return till.send(request), till.send(request)


def test_a_message_id_seen_before_books_nothing_and_says_so(till: Counter, jia: Person) -> None:
    first, second = settle_twice(till, jia)
    assert first.infcode == 0
    assert (second.infcode, second.code) == (-1, "MSGID_SEEN")
    assert till.world.profile.is_doubtful_text(second.err_msg)
    assert len(till.world.ledger.settlements()) == 1


def test_a_hub_that_does_not_check_message_ids_books_twice() -> None:
    world = make_world(HubSettings(msgid_check="none"))
    till = Counter(world, "P99990000001")
    till.sign_in()
    first, second = settle_twice(till, world.person("jia"))
    assert (first.infcode, second.infcode) == (0, 0)
    assert len(world.ledger.live_settlements()) == 2


def test_a_refused_message_id_is_seen_too(till: Counter, jia: Person) -> None:
    request = till.request("2102", purchase(till, jia, "no such token"), HOME)
    assert till.send(request).code == "ECTOKEN_UNKNOWN"
    assert till.send(request).code == "MSGID_SEEN"


def test_a_seen_message_id_is_refused_before_anything_else_could_be(till: Counter, jia: Person) -> None:
    """A replay after the token has expired must not bring a signed refusal for a booked settlement."""
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    assert till.send(request).infcode == 0
    till.now = till.now.replace(hour=23)
    assert till.send(request).code == "MSGID_SEEN"


def test_everything_but_9001_needs_a_sign_in(world: SimulatedWorld, jia: Person) -> None:
    till = Counter(world, "P99990000001")
    reply = till.ask("1101", {"data": {}})
    assert (reply.infcode, reply.code) == (-1, "SIGN_IN")
    assert "sign_no" in reply.err_msg
    till.sign_in()
    assert len(till.sign_no) == 30
    assert till.ask("5301", {"data": {"psn_no": jia.psn_no}}, HOME).infcode == 0


def test_a_sign_in_belongs_to_one_institution_and_operator(till: Counter, clinic: Counter) -> None:
    clinic.sign_no = till.sign_no
    assert clinic.ask("1101", {"data": {}}).code == "SIGN_IN"


def test_sign_in_must_name_the_operator_of_the_envelope(till: Counter) -> None:
    reply = till.ask("9001", {"signIn": {"opter_no": "T02", "mac": "m", "ip": "i"}})
    assert "signIn.opter_no" in reply.err_msg


def test_an_unknown_transaction_is_refused(till: Counter) -> None:
    assert till.ask("9999", {"data": {}}).code == "INFNO_UNKNOWN"


def test_a_request_that_names_a_person_needs_the_insured_place(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia))
    for insured in ("", "989900"):
        assert "insuplc_admdvs" in till.ask("2102", body, insured).err_msg


def test_input_that_is_no_object_is_refused_by_name(till: Counter) -> None:
    request = till.request("1101", {"data": {}})
    reply = till.send(till.sign(msgspec.structs.replace(request, input=b"[1]")))
    assert "input" in reply.err_msg


def test_the_same_seed_gives_the_same_ids() -> None:
    bodies = []
    for _ in range(2):
        world = make_world()
        till = Counter(world, "P99990000001")
        till.sign_in()
        jia = world.person("jia")
        bodies.append(till.ask("2102", purchase(till, jia, till.token(jia)), HOME).answer.output)
    assert bodies[0] == bodies[1]


def test_another_source_of_numbers_keeps_the_hubs_key_and_changes_the_codes() -> None:
    plain, other = make_world(), make_world(numbers=Random(1))
    assert plain.signer.description == other.signer.description
    jia = plain.person("jia")
    assert plain.phone.issue(jia, START) != other.phone.issue(jia, START)


def test_profile_input_only_signs_input_and_output_alone() -> None:
    profile = parse_profile('[sign]\nprofile = "input-only"\n', "province.toml")
    world = make_world(profile=profile)
    till = Counter(world, "P99990000001")
    till.sign_in()
    jia = world.person("jia")
    request = till.request("2102", purchase(till, jia, till.token(jia)), HOME)
    answer = envelope.decode_answer(world.hub.respond(envelope.encode_request(request), till.now).body)
    assert till.hub_key.verify(answer.output, signing.decode_signature(answer.signature))


def test_no_refusal_text_repeats_what_was_sent(till: Counter, jia: Person) -> None:
    body = purchase(till, jia, till.token(jia))
    body["druginfo"]["certno"] = "999999197006150043"
    reply = till.ask("2102", body, HOME)
    assert reply.code == "PERSON_MISMATCH"
    for secret in (jia.certno, "999999197006150043", jia.name, jia.psn_no):
        assert secret not in reply.err_msg


def test_an_institution_nobody_knows_is_told_that_no_key_is_registered(till: Counter) -> None:
    request = till.request("1101", {"data": {}}, institution_code="P99990000099")
    answer = raw_answer(till, envelope.encode_request(request))
    assert "fixmedins_code" in str(answer["err_msg"])


def test_signing_out_ends_the_sign_in(till: Counter) -> None:
    body = {"signOut": {"sign_no": till.sign_no, "opter_no": "T01"}}
    assert till.ask("9002", body).output["sign_time"]["sign_time"].startswith("2026-11-21")
    assert till.ask("9002", body).code == "SIGN_IN"
    assert till.ask("1101", {"data": {}}).code == "SIGN_IN"


def test_yesterdays_sign_in_cannot_be_signed_out(till: Counter) -> None:
    till.now = till.now.replace(day=22)
    assert till.ask("9002", {"signOut": {"sign_no": till.sign_no, "opter_no": "T01"}}).code == "SIGN_IN"
