"""Slips: owed in the journal, printed one at a time, never twice by themselves (PD-32, invariant I6).

A slip that was never begun waits as long as it must (no paper, no printer) and then prints. A slip whose fate is
unknown (the line broke, the power went while it was printing) stays unknown: a person looks at the paper and asks for
a copy, which is marked as one, or says that the slip did come out. Money never waits for paper.
"""

import asyncio
from collections.abc import Awaitable, Callable

from drivers.interfaces.printer import Printer, PrinterStatus, PrintOutcome, PrintResult
from protocols.gm.sm3 import sm3
from terminal.core.events import Misuse, SlipPrinted
from terminal.core.values import Notice, Settlement
from terminal.counter.engine import Engine
from terminal.journal.records import ReceiptRow
from terminal.journal.thread import JournalPort
from terminal.slips.rendering import SlipSite, render_explanation, render_slip

RETRY_S = 2.0
"""How often a waiting slip asks the printer whether it can print now."""
_STATES = {
    PrintOutcome.PRINTED: "printed",
    PrintOutcome.PRINTED_UNVERIFIED: "printed_unverified",
    PrintOutcome.NOT_PRINTED: "waiting",
    PrintOutcome.UNKNOWN: "unknown",
}


class Paper:
    """Owns the printer; `run` is its only task."""

    def __init__(
        self,
        engine: Engine,
        journal: JournalPort,
        printer: Printer | None,
        site: SlipSite,
        mac: Callable[[bytes], bytes],
        announce: Callable[[Notice], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._printer = printer
        self._site = site
        self._mac = mac
        self._announce = announce
        self._sleep = sleep
        self._owed = asyncio.Event()
        self._printing = asyncio.Lock()
        """One document at a time: a slip that is owed, or an explanation."""
        self.problem = "" if printer is not None else "no_device"
        """Why slips wait; empty when they do not."""

    async def look(self) -> str:
        """Ask the printer now: its problem in a word, `no_status` when it does not answer, "" when it is ready."""
        if self._printer is None:
            return "no_device"
        status = await self._printer.status()
        if status == PrinterStatus():
            return "no_status"
        return status.problem or ""

    def owe(self) -> None:
        """There may be a new slip in the journal."""
        self._owed.set()

    async def give_up_interrupted(self, *, old_copy: bool = False) -> None:
        """At start: a slip that was being printed when the process ended is unknown; never printed again by itself.

        `old_copy`: the journal is an older one, so a slip that waits in it may be out as well.
        """
        for receipt in await self._journal.call(lambda journal: journal.receipts.unfinished()):
            if receipt.state == "printing" or old_copy:
                await self._moves(receipt, "unknown")
                self._announce(Notice("printer_unknown", {"reason": "restart"}))

    async def explain(self, settlement: Settlement) -> None:
        """Print why the newest refusal was one, now. It tells of no money, so nothing is owed and nothing written.

        Raises `Misuse` when nothing was refused, or the printer did not take it.
        """
        if settlement.refusal is None:
            raise Misuse("nothing_to_explain")
        if self._printer is None:
            raise Misuse("explanation_not_printed", reason="no_device")
        document = render_explanation(
            settlement, self._engine.stamp().wall, self._printer.columns, self._site
        )
        async with self._printing:
            result = await self._printer.print(document)
        if result.outcome in (PrintOutcome.NOT_PRINTED, PrintOutcome.UNKNOWN):
            raise Misuse("explanation_not_printed", reason=result.reason or "no_device")

    async def run(self) -> None:
        """Print what is owed, for ever."""
        while True:
            await self._owed.wait()
            self._owed.clear()
            if self._printer is None:
                continue
            while await self._print_next(self._printer):
                pass

    async def _print_next(self, printer: Printer) -> bool:
        """Print the oldest waiting slip; False when none is left. Waits here while the printer cannot print.

        A slip that is owed meanwhile says so itself (`owe`).
        """
        receipts = await self._journal.call(lambda journal: journal.receipts.unfinished())
        waiting = [receipt for receipt in receipts if receipt.state == "waiting"]
        if not waiting:
            return False
        problem = (await printer.status()).problem
        if problem is None:
            is_out = await self._print(printer, waiting[0])
            return not is_out or len(waiting) > 1
        while problem is not None:
            await self._wait_for_printer(problem)
            problem = (await printer.status()).problem
        return True  # what waits now, the journal knows

    async def _wait_for_printer(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._announce(Notice("printer_waits", {"reason": problem}))
        await self._sleep(RETRY_S)

    async def _print(self, printer: Printer, receipt: ReceiptRow) -> bool:
        """Print one slip; False when it waits still."""
        settlement = await self._engine.get(receipt.settlement)
        try:
            document = render_slip(
                settlement,
                receipt.kind,
                receipt.copy_number,
                self._engine.stamp().wall,
                printer.columns,
                self._site,
                self._mac,
            )
        except Exception as error:  # noqa: BLE001 - a slip that cannot be drawn must not stop money or other slips
            self._engine.went_wrong(receipt.settlement, error)
            await self._moves(receipt, "unknown")
            self._announce(Notice("slip_impossible"))
            return True
        await self._moves(receipt, "printing", sm3(document))
        async with self._printing:
            result = await printer.print(document)
        await self._moves(receipt, _STATES[result.outcome])
        if result.outcome is PrintOutcome.NOT_PRINTED:
            await self._wait_for_printer(result.reason or "no_device")
            return False
        await self._after(receipt, result)
        return True

    async def _after(self, receipt: ReceiptRow, result: PrintResult) -> None:
        self.problem = ""
        if result.outcome is PrintOutcome.UNKNOWN:
            self._announce(Notice("printer_unknown", {"reason": result.reason}))
        elif receipt.kind in ("original", "copy"):
            try:
                await self._engine.post(receipt.settlement, SlipPrinted(receipt.kind), "printer", wait=True)
            except Misuse as past:  # its sheet was deleted at the end of its term while the slip came out
                self._engine.went_wrong(receipt.settlement, past)

    async def _moves(self, receipt: ReceiptRow, state: str, content_sm3: bytes | None = None) -> None:
        stamp = self._engine.stamp()
        await self._journal.call(
            lambda journal: journal.receipts.move(receipt.id, state, "printer", stamp, content_sm3)
        )
