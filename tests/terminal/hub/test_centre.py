"""The certificate centre: who showed this code? Silence is harmless and repeated once; every no has its words."""

import datetime as dt
import json
from collections.abc import Mapping

import pytest

from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer
from protocols.ecertificate import refusals
from protocols.ecertificate.notice import NoticeKind, NoticeState, SettleNotice
from protocols.hub.profile_reading import parse_profile
from protocols.secret import Secret
from terminal.core.events import CentreRefused, CentreSaid
from terminal.hub.centre import CentreClient, Office
from terminal.hub.client import Institution, Operator
from terminal.hub.gate import HubGate
from tests.profiles.rig import CREDENTIALS
from tests.profiles.switches import switch
from tests.terminal.harness import INSTITUTION, NATIONAL, NINE

CODE = Secret("4240000000000000001707990000")
TOKEN = "999900ecsim000000000000000000000000001"
GOOD = {
    "code": 0, "message": "成功", "orgId": INSTITUTION,
    "data": {"userName": "测试甲", "idNo": "999999199001010016", "idType": "01", "ecToken": TOKEN, "insuOrg": "999900",
             "ecIndexNo": "00000000000000000000000000000001", "ecQrCode": CODE.reveal()},
}  # fmt: skip


class Clock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return NINE + dt.timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self.passed_s


class Link:
    """Answers in turn; an answer takes `each_takes_s`."""

    def __init__(self, clock: Clock, *answers: object, each_takes_s: float = 0.0, path: str = "") -> None:
        self._path = path or NATIONAL.ecert.url_path
        self._clock = clock
        self._answers = list(answers)
        self._each_takes_s = each_takes_s
        self.sent: list[bytes] = []

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        assert path == self._path
        self.sent.append(body)
        self._clock.passed_s += self._each_takes_s
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()
        return RawAnswer(200, body, "application/json")

    async def close(self) -> None:
        """See `HubTransport`."""


async def decode(*answers: object, each_takes_s: float = 0.0) -> tuple[CentreSaid | CentreRefused, Link]:
    """What the centre's answers, one after the other, come to."""
    clock = Clock()
    link = Link(clock, *answers, each_takes_s=each_takes_s)
    centre = CentreClient(
        NATIONAL, Institution(INSTITUTION, "测试大药房一号店", "999900"), Operator("T01", "收银员测试"), Office("0001", "收银台"),
        NATIONAL.ecert.business_type_pharmacy, link, clock,
    )  # fmt: skip
    return await centre.decode(CODE), link


@switch("ecert.path", "middle_office")
async def test_a_decoded_code_is_a_medium() -> None:
    said, link = await decode(GOOD)
    assert isinstance(said, CentreSaid)
    assert (said.medium.kind, said.medium.number.reveal()) == ("01", TOKEN)
    assert said.medium.certno.reveal() == "999999199001010016"
    request = json.loads(link.sent[0])
    assert request["transType"] == "ec.query"
    assert request["data"]["ecQrCode"] == CODE.reveal()
    assert request["data"]["businessType"] == "02121"
    assert len(link.sent) == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (refusals.NOT_A_CERTIFICATE, "not_a_certificate"),
        (refusals.CODE_EXPIRED, "code_expired"),
        (refusals.CODE_UNKNOWN, "code_unknown"),
        (refusals.CODE_USED_ELSEWHERE, "code_used"),
        (refusals.NOT_ACTIVATED, "certificate_not_activated"),
        (refusals.FROZEN, "certificate_frozen"),
        (777777, "centre_refused"),
    ],
)
async def test_a_no_is_told_in_its_own_words_and_not_repeated(number: int, code: str) -> None:
    said, link = await decode({"code": number, "message": "不", "success": False})
    assert isinstance(said, CentreRefused)
    assert said.code == code
    assert said.rescan
    assert said.params["centre_code"] == str(number)
    assert len(link.sent) == 1


async def test_a_lost_answer_is_asked_for_once_more_with_the_same_code() -> None:
    said, link = await decode(NoAnswer("disconnected"), GOOD)
    assert isinstance(said, CentreSaid)
    assert len(link.sent) == 2
    assert json.loads(link.sent[0])["data"]["ecQrCode"] == json.loads(link.sent[1])["data"]["ecQrCode"]


async def test_lost_twice_it_is_told_and_the_code_may_be_tried_again() -> None:
    said, link = await decode(NoAnswer("timeout"), NoAnswer("timeout"))
    assert said == CentreRefused("centre_not_reached", {"reason": "timeout"}, rescan=False)
    assert len(link.sent) == 2


async def test_a_code_that_has_grown_old_meanwhile_is_not_asked_about_again() -> None:
    said, link = await decode(NoAnswer("timeout"), GOOD, each_takes_s=30.0)
    assert isinstance(said, CentreRefused)
    assert len(link.sent) == 1


async def test_what_did_not_leave_is_not_repeated() -> None:
    said, link = await decode(NotSent("refused"))
    assert said == CentreRefused("centre_not_reached", {"reason": "refused"})
    assert len(link.sent) == 1


@pytest.mark.parametrize("answer", [b"<html>", b"", b"[]", b'{"code": 0}', b'{"code": 0, "data": {}}'])
async def test_an_answer_that_cannot_be_read_is_silence(answer: bytes) -> None:
    said, _ = await decode(answer, answer)
    assert said == CentreRefused("centre_not_reached", {"reason": "unreadable"}, rescan=False)


# -- a hub that decodes itself ---------------------------------------------------------------------

AT_HUB = parse_profile('[ecert]\npath = "hub_1162"\nhub_path = "/bare/1162"\n', "x.toml")
OUTPUT = {
    "baseinfo": {"psn_no": "1", "psn_cert_type": "01", "certno": "999999199001010016", "psn_name": "测试甲"},
    "insuinfo": [{"insuplc_admdvs": "999900", "psn_insu_stas": "1"}],
    "ecToken": TOKEN,
}  # fmt: skip


async def decode_at_hub(*answers: object) -> tuple[CentreSaid | CentreRefused, Link, Link]:
    """The same where the profile says that the hub decodes; returns the links to centre and hub too."""
    clock = Clock()
    centre_link, hub_link = Link(clock), Link(clock, *answers, path="/bare/1162")
    centre = CentreClient(
        AT_HUB, Institution(INSTITUTION, "测试大药房一号店", "999900"), Operator("T01", "收银员测试"), Office("0001", "收银台"),
        AT_HUB.ecert.business_type_pharmacy, centre_link, clock, hub_link,
    )  # fmt: skip
    return await centre.decode(CODE), centre_link, hub_link


@pytest.mark.parametrize("answer", [{"infcode": 0, "err_msg": None, "output": OUTPUT}, GOOD])
@switch("ecert.path", "hub_1162")
@switch("ecert.hub_path")
async def test_the_hub_is_asked_bare_and_either_answer_is_a_medium(answer: object) -> None:
    said, centre_link, hub_link = await decode_at_hub(answer)
    assert isinstance(said, CentreSaid)
    assert said.medium.number.reveal() == TOKEN
    assert said.medium.certno.reveal() == "999999199001010016"
    assert centre_link.sent == []
    request = json.loads(hub_link.sent[0])
    assert "transType" not in request
    assert (request["orgId"], request["ecQrCode"], request["businessType"]) == (
        INSTITUTION,
        CODE.reveal(),
        "02121",
    )


async def test_a_no_of_the_hub_has_the_same_words() -> None:
    said, _, _ = await decode_at_hub({"infcode": refusals.CODE_EXPIRED, "err_msg": "二维码已过期"})
    assert isinstance(said, CentreRefused)
    assert said.code == "code_expired"


async def test_a_hub_that_does_not_decode_is_a_clear_error() -> None:
    said, _, hub_link = await decode_at_hub(b"404: Not Found", b"404: Not Found")
    assert said == CentreRefused("centre_not_reached", {"reason": "unreadable"}, rescan=False)
    assert len(hub_link.sent) == 2


class Gateway:
    """A gateway of bearer tokens before a hub that decodes; it has forgotten the first token it gave."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        self.asked.append((path, headers["Authorization"].partition(" ")[2]))
        if path.endswith("/oauth/token"):
            return RawAnswer(200, b'{"access_token":"t%d"}' % len(self.asked), "")
        if headers["Authorization"] == "Bearer t1":
            return RawAnswer(401, b'{"code":401,"message":"token unknown"}', "")
        return RawAnswer(200, json.dumps(GOOD).encode(), "")

    async def close(self) -> None:
        """See `HubTransport`."""


async def test_a_token_that_the_gateway_forgot_is_replaced_and_the_code_asked_about_once_more() -> None:
    """Else no code could be decoded until the token's life ends: nothing else is asked before a medium."""
    profile = parse_profile(
        '[hub]\ngateway = "G4"\nproxy_prefix = "/outside"\n[ecert]\npath = "hub_1162"\nhub_path = "/bare/1162"', "x.toml"
    )  # fmt: skip
    clock, gateway = Clock(), Gateway()
    gate = HubGate(profile, CREDENTIALS, gateway, clock, lambda bits: 0)
    centre = CentreClient(
        profile, Institution(INSTITUTION, "测试大药房一号店", "999900"), Operator("T01", "收银员测试"), Office("0001", "收银台"),
        profile.ecert.business_type_pharmacy, Link(clock), clock, gateway, gate,
    )  # fmt: skip
    assert isinstance(await centre.decode(CODE), CentreSaid)
    basic = gateway.asked[0][1]
    assert gateway.asked == [
        ("/outside/auth/oauth/token", basic),
        ("/outside/bare/1162", "t1"),
        ("/outside/auth/oauth/token", basic),
        ("/outside/bare/1162", "t3"),
    ]


# -- the settle notice -----------------------------------------------------------------------------

NOTICE = SettleNotice(
    institution_code=INSTITUTION, business_number="n", state=NoticeState.FAIL, operator_id="T01", operator_name="收银员测试",
    total="1.00", kind=NoticeKind.SETTLE, document_no=Secret("1"), name=Secret("测试甲"), settled_at="2026-11-21 09:00:00",
    institution_name="测试大药房一号店", department_code="0001", department_name="收银台",
)  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"code": 0, "message": "ok"}, ""),
        ({"code": 990009, "message": "x"}, "990009"),
        (b"<html>", "unreadable"),
        (NoAnswer("timeout"), "timeout"),
        (NotSent("refused"), "refused"),
    ],
)
async def test_a_notice_is_sent_once_whatever_becomes_of_it(answer: object, told: str) -> None:
    clock = Clock()
    link = Link(clock, answer)
    centre = CentreClient(
        NATIONAL, Institution(INSTITUTION, "测试大药房一号店", "999900"), Operator("T01", "收银员测试"), Office("0001", "收银台"),
        NATIONAL.ecert.business_type_pharmacy, link, clock,
    )  # fmt: skip
    assert await centre.tell(NOTICE) == told
    (sent,) = link.sent
    assert json.loads(sent)["transType"] == "cn.nhsa.settle.notify"
