"""What stands on the counter and a person's hands on it, without HTTP.

Verbs are names in small tables, so that the control API, the command line and the tests speak of the same things.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from simulators.control import (
    DeskView,
    LinesOrder,
    PaperView,
    PrinterView,
    ScannerView,
    ScanOrder,
)
from simulators.desk.card_slot import CardSlot
from simulators.links import DeviceLink, NobodyListening, PtyLink, TcpLink
from simulators.people import Person, load_people
from simulators.printer import Paper, SimulatedPrinter, draw_png
from simulators.scanner import SimulatedScanner


class Desk:
    """Scanner, printer and card reader; use `Desk.open`."""

    def __init__(
        self, scanner_link: DeviceLink, printer_link: DeviceLink, columns: int, card: CardSlot
    ) -> None:
        self.card = card
        self._scanner_link = scanner_link
        self._printer_link = printer_link
        self._scanner_plugged = True
        self._muted = False
        self.scanner = SimulatedScanner(scanner_link)
        self.printer = SimulatedPrinter(columns)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        columns: int = 48,
        *,
        pcscd_folder: Path | None = None,
        people: Sequence[Person] | None = None,
    ) -> "AsyncIterator[Desk]":
        """Put `scanner` and `printer` into `folder` as links to pseudo-terminals, and keep them alive in the block.

        On a machine without pseudo-terminals they listen on loopback ports instead (`socket://` addresses). With
        `pcscd_folder` (a short path) a card reader stands on the counter too, for the cards of `people`.
        """
        async with (
            _link(folder / "scanner") as scanner_link,
            _link(folder / "printer") as printer_link,
            _card_slot(pcscd_folder, people) as card,
        ):
            desk = cls(scanner_link, printer_link, columns, card)
            printing = asyncio.create_task(desk.printer.run(printer_link), name="simulated printer")
            try:
                yield desk
            finally:
                printing.cancel()
                await asyncio.gather(printing, return_exceptions=True)

    def view(self) -> DeskView:
        """The present state of everything."""
        printer, condition = self.printer, self.printer.condition
        return DeskView(
            ScannerView(self._scanner_link.url, self._scanner_link.is_connected, self._scanner_plugged),
            PrinterView(
                path=self._printer_link.url,
                connected=self._printer_link.is_connected,
                powered=printer.powered,
                paper_out=condition.paper_out,
                paper_near_end=condition.paper_near_end,
                cover_open=condition.cover_open,
                offline=condition.offline,
                cutter_fault=condition.cutter_fault,
                muted=self._muted,
                printed=printer.printed,
                drawer_kicks=printer.drawer_kicks,
                current_text=printer.current.text,
            ),
            self.card.view(),
        )

    # -- scanner ----------------------------------------------------------------------------------

    async def scan(self, order: ScanOrder) -> None:
        """Hold something under the scanner. Raises `NobodyListening`, ValueError (unknown symbology), TimeoutError."""
        if order.wait_s > 0:
            try:
                async with asyncio.timeout(order.wait_s):
                    await self._scanner_link.wait_connected()
            except TimeoutError:
                raise NobodyListening(f"the terminal has not opened {self._scanner_link.url}") from None
        await self.scanner.scan(
            order.text,
            order.symbology,
            suffix=None if order.suffix is None else order.suffix.encode(),
            split_at=order.split_at,
            pause_s=order.pause_s,
            times=order.times,
        )

    async def plug_scanner(self, plugged: bool) -> None:
        """Pull the scanner's cable, or put it back."""
        self._scanner_plugged = plugged
        await (self._scanner_link.plug() if plugged else self._scanner_link.unplug())

    # -- printer ----------------------------------------------------------------------------------

    @property
    def printer_verbs(self) -> Mapping[str, Callable[[LinesOrder], object]]:
        """What a person can do to the printer, by name."""
        printer = self.printer
        return {
            "paper-out": lambda order: printer.paper_out(order.after_lines),
            "load": lambda _: printer.load_paper(),
            "near-end": lambda _: printer.near_end(),
            "cover-open": lambda _: printer.cover_open(),
            "cover-close": lambda _: printer.cover_close(),
            "offline": lambda _: printer.offline(),
            "online": lambda _: printer.offline(False),
            "jam": lambda _: printer.jam_cutter(),
            "unjam": lambda _: printer.jam_cutter(False),
            "mute": lambda _: self._mute(True),
            "unmute": lambda _: self._mute(False),
            "lie": lambda _: printer.lie(),
            "honest": lambda _: printer.lie(False),
            "hold": lambda _: printer.hold(),
            "release": lambda _: printer.hold(False),
            "power-off": lambda order: printer.cut_power(order.after_lines),
            "power-on": lambda _: printer.power_on(),
            "tear-off": lambda _: printer.tear_off(),
        }

    def _mute(self, muted: bool) -> None:
        self._muted = muted
        self.printer.mute(muted)

    def papers(self) -> tuple[PaperView, ...]:
        """The last pieces of paper, oldest first."""
        return tuple(_view(number, paper) for number, paper in self._numbered())

    def paper_view(self, number: int = 0) -> PaperView:
        """A piece of paper by its number, or the newest (0). Raises KeyError when it is not there (any more)."""
        return _view(*self._paper(number))

    def _paper(self, number: int = 0) -> tuple[int, Paper]:
        kept = dict(self._numbered())
        wanted = number or max(kept, default=0)
        if wanted not in kept:
            raise KeyError(f"there is no paper {wanted}; kept: {', '.join(map(str, kept)) or 'none'}")
        return wanted, kept[wanted]

    async def wait_paper(self, number: int) -> PaperView:
        """Return piece `number` as soon as it has come out. Raises KeyError when it is no longer kept."""
        await self.printer.wait_printed(number)
        return self.paper_view(number)

    async def picture(self, number: int = 0) -> bytes:
        """A piece of paper as PNG. Raises `FontMissing`, KeyError."""
        _, paper = self._paper(number)
        return await asyncio.to_thread(draw_png, paper)

    def _numbered(self) -> tuple[tuple[int, Paper], ...]:
        papers = self.printer.papers
        return tuple(enumerate(papers, self.printer.printed - len(papers) + 1))


@asynccontextmanager
async def _link(path: Path) -> AsyncIterator[DeviceLink]:
    link: PtyLink | TcpLink = PtyLink(path)
    try:
        await link.open()
    except FileExistsError:
        raise
    except OSError:
        link = TcpLink()
        await link.open()
    try:
        yield link
    finally:
        await link.close()


@asynccontextmanager
async def _card_slot(folder: Path | None, people: Sequence[Person] | None) -> AsyncIterator[CardSlot]:
    if folder is None:
        yield CardSlot((), missing="none belongs to this counter")
        return
    everybody = await asyncio.to_thread(load_people) if people is None else people
    async with CardSlot.open(folder, everybody) as card:
        yield card


def _view(number: int, paper: Paper) -> PaperView:
    return PaperView(number, paper.text, paper.qr_codes, paper.cut)
