"""A card dialogue through the PC/SC driver against the same commands sent bare.

Floor: the APDUs through `SCardTransmit` itself, in one loop, on an open connection and inside one transaction. Ours:
`PcscReader.run` with a dialogue that sends the same commands and fetches waiting bytes, from the call to the result on
the event loop, less waiting and connecting; that holds the dialogue and the hop back from the reader's thread.
Connecting (with the begin of the transaction) and the closing reset stand apart on both sides; both reset the card after
each read, because the first commands after a reset are the slower ones. "Card read" is `read_card` with everything that
it makes of the answers, which is no matter of the driver: no limit was set for it.

pcscd and the simulated card run in another process, so that neither side shares an interpreter with the far end. The
sides take turns.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import smartcard.scard as native

from bench.result import Result
from drivers.pcsc import PcscReader, scard
from protocols.cards.files import SSSE_NAME
from protocols.cards.social_security import read_card
from protocols.iso7816.apdu import Command
from protocols.iso7816.exchange import Dialogue, exchange
from simulators.cards import CardMachine, image_for
from simulators.people import find, load_people
from simulators.reader import PcscdInstance, VpcdSlot

LIMIT_RATIO = 1.3
ROUNDS = 300
PAUSE_S = 0.0005
"""Between two reads, so that each begins on a service that has come to rest."""
Read = tuple[float, float, float]
"""Seconds of the commands, of connecting, and of the closing reset."""
PERSON = "yi"
"""A 2.x card: the longest free read."""
_SELECT = Command(0x00, 0xA4, 0x04, 0x00, SSSE_NAME)
_ISSUER = Command(0x00, 0xB2, 0x01, 0x2D, le=0x40)
_HOLDER = Command(0x00, 0xB2, 0x01, 0x35, le=0x5B)
COMMANDS = (_SELECT.encode(), bytes.fromhex("00C0000018"), _ISSUER.encode(), _HOLDER.encode())
"""What `read_card` sends to that card; the bench checks it."""


async def measure() -> list[Result]:
    """Measure against a pcscd of our own in another process."""
    async with _far_end() as reader_name, PcscReader(reader_name) as reader:
        await reader.run(_checked(), 5.0)
        bare_thread = ThreadPoolExecutor(1)
        loop = asyncio.get_running_loop()
        context = await loop.run_in_executor(bare_thread, scard.establish)
        dialogues: list[Read] = []
        reads: list[Read] = []
        bare: list[Read] = []
        for _ in range(ROUNDS):
            dialogues.append(await _our_read(reader, _dialogue()))
            reads.append(await _our_read(reader, read_card()))
            bare.append(await loop.run_in_executor(bare_thread, _bare_read, context, reader_name))
            await asyncio.sleep(PAUSE_S)
        await loop.run_in_executor(bare_thread, scard.release, context)
        bare_thread.shutdown()
    return [
        _result(
            "card dialogue", dialogues, bare, 0, LIMIT_RATIO, "4 APDUs through the driver, against them bare"
        ),
        _result(
            "card read", reads, bare, 0, None, "the same with the typed content of a 2.x card as its result"
        ),
        _result("card connect", dialogues, bare, 1, None, "list the readers, connect, begin"),
        _result(
            "card closing reset",
            dialogues,
            bare,
            2,
            None,
            "after the result; only the next dialogue waits for it",
        ),
    ]


def _result(
    name: str, ours: list[Read], bare: list[Read], part: int, limit: float | None, note: str
) -> Result:
    return Result(name, _typical_ms(ours, part), _typical_ms(bare, part), limit, note)


def _typical_ms(reads: list[Read], part: int) -> float:
    """Median of the best of each ten: four processes take part in each read, and any of them may have to wait its turn."""
    best = (min(read[part] for read in reads[at : at + 10]) for at in range(0, len(reads), 10))
    return statistics.median(best) * 1000


def _dialogue() -> Dialogue[tuple[bytes, ...]]:
    fci = yield from exchange(_SELECT)
    issuer = yield from exchange(_ISSUER)
    holder = yield from exchange(_HOLDER)
    return fci.data, issuer.data, holder.data


async def _our_read(reader: PcscReader, dialogue: Dialogue[object]) -> Read:
    begun_at = time.perf_counter()
    await reader.run(dialogue, 5.0)
    took_s = time.perf_counter() - begun_at
    timing = reader.timing
    assert timing is not None
    while (closing_s := reader.closing_s) is None:  # noqa: ASYNC110 - a signal for this alone would be in the product
        await asyncio.sleep(PAUSE_S)
    return took_s - timing.waited_s - timing.connect_s, timing.connect_s, closing_s


def _bare_read(context: scard.Context, reader_name: str) -> Read:
    scard.list_readers(context)
    lists = [list(command) for command in COMMANDS]
    connecting_at = time.perf_counter()
    handle, _ = scard.connect(context, reader_name)
    scard.begin(handle)
    begun_at = time.perf_counter()
    for command in lists:
        native.SCardTransmit(handle, native.SCARD_PCI_T0, command)
    ended_at = time.perf_counter()
    scard.end_with_reset(handle)
    scard.disconnect(handle)
    closed_at = time.perf_counter()
    return ended_at - begun_at, begun_at - connecting_at, closed_at - ended_at


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
