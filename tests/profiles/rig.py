"""A hub that speaks one profile, on real sockets, and counters that speak the same one, or another.

The loop is fast (see `tests.terminal.fast_loop`), so quiet minutes are not waited for. Keys are HMAC-SM3 unless a test asks
for SM2. A counter's line keeps whatever crosses it.
"""

import asyncio
import contextlib
import random
import shutil
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from drivers.http.transport import HttpTransport
from drivers.interfaces.hub_transport import RawAnswer
from protocols.hub.envelope import decode_request
from protocols.hub.gateway import Credentials
from protocols.hub.packing import packing_of
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.hub.signing import is_bound_by_content
from protocols.secret import Secret
from simulators.hub.faults import parse_fault
from simulators.people import load_people
from simulators.serve import SimulatedWorld, build_world, serve_world
from simulators.world import load_world
from terminal.building import Parts, build_counter
from terminal.core.events import MediumGiven
from terminal.core.states import State
from terminal.core.values import Medium, Settlement
from terminal.counter.counter import Counter
from terminal.counter.wishes import DiseaseWish, LineWish, SaleWish
from terminal.counter.workroom import Phase
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.thread import InlineJournal
from terminal.journal.vault import Vault
from terminal.journal.verify import verify_journal
from tests.terminal.clinic.clinic import CLINIC, DIABETES, STORY, window_config
from tests.terminal.harness import INSTITUTION, PILLS, MacKey, MemoryPrinter, counter_config
from tests.terminal.over_sockets import LoopClock

PHARMACY = INSTITUTION
CREDENTIALS = Credentials(
    account=Secret("demo-ak"),
    secret=Secret("demo-secret"),
    username=Secret("demo-user"),
    password=Secret("demo-password"),
    client_id=Secret("demo-client-0001"),
    client_secret=Secret("demo-client-secret"),
)
"""TEST ONLY; what every gateway of these tests knows."""
_PEOPLE = tuple(load_people())
_PLACES = load_world()


def profile_of(text: str) -> Profile:
    """The profile of a few lines of TOML, everything else as in the default one."""
    return parse_profile(text, "x.toml")


class Crossed(NamedTuple):
    """One exchange as it crossed the line."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: RawAnswer

    @property
    def envelope(self) -> Any:
        """The request's JSON, as it travelled."""
        return msgspec.json.decode(self.body)

    @property
    def answered(self) -> Any:
        """The answer's JSON, as it travelled."""
        return msgspec.json.decode(self.answer.body)


class Line:
    """A `HubTransport` that keeps what crosses it."""

    def __init__(self, inner: HttpTransport, profile: Profile, credentials: Credentials) -> None:
        self._inner = inner
        self._packing = packing_of(profile, credentials)
        self.crossed: list[Crossed] = []

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        answer = await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        self.crossed.append(Crossed(path, dict(headers), body, answer))
        return answer

    async def close(self) -> None:
        """See `HubTransport`."""
        await self._inner.close()

    def of(self, infno: str) -> list[Crossed]:
        """The answered exchanges of one transaction, by the number on the wire, oldest first."""
        return [one for one in self.crossed if b'"infno":"%s"' % infno.encode() in one.body]

    def inputs(self, infno: str) -> list[Any]:
        """The plain inputs of one transaction."""
        bodies = [self._packing.plain_request(one.body) for one in self.of(infno)]
        return [msgspec.json.decode(decode_request(body).input) for body in bodies]

    def outputs(self, infno: str) -> list[Any]:
        """The plain outputs of one transaction."""
        return [
            msgspec.json.decode(self._packing.plain_answer(one.answer.body))["output"]
            for one in self.of(infno)
        ]


class Hub:
    """One hub on sockets; counters come to it."""

    def __init__(
        self, world: SimulatedWorld, endpoints: Mapping[str, str], clock: LoopClock, trust: ssl.SSLContext | None
    ) -> None:  # fmt: skip
        self.world = world
        self.endpoints = endpoints
        self.clock = clock
        self.trust = trust

    def arm(self, fault: str, infno: str) -> None:
        """Let a fault hit the next message of a transaction, by the number on the wire."""
        self.world.hub.arm(parse_fault(fault), infno)

    def balance_fen(self, who: str) -> int:
        """Somebody's personal account in the hub's books."""
        return self.world.ledger.balance(self.world.person(who).psn_no)

    def live_fen(self) -> list[int]:
        """The totals of the settlements that stand in the books."""
        return [record.result.total_fen for record in self.world.ledger.live_settlements()]

    @contextlib.asynccontextmanager
    async def counter(
        self, folder: Path, profile: Profile, credentials: Credentials = CREDENTIALS, institution: str = PHARMACY
    ) -> AsyncIterator["Till"]:  # fmt: skip
        """A counter of that institution which speaks `profile` to this hub."""
        till = Till(self, folder, profile, credentials, institution)
        await till.start()
        try:
            yield till
        finally:
            await till.stop()


@contextlib.asynccontextmanager
async def hub_of(
    profile: Profile,
    credentials: Credentials = CREDENTIALS,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
) -> AsyncIterator[Hub]:
    """A hub of that profile; `tls` = what the server serves with and what counters trust."""
    clock = LoopClock()
    world = build_world(
        seed=1, profile=profile, signer=MacKey("hub"), people=_PEOPLE, world=_PLACES, credentials=credentials
    )
    server, trust = tls or (None, None)
    async with serve_world(world, clock=clock.now, tls=server) as running:
        yield Hub(world, running.endpoints, clock, trust)


class Till:
    """One counter and its disk. It can be killed and started again."""

    def __init__(
        self, hub: Hub, folder: Path, profile: Profile, credentials: Credentials, institution: str
    ) -> None:
        self.hub = hub
        self.profile = profile
        self.institution = institution
        self._folder = folder
        self._credentials = credentials
        self._key = MacKey(f"terminal {institution}")
        self._vault = Vault(bytes(16), random.Random(1).randbytes)
        self._starts = 0
        self.printer = MemoryPrinter()
        self.counter: Counter
        self.line: Line
        self.journal: Journal
        hub.world.keys.register(institution, "", self._key)

    @property
    def _path(self) -> Path:
        return self._folder / f"{self.institution}-{self._starts}.db"

    async def start(self) -> None:
        """Start on the disk as it is; returns when sales are taken."""
        clock, endpoints = self.hub.clock, self.hub.endpoints
        alone = is_bound_by_content(self.profile)
        self.line = Line(
            HttpTransport(endpoints["hub"], self.hub.trust, one_request_per_connection=alone),
            self.profile,
            self._credentials,
        )
        self._centre = HttpTransport(endpoints["certificate_centre"], self.hub.trust)
        self.journal = open_journal(str(self._path), self._vault, f"boot {self._starts}", clock.now())
        parts = Parts(
            clock=clock, random=random.Random(self._starts), sleep=clock.sleep, journal=InlineJournal(self.journal),
            vault=self._vault, hub_transport=self.line, centre_transport=self._centre, signer=self._key,
            verifier=MacKey("hub"), printer=self.printer, scanner=None, items={}, credentials=self._credentials,
        )  # fmt: skip
        self.counter = build_counter(self._config(), self.profile, parts)
        self._running = asyncio.ensure_future(self.counter.run())
        while self.counter.phase is not Phase.READY and not self._running.done():
            await clock.sleep(0.1)

    def _config(self) -> Any:
        if self.institution.startswith("P"):
            return counter_config()
        return window_config(self.hub.world.world.institutions[self.institution])

    async def stop(self) -> None:
        """End in order."""
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self.line.close()
        await self._centre.close()
        self.journal.close()

    async def kill(self) -> None:
        """Take the disk as it is at this moment and start again from it, as after `kill -9`."""
        self._keep_what_is_on_disk()
        await self.stop()
        await self.start()

    def _keep_what_is_on_disk(self) -> None:
        before = self._path
        self._starts += 1
        for suffix in ("", "-wal"):
            if Path(f"{before}{suffix}").exists():
                shutil.copyfile(f"{before}{suffix}", f"{self._path}{suffix}")

    # -- what people do -----------------------------------------------------------------------------

    async def priced(self, number: str, who: str = "jia", *lines: LineWish) -> Settlement:
        """A sale by e-certificate that only has to be confirmed."""
        opened = await self.counter.sales.open(SaleWish(number, lines or (PILLS,)), "till", "")
        code = self.hub.world.phone.issue(self.hub.world.person(who), self.hub.clock.now())
        return await self.counter.media.give_code(opened.id, code)

    async def visit(self, number: str, who: str = "yi", disease: DiseaseWish = DIABETES) -> Settlement:
        """A visit by social-security card that only has to be confirmed."""
        opened = await self.counter.sales.open(SaleWish(number, STORY, flow="clinic_visit"), "front desk", "")
        person = self.hub.world.person(who)
        assert person.card is not None
        number_on_card = Secret(person.card.number)
        medium = Medium(
            "03", number_on_card, Secret(person.card.identification_code), Secret(person.certno), Secret(person.name)
        )  # fmt: skip
        arrived = await self.counter.settlements.post(opened.id, MediumGiven(medium), "card reader")
        return await self.counter.sales.pick_disease(arrived.id, disease) if arrived.filings else arrived

    async def confirm(self, settlement: Settlement) -> Settlement:
        """The person agrees."""
        return await self.counter.sales.confirm(settlement.id, "T01")

    async def closed(self, settlement: Settlement) -> Settlement:
        """The slip is out and the till has taken note."""
        await self.until(settlement, State.CONFIRMED, State.DELIVERED)
        await self.counter.sales.acknowledge(settlement.id, "T01")
        return await self.until(settlement, State.CLOSED)

    async def until(self, settlement: Settlement, *states: State) -> Settlement:
        """Wait until a settlement is in one of these states and no slip of it waits."""
        for _ in range(3000):
            now = await self.counter.settlements.get(settlement.id)
            if now.state in states and not self.journal.receipts.unfinished():
                return now
            await self.hub.clock.sleep(1.0)
        raise AssertionError(f"still {now.state}, not {states}")

    def assert_books_agree(self) -> None:
        """This institution's settlements at the hub are those of the journal, and the journal verifies."""
        booked = set()
        for row in self.journal.settlements.recent(1000):
            sent = [one for one in self.journal.attempts.of(row.id) if one.purpose == "SETTLE"]
            assert len(sent) <= 1
            if row.state in (State.CONFIRMED, State.DELIVERED, State.CLOSED):
                booked.add(sent[0].msgid)
        live = self.hub.world.ledger.live_settlements()
        assert booked == {record.msgid for record in live if record.fixmedins_code == self.institution}
        report = verify_journal(str(self._path), self._vault)
        assert report.ok, report.findings


__all__ = [
    "CLINIC",
    "CREDENTIALS",
    "PHARMACY",
    "Crossed",
    "Hub",
    "Line",
    "Till",
    "hub_of",
    "profile_of",
]
