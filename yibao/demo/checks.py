"""Has a story ended as told? Only if journal, hub ledger and paper each say so; pure.

What was told is worked out by hand and stands with the story, so that three books that are wrong in the same way do not
pass. The books are joined by the ids that each of them holds: message ids, the hub's settlement ids, the receipt number.
"""

from collections.abc import Callable, Iterator

import msgspec

from simulators.printer.reading import CANCELLED, REVERSAL_PENDING, REVERSED, SETTLED
from yibao.demo.facts import Evidence, HubBooks, JournalAttempt, JournalRecord, Slip, Split
from yibao.simulated.control import LedgerRow


class Told(msgspec.Struct, frozen=True):
    """How a story ends, worked out by hand."""

    state: str
    """Where the journal ends."""
    split: Split
    """What the hub booked (and, of an undone sale, gave back)."""
    attempts: tuple[tuple[str, str], ...]
    """The messages that could change the hub, in order: purpose and infno."""
    how_undone: str
    """Empty while the settlement stands; else `cancelled` or `reversed`."""
    titles: tuple[str, ...]
    """The slips, in order."""
    balance_fen: int
    """What is left in the person's account."""
    live_total_fen: int
    """Sum of all settlements of this person that stand at the hub."""


class Disagreement(msgspec.Struct, frozen=True):
    """One thing that is not as told."""

    book: str
    """`journal`, `hub` or `paper`: where it was found."""
    what: str
    told: str
    found: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.book}: {self.what}: {self.found} (told: {self.told})"


def disagreements(
    told: Told, evidence: Evidence, wire_number: Callable[[str], str] = str
) -> tuple[Disagreement, ...]:
    """Everything in which one of the three books differs from the story or from another book.

    `wire_number` says under which number the hub gets a transaction of ours (`Profile.wire_number`).
    """
    return (
        *_of_journal(told, evidence.journal),
        *_of_hub(told, evidence.journal, evidence.hub, wire_number),
        *_of_paper(told, evidence),
    )


def _differs(book: str, what: str, told: object, found: object) -> Iterator[Disagreement]:
    if told != found:
        yield Disagreement(book, what, _shown(told), _shown(found))


def _shown(value: object) -> str:
    if isinstance(value, Split):
        return f"{value.total_fen} = {value.fund_fen} + {value.account_fen} + {value.cash_fen} fen"
    return str(value)


# -- the journal -------------------------------------------------------------------------------------


def _of_journal(told: Told, journal: JournalRecord) -> Iterator[Disagreement]:
    yield from _differs("journal", "state", told.state, journal.state)
    yield from _differs(
        "journal", "messages", told.attempts, tuple((a.purpose, a.infno) for a in journal.attempts)
    )
    yield from _differs("journal", "quote", told.split, journal.quoted)
    settled = None if told.how_undone == "reversed" else told.split
    yield from _differs("journal", "settled amounts", settled, journal.settled)
    cancelled = told.split if told.how_undone == "cancelled" else None
    yield from _differs("journal", "cancelled amounts", cancelled, journal.cancelled)
    settling = _attempt(journal, "SETTLE")
    yield from _differs(
        "journal", "settlement message id", journal.msgid, settling.msgid if settling else "none"
    )


def _attempt(journal: JournalRecord, purpose: str) -> JournalAttempt | None:
    return next((attempt for attempt in journal.attempts if attempt.purpose == purpose), None)


# -- the hub's ledger --------------------------------------------------------------------------------


def _of_hub(
    told: Told, journal: JournalRecord, hub: HubBooks, wire_number: Callable[[str], str]
) -> Iterator[Disagreement]:
    yield from _differs("hub", "account balance in fen", told.balance_fen, hub.balance_fen)
    taken = {message.msgid: message.infno for message in hub.messages}
    for attempt in journal.attempts:
        number = wire_number(attempt.infno)
        yield from _differs("hub", f"message {attempt.msgid}", number, taken.get(attempt.msgid))
    booked = [record for record in hub.records if record.msgid == journal.msgid]
    yield from _differs("hub", "records of the settlement message", 1, len(booked))
    if len(booked) != 1:
        return
    (record,) = booked
    yield from _differs("hub", "direction", 1, record.direction)
    yield from _differs("hub", "booked amounts", told.split, Split.of(record))
    yield from _differs("hub", "live", not told.how_undone, record.live)
    yield from _differs("hub", "how undone", told.how_undone, record.how_undone)
    if journal.setl_id:
        yield from _differs("hub", "settlement id", journal.setl_id, record.setl_id)
    yield from _of_counter_record(told, journal, hub, record)
    live = sum(row.total_fen for row in hub.records if row.live and row.psn_no == record.psn_no)
    yield from _differs("hub", "sum of all settlements that stand, in fen", told.live_total_fen, live)


def _of_counter_record(
    told: Told, journal: JournalRecord, hub: HubBooks, record: LedgerRow
) -> Iterator[Disagreement]:
    """The record that undoes the settlement: there when told, made by our own message, with the amounts negated."""
    undoing = [row for row in hub.records if row.undoes == record.setl_id]
    yield from _differs("hub", "records that undo it", 1 if told.how_undone else 0, len(undoing))
    if len(undoing) != 1 or not told.how_undone:
        return
    (counter,) = undoing
    ours = _attempt(journal, "CANCEL" if told.how_undone == "cancelled" else "REVERSE")
    yield from _differs("hub", "message that undid it", ours.msgid if ours else "none", counter.msgid)
    yield from _differs("hub", "amounts given back", told.split.negated(), Split.of(counter))
    if journal.cancellation_setl_id:
        yield from _differs("hub", "cancellation id", journal.cancellation_setl_id, counter.setl_id)


# -- the paper ---------------------------------------------------------------------------------------


def _of_paper(told: Told, evidence: Evidence) -> Iterator[Disagreement]:
    yield from _differs("paper", "slips", told.titles, tuple(slip.decoded.title for slip in evidence.slips))
    for slip in evidence.slips:
        yield from _of_slip(told, evidence, slip)


def _of_slip(told: Told, evidence: Evidence, slip: Slip) -> Iterator[Disagreement]:
    read, title = slip.decoded, slip.decoded.title
    number = evidence.journal.receipt_number
    yield from _differs("paper", f"{title} receipt number", number, read.receipt_no)
    yield from _differs("paper", f"{title} QR code", number, read.qr)
    yield from _differs("paper", f"{title} copy number", 0, read.copy_number)
    if title in (REVERSAL_PENDING, REVERSED):
        yield from _differs("paper", f"{title} total", told.split.total_fen, read.total_fen)
        return
    printed = (read.total_fen, read.fund_fen, read.account_fen, read.cash_fen)
    booked = told.split.negated() if title == CANCELLED else told.split
    yield from _differs("paper", f"{title} amounts in fen", msgspec.structs.astuple(booked), printed)
    original, counter = _hub_ids(evidence)
    visit = next((row.mdtrt_id for row in evidence.hub.records if row.setl_id == original), None)
    yield from _differs("paper", f"{title} visit id", visit, read.mdtrt_id)
    if title == SETTLED:
        yield from _differs("paper", f"{title} settlement id", original, read.setl_id)
    if title == CANCELLED:
        yield from _differs("paper", f"{title} settlement id", counter, read.setl_id)
        yield from _differs("paper", f"{title} original settlement id", original, read.cancelled_setl_id)
    if title == told.titles[-1]:
        yield from _differs("paper", f"{title} balance in fen", told.balance_fen, read.balance_fen)


def _hub_ids(evidence: Evidence) -> tuple[str | None, str | None]:
    """The hub's ids of the settlement and of the record that undoes it."""
    records = evidence.hub.records
    original = next((row.setl_id for row in records if row.msgid == evidence.journal.msgid), None)
    counter = next((row.setl_id for row in records if row.undoes and row.undoes == original), None)
    return original, counter
