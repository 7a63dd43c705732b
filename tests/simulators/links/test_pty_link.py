"""The pty pair survives everything a terminal does to its end."""

import asyncio
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulators.links import LinkClosed, NobodyListening, PtyLink


@contextmanager
def opened(path: Path | str) -> Iterator[int]:
    """The terminal's end, raw as a serial library makes it."""
    slave = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(slave)
        yield slave
    finally:
        os.close(slave)


async def read_all(slave: int, count: int) -> bytes:
    """Exactly `count` bytes from the terminal's end."""
    data = b""
    loop = asyncio.get_running_loop()
    while len(data) < count:
        ready = asyncio.Event()
        loop.add_reader(slave, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(slave)
        data += os.read(slave, 4096)
    return data


async def test_bytes_go_both_ways_unchanged(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "scanner") as link:
        with opened(link.url) as slave:
            await link.wait_connected()
            await link.write(bytes(range(256)))
            assert await read_all(slave, 256) == bytes(range(256))
            os.write(slave, b"\r\n\x03\x04\x11\x13")
            assert await link.read(100) == b"\r\n\x03\x04\x11\x13"


async def test_opening_closing_and_opening_again_is_seen(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "scanner") as link:
        assert not link.is_connected
        for _ in range(3):
            with opened(link.url) as slave:
                await link.wait_connected()
                await link.write(b"x")
                assert await read_all(slave, 1) == b"x"
            await link.wait_disconnected()


async def test_writing_to_nobody_says_so(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "scanner") as link:
        with pytest.raises(NobodyListening, match="nobody has"):
            await link.write(b"x")


async def test_nothing_is_echoed_even_before_the_terminal_sets_its_mode(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "scanner") as link:
        slave = os.open(link.url, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            await link.wait_connected()
            await link.write(b"code\r")
            assert await read_all(slave, 5) == b"code\r"
            os.write(slave, b"answer")
            assert await link.read(100) == b"answer"
        finally:
            os.close(slave)


async def test_what_the_terminal_wrote_before_closing_still_arrives(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "printer") as link:
        with opened(link.url) as slave:
            await link.wait_connected()
            os.write(slave, b"last words")
        assert await link.read(100) == b"last words"
        await link.wait_disconnected()


async def test_unplugging_ends_the_terminals_end_and_plugging_gives_a_new_one_at_the_same_path(
    tmp_path: Path,
) -> None:
    async with PtyLink(tmp_path / "scanner") as link:
        with opened(link.url) as old:
            await link.wait_connected()
            await link.unplug()
            assert not link.is_connected
            with pytest.raises(FileNotFoundError):
                os.readlink(link.url)
            assert os.read(old, 1) == b""
        await link.plug()
        with opened(link.url) as new:
            await link.wait_connected()
            await link.write(b"again")
            assert await read_all(new, 5) == b"again"


async def test_a_waiting_read_lives_through_replugging_and_ends_with_the_link(tmp_path: Path) -> None:
    link = PtyLink(tmp_path / "printer")
    await link.open()
    reading = asyncio.create_task(link.read(100))
    await link.unplug()
    await link.plug()
    with opened(link.url) as slave:
        await link.wait_connected()
        os.write(slave, b"job")
        assert await reading == b"job"
    reading = asyncio.create_task(link.read(100))
    await asyncio.sleep(0)
    await link.close()
    with pytest.raises(LinkClosed):
        await reading
    with pytest.raises(LinkClosed):
        await link.write(b"x")
    with pytest.raises(LinkClosed):
        await link.plug()
    await link.close()


async def test_a_terminal_that_does_not_read_ends_the_write_by_time(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "scanner") as link:
        with opened(link.url):
            await link.wait_connected()
            with pytest.raises(TimeoutError):
                await link.write(b"x" * 1_000_000, timeout_s=0.05)


async def test_a_write_that_waits_ends_when_the_terminal_closes(tmp_path: Path) -> None:
    async with PtyLink(tmp_path / "scanner") as link:
        with opened(link.url):
            await link.wait_connected()
            writing = asyncio.create_task(link.write(b"x" * 1_000_000))
            await asyncio.sleep(0)
        with pytest.raises(NobodyListening):
            await writing


async def test_a_device_that_does_not_read_holds_the_terminal_back(tmp_path: Path) -> None:
    """At most 64 KiB and one read are kept here; the kernel keeps some more, then the terminal's write would block."""
    async with PtyLink(tmp_path / "printer") as link:
        with opened(link.url) as slave:
            await link.wait_connected()
            sent = 0
            for _ in range(1000):
                try:
                    sent += os.write(slave, b"x" * 4096)
                except BlockingIOError:
                    if link._reading_paused:
                        break
                await asyncio.sleep(0)
            assert 64 * 1024 <= len(link._inbound) < 64 * 1024 + 4096
            got = 0
            while got < sent:
                got += len(await link.read(10_000))
            assert got == sent


async def test_a_stale_link_is_replaced_but_a_file_is_left_alone(tmp_path: Path) -> None:
    stale = tmp_path / "stale"
    stale.symlink_to("/nowhere/at/all")
    async with PtyLink(stale) as link:
        assert os.readlink(link.url).startswith("/dev/")
    assert not stale.is_symlink()
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(FileExistsError, match="left alone"):
        await PtyLink(file).open()
    assert file.read_text() == "precious"
