"""The envelope: raw bytes cut from the wire, null and missing alike, garbage refused."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.hub import envelope, wire
from protocols.hub.envelope import Answer, Request
from protocols.money import Decimals
from protocols.wire_time import WIRE_ZONE
from tests.protocols.hub import examples

REQUEST = Request(
    infno="2102",
    message_id="P99990000001202611211011050103",
    care_division="999900",
    insured_division="999901",
    receiver="MBS_LOCAL",
    version="V1.0",
    operator_type="1",
    operator="T01",
    operator_name="收银终端一",
    sent_at="2026-11-21 10:11:05",
    institution_code="P99990000001",
    institution_name="测试大药房一号店",
    input=b'{ "druginfo" : {"medfee_sumamt": 83.30 } }',
)
ANSWER = Answer(infcode=0, hub_message_id="999900202611211011050000000004", output=b'{"setlinfo":{}}')

_texts = st.text(st.characters(codec="utf-8"), max_size=20)


def test_the_input_stands_in_the_body_byte_for_byte() -> None:
    body = envelope.encode_request(REQUEST)
    assert b'"input":{ "druginfo" : {"medfee_sumamt": 83.30 } }}' in body
    assert envelope.decode_request(body).input == REQUEST.input


def test_a_request_says_its_own_number() -> None:
    assert envelope.number_of(envelope.encode_request(REQUEST)) == "2102"
    for body in (b"", b"{}", b"[]", b'{"infno":2102}'):
        with pytest.raises(MalformedMessage):
            envelope.number_of(body)


@pytest.mark.parametrize(
    "raw",
    [
        b'{ "a" : 1.0}',
        b"{}",
        b"null",
        b'"Base64=="',
        b"[1,\n 2]",
        b"1.50",
        b'{"a":"\\u6d4b\\/","b":"\xe6\xb5\x8b"}',
        b'{"output":{"output":1}}',
    ],
)
def test_the_output_is_cut_exactly_wherever_white_space_stands(raw: bytes) -> None:
    for before, after in ((b"", b""), (b" \t", b"\r\n "), (b"\n", b"")):
        body = b'{"output" :' + before + raw + after + b',"infcode":0}'
        assert envelope.decode_answer(body).output == raw
        body = b'{"infcode": 0, "output":' + before + raw + after + b"}"
        assert envelope.decode_answer(body).output == raw


@pytest.mark.parametrize(
    "output",
    [
        "{}",
        "null",
        '{"a":1.50,"b":null,"c":"","d":["null",{"e":"null","f":1}]}',
        '{ "a" : "\\u6d4b" }',
        "[1,2]",
    ],
)
def test_envelope_and_content_are_read_as_if_one_after_the_other(output: str) -> None:
    body = f'{{"infcode":0,"err_msg":"null","output":{output}}}'.encode()
    answer, content = envelope.read_answer(body)
    assert answer == envelope.decode_answer(body)
    assert _plain(content) == _plain(wire.read_json(answer.output))


def _plain(tree: object) -> object:
    """Numbers with a fraction as their text, so that two trees can be compared."""
    match tree:
        case Decimals():
            return tree.text
        case dict():
            return {name: _plain(value) for name, value in tree.items()}
        case _:
            return tree


def test_a_missing_output_has_no_content() -> None:
    assert envelope.read_answer(b'{"infcode":-1}') == (Answer(infcode=-1), None)


def test_a_missing_output_is_empty_and_null_is_four_bytes() -> None:
    assert envelope.decode_answer(b'{"infcode":0}').output == b""
    assert envelope.decode_answer(b'{"infcode":0,"output":null}').output == b"null"
    assert b"output" not in envelope.encode_answer(Answer(infcode=0))
    assert b'"output":null' in envelope.encode_answer(Answer(infcode=0, output=b"null"))


@pytest.mark.parametrize(
    ("written", "code"),
    [("0", 0), ("-1", -1), ('"0"', 0), ('"-1"', -1), ("500", 500), ("-0", 0), ('"-0"', 0)],
)
def test_the_status_comes_as_number_or_text(written: str, code: int) -> None:
    answer = envelope.decode_answer(f'{{"infcode":{written}}}'.encode())
    assert answer.infcode == code
    assert answer.ok == (code == 0)


@pytest.mark.parametrize(
    "written", ["null", '""', '"ok"', "0.0", "1e0", "true", "{}", '"٠"', "9" * 30, '"1 "']
)
def test_a_status_that_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(MalformedMessage):
        envelope.decode_answer(f'{{"infcode":{written}}}'.encode())


def test_null_and_missing_texts_are_empty() -> None:
    names = ("inf_refmsgid", "refmsg_time", "respond_time", "err_msg", "warn_msg", "cainfo", "signtype")
    nulls = json.dumps({"infcode": -1, **dict.fromkeys(names)})
    assert (
        envelope.decode_answer(nulls.encode())
        == envelope.decode_answer(b'{"infcode":-1}')
        == Answer(infcode=-1)
    )


def test_the_text_null_in_an_error_text_is_text() -> None:
    assert envelope.decode_answer(b'{"infcode":-1,"err_msg":"null"}').error_text == "null"


def test_an_error_raised_before_dispatch_is_read() -> None:
    answer = envelope.decode_answer('{"type":"error","infcode":-1,"err_msg":"报文不正确"}'.encode())
    assert answer == Answer(infcode=-1, error_text="报文不正确")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"code":401,"message":"Unauthorized"}',
        b"null",
        b"[]",
        b'"0"',
        b"0",
        b'{"infcode":0}{"infcode":0}',
        b'{"infcode":0}garbage',
        b'{"infcode":0,"infcode":-1}',
        b'{"infcode":0,"output":{},"output":{}}',
        b'{"infcode":0,"output":{"a":1,"a":2}}',
        b'{"infcode":0,"x":{"a":1,"a":2}}',
        b'{"infcode":0,"\\u0069nfcode":-1}',
        b'{"infcode":0,"output":',
        b'{"infcode":0,"output":{"a":"\xff"}}',
        b'{"infcode":0,"err_msg":"\\ud800"}',
        b'{"infcode":0,"err_msg":5}',
        b'{"infcode":0,"x":NaN}',
        b'{"infcode":0,"output":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        '{"infcode":0}'.encode("utf-16"),
        b"\xef\xbb\xbf" + b'{"infcode":0}',
        b'{"infcode":0}\x00',
    ],
)
def test_a_body_that_is_no_clear_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        envelope.decode_answer(body)
    with pytest.raises(MalformedMessage):
        envelope.read_answer(body)
    with pytest.raises(MalformedMessage):
        envelope.decode_request(body)


@pytest.mark.parametrize("name", ["a-2102-request.json", "b-2207A-request.json"])
def test_a_request_without_a_required_member_is_refused(name: str) -> None:
    whole = json.loads(examples.body(name))
    optional = {"insuplc_admdvs", "dev_no", "dev_safe_info", "cainfo", "signtype", "sign_no"}
    for member in whole:
        body = json.dumps({key: value for key, value in whole.items() if key != member}).encode()
        if member in optional:
            envelope.decode_request(body)
        else:
            with pytest.raises(MalformedMessage, match=member):
                envelope.decode_request(body)


def test_an_answer_cut_at_any_byte_is_refused() -> None:
    body = envelope.encode_answer(ANSWER)
    for length in range(len(body)):
        with pytest.raises(MalformedMessage):
            envelope.decode_answer(body[:length])


@given(st.binary(max_size=300))
def test_random_bytes_are_an_answer_or_a_malformed_message(body: bytes) -> None:
    for read in (envelope.decode_answer, envelope.read_answer, envelope.decode_request):
        try:
            read(body)
        except MalformedMessage:
            continue


@given(
    infcode=st.integers(min_value=-999_999_999, max_value=999_999_999),
    texts=st.tuples(*([_texts] * 7)),
    output=st.sampled_from([b"", b"null", b"{}", b'{ "a" : 1.0}', b"[]", b'"x"']),
)
def test_every_answer_survives_writing_and_reading(
    infcode: int, texts: tuple[str, ...], output: bytes
) -> None:
    answer = Answer(
        infcode=infcode,
        hub_message_id=texts[0],
        received_at=texts[1],
        answered_at=texts[2],
        error_text=texts[3],
        warning_text=texts[4],
        signature=texts[5],
        signature_type=texts[6],
        output=output,
    )
    assert envelope.decode_answer(envelope.encode_answer(answer)) == answer


@given(
    texts=st.tuples(*([_texts] * 5)), raw=st.sampled_from([b"{}", b'{ "a" : 1.0}', b'{"a":"\xe6\xb5\x8b"}'])
)
def test_every_request_survives_writing_and_reading(texts: tuple[str, ...], raw: bytes) -> None:
    request = Request(
        infno=texts[0],
        message_id=texts[1],
        care_division="999900",
        insured_division=texts[2],
        receiver="MBS_LOCAL",
        signature=texts[3],
        version="V1.0",
        operator_type="1",
        operator="T01",
        operator_name=texts[4],
        sent_at="2026-11-21 10:11:05",
        institution_code="P99990000001",
        institution_name="测试大药房一号店",
        input=raw,
    )
    assert envelope.decode_request(envelope.encode_request(request)) == request


def test_chinese_text_is_written_as_it_is() -> None:
    assert "测试大药房一号店".encode() in envelope.encode_request(REQUEST)


def test_a_message_id_is_institution_time_slot_and_counter() -> None:
    at = dt.datetime(2026, 11, 21, 2, 11, 5, tzinfo=dt.UTC)
    assert envelope.message_id("P99990000001", at, 1, 3) == "P99990000001202611211011050103"
    assert len(envelope.message_id("P99990000001", at, 0, 0)) == 30


@pytest.mark.parametrize(
    ("institution", "slot", "counter"),
    [("P9999000000", 0, 0), ("P99990000001", 100, 0), ("P99990000001", 0, 100), ("P99990000001", -1, 0)],
)
def test_a_message_id_that_would_not_have_30_characters_is_refused(
    institution: str, slot: int, counter: int
) -> None:
    with pytest.raises(ValueError, match="slot and counter"):
        envelope.message_id(institution, dt.datetime(2026, 11, 21, tzinfo=WIRE_ZONE), slot, counter)


def test_the_hubs_own_id_has_30_characters() -> None:
    at = dt.datetime(2026, 1, 5, 10, 11, 5, tzinfo=WIRE_ZONE)
    assert envelope.hub_message_id("999900", at, 4) == "999900202601051011050000000004"
