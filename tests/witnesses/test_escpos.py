"""Programs we did not write: python-escpos prints to our printer over a real line, zxing reads the slip's QR code."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import escpos.printer
import pytest
import zxingcpp
from PIL import Image

from protocols.escpos.document import Document
from protocols.escpos.events import Picture
from simulators.links import PtyLink
from simulators.printer import SimulatedPrinter, draw_png
from simulators.printer.drawing import FONT_PACKAGE, FONT_PATH
from terminal.slips import incident_document, settlement_document
from tests.real_parts import real_part_missing
from tests.terminal.slips.samples import CANCELLED, PENDING, RECEIPT_NO, REVERSED, SETTLED, on_paper

ANSWER_WAIT_S = 0.2
"""python-escpos waits this long for 16 bytes of status every time, though one is all that ever comes."""


@contextlib.asynccontextmanager
async def virtual_printer(folder: Path) -> AsyncIterator[tuple[SimulatedPrinter, str]]:
    """Our printer behind a pseudo-terminal, and the device path for the foreign program."""
    printer = SimulatedPrinter()
    async with PtyLink(folder / "printer") as link:
        task = asyncio.create_task(printer.run(link))
        yield printer, link.url
    await task


async def foreign(path: str, act: Callable[[escpos.printer.Serial], object]) -> object:
    """What python-escpos does, in a thread of its own, since it only knows blocking calls."""

    def run() -> object:
        printer = escpos.printer.Serial(
            devfile=path, baudrate=115200, timeout=ANSWER_WAIT_S, dsrdtr=False, profile="default"
        )
        try:
            return act(printer)
        finally:
            printer.close()

    return await asyncio.to_thread(run)


def read_qr(png: bytes) -> list[str]:
    """Every QR code that zxing finds on a picture."""
    return [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))]


@pytest.fixture
def _font() -> None:
    if not FONT_PATH.exists():
        real_part_missing(f"the Chinese font of {FONT_PACKAGE}")


needs_font = pytest.mark.usefixtures("_font")


async def test_python_escpos_prints_chinese(tmp_path: Path) -> None:
    def job(host: escpos.printer.Serial) -> None:
        host.set(align="center", bold=True, custom_size=True, width=2, height=2)
        host._raw("医保结算单\n".encode("gb18030"))
        host.set(align="left", bold=False, custom_size=True, width=1, height=1)
        host._raw(("个人账户支付" + " " * 31 + "60.00\n").encode("gb18030"))
        host._raw("￥83.30 囍\n".encode("gb18030"))
        host.text("plain ASCII\n")
        host.cut()

    async with virtual_printer(tmp_path) as (printer, path):
        await foreign(path, job)
        paper = await printer.wait_printed(1)
    assert [line for line in paper.lines if line] == [
        " " * 14 + "医保结算单",
        "个人账户支付" + " " * 31 + "60.00",
        "￥83.30 囍",
        "plain ASCII",
    ]
    assert printer.ignored_commands == ()


async def test_half_width_yen_prints_as_junk_as_it_does_on_real_printers(tmp_path: Path) -> None:
    async with virtual_printer(tmp_path) as (printer, path):
        await foreign(path, lambda host: (host._raw("¥5\n".encode("gb18030")), host.cut()))
        paper = await printer.wait_printed(1)
    assert paper.lines[0] == " 0 65"


async def test_python_escpos_understands_our_status(tmp_path: Path) -> None:
    async with virtual_printer(tmp_path) as (printer, path):
        steps: tuple[tuple[Callable[[], None], bool, int], ...] = (
            (printer.near_end, True, 1),
            (printer.paper_out, False, 0),
            (printer.load_paper, True, 2),
        )
        for act, online, paper in steps:
            act()
            seen = await foreign(path, lambda host: (host.is_online(), host.paper_status()))
            assert seen == (online, paper)


@needs_font
async def test_python_escpos_draws_and_zxing_reads(tmp_path: Path) -> None:
    def job(host: escpos.printer.Serial) -> None:
        host.qr("NATIVE", native=True, size=5, ec=1)
        host.qr("RASTER", size=5)
        host.qr("COLUMNS", size=5, image_arguments={"impl": "bitImageColumn"})
        host.cut()

    async with virtual_printer(tmp_path) as (printer, path):
        await foreign(path, job)
        paper = await printer.wait_printed(1)
    assert paper.qr_codes == ("NATIVE",)
    assert sum(isinstance(event, Picture) for event in paper.prints) > 2
    assert sorted(read_qr(await asyncio.to_thread(draw_png, paper))) == ["COLUMNS", "NATIVE", "RASTER"]


@needs_font
@pytest.mark.parametrize("columns", [32, 48])
@pytest.mark.parametrize(
    "document",
    [
        settlement_document(SETTLED),
        settlement_document(CANCELLED),
        incident_document(PENDING),
        incident_document(REVERSED),
    ],
    ids=["settled", "cancelled", "pending", "reversed"],
)
def test_zxing_reads_only_the_receipt_number_from_a_slip(document: Document, columns: int) -> None:
    assert read_qr(draw_png(on_paper(document, columns))) == [RECEIPT_NO]
