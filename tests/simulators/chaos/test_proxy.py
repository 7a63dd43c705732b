"""The proxy passes bytes untouched unless it was told otherwise, and then does exactly that: over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from simulators.chaos.faults import CutAnswer, Plan, Stall, parse_script
from simulators.chaos.proxy import ChaosProxy, Fired
from simulators.held_port import bound
from tests.simulators.chaos.echo import Echo, answer_to, echo

LIMIT_S = 5.0


def request(body: bytes) -> bytes:
    """A request on the wire."""
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Caller:
    """One plain connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, body: bytes) -> bytes:
        """Send a request and read as many bytes as its answer should have; fewer when the line ends."""
        self.writer.write(request(body))
        return await self.read(len(answer_to(body)))

    async def read(self, count: int) -> bytes:
        """Read `count` bytes, or what comes before the end."""
        async with asyncio.timeout(LIMIT_S):
            try:
                return await self.reader.readexactly(count)
            except asyncio.IncompleteReadError as ended:
                return ended.partial

    async def rest(self) -> bytes:
        """Read until the line ends in order."""
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.read()


@contextlib.asynccontextmanager
async def calling(proxy: ChaosProxy) -> AsyncIterator[Caller]:
    """A connection to the proxy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


@pytest.fixture
async def target() -> AsyncIterator[Echo]:
    async with echo() as server:
        yield server


@pytest.fixture
async def proxy(target: Echo) -> AsyncIterator[ChaosProxy]:
    async with ChaosProxy("127.0.0.1", target.port) as proxy:
        yield proxy


async def test_without_orders_bytes_pass_untouched_both_ways(proxy: ChaosProxy, target: Echo) -> None:
    body = bytes(range(256)) * 2000
    async with calling(proxy) as caller:
        for _ in range(3):
            assert await caller.ask(body) == answer_to(body)
    assert target.requests == [body] * 3
    assert proxy.request_bytes == target.received == 3 * len(request(body))
    assert proxy.answer_bytes == 3 * len(answer_to(body))
    assert (proxy.exchanges, proxy.connections, proxy.fired) == (3, 1, [])


@pytest.mark.parametrize("at", [0, 1, 17, 60])
async def test_an_answer_ends_after_exactly_that_byte(proxy: ChaosProxy, target: Echo, at: int) -> None:
    proxy.arm(CutAnswer(at))
    async with calling(proxy) as caller:
        caller.writer.write(request(b"{}"))
        assert await caller.rest() == answer_to(b"{}")[:at]
    assert target.requests == [b"{}"]
    assert proxy.fired == [Fired(1, 1, CutAnswer(at))]


async def test_an_answer_may_end_by_a_reset(proxy: ChaosProxy) -> None:
    proxy.order("cut-answer 10 reset")
    async with calling(proxy) as caller:
        caller.writer.write(request(b"{}"))
        with pytest.raises(ConnectionResetError):
            await caller.rest()


@pytest.mark.parametrize("at", [0, 1, 40])
async def test_a_request_ends_after_exactly_that_byte(proxy: ChaosProxy, target: Echo, at: int) -> None:
    proxy.order(f"cut-request {at}")
    async with calling(proxy) as caller:
        caller.writer.write(request(b"{}"))
        assert await caller.rest() == b""
    assert proxy.request_bytes == at
    assert target.requests == []


async def test_after_a_stall_the_line_stays_and_says_nothing(proxy: ChaosProxy) -> None:
    proxy.arm(Stall(5))
    async with calling(proxy) as caller:
        caller.writer.write(request(b"{}"))
        assert await caller.read(5) == answer_to(b"{}")[:5]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await caller.reader.read(1)


async def test_delays_and_trickles_wait_by_the_clock_that_was_handed_in(target: Echo) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    plan = Plan(parse_script("delay-request 3\ndelay-answer 4\ntrickle 1\ntrickle 2 50"))
    async with ChaosProxy("127.0.0.1", target.port, plan, sleep=sleep) as proxy, calling(proxy) as caller:
        for _ in range(4):
            assert await caller.ask(b"{}") == answer_to(b"{}")
    length = len(answer_to(b"{}"))
    assert waited[:2] == [3.0, 4.0]
    assert waited[2 : 2 + length] == [1.0] * length
    assert len(waited[2 + length :]) <= 2


async def test_a_duplicated_answer_comes_twice(proxy: ChaosProxy, target: Echo) -> None:
    proxy.order("duplicate-answer")
    async with calling(proxy) as caller:
        caller.writer.write(request(b"{}"))
        assert await caller.read(2 * len(answer_to(b"{}"))) == answer_to(b"{}") * 2
        assert await caller.ask(b"[]") == answer_to(b"[]")
    assert target.requests == [b"{}", b"[]"]


async def test_two_answers_change_places(proxy: ChaosProxy) -> None:
    proxy.order("swap x2")
    async with calling(proxy) as one, calling(proxy) as other:
        first, second = await asyncio.gather(one.ask(b"{1}"), other.ask(b"{2}"))
    assert (first, second) == (answer_to(b"{2}"), answer_to(b"{1}"))


@pytest.mark.parametrize("before", [False, True])
async def test_another_answer_takes_the_place_of_the_targets(
    proxy: ChaosProxy, target: Echo, before: bool
) -> None:
    proxy.order("replace html before" if before else "replace html")
    async with calling(proxy) as caller:
        caller.writer.write(request(b"{}"))
        told = await caller.rest()
    assert told.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"text/html" in told
    assert target.requests == ([] if before else [b"{}"])


async def test_an_order_may_wait_for_its_words(proxy: ChaosProxy, target: Echo) -> None:
    """Also when they come in pieces: an order that asks for words sees the whole request first."""
    proxy.order('cut-answer 0 if "2102"')
    async with calling(proxy) as caller:
        assert await caller.ask(b'"1101"') == answer_to(b'"1101"')
        whole = request(b'"2102"')
        for start in range(0, len(whole), 7):
            caller.writer.write(whole[start : start + 7])
            await caller.writer.drain()
        assert await caller.rest() == b""
    assert target.requests == [b'"1101"', b'"2102"']
    assert [fired.exchange for fired in proxy.fired] == [2]


async def test_a_proxy_that_refuses_refuses_until_it_listens_again(proxy: ChaosProxy) -> None:
    async with calling(proxy) as caller:
        assert await caller.ask(b"{}") == answer_to(b"{}")
        await proxy.refuse()
        with pytest.raises(ConnectionResetError):
            await caller.rest()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    port = proxy.port
    with pytest.raises(OSError, match="in use"):
        bound("127.0.0.1", port, lingering=False)
    await proxy.listen()
    assert proxy.port == port
    async with calling(proxy) as caller:
        assert await caller.ask(b"{}") == answer_to(b"{}")


async def test_it_may_go_away_for_a_while_after_an_answer(target: Echo) -> None:
    back = asyncio.Event()

    async def sleep(_: float) -> None:
        await back.wait()

    plan = Plan(parse_script("refuse 9"))
    async with ChaosProxy("127.0.0.1", target.port, plan, sleep=sleep) as proxy:
        async with calling(proxy) as caller:
            assert await caller.ask(b"{}") == answer_to(b"{}")
            with contextlib.suppress(ConnectionResetError):
                assert await caller.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        back.set()
        async with asyncio.timeout(LIMIT_S):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    async with calling(proxy) as caller:
                        assert await caller.ask(b"{}") == answer_to(b"{}")
                        break
                await asyncio.sleep(0)


async def test_a_target_that_is_away_ends_the_line(proxy: ChaosProxy, target: Echo) -> None:
    async with ChaosProxy("127.0.0.1", 1) as lonely, calling(lonely) as caller:
        with contextlib.suppress(ConnectionResetError):
            assert await caller.rest() == b""


async def test_whoever_asked_is_told_of_every_fault(target: Echo) -> None:
    told: asyncio.Queue[Fired] = asyncio.Queue()
    plan = Plan(parse_script("stall 0"))
    async with (
        ChaosProxy("127.0.0.1", target.port, plan, tell=told.put_nowait) as proxy,
        calling(proxy) as caller,
    ):
        caller.writer.write(request(b"{}"))
        async with asyncio.timeout(LIMIT_S):
            assert await told.get() == Fired(1, 1, Stall(0))
