"""What a reconciliation needs of the counter it belongs to."""

from typing import Protocol

from terminal.counter.feed import Feed
from terminal.counter.settlements import Settlements
from terminal.counter.workroom import Workroom


class CounterPort(Protocol):
    """What a reconciliation needs of the counter it belongs to."""

    @property
    def workroom(self) -> Workroom:
        """Reads the journal."""
        ...

    @property
    def feed(self) -> Feed:
        """Tells everybody who follows the counter."""
        ...

    async def note(self, actor: str, action: str, text: str = "") -> None:
        """Append an audit record."""
        ...

    @property
    def settlements(self) -> Settlements:
        """Hands events to settlements."""
        ...

    def went_wrong(self, settlement_id: str, error: Exception) -> None:
        """Something unexpected happened inside."""
        ...
