"""A device that comes back under another number is found by its stable name."""

import os
from pathlib import Path

from drivers.interfaces.device_state import DeviceState
from drivers.scanners.plain import PlainScanner
from drivers.serial.backoff import Backoff
from drivers.serial.stream import SerialOpener
from protocols.codes.assembler import SuffixMode
from simulators.links import PtyLink
from simulators.scanner import SimulatedScanner
from tests.drivers.scanners.test_plain import EAN, running, take, wait_state
from tests.faults import fired


async def test_a_scanner_that_comes_back_under_another_number_goes_on(tmp_path: Path) -> None:
    """Fault F14: somebody else has the old number meanwhile; the name under which it is configured is the same."""
    async with PtyLink(tmp_path / "usb-Maker_Scanner_0017-if00") as link:
        opener = SerialOpener(link.url)
        scanner = PlainScanner(opener, SuffixMode.TERMINATED, backoff=Backoff(0.01, 0.02))
        async with running(scanner):
            await wait_state(scanner, DeviceState.READY)
            before = os.readlink(link.url)
            await link.unplug()
            await wait_state(scanner, DeviceState.ABSENT)
            async with PtyLink(tmp_path / "another-device"):  # takes the number that has become free
                await link.plug()
                assert os.readlink(link.url) != before
                fired("F14")
                await wait_state(scanner, DeviceState.READY)
                await SimulatedScanner(link).scan(EAN)
                assert await take(scanner, 1) == [EAN]
