"""What three separate books say about one sale: the counter's journal, the hub's ledger, the paper.

Each is read through the door that anybody has: the counter's API, the hub simulator's control API, the slip as text.
Money is integer fen. Nothing here names a person.
"""

from typing import Self

import msgspec

from simulators.printer.reading import DecodedSlip
from yibao.simulated.control import LedgerRow, MessageRow


class Split(msgspec.Struct, frozen=True):
    """Who pays what, in fen; negative in a record that undoes another."""

    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int

    @classmethod
    def of(cls, record: LedgerRow) -> Self:
        """The amounts of a record of the hub's ledger."""
        return cls(record.total_fen, record.fund_fen, record.account_fen, record.cash_fen)

    def negated(self) -> "Split":
        """The same amounts given back."""
        return Split(-self.total_fen, -self.fund_fen, -self.account_fen, -self.cash_fen)


class JournalAttempt(msgspec.Struct, frozen=True):
    """A message that could change the hub, as the journal tells of it."""

    msgid: str
    purpose: str
    """SETTLE, REVERSE, CANCEL; STEP for what moves no money (a registration, charge lines)."""
    infno: str
    state: str
    verdict: str


class JournalRecord(msgspec.Struct, frozen=True):
    """A sale as the counter's API tells of it."""

    settlement_id: str
    receipt_number: str
    state: str
    msgid: str
    """Message id of the settlement message."""
    quoted: Split | None
    settled: Split | None
    cancelled: Split | None
    """Positive, whatever the wire says: the state gives the direction."""
    setl_id: str
    """The hub's id of the settlement; empty when no answer told it."""
    cancellation_setl_id: str
    attempts: tuple[JournalAttempt, ...]
    quote_setlinfo: dict[str, str]
    """`setlinfo` under wire names, amounts as yuan text; empty when there is none."""
    settled_setlinfo: dict[str, str]
    cancelled_setlinfo: dict[str, str]


class HubBooks(msgspec.Struct, frozen=True):
    """The hub's side: every record, every message id, and the person's account."""

    records: tuple[LedgerRow, ...]
    messages: tuple[MessageRow, ...]
    balance_fen: int


class Slip(msgspec.Struct, frozen=True):
    """One piece of paper that came out of the printer."""

    lines: tuple[str, ...]
    decoded: DecodedSlip
    png: bytes
    """Its picture; empty when there is no Chinese font here."""

    @property
    def text(self) -> str:
        """What stands on it."""
        return "\n".join(self.lines)


class Evidence(msgspec.Struct, frozen=True):
    """All three books about one sale, read when its story was over."""

    journal: JournalRecord
    hub: HubBooks
    slips: tuple[Slip, ...]
