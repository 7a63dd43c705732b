"""A broker of our own per test, and terminals that connect to it: shared by all tests of the fleet channel."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from drivers.mqtt.address import BrokerAddress, Identity
from drivers.mqtt.transport import MqttTransport
from protocols.fleet.topics import FLEET_SERVER, Session, broker_name, subscriptions
from simulators.fleet.broker import MosquittoBroker
from simulators.held_port import HeldPort
from tests.real_parts import require_real

A = "P99990000001-01"
B = "P99990000001-02"
PASSWORD = "one-password-for-all-in-this-test"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[MosquittoBroker]:
    """A running broker that knows terminals A and B and the fleet server."""
    require_real("mosquitto")
    names = [broker_name(terminal, session) for terminal in (A, B) for session in Session]
    running = MosquittoBroker(tmp_path / "broker", dict.fromkeys([*names, FLEET_SERVER], PASSWORD))
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def write_password(path: Path, password: str, mode: int = 0o600) -> Path:
    """Keep a password as a terminal does."""
    path.write_text(password + "\n", encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """The right password."""
    return write_password(tmp_path / "password", PASSWORD)


@pytest.fixture
def wrong_password_file(tmp_path: Path) -> Path:
    """A password the broker does not know."""
    return write_password(tmp_path / "wrong", "wrong")


@pytest.fixture
def open_password_file(tmp_path: Path) -> Path:
    """The right password in a file that everybody may read."""
    return write_password(tmp_path / "open", PASSWORD, 0o644)


def evidence_session(
    broker: MosquittoBroker, password_file: Path, terminal: str = A, answer_timeout_s: float = 10.0
) -> MqttTransport:
    """The persistent session of a terminal."""
    return MqttTransport(
        BrokerAddress.parse(broker.url),
        Identity(terminal, password_file),
        subscriptions(terminal, Session.EVIDENCE),
        persistent=True,
        answer_timeout_s=answer_timeout_s,
    )


def fleet_server(
    broker: MosquittoBroker, password_file: Path, *topics: str, name: str = FLEET_SERVER
) -> MqttTransport:
    """A bare far end that reads `topics`."""
    return MqttTransport(
        BrokerAddress.parse(broker.url), Identity(name, password_file), topics, persistent=False
    )


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port of this machine on which nobody listens, nor anybody else will."""
    place = HeldPort().take()
    yield place.port
    place.release()
