"""The loopback port behaves like the pty pair."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from simulators.held_port import bound
from simulators.links import LinkClosed, NobodyListening, TcpLink


@asynccontextmanager
async def connected(link: TcpLink) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The terminal's end."""
    host, port = link.url.removeprefix("socket://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def test_bytes_go_both_ways_and_reopening_works() -> None:
    async with TcpLink() as link:
        for _ in range(2):
            async with connected(link) as (reader, writer):
                await link.wait_connected()
                await link.write(b"code\r")
                assert await reader.readexactly(5) == b"code\r"
                writer.write(b"answer")
                assert await link.read(100) == b"answer"
            await link.wait_disconnected()


async def test_one_terminal_at_a_time() -> None:
    async with TcpLink() as link, connected(link):
        await link.wait_connected()
        async with connected(link) as (second, _):
            assert await second.read(1) == b""
        assert link.is_connected


async def test_writing_to_nobody_says_so() -> None:
    async with TcpLink() as link:
        with pytest.raises(NobodyListening, match="nobody is connected"):
            await link.write(b"x")


async def test_unplugging_breaks_the_connection_and_plugging_listens_on_the_same_port() -> None:
    async with TcpLink() as link:
        url = link.url
        async with connected(link) as (reader, _):
            await link.wait_connected()
            await link.unplug()
            assert await reader.read(1) == b""
        with pytest.raises(ConnectionRefusedError):
            async with connected(link):
                pass
        await link.plug()
        assert link.url == url
        async with connected(link):
            await link.wait_connected()


async def test_nobody_else_gets_the_port_while_it_is_unplugged() -> None:
    async with TcpLink() as link:
        await link.unplug()
        assert _is_taken(link)
    assert not _is_taken(link)


def _is_taken(link: TcpLink) -> bool:
    try:
        bound("127.0.0.1", int(link.url.rpartition(":")[2]), lingering=False).close()
    except OSError:
        return True
    return False


async def test_a_terminal_that_does_not_read_ends_the_write_by_time() -> None:
    async with TcpLink() as link, connected(link):
        await link.wait_connected()
        with pytest.raises(TimeoutError):
            await link.write(b"x" * 20_000_000, timeout_s=0.05)


async def test_a_device_that_does_not_read_holds_the_terminal_back() -> None:
    async with TcpLink() as link, connected(link) as (_, writer):
        writer.write(b"x" * 1_000_000)
        got = 0
        while got < 1_000_000:
            got += len(await link.read(10_000))
            assert len(link._inbound) <= 64 * 1024 + 256 * 1024
        assert got == 1_000_000


async def test_a_closed_link_ends_a_waiting_read() -> None:
    link = TcpLink()
    await link.open()
    reading = asyncio.create_task(link.read(1))
    await asyncio.sleep(0)
    await link.close()
    with pytest.raises(LinkClosed):
        await reading
    with pytest.raises(LinkClosed):
        await link.write(b"x")
    with pytest.raises(LinkClosed):
        await link.plug()
