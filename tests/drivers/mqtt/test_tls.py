"""TLS with the broker: what is accepted, and every refusal told apart."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from drivers.interfaces.fleet_transport import FleetProblem, FleetUnavailable
from drivers.mqtt.address import BrokerAddress, Identity
from drivers.mqtt.transport import MqttTransport
from protocols.fleet.topics import EVIDENCE
from simulators.fleet.broker import MosquittoBroker
from tests.drivers.mqtt.authority import Authority
from tests.drivers.mqtt.relay import far_end
from tests.fleet_broker import PASSWORD, A
from tests.real_parts import require_real

Start = Callable[[str], Awaitable[MosquittoBroker]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The fleet's own authority."""
    return Authority(tmp_path)


@pytest.fixture
async def start(tmp_path: Path, authority: Authority) -> AsyncIterator[Start]:
    """Start a broker with the certificate in a file of the test's folder."""
    require_real("mosquitto")
    running: list[MosquittoBroker] = []

    async def begin(certificate: str) -> MosquittoBroker:
        def settings(folder: Path, port: int) -> str:
            return (
                f"listener {port} 127.0.0.1\nallow_anonymous false\nacl_file {folder}/terminals.acl\n"
                f"cafile {authority.file}\ncertfile {tmp_path / certificate}\nkeyfile {tmp_path / certificate}\n"
                "require_certificate true\nuse_identity_as_username true\nuse_username_as_clientid true\n"
            )

        broker = MosquittoBroker(tmp_path / "broker", {A: PASSWORD}, settings)
        running.append(broker)
        await broker.start()
        return broker

    yield begin
    for broker in running:
        await broker.stop()


def terminal(broker: MosquittoBroker, authority: Path, certificate: Path) -> MqttTransport:
    """A terminal that proves itself by its certificate."""
    return MqttTransport(
        BrokerAddress("127.0.0.1", broker.port, tls=True),
        Identity(A, certificate=certificate),
        (),
        persistent=True,
        authority=authority,
    )


async def problem_of(transport: MqttTransport) -> FleetProblem:
    """Why it cannot connect."""
    with pytest.raises(FleetUnavailable) as failed:
        async with asyncio.timeout(5), transport.connect():
            pytest.fail("it connected")
    return failed.value.problem


async def test_a_terminal_is_known_by_its_certificate(start: Start, authority: Authority) -> None:
    """The common name is the user name: it may write under its own name."""
    authority.issue("broker", "broker.pem")
    broker = await start("broker.pem")
    own = authority.issue(A, "terminal.pem")
    async with terminal(broker, authority.file, own).connect() as near:
        await near.publish(EVIDENCE.topic(A), b"mine")


async def test_an_expired_certificate_of_the_broker(start: Start, authority: Authority) -> None:
    """Told as such: the technician looks at dates, not at cables."""
    authority.issue("broker", "broker.pem", days=-1)
    broker = await start("broker.pem")
    own = authority.issue(A, "terminal.pem")
    problem = await problem_of(terminal(broker, authority.file, own))
    assert problem is FleetProblem.CERTIFICATE_EXPIRED
    assert problem.permanent


async def test_a_certificate_of_another_authority(start: Start, authority: Authority, tmp_path: Path) -> None:
    """A broker that somebody else set up is not talked to."""
    authority.issue("broker", "broker.pem")
    broker = await start("broker.pem")
    stranger = Authority(tmp_path, "stranger")
    own = authority.issue(A, "terminal.pem")
    assert await problem_of(terminal(broker, stranger.file, own)) is FleetProblem.CERTIFICATE_UNTRUSTED


async def test_a_certificate_for_another_address(start: Start, authority: Authority) -> None:
    """The name is always checked."""
    authority.issue("broker", "broker.pem", host="192.0.2.1")
    broker = await start("broker.pem")
    own = authority.issue(A, "terminal.pem")
    assert await problem_of(terminal(broker, authority.file, own)) is FleetProblem.CERTIFICATE_NAME


async def test_our_own_expired_certificate_is_said_before_connecting(
    start: Start, authority: Authority
) -> None:
    """A broker only cuts the line on it; the file knows better."""
    authority.issue("broker", "broker.pem")
    broker = await start("broker.pem")
    own = authority.issue(A, "terminal.pem", days=-1)
    assert await problem_of(terminal(broker, authority.file, own)) is FleetProblem.OWN_CERTIFICATE_EXPIRED


async def test_files_that_are_no_certificates_are_named(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    """Missing, and not PEM."""
    authority.issue("broker", "broker.pem")
    broker = await start("broker.pem")
    own = authority.issue(A, "terminal.pem")
    for transport in (
        terminal(broker, tmp_path / "missing.pem", own),
        terminal(broker, authority.file, tmp_path / "missing.pem"),
        terminal(broker, broker.log, own),
    ):
        assert await problem_of(transport) is FleetProblem.FILES


async def test_a_terminal_of_another_authority_is_cut_off(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    """Under TLS 1.3 the refusal comes after the handshake, as a line that ends."""
    authority.issue("broker", "broker.pem")
    broker = await start("broker.pem")
    stranger = Authority(tmp_path, "stranger").issue(A, "terminal.pem")
    assert await problem_of(terminal(broker, authority.file, stranger)) in (
        FleetProblem.LOST,
        FleetProblem.TLS,
    )


async def test_a_broker_without_tls_is_a_tls_problem(authority: Authority, tmp_path: Path) -> None:
    """The handshake is answered with something else."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x00" * 4)
        await reader.read()

    async with far_end(answer) as port:
        transport = MqttTransport(
            BrokerAddress("127.0.0.1", port, tls=True),
            Identity(A, certificate=authority.issue(A, "terminal.pem")),
            (),
            persistent=True,
            authority=authority.file,
        )
        assert await problem_of(transport) is FleetProblem.TLS
