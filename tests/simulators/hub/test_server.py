"""Hub and certificate centre on real sockets: answers, faults, control API."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import aiohttp
import msgspec
import pytest

from protocols.gm.sm2 import PrivateKey
from protocols.hub import envelope
from protocols.hub.envelope import Request
from simulators.people import Person
from simulators.serve import RunningWorld, SimulatedWorld, serve_world
from tests.simulators.hub.counter import Counter, purchase

HOME = "999900"


@pytest.fixture
async def running(world: SimulatedWorld, till: Counter) -> AsyncIterator[RunningWorld]:
    """The world on sockets, telling the till's time."""
    async with serve_world(world, clock=lambda: till.now) as served:
        yield served


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def control(http: aiohttp.ClientSession, running: RunningWorld, what: str, body: Any = None) -> Any:
    """GET, or POST with a body."""
    url = f"{running.endpoints['control']}/{what}"
    async with http.request("GET" if body is None else "POST", url, json=body) as response:
        return await response.json()


async def post(
    http: aiohttp.ClientSession, running: RunningWorld, request: Request
) -> aiohttp.ClientResponse:
    """Post to the hub; the body is read."""
    url = running.endpoints["hub"] + running.endpoints["hub_path"]
    response = await http.post(url, data=envelope.encode_request(request))
    await response.read()
    return response


def settlement(till: Counter, jia: Person) -> Request:
    return till.request("2102", purchase(till, jia, till.token(jia)), HOME)


async def test_a_sale_over_http(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    request = settlement(till, jia)
    response = await post(http, running, request)
    assert response.status == 200
    assert response.content_type == "application/json"
    assert till.read(request, await response.read()).setlinfo["acct_pay"] == "60.00"
    timing = response.headers["Server-Timing"]
    assert timing.startswith("hub;dur=")
    assert float(timing.removeprefix("hub;dur=")) > 0


async def test_the_time_inside_the_hub_does_not_include_the_upload(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    body = envelope.encode_request(settlement(till, jia))
    last_part_s = 0.0

    async def slowly() -> AsyncIterator[bytes]:
        nonlocal last_part_s
        yield body[:100]
        await asyncio.sleep(0.1)
        last_part_s = time.perf_counter()
        yield body[100:]

    async with http.post(running.endpoints["hub"] + running.endpoints["hub_path"], data=slowly()) as response:
        behind_ms = (time.perf_counter() - last_part_s) * 1000
    assert float(response.headers["Server-Timing"].removeprefix("hub;dur=")) <= behind_ms


async def test_lose_answer_closes_the_connection_after_the_hub_has_committed(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    await control(http, running, "faults", {"fault": "lose-answer", "infno": "2102"})
    request = settlement(till, jia)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(http, running, request)
    (record,) = (await control(http, running, f"ledger?msgid={request.message_id}"))["settlements"]
    assert (record["live"], record["total_fen"], record["account_fen"]) == (True, 8330, 6000)
    data = {"psn_no": jia.psn_no, "omsgid": request.message_id, "oinfno": "2102"}
    reversal = till.request("2601", {"data": data}, HOME)
    assert till.read(reversal, await (await post(http, running, reversal)).read()).infcode == 0
    rows = (await control(http, running, f"ledger?psn_no={jia.psn_no}"))["settlements"]
    assert [(row["direction"], row["how_undone"]) for row in rows] == [(1, "reversed"), (-1, "")]
    fired = (await control(http, running, "faults"))["fired"]
    assert [(row["kind"], row["msgid"]) for row in fired] == [("lose-answer", request.message_id)]


async def test_lose_request_closes_the_connection_and_books_nothing(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    await control(http, running, "faults", {"fault": "lose-request"})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(http, running, settlement(till, jia))
    assert (await control(http, running, "ledger"))["settlements"] == []


async def test_a_cut_answer_arrives_whole_but_short_or_breaks_off(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    await control(http, running, "faults", {"fault": "cut 40"})
    response = await post(http, running, settlement(till, jia))
    assert len(await response.read()) == 40
    await control(http, running, "faults", {"fault": {"kind": "cut", "at": 40, "close": True}})
    with pytest.raises(aiohttp.ClientPayloadError):
        await post(http, running, settlement(till, jia))


async def test_a_delayed_answer_comes_late(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    await control(http, running, "faults", {"fault": "delay 0.05"})
    began = asyncio.get_running_loop().time()
    await post(http, running, settlement(till, jia))
    assert asyncio.get_running_loop().time() - began >= 0.05


async def test_faults_are_listed_and_cleared(running: RunningWorld, http: aiohttp.ClientSession) -> None:
    await control(http, running, "faults", {"fault": "http-status 500", "infno": "2102", "count": 2})
    (armed,) = (await control(http, running, "faults"))["armed"]
    assert (armed["fault"], armed["left"]) == ({"kind": "http-status", "status": 500, "before": False}, 2)
    async with http.delete(f"{running.endpoints['control']}/faults") as response:
        assert await response.json() == {"armed": []}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("faults", {"fault": "explode"}, 400),
        ("faults", {"fault": "cut 3", "shoes": 1}, 400),
        ("faults", {"fault": "html", "count": 0}, 400),
        ("faults", {"fault": "html", "infno": "no such"}, 400),
        ("faults", {"fault": {"kind": "cut", "at": -1}}, 400),
        ("script", {"step": [{"fault": "explode"}]}, 400),
        ("script", {"step": [{"fault": "html", "nth": 0}]}, 400),
        ("script", [], 400),
        ("phone/codes", {"person": "nobody"}, 404),
        ("terminals", {"institution": "P99990000001", "public_point": "04" * 65}, 400),
        ("terminals", {"institution": "P99990000001", "public_point": "xyz"}, 400),
    ],
)
async def test_a_wrong_control_request_is_refused_with_a_reason(
    running: RunningWorld, http: aiohttp.ClientSession, path: str, body: Any, status: int
) -> None:
    async with http.post(f"{running.endpoints['control']}/{path}", json=body) as response:
        assert response.status == status
        assert (await response.json())["error"]


async def test_phone_centre_and_hub_work_together_over_http(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    code = (await control(http, running, "phone/codes", {"person": "测试甲"}))["code"]
    data = {
        "orgId": "P99990000001",
        "businessType": "02121",
        "operatorId": "T01",
        "operatorName": "收银终端一",
        "officeId": "0001",
        "officeName": "收银台",
        "ecQrCode": code,
    }
    url = running.endpoints["certificate_centre"] + running.endpoints["certificate_path"]
    body = {"orgId": "P99990000001", "transType": "ec.query", "data": data}
    async with http.post(url, json=body) as response:
        decoded = await response.json()
    person = {"mdtrt_cert_type": "01", "mdtrt_cert_no": decoded["data"]["ecToken"], "psn_cert_type": "01"}
    request = till.request("1101", {"data": person})
    reply = till.read(request, await (await post(http, running, request)).read())
    assert reply.output["baseinfo"]["psn_no"] == jia.psn_no


async def test_people_are_shown_with_balance_and_without_identity_number(
    running: RunningWorld, http: aiohttp.ClientSession, jia: Person
) -> None:
    people = await control(http, running, "people")
    assert len(people["people"]) == len(running.world.people)
    one = await control(http, running, "people/jia")
    assert one == {
        "slug": "jia",
        "name": "测试甲",
        "psn_no": jia.psn_no,
        "certificate": "ACTIVATED",
        "balance_fen": 6000,
    }
    assert jia.certno not in msgspec.json.encode(people).decode()


async def test_a_prescription_that_nobody_issued_is_said_to_be_none(
    running: RunningWorld, http: aiohttp.ClientSession
) -> None:
    told = await control(http, running, "prescriptions", {"void": "RX0"})
    assert told == {"error": "there is no prescription RX0"}


async def test_a_certificate_can_be_activated(running: RunningWorld, http: aiohttp.ClientSession) -> None:
    shown = await control(http, running, "certificates", {"person": "ren", "state": "ACTIVATED"})
    assert shown["certificate"] == "ACTIVATED"


async def test_a_terminal_registers_its_key_and_learns_the_hubs(
    running: RunningWorld, http: aiohttp.ClientSession, world: SimulatedWorld
) -> None:
    clinic = Counter(world, "H99990000002")
    world.keys.forget("H99990000002", clinic.place.slot)
    nodes = {"signIn": {"opter_no": "N01", "mac": "m", "ip": "i"}}
    refused = await post(http, running, clinic.request("9001", nodes))
    assert "[SIGNATURE]" in await refused.text()
    point = clinic.signer.description.public_point.hex()
    order = {"institution": "H99990000002", "slot": clinic.place.slot, "public_point": point}
    assert ["H99990000002", "01"] in (await control(http, running, "terminals", order))["registered"]
    request = clinic.request("9001", nodes)
    assert clinic.read(request, await (await post(http, running, request)).read()).infcode == 0
    key = await control(http, running, "key")
    assert key["public_point"] == running.endpoints["hub_public_point"]


async def test_messages_show_what_the_hub_took(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    request = settlement(till, jia)
    await post(http, running, request)
    shown = await control(http, running, f"messages?msgid={request.message_id}")
    assert shown == {"messages": [{"msgid": request.message_id, "infno": "2102", "infcode": 0}]}


async def test_the_servers_listen_on_loopback_only(running: RunningWorld) -> None:
    for name in ("hub", "certificate_centre"):
        assert running.endpoints[name].startswith("http://127.0.0.1:")


async def test_a_script_is_loaded_counted_and_dropped(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    script = {"seed": 4, "step": [{"fault": "cut 40", "infno": "2102", "nth": 2}]}
    assert (await control(http, running, "script", script))["script"]["seed"] == 4
    first, second = settlement(till, jia), settlement(till, jia)
    assert len(await (await post(http, running, first)).read()) > 40
    assert len(await (await post(http, running, second)).read()) == 40
    shown = await control(http, running, "faults")
    assert shown["counts"] == {"cut": 1}
    assert [row["msgid"] for row in shown["fired"]] == [second.message_id]
    async with http.delete(f"{running.endpoints['control']}/faults") as response:
        assert response.status == 200
    assert (await control(http, running, "faults"))["script"] is None


async def test_a_trickled_answer_comes_byte_by_byte(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter
) -> None:
    await control(http, running, "faults", {"fault": "trickle 0.0001"})
    request = till.request("1101", {"data": {}})  # refused in a few words: every byte is a turn of the loop
    url = running.endpoints["hub"] + running.endpoints["hub_path"]
    patient = aiohttp.ClientTimeout(total=60)
    async with http.post(url, data=envelope.encode_request(request), timeout=patient) as response:
        pieces = [piece async for piece in response.content.iter_any()]
    answer = b"".join(pieces)
    assert till.read(request, answer).infcode == -1
    assert len(pieces) > len(answer) // 4, "a few of them may be read at once"
    assert (await control(http, running, "faults"))["counts"] == {"trickle": 1}


async def test_a_body_without_measure_is_cut_by_whoever_has_enough(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    url = running.endpoints["hub"] + running.endpoints["hub_path"]
    for fault in ("huge", "gzip-bomb"):
        await control(http, running, "faults", {"fault": fault})
        body = envelope.encode_request(settlement(till, jia))
        async with http.post(url, data=body) as response:
            assert len(await response.content.readexactly(100_000)) == 100_000
            response.close()
    assert len(till.world.ledger.live_settlements()) == 2


async def test_a_travelling_request_is_in_the_books_once_its_time_has_come(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    await control(http, running, "faults", {"fault": "late-request 600"})
    request = settlement(till, jia)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(http, running, request)
    assert (await control(http, running, "ledger"))["settlements"] == []
    assert (await control(http, running, "faults"))["travelling"] == 1
    till.now += dt.timedelta(minutes=11)
    (row,) = (await control(http, running, "ledger"))["settlements"]
    assert (row["msgid"], row["live"]) == (request.message_id, True)


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("messages", lambda told: [(row["infno"], row["infcode"]) for row in told["messages"]][-1:] == [("2102", 0)]),
        ("people", lambda told: told["people"][0]["balance_fen"] == 0),
        ("people/jia", lambda told: told["balance_fen"] == 0),
        ("faults", lambda told: told["travelling"] == 0),
    ],
)  # fmt: skip
async def test_whatever_is_shown_includes_what_has_arrived_by_now(
    running: RunningWorld,
    http: aiohttp.ClientSession,
    till: Counter,
    jia: Person,
    what: str,
    shown: Callable[[Any], bool],
) -> None:
    await control(http, running, "faults", {"fault": "late-request 600"})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(http, running, settlement(till, jia))
    assert not shown(await control(http, running, what))
    till.now += dt.timedelta(minutes=11)
    assert shown(await control(http, running, what))


async def test_the_hubs_keys_are_told_and_rotated(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    before = await control(http, running, "key")
    after = await control(http, running, "key/rotate", {})
    assert after["public_point"] == before["next"]
    assert after["former"] == [before["public_point"]]
    request = settlement(till, jia)
    answer = envelope.decode_answer(await (await post(http, running, request)).read())
    assert not till.verifies(request, answer)


async def test_a_terminals_new_key_is_accepted_besides_the_old_one(
    running: RunningWorld, http: aiohttp.ClientSession, till: Counter, jia: Person
) -> None:
    by_old = settlement(till, jia)
    fresh = PrivateKey.generate(Random("fresh").randbytes).public_key.point.hex()
    order = {"institution": "P99990000001", "slot": till.place.slot, "public_point": fresh, "keep": True}
    await control(http, running, "terminals", order)
    assert till.read(by_old, await (await post(http, running, by_old)).read()).infcode == 0
    await control(http, running, "terminals", {**order, "keep": False})
    refused = await post(http, running, settlement(till, jia))
    assert "[SIGNATURE]" in await refused.text()
