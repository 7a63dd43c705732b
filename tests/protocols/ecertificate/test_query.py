"""ec.query: requests, replies in every shape, refusals with their own code and message."""

import datetime as dt
import json
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ecertificate import refusals
from protocols.ecertificate.business import BusinessType, out_biz_no
from protocols.ecertificate.query import (
    Decoded,
    DecodeRequest,
    encode_query,
    encode_refusal,
    encode_reply,
    parse_query,
    parse_reply,
)
from protocols.ecertificate.refusals import MEANINGS, CentreRefusal, Next
from protocols.errors import MalformedMessage
from protocols.secret import Secret
from protocols.wire_time import WIRE_ZONE

VECTORS = Path(__file__).parents[2] / "vectors" / "ecertificate"
CODE = "4240000000000000001707990000"
QUERY = DecodeRequest(
    institution_code="P99999900001",
    business_type="02121",
    operator_id="op01",
    operator_name="测试员",
    department_code="0001",
    department_name="收银台",
    code=Secret(CODE),
)


def _body(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def _decoded(body: bytes) -> Decoded:
    reply = parse_reply(body)
    assert isinstance(reply, Decoded)
    return reply


def test_a_query_is_written_as_the_worked_example() -> None:
    expected = json.loads(_body("query.json"))
    written = json.loads(encode_query(QUERY))
    assert written.pop("extra") == ""
    assert written["data"].pop("deviceType") == ""
    assert written == expected


def test_the_worked_query_is_read() -> None:
    assert parse_query(_body("query.json")) == QUERY
    assert parse_query(encode_query(QUERY)) == QUERY


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (b'"ec.query"', b'"iot.gain.ec.qrcode"', "$.transType"),
        (b'"orgId":"P99999900001","transType"', b'"orgId":"P99999900002","transType"', "$.data.orgId"),
        (b'"operatorId":"op01"', b'"operatorId":""', "$.data"),
        (b'"data":', b'"date":', "$.data"),
    ],
)
def test_a_query_with_a_wrong_or_missing_member_is_refused(old: bytes, new: bytes, where: str) -> None:
    body = _body("query.json")
    assert old in body
    with pytest.raises(MalformedMessage) as refused:
        parse_query(body.replace(old, new, 1))
    assert refused.value.where == where


@pytest.mark.parametrize("name", ["reply-object.json", "reply-text.json"])
def test_a_reply_is_read_in_both_shapes(name: str) -> None:
    decoded = _decoded(_body(name))
    assert decoded.name == Secret("测试甲")
    assert decoded.document_no == Secret("999999199003070012")
    assert decoded.document_type == "01"
    assert decoded.token == Secret("999900ecsim000000000000000000000000000")
    assert decoded.insured_division == "999900"
    assert decoded.sex == ""
    assert not decoded.birth_date
    assert not decoded.auth_no
    assert decoded.code == Secret(CODE)
    assert decoded.extra == '{"sim":true}'


def test_the_whole_reply_may_stand_inside_message() -> None:
    body = json.dumps({"message": _body("reply-text.json").decode()}).encode()
    assert _decoded(body) == _decoded(_body("reply-object.json"))
    body = json.dumps({"code": 0, "message": _body("refusal-expired.json").decode()}).encode()
    assert parse_reply(body) == CentreRefusal(990001, "二维码已过期")


def test_the_code_may_be_text_and_absent_members_come_in_three_forms() -> None:
    data = {
        "userName": "测试甲",
        "idNo": "1",
        "ecToken": "t",
        "gender": "null",
        "email": None,
        "birthday": "",
    }
    decoded = _decoded(json.dumps({"code": "0", "data": data}).encode())
    assert decoded == Decoded(name=Secret("测试甲"), document_no=Secret("1"), token=Secret("t"))


def test_an_extra_that_is_an_object_does_no_harm() -> None:
    data = {"userName": "测试甲", "idNo": "1", "ecToken": "t", "extra": {"sim": True}}
    assert _decoded(json.dumps({"code": 0, "data": data}).encode()).token == Secret("t")


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("refusal-expired.json", 990001, "二维码已过期"),
        ("refusal-not-a-certificate.json", 500159, "请使用医保电子凭证二维码"),
    ],
)
def test_a_refusal_keeps_its_own_code_and_message(name: str, code: int, message: str) -> None:
    refusal = parse_reply(_body(name))
    assert refusal == CentreRefusal(code, message)
    assert refusal.meaning is MEANINGS[code]
    assert refusal.meaning.next is Next.RESCAN


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"null",
        b"[]",
        b"{}",
        b'{"code":0}',
        b'{"code":0,"data":null}',
        b'{"code":0,"data":"null"}',
        b'{"code":0,"data":""}',
        b'{"code":0,"data":"{"}',
        b'{"code":0,"data":[]}',
        b'{"code":0,"data":{"userName":"x","idNo":"1"}}',
        b'{"code":0,"data":{"userName":"x","idNo":"1","ecToken":""}}',
        b'{"code":0,"data":{"userName":"x","idNo":1,"ecToken":"t"}}',
        b'{"code":true,"data":{"userName":"x","idNo":"1","ecToken":"t"}}',
        b'{"code":0.0,"data":{"userName":"x","idNo":"1","ecToken":"t"}}',
        b'{"code":0,"code":1}',
        b'{"success":false,"message":"x"}',
        b'{"message":"{not json"}',
        b'{"message":"{\\"message\\":\\"{}\\"}"}',
        b'{"code":0,"data":{"userName":"\xff","idNo":"1","ecToken":"t"}}',
    ],
)
def test_what_is_neither_a_person_nor_a_refusal_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_reply(body)


def test_a_malformed_reply_is_not_repeated_in_the_error() -> None:
    body = '{"code":0,"data":{"userName":["测试甲"],"idNo":"999999199003070012","ecToken":"t"}}'.encode()
    with pytest.raises(MalformedMessage) as refused:
        parse_reply(body)
    assert "9999" not in str(refused.value)
    assert "测试甲" not in str(refused.value)


@given(st.binary(max_size=200))
def test_random_bytes_are_a_reply_or_malformed(body: bytes) -> None:
    try:
        parse_reply(body)
    except MalformedMessage:
        return


@pytest.mark.parametrize(("shape", "kind"), [("object", dict), ("text", str)])
def test_a_reply_survives_writing_and_reading(shape: Literal["object", "text"], kind: type) -> None:
    decoded = _decoded(_body("reply-object.json"))
    assert parse_reply(encode_reply(decoded, shape)) == decoded
    assert isinstance(json.loads(encode_reply(decoded, shape))["data"], kind)


def test_a_reply_may_be_written_inside_message() -> None:
    decoded = _decoded(_body("reply-object.json"))
    body = encode_reply(decoded, "in_message")
    assert list(json.loads(body)) == ["message"]
    assert parse_reply(body) == decoded


def test_a_refusal_survives_writing_and_reading() -> None:
    refusal = CentreRefusal(refusals.NOT_ACTIVATED, "未激活")
    assert parse_reply(encode_refusal(refusal)) == refusal


def test_no_person_is_shown_by_a_repr() -> None:
    decoded = _decoded(_body("reply-object.json"))
    for shown in (repr(QUERY), str(QUERY), repr(decoded), str(decoded)):
        assert not any(
            secret in shown for secret in (CODE, "测试甲", "999999199003070012", "ecsim", "00000017")
        )


def test_our_own_refusal_codes_are_not_mistaken_for_national_ones() -> None:
    assert sorted(MEANINGS) == [500159, *range(990001, 990020)]
    assert MEANINGS[refusals.NOT_ACTIVATED].next is Next.OFFER_ACTIVATION
    assert CentreRefusal(-2, "").meaning is None


def test_a_business_number_has_institution_time_and_ten_digits() -> None:
    at = dt.datetime(2026, 11, 21, 12, 0, 0, 17_000, tzinfo=WIRE_ZONE)
    number = out_biz_no("P99990000001", at, 42)
    assert number == "P99990000001202611211200000170000000042"
    assert len(number) == 39
    with pytest.raises(ValueError, match="ten"):
        out_biz_no("P99990000001", at, 10**10)
    with pytest.raises(ValueError, match="64"):
        out_biz_no("P" * 40, at, 1)


def test_business_types_of_the_counter() -> None:
    assert BusinessType("02121") is BusinessType.PHARMACY_PURCHASE
    assert BusinessType("01101") is BusinessType.REGISTRATION
    assert BusinessType.APP_SETTLEMENT.value == "03132"
