"""What both ends of the control APIs know: what people and tests order of the far ends, and what these show. Values alone.

A client loads these and no far end.
"""

import datetime as dt
from typing import Final

import msgspec

_READY_S: Final = 5.0
"""Longest time a scan waits for the terminal to have its end open, unless the order says otherwise."""


class CardOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which card is put in: a person's, or an image of one's own."""

    person: str = ""
    """Name, slug or personal number."""
    image: str = ""
    """TOML text of a card image; see `simulators.cards.image`."""


class CardReaderView(msgspec.Struct, frozen=True):
    """The card reader as the control API tells it."""

    reader: str = ""
    """Its PC/SC name; empty = this counter has none."""
    socket: str = ""
    """Socket of the pcscd behind it."""
    card: str = ""
    """Label of the card in it (a person's slug); empty = none."""
    atr: str = ""
    """The card's answer to reset, in hex; empty without a card, and for a mute one."""
    missing: str = ""
    """Why there is no reader."""


class ScanOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing held under the scanner; see `SimulatedScanner.scan`."""

    text: str
    symbology: str | None = None
    """A word such as "ean13" or "qr", or an AIM id."""
    suffix: str | None = None
    """What the scanner sends behind the code instead of its own line end."""
    split_at: tuple[int, ...] = ()
    pause_s: float = 0.0
    times: int = 1
    wait_s: float = _READY_S
    """How long to wait for the terminal to open its end; 0 = not at all."""


class LinesOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many more lines are printed before something happens."""

    after_lines: int = 0


class ScannerView(msgspec.Struct, frozen=True):
    """The scanner as the control API tells it."""

    path: str
    connected: bool
    """The terminal has its end open."""
    plugged: bool


class PrinterView(msgspec.Struct, frozen=True):
    """The printer's true condition, whatever it answers to the terminal."""

    path: str
    connected: bool
    powered: bool
    paper_out: bool
    paper_near_end: bool
    cover_open: bool
    offline: bool
    cutter_fault: bool
    muted: bool
    printed: int
    """Pieces of paper that ever came out."""
    drawer_kicks: int
    current_text: str
    """What stands on the paper that is still in the printer."""


class PaperView(msgspec.Struct, frozen=True):
    """One piece of paper; `number` counts from 1."""

    number: int
    text: str
    qr_codes: tuple[str, ...]
    cut: bool


class DeskView(msgspec.Struct, frozen=True):
    """Everything on the counter."""

    scanner: ScannerView
    printer: PrinterView
    card: CardReaderView = CardReaderView()


class ReportOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/reports/NAME."""

    since: dt.date | None = None
    until: dt.date | None = None
    """First and last day of settlement, both included."""
    purpose: str = ""
    """What the feed is for."""
    parameters: str = ""
    """Text of a file of parameters, "" = the shipped one."""
    file: str = "parameters"
    """How that file is called, for what is wrong in it."""


class CreditOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/credits."""

    person: str
    base: str
    """Contribution base in yuan."""
    day: dt.date | None = None
    """None = today."""


class FeedOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /control/feeds."""

    feed: str
    """Text of the feed's file."""
    file: str = "feed"


class PrescriptionSeen(msgspec.Struct, frozen=True):
    """A prescription as the control API shows it."""

    rxno: str
    state: str
    holder: str
    until: str


Cell = str | int


class Column(msgspec.Struct, frozen=True):
    """One column; a key that ends in `_fen` holds money, one in `_bp` a ratio in 1/10000."""

    key: str
    zh: str
    en: str


class Report(msgspec.Struct, frozen=True):
    """One report."""

    name: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> list[dict[str, Cell]]:
        """The rows by the keys of their columns."""
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]
