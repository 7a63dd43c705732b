"""Topics of the fleet channel, and who may write and read them.

A terminal has two names at the broker, because it keeps two sessions (K73): its terminal id for presence, telemetry,
evidence and notices (persistent: what is sent while it is away waits), and the id with `.commands` behind it for orders
(clean: nothing waits; an order for a terminal that is away is lost and repeated by the fleet after its presence). The
name is also the client id, so that no terminal can push another from the broker, and it is one level of every topic,
so that one access rule holds for all terminals (abuse case T41).
"""

import enum
import re
from typing import Final

import msgspec

from protocols.errors import MalformedMessage, ProtocolError
from protocols.fleet.commands import CommandResult, SignedCommand
from protocols.fleet.messages import (
    AnchorEcho,
    Evidence,
    EvidenceAck,
    FleetNotice,
    Health,
    NoticeAck,
    Presence,
)

FLEET_SERVER: Final = "fleet-server"
"""Name of the far server at the broker."""

_TERMINAL: Final = "{terminal}"
_COMMANDS: Final = ".commands"
_TERMINAL_ID: Final = re.compile(r"[A-Za-z0-9]{12}-[0-9]{2}")


class BadTerminalId(ProtocolError):
    """A name that may not stand in a topic: it could be a wildcard or another level."""


class Side(enum.StrEnum):
    """Who writes a channel."""

    TERMINAL = "terminal"
    FLEET = "fleet"


class Session(enum.StrEnum):
    """On which of the terminal's two sessions a channel lives (K73)."""

    EVIDENCE = "evidence"
    """Persistent: subscriptions and undelivered messages outlive the connection."""
    COMMANDS = "commands"
    """Clean: nothing is kept for a terminal that is away."""


class Channel(msgspec.Struct, frozen=True):
    """One kind of topic. All messages go with QoS 1 (PD-60)."""

    address: str
    """The topic, with `{terminal}` in the terminal's place."""
    writer: Side
    session: Session
    payload: type[msgspec.Struct]
    retained: bool = False
    """The broker keeps the newest one for whoever comes later."""

    @property
    def name(self) -> str:
        """The last level: what the channel is for."""
        return self.address.rsplit("/", 1)[1]

    def topic(self, terminal: str) -> str:
        """The topic of one terminal; `terminal` is an id made by `terminal_id`."""
        return self.address.replace(_TERMINAL, terminal)


PRESENCE: Final = Channel("yibao/v1/{terminal}/presence", Side.TERMINAL, Session.EVIDENCE, Presence, True)
HEALTH: Final = Channel("yibao/v1/{terminal}/health", Side.TERMINAL, Session.EVIDENCE, Health, True)
EVIDENCE: Final = Channel("yibao/v1/{terminal}/evidence", Side.TERMINAL, Session.EVIDENCE, Evidence)
EVIDENCE_ACK: Final = Channel("yibao/v1/{terminal}/evidence_ack", Side.FLEET, Session.EVIDENCE, EvidenceAck)
ANCHOR_ECHO: Final = Channel(
    "yibao/v1/{terminal}/anchor_echo", Side.FLEET, Session.EVIDENCE, AnchorEcho, True
)
NOTICE: Final = Channel("yibao/v1/{terminal}/notice", Side.FLEET, Session.EVIDENCE, FleetNotice)
NOTICE_TO_ALL: Final = Channel("yibao/v1/all/notice_to_all", Side.FLEET, Session.EVIDENCE, FleetNotice)
NOTICE_ACK: Final = Channel("yibao/v1/{terminal}/notice_ack", Side.TERMINAL, Session.EVIDENCE, NoticeAck)
COMMAND: Final = Channel("yibao/v1/{terminal}.commands/command", Side.FLEET, Session.COMMANDS, SignedCommand)
COMMAND_RESULT: Final = Channel(
    "yibao/v1/{terminal}.commands/command_result", Side.TERMINAL, Session.COMMANDS, CommandResult
)

CHANNELS: Final = (
    PRESENCE, HEALTH, EVIDENCE, EVIDENCE_ACK, ANCHOR_ECHO, NOTICE, NOTICE_TO_ALL, NOTICE_ACK, COMMAND, COMMAND_RESULT,
)  # fmt: skip


def terminal_id(institution: str, slot: int) -> str:
    """Name a terminal: institution code (12 letters and digits) and terminal slot (1 to 99), unique in the fleet.

    Raises `BadTerminalId`.
    """
    name = f"{institution}-{slot:02d}"
    if _TERMINAL_ID.fullmatch(name) is None:
        raise BadTerminalId("institution code must have 12 letters or digits, slot one or two digits")
    return name


def broker_name(terminal: str, session: Session) -> str:
    """The user name and client id of one of a terminal's sessions."""
    return terminal if session is Session.EVIDENCE else terminal + _COMMANDS


def subscriptions(terminal: str, session: Session) -> tuple[str, ...]:
    """What a terminal subscribes to on one of its sessions."""
    return tuple(
        channel.topic(terminal)
        for channel in CHANNELS
        if channel.writer is Side.FLEET and channel.session is session
    )


def locate(topic: str) -> tuple[str, Channel]:
    """Find the terminal id (empty for a topic that every terminal reads) and the channel of a topic.

    Raises `MalformedMessage`.
    """
    for channel in CHANNELS:
        before, placeholder, after = channel.address.partition(_TERMINAL)
        if not placeholder and topic == before:
            return "", channel
        if placeholder and topic.startswith(before) and topic.endswith(after):
            terminal = topic[len(before) : len(topic) - len(after)]
            if _TERMINAL_ID.fullmatch(terminal):
                return terminal, channel
    raise MalformedMessage("not a topic of the fleet channel")


def broker_rules() -> str:
    """Access rules of the broker: the body of an ACL file of mosquitto.

    `%u` stands for the name under which the broker knows the client; mosquitto refuses everything to a client whose
    name has `+`, `#` or `/` in it. What no line allows is refused.
    """
    terminals, server = [], [f"user {FLEET_SERVER}"]
    for channel in CHANNELS:
        from_terminal = channel.writer is Side.TERMINAL
        name = _TERMINAL + _COMMANDS if channel.session is Session.COMMANDS else _TERMINAL
        terminals.append(
            f"pattern {'write' if from_terminal else 'read'} {channel.address.replace(name, '%u')}"
        )
        server.append(f"topic {'read' if from_terminal else 'write'} {channel.address.replace(name, '+')}")
    return "\n".join((*server, "", *terminals, ""))
