"""The client asks instead of repeating: checked against a service on a Unix socket that behaves as badly as needed."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from terminal.shapes.service import StatusView
from terminal.shapes.settlements import EventView, SettlementView
from terminal.texts import Told
from yibao.client import CounterClient, CounterProblem, LineWish, NoAnswer, SaleWish, ServiceNotRunning

ID = "S" + "0" * 24
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def view(state: str, *, busy: bool = False, in_doubt: bool = False) -> SettlementView:
    """A sale as the service tells it, empty but for these."""
    empty: dict[str, Any] = {
        field.name: {str: "", int: 0, bool: False}.get(field.type, () if "tuple" in str(field.type) else None)
        for field in msgspec.structs.fields(SettlementView)
    }
    return SettlementView(**empty | {"id": ID, "state": state, "busy": busy, "in_doubt": in_doubt})


def told(value: Any) -> web.Response:
    """A good answer."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


async def vanish(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


class Service:
    """Takes every request; what it answers is set by the test."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.clients: list[str] = []
        self.answers: dict[tuple[str, str], list[Handler]] = {}

    def will(self, method: str, path: str, *answers: Handler | SettlementView) -> None:
        """Answer these in turn; the last one for ever."""
        self.answers[method, path] = [
            answer if callable(answer) else self._telling(answer) for answer in answers
        ]

    @staticmethod
    def _telling(value: SettlementView) -> Handler:
        async def answer(_: web.Request) -> web.StreamResponse:
            return told(value)

        return answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note the request and answer it."""
        self.asked.append((request.method, request.path))
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        self.clients.append(request.headers.get("X-Client", ""))
        left = self.answers[request.method, request.path]
        return await (left.pop(0) if len(left) > 1 else left[0])(request)


@contextlib.asynccontextmanager
async def serving(socket_path: Path) -> AsyncIterator[Service]:
    """A service on the socket."""
    found, app = Service(), web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(socket_path)).start()
    yield found
    await runner.cleanup()


@pytest_asyncio.fixture
async def service(socket_path: Path) -> AsyncIterator[Service]:
    """A service that is there from the beginning."""
    async with serving(socket_path) as found:
        yield found


@pytest.fixture
def socket_path() -> Path:
    """A path short enough for a Unix socket."""
    return Path(tempfile.mkdtemp(prefix="yb")) / "api.sock"


@pytest_asyncio.fixture
async def client(socket_path: Path) -> AsyncIterator[CounterClient]:
    """A client with little patience."""
    async with CounterClient(socket_path, name="test", answer_limit_s=5.0, patience_s=1.0) as found:
        yield found


async def test_a_confirmation_whose_answer_is_lost_is_asked_for_and_not_sent_again(
    service: Service, client: CounterClient
) -> None:
    service.will("POST", f"/sales/{ID}/confirm", vanish)
    service.will("GET", f"/sales/{ID}", view("SENDING", busy=True), view("CONFIRMED"))
    assert (await client.confirm(ID)).state == "CONFIRMED"
    assert service.asked == [
        ("POST", f"/sales/{ID}/confirm"),
        ("GET", f"/sales/{ID}"),
        ("GET", f"/sales/{ID}"),
    ]


async def test_an_opening_whose_answer_is_lost_is_repeated_under_the_same_key(
    service: Service, client: CounterClient
) -> None:
    service.will("POST", "/sales", vanish, view("DRAFT"))
    sale = await client.open_sale(SaleWish("1", (LineWish(barcode="6901234567892"),)))
    assert sale.id == ID
    assert len(service.keys) == 2
    assert service.keys[0] == service.keys[1] != ""
    assert set(service.clients) == {"test"}


async def test_the_same_rows_go_under_one_key_however_often_they_are_submitted(
    service: Service, client: CounterClient
) -> None:
    async def none(_: web.Request) -> web.StreamResponse:
        return web.json_response([])

    service.will("POST", "/submissions", vanish, none)
    for rows in ([{"fixmedins_bchno": "B1"}], [{"fixmedins_bchno": "B1"}], [{"fixmedins_bchno": "B2"}]):
        assert await client.submit("stock.delete", rows) == []
    repeated, same, again, other = service.keys
    assert repeated == same == again != other


async def test_two_openings_have_two_keys(service: Service, client: CounterClient) -> None:
    service.will("POST", "/sales", view("DRAFT"))
    await client.open_sale(SaleWish("1"))
    await client.open_sale(SaleWish("1"))
    assert service.keys[0] != service.keys[1]


async def test_the_patience_ends_with_the_word_that_nothing_is_known(
    service: Service, client: CounterClient
) -> None:
    service.will("POST", f"/sales/{ID}/cancel", vanish)
    service.will("GET", f"/sales/{ID}", vanish)
    with pytest.raises(NoAnswer) as caught:
        await client.cancel(ID, "test")
    assert caught.value.settlement_id == ID
    assert f"yibao status {ID}" in caught.value.en
    assert service.asked.count(("POST", f"/sales/{ID}/cancel")) == 1


async def test_an_answer_that_takes_too_long_is_asked_for(service: Service, socket_path: Path) -> None:
    never = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    service.will("POST", f"/sales/{ID}/confirm", silent)
    service.will("GET", f"/sales/{ID}", view("DOUBT", in_doubt=True))
    async with CounterClient(socket_path, answer_limit_s=0.05, patience_s=1.0) as client:
        assert (await client.confirm(ID)).in_doubt
    never.set()


async def test_without_a_service_nothing_was_sent_and_the_text_says_how_to_start_it(
    client: CounterClient, socket_path: Path
) -> None:
    with pytest.raises(ServiceNotRunning) as caught:
        await client.confirm(ID)
    assert str(socket_path) in caught.value.zh
    assert "yibao run" in caught.value.en


async def test_a_problem_of_the_service_keeps_its_code_and_both_texts(
    service: Service, client: CounterClient
) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "type": "urn:x",
                "title": "t",
                "status": 422,
                "code": "payment_code",
                "zh": "付款码",
                "en": "payment",
            },
            status=422,
        )

    service.will("POST", f"/sales/{ID}/medium", refuse)
    with pytest.raises(CounterProblem) as caught:
        await client.give_code(ID, "134567890123456789")
    found = caught.value
    assert (found.code, found.status, found.zh, found.en) == ("payment_code", 422, "付款码", "payment")


async def test_an_internal_error_of_the_service_is_told_without_its_body(
    service: Service, client: CounterClient
) -> None:
    async def fail(_: web.Request) -> web.StreamResponse:
        return web.Response(text="Traceback: secret", status=500)

    service.will("GET", f"/sales/{ID}", fail)
    with pytest.raises(CounterProblem) as caught:
        await client.sale(ID)
    assert caught.value.status == 500
    assert "secret" not in caught.value.en


async def test_a_name_is_resolved_by_id_by_number_of_today_and_by_receipt_number(
    service: Service, client: CounterClient
) -> None:
    row = {
        "id": ID, "sequence": 1, "receipt_number": "T01-20261122-1", "sale_number": "1", "business_date": "2026-11-22",
        "state": "CLOSED", "total_fen": 1, "changed_at": "", "doubt_since": "",
    }  # fmt: skip

    async def rows(request: web.Request) -> web.StreamResponse:
        number = request.query.get("sale_number")
        return web.json_response([row] if number in (None, "1") else [])

    service.will("GET", "/sales", rows)
    assert await client.resolve(ID) == ID
    assert service.asked == []
    assert await client.resolve("1") == ID
    assert await client.resolve("T01-20261122-1") == ID
    with pytest.raises(CounterProblem, match="no sale 2"):
        await client.resolve("2")


@pytest.mark.parametrize("name", ["", " ", "\t"])
async def test_no_name_is_no_sale_and_never_the_newest_one(
    service: Service, client: CounterClient, name: str
) -> None:
    """`yibao cancel "$ID"` of a script whose variable is empty must not cancel what somebody else has just sold."""
    with pytest.raises(CounterProblem) as refused:
        await client.resolve(name)
    assert refused.value.words.code == "no_sale_named"
    assert await client.find(name) is None
    assert service.asked == [], "nobody is asked for something without a name"


def _status(phase: str, reason: Told | None = None) -> Handler:
    found = StatusView(
        phase=phase, reason=reason, version="0", institution="P99990000001", institution_name="测试大药房一号店",
        till="T01", lane="1", profile="national", keys="unlocked", sign_in="signed_in", sign_in_reason="", doubts=0,
        devices=(),
    )  # fmt: skip

    async def answer(_: web.Request) -> web.StreamResponse:
        return told(found)

    return answer


async def test_a_starting_service_is_waited_for(service: Service, client: CounterClient) -> None:
    service.will("GET", "/status", _status("unlocking"), _status("recovering"), _status("ready"))
    assert (await client.wait_ready()).phase == "ready"


async def test_a_service_that_does_not_run_is_said_at_once(client: CounterClient) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(ServiceNotRunning):
            await client.wait_ready()


async def test_whoever_starts_the_service_waits_until_it_is_there(
    socket_path: Path, client: CounterClient
) -> None:
    waiting = asyncio.create_task(client.wait_ready(absent_s=10.0))
    with pytest.raises(ServiceNotRunning):
        await client.status()
    async with serving(socket_path) as service:
        service.will("GET", "/status", _status("ready"))
        assert (await waiting).phase == "ready"


async def test_a_service_that_has_failed_is_not_waited_for(service: Service, client: CounterClient) -> None:
    service.will("GET", "/status", _status("failed", Told("journal_failed", "账本", "journal")))
    with pytest.raises(CounterProblem, match="journal"):
        await client.wait_ready()


async def test_a_sale_is_followed_by_its_events_alone(service: Service, client: CounterClient) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        for number, name in enumerate(("", "another", ID), start=1):
            line = msgspec.json.encode(EventView(number, name, "x", None)) + b"\n"
            await answer.write(line[:7])
            await answer.write(line[7:])
        return answer

    service.will("GET", "/events", stream)
    service.will("GET", f"/sales/{ID}", view("DOUBT", in_doubt=True), view("REVERSED"))
    found = await client.wait_until(ID, lambda sale: not sale.in_doubt, 5.0)
    assert found.state == "REVERSED"
    assert [path for _, path in service.asked] == [f"/sales/{ID}", "/events", f"/sales/{ID}"]


async def test_what_was_known_last_is_returned_when_the_time_is_over(
    service: Service, client: CounterClient
) -> None:
    service.will("GET", "/events", vanish)
    service.will("GET", f"/sales/{ID}", view("DOUBT", in_doubt=True))
    assert (await client.wait_until(ID, lambda sale: not sale.in_doubt, 0.2)).state == "DOUBT"
