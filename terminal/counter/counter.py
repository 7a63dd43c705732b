"""One counter: its parts, put together, and its life from the start to the end.

What a till, a person or a device may wish stands with the part it is wished of: `sales`, `media`, `refunds`, `prescriptions`,
`slips`, `hand_over`, `goods`, `settlements`. The local API offers exactly these.
"""

import asyncio
import datetime as dt
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from drivers.interfaces.card_reader import CardReader
from drivers.interfaces.clock import Clock
from drivers.interfaces.printer import Printer
from drivers.interfaces.scanner import Scanner
from protocols.hub.profile import Profile
from terminal.core.events import Due, Misuse
from terminal.core.message_parts import Site
from terminal.core.outcome import SLOW_DELAY_S
from terminal.core.undoing import may_be_hurried
from terminal.core.values import Notice, Settlement
from terminal.counter.chronicle import Chronicle, WriteLog, say_nothing
from terminal.counter.drafts import Drafts
from terminal.counter.effects import Effects
from terminal.counter.engine import Engine, Listener
from terminal.counter.feed import Feed
from terminal.counter.gate import Gate
from terminal.counter.goods import Goods, Lists
from terminal.counter.hand_over import HandOver
from terminal.counter.holds import Holds
from terminal.counter.media import Media
from terminal.counter.network import NetworkWatch
from terminal.counter.paper import Paper
from terminal.counter.prescription_desk import PrescriptionDesk
from terminal.counter.prescriptions import Prescriptions
from terminal.counter.recovery import Recovery
from terminal.counter.refunds import Refunds
from terminal.counter.retries import RetryClock
from terminal.counter.sales import Sales
from terminal.counter.scans import Scans
from terminal.counter.session import HubSession
from terminal.counter.settle_notices import SettleNotices
from terminal.counter.settlements import Settlements
from terminal.counter.slip_desk import SlipDesk
from terminal.counter.staff import Staff
from terminal.counter.workroom import Phase, Workroom
from terminal.devices.card_desk import CardDesk
from terminal.hub.centre import CentreClient
from terminal.hub.client import HubClient, Operator
from terminal.journal.thread import JournalPort
from terminal.journal.vault import Vault
from terminal.shop_items import ShopItem
from terminal.slips.rendering import SlipSite

if TYPE_CHECKING:
    from terminal.counter.expiry import Expiry
    from terminal.reconciliation.runner import Reconciliation
    from terminal.submissions.runner import Submissions

PUT_OFF_S = 10.0
"""How often what an old copy of the journal holds open looks whether the journal was accepted."""
log = logging.getLogger(__name__)


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
        self.staff = staff or Staff()
        self.session = session
        self.hub = hub
        self.clock = clock
        """The clocks of this counter."""
        self.cards = CardDesk(reader)
        self.feed = Feed()
        self.workroom = Workroom(journal)
        self.holds = Holds(self.feed.announce)
        """Why no new sale may start now; open doubts are worked off all the same."""
        self._scanner = scanner
        self._notices = notices
        self._chronicle = Chronicle(write_log)
        self._retries = RetryClock(clock, self._try_again)
        effects = Effects(profile, site, hub, session, centre, self.holds.require_newest)
        self.engine = Engine(profile, journal, effects, clock, jitter, vault.pseudonym, self)
        self._gate = Gate(self.engine, self.holds, profile.outcome.gate_s)
        self.settlements = Settlements(self.engine, self.workroom, site.institution_code, till)
        self.paper = Paper(self.engine, journal, printer, slip_site, vault.mac, self.feed.announce, sleep)
        self._recovery = Recovery(journal, self.engine, self.paper, self.holds, self._chronicle)
        self._network = NetworkWatch(
            hub, session, site, clock, sleep, self._waits_for_the_hub, self._retries.hurry
        )
        self.goods = Goods(items, Lists(hub, session, profile), self.workroom, self.today)
        self.prescriptions = PrescriptionDesk(
            Prescriptions(hub, session, profile, self.staff, self.note, lambda: self.submissions),
            self.settlements,
            self.workroom,
            self.holds,
            self.feed,
        )
        self.media = Media(self.settlements, self.prescriptions, self.workroom, self.cards, vault, profile)
        self._scans = Scans(
            self.engine, self.settlements, self.prescriptions, self.media, self.goods, self.feed
        )
        self.slips = SlipDesk(self.engine, self.settlements, self.workroom, self.paper, self.note)
        self.hand_over = HandOver(
            self.engine, self.settlements, self.workroom, vault.mac, at_order=slip_site.settles_at_order
        )
        self.sales = Sales(
            drafts=Drafts(
                profile=profile, site=site, till=till, lane=lane, operator=operator,
                goods=self.goods, clock=clock, today=self.today, new_id=new_id,
            ),
            engine=self.engine, settlements=self.settlements, workroom=self.workroom, holds=self.holds, gate=self._gate,
            agreement_ends=site.agreement_ends, today=self.today, goods=self.goods, prescriptions=self.prescriptions,
            scans=self._scans, note=self.note,
        )  # fmt: skip
        self.refunds = Refunds(self.workroom, self.holds, new_id, self.settlements, self.sales, self.note)
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
        await self._recovery.run()
        group.create_task(self._retries.run(), name="retries")
        group.create_task(self._network.run(), name="network watch")
        group.create_task(self.paper.run(), name="paper")
        if self._scanner is not None:
            group.create_task(self._scans.listen(self._scanner), name="scans")
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

    # -- what the engine reports ------------------------------------------------------------------

    def changed(self, settlement: Settlement) -> None:
        """See `Listener`."""
        self.feed.tell(settlement.id, settlement.state.value, settlement.notice)
        self._chronicle.changed(settlement)
        self._scans.changed(settlement)
        if self._notices is not None:
            self._notices.changed(settlement, self._beside)

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

    def require_gate(self, settlement: Settlement) -> None:
        """See `Listener`."""
        self._gate.require(settlement)

    # -- for every part ---------------------------------------------------------------------------

    def today(self) -> dt.date:
        """The business date: the day in UTC+8."""
        return self.clock.now().date()

    async def note(self, actor: str, action: str, text: str = "") -> None:
        """Write into the audit log that somebody did something that belongs to no settlement."""
        stamp = self.engine.stamp()
        await self.workroom.write(lambda journal: journal.audit.note(actor, action, text, stamp))

    # -- tries that are due -----------------------------------------------------------------------

    async def _try_again(self, settlement_id: str) -> None:
        if self.engine.row(settlement_id) is None:
            return
        if self.holds.is_old_copy:  # not a try: it waits for the two people who accept the journal
            self._retries.schedule(settlement_id, PUT_OFF_S)
            return
        due = Due(self.engine.doubt_age_s(settlement_id))
        try:
            await self.settlements.post(settlement_id, due, "terminal", wait=True)
        except Misuse:
            return  # only a failed journal refuses here, and that has already stopped the counter
        except Exception as error:  # noqa: BLE001 - one settlement that cannot be worked off must not stop the others
            self.went_wrong(settlement_id, error)
            self._retries.schedule(settlement_id, SLOW_DELAY_S)

    def _waits_for_the_hub(self) -> list[Settlement]:
        return [settlement for settlement, _ in self.settlements.doubts() if may_be_hurried(settlement)]
