"""A journal that is as full as after years, made in minutes.

The journal's own code writes the first sale and every doubt, and links every audit record into the chain. Each further
old sale is a copy of the first one's rows with its own numbers, and random bytes of the same length where something is
sealed or authenticated: nothing at the start and nothing in a sale reads those, and a disk cannot tell them apart. The
file is kept in `build/bench/` for the next run, and made anew when the schema has changed or it has become old.
"""

import datetime as dt
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import apsw
import msgspec

from drivers.signers import SoftwareKeyStore
from protocols.money import Price, Quantity
from protocols.secret import Secret
from protocols.wire_time import WIRE_ZONE, format_time
from terminal.core.states import State
from terminal.core.values import (
    Attempt,
    AttemptEnded,
    AttemptSent,
    ChargeLine,
    Move,
    Person,
    SaleKey,
    Settlement,
)
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import Amounts, Commit, NewReceipt, QueueEntry, SettlementRow, Stamp
from terminal.journal.schema import SCHEMA_VERSION
from terminal.journal.sheet import encode_sheet
from terminal.journal.store import Store
from terminal.journal.vault import Vault

KEPT_IN: Final = Path(__file__).resolve().parent.parent / "build" / "bench"
PASSWORD: Final = b"bench only"
INSTITUTION: Final = "P99990000001"
DAYS: Final = 20
"""The sales lie in so many days before today: nothing has reached the end of its retention term."""
OLD_AFTER_S: Final = 7 * 86_400.0
SALES_PER_COMMIT: Final = 1000
REQUEST_BYTES: Final = 400
ANSWER_BYTES: Final = 600
"""A third of what a real sale keeps, so that the file stays near two gigabytes; the indexes are as large as the real ones."""
MONEY: Final = Amounts(3000, 1800, 1000, 0, 200, 0)
_TO_SENDING: Final = (
    Move(State.DRAFT, State.PRICED, "quoted"),
    Move(State.PRICED, State.ARMED, "confirmed"),
    Move(State.ARMED, State.SENDING, "2102 written"),
)
_TO_CONFIRMED: Final = (Move(State.SENDING, State.CONFIRMED, "hub confirmed"),)
_TO_CLOSED: Final = (
    Move(State.CONFIRMED, State.DELIVERED, "slip printed"),
    Move(State.DELIVERED, State.CLOSED, "done"),
)
_TO_DOUBT: Final = (Move(State.SENDING, State.DOUBT, "no answer"),)


Value = str | int | float | bytes | None
_COPIED: Final = ("settlement", "attempt", "receipt", "code_seen")
_KEY: Final = SaleKey(INSTITUTION, "T01", "", dt.date(2026, 1, 1))
_LINE: Final = ChargeLine(
    1, "XTEST000000000000000D03", "SKU0003", "测试降糖片", "", Quantity(10_000), Price(30_000_000), 3000
)


class BulkStore(Store):
    """A store without a commit for each write; whoever uses it begins and ends transactions."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Store.transaction`."""
        with self.guarded():
            yield


class Filler:
    """Writes sales into a journal file, as the application would have."""

    def __init__(self, path: Path, vault: Vault, today: dt.datetime) -> None:
        open_journal(str(path), vault, "bench", today - dt.timedelta(days=DAYS + 1)).close()
        self._connection = apsw.Connection(str(path))
        self._connection.pragma("journal_mode", "memory")
        self._connection.pragma("synchronous", 0)
        self._connection.pragma("cache_size", -400_000)
        self._journal = Journal(BulkStore(self._connection), vault, "bench")
        self._today = today
        self._bytes = Random(1).randbytes

    def close(self) -> None:
        """End; the file is whole afterwards."""
        self._connection.close()

    def old_sales(self, count: int) -> None:
        """Add sales that were closed days ago, numbered from 1."""
        triggers = self._connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:  # an attempt that is over from the beginning is what they exist to refuse
            self._connection.execute(f"DROP TRIGGER {name}")
        self._copy(count)
        for _, sql in triggers:
            self._connection.execute(str(sql))

    def _copy(self, count: int) -> None:
        """Let the journal write one sale; every further one is its rows with other numbers."""
        midnight = self._today.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._connection:
            self.sale(1, midnight - dt.timedelta(days=DAYS))
        insert = {table: self._model(table) for table in _COPIED}
        for start in range(2, count + 1, SALES_PER_COMMIT):
            with self._connection:
                for number in range(start, min(start + SALES_PER_COMMIT, count + 1)):
                    moment = midnight - dt.timedelta(days=DAYS) * (1 - number / (count + 1))
                    changed: dict[str, str | int] = {
                        "id": f"S{number:024x}", "settlement": f"S{number:024x}", "sale_number": f"F{number:07d}",
                        "terminal_sequence": number, "msgid": f"{INSTITUTION}{number:018d}", "mark": f"{number:064x}",
                        "business_date": moment.date().isoformat(),
                    }  # fmt: skip
                    for table, (sql, columns, values) in insert.items():
                        own = changed if table != "receipt" else changed | {"id": number}
                        self._connection.execute(
                            sql, tuple(self._value(own, *pair) for pair in zip(columns, values, strict=True))
                        )
                    self._chain(str(changed["id"]), Stamp(moment, float(number)))
        self._connection.execute("UPDATE sequence SET value = ? WHERE name = 'settlement'", (count,))

    def _value(self, changed: Mapping[str, str | int], column: str, value: Value) -> Value:
        if column in changed:
            return changed[column]
        return self._bytes(len(value)) if isinstance(value, bytes) else value

    def _model(self, table: str) -> tuple[str, tuple[str, ...], tuple[Value, ...]]:
        """How to add a row to a table, its columns, and the row that is there."""
        cursor = self._connection.execute(f"SELECT * FROM {table}")
        columns = tuple(name for name, _ in cursor.get_description())
        return (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            columns,
            next(iter(cursor)),
        )

    def _chain(self, settlement_id: str, stamp: Stamp) -> None:
        """Three of the eight audit records that a sale leaves."""
        row = SettlementRow(
            id=settlement_id, key=_KEY, terminal_sequence=0, lane="1", flow="pharmacy_purchase", state=State.CLOSED, person="0" * 24,
            amounts=MONEY, quarantine=False, opened_at=stamp.wall, changed_at=stamp.wall, doubt_since=None, sheet=b"",
        )  # fmt: skip
        for move in (_TO_SENDING[-1], *_TO_CONFIRMED, _TO_CLOSED[-1]):
            self._journal.audit.append_change(
                "T01", "move", row, move.source, move.target, move.reason, stamp
            )

    def doubts(self, first: int, count: int) -> None:
        """Add sales numbered from `first` whose answer never came, ten minutes ago."""
        with self._connection:
            for number in range(first, first + count):
                self.sale(number, self._today - dt.timedelta(minutes=10), doubt=True)

    def sale(self, number: int, moment: dt.datetime, *, doubt: bool = False) -> None:
        """Let the journal write one sale, to its end or into its doubt."""
        stamp = Stamp(moment, float(number))
        draft = Settlement(
            id=f"S{number:024x}", key=msgspec.structs.replace(_KEY, sale_number=f"F{number:07d}", business_date=moment.date()),
            lane="1", flow="pharmacy_purchase", state=State.DRAFT, operator="T01", began_at=format_time(moment), lines=(_LINE,),
        )  # fmt: skip
        row = SettlementRow(
            id=draft.id, key=draft.key, terminal_sequence=0, lane="1", flow=draft.flow, state=State.DRAFT, person=None, amounts=None,
            quarantine=False, opened_at=moment, changed_at=moment, doubt_since=None, sheet=encode_sheet(draft),
        )  # fmt: skip
        row = self._journal.open_sale(row, None, "T01", stamp)
        msgid = f"{INSTITUTION}{number:018d}"
        sent = AttemptSent(msgid, "SETTLE", "2102", "0" * 16, self._bytes(REQUEST_BYTES))
        sending = self._as(row, draft, State.SENDING, msgid)
        self._journal.commit(
            Commit(sending, _TO_SENDING, "T01", stamp, sent=sent, code_mark=f"{number:064x}")
        )
        if doubt:
            doubtful = msgspec.structs.replace(self._as(row, draft, State.DOUBT, msgid), doubt_since=moment)
            ended, queue = AttemptEnded(msgid, "UNKNOWN", "no answer", b""), QueueEntry(0, moment, "", 0)
            self._journal.commit(Commit(doubtful, _TO_DOUBT, "T01", stamp, ended=ended, queue=queue))
            return
        confirmed = msgspec.structs.replace(self._as(row, draft, State.CONFIRMED, msgid), amounts=MONEY)
        ended = AttemptEnded(msgid, "ANSWERED", "done", self._bytes(ANSWER_BYTES))
        self._journal.commit(
            Commit(confirmed, _TO_CONFIRMED, "T01", stamp, ended=ended, receipt=NewReceipt("original"))
        )
        (receipt,) = self._journal.receipts.of(row.id)
        self._journal.receipts.move(receipt.id, "printing", "printer", stamp, bytes(32))
        self._journal.receipts.move(receipt.id, "printed", "printer", stamp)
        closed = msgspec.structs.replace(
            self._as(row, draft, State.CLOSED, msgid), amounts=MONEY, state=State.CLOSED
        )
        self._journal.commit(Commit(closed, _TO_CLOSED, "T01", stamp))

    @staticmethod
    def _as(row: SettlementRow, draft: Settlement, state: State, msgid: str) -> SettlementRow:
        person = Person(
            psn_no=Secret(f"9999{int(msgid[-9:]) % 5000:016d}"), name=Secret("测试甲"), certno=Secret("999999199001010016"),
            cert_type="01", insutype="310", psn_type="11", insured_division="999900", balance_fen=6000,
        )  # fmt: skip
        settlement = msgspec.structs.replace(
            draft, key=row.key, state=state, settle_msgid=msgid, person=person, confirmed=True,
            attempt=Attempt(msgid, "SETTLE", "2102", "0" * 16, b""), in_flight=state is State.SENDING,
        )  # fmt: skip
        return msgspec.structs.replace(row, state=state, person="0" * 24, sheet=encode_sheet(settlement))


def kept(settlements: int) -> Path:
    """Return a folder with `keys/` (password `PASSWORD`) and `journal.db` of so many closed settlements; make it if needed."""
    folder = KEPT_IN / f"journal-{SCHEMA_VERSION}-{settlements}"
    file = folder / "journal.db"
    if file.exists() and time.time() - file.stat().st_mtime < OLD_AFTER_S:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    making = folder.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    SoftwareKeyStore(making / "keys").create(PASSWORD)
    began_s = time.monotonic()
    print(f"making a journal of {settlements:,} settlements, once ...", file=sys.stderr, flush=True)
    with filling(making / "journal.db", making) as filler:
        filler.old_sales(settlements)
    making.rename(folder)
    print(f"... {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
    return folder


def vault_of(folder: Path) -> Vault:
    """The vault of a kept journal."""
    return Vault(SoftwareKeyStore(folder / "keys").unlock(PASSWORD).field_key, Random(2).randbytes)


@contextmanager
def filling(file: Path, folder: Path) -> Iterator[Filler]:
    """A filler for the journal `file`, under the keys of `folder`."""
    filler = Filler(file, vault_of(folder), dt.datetime.now(WIRE_ZONE))
    try:
        yield filler
    finally:
        filler.close()
