"""A job that another process did not finish takes nothing from the next slip, wherever it was cut off."""

from pathlib import Path

import pytest

from drivers.interfaces.printer import PrintOutcome
from protocols.escpos.builder import build
from simulators.printer import decode_slip
from terminal.slips import settlement_document
from tests.drivers.printers.wired_printer import wired_printer
from tests.faults import fired
from tests.terminal.slips.samples import RECEIPT_NO, SETTLED

SLIP = build(settlement_document(SETTLED), 48).data


@pytest.mark.parametrize("first", range(8))
async def test_the_next_slip_is_whole_wherever_the_one_before_was_cut_off(first: int, tmp_path: Path) -> None:
    """Every eighth byte of a slip with characters of two bytes and a QR code; a person tears off what was printed."""
    async with wired_printer("memory", tmp_path) as at:
        for cut in range(first, len(SLIP), 8):
            at.printer.receive(SLIP[:cut])
            if at.printer.current.prints:
                at.printer.tear_off()
            driver = at.driver()
            assert (await driver.print(SLIP)).outcome is PrintOutcome.PRINTED
            await driver.close()
            piece = at.printer.papers[-1]
            assert piece.cut
            assert decode_slip(piece.lines).receipt_no == RECEIPT_NO, cut
        fired("F19")


async def test_a_second_job_on_the_line_has_nothing_before_it(tmp_path: Path) -> None:
    async with wired_printer("memory", tmp_path) as at:
        driver = at.driver()
        await driver.print(SLIP)
        before = len(at.printer.ignored_commands)
        await driver.print(SLIP)
        assert len(at.printer.ignored_commands) == before
        assert [decode_slip(piece.lines).receipt_no for piece in at.printer.papers] == [RECEIPT_NO] * 2
