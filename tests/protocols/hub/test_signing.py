"""Which bytes a signature covers: built by hand, and each part changed in turn."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.hub import envelope
from protocols.hub.envelope import Answer
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import Sign
from protocols.hub.signing import (
    answer_signing_bytes,
    decode_signature,
    encode_signature,
    request_signing_bytes,
)
from tests.protocols.hub import examples
from tests.protocols.hub.test_envelope import REQUEST

NATIONAL = Profile(name="national")
INPUT_ONLY = Profile(name="input-only", sign=Sign(profile="input-only"))
ANSWER = Answer(
    infcode=-1,
    hub_message_id="999900202611211011050000000004",
    error_text="余额不足[DEMO]",
    output=b'{ "a" : 1.0}',
)
replace = msgspec.structs.replace


def test_a_requests_signed_bytes_are_three_lines_and_the_raw_input() -> None:
    by_hand = b'P99990000001202611211011050103\n2102\n2026-11-21 10:11:05\n{ "druginfo" : {"medfee_sumamt": 83.30 } }'
    assert request_signing_bytes(NATIONAL, REQUEST) == by_hand


def test_an_answers_signed_bytes_begin_with_our_message_id() -> None:
    by_hand = (
        b"P99990000001202611211011050103\n-1\n999900202611211011050000000004\n"
        b'\xe4\xbd\x99\xe9\xa2\x9d\xe4\xb8\x8d\xe8\xb6\xb3[DEMO]\n{ "a" : 1.0}'
    )
    assert answer_signing_bytes(NATIONAL, REQUEST.message_id, ANSWER) == by_hand


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (b'{"infcode":0}', b"\n0\n\n\n"),
        (b'{"infcode":"0","inf_refmsgid":null,"err_msg":null,"output":null}', b"\n0\n\n\nnull"),
        (b'{"infcode":0,"err_msg":"\\u6d4b\\n","output" : {  } }', b"\n0\n\n\xe6\xb5\x8b\n\n{  }"),
    ],
)
def test_texts_are_signed_decoded_and_the_output_as_it_stood(body: bytes, ending: bytes) -> None:
    assert answer_signing_bytes(NATIONAL, "M", envelope.decode_answer(body)) == b"M" + ending


@pytest.mark.parametrize(
    "changed",
    [
        replace(REQUEST, message_id="P99990000001202611211011050104"),
        replace(REQUEST, infno="2103"),
        replace(REQUEST, sent_at="2026-11-21 10:11:06"),
        replace(REQUEST, input=b'{"druginfo" : {"medfee_sumamt": 83.30 } }'),
    ],
)
def test_a_change_of_any_covered_part_of_a_request_changes_the_bytes(changed: envelope.Request) -> None:
    assert request_signing_bytes(NATIONAL, changed) != request_signing_bytes(NATIONAL, REQUEST)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ANSWER, infcode=0),
        replace(ANSWER, hub_message_id="999900202611211011050000000005"),
        replace(ANSWER, error_text="余额不足[DEM0]"),
        replace(ANSWER, output=b'{"a" : 1.0}'),
        replace(ANSWER, output=b""),
        replace(ANSWER, output=b"null"),
    ],
)
def test_a_change_of_any_covered_part_of_an_answer_changes_the_bytes(changed: Answer) -> None:
    assert answer_signing_bytes(NATIONAL, "M", changed) != answer_signing_bytes(NATIONAL, "M", ANSWER)


def test_an_answer_to_another_message_has_other_bytes() -> None:
    assert answer_signing_bytes(NATIONAL, "M1", ANSWER) != answer_signing_bytes(NATIONAL, "M2", ANSWER)


def test_the_signature_itself_is_not_covered() -> None:
    signed = replace(REQUEST, signature="A" * 88, signature_type="SM2")
    assert request_signing_bytes(NATIONAL, signed) == request_signing_bytes(NATIONAL, REQUEST)
    assert answer_signing_bytes(NATIONAL, "M", replace(ANSWER, signature="x")) == answer_signing_bytes(
        NATIONAL, "M", ANSWER
    )


def test_input_only_covers_the_raw_payload_alone() -> None:
    assert request_signing_bytes(INPUT_ONLY, REQUEST) == REQUEST.input
    assert answer_signing_bytes(INPUT_ONLY, "anything", ANSWER) == b'{ "a" : 1.0}'


@pytest.mark.parametrize(
    "request_",
    [replace(REQUEST, message_id="a\nb"), replace(REQUEST, infno="2\n"), replace(REQUEST, sent_at="\n")],
)
def test_a_line_feed_that_would_blur_the_lines_is_refused(request_: envelope.Request) -> None:
    with pytest.raises(MalformedMessage):
        request_signing_bytes(NATIONAL, request_)
    with pytest.raises(MalformedMessage):
        answer_signing_bytes(NATIONAL, "M", replace(ANSWER, hub_message_id="a\nb"))


@pytest.mark.parametrize("name", examples.REQUESTS)
def test_the_signed_bytes_of_every_worked_request_stand_on_the_wire(name: str) -> None:
    body = examples.body(name)
    request = envelope.decode_request(body)
    head, infno, sent_at, raw = request_signing_bytes(NATIONAL, request).split(b"\n", 3)
    assert raw in body
    assert raw.startswith(b"{")
    assert (head.decode(), infno.decode(), sent_at.decode()) == (
        request.message_id,
        request.infno,
        request.sent_at,
    )
    assert request_signing_bytes(
        NATIONAL, envelope.decode_request(envelope.encode_request(request))
    ).endswith(raw)


@given(st.binary(min_size=64, max_size=64))
def test_a_signature_survives_its_text(signature: bytes) -> None:
    text = encode_signature(signature)
    assert len(text) == 88
    assert text == base64.b64encode(signature).decode()
    assert decode_signature(text) == signature


@pytest.mark.parametrize("length", [0, 63, 65, 70, 71, 72])
def test_only_64_bytes_are_a_signature(length: int) -> None:
    with pytest.raises(ValueError, match="64"):
        encode_signature(bytes(length))
    with pytest.raises(MalformedMessage):
        decode_signature(base64.b64encode(bytes(length)).decode())


GOOD = base64.b64encode(bytes(range(192, 256))).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-2],
        GOOD + "\n",
        GOOD[:40] + "\n" + GOOD[40:],
        " " + GOOD,
        GOOD + "====",
        GOOD[:-3] + "x==",  # bits after the last byte are not zero: a second text for the same bytes
        GOOD.replace("/", "_").replace("+", "-"),
        "测" * 88,
        bytes(range(64)).hex(),
    ],
)
def test_exactly_one_text_stands_for_a_signature(text: str) -> None:
    with pytest.raises(MalformedMessage):
        decode_signature(text)
