"""The simulated scanner and the terminal are different processes with nothing between them but the path."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from drivers.interfaces.device_state import DeviceState
from drivers.interfaces.scanner import Scan
from drivers.scanners.plain import PlainScanner
from drivers.serial.backoff import Backoff
from drivers.serial.stream import SerialOpener

PROGRAM = """
import asyncio, sys
from pathlib import Path
from simulators.links import PtyLink
from simulators.scanner import SimulatedScanner

async def main():
    async with PtyLink(Path(sys.argv[1])) as link:
        scanner = SimulatedScanner(link)
        print("up", flush=True)
        while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if command == "replug":
                await link.unplug()
                await link.plug()
            else:
                await scanner.scan(command, "qr")
            print("done", flush=True)

asyncio.run(main())
"""


async def test_codes_of_another_process_arrive_also_after_replugging(tmp_path: Path) -> None:
    path = tmp_path / "scanner"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    scanner = PlainScanner(SerialOpener(str(path)), backoff=Backoff(0.01, 0.02))
    driving = asyncio.create_task(scanner.run())
    try:
        statuses = scanner.statuses()
        events = scanner.events()
        for code in ("4240000000000000001707990000", "4240000000000000002707990000"):
            async for status in statuses:
                if status.state is DeviceState.READY:
                    break
            process.stdin.write(f"{code}\n".encode())
            event = await anext(events)
            assert isinstance(event, Scan)
            assert (event.symbology, event.text) == ("]Q1", code)
            process.stdin.write(b"replug\n")
            async for status in statuses:
                if status.state is DeviceState.ABSENT:
                    break
        process.stdin.write(b"\n")
        assert await process.wait() == 0
    finally:
        driving.cancel()
        with suppress(asyncio.CancelledError):
            await driving
        if process.returncode is None:
            process.kill()
            await process.wait()
