"""One POST: a whole answer, or the truth about its failure. Whatever happens, it is never sent twice."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from drivers.http.transport import MAX_BODY_BYTES, HttpTransport
from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer
from tests.drivers.http.wire_server import Behaviour, Exchange, WireServer
from tests.faults import fired

HEADERS = {"Content-Type": "application/json"}
BODY = '{"infno":"2102","input":"测试"}'.encode()
Post = Callable[[str], "asyncio.Future[RawAnswer]"]


@pytest.fixture
async def transports() -> AsyncIterator[list[HttpTransport]]:
    """Transports to be closed at the end."""
    opened: list[HttpTransport] = []
    yield opened
    for transport in opened:
        await transport.close()


async def post(
    transports: list[HttpTransport],
    url: str,
    path: str = "/hub",
    connect_s: float = 2.0,
    total_s: float = 5.0,
    tls: ssl.SSLContext | None = None,
) -> RawAnswer:
    """POST once over a transport of its own."""
    transport = HttpTransport(url, tls)
    transports.append(transport)
    return await transport.post(path, BODY, HEADERS, connect_s, total_s)


async def good(exchange: Exchange) -> None:
    """Answer as a server should."""
    await exchange.answer(b'{"infcode":0}')


@pytest.mark.parametrize(("alone", "connections"), [(False, 1), (True, 3)])
async def test_a_connection_carries_one_request_where_nothing_else_binds_the_answer(
    alone: bool, connections: int
) -> None:
    async with WireServer(good) as server:
        transport = HttpTransport(server.url, one_request_per_connection=alone)
        for _ in range(3):
            assert (await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)).status == 200
        assert server.connections == connections
        await transport.close()


# -- whole answers ---------------------------------------------------------------------------------


async def test_the_bytes_arrive_as_they_are_and_so_does_the_answer(transports: list[HttpTransport]) -> None:
    async with WireServer(good) as server:
        answer = await post(transports, server.url)
    assert answer == RawAnswer(200, b'{"infcode":0}', "application/json")
    (request,) = server.requests
    assert request.body == BODY
    assert request.head.startswith(b"POST /hub HTTP/1.1\r\n")
    lines = {
        line.partition(b":")[0].lower(): line.partition(b":")[2].strip()
        for line in request.head.split(b"\r\n")[1:]
    }
    assert lines[b"content-type"] == b"application/json"
    assert lines[b"accept-encoding"] == b"identity"
    assert b"user-agent" not in lines
    assert b"cookie" not in lines


@pytest.mark.parametrize(
    "status",
    [
        "401 Unauthorized",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "429 Too Many",
    ],
)
async def test_a_status_is_reported_and_not_judged(status: str, transports: list[HttpTransport]) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.answer(b"<html>", status)

    async with WireServer(behave) as server:
        answer = await post(transports, server.url)
    assert (answer.status, answer.body) == (int(status[:3]), b"<html>")
    assert len(server.requests) == 1


async def test_a_redirect_is_an_answer_and_is_not_followed(transports: list[HttpTransport]) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.answer(b"", "307 Temporary Redirect", "Location: /elsewhere\r\n")

    async with WireServer(behave) as server:
        answer = await post(transports, server.url)
    assert answer.status == 307
    assert [request.head.split(b" ")[1] for request in server.requests] == [b"/hub"]


async def test_cookies_are_not_kept(transports: list[HttpTransport]) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.answer(b"{}", headers="Set-Cookie: a=b; Path=/\r\n")

    async with WireServer(behave) as server:
        transport = HttpTransport(server.url)
        transports.append(transport)
        for _ in range(2):
            await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)
    assert b"cookie" not in server.requests[1].head.lower()


async def test_a_proxy_of_the_environment_is_not_used(
    transports: list[HttpTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with WireServer(good) as server:
        assert (await post(transports, server.url)).status == 200


async def test_an_answer_in_pieces_is_put_together(transports: list[HttpTransport]) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for piece in (b'5\r\n{"inf', b'\r\n8\r\ncode":0}\r\n', b"0\r\n\r\n"):
            await exchange.raw(piece)
            await asyncio.sleep(0)

    async with WireServer(behave) as server:
        assert (await post(transports, server.url)).body == b'{"infcode":0}'


async def test_the_largest_answer_is_taken_and_one_byte_more_is_not(transports: list[HttpTransport]) -> None:
    size = MAX_BODY_BYTES

    async def behave(exchange: Exchange) -> None:
        await exchange.answer(b"x" * size)

    async with WireServer(behave) as server:
        assert len((await post(transports, server.url)).body) == MAX_BODY_BYTES
        size += 1
        with pytest.raises(NoAnswer, match="too_large"):
            await post(transports, server.url)
    assert len(server.requests) == 2


async def test_the_servers_own_time_is_noted(transports: list[HttpTransport]) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.answer(b"{}", headers="Server-Timing: hub;dur=1.25\r\n")

    async with WireServer(behave) as server:
        await post(transports, server.url)
    assert transports[0].last_server_timing_ms == 1.25


# -- proved not sent -------------------------------------------------------------------------------


async def test_nobody_listens(transports: list[HttpTransport]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NotSent, match="refused"):
            await post(transports, url)


async def test_a_name_that_is_not_known(
    transports: list[HttpTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nobody)
    with pytest.raises(NotSent, match="name"):
        await post(transports, "https://hub.invalid", tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    fired("F50")


async def test_no_way_there(transports: list[HttpTransport], monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_route(*_: object, **__: object) -> object:
        raise OSError(113, "No route to host")

    async with WireServer(good) as server:
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", no_route)
        monkeypatch.setattr("aiohappyeyeballs.start_connection", no_route)
        with pytest.raises(NotSent, match="unreachable"):
            await post(transports, server.url)
    assert server.requests == []
    fired("F55")


async def test_a_server_that_lets_nobody_in_runs_into_the_connect_timeout(
    transports: list[HttpTransport],
) -> None:
    """Its queue of connections is full: the kernel drops every further one."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            with pytest.raises(NotSent, match="connect_timeout"):
                await post(transports, f"http://127.0.0.1:{address[1]}", connect_s=0.2)
        finally:
            for one in waiting:
                one.close()


def _certificate(folder: Path, days: int = 1, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A self-signed certificate for an address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test hub")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=10))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    certificate_path, key_path = folder / "certificate.pem", folder / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_path, key_path


def _serving(files: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def _trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    return context


async def test_a_server_whose_issuer_is_pinned_is_trusted(
    transports: list[HttpTransport], tmp_path: Path
) -> None:
    files = _certificate(tmp_path / "hub")
    async with WireServer(good, _serving(files)) as server:
        assert (await post(transports, server.url, tls=_trusting(files[0]))).status == 200


@pytest.mark.parametrize("wrong", ["another issuer", "expired", "another address"])
async def test_a_server_that_cannot_prove_itself_gets_nothing(
    wrong: str, transports: list[HttpTransport], tmp_path: Path
) -> None:
    """Fault F52: there is no way to insist."""
    files = _certificate(
        tmp_path / "hub",
        -1 if wrong == "expired" else 1,
        "127.0.0.2" if wrong == "another address" else "127.0.0.1",
    )
    trusted = _certificate(tmp_path / "other")[0] if wrong == "another issuer" else files[0]
    async with WireServer(good, _serving(files)) as server:
        with pytest.raises(NotSent, match="tls"):
            await post(transports, server.url, tls=_trusting(trusted))
    assert server.requests == []


async def test_a_server_that_does_not_speak_tls_gets_nothing(
    transports: list[HttpTransport], tmp_path: Path
) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        got.append(await reader.read())
        writer.close()

    got: list[bytes] = []
    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    trusted = _trusting(_certificate(tmp_path / "hub")[0])
    with pytest.raises(NotSent, match="tls"):
        await post(transports, f"https://127.0.0.1:{port}", tls=trusted)
    server.close()
    await server.wait_closed()
    assert not any(b"2102" in data for data in got)


# -- nobody knows ----------------------------------------------------------------------------------


async def _closes(exchange: Exchange) -> None:
    exchange.close()


async def _aborts(exchange: Exchange) -> None:
    exchange.abort()


async def _cuts_the_head(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.close()


async def _cuts_the_body(exchange: Exchange) -> None:
    await exchange.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"infcode":')
    exchange.close()


async def _cuts_a_chunk(exchange: Exchange) -> None:
    await exchange.raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"infcode":')
    exchange.close()


async def _speaks_something_else(exchange: Exchange) -> None:
    await exchange.raw(b"SSH-2.0-OpenSSH_9.2\r\n")
    exchange.close()


async def _packs(exchange: Exchange) -> None:
    await exchange.answer(b"\x1f\x8b\x08" + b"\0" * 20, headers="Content-Encoding: gzip\r\n")


async def _names_two_lengths(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")
    exchange.close()


async def _has_an_endless_head(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n")
    exchange.close()


async def _never_ends(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not exchange.writer.is_closing():
        await exchange.raw(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")


UNKNOWN: dict[str, tuple[Behaviour, str]] = {
    "closed before the answer": (_closes, "disconnected"),
    "broken off before the answer": (_aborts, "disconnected"),
    "closed in the head": (_cuts_the_head, "disconnected|broken"),
    "closed in the body": (_cuts_the_body, "broken"),
    "closed in a chunk": (_cuts_a_chunk, "broken"),
    "another protocol": (_speaks_something_else, "broken"),
    "packed although not asked for": (_packs, "broken"),
    "two lengths": (_names_two_lengths, "broken"),
    "an endless head": (_has_an_endless_head, "broken"),
    "an endless body": (_never_ends, "too_large"),
}


@pytest.mark.parametrize("what", UNKNOWN)
async def test_after_sending_every_failure_is_no_answer_and_nothing_is_repeated(
    what: str, transports: list[HttpTransport]
) -> None:
    behave, reason = UNKNOWN[what]
    async with WireServer(behave) as server:
        with pytest.raises(NoAnswer, match=reason):
            await post(transports, server.url)
        await asyncio.sleep(0.01)
    assert len(server.requests) == 1
    assert server.connections == 1


async def test_silence_ends_with_the_total_limit(transports: list[HttpTransport]) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.reader.read()

    async with WireServer(silent) as server:
        with pytest.raises(NoAnswer, match="timeout"):
            await post(transports, server.url, total_s=0.2)
    assert len(server.requests) == 1
    fired("F49")


async def test_an_answer_of_one_byte_at_a_time_ends_with_the_total_limit(
    transports: list[HttpTransport],
) -> None:
    """Fault F49: a limit on each read would wait for ever."""

    async def drips(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not exchange.writer.is_closing():
            await exchange.raw(b"x")
            await asyncio.sleep(0.02)

    async with WireServer(drips) as server:
        with pytest.raises(NoAnswer, match="timeout"):
            await post(transports, server.url, total_s=0.2)
    assert len(server.requests) == 1
    fired("F49")


# -- connections that are kept ---------------------------------------------------------------------


async def test_messages_of_a_sale_share_a_connection(transports: list[HttpTransport]) -> None:
    async with WireServer(good) as server:
        transport = HttpTransport(server.url)
        transports.append(transport)
        for _ in range(3):
            await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)
    assert (len(server.requests), server.connections) == (3, 1)


async def test_a_kept_connection_that_dies_under_a_message_is_a_doubt_and_not_a_second_message(
    transports: list[HttpTransport],
) -> None:
    """The server takes the second request from the kept connection and closes without a word."""

    async def behave(exchange: Exchange) -> None:
        if len([one for one in server.requests if one.connection == exchange.connection]) == 1:
            await good(exchange)
        else:
            exchange.abort()

    async with WireServer(behave) as server:
        transport = HttpTransport(server.url)
        transports.append(transport)
        await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)
        with pytest.raises(NoAnswer, match="disconnected"):
            await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)
        await asyncio.sleep(0.01)
        assert (len(server.requests), server.connections) == (2, 1), (
            "it was not sent again over a new connection"
        )
        assert (await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)).status == 200
    assert (len(server.requests), server.connections) == (3, 2)


async def test_a_kept_connection_that_the_server_has_closed_is_not_used(
    transports: list[HttpTransport],
) -> None:
    async def behave(exchange: Exchange) -> None:
        await good(exchange)
        exchange.close()

    async with WireServer(behave) as server:
        transport = HttpTransport(server.url)
        transports.append(transport)
        for _ in range(3):
            assert (await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)).status == 200
            await asyncio.sleep(0.01)
    assert (len(server.requests), server.connections) == (3, 3)


async def test_after_a_failure_the_next_message_goes_over_a_new_connection(
    transports: list[HttpTransport],
) -> None:
    async def behave(exchange: Exchange) -> None:
        await (_cuts_the_body if len(server.requests) == 1 else good)(exchange)

    async with WireServer(behave) as server:
        transport = HttpTransport(server.url)
        transports.append(transport)
        with pytest.raises(NoAnswer):
            await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)
        assert (await transport.post("/hub", BODY, HEADERS, 2.0, 5.0)).body == b'{"infcode":0}'


# -- what is refused at once -----------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://hub.example:80", "http://10.0.0.1", "http://127.0.0.1.example"])
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="plain http"):
        HttpTransport(url)


def test_https_without_a_pinned_issuer_is_refused() -> None:
    with pytest.raises(ValueError, match="issuing authority"):
        HttpTransport("https://hub.example")


@pytest.mark.parametrize(
    "path", ["//127.0.0.1:{port}/hub", "http://127.0.0.1:{port}/hub", "//evil/hub", "//[/hub"]
)
async def test_a_path_that_leads_to_another_server_is_never_sent_to(
    transports: list[HttpTransport], path: str
) -> None:
    async with WireServer(good) as other, WireServer(good) as server:
        with pytest.raises(NotSent, match="no_path"):
            await post(transports, server.url, path.format(port=URL(other.url).port))
    assert (server.requests, other.requests) == ([], [])


async def test_closing_twice_or_unused_is_harmless() -> None:
    transport = HttpTransport("http://127.0.0.1:1")
    await transport.close()
    await transport.close()


def test_the_library_still_has_the_failures_we_tell_apart() -> None:
    """The order of the except clauses hangs on this family tree."""
    assert issubclass(aiohttp.ClientConnectorDNSError, aiohttp.ClientConnectorError)
    assert issubclass(aiohttp.ConnectionTimeoutError, TimeoutError)
    assert not issubclass(aiohttp.ServerDisconnectedError, aiohttp.ClientConnectorError)
