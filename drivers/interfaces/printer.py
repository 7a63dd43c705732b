"""A receipt printer: take a finished document, say honestly what became of it."""

import enum
from typing import Protocol

import msgspec


class PrintOutcome(enum.Enum):
    """What became of one print job (profile decision PD-32)."""

    PRINTED = "printed"
    """The printer answered before and after, and says all is well."""
    PRINTED_UNVERIFIED = "printed_unverified"
    """All bytes went, but the printer does not answer status questions."""
    NOT_PRINTED = "not_printed"
    """Nothing was sent: the printer said beforehand that it cannot print. Safe to print later."""
    UNKNOWN = "unknown"
    """Bytes went and then something failed: paper may carry all, part or none. Never reprinted without being asked."""


class PrinterStatus(msgspec.Struct, frozen=True):
    """The printer's own view; None means it did not answer that question within 300 ms."""

    offline: bool | None = None
    cover_open: bool | None = None
    paper_out: bool | None = None
    paper_near_end: bool | None = None
    cutter_fault: bool | None = None

    @property
    def problem(self) -> str | None:
        """The condition that stops printing, as a word (`paper_out`, `cover_open`, `cutter_fault`, `offline`), or None."""
        for name in ("paper_out", "cover_open", "cutter_fault", "offline"):
            if getattr(self, name):
                return name
        return None


class PrintResult(msgspec.Struct, frozen=True):
    """Outcome of one job with the status that led to it."""

    outcome: PrintOutcome
    status: PrinterStatus
    reason: str = ""
    """`no_device`, `paper_out`, `cover_open`, ... ; empty when printed."""


class Printer(Protocol):
    """One printer; jobs are printed one at a time in the order of the calls."""

    @property
    def columns(self) -> int:
        """Width in columns of the narrow font: 32 (58 mm) or 48 (80 mm); a Chinese character takes two."""
        ...

    async def print(self, document: bytes) -> PrintResult:
        """Print one document of ready ESC/POS bytes. Never raises for a device fault; never repeats by itself."""
        ...

    async def status(self) -> PrinterStatus:
        """Ask the printer (realtime status n = 1, 2, 3, 4)."""
        ...
