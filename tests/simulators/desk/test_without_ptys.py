"""A machine without pseudo-terminals: scanner and printer listen on loopback ports, and the terminal opens those."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from simulators.control import ScanOrder
from simulators.desk.desk import Desk


async def test_devices_fall_back_to_loopback_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more() -> tuple[int, int]:
        raise OSError(errno.ENOENT, "out of pty devices")

    monkeypatch.setattr(os, "openpty", no_more)
    async with Desk.open(tmp_path) as desk:
        assert desk.view().scanner.path.startswith("socket://127.0.0.1:")
        assert desk.view().printer.path.startswith("socket://127.0.0.1:")
        port = int(desk.view().scanner.path.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await desk.scan(ScanOrder("6901234567892"))
        assert await reader.readuntil(b"\r") == b"6901234567892\r"
        writer.close()
        await writer.wait_closed()


async def test_a_file_in_the_way_is_no_reason_to_fall_back(tmp_path: Path) -> None:
    (tmp_path / "scanner").write_text("somebody's file")
    with pytest.raises(FileExistsError):
        async with Desk.open(tmp_path):
            pass
