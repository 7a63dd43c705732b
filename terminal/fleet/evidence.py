"""What the fleet must hear of, however long it takes: anchors of the audit chain, and alarms that need a person."""

from collections.abc import Callable
from typing import Final

from protocols.fleet.messages import Alarm, Anchor, Evidence, encode
from protocols.fleet.topics import EVIDENCE
from terminal.counter.counter import FeedEntry
from terminal.journal.journal import Journal
from terminal.journal.records import Stamp
from terminal.journal.thread import JournalPort

ANCHOR_RECORDS: Final = 256
ANCHOR_EVERY_S: Final = 900.0
"""An anchor is due after so many audit records, or after this time if there is any new record."""
ALARM_CODES: Final = frozenset({"reversal_alarm", "cancel_alarm", "manual", "quarantined", "hub_not_trusted"})
"""Messages of the counter that the fleet's people must see too."""


class EvidenceKeeper:
    """Puts evidence into the outbox."""

    def __init__(self, journal: JournalPort, boot_id: str, stamp: Callable[[], Stamp]) -> None:
        self._journal = journal
        self._boot_id = boot_id
        self._stamp = stamp
        self._anchored = 0
        """Sequence number of the newest anchored record of this start."""
        self._anchored_at_s: float | None = None

    async def anchor_if_due(self) -> bool:
        """Keep the head of the audit chain when it is time to; the first call of a start always does."""
        stamp = self._stamp()
        age_s = None if self._anchored_at_s is None else stamp.monotonic_s - self._anchored_at_s

        def work(journal: Journal) -> int:
            records, head = journal.audit_head()
            new = records - self._anchored
            if new == 0 or not (age_s is None or age_s >= ANCHOR_EVERY_S or new >= ANCHOR_RECORDS):
                return 0
            self._put(journal, f"anchor-{self._boot_id}-{records}", Anchor(records, head.hex()), stamp)
            return records

        records = await self._journal.call(work)
        if records:
            self._anchored, self._anchored_at_s = records, stamp.monotonic_s
        return records > 0

    async def heard(self, entry: FeedEntry) -> bool:
        """Keep an alarm when the counter has just raised one; the same alarm of a settlement once per start."""
        notice = entry.notice
        if notice is None or notice.code not in ALARM_CODES:
            return False
        alarm = Alarm(notice.code, entry.settlement_id)
        message_id = f"alarm-{self._boot_id}-{entry.settlement_id or entry.number}-{notice.code}"
        stamp = self._stamp()
        await self._journal.call(lambda journal: self._put(journal, message_id, alarm, stamp))
        return True

    def _put(self, journal: Journal, message_id: str, content: Anchor | Alarm, stamp: Stamp) -> None:
        evidence = Evidence(message_id, stamp.wall, self._boot_id, content)
        journal.outbox.put("evidence", message_id, EVIDENCE.name, encode(evidence), stamp)
