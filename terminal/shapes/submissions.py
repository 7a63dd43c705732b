"""What is told of a submission."""

import msgspec

from terminal.texts import Told


class RowOutcome(msgspec.Struct, frozen=True):
    """What the hub says of one row."""

    national_code: str
    own_code: str
    batch: str
    taken: bool
    message: str
    """The hub's words; empty when it has none."""
    serial: str
    """The hub's number of the purchase or sale; empty when it gave none."""


class MessageView(msgspec.Struct, frozen=True):
    """One message that was sent for a submission."""

    msgid: str
    state: str
    verdict: str
    sent_at: str


class SubmissionView(msgspec.Struct, frozen=True):
    """One submission as it stands."""

    id: str
    kind: str
    infno: str
    title_zh: str
    title_en: str
    part: int
    """Which message of its request, from 1."""
    state: str
    told: Told
    """What that means and what to do next."""
    tries: int
    unanswered: int
    """Messages that left and were not answered; above 0 the hub may have it."""
    opened_at: str
    changed_at: str
    due_at: str
    """When the terminal goes on with it; "" = not by itself."""
    serial: str
    """The hub's number of a filing, or of a clearing application: needed to withdraw it."""
    trace_code: str
    """The substitute trace code that was given."""
    rows: tuple[RowOutcome, ...]
    """What the hub said of each row, as far as it did."""
    messages: tuple[MessageView, ...] = ()
    """Only when asked for this one."""
