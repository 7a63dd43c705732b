"""A small fleet server: keeps what terminals send, acknowledges evidence, sends notices and signed commands."""

import asyncio
import datetime as dt
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import aiomqtt
import msgspec

from drivers.interfaces.signer import Signer
from protocols.errors import MalformedMessage
from protocols.fleet.commands import Command, CommandResult, Order, SignedCommand, unsigned, with_signature
from protocols.fleet.messages import (
    Anchor,
    AnchorEcho,
    Evidence,
    EvidenceAck,
    FleetNotice,
    Health,
    NoticeAck,
    Presence,
    decode,
    encode,
)
from protocols.fleet.topics import (
    ANCHOR_ECHO,
    COMMAND,
    COMMAND_RESULT,
    EVIDENCE,
    EVIDENCE_ACK,
    FLEET_SERVER,
    HEALTH,
    NOTICE,
    NOTICE_ACK,
    PRESENCE,
    locate,
)

Heard = Presence | Health | Evidence | NoticeAck | CommandResult
_COMMAND_LIFE: Final = dt.timedelta(seconds=60)


class FleetServer:
    """Connected while entered. Everything heard is kept in order of arrival; `wait_for` waits for one of it."""

    def __init__(
        self, port: int, password: str, clock: Callable[[], dt.datetime], signer: Signer | None = None
    ) -> None:
        """`signer` holds the fleet's key; without one no command can be given."""
        self._client = aiomqtt.Client(
            "127.0.0.1", port, username=FLEET_SERVER, password=password, identifier=FLEET_SERVER,
            protocol=aiomqtt.ProtocolVersion.V5, clean_start=False,
        )  # fmt: skip
        self._clock = clock
        self._signer = signer
        self._closing = AsyncExitStack()
        self._arrived = asyncio.Condition()
        self.heard: list[tuple[str, Heard]] = []
        """Terminal id and message."""
        self.acknowledges = True
        """False: evidence is kept but not acknowledged, as if the server's own disk were slow."""
        self.went_back: list[str] = []
        """Terminals whose newest anchor has fewer records than one before: an alarm for the fleet's people."""
        self._echoed: dict[str, Anchor] = {}

    async def __aenter__(self) -> Self:
        await self._closing.enter_async_context(self._client)
        for channel in (PRESENCE, HEALTH, EVIDENCE, NOTICE_ACK, COMMAND_RESULT):
            await self._client.subscribe(f"yibao/v1/+/{channel.name}", qos=1)
        listening = asyncio.create_task(self._listen())
        self._closing.push_async_callback(_end, listening)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def _listen(self) -> None:
        async for message in self._client.messages:
            try:
                terminal, channel = locate(str(message.topic))
                content = decode(channel.payload, bytes(message.payload))
            except MalformedMessage:
                continue
            if not isinstance(content, Presence | Health | Evidence | NoticeAck | CommandResult):
                continue
            async with self._arrived:
                self.heard.append((terminal, content))
                self._arrived.notify_all()
            if isinstance(content, Evidence) and self.acknowledges:
                await self.acknowledge(terminal, content.id)
                if isinstance(content.content, Anchor):
                    await self._echo(terminal, content.content)

    async def _echo(self, terminal: str, anchor: Anchor) -> None:
        """Give the newest anchor back, retained; one that comes late or twice changes nothing."""
        before = self._echoed.get(terminal)
        if before is not None and anchor.at <= before.at:
            return
        if before is not None and anchor.records < before.records:
            self.went_back.append(terminal)
        self._echoed[terminal] = anchor
        await self.echo(terminal, anchor)

    async def echo(self, terminal: str, anchor: Anchor) -> None:
        """Publish an anchor as the newest one known of a terminal."""
        payload = encode(AnchorEcho(anchor))
        await self._client.publish(ANCHOR_ECHO.topic(terminal), payload, qos=1, retain=True)

    async def acknowledge(self, terminal: str, *evidence_ids: str) -> None:
        """Say that evidence is on our disk."""
        acknowledgement = EvidenceAck(evidence_ids, self._clock())
        await self._client.publish(EVIDENCE_ACK.topic(terminal), encode(acknowledgement), qos=1)

    async def notify(self, terminal: str, notice: FleetNotice) -> None:
        """Send a notice to one terminal."""
        await self._client.publish(NOTICE.topic(terminal), encode(notice), qos=1)

    async def command(self, terminal: str, boot_id: str, order: Order, command_id: str) -> SignedCommand:
        """Sign an order for the process `boot_id` and send it; returns what was sent."""
        if self._signer is None:
            raise ValueError("this server has no key")
        now = self._clock()
        envelope = unsigned(Command(command_id, terminal, boot_id, now, now + _COMMAND_LIFE, order))
        signed = with_signature(envelope, self._signer.sign(envelope.signed_bytes()))
        await self.send_raw(COMMAND.topic(terminal), msgspec.json.encode(signed))
        return signed

    async def send_raw(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish bytes as they are."""
        await self._client.publish(topic, payload, qos=1, retain=retain)

    async def wait_for(self, wanted: Callable[[str, Heard], bool], timeout_s: float = 10.0) -> Heard:
        """Return the first message, past or coming, that is wanted; raises TimeoutError."""
        seen = 0
        async with asyncio.timeout(timeout_s), self._arrived:
            while True:
                for terminal, message in self.heard[seen:]:
                    seen += 1
                    if wanted(terminal, message):
                        return message
                await self._arrived.wait()


async def _end(task: "asyncio.Task[None]") -> None:
    """End it. `asyncio.wait_for`, by which the MQTT library publishes, forgets a cancellation that meets its result."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
    await asyncio.gather(task, return_exceptions=True)
