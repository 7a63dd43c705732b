"""`FleetTransport` over MQTT 5 (or 3.1.1, K74) towards one broker, for one of the terminal's two sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from drivers.interfaces.fleet_transport import FleetMessage, FleetProblem, FleetUnavailable
from drivers.mqtt.address import BrokerAddress, Identity, MqttVersion
from drivers.mqtt.client import Client, NotAuthorised
from drivers.mqtt.tls import client_context, connect_problem
from drivers.signers.errors import KeyStoreError
from drivers.signers.password_file import read_password_file

ANSWER_TIMEOUT_S: Final = 10.0
"""For each of CONNECT, SUBSCRIBE, PUBLISH: a broker on a bad line in a county town, not one that is gone."""
KEEPALIVE_S: Final = 20
"""A half-open line shows after this, twice at the most; the broker tells the fleet after one and a half."""
SESSION_EXPIRY_S: Final = 7 * 24 * 3600
"""How long the broker keeps a persistent session: a shop closed over the spring festival."""
INCOMING_LIMIT: Final = 200
"""Messages that wait for their reader; a handler never blocks the line (PD-60)."""

_VERSIONS: Final = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}
# Reason codes of MQTT 5 section 2.4, and the return codes of MQTT 3.1.1 section 3.2.2.3 as the library translates them.
_CONNECT_REFUSALS: Final = {
    0x84: FleetProblem.PROTOCOL,
    0x85: FleetProblem.IDENTIFIER_REJECTED,
    0x86: FleetProblem.BAD_CREDENTIALS,
    0x87: FleetProblem.BAD_CREDENTIALS,
    0x8A: FleetProblem.IDENTIFIER_REJECTED,
    0x8C: FleetProblem.BAD_CREDENTIALS,
}
_DISCONNECTS: Final = {
    0x87: FleetProblem.NOT_AUTHORISED,
    0x8E: FleetProblem.TAKEN_OVER,
    0x8D: FleetProblem.SILENT,
}


class MqttTransport:
    """Implements `FleetTransport`. Use it on one event loop; `connect` may be entered again after it was left."""

    def __init__(
        self,
        address: BrokerAddress,
        identity: Identity,
        topics: tuple[str, ...],
        *,
        persistent: bool,
        authority: Path | None = None,
        version: MqttVersion = "5",
        keepalive_s: int = KEEPALIVE_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """`topics` are subscribed to at every connection. `persistent` lets the broker keep what arrives meanwhile."""
        self._address = address
        self._identity = identity
        self._topics = topics
        self._persistent = persistent
        self._authority = authority
        self._version = version
        self._keepalive_s = keepalive_s
        self._answer_timeout_s = answer_timeout_s

    @asynccontextmanager
    async def connect(self, will: FleetMessage | None = None) -> AsyncIterator["MqttConnection"]:
        """See `FleetTransport.connect`."""
        client = Client(
            self._address.host,
            self._address.port,
            identifier=self._identity.name,
            protocol=_VERSIONS[self._version],
            timeout=self._answer_timeout_s,
            keepalive=self._keepalive_s,
            max_queued_incoming_messages=INCOMING_LIMIT,
            will=None
            if will is None
            else aiomqtt.Will(will.topic, will.payload, qos=1, retain=will.retained),
            **self._session_settings(),
            **await asyncio.to_thread(self._read_identity),
        )
        try:
            await client.open()
        except aiomqtt.MqttError as failure:
            raise _unavailable(client, failure) from failure
        try:
            await self._subscribe(client)
            yield MqttConnection(client)
        finally:
            await client.close()

    def _session_settings(self) -> dict[str, Any]:
        if self._version != "5":
            return {"clean_session": not self._persistent}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it without types
        properties.SessionExpiryInterval = SESSION_EXPIRY_S if self._persistent else 0
        return {"clean_start": not self._persistent, "properties": properties}

    def _read_identity(self) -> dict[str, Any]:
        """Read the files; raises `FleetUnavailable`."""
        settings: dict[str, Any] = {}
        if self._identity.password_file is not None:
            try:
                password = read_password_file(self._identity.password_file).decode()
            except (KeyStoreError, UnicodeDecodeError) as unreadable:
                detail = (
                    unreadable.english if isinstance(unreadable, KeyStoreError) else "password is not UTF-8"
                )
                raise FleetUnavailable(FleetProblem.FILES, detail) from unreadable
            settings |= {"username": self._identity.name, "password": password}
        if self._address.tls:
            settings["tls_context"] = client_context(self._authority, self._identity.certificate)
        return settings

    async def _subscribe(self, client: Client) -> None:
        """Subscribe to everything; also to what the broker already knows of, because it may have forgotten."""
        for topic in self._topics:
            try:
                allowed = await client.subscribe_checked(topic)
            except aiomqtt.MqttError as failure:
                raise _unavailable(client, failure) from failure
            if not allowed:
                raise FleetUnavailable(FleetProblem.NOT_AUTHORISED, f"subscribe {topic}")


class MqttConnection:
    """Implements `FleetConnection`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def session_present(self) -> bool:
        """The broker had kept our session since the last connection."""
        return self._client.session_present

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See `FleetConnection.publish`."""
        try:
            await self._client.publish_checked(topic, payload, retain)
        except NotAuthorised as refused:
            raise FleetUnavailable(FleetProblem.NOT_AUTHORISED, f"publish {topic}") from refused
        except (aiomqtt.MqttError, ValueError) as failure:
            raise _unavailable(self._client, failure) from failure

    async def messages(self) -> AsyncIterator[FleetMessage]:
        """See `FleetConnection.messages`."""
        try:
            async for message in self._client.messages:
                yield FleetMessage(str(message.topic), _bytes(message.payload), message.retain)
        except aiomqtt.MqttError as failure:
            raise _unavailable(self._client, failure) from failure


def _bytes(payload: object) -> bytes:
    return bytes(payload) if isinstance(payload, bytes | bytearray) else b""


def _unavailable(client: Client, failure: Exception) -> FleetUnavailable:
    """Say what the library's error means."""
    if client.connect_failure is not None:
        return FleetUnavailable(connect_problem(client.connect_failure), str(client.connect_failure))
    if isinstance(failure, aiomqtt.exceptions.MqttConnectError):
        problem = _CONNECT_REFUSALS.get(getattr(failure.rc, "value", 0), FleetProblem.LOST)
        return FleetUnavailable(problem, str(failure))
    if client.end_reason is not None:
        problem = _DISCONNECTS.get(client.end_reason.value, FleetProblem.LOST)
        return FleetUnavailable(problem, str(client.end_reason))
    problem = FleetProblem.SILENT if "timed out" in str(failure) else FleetProblem.LOST
    return FleetUnavailable(problem, str(failure))
