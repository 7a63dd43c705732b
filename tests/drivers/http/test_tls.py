"""F52, F19: whoever cannot prove to be the server gets not one byte of a request, and there is no way round it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from drivers.http.reach import reach
from drivers.http.tls import TrustUnusable, client_context
from drivers.http.transport import HttpTransport
from drivers.interfaces.hub_transport import NotSent, RawAnswer
from simulators.certificates import SimulatedAuthority, server_context
from tests.faults import fired

pytestmark = pytest.mark.blocking_allowed("the test itself writes certificates and reads them")

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
BODY = b'{"infno":"2102"}'


class Server:
    """A server that keeps every byte that came through its TLS."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request with an empty object."""
        self.connections += 1
        try:
            while piece := await reader.read(65536):
                self.received += piece
                if self.received.endswith(BODY):
                    writer.write(ANSWER)
        finally:
            writer.close()


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[Server]:
    """A server behind `context` on a free port."""
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()


async def ask(url: str, trust: ssl.SSLContext, connect_limit_s: float = 5.0) -> RawAnswer:
    """Send one request over a transport of its own."""
    transport = HttpTransport(url, trust)
    try:
        return await transport.post("/", BODY, {"Content-Type": "application/json"}, connect_limit_s, 10.0)
    finally:
        await transport.close()


async def assert_refused(context: ssl.SSLContext, trust: ssl.SSLContext) -> str:
    """The request is proved not sent, the server has seen none of it; return what the doctor would say."""
    async with serving(context) as server:
        url = f"https://127.0.0.1:{server.port}"
        with pytest.raises(NotSent) as refused:
            await ask(url, trust)
        assert refused.value.reason == "tls"
        found = await reach(url, tls=trust)
        assert (found.reason, found.status) == ("tls", None)
        assert (server.connections, bytes(server.received)) == (0, b"")
        fired("F52", 2)
        return found.detail


@pytest.fixture
def authority(tmp_path: Path) -> SimulatedAuthority:
    return SimulatedAuthority(tmp_path)


async def test_the_server_that_our_authority_vouches_for_is_asked(authority: SimulatedAuthority) -> None:
    async with serving(server_context(authority.issue())) as server:
        for host in ("127.0.0.1", "localhost"):
            answer = await ask(f"https://{host}:{server.port}", client_context(authority.file))
            assert (answer.status, answer.body) == (200, b"{}")
    assert server.received.count(BODY) == 2


async def test_an_expired_certificate_is_refused(authority: SimulatedAuthority) -> None:
    server = server_context(authority.issue(from_days=-20, until_days=-1))
    assert "expired" in await assert_refused(server, client_context(authority.file))


async def test_a_certificate_that_is_not_valid_yet_is_refused(authority: SimulatedAuthority) -> None:
    server = server_context(authority.issue(from_days=1))
    assert "not yet valid" in await assert_refused(server, client_context(authority.file))


@pytest.mark.parametrize("hosts", [("127.0.0.2",), ("hub.example",)], ids=["address", "name"])
async def test_a_certificate_for_another_name_is_refused(
    hosts: tuple[str, ...], authority: SimulatedAuthority
) -> None:
    server = server_context(authority.issue(hosts=hosts))
    assert "mismatch" in await assert_refused(server, client_context(authority.file))


async def test_a_self_signed_certificate_is_refused(authority: SimulatedAuthority) -> None:
    server = server_context(authority.issue_self_signed())
    assert "self-signed" in await assert_refused(server, client_context(authority.file))


async def test_a_certificate_of_another_authority_is_refused(
    authority: SimulatedAuthority, tmp_path: Path
) -> None:
    """F19, a forged hub: right name, right dates, an authority of its own that carries the same name as ours."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    server = server_context(SimulatedAuthority(elsewhere).issue())
    assert "signature failure" in await assert_refused(server, client_context(authority.file))


async def test_an_authority_of_the_machine_is_not_ours(
    authority: SimulatedAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may put an authority into the machine's own list must not become the hub by it."""
    theirs = SimulatedAuthority(tmp_path, "theirs")
    monkeypatch.setenv("SSL_CERT_FILE", str(theirs.file))
    await assert_refused(server_context(theirs.issue()), client_context(authority.file))


def only_tls_1_1(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let a context speak nothing newer than TLS 1.1, which the library has to be talked into."""
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_an_old_version_of_tls_is_refused(authority: SimulatedAuthority) -> None:
    old = only_tls_1_1(server_context(authority.issue()))
    async with serving(old) as server:  # it works, for whoever lets it
        lenient = only_tls_1_1(client_context(authority.file))
        assert (await ask(f"https://127.0.0.1:{server.port}", lenient)).status == 200
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server_end = asyncio.ensure_future(asyncio.to_thread(shake_hands, listening, old))
        with pytest.raises(NotSent) as refused:
            await ask(f"https://127.0.0.1:{listening.getsockname()[1]}", client_context(authority.file))
        assert refused.value.reason == "tls"
        assert await server_end == "UNSUPPORTED_PROTOCOL"
        fired("F52")


def shake_hands(listening: socket.socket, context: ssl.SSLContext) -> str:
    """Try one handshake and say why it failed. Not asyncio's server: that one cuts the line before its alert is out."""
    listening.settimeout(10)
    line, _ = listening.accept()
    with line:
        line.settimeout(10)
        try:
            context.wrap_socket(line, server_side=True).close()
        except ssl.SSLError as failure:
            return failure.reason
    return ""


async def test_a_server_that_speaks_no_tls_is_refused(authority: SimulatedAuthority) -> None:
    async with serving(None) as server:
        # It waits for a request that never comes: only the limit for connecting ends this.
        with pytest.raises(NotSent) as refused:
            await ask(f"https://127.0.0.1:{server.port}", client_context(authority.file), 0.2)
    assert refused.value.reason == "connect_timeout"
    assert BODY not in server.received
    fired("F52")


async def test_a_revoked_certificate_is_refused_and_another_one_is_not(authority: SimulatedAuthority) -> None:
    revoked, good = authority.issue("revoked.pem"), authority.issue("good.pem")
    trust = client_context(authority.revocation_list(revoked))
    assert "revoked" in await assert_refused(server_context(revoked), trust)
    async with serving(server_context(good)) as server:
        assert (await ask(f"https://127.0.0.1:{server.port}", trust)).status == 200


async def test_an_outdated_revocation_list_proves_nothing(authority: SimulatedAuthority) -> None:
    trust = client_context(authority.revocation_list(until_days=-1))
    assert "CRL" in await assert_refused(server_context(authority.issue()), trust)


async def test_an_issuing_authority_is_trusted_without_what_stands_above_it(tmp_path: Path) -> None:
    """The file names who issues the hub's certificate; nobody above may issue another one."""
    root = SimulatedAuthority(tmp_path, "root")
    child = SimulatedAuthority(tmp_path, "child", issuer=root)
    trust = client_context(child.file)
    async with serving(server_context(child.issue())) as server:
        assert (await ask(f"https://127.0.0.1:{server.port}", trust)).status == 200
    await assert_refused(server_context(root.issue()), trust)


def test_a_servers_own_certificate_is_no_authority(authority: SimulatedAuthority, tmp_path: Path) -> None:
    server = x509.load_pem_x509_certificate(authority.issue().read_bytes())
    file = tmp_path / "pinned.pem"
    file.write_bytes(authority.file.read_bytes() + server.public_bytes(serialization.Encoding.PEM))
    with pytest.raises(TrustUnusable, match=r"pinned\.pem.*not an authority's"):
        client_context(file)


@pytest.mark.parametrize(
    "content", [None, b"", b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_holds_no_authority_is_refused_by_name(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TrustUnusable, match=r"ca\.pem"):
        client_context(file)


def test_the_context_has_no_loose_end(authority: SimulatedAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(authority.file.with_name("keys.log")))
    context = client_context(authority.file)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1
    assert context.keylog_filename is None
