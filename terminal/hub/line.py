"""Is the hub answering? Says so once when it does again after it did not, so that waiting reversals need not wait on.

One unanswered message proves little: it may be the message, not the line. So the line is *suspect* after one, and
*down* when nobody could be reached at all or a mere question stays without an authentic answer too. Only the way from
down to answering is the signal "the network is back"; a hub that answers every question and never a 2601 is not down,
and the tries of that 2601 keep their slow rhythm.
"""

import asyncio
import enum
from collections.abc import Callable

from protocols.hub.catalogue import MESSAGES
from terminal.core.events import Answered, Heard, NotSent


def is_plain_question(infno: str) -> bool:
    """True for a message that changes nothing and is no try of the queue: 5203 is how a cancellation in doubt is tried."""
    return not MESSAGES[infno].changes_hub and infno != "5203"


class LineState(enum.Enum):
    """What the newest exchanges say."""

    ANSWERS = "answers"
    SUSPECT = "suspect"
    """The newest message that can change the hub was not answered."""
    DOWN = "down"
    """Nobody was reached, or a question was not answered either."""


class HubLine:
    """Watches every exchange with the hub."""

    def __init__(self) -> None:
        self.state = LineState.ANSWERS
        self.trouble = asyncio.Event()
        """Set while the newest exchange brought no authentic answer."""
        self.on_back: Callable[[], None] = lambda: None
        """Called when the hub answers again; set where the counter is put together."""

    def heard(self, heard: Heard, *, question: bool) -> None:
        """Take note of what one exchange brought; `question` as `is_plain_question` says."""
        if isinstance(heard, Answered):
            was_down = self.state is LineState.DOWN
            self.state = LineState.ANSWERS
            self.trouble.clear()
            if was_down:
                self.on_back()
            return
        self.trouble.set()
        if question or isinstance(heard, NotSent):
            self.state = LineState.DOWN
        elif self.state is LineState.ANSWERS:
            self.state = LineState.SUSPECT

    @property
    def answers(self) -> bool:
        """The newest exchange brought an authentic answer."""
        return self.state is LineState.ANSWERS
