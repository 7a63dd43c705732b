"""The pump: what leaves when, what is sent again, and what the fleet's answers tell about the clock."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.interfaces.fleet_transport import FleetMessage, FleetProblem, FleetUnavailable
from protocols.fleet.messages import EvidenceAck
from terminal.fleet.outbox import OutboxPump
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import Stamp
from terminal.journal.thread import InlineJournal
from terminal.journal.vault import Vault
from tests.terminal.stood_clock import NOON, StoodClock

TERMINAL = "P99990000001-01"
in_line = pytest.mark.blocking_allowed("the journal is called in line, and nobody is kept waiting")


class MemoryLine:
    """A connection that keeps what is published; `broken` ends it."""

    def __init__(self) -> None:
        self.published: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.broken = False

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See `FleetConnection`."""
        if self.broken:
            raise FleetUnavailable(FleetProblem.LOST)
        self.published.put_nowait((topic.rsplit("/", 1)[1], payload, retain))

    async def messages(self) -> AsyncIterator[FleetMessage]:
        """See `FleetConnection`; nothing ever comes."""
        await asyncio.Event().wait()
        yield FleetMessage("", b"")

    async def next(self) -> tuple[str, bytes, bool]:
        """What is published next."""
        async with asyncio.timeout(5):
            return await self.published.get()


class Bench:
    """A pump over a journal, with a clock that stands."""

    def __init__(self, folder: Path) -> None:
        self.clock = StoodClock()
        self.journal: Journal = open_journal(
            str(folder / "journal.db"), Vault(bytes(16), lambda size: bytes(size)), "boot", NOON
        )
        self.pump = OutboxPump(TERMINAL, InlineJournal(self.journal), self.clock, asyncio.sleep)
        self.line = MemoryLine()

    def put(self, kind: str, message_id: str) -> None:
        """Keep a message and tell the pump."""
        stamp = Stamp(self.clock.now(), self.clock.monotonic_s())
        if kind == "evidence":
            self.journal.outbox.put("evidence", message_id, "evidence", message_id.encode(), stamp)
        else:
            self.journal.outbox.put("telemetry", message_id, "health", message_id.encode(), stamp)
        self.pump.wake()

    def kept(self) -> int:
        """How many messages wait."""
        size = self.journal.outbox.size()
        return size.telemetry + size.evidence


@in_line
async def test_telemetry_leaves_at_once_and_evidence_stays(tmp_path: Path) -> None:
    """Also what was there before the connection; health is retained at the broker, evidence is not."""
    bench = Bench(tmp_path)
    bench.put("telemetry", "t1")
    bench.put("evidence", "e1")
    running = asyncio.ensure_future(bench.pump.run(bench.line))
    assert await bench.line.next() == ("health", b"t1", True)
    assert await bench.line.next() == ("evidence", b"e1", False)
    bench.put("telemetry", "t2")
    assert await bench.line.next() == ("health", b"t2", True)
    await bench.pump.acknowledged(EvidenceAck(("e1",), NOON))
    assert bench.kept() == 0
    running.cancel()


@in_line
async def test_unanswered_evidence_is_sent_again_after_a_minute(tmp_path: Path) -> None:
    """Not before, and only what is still without an answer."""
    bench = Bench(tmp_path)
    running = asyncio.ensure_future(bench.pump.run(bench.line))
    bench.put("evidence", "e1")
    bench.put("evidence", "e2")
    assert [(await bench.line.next())[1] for _ in range(2)] == [b"e1", b"e2"]
    await bench.pump.acknowledged(EvidenceAck(("e1",), NOON))
    bench.clock.move(59)
    bench.put("telemetry", "t1")
    assert (await bench.line.next())[1] == b"t1"
    bench.clock.move(1)
    bench.pump.wake()
    assert (await bench.line.next())[1] == b"e2"
    running.cancel()


@in_line
async def test_a_line_that_breaks_keeps_what_was_not_acknowledged(tmp_path: Path) -> None:
    """Telemetry too: the next connection begins with it."""
    bench = Bench(tmp_path)
    bench.put("telemetry", "t1")
    bench.line.broken = True
    with pytest.raises(FleetUnavailable):
        await bench.pump.run(bench.line)
    assert bench.kept() == 1


@in_line
@pytest.mark.parametrize(("took_s", "offset_s"), [(1.0, 30.5), (2.5, None)])
async def test_a_prompt_answer_tells_the_fleets_clock_and_a_late_one_nothing(
    tmp_path: Path, took_s: float, offset_s: float | None
) -> None:
    """The fleet is 30 s ahead: its clock said so half way there and back."""
    bench = Bench(tmp_path)
    running = asyncio.ensure_future(bench.pump.run(bench.line))
    bench.put("evidence", "e1")
    await bench.line.next()
    bench.clock.move(took_s)
    await bench.pump.acknowledged(EvidenceAck(("e1",), bench.clock.now() + dt.timedelta(seconds=30)))
    assert bench.pump.clock_offset_s == offset_s
    await bench.pump.acknowledged(EvidenceAck(("e1", "of another start"), NOON))
    running.cancel()
