"""Scanner and printer on real pseudo-terminals, moved through the control API."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from simulators.control import DeskView, PaperView
from simulators.desk import RunningDesk, serve_desk

LIMIT_S = 5.0


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RunningDesk]:
    """A desk with its control API."""
    async with serve_desk(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def http(desk: RunningDesk) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the control API."""
    async with aiohttp.ClientSession(f"{desk.url.removesuffix('/desk')}/") as session:
        yield session


class _Line:
    """The terminal's end of a pseudo-terminal."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    async def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        loop, data = asyncio.get_running_loop(), b""
        async with asyncio.timeout(LIMIT_S):
            while len(data) < size:
                readable = asyncio.Event()
                loop.add_reader(self._handle, readable.set)
                await readable.wait()
                loop.remove_reader(self._handle)
                data += os.read(self._handle, size - len(data))
        return data

    def write(self, data: bytes) -> None:
        """Send to the device."""
        assert os.write(self._handle, data) == len(data)

    def close(self) -> None:
        """Let go."""
        os.close(self._handle)


async def _view(answer: aiohttp.ClientResponse) -> DeskView:
    assert answer.status == 200, await answer.text()
    return msgspec.json.decode(await answer.read(), type=DeskView)


async def test_a_scan_ordered_over_http_arrives_on_the_line_with_its_symbology(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    line = _Line(desk.scanner)
    try:
        view = await _view(
            await http.post("desk/scanner/scan", json={"text": "6901234567892", "symbology": "ean13"})
        )
        assert await line.read(17) == b"]E06901234567892\r"
        assert view.scanner.connected
    finally:
        line.close()


async def test_a_scan_waits_until_the_terminal_opens_its_end(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    scanning = asyncio.create_task(http.post("desk/scanner/scan", json={"text": "12345", "suffix": ""}))
    line = _Line(desk.scanner)
    try:
        assert await line.read(5) == b"12345"
        assert (await scanning).status == 200
    finally:
        line.close()


async def test_a_scan_that_nobody_listens_to_says_so(http: aiohttp.ClientSession) -> None:
    answer = await http.post("desk/scanner/scan", json={"text": "12345", "wait_s": 0})
    assert answer.status == 409
    assert "scanner" in (await answer.json())["error"]


async def test_an_unplugged_scanner_is_gone_and_comes_back_at_the_same_path(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    assert not (await _view(await http.post("desk/scanner/unplug"))).scanner.plugged
    assert not await asyncio.to_thread(os.path.lexists, desk.scanner)
    assert (await _view(await http.post("desk/scanner/plug"))).scanner.plugged
    assert await asyncio.to_thread(os.path.lexists, desk.scanner)


async def test_what_is_printed_can_be_waited_for_and_read(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    waiting = asyncio.create_task(http.get("desk/papers/1", params={"wait_s": str(LIMIT_S)}))
    line = _Line(desk.printer)
    try:
        line.write("\x1b@小票\n".encode("gb18030") + b"TOTAL 1.00\n\x1dV\x00")
        paper = msgspec.json.decode(await (await waiting).read(), type=PaperView)
    finally:
        line.close()
    assert paper == PaperView(1, "小票\nTOTAL 1.00", (), True)
    last = await (await http.get("desk/papers/last")).read()
    assert msgspec.json.decode(last, type=PaperView) == paper
    assert msgspec.json.decode(await (await http.get("desk/papers")).read(), type=list[PaperView]) == [paper]


async def test_a_printer_without_paper_says_so_and_goes_on_with_a_new_roll(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    assert (await _view(await http.post("desk/printer/paper-out"))).printer.paper_out
    line = _Line(desk.printer)
    try:
        line.write(b"LATE\n\x1dV\x00\x10\x04\x04")
        assert await line.read(1) == b"\x7e"  # DLE EOT 4: paper near end and paper end
        assert (await _view(await http.get("desk"))).printer.printed == 0
        assert not (await _view(await http.post("desk/printer/load"))).printer.paper_out
        assert (await (await http.get("desk/papers/last")).json())["text"] == "LATE"
    finally:
        line.close()


@pytest.mark.parametrize(
    ("there", "back", "fact"),
    [
        ("cover-open", "cover-close", "cover_open"),
        ("offline", "online", "offline"),
        ("jam", "unjam", "cutter_fault"),
        ("mute", "unmute", "muted"),
    ],
)
async def test_what_is_done_to_the_printer_is_seen_and_can_be_undone(
    http: aiohttp.ClientSession, there: str, back: str, fact: str
) -> None:
    assert getattr((await _view(await http.post(f"desk/printer/{there}"))).printer, fact) is True
    assert getattr((await _view(await http.post(f"desk/printer/{back}"))).printer, fact) is False


async def test_a_printer_without_power_forgets_what_it_had_not_printed(http: aiohttp.ClientSession) -> None:
    assert not (await _view(await http.post("desk/printer/power-off"))).printer.powered
    assert (await _view(await http.post("desk/printer/power-on"))).printer.powered


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "desk/printer/dance", b"", 404),
        ("POST", "desk/printer/paper-out", b'{"lines": 3}', 400),
        ("POST", "desk/scanner/scan", b"[]", 400),
        ("POST", "desk/scanner/scan", b'{"text": "1", "wait_s": 0, "symbology": "xyz"}', 400),
        ("GET", "desk/papers/last", b"", 404),
        ("GET", "desk/papers/7", b"", 404),
        ("GET", "desk/papers/7.png", b"", 404),
        ("GET", "desk/papers/1?wait_s=0.01", b"", 409),
    ],
)
async def test_an_order_that_cannot_be_carried_out_says_why(
    http: aiohttp.ClientSession, method: str, path: str, body: bytes, status: int
) -> None:
    answer = await http.request(method, path, data=body)
    assert answer.status == status
    assert (await answer.json())["error"]
