"""The terminal's own journal with sales of made-up content, so that its two commits of a sale can be measured alone.

Every sale is opened beforehand; what is measured is S3 (attempt and signed bytes before anything leaves) and the
outcome (S4), with as many bytes as the caller asks for.
"""

import contextlib
import datetime as dt
import random
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from bench.counter_rig import CommitMeter, Record, Written
from protocols.wire_time import WIRE_ZONE
from terminal.core.states import State
from terminal.core.values import AttemptEnded, AttemptSent, Move, SaleKey
from terminal.journal.opening import open_journal
from terminal.journal.records import Amounts, Commit, NewReceipt, SettlementRow, Stamp
from terminal.journal.thread import JournalThread
from terminal.journal.vault import Vault

MOMENT = dt.datetime(2026, 11, 21, 9, 0, tzinfo=WIRE_ZONE)
_TO_SENDING = (
    Move(State.DRAFT, State.PRICED, "quoted"),
    Move(State.PRICED, State.ARMED, "confirmed"),
    Move(State.ARMED, State.SENDING, "2102 written"),
)
_TO_CONFIRMED = (Move(State.SENDING, State.CONFIRMED, "hub confirmed"),)


class Sizes(msgspec.Struct, frozen=True):
    """Lengths in bytes of what one sale brings into the journal."""

    quoted_sheet: int = 1800
    request: int = 1275
    settled_sheet: int = 2900
    answer: int = 1769


class MadeUpSale(msgspec.Struct, frozen=True):
    """One opened sale with its two commits, neither written yet."""

    s3: Commit
    outcome: Commit


class OwnJournal:
    """A journal in its own thread; use `running`."""

    def __init__(self, thread: JournalThread, record: Record, meter: CommitMeter) -> None:
        self.thread = thread
        self._record = record
        self._meter = meter
        self._random_bytes = random.Random(1).randbytes
        self._number = 0
        self._reserved = MOMENT

    async def next(self, sizes: Sizes, *, settles: bool = True) -> MadeUpSale:
        """Open one more sale; the one before must be settled. `settles` False: its commits are a booked step's."""
        self._number += 1
        draft = SettlementRow(
            id=f"S{self._number:024x}", key=SaleKey("P99990000001", "T01", f"{self._number:06d}", MOMENT.date()),
            terminal_sequence=0, lane="1", flow="pharmacy_purchase", state=State.DRAFT, person=None, amounts=None, quarantine=False,
            opened_at=MOMENT, changed_at=MOMENT, doubt_since=None, sheet=b"",
        )  # fmt: skip
        row = await self.thread.call(
            lambda journal: journal.open_sale(draft, None, "T01", Stamp(MOMENT, 0.0))
        )
        return MadeUpSale(*(self._commits(row, sizes) if settles else self._step_commits(row, sizes)))

    def _commits(self, row: SettlementRow, sizes: Sizes) -> tuple[Commit, Commit]:
        replace, content = msgspec.structs.replace, self._random_bytes
        msgid = f"P99990000001{self._number:018d}"
        sending = replace(row, state=State.SENDING, person="0" * 24, sheet=content(sizes.quoted_sheet))
        sent = AttemptSent(msgid, "SETTLE", "2102", "0" * 16, content(sizes.request))
        confirmed = replace(
            sending,
            state=State.CONFIRMED,
            amounts=Amounts(30, 0, 30, 0, 0, 0),
            sheet=content(sizes.settled_sheet),
        )
        ended = AttemptEnded(msgid, "ANSWERED", "done", content(sizes.answer))
        return (
            Commit(sending, _TO_SENDING, "bench", Stamp(MOMENT, 1.0), sent=sent, code_mark=f"{self._number:064x}"),
            Commit(confirmed, _TO_CONFIRMED, "bench", Stamp(MOMENT, 2.0), ended=ended, receipt=NewReceipt("original")),
        )  # fmt: skip

    def _step_commits(self, row: SettlementRow, sizes: Sizes) -> tuple[Commit, Commit]:
        """A booked step of a visit: written, then answered; no state moves."""
        replace, content = msgspec.structs.replace, self._random_bytes
        msgid = f"H99990000002{self._number:018d}"
        before = replace(row, person="0" * 24, sheet=content(sizes.quoted_sheet))
        sent = AttemptSent(msgid, "STEP", "2204", "0" * 16, content(sizes.request))
        ended = AttemptEnded(msgid, "ANSWERED", "done", content(sizes.answer))
        after = replace(before, sheet=content(sizes.settled_sheet))
        return (
            Commit(before, (), "bench", Stamp(MOMENT, 1.0), sent=sent),
            Commit(after, (), "bench", Stamp(MOMENT, 2.0), ended=ended),
        )

    async def commit(self, commit: Commit) -> None:
        """Write one durable point, as the engine does."""
        await self.thread.call(lambda journal: journal.commit(commit))

    async def reserve(self) -> None:
        """Reserve one more block of message numbers."""
        self._reserved += dt.timedelta(seconds=5)
        until = self._reserved
        await self.thread.call(lambda journal: journal.reserve_message_numbers(until))

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the file."""
        await self.thread.call(lambda journal: journal.checkpoint())

    async def bound(self, sizes: Sizes, *, settles: bool = True) -> tuple[bytes, bytes]:
        """Do one sale and return what its two commits bind, one value behind the other."""
        sale = await self.next(sizes, settles=settles)
        await self.thread.call(self._meter.trace)
        with self._record.kept() as acts:
            await self.commit(sale.s3)
            await self.commit(sale.outcome)
        await self.thread.call(self._meter.stop_tracing)
        s3, outcome = (act.body for act in acts if isinstance(act, Written))
        return s3, outcome

    async def fitted(
        self, s3_bytes: int, outcome_bytes: int, request: int, answer: int, *, settles: bool = True
    ) -> Sizes:
        """Return the sizes with which the two commits bind so many bytes (to a digit or two of a sequence number)."""
        s3, outcome = await self.bound(Sizes(0, request, 0, answer), settles=settles)
        return Sizes(max(s3_bytes - len(s3), 0), request, max(outcome_bytes - len(outcome), 0), answer)


@contextlib.asynccontextmanager
async def running(path: Path) -> AsyncIterator[OwnJournal]:
    """A fresh journal at `path`, opened as the application opens it."""
    record = Record()
    meter = CommitMeter(record)
    random_bytes = random.Random(2).randbytes
    vault = Vault(random_bytes(16), random_bytes)
    thread = JournalThread(lambda: open_journal(str(path), vault, "bench", MOMENT, check=meter.attach))
    await thread.open()
    try:
        yield OwnJournal(thread, record, meter)
    finally:
        await thread.close()
