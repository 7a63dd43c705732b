"""The verbs of the counter: what a till, a person or a device can ask for. The local API offers exactly these.

Everything here is safe to repeat: opening by idempotency key, asking, confirming (a second confirmation of the same
sale finds it already being worked on or over, and never sends a second settlement).
"""

import asyncio
import datetime as dt
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from drivers.interfaces.card_reader import CardReader
from drivers.interfaces.clock import Clock
from drivers.interfaces.printer import Printer
from drivers.interfaces.scanner import Scan, ScanFault, Scanner
from protocols.codes.classifier import classify, select
from protocols.codes.code_types import IdentityNumber
from protocols.gm.sm3 import sm3
from protocols.hub.prescriptions import CirculatingPrescription
from protocols.hub.profile import Profile
from protocols.hub.review import CARRY_ON, GO_BACK
from protocols.secret import Secret
from protocols.wire_time import format_time
from terminal.core.events import (
    Abandoned,
    Acknowledged,
    CancelAsked,
    CodeGiven,
    Confirmed,
    DiseasePicked,
    Due,
    Event,
    LinesSet,
    MediumGiven,
    Misuse,
    PrescriptionTaken,
    QuoteAsked,
    RefundWithdrawn,
    Restarted,
    ReviewAnswered,
    SlipPrinted,
)
from terminal.core.flows import CLINIC_VISIT, FLOWS
from terminal.core.message_parts import Site
from terminal.core.outcome import SLOW_DELAY_S
from terminal.core.reviewing import due_review
from terminal.core.states import State
from terminal.core.undoing import may_be_hurried
from terminal.core.values import (
    Disease,
    Medium,
    Notice,
    SaleKey,
    Settlement,
)
from terminal.counter.agreement import agreement_notice, require_agreement
from terminal.counter.chronicle import Chronicle, WriteLog, say_nothing
from terminal.counter.engine import Busy, Engine, Listener, UnknownSettlement, require_in_term
from terminal.counter.feed import Feed
from terminal.counter.goods import Lists, in_order, listed_warnings, own_warnings
from terminal.counter.holds import Holds
from terminal.counter.network import NetworkWatch
from terminal.counter.numbers import visit_number
from terminal.counter.paper import Paper
from terminal.counter.prescriptions import Prescriptions
from terminal.counter.refunds import Refunds
from terminal.counter.retries import RetryClock
from terminal.counter.scanning import (
    CodeWanted,
    certificate_code,
    scan_fault_message,
    understand,
)
from terminal.counter.session import HubSession
from terminal.counter.settle_notices import SettleNotices
from terminal.counter.staff import Staff
from terminal.counter.wishes import (
    DiseaseWish,
    LineWish,
    RefundWish,
    ReviewWish,
    SaleWish,
    canonical,
    line_of,
    lines_of,
    reason_of_answer,
    require_benefit,
    require_sale_number,
    self_pay_of,
)
from terminal.counter.workroom import Phase, Workroom
from terminal.devices.card_desk import CardDesk
from terminal.devices.card_medium import medium_of
from terminal.hub.centre import CentreClient
from terminal.hub.client import HubClient, Operator
from terminal.journal.journal import Journal
from terminal.journal.records import (
    AttemptRow,
    AuditRow,
    Idempotency,
    JournalFailed,
    ReceiptRow,
    SettlementRow,
)
from terminal.journal.thread import JournalPort
from terminal.journal.vault import Vault
from terminal.shop_items import ShopItem
from terminal.slips.rendering import SlipSite

if TYPE_CHECKING:
    from terminal.counter.expiry import Expiry
    from terminal.reconciliation.runner import Reconciliation
    from terminal.submissions.runner import Submissions

TAKES_SCANS = frozenset({State.DRAFT, State.PRICED})
"""States of a sale that a scan can change."""
PUT_OFF_S = 10.0
"""How often what an old copy of the journal holds open looks whether the journal was accepted."""
AUDIT_STRETCH = 5000
"""Audit records looked through at once: some ten milliseconds of the journal's thread."""
log = logging.getLogger(__name__)
Result = TypeVar("Result")


def _is_out(receipt: ReceiptRow) -> bool:
    """True for a slip of the settlement, original or copy, that is on paper."""
    return receipt.kind in ("original", "copy") and receipt.state in ("printed", "printed_unverified")


def _audit_stretch(settlement_id: str, after: int, until: int, journal: Journal) -> list[AuditRow]:
    return journal.audit.of(settlement_id, after, until)


def _place(error: Exception) -> str:
    """File and line where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"


class Counter(Listener):
    """One counter: its settlements, its doubts, its paper, its scanner."""

    def __init__(
        self,
        *,
        profile: Profile,
        site: Site,
        slip_site: SlipSite,
        till: str,
        lane: str,
        operator: Operator,
        journal: JournalPort,
        vault: Vault,
        hub: HubClient,
        session: HubSession,
        centre: CentreClient,
        printer: Printer | None,
        scanner: Scanner | None,
        items: Mapping[str, ShopItem],
        clock: Clock,
        jitter: Callable[[], float],
        new_id: Callable[[], str],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        reader: CardReader | None = None,
        write_log: WriteLog = say_nothing,
        notices: SettleNotices | None = None,
        staff: Staff | None = None,
    ) -> None:
        self._profile = profile
        self.staff = staff or Staff()
        self._notices = notices
        self._site = site
        self._till = till
        self._lane = lane
        self._operator = operator
        self._journal = journal
        self._vault = vault
        self._scanner = scanner
        self._items = items
        self._clock = clock
        self._new_id = new_id
        self.session = session
        self.hub = hub
        self.cards = CardDesk(reader)
        self.feed = Feed()
        self.workroom = Workroom(journal)
        self.holds = Holds(self.feed.announce)
        """Why no new sale may start now; open doubts are worked off all the same."""
        self._chronicle = Chronicle(write_log)
        self.engine = Engine(
            profile, site, journal, hub, session, centre, clock, jitter, vault.pseudonym, self
        )
        self._refunds = Refunds(self.engine, self.workroom, self.holds, new_id, self.get)
        self._prescriptions = Prescriptions(
            hub, session, profile, self.staff, self.note, lambda: self.submissions
        )
        self._retries = RetryClock(clock, self._try_again)
        self._network = NetworkWatch(
            hub, session, site, clock, sleep, self._waits_for_the_hub, self._retries.hurry
        )
        self.paper = Paper(self.engine, journal, printer, slip_site, vault.mac, self.feed.announce, sleep)
        self._scanned_sale = ""
        self.reconciliation: Reconciliation | None = None
        """The day's reconciliation; set where the counter is put together."""
        self.submissions: Submissions | None = None
        """What is to change the hub outside a settlement; set where the counter is put together."""
        self.expiry: Expiry | None = None
        """What deletes at the end of a term; set where the counter is put together."""
        self.chores: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        """What runs beside the sales as long as the counter does, by name; set before `run`."""

    # -- life -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Recover, then serve until cancelled. Raises `JournalFailed` when durability is in doubt: the process stops."""
        await self.workroom.run(self._start)

    async def _start(self, group: asyncio.TaskGroup) -> None:
        await self._recover()
        group.create_task(self._retries.run(), name="retries")
        group.create_task(self._network.run(), name="network watch")
        group.create_task(self.paper.run(), name="paper")
        if self._scanner is not None:
            group.create_task(self._listen(self._scanner), name="scans")
        group.create_task(self._sign_in(), name="sign-in")
        for name, work in self.chores.items():
            group.create_task(work(), name=name)
        self.paper.owe()

    @property
    def phase(self) -> Phase:
        """How far the counter has come."""
        return self.workroom.phase

    @property
    def failure(self) -> str:
        """Why the journal can no longer be trusted; empty when it can."""
        return self.workroom.failure

    async def _sign_in(self) -> None:
        await self.session.ensure()

    async def _recover(self) -> None:
        """Believe the disk (recovery steps 6 to 10): every unfinished settlement hears `Restarted`.

        Witnesses outside were heard before (step 4): an old copy is believed only as far as nothing follows from it.
        """
        rows = await self._journal.call(lambda journal: journal.settlements.unfinished())
        # What is armed comes last: in an old copy it is taken to be on its way, and its lane must be free for that.
        for row in sorted(rows, key=lambda row: row.state is State.ARMED):
            await self._recover_one(row)
        await self.paper.give_up_interrupted(old_copy=self.holds.is_old_copy)
        await self._journal.call(lambda journal: journal.audit.note("start", "boot", "", self.engine.stamp()))

    async def _recover_one(self, row: SettlementRow) -> None:
        """Everything that waits for a try hears of it through `retry_due`; deadlines of the wall clock are not used."""
        attempts, receipts = await self._history(row.id)
        self.engine.adopt(row, attempts)
        self._chronicle.taken_up(row.id, row.state)
        found = Restarted(self.holds.is_old_copy)
        settlement = await self.engine.post(row.id, found, "start", wait=True)
        if settlement.state is State.SENDING:  # of an old copy: it was armed
            settlement = await self.engine.post(row.id, found, "start", wait=True)
        out = [receipt for receipt in receipts if _is_out(receipt)]
        if out and not settlement.paper_out:
            await self.engine.post(row.id, SlipPrinted(out[0].kind), "start", wait=True)

    # -- what the engine reports ------------------------------------------------------------------

    def changed(self, settlement: Settlement) -> None:
        """See `Listener`."""
        self.feed.tell(settlement.id, settlement.state.value, settlement.notice)
        self._chronicle.changed(settlement)
        if (
            settlement.state is State.DRAFT
            and settlement.refund_of is not None
            and not self._scans_go_somewhere()
        ):
            self._scanned_sale = settlement.id
        if self._notices is not None:
            self._notices.changed(settlement, self._beside)

    def _scans_go_somewhere(self) -> bool:
        """True while the sale that gets the scans is one that takes them."""
        row = self.engine.row(self._scanned_sale)
        return row is not None and row.state in TAKES_SCANS

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the sales as long as the counter runs; a counter that is stopping leaves it out."""
        if not self.workroom.beside(self._harmless(work)):
            work.close()
            log.info("a settle notice was left out: the counter is being stopped")

    async def _harmless(self, work: Coroutine[Any, Any, None]) -> None:
        """Await work on which nothing depends: its error is told and ends nothing else."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a notice must never stop the counter
            self.went_wrong("", error)

    def step_done(self, settlement_id: str, name: str, elapsed_s: float) -> None:
        """See `Listener`."""
        self._chronicle.step_done(settlement_id, name, elapsed_s)

    def let_go(self, settlement_id: str) -> None:
        """See `Listener`."""
        self._chronicle.let_go(settlement_id)

    def retry_due(self, settlement_id: str, delay_s: float) -> None:
        """See `Listener`."""
        self._retries.schedule(settlement_id, delay_s)

    def slip_owed(self) -> None:
        """See `Listener`."""
        self.paper.owe()

    def went_wrong(self, settlement_id: str, error: Exception) -> None:
        """See `Listener`. The log names type and place only: an error's text may carry what it stumbled over."""
        log.error("settlement %s: %s at %s", settlement_id, type(error).__name__, _place(error))
        self.feed.announce(Notice("internal_error"))

    def require_newest_journal(self) -> None:
        """See `Listener`."""
        self.holds.require_newest()

    def require_gate(self, settlement: Settlement) -> None:
        """See `Listener`: a hold, a young doubt of the lane, or any doubt of the person keeps a new settlement back."""
        self.holds.require_none()
        person = None if settlement.person is None else settlement.person.psn_no
        for other, _ in self.engine.doubts():
            if other.id == settlement.id:
                continue
            left_s = self._profile.outcome.gate_s - self.engine.doubt_age_s(other.id)
            if other.lane == settlement.lane and left_s > 0:
                raise Misuse("lane_gate", seconds=str(int(left_s) + 1))
            if other.person is not None and other.person.psn_no == person:
                raise Misuse("person_in_doubt")

    # -- sales ------------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The clocks of this counter."""
        return self._clock

    def today(self) -> dt.date:
        """The business date: the day in UTC+8."""
        return self._clock.now().date()

    async def open_sale(self, wish: SaleWish, client: str, key: str) -> Settlement:
        """Open a sale; with an idempotency key the same request returns the same sale for ever.

        Raises `Misuse`, or `JournalRefused` (`idempotency_conflict`, `sale_number_open`).
        """
        if wish.flow not in FLOWS:
            raise Misuse("bad_request", reason=f"flow: one of {', '.join(FLOWS)}")
        require_sale_number(wish.sale_number)
        require_benefit(wish)
        if wish.benefit == "dual_channel" and not self._site.dual_channel:
            raise Misuse("not_dual_channel")
        lines = lines_of(wish.lines, self._items)
        settlement_id = self._new_id()
        settlement = Settlement(
            id=settlement_id,
            key=SaleKey(self._site.institution_code, self._till, wish.sale_number, self.today()),
            lane=self._lane,
            flow=wish.flow,
            own_visit_no=visit_number(settlement_id) if wish.flow == CLINIC_VISIT.name else "",
            state=State.DRAFT,
            operator=self._operator.number,
            division=self._site.division,
            benefit=wish.benefit,
            asked_disease=wish.disease_code,
            asked_insutype=wish.insutype,
            local_only=not self._site.networked,
            epidemic=wish.epidemic,
            began_at=format_time(self._clock.now()),
            use_account=wish.use_account,
            lines=lines,
            review=due_review(self._profile),
            self_pay=self_pay_of(wish.lines, self._items),
        )
        idempotency = Idempotency(client, key, sm3(canonical(wish))) if key else None
        if not await self._opened_before(idempotency):
            self.holds.require_none()
            require_agreement(self._site.agreement_ends, self.today())
        opened = await self.workroom.do(lambda: self.engine.open(settlement, idempotency, client))
        self._scanned_sale = opened.id
        return opened

    async def _opened_before(self, idempotency: Idempotency | None) -> bool:
        over = agreement_notice(self._site.agreement_ends, self.today()) is not None
        if idempotency is None or not (self.holds.standing or over):
            return False
        return await self.workroom.read(lambda journal: journal.opened_before(idempotency))

    async def set_lines(self, settlement_id: str, wishes: tuple[LineWish, ...]) -> Settlement:
        """Replace the charge sheet."""
        lines, beside = lines_of(wishes, self._items), self_pay_of(wishes, self._items)
        return await self.post(settlement_id, LinesSet(lines, beside), "till")

    async def add_line(self, settlement_id: str, wish: LineWish) -> Settlement:
        """Add one line; the same article by barcode raises the quantity of its line."""
        settlement = await self.get(settlement_id)
        before = settlement.self_pay if wish.self_pay else settlement.lines
        line = line_of(wish, max((line.number for line in before), default=0) + 1, self._items)
        wanted = LinesSet((*before, line))
        if wish.self_pay:
            wanted = LinesSet(settlement.lines, (*before, line))
        return await self.post(settlement_id, wanted, "till")

    def goods(self) -> Sequence[tuple[ShopItem, tuple[Notice, ...]]]:
        """The shop's articles, centrally procured ones first, with what the shop's own file warns of."""
        return [(item, own_warnings(item, self.today())) for item in in_order(self._items)]

    async def check_goods(self) -> Sequence[tuple[ShopItem, tuple[Notice, ...]]]:
        """The same, after asking the hub about every article with a national code. Raises `Misuse`."""
        lists, found, today = Lists(self.hub, self.session, self._profile), {}, self.today()
        for barcode, item in self._items.items():
            if item.national_code:
                code = item.national_code
                listed = await self.workroom.do(partial(lists.of, code, today))
                found[barcode] = listed_warnings(item, listed)
                until = listed.until or item.listed_until
                known = msgspec.structs.replace(
                    item, listed_until=until, selected=item.selected or listed.selected
                )
                self._items = {**self._items, barcode: known}
        return [(item, (*told, *found.get(item.barcode, ()))) for item, told in self.goods()]

    async def give_identity_number(self, settlement_id: str, text: str) -> Settlement:
        """Give the number of the person's identity card, typed in (medium 02); the hub says who it is."""
        match = select(classify(text.strip().upper()), (IdentityNumber,))
        if not isinstance(match, IdentityNumber):
            raise Misuse("not_an_identity_number")
        number = Secret(match.text)
        return await self.post(settlement_id, MediumGiven(Medium("02", number, certno=number)), "till")

    async def read_card_medium(self, settlement_id: str) -> Settlement:
        """Give the social-security card in the reader (medium 03); raises `Misuse` with what to do about the card."""
        await self.get(settlement_id)
        card = await self.cards.read()
        return await self.post(settlement_id, MediumGiven(medium_of(card, self._profile)), "card reader")

    async def pick_disease(self, settlement_id: str, wish: DiseaseWish) -> Settlement:
        """Pick one of the filed diseases; registers the visit, and with lines on the sheet the quote follows."""
        if not (wish.diagnosis_code and wish.diagnosis_name):
            raise Misuse("no_diagnosis")
        settlement = await self.get(settlement_id)
        names = {filing.code: filing.name for filing in settlement.filings or ()}
        disease = Disease(
            wish.disease_code, names.get(wish.disease_code, ""), wish.diagnosis_code, wish.diagnosis_name
        )
        return await self.post(settlement_id, DiseasePicked(disease), "till")

    async def prescriptions(self, settlement_id: str) -> Sequence[CirculatingPrescription]:
        """The circulating prescriptions of the sale's person, whatever their state."""
        settlement = await self.get(settlement_id)
        return await self.workroom.do(lambda: self._prescriptions.of(settlement))

    async def take_prescription(self, settlement_id: str, number: str, reviewer: str) -> Settlement:
        """Sell against a prescription that this pharmacist has reviewed: lock it for the sale, then quote anew."""
        settlement = await self.get(settlement_id)
        if settlement.state not in TAKES_SCANS:
            raise Misuse("not_open_for_changes", state=settlement.state.value)
        if settlement.person is None:
            raise Misuse("no_medium")
        self.holds.require_newest()
        taken = await self.workroom.do(lambda: self._prescriptions.take(settlement, number, reviewer))
        return await self.post(settlement_id, PrescriptionTaken(taken, settlement.person.psn_no), reviewer)

    async def _free_prescription(self, settlement: Settlement) -> None:
        """What the sale did not use may be used elsewhere at once; unheard, the lock ends by itself."""
        if settlement.prescription is None:
            return
        try:
            await self.workroom.do(lambda: self._prescriptions.release(settlement))
        except Misuse as unheard:
            self.feed.announce(Notice(unheard.code, unheard.params))

    async def give_code(self, settlement_id: str, text: str) -> Settlement:
        """Give the customer's certificate code (typed, or scanned by the till); decodes it at once."""
        return await self._give_code(settlement_id, CodeWanted(certificate_code(text.strip())), "till")

    async def _give_code(self, settlement_id: str, wanted: CodeWanted, actor: str) -> Settlement:
        mark = self._vault.code_mark(wanted.code.reveal())
        used_by = await self.workroom.read(lambda journal: journal.code_used_by(mark))
        if used_by is not None and used_by != settlement_id:
            raise Misuse("code_used")
        return await self.post(settlement_id, CodeGiven(wanted.code, mark), actor)

    async def answer_review(self, settlement_id: str, wish: ReviewWish, operator: str) -> Settlement:
        """Carry on in spite of what the review found, for a reason, or go back; the answer is on disk, then told (3103)."""
        asked = await self.get(settlement_id)
        way = CARRY_ON if wish.carry_on else GO_BACK
        event = ReviewAnswered(way, reason_of_answer(wish.reason) if wish.carry_on else "", operator)
        answered = await self.post(settlement_id, event, operator)
        rules = ",".join(finding.rule for finding in asked.review.findings) if asked.review else ""
        await self.note(operator, "review_answered", f"{settlement_id} way {way} rules {rules or '-'}")
        return answered

    async def quote(self, settlement_id: str) -> Settlement:
        """Ask the hub who would pay what."""
        return await self.post(settlement_id, QuoteAsked(), "till")

    async def confirm(self, settlement_id: str, operator: str) -> Settlement:
        """The person agrees: settle. Returns when the outcome is on disk; a second call never settles twice."""
        settlement = await self.get(settlement_id)
        if settlement.state not in (State.PRICED, State.ARMED) and settlement.confirmed:
            return settlement
        self.require_gate(settlement)
        require_agreement(self._site.agreement_ends, self.today())
        settled = await self.post(settlement_id, Confirmed(operator), operator)
        if settled.state is State.REFUSED:
            await self._free_prescription(settled)
        return settled

    async def cancel(self, settlement_id: str, operator: str, reason: str) -> Settlement:
        """Undo a known settlement (2103); returns when the outcome is on disk."""
        settlement = await self.get(settlement_id)
        if settlement.state is State.CANCELLED or (settlement.cancel_wish and not self.failure):
            return settlement
        self.holds.require_newest()
        return await self.post(settlement_id, CancelAsked(operator, reason), operator)

    async def refund(self, settlement_id: str, wish: RefundWish, operator: str) -> Settlement:
        """Goods come back: cancel the whole settlement, then open a sale of what remains; see `Refunds.begin`."""
        return await self._refunds.begin(await self.get(settlement_id), wish, operator)

    async def withdraw_refund(self, settlement_id: str, operator: str) -> Settlement:
        """Settle nothing anew after a refund: what remains is not opened, or is given up. The cancellation stands."""
        settlement = await self.get(settlement_id)
        plan = settlement.refund
        if plan is not None and (plan.withdrawn or not plan.rest_id):
            return settlement
        if plan is not None and settlement.state is State.CANCELLED:  # what remains is open already
            await self.abandon(plan.rest_id, operator)
        else:
            settlement = await self.post(settlement_id, RefundWithdrawn(operator), operator)
        await self.note(operator, "refund_withdrawn", settlement_id)
        return settlement

    async def abandon(self, settlement_id: str, operator: str) -> Settlement:
        """Give a sale up before anything that books was sent."""
        settlement = await self.get(settlement_id)
        if settlement.state is State.ABANDONED:
            return settlement
        gone = await self.post(settlement_id, Abandoned(operator), operator)
        await self._free_prescription(gone)
        return gone

    async def acknowledge(self, settlement_id: str, operator: str) -> Settlement:
        """The till has taken note of the result."""
        return await self.post(settlement_id, Acknowledged(operator), operator)

    async def copy(self, settlement_id: str, operator: str) -> int:
        """Owe one more slip, marked as a copy; returns its number."""
        settlement = await self.get(settlement_id)
        require_in_term(settlement)
        if not settlement.receipts:
            raise Misuse("nothing_to_copy", state=settlement.state.value)
        stamp = self.engine.stamp()
        number = await self.workroom.write(
            lambda journal: journal.receipts.owe_copy(settlement_id, operator, stamp)
        )
        self.paper.owe()
        return number

    async def explain(self, settlement_id: str) -> Settlement:
        """Print why the hub, or the terminal before it, refused: plain words and whom to ask. Raises `Misuse`."""
        settlement = await self.get(settlement_id)
        require_in_term(settlement)
        await self.workroom.do(lambda: self.paper.explain(settlement))
        return settlement

    async def slip_seen(self, settlement_id: str, operator: str) -> Settlement:
        """Somebody has looked: the slip whose fate was unknown did come out. Raises `Misuse` (`slip_not_unknown`)."""
        settlement = await self.get(settlement_id)
        if settlement.paper_out:
            return settlement
        receipts = await self.workroom.read(lambda journal: journal.receipts.of(settlement_id))
        if ("original", "unknown") not in {(receipt.kind, receipt.state) for receipt in receipts}:
            raise Misuse("slip_not_unknown")
        seen = await self.workroom.do(
            lambda: self.engine.post(settlement_id, SlipPrinted("original"), operator, wait=True)
        )
        await self.note(operator, "slip_seen", settlement_id)
        return seen

    async def note(self, actor: str, action: str, text: str = "") -> None:
        """Write into the audit log that somebody did something that belongs to no settlement."""
        stamp = self.engine.stamp()
        await self.workroom.write(lambda journal: journal.audit.note(actor, action, text, stamp))

    async def slips_waiting(self) -> int:
        """How many slips are not printed yet."""
        return len(await self.workroom.read(lambda journal: journal.receipts.unfinished()))

    async def post(self, settlement_id: str, event: Event, actor: str) -> Settlement:
        """Hand an event to the engine in a task of its own, so that a caller who goes away interrupts nothing."""
        before = await self.get(settlement_id)
        after = await self.workroom.do(lambda: self.engine.post(settlement_id, event, actor))
        if before.prescription is not None and after.prescription is None:  # other lines, another person
            await self._free_prescription(before)
        return after

    async def _try_again(self, settlement_id: str) -> None:
        if self.engine.row(settlement_id) is None:
            return
        if self.holds.is_old_copy:  # not a try: it waits for the two people who accept the journal
            self._retries.schedule(settlement_id, PUT_OFF_S)
            return
        due = Due(self.engine.doubt_age_s(settlement_id))
        try:
            await self.workroom.do(lambda: self.engine.post(settlement_id, due, "terminal", wait=True))
        except Misuse:
            return  # only a failed journal refuses here, and that has already stopped the counter
        except Exception as error:  # noqa: BLE001 - one settlement that cannot be worked off must not stop the others
            self.went_wrong(settlement_id, error)
            self._retries.schedule(settlement_id, SLOW_DELAY_S)

    # -- scanner ----------------------------------------------------------------------------------

    async def _listen(self, scanner: Scanner) -> None:
        async for event in scanner.events():
            try:
                await self._scanned(event)
            except Misuse as misuse:
                self.feed.announce(Notice(misuse.code, misuse.params))
            except Busy:
                self.feed.announce(Notice("busy"))

    async def _scanned(self, event: Scan | ScanFault) -> None:
        if isinstance(event, ScanFault):
            raise Misuse(scan_fault_message(event))
        settlement_id = self._scanned_sale
        if not settlement_id:
            raise Misuse("no_open_sale")
        settlement = await self.get(settlement_id)
        if settlement.state not in TAKES_SCANS:
            raise Misuse("no_open_sale")
        wanted = understand(event, settlement.lines, self._items)
        if isinstance(wanted, CodeWanted):
            await self._give_code(settlement_id, wanted, "scanner")
        else:
            await self.post(settlement_id, LinesSet(wanted.lines), "scanner")

    # -- reading ----------------------------------------------------------------------------------

    async def get(self, settlement_id: str) -> Settlement:
        """The newest state that may be told; raises `UnknownSettlement`."""
        try:
            return await self.engine.get(settlement_id)
        except JournalFailed as failed:
            raise self.workroom.stops(failed) from failed

    async def find(self, sale_number: str, business_date: dt.date) -> SettlementRow | None:
        """The newest settlement of a sale number of this till."""
        key = SaleKey(self._site.institution_code, self._till, sale_number, business_date)
        return await self.workroom.read(lambda journal: journal.settlements.by_sale_number(key))

    async def recent(self, limit: int, before: int | None) -> list[SettlementRow]:
        """The newest settlements, newest first."""
        return await self.workroom.read(lambda journal: journal.settlements.recent(limit, before))

    async def history(self, settlement_id: str) -> tuple[list[AttemptRow], list[ReceiptRow]]:
        """Attempts and slips of one settlement."""
        return await self.workroom.read(
            lambda journal: (journal.attempts.of(settlement_id), journal.receipts.of(settlement_id))
        )

    async def evidence(
        self, settlement_id: str, actor: str
    ) -> tuple[SettlementRow, list[AttemptRow], list[AuditRow]]:
        """Everything that proves what was sent and answered for one settlement; the audit log first notes who takes it."""
        row = await self.workroom.read(lambda journal: journal.settlements.get(settlement_id))
        if row is None:
            raise UnknownSettlement(settlement_id)
        attempts = await self.workroom.read(lambda journal: journal.attempts.of(settlement_id))
        if not attempts:
            raise Misuse("no_evidence")
        if any(attempt.past_term for attempt in attempts):
            raise Misuse("evidence_past_term")
        head, _ = await self.workroom.read(lambda journal: journal.audit.head)
        stamp = self.engine.stamp()
        await self.workroom.write(
            lambda journal: journal.audit.note(actor, "evidence_taken", settlement_id, stamp)
        )
        chain: list[AuditRow] = []
        for after in range(0, head, AUDIT_STRETCH):
            until = min(after + AUDIT_STRETCH, head)
            chain += await self.workroom.read(partial(_audit_stretch, settlement_id, after, until))
        return row, attempts, chain

    async def _history(self, settlement_id: str) -> tuple[list[AttemptRow], list[ReceiptRow]]:
        return await self._journal.call(
            lambda journal: (journal.attempts.of(settlement_id), journal.receipts.of(settlement_id))
        )

    def doubts(self) -> list[tuple[Settlement, SettlementRow]]:
        """Everything the terminal still has to end at the hub, oldest first: outcomes that are open, and visits of which
        something is still to be taken back, also beside a settlement that stands."""
        return self.engine.waiting()

    def _waits_for_the_hub(self) -> list[Settlement]:
        return [settlement for settlement, _ in self.engine.waiting() if may_be_hurried(settlement)]
