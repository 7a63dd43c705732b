"""A plain pyserial program plays the scanner: a process of its own, a library we do not use for input and output.

The program owns one serial port through pyserial, our driver owns another, and a cable joins them. So neither our
simulator nor our serial library can be right by agreeing with itself.
"""

import asyncio
import os
import sys
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from drivers.interfaces.device_state import DeviceState
from drivers.interfaces.scanner import Scan
from drivers.scanners.plain import PlainScanner
from drivers.serial.backoff import Backoff
from drivers.serial.stream import SerialOpener

PROGRAM = """
import sys
import serial

with serial.Serial(sys.argv[1], 9600, exclusive=True) as port:
    for line in sys.stdin:
        for piece in line.split():
            port.write(bytes.fromhex(piece))
            port.flush()
        print(port.in_waiting, flush=True)
"""


@asynccontextmanager
async def crossed_wires() -> AsyncIterator[tuple[str, str]]:
    """Two serial ports joined by a cable: what goes into one comes out of the other."""
    loop = asyncio.get_running_loop()
    masters, names = [], []
    for _ in range(2):
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        names.append((slave, os.ttyname(slave)))
        masters.append(master)

    def carry(source: int, target: int) -> None:
        os.write(target, os.read(source, 4096))

    loop.add_reader(masters[0], carry, masters[0], masters[1])
    loop.add_reader(masters[1], carry, masters[1], masters[0])
    try:
        yield names[0][1], names[1][1]
    finally:
        for master in masters:
            loop.remove_reader(master)
            os.close(master)
        for slave, _ in names:
            os.close(slave)


async def test_codes_written_by_a_pyserial_program_become_scans() -> None:
    wire = [
        "5d453036393031323334353637383932 0d0a",  # ]E0 6901234567892 CR LF, in two writes
        "34323430303030 303030303030303030303031373037 3939303030300d",  # a certificate code in three writes
        "5d643230313036393031323334353637383932 313732383132333131304c4f543137 1d323153303030303137 0d",  # GS1 with GS
    ]
    async with crossed_wires() as (theirs, ours):
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            theirs,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        scanner = PlainScanner(SerialOpener(ours), backoff=Backoff(0.01, 0.02))
        driving = asyncio.create_task(scanner.run())
        try:
            async for status in scanner.statuses():
                if status.state is DeviceState.READY:
                    break
            program.stdin.write(("\n".join(wire) + "\n").encode())
            found = []
            async for event in scanner.events():
                assert isinstance(event, Scan)
                found.append((event.symbology, event.payload))
                if len(found) == 3:
                    break
            answered = [await program.stdout.readline() for _ in wire]
        finally:
            driving.cancel()
            with suppress(asyncio.CancelledError):
                await driving
            program.stdin.close()
            await program.wait()
    assert found == [
        ("]E0", b"6901234567892"),
        ("", b"4240000000000000001707990000"),
        ("]d2", b"01069012345678921728123110LOT17\x1d21S000017"),
    ]
    assert answered == [b"0\n"] * 3, "a plain scanner must never receive a byte, no echo either"
    assert program.returncode == 0
