"""The settlements of one counter, for whoever shows them or works on them: looking them up, and handing them events.

Reading works at any time, also before recovery is over and after the journal failed, as far as the journal can be read. An
event is handed over only while the counter works, in a task of its own that outlives its caller.
"""

import datetime as dt
from functools import partial
from typing import Final

from terminal.core.events import Event, Misuse
from terminal.core.values import SaleKey, Settlement
from terminal.counter.engine import Engine, UnknownSettlement, Wish
from terminal.counter.workroom import Workroom
from terminal.journal.journal import Journal
from terminal.journal.records import AttemptRow, AuditRow, JournalFailed, ReceiptRow, SettlementRow

AUDIT_STRETCH: Final = 5000
"""Audit records looked through at once: some ten milliseconds of the journal's thread."""


class Settlements:
    """Every settlement that the journal has, over or not."""

    def __init__(self, engine: Engine, workroom: Workroom, institution: str, till: str) -> None:
        """`institution` and `till` belong to the sale numbers given here."""
        self._engine = engine
        self._workroom = workroom
        self._institution = institution
        self._till = till

    async def get(self, settlement_id: str) -> Settlement:
        """The newest state that may be told; raises `UnknownSettlement`. A journal that cannot be read stops the counter."""
        try:
            return await self._engine.get(settlement_id)
        except JournalFailed as failed:
            raise self._workroom.stops(failed) from failed

    async def post(
        self, settlement_id: str, event: Event | Wish, actor: str, *, wait: bool = False
    ) -> Settlement:
        """Hand an event to the engine in a task of its own, so that a caller who goes away interrupts nothing.

        `wait` as `Engine.post` has it: wait for a settlement that is being worked on, where `Busy` is no answer.
        """
        return await self._workroom.do(lambda: self._engine.post(settlement_id, event, actor, wait=wait))

    async def find(self, sale_number: str, business_date: dt.date) -> SettlementRow | None:
        """The newest settlement of a sale number of this till."""
        key = SaleKey(self._institution, self._till, sale_number, business_date)
        return await self._workroom.read(lambda journal: journal.settlements.by_sale_number(key))

    async def recent(self, limit: int, before: int | None) -> list[SettlementRow]:
        """The newest settlements, newest first."""
        return await self._workroom.read(lambda journal: journal.settlements.recent(limit, before))

    async def history(self, settlement_id: str) -> tuple[list[AttemptRow], list[ReceiptRow]]:
        """Attempts and slips of one settlement."""
        return await self._workroom.read(
            lambda journal: (journal.attempts.of(settlement_id), journal.receipts.of(settlement_id))
        )

    async def evidence(
        self, settlement_id: str, actor: str
    ) -> tuple[SettlementRow, list[AttemptRow], list[AuditRow]]:
        """Everything that proves what was sent and answered for one settlement; the audit log first notes who takes it."""
        row = await self._workroom.read(lambda journal: journal.settlements.get(settlement_id))
        if row is None:
            raise UnknownSettlement(settlement_id)
        attempts = await self._workroom.read(lambda journal: journal.attempts.of(settlement_id))
        if not attempts:
            raise Misuse("no_evidence")
        if any(attempt.past_term for attempt in attempts):
            raise Misuse("evidence_past_term")
        head, _ = await self._workroom.read(lambda journal: journal.audit.head)
        stamp = self._engine.stamp()
        await self._workroom.write(
            lambda journal: journal.audit.note(actor, "evidence_taken", settlement_id, stamp)
        )
        chain: list[AuditRow] = []
        for after in range(0, head, AUDIT_STRETCH):
            until = min(after + AUDIT_STRETCH, head)
            chain += await self._workroom.read(partial(_audit_stretch, settlement_id, after, until))
        return row, attempts, chain

    def doubts(self) -> list[tuple[Settlement, SettlementRow]]:
        """Everything the terminal still has to end at the hub, oldest first: outcomes that are open, and visits of which
        something is still to be taken back, also beside a settlement that stands."""
        return self._engine.waiting()


def _audit_stretch(settlement_id: str, after: int, until: int, journal: Journal) -> list[AuditRow]:
    return journal.audit.of(settlement_id, after, until)
