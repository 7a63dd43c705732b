"""The journal: one synchronous object, one connection, one writer.

It is made of parts, one for each table or concern, on one `Store`. A part's writing methods either say that they are a
transaction of their own, or belong into one: `open_sale` and `commit` put together what must be on disk at once.
"""

import datetime as dt

from terminal.journal.anchor_table import AnchorTable
from terminal.journal.attempt_table import AttemptTable
from terminal.journal.audit_chain import AuditLog
from terminal.journal.day_keys import DayKeys
from terminal.journal.outbox import Outbox
from terminal.journal.queue_table import QueueTable
from terminal.journal.receipt_table import ReceiptTable
from terminal.journal.records import Commit, Idempotency, JournalRefused, SettlementRow, Stamp
from terminal.journal.retention import Retention
from terminal.journal.sealing import Sealing
from terminal.journal.settlement_table import SettlementTable
from terminal.journal.store import Store
from terminal.journal.submission_table import SubmissionTable
from terminal.journal.times import text_of, time_of
from terminal.journal.vault import Vault


class Journal:
    """The open journal. Not thread safe: one thread calls it (the application wraps it in `JournalThread`)."""

    def __init__(self, store: Store, vault: Vault, boot_id: str) -> None:
        """Use `open_journal`; this only takes over an already prepared connection."""
        keys = DayKeys(store.connection, vault)
        sealing = Sealing(store, keys)
        self.store = store
        """The connection, and whether it has failed."""
        self.vault = vault
        """For pseudonyms and code hashes."""
        self.audit = AuditLog(store, boot_id)
        """The audit chain."""
        self.settlements = SettlementTable(store, vault, sealing)
        """What is sold, and how it stands."""
        self.attempts = AttemptTable(store, sealing, boot_id)
        """What was sent to the hub, and what came back."""
        self.queue = QueueTable(store)
        """What must be tried again."""
        self.receipts = ReceiptTable(store, self.audit)
        """The slips."""
        self.retention = Retention(store, self.audit, keys, self.settlements)
        """What is deleted at the end of its term."""
        self.submissions = SubmissionTable(store, vault, sealing, self.audit, boot_id)
        """What changes the hub outside a settlement, and how it stands."""
        self.outbox = Outbox(store)
        """What waits to be sent to the fleet."""
        self.anchors = AnchorTable(store, self.audit)
        """The signed anchors of the audit chain."""

    @property
    def failed(self) -> str:
        """Why the journal refuses work, or empty."""
        return self.store.failed

    def checkpoint(self) -> None:
        """See `Store.checkpoint`."""
        self.store.checkpoint()

    def close(self) -> None:
        """See `Store.close`."""
        self.store.close()

    # -- sales ------------------------------------------------------------------------------------

    def open_sale(
        self, row: SettlementRow, idempotency: Idempotency | None, actor: str, stamp: Stamp
    ) -> SettlementRow:
        """Reserve a sale number (S1) and return the stored row.

        `row` comes with generation 1 and sequence 0; the journal gives both. The same idempotency key with the same
        body returns the settlement it opened before, unchanged. Raises `JournalRefused`: `idempotency_conflict` (same
        key, other body), `sale_number_open` (the sale number has a live settlement; its id is in the error).
        """
        with self.store.transaction():
            if idempotency is not None and (known := self._known(idempotency)) is not None:
                return known
            self.settlements.require_free(row.key)
            stored = self.settlements.insert(row)
            if idempotency is not None:
                self.store.execute(
                    "INSERT INTO idempotency (client, key, fingerprint, settlement, created_at) VALUES (?, ?, ?, ?, ?)",
                    (idempotency.client, idempotency.key, idempotency.fingerprint, stored.id, text_of(stamp.wall)),
                )  # fmt: skip
            self.audit.append_change(actor, "open", stored, "", stored.state, "", stamp)
            return stored

    def opened_before(self, idempotency: Idempotency) -> bool:
        """Whether this request has opened a sale already; raises `JournalRefused` (`idempotency_conflict`)."""
        return self._known(idempotency) is not None

    def _known(self, idempotency: Idempotency) -> SettlementRow | None:
        for fingerprint, settlement in self.store.rows(
            "SELECT fingerprint, settlement FROM idempotency WHERE client = ? AND key = ?",
            (idempotency.client, idempotency.key),
        ):
            if fingerprint != idempotency.fingerprint:
                raise JournalRefused("idempotency_conflict", settlement)
            return self.settlements.get(settlement)
        return None

    def commit(self, commit: Commit) -> SettlementRow | None:
        """Write one durable point; when this returns, it is on disk. Return the sale that was opened with it, if any.

        Raises `JournalFailed` when durability is in doubt, `JournalRefused` (`code_used`) when another sale has used
        this certificate code, and apsw.ConstraintError when an SQL guard refuses what the core believed right (our own
        bug; nothing was written).
        """
        row, actor, stamp = commit.row, commit.actor, commit.stamp
        with self.store.transaction():
            self.settlements.update(row, commit.moves)
            for move in commit.moves:
                self.audit.append_change(actor, "move", row, move.source, move.target, move.reason, stamp)
            if commit.sent is not None:
                self.attempts.begin(row, commit.sent, stamp)
            if commit.ended is not None:
                self.attempts.end(row, commit.ended, stamp)
            if commit.queue is not None:
                self.queue.put(row.id, commit.queue)
            if commit.leave_queue:
                self.queue.remove(row.id)
            if commit.receipt is not None:
                self.receipts.owe(row.id, commit.receipt, stamp)
            if commit.code_mark:
                self._use_code(commit.code_mark, row.id, stamp)
            if commit.opens is None:
                return None
            opened = self.settlements.insert(commit.opens)
            why = f"rest of the refund of {row.id}"
            self.audit.append_change(actor, "open", opened, "", opened.state, why, stamp)
            return opened

    # -- codes and message numbers ----------------------------------------------------------------

    def _use_code(self, mark: str, settlement_id: str, stamp: Stamp) -> None:
        """One certificate code, one settlement: whoever comes second is refused before anything leaves."""
        self.store.execute(
            "INSERT INTO code_seen (mark, settlement, seen_at) VALUES (?, ?, ?) ON CONFLICT (mark) DO NOTHING",
            (mark, settlement_id, text_of(stamp.wall)),
        )
        owner = self.store.one("SELECT settlement FROM code_seen WHERE mark = ?", (mark,))
        if owner != settlement_id:
            raise JournalRefused("code_used", str(owner))

    def code_used_by(self, mark: str) -> str | None:
        """Return the settlement that a certificate code (by its keyed hash) was used for, or None (abuse case T02)."""
        for (settlement,) in self.store.rows("SELECT settlement FROM code_seen WHERE mark = ?", (mark,)):
            return str(settlement)
        return None

    def reserve_message_numbers(self, until: dt.datetime) -> dt.datetime:
        """Reserve all message numbers up to and including the second `until`; return the last second reserved before.

        Never goes back: a smaller `until` reserves nothing new.
        """
        with self.store.transaction():
            last = time_of(self.store.one("SELECT value FROM meta WHERE name = 'message_numbers_until'"))
            if until > last:
                self.store.execute(
                    "UPDATE meta SET value = ? WHERE name = 'message_numbers_until'", (text_of(until),)
                )
            return last
