"""The queue is bounded, and says when it has lost something."""

import asyncio

from drivers.interfaces.scanner import Scan, ScanFault
from drivers.scanners.event_queue import CAPACITY, EventQueue


def scan(number: int) -> Scan:
    """A scan that can be told from others."""
    return Scan(payload=b"%d" % number, text=str(number), symbology="", dropped_control_bytes=0)


async def test_events_come_out_in_order() -> None:
    queue = EventQueue()
    queue.put(scan(1))
    queue.put(ScanFault(kind="scan.lost"))
    assert await queue.get() == scan(1)
    assert await queue.get() == ScanFault(kind="scan.lost")


async def test_a_waiting_consumer_is_woken_and_a_cancelled_one_loses_nothing() -> None:
    queue = EventQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    queue.put(scan(1))
    assert await queue.get() == scan(1)


async def test_a_full_queue_drops_the_oldest_and_says_so_once() -> None:
    queue = EventQueue()
    for number in range(CAPACITY + 10):
        queue.put(scan(number))
    assert await queue.get() == ScanFault(kind="scan.dropped")
    assert await queue.get() == scan(10)


def test_a_scan_shows_nothing_of_its_code() -> None:
    code = Scan(
        payload=b"4240000000000000001707990000",
        text="4240000000000000001707990000",
        symbology="]Q1",
        dropped_control_bytes=0,
    )
    assert repr(code) == str(code) == "Scan(28 bytes, symbology=']Q1')"
