"""The phone's page over HTTP: codes that refresh, the picture, activation, family, and who may not ask."""

import asyncio
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

import aiohttp
import pytest
import zxingcpp
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from protocols.wire_time import WIRE_ZONE
from simulators.certificate_centre import Activation, CodeBook
from simulators.people import load_people
from simulators.phone import server

PEOPLE = load_people()


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 21, 10, 0, tzinfo=WIRE_ZONE)

    def __call__(self) -> dt.datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)


class Workers(ThreadPoolExecutor):
    """Threads that count what they are given."""

    jobs = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `Executor.submit`."""
        self.jobs += 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
def clock() -> Clock:
    """Ten in the morning."""
    return Clock()


@pytest.fixture
async def http(clock: Clock) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a page on loopback."""
    book = CodeBook(PEOPLE, Random(1))
    app: web.Application = server.build_app(server.PhoneDesk(PEOPLE, book, Activation(book, PEOPLE), clock))
    async with TestServer(app) as running, aiohttp.ClientSession(running.make_url("/")) as session:
        yield session


async def get(http: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    """GET JSON."""
    async with http.get(f"/{path}") as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def post(http: aiohttp.ClientSession, path: str, body: object = None, status: int = 200) -> Any:
    """POST JSON."""
    async with http.post(f"/{path}", json=body) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def person(http: aiohttp.ClientSession, slug: str) -> Any:
    """One person's row."""
    return next(row for row in await get(http, "api/people") if row["slug"] == slug)


async def test_a_code_stays_for_a_minute_then_changes(http: aiohttp.ClientSession, clock: Clock) -> None:
    first = await get(http, "api/phones/jia/code")
    assert first["refresh_in_s"] == 60
    clock.pass_s(59)
    again = await get(http, "api/phones/jia/code")
    assert (again["code"], again["refresh_in_s"]) == (first["code"], 1)
    clock.pass_s(1)
    assert (await get(http, "api/phones/jia/code"))["code"] != first["code"]


async def test_a_fresh_code_comes_when_it_is_asked_for(http: aiohttp.ClientSession) -> None:
    first = await get(http, "api/phones/jia/code")
    fresh = await post(http, "api/phones/jia/code")
    assert fresh["code"] != first["code"]
    assert await get(http, "api/phones/jia/code") == fresh


async def test_zxing_reads_the_code_from_the_picture(http: aiohttp.ClientSession) -> None:
    shown = await get(http, "api/phones/jia/code")
    async with http.get(shown["picture"]) as answer:
        assert answer.content_type == "image/png"
        picture = Image.open(io.BytesIO(await answer.read())).convert("L")
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [shown["code"]]


@pytest.mark.parametrize(
    "code", ["134567890123456789", "42400000000000000017079900001", "x", f"424{'０' * 25}"]
)
async def test_only_certificate_codes_are_drawn(http: aiohttp.ClientSession, code: str) -> None:
    async with http.get(f"/qr/{code}.png") as answer:
        assert answer.status == 404


async def test_a_childs_code_is_on_the_parents_phone_and_on_no_other(http: aiohttp.ClientSession) -> None:
    row = await person(http, "jia")
    assert row["family"] == [{"slug": "bing", "name": "测试丙", "relation": "child"}]
    assert (await get(http, "api/phones/jia/code?of=bing"))["code"].endswith("990000")
    assert (await get(http, "api/phones/yi/code?of=bing", 404))["code"] == "nobody"


async def test_activation_through_the_page(http: aiohttp.ClientSession) -> None:
    ren = await person(http, "ren")
    assert (ren["state"], ren["step"]) == ("NOT_ACTIVATED", "terms")
    refused = await get(http, "api/phones/ren/code", 409)
    assert refused == {"code": "990004", "zh": "电子凭证未激活", "en": "certificate not activated"}
    steps: list[tuple[dict[str, str], str]] = [
        ({"step": "terms"}, "real_name"),
        ({"step": "real_name", "name": ren["name"], "certno": ren["certno"]}, "face"),
        ({"step": "face", "face": "match"}, "password"),
        ({"step": "password", "password": "135790"}, "done"),
    ]
    for body, after in steps:
        assert (await post(http, "api/phones/ren/activation", body))["step"] == after
    assert len((await get(http, "api/phones/ren/code"))["code"]) == 28


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"step": "face"}, 409, "wrong_step"),
        ({"step": "done"}, 409, "wrong_step"),
        ({"step": "real_name", "name": "x"}, 409, "not_the_person"),
        ({"step": "later"}, 400, "malformed"),
        ({}, 400, "malformed"),
        ({"step": "terms", "more": 1}, 400, "malformed"),
    ],
)
async def test_a_wrong_step_is_refused_in_words(
    http: aiohttp.ClientSession, body: dict[str, object], status: int, code: str
) -> None:
    answer = await post(http, "api/phones/ren/activation", body, status)
    assert answer["code"] == code
    assert answer["zh"]
    assert (await person(http, "ren"))["step"] == "terms"


async def test_a_member_is_added_and_activated(http: aiohttp.ClientSession) -> None:
    order = {"member": "ren", "relation": "parent", "papers": ["commitment", "household_register"]}
    strange = order | {"relation": "neighbour", "face": "match"}
    assert (await post(http, "api/phones/jia/family", strange, 400))["code"] == "malformed"
    assert (await post(http, "api/phones/jia/family", order, 409))["code"] == "face_needed"
    row = await post(http, "api/phones/jia/family", order | {"face": "match"})
    assert [(one["slug"], one["relation"]) for one in row["family"]] == [("bing", "child"), ("ren", "parent")]
    assert (await person(http, "ren"))["state"] == "ACTIVATED"
    assert len((await get(http, "api/phones/jia/code?of=ren"))["code"]) == 28


async def test_nobody_has_no_phone(http: aiohttp.ClientSession) -> None:
    assert (await get(http, "api/phones/nobody/code", 404))["zh"]


@pytest.mark.parametrize(
    ("path", "content_type"), [("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")]
)
async def test_the_page_is_ours_and_takes_nothing_from_elsewhere(
    http: aiohttp.ClientSession, path: str, content_type: str
) -> None:
    async with http.get(f"/{path}") as answer:
        text = await answer.text()
        assert (answer.status, answer.content_type) == (200, content_type)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.headers["Cache-Control"] == "no-store"
    assert "//" not in text.replace("// ", "").replace("//\n", "")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
async def test_another_host_name_is_refused(http: aiohttp.ClientSession, host: str) -> None:
    async with http.get("/api/people", headers={"Host": host}) as answer:
        assert answer.status in (400, 403)
        assert "测试甲" not in await answer.text()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_another_sites_page_changes_nothing(http: aiohttp.ClientSession, origin: str) -> None:
    async with http.post(
        "/api/phones/ren/activation", json={"step": "terms"}, headers={"Origin": origin}
    ) as answer:
        assert answer.status == 403
    assert (await person(http, "ren"))["step"] == "terms"


@pytest.mark.parametrize("path", ["activation", "family"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"step":"real_name","name":"\xff"}',
        b'{"member":"\xff","relation":"child"}',
        b"\xff",
        b"",
        b'{"step":' + b"[" * 5000,
    ],
)
async def test_rubbish_is_a_malformed_request(http: aiohttp.ClientSession, path: str, body: bytes) -> None:
    async with http.post(f"/api/phones/ren/{path}", data=body) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "malformed")


async def test_a_picture_is_drawn_beside_the_loop(http: aiohttp.ClientSession) -> None:
    """The loop also serves the hub, and drawing takes some ten milliseconds."""
    with Workers() as workers:
        asyncio.get_running_loop().set_default_executor(workers)
        shown = await get(http, "api/phones/jia/code")
        before = workers.jobs
        async with http.get(shown["picture"]) as answer:
            assert answer.status == 200
        assert workers.jobs == before + 1


async def test_an_over_long_body_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/phones/ren/activation", data=b" " * 20_000) as answer:
        assert answer.status == 413
