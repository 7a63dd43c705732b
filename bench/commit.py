"""The commit of S3 (settlement row, attempt with its signed bytes, audit records) against one bare row of the same bytes.

Ours goes through the application's `JournalThread`; the second figure is the same commit seen from inside that thread,
so that the difference is the way there and back. Same file system, same settings (WAL, FULL), in turn.
"""

import asyncio
import datetime as dt
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from bench.counter_rig import CommitMeter, Record, Written
from bench.floors import BareJournal
from bench.result import Result
from protocols.wire_time import WIRE_ZONE
from terminal.core.states import State
from terminal.core.values import AttemptEnded, AttemptSent, Move, SaleKey
from terminal.journal.journal import open_journal
from terminal.journal.records import Amounts, Commit, SettlementRow, Stamp
from terminal.journal.thread import JournalThread
from terminal.journal.vault import Vault

NAME = "journal commit"
ROUNDS = 300
WARM_UP = 20
SHEET_BYTES = 1600
"""The sheet of a sale of one line with its quote."""
REQUEST_BYTES = 1275
"""A signed 2102 of one line."""
ANSWER_BYTES = 1769
"""Its answer."""
MOMENT = dt.datetime(2026, 11, 21, 9, 0, tzinfo=WIRE_ZONE)
_TO_SENDING = (
    Move(State.DRAFT, State.PRICED, "quoted"),
    Move(State.PRICED, State.ARMED, "confirmed"),
    Move(State.ARMED, State.SENDING, "2102 written"),
)
_TO_CONFIRMED = (Move(State.SENDING, State.CONFIRMED, "hub confirmed"),)


def _draft(number: int, sheet: bytes) -> SettlementRow:
    return SettlementRow(
        id=f"S{number:024x}", key=SaleKey("P99990000001", "T01", f"{number:06d}", MOMENT.date()), terminal_sequence=0, lane="1",
        flow="pharmacy_purchase", state=State.DRAFT, person=None, amounts=None, quarantine=False, opened_at=MOMENT,
        changed_at=MOMENT, doubt_since=None, sheet=sheet,
    )  # fmt: skip


def _sending(row: SettlementRow, request: bytes) -> Commit:
    sent = AttemptSent(
        f"P99990000001{int(row.id[1:], 16):018d}", "SETTLE", "2102", "0123456789abcdef", request
    )
    row = msgspec.structs.replace(row, state=State.SENDING, person="0123456789abcdef01234567")
    return Commit(row, _TO_SENDING, "T01", Stamp(MOMENT, 1.0), sent=sent, code_mark=row.id.ljust(64, "0"))


def _confirmed(commit: Commit, answer: bytes) -> Commit:
    assert commit.sent is not None
    row = msgspec.structs.replace(commit.row, state=State.CONFIRMED, amounts=Amounts(3750, 0, 3750, 0, 0, 0))
    ended = AttemptEnded(commit.sent.msgid, "ANSWERED", "done", answer)
    return Commit(row, _TO_CONFIRMED, "T01", Stamp(MOMENT, 2.0), ended=ended)


class Sales:
    """Sales of made-up content in one journal, each brought to the point where S3 is due."""

    def __init__(self, thread: JournalThread, random_bytes: Callable[[int], bytes]) -> None:
        self._thread = thread
        self._random_bytes = random_bytes
        self._number = 0

    async def next(self) -> Commit:
        """Open a sale and return its S3, not yet written."""
        self._number += 1
        draft = _draft(self._number, self._random_bytes(SHEET_BYTES))
        stored = await self._thread.call(
            lambda journal: journal.open_sale(draft, None, "T01", Stamp(MOMENT, 0.0))
        )
        return _sending(stored, self._random_bytes(REQUEST_BYTES))

    async def finish(self, commit: Commit) -> None:
        """Write the outcome, so that the lane is free for the next sale."""
        outcome = _confirmed(commit, self._random_bytes(ANSWER_BYTES))
        await self._thread.call(lambda journal: journal.commit(outcome))


async def measure(folder: Path, rounds: int = ROUNDS, warm_up: int = WARM_UP) -> list[Result]:
    """Measure with both journals in `folder`."""
    random_bytes = random.Random(1).randbytes
    vault, record = Vault(random_bytes(16), random_bytes), Record()
    meter = CommitMeter(record)
    thread = JournalThread(
        lambda: open_journal(str(folder / "journal.db"), vault, "boot", MOMENT, check=meter.attach)
    )
    await thread.open()
    bare = BareJournal(folder / "bare.db")
    try:
        sales = Sales(thread, random_bytes)
        body = await _bound(thread, meter, record, sales)
        rows = [await _round(thread, sales, bare, body) for _ in range(warm_up + rounds)][warm_up:]
    finally:
        bare.close()
        await thread.close()
    ours_ms, inline_ms, floor_ms = (median(row[column] for row in rows) for column in range(3))
    what = f"S3 ({len(body)} bytes) against one bare row of as many bytes, WAL and FULL"
    return [
        Result(NAME, ours_ms, floor_ms, None, f"{what}; through the journal's thread"),
        Result(f"{NAME}, inline", inline_ms, floor_ms, None, f"{what}; inside that thread"),
    ]


async def _bound(thread: JournalThread, meter: CommitMeter, record: Record, sales: Sales) -> bytes:
    """Return what one S3 binds."""
    commit = await sales.next()
    await thread.call(meter.trace)
    with record.kept() as acts:
        await thread.call(lambda journal: journal.commit(commit))
    await thread.call(meter.stop_tracing)
    await sales.finish(commit)
    return b"".join(act.body for act in acts if isinstance(act, Written))


async def _round(
    thread: JournalThread, sales: Sales, bare: BareJournal, body: bytes
) -> tuple[float, float, float]:
    """One S3 and one bare commit; milliseconds of S3 through the thread, of S3 inside it, of the bare commit."""
    commit = await sales.next()
    start = time.perf_counter()
    inline_ms = await thread.call(lambda journal: _took_ms(lambda: journal.commit(commit)))
    ours_ms = (time.perf_counter() - start) * 1000
    floor_ms = _took_ms(lambda: bare.commit(body))
    await sales.finish(commit)
    return ours_ms, inline_ms, floor_ms


def _took_ms(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def run() -> list[Result]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return asyncio.run(measure(Path(folder)))
