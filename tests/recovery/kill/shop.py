"""Everything round a victim: nursery, hub, certificate centre, printer, and the till with what it was told.

The far ends live in the process of the test and outlive every victim; they are the simulators' own objects behind a thin
HTTP shell, which can lose a message, and can kill the victim while it waits for an answer.
"""

import asyncio
import contextlib
import functools
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from pathlib import Path
from random import Random
from types import TracebackType

import msgspec
from aiohttp import web

from drivers.signers import SoftwareKeyStore
from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.gm.sm3 import sm3
from simulators.held_port import HeldPort
from simulators.hub.faults import parse_fault
from simulators.hub.keys import Sm2Signer, Sm2Verifier
from simulators.links import TcpLink
from simulators.people import load_people
from simulators.printer import SimulatedPrinter
from simulators.serve import SimulatedWorld, build_world, shipped_profile
from simulators.world import load_world
from terminal.journal.anchors import Noted
from terminal.journal.vault import Vault
from tests.recovery.kill.till import PAUSE_S, Till, Told
from tests.recovery.kill.victim import FASTER, LAST_WORDS, FastClock, Order
from yibao.client import CounterClient, CounterError
from yibao.simulated.folder import write_file
from yibao.simulated.template import counter_toml, counter_values
from yibao.site.yield_points import Cell

PHARMACY = "P99990000001"
CLINIC = "H99990000002"
PROFILE = """name = "national"
[hub]
total_timeout_s = {timeout_s}
connect_timeout_s = 10
[outcome]
quiet_floor_s = 20
"""
"""The default profile with shorter limits, in the victim's fast seconds: one real second for an answer, or five."""
HASTY_S, PATIENT_S = 20, 100
CUSTOMER = "yi"
"""Insured, with a filed chronic disease: every sale is this person's."""
PASSWORD = b"a password for tests"
CHANGES = frozenset({"2102", "2103", "2201", "2202", "2203A", "2204", "2205", "2207A", "2208", "2601"})
"""Messages that can change the hub: each must be on disk before it leaves."""
DAY_S = 86_400.0
BALANCE_FEN = 100_000_000
START_LIMIT_S = 20.0
DELAY_S = 0.7
"""Real seconds that a delayed answer travels: less than the limit of the victim."""
HOLD_S = 4.5
"""Longest that a held answer is kept back, in real seconds: less than the limit of a patient victim."""
_INFNO = re.compile(rb'\{"infno":"(\w+)"')
_MSGID = re.compile(rb'"msgid":"(\w+)"')
_PEOPLE = tuple(load_people())
_PLACES = load_world()


class Process:
    """One victim."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its wait status, once it has ended."""

    @property
    def alive(self) -> bool:
        """It has not been seen to end."""
        return not self.ended.done()

    def send(self, number: int) -> None:
        """Send a signal; a process that is gone gets none."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The process that forks victims; use it as an asynchronous context manager."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._births: asyncio.Queue[Process] = asyncio.Queue()
        self._victims: dict[int, Process] = {}
        self._reading: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> "Nursery":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.recovery.kill.victim",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reading is not None
        for victim in self._victims.values():
            victim.send(signal.SIGKILL)
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def start(self, order: Order) -> Process:
        """Fork one victim."""
        assert self._process is not None
        assert self._process.stdin is not None
        async with self._turn:
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            return await self._births.get()

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            pid, _, status = line.decode().strip().partition(" ")
            if status:
                self._victims.pop(int(pid)).ended.set_result(int(status))
            else:
                self._victims[int(pid)] = process = Process(int(pid))
                self._births.put_nowait(process)


class Shop:
    """One counter's folder and its far ends, for any number of victims one after the other. Use `Shop.open`."""

    def __init__(self, folder: Path, nursery: Nursery, institution: str, seed: int, timeout_s: int) -> None:
        self.folder = folder
        self.is_clinic = institution == CLINIC
        self.sales = 0
        self.told: dict[str, Told] = {}
        self.arrived: dict[str, tuple[str, bytes]] = {}
        """Message id of everything that reached the hub and can change it, with its number and the hash of its bytes."""
        self.world: SimulatedWorld
        self.printer = SimulatedPrinter(48, keep=100_000)
        self.anchor: Noted | None = None
        """Sequence number and hash of the audit record that the auditor has noted last."""
        self.process: Process | None = None
        self.kills: Counter[Cell] = Counter()
        self._institution = institution
        self._nursery = nursery
        self._rng = Random(f"{seed} {institution}")
        self._seed = seed
        self._timeout_s = timeout_s
        self.let_go = asyncio.Event()
        """Set when the answers that are held may leave."""
        self._opened_s = time.monotonic()
        self._clock = FastClock(self._opened_s)
        self._faults: list[tuple[str, str]] = []
        self._sentence: tuple[Cell, bool] | None = None
        """The waiting cell that the victim is to be killed in, and whether the far end acts first."""
        self._sentences = seed
        self._words = 0
        self._packs = 0
        self._site: web.TCPSite | None = None
        self._runner: web.AppRunner | None = None
        self._place = HeldPort()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        folder: Path,
        nursery: Nursery,
        institution: str = PHARMACY,
        seed: int = 1,
        timeout_s: int = HASTY_S,
    ) -> AsyncIterator["Shop"]:
        """Everything is up but the counter itself."""
        shop = cls(folder, nursery, institution, seed, timeout_s)
        async with contextlib.AsyncExitStack() as stack:
            link = await stack.enter_async_context(TcpLink())
            printing = asyncio.create_task(shop.printer.run(link))
            stack.callback(printing.cancel)
            shop._build_world()
            stack.callback(shop.world.ledger.close)
            stack.callback(shop._place.release)
            await shop._listen()
            assert shop._runner is not None
            stack.push_async_callback(shop._runner.cleanup)
            shop._write_files(link.url)
            try:
                yield shop
            finally:
                await shop.end(signal.SIGKILL)

    def _build_world(self) -> None:
        hub_key = PrivateKey.generate(self._rng.randbytes)
        self.world = build_world(
            seed=self._seed,
            profile=shipped_profile(),
            signer=Sm2Signer(hub_key),
            people=_PEOPLE,
            world=_PLACES,
        )
        person = self.world.person(CUSTOMER)
        self.world.ledger.set_balance(person.psn_no, BALANCE_FEN)

    def _write_files(self, printer_url: str) -> None:
        keys = SoftwareKeyStore(self.folder / "keys", iterations=1)
        write_file(self.folder / "key-password", PASSWORD + b"\n", 0o600)
        key = keys.create(PASSWORD)
        SoftwareKeyStore(self.folder / "audit-keys", iterations=1).create(PASSWORD)
        institution = _PLACES.institutions[self._institution]
        self.world.keys.register(
            self._institution, institution.counter[0].slot, Sm2Verifier(key.public_point)
        )
        url = f"http://{self._place.host}:{self._place.port}"
        addresses = {"hub.url": url, "centre.url": url, "printer.url": printer_url}
        values = {
            **counter_values(institution, "", addresses),
            ("hub", "profile"): "profile.toml", ("items", "file"): "", ("state", "reserve_mb"): 1,
        }  # fmt: skip
        write_file(self.folder / "counter.toml", counter_toml(values).encode())
        write_file(self.folder / "profile.toml", PROFILE.format(timeout_s=self._timeout_s).encode())
        write_file(self.folder / "hub.pem", PublicKey(self.world.signer.description.public_point).to_pem())

    # -- the far ends -----------------------------------------------------------------------------

    async def _listen(self) -> None:
        profile = self.world.profile
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post(profile.hub.path, self._hub)
        app.router.add_post(profile.ecert.url_path, self._centre)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self.hub_up()

    @property
    def hub_port(self) -> int:
        """Where the hub listens, or did."""
        return self._place.port

    @property
    def is_hub_up(self) -> bool:
        """Somebody listens."""
        return self._site is not None

    async def hub_up(self) -> None:
        """The hub's port is open."""
        if self._site is None:
            assert self._runner is not None
            place = self._place.take()
            self._site = web.TCPSite(self._runner, place.host, place.port)
            await self._site.start()

    async def hub_down(self) -> None:
        """Nobody listens, and no connection stands: the next message is proved not sent."""
        site, self._site = self._site, None
        if site is not None:
            assert self._runner is not None
            assert self._runner.server is not None
            await site.stop()
            for connection in list(self._runner.server.connections):
                if connection.transport is not None:
                    connection.transport.close()
            await asyncio.sleep(PAUSE_S)

    def lose(self, kind: str, *transactions: str) -> None:
        """Let a fault meet the next message of each: `request`, `answer`, `delay`, `hold`, or a fault of the hub simulator."""
        if kind == "hold":
            self.let_go.clear()
        self._faults += [(kind, infno) for infno in transactions]

    async def calm(self) -> None:
        """Everything works again."""
        self._faults.clear()
        self._sentence = None
        self.let_go.set()
        self.world.hub.clear()
        self.printer.load_paper()
        self.printer.mute(False)
        await self.hub_up()

    async def _hub(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        found, named = _INFNO.match(body), _MSGID.search(body)
        assert found is not None
        assert named is not None
        infno, msgid = found[1].decode(), named[1].decode()
        fault = next((fault for fault in self._faults if fault[1] == infno), ("", ""))
        if fault[0]:
            self._faults.remove(fault)
        if self._dies_waiting(infno, acted=False) or fault[0] == "request":
            return self._hang_up(request)
        if fault[0] not in ("", "answer", "delay", "hold"):
            self.world.hub.arm(parse_fault(fault[0]), infno)
        answer = self.world.hub.respond(body, self._clock.now()).body
        if infno in CHANGES:
            self.arrived[msgid] = (infno, sm3(body))
        if self._dies_waiting(infno, acted=True) or fault[0] == "answer":
            return self._hang_up(request)
        if fault[0] == "delay":
            await asyncio.sleep(DELAY_S)
        if fault[0] == "hold":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HOLD_S):
                    await self.let_go.wait()
        return web.Response(body=answer, content_type="application/json")

    async def _centre(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self._dies_waiting("ec.query", acted=False):
            return self._hang_up(request)
        answer = self.world.centre.handle(body, self._clock.now())
        if self._dies_waiting("ec.query", acted=True):
            return self._hang_up(request)
        return web.Response(body=answer, content_type="application/json")

    @staticmethod
    def _hang_up(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.close()
        return web.Response()

    def _dies_waiting(self, infno: str, *, acted: bool) -> bool:
        """Kill the victim here if it has said that it waits in a cell it is to die in."""
        self.listen_to_words()
        if self._sentence is None or self.process is None:
            return False
        cell, acts = self._sentence
        if cell.point != f"wait {infno}" or acts is not acted:
            return False
        self._sentence = None
        self.kills[cell] += 1
        self.process.send(signal.SIGKILL)
        return True

    def has_died_in_a_cell(self) -> bool:
        """Since the last time that its words were read."""
        before = self.kills.total()
        self.listen_to_words()
        return self.kills.total() > before

    def listen_to_words(self) -> None:
        """Read what the victim has written down since the last time."""
        try:
            with (self.folder / LAST_WORDS).open("rb") as file:
                file.seek(self._words)
                said = file.read()
        except FileNotFoundError:
            return
        self._words += len(said)
        for line in said.decode().splitlines():
            what, _, cell = line.split(" ", 2)
            if what == "dies":
                self.kills[Cell.parse(cell)] += 1
            else:
                self._sentences += 1
                # Every second time the far end has acted when the victim dies, and every second time it has not.
                self._sentence = (Cell.parse(cell), self._sentences % 2 == 0)

    def pack(self) -> str:
        """The trace code of a pack that was never sold."""
        self._packs += 1
        return f"8999999{self._packs:013d}"

    def code(self) -> str:
        """A code on the customer's phone."""
        return self.world.phone.issue(self.world.person(CUSTOMER), self._clock.now())

    # -- victims ----------------------------------------------------------------------------------

    async def start(self, die_in: Collection[Cell] = (), deed: int = signal.SIGKILL) -> Process:
        """Start a counter on the files as they are, sent to die in the first of these cells, or what the deed is."""
        if self.printer.current.prints:
            self.printer.tear_off()  # what a dead victim left half printed
        order = Order(str(self.folder), self._opened_s, tuple(map(str, die_in)), 1, deed)
        self.process = await self._nursery.start(order)
        return self.process

    async def end(self, number: int) -> int:
        """Send a signal to the victim and wait for its end; returns the wait status."""
        process = self.process
        if process is None:
            return 0
        process.send(number)
        try:
            async with asyncio.timeout(START_LIMIT_S):
                return await asyncio.shield(process.ended)  # a limit must not end the future itself
        except TimeoutError:
            process.send(signal.SIGKILL)
            await process.ended
            raise

    def a_day_passes(self) -> None:
        """The clock of everybody, at the next start, is a day on."""
        self._opened_s -= DAY_S / FASTER
        self._clock = FastClock(self._opened_s)

    async def during(self, work: Callable[[Till], Awaitable[None]], limit_s: float = 150.0) -> bool:
        """Do something at the till; False when the victim died on the way, which must be for the reason it was given.

        Raises TimeoutError when it takes too long, and whatever `work` raises while the victim lives.
        """
        assert self.process is not None
        async with CounterClient(self.folder / "state/api.sock", patience_s=0.0) as client:
            working = asyncio.ensure_future(self._ready_and(work, Till(self, client)))
            dying = self.process.ended
            try:
                async with asyncio.timeout(limit_s):
                    await asyncio.wait((working, dying), return_when=asyncio.FIRST_COMPLETED)
                    if not dying.done() and isinstance(working.exception(), CounterError):
                        await asyncio.wait((dying,), timeout=2.0)  # the till notices first
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            if dying.done():
                self.listen_to_words()
                return False
            working.result()
            return True

    async def _ready_and(self, work: Callable[[Till], Awaitable[None]], till: Till) -> None:
        while True:
            with contextlib.suppress(CounterError):
                if await till.is_served():
                    break
            await asyncio.sleep(PAUSE_S)
        await work(till)

    @functools.cached_property
    def vault(self) -> Vault:
        """The vault of this counter's field key."""
        keys = SoftwareKeyStore(self.folder / "keys").unlock(PASSWORD)
        return Vault(keys.field_key, os.urandom)

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / "state" / "journal.db"

    @property
    def own_ids(self) -> str:
        """How every message id of this counter begins."""
        return self._institution
