"""The reversal queue: what must be tried again until the hub has answered. Nothing in it expires."""

from terminal.journal.records import QueueEntry
from terminal.journal.store import Store
from terminal.journal.times import text_of, time_of


class QueueTable:
    """The table, as a part of the journal. Whoever writes holds a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, settlement_id: str) -> QueueEntry | None:
        """Return where the series of tries of one settlement stands, or None."""
        for tries, due_at, verdict, stage in self._store.rows(
            "SELECT tries, due_at, last_verdict, quiet_stage FROM reversal_queue WHERE settlement = ?",
            (settlement_id,),
        ):
            return QueueEntry(tries, time_of(due_at), verdict, stage)
        return None

    def put(self, settlement_id: str, entry: QueueEntry) -> None:
        """Store where the series stands; begins one for a settlement that had none."""
        self._store.execute(
            "INSERT INTO reversal_queue (settlement, tries, due_at, last_verdict, quiet_stage) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (settlement) DO UPDATE SET tries = excluded.tries, due_at = excluded.due_at,"
            " last_verdict = excluded.last_verdict, quiet_stage = excluded.quiet_stage",
            (settlement_id, entry.tries, text_of(entry.due_at), entry.last_verdict, entry.quiet_stage),
        )

    def remove(self, settlement_id: str) -> None:
        """End the series: the hub has answered."""
        self._store.execute("DELETE FROM reversal_queue WHERE settlement = ?", (settlement_id,))
