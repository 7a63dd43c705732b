"""The card's end of the vpcd wire, against a peer that plays vpcd's part and against the real one."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from simulators.cards import CardMachine
from simulators.reader import PcscdInstance, PcscdUnavailable, SlotUnavailable, Tear, TearPoint, VpcdSlot
from simulators.reader.pcscd_wire import NotAnswering, reader_names
from tests.protocols.cards.helpers import persona_image


class Vpcd:
    """vpcd's side: speaks first, two-byte length before everything."""

    def __init__(self) -> None:
        self._links: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a card's connection."""
        self._writers.append(writer)
        await self._links.put((reader, writer))

    async def card(self) -> None:
        """Wait for the next card."""
        self._reader, self._writer = await self._links.get()

    async def say(self, payload: str, *, in_pieces: bool = False) -> None:
        """Send one message."""
        raw = bytes.fromhex(payload)
        for piece in (
            [len(raw).to_bytes(2, "big"), raw]
            if not in_pieces
            else [b"\0", bytes([len(raw)]), raw[:1], raw[1:]]
        ):
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0)

    async def hear(self) -> str | None:
        """Read one message; None when the card hangs up."""
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            length = int.from_bytes(await self._reader.readexactly(2), "big")
            return (await self._reader.readexactly(length)).hex().upper()
        return None

    async def aclose(self) -> None:
        """Give every connection back."""
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def hang_up(self) -> None:
        """End the link, as pcscd does when it stops."""
        self._writer.close()


@pytest.fixture
async def peer() -> AsyncIterator[tuple[Vpcd, int]]:
    """A vpcd of our own and its port."""
    vpcd = Vpcd()
    server = await asyncio.start_server(vpcd.accepted, "127.0.0.1", 0)
    yield vpcd, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    await vpcd.aclose()


def yi() -> CardMachine:
    """The card of 测试乙."""
    return CardMachine(persona_image("yi"))


async def test_only_the_atr_and_commands_are_answered(peer: tuple[Vpcd, int]) -> None:
    vpcd, port = peer
    machine = yi()
    async with VpcdSlot(port) as slot:
        await slot.insert(machine)
        await vpcd.card()
        for control in ("01", "00", "02"):
            await vpcd.say(control)
        await vpcd.say("04")
        assert await vpcd.hear() == machine.atr.hex().upper()
        await vpcd.say("0084000008", in_pieces=True)
        assert len(await vpcd.hear() or "") == 20
    assert await vpcd.hear() is None


async def test_power_cycles_reset_the_card_and_atr_polls_do_not(peer: tuple[Vpcd, int]) -> None:
    vpcd, port = peer
    async with VpcdSlot(port) as slot:
        await slot.insert(yi())
        await vpcd.card()
        await vpcd.say("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")
        assert await vpcd.hear() == "6118"
        await vpcd.say("04")
        await vpcd.hear()
        await vpcd.say("00B2072C0B")
        assert await vpcd.hear() == "0709543030303030303238" + "9000"
        await vpcd.say("02")
        await vpcd.say("00B2072C0B")
        assert await vpcd.hear() == "6A82"


@pytest.mark.parametrize(
    ("point", "executed", "raw"),
    [
        (TearPoint.BEFORE, 1, b""),
        (TearPoint.INSIDE, 2, b"\x00\x02"),
        (TearPoint.ONE_BYTE, 2, b"\x00"),
        (TearPoint.AFTER, 2, b"\x00\x02\x90\x00"),
    ],
)
async def test_a_tear_happens_where_it_was_asked_for(
    peer: tuple[Vpcd, int], point: TearPoint, executed: int, raw: bytes
) -> None:
    vpcd, port = peer
    machine = yi()
    async with VpcdSlot(port) as slot:
        await slot.insert(machine, Tear(1, point))
        await vpcd.card()
        await vpcd.say("00A40000")
        assert await vpcd.hear() == "9000"
        await vpcd.say("00A40000")
        assert await vpcd._reader.read() == raw
        assert machine.commands == executed
        assert slot.card is None


async def test_the_card_stays_in_while_the_service_restarts(peer: tuple[Vpcd, int]) -> None:
    vpcd, port = peer
    machine = yi()
    async with VpcdSlot(port) as slot:
        await slot.insert(machine)
        await vpcd.card()
        vpcd.hang_up()
        await vpcd.card()
        await vpcd.say("04")
        assert await vpcd.hear() == machine.atr.hex().upper()
        assert slot.card is machine


async def test_an_empty_message_ends_the_link(peer: tuple[Vpcd, int]) -> None:
    vpcd, port = peer
    async with VpcdSlot(port) as slot:
        await slot.insert(yi())
        await vpcd.card()
        await vpcd.say("")
        assert await vpcd.hear() is None
        await vpcd.card()  # and the card comes back


async def test_without_a_service_the_slot_is_unavailable() -> None:
    with pytest.raises(SlotUnavailable, match=r"port 1$"):
        await VpcdSlot(1).insert(yi(), timeout_s=0.05)


async def test_two_instances_run_side_by_side_with_their_own_readers(
    pcscd: PcscdInstance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with PcscdInstance(tmp_path_factory.mktemp("second")) as second:
        assert not set(second.ports) & set(pcscd.ports)
        assert max(second.ports) < 32768
        for instance in (pcscd, second):
            assert await reader_names(instance.socket_path) == instance.readers
    assert await reader_names(pcscd.socket_path) == pcscd.readers
    with pytest.raises(NotAnswering):
        await reader_names(second.socket_path)


async def test_a_busy_port_is_seen_because_the_readers_are_missing(
    stopped_pcscd: PcscdInstance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await stopped_pcscd.start()
    rival = PcscdInstance(tmp_path_factory.mktemp("rival"), stopped_pcscd.port)
    with pytest.raises(PcscdUnavailable, match="without its readers"):
        await rival.start()
    assert rival.pid is None


async def test_it_restarts_on_the_same_socket_and_ports(pcscd: PcscdInstance) -> None:
    before = pcscd.socket_path, pcscd.ports
    await pcscd.restart()
    assert (pcscd.socket_path, pcscd.ports) == before
    pcscd.suspend()
    with pytest.raises(NotAnswering):
        await reader_names(pcscd.socket_path, 0.1)
    await pcscd.stop()  # also while it hangs
    assert pcscd.pid is None


async def test_it_ends_with_the_process_that_started_it(
    pcscd_parts: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("orphan")
    program = (
        "import asyncio, os, pathlib, sys\n"
        "from simulators.reader import PcscdInstance\n"
        "async def main():\n"
        "    await PcscdInstance(pathlib.Path(sys.argv[1])).start()\n"
        "    os._exit(9)\n"  # as a crash would, with nobody to stop it
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(folder))
    assert await parent.wait() == 9
    async with asyncio.timeout(3):
        while True:
            try:
                await reader_names(PcscdInstance(folder).socket_path, 0.1)
            except NotAnswering:
                break


def test_a_folder_with_a_long_path_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(PcscdUnavailable, match="too long"):
        PcscdInstance(tmp_path_factory.getbasetemp() / ("x" * 100))
