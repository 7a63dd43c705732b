"""A scanner alone reaches the sale of what remains after a refund: its customer shows a fresh code and nobody types."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from drivers.interfaces.scanner import Scan, ScanFault
from terminal.core.states import State
from terminal.core.values import Settlement
from tests.terminal.counter.test_refund import SHEET, begin_in_doubt, refund, rest_of
from tests.terminal.harness import PILLS, Shop, Till, virtual


class HandScanner:
    """Implements `Scanner`: what the test holds in front of it."""

    def __init__(self) -> None:
        self._scans: asyncio.Queue[Scan] = asyncio.Queue()

    def show(self, code: str) -> None:
        """A customer shows this code."""
        self._scans.put_nowait(Scan(code.encode(), code, "]Q1", 0))

    async def events(self) -> AsyncIterator[Scan | ScanFault]:
        """See `Scanner`."""
        while True:
            yield await self._scans.get()


async def scan_and_settle(till: Till, scanner: HandScanner, sold: Settlement) -> Settlement:
    """Show a fresh code to the scanner and confirm what remains."""
    rest = await rest_of(till, sold)
    scanner.show(till.shop.code("jia"))
    await till.quiet()
    assert (await till.get(rest.id)).state is State.PRICED
    return await till.counter.sales.confirm(rest.id, "T01")


@virtual
async def test_after_a_doubtful_cancellation(tmp_path: Path) -> None:
    shop, scanner = Shop(tmp_path), HandScanner()
    till = await shop.start(scanner=scanner)
    sold = await begin_in_doubt(till)
    await till.quiet()
    assert (await scan_and_settle(till, scanner, sold)).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_after_a_restart(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    sold = await till.settle("0001", SHEET)
    await refund(till, sold)
    await till.kill()
    scanner = HandScanner()
    till = await shop.start(scanner=scanner)
    assert (await scan_and_settle(till, scanner, sold)).state is State.CONFIRMED
    await till.stop()


@virtual
async def test_a_sale_that_is_open_keeps_its_scans(tmp_path: Path) -> None:
    shop, scanner = Shop(tmp_path), HandScanner()
    till = await shop.start(scanner=scanner)
    sold = await begin_in_doubt(till)
    other = await till.open("0002", (PILLS,))
    await till.quiet()
    assert (await rest_of(till, sold)).state is State.DRAFT
    scanner.show(shop.code("yi"))
    await till.quiet()
    assert (await till.get(other.id)).state is State.PRICED
    assert (await rest_of(till, sold)).state is State.DRAFT
    await till.stop()
