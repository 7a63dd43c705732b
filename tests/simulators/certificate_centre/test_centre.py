"""Codes, tokens and the answers of the centre (our decisions PD-1, PD-4, PD-6, PD-7)."""

import datetime as dt
from random import Random
from typing import Any

import msgspec
import pytest

from protocols.wire_time import WIRE_ZONE
from simulators.certificate_centre import CentreRefusal, CentreSettings, CertificateCentre, CodeBook
from simulators.people import find, load_people
from simulators.phone import Phone

PEOPLE = load_people()
JIA = find(PEOPLE, "jia")
NOW = dt.datetime(2026, 11, 21, 10, 0, 0, tzinfo=WIRE_ZONE)
PHARMACY, OTHER, CLINIC = "P99990000001", "P99990000003", "H99990000002"


@pytest.fixture
def book() -> CodeBook:
    """An empty book with a fixed random source."""
    return CodeBook(PEOPLE, Random(1))


@pytest.fixture
def centre(book: CodeBook) -> CertificateCentre:
    """A centre that knows three institutions."""
    return CertificateCentre(book, [PHARMACY, OTHER, CLINIC])


def later(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


def query(
    centre: CertificateCentre, code: str | None, now: dt.datetime = NOW, **changes: Any
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "orgId": PHARMACY,
        "businessType": "02121",
        "operatorId": "T01",
        "operatorName": "收银终端一",
        "officeId": "0001",
        "officeName": "收银台",
        "ecQrCode": code,
    }
    data |= changes
    request = {"orgId": data["orgId"], "transType": "ec.query", "data": data}
    reply: dict[str, Any] = msgspec.json.decode(centre.handle(msgspec.json.encode(request), now))
    return reply


def test_a_code_has_28_digits_with_mark_and_province(book: CodeBook) -> None:
    code = Phone(book).issue(JIA, NOW)
    assert len(code) == 28
    assert code.isdigit()
    assert code.startswith("424")
    assert code.endswith("990000")


def test_two_codes_of_one_person_differ(book: CodeBook) -> None:
    assert Phone(book).issue(JIA, NOW) != Phone(book).issue(JIA, NOW)


def test_a_fresh_code_is_decoded_to_person_and_token(centre: CertificateCentre) -> None:
    reply = query(centre, centre.book.issue(JIA, NOW))
    assert reply["code"] == 0
    assert reply["data"]["userName"] == "测试甲"
    assert reply["data"]["idNo"] == JIA.certno
    assert reply["data"]["insuOrg"] == "999900"
    token = reply["data"]["ecToken"]
    assert len(token) == 38
    assert token.startswith("999900ec")
    assert centre.book.resolve(token, PHARMACY, NOW) == JIA.psn_no


def test_data_may_come_as_text_that_holds_the_object(book: CodeBook) -> None:
    centre = CertificateCentre(book, [PHARMACY], CentreSettings(reply_shape="text"))
    reply = query(centre, book.issue(JIA, NOW))
    assert msgspec.json.decode(reply["data"])["userName"] == "测试甲"


def test_a_repeat_by_the_same_institution_gets_the_same_token(centre: CertificateCentre) -> None:
    code = centre.book.issue(JIA, NOW)
    first, second = query(centre, code), query(centre, code, later(70))
    assert first["data"]["ecToken"] == second["data"]["ecToken"]


def test_another_institution_is_refused(centre: CertificateCentre) -> None:
    code = centre.book.issue(JIA, NOW)
    query(centre, code)
    reply = query(centre, code, orgId=OTHER)
    assert reply["code"] == 990003
    assert "data" not in reply


@pytest.mark.parametrize(("age_s", "code"), [(0, 0), (75, 0), (75.001, 990001), (3600, 990001)])
def test_a_code_lives_sixty_seconds_and_fifteen_of_grace(
    centre: CertificateCentre, age_s: float, code: int
) -> None:
    assert query(centre, centre.book.issue(JIA, NOW), later(age_s))["code"] == code


@pytest.mark.parametrize(("who", "code"), [("ren", 990004), ("gui", 990005)])
def test_a_certificate_that_is_not_active_is_refused(centre: CertificateCentre, who: str, code: int) -> None:
    assert query(centre, centre.book.issue(find(PEOPLE, who), NOW))["code"] == code


def test_activation_makes_the_next_code_good(centre: CertificateCentre) -> None:
    ren = find(PEOPLE, "ren")
    centre.book.set_state(ren, "ACTIVATED")
    assert query(centre, centre.book.issue(ren, NOW))["code"] == 0


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("4240000000000000001707990000", 990002),
        ("134567890123456789", 500159),
        ("6901234567892", 500159),
        ("42400000000000000017079900001", 500159),
    ],
)
def test_codes_that_are_unknown_or_no_certificate_are_told_apart(
    centre: CertificateCentre, code: str, number: int
) -> None:
    assert query(centre, code)["code"] == number


@pytest.mark.parametrize(
    "name", ["orgId", "businessType", "operatorId", "operatorName", "officeId", "officeName"]
)
def test_a_missing_field_is_named(centre: CertificateCentre, name: str) -> None:
    reply = query(centre, centre.book.issue(JIA, NOW), NOW, **{name: ""})
    assert reply["code"] == 990009
    assert name in reply["message"]


def test_a_hospital_step_at_a_pharmacy_is_refused(centre: CertificateCentre) -> None:
    code = centre.book.issue(JIA, NOW)
    assert query(centre, code, businessType="01301")["code"] == 990008
    assert query(centre, code, businessType="01301", orgId=CLINIC)["code"] == 0


def test_without_a_code_the_scan_queue_is_asked(centre: CertificateCentre) -> None:
    assert query(centre, None)["code"] == 990010
    centre.push_scan(centre.book.issue(JIA, NOW))
    assert query(centre, None)["code"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b'{"transType":"ec.auth"}', b'{"transType":"ec.query"}']
)
def test_rubbish_is_a_malformed_request(centre: CertificateCentre, body: bytes) -> None:
    assert msgspec.json.decode(centre.handle(body, NOW))["code"] == 990009


@pytest.mark.parametrize(
    ("institution", "age_s", "code"), [(PHARMACY, 1800.5, 990006), (OTHER, 0, 990007), (PHARMACY, 1800, 0)]
)
def test_a_token_lives_thirty_minutes_at_its_institution(
    book: CodeBook, institution: str, age_s: float, code: int
) -> None:
    token = book.decode(book.issue(JIA, NOW), PHARMACY, NOW)[1]
    if code == 0:
        assert book.resolve(token, institution, later(age_s)) == JIA.psn_no
        return
    with pytest.raises(CentreRefusal) as refused:
        book.resolve(token, institution, later(age_s))
    assert refused.value.code == code


def test_the_token_check_says_whether_token_and_identity_belong_together(centre: CertificateCentre) -> None:
    token = query(centre, centre.book.issue(JIA, NOW))["data"]["ecToken"]
    right = {"ecToken": token, "idType": "01", "idNo": JIA.certno, "userName": JIA.name}
    wrong = right | {"idNo": find(PEOPLE, "yi").certno}
    flags = [
        msgspec.json.decode(centre.check_token(msgspec.json.encode(body), when))["data"]["flag"]
        for body, when in ((right, NOW), (wrong, NOW), (right, later(1801)))
    ]
    assert flags == ["1", "0", "0"]
