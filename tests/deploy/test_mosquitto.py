"""The broker's settings that we ship, under attack: one terminal against another, strangers, odd names."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest

from drivers.interfaces.fleet_transport import FleetMessage, FleetProblem, FleetUnavailable
from drivers.mqtt.address import BrokerAddress, Identity
from drivers.mqtt.tls import client_context
from drivers.mqtt.transport import MqttTransport
from protocols.fleet.topics import (
    CHANNELS,
    COMMAND,
    FLEET_SERVER,
    NOTICE,
    PRESENCE,
    Session,
    Side,
    broker_name,
)
from simulators.fleet.broker import MosquittoBroker
from tests.drivers.mqtt.authority import Authority
from tests.fleet_broker import PASSWORD, A, B, write_password
from tests.real_parts import require_real

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
ODD_NAMES = ("+", "#", f"{A}/+", "+.commands")


class Fleet:
    """A broker with the shipped settings, and everybody's way to it."""

    def __init__(self, folder: Path, settings: str, names: tuple[str, ...]) -> None:
        self._folder = folder
        self._shipped = (DEPLOY / settings).read_text(encoding="utf-8")
        self._by_certificate = "require_certificate" in self._shipped
        self.authority = Authority(folder)
        self._broker_certificate = self.authority.issue("broker", "broker.pem")
        self._password_file = write_password(folder / "password", PASSWORD)
        self._certificates = {
            name: self.authority.issue(name, f"client-{number}.pem") for number, name in enumerate(names)
        }
        self.broker = MosquittoBroker(folder / "broker", dict.fromkeys(names, PASSWORD), self._settings)

    def _settings(self, folder: Path, port: int) -> str:
        """The shipped file with nothing changed but paths and the port."""
        for source, name in (
            (self._broker_certificate, "broker.pem"), (self._broker_certificate, "broker.key"),
            (self.authority.file, "terminals-ca.pem"), (DEPLOY / "terminals.acl", "terminals.acl"),
        ):  # fmt: skip
            shutil.copyfile(source, folder / name)
        return (
            self._shipped.replace("/etc/mosquitto/yibao", str(folder))
            .replace("/var/lib/mosquitto", str(folder))
            .replace("listener 8883", f"listener {port} 127.0.0.1")
        )

    def client(self, name: str, *topics: str) -> MqttTransport:
        """A connection of `name`, with whatever proof the broker asks for."""
        return MqttTransport(
            BrokerAddress("127.0.0.1", self.broker.port, True),
            Identity(
                name,
                None if self._by_certificate else self._password_file,
                self._certificates.get(name) if self._by_certificate else None,
            ),
            topics,
            persistent=False,
            authority=self.authority.file,
            answer_timeout_s=5.0,
        )

    async def under_another_client_id(self, name: str, client_id: str) -> aiomqtt.Client:
        """A client that proves one name and calls itself another."""
        certificate = self._certificates[name] if self._by_certificate else None
        tls = await asyncio.to_thread(client_context, self.authority.file, certificate)
        return aiomqtt.Client(
            "127.0.0.1", self.broker.port, identifier=client_id, protocol=aiomqtt.ProtocolVersion.V5,
            username=None if self._by_certificate else name, password=None if self._by_certificate else PASSWORD,
            tls_context=tls,
        )  # fmt: skip


def _everybody() -> tuple[str, ...]:
    names = [broker_name(terminal, session) for terminal in (A, B) for session in Session]
    return (*names, FLEET_SERVER, *ODD_NAMES)


@pytest.fixture(params=["mosquitto.conf", "mosquitto-certificates.conf"])
async def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Fleet]:
    """The fleet with each of the two shipped settings."""
    require_real("mosquitto")
    made = await asyncio.to_thread(Fleet, tmp_path, request.param, _everybody())
    await made.broker.start()
    yield made
    await made.broker.stop()


async def refused_to_publish(client: MqttTransport, topic: str) -> bool:
    """Whether the broker says no."""
    async with client.connect() as line:
        try:
            await line.publish(topic, b"x")
        except FleetUnavailable as refused:
            return refused.problem is FleetProblem.NOT_AUTHORISED
    return False


async def next_message(messages: AsyncIterator[FleetMessage]) -> FleetMessage:
    """The next one."""
    async with asyncio.timeout(10):
        return await anext(messages)


async def test_a_terminal_writes_under_its_own_name_and_nowhere_else(fleet: Fleet) -> None:
    """T41: every channel, as sender and as receiver, from both of B's names."""
    for channel in CHANNELS:
        own = fleet.client(broker_name(B, channel.session))
        may = channel.writer is Side.TERMINAL
        assert await refused_to_publish(own, channel.topic(B)) is not may, channel.name
        if "{terminal}" in channel.address:
            for session in Session:
                assert await refused_to_publish(fleet.client(broker_name(B, session)), channel.topic(A)), (
                    channel.name
                )


async def test_the_fleet_server_writes_what_is_its_own_and_cannot_speak_as_a_terminal(fleet: Fleet) -> None:
    """Presence and evidence are the terminals'."""
    for channel in CHANNELS:
        by_server = channel.writer is Side.FLEET
        assert await refused_to_publish(fleet.client(FLEET_SERVER), channel.topic(A)) is not by_server, (
            channel.name
        )


@pytest.mark.parametrize("session", Session)
async def test_a_terminal_hears_nothing_that_is_not_for_it(fleet: Fleet, session: Session) -> None:
    """B subscribes to A's topics and to wildcards; of all that A gets and says, B sees only what is for B."""
    name = broker_name(B, session)
    wishes = ("#", "+/+/+/+", "yibao/v1/+/command", "$SYS/#", *(channel.topic(A) for channel in CHANNELS))
    async with fleet.client(A).connect() as victim:
        await victim.publish(PRESENCE.topic(A), b"retained before B came", retain=True)
    async with (
        fleet.client(FLEET_SERVER).connect() as server,
        fleet.client(name, *wishes).connect() as attacker,
    ):
        for topic in (NOTICE.topic(A), COMMAND.topic(A)):
            await server.publish(topic, b"for A")
        async with fleet.client(A).connect() as victim:
            await victim.publish(PRESENCE.topic(A), b"of A", retain=True)
        own = (COMMAND if session is Session.COMMANDS else NOTICE).topic(B)
        await server.publish(own, b"for B")
        assert await next_message(attacker.messages()) == FleetMessage(own, b"for B")


async def test_a_will_cannot_speak_for_another_terminal(fleet: Fleet) -> None:
    """B dies with A's presence as its will: nobody hears it."""
    async with fleet.client(FLEET_SERVER, "yibao/v1/+/presence").connect() as server:
        heard = server.messages()
        will = FleetMessage(PRESENCE.topic(A), b"A is gone", retained=True)
        async with (
            fleet.client(B).connect(will),
            fleet.client(B).connect(),
        ):  # the second of one name ends the first
            pass
        async with fleet.client(B).connect() as line:
            await line.publish(PRESENCE.topic(B), b"B is here")
        assert await next_message(heard) == FleetMessage(PRESENCE.topic(B), b"B is here")


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_names_that_are_wildcards_get_nothing(fleet: Fleet, name: str) -> None:
    """Even if somebody enrolled them at the broker: they neither write nor hear."""
    assert await _shut_out(fleet.client(name), PRESENCE.topic(A))
    with suppress(FleetUnavailable):  # a broker that does not even let it subscribe is as good
        async with fleet.client(name, "yibao/v1/all/notice_to_all", NOTICE.topic(A), "#").connect() as line:
            async with fleet.client(FLEET_SERVER).connect() as server:
                await server.publish(NOTICE.topic(A), b"for A")
                await server.publish("yibao/v1/all/notice_to_all", b"for all")
            # The broker's answer to this comes behind whatever it had for us before.
            with pytest.raises(FleetUnavailable):
                await line.publish(PRESENCE.topic(A), b"x")
            hearing = asyncio.ensure_future(next_message(line.messages()))
            await asyncio.wait({hearing}, timeout=0.02)
            assert not hearing.done()
            hearing.cancel()


async def _shut_out(client: MqttTransport, topic: str) -> bool:
    """Whether the broker takes nothing from it, by refusing the message or the client."""
    try:
        return await refused_to_publish(client, topic)
    except FleetUnavailable as refused:
        return refused.problem.permanent


async def test_another_terminals_client_id_is_worth_nothing(fleet: Fleet) -> None:
    """The broker replaces the client id by the proved name: A stays connected while B calls itself A."""
    attacker = await fleet.under_another_client_id(B, A)
    async with fleet.client(A, NOTICE.topic(A)).connect() as victim, attacker:
        async with fleet.client(FLEET_SERVER).connect() as server:
            await server.publish(NOTICE.topic(A), b"still here")
        assert await next_message(victim.messages()) == FleetMessage(NOTICE.topic(A), b"still here")


async def test_strangers_and_plain_connections_stay_outside(fleet: Fleet, tmp_path: Path) -> None:
    """No proof, a foreign certificate or a wrong password, no TLS."""
    foreign = await asyncio.to_thread(Authority, tmp_path, "stranger")
    certificate = await asyncio.to_thread(foreign.issue, A, "stranger-client.pem")
    wrong = await asyncio.to_thread(write_password, tmp_path / "wrong", "wrong")
    for address, identity in (
        (BrokerAddress("127.0.0.1", fleet.broker.port, True), Identity(A)),
        (BrokerAddress("127.0.0.1", fleet.broker.port, True), Identity(A, wrong, certificate)),
        (BrokerAddress("127.0.0.1", fleet.broker.port, False), Identity(A, wrong)),
    ):
        stranger = MqttTransport(
            address, identity, (), persistent=False, authority=fleet.authority.file, answer_timeout_s=2.0
        )
        with pytest.raises(FleetUnavailable):
            async with stranger.connect():
                pytest.fail("it connected")
