"""The centre on real sockets: waiting for a scan, the signed and encrypted door, its control API, 1162 at the hub."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from protocols.ecertificate import hub_1162
from protocols.ecertificate import open_interface as oi
from protocols.ecertificate.query import Decoded
from protocols.ecertificate.refusals import CentreRefusal
from protocols.hub.profile_reading import parse_profile
from protocols.secret import Secret
from simulators.certificate_centre import CHECK_PATH, OPEN_PATH, QUERY_PATH
from simulators.certificate_centre.open_desk import TEST_APP, shared_app_key, shared_centre_key
from simulators.serve import RunningWorld, SimulatedWorld, build_world, serve_world, shipped_profile
from tests.profiles.switches import switch
from tests.simulators.certificate_centre.asking import CLINIC, NOW, PHARMACY, later, request


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest.fixture
def world() -> SimulatedWorld:
    """Everything behind the counter."""
    return build_world(seed=1)


@pytest.fixture
async def running(world: SimulatedWorld) -> AsyncIterator[RunningWorld]:
    """A world that stands still at ten o'clock."""
    async with serve_world(world, clock=lambda: NOW) as served:
        yield served


async def post(http: aiohttp.ClientSession, url: str, body: bytes) -> bytes:
    """Post bytes."""
    async with http.post(url, data=body) as answer:
        assert answer.status == 200
        return await answer.read()


async def control(
    http: aiohttp.ClientSession, running: RunningWorld, what: str, body: object = None, status: int = 200
) -> Any:
    """GET, or POST with a body."""
    url = f"{running.endpoints['control']}/{what}"
    async with http.request("GET" if body is None else "POST", url, json=body) as answer:
        assert answer.status == status
        return await answer.json()


async def test_a_request_without_a_code_waits_until_one_is_held_to_the_terminal(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    url = running.endpoints["certificate_centre"] + QUERY_PATH
    code = running.world.book.issue(running.world.person("jia"), NOW)
    waits = asyncio.Event()
    running.world.centre.on_wait = waits.set
    waiting = asyncio.create_task(post(http, url, request("ec.query")))
    await waits.wait()
    assert not waiting.done()
    await control(http, running, "centre/scan", {"code": code})
    assert json.loads(await waiting)["data"]["ecQrCode"] == code


async def test_a_caller_that_hung_up_takes_nobodys_code(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    url = running.endpoints["certificate_centre"] + QUERY_PATH
    code = running.world.book.issue(running.world.person("jia"), NOW)
    waiting: asyncio.Queue[asyncio.Task[Any] | None] = asyncio.Queue()
    running.world.centre.on_wait = lambda: waiting.put_nowait(asyncio.current_task())
    leaves = asyncio.create_task(post(http, url, request("ec.query")))
    served = await waiting.get()
    assert served is not None
    stays = asyncio.create_task(post(http, url, request("ec.query")))
    await waiting.get()
    leaves.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({served})
    await control(http, running, "centre/scan", {"code": code})
    assert json.loads(await stays)["data"]["ecQrCode"] == code


async def test_a_request_that_is_refused_anyway_does_not_wait(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    url = running.endpoints["certificate_centre"] + QUERY_PATH
    for body in (b'{"transType":"\xff"}', request("cn.nhsa.ec.auth"), request("ec.query", officeId="")):
        assert json.loads(await post(http, url, body))["code"] == 990009


async def test_of_two_that_wait_with_the_same_number_one_is_served(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    url = running.endpoints["certificate_centre"] + QUERY_PATH
    waits = asyncio.Semaphore(0)
    running.world.centre.on_wait = waits.release
    both = [asyncio.create_task(post(http, url, request("cn.nhsa.ec.auth", outBizNo="a"))) for _ in range(2)]
    for _ in both:
        await waits.acquire()
    await control(http, running, "centre/face", {"person": "jia"})
    assert sorted(json.loads(answer)["code"] for answer in await asyncio.gather(*both)) == [0, 990014]


async def test_the_open_door_does_not_wait(running: RunningWorld, http: aiohttp.ClientSession) -> None:
    body = oi.seal(request("ec.query"), NOW, TEST_APP, oi.Style(), shared_app_key().sign)
    answer = await post(http, running.endpoints["certificate_centre"] + OPEN_PATH, body)
    found = oi.open_message(answer, TEST_APP, oi.Style(), shared_centre_key().public_key.verify, NOW)
    assert found.code == 990010


async def test_nobody_comes_and_the_request_is_refused(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    await control(http, running, "centre", {"scan_wait_s": 0})
    url = running.endpoints["certificate_centre"] + QUERY_PATH
    assert json.loads(await post(http, url, request("ec.query")))["code"] == 990010


async def test_face_pair_and_token_check_over_http(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    centre = running.endpoints["certificate_centre"]
    await control(http, running, "centre/face", {"person": "jia"})
    checked = json.loads(await post(http, centre + QUERY_PATH, request("cn.nhsa.ec.auth", outBizNo="a")))
    exchange = request("cn.nhsa.auth.check", outBizNo="b", authNo=checked["data"]["authNo"])
    data = json.loads(await post(http, centre + QUERY_PATH, exchange))["data"]
    question = {
        "ecToken": data["ecToken"],
        "idType": "01",
        "idNo": data["idNo"],
        "userName": data["userName"],
    }
    flag = json.loads(await post(http, centre + CHECK_PATH, json.dumps(question).encode()))["data"]["flag"]
    assert flag == "1"


async def test_the_open_door_answers_signed_and_encrypted(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    plain = request("ec.query", ecQrCode=running.world.book.issue(running.world.person("jia"), NOW))
    body = oi.seal(plain, NOW, TEST_APP, oi.Style(), shared_app_key().sign)
    answer = await post(http, running.endpoints["certificate_centre"] + OPEN_PATH, body)
    found = oi.open_message(answer, TEST_APP, oi.Style(), shared_centre_key().public_key.verify, NOW)
    assert json.loads(found.data)["userName"] == "测试甲"


async def test_settings_change_while_the_centre_is_up(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    assert (await control(http, running, "centre"))["single_use_code"] is False
    view = await control(http, running, "centre", {"single_use_code": True, "reply_shape": "text"})
    assert (view["single_use_code"], view["reply_shape"], view["operator_len"]) == (True, "text", 20)
    url = running.endpoints["certificate_centre"] + QUERY_PATH
    body = request("ec.query", ecQrCode=running.world.book.issue(running.world.person("jia"), NOW))
    first, second = [json.loads(await post(http, url, body)) for _ in range(2)]
    assert isinstance(first["data"], str)
    assert second["code"] == 990003


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("centre", {"reply_shape": "xml"}, 400),
        ("centre", {"scan_wait_s": -1}, 400),
        ("centre", {"operator_len": 64}, 400),
        ("centre/face", {"person": "nobody"}, 404),
        ("centre/face", {"person": "jia", "outcome": "smile"}, 400),
        ("centre/scan", {}, 400),
    ],
)
async def test_a_wrong_control_request_is_refused(
    running: RunningWorld, http: aiohttp.ClientSession, what: str, body: object, status: int
) -> None:
    assert "error" in await control(http, running, what, body, status)


# -- 1162 ------------------------------------------------------------------------------------------

HUB_DECODES = parse_profile(
    '[hub]\nproxy_prefix = "/outside"\n[ecert]\npath = "hub_1162"\nhub_path = "/fsi/api/hsecfc/localQrCodeQuery"\n',
    "x.toml",
)


def bare(code: str, institution: str = PHARMACY, business_type: str = "02121") -> bytes:
    """One 1162."""
    return hub_1162.encode(
        hub_1162.Request(
            institution_code=institution, business_type=business_type, operator_id="T01", operator_name="收银终端一",
            department_code="0001", department_name="收银台", code=Secret(code),
        )
    )  # fmt: skip


@pytest.fixture
def hub_decodes() -> SimulatedWorld:
    """A world whose hub decodes codes itself."""
    return build_world(seed=1, profile=HUB_DECODES)


@switch("ecert.path", "hub_1162")
@switch("ecert.hub_path")
async def test_the_hub_decodes_where_the_profile_says_so(
    hub_decodes: SimulatedWorld, http: aiohttp.ClientSession
) -> None:
    world = hub_decodes
    async with serve_world(world, clock=lambda: NOW) as running:
        url = f"{running.endpoints['hub']}/outside/fsi/api/hsecfc/localQrCodeQuery"
        code = world.book.issue(world.person("jia"), NOW)
        body = await post(http, url, bare(code))
        answer = json.loads(body)
        found = hub_1162.parse_answer(body)
        assert isinstance(found, Decoded)
        assert world.book.resolve(found.token.reveal(), PHARMACY, NOW) == world.person("jia").psn_no
        assert (found.insured_division, found.document_no.reveal()) == ("999900", world.person("jia").certno)
        assert answer["output"]["insuinfo"][0]["balc"] == 60
        assert answer["output"]["cardno"] == "T0000001X"
        refused = hub_1162.parse_answer(await post(http, url, bare(code, CLINIC, "01101")))
        assert isinstance(refused, CentreRefusal)
        assert refused.code == 990003
        for bad in (b"{}", b"[]", bare("x", business_type="01101")):
            assert json.loads(await post(http, url, bad))["infcode"] in (990008, 990009)


async def test_the_hub_decodes_nothing_where_the_profile_does_not_say_so(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    async with http.post(running.endpoints["hub"] + HUB_DECODES.ecert.hub_path, data=bare("x")) as answer:
        assert answer.status == 404


# -- what the profile says -------------------------------------------------------------------------


FOLDER = "/test/localcfc/api/hsecfc"
ELSEWHERE = parse_profile(f'[ecert]\nurl_path = "{FOLDER}/localQrCodeQuery"\n', "x.toml")


@pytest.fixture
def elsewhere() -> SimulatedWorld:
    """A world whose centre is a test system by its path."""
    return build_world(seed=1, profile=ELSEWHERE)


async def test_the_path_of_the_profile_is_served_with_the_token_check_beside_it(
    elsewhere: SimulatedWorld, http: aiohttp.ClientSession
) -> None:
    body = request("ec.query", ecQrCode=elsewhere.book.issue(elsewhere.person("jia"), NOW))
    async with serve_world(elsewhere, clock=lambda: NOW) as running:
        centre, path = running.endpoints["certificate_centre"], running.endpoints["certificate_path"]
        assert json.loads(await post(http, centre + path, body))["code"] == 0
        assert json.loads(await post(http, f"{centre}{FOLDER}/localEcTokenCheck", b"{}"))["code"] == 990009
        async with http.post(centre + QUERY_PATH, data=body) as answer:
            assert answer.status == 404


@pytest.mark.parametrize("key", ["code_life_s", "grace_s", "token_life_s", "authno_life_s"])
@switch("ecert.code_life_s")
@switch("ecert.grace_s")
@switch("ecert.token_life_s")
def test_each_life_comes_from_the_profile(key: str) -> None:
    shorter = parse_profile(f"[ecert]\n{key} = 7\n", "x.toml")
    usual, changed = build_world(seed=1).book.lives, build_world(seed=1, profile=shorter).book.lives
    assert getattr(changed, key) == 7
    assert getattr(usual, key) == getattr(shipped_profile().ecert, key)


def test_a_life_may_be_a_part_of_a_second_and_longer_than_any_calendar() -> None:
    profile = parse_profile(
        "[ecert]\ncode_life_s = 0.5\ngrace_s = 0.25\ntoken_life_s = 1e300\nauthno_life_s = 1e300\n", "x.toml"
    )
    world = build_world(seed=1, profile=profile)
    code = world.book.show(world.person("jia"), NOW)
    assert code.refresh_in_s == 0.5
    assert world.book.show(world.person("jia"), later(0.4)).code == code.code
    assert world.book.show(world.person("jia"), later(0.5)).code != code.code
    reply = json.loads(world.centre.handle(request("ec.query", ecQrCode=code.code), later(0.75)))
    assert reply["code"] == 0
    assert world.book.resolve(reply["data"]["ecToken"], PHARMACY, later(10**9))
    assert world.book.owner(reply["data"]["ecToken"], later(10**9)) == world.person("jia")
    assert (
        json.loads(world.centre.handle(request("ec.query", ecQrCode=code.code), later(0.76)))["code"]
        == 990001
    )
    auth_no = world.book.recognise(world.person("jia"), PHARMACY, NOW)
    assert world.book.exchange(auth_no, PHARMACY, later(10**9))[0] == world.person("jia")


@switch("ecert.authno_life_s")
def test_a_shorter_flow_number_of_the_profile_runs_out() -> None:
    world = build_world(seed=1, profile=parse_profile("[ecert]\nauthno_life_s = 7\n", "x.toml"))
    for seconds, code in ((7, 0), (7.5, 990013)):
        world.centre.push_face(world.person("jia"))
        number = json.loads(world.centre.handle(request("cn.nhsa.ec.auth", outBizNo=f"a{seconds}"), NOW))
        body = request("cn.nhsa.auth.check", outBizNo=f"b{seconds}", authNo=number["data"]["authNo"])
        assert json.loads(world.centre.handle(body, later(seconds)))["code"] == code


@switch("ecert.operator_len", 20, 64)
def test_operator_len_of_the_profile_decides_at_the_centre() -> None:
    for length, code in ((20, 990009), (64, 0)):
        world = build_world(seed=1, profile=parse_profile(f"[ecert]\noperator_len = {length}\n", "x.toml"))
        fresh = world.book.issue(world.person("jia"), NOW)
        body = request("ec.query", ecQrCode=fresh, operatorId="7" * 21)
        assert json.loads(world.centre.handle(body, NOW))["code"] == code
