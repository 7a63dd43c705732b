"""The PC/SC driver on a real pcscd with a simulated card: reading, faults, and coming back."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from drivers.interfaces.card_reader import (
    CardPresence,
    CardRemoved,
    MuteCard,
    NoCard,
    NoReader,
    NoService,
    ReaderBusy,
    ReaderFault,
    ReaderTimeout,
)
from protocols.cards.errors import CardBlocked, NotSocialSecurityCard
from protocols.cards.social_security import SocialSecurityCard, read_card
from protocols.iso7816.exchange import Dialogue
from simulators.cards import CardImage, CardMachine
from simulators.reader import PcscdInstance, Tear, TearPoint, VpcdSlot
from tests.protocols.cards.helpers import persona_image

pytest.importorskip(
    "smartcard.scard", reason="real part missing: the module smartcard (see what make setup says)"
)

from drivers.pcsc import CardReset, PcscReader, ProtocolMismatch, ReaderBroken, probe_service, scard
from tests.faults import fired

READER = "Virtual PCD 00 00"


@pytest.fixture
async def reader(pcscd: PcscdInstance) -> AsyncIterator[PcscReader]:
    """Our driver on the first slot."""
    async with PcscReader(READER) as ours:
        yield ours


def card(who: str = "yi") -> CardMachine:
    """A persona's card."""
    return CardMachine(persona_image(who))


async def read(reader: PcscReader, timeout_s: float = 5.0) -> SocialSecurityCard:
    """Read the card in the reader."""
    return await reader.run(read_card(), timeout_s)


async def seen(reader: PcscReader, *, present: bool, other_than: int = -1) -> CardPresence:
    """Wait until the monitor says so; the test's own time limit ends it otherwise."""
    async with aclosing(reader.presence()) as changes:
        async for presence in changes:
            if presence.present is present and presence.event_count != other_than:
                return presence
    raise AssertionError("presence ended")


async def insert(
    slot: VpcdSlot, reader: PcscReader, machine: CardMachine, tear: Tear | None = None
) -> CardPresence:
    """Insert a card and wait until the driver sees it."""
    before = reader.sight.presence.event_count if reader.sight else -1
    await slot.insert(machine, tear)
    return await seen(reader, present=True, other_than=before)


async def test_a_card_is_read_through_the_real_service(slot: VpcdSlot, reader: PcscReader) -> None:
    machine = card()
    presence = await insert(slot, reader, machine)
    assert presence.atr == machine.atr
    read_ = await reader.run(read_card(presence.atr), 5.0)
    assert read_.name is not None
    assert read_.name.reveal() == "测试乙"
    assert read_.reset_information.reveal() == "00815445538660999900000002"
    assert machine.commands == 4
    assert reader.timing is not None


async def test_two_dialogues_asked_for_at_once_run_one_after_the_other(
    slot: VpcdSlot, reader: PcscReader
) -> None:
    await insert(slot, reader, card("jia"))
    both = await asyncio.gather(read(reader), read(reader))
    assert both[0] == both[1]


async def test_a_blocked_card_and_a_foreign_one_say_no_themselves(slot: VpcdSlot, reader: PcscReader) -> None:
    await insert(slot, reader, card("gui"))
    with pytest.raises(CardBlocked):
        await read(reader)
    await insert(slot, reader, CardMachine(CardImage("bank", "999999", "00" * 13)))
    with pytest.raises(NotSocialSecurityCard):
        await read(reader)


async def test_an_empty_reader_has_no_card(reader: PcscReader) -> None:
    with pytest.raises(NoCard):
        await read(reader)


async def test_a_card_that_does_not_answer_to_reset_is_mute(slot: VpcdSlot, reader: PcscReader) -> None:
    presence = await insert(
        slot, reader, CardMachine(msgspec.structs.replace(persona_image("yi"), mute=True))
    )
    assert presence.atr == b""
    with pytest.raises(MuteCard):
        await read(reader)


async def test_a_reader_that_is_not_there_is_named(pcscd: PcscdInstance) -> None:
    async with PcscReader("No such reader") as reader:
        with pytest.raises(NoReader, match="No such reader"):
            await read(reader)
        assert not (await seen(reader, present=False)).present


async def test_part_of_a_name_or_none_finds_a_reader(slot: VpcdSlot, pcscd: PcscdInstance) -> None:
    for name in ("PCD 00 00", ""):
        async with PcscReader(name) as reader:
            await slot.insert(card())
            assert (await seen(reader, present=True)).reader == READER


@pytest.mark.parametrize("apdu", range(4))
@pytest.mark.parametrize("point", [TearPoint.BEFORE, TearPoint.INSIDE, TearPoint.AFTER])
async def test_a_card_pulled_at_any_command_is_a_removed_card(
    slot: VpcdSlot, reader: PcscReader, apdu: int, point: TearPoint
) -> None:
    await insert(slot, reader, card(), Tear(apdu, point))
    if (apdu, point) == (3, TearPoint.AFTER):
        assert (await read(reader)).certno  # everything was read before it went
    else:
        with pytest.raises(CardRemoved):
            await read(reader)
    assert not (await seen(reader, present=False)).present
    fired("F02" if point is TearPoint.INSIDE else "F01")
    if apdu == 1:  # one of each kind is enough to see that the reader goes on
        await insert(slot, reader, card())
        assert (await read(reader)).certno


async def test_nothing_is_continued_on_another_card(slot: VpcdSlot, reader: PcscReader) -> None:
    loop = asyncio.get_running_loop()
    other = card("ren")
    answers: list[bytes] = []

    def swapped_in_the_middle() -> Dialogue[None]:
        answers.append((yield bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")))
        asyncio.run_coroutine_threadsafe(insert(slot, reader, other), loop).result(5.0)
        answers.append((yield bytes.fromhex("00B2012D40")))

    await insert(slot, reader, card())
    with pytest.raises(CardRemoved):
        await reader.run(swapped_in_the_middle(), 10.0)
    assert len(answers) == 1
    assert other.commands == 0
    fired("F03")


async def test_two_insertions_of_the_same_card_are_two_events(slot: VpcdSlot, reader: PcscReader) -> None:
    machine = card()
    first = await insert(slot, reader, machine)
    second = await insert(slot, reader, machine)
    assert first.atr == second.atr
    assert first.event_count < second.event_count


async def test_without_the_service_it_says_so_and_is_ready_within_two_seconds_of_its_start(
    stopped_pcscd: PcscdInstance,
) -> None:
    async with PcscReader(READER) as reader:
        with pytest.raises(NoService) as caught:
            await read(reader)
        assert "service" in caught.value.what_to_do
        assert not (await seen(reader, present=False)).present
        await stopped_pcscd.start()
        async with VpcdSlot(stopped_pcscd.ports[0]) as slot:
            started_at = time.monotonic()
            await insert(slot, reader, card())
            assert (await read(reader)).certno
            assert time.monotonic() - started_at <= 2.0


async def fewer_threads(wanted: int) -> None:
    """Give threads that have said that they end two seconds to be gone."""
    for _ in range(400):
        if our_threads() <= wanted:
            return
        await asyncio.sleep(0.005)


@asynccontextmanager
async def leaks_nothing() -> AsyncIterator[None]:
    """The number of our threads and of all descriptors afterwards is that of before.

    A thread says that it ends as its last act; until it is gone the machine may take a moment.
    """
    before = our_threads(), len(os.listdir("/proc/self/fd"))
    yield
    await fewer_threads(before[0])
    after = our_threads(), len(os.listdir("/proc/self/fd"))
    assert after == before


def our_threads() -> int:
    """The driver's threads; the event loop may start helpers of its own at any time."""
    return sum(thread.name.startswith("pcsc-") for thread in threading.enumerate())


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_restarted_service_is_found_again_within_two_seconds(
    pcscd: PcscdInstance, slot: VpcdSlot, reader: PcscReader, how: str
) -> None:
    """The card stays in the reader; threads and descriptors do not grow from restart to restart."""
    await insert(slot, reader, card())
    await read(reader)
    async with leaks_nothing():
        for _ in range(4):
            before = reader.sight
            await getattr(pcscd, how)()
            with pytest.raises(NoService):
                await read(reader)
            await pcscd.start()
            back_at = time.monotonic()
            fired("F05")
            assert before is not None
            await seen(reader, present=True, other_than=before.presence.event_count)
            assert (await read(reader)).certno
            assert time.monotonic() - back_at <= 2.0


async def test_the_service_killed_inside_a_dialogue_ends_it(
    pcscd: PcscdInstance, slot: VpcdSlot, reader: PcscReader
) -> None:
    loop = asyncio.get_running_loop()

    def killed_in_the_middle() -> Dialogue[None]:
        yield bytes.fromhex("00A40000023F00")
        asyncio.run_coroutine_threadsafe(pcscd.kill(), loop).result(5.0)
        yield bytes.fromhex("00A40000023F00")

    await insert(slot, reader, card())
    with pytest.raises(NoService):
        await reader.run(killed_in_the_middle(), 10.0)
    fired("F05")


async def test_a_service_that_dies_of_a_torn_card_is_survived(
    pcscd: PcscdInstance, slot: VpcdSlot, reader: PcscReader
) -> None:
    """pcscd 1.9.9 crashes when the card's link breaks after one byte of a length; newer ones may survive it."""
    await insert(slot, reader, card(), Tear(1, TearPoint.ONE_BYTE))
    with pytest.raises((NoService, CardRemoved)):
        await read(reader)
    fired("F02")
    await pcscd.restart()
    async with VpcdSlot(pcscd.ports[0]) as again:
        await insert(again, reader, card())
        assert (await read(reader)).certno


async def test_a_service_that_hangs_is_a_timeout_and_the_loop_goes_on(
    pcscd: PcscdInstance, slot: VpcdSlot, reader: PcscReader
) -> None:
    machine = card()
    await insert(slot, reader, machine)
    await read(reader)
    threads = our_threads()
    pcscd.suspend()
    try:
        turns = 0
        running = asyncio.ensure_future(read(reader, 0.5))
        while not running.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(ReaderTimeout):
            await running
        assert turns >= 20
        fired("F06")
        with pytest.raises(ReaderTimeout):  # behind the first one, in the same thread
            await read(reader, 0.1)
        assert (await probe_service(0.1)).fault == "reader_timeout"
    finally:
        pcscd.resume()
    assert (await read(reader)).certno
    await fewer_threads(threads)
    assert our_threads() == threads


class Rival:
    """The second program at the reader."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, word: str) -> None:
        """Let it do something and wait until it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n".encode())
        assert (await self._process.stdout.readline()).decode().split() == [word, "00000000"]


@pytest.fixture
async def rival(pcscd: PcscdInstance) -> AsyncIterator[Rival]:
    """Another process that uses the same reader."""
    script = Path(__file__).parents[2] / "pcscd" / "second_client.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        READER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | pcscd.environment,
    )
    yield Rival(process)
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


@pytest.mark.parametrize("how", ["lock", "exclusive"])
async def test_another_program_that_holds_the_reader_makes_us_wait_and_say_so(
    slot: VpcdSlot, reader: PcscReader, rival: Rival, how: str
) -> None:
    machine = card()
    await insert(slot, reader, machine)
    await rival.ask(how)
    with pytest.raises(ReaderBusy, match="another program holds the reader"):
        await read(reader, 0.3)
    assert machine.commands == 0
    fired("F07")
    waiting = asyncio.ensure_future(read(reader))
    await rival.ask("free")
    assert (await waiting).certno


async def test_a_reset_by_another_program_between_two_dialogues_costs_nothing(
    slot: VpcdSlot, reader: PcscReader, rival: Rival
) -> None:
    await insert(slot, reader, card())
    await read(reader)
    await rival.ask("reset")
    assert (await read(reader)).certno


async def test_a_cancelled_dialogue_is_finished_and_the_card_is_reset(
    slot: VpcdSlot, reader: PcscReader
) -> None:
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()
    go_on = threading.Event()
    machine = card()

    def patient() -> Dialogue[None]:
        yield bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(5.0)
        yield bytes.fromhex("00C0000018")

    await insert(slot, reader, machine)
    running = asyncio.ensure_future(reader.run(patient(), 10.0))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    go_on.set()

    def whats_selected() -> Dialogue[bytes]:
        return (yield bytes.fromhex("00B2072C0B"))

    assert await reader.run(whats_selected(), 5.0) == bytes.fromhex("6A82")  # nothing: the reset came first
    assert machine.commands == 3


async def test_a_dialogue_given_up_sends_no_further_command(slot: VpcdSlot, reader: PcscReader) -> None:
    go_on = threading.Event()
    machine = card()

    def slow() -> Dialogue[None]:
        yield bytes.fromhex("00A40000023F00")
        go_on.wait(5.0)
        yield bytes.fromhex("00A40000023F00")
        yield bytes.fromhex("00A40000023F00")

    await insert(slot, reader, machine)
    with pytest.raises(ReaderTimeout):
        await reader.run(slow(), 0.2)
    go_on.set()
    assert (await read(reader)).certno
    assert machine.commands == 1 + 4


async def test_a_bug_in_a_dialogue_ends_that_dialogue_only(slot: VpcdSlot, reader: PcscReader) -> None:
    def broken() -> Dialogue[None]:
        yield bytes.fromhex("00A40000023F00")
        raise ZeroDivisionError

    await insert(slot, reader, card())
    with pytest.raises(ZeroDivisionError):
        await reader.run(broken(), 5.0)
    assert (await read(reader)).certno


async def test_closing_ends_both_threads_and_a_closed_reader_says_so(pcscd: PcscdInstance) -> None:
    async with leaks_nothing():
        reader = PcscReader(READER)
        await reader.open()
        await seen(reader, present=False)
        await reader.close()
        await reader.close()
    with pytest.raises(NoReader):
        await read(reader)


async def test_the_probe_sees_the_readers_or_the_missing_service(stopped_pcscd: PcscdInstance) -> None:
    absent = await probe_service()
    assert (absent.readers, absent.fault) == ((), "no_service")
    assert absent.what_to_do
    await stopped_pcscd.start()
    assert (await probe_service()).readers == stopped_pcscd.readers


def test_every_fault_says_what_to_do_in_its_own_words() -> None:
    faults: list[type[ReaderFault]] = [
        *(NoService, NoReader, NoCard, MuteCard, CardRemoved, ReaderBusy, ReaderTimeout),
        *(CardReset, ProtocolMismatch, ReaderBroken),
    ]
    assert len({fault.kind for fault in faults}) == len({fault.what_to_do for fault in faults}) == len(faults)


async def test_a_reader_that_is_unplugged_and_plugged_in_again_comes_back_by_itself(
    slot: VpcdSlot, pcscd: PcscdInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F04: the service's list is without it for a while; whoever asks meanwhile is told that it is missing."""
    real = scard.list_readers
    async with PcscReader("PCD 00 00") as reader:
        await insert(slot, reader, card())
        assert (await read(reader)).certno
        for _ in range(3):
            monkeypatch.setattr(scard, "list_readers", lambda _: ())
            gone = await seen(reader, present=False)
            with pytest.raises(NoReader):
                await read(reader)
            fired("F04")
            monkeypatch.setattr(scard, "list_readers", real)
            await seen(reader, present=True, other_than=gone.event_count)
            assert (await read(reader)).certno
