"""What a story acts with, and how its end is read from the three books."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from protocols.money import format_yuan
from simulators.printer.reading import UnreadableSlip, decode_slip
from terminal.shapes.settlements import AmountsView
from terminal.texts import Told
from yibao.client import CounterClient, DeviceView, HistoryView, SaleWish, SettlementView
from yibao.client import LineWish as Line
from yibao.demo.facts import Evidence, HubBooks, JournalAttempt, JournalRecord, Slip, Split
from yibao.demo.narration import Narrator, Sentence, TableRow
from yibao.simulated.control import PersonRow, SimClient
from yibao.simulated.endpoints import SimulationRefused

if TYPE_CHECKING:
    from yibao.demo.fleet import FleetWatch

WHO: Final = "jia"
"""The customer at the pharmacy: 测试甲, 60.00 in the account."""
PATIENT: Final = "yi"
"""The patient at the clinic: 测试乙, retired, diabetes filed, 50.00 in the account."""
NO_BINDING: Final = "no_binding"
"""What a counter says of its card reader when the PC/SC library is not installed."""
STEP_LIMIT_S: Final = 10.0
"""Longest wait for one thing to happen; all of them take milliseconds on an idle machine."""
_LOOK_AGAIN_S: Final = 0.02
_FEED_LIMIT_S: Final = 0.5
"""Time to read the past of the event feed, which never ends."""


class StoryBroke(Exception):
    """A story could not go on; `zh` and `en` say what did not happen."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


class Scene:
    """One counter's stage: the narrator, the doors, the person who comes, and the counter process's fate."""

    def __init__(
        self,
        narrator: Narrator,
        counter: CounterClient,
        far_ends: SimClient,
        kill_counter: Callable[[], Awaitable[int]],
        start_counter: Callable[[], Awaitable[int]],
        folder: Path,
        who: str = WHO,
        fleet: "FleetWatch | None" = None,
    ) -> None:
        """`kill_counter` ends `yibao run` in the middle, `start_counter` starts it again; both return its process id.

        `folder` holds the files of the counter and of its far ends; a story has no business there. `who` comes to this
        counter. `fleet` tells what the fleet sees of it; None without a broker.
        """
        self.who = who
        self.fleet = fleet
        self.say = narrator.say
        self.narrator = narrator
        self.counter = counter
        self.far_ends = far_ends
        self.kill_counter = kill_counter
        self.start_counter = start_counter
        self.folder = folder

    async def customer(self) -> PersonRow:
        """The person who comes to this counter, as the hub knows them now."""
        return next(person for person in await self.far_ends.people() if person.slug == self.who)

    # -- what a till does --------------------------------------------------------------------------

    async def open_sale(self, sale_number: str, *barcodes: str) -> SettlementView:
        """The till opens a sale with one piece of each article."""
        lines = tuple(Line(barcode=barcode) for barcode in barcodes)
        return await self.counter.open_sale(SaleWish(sale_number=sale_number, lines=lines))

    async def open_visit(self, number: str, *lines: Line) -> SettlementView:
        """The clinic's front desk opens a visit."""
        return await self.counter.open_sale(SaleWish(sale_number=number, lines=lines, flow="clinic_visit"))

    async def has_card_reader(self) -> bool:
        """Whether this counter reads cards; waits for a reader that is there. Raises `StoryBroke` when it stays away."""
        if not self.far_ends.has_card_reader:
            return False
        reader: list[DeviceView] = []

        async def known() -> bool:
            reader[:] = [device for device in await self.counter.devices() if device.name == "reader"]
            return any(device.state == "ready" or device.reason == NO_BINDING for device in reader)

        await _until(known, StoryBroke("读卡器没有就绪", "the card reader did not become ready"))
        return any(device.state == "ready" for device in reader)

    async def scan_until(
        self, sale: SettlementView, text: str, symbology: str, seen: Callable[[SettlementView], bool]
    ) -> SettlementView:
        """Hold a code under the scanner and wait until the sale shows it."""
        await self.far_ends.scan(text, symbology)
        sale = await self.counter.wait_until(sale.id, seen, STEP_LIMIT_S)
        if not seen(sale):
            zh, en = _why(sale.notice or await self._last_notice())
            raise StoryBroke(
                f"扫码没有得到结果（{sale.state}{zh}）", f"the scan led to nothing ({sale.state}{en})"
            )
        return sale

    async def _last_notice(self) -> Told | None:
        """What the counter told its operator last: a scan it could not use belongs to no sale."""
        notice = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FEED_LIMIT_S):
                async for event in self.counter.events():
                    notice = event.notice or notice
        return notice

    async def until(
        self, settlement_id: str, seen: Callable[[SettlementView], bool], missing: Sentence
    ) -> SettlementView:
        """Follow a sale until something is seen; raises `StoryBroke` with what was missing."""
        sale = await self.counter.wait_until(settlement_id, seen, STEP_LIMIT_S)
        if not seen(sale):
            zh, en = _why(sale.notice)
            raise StoryBroke(f"{missing.zh}（{sale.state}{zh}）", f"{missing.en} ({sale.state}{en})")
        return sale

    async def until_printed(self, settlement_id: str, *kinds: str) -> None:
        """Wait until these slips of a sale are out; raises `StoryBroke`."""

        async def printed() -> bool:
            return _all_printed(await self.counter.history(settlement_id), kinds)

        await _until(printed, StoryBroke("凭条没有打印出来", "the slip was not printed"))

    async def until_scanner_ready(self) -> None:
        """Wait until the terminal listens to its scanner; what is scanned while it opens the line is thrown away."""

        async def ready() -> bool:
            devices = await self.counter.devices()
            return any(device.name == "scanner" and device.state == "ready" for device in devices)

        await _until(ready, StoryBroke("扫描枪没有就绪", "the scanner did not become ready"))

    async def until_booked(self, records_before: int) -> None:
        """Wait until the hub's ledger has one more record, whatever the counter knows; raises `StoryBroke`."""

        async def booked() -> bool:
            return len(await self.far_ends.ledger()) > records_before

        await _until(booked, StoryBroke("平台没有入账", "the hub did not book"))

    # -- what is shown -----------------------------------------------------------------------------

    async def show_quote(self, sale: SettlementView) -> None:
        """Who would pay what."""
        quote = sale.quote
        if quote is None:
            raise StoryBroke("没有预结算结果", "there is no quote")
        rows = [
            TableRow(
                Sentence(
                    f"{line.name} {line.spec}".strip() + f" ×{pieces(line.quantity)}",
                    f"{line.barcode or line.own_code} x {pieces(line.quantity)}",
                ),
                format_yuan(line.amount_fen),
            )
            for line in sale.lines
        ]
        rows += [
            TableRow(Sentence("费用总额", "total"), format_yuan(quote.total_fen), strong=True),
            TableRow(Sentence("统筹基金支付", "pooled funds"), format_yuan(quote.fund_fen)),
            TableRow(Sentence("个人账户支付", "personal account"), format_yuan(quote.account_fen)),
            TableRow(Sentence("现金支付", "cash"), format_yuan(quote.cash_fen), strong=True),
        ]
        await self.narrator.table(Sentence("预结算：谁付多少", "Quote: who pays what"), rows)

    async def show_notice(self, sale: SettlementView) -> None:
        """What the terminal itself tells the operator."""
        if sale.notice is not None:
            await self.say(f"终端提示：{sale.notice.zh}", f"The terminal says: {sale.notice.en}")

    async def show_slips(self, settlement_id: str, newest: int = 1) -> None:
        """The last slips of a sale, as they came out of the printer."""
        sale = await self.counter.sale(settlement_id)
        for slip in (await self._slips(sale.receipt_number, with_pictures=False))[-newest:]:
            await self.narrator.paper(slip.lines)

    # -- the three books ---------------------------------------------------------------------------

    async def evidence(self, settlement_id: str) -> Evidence:
        """Read the three books about a sale. Raises `StoryBroke` when a slip cannot be read."""
        journal = journal_record(await self.counter.history(settlement_id))
        return Evidence(
            journal, await self._books(), await self._slips(journal.receipt_number, with_pictures=True)
        )

    async def _books(self) -> HubBooks:
        records, messages = await self.far_ends.ledger(), await self.far_ends.messages()
        return HubBooks(tuple(records), tuple(messages), (await self.customer()).balance_fen)

    async def _picture(self, number: int) -> bytes:
        """A slip as PNG; empty where there is no Chinese font to draw it with."""
        try:
            return await self.far_ends.picture(number)
        except SimulationRefused:
            return b""

    async def _slips(self, receipt_number: str, *, with_pictures: bool) -> tuple[Slip, ...]:
        """The slips that carry a receipt number, oldest first."""
        slips = []
        for piece in await self.far_ends.papers():
            lines = tuple(piece.text.splitlines())
            try:
                decoded = decode_slip(lines)
            except UnreadableSlip as unreadable:
                raise StoryBroke(
                    f"第{piece.number}张凭条无法识读", f"slip {piece.number}: {unreadable}"
                ) from unreadable
            if decoded.receipt_no == receipt_number:
                png = await self._picture(piece.number) if with_pictures else b""
                slips.append(Slip(lines, decoded, png))
        return tuple(slips)


def _why(notice: Told | None) -> tuple[str, str]:
    return (f"；{notice.zh}", f"; {notice.en}") if notice else ("", "")


async def _until(there: Callable[[], Awaitable[bool]], missing: StoryBroke) -> None:
    try:
        async with asyncio.timeout(STEP_LIMIT_S):
            while True:
                if await there():
                    return
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError:
        raise missing from None


def journal_record(history: HistoryView) -> JournalRecord:
    """The journal's side of a sale, from what the counter's API says."""
    sale = history.settlement
    settled, cancelled = sale.settled, sale.cancellation
    return JournalRecord(
        settlement_id=sale.id,
        receipt_number=sale.receipt_number,
        state=sale.state,
        msgid=sale.msgid,
        quoted=_split(sale.quote),
        settled=_split(settled),
        cancelled=_split(cancelled),
        setl_id=settled.setl_id if settled else "",
        cancellation_setl_id=cancelled.setl_id if cancelled else "",
        attempts=tuple(
            JournalAttempt(attempt.msgid, attempt.purpose, attempt.infno, attempt.state, attempt.verdict)
            for attempt in history.attempts
        ),
        quote_setlinfo=sale.quote.setlinfo if sale.quote else {},
        settled_setlinfo=settled.setlinfo if settled else {},
        cancelled_setlinfo=cancelled.setlinfo if cancelled else {},
    )


def _split(amounts: AmountsView | None) -> Split | None:
    if amounts is None:
        return None
    return Split(amounts.total_fen, amounts.fund_fen, amounts.account_fen, amounts.cash_fen)


def _all_printed(history: HistoryView, kinds: tuple[str, ...]) -> bool:
    out = {receipt.kind for receipt in history.receipts if receipt.state.startswith("printed")}
    return out.issuperset(kinds)


def pieces(quantity: str) -> str:
    """A quantity of the wire without the zeros it carries there: 3, 0.5."""
    return quantity.rstrip("0").rstrip(".")
