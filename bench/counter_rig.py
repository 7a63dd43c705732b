"""A real counter in this process, wired as `terminal.app` wires it, with a meter on each thing the floor must repeat.

Journal file, journal thread, SM2 and HTTP are the real ones; hub and certificate centre live in the far end's process.
The meters are passive: one attribute more per call.
"""

import asyncio
import contextlib
import random
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import apsw
import msgspec

from bench.far_end import Addresses
from drivers.clock import SystemClock
from drivers.http.transport import HttpTransport
from drivers.interfaces.hub_transport import RawAnswer
from drivers.interfaces.printer import PrinterStatus, PrintOutcome, PrintResult
from drivers.interfaces.signer import KeyDescription
from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.hub.gateway import Credentials
from protocols.hub.profile import Profile
from terminal.app import load_profile
from terminal.building import Parts, build_counter
from terminal.config import (
    CentreConfig,
    ClinicConfig,
    Config,
    CounterFiles,
    HubConfig,
    InstitutionConfig,
    TerminalConfig,
)
from terminal.core.states import State
from terminal.counter.counter import Counter
from terminal.counter.session import SignInState
from terminal.counter.wishes import LineWish, SaleWish
from terminal.counter.workroom import Phase
from terminal.hub.client import HubClient, Institution, Operator
from terminal.hub.gate import HubGate
from terminal.hub.message_ids import MessageIds
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.thread import JournalThread
from terminal.journal.vault import Vault

PLACE = Institution("P99990000001", "测试大药房一号店", "999900")
CLINIC = Institution("H99990000002", "测试社区诊所", "999900")
DOCTOR = ClinicConfig("D999900000001", "测试医师", "A02", "全科", "A02")
EVERY_SLOT = ""
PERSON = "jia"
LINES = (
    LineWish(
        national_code="XTEST000000000000000D03",
        own_code="SKU0003",
        name="测试降糖片",
        price="0.10",
        quantity="3",
    ),
)
OPERATOR = Operator("T01", "收银终端一")
READY_TIMEOUT_S = 10.0


class Exchange(msgspec.Struct, frozen=True):
    """One request as it left and the answer as it came."""

    request: bytes
    answer: bytes
    far_end_ms: float
    """What the far end says it took."""


class Signed(msgspec.Struct, frozen=True):
    """One call of the terminal's signer (which verifies what it signed)."""

    data: bytes


class Verified(msgspec.Struct, frozen=True):
    """One answer's signature verified."""

    data: bytes
    signature: bytes


class Written(msgspec.Struct, frozen=True):
    """One commit; `body` is every value it bound, one behind the other."""

    body: bytes


Act = Exchange | Signed | Verified | Written


class Record:
    """What the counter did, in its order, while somebody wants to know."""

    def __init__(self) -> None:
        self._acts: list[Act] | None = None
        self.commits = 0
        """Commits of the journal since the start, always counted."""

    def add(self, act: Act) -> None:
        """Keep `act` if somebody wants to know."""
        if self._acts is not None:
            self._acts.append(act)

    @contextlib.contextmanager
    def kept(self) -> Iterator[list[Act]]:
        """Keep what is done inside the block, in the list it gets."""
        acts: list[Act] = []
        self._acts = acts
        try:
            yield acts
        finally:
            self._acts = None


class MeteredTransport:
    """Implements `HubTransport`; adds up the time the far end says it thought."""

    def __init__(self, inner: HttpTransport, record: Record) -> None:
        self._inner = inner
        self._record = record
        self.far_end_ms = 0.0

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport.post`."""
        answer = await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        far_end_ms = self._inner.last_server_timing_ms
        self.far_end_ms += far_end_ms
        self._record.add(Exchange(body, answer.body, far_end_ms))
        return answer

    async def close(self) -> None:
        """See `HubTransport.close`."""
        await self._inner.close()


class MeteredSigner:
    """Implements `Signer`."""

    def __init__(self, inner: SoftwareSigner, record: Record) -> None:
        self._inner = inner
        self._record = record

    @property
    def description(self) -> KeyDescription:
        """The key in use."""
        return self._inner.description

    def sign(self, data: bytes) -> bytes:
        """See `Signer.sign`."""
        self._record.add(Signed(data))
        return self._inner.sign(data)


class MeteredVerifier:
    """Implements `Verifier`."""

    def __init__(self, inner: Sm2Verifier, record: Record) -> None:
        self._inner = inner
        self._record = record

    def verify(self, data: bytes, signature: bytes) -> bool:
        """See `Verifier.verify`."""
        self._record.add(Verified(data, signature))
        return self._inner.verify(data, signature)


class GatedPrinter:
    """A printer that prints at once, but only while the gate is open: paper stays outside of what is measured."""

    columns = 48

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def status(self) -> PrinterStatus:
        """Wait for the gate; all is well behind it."""
        await self.gate.wait()
        return PrinterStatus()

    async def print(self, document: bytes) -> PrintResult:
        """Take any document."""
        return PrintResult(PrintOutcome.PRINTED, PrinterStatus())


class CommitMeter:
    """Counts the commits of one connection and, while asked, keeps what they bound."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._bound = bytearray()
        self.connection: apsw.Connection | None = None

    def attach(self, connection: apsw.Connection) -> None:
        """Watch `connection` (called by `open_journal` in the journal's thread)."""
        self.connection = connection
        connection.set_wal_hook(self._committed)

    def trace(self, journal: Journal) -> None:
        """Keep what is bound from now on; must run in the journal's thread."""
        if self.connection is not None:
            self.connection.exec_trace = self._executed

    def stop_tracing(self, journal: Journal) -> None:
        """Count only, from now on; must run in the journal's thread."""
        if self.connection is not None:
            self.connection.exec_trace = None

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        self._record.commits += 1
        self._record.add(Written(bytes(self._bound)))
        self._bound.clear()
        return apsw.SQLITE_OK

    def _executed(self, cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            for value in bindings if isinstance(bindings, tuple) else ():
                self._bound += _stored(value)
        return True


def _stored(value: object) -> bytes:
    """Return a value as long as SQLite stores it, near enough: text and blobs as they are, numbers in eight bytes."""
    match value:
        case bytes():
            return value
        case str():
            return value.encode()
        case None:
            return b""
        case _:
            return bytes(8)


@dataclass(frozen=True, slots=True)
class Rig:
    """A running counter and its meters."""

    addresses: Addresses
    profile: Profile
    counter: Counter
    journal: JournalThread
    hub: MeteredTransport
    centre: MeteredTransport
    signer: MeteredSigner
    verifier: MeteredVerifier
    printer: GatedPrinter
    record: Record
    commit_meter: CommitMeter
    session: aiohttp.ClientSession
    """For everything that is not measured, and for the floor's posts."""

    def second_hub_client(self) -> HubClient:
        """Return another client of the same hub, with message numbers of its own terminal slot."""
        clock = SystemClock()
        gate = HubGate(self.profile, Credentials(), self.hub, clock, secrets.randbits)
        return HubClient(
            self.profile, PLACE, OPERATOR, self.hub, gate,
            self.signer, self.verifier, MessageIds(PLACE.code, 2, clock, self.journal), clock,
        )  # fmt: skip

    @property
    def far_end_ms(self) -> float:
        """Time hub and centre say they thought, since the start."""
        return self.hub.far_end_ms + self.centre.far_end_ms

    async def fresh_code(self) -> str:
        """Let the customer's phone show a new certificate code."""
        async with self.session.post(
            f"{self.addresses.control}/phone/codes", json={"person": PERSON}
        ) as answer:
            answer.raise_for_status()
            return str((await answer.json())["code"])

    async def open_sale(self, number: int) -> str:
        """Open a sale with its lines and return its id."""
        return (await self.counter.sales.open(SaleWish(f"{number:04d}", LINES), "bench", f"sale {number}")).id

    async def finish(self, settlement_id: str) -> None:
        """Print and acknowledge, so that nothing of this sale is left for the next one."""
        self.printer.gate.set()
        await self.counter.sales.acknowledge(settlement_id, "bench")
        async with asyncio.timeout(READY_TIMEOUT_S):
            async for entry in self.counter.feed.follow(0):
                if entry.settlement_id == settlement_id and entry.state == State.CLOSED:
                    break
        self.printer.gate.clear()

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the file, as the application does when it is idle."""
        await self.journal.call(lambda journal: journal.checkpoint())


@contextlib.asynccontextmanager
async def running_counter(
    addresses: Addresses,
    folder: Path,
    place: Institution = PLACE,
    clinic: ClinicConfig | None = None,
    field_key: bytes | None = None,
) -> AsyncIterator[Rig]:
    """A counter with its journal in `folder`, signed in at the hub of `addresses`.

    `field_key` opens a journal that lies there already.
    """
    key = PrivateKey.generate(secrets.token_bytes)
    record, clock = Record(), SystemClock()
    commit_meter = CommitMeter(record)
    vault = Vault(field_key or secrets.token_bytes(16), secrets.token_bytes)
    config = Config(
        InstitutionConfig(place.code, place.name, place.division),
        TerminalConfig("T01", 1, OPERATOR.number, OPERATOR.name),
        HubConfig(addresses.hub, "hub.pem"),
        CentreConfig(addresses.certificate_centre),
        clinic=clinic or ClinicConfig(),
    )

    def opened() -> Journal:
        return open_journal(
            str(folder / "journal.db"), vault, uuid.uuid4().hex, clock.now(), check=commit_meter.attach
        )

    async with contextlib.AsyncExitStack() as closing:
        session = await closing.enter_async_context(aiohttp.ClientSession())
        await _register(session, addresses, place, key.public_key.point)
        hub = MeteredTransport(HttpTransport(addresses.hub), record)
        closing.push_async_callback(hub.close)
        centre = MeteredTransport(HttpTransport(addresses.certificate_centre), record)
        closing.push_async_callback(centre.close)
        journal = JournalThread(opened)
        await journal.open()
        closing.push_async_callback(journal.close)
        signer = MeteredSigner(SoftwareSigner(key), record)
        verifier = MeteredVerifier(Sm2Verifier(PublicKey(bytes.fromhex(addresses.hub_public_point))), record)
        printer = GatedPrinter()
        profile = await asyncio.to_thread(load_profile, config.hub.profile, CounterFiles(config, folder))
        counter = build_counter(
            config,
            profile,
            Parts(
                clock=clock, random=random.SystemRandom(), sleep=asyncio.sleep, journal=journal, vault=vault, hub_transport=hub,
                centre_transport=centre, signer=signer, verifier=verifier, printer=printer, scanner=None, items={},
            ),
        )  # fmt: skip
        working = asyncio.ensure_future(counter.run())
        try:
            await _ready(counter, working)
            yield Rig(
                addresses, profile, counter, journal, hub, centre, signer, verifier, printer, record, commit_meter, session
            )  # fmt: skip
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _register(
    session: aiohttp.ClientSession, addresses: Addresses, place: Institution, point: bytes
) -> None:
    order = {"institution": place.code, "slot": EVERY_SLOT, "public_point": point.hex()}
    async with session.post(f"{addresses.control}/terminals", json=order) as answer:
        answer.raise_for_status()


async def _ready(counter: Counter, working: "asyncio.Future[None]") -> None:
    async with asyncio.timeout(READY_TIMEOUT_S):
        while counter.phase is not Phase.READY or counter.session.state is not SignInState.SIGNED_IN:
            if working.done():
                working.result()
            await asyncio.sleep(0.005)
