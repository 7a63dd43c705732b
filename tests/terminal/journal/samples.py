"""Rows, commits and file systems for tests of the journal."""

import datetime as dt
import hashlib
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import msgspec

from protocols.wire_time import WIRE_ZONE
from terminal.core.events import Event, HubSaid
from terminal.core.states import State
from terminal.core.values import AttemptEnded, AttemptSent, Move, SaleKey
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import Amounts, Commit, NewReceipt, QueueEntry, SettlementRow, Stamp
from terminal.journal.sheet import decode_sheet, encode_sheet
from terminal.journal.vault import Vault
from tests.terminal.core.samples import SILENT, TO_CONFIRMED, TO_SENDING, after, draft

NINE = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)
KEY = SaleKey("P99990000001", "T01", "0001", NINE.date())
AMOUNTS = Amounts(3750, 0, 3750, 0, 0, 0)
MSGID = "P99990000001202611230900000101"
SECOND = MSGID[:-2] + "02"
"""The message of the second sale of `three_sales`."""
FIELD_KEY = hashlib.sha256(b"a field key of the tests").digest()[:16]


def vault(key: bytes = FIELD_KEY) -> Vault:
    """A vault with deterministic nonces."""
    return Vault(key, random.Random(7).randbytes)


def stamp(seconds: float = 0.0) -> Stamp:
    """Both clocks, some seconds after nine."""
    return Stamp(NINE + dt.timedelta(seconds=seconds), 1000.0 + seconds)


def open_at(path: Path, **options: Any) -> Journal:
    """Open or create a journal."""
    return open_journal(str(path), options.pop("vault", vault()), "boot", NINE, **options)


def row(**changes: Any) -> SettlementRow:
    """A sale that was just opened."""
    fresh = SettlementRow(
        id="S1", key=KEY, terminal_sequence=0, lane="1", flow="pharmacy_purchase", state=State.DRAFT, person=None, amounts=None,
        quarantine=False, opened_at=NINE, changed_at=NINE, doubt_since=None, sheet=encode_sheet(draft()),
    )  # fmt: skip
    return msgspec.structs.replace(fresh, **changes)


def path_of(*states: State) -> tuple[Move, ...]:
    """The moves along these states."""
    return tuple(Move(source, target, "test") for source, target in pairwise(states))


def _sheet(stored: SettlementRow, *events: Event) -> bytes:
    return encode_sheet(after(*events, start=draft(id=stored.id)))


TO_SENDING_STATES = (State.DRAFT, State.PRICED, State.ARMED, State.SENDING)


def begin(
    journal: Journal, settlement_id: str = "S1", number: str = "0001", lane: str = "1"
) -> SettlementRow:
    """Open a sale and return its row as stored."""
    key = msgspec.structs.replace(KEY, sale_number=number)
    fresh = row(id=settlement_id, key=key, lane=lane, sheet=encode_sheet(draft(id=settlement_id)))
    return journal.open_sale(fresh, None, "till", stamp())


def send(journal: Journal, opened: SettlementRow, msgid: str = MSGID, code_mark: str = "") -> SettlementRow:
    """Write the settlement message (S3)."""
    sending = msgspec.structs.replace(
        opened, state=State.SENDING, person="pseudonym", sheet=_sheet(opened, *TO_SENDING)
    )
    sent = AttemptSent(msgid, "SETTLE", "2102", "key 1", b'{"msgid":"' + msgid.encode() + b'"}')
    journal.commit(
        Commit(sending, path_of(*TO_SENDING_STATES), "T01", stamp(1), sent=sent, code_mark=code_mark)
    )
    return sending


def settle(journal: Journal, sending: SettlementRow, msgid: str = MSGID) -> SettlementRow:
    """Write the outcome (S4) with its slip."""
    settled = msgspec.structs.replace(
        sending, state=State.CONFIRMED, amounts=AMOUNTS, sheet=_sheet(sending, *TO_CONFIRMED)
    )
    ended = AttemptEnded(msgid, "ANSWERED", "done", b"the answer")
    moves = path_of(State.SENDING, State.CONFIRMED)
    journal.commit(Commit(settled, moves, "T01", stamp(2), ended=ended, receipt=NewReceipt("original")))
    return settled


def doubt(journal: Journal, sending: SettlementRow, msgid: str = MSGID) -> SettlementRow:
    """Write that the outcome is unknown."""
    events = (*TO_SENDING, HubSaid("2102", SILENT))
    doubtful = msgspec.structs.replace(
        sending, state=State.DOUBT, doubt_since=NINE, sheet=_sheet(sending, *events)
    )
    journal.commit(
        Commit(
            doubtful, path_of(State.SENDING, State.DOUBT), "T01", stamp(2), ended=AttemptEnded(msgid, "UNKNOWN", "timeout"),
            queue=QueueEntry(0, NINE, "timeout"), receipt=NewReceipt("doubt"),
        )
    )  # fmt: skip
    return doubtful


def close(journal: Journal, settlement_id: str = "S1") -> None:
    """Bring a confirmed sale to its end, its slip printed."""
    stored = journal.settlements.get(settlement_id)
    assert stored is not None
    for receipt in journal.receipts.of(settlement_id):
        journal.receipts.move(receipt.id, "printing", "printer", stamp(3))
        journal.receipts.move(receipt.id, "printed", "printer", stamp(4))
    closed = msgspec.structs.replace(
        stored, state=State.CLOSED, changed_at=NINE + dt.timedelta(seconds=5),
        sheet=encode_sheet(msgspec.structs.replace(decode_sheet(stored.sheet), state=State.CLOSED)),
    )  # fmt: skip
    journal.commit(Commit(closed, path_of(State.CONFIRMED, State.DELIVERED, State.CLOSED), "T01", stamp(5)))


def closed_sale(path: Path) -> Journal:
    """A journal with one sale S1 that is over."""
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    close(journal)
    return journal


def three_sales(path: Path) -> Path:
    """A closed journal with a settled sale S1 (audit records 1 to 5), a doubt S2 on lane 2, and an open sale S3."""
    journal = open_at(path)
    settle(journal, send(journal, begin(journal)))
    doubt(journal, send(journal, begin(journal, "S2", "0002", lane="2"), SECOND), SECOND)
    begin(journal, "S3", "0003")
    journal.close()
    return path


def raw(path: Path) -> apsw.Connection:
    """The file without the journal's Python: for looking at it, and for breaking it."""
    return apsw.Connection(str(path))


def meta(path: Path) -> dict[str, str]:
    """The notes of a file."""
    stranger = raw(path)
    found = {str(name): str(value) for name, value in stranger.execute("SELECT name, value FROM meta")}
    stranger.close()
    return found


class Disk(apsw.VFS):
    """A file system that records what is done to it and fails when told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name, "")
        self.done: list[tuple[str, str, int]] = []
        """What, which file (`db`, `-wal`, `-journal`), and a number: flags of a sync or of a delete."""
        self.fail_at: int | None = None
        """Fail the n-th write or sync from now (1 = the next one)."""
        self.error: Callable[[], Exception] = lambda: apsw.FullError("disk full, on purpose")
        self.failures = 0
        self.stays_broken = False

    def xOpen(self, name: Any, flags: list[int]) -> "DiskFile":
        return DiskFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.done.append(("delete", suffix_of(filename), int(syncdir)))
        super().xDelete(filename, syncdir)

    def happens(self, what: str, suffix: str, number: int) -> None:
        """Record a write or sync, or fail it."""
        if self.fail_at is not None:
            self.fail_at -= 1
            if self.fail_at <= 0:
                self.fail_at = 1 if self.stays_broken else None
                self.failures += 1
                raise self.error()
        self.done.append((what, suffix, number))


class DiskFile(apsw.VFSFile):
    """One file of a `Disk`."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._suffix = suffix_of(name.filename() if isinstance(name, apsw.URIFilename) else str(name or ""))
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.happens("write", self._suffix, len(data))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.happens("sync", self._suffix, flags)
        super().xSync(flags)


def suffix_of(filename: str) -> str:
    """`db`, `-wal` or `-journal`."""
    for suffix in ("-wal", "-journal"):
        if filename.endswith(suffix):
            return suffix
    return "db"
