"""F40-F51 against the real transport over real sockets: what a spoiled line can make it say, and what never.

It says an answer only when a whole one came; *not sent* only when the server got no byte of the request; everything
else is *no answer*, within its time and with a bounded body. And whatever happens it sends once.
"""

import asyncio
import gc
import ssl
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from drivers.http.tls import client_context
from drivers.http.transport import MAX_BODY_BYTES, HttpTransport
from drivers.interfaces.hub_transport import NoAnswer, NotSent, RawAnswer
from simulators.certificates import SimulatedAuthority, server_context
from simulators.chaos.faults import Plan
from simulators.chaos.proxy import ChaosProxy
from tests.faults import fired
from tests.simulators.chaos.echo import Echo, answer_to, echo

BODY = '{"infno":"2102","input":{"data":{"psn_name":"测试甲"}}}'.encode()
HEADERS = {"Content-Type": "application/json"}
WHOLE = len(answer_to(BODY))
QUICK_S = 0.15
LONG_S = 20.0


@pytest.fixture
async def hub() -> AsyncIterator[Echo]:
    async with echo() as server:
        yield server


@pytest.fixture
async def proxy(hub: Echo) -> AsyncIterator[ChaosProxy]:
    async with ChaosProxy("127.0.0.1", hub.port) as proxy:
        yield proxy


@pytest.fixture
async def transport(proxy: ChaosProxy) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(f"http://127.0.0.1:{proxy.port}")
    yield transport
    await transport.close()


async def post(transport: HttpTransport, body: bytes = BODY, total_s: float = LONG_S) -> RawAnswer:
    """Send once."""
    return await transport.post("/hub", body, HEADERS, 5.0, total_s)


async def no_answer(transport: HttpTransport, total_s: float = LONG_S) -> str:
    """Send once, get no answer; return the reason."""
    with pytest.raises(NoAnswer) as silent:
        await post(transport, total_s=total_s)
    return silent.value.reason


async def test_an_untouched_line_brings_the_answer(
    transport: HttpTransport, proxy: ChaosProxy, hub: Echo
) -> None:
    answer = await post(transport)
    assert (answer.status, answer.body) == (200, BODY)
    assert (hub.requests, proxy.answer_bytes) == ([BODY], WHOLE)


# -- F43, F51: cut at every byte -------------------------------------------------------------------


@pytest.mark.parametrize("how", ["", " reset"])
async def test_an_answer_cut_at_any_byte_is_no_answer(
    how: str, transport: HttpTransport, proxy: ChaosProxy, hub: Echo
) -> None:
    for at in range(WHOLE):
        proxy.order(f"cut-answer {at}{how}")
        assert await no_answer(transport) in ("disconnected", "broken"), at
        fired("F43")
    assert hub.requests == [BODY] * WHOLE, "the hub got each message, and once"
    proxy.order(f"cut-answer {WHOLE}")
    assert (await post(transport)).body == BODY


@pytest.mark.parametrize("how", ["", " reset"])
async def test_a_request_cut_at_any_byte_is_no_answer_too(
    how: str, transport: HttpTransport, proxy: ChaosProxy, hub: Echo
) -> None:
    """Bytes were handed to the kernel: the terminal cannot know how far they came."""
    await post(transport)
    length = proxy.request_bytes
    for at in range(0, length, 5):
        proxy.order(f"cut-request {at}{how}")
        assert await no_answer(transport) in ("disconnected", "broken"), at
        fired("F51")
    assert hub.requests == [BODY]


# -- F49, F41: late, slow, silent ------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        "delay-answer 5",
        "delay-request 5",
        "stall 0",
        "stall 20",
        f"stall {WHOLE - 1}",
        "trickle 1",
        "trickle 0.05 1",
    ],
)
async def test_a_line_that_is_too_slow_ends_with_the_total_limit(
    fault: str, transport: HttpTransport, proxy: ChaosProxy
) -> None:
    """Also when something keeps coming: the limit is for the whole answer, not for a pause in it."""
    proxy.order(fault)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert await no_answer(transport, total_s=QUICK_S) == "timeout"
    fired("F49")
    assert QUICK_S <= loop.time() - began_s < QUICK_S + 2.0


async def test_a_slow_answer_inside_the_limit_is_an_answer(
    transport: HttpTransport, proxy: ChaosProxy
) -> None:
    proxy.order("trickle 0.001 9")
    assert (await post(transport)).body == BODY


async def test_an_answer_that_comes_after_the_limit_is_nobodys(
    transport: HttpTransport, proxy: ChaosProxy, hub: Echo
) -> None:
    proxy.order("delay-answer 0.3")
    assert await no_answer(transport, total_s=QUICK_S) == "timeout"
    assert (await post(transport, b'{"next":1}')).body == b'{"next":1}'
    assert proxy.connections == 2
    assert hub.requests == [BODY, b'{"next":1}']
    fired("F41")


# -- F40, F42: twice, swapped ----------------------------------------------------------------------


async def test_a_duplicated_answer_never_answers_the_next_request(
    transport: HttpTransport, proxy: ChaosProxy, hub: Echo
) -> None:
    for number in range(5):
        proxy.order("duplicate-answer")
        first, second = b'{"n":%d}' % number, b'{"m":%d}' % number
        assert (await post(transport, first)).body == first
        assert (await post(transport, second)).body == second
        fired("F40")
    assert len(hub.requests) == 10


async def test_swapped_answers_arrive_swapped(transport: HttpTransport, proxy: ChaosProxy) -> None:
    """A transport cannot see it: the signature over our message id can."""
    proxy.order("swap x2")
    answers = await asyncio.gather(post(transport, b'{"a":1}'), post(transport, b'{"b":2}'))
    assert sorted(answer.body for answer in answers) == [b'{"a":1}', b'{"b":2}']
    assert answers[0].body == b'{"b":2}'
    fired("F42")


# -- F48, F55: somebody else's answer --------------------------------------------------------------


async def test_a_page_is_handed_on_unjudged(transport: HttpTransport, proxy: ChaosProxy) -> None:
    proxy.order("replace html before")
    answer = await post(transport)
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert b"<html>" in answer.body
    fired("F48")


async def test_a_character_set_that_nobody_knows_leaves_the_bytes_alone(
    transport: HttpTransport, proxy: ChaosProxy
) -> None:
    proxy.order("replace charset")
    answer = await post(transport)
    assert answer.content_type == "application/json"
    assert "余额不足".encode("gb18030") in answer.body
    fired("F48")


async def test_an_empty_answer_is_an_answer(transport: HttpTransport, proxy: ChaosProxy) -> None:
    proxy.order("replace empty")
    assert (await post(transport)).body == b""


@pytest.mark.parametrize(
    ("what", "reasons"),
    [
        ("huge", {"too_large"}),
        ("endless", {"too_large"}),
        ("gzip-bomb", {"broken"}),
        ("garbage", {"broken"}),
        ("continue", {"broken", "disconnected"}),
    ],
)
async def test_an_answer_without_measure_is_dropped_before_it_fills_the_memory(
    what: str, reasons: set[str], transport: HttpTransport, proxy: ChaosProxy
) -> None:
    await post(transport)
    proxy.order(f"replace {what}")
    tracemalloc.start()
    try:
        assert await no_answer(transport) in reasons
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The body grows in steps of an eighth; beside it stand what the reader holds and a piece of the proxy.
    assert peak < MAX_BODY_BYTES * 5 // 4
    assert proxy.answer_bytes < 4 * MAX_BODY_BYTES, "the line was cut, not read to the end"
    fired("F48")


# -- F51, F50: nobody there ------------------------------------------------------------------------


async def test_a_refused_connection_is_proved_not_sent(
    transport: HttpTransport, proxy: ChaosProxy, hub: Echo
) -> None:
    await proxy.refuse()
    with pytest.raises(NotSent) as refused:
        await post(transport)
    assert refused.value.reason == "refused"
    assert hub.received == 0
    fired("F51")
    await proxy.listen()
    assert (await post(transport)).body == BODY


async def test_a_kept_connection_that_is_reset_under_the_request_is_never_called_unsent(
    transport: HttpTransport, proxy: ChaosProxy, hub: Echo
) -> None:
    await post(transport)
    proxy.order("cut-request 0 reset")
    assert await no_answer(transport) == "disconnected"
    assert (proxy.connections, hub.requests) == (1, [BODY])
    fired("F51")


# -- by chance -------------------------------------------------------------------------------------


# A connection that the kernel has accepted in the instant its listener closes never gets a transport that could
# close it: the test's own two servers leave such sockets behind when their callers give up after 0.15 s.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_chance_brings_there_are_three_ways_to_end(seed: int, hub: Echo) -> None:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    plan = Plan(seed=seed, rate=0.7)
    sent = 0
    async with ChaosProxy("127.0.0.1", hub.port, plan, sleep=at_once) as proxy:
        transport = HttpTransport(f"http://127.0.0.1:{proxy.port}")
        try:
            for number in range(60):
                body, before = b'{"n":%d}' % number, len(hub.requests)
                try:
                    answer = await post(transport, body, total_s=QUICK_S)
                    sent += 1
                    assert answer.body == body or proxy.fired[-1].fault.kind == "replace"
                except NoAnswer:
                    sent += 1
                except NotSent:
                    assert len(hub.requests) == before
                assert hub.requests.count(body) <= 1
        finally:
            await transport.close()
    gc.collect()
    assert sent > 20
    assert len({fired.fault.kind for fired in proxy.fired}) >= 6


# -- the same under TLS ----------------------------------------------------------------------------


class Certified:
    """A server's context and the trust that goes with it."""

    def __init__(self, authority: SimulatedAuthority) -> None:
        self.server = server_context(authority.issue())
        self.trust = client_context(authority.file)


@pytest.fixture
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return Certified(SimulatedAuthority(tmp_path_factory.mktemp("authority")))


async def under_tls(port: int, trust: ssl.SSLContext, orders: list[str], proxy: ChaosProxy) -> list[str]:
    """For each order: one request that is answered, then one on the same connection that meets the order."""
    reasons = []
    for order in orders:
        transport = HttpTransport(f"https://127.0.0.1:{port}", trust)
        try:
            assert (await post(transport)).body == BODY
            proxy.order(order)
            reasons.append(await no_answer(transport, total_s=LONG_S if "cut" in order else QUICK_S))
        finally:
            await transport.close()
    return reasons


async def test_tls_records_cut_anywhere_are_no_answer(certified: Certified) -> None:
    async with echo(certified.server) as hub, ChaosProxy("127.0.0.1", hub.port) as proxy:
        orders = [f"cut-answer {at}{how}" for at in range(0, WHOLE, 23) for how in ("", " reset")]
        orders += [f"cut-request {at}" for at in (0, 1, 100)]
        reasons = await under_tls(proxy.port, certified.trust, orders, proxy)
        assert set(reasons) <= {"disconnected", "broken"}
        assert (
            await under_tls(proxy.port, certified.trust, ["stall 30", "trickle 1"], proxy) == ["timeout"] * 2
        )
    assert set(hub.requests) == {BODY}


@pytest.mark.parametrize(
    "order", ["cut-answer 0", "cut-answer 200 reset", "cut-request 30", "replace garbage"]
)
async def test_a_handshake_that_fails_is_proved_not_sent(order: str, certified: Certified) -> None:
    async with echo(certified.server) as hub, ChaosProxy("127.0.0.1", hub.port) as proxy:
        proxy.order(order)
        transport = HttpTransport(f"https://127.0.0.1:{proxy.port}", certified.trust)
        with pytest.raises(NotSent) as unsent:
            await post(transport)
        assert unsent.value.reason in ("tls", "unreachable")
        assert (hub.received, hub.requests) == (0, [])
        fired("F51")
        assert (await post(transport)).body == BODY
        await transport.close()


async def test_a_handshake_that_stalls_runs_into_the_limit_for_connecting(certified: Certified) -> None:
    async with echo(certified.server) as hub, ChaosProxy("127.0.0.1", hub.port) as proxy:
        proxy.order("stall 100")
        transport = HttpTransport(f"https://127.0.0.1:{proxy.port}", certified.trust)
        with pytest.raises(NotSent) as unsent:
            await transport.post("/hub", BODY, HEADERS, QUICK_S, LONG_S)
        assert (unsent.value.reason, hub.requests) == ("connect_timeout", [])
        fired("F49")
        await transport.close()


async def test_a_proxy_that_ends_tls_itself_replaces_answers_under_it(certified: Certified) -> None:
    async with (
        echo(certified.server) as hub,
        ChaosProxy("127.0.0.1", hub.port, near=certified.server, far=certified.trust) as proxy,
    ):
        transport = HttpTransport(f"https://127.0.0.1:{proxy.port}", certified.trust)
        proxy.order('replace html if "infno":"2102"')
        assert (await post(transport, b"{}")).body == b"{}"
        assert (await post(transport)).content_type == "text/html"
        fired("F48")
        proxy.order("replace endless")
        assert await no_answer(transport) == "too_large"
        await transport.close()
