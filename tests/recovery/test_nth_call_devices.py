"""Every command to the card and every read and write of the printer's line fails once, in each way it can fail.

The scanner's line is cut at each byte of a code in `tests/drivers/scanners/test_plain.py`; the real reader driver is
torn at each command in `tests/drivers/pcsc/test_reader.py`. Here the sale stands beside it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.interfaces.byte_stream import StreamClosed
from drivers.interfaces.printer import PrintOutcome
from drivers.printers.escpos import EscPosPrinter
from simulators.cards import CardMachine, image_for
from simulators.people import load_people
from simulators.printer import SimulatedPrinter
from simulators.reader import InProcessReader, Tear, TearPoint
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Settlement
from tests.drivers.printers.memory_wire import MemoryLink, MemoryStream
from tests.drivers.printers.wired_printer import SHORT_S, slip
from tests.faults import fired
from tests.terminal.clinic.clinic import Clinic, Window, window_config
from tests.terminal.harness import in_line
from yibao.site.virtual_loop import run_virtual

PEOPLE = {person.slug: person for person in load_people()}

# -- the card -------------------------------------------------------------------------------------

ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "6F00": lambda answer: b"\x6f\x00",
    "one byte": lambda answer: answer[-1:],
    "half": lambda answer: answer[: len(answer) // 2],
    "nothing": lambda answer: b"",
    "no data": lambda answer: answer[-2:],
}
"""What the card says to one command instead of what it should."""
TEARS = {
    "gone before": TearPoint.BEFORE,
    "gone inside": TearPoint.INSIDE,
    "gone after": TearPoint.AFTER,
}


class _OddCard(CardMachine):
    """Answers its `number`-th command (counted from 0) in an odd way."""

    number = -1
    odd: Callable[[bytes], bytes]

    def process(self, raw: bytes) -> bytes:
        """See `CardMachine`."""
        number = self.commands
        answer = super().process(raw)
        return self.odd(answer) if number == self.number else answer


def _insert(reader: InProcessReader, trouble: str, number: int) -> CardMachine:
    card = _OddCard(image_for(PEOPLE["yi"]))
    if trouble in TEARS:
        reader.insert(card, Tear(number, TEARS[trouble]))
    else:
        card.number, card.odd = number, ANSWERS[trouble]
        reader.insert(card)
    return card


async def _read_with_trouble(folder: Path, trouble: str, number: int) -> bool:
    """Read the card with one bad command, then again with none; False when the command was never reached."""
    clinic = Clinic(folder)
    reader = InProcessReader()
    till = await clinic.start(config=window_config(clinic.institution, clinic.slot), reader=reader)
    window = Window(clinic, till)
    visit = await window.open()
    card = _insert(reader, trouble, number)
    try:
        read: Settlement | None = await till.counter.media.read_card(visit.id)
        refusal = ""
    except Misuse as refused:
        read, refusal = None, refused.code
    if read is None:
        assert refusal.startswith("card_"), refusal
        assert (await till.counter.settlements.get(visit.id)).state is State.DRAFT
        assert clinic.hub_link.transactions() == [], "nothing leaves for a card that was not read"
    reached = card.commands > number or (trouble == "gone before" and read is None)
    if read is None:
        reader.insert(CardMachine(image_for(PEOPLE["yi"])))
        read = await till.counter.media.read_card(visit.id)
    (asked,) = clinic.hub_link.inputs("1101")
    person = PEOPLE["yi"].card
    assert person is not None
    assert asked["data"]["mdtrt_cert_no"] == person.number, "never half a card"
    assert asked["data"]["card_sn"] == person.identification_code
    settled = await window.confirm(await window.pick(read))
    assert settled.state is State.CONFIRMED
    await window.finish()
    return reached


@in_line
@pytest.mark.timeout(120)
@pytest.mark.parametrize("trouble", [*TEARS, *ANSWERS])
def test_each_command_to_the_card_fails_and_the_sale_goes_on(trouble: str, tmp_path: Path) -> None:
    number = -1
    reached = True
    while reached:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()

        async def life(folder: Path = folder, number: int = number) -> bool:
            return await _read_with_trouble(folder, trouble, number)

        reached = run_virtual(life)
        if reached:
            fired("F01" if trouble in TEARS and trouble != "gone inside" else "F02")
        assert number < 60, "the dialogue never ends"
    assert number >= 4


# -- the printer ----------------------------------------------------------------------------------


class _FailingStream:
    """A line whose `number`-th read or write fails."""

    def __init__(self, inner: MemoryStream, link: "_FailingLink") -> None:
        self._inner = inner
        self._link = link

    async def read(self, max_bytes: int) -> bytes:
        """See `ByteStream`."""
        if self._link.fails("read"):
            raise StreamClosed("a read failed, on purpose")
        return await self._inner.read(max_bytes)

    async def write(self, data: bytes, timeout_s: float) -> None:
        """See `ByteStream`."""
        if not self._link.fails("write", "half a write"):
            return await self._inner.write(data, timeout_s)
        if self._link.call == "half a write":
            await self._inner.write(data[: len(data) // 2], timeout_s)
        raise StreamClosed("a write failed, on purpose")

    async def close(self) -> None:
        """See `ByteStream`."""
        await self._inner.close()


class _FailingLink:
    """Opens the printer's line; one call of it fails."""

    url = "/memory/failing"

    def __init__(self, call: str, number: int) -> None:
        self.line = MemoryLink()
        self.call = call
        self.happened = False
        self._left = number

    def fails(self, *calls: str) -> bool:
        """Count a call; True when it is the one."""
        if self.call not in calls:
            return False
        self._left -= 1
        self.happened |= self._left == 0
        return self._left == 0

    async def open(self) -> _FailingStream:
        """See `ByteStreamOpener`."""
        return _FailingStream(await self.line.open(), self)


@asynccontextmanager
async def _switched_on(printer: SimulatedPrinter, line: MemoryLink) -> AsyncIterator[None]:
    task = asyncio.create_task(printer.run(line))
    try:
        yield
    finally:
        await line.close()
        task.cancel()
        await asyncio.wait((task,))


def _assert_honest(outcome: PrintOutcome, printer: SimulatedPrinter) -> None:
    """A whole slip is on paper where it is claimed; nothing is where it is claimed that nothing was sent."""
    if outcome is PrintOutcome.PRINTED:
        assert [len(paper.lines) for paper in printer.papers] == [400]
    elif outcome is PrintOutcome.NOT_PRINTED:
        assert printer.papers == ()
        assert printer.current.prints == ()


@pytest.mark.parametrize("call", ["read", "write", "half a write"])
async def test_each_read_and_write_of_the_printer_fails_and_nothing_is_claimed(call: str) -> None:
    number = 0
    happened = True
    while happened:
        number += 1
        link = _FailingLink(call, number)
        printer = SimulatedPrinter(48)
        async with _switched_on(printer, link.line):
            driver = EscPosPrinter(link, 48, status_timeout_s=SHORT_S)
            result = await driver.print(slip(400))
            _assert_honest(result.outcome, printer)
            happened = link.happened
            again = await driver.print(slip(3))
            assert again.outcome is PrintOutcome.PRINTED, "the next slip is printed (I11)"
            await driver.close()
        assert number < 60
    assert number >= 3
