"""The plain scanner driver, on lines in memory and on real ptys."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from drivers.interfaces.device_state import DeviceState, DeviceStatus, HasStatus
from drivers.interfaces.scanner import Scan, ScanFault, Scanner
from drivers.scanners.plain import PlainScanner
from drivers.serial.backoff import Backoff
from drivers.serial.errors import PortAbsent, PortUnusable
from drivers.serial.stream import SerialOpener
from protocols.codes.assembler import SuffixMode
from simulators.links import DeviceLink, PtyLink, TcpLink
from simulators.scanner import SimulatedScanner
from tests.drivers.scanners.memory_line import MemoryOpener, MemoryStream
from tests.faults import fired

CERTIFICATE = "4240000000000000001707990000"
TRACE = "89999990000000000017"
EAN = "6901234567892"
GS1 = "01069012345678921728123110LOT17\x1d21S000017"


class Hand:
    """A clock moved by hand, and a record of the pauses asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let others run, nothing more."""
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def running(scanner: PlainScanner) -> AsyncIterator[PlainScanner]:
    """The driver's task, owned by the test."""
    task = asyncio.create_task(scanner.run())
    try:
        yield scanner
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def wait_state(scanner: HasStatus, *states: DeviceState) -> DeviceStatus:
    """The first status with one of these states."""
    async for status in scanner.statuses():
        if status.state in states:
            return status
    raise AssertionError


async def take(scanner: Scanner, count: int) -> list[str | None]:
    """The texts of the next scans, the kinds of faults."""
    found: list[str | None] = []
    async for event in scanner.events():
        found.append(event.text if isinstance(event, Scan) else event.kind)
        if len(found) == count:
            break
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; the time limit of the test ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - the conditions are plain values that announce nothing
        await asyncio.sleep(0)


async def until_closed(line: MemoryStream) -> None:
    """Let the loop turn until the scanner has closed this line."""
    await until(lambda: line.closed)


class TestOnALineInMemory:
    """What arrives, when, is decided to the byte."""

    async def test_the_driver_meets_its_contracts(self) -> None:
        scanner = PlainScanner(MemoryOpener())
        contract: Scanner = scanner
        status: HasStatus = scanner
        assert contract.events() is not None
        assert status.status.reason == "not started"
        assert scanner.status.state is DeviceState.ABSENT

    async def test_a_code_in_any_two_pieces_is_one_scan(self) -> None:
        wire = CERTIFICATE.encode() + b"\r"
        for cut in range(1, len(wire)):
            line = MemoryStream()
            async with running(PlainScanner(MemoryOpener(line))) as scanner:
                line.arrive(b"\r" + wire[:cut])
                line.arrive(wire[cut:])
                assert await take(scanner, 1) == [CERTIFICATE]
                fired("F12")
            assert line.closed

    async def test_unplugged_at_each_byte_of_a_code_no_half_is_used(self) -> None:
        wire = CERTIFICATE.encode()
        for cut in range(1, len(wire) + 1):
            hand = Hand()
            first, second = MemoryStream(), MemoryStream()
            async with running(
                PlainScanner(MemoryOpener(first, second), clock=hand, sleep=hand.sleep)
            ) as scanner:
                await until(lambda: scanner.status.state is DeviceState.OPENING)
                hand.now = 1.0
                first.arrive(b"\r" + wire[:cut])
                first.unplug()
                assert await take(scanner, 1) == ["scan.lost"]
                fired("F11")
                await until_closed(first)
                second.arrive(b"\r" + EAN.encode() + b"\r")
                assert await take(scanner, 1) == [EAN]

    async def test_the_tail_of_a_code_that_began_before_opening_is_not_used(self) -> None:
        hand, line = Hand(), MemoryStream()
        async with running(PlainScanner(MemoryOpener(line), clock=hand)) as scanner:
            line.arrive(EAN.encode()[5:] + b"\r")
            assert await take(scanner, 1) == ["scan.lost"]
            fired("F11")
            assert scanner.status.state is DeviceState.READY
            line.arrive(EAN.encode() + b"\r")
            assert await take(scanner, 1) == [EAN]

    async def test_a_code_left_in_view_is_one_scan(self) -> None:
        hand, line = Hand(), MemoryStream()
        async with running(PlainScanner(MemoryOpener(line), clock=hand)) as scanner:
            line.arrive(b"\r")
            for pause in (0.0, 1.0, 1.0, 1.6):
                hand.now += pause
                line.arrive(EAN.encode() + b"\r")
                await until(line._arrived.empty)
                for _ in range(5):
                    await asyncio.sleep(0)
            line.arrive(TRACE.encode() + b"\r")
            assert await take(scanner, 3) == [EAN, EAN, TRACE]
            fired("F12")

    async def test_a_line_that_never_ends_is_an_overrun_by_length(self) -> None:
        line = MemoryStream()
        async with running(PlainScanner(MemoryOpener(line))) as scanner:
            line.arrive(b"\r" + b"1" * 1000)
            line.arrive(b"2" * 1000 + b"\r" + TRACE.encode() + b"\r")
            assert await take(scanner, 2) == ["scan.overrun", TRACE]
            fired("F19")

    async def test_a_flood_is_bounded_and_the_driver_lives_on(self) -> None:
        line = MemoryStream()
        async with running(PlainScanner(MemoryOpener(line))) as scanner:
            line.arrive(b"\r")
            for _ in range(200):
                line.arrive(bytes(range(256)) * 16)
            for number in range(500):
                line.arrive(b"%013d\r" % number)
            await until(line._arrived.empty)
            line.arrive(b"\r" + TRACE.encode() + b"\r")
            await until(line._arrived.empty)
            for _ in range(5):
                await asyncio.sleep(0)
            found = []
            async for event in scanner.events():
                found.append(event)
                if isinstance(event, Scan) and event.text == TRACE:
                    break
            assert found[0] == ScanFault(kind="scan.dropped")
            assert len(found) == 1 + 64
            fired("F19")

    async def test_time_limits_do_not_cancel_the_read(self) -> None:
        line = MemoryStream()
        async with running(PlainScanner(MemoryOpener(line), SuffixMode.NONE)) as scanner:
            await wait_state(scanner, DeviceState.READY)
            for code in (EAN, TRACE):
                line.arrive(code.encode())
                assert await take(scanner, 1) == [code]
            assert line.cancelled_reads == 0

    async def test_pauses_between_tries_grow_and_are_forgotten_after_a_success(self) -> None:
        hand, line = Hand(), MemoryStream()
        line.arrive(b"\r")
        line.unplug()
        absent = PortAbsent("memory: no such device")
        opener = MemoryOpener(absent, absent, absent, absent, absent, absent, line, absent)
        async with running(PlainScanner(opener, clock=hand, sleep=hand.sleep)) as scanner:
            await until(lambda: len(hand.pauses) == 8)
            assert hand.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 0.5, 1.0]
            assert scanner.status.state in (DeviceState.ABSENT, DeviceState.OPENING)

    async def test_states_tell_absent_from_unusable_with_the_reason(self) -> None:
        hand, line = Hand(), MemoryStream()
        opener = MemoryOpener(
            PortAbsent("memory: no such device"), PortUnusable("memory: in use by another program"), line
        )
        scanner = PlainScanner(opener, clock=hand, sleep=hand.sleep)
        seen: list[tuple[DeviceState, str]] = []

        async def watch() -> None:
            async for status in scanner.statuses():
                seen.append((status.state, status.reason))

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        async with running(scanner):
            line.arrive(b"\r")
            await wait_state(scanner, DeviceState.READY)
            line.unplug()
            await until(lambda: line.closed)
            await asyncio.sleep(0)
        watching.cancel()
        for expected in (
            (DeviceState.ABSENT, "memory: no such device"),
            (DeviceState.FAULT, "memory: in use by another program"),
            (DeviceState.READY, ""),
        ):
            assert expected in seen

    async def test_cancelling_the_driver_closes_the_line_and_leaves_no_task(self) -> None:
        line = MemoryStream()
        before = asyncio.all_tasks()
        async with running(PlainScanner(MemoryOpener(line))) as scanner:
            await wait_state(scanner, DeviceState.READY)
        assert line.closed
        assert asyncio.all_tasks() == before


@pytest.fixture(params=["pty", "tcp"])
async def link(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PtyLink | TcpLink]:
    """The device's end of each kind of wire."""
    made = PtyLink(tmp_path / "scanner") if request.param == "pty" else TcpLink()
    async with made:
        yield made


def on(link: DeviceLink, mode: SuffixMode = SuffixMode.TERMINATED) -> PlainScanner:
    """A driver that comes back quickly."""
    return PlainScanner(SerialOpener(link.url), mode, backoff=Backoff(0.01, 0.02))


class TestOnARealLine:
    """The same on ptys and sockets, with the simulated scanner at the far end."""

    async def test_the_codes_of_a_sale_arrive(self, link: DeviceLink) -> None:
        device = SimulatedScanner(link)
        async with running(on(link)) as scanner:
            await wait_state(scanner, DeviceState.READY)
            await device.scan(EAN, "ean13")
            await device.scan(TRACE, "code128", suffix=b"\r\n")
            await device.scan(GS1, "gs1_datamatrix")
            await device.scan(CERTIFICATE, "qr")
            found = []
            async for event in scanner.events():
                assert isinstance(event, Scan)
                found.append((event.symbology, event.text))
                if len(found) == 4:
                    break
        assert found == [("]E0", EAN), ("]C0", TRACE), ("]d2", GS1), ("]Q1", CERTIFICATE)]

    async def test_split_glued_repeated_and_hostile_scans(self, link: DeviceLink) -> None:
        device = SimulatedScanner(link)
        async with running(on(link)) as scanner:
            await wait_state(scanner, DeviceState.READY)
            await device.scan(CERTIFICATE, split_at=range(1, 29))
            await device.scan_glued(EAN, TRACE)
            await device.scan(GS1, times=3)
            await device.scan(b"\x1b]0;title\x07\x1b[2J", "qr")
            await device.scan("https://example.invalid/$(reboot)", "qr")
            assert await take(scanner, 6) == [
                CERTIFICATE,
                EAN,
                TRACE,
                GS1,
                "]0;title[2J",
                "https://example.invalid/$(reboot)",
            ]
            fired("F12", 3)  # split, glued, repeated
            fired("F13", 2)

    async def test_a_device_without_suffix(self, link: DeviceLink) -> None:
        device = SimulatedScanner(link, suffix=b"")
        async with running(on(link, SuffixMode.NONE)) as scanner:
            await wait_state(scanner, DeviceState.READY)
            await device.scan(EAN)
            assert await take(scanner, 1) == [EAN]
            await device.scan(TRACE)
            assert await take(scanner, 1) == [TRACE]

    async def test_nothing_is_sent_back_to_the_scanner(self, link: DeviceLink) -> None:
        device = SimulatedScanner(link)
        async with running(on(link)) as scanner:
            await wait_state(scanner, DeviceState.READY)
            await device.scan(CERTIFICATE)
            await take(scanner, 1)
            listening = asyncio.create_task(link.read(100))
            await asyncio.sleep(0)
            assert not listening.done()
            listening.cancel()

    async def test_unplugged_inside_a_code_and_replugged_no_half_is_used(self, link: DeviceLink) -> None:
        """Bytes in flight may be lost with the cable, so the fault is told or not; half a code never is."""
        device = SimulatedScanner(link)
        async with running(on(link)) as scanner:
            for sent_bytes in (1, 13, 28):
                await wait_state(scanner, DeviceState.READY)
                await device.unplug_inside(CERTIFICATE, sent_bytes)
                assert (await wait_state(scanner, DeviceState.ABSENT)).reason
                fired("F11")
                await link.plug()
                await wait_state(scanner, DeviceState.READY)
                await device.scan(f"{EAN}{sent_bytes}")
                found = await take(scanner, 1)
                if found == ["scan.lost"]:
                    found = await take(scanner, 1)
                assert found == [f"{EAN}{sent_bytes}"]

    async def test_a_device_plugged_in_late_is_found(self, link: DeviceLink) -> None:
        await link.unplug()
        async with running(on(link)) as scanner:
            await wait_state(scanner, DeviceState.ABSENT)
            await link.plug()
            await wait_state(scanner, DeviceState.READY)
            await SimulatedScanner(link).scan(EAN)
            assert await take(scanner, 1) == [EAN]
