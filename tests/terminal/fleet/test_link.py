"""The link against a real broker and a fleet server: presence, health, evidence, notices, commands."""

import asyncio
import datetime as dt
from pathlib import Path

import msgspec

from drivers.interfaces.fleet_transport import FleetProblem
from protocols.fleet.commands import CommandOutcome, CommandResult, Ping, RefreshCatalogue, ShowMessage
from protocols.fleet.messages import (
    Alarm,
    Anchor,
    DeviceHealth,
    Evidence,
    FleetNotice,
    Health,
    NoticeAck,
    NoticeOutcome,
    OperatorMessage,
    Presence,
    PresenceState,
)
from protocols.fleet.topics import COMMAND
from simulators.fleet.broker import MosquittoBroker
from simulators.fleet.server import FleetServer, Heard
from terminal.core.values import Notice
from terminal.counter.counter import FeedEntry
from terminal.fleet.health import Facts
from tests.drivers.mqtt.relay import Relay
from tests.fleet_broker import A
from tests.terminal.fleet.till import FLEET_VERIFIER, FleetTill, eventually, server


def online(terminal: str, message: Heard) -> bool:
    """Terminal A is there."""
    return terminal == A and isinstance(message, Presence) and message.state is PresenceState.ONLINE


def offline(terminal: str, message: Heard) -> bool:
    """Terminal A is not there."""
    return terminal == A and isinstance(message, Presence) and message.state is PresenceState.OFFLINE


async def test_presence_says_when_we_come_and_when_we_go(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """Goodbye carries the time; the boot id tells which start it was."""
    till = FleetTill(tmp_path, broker.port, password_file)
    async with server(broker.port, till) as far:
        async with till.running() as link:
            there = await far.wait_for(online)
            await eventually(lambda: _is(link.connected))
        gone = await far.wait_for(offline)
    assert isinstance(there, Presence)
    assert isinstance(gone, Presence)
    assert (there.version, there.boot_id, there.stopped_at) == ("0.1.0", "boot1", None)
    assert gone.connected_at == there.connected_at
    assert gone.stopped_at is not None


async def _is(fact: bool) -> bool:
    return fact


async def test_a_line_that_breaks_is_seen_and_comes_back_by_itself(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """The broker speaks for us: offline without a time of leaving; then we are online again."""
    async with Relay(broker.port).running() as relay:
        till = FleetTill(tmp_path, relay.port, password_file)
        async with server(broker.port, till) as far, till.running():
            await far.wait_for(online)
            await eventually(lambda: _is(relay.connections == 2))
            far.heard.clear()
            relay.cut()
            gone = await far.wait_for(offline)
            assert isinstance(gone, Presence)
            assert gone.stopped_at is None
            await far.wait_for(online)
    assert till.pauses[:1] == [1.0]
    assert till.announced == []


async def test_health_is_told_at_once_and_on_every_change(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """Telemetry leaves the outbox with the broker's acknowledgement."""
    till = FleetTill(tmp_path, broker.port, password_file)
    async with server(broker.port, till) as far, till.running():
        first = await far.wait_for(lambda _, message: isinstance(message, Health))
        till.facts = Facts("ready", "signed_in", (DeviceHealth("printer", "fault", "paper_out"),), ())
        await far.wait_for(lambda _, message: isinstance(message, Health) and message.devices != ())
        await eventually(lambda: _none_waits(till))
    assert isinstance(first, Health)
    assert (first.boot_id, first.phase, first.disk_free_mb) == ("boot1", "ready", 1024)


async def _none_waits(till: FleetTill) -> bool:
    return not await till.kept()


async def test_evidence_leaves_the_outbox_on_the_servers_word_and_not_on_the_brokers(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """An alarm of the counter and the anchor of the start arrive, stay, and go when they are acknowledged."""
    till = FleetTill(tmp_path, broker.port, password_file)
    await _boot_record(till)
    async with server(broker.port, till) as far, till.running():
        far.acknowledges = False
        till.feed.put_nowait(FeedEntry(1, "S1", "CANCEL_DOUBT", Notice("cancel_alarm", {"tries": "6"})))
        till.feed.put_nowait(FeedEntry(2, "S1", "DRAFT", Notice("busy")))
        alarm = await far.wait_for(lambda _, heard: isinstance(heard, Evidence) and isinstance(heard.content, Alarm))
        anchor = await far.wait_for(lambda _, heard: isinstance(heard, Evidence) and isinstance(heard.content, Anchor))
        assert isinstance(alarm, Evidence)
        assert alarm.content == Alarm("cancel_alarm", "S1")
        assert isinstance(anchor, Evidence)
        assert sorted(await till.kept_evidence()) == sorted([alarm.id, anchor.id])
        await far.acknowledge(A, alarm.id)
        await eventually(lambda: _only(till, [anchor.id]))
        await far.acknowledge(A, anchor.id, alarm.id)
        await eventually(lambda: _only(till, []))


async def _boot_record(till: FleetTill) -> None:
    """Give the audit chain its first record, as the counter's start does."""
    from terminal.journal.records import Stamp

    await till.journal.open()
    await till.journal.call(lambda journal: journal.note("start", "boot", "", Stamp(till.clock.now(), 0.0)))
    await till.journal.close()
    till.journal = type(till.journal)(till.open_journal)


async def _only(till: FleetTill, ids: list[str]) -> bool:
    return await till.kept_evidence() == ids
