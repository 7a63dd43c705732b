"""The transport against a real mosquitto, and against far ends that misbehave."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.interfaces.fleet_transport import FleetMessage, FleetProblem, FleetUnavailable
from drivers.mqtt.address import BrokerAddress, Identity
from drivers.mqtt.client import Client
from drivers.mqtt.transport import MqttTransport
from protocols.fleet.topics import EVIDENCE, NOTICE, PRESENCE
from simulators.fleet.broker import MosquittoBroker
from tests.drivers.mqtt.relay import Relay, far_end
from tests.fleet_broker import A, B, evidence_session, fleet_server

LIMIT_S = 10.0


async def failure_of(transport: MqttTransport) -> FleetUnavailable:
    """Why `transport` cannot connect."""
    with pytest.raises(FleetUnavailable) as failed:
        async with asyncio.timeout(LIMIT_S), transport.connect():
            pytest.fail("it connected")
    return failed.value


def bare(port: int, password_file: Path, answer_timeout_s: float = LIMIT_S) -> MqttTransport:
    """A transport towards such a server."""
    return MqttTransport(
        BrokerAddress("127.0.0.1", port, tls=False),
        Identity(A, password_file),
        (),
        persistent=True,
        answer_timeout_s=answer_timeout_s,
    )


async def first(messages: AsyncIterator[FleetMessage]) -> FleetMessage:
    """The next message."""
    async with asyncio.timeout(LIMIT_S):
        return await anext(messages)


async def test_a_message_reaches_the_far_end_and_its_answer_comes_back(
    broker: MosquittoBroker, password_file: Path
) -> None:
    """Both directions, as bytes, under the topics of one terminal."""
    server = fleet_server(broker, password_file, "yibao/v1/+/evidence")
    async with server.connect() as far, evidence_session(broker, password_file).connect() as near:
        await near.publish(EVIDENCE.topic(A), b"\x00\xffone")
        assert await first(far.messages()) == FleetMessage(EVIDENCE.topic(A), b"\x00\xffone")
        await far.publish(NOTICE.topic(A), "二".encode())
        assert await first(near.messages()) == FleetMessage(NOTICE.topic(A), "二".encode())


async def test_the_older_protocol_version_works_as_well(broker: MosquittoBroker, password_file: Path) -> None:
    """MQTT 3.1.1 is a setting (K74); a persistent session keeps what arrives meanwhile."""
    old = MqttTransport(
        BrokerAddress.parse(broker.url), Identity(A, password_file), (NOTICE.topic(A),), persistent=True, version="3.1.1"
    )  # fmt: skip
    async with old.connect() as near:
        assert not near.session_present
    async with fleet_server(broker, password_file).connect() as far:
        await far.publish(NOTICE.topic(A), b"kept")
    async with old.connect() as near:
        assert near.session_present
        assert (await first(near.messages())).payload == b"kept"


async def test_a_persistent_session_keeps_what_arrives_meanwhile_also_over_a_restart_of_the_broker(
    broker: MosquittoBroker, password_file: Path
) -> None:
    """K73: evidence acknowledgements and notices wait for the terminal."""
    transport = evidence_session(broker, password_file)
    async with transport.connect() as near:
        assert not near.session_present
    async with fleet_server(broker, password_file).connect() as far:
        await far.publish(NOTICE.topic(A), b"while you were away")
    await broker.restart()
    async with transport.connect() as near:
        assert near.session_present
        assert (await first(near.messages())).payload == b"while you were away"


async def test_a_clean_session_keeps_nothing(broker: MosquittoBroker, password_file: Path) -> None:
    """K73: no command waits for a terminal that is away."""
    clean = MqttTransport(
        BrokerAddress.parse(broker.url), Identity(A, password_file), (NOTICE.topic(A),), persistent=False
    )
    async with clean.connect():
        pass
    async with fleet_server(broker, password_file).connect() as far:
        await far.publish(NOTICE.topic(A), b"lost")
        async with clean.connect() as near:
            assert not near.session_present
            await far.publish(NOTICE.topic(A), b"live")
            assert (await first(near.messages())).payload == b"live"


async def test_the_will_speaks_for_a_line_that_broke_and_not_after_a_goodbye(
    broker: MosquittoBroker, password_file: Path
) -> None:
    """Presence: goodbye leaves the retained word as it is; a lost line puts the will there."""
    will = FleetMessage(PRESENCE.topic(A), b"gone", retained=True)
    server = fleet_server(broker, password_file, PRESENCE.topic(A))
    async with server.connect() as far, Relay(broker.port).running() as relay:
        heard = far.messages()
        transport = bare(relay.port, password_file)
        for word in (b"here", b"here again"):
            async with transport.connect(will) as near:
                await near.publish(will.topic, word, retain=True)
                assert (await first(heard)).payload == word
        async with transport.connect(will) as near:
            relay.cut()
            assert (await first(heard)).payload == b"gone"
            with pytest.raises(FleetUnavailable) as ended:
                await first(near.messages())
            assert ended.value.problem is FleetProblem.LOST
    async with fleet_server(broker, password_file, PRESENCE.topic(A)).connect() as late:
        assert await first(late.messages()) == FleetMessage(will.topic, b"gone", retained=True)


async def test_nobody_at_the_address(password_file: Path, free_port: int) -> None:
    """A broker that is not there is unreachable, which is no permanent state."""
    transport = MqttTransport(
        BrokerAddress("127.0.0.1", free_port, tls=False), Identity(A, password_file), (), persistent=True
    )
    failure = await failure_of(transport)
    assert failure.problem is FleetProblem.UNREACHABLE
    assert not failure.problem.permanent


async def test_a_wrong_password_is_a_permanent_refusal(
    broker: MosquittoBroker, wrong_password_file: Path
) -> None:
    """The broker's answer names neither; the terminal says credentials."""
    failure = await failure_of(evidence_session(broker, wrong_password_file))
    assert failure.problem is FleetProblem.BAD_CREDENTIALS
    assert failure.problem.permanent
    assert "wrong" not in str(failure)


async def test_a_password_file_that_is_missing_or_open_to_others_is_named(
    broker: MosquittoBroker, open_password_file: Path
) -> None:
    """The technician reads which file it is."""
    for path in (open_password_file, open_password_file.with_name("no such file")):
        failure = await failure_of(evidence_session(broker, path))
        assert failure.problem is FleetProblem.FILES
        assert str(path) in failure.detail


async def test_a_refused_publication_is_told_although_the_broker_acknowledges_it(
    broker: MosquittoBroker, password_file: Path
) -> None:
    """MQTT 5 answers with a reason code that aiomqtt drops. The line stays usable."""
    async with evidence_session(broker, password_file).connect() as near:
        with pytest.raises(FleetUnavailable) as refused:
            await near.publish(EVIDENCE.topic(B), b"not mine")
        assert refused.value.problem is FleetProblem.NOT_AUTHORISED
        await near.publish(EVIDENCE.topic(A), b"mine")


async def test_a_broker_that_dies_ends_reading_and_publishing_at_once(
    broker: MosquittoBroker, password_file: Path
) -> None:
    """No waiting for time limits (10 s here): the line's end is seen."""
    async with asyncio.timeout(5):
        async with evidence_session(broker, password_file).connect() as near:
            broker.pause()
            publishing = asyncio.create_task(near.publish(EVIDENCE.topic(A), b"into the void"))
            reading = asyncio.create_task(first(near.messages()))
            await asyncio.wait({publishing}, timeout=0.05)
            assert not publishing.done()
            await broker.kill()
            for task in (publishing, reading):
                with pytest.raises(FleetUnavailable) as lost:
                    await task
                assert lost.value.problem is FleetProblem.LOST


async def test_a_broker_that_hangs_is_silent(broker: MosquittoBroker, password_file: Path) -> None:
    """Connected on the wire, no answer: told apart from nobody there."""
    broker.pause()
    failure = await failure_of(evidence_session(broker, password_file, answer_timeout_s=0.2))
    assert failure.problem is FleetProblem.SILENT


async def test_a_far_end_that_hangs_up_instead_of_answering_is_seen_at_once(password_file: Path) -> None:
    """aiomqtt waits for its time limit there."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with far_end(hang_up) as port, asyncio.timeout(5):
        assert (await failure_of(bare(port, password_file))).problem is FleetProblem.LOST


async def test_being_pushed_out_by_another_of_the_same_name_is_permanent(password_file: Path) -> None:
    """T28: a cloned disk. The reason code of MQTT 5 section 3.14.2.1; mosquitto 2.0.11 cuts without a word instead."""

    async def push_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(bytes.fromhex("2003000000e0028e00"))
        await reader.read()

    async with far_end(push_out) as port:
        failure = await failure_of(bare(port, password_file))
    assert failure.problem is FleetProblem.TAKEN_OVER
    assert failure.problem.permanent


@pytest.mark.parametrize("given_up_by", ["time limit", "cancellation"])
async def test_a_connection_given_up_half_way_leaves_no_line_behind(
    password_file: Path, given_up_by: str
) -> None:
    """The far end, which never answers, sees the line end."""
    connected, ended = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        ended.set()

    async with far_end(never_answer) as port, asyncio.timeout(5):
        if given_up_by == "time limit":
            assert (
                await failure_of(bare(port, password_file, answer_timeout_s=0.1))
            ).problem is FleetProblem.SILENT
        else:
            connecting = asyncio.create_task(failure_of(bare(port, password_file)))
            await connected.wait()
            connecting.cancel()
            await asyncio.wait({connecting})
            assert connecting.cancelled()
        await ended.wait()


class _Refused(Client):
    """Is refused by the far end only once it is told to be."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1")
        self.refuse = threading.Event()

    def _client_connect(self) -> None:
        self.refuse.wait(LIMIT_S)
        raise ConnectionRefusedError


async def test_a_connection_given_up_before_it_was_refused_is_no_error_that_was_overlooked() -> None:
    """A counter that was stopped while its broker was away left three lines of asyncio on the screen."""
    overlooked: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: overlooked.append(context))
    client = _Refused()
    connecting = asyncio.create_task(client.open())
    await asyncio.sleep(0)
    connecting.cancel()
    client.refuse.set()
    await asyncio.wait({connecting})
    assert connecting.cancelled()
    del client, connecting
    await asyncio.sleep(0)  # the loop lets go of them
    gc.collect()
    assert overlooked == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1", "mqtts://host:port"),
        ("mqtt://", "mqtts://host:port"),
        ("mqtt://broker.example:1883", "this machine only"),
        ("mqtts://name:word@broker.example", "nothing but"),
        ("mqtts://broker.example/path", "nothing but"),
    ],
)
def test_addresses_that_are_refused(url: str, reason: str) -> None:
    """Plain connections stay on the machine; no secrets in URLs."""
    with pytest.raises(ValueError, match=reason):
        BrokerAddress.parse(url)


def test_addresses_that_are_taken() -> None:
    """Default ports are those of the registry of IANA."""
    assert BrokerAddress.parse("mqtts://broker.example") == BrokerAddress("broker.example", 8883, True)
    assert BrokerAddress.parse("mqtt://[::1]") == BrokerAddress("::1", 1883, False)
    assert BrokerAddress.parse("mqtt://127.0.0.1:20001") == BrokerAddress("127.0.0.1", 20001, False)
