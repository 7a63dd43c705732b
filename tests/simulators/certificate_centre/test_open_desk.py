"""The centre behind the signed and encrypted envelope: both directions, every style, and what it does not believe."""

import datetime as dt
import json
from typing import Any

import pytest

from protocols.ecertificate import open_interface as oi
from protocols.ecertificate import refusals
from protocols.gm import sm4
from protocols.secret import Secret
from simulators.certificate_centre import CertificateCentre, CodeBook, OpenDesk
from simulators.certificate_centre.open_desk import TEST_APP, shared_app_key, shared_centre_key
from simulators.people import Person
from tests.simulators.certificate_centre.asking import NOW, OTHER, later, request


class App:
    """An application that asks through the open interface."""

    def __init__(self, centre: CertificateCentre, style: oi.Style) -> None:
        self.book = centre.book
        self.desk = OpenDesk(centre, style)
        self.style = style

    def seal(self, data: bytes, at: dt.datetime = NOW, access: oi.Access = TEST_APP) -> bytes:
        """Write a request."""
        return oi.seal(data, at, access, self.style, shared_app_key().sign)

    def send(self, body: bytes, now: dt.datetime = NOW) -> oi.Opened:
        """Send bytes and believe the answer only when the centre has signed it."""
        answer = self.desk.handle(body, now)
        key = shared_centre_key().public_key
        return oi.open_message(answer, TEST_APP, self.style, key.verify, now)


@pytest.fixture
def app(centre: CertificateCentre) -> App:
    """The published test application."""
    return App(centre, oi.Style())


def decode_request(book: CodeBook, person: Person, **fields: Any) -> bytes:
    """A plain request for a fresh code."""
    return request("ec.query", ecQrCode=book.issue(person, NOW), **fields)


STYLES = [
    oi.Style(),
    oi.Style(user_id="default16"),
    oi.Style(timestamp="s", version="1.0.0"),
    oi.Style(timestamp="text", hex="lower"),
    oi.Style(escape_unicode=True),
]


@pytest.mark.parametrize("style", STYLES)
def test_a_code_is_decoded_in_every_style(
    centre: CertificateCentre, people: dict[str, Person], style: oi.Style
) -> None:
    app = App(centre, style)
    answer = app.send(app.seal(decode_request(centre.book, people["jia"])))
    data = json.loads(answer.data)
    assert (answer.code, answer.message, data["userName"]) == (0, "成功", "测试甲")
    assert "birthday" not in data, "empty members are left out before signing"


def test_the_wire_shows_neither_name_nor_number(app: App, people: dict[str, Person]) -> None:
    body = app.seal(decode_request(app.book, people["jia"]))
    answer = app.desk.handle(body, NOW)
    for secret in ("测试甲", people["jia"].certno, "4240", "ecToken"):
        assert secret.encode() not in body
        assert secret.encode() not in answer
    assert set(json.loads(answer)) == {
        "appId", "encType", "signType", "timestamp", "version", "code", "message", "success", "encData", "signData", "extra",
    }  # fmt: skip


def test_every_answer_says_outside_the_encryption_that_it_is_simulated(
    app: App, people: dict[str, Person]
) -> None:
    question = app.seal(decode_request(app.book, people["jia"]))
    for body in (question, question, app.seal(request("ec.pay")), b""):
        extra = json.loads(app.desk.handle(body, NOW))["extra"]
        assert json.loads(extra) == {"sim": True, "sn": "SIM000000000001"}


def test_a_refusal_of_the_centre_comes_signed_with_its_own_code(app: App) -> None:
    answer = app.send(app.seal(request("ec.query", ecQrCode="134567890123456789")))
    assert (answer.code, answer.data) == (500159, b"")
    answer = app.send(app.seal(request("ec.query", OTHER[:-1] + "9", ecQrCode="1")))
    assert answer.code == refusals.FIELD_MALFORMED


@pytest.mark.parametrize(("seconds", "code"), [(600, 0), (-600, 0), (601, 990018), (-601, 990018)])
def test_the_centre_allows_ten_minutes_of_clock_skew(
    app: App, people: dict[str, Person], seconds: float, code: int
) -> None:
    body = app.seal(decode_request(app.book, people["jia"]), later(seconds))
    assert app.send(body).code == code


def test_the_same_bytes_again_are_a_repeat_and_decode_nothing(app: App, people: dict[str, Person]) -> None:
    plain = decode_request(app.book, people["jia"])
    body = app.seal(plain)
    assert app.send(body).code == 0
    assert app.send(body, later(599)).code == refusals.REQUEST_REPEATED
    assert app.send(body, later(601)).code == refusals.CLOCK_OFF
    assert app.send(app.seal(plain, later(1)), later(1)).code == 0, (
        "the same question signed anew is no repeat"
    )


def test_a_repeat_is_not_forgotten_before_its_time_stamp_is_stale(
    app: App, people: dict[str, Person]
) -> None:
    body = app.seal(decode_request(app.book, people["jia"]), later(600))
    assert app.send(body).code == 0
    assert app.send(body, later(1199)).code == refusals.REQUEST_REPEATED


def test_a_captured_request_with_its_signature_spelled_otherwise_is_not_answered_again(
    app: App, people: dict[str, Person]
) -> None:
    body = app.seal(decode_request(app.book, people["jia"]))
    assert app.send(body).code == 0
    members = json.loads(body)
    last = members["signData"][-3]
    members["signData"] = f"{members['signData'][:-3]}{chr(ord(last) + 1)}=="
    assert app.send(json.dumps(members).encode()).code == refusals.SIGNATURE_WRONG


def test_what_another_key_signed_is_refused(app: App, people: dict[str, Person]) -> None:
    plain = decode_request(app.book, people["jia"])
    body = oi.seal(plain, NOW, TEST_APP, app.style, shared_centre_key().sign)
    assert app.send(body).code == refusals.SIGNATURE_WRONG


def test_another_signer_id_is_refused(app: App, people: dict[str, Person]) -> None:
    plain = decode_request(app.book, people["jia"])
    body = oi.seal(plain, NOW, TEST_APP, oi.Style(user_id="default16"), shared_app_key().sign)
    assert app.send(body).code == refusals.SIGNATURE_WRONG


def test_another_secret_cannot_be_decrypted(app: App, people: dict[str, Person]) -> None:
    plain = decode_request(app.book, people["jia"])
    access = oi.Access(TEST_APP.app_id, Secret("another secret"))
    assert app.send(app.seal(plain, access=access)).code == refusals.CANNOT_DECRYPT


def test_a_wrong_padding_is_told_apart(app: App, people: dict[str, Person]) -> None:
    members = json.loads(app.seal(decode_request(app.book, people["jia"])))
    members["encData"] = sm4.ecb_encrypt(oi.data_key(TEST_APP), b'{"a":1}' + bytes(9)).hex()
    assert app.send(json.dumps(members).encode()).code == refusals.CANNOT_DECRYPT


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"appId":"x"}', b" " * (oi.MAX_BYTES + 1)])
def test_a_malformed_or_over_long_envelope_is_answered_too(app: App, body: bytes) -> None:
    assert app.send(body).code in (refusals.FIELD_MALFORMED, refusals.SIGNATURE_WRONG)


def test_a_good_envelope_around_rubbish_is_a_malformed_request(app: App) -> None:
    assert app.send(app.seal(b"{}")).code == refusals.FIELD_MALFORMED
    assert app.send(app.seal(b'{"transType":"ec.query","data":1}')).code == refusals.FIELD_MALFORMED


def test_a_refused_question_does_not_use_a_code_up(app: App, people: dict[str, Person]) -> None:
    plain = decode_request(app.book, people["jia"])
    bad = json.loads(app.seal(plain)) | {"version": "9"}
    assert app.send(json.dumps(bad).encode()).code == refusals.SIGNATURE_WRONG
    assert app.send(app.seal(plain)).code == 0
