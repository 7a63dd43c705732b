"""Where a scan goes: to the one sale that is open on the lane, or to nobody, which is told."""

from functools import partial

from drivers.interfaces.scanner import Scan, ScanFault, Scanner
from terminal.core.events import LinesSet, Misuse
from terminal.core.states import State
from terminal.core.values import Notice, Settlement
from terminal.counter.engine import Busy, Engine
from terminal.counter.feed import Feed
from terminal.counter.goods import Goods
from terminal.counter.media import Media
from terminal.counter.prescription_desk import PrescriptionDesk
from terminal.counter.scanning import TAKES_SCANS, CodeWanted, LinesWanted, scan_fault_message, understand
from terminal.counter.settlements import Settlements


class Scans:
    """Hands the scans of one counter to the sale they are for."""

    def __init__(
        self,
        engine: Engine,
        settlements: Settlements,
        prescriptions: PrescriptionDesk,
        media: Media,
        goods: Goods,
        feed: Feed,
    ) -> None:
        self._engine = engine
        self._settlements = settlements
        self._prescriptions = prescriptions
        self._media = media
        self._goods = goods
        self._feed = feed
        self._sale = ""
        """Id of the sale that gets the scans; empty before the first."""

    def go_to(self, settlement_id: str) -> None:
        """A till has opened this sale: from now on it gets the scans."""
        self._sale = settlement_id

    def changed(self, settlement: Settlement) -> None:
        """What remains after a refund opens by itself, and gets the scans unless an open sale has them."""
        if settlement.state is State.DRAFT and settlement.refund_of is not None and not self._go_somewhere():
            self._sale = settlement.id

    def _go_somewhere(self) -> bool:
        """True while the sale that gets the scans is one that takes them."""
        row = self._engine.row(self._sale)
        return row is not None and row.state in TAKES_SCANS

    async def listen(self, scanner: Scanner) -> None:
        """Work off every scan, for ever; one that fits no step is told to the operator and sent nowhere."""
        async for event in scanner.events():
            try:
                await self._scanned(event)
            except Misuse as misuse:
                self._feed.announce(Notice(misuse.code, misuse.params))
            except Busy:
                self._feed.announce(Notice("busy"))

    async def _scanned(self, event: Scan | ScanFault) -> None:
        if isinstance(event, ScanFault):
            raise Misuse(scan_fault_message(event))
        settlement_id = self._sale
        if not settlement_id:
            raise Misuse("no_open_sale")
        settlement = await self._settlements.get(settlement_id)
        if settlement.state not in TAKES_SCANS:
            raise Misuse("no_open_sale")
        wanted = understand(event)
        if isinstance(wanted, CodeWanted):
            await self._media.decode(settlement_id, wanted.code, "scanner")
        else:
            await self._prescriptions.post(settlement_id, partial(self._with_scan, wanted), "scanner")

    def _with_scan(self, wanted: LinesWanted, now: Settlement) -> LinesSet:
        return LinesSet(wanted.on(now.lines, self._goods.items))
