"""One sale, as a till wishes it: open, charge sheet, disease, review, quote, confirm, cancel, abandon, acknowledge.

Everything here is safe to repeat: opening by idempotency key, asking, confirming (a second confirmation of the same sale
finds it already being worked on or over, and never sends a second settlement).
"""

import datetime as dt
from collections.abc import Callable

from protocols.gm.sm3 import sm3
from protocols.hub.review import CARRY_ON, GO_BACK
from terminal.core.events import (
    Abandoned,
    Acknowledged,
    CancelAsked,
    Confirmed,
    DiseasePicked,
    LinesSet,
    Misuse,
    QuoteAsked,
    ReviewAnswered,
)
from terminal.core.states import State
from terminal.core.values import Disease, Settlement
from terminal.counter.agreement import agreement_notice, require_agreement
from terminal.counter.drafts import Drafts
from terminal.counter.engine import Engine
from terminal.counter.gate import Gate
from terminal.counter.goods import Goods
from terminal.counter.holds import Holds
from terminal.counter.prescription_desk import PrescriptionDesk
from terminal.counter.prescriptions import Notes
from terminal.counter.reading import line_of, lines_of, reason_of_answer, self_pay_of
from terminal.counter.scans import Scans
from terminal.counter.settlements import Settlements
from terminal.counter.wishes import DiseaseWish, LineWish, ReviewWish, SaleWish, canonical
from terminal.counter.workroom import Workroom
from terminal.journal.records import Idempotency


class Sales:
    """The sales of one till."""

    def __init__(
        self,
        *,
        drafts: Drafts,
        engine: Engine,
        settlements: Settlements,
        workroom: Workroom,
        holds: Holds,
        gate: Gate,
        agreement_ends: dt.date | None,
        today: Callable[[], dt.date],
        goods: Goods,
        prescriptions: PrescriptionDesk,
        scans: Scans,
        note: Notes,
    ) -> None:
        """`today` is the business date, `note` writes into the audit log."""
        self._drafts = drafts
        self._engine = engine
        self._settlements = settlements
        self._workroom = workroom
        self._holds = holds
        self._gate = gate
        self._agreement_ends = agreement_ends
        self._today = today
        self._goods = goods
        self._prescriptions = prescriptions
        self._scans = scans
        self._note = note

    async def open(self, wish: SaleWish, client: str, key: str) -> Settlement:
        """Open a sale; with an idempotency key the same request returns the same sale for ever.

        Raises `Misuse`, or `JournalRefused` (`idempotency_conflict`, `sale_number_open`).
        """
        draft = self._drafts.draft(wish)
        idempotency = Idempotency(client, key, sm3(canonical(wish))) if key else None
        if not await self._opened_before(idempotency):
            self._holds.require_none()
            require_agreement(self._agreement_ends, self._today())
        opened = await self._workroom.do(lambda: self._engine.open(draft, idempotency, client))
        self._scans.go_to(opened.id)
        return opened

    async def _opened_before(self, idempotency: Idempotency | None) -> bool:
        over = agreement_notice(self._agreement_ends, self._today()) is not None
        if idempotency is None or not (self._holds.standing or over):
            return False
        return await self._workroom.read(lambda journal: journal.opened_before(idempotency))

    async def set_lines(self, settlement_id: str, wishes: tuple[LineWish, ...]) -> Settlement:
        """Replace the charge sheet."""
        lines, beside = lines_of(wishes, self._goods.items), self_pay_of(wishes, self._goods.items)
        return await self._prescriptions.post(settlement_id, LinesSet(lines, beside), "till")

    async def add_line(self, settlement_id: str, wish: LineWish) -> Settlement:
        """Add one line behind those that there are."""

        def added(now: Settlement) -> LinesSet:
            before = now.self_pay if wish.self_pay else now.lines
            line = line_of(wish, max((line.number for line in before), default=0) + 1, self._goods.items)
            return LinesSet(now.lines, (*before, line)) if wish.self_pay else LinesSet((*before, line))

        return await self._prescriptions.post(settlement_id, added, "till")

    async def pick_disease(self, settlement_id: str, wish: DiseaseWish) -> Settlement:
        """Pick one of the filed diseases; registers the visit, and with lines on the sheet the quote follows."""
        if not (wish.diagnosis_code and wish.diagnosis_name):
            raise Misuse("no_diagnosis")
        settlement = await self._settlements.get(settlement_id)
        names = {filing.code: filing.name for filing in settlement.filings or ()}
        disease = Disease(
            wish.disease_code, names.get(wish.disease_code, ""), wish.diagnosis_code, wish.diagnosis_name
        )
        return await self._settlements.post(settlement_id, DiseasePicked(disease), "till")

    async def answer_review(self, settlement_id: str, wish: ReviewWish, operator: str) -> Settlement:
        """Carry on in spite of what the review found, for a reason, or go back; the answer is on disk, then told (3103)."""
        asked = await self._settlements.get(settlement_id)
        way = CARRY_ON if wish.carry_on else GO_BACK
        event = ReviewAnswered(way, reason_of_answer(wish.reason) if wish.carry_on else "", operator)
        answered = await self._settlements.post(settlement_id, event, operator)
        rules = ",".join(finding.rule for finding in asked.review.findings) if asked.review else ""
        await self._note(operator, "review_answered", f"{settlement_id} way {way} rules {rules or '-'}")
        return answered

    async def quote(self, settlement_id: str) -> Settlement:
        """Ask the hub who would pay what."""
        return await self._settlements.post(settlement_id, QuoteAsked(), "till")

    async def confirm(self, settlement_id: str, operator: str) -> Settlement:
        """The person agrees: settle. Returns when the outcome is on disk; a second call never settles twice."""
        settlement = await self._settlements.get(settlement_id)
        if settlement.state not in (State.PRICED, State.ARMED) and settlement.confirmed:
            return settlement
        self._gate.require(settlement)
        require_agreement(self._agreement_ends, self._today())
        settled = await self._settlements.post(settlement_id, Confirmed(operator), operator)
        if settled.state is State.REFUSED:
            await self._prescriptions.free(settled)
        return settled

    async def cancel(self, settlement_id: str, operator: str, reason: str) -> Settlement:
        """Undo a known settlement (2103); returns when the outcome is on disk."""
        settlement = await self._settlements.get(settlement_id)
        if settlement.state is State.CANCELLED or (settlement.cancel_wish and not self._workroom.failure):
            return settlement
        self._holds.require_newest()
        return await self._settlements.post(settlement_id, CancelAsked(operator, reason), operator)

    async def abandon(self, settlement_id: str, operator: str) -> Settlement:
        """Give a sale up before anything that books was sent."""
        settlement = await self._settlements.get(settlement_id)
        if settlement.state is State.ABANDONED:
            return settlement
        gone = await self._settlements.post(settlement_id, Abandoned(operator), operator)
        await self._prescriptions.free(gone)
        return gone

    async def acknowledge(self, settlement_id: str, operator: str) -> Settlement:
        """The till has taken note of the result."""
        return await self._settlements.post(settlement_id, Acknowledged(operator), operator)
