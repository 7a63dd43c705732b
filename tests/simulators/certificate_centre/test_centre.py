"""Codes, tokens and the answers of the centre (our decisions PD-1, PD-4, PD-6, PD-7)."""

from typing import Any

import msgspec
import pytest

from simulators.certificate_centre import CentreRefusal, CentreSettings, CertificateCentre, CodeBook
from simulators.people import Person
from simulators.phone import Phone
from tests.simulators.certificate_centre.asking import CLINIC, NOW, OTHER, PHARMACY, ask, later

People = dict[str, Person]


def test_a_code_has_28_digits_with_mark_and_province(book: CodeBook, people: People) -> None:
    code = Phone(book).issue(people["jia"], NOW)
    assert len(code) == 28
    assert code.isdigit()
    assert code.startswith("424")
    assert code.endswith("990000")


def test_two_codes_of_one_person_differ(book: CodeBook, people: People) -> None:
    first, second = (Phone(book).issue(people["jia"], NOW) for _ in range(2))
    assert first != second


def test_a_fresh_code_is_decoded_to_person_and_token(centre: CertificateCentre, people: People) -> None:
    jia = people["jia"]
    reply = ask(centre, "ec.query", ecQrCode=centre.book.issue(jia, NOW))
    assert reply["code"] == 0
    assert reply["data"]["userName"] == "测试甲"
    assert reply["data"]["idNo"] == jia.certno
    assert reply["data"]["insuOrg"] == "999900"
    token = reply["data"]["ecToken"]
    assert len(token) == 38
    assert token.startswith("999900ec")
    assert centre.book.resolve(token, PHARMACY, NOW) == jia.psn_no


def test_data_may_come_as_text_that_holds_the_object(book: CodeBook, people: People) -> None:
    centre = CertificateCentre(book, [PHARMACY], CentreSettings(reply_shape="text"))
    reply = ask(centre, "ec.query", ecQrCode=book.issue(people["jia"], NOW))
    assert msgspec.json.decode(reply["data"])["userName"] == "测试甲"


def test_a_repeat_by_the_same_institution_gets_the_same_token(
    centre: CertificateCentre, people: People
) -> None:
    code = centre.book.issue(people["jia"], NOW)
    first, second = (ask(centre, "ec.query", later(s), ecQrCode=code) for s in (0, 70))
    assert first["data"]["ecToken"] == second["data"]["ecToken"]


def test_another_institution_is_refused(centre: CertificateCentre, people: People) -> None:
    code = centre.book.issue(people["jia"], NOW)
    ask(centre, "ec.query", ecQrCode=code)
    reply = ask(centre, "ec.query", institution=OTHER, ecQrCode=code)
    assert reply["code"] == 990003
    assert "data" not in reply


@pytest.mark.parametrize(("age_s", "code"), [(0, 0), (75, 0), (75.001, 990001), (3600, 990001)])
def test_a_code_lives_sixty_seconds_and_fifteen_of_grace(
    centre: CertificateCentre, people: People, age_s: float, code: int
) -> None:
    shown = centre.book.issue(people["jia"], NOW)
    assert ask(centre, "ec.query", later(age_s), ecQrCode=shown)["code"] == code


@pytest.mark.parametrize(("who", "code"), [("ren", 990004), ("gui", 990005)])
def test_a_certificate_that_is_not_active_is_refused(
    centre: CertificateCentre, people: People, who: str, code: int
) -> None:
    shown = centre.book.issue(people[who], NOW)
    assert ask(centre, "ec.query", ecQrCode=shown)["code"] == code


def test_activation_makes_the_next_code_good(centre: CertificateCentre, people: People) -> None:
    centre.book.set_state(people["ren"], "ACTIVATED")
    assert ask(centre, "ec.query", ecQrCode=centre.book.issue(people["ren"], NOW))["code"] == 0


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("4240000000000000001707990000", 990002),
        ("134567890123456789", 500159),
        ("6901234567892", 500159),
        ("42400000000000000017079900001", 500159),
        ("424０000000000000001707990000", 500159),
        ("424٠000000000000001707990000", 500159),
    ],
)
def test_codes_that_are_unknown_or_no_certificate_are_told_apart(
    centre: CertificateCentre, code: str, number: int
) -> None:
    assert ask(centre, "ec.query", ecQrCode=code)["code"] == number


@pytest.mark.parametrize(
    "name", ["orgId", "businessType", "operatorId", "operatorName", "officeId", "officeName"]
)
def test_a_missing_field_is_named(centre: CertificateCentre, people: People, name: str) -> None:
    without: dict[str, Any] = {name: ""}
    reply = ask(centre, "ec.query", ecQrCode=centre.book.issue(people["jia"], NOW), **without)
    assert reply["code"] == 990009
    assert name in reply["message"]


def test_a_hospital_step_at_a_pharmacy_is_refused(centre: CertificateCentre, people: People) -> None:
    code = centre.book.issue(people["jia"], NOW)
    for institution, number in ((PHARMACY, 990008), (CLINIC, 0)):
        reply = ask(centre, "ec.query", institution=institution, ecQrCode=code, businessType="01301")
        assert reply["code"] == number


def test_without_a_code_the_scan_queue_is_asked(centre: CertificateCentre, people: People) -> None:
    assert ask(centre, "ec.query")["code"] == 990010
    centre.push_scan(centre.book.issue(people["jia"], NOW))
    assert ask(centre, "ec.query")["code"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"transType":"\xff"}',
        b"[" * 5000,
        b'{"transType":"ec.auth"}',
        b'{"transType":"ec.query"}',
    ],
)
def test_rubbish_is_a_malformed_request(centre: CertificateCentre, body: bytes) -> None:
    for answer in (centre.handle(body, NOW), centre.check_token(body, NOW)):
        assert msgspec.json.decode(answer)["code"] == 990009
    assert not centre.waits_for_somebody(body)


@pytest.mark.parametrize(
    ("institution", "age_s", "code"), [(PHARMACY, 1800.5, 990006), (OTHER, 0, 990007), (PHARMACY, 1800, 0)]
)
def test_a_token_lives_thirty_minutes_at_its_institution(
    book: CodeBook, people: People, institution: str, age_s: float, code: int
) -> None:
    token = book.decode(book.issue(people["jia"], NOW), PHARMACY, NOW)[1]
    if code == 0:
        assert book.resolve(token, institution, later(age_s)) == people["jia"].psn_no
        return
    with pytest.raises(CentreRefusal) as refused:
        book.resolve(token, institution, later(age_s))
    assert refused.value.code == code


def test_the_token_check_says_whether_token_and_identity_belong_together(
    centre: CertificateCentre, people: People
) -> None:
    jia = people["jia"]
    token = ask(centre, "ec.query", ecQrCode=centre.book.issue(jia, NOW))["data"]["ecToken"]
    right = {"ecToken": token, "idType": "01", "idNo": jia.certno, "userName": jia.name}
    wrong = right | {"idNo": people["yi"].certno}
    other_document = right | {"idType": "02"}
    flags = [
        msgspec.json.decode(centre.check_token(msgspec.json.encode(body), when))["data"]["flag"]
        for body, when in ((right, NOW), (wrong, NOW), (other_document, NOW), (right, later(1801)))
    ]
    assert flags == ["1", "0", "0", "0"]
    for name in right:
        body = msgspec.json.encode({member: value for member, value in right.items() if member != name})
        reply = msgspec.json.decode(centre.check_token(body, NOW))
        assert (reply["code"], name in reply["message"]) == (990009, True)
