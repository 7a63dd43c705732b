"""The link against a real broker and a fleet server: presence, health, evidence, notices, commands."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

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
from protocols.fleet.topics import COMMAND, FLEET_SERVER, broker_rules
from simulators.fleet.broker import MosquittoBroker, plain_settings
from simulators.fleet.server import FleetServer, Heard
from terminal.core.events import Misuse
from terminal.core.values import Notice
from terminal.counter.feed import FeedEntry
from terminal.fleet.health import Facts
from terminal.journal.journal import Journal
from terminal.journal.records import JournalFailed
from terminal.texts import tell_notice
from tests.drivers.mqtt.authority import Authority
from tests.drivers.mqtt.relay import Relay
from tests.faults import fired
from tests.fleet_broker import PASSWORD, A
from tests.real_parts import require_real
from tests.terminal.fleet.till import FLEET_VERIFIER, FleetTill, eventually, server

Result = TypeVar("Result")


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
            fired("F66")
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
    async with server(broker.port, till) as far, till.running():
        far.acknowledges = False
        till.feed.put_nowait(FeedEntry(1, "S1", "CANCEL_DOUBT", Notice("cancel_alarm", {"tries": "6"})))
        till.feed.put_nowait(FeedEntry(2, "S1", "DRAFT", Notice("busy")))
        alarm = await far.wait_for(
            lambda _, heard: isinstance(heard, Evidence) and isinstance(heard.content, Alarm)
        )
        anchor = await far.wait_for(
            lambda _, heard: isinstance(heard, Evidence) and isinstance(heard.content, Anchor)
        )
        assert isinstance(alarm, Evidence)
        assert alarm.content == Alarm("cancel_alarm", "S1")
        assert isinstance(anchor, Evidence)
        assert sorted(await till.kept_evidence()) == sorted([alarm.id, anchor.id])
        await far.acknowledge(A, alarm.id)
        await eventually(lambda: _only(till, [anchor.id]))
        await far.acknowledge(A, anchor.id, alarm.id)
        await eventually(lambda: _only(till, []))


async def _only(till: FleetTill, ids: list[str]) -> bool:
    return await till.kept_evidence() == ids


async def test_evidence_survives_a_broker_that_forgets_and_a_server_that_was_away(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """F66. Acknowledged by the broker while the server is away, then the broker is killed with SIGKILL: sent again."""
    till = FleetTill(tmp_path, broker.port, password_file)
    async with till.running() as link:
        till.feed.put_nowait(FeedEntry(1, "S1", "MANUAL", Notice("manual")))
        await eventually(lambda: _is(link.connected))
        await eventually(lambda: _waits(till, 2))
        till.may_try.clear()
        await broker.kill()
        await eventually(lambda: _is(not link.connected))
        assert len(await till.kept_evidence()) == 2
        fired("F66")
        await broker.start()
        # What is sent before the server listens is lost with a broker that has forgotten the server, and comes a minute later.
        async with server(broker.port, till) as far:
            till.may_try.set()
            await far.wait_for(
                lambda _, heard: isinstance(heard, Evidence) and isinstance(heard.content, Alarm)
            )
            await eventually(lambda: _waits(till, 0))


async def _waits(till: FleetTill, count: int) -> bool:
    return len(await till.kept_evidence()) == count


async def test_evidence_of_an_earlier_process_is_sent_by_the_next(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """The outbox is on disk: nothing is lost with the process."""
    before = FleetTill(tmp_path, 9, password_file, "boot1")  # nobody listens on port 9
    async with before.running():
        before.feed.put_nowait(FeedEntry(1, "S1", "MANUAL", Notice("manual")))
        await eventually(lambda: _waits(before, 2))
    after = FleetTill(tmp_path, broker.port, password_file, "boot2")
    async with server(broker.port, after) as far, after.running():
        alarm = await far.wait_for(
            lambda _, heard: isinstance(heard, Evidence) and isinstance(heard.content, Alarm)
        )
        assert isinstance(alarm, Evidence)
        assert alarm.boot_id == "boot1"
        await eventually(lambda: _waits(after, 0))
        fired("F66")


async def test_without_a_broker_pauses_grow_and_nobody_is_bothered(
    password_file: Path, tmp_path: Path, free_port: int
) -> None:
    """Nothing is announced to the cashier for a broker that is merely away."""
    till = FleetTill(tmp_path, free_port, password_file)
    async with till.running() as link:
        await eventually(lambda: _is(len(till.pauses) >= 14))
        assert link.problem is FleetProblem.UNREACHABLE
        fired("F66")
    assert sorted(till.pauses)[:6] == [1.0, 1.0, 1.95, 1.95, 3.9, 3.9]
    assert max(till.pauses) == 58.5
    assert till.announced == []


async def test_a_wrong_password_is_announced_once_and_heals_when_it_is_corrected(
    broker: MosquittoBroker, wrong_password_file: Path, tmp_path: Path
) -> None:
    """Both sessions fail, one message; the file is read again at the next try."""
    till = FleetTill(tmp_path, broker.port, wrong_password_file)
    async with till.running() as link:
        await till.announcement("broker_bad_credentials")
        await eventually(lambda: _is(len(till.pauses) >= 4))
        assert set(till.pauses) == {877.5}
        assert link.problem is FleetProblem.BAD_CREDENTIALS
        await asyncio.to_thread(wrong_password_file.write_text, "one-password-for-all-in-this-test\n")
        await eventually(lambda: _is(link.connected))
        assert link.problem is None
    assert [notice.code for notice in till.announced] == ["broker_bad_credentials"]


def notice(notice_id: str, text: str) -> FleetNotice:
    """A message to the operator."""
    return FleetNotice(notice_id, dt.datetime.now(dt.UTC), None, OperatorMessage(text))


async def test_a_notice_is_shown_once_and_acknowledged_also_when_it_came_while_we_were_away(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """The persistent session keeps it; the same notice again is acknowledged again."""
    till = FleetTill(tmp_path, broker.port, password_file)

    def shown(terminal: str, heard: Heard) -> bool:
        return terminal == A and isinstance(heard, NoticeAck) and heard.outcome is NoticeOutcome.SHOWN

    async with server(broker.port, till) as far:
        async with till.running() as link:
            await eventually(lambda: _is(link.connected))
        await far.notify(A, notice("n1", "明早升级"))
        async with till.running() as link:
            await far.wait_for(shown)
            far.heard.clear()
            await far.notify(A, notice("n1", "明早升级"))
            await far.wait_for(shown)
            assert [kept.id for kept in link.board.shown] == ["n1"]
    assert till.announced == [Notice("fleet_message", {"text": "明早升级"})]


async def test_garbage_from_the_broker_is_passed_over(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """Bytes that are no notice harm nothing that comes behind them."""
    till = FleetTill(tmp_path, broker.port, password_file)
    async with server(broker.port, till) as far, till.running():
        await far.wait_for(online)
        for payload in (b"", b"\xff", b"{}", b"[" * 5000):
            await far.send_raw(f"yibao/v1/{A}/notice", payload)
        await far.notify(A, notice("n1", "still here"))
        await till.announcement("fleet_message")


async def command_result(far: FleetServer, command_id: str) -> CommandResult:
    """The terminal's word on an order."""
    heard = await far.wait_for(
        lambda _, message: isinstance(message, CommandResult) and message.id == command_id
    )
    assert isinstance(heard, CommandResult)
    return heard


async def test_commands_are_executed_and_answered(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """The closed list, each with its outcome; every execution stands in the audit log before it happens."""
    till = FleetTill(tmp_path, broker.port, password_file)
    till.verifier = FLEET_VERIFIER
    async with server(broker.port, till) as far, till.running() as link:
        await eventually(lambda: _is(link.connected))
        await far.command(A, "boot1", Ping(), "c1")
        assert (await command_result(far, "c1")).outcome is CommandOutcome.DONE
        await far.command(A, "boot1", ShowMessage("请重启打印机"), "c2")
        assert (await command_result(far, "c2")).outcome is CommandOutcome.DONE
        await far.command(A, "boot1", RefreshCatalogue(), "c3")
        refused = await command_result(far, "c3")
        assert (refused.outcome, refused.reason) == (CommandOutcome.REFUSED, "not_available")
        records, _ = await till.journal.call(lambda journal: journal.audit.head)
    assert till.announced == [Notice("fleet_message", {"text": "请重启打印机"})]
    assert records == 4


async def test_refreshing_the_catalogue_says_whether_it_worked(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """Fetched the first time, not the second."""
    answers = [True, False]

    async def refresh() -> bool:
        return answers.pop(0)

    till = FleetTill(tmp_path, broker.port, password_file)
    till.verifier, till.refresh = FLEET_VERIFIER, refresh
    async with server(broker.port, till) as far, till.running() as link:
        await eventually(lambda: _is(link.connected))
        await far.command(A, "boot1", RefreshCatalogue(), "c1")
        assert (await command_result(far, "c1")).outcome is CommandOutcome.DONE
        await far.command(A, "boot1", RefreshCatalogue(), "c2")
        failed = await command_result(far, "c2")
        assert (failed.outcome, failed.reason) == (CommandOutcome.FAILED, "not_fetched")


async def test_a_command_is_executed_at_most_once_however_often_and_however_it_comes(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """F67: duplicated, retained for the next connection, replayed after a restart, unsigned: shown exactly once."""
    till = FleetTill(tmp_path, broker.port, password_file)
    till.verifier = FLEET_VERIFIER
    async with server(broker.port, till) as far, till.running() as link:
        await eventually(lambda: _is(link.connected))
        signed = await far.command(A, "boot1", ShowMessage("once"), "c1")
        await command_result(far, "c1")
        payload = msgspec.json.encode(signed)
        await far.send_raw(COMMAND.topic(A), payload)
        await far.wait_for(lambda _, heard: isinstance(heard, CommandResult) and heard.reason == "repeated")
        fired("F67")
        await far.send_raw(COMMAND.topic(A), msgspec.json.encode({"body": signed.body}))
        await far.send_raw(COMMAND.topic(A), payload, retain=True)
        await broker.kill()
        await eventually(lambda: _is(not link.connected))
    await broker.start()
    restarted = FleetTill(tmp_path, broker.port, password_file, "boot2")
    restarted.verifier = FLEET_VERIFIER
    async with server(broker.port, restarted) as far:
        await far.send_raw(COMMAND.topic(A), payload, retain=True)
        async with restarted.running() as link:
            refused = await command_result(far, "c1")
            assert (refused.outcome, refused.reason) == (CommandOutcome.REFUSED, "other_boot")
            fired("F67", 2)  # retained, and replayed after a restart
            await eventually(lambda: _is(link.connected))
            await far.send_raw(COMMAND.topic(A), payload)
    assert till.announced == [Notice("fleet_message", {"text": "once"})]
    assert restarted.announced == []


async def test_a_command_for_a_terminal_that_is_away_is_lost(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """K73: none is queued; the fleet repeats it after the presence."""
    till = FleetTill(tmp_path, broker.port, password_file)
    till.verifier = FLEET_VERIFIER
    async with server(broker.port, till) as far:
        async with till.running() as link:
            await eventually(lambda: _is(link.connected))
        await far.command(A, "boot1", ShowMessage("too early"), "c1")
        async with till.running() as link:
            await eventually(lambda: _is(link.connected))
            await far.command(A, "boot1", Ping(), "c2")
            await command_result(far, "c2")
    assert till.announced == []
    assert not any(isinstance(heard, CommandResult) and heard.id == "c1" for _, heard in far.heard)


async def test_access_rules_that_forbid_us_are_announced_and_presence_says_offline(
    password_file: Path, tmp_path: Path
) -> None:
    """The broker knows us but does not take our evidence: no silent hole, and no presence that lies."""
    require_real("mosquitto")

    def without_evidence(folder: Path, port: int) -> str:
        rules = "\n".join(line for line in broker_rules().splitlines() if not line.endswith("%u/evidence"))
        (folder / "terminals.acl").write_text(rules, encoding="utf-8")
        return plain_settings(folder, port)

    names = dict.fromkeys((A, f"{A}.commands", FLEET_SERVER), PASSWORD)
    broker = MosquittoBroker(tmp_path / "broker", names, without_evidence)
    await broker.start()
    try:
        till = FleetTill(tmp_path, broker.port, password_file)
        async with server(broker.port, till) as far, till.running():
            notice = await till.announcement("broker_not_authorised")
            assert notice.params["detail"] == f"publish yibao/v1/{A}/evidence"
            await far.wait_for(online)
            await far.wait_for(offline)
            assert len(await till.kept_evidence()) == 1
            await eventually(lambda: _is(till.pauses.count(877.5) >= 3))
        assert [one.code for one in till.announced] == ["broker_not_authorised"]
    finally:
        await broker.stop()


async def test_an_expired_certificate_of_the_broker_is_announced(password_file: Path, tmp_path: Path) -> None:
    """With a text that says what to look at."""
    require_real("mosquitto")
    authority = await asyncio.to_thread(Authority, tmp_path)
    certificate = await asyncio.to_thread(authority.issue, "broker", "broker.pem", -1)

    def with_tls(folder: Path, port: int) -> str:
        return plain_settings(folder, port).replace(
            "127.0.0.1\n", f"127.0.0.1\ncertfile {certificate}\nkeyfile {certificate}\n", 1
        )

    broker = MosquittoBroker(tmp_path / "broker", {A: PASSWORD, f"{A}.commands": PASSWORD}, with_tls)
    await broker.start()
    try:
        till = FleetTill(tmp_path, broker.port, password_file, authority=authority.file)
        async with till.running() as link:
            notice = await till.announcement("broker_certificate_expired")
            assert link.problem is FleetProblem.CERTIFICATE_EXPIRED
        told = await asyncio.to_thread(tell_notice, notice)
        assert told is not None
        assert "本机时间" in told.zh
        assert "clock" in told.en
    finally:
        await broker.stop()


async def test_a_journal_that_fails_ends_the_link_and_nothing_else(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """`run` returns; the counter finds out by itself with its next commit."""
    till = FleetTill(tmp_path, broker.port, password_file)
    await till.journal.open()
    link = till.link(_BrokenJournal())
    async with asyncio.timeout(10):
        await link.run()
    assert link.problem is FleetProblem.LOST
    await till.journal.close()


class _BrokenJournal:
    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """See `JournalPort`."""
        raise JournalFailed("FullError")


async def test_a_fault_of_ours_ends_the_link_and_not_the_counter(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """Selling is worth more than presence; the fault is logged, the device page shows it."""
    till = FleetTill(tmp_path, broker.port, password_file)

    async def broken(_: int) -> AsyncIterator[FeedEntry]:
        raise ZeroDivisionError
        yield

    till.follow = broken
    async with till.running() as link:
        await eventually(lambda: _is(link.detail == "the link has ended"))
    assert link.problem is FleetProblem.LOST


async def test_the_fleets_echo_finds_a_journal_that_was_put_back(
    broker: MosquittoBroker, password_file: Path, tmp_path: Path
) -> None:
    """F29: the anchor comes back, retained, at the next start; a journal without that record starts no new sale."""
    till = FleetTill(tmp_path, broker.port, password_file)
    async with server(broker.port, till) as far:
        async with till.running():
            await far.wait_for(_is_anchor)
            await eventually(lambda: _heard_the_echo(till))
            assert till.anchors is not None
            assert till.anchors.view().contradictions == ()
        for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        fired("F29")
        again = FleetTill(tmp_path, broker.port, password_file, boot_id="boot2")
        async with again.running():
            notice = await again.announcement("journal_rolled_back")
            assert again.anchors is not None
            (found,) = again.anchors.view().contradictions
            assert (found.witness, notice.params["noted"]) == ("fleet", str(found.records))
            with pytest.raises(Misuse):
                again.holds.require_none()
    assert far.went_back == []


def _is_anchor(_: str, heard: Heard) -> bool:
    return isinstance(heard, Evidence) and isinstance(heard.content, Anchor)


async def _heard_the_echo(till: FleetTill) -> bool:
    return till.anchors is not None and till.anchors.view().witnesses == ("fleet",)
