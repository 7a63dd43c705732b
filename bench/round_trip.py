"""One question to the hub (1101: envelope, SM2, authenticity, typed answer) against a bare POST of the same sizes.

Ours is `HubClient.ask` less the time the hub says it thought; the floor sends the same bytes to a server that returns
the recorded answer. Real HTTP to another process on both sides, in turn. Most of the difference is SM2: one signature,
verified before it is used, and the verification of the answer.
"""

import asyncio
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import far_end
from bench.counter_rig import OPERATOR, PERSON, Exchange, Rig, running_counter
from bench.floors import BarePosts
from bench.result import Result
from drivers.clock import SystemClock
from protocols.hub.person import PersonInput, PersonOutput, PersonQuery
from protocols.secret import Secret
from simulators.people import find, load_people
from terminal.core.events import Answered
from terminal.counter.session import HubSession
from terminal.hub.client import HubClient

NAME = "hub round trip"
ROUNDS = 200
WARM_UP = 20
SECONDS_PER_ROUND = 0.015
"""Slower than the message numbers of one terminal allow, 100 in a second."""


def question() -> PersonInput:
    """Who is the holder of this identity number? (medium 02, so that no token runs out while we measure)"""
    person = find(load_people(), PERSON)
    number = Secret(person.certno)
    return PersonInput(
        query=PersonQuery(medium_type="02", medium_no=number, document_type="01", document_no=number)
    )


async def ask(hub: HubClient, content: PersonInput) -> None:
    """Ask once; raises RuntimeError for anything but a typed answer."""
    heard = await hub.ask("1101", content, "")
    if not isinstance(heard, Answered) or not isinstance(heard.output, PersonOutput):
        raise RuntimeError(f"the hub said {heard}; the time would mean nothing")


async def measure(
    folder: Path, rounds: int = ROUNDS, warm_up: int = WARM_UP, seconds_per_round: float = SECONDS_PER_ROUND
) -> Result:
    """Measure with a counter's journal in `folder` (message numbers are reserved in it)."""
    async with far_end.running() as addresses, running_counter(addresses, folder) as rig:
        hub = rig.second_hub_client()
        session = HubSession(rig.profile, hub, OPERATOR, "00-00-00-00-00-00", "127.0.0.1", SystemClock())
        if (trouble := await session.ensure()) is not None:
            raise RuntimeError(f"no sign-in: {trouble}")
        content = await asyncio.to_thread(question)
        exchange = await _recorded(rig, hub, content)
        posts = BarePosts(rig.session, addresses.ready)
        url = await posts.prepare(1, exchange.answer)
        ours_ms, floor_ms = [], []
        for _ in range(warm_up + rounds):
            start, far_before_ms = time.perf_counter(), rig.far_end_ms
            await ask(hub, content)
            ours_ms.append((time.perf_counter() - start) * 1000 - (rig.far_end_ms - far_before_ms))
            start, far_before_ms = time.perf_counter(), posts.far_end_ms
            await posts.post(url, exchange.request)
            floor_ms.append((time.perf_counter() - start) * 1000 - (posts.far_end_ms - far_before_ms))
            await asyncio.sleep(seconds_per_round)
    return Result(
        NAME,
        median(ours_ms[warm_up:]),
        median(floor_ms[warm_up:]),
        None,
        f"1101, {len(exchange.request)} bytes out and {len(exchange.answer)} back, with one signature, verified, and the"
        " answer's verification; against a bare POST of the same bytes",
    )


async def _recorded(rig: Rig, hub: HubClient, content: PersonInput) -> Exchange:
    with rig.record.kept() as acts:
        await ask(hub, content)
    return next(act for act in acts if isinstance(act, Exchange))


def run() -> list[Result]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return [asyncio.run(measure(Path(folder)))]
