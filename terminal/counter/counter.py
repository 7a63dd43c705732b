"""The verbs of the counter: what a till, a person or a device can ask for. The local API offers exactly these.

Everything here is safe to repeat: opening by idempotency key, asking, confirming (a second confirmation of the same
sale finds it already being worked on or over, and never sends a second settlement).
"""

import asyncio
import datetime as dt
import enum
import logging
import traceback
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from drivers.interfaces.card_reader import CardReader
from drivers.interfaces.clock import Clock
from drivers.interfaces.printer import Printer
from drivers.interfaces.scanner import Scan, ScanFault, Scanner
from protocols.codes.classifier import classify, select
from protocols.codes.code_types import IdentityNumber
from protocols.errors import MoneyError
from protocols.gm.sm3 import sm3
from protocols.hub.profile import Profile
from protocols.money import Price, Quantity, line_amount_fen
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
    QuoteAsked,
    RefundWithdrawn,
    Restarted,
    SlipPrinted,
)
from terminal.core.flows import CLINIC_VISIT, FLOWS, PHARMACY_PURCHASE
from terminal.core.message_parts import Site
from terminal.core.outcome import SLOW_DELAY_S
from terminal.core.refunding import plan_refund
from terminal.core.states import State
from terminal.core.undoing import may_be_hurried
from terminal.core.values import (
    ChargeLine,
    Disease,
    Medium,
    Notice,
    ReturnedLine,
    SaleKey,
    Settlement,
)
from terminal.counter.chronicle import Chronicle, WriteLog, say_nothing
from terminal.counter.engine import Busy, Engine, Listener, UnknownSettlement, require_in_term
from terminal.counter.holds import Holds
from terminal.counter.network import NetworkWatch
from terminal.counter.paper import Paper
from terminal.counter.retries import RetryClock
from terminal.counter.scanning import (
    CodeWanted,
    certificate_code,
    scan_fault_message,
    understand,
    with_item,
)
from terminal.counter.session import HubSession
from terminal.counter.settle_notices import SettleNotices
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

FEED_LENGTH = 500
SALE_NUMBER_LENGTH = 64
PUT_OFF_S = 10.0
"""How often what an old copy of the journal holds open looks whether the journal was accepted."""
AUDIT_STRETCH = 5000
"""Audit records looked through at once: some ten milliseconds of the journal's thread."""
log = logging.getLogger(__name__)
Result = TypeVar("Result")
_canonical = msgspec.json.Encoder(order="sorted")


class Phase(enum.StrEnum):
    """How far the start has come; shown by `status`."""

    UNLOCKING = "unlocking"
    RECOVERING = "recovering"
    READY = "ready"
    STOPPED = "stopped"


class FeedEntry(msgspec.Struct, frozen=True):
    """Something that happened, for whoever follows the counter."""

    number: int
    settlement_id: str
    state: str
    notice: Notice | None


class LineWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A charge line as a till gives it: an article by barcode, or everything in full."""

    barcode: str = ""
    national_code: str = ""
    own_code: str = ""
    name: str = ""
    spec: str = ""
    price: str = ""
    quantity: str = "1"
    trace_codes: tuple[str, ...] = ()


class SaleWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a till opens a sale with."""

    sale_number: str
    lines: tuple[LineWish, ...] = ()
    use_account: bool = True
    flow: str = PHARMACY_PURCHASE.name
    """`pharmacy_purchase` or `clinic_visit`."""


class ReturnWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the sale that comes back, whole or in part."""

    line: int
    """Number of the line on the charge sheet."""
    quantity: str = ""
    """How much of it; empty = all."""
    trace_codes: tuple[str, ...] = ()
    """Trace codes of the packs that come back; needed when only a part of a line with codes does."""


class RefundWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer brings back: some lines, or everything."""

    lines: tuple[ReturnWish, ...] = ()
    everything: bool = False
    operator: str = ""
    reason: str = ""


class DiseaseWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which filed disease the visit is for, and the doctor's diagnosis."""

    disease_code: str
    """M0xxxx, one of the person's filings."""
    diagnosis_code: str
    """ICD-10, insurance version."""
    diagnosis_name: str


def _require_sale_number(number: str) -> None:
    """A sale number is written on slips and typed by people: not empty, not endless, nothing that does not show."""
    if not 1 <= len(number) <= SALE_NUMBER_LENGTH or not number.isprintable() or number != number.strip():
        raise Misuse(
            "bad_request", reason=f"sale_number: 1 to {SALE_NUMBER_LENGTH} characters, all of them visible"
        )


def _returned(settlement: Settlement, wish: RefundWish) -> tuple[ReturnedLine, ...]:
    """What comes back, by line number; an empty quantity is the whole line. Raises `Misuse` for what cannot be read."""
    sold = {line.number: line for line in settlement.lines}
    if wish.everything:
        if wish.lines:
            raise Misuse("bad_request", reason="either lines or everything")
        return tuple(ReturnedLine(line.number, line.quantity, line.trace_codes) for line in settlement.lines)
    found = []
    for row in wish.lines:
        line = sold.get(row.line)
        if line is None:
            raise Misuse("refund_line", line=str(row.line))
        try:
            quantity = Quantity.parse(row.quantity) if row.quantity else line.quantity
        except MoneyError as wrong:
            raise Misuse("bad_request", reason=f"line {row.line}: {wrong}") from wrong
        codes = line.trace_codes if quantity == line.quantity and not row.trace_codes else row.trace_codes
        found.append(ReturnedLine(row.line, quantity, codes))
    return tuple(sorted(found, key=lambda row: row.number))


def _same_refund(settlement: Settlement, returned: tuple[ReturnedLine, ...]) -> Settlement:
    """The sale whose refund is under way or done, if it is this one; raises `Misuse` (`refund_differs`)."""
    if settlement.refund is None or settlement.refund.returned != returned:
        raise Misuse("refund_differs")
    return settlement


def _visit_number(settlement_id: str) -> str:
    """Our own number of a visit: 18 digits from the settlement's id, unique as it is."""
    return f"{int(settlement_id[1:], 16) % 10**18:018d}"


class _Done(Generic[Result]):
    """What became of a piece of work: a result, or the error its caller gets."""

    def __init__(self, result: tuple[Result, ...], error: Exception | None) -> None:
        self.result = result
        self.error = error


async def _settled(work: Callable[[], Awaitable[Result]]) -> _Done[Result]:
    """Run work without letting its error end the task group it runs in."""
    try:
        return _Done((await work(),), None)
    except Exception as error:  # noqa: BLE001 - every error is handed to the caller, who raises it
        return _Done((), error)


def _first(failures: ExceptionGroup[JournalFailed]) -> JournalFailed:
    """Return the first failure, however deep the groups are nested."""
    for failure in failures.exceptions:
        return _first(failure) if isinstance(failure, ExceptionGroup) else failure
    raise AssertionError("an exception group is never empty")


def _is_out(receipt: ReceiptRow) -> bool:
    """True for a slip of the settlement, original or copy, that is on paper."""
    return receipt.kind in ("original", "copy") and receipt.state in ("printed", "printed_unverified")


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
    ) -> None:
        self._profile = profile
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
        self.holds = Holds(self.announce)
        """Why no new sale may start now; open doubts are worked off all the same."""
        self._chronicle = Chronicle(write_log)
        self.engine = Engine(
            profile, site, journal, hub, session, centre, clock, jitter, vault.pseudonym, self
        )
        self._retries = RetryClock(clock, self._try_again)
        self._network = NetworkWatch(
            hub, session, site, clock, sleep, self._waits_for_the_hub, self._retries.hurry
        )
        self.paper = Paper(self.engine, journal, printer, slip_site, vault.mac, self.announce, sleep)
        self.phase = Phase.RECOVERING
        self.failure = ""
        """Why the journal can no longer be trusted; empty when it can."""
        self._failed = asyncio.Event()
        self._feed: deque[FeedEntry] = deque(maxlen=FEED_LENGTH)
        self._feed_number = 0
        self._feed_grew = asyncio.Event()
        self._scanned_sale = ""
        self._work: asyncio.TaskGroup | None = None
        self.reconciliation: Reconciliation | None = None
        """The day's reconciliation; set where the counter is put together."""
        self.expiry: Expiry | None = None
        """What deletes at the end of a term; set where the counter is put together."""
        self.chores: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        """What runs beside the sales as long as the counter does, by name; set before `run`."""

    # -- life -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Recover, then serve until cancelled. Raises `JournalFailed` when durability is in doubt: the process stops."""
        try:
            async with asyncio.TaskGroup() as group:
                self._work = group
                group.create_task(self._stop_on_failure(), name="journal watch")
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
                self.phase = Phase.READY
        except* JournalFailed as failures:
            self.failure = self.failure or _first(failures).reason
            raise _first(failures) from None
        finally:
            self.phase = Phase.STOPPED
            self._work = None

    async def _stop_on_failure(self) -> None:
        await self._failed.wait()
        raise JournalFailed(self.failure)

    async def _sign_in(self) -> None:
        await self.session.ensure()

    async def _recover(self) -> None:
        """Believe the disk (recovery steps 6 to 10): every unfinished settlement hears `Restarted`.

        Witnesses outside were heard before (step 4): an old copy is believed only as far as nothing follows from it.
        """
        for row in await self._journal.call(lambda journal: journal.unfinished()):
            await self._recover_one(row)
        await self.paper.give_up_interrupted(old_copy=self.holds.is_old_copy)
        await self._journal.call(lambda journal: journal.note("start", "boot", "", self.engine.stamp()))

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
        self._tell(settlement.id, settlement.state.value, settlement.notice)
        self._chronicle.changed(settlement)
        if self._notices is not None:
            self._notices.changed(settlement, self._beside)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the sales as long as the counter runs; a counter that is stopping leaves it out."""
        try:
            if self._work is not None:
                self._work.create_task(self._harmless(work))
                return
        except RuntimeError:  # the group takes no more tasks
            log.info("a settle notice was left out: the counter is being stopped")
        work.close()

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

    def announce(self, notice: Notice) -> None:
        """Tell everybody who follows the counter something that belongs to no settlement."""
        self._tell("", "", notice)

    def _tell(self, settlement_id: str, state: str, notice: Notice | None) -> None:
        self._feed_number += 1
        self._feed.append(FeedEntry(self._feed_number, settlement_id, state, notice))
        grown, self._feed_grew = self._feed_grew, asyncio.Event()
        grown.set()

    def went_wrong(self, settlement_id: str, error: Exception) -> None:
        """See `Listener`. The log names type and place only: an error's text may carry what it stumbled over."""
        log.error("settlement %s: %s at %s", settlement_id, type(error).__name__, _place(error))
        self.announce(Notice("internal_error"))

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

    async def follow(self, after: int) -> AsyncIterator[FeedEntry]:
        """Yield what happened after entry `after`, then everything new, for ever."""
        while True:
            for entry in [entry for entry in self._feed if entry.number > after]:
                after = entry.number
                yield entry
            grows = self._feed_grew
            if not self._feed or self._feed[-1].number <= after:
                await grows.wait()

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
        _require_sale_number(wish.sale_number)
        lines = self._lines_of(wish.lines)
        settlement_id = self._new_id()
        settlement = Settlement(
            id=settlement_id,
            key=SaleKey(self._site.institution_code, self._till, wish.sale_number, self.today()),
            lane=self._lane,
            flow=wish.flow,
            own_visit_no=_visit_number(settlement_id) if wish.flow == CLINIC_VISIT.name else "",
            state=State.DRAFT,
            operator=self._operator.number,
            began_at=format_time(self._clock.now()),
            use_account=wish.use_account,
            lines=lines,
        )
        idempotency = Idempotency(client, key, sm3(_canonical.encode(wish))) if key else None
        if not await self._opened_before(idempotency):
            self.holds.require_none()
        opened = await self._guarded(lambda: self.engine.open(settlement, idempotency, client))
        self._scanned_sale = opened.id
        return opened

    async def _opened_before(self, idempotency: Idempotency | None) -> bool:
        if idempotency is None or not self.holds.standing:
            return False
        return await self._read(lambda journal: journal.opened_before(idempotency))

    def _lines_of(self, wishes: tuple[LineWish, ...]) -> tuple[ChargeLine, ...]:
        lines: tuple[ChargeLine, ...] = ()
        for wish in wishes:
            lines = (*lines, self._line_of(wish, len(lines) + 1))
        return lines

    def _line_of(self, wish: LineWish, number: int) -> ChargeLine:
        try:
            quantity = Quantity.parse(wish.quantity)
            price = Price.parse(wish.price) if wish.price else None
        except MoneyError as wrong:
            raise Misuse("bad_request", reason=f"line {number}: {wrong}") from wrong
        if quantity <= 0 or (price is not None and price < 0):
            raise Misuse("bad_request", reason=f"line {number}: quantity and price must be above zero")
        if wish.barcode:
            (line,) = with_item((), self._items, wish.barcode)
            price = price or line.price
        elif price is None or not (wish.national_code and wish.own_code and wish.name):
            raise Misuse(
                "bad_request", reason=f"line {number}: barcode, or national_code, own_code, name and price"
            )
        else:
            line = ChargeLine(0, wish.national_code, wish.own_code, wish.name, wish.spec, quantity, price, 0)
        return msgspec.structs.replace(
            line,
            number=number,
            quantity=quantity,
            price=price,
            amount_fen=int(line_amount_fen(price, quantity)),
            trace_codes=wish.trace_codes,
        )

    async def set_lines(self, settlement_id: str, wishes: tuple[LineWish, ...]) -> Settlement:
        """Replace the charge sheet."""
        return await self.post(settlement_id, LinesSet(self._lines_of(wishes)), "till")

    async def add_line(self, settlement_id: str, wish: LineWish) -> Settlement:
        """Add one line; the same article by barcode raises the quantity of its line."""
        settlement = await self.get(settlement_id)
        line = self._line_of(wish, max((line.number for line in settlement.lines), default=0) + 1)
        return await self.post(settlement_id, LinesSet((*settlement.lines, line)), "till")

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

    async def give_code(self, settlement_id: str, text: str) -> Settlement:
        """Give the customer's certificate code (typed, or scanned by the till); decodes it at once."""
        return await self._give_code(settlement_id, CodeWanted(certificate_code(text.strip())), "till")

    async def _give_code(self, settlement_id: str, wanted: CodeWanted, actor: str) -> Settlement:
        mark = self._vault.code_mark(wanted.code.reveal())
        used_by = await self._read(lambda journal: journal.code_used_by(mark))
        if used_by is not None and used_by != settlement_id:
            raise Misuse("code_used")
        return await self.post(settlement_id, CodeGiven(wanted.code, mark), actor)

    async def quote(self, settlement_id: str) -> Settlement:
        """Ask the hub who would pay what."""
        return await self.post(settlement_id, QuoteAsked(), "till")

    async def confirm(self, settlement_id: str, operator: str) -> Settlement:
        """The person agrees: settle. Returns when the outcome is on disk; a second call never settles twice."""
        settlement = await self.get(settlement_id)
        if settlement.state not in (State.PRICED, State.ARMED) and settlement.confirmed:
            return settlement
        self.require_gate(settlement)
        return await self.post(settlement_id, Confirmed(operator), operator)

    async def cancel(self, settlement_id: str, operator: str, reason: str) -> Settlement:
        """Undo a known settlement (2103); returns when the outcome is on disk."""
        settlement = await self.get(settlement_id)
        if settlement.state is State.CANCELLED or (settlement.cancel_wish and not self.failure):
            return settlement
        self.holds.require_newest()
        return await self.post(settlement_id, CancelAsked(operator, reason), operator)

    async def refund(self, settlement_id: str, wish: RefundWish, operator: str) -> Settlement:
        """Goods come back: cancel the whole settlement, then open a sale of what remains. Returns the old settlement.

        Safe to repeat: the same goods are the same refund. Raises `Misuse`: `refund_differs` (other goods than the refund
        under way or done), and as `plan_refund`.
        """
        settlement = await self.get(settlement_id)
        require_in_term(settlement)
        returned = _returned(settlement, wish)
        if settlement.refund is not None and not self.failure:
            return _same_refund(settlement, returned)
        self.holds.require_newest()
        rest_id = self._new_id()
        visit_no = _visit_number(rest_id) if settlement.flow == CLINIC_VISIT.name else ""
        plan = plan_refund(
            settlement,
            returned,
            operator=operator,
            reason=wish.reason,
            rest_id=rest_id,
            rest_visit_no=visit_no,
        )
        asked = CancelAsked(operator, wish.reason, plan)
        waits = not settlement.running
        try:
            # A slip being noted as printed is waited for: it is no reason to send the cashier away.
            cancelled = await self._guarded(
                lambda: self.engine.post(settlement_id, asked, operator, wait=waits)
            )
        except Misuse:
            known = await self.get(settlement_id)
            if known.refund is None or self.failure:
                raise
            return _same_refund(known, returned)  # somebody else asked at the same moment
        if cancelled.state is State.CANCELLED and plan.rest_id:
            self._scanned_sale = plan.rest_id
        return cancelled

    async def withdraw_refund(self, settlement_id: str, operator: str) -> Settlement:
        """Settle nothing anew after a refund: what remains is not opened, or is given up. The cancellation stands."""
        settlement = await self.get(settlement_id)
        plan = settlement.refund
        if plan is None:
            raise Misuse("no_refund_under_way", state=settlement.state.value)
        if plan.withdrawn or not plan.rest_id:
            return settlement
        await self.note(operator, "refund_withdrawn", settlement_id)
        if settlement.state is State.CANCELLED:
            await self.abandon(plan.rest_id, operator)
            return settlement
        return await self.post(settlement_id, RefundWithdrawn(operator), operator)

    async def abandon(self, settlement_id: str, operator: str) -> Settlement:
        """Give a sale up before anything that books was sent."""
        settlement = await self.get(settlement_id)
        if settlement.state is State.ABANDONED:
            return settlement
        return await self.post(settlement_id, Abandoned(operator), operator)

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

        async def owe() -> int:
            return await self._journal.call(lambda journal: journal.owe_copy(settlement_id, operator, stamp))

        number = await self._guarded(owe)
        self.paper.owe()
        return number

    async def slip_seen(self, settlement_id: str, operator: str) -> Settlement:
        """Somebody has looked: the slip whose fate was unknown did come out. Raises `Misuse` (`slip_not_unknown`)."""
        settlement = await self.get(settlement_id)
        if settlement.paper_out:
            return settlement
        receipts = await self._read(lambda journal: journal.receipts(settlement_id))
        if ("original", "unknown") not in {(receipt.kind, receipt.state) for receipt in receipts}:
            raise Misuse("slip_not_unknown")
        await self.note(operator, "slip_seen", settlement_id)
        return await self._guarded(
            lambda: self.engine.post(settlement_id, SlipPrinted("original"), operator, wait=True)
        )

    async def note(self, actor: str, action: str, text: str = "") -> None:
        """Write into the audit log that somebody did something that belongs to no settlement."""
        stamp = self.engine.stamp()
        await self._guarded(
            lambda: self._journal.call(lambda journal: journal.note(actor, action, text, stamp))
        )

    async def read_journal(self, work: Callable[[Journal], Result]) -> Result:
        """Read from the journal; one that can no longer be read stops the counter."""
        return await self._read(work)

    async def write_journal(self, work: Callable[[Journal], Result]) -> Result:
        """Write to the journal what belongs to no sale; one that can no longer be written stops the counter."""

        async def call() -> Result:
            return await self._journal.call(work)

        return await self._guarded(call)

    async def slips_waiting(self) -> int:
        """How many slips are not printed yet."""
        return len(await self._read(lambda journal: journal.open_receipts()))

    async def post(self, settlement_id: str, event: Event, actor: str) -> Settlement:
        """Hand an event to the engine in a task of its own, so that a caller who goes away interrupts nothing."""
        return await self._guarded(lambda: self.engine.post(settlement_id, event, actor))

    async def _guarded(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run work in a task of the counter's group, so that a caller who goes away interrupts nothing.

        Nothing is changed before recovery is over: the gate must know every doubt. A journal that failed stops the
        whole counter; every other exception is the caller's.
        """
        if self._work is None or self.phase is not Phase.READY or self.failure:
            raise self._not_working()
        settling = _settled(work)
        try:
            task = self._work.create_task(settling)
        except RuntimeError as ending:  # the group takes no more tasks: the counter is being stopped
            settling.close()
            raise self._not_working() from ending
        done = await asyncio.shield(task)
        if isinstance(done.error, JournalFailed):
            raise self._stops(done.error) from done.error
        if done.error is not None:
            raise done.error
        return done.result[0]

    async def _read(self, work: Callable[[Journal], Result]) -> Result:
        """Read from the journal; one that can no longer be read stops the counter as well."""
        try:
            return await self._journal.call(work)
        except JournalFailed as failed:
            raise self._stops(failed) from failed

    def _stops(self, failed: JournalFailed) -> Misuse:
        self.failure = self.failure or failed.reason
        self._failed.set()
        return self._not_working()

    def _not_working(self) -> Misuse:
        if self.failure:
            return Misuse("journal_failed", reason=self.failure)
        return Misuse("not_ready", state=self.phase.value)

    async def _try_again(self, settlement_id: str) -> None:
        if self.engine.row(settlement_id) is None:
            return
        if self.holds.is_old_copy:  # not a try: it waits for the two people who accept the journal
            self._retries.schedule(settlement_id, PUT_OFF_S)
            return
        due = Due(self.engine.doubt_age_s(settlement_id))
        try:
            await self._guarded(lambda: self.engine.post(settlement_id, due, "terminal", wait=True))
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
                self.announce(Notice(misuse.code, misuse.params))
            except Busy:
                self.announce(Notice("busy"))

    async def _scanned(self, event: Scan | ScanFault) -> None:
        if isinstance(event, ScanFault):
            raise Misuse(scan_fault_message(event))
        settlement_id = self._scanned_sale
        if not settlement_id:
            raise Misuse("no_open_sale")
        settlement = await self.get(settlement_id)
        if settlement.state not in (State.DRAFT, State.PRICED):
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
            raise self._stops(failed) from failed

    async def find(self, sale_number: str, business_date: dt.date) -> SettlementRow | None:
        """The newest settlement of a sale number of this till."""
        key = SaleKey(self._site.institution_code, self._till, sale_number, business_date)
        return await self._read(lambda journal: journal.by_sale_number(key))

    async def recent(self, limit: int, before: int | None) -> list[SettlementRow]:
        """The newest settlements, newest first."""
        return await self._read(lambda journal: journal.recent(limit, before))

    async def history(self, settlement_id: str) -> tuple[list[AttemptRow], list[ReceiptRow]]:
        """Attempts and slips of one settlement."""
        return await self._read(
            lambda journal: (journal.attempts(settlement_id), journal.receipts(settlement_id))
        )

    async def evidence(
        self, settlement_id: str, actor: str
    ) -> tuple[SettlementRow, list[AttemptRow], list[AuditRow]]:
        """Everything that proves what was sent and answered for one settlement; the audit log first notes who takes it."""
        row = await self._read(lambda journal: journal.settlement(settlement_id))
        if row is None:
            raise UnknownSettlement(settlement_id)
        attempts = await self._read(lambda journal: journal.attempts(settlement_id))
        if not attempts:
            raise Misuse("no_evidence")
        if any(attempt.past_term for attempt in attempts):
            raise Misuse("evidence_past_term")
        head, _ = await self._read(lambda journal: journal.audit_head())
        stamp = self.engine.stamp()
        await self._guarded(
            lambda: self._journal.call(
                lambda journal: journal.note(actor, "evidence_taken", settlement_id, stamp)
            )
        )
        chain: list[AuditRow] = []
        for after in range(0, head, AUDIT_STRETCH):
            until = min(after + AUDIT_STRETCH, head)
            chain += await self._read(
                partial(Journal.audit_of, settlement_id=settlement_id, after=after, until=until)
            )
        return row, attempts, chain

    async def _history(self, settlement_id: str) -> tuple[list[AttemptRow], list[ReceiptRow]]:
        return await self._journal.call(
            lambda journal: (journal.attempts(settlement_id), journal.receipts(settlement_id))
        )

    def doubts(self) -> list[tuple[Settlement, SettlementRow]]:
        """Everything the terminal still has to end at the hub, oldest first: outcomes that are open, and visits that are
        over but not taken back yet."""
        return self.engine.waiting()

    def _waits_for_the_hub(self) -> list[Settlement]:
        return [settlement for settlement, _ in self.engine.waiting() if may_be_hurried(settlement)]
