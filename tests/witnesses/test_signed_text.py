"""The signed text of a request and of an answer, built here by hand and signed by the OpenSSL command line.

The signing half of this file uses nothing of ours: the text is put together from the envelope rule (message id, LF,
transaction number, LF, time, LF, raw input; for an answer message id, LF, status code, LF, hub's id, LF, error text,
LF, raw output), signed by `openssl pkeyutl` with SM2 over SM3 and the signer id 1234567812345678, and brought from DER
to r || s by hand. Both our ends must accept it, and must refuse it once any covered part has changed.
"""

import base64
import datetime as dt
import json
import subprocess
from pathlib import Path

import pytest

from protocols.gm.sm2 import PublicKey
from protocols.hub.envelope import decode_answer, decode_request
from protocols.hub.profile import Profile
from protocols.hub.signing import answer_signing_bytes, decode_signature, request_signing_bytes
from protocols.wire_time import WIRE_ZONE
from simulators.hub.keys import Sm2Verifier
from simulators.serve import build_world
from tests.real_parts import require_real

MSGID = "P99990000001202611211011050103"
TIME = "2026-11-21 10:11:05"
INPUT = '{"signIn": {"opter_no":"T01", "mac" : "00-00-00-00-00-01","ip":"192.0.2.10"}}'
OUTPUT = '{"signinoutb":{"sign_time":"2026-11-21 10:11:05",  "sign_no":"SIGN99990000000000000000000001"}}'
REFMSGID = "999900202611211011050000000001"
NATIONAL = Profile(name="national")


def openssl(folder: Path, *arguments: str) -> None:
    """Run the OpenSSL command line in a folder."""
    subprocess.run(
        [require_real("openssl"), *arguments], cwd=folder, check=True, capture_output=True, timeout=20
    )


def raw_signature(der: bytes) -> bytes:
    """Bring an ECDSA-like DER signature to r || s: SEQUENCE { INTEGER r, INTEGER s }, by hand."""
    assert der[0] == 0x30
    at, numbers = 2, []
    for _ in range(2):
        assert der[at] == 0x02
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + length], "big"))
        at += 2 + length
    return b"".join(number.to_bytes(32, "big") for number in numbers)


class Hand:
    """A key of the command line, and its signatures as the wire wants them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        openssl(folder, "genpkey", "-algorithm", "SM2", "-out", "key.pem")
        openssl(folder, "pkey", "-in", "key.pem", "-pubout", "-out", "public.pem")
        self.public_key = PublicKey.from_pem((folder / "public.pem").read_bytes())

    def sign(self, text: str) -> str:
        """Base64 of r || s over the UTF-8 bytes of `text`."""
        (self.folder / "text").write_bytes(text.encode())
        openssl(
            self.folder, "pkeyutl", "-sign", "-inkey", "key.pem", "-in", "text", "-rawin", "-digest", "sm3",
            "-pkeyopt", "distid:1234567812345678", "-out", "signature.der",
        )  # fmt: skip
        return base64.b64encode(raw_signature((self.folder / "signature.der").read_bytes())).decode()


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    return Hand(tmp_path)


def request_body(signature: str, **changed: str) -> bytes:
    """A 9001 written by hand; `input` stands in it exactly as signed."""
    members = {
        "infno": "9001", "msgid": MSGID, "mdtrtarea_admvs": "999900", "insuplc_admdvs": "", "recer_sys_code": "MBS_LOCAL",
        "dev_no": "", "dev_safe_info": "", "cainfo": signature, "signtype": "SM2", "infver": "V1.0", "opter_type": "1",
        "opter": "T01", "opter_name": "收银终端一", "inf_time": TIME, "fixmedins_code": "P99990000001",
        "fixmedins_name": "测试大药房一号店", "sign_no": "",
    }  # fmt: skip
    text = json.dumps(
        members | {key: value for key, value in changed.items() if key != "input"}, ensure_ascii=False
    )
    return (text[:-1] + f', "input": {changed.get("input", INPUT)}}}').encode()


def answer_body(signature: str, **changed: str) -> bytes:
    """An answer to 9001 written by hand."""
    members = {
        "infcode": int(changed.get("infcode", "0")), "inf_refmsgid": changed.get("inf_refmsgid", REFMSGID),
        "refmsg_time": "20261121101105105", "respond_time": "20261121101105482",
        "err_msg": changed.get("err_msg") or None, "cainfo": signature, "signtype": "SM2",
    }  # fmt: skip
    text = json.dumps(members, ensure_ascii=False)
    return (text[:-1] + f', "output": {changed.get("output", OUTPUT)}}}').encode()


def terminal_accepts(key: PublicKey, body: bytes, msgid: str = MSGID) -> bool:
    """What the terminal's end says of an answer."""
    answer = decode_answer(body)
    return Sm2Verifier(key.point).verify(
        answer_signing_bytes(NATIONAL, msgid, answer), decode_signature(answer.signature)
    )


def hub_accepts(hand: Hand, body: bytes) -> bool:
    """What the simulated hub says of a request: done, or refused as not authentic."""
    world = build_world(seed=3)
    world.keys.register("P99990000001", "01", Sm2Verifier(hand.public_key.point))
    answer = decode_answer(
        world.hub.respond(body, dt.datetime(2026, 11, 21, 10, 11, 6, tzinfo=WIRE_ZONE)).body
    )
    return answer.infcode == 0


REQUEST_TEXT = f"{MSGID}\n9001\n{TIME}\n{INPUT}"
ANSWER_TEXT = f"{MSGID}\n0\n{REFMSGID}\n\n{OUTPUT}"


def test_the_hub_accepts_a_request_signed_by_hand(hand: Hand) -> None:
    assert hub_accepts(hand, request_body(hand.sign(REQUEST_TEXT)))


@pytest.mark.parametrize(
    "changed",
    [
        {"msgid": "P99990000001202611211011050104"},
        {"infno": "9002"},
        {"inf_time": "2026-11-21 10:11:06"},
        {"input": INPUT.replace(" : ", ":")},
        {"input": INPUT.replace("T01", "T02")},
    ],
    ids=["message id", "transaction number", "time", "a blank in the raw input", "a value of the input"],
)
def test_the_hub_refuses_it_once_a_covered_part_has_changed(hand: Hand, changed: dict[str, str]) -> None:
    assert not hub_accepts(hand, request_body(hand.sign(REQUEST_TEXT), **changed))


def test_our_request_text_is_the_text_written_by_hand() -> None:
    assert request_signing_bytes(NATIONAL, decode_request(request_body(""))) == REQUEST_TEXT.encode()


def test_the_terminal_accepts_an_answer_signed_by_hand(hand: Hand) -> None:
    assert terminal_accepts(hand.public_key, answer_body(hand.sign(ANSWER_TEXT)))


def test_a_refusal_is_signed_with_its_text_and_a_null_output(hand: Hand) -> None:
    text = f"{MSGID}\n-1\n{REFMSGID}\n余额不足[DEMO]\nnull"
    body = answer_body(hand.sign(text), infcode="-1", err_msg="余额不足[DEMO]", output="null")

    assert terminal_accepts(hand.public_key, body)


@pytest.mark.parametrize(
    "changed",
    [
        {"infcode": "-1"},
        {"inf_refmsgid": "999900202611211011050000000002"},
        {"err_msg": "已受理"},
        {"output": OUTPUT.replace(",  ", ", ")},
        {"output": "null"},
    ],
    ids=["status code", "hub's id", "error text", "a blank in the raw output", "another output"],
)
def test_the_terminal_refuses_it_once_a_covered_part_has_changed(hand: Hand, changed: dict[str, str]) -> None:
    assert not terminal_accepts(hand.public_key, answer_body(hand.sign(ANSWER_TEXT), **changed))


def test_the_terminal_refuses_an_answer_to_another_message(hand: Hand) -> None:
    body = answer_body(hand.sign(ANSWER_TEXT))

    assert not terminal_accepts(hand.public_key, body, msgid="P99990000001202611211011050199")
