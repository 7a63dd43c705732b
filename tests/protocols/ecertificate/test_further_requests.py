"""Face pair, token check, settle notice and 1162: the bytes that are sent, every reply, and what is refused."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.ecertificate import envelope, face, hub_1162, notice, refusals, token_check
from protocols.ecertificate.envelope import TransType
from protocols.ecertificate.query import Decoded
from protocols.ecertificate.refusals import CentreRefusal
from protocols.errors import MalformedMessage
from protocols.money import Fen, Price, Quantity
from protocols.secret import Secret

VECTORS = Path(__file__).parents[2] / "vectors" / "ecertificate"
NUMBER = "P99999900001202611211200000000000000000017"
AUTH_NO = "ano0000000000000000017999900"
FACE = face.FaceRequest(
    institution_code="P99999900001", business_type="02121", operator_id="op01", operator_name="测试员",
    department_code="0001", department_name="收银台", business_number=NUMBER,
)  # fmt: skip
EXCHANGE = face.ExchangeRequest(
    institution_code="P99999900001", operator_id="op01", operator_name="测试员", department_code="0001",
    department_name="收银台", business_number="other", auth_no=Secret(AUTH_NO),
)  # fmt: skip
LINE = notice.line_of("1", "测试药", True, Price.parse("12.5"), Quantity.parse("2"), Fen(2500))
NOTICE = notice.SettleNotice(
    institution_code="P99999900001", business_number=NUMBER, state=notice.NoticeState.SUCCESS, operator_id="op01",
    operator_name="测试员", total="25.00", kind=notice.NoticeKind.SETTLE, document_no=Secret("999999199003070012"),
    name=Secret("测试甲"), settled_at="2026-11-21 12:00:00", institution_name="测试大药房一号店", department_code="0001",
    department_name="收银台", settlement_no="SETL1", own="0.00", balance="35.00", lines=notice.lines_text((LINE,)),
    account="25.00",
)  # fmt: skip


def _body(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def _sent(body: bytes) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(body)
    return tree


# -- names -----------------------------------------------------------------------------------------


def test_bare_and_older_names_are_known() -> None:
    assert envelope.trans_type("ec.auth") is TransType.FACE
    assert envelope.trans_type("iot.gain.ec.qrcode") is TransType.OLD_IDENTITY
    assert envelope.trans_type("ec.pay") is None
    assert envelope.trans_type("") is None


# -- face ------------------------------------------------------------------------------------------


def test_a_face_check_is_written_and_read() -> None:
    written = _sent(face.encode_face(FACE))
    assert written.pop("extra") == ""
    assert written["data"].pop("extData") == ""
    assert written == _sent(_body("face-check.json"))
    assert face.parse_face(_body("face-check.json")) == FACE
    assert face.parse_face(_body("face-check.json").replace(b"cn.nhsa.ec.auth", b"ec.auth")) == FACE


def test_the_worked_reply_gives_the_flow_number() -> None:
    assert face.parse_face_reply(_body("face-check-reply.json")) == Secret(AUTH_NO)
    refused = envelope.encode_refusal(CentreRefusal(refusals.LIVENESS_FAILED, "活体检测未通过"))
    assert face.parse_face_reply(refused) == CentreRefusal(refusals.LIVENESS_FAILED, "活体检测未通过")


@pytest.mark.parametrize("data", [{}, {"authNo": ""}, {"authNo": 1}, {"authNo": "null"}])
def test_a_face_reply_without_a_number_is_malformed(data: dict[str, object]) -> None:
    with pytest.raises(MalformedMessage):
        face.parse_face_reply(json.dumps({"code": 0, "data": data}).encode())


def test_an_exchange_is_written_and_read_and_gives_an_identity() -> None:
    written = _sent(face.encode_exchange(EXCHANGE))
    assert written["transType"] == "cn.nhsa.auth.check"
    assert (written["data"]["authNo"], written["data"]["outBizNo"]) == (AUTH_NO, "other")
    assert face.parse_exchange(face.encode_exchange(EXCHANGE)) == EXCHANGE
    identity = face.parse_exchange_reply(_body("reply-text.json"))
    assert isinstance(identity, Decoded)
    assert AUTH_NO not in repr(EXCHANGE)


def test_the_two_requests_of_the_pair_are_not_mixed_up() -> None:
    with pytest.raises(MalformedMessage, match="transType"):
        face.parse_exchange(face.encode_face(FACE))
    with pytest.raises(MalformedMessage, match="transType"):
        face.parse_face(face.encode_exchange(EXCHANGE))


# -- token check -----------------------------------------------------------------------------------


def test_a_token_check_has_no_envelope() -> None:
    check = token_check.TokenCheck(
        token=Secret("t"), document_type="01", document_no=Secret("1"), name=Secret("测试甲")
    )
    assert _sent(token_check.encode_check(check)) == {
        "ecToken": "t",
        "idType": "01",
        "idNo": "1",
        "userName": "测试甲",
    }
    assert token_check.parse_check(token_check.encode_check(check)) == check


@pytest.mark.parametrize(("flag", "valid"), [("1", True), ("0", False), (1, True), (0, False)])
def test_the_flag_says_whether_a_token_is_valid(flag: object, valid: bool) -> None:
    assert token_check.parse_check_reply(json.dumps({"code": 0, "data": {"flag": flag}}).encode()) is valid


@pytest.mark.parametrize("flag", ["2", "", None, True, "yes"])
def test_any_other_flag_is_malformed(flag: object) -> None:
    with pytest.raises(MalformedMessage):
        token_check.parse_check_reply(json.dumps({"code": 0, "data": {"flag": flag, "x": 1}}).encode())


# -- notice ----------------------------------------------------------------------------------------


def test_a_notice_carries_the_true_state_amounts_as_text_and_the_lines() -> None:
    data = _sent(notice.encode_notice(NOTICE))["data"]
    assert data["medicalSettleState"] == "SUCCESS"
    assert (data["totalFee"], data["acctAmt"], data["ownAmt"], data["balance"]) == (
        "25.00",
        "25.00",
        "0.00",
        "35.00",
    )
    assert data["outBizNo"] == NUMBER
    assert json.loads(data["drugList"]) == [
        {
            "ITEM_NO": "1", "ITEMNAME": "测试药", "HI_ITEM": "Y", "PRIC": LINE.price, "ITEM_CNT": LINE.count,
            "ITEM_AMT": "25.00", "DRUG_FRQU": "", "DRUG_DOS": "",
        }
    ]  # fmt: skip
    assert notice.parse_notice(notice.encode_notice(NOTICE)) == NOTICE
    assert notice.lines_of(NOTICE) == (LINE,)


ALWAYS = {
    "orgId", "outBizNo", "medicalSettleState", "operatorId", "operatorName", "totalFee", "bizType", "idNo", "userName",
    "setlTime", "hospitalName", "officeId", "officeName", "doctorName",
}  # fmt: skip
"""What every notice carries, the flow number of a face check aside."""
WITHOUT_RESULT = msgspec.structs.replace(NOTICE, settlement_no="", own="", balance="", lines="", account="")


@pytest.mark.parametrize("state", notice.NoticeState)
def test_a_failure_and_a_sale_without_insurance_carry_no_result(state: notice.NoticeState) -> None:
    told = msgspec.structs.replace(WITHOUT_RESULT, state=state)
    body = notice.encode_notice(told)
    assert set(_sent(body)["data"]) == ALWAYS
    assert notice.parse_notice(body) == told
    assert notice.lines_of(told) == ()


def test_the_flow_number_of_a_face_check_is_told_where_there_was_one() -> None:
    body = notice.encode_notice(msgspec.structs.replace(WITHOUT_RESULT, auth_no=Secret(AUTH_NO)))
    assert _sent(body)["data"]["authNo"] == AUTH_NO


def test_a_failure_with_a_result_is_malformed() -> None:
    body = notice.encode_notice(NOTICE).replace(b'"SUCCESS"', b'"FAIL"')
    with pytest.raises(MalformedMessage) as refused:
        notice.parse_notice(body)
    assert refused.value.where == "$.data.medicalSettleNo"


@pytest.mark.parametrize(
    ("name", "wire_name"),
    [("settlement_no", "medicalSettleNo"), ("own", "ownAmt"), ("balance", "balance"), ("lines", "drugList")],
)
def test_a_result_that_is_not_whole_is_malformed(name: str, wire_name: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        notice.parse_notice(notice.encode_notice(msgspec.structs.replace(NOTICE, **{name: ""})))
    assert refused.value.where == f"$.data.{wire_name}"


@pytest.mark.parametrize("lines", ["{", "{}", '[{"ITEM_NO":"1"}]'])
def test_a_drug_list_that_cannot_be_read_is_malformed(lines: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        notice.parse_notice(notice.encode_notice(msgspec.structs.replace(NOTICE, lines=lines)))
    assert refused.value.where.startswith("$.data.drugList")


def test_an_unknown_state_is_malformed_and_the_older_name_is_read() -> None:
    body = notice.encode_notice(NOTICE)
    with pytest.raises(MalformedMessage):
        notice.parse_notice(body.replace(b'"SUCCESS"', b'"MAYBE"'))
    assert notice.parse_notice(body.replace(b"cn.nhsa.settle.notify", b"iot.medical.settle.notify")) == NOTICE


def test_of_the_reply_to_a_notice_only_the_code_counts() -> None:
    assert notice.parse_notice_reply(b'{"code":0,"message":"ok","data":null}') is None
    assert notice.parse_notice_reply(b'{"message":"{\\"code\\":\\"0\\"}"}') is None
    assert notice.parse_notice_reply(b'{"code":-1,"message":"x"}') == CentreRefusal(-1, "x")
    inside = json.dumps({"code": 0, "message": '{"code":990009,"message":"x","success":false}'}).encode()
    assert notice.parse_notice_reply(inside) == CentreRefusal(990009, "x"), (
        "the bridge succeeded, the centre refused"
    )
    with pytest.raises(MalformedMessage):
        notice.parse_notice_reply(b"{}")


# -- 1162 ------------------------------------------------------------------------------------------

REQUEST = hub_1162.Request(
    institution_code="P99999900001", business_type="02121", operator_id="op01", operator_name="测试员",
    department_code="0001", department_name="收银台", code=Secret("4240000000000000001707990000"),
)  # fmt: skip
OUTPUT: dict[str, Any] = {
    "baseinfo": {"psn_no": "1", "psn_cert_type": "01", "certno": "999999199003070012", "psn_name": "测试甲", "gend": "1"},
    "insuinfo": [
        {"insuplc_admdvs": "999800", "psn_insu_stas": "2", "balc": 1.5},
        {"insuplc_admdvs": "999900", "psn_insu_stas": "1"},
    ],
    "idetinfo": [],
    "ecToken": "999900ecsim",
}  # fmt: skip


def test_1162_is_sent_bare() -> None:
    written = _sent(hub_1162.encode(REQUEST))
    assert "transType" not in written
    assert "infno" not in written
    assert (written["orgId"], written["ecQrCode"]) == ("P99999900001", "4240000000000000001707990000")
    assert hub_1162.parse(hub_1162.encode(REQUEST)) == REQUEST


def test_1162_is_answered_by_the_hubs_output_or_by_the_centres_reply() -> None:
    answer = hub_1162.parse_answer(json.dumps({"infcode": "0", "err_msg": None, "output": OUTPUT}).encode())
    assert answer == Decoded(
        name=Secret("测试甲"), document_no=Secret("999999199003070012"), token=Secret("999900ecsim"),
        insured_division="999900", sex="1",
    )  # fmt: skip
    other = hub_1162.parse_answer(_body("reply-object.json"))
    assert isinstance(other, Decoded)
    assert other.insured_division == "999900"
    assert hub_1162.parse_answer(b'{"infcode":-1,"err_msg":"x"}') == CentreRefusal(-1, "x")
    assert hub_1162.parse_answer(_body("refusal-expired.json")) == CentreRefusal(990001, "二维码已过期")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"infcode":true}',
        b'{"infcode":"x"}',
        b'{"infcode":0}',
        b'{"infcode":0,"output":{"ecToken":"t"}}',
    ],
)
def test_an_answer_to_1162_in_neither_form_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        hub_1162.parse_answer(body)
