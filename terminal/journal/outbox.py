"""What waits to be sent to the fleet, on disk before anybody tries to send it.

Two classes. Telemetry is dropped, oldest first, beyond a limit: a counter that was offline for a week need not tell
every minute of it. Evidence is never dropped; it leaves only when the far server itself says it has it, because a
broker that is killed forgets what it had acknowledged (fault F66).
"""

import datetime as dt
from typing import Final, Literal

import msgspec

from protocols.wire_time import format_time, parse_time
from terminal.journal.records import Stamp
from terminal.journal.store import Store

OutboxClass = Literal["telemetry", "evidence"]
TELEMETRY_LIMIT: Final = 500
"""Rows of telemetry: a working day of snapshots."""


class OutboxRow(msgspec.Struct, frozen=True):
    """One message that waits."""

    number: int
    """Order; never used again."""
    kind: OutboxClass
    message_id: str
    channel: str
    """Last level of its topic."""
    payload: bytes


class OutboxSize(msgspec.Struct, frozen=True):
    """How much waits."""

    telemetry: int
    evidence: int
    oldest: dt.datetime | None


class Outbox:
    """The table, as a part of the journal; every change is one transaction of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(
        self,
        kind: OutboxClass,
        message_id: str,
        channel: str,
        payload: bytes,
        stamp: Stamp,
        telemetry_limit: int = TELEMETRY_LIMIT,
    ) -> None:
        """Keep a message; the same message id again changes nothing. Telemetry beyond the limit goes, oldest first."""
        with self._store.transaction():
            self._store.execute(
                "INSERT INTO outbox (class, message_id, channel, payload, created_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (message_id) DO NOTHING",
                (kind, message_id, channel, payload, format_time(stamp.wall)),
            )
            self._store.execute(
                "DELETE FROM outbox WHERE class = 'telemetry' AND number <= (SELECT number FROM outbox"
                " WHERE class = 'telemetry' ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (telemetry_limit,),
            )

    def next(self, after: int) -> OutboxRow | None:
        """Return the first row behind number `after`, or None."""
        for number, kind, message_id, channel, payload in self._store.rows(
            "SELECT number, class, message_id, channel, payload FROM outbox WHERE number > ? ORDER BY number LIMIT 1",
            (after,),
        ):
            return OutboxRow(number, kind, message_id, channel, payload)
        return None

    def remove(self, message_ids: tuple[str, ...]) -> None:
        """Forget messages that are where they should be; unknown ids are no error (an acknowledgement may come twice)."""
        with self._store.transaction():
            self._store.connection.executemany(
                "DELETE FROM outbox WHERE message_id = ?", [(message_id,) for message_id in message_ids]
            )

    def size(self) -> OutboxSize:
        """Count what waits."""
        ((telemetry, evidence, oldest),) = self._store.rows(
            "SELECT COALESCE(SUM(class = 'telemetry'), 0), COALESCE(SUM(class = 'evidence'), 0), MIN(created_at) FROM outbox"
        )
        return OutboxSize(telemetry, evidence, parse_time(oldest) if oldest else None)
