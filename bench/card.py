"""A card read through the PC/SC driver against the same commands sent bare.

Floor: the same APDUs through `SCardTransmit` itself, in one loop, on an open connection and inside one transaction.
Ours: `PcscReader.run(read_card())`, from the call to the result on the event loop, less the connecting; that holds the
begin of the transaction, the dialogue and the hop back from the reader's thread. Connecting and the closing reset stand
apart on both sides; both reset the card after each read, because the first commands after a reset are the slower ones.
pcscd and the simulated card run in another process, so that neither side shares an interpreter with the far end. The
sides take turns.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import smartcard.scard as native

from bench.result import Result
from drivers.pcsc import PcscReader, scard
from protocols.cards.social_security import read_card
from protocols.iso7816.exchange import Dialogue
from simulators.cards import CardMachine, image_for
from simulators.people import find, load_people
from simulators.reader import PcscdInstance, VpcdSlot

LIMIT_RATIO = 1.3
ROUNDS = 300
Read = tuple[float, float, float]
"""Seconds of the commands, of connecting, and of the closing reset."""
PERSON = "yi"
"""A 2.x card: the longest free read."""
_SELECT = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
COMMANDS = tuple(bytes.fromhex(text) for text in (_SELECT, "00C0000018", "00B2012D40", "00B201355B"))
"""What `read_card` sends to that card; the bench checks it."""


async def measure() -> list[Result]:
    """Measure against a pcscd of our own in another process."""
    async with _far_end() as reader_name, PcscReader(reader_name) as reader:
        await reader.run(_checked(), 5.0)
        ours: list[Read] = []
        bare: list[Read] = []
        for _ in range(ROUNDS):
            ours.append(await _our_read(reader))
            bare.append(await asyncio.to_thread(_bare_read, reader_name))
    return [
        _result(
            "card read", ours, bare, 0, LIMIT_RATIO, "2.x card, 4 APDUs through pcscd, against them bare"
        ),
        _result("card connect", ours, bare, 1, None, "list the readers and connect, against connect"),
        _result(
            "card closing reset", ours, bare, 2, None, "after the result is handed over; nobody waits for it"
        ),
    ]


def _result(
    name: str, ours: list[Read], bare: list[Read], part: int, limit: float | None, note: str
) -> Result:
    our_ms, bare_ms = (statistics.median(read[part] for read in side) * 1000 for side in (ours, bare))
    return Result(name, our_ms, bare_ms, limit, note)


async def _our_read(reader: PcscReader) -> Read:
    begun_at = time.perf_counter()
    await reader.run(read_card(), 5.0)
    took_s = time.perf_counter() - begun_at
    timing = reader.timing
    assert timing is not None
    while (closing_s := reader.closing_s) is None:
        await asyncio.sleep(0.0005)
    return took_s - timing.waited_s - timing.connect_s, timing.connect_s, closing_s


def _bare_read(reader_name: str) -> Read:
    context = scard.establish()
    lists = [list(command) for command in COMMANDS]
    connecting_at = time.perf_counter()
    handle, _ = scard.connect(context, reader_name)
    connected_at = time.perf_counter()
    scard.begin(handle)
    begun_at = time.perf_counter()
    for command in lists:
        native.SCardTransmit(handle, native.SCARD_PCI_T0, command)
    ended_at = time.perf_counter()
    scard.end_with_reset(handle)
    scard.disconnect(handle)
    closed_at = time.perf_counter()
    scard.release(context)
    return ended_at - begun_at, connected_at - connecting_at, closed_at - ended_at


def _checked() -> Dialogue[None]:
    """Read once and make sure that the bare side sends what the dialogue sends."""
    sent = []
    dialogue = read_card()
    try:
        command = next(dialogue)
        while True:
            sent.append(command)
            command = dialogue.send((yield command))
    except StopIteration:
        if tuple(sent) != COMMANDS:
            raise RuntimeError("the dialogue sends other commands than the floor") from None


@asynccontextmanager
async def _far_end() -> AsyncIterator[str]:
    """Run pcscd and the card in a process of their own; yield the reader's name."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        os.environ.update(PcscdInstance(Path(folder)).environment)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.card", folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        name = (await process.stdout.readline()).decode().strip()
        if not name:
            raise RuntimeError("the far end did not start; its own message stands above")
        yield name
        process.stdin.close()
        await process.wait()


async def _serve(folder: Path) -> None:
    """Be the far end: say the reader's name when the card is there, end with stdin."""
    card = CardMachine(image_for(find(load_people(), PERSON)))
    async with PcscdInstance(folder) as instance, VpcdSlot(instance.ports[0]) as slot:
        await slot.insert(card)
        await instance.card_seen(0, card.atr)
        print(instance.readers[0], flush=True)
        await asyncio.to_thread(sys.stdin.read)


def run() -> list[Result]:
    """Run this benchmark."""
    return asyncio.run(measure())


def main() -> None:
    """Print the figures, or be the far end when a folder is given."""
    if len(sys.argv) > 1:
        asyncio.run(_serve(Path(sys.argv[1])))
        return
    for result in run():
        limit = f"limit {result.limit_ratio}" if result.limit_ratio else ""
        print(
            f"{result.name:20} {result.ours_ms:7.3f} ms  floor {result.floor_ms:7.3f} ms  {result.ratio:5.2f} {limit}"
        )


if __name__ == "__main__":
    main()
