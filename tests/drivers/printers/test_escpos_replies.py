"""Which answer belongs to which question, when some are late, missing, or not answers at all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from drivers.interfaces.printer import PrinterStatus, PrintOutcome
from drivers.printers.escpos import EscPosPrinter
from protocols.escpos.status import RealtimeScanner
from tests.drivers.printers.memory_wire import MemoryLink
from tests.drivers.printers.wired_printer import LONG_S, SHORT_S, slip


@contextlib.asynccontextmanager
async def answering(answer: Callable[[int], bytes]) -> AsyncIterator[MemoryLink]:
    """A far end that answers question n with `answer(n)` and prints nothing."""
    link = MemoryLink()

    async def run() -> None:
        scanner = RealtimeScanner()
        while True:
            for _, n in scanner.split(await link.read(4096)):
                if n is not None and (data := answer(n)):
                    await link.write(data)

    task = asyncio.create_task(run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_a_model_without_the_cutter_question_is_still_verified() -> None:
    async with answering(lambda n: b"" if n == 3 else b"\x12") as link:
        driver = EscPosPrinter(link, status_timeout_s=SHORT_S)
        result = await driver.print(slip())
        assert (result.outcome, result.status.cutter_fault) == (PrintOutcome.PRINTED, None)
        await driver.close()


async def test_a_model_without_the_paper_question_is_not_verified() -> None:
    async with answering(lambda n: b"" if n == 4 else b"\x12") as link:
        driver = EscPosPrinter(link, status_timeout_s=SHORT_S)
        result = await driver.print(slip())
        assert (result.outcome, result.reason) == (PrintOutcome.PRINTED_UNVERIFIED, "no_status")
        assert result.status == PrinterStatus(
            offline=False, cover_open=False, paper_out=False, cutter_fault=False
        )
        await driver.close()


async def test_late_answers_are_taken_in_the_order_of_the_questions() -> None:
    # Nothing is heard until the last question; then all four answers come at once: offline, for want of paper.
    async with answering(lambda n: b"\x1a\x32\x12\x7e" if n == 4 else b"") as link:
        driver = EscPosPrinter(link, status_timeout_s=SHORT_S)
        assert await driver.status() == PrinterStatus(
            offline=True, cover_open=False, paper_out=True, paper_near_end=True, cutter_fault=False
        )
        await driver.close()


async def test_flow_control_and_noise_are_no_answers() -> None:
    async with answering(lambda n: b"\x11\x13\x00\xff\x12") as link:
        driver = EscPosPrinter(link, status_timeout_s=LONG_S)
        assert (await driver.print(slip())).outcome is PrintOutcome.PRINTED
        await driver.close()


async def test_an_error_without_a_name_stops_printing() -> None:
    async with answering(lambda n: b"\x52" if n == 2 else b"\x12") as link:
        driver = EscPosPrinter(link, status_timeout_s=LONG_S)
        result = await driver.print(slip())
        assert (result.outcome, result.reason) == (PrintOutcome.NOT_PRINTED, "offline")
        await driver.close()


async def test_what_was_said_unasked_before_answers_nothing() -> None:
    async with answering(lambda n: b"\x12") as link:
        driver = EscPosPrinter(link, status_timeout_s=LONG_S)
        await driver.status()
        await link.write(b"\x1a\x1a")
        for _ in range(5):
            await asyncio.sleep(0)  # the driver's collector takes them
        assert (await driver.status()).offline is False
        assert link.opened == 1
        await driver.close()
