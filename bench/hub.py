"""How many requests the simulated hub answers on one core, beside what its own SM2 allows there.

Ours is the whole hub in a process that stays on one core: HTTP, envelope, signature of the request verified, field
tables, benefit engine, ledger on disk with every answer behind the commit that holds it, answer signed. The requests
were signed beforehand and the other core sends them, a few connections at once, as a city's tills do. The floor is one
verification and one signature over the very bytes of those requests and answers, on the hub's core while the hub has
nothing to do. Both run in turn.
"""

import asyncio
import datetime as dt
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from yarl import URL

from bench import city_hub, tills
from bench.city_hub import CityHub
from bench.result import Result
from bench.tills import Ready, Till
from protocols.gm.sm2 import PrivateKey
from protocols.hub.sign_in import SignIn, SignInInput
from protocols.wire_time import WIRE_ZONE
from simulators.hub.keys import Sm2Verifier
from simulators.people import Person, load_people

NAME = "hub request (simulator)"
PROMISED_SHARE = 0.6
ROUNDS = 24
SALES_PER_ROUND = 48
FLOOR_ROUNDS = 48
CONNECTIONS = 16


class Cost(msgspec.Struct, frozen=True):
    """One request's cost on the hub's core."""

    elapsed_ms: float
    processor_ms: float
    """Without waiting: for the disk, and for other programs on that core."""


class Floor(msgspec.Struct, frozen=True):
    """One message's two SM2 operations: what is verified of the request, what is signed of the answer."""

    covered: bytes
    signature: bytes
    answer: bytes


class Wire:
    """One connection to the hub, as bare as it goes: the far core must not be the slower one."""

    def __init__(self, url: URL, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._head = f"POST {url.raw_path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
        self._reader, self._writer = reader, writer

    def packed(self, body: bytes) -> bytes:
        """Return a request as it goes over the wire."""
        return f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def post(self, packed: bytes) -> bytes:
        """Send and return the body of the answer. Raises RuntimeError for anything but 200."""
        self._writer.write(packed)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode("latin-1"))
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        return await self._reader.readexactly(int(length))

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        await self._writer.wait_closed()


async def connect(url: URL) -> Wire:
    """Open one connection."""
    return Wire(url, *await asyncio.open_connection(url.host, url.port))


async def sign_in(wire: Wire, till: Till, at: dt.datetime) -> None:
    """9001."""
    content = SignInInput(
        sign_in=SignIn(operator_no=till.place.operator, mac="00-00-00-00-00-01", ip="192.0.2.1")
    )
    sent = till.ready("9001", content, at)
    till.sign_no = till.output(sent, await wire.post(wire.packed(sent.body)))["signinoutb"]["sign_no"]


def sale(till: Till, person: Person, at: dt.datetime, quantity: int) -> list[Ready]:
    """Make the three requests of one purchase ready."""
    insured = person.enrolment[0].division
    bought = tills.purchase(person, at, quantity, "1")
    return [
        till.ready("1101", tills.who(person), at),
        till.ready("2101", bought, at, insured),
        till.ready("2102", bought, at, insured),
    ]


def local_customers() -> list[Person]:
    """Return everybody whose first enrolment is at the place of the pharmacies and in force."""
    return [
        person
        for person in load_people()
        if person.enrolment[0].active and person.enrolment[0].division == tills.DIVISION
    ]


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Stay on one core inside the block; nothing happens where the machine has only one."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def floor_cost(keys: tuple[PrivateKey, Sm2Verifier], messages: Sequence[Floor]) -> Cost:
    """Cost of one verification and one signature, over the messages in turn."""
    signing_key, verifier = keys
    start, processor_start = time.perf_counter(), time.thread_time()
    for message in itertools.islice(itertools.cycle(messages), FLOOR_ROUNDS):
        if not verifier.verify(message.covered, message.signature):
            raise RuntimeError("a signature of ours does not verify; the floor would mean nothing")
        signing_key.sign(message.answer)
    took_s, used_s = time.perf_counter() - start, time.thread_time() - processor_start
    return Cost(took_s * 1000 / FLOOR_ROUNDS, used_s * 1000 / FLOOR_ROUNDS)


async def load_cost(hub: CityHub, wires: Sequence[Wire], requests: Sequence[bytes]) -> Cost:
    """Cost of one request while all connections are busy."""
    left = iter(requests)

    async def keep_busy(wire: Wire) -> None:
        for packed in left:
            answer = await wire.post(packed)
            if b'"infcode":0,' not in answer:
                raise RuntimeError(f"the hub refused: {answer.decode()}")

    start, processor_start = time.perf_counter(), hub.processor_s
    await asyncio.gather(*map(keep_busy, wires))
    took_s, used_s = time.perf_counter() - start, hub.processor_s - processor_start
    return Cost(took_s * 1000 / len(requests), used_s * 1000 / len(requests))


async def measure(ledger: Path, rounds: int = ROUNDS, sales: int = SALES_PER_ROUND) -> Result:
    """Measure with the hub's books at `ledger`."""
    cores = sorted(os.sched_getaffinity(0))
    hub_core, own_core = (cores[-1], cores[0]) if len(cores) > 1 else (None, None)
    async with city_hub.running(ledger, hub_core) as hub:
        with on_core(own_core):
            ours, floor = await _rounds(hub, hub_core, rounds, sales)
    # The quieter half of the rounds counts, by both sides together: what else runs on the machine meets a round's two sides
    # in different moments.
    quiet = sorted(zip(ours, floor, strict=True), key=lambda one: one[0].elapsed_ms + one[1].elapsed_ms)
    quiet = quiet[: max(1, rounds // 2)]
    elapsed, sm2 = (median(pair[side].elapsed_ms for pair in quiet) for side in (0, 1))
    processor, sm2_processor = (median(pair[side].processor_ms for pair in quiet) for side in (0, 1))
    shares = sorted(floor.elapsed_ms / ours.elapsed_ms for ours, floor in quiet)
    note = (
        f"{1000 / elapsed:,.0f} requests/s of 1101, 2101 and 2102 over HTTP with the ledger on disk, {sm2 / elapsed:.0%} of"
        f" the {1000 / sm2:,.0f}/s that verifying and signing alone would allow (promised {PROMISED_SHARE:.0%}); in the"
        f" {len(quiet)} quieter of {rounds} rounds {shares[0]:.0%} to {shares[-1]:.0%}; by processor time, without waiting"
        f" for the disk or for other programs, {sm2_processor / processor:.0%}"
    )
    return Result(NAME, elapsed, sm2, 1 / PROMISED_SHARE, note)


async def _rounds(
    hub: CityHub, hub_core: int | None, rounds: int, sales: int
) -> tuple[list[Cost], list[Cost]]:
    url = URL(hub.url)
    now = dt.datetime.now(WIRE_ZONE)
    hub_key = Sm2Verifier(bytes.fromhex(hub.hub_public_point))
    found = [Till(pharmacy, pharmacy.counter[0], hub_key) for pharmacy in tills.pharmacies(tills.city())]
    wires = [await connect(url) for _ in range(CONNECTIONS)]
    for till in found:
        await sign_in(wires[0], till, now)
    everybody = local_customers()
    messages = await _recorded(wires[0], found[0], everybody[0], now)
    keys = tills.till_key(found[0].institution, found[0].place), _verifier(found[0])
    ours, floor = [], []
    for _ in range(rounds):
        packed = [
            wires[0].packed(request.body)
            for number in range(sales)
            for request in sale(
                found[number % len(found)], everybody[number % len(everybody)], now, 1 + number % 5
            )
        ]
        with on_core(hub_core):
            before = floor_cost(keys, messages)
        ours.append(await load_cost(hub, wires, packed))
        with on_core(hub_core):
            after = floor_cost(keys, messages)
        floor.append(
            Cost(
                (before.elapsed_ms + after.elapsed_ms) / 2,
                (before.processor_ms + after.processor_ms) / 2,
            )
        )
    for wire in wires:
        await wire.close()
    return ours, floor


def _verifier(till: Till) -> Sm2Verifier:
    return Sm2Verifier(tills.till_key(till.institution, till.place).public_key.point)


async def _recorded(wire: Wire, till: Till, person: Person, now: dt.datetime) -> list[Floor]:
    """Make one purchase for real and keep what is verified and what is signed in it."""
    kept = []
    for sent in sale(till, person, now, 1):
        body = await wire.post(wire.packed(sent.body))
        till.output(sent, body)
        kept.append(Floor(sent.covered, sent.signature, till.answer_covered(sent, body)))
    return kept


def run() -> list[Result]:
    """Measure in a folder of its own."""
    with TemporaryDirectory(prefix="yibao-bench-") as folder:
        return [asyncio.run(measure(Path(folder, "ledger.db")))]
