"""What the fleet must hear of, however long it takes: alarms that need a person. (Anchors: `terminal.journal.anchors`.)"""

from collections.abc import Callable
from typing import Final

from protocols.fleet.messages import Alarm, Evidence, encode
from protocols.fleet.topics import EVIDENCE
from terminal.counter.feed import FeedEntry
from terminal.counter.holds import HOLD_CODES
from terminal.journal.journal import Journal
from terminal.journal.records import Stamp
from terminal.journal.thread import JournalPort

_MONEY: Final = frozenset(
    {"reversal_alarm", "cancel_alarm", "manual", "found_in_old_copy", "quarantined", "hub_not_trusted"}
)
ALARM_CODES: Final = _MONEY | HOLD_CODES
"""Messages of the counter that the fleet's people must see too."""


class EvidenceKeeper:
    """Puts evidence into the outbox."""

    def __init__(self, journal: JournalPort, boot_id: str, stamp: Callable[[], Stamp]) -> None:
        self._journal = journal
        self._boot_id = boot_id
        self._stamp = stamp

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

    def _put(self, journal: Journal, message_id: str, content: Alarm, stamp: Stamp) -> None:
        evidence = Evidence(message_id, stamp.wall, self._boot_id, content)
        journal.outbox.put("evidence", message_id, EVIDENCE.name, encode(evidence), stamp)
