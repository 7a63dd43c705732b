"""Looking whether a server is there: every part of the way, and every way it can fail."""

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.http.reach import reach
from tests.drivers.mqtt.authority import Authority

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free port that treats every connection by `serve` and closes it."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def answering(answer: bytes) -> Serve:
    """Reads a question and answers these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return serve


GOOD = b"HTTP/1.1 405 Method Not Allowed\r\nDate: Mon, 23 Nov 2026 01:00:05 GMT\r\nContent-Length: 0\r\n\r\n"


async def test_a_server_that_answers_is_reached_whatever_it_answers() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(GOOD)
        await writer.drain()

    async with server(serve) as port:
        found = await reach(f"http://127.0.0.1:{port}", "/fsi/api")
    assert found.ok
    assert found.address == f"127.0.0.1:{port}"
    assert found.status == 405
    assert found.server_time == dt.datetime(2026, 11, 23, 1, 0, 5, tzinfo=dt.UTC)
    assert found.connect_ms is not None
    assert found.answer_ms is not None
    assert found.tls_ms is None
    assert asked == [f"GET /fsi/api HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()]


async def test_nobody_listening_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets the port meanwhile
        found = await reach(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert (found.reason, found.connect_ms) == ("refused", None)
    assert not found.ok


async def test_an_unknown_name_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio, "open_connection", unknown)
    assert (await reach("https://hub.invalid")).reason == "name"


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 2", b"HTTP/1.1 two\r\n\r\n", b"x" * 40_000],
    ids=["closed", "other protocol", "cut", "no status", "endless"],
)
async def test_what_is_no_http_answer_is_broken(answer: bytes) -> None:
    async with server(answering(answer)) as port:
        found = await reach(f"http://127.0.0.1:{port}")
    assert found.reason == "broken"
    assert found.connect_ms is not None


async def test_a_server_that_stays_silent_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(silent) as port:
        found = await reach(f"http://127.0.0.1:{port}", answer_limit_s=0.05)
    assert found.reason == "timeout"


async def test_a_date_that_is_none_is_no_time() -> None:
    async with server(answering(b"HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\n")) as port:
        found = await reach(f"http://127.0.0.1:{port}")
    assert found.ok
    assert found.server_time is None


async def test_a_plain_line_to_a_broker_is_only_connected_to() -> None:
    async def no_question(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""

    async with server(no_question) as port:
        found = await reach(f"mqtt://127.0.0.1:{port}")
    assert found.ok
    assert found.status is None


def trusting(authority: Authority) -> ssl.SSLContext:
    """A client that trusts one authority."""
    return ssl.create_default_context(cafile=str(authority.file))


def serving(certificate: Path) -> ssl.SSLContext:
    """A server with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_tls_is_made_and_timed_before_the_question(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with server(answering(GOOD), serving(authority.issue("hub", "hub.pem"))) as port:
        found = await reach(f"https://127.0.0.1:{port}", tls=trusting(authority))
    assert found.ok
    assert found.tls_ms is not None
    assert found.status == 405


@pytest.mark.parametrize(("days", "host"), [(10, "127.0.0.2"), (-1, "127.0.0.1")], ids=["name", "expired"])
async def test_a_certificate_that_does_not_fit_is_told_with_its_reason(
    days: int, host: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    async with server(answering(GOOD), serving(authority.issue("hub", "hub.pem", days, host))) as port:
        found = await reach(f"https://127.0.0.1:{port}", tls=trusting(authority))
    assert found.reason == "tls"
    assert "expired" in found.detail or "mismatch" in found.detail
    assert found.status is None


async def test_a_certificate_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "another one")
    async with server(answering(GOOD), serving(theirs.issue("hub", "hub.pem"))) as port:
        found = await reach(f"https://127.0.0.1:{port}", tls=trusting(ours))
    assert found.reason == "tls"


async def test_a_server_without_tls_is_told_as_one(tmp_path: Path) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await writer.drain()

    async with server(plain) as port:
        found = await reach(f"https://127.0.0.1:{port}", tls=trusting(Authority(tmp_path)))
    assert found.reason == "tls"
