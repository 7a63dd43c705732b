"""The journal: one synchronous object, one connection, one writer.

Durability. The file is created and migrated under a rollback journal with synchronous=EXTRA, then reopened, switched
to WAL and used under synchronous=FULL; every pragma is read back. (A new file switched to WAL under FULL can lose its
first commits in a power cut: the rollback journal's removal is not synced. See docs/decisions/0005.) The engine must
be 3.51.3 or later, because of the WAL-reset bug before it.

After any storage error the object refuses further work (`JournalFailed`): the error may have hidden a commit that is
nevertheless on disk, so the process stops and the next one believes only the disk (invariant I10).
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import apsw
import msgspec

from protocols.gm.sm3 import sm3
from protocols.wire_time import WIRE_ZONE
from terminal.core.states import SALE_KEY_FREE, State
from terminal.core.values import SaleKey
from terminal.journal.anchor_table import AnchorTable
from terminal.journal.audit_chain import link, newest_link
from terminal.journal.day_keys import DayKeys, PastTerm, Purpose
from terminal.journal.migrations import migrate_if_old, note_readable_from, readable_from, refuse_newer
from terminal.journal.outbox import Outbox
from terminal.journal.records import (
    Amounts,
    AttemptRow,
    AuditRow,
    Commit,
    Idempotency,
    JournalFailed,
    JournalRefused,
    QueueEntry,
    ReceiptRow,
    Sent,
    SettlementRow,
    Stamp,
)
from terminal.journal.retention import Retention
from terminal.journal.schema import CREATE, NOT_OVER, RULES, SCHEMA_VERSION
from terminal.journal.sheet import decode_sheet, encode_sheet, join_sheet, split_sheet
from terminal.journal.vault import BlobDamaged, Vault

MINIMUM_ENGINE = (3, 51, 3)
_canonical = msgspec.json.Encoder(order="sorted")
_Row = TypeVar("_Row")

_SETTLEMENT_COLUMNS = (
    "id, institution, till, sale_number, business_date, generation, terminal_sequence, lane, flow, state, person, total_fen,"
    " fund_fen, account_fen, mutual_aid_fen, cash_fen, hospital_fen, mutual_aid_beside, quarantine, opened_at, changed_at,"
    " doubt_since, sheet, row_mac, identity"
)
_INSERT_SETTLEMENT = f"INSERT INTO settlement ({_SETTLEMENT_COLUMNS}) VALUES ({', '.join('?' * 25)})"
_UPDATE_SETTLEMENT = (
    "UPDATE settlement SET state = ?, person = ?, total_fen = ?, fund_fen = ?, account_fen = ?, mutual_aid_fen = ?, cash_fen = ?,"
    " hospital_fen = ?, mutual_aid_beside = ?, quarantine = ?, changed_at = ?, doubt_since = ?, sheet = ?, row_mac = ?, identity = ?"
    " WHERE id = ?"
)


def _text(time: dt.datetime) -> str:
    # The same text as strftime with "%Y-%m-%d %H:%M:%S.%f" at a fifth of its price: a commit writes a dozen of them.
    return time.astimezone(WIRE_ZONE).isoformat(" ", "microseconds")[:26]


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=WIRE_ZONE)


class Journal:
    """The open journal. Not thread safe: one thread calls it (the application wraps it in `JournalThread`)."""

    def __init__(self, connection: apsw.Connection, vault: Vault, boot_id: str) -> None:
        """Use `open_journal`; this only takes over an already prepared connection."""
        self._connection = connection
        self._vault = vault
        self._boot_id = boot_id
        self._failed = ""
        self._day_keys = DayKeys(connection, vault)
        self.retention = Retention(
            connection,
            self._guarded,
            self._transaction,
            self._append_audit,
            self._day_keys,
            self._rewrite_sheet,
        )
        """What is deleted at the end of its term."""
        self.outbox = Outbox(connection, self._transaction)
        """What waits to be sent to the fleet."""
        self.anchors = AnchorTable(connection, self._transaction, self._append_audit, self._rows)
        """The signed anchors of the audit chain."""
        self._audit_sequence, self._audit_head = newest_link(connection)

    # -- writing ----------------------------------------------------------------------------------

    def open_sale(
        self, row: SettlementRow, idempotency: Idempotency | None, actor: str, stamp: Stamp
    ) -> SettlementRow:
        """Reserve a sale number (S1) and return the stored row.

        `row` comes with generation 1 and sequence 0; the journal gives both. The same idempotency key with the same
        body returns the settlement it opened before, unchanged. Raises `JournalRefused`: `idempotency_conflict` (same
        key, other body), `sale_number_open` (the sale number has a live settlement; its id is in the error).
        """
        with self._transaction():
            if idempotency is not None and (known := self._known(idempotency)) is not None:
                return known
            self._require_free(row.key)
            stored = self._insert(row)
            if idempotency is not None:
                self._connection.execute(
                    "INSERT INTO idempotency (client, key, fingerprint, settlement, created_at) VALUES (?, ?, ?, ?, ?)",
                    (
                        idempotency.client,
                        idempotency.key,
                        idempotency.fingerprint,
                        stored.id,
                        _text(stamp.wall),
                    ),
                )
            self._audit(actor, "open", stored, "", stored.state, "", stamp)
            return stored

    def _insert(self, row: SettlementRow) -> SettlementRow:
        """Store a new settlement as the next generation of its sale number; return it as stored."""
        generation = self._one("SELECT COALESCE(MAX(generation), 0) + 1 FROM settlement WHERE institution = ? AND till = ?"
                               " AND sale_number = ? AND business_date = ?", self._key_columns(row.key))  # fmt: skip
        key = msgspec.structs.replace(row.key, generation=generation)
        stored = msgspec.structs.replace(row, key=key, terminal_sequence=self._next("settlement"))
        self._connection.execute(_INSERT_SETTLEMENT, self._settlement_values(stored))
        return stored

    def commit(self, commit: Commit) -> SettlementRow | None:
        """Write one durable point; when this returns, it is on disk. Return the sale that was opened with it, if any.

        Raises `JournalFailed` when durability is in doubt, `JournalRefused` (`code_used`) when another sale has used
        this certificate code, and apsw.ConstraintError when an SQL guard refuses what the core believed right (our own
        bug; nothing was written).
        """
        row, stamp = commit.row, commit.stamp
        with self._transaction():
            for move in commit.moves[:-1]:
                self._connection.execute(
                    "UPDATE settlement SET state = ? WHERE id = ?", (move.target.value, row.id)
                )
            self._update(row)
            for move in commit.moves:
                self._audit(commit.actor, "move", row, move.source, move.target, move.reason, stamp)
            if commit.sent is not None:
                sent = commit.sent
                self._connection.execute(
                    "INSERT INTO attempt (msgid, settlement, lane, purpose, infno, key_id, request, request_sm3, state, sent_at,"
                    " sent_monotonic, boot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'SENT', ?, ?, ?)",
                    (sent.msgid, row.id, row.lane, sent.purpose, sent.infno, sent.key_id,
                     self._seal_evidence(row, f"attempt.request:{sent.msgid}", sent.request, stamp.wall), sm3(sent.request),
                     _text(stamp.wall), stamp.monotonic_s, self._boot_id),
                )  # fmt: skip
            if commit.ended is not None:
                ended = commit.ended
                answer = None
                if ended.answer:
                    answer = self._seal_evidence(
                        row, f"attempt.answer:{ended.msgid}", ended.answer, stamp.wall
                    )
                self._connection.execute(
                    "UPDATE attempt SET state = ?, verdict = ?, answer = COALESCE(?, answer), ended_at = ? WHERE msgid = ?",
                    (ended.state, ended.verdict, answer, _text(stamp.wall), ended.msgid),
                )
            if commit.queue is not None:
                entry = commit.queue
                self._connection.execute(
                    "INSERT INTO reversal_queue (settlement, tries, due_at, last_verdict, quiet_stage) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (settlement) DO UPDATE SET tries = excluded.tries, due_at = excluded.due_at,"
                    " last_verdict = excluded.last_verdict, quiet_stage = excluded.quiet_stage",
                    (row.id, entry.tries, _text(entry.due_at), entry.last_verdict, entry.quiet_stage),
                )
            if commit.leave_queue:
                self._connection.execute("DELETE FROM reversal_queue WHERE settlement = ?", (row.id,))
            if commit.receipt is not None:
                receipt = commit.receipt
                self._connection.execute(
                    "INSERT INTO receipt (settlement, kind, copy_number, state, created_at, changed_at) VALUES (?, ?, ?, 'waiting', ?, ?)",
                    (row.id, receipt.kind, receipt.copy_number, _text(stamp.wall), _text(stamp.wall)),
                )
            if commit.code_mark:
                self._use_code(commit.code_mark, row.id, stamp)
            if commit.opens is None:
                return None
            opened = self._insert(commit.opens)
            self._audit(
                commit.actor, "open", opened, "", opened.state, f"rest of the refund of {row.id}", stamp
            )
            return opened

    def receipt_moves(
        self, receipt_id: int, state: str, actor: str, stamp: Stamp, content_sm3: bytes | None = None
    ) -> None:
        """Write a slip's new state; `printing`, with the hash of its bytes, is written before the first byte leaves (S5)."""
        with self._transaction():
            settlement = self._one("SELECT settlement FROM receipt WHERE id = ?", (receipt_id,))
            self._connection.execute(
                "UPDATE receipt SET state = ?, changed_at = ?, content_sm3 = COALESCE(?, content_sm3) WHERE id = ?",
                (state, _text(stamp.wall), content_sm3, receipt_id),
            )
            self._append_audit(
                {
                    "action": "receipt",
                    "actor": actor,
                    "object": settlement,
                    "new": state,
                    "receipt": receipt_id,
                },
                stamp,
            )

    def owe_copy(self, settlement_id: str, actor: str, stamp: Stamp) -> int:
        """Owe one more copy of a settlement's slip and return its number (abuse case T47)."""
        with self._transaction():
            number = int(
                self._one(
                    "SELECT COALESCE(MAX(copy_number), 0) + 1 FROM receipt WHERE settlement = ? AND kind = 'copy'",
                    (settlement_id,),
                )
            )
            self._connection.execute(
                "INSERT INTO receipt (settlement, kind, copy_number, state, created_at, changed_at) VALUES (?, 'copy', ?, 'waiting', ?, ?)",
                (settlement_id, number, _text(stamp.wall), _text(stamp.wall)),
            )
            self._append_audit(
                {"action": "copy", "actor": actor, "object": settlement_id, "copy": number}, stamp
            )
            return number

    def reserve_message_numbers(self, until: dt.datetime) -> dt.datetime:
        """Reserve all message numbers up to and including the second `until`; return the last second reserved before.

        Never goes back: a smaller `until` reserves nothing new.
        """
        with self._transaction():
            before = self._one("SELECT value FROM meta WHERE name = 'message_numbers_until'", ())
            last = _time(before)
            if until > last:
                self._connection.execute(
                    "UPDATE meta SET value = ? WHERE name = 'message_numbers_until'", (_text(until),)
                )
            return last

    def note(self, actor: str, action: str, text: str, stamp: Stamp) -> None:
        """Append an audit record that belongs to no settlement (boot, sign-in, alarm)."""
        with self._transaction():
            self._append_audit({"action": action, "actor": actor, "note": text}, stamp)

    # -- reading ----------------------------------------------------------------------------------

    def settlement(self, settlement_id: str) -> SettlementRow | None:
        """Return one settlement, its sheet decrypted, or None."""
        rows = self._settlements("WHERE id = ?", (settlement_id,))
        return rows[0] if rows else None

    def opened_before(self, idempotency: Idempotency) -> bool:
        """Whether this request has opened a sale already; raises `JournalRefused` (`idempotency_conflict`)."""
        return self._known(idempotency) is not None

    def by_sale_number(self, key: SaleKey) -> SettlementRow | None:
        """Return the newest settlement of a sale number, or None."""
        rows = self._settlements(
            "WHERE institution = ? AND till = ? AND sale_number = ? AND business_date = ? ORDER BY generation DESC LIMIT 1",
            self._key_columns(key),
        )
        return rows[0] if rows else None

    def unfinished(self) -> list[SettlementRow]:
        """Return every settlement that is not over, or over but with tries still in the queue, oldest first."""
        # Two indexed looks instead of one at every row that ever was: `OR` would read them all.
        return self._settlements(
            f"WHERE id IN (SELECT id FROM settlement INDEXED BY settlement_by_state WHERE {NOT_OVER}"
            " UNION ALL SELECT settlement FROM reversal_queue) ORDER BY terminal_sequence",
            (),
        )

    def keys_in_use(self) -> set[str]:
        """Ids of the keys that signed a message of a settlement that is not over: its undoing needs them."""
        return {
            str(key_id)
            for row in self.unfinished()
            for (key_id,) in self._rows("SELECT DISTINCT key_id FROM attempt WHERE settlement = ?", (row.id,))
        }

    def recent(self, limit: int, before_sequence: int | None = None) -> list[SettlementRow]:
        """Return the newest settlements, newest first; `before_sequence` pages on."""
        if before_sequence is None:
            return self._settlements("ORDER BY terminal_sequence DESC LIMIT ?", (limit,))
        return self._settlements(
            "WHERE terminal_sequence < ? ORDER BY terminal_sequence DESC LIMIT ?", (before_sequence, limit)
        )

    def sent_between(self, first_msgid: str, last_msgid: str) -> list[Sent]:
        """Return every message that moves money with an id in this range (both included), without its bytes.

        Message ids begin with institution and second, so a range of them is a range of time.
        """
        return self._sent("msgid BETWEEN ? AND ?", (first_msgid, last_msgid))

    def sent_for_days(self, first: dt.date, last: dt.date) -> list[Sent]:
        """Return every message that moves money for a settlement of these business dates (both included), without its bytes."""
        return self._sent(
            "settlement IN (SELECT id FROM settlement WHERE business_date BETWEEN ? AND ?)",
            (first.isoformat(), last.isoformat()),
        )

    def sent_for(self, settlement_id: str) -> list[Sent]:
        """Return every message that moves money sent for a settlement, without its bytes, in the order they were sent."""
        return self._sent("settlement = ?", (settlement_id,))

    def _sent(self, where: str, values: tuple[str, ...]) -> list[Sent]:
        return [
            Sent(
                msgid,
                settlement,
                purpose,
                state,
                verdict or "",
                _time(sent_at),
                _time(ended_at) if ended_at else None,
            )
            for msgid, settlement, purpose, state, verdict, sent_at, ended_at in self._rows(
                "SELECT msgid, settlement, purpose, state, verdict, sent_at, ended_at FROM attempt"
                f" WHERE {where} AND purpose <> 'STEP' ORDER BY msgid",
                values,
            )
        ]

    def attempts(self, settlement_id: str) -> list[AttemptRow]:
        """Return the attempts of a settlement in the order they were sent, bytes decrypted."""
        found = []
        for (msgid, settlement, purpose, infno, key_id, request, state, verdict, answer, sent_at, ended_at) in self._rows(
            "SELECT msgid, settlement, purpose, infno, key_id, request, state, verdict, answer, sent_at, ended_at FROM attempt"
            " WHERE settlement = ? ORDER BY msgid", (settlement_id,)
        ):  # fmt: skip
            opened = self._open_if_in_term(f"attempt.request:{msgid}", request)
            heard = None if answer is None else self._open_if_in_term(f"attempt.answer:{msgid}", answer)
            found.append(
                AttemptRow(
                    msgid, settlement, purpose, infno, key_id, opened or b"", state, verdict, heard, sent_at, ended_at, opened is None
                )
            )  # fmt: skip
        return found

    def queue_entry(self, settlement_id: str) -> QueueEntry | None:
        """Return where the series of tries of one settlement stands, or None."""
        for tries, due_at, verdict, stage in self._rows(
            "SELECT tries, due_at, last_verdict, quiet_stage FROM reversal_queue WHERE settlement = ?",
            (settlement_id,),
        ):
            return QueueEntry(tries, _time(due_at), verdict, stage)
        return None

    def receipts(self, settlement_id: str) -> list[ReceiptRow]:
        """Return the slips of a settlement in the order they were owed."""
        return [
            ReceiptRow(*row)
            for row in self._rows(
                "SELECT id, settlement, kind, copy_number, state FROM receipt WHERE settlement = ?1 AND kind <> 'copy'"
                " UNION ALL SELECT id, settlement, kind, copy_number, state FROM receipt WHERE settlement = ?1 AND kind = 'copy'"
                " ORDER BY id",  # each half has its index, the whole has none
                (settlement_id,),
            )
        ]

    def open_receipts(self) -> list[ReceiptRow]:
        """Return the slips that are waiting, or were being printed when the process ended, oldest first."""
        return [
            ReceiptRow(*row)
            for row in self._rows(
                "SELECT id, settlement, kind, copy_number, state FROM receipt WHERE state IN ('waiting', 'printing') ORDER BY id"
            )
        ]

    def code_used_by(self, mark: str) -> str | None:
        """Return the settlement that a certificate code (by its keyed hash) was used for, or None (abuse case T02)."""
        for (settlement,) in self._rows("SELECT settlement FROM code_seen WHERE mark = ?", (mark,)):
            return str(settlement)
        return None

    def audit_of(self, settlement_id: str, after: int, until: int) -> list[AuditRow]:
        """Return the audit records of one settlement with sequence numbers behind `after`, up to `until`, oldest first.

        There is no index for it: ask for a stretch at a time, so that sales do not wait for the whole log to be read.
        """
        return [
            AuditRow(*row)
            for row in self._rows(
                "SELECT sequence, previous, hash, record FROM audit WHERE sequence > ? AND sequence <= ?"
                " AND json_extract(CAST(record AS TEXT), '$.object') = ? ORDER BY sequence",
                (after, until, settlement_id),
            )
        ]

    def audit_head(self) -> tuple[int, bytes]:
        """Return sequence number and hash of the newest audit record."""
        return self._audit_sequence, self._audit_head

    @property
    def vault(self) -> Vault:
        """The vault, for pseudonyms and code hashes."""
        return self._vault

    @property
    def failed(self) -> str:
        """Why the journal refuses work, or empty."""
        return self._failed

    def close(self) -> None:
        """Checkpoint and close; a failed checkpoint loses nothing, the next start does it."""
        with suppress(JournalFailed):
            self.checkpoint()
        self._connection.close()

    def checkpoint(self) -> None:
        """Move the WAL into the file; called when idle, because automatic checkpoints are off.

        While somebody reads the file (`journal verify`) only a part is moved; the next checkpoint does the rest. The
        WAL keeps its length: a commit into blocks that are already there needs half the time of one that appends.
        """
        with self._guarded(), suppress(apsw.BusyError, apsw.LockedError):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    # -- inside -----------------------------------------------------------------------------------

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn any storage error into `JournalFailed` and refuse everything after it, reading too.

        Only an SQL guard that says no (ConstraintError) is something else: then nothing was written, for certain.
        """
        if self._failed:
            raise JournalFailed(self._failed)
        try:
            yield
        except apsw.ConstraintError:
            raise
        except apsw.Error as broken:
            raise self._broken(type(broken).__name__) from broken

    def _broken(self, reason: str) -> JournalFailed:
        self._failed = reason
        return JournalFailed(reason)

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Read all rows of a query; a storage error while reading stops the journal as one while writing does."""
        with self._guarded():
            return self._connection.execute(sql, values).fetchall()

    def _open_if_in_term(self, place: str, sealed: bytes | None) -> bytes | None:
        """Return a blob decrypted, or None when its term is over (its day key, or the blob itself, is deleted)."""
        if not sealed:
            return None
        try:
            with self._guarded():
                return self._day_keys.open(place, sealed)
        except PastTerm:
            return None
        except BlobDamaged as damaged:
            raise self._broken("a stored blob does not open in its place") from damaged

    def _seal_evidence(self, row: SettlementRow, place: str, plain: bytes, now: dt.datetime) -> bytes:
        """Encrypt under the evidence key of the settlement's day; refused when that day is past its term."""
        try:
            return self._day_keys.seal(Purpose.EVIDENCE, row.key.business_date, place, plain, _text(now))
        except PastTerm as past:
            raise JournalRefused("evidence_past_term", row.id) from past
        except BlobDamaged as damaged:
            raise self._broken("a day key does not open in its place") from damaged

    def _seal_identity(self, row: SettlementRow, identity: bytes, now: dt.datetime) -> bytes | None:
        """Encrypt what people are shown; nothing is kept of it once its day is past its term."""
        if not identity:
            return None
        try:
            place = f"settlement.identity:{row.id}"
            return self._day_keys.seal_same(
                Purpose.IDENTITY, row.key.business_date, place, identity, _text(now)
            )
        except PastTerm:
            return None
        except BlobDamaged as damaged:
            raise self._broken("a day key does not open in its place") from damaged

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        sequence, head = self._audit_sequence, self._audit_head
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._audit_sequence, self._audit_head = sequence, head
                self._day_keys.forget()
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _use_code(self, mark: str, settlement_id: str, stamp: Stamp) -> None:
        """One certificate code, one settlement: whoever comes second is refused before anything leaves."""
        self._connection.execute(
            "INSERT INTO code_seen (mark, settlement, seen_at) VALUES (?, ?, ?) ON CONFLICT (mark) DO NOTHING",
            (mark, settlement_id, _text(stamp.wall)),
        )
        owner = self._one("SELECT settlement FROM code_seen WHERE mark = ?", (mark,))
        if owner != settlement_id:
            raise JournalRefused("code_used", str(owner))

    def _one(self, sql: str, values: tuple[Any, ...]) -> Any:
        for (value,) in self._connection.execute(sql, values).fetchall():
            return value
        raise self._broken("a row that must be there is missing")

    def _next(self, name: str) -> int:
        return int(self._one("UPDATE sequence SET value = value + 1 WHERE name = ? RETURNING value", (name,)))

    @staticmethod
    def _key_columns(key: SaleKey) -> tuple[str, str, str, str]:
        return key.institution, key.till, key.sale_number, key.business_date.isoformat()

    def _known(self, idempotency: Idempotency) -> SettlementRow | None:
        for fingerprint, settlement in self._rows(
            "SELECT fingerprint, settlement FROM idempotency WHERE client = ? AND key = ?",
            (idempotency.client, idempotency.key),
        ):
            if fingerprint != idempotency.fingerprint:
                raise JournalRefused("idempotency_conflict", settlement)
            return self.settlement(settlement)
        return None

    def _require_free(self, key: SaleKey) -> None:
        newest = self.by_sale_number(key)
        if newest is not None and newest.state not in SALE_KEY_FREE:
            raise JournalRefused("sale_number_open", newest.id)

    def _settlement_values(self, row: SettlementRow) -> tuple[Any, ...]:
        amounts = row.amounts
        money: tuple[int | None, ...] = (None,) * 6
        if amounts is not None:
            money = (amounts.total_fen, amounts.fund_fen, amounts.account_fen, amounts.mutual_aid_fen, amounts.cash_fen,
                     amounts.hospital_fen)  # fmt: skip
        columns = (
            row.id, *self._key_columns(row.key), row.key.generation, row.terminal_sequence, row.lane, row.flow, row.state.value,
            row.person, *money, int(amounts.mutual_aid_beside) if amounts else 0, int(row.quarantine), _text(row.opened_at),
            _text(row.changed_at), _text(row.doubt_since) if row.doubt_since else None,
        )  # fmt: skip
        identity, rest = split_sheet(row.sheet)
        sealed = self._seal_evidence(row, f"settlement.sheet:{row.id}", rest, row.changed_at)
        shown = self._seal_identity(row, identity, row.changed_at)
        return (*columns, sealed, row_mac(self._vault, columns, sealed, shown), shown)

    def _update(self, row: SettlementRow) -> None:
        values = self._settlement_values(row)
        self._connection.execute(_UPDATE_SETTLEMENT, (*values[9:19], *values[20:25], row.id))
        if self._connection.changes() != 1:
            raise JournalRefused("unknown_settlement", row.id)

    def _settlements(self, where: str, values: tuple[Any, ...]) -> list[SettlementRow]:
        found = []
        query = f"SELECT {_SETTLEMENT_COLUMNS} FROM settlement {where}"
        for columns in self._rows(query, values):
            (
                settlement_id,
                institution,
                till,
                number,
                date,
                generation,
                sequence,
                lane,
                flow,
                state,
                person,
                *rest,
            ) = columns
            (
                total,
                fund,
                account,
                mutual_aid,
                cash,
                hospital,
                beside,
                quarantine,
                opened,
                changed,
                doubt,
                sheet,
                mac,
                identity,
            ) = rest
            if row_mac(self._vault, columns[:22], sheet, identity) != mac:
                raise self._broken("row changed outside the terminal")
            amounts = None
            if total is not None:
                amounts = Amounts(total, fund, account, mutual_aid, cash, hospital, bool(beside))
            found.append(
                SettlementRow(
                    settlement_id, SaleKey(institution, till, number, dt.date.fromisoformat(date), generation), sequence, lane, flow,
                    State(state), person, amounts, bool(quarantine), _time(opened), _time(changed), _time(doubt) if doubt else None,
                    self._open_sheet(settlement_id, sheet, identity),
                )
            )  # fmt: skip
        return found

    def _open_sheet(self, settlement_id: str, sheet: bytes, identity: bytes | None) -> bytes:
        """Put the sheet together from what is still in its term; empty when nothing is."""
        rest = self._open_if_in_term(f"settlement.sheet:{settlement_id}", sheet)
        if rest is None:
            return b""
        return join_sheet(
            self._open_if_in_term(f"settlement.identity:{settlement_id}", identity) or b"", rest
        )

    def _rewrite_sheet(self, settlement_id: str, past: Purpose) -> None:
        """Put what is left of a sheet of schema 1 in its place: everything but names, or nothing. No row moves by this."""
        for *columns, sheet, _mac, _identity in self._rows(
            f"SELECT {_SETTLEMENT_COLUMNS} FROM settlement WHERE id = ?", (settlement_id,)
        ):
            sealed = b""
            if past is Purpose.IDENTITY:
                place = f"settlement.sheet:{settlement_id}"
                whole = self._open_if_in_term(place, sheet) or b""
                _identity_part, rest = split_sheet(encode_sheet(decode_sheet(whole)))
                day = dt.date.fromisoformat(columns[4])
                sealed = self._day_keys.seal(Purpose.EVIDENCE, day, place, rest, columns[20])
            self._connection.execute(
                "UPDATE settlement SET sheet = ?, row_mac = ?, identity = NULL WHERE id = ?",
                (sealed, row_mac(self._vault, columns, sealed, None), settlement_id),
            )

    def _audit(
        self, actor: str, action: str, row: SettlementRow, old: str, new: str, reason: str, stamp: Stamp
    ) -> None:
        amounts = None if row.amounts is None else msgspec.structs.asdict(row.amounts)
        self._append_audit(
            {"action": action, "actor": actor, "object": row.id, "person": row.person, "old": str(old), "new": str(new),
             "reason": reason, "amounts": amounts},
            stamp,
        )  # fmt: skip

    def _append_audit(self, content: dict[str, Any], stamp: Stamp) -> None:
        sequence = self._audit_sequence + 1
        record, digest = link(
            self._audit_head, sequence, self._boot_id, _text(stamp.wall), stamp.monotonic_s, content
        )
        self._connection.execute(
            "INSERT INTO audit (sequence, previous, hash, record) VALUES (?, ?, ?, ?)",
            (sequence, self._audit_head, digest, record),
        )
        self._audit_sequence, self._audit_head = sequence, digest


def row_mac(vault: Vault, columns: Sequence[Any], sheet: bytes, identity: bytes | None) -> bytes:
    """Authentication code of a settlement: its plain columns in order, and the hashes of its sealed ones."""
    sealed = [sheet] if identity is None else [sheet, identity]
    return vault.mac(_canonical.encode([*columns, *(sm3(part).hex() for part in sealed)]))


def engine_is_safe() -> bool:
    """True when the SQLite engine in use is free of the WAL-reset bug (fixed in 3.51.3; 3.52.0 was withdrawn)."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    return version >= MINIMUM_ENGINE and version != (3, 52, 0)


def _require_pragma(connection: apsw.Connection, name: str, expected: object) -> None:
    found = connection.pragma(name)
    if found != expected:
        raise JournalFailed(f"pragma {name} is {found!r}, not {expected!r}")


def open_journal(
    path: str,
    vault: Vault,
    boot_id: str,
    floor: dt.datetime,
    vfs: str | None = None,
    check: Callable[[apsw.Connection], None] | None = None,
) -> Journal:
    """Create or open the journal at `path`, migrate an older one, and prove its settings.

    `floor` is the time now: the earliest second that message numbers of a new journal may carry. `vfs` names another VFS (power-cut
    tests). Raises `JournalFailed` with a reason when the file cannot be trusted or durability cannot be had.
    """
    if not engine_is_safe():
        raise JournalFailed(
            f"SQLite engine {apsw.sqlite_lib_version()} has the WAL-reset bug; 3.51.3 or later is needed"
        )
    try:
        _make_ready(path, vfs, boot_id, floor)
        connection = _connect(path, vfs)
        try:
            _prepare(connection)
            if check is not None:
                check(connection)
            return Journal(connection, vault, boot_id)
        except BaseException:
            connection.close()
            raise
    except apsw.Error as broken:
        raise JournalFailed(f"{type(broken).__name__}: {broken}") from broken


def _prepare(connection: apsw.Connection) -> None:
    """Check the schema, switch to WAL, and prove every setting that durability hangs on."""
    refuse_newer(connection)
    # The switch writes one page through a rollback journal. Under FULL the removal of that journal is not synced: after
    # a power cut it could come back and roll later commits away. EXTRA syncs the directory too.
    connection.pragma("synchronous", 3)
    if connection.pragma("journal_mode", "wal") != "wal":
        raise JournalFailed("write-ahead logging is not available on this file system")
    connection.pragma("synchronous", 2)
    connection.pragma("wal_autocheckpoint", 0)
    _require_pragma(connection, "synchronous", 2)
    _require_pragma(connection, "foreign_keys", 1)
    _require_pragma(connection, "trusted_schema", 0)
    _require_pragma(connection, "mmap_size", 0)


def _connect(path: str, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(path, vfs=vfs)
    connection.set_busy_timeout(0)
    connection.pragma("foreign_keys", 1)
    connection.pragma("trusted_schema", 0)
    connection.pragma("mmap_size", 0)
    return connection


def _make_ready(path: str, vfs: str | None, boot_id: str, now: dt.datetime) -> None:
    """See that the file has this program's tables, under a rollback journal: new, migrated, or as they are."""
    connection = _connect(path, vfs)
    try:
        if connection.pragma("user_version") == 0:
            _create(connection, now)
        else:
            migrate_if_old(connection, path, vfs, boot_id, now)
    finally:
        connection.close()


def _create(connection: apsw.Connection, floor: dt.datetime) -> None:
    """Create tables with EXTRA, in one transaction: old or new, never mixed."""
    connection.pragma("synchronous", 3)
    _require_pragma(connection, "synchronous", 3)
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute(CREATE).fetchall()
    connection.executemany("INSERT INTO transition_rule VALUES (?, ?)", RULES)
    connection.execute("INSERT INTO sequence VALUES ('settlement', 0)")
    whole_second = floor.replace(microsecond=0)
    connection.execute("INSERT INTO meta VALUES ('message_numbers_until', ?)", (_text(whole_second),))
    note_readable_from(connection, readable_from())
    connection.pragma("user_version", SCHEMA_VERSION)
    connection.execute("COMMIT")
