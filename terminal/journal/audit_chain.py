"""The audit log: each record canonical, hashed behind the one before it, in the transaction of what it tells of."""

import datetime as dt
from typing import Any

import apsw
import msgspec

from protocols.gm.sm3 import sm3
from terminal.journal.records import AuditRow, SettlementRow, Stamp
from terminal.journal.store import Store
from terminal.journal.times import text_of

Link = tuple[int, bytes]
"""Sequence number and hash of a record; (0, 32 zero bytes) before the first."""
_canonical = msgspec.json.Encoder(order="sorted")


class AuditLog:
    """The log, as a part of the journal. Number and hash of the newest record are kept in memory: every write needs them."""

    def __init__(self, store: Store, boot_id: str) -> None:
        self._store = store
        self._boot_id = boot_id
        self._newest = self._newest_on_disk = newest_link(store.connection)
        store.begun.append(self._transaction_begins)
        store.rolled_back.append(self._transaction_is_undone)

    def _transaction_begins(self) -> None:
        self._newest_on_disk = self._newest

    def _transaction_is_undone(self) -> None:
        self._newest = self._newest_on_disk

    @property
    def head(self) -> Link:
        """Sequence number and hash of the newest record."""
        return self._newest

    def append(self, content: dict[str, Any], stamp: Stamp) -> None:
        """Append a record inside an open transaction."""
        self._newest = _append(
            self._store.connection,
            self._newest,
            self._boot_id,
            text_of(stamp.wall),
            stamp.monotonic_s,
            content,
        )

    def append_change(
        self, actor: str, action: str, row: SettlementRow, old: str, new: str, reason: str, stamp: Stamp
    ) -> None:
        """Append what happened to a settlement, inside an open transaction."""
        amounts = None if row.amounts is None else msgspec.structs.asdict(row.amounts)
        self.append(
            {"action": action, "actor": actor, "object": row.id, "person": row.person, "old": str(old), "new": str(new),
             "reason": reason, "amounts": amounts},
            stamp,
        )  # fmt: skip

    def note(self, actor: str, action: str, text: str, stamp: Stamp) -> None:
        """Write a record that belongs to no settlement (boot, sign-in, alarm)."""
        with self._store.transaction():
            self.append({"action": action, "actor": actor, "note": text}, stamp)

    def of(self, settlement_id: str, after: int, until: int) -> list[AuditRow]:
        """Return the records of one settlement with sequence numbers behind `after`, up to `until`, oldest first.

        There is no index for it: ask for a stretch at a time, so that sales do not wait for the whole log to be read.
        """
        return [
            AuditRow(*row)
            for row in self._store.rows(
                "SELECT sequence, previous, hash, record FROM audit WHERE sequence > ? AND sequence <= ?"
                " AND json_extract(CAST(record AS TEXT), '$.object') = ? ORDER BY sequence",
                (after, until, settlement_id),
            )
        ]

    def newest_note(self, settlement_id: str, actions: tuple[str, ...], after: int, until: int) -> str:
        """Return the newest of these actions noted about a settlement behind `after`, up to `until`; "" when there is none.

        It is `open` where the stretch holds the beginning of the settlement and no such note: nothing older is about it. No
        index either, see `of`.
        """
        marks = ", ".join("?" * len(actions))
        rows = self._store.rows(
            "SELECT json_extract(CAST(record AS TEXT), '$.action') FROM audit WHERE sequence > ? AND sequence <= ?"
            f" AND ((json_extract(CAST(record AS TEXT), '$.action') IN ({marks})"
            " AND json_extract(CAST(record AS TEXT), '$.note') = ?)"
            " OR (json_extract(CAST(record AS TEXT), '$.action') = 'open'"
            " AND json_extract(CAST(record AS TEXT), '$.object') = ?)) ORDER BY sequence DESC LIMIT 1",
            (after, until, *actions, settlement_id, settlement_id),
        )
        return next((str(action) for (action,) in rows), "")


def newest_link(connection: apsw.Connection) -> Link:
    """Return the newest record's number and hash."""
    for sequence, digest in connection.execute(
        "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1"
    ):
        return sequence, digest
    return 0, bytes(32)


def append_record(
    connection: apsw.Connection, content: dict[str, Any], boot_id: str, wall: dt.datetime
) -> None:
    """Append a record in the present transaction, where no `Journal` is open yet."""
    _append(connection, newest_link(connection), boot_id, text_of(wall), 0.0, content)


def _append(
    connection: apsw.Connection,
    newest: Link,
    boot_id: str,
    wall: str,
    monotonic_s: float,
    content: dict[str, Any],
) -> Link:
    number, head = newest
    sequence = number + 1
    record = _canonical.encode(
        {"v": 1, "sequence": sequence, "boot": boot_id, "wall": wall, "monotonic": monotonic_s, **content}
    )
    digest = sm3(head + record)
    connection.execute(
        "INSERT INTO audit (sequence, previous, hash, record) VALUES (?, ?, ?, ?)",
        (sequence, head, digest, record),
    )
    return sequence, digest
