"""The terminal's link to the fleet: two broker sessions kept up, side by side with selling and never in its way.

The evidence session (persistent) says that we are here, empties the outbox, takes acknowledgements and notices. The
command session (clean) takes orders. Each is made again on its own whenever it is lost, with growing pauses.

A storage error ends the link quietly: the journal refuses everything after it, and the counter, which finds that out
with its next commit, is who stops the process.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog

from drivers.interfaces.clock import Clock
from drivers.interfaces.fleet_transport import (
    FleetConnection,
    FleetMessage,
    FleetProblem,
    FleetTransport,
    FleetUnavailable,
)
from drivers.interfaces.signer import Verifier
from protocols.errors import MalformedMessage
from protocols.fleet.commands import (
    Command,
    CommandOutcome,
    CommandResult,
    Ping,
    RefreshCatalogue,
    ShowMessage,
)
from protocols.fleet.messages import (
    AnchorEcho,
    EvidenceAck,
    FleetNotice,
    Presence,
    PresenceState,
    decode,
    encode,
)
from protocols.fleet.topics import (
    ANCHOR_ECHO,
    COMMAND_RESULT,
    EVIDENCE_ACK,
    HEALTH,
    NOTICE_ACK,
    PRESENCE,
    Session,
    locate,
)
from terminal.core.values import Notice
from terminal.counter.feed import FeedEntry
from terminal.fleet.commands import CommandGate, CommandRefused
from terminal.fleet.evidence import EvidenceKeeper
from terminal.fleet.health import Facts, Surroundings, snapshot
from terminal.fleet.notices import NoticeBoard, fleet_message
from terminal.fleet.outbox import OutboxPump
from terminal.fleet.pacing import STABLE_S, Pacing
from terminal.journal.anchors import AnchorKeeper
from terminal.journal.journal import Journal
from terminal.journal.outbox import OutboxSize
from terminal.journal.records import JournalFailed, Stamp
from terminal.journal.thread import JournalPort

LOOK_EVERY_S: Final = 2.0
"""How often the counter's facts are compared with the last snapshot; costs no disk and no line."""
HEALTH_EVERY_S: Final = 60.0
"""A snapshot is sent after this time also when nothing has changed."""
GOODBYE_S: Final = 1.0
"""How long a stopping service waits for the broker to hear that it leaves."""

log = structlog.get_logger("terminal.fleet")


@dataclass(frozen=True, slots=True)
class FleetParts:
    """What a link is given."""

    terminal: str
    """Terminal id (`protocols.fleet.topics.terminal_id`)."""
    boot_id: str
    """New at every start; letters and digits."""
    version: str
    evidence: FleetTransport
    commands: FleetTransport
    journal: JournalPort
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]
    """A number in [-1, 1)."""
    facts: Callable[[], Facts]
    surroundings: Surroundings
    announce: Callable[[Notice], None]
    """Shows a notice to the people at the counter."""
    follow: Callable[[int], AsyncIterator[FeedEntry]]
    """The counter's feed."""
    verifier: Verifier | None = None
    """Of the fleet's key; None = no command is executed."""
    anchors: AnchorKeeper | None = None
    """Hears what the fleet gives back; None = nobody listens."""
    refresh_catalogue: Callable[[], Awaitable[bool]] | None = None
    """Fetches the catalogue now and says whether it worked; None = this terminal keeps none."""


class FleetLink:
    """One link; `run` is its only task."""

    def __init__(self, parts: FleetParts) -> None:
        self._parts = parts
        self.board = NoticeBoard(parts.clock, parts.announce)
        self._standing: set[Session] = set()
        self._problems: dict[Session, FleetUnavailable] = {}
        """Why a session does not stand, once it was tried."""
        self._announced: set[FleetProblem] = set()
        self._gate = CommandGate(parts.terminal, parts.boot_id, parts.verifier, parts.clock)
        self._pump = OutboxPump(parts.terminal, parts.journal, parts.clock, parts.sleep)
        self._keeper = EvidenceKeeper(parts.journal, parts.boot_id, self._stamp)
        if parts.anchors is not None:
            parts.anchors.made = self._pump.wake
        self._health_number = 0
        self._health_wanted = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Both sessions stand."""
        return len(self._standing) == len(Session)

    @property
    def problem(self) -> FleetProblem | None:
        """Why not, as far as it is known: what a person must correct before what passes by itself."""
        found = self._worst()
        return None if found is None else found.problem

    @property
    def detail(self) -> str:
        """The same for the technician."""
        found = self._worst()
        return "" if found is None else found.detail

    def _worst(self) -> FleetUnavailable | None:
        return max(self._problems.values(), key=lambda found: found.problem.permanent, default=None)

    async def run(self) -> None:
        """Keep the link up until cancelled; says goodbye then."""
        parts = self._parts
        try:
            await _together(
                self._keep(Session.EVIDENCE, parts.evidence, self._serve_evidence),
                self._keep(Session.COMMANDS, parts.commands, self._serve_commands),
                self._pump.remind(),
                self._watch(),
                self._listen_to_counter(),
            )
        except JournalFailed as failed:
            log.error("fleet_link_ended", reason=failed.reason)
        except Exception as fault:  # noqa: BLE001 - our own fault here must not stop selling; it is logged and shown
            log.error("fleet_link_ended", reason=type(fault).__name__)
        finally:
            self._standing.clear()
            self._problems[Session.EVIDENCE] = FleetUnavailable(FleetProblem.LOST, "the link has ended")

    # -- sessions ---------------------------------------------------------------------------------

    async def _keep(
        self,
        session: Session,
        transport: FleetTransport,
        serve: Callable[[FleetConnection, Presence], Awaitable[None]],
    ) -> None:
        """Make a connection again and again; `serve` ends only with an error."""
        pacing = Pacing(self._parts.jitter)
        while True:
            connected_s: float | None = None
            try:
                presence = self._presence(PresenceState.OFFLINE)
                async with transport.connect(
                    self._will(presence) if session is Session.EVIDENCE else None
                ) as line:
                    connected_s = self._parts.clock.monotonic_s()
                    self._up(session)
                    await serve(line, presence)
                    raise FleetUnavailable(FleetProblem.LOST)
            except FleetUnavailable as unavailable:
                lasted_s = 0.0 if connected_s is None else self._parts.clock.monotonic_s() - connected_s
                self._down(session, unavailable, lasted_s)
                pause_s = pacing.pause_s(lasted_s, unavailable.problem.permanent)
            await self._parts.sleep(pause_s)

    def _up(self, session: Session) -> None:
        self._standing.add(session)
        self._problems.pop(session, None)
        log.info("fleet_connected", session=session.value)

    def _down(self, session: Session, unavailable: FleetUnavailable, lasted_s: float) -> None:
        """Remember why; a problem that needs a person is said at the counter once, until the link has been stable."""
        before = self._problems.get(session)
        self._standing.discard(session)
        self._problems[session] = unavailable
        problem, detail = unavailable.problem, unavailable.detail
        if before is None or before.problem is not problem:
            log.warning("fleet_disconnected", session=session.value, problem=problem.value, detail=detail)
        if lasted_s >= STABLE_S:
            self._announced.clear()
        if problem.permanent and problem not in self._announced:
            self._announced.add(problem)
            self._parts.announce(broker_notice(problem, detail))

    def _presence(self, state: PresenceState) -> Presence:
        return Presence(state, self._parts.clock.now(), None, self._parts.version, self._parts.boot_id)

    def _will(self, presence: Presence) -> FleetMessage:
        return FleetMessage(PRESENCE.topic(self._parts.terminal), encode(presence), retained=True)

    async def _serve_evidence(self, line: FleetConnection, will: Presence) -> None:
        topic = PRESENCE.topic(self._parts.terminal)
        online = Presence(
            PresenceState.ONLINE, will.connected_at, None, self._parts.version, self._parts.boot_id
        )
        try:
            await line.publish(topic, encode(online), retain=True)
            self._health_wanted.set()
            await _together(self._pump.run(line), self._receive_evidence(line))
        except BaseException:
            # Leaving in order makes the broker keep the will to itself, so we say it; on a broken line that fails at once.
            offline = Presence(
                PresenceState.OFFLINE, will.connected_at, self._parts.clock.now(), self._parts.version, self._parts.boot_id
            )  # fmt: skip
            with suppress(FleetUnavailable, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await line.publish(topic, encode(offline), retain=True)
            raise

    async def _receive_evidence(self, line: FleetConnection) -> None:
        async for message in line.messages():
            try:
                _, channel = locate(message.topic)
                content = decode(channel.payload, message.payload)
            except MalformedMessage as wrong:
                log.warning("fleet_message_malformed", reason=wrong.reason)
                continue
            if isinstance(content, EvidenceAck) and channel is EVIDENCE_ACK:
                await self._pump.acknowledged(content)
            elif isinstance(content, AnchorEcho) and channel is ANCHOR_ECHO:
                if self._parts.anchors is not None:
                    await self._parts.anchors.echoed(content.anchor)
            elif isinstance(content, FleetNotice):
                answer = self.board.take(content)
                await line.publish(NOTICE_ACK.topic(self._parts.terminal), encode(answer))

    async def _serve_commands(self, line: FleetConnection, _: Presence) -> None:
        async for message in line.messages():
            result = await self._obey(message)
            if result is not None:
                await line.publish(COMMAND_RESULT.topic(self._parts.terminal), encode(result))

    # -- commands ---------------------------------------------------------------------------------

    async def _obey(self, message: FleetMessage) -> CommandResult | None:
        """Execute a command if it is one; None = nothing that may be answered."""
        try:
            command = self._gate.admit(message)
        except CommandRefused as refused:
            log.warning("fleet_command_refused", reason=refused.reason)
            if not refused.command_id:
                return None
            return self._result(refused.command_id, CommandOutcome.REFUSED, refused.reason)
        name = type(command.order).__name__
        stamp = self._stamp()
        await self._parts.journal.call(
            lambda journal: journal.note("fleet", "command", f"{name} {command.id}", stamp)
        )
        outcome, reason = await self._execute(command)
        return self._result(command.id, outcome, reason)

    async def _execute(self, command: Command) -> tuple[CommandOutcome, str]:
        match command.order:
            case Ping():
                return CommandOutcome.DONE, ""
            case ShowMessage(text):
                self.board.show(command.id, command.issued_at, fleet_message(text))
                return CommandOutcome.DONE, ""
            case RefreshCatalogue():
                if self._parts.refresh_catalogue is None:
                    return CommandOutcome.REFUSED, "not_available"
                if await self._parts.refresh_catalogue():
                    return CommandOutcome.DONE, ""
                return CommandOutcome.FAILED, "not_fetched"

    def _result(self, command_id: str, outcome: CommandOutcome, reason: str) -> CommandResult:
        return CommandResult(command_id, outcome, reason, self._parts.clock.now())

    # -- what we tell -----------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Put a snapshot into the outbox when something changed, when it is time, and after every connection."""
        told: Facts | None = None
        told_s = 0.0
        while True:
            facts, now_s = self._parts.facts(), self._parts.clock.monotonic_s()
            if facts != told or now_s - told_s >= HEALTH_EVERY_S or self._health_wanted.is_set():
                self._health_wanted.clear()
                await self._tell_health(facts)
                told, told_s = facts, now_s
            await _first_of(self._health_wanted.wait(), self._parts.sleep(LOOK_EVERY_S))

    async def _tell_health(self, facts: Facts) -> None:
        parts, stamp = self._parts, self._stamp()
        disk_free_bytes = await parts.surroundings.disk_free_bytes()
        size = await parts.journal.call(_outbox_size)
        health = snapshot(
            facts,
            parts.surroundings,
            at=stamp.wall,
            boot_id=parts.boot_id,
            outbox=size,
            disk_free_bytes=disk_free_bytes,
            clock_offset_s=self._pump.clock_offset_s,
            refused_commands=self._gate.refused,
        )
        self._health_number += 1
        message_id = f"health-{parts.boot_id}-{self._health_number}"
        payload = encode(health)
        await parts.journal.call(
            lambda journal: journal.outbox.put("telemetry", message_id, HEALTH.name, payload, stamp)
        )
        self._pump.wake()

    async def _listen_to_counter(self) -> None:
        async for entry in self._parts.follow(0):
            if await self._keeper.heard(entry):
                self._pump.wake()

    def _stamp(self) -> Stamp:
        return Stamp(self._parts.clock.now(), self._parts.clock.monotonic_s())


def broker_notice(problem: FleetProblem, detail: str) -> Notice:
    """The message of our catalogue for a broker problem."""
    return Notice(f"broker_{problem.value}", {"detail": detail})


def _outbox_size(journal: Journal) -> OutboxSize:
    return journal.outbox.size()


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, end the others, and raise that one's error as it is.

    No TaskGroup: it forgets a cancellation that comes together with an error, and a link that takes the error for a
    lost line would then go on for ever.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def _first_of(*waits: Awaitable[Any]) -> None:
    """Wait until one is over; end the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
