"""The open interface: the worked example to the byte, both directions, every style, and what is not believed."""

import base64
import datetime as dt
import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ecertificate import open_interface as oi
from protocols.ecertificate import refusals
from protocols.errors import MalformedMessage
from protocols.gm import sm2, sm4
from protocols.gm.errors import InvalidKey
from protocols.hub.profile_reading import parse_profile
from protocols.secret import Secret
from protocols.wire_time import WIRE_ZONE
from tests.profiles.switches import switch
from tests.protocols.gm import reference_sm2
from tests.vectors.gm.load import vectors

EXAMPLE = vectors("open_interface")
ACCESS = oi.Access(EXAMPLE["app_id"], Secret(EXAMPLE["app_secret"]))
KEY = oi.private_key(base64.b64encode(bytes.fromhex(EXAMPLE["d"])).decode())
AT = dt.datetime.fromtimestamp(1795000000, WIRE_ZONE)
BEFORE: dict[str, Any] = {
    "userName": "测试甲",
    "idNo": "999999199003070012",
    "idType": "01",
    "orgId": "H99999900001",
    "empty": "",
    "nul": None,
    "list": [{"b": 2, "a": 1}],
}
DATA = json.dumps(BEFORE, ensure_ascii=False).encode()


def fixed_sign(text: bytes, signer_id: bytes) -> bytes:
    """Sign with the example's nonce."""
    return reference_sm2.sign(int(EXAMPLE["d"], 16), int(EXAMPLE["k"], 16), text, signer_id)


def verify(text: bytes, signature: bytes, signer_id: bytes) -> bool:
    """Verify under the example's public key."""
    return sm2.verify(KEY.public_key, text, signature, signer_id)


def sealed(style: oi.Style | None = None, at: dt.datetime = AT, data: bytes = DATA) -> dict[str, Any]:
    """One message as members."""
    members: dict[str, Any] = json.loads(oi.seal(data, at, ACCESS, style or oi.Style(), fixed_sign))
    return members


def opened(members: object, style: oi.Style | None = None, now: dt.datetime = AT) -> oi.Opened:
    """Open a message that is given as members."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return oi.open_message(body, ACCESS, style or oi.Style(), verify, now)


def refusal_of(members: object, style: oi.Style | None = None, now: dt.datetime = AT) -> int:
    """The code with which a message is refused."""
    with pytest.raises(oi.OpenRefused) as refused:
        opened(members, style, now)
    for secret in ("测试甲", "9999991990", EXAMPLE["app_secret"], EXAMPLE["sm4_key"]):
        assert secret not in str(refused.value)
    return refused.value.code


def test_the_worked_example_is_sealed_to_the_byte() -> None:
    assert oi.text_to_sign(
        {
            "appId": EXAMPLE["app_id"], "encType": "SM4", "signType": "SM2", "timestamp": "1795000000000", "version": "2.0.1",
            "data": BEFORE, "signData": "x", "encData": "y", "extra": "z", "nothing": None, "empty": "",
        },
        ACCESS,
    ) == EXAMPLE["to_sign"]  # fmt: skip
    assert sealed() == {
        "appId": EXAMPLE["app_id"],
        "encType": "SM4",
        "signType": "SM2",
        "timestamp": "1795000000000",
        "version": "2.0.1",
        "encData": EXAMPLE["enc_data"],
        "signData": EXAMPLE["sign_data_app_secret"],
    }
    assert sealed(oi.Style(user_id="default16"))["signData"] == EXAMPLE["sign_data_default"]
    assert oi.data_key(ACCESS).decode() == EXAMPLE["sm4_key"]


def test_the_worked_example_is_opened() -> None:
    found = opened(sealed())
    assert (found.app_id, found.sent_at, found.version, found.code) == (EXAMPLE["app_id"], AT, "2.0.1", 0)
    assert found.data.decode() == EXAMPLE["data"]


@pytest.mark.parametrize(
    ("keys", "member", "written"),
    [
        ('timestamp = "ms"', "timestamp", "1795000000000"),
        ('timestamp = "s"', "timestamp", 1795000000),
        ('timestamp = "text"', "timestamp", "20261118190640"),
        ('version = "2.0.1"', "version", "2.0.1"),
        ('version = "1.0.0"', "version", "1.0.0"),
        ('hex = "upper"', "encData", EXAMPLE["enc_data"]),
        ('hex = "lower"', "encData", EXAMPLE["enc_data"].lower()),
        ('user_id = "app_secret"', "signData", EXAMPLE["sign_data_app_secret"]),
        ('user_id = "default16"', "signData", EXAMPLE["sign_data_default"]),
        ("escape_unicode = false", "encData", EXAMPLE["enc_data"]),
    ],
)
@switch("open.timestamp", "ms", "s", "text")
@switch("open.version", "2.0.1", "1.0.0")
@switch("open.hex", "upper", "lower")
@switch("open.user_id", "app_secret", "default16")
@switch("open.escape_unicode", False)
def test_each_key_of_a_profile_writes_its_own_bytes(keys: str, member: str, written: object) -> None:
    profile = parse_profile(f"[open]\n{keys}\n", "x.toml")
    style = oi.style_of(profile.open)
    members = sealed(style)
    assert members[member] == written
    assert opened(members, oi.Style(user_id=style.user_id)).data.decode() == EXAMPLE["data"]


@switch("open.escape_unicode", True)
def test_escaped_text_is_encrypted_without_a_byte_above_ascii_and_read_back() -> None:
    style = oi.style_of(parse_profile("[open]\nescape_unicode = true\n", "x.toml").open)
    data = '{"userName":"测试甲𠀀"}'.encode()
    members = sealed(style, data=data)
    plain = oi.decrypt(members["encData"], ACCESS)
    assert plain == b'{"userName":"\\u6d4b\\u8bd5\\u7532\\ud840\\udc00"}'
    assert opened(members).data == data


def test_an_answer_signs_code_message_and_success() -> None:
    body = oi.seal(DATA, AT, ACCESS, oi.Style(), fixed_sign, code=0, message="成功")
    members = json.loads(body)
    assert (members["code"], members["message"], members["success"]) == (0, "成功", True)
    assert opened(body).message == "成功"
    assert refusal_of(members | {"code": 1}) == refusals.SIGNATURE_WRONG
    assert refusal_of(members | {"success": False}) == refusals.SIGNATURE_WRONG


def test_a_refusal_needs_no_data_but_its_signature() -> None:
    body = oi.seal(b"", AT, ACCESS, oi.Style(), fixed_sign, code=990003, message="已使用")
    found = opened(body)
    assert (found.code, found.message, found.data) == (990003, "已使用", b"")
    assert "encData" not in json.loads(body)
    assert refusal_of(json.loads(body) | {"message": "x"}) == refusals.SIGNATURE_WRONG


def test_the_web_site_calls_the_app_id_app_code() -> None:
    members = sealed()
    renamed = {"appCode" if name == "appId" else name: value for name, value in members.items()}
    signed = {**renamed, "data": json.loads(EXAMPLE["data"])}
    text = oi.text_to_sign(signed, ACCESS)
    renamed["signData"] = base64.b64encode(fixed_sign(text.encode(), EXAMPLE["app_secret"].encode())).decode()
    assert opened(renamed).app_id == EXAMPLE["app_id"]
    assert oi.app_id_of(json.dumps(renamed).encode()) == EXAMPLE["app_id"]


def test_numbers_are_signed_as_they_were_written() -> None:
    members = sealed(data=b'{"amount":1.50,"big":12345678901234567890.10}')
    assert opened(members).data == b'{"amount":1.50,"big":12345678901234567890.10}'


@pytest.mark.parametrize(("seconds", "believed"), [(600, True), (-600, True), (600.5, False), (-601, False)])
def test_a_clock_may_be_ten_minutes_off_either_way(seconds: float, believed: bool) -> None:
    now = AT + dt.timedelta(seconds=seconds)
    if believed:
        assert opened(sealed(), now=now).sent_at == AT
    else:
        assert refusal_of(sealed(), now=now) == refusals.CLOCK_OFF


def test_a_forged_message_is_not_asked_for_its_time() -> None:
    members = sealed() | {"timestamp": "1000000000000"}
    assert refusal_of(members) == refusals.SIGNATURE_WRONG


@pytest.mark.parametrize(
    "change",
    [
        {"signData": EXAMPLE["sign_data_default"]},
        {"signData": EXAMPLE["sign_data_app_secret"][:-4]},
        {"signData": "not base64"},
        {"signData": base64.b64encode(bytes(64)).decode()},
        {"version": "2.0.2"},
        {"timestamp": "1795000000001"},
        {"another": "member"},
        {"appId": "SIMAPP0000000000SIMAPP0000000001"},
    ],
)
def test_a_changed_member_breaks_the_signature(change: dict[str, str]) -> None:
    assert refusal_of(sealed() | change) == refusals.SIGNATURE_WRONG


def test_a_signature_has_one_spelling() -> None:
    """Base64 leaves four bits before `==` unused; a reader that ignores them takes one signature in sixteen texts."""
    spelling = sealed()["signData"]
    twin = spelling[:-3] + chr(ord(spelling[-3]) + 1) + "=="
    assert base64.b64decode(twin, validate=True) == base64.b64decode(spelling)
    assert refusal_of(sealed() | {"signData": twin}) == refusals.SIGNATURE_WRONG


def test_a_signature_under_another_id_or_key_is_wrong() -> None:
    assert refusal_of(sealed(), oi.Style(user_id="default16")) == refusals.SIGNATURE_WRONG
    other = reference_sm2.sign(7, 9, EXAMPLE["to_sign"].encode(), EXAMPLE["app_secret"].encode())
    assert refusal_of(sealed() | {"signData": base64.b64encode(other).decode()}) == refusals.SIGNATURE_WRONG


def test_data_of_another_message_under_a_good_key_breaks_the_signature() -> None:
    other = sealed(data=b'{"userName":"x"}')["encData"]
    assert refusal_of(sealed() | {"encData": other}) == refusals.SIGNATURE_WRONG


def padded(plain: bytes) -> str:
    """Blocks encrypted without padding of ours."""
    return sm4.ecb_encrypt(EXAMPLE["sm4_key"].encode(), plain).hex()


@pytest.mark.parametrize(
    "encrypted",
    [
        EXAMPLE["enc_data"][:-2],
        EXAMPLE["enc_data"][:-32],
        EXAMPLE["enc_data"] + "0",
        "zz",
        padded(b'{"a":1}' + bytes([0]) * 9),
        padded(b'{"a":1}' + bytes([17]) * 9),
        padded(b'{"a":1}' + bytes([8]) + bytes([9]) * 8),
        padded(b"not json" + bytes([8]) * 8),
        padded(b'{"a":"\xff"}' + bytes([7]) * 7),
    ],
)
def test_what_does_not_decrypt_is_told_apart_from_a_wrong_signature(encrypted: str) -> None:
    assert refusal_of(sealed() | {"encData": encrypted}) == refusals.CANNOT_DECRYPT


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b'{"appId":"a","appId":"a"}',
        b" " * (oi.MAX_BYTES + 1),
        {},
        {"encType": "SM1"},
        {"encType": None},
        {"signType": "RSA"},
        {"signData": None},
        {"signData": 1},
        {"timestamp": None},
        {"timestamp": True},
        {"appId": ""},
        {"encData": 1},
    ],
)
def test_a_malformed_envelope_is_refused_by_its_place(broken: bytes | dict[str, object]) -> None:
    body: object = broken if isinstance(broken, bytes) else sealed() | broken if broken else {}
    assert refusal_of(body) == refusals.FIELD_MALFORMED


@pytest.mark.parametrize(
    "text", ["179500000", "17950000000001234", "20261301000000", "-1795000000", "１７９５００００００"]
)
def test_a_time_stamp_in_no_known_form_is_malformed(text: str) -> None:
    with pytest.raises(oi.OpenRefused) as refused:
        oi.read_stamp(text)
    assert refused.value.code == refusals.FIELD_MALFORMED


def test_only_an_object_can_be_sealed() -> None:
    for data in (b"[]", b"1", b"{"):
        with pytest.raises(MalformedMessage):
            oi.seal(data, AT, ACCESS, oi.Style(), fixed_sign)


def test_keys_come_as_base64_with_or_without_a_leading_zero() -> None:
    scalar = bytes.fromhex(EXAMPLE["d"])
    point = base64.b64encode(bytes.fromhex(EXAMPLE["point"])).decode()
    assert oi.public_key(point) == KEY.public_key
    assert oi.private_key(base64.b64encode(b"\0" + scalar).decode()).public_key == KEY.public_key
    for text in ("?", "AAAA", base64.b64encode(b"\1" + scalar).decode()):
        with pytest.raises(InvalidKey):
            oi.private_key(text)
        with pytest.raises(InvalidKey):
            oi.public_key(text)


def test_an_app_id_shorter_than_a_key_is_refused() -> None:
    with pytest.raises(InvalidKey):
        oi.data_key(oi.Access("SHORT", Secret("x")))


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=8).filter(lambda text: "\ud800" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcXYZ", min_size=1, max_size=4), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(
    st.dictionaries(st.text("abcXYZ", min_size=1, max_size=4), _json, max_size=5),
    st.sampled_from(["ms", "s", "text"]),
    st.booleans(),
)
def test_whatever_is_sealed_is_opened_with_the_same_meaning(
    data: dict[str, Any], form: Literal["ms", "s", "text"], escape: bool
) -> None:
    """A cheap signature stands in for SM2, so that many examples fit."""
    style = oi.Style(timestamp=form, escape_unicode=escape)

    def sign(text: bytes, signer_id: bytes) -> bytes:
        return (text + signer_id)[-64:].rjust(64, b"\0")

    body = oi.seal(json.dumps(data).encode(), AT, ACCESS, style, sign)
    found = oi.open_message(body, ACCESS, style, lambda text, raw, id_: raw == sign(text, id_), AT)
    assert json.loads(found.data) == json.loads(oi.canonical(data))
    assert found.sent_at == AT


@given(st.binary(max_size=120))
def test_random_bytes_are_refused_and_never_an_unexpected_error(body: bytes) -> None:
    with pytest.raises(oi.OpenRefused):
        oi.open_message(body, ACCESS, oi.Style(), verify, AT)
