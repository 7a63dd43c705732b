"""Job outcomes of PD-32, each over memory, a real pseudo-terminal and a real socket."""

import asyncio
from pathlib import Path

import pytest

from drivers.interfaces.printer import PrinterStatus, PrintOutcome, PrintResult
from drivers.printers.escpos import BLOCK_BYTES, EscPosPrinter
from protocols.escpos.builder import build
from protocols.escpos.document import Cut, Document, Raster
from tests.drivers.printers.memory_wire import MemoryLink
from tests.drivers.printers.wired_printer import SHORT_S, WIRES, slip, wired_printer
from tests.faults import fired

ALL_WELL = PrinterStatus(
    offline=False, cover_open=False, paper_out=False, paper_near_end=False, cutter_fault=False
)

pytestmark = pytest.mark.parametrize("wire", WIRES)


async def test_all_well_is_printed(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        assert await at.driver().print(slip(3)) == PrintResult(PrintOutcome.PRINTED, ALL_WELL)
        assert at.printer.papers[0].lines == ("第1行", "第2行", "第3行")


async def test_long_jobs_go_in_blocks_and_arrive_whole(wire: str, tmp_path: Path) -> None:
    job = slip(400)
    assert len(job) > 5 * BLOCK_BYTES
    async with wired_printer(wire, tmp_path) as at:
        assert (await at.driver().print(job)).outcome is PrintOutcome.PRINTED
        assert len(at.printer.papers[0].lines) == 400


async def test_near_end_prints_and_is_told(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        at.printer.near_end()
        result = await at.driver().print(slip())
        assert (result.outcome, result.status.paper_near_end) == (PrintOutcome.PRINTED, True)


@pytest.mark.parametrize("problem", ["paper_out", "cover_open", "offline", "cutter_fault"])
async def test_a_problem_before_sends_nothing(wire: str, tmp_path: Path, problem: str) -> None:
    async with wired_printer(wire, tmp_path) as at:
        printer = at.printer
        {
            "paper_out": printer.paper_out,
            "cover_open": printer.cover_open,
            "offline": printer.offline,
            "cutter_fault": printer.jam_cutter,
        }[problem]()
        driver = at.driver()
        result = await driver.print(slip())
        # The cutter's own question is not asked before a job; it shows as an error that stops the printer.
        told = "offline" if problem == "cutter_fault" else problem
        assert (result.outcome, result.reason) == (PrintOutcome.NOT_PRINTED, told)
        assert printer.current.prints == ()
        fired("F15")
        printer.load_paper()
        printer.cover_close()
        printer.offline(False)
        printer.jam_cutter(False)
        assert printer.printed == 0
        assert (await driver.print(slip())).outcome is PrintOutcome.PRINTED
        assert printer.printed == 1


async def test_paper_out_in_the_middle_is_unknown_and_never_repeated(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        at.printer.paper_out(after_lines=5)
        driver = at.driver()
        result = await driver.print(slip(20))
        assert (result.outcome, result.reason) == (PrintOutcome.UNKNOWN, "paper_out")
        fired("F15")
        assert at.printer.current.lines == tuple(f"第{number}行" for number in range(1, 6))
        assert (await driver.print(slip(1))).outcome is PrintOutcome.NOT_PRINTED
        at.printer.load_paper()
        assert [len(paper.lines) for paper in at.printer.papers] == [20]


async def test_mute_printer_is_unverified(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        at.printer.mute()
        result = await at.driver(status_timeout_s=SHORT_S).print(slip())
        assert result == PrintResult(PrintOutcome.PRINTED_UNVERIFIED, PrinterStatus(), "no_status")
        fired("F17")
        assert len((await at.printer.wait_printed(1)).lines) == 20


async def test_power_cut_that_unplugs_in_the_middle_is_unknown(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path, vanishes=True) as at:
        at.printer.cut_power(after_lines=5)
        driver = at.driver()
        result = await driver.print(slip(20))
        assert (result.outcome, result.reason) == (PrintOutcome.UNKNOWN, "device_lost")
        assert len(at.printer.current.lines) == 5
        fired("F16")
        assert (await driver.print(slip(1))).reason == "no_device"


async def test_silent_power_cut_in_the_middle_is_unverified(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        at.printer.cut_power(after_lines=5)
        result = await at.driver(status_timeout_s=SHORT_S).print(slip(20))
        assert result.outcome is PrintOutcome.PRINTED_UNVERIFIED
        assert at.printer.printed == 0
        fired("F16")


async def test_a_printer_that_never_drains_is_unknown(wire: str, tmp_path: Path) -> None:
    picture = build(Document((Raster(72, bytes(72 * 60_000)), Cut())), 48).data
    async with wired_printer(wire, tmp_path, running=False) as at:
        driver = at.driver(status_timeout_s=SHORT_S, block_timeout_s=SHORT_S)
        result = await driver.print(picture)
        assert (result.outcome, result.reason) == (PrintOutcome.UNKNOWN, "write_timeout")
        fired("F17")


async def test_a_lying_printer_is_believed(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        at.printer.lie()
        at.printer.paper_out(after_lines=5)
        result = await at.driver().print(slip(20))
        assert result.outcome is PrintOutcome.PRINTED
        assert len(at.printer.papers[0].lines) == 5
        fired("F16")


async def test_no_device_is_not_printed(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        await at.link.unplug()
        driver = at.driver()
        result = await driver.print(slip())
        assert result == PrintResult(PrintOutcome.NOT_PRINTED, PrinterStatus(), "no_device")
        assert await driver.status() == PrinterStatus()


async def test_a_replugged_printer_is_found_by_the_next_job(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        driver = at.driver()
        assert await driver.status() == ALL_WELL
        await at.link.unplug()
        await at.link.plug()
        assert (await driver.print(slip())).outcome is PrintOutcome.PRINTED
        assert at.printer.printed == 1


async def test_jobs_are_printed_one_at_a_time_in_order(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        driver = at.driver()
        results = await asyncio.gather(*(driver.print(slip(count)) for count in (3, 1, 2)), driver.status())
        assert [len(paper.lines) for paper in at.printer.papers] == [3, 1, 2]
        assert results[3] == ALL_WELL


async def test_a_cancelled_job_lets_the_next_one_print(wire: str, tmp_path: Path) -> None:
    async with wired_printer(wire, tmp_path) as at:
        driver = at.driver()
        at.printer.mute()
        job = asyncio.create_task(driver.print(slip(2)))
        await at.link.wait_connected()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        await at.link.wait_disconnected()
        at.printer.mute(False)
        assert (await driver.print(slip(4))).outcome is PrintOutcome.PRINTED
        assert len(at.printer.papers[-1].lines) == 4


def test_columns_are_those_of_the_paper(wire: str) -> None:
    assert EscPosPrinter(MemoryLink(), 32).columns == 32
