"""The slips: owed in the transaction of what they tell of, and never printed without a word on disk first (S5)."""

from terminal.journal.audit_chain import AuditLog
from terminal.journal.records import NewReceipt, ReceiptRow, Stamp
from terminal.journal.store import Store
from terminal.journal.times import text_of

_SELECT = "SELECT id, settlement, kind, copy_number, state FROM receipt"


class ReceiptTable:
    """The table, as a part of the journal."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def owe(self, settlement_id: str, receipt: NewReceipt, stamp: Stamp) -> None:
        """Owe a slip, inside the transaction of the outcome it tells of."""
        at = text_of(stamp.wall)
        self._store.execute(
            "INSERT INTO receipt (settlement, kind, copy_number, state, created_at, changed_at) VALUES (?, ?, ?, 'waiting', ?, ?)",
            (settlement_id, receipt.kind, receipt.copy_number, at, at),
        )

    def owe_copy(self, settlement_id: str, actor: str, stamp: Stamp) -> int:
        """Owe one more copy of a settlement's slip and return its number (abuse case T47)."""
        with self._store.transaction():
            number = int(
                self._store.one(
                    "SELECT COALESCE(MAX(copy_number), 0) + 1 FROM receipt WHERE settlement = ? AND kind = 'copy'",
                    (settlement_id,),
                )
            )
            self.owe(settlement_id, NewReceipt("copy", number), stamp)
            self._audit.append(
                {"action": "copy", "actor": actor, "object": settlement_id, "copy": number}, stamp
            )
            return number

    def move(
        self, receipt_id: int, state: str, actor: str, stamp: Stamp, content_sm3: bytes | None = None
    ) -> None:
        """Write a slip's new state; `printing`, with the hash of its bytes, is written before the first byte leaves (S5)."""
        with self._store.transaction():
            settlement = self._store.one(
                "UPDATE receipt SET state = ?, changed_at = ?, content_sm3 = COALESCE(?, content_sm3) WHERE id = ?"
                " RETURNING settlement",
                (state, text_of(stamp.wall), content_sm3, receipt_id),
            )
            told = {
                "action": "receipt",
                "actor": actor,
                "object": settlement,
                "new": state,
                "receipt": receipt_id,
            }
            self._audit.append(told, stamp)

    def of(self, settlement_id: str) -> list[ReceiptRow]:
        """Return the slips of a settlement in the order they were owed."""
        return [
            ReceiptRow(*row)
            for row in self._store.rows(
                f"{_SELECT} WHERE settlement = ?1 AND kind <> 'copy' UNION ALL {_SELECT} WHERE settlement = ?1 AND kind = 'copy'"
                " ORDER BY id",  # each half has its index, the whole has none
                (settlement_id,),
            )
        ]

    def unfinished(self) -> list[ReceiptRow]:
        """Return the slips that are waiting, or were being printed when the process ended, oldest first."""
        return [
            ReceiptRow(*row)
            for row in self._store.rows(f"{_SELECT} WHERE state IN ('waiting', 'printing') ORDER BY id")
        ]
