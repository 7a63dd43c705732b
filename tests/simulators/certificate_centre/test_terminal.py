"""What happens at the certified terminal: refresh, single use, face pair, older names, settle notice."""

from random import Random
from typing import Any

import msgspec
import pytest

from simulators.certificate_centre import (
    CentreRefusal,
    CentreSettings,
    CertificateCentre,
    CodeBook,
    FaceOutcome,
)
from simulators.people import Person
from tests.simulators.certificate_centre.asking import CLINIC, NOW, OTHER, PHARMACY, ask, later, request

People = dict[str, Person]


# -- refresh, grace, single use --------------------------------------------------------------------


def test_a_phone_keeps_its_code_for_a_minute_and_then_draws_a_new_one(book: CodeBook, people: People) -> None:
    first = book.show(people["jia"], NOW)
    assert first.refresh_in_s == 60
    again = book.show(people["jia"], later(59.5))
    assert (again.code, again.refresh_in_s) == (first.code, 0.5)
    assert book.show(people["jia"], later(60)).code != first.code


def test_a_code_that_was_refreshed_away_lives_through_its_grace(
    centre: CertificateCentre, people: People
) -> None:
    old = centre.book.show(people["jia"], NOW).code
    new = centre.book.show(people["jia"], later(60)).code
    assert ask(centre, "ec.query", later(75), ecQrCode=old)["code"] == 0
    assert ask(centre, "ec.query", later(75.5), ecQrCode=old)["code"] == 990001
    assert ask(centre, "ec.query", later(75.5), ecQrCode=new)["code"] == 0


def test_a_refresh_by_hand_changes_the_code_at_once(centre: CertificateCentre, people: People) -> None:
    old = centre.book.show(people["jia"], NOW).code
    new = centre.book.refresh(people["jia"], later(5)).code
    assert new != old
    assert centre.book.show(people["jia"], later(64)).code == new
    tokens = [ask(centre, "ec.query", later(10), ecQrCode=code)["data"]["ecToken"] for code in (old, new)]
    assert len(set(tokens)) == 2


def test_a_clock_that_went_back_shows_a_new_code(book: CodeBook, people: People) -> None:
    shown = book.show(people["jia"], NOW)
    assert book.show(people["jia"], later(-5)).code != shown.code


@pytest.mark.parametrize(("who", "code"), [("ren", 990004), ("gui", 990005)])
def test_no_code_is_shown_for_a_certificate_that_is_not_active(
    book: CodeBook, people: People, who: str, code: int
) -> None:
    for show in (book.show, book.refresh):
        with pytest.raises(CentreRefusal) as refused:
            show(people[who], NOW)
        assert refused.value.code == code


def test_a_person_blocked_after_the_code_was_shown_is_refused(
    centre: CertificateCentre, people: People
) -> None:
    code = centre.book.show(people["jia"], NOW).code
    centre.book.set_state(people["jia"], "FROZEN")
    assert ask(centre, "ec.query", ecQrCode=code)["code"] == 990005


@pytest.mark.parametrize("single_use", [False, True])
def test_single_use_decides_about_the_second_decode_at_one_institution(
    people: People, single_use: bool
) -> None:
    book = CodeBook(list(people.values()), Random(1), single_use=single_use)
    centre = CertificateCentre(book, [PHARMACY, OTHER])
    code = book.show(people["jia"], NOW).code
    first, second = (ask(centre, "ec.query", ecQrCode=code) for _ in range(2))
    assert first["code"] == 0
    assert second["code"] == (990003 if single_use else 0)
    assert ask(centre, "ec.query", institution=OTHER, ecQrCode=code)["code"] == 990003
    assert book.resolve(first["data"]["ecToken"], PHARMACY, NOW) == people["jia"].psn_no


# -- names and fields ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "ec.pay", "hos.query.insu", 7])
def test_an_unknown_request_is_named(centre: CertificateCentre, kind: Any) -> None:
    reply = ask(centre, kind)
    assert reply["code"] == 990009
    assert "transType" in reply["message"]


@pytest.mark.parametrize(
    ("operator_len", "length", "code"), [(20, 20, 0), (20, 21, 990009), (64, 64, 0), (64, 65, 990009)]
)
def test_the_profile_says_how_long_an_operators_number_may_be(
    book: CodeBook, people: People, operator_len: Any, length: int, code: int
) -> None:
    centre = CertificateCentre(book, [PHARMACY], CentreSettings(operator_len=operator_len))
    reply = ask(centre, "ec.query", ecQrCode=book.issue(people["jia"], NOW), operatorId="7" * length)
    assert reply["code"] == code
    if code:
        assert "operatorId" in reply["message"]


@pytest.mark.parametrize(
    ("name", "length"),
    [("orgId", 41), ("operatorName", 31), ("officeId", 21), ("officeName", 31), ("businessType", 6)],
)
def test_a_field_that_is_too_long_is_named_and_nothing_is_decoded(
    centre: CertificateCentre, people: People, name: str, length: int
) -> None:
    code = centre.book.issue(people["jia"], NOW)
    long: dict[str, Any] = {name: "P" * length}
    reply = ask(centre, "ec.query", ecQrCode=code, **long)
    assert (reply["code"], name in reply["message"]) == (990009, True)
    assert ask(centre, "ec.query", institution=OTHER, ecQrCode=code)["code"] == 0


def test_the_terminals_own_scanner_takes_what_was_held_to_it(
    centre: CertificateCentre, people: People
) -> None:
    given = centre.book.issue(people["yi"], NOW)
    centre.push_scan(given)
    reply = ask(centre, "cn.nhsa.qrcode.get", ecQrCode="4240000000000000001707990000")
    assert reply["data"]["ecQrCode"] == given
    assert ask(centre, "cn.nhsa.qrcode.get")["code"] == 990010


def test_every_answer_says_that_it_is_simulated(centre: CertificateCentre, people: People) -> None:
    for _ in range(2):
        centre.push_scan(centre.book.issue(people["jia"], NOW))
        centre.push_face(people["jia"])
    decoded = ask(centre, "ec.query", ecQrCode=centre.book.issue(people["jia"], NOW))
    checked = face(centre, "n1")
    identity = {"idType": "01"} | {name: decoded["data"][name] for name in ("ecToken", "idNo", "userName")}
    replies = [
        decoded,
        checked,
        ask(centre, "cn.nhsa.qrcode.get"),
        ask(centre, "iot.gain.ec.qrcode", outBizNo="n2", gainWay="MOBILE"),
        ask(centre, "iot.gain.ec.qrcode", outBizNo="n3", gainWay="FACE"),
        exchange(centre, checked["data"]["authNo"], "n4"),
        notice(centre),
        msgspec.json.decode(centre.check_token(msgspec.json.encode(identity), NOW)),
        msgspec.json.decode(centre.check_token(msgspec.json.encode(identity | {"idNo": "1"}), NOW)),
        ask(centre, "ec.query", ecQrCode="134567890123456789"),
        ask(centre, "ec.pay"),
        msgspec.json.decode(centre.handle(b"", NOW)),
        msgspec.json.decode(centre.check_token(b"", NOW)),
    ]
    assert [reply["code"] for reply in replies] == [0] * 9 + [500159, 990009, 990009, 990009]
    for reply in replies:
        extra = reply.get("data", reply)["extra"]
        assert msgspec.json.decode(extra) == {"sim": True, "sn": "SIM000000000001"}


# -- face ------------------------------------------------------------------------------------------


def face(centre: CertificateCentre, number: str = "n1", institution: str = PHARMACY) -> dict[str, Any]:
    """One face check."""
    return ask(centre, "cn.nhsa.ec.auth", institution=institution, outBizNo=number)


def exchange(
    centre: CertificateCentre,
    auth_no: str,
    number: str = "n2",
    seconds: float = 0,
    institution: str = PHARMACY,
) -> dict[str, Any]:
    """Exchange a flow number."""
    return ask(
        centre, "cn.nhsa.auth.check", later(seconds), institution, outBizNo=number, authNo=auth_no, businessType=None
    )  # fmt: skip


def test_a_face_becomes_a_flow_number_and_that_an_identity_once(
    centre: CertificateCentre, people: People
) -> None:
    centre.push_face(people["yi"])
    auth_no = face(centre)["data"]["authNo"]
    assert (len(auth_no), auth_no[:3], auth_no[-6:]) == (28, "ano", "999901")
    reply = exchange(centre, auth_no)
    assert (reply["data"]["userName"], reply["data"]["authNo"]) == ("测试乙", auth_no)
    assert centre.book.resolve(reply["data"]["ecToken"], PHARMACY, NOW) == people["yi"].psn_no
    assert exchange(centre, auth_no, "n3")["code"] == 990013


@pytest.mark.parametrize(("seconds", "code"), [(300, 0), (300.5, 990013)])
def test_a_flow_number_lives_five_minutes(
    centre: CertificateCentre, people: People, seconds: float, code: int
) -> None:
    centre.push_face(people["jia"])
    assert exchange(centre, face(centre)["data"]["authNo"], seconds=seconds)["code"] == code


def test_a_flow_number_belongs_to_its_institution(centre: CertificateCentre, people: People) -> None:
    centre.push_face(people["jia"])
    auth_no = face(centre)["data"]["authNo"]
    assert exchange(centre, auth_no, institution=OTHER)["code"] == 990007
    assert exchange(centre, auth_no)["code"] == 0


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("mismatch", 990011), ("not_alive", 990012), ("cancelled", 990010), ("timeout", 990010)],
)
def test_a_face_check_that_fails_gives_no_number(
    centre: CertificateCentre, people: People, outcome: FaceOutcome, code: int
) -> None:
    centre.push_face(people["jia"], outcome)
    reply = face(centre)
    assert reply["code"] == code
    assert "data" not in reply
    assert face(centre, "n9")["code"] == 990010, "the camera is empty again"


@pytest.mark.parametrize(("who", "code"), [("ren", 990004), ("gui", 990005)])
def test_a_face_without_an_active_certificate_is_refused(
    centre: CertificateCentre, people: People, who: str, code: int
) -> None:
    centre.push_face(people[who])
    assert face(centre)["code"] == code


def test_a_business_number_serves_once_at_one_institution(centre: CertificateCentre, people: People) -> None:
    for _ in range(3):
        centre.push_face(people["jia"])
    auth_no = face(centre, "same")["data"]["authNo"]
    assert face(centre, "same")["code"] == 990014
    assert exchange(centre, auth_no, "same")["code"] == 990014
    assert face(centre, "same", CLINIC)["code"] == 0
    assert face(centre, "9" * 65)["code"] == 990009


@pytest.mark.parametrize(
    ("way", "scan", "looks", "code"),
    [
        ("MOBILE", True, False, 0),
        ("MOBILE", False, True, 990010),
        ("FACE", True, True, 0),
        ("FACE", True, False, 990010),
        ("ALL", False, True, 0),
        ("ALL", True, False, 0),
        ("", True, True, 990009),
    ],
)
def test_the_older_request_lets_the_terminal_choose(
    centre: CertificateCentre, people: People, way: str, scan: bool, looks: bool, code: int
) -> None:
    if scan:
        centre.push_scan(centre.book.issue(people["jia"], NOW))
    if looks:
        centre.push_face(people["yi"])
    reply = ask(centre, "iot.gain.ec.qrcode", outBizNo="n", gainWay=way)
    assert reply["code"] == code
    if code == 0:
        assert reply["data"]["userName"] == ("测试乙" if looks else "测试甲")


@pytest.mark.parametrize(
    ("way", "scan", "looks", "waits"),
    [
        ("MOBILE", False, True, True),
        ("MOBILE", True, False, False),
        ("FACE", True, False, True),
        ("FACE", False, True, False),
        ("ALL", False, False, True),
        ("ALL", True, False, False),
        ("ALL", False, True, False),
        ("", False, False, False),
    ],
)
def test_the_older_request_waits_for_what_its_way_can_take(
    centre: CertificateCentre, people: People, way: str, scan: bool, looks: bool, waits: bool
) -> None:
    if scan:
        centre.push_scan(centre.book.issue(people["jia"], NOW))
    if looks:
        centre.push_face(people["yi"])
    body = request("iot.gain.ec.qrcode", outBizNo="n", gainWay=way)
    assert centre.waits_for_somebody(body) is waits


@pytest.mark.parametrize(
    ("kind", "fields", "waits"),
    [
        ("ec.query", {}, True),
        ("ec.query", {"ecQrCode": "424"}, False),
        ("cn.nhsa.qrcode.get", {"ecQrCode": "424"}, True),
        ("cn.nhsa.ec.auth", {"outBizNo": "n"}, True),
        ("cn.nhsa.ec.auth", {"outBizNo": "used"}, False),
        ("cn.nhsa.ec.auth", {}, False),
        ("ec.query", {"operatorName": ""}, False),
        ("ec.query", {"businessType": "01301"}, False),
        ("ec.query", {"institution": "P99990000009"}, False),
        ("cn.nhsa.auth.check", {"outBizNo": "n", "authNo": "a"}, False),
    ],
)
def test_only_a_request_that_could_be_answered_waits_for_somebody(
    centre: CertificateCentre, people: People, kind: str, fields: dict[str, Any], waits: bool
) -> None:
    centre.push_face(people["jia"])
    assert face(centre, "used")["code"] == 0
    assert centre.waits_for_somebody(request(kind, **fields)) is waits


def test_a_malformed_request_does_not_use_its_number_up(centre: CertificateCentre, people: People) -> None:
    centre.push_face(people["jia"])
    assert ask(centre, "iot.gain.ec.qrcode", outBizNo="n", gainWay="")["code"] == 990009
    assert exchange(centre, "", "n")["code"] == 990009
    assert ask(centre, "iot.gain.ec.qrcode", outBizNo="n", gainWay="FACE")["code"] == 0


# -- notice ----------------------------------------------------------------------------------------

RESULT = {
    "medicalSettleNo": "SETL1", "ownAmt": "0.00", "balance": "35.00", "drugList": "[]", "acctAmt": "25.00",
}  # fmt: skip


def notice(centre: CertificateCentre, kind: str = "cn.nhsa.settle.notify", **fields: Any) -> dict[str, Any]:
    """Tell the terminal what became of a settlement."""
    usual: dict[str, Any] = {
        "outBizNo": "n1", "medicalSettleState": "SUCCESS", "totalFee": "25.00", "bizType": "settle", "idNo": "1",
        "userName": "测试甲", "setlTime": "2026-11-21 10:00:00", "hospitalName": "测试大药房一号店", "businessType": None,
        **RESULT,
    }  # fmt: skip
    return ask(centre, kind, **(usual | fields))


@pytest.mark.parametrize("kind", ["cn.nhsa.settle.notify", "iot.medical.settle.notify"])
def test_a_notice_is_shown_at_the_terminal(centre: CertificateCentre, kind: str) -> None:
    assert notice(centre, kind)["code"] == 0
    (shown,) = centre.notices
    assert (shown.state.value, shown.total, shown.account, shown.business_number) == (
        "SUCCESS",
        "25.00",
        "25.00",
        "n1",
    )


@pytest.mark.parametrize("state", ["SUCCESS", "FAIL"])
def test_a_failure_and_a_sale_without_insurance_need_no_result(centre: CertificateCentre, state: str) -> None:
    without: dict[str, Any] = dict.fromkeys(RESULT, None)
    assert notice(centre, medicalSettleState=state, **without)["code"] == 0
    assert [one.state.value for one in centre.notices] == [state]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("medicalSettleState", "MAYBE"),
        ("medicalSettleNo", None),
        ("medicalSettleState", "FAIL"),
        ("drugList", "{"),
        ("totalFee", "25.005"),
        ("totalFee", "1e3"),
        ("acctAmt", "x"),
        ("bizType", "refund"),
        ("userName", None),
    ],
)
def test_a_notice_that_cannot_be_shown_is_refused(
    centre: CertificateCentre, name: str, value: object
) -> None:
    changed: dict[str, Any] = {name: value}
    assert notice(centre, **changed)["code"] == 990009
    assert centre.notices == ()
