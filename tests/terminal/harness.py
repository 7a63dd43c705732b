"""A small world for tests of the money path: a hub, a certificate centre, and counters that come and go on one disk.

Everything is real but the sockets, the keys and the time: the hub simulator with its ledger, the in-memory links with
their faults, the counter as `build_counter` wires it, a journal file. Keys are HMAC-SM3 (deterministic and fast; real
SM2 on request). Time is virtual, so tests are written with the product's own minutes.

    @virtual
    async def test_something(tmp_path):
        shop = Shop(tmp_path)
        till = await shop.start()
        settlement = await till.settle()
        shop.world.hub.arm(parse_fault("lose-answer"), "2103")
        ...
        await till.quiet()
        shop.assert_books_agree(till)
        await till.stop()

A crash: `Watch(stop_at=n)` kills the counter at its n-th point (after a journal write, before and after a message);
`shop.start()` then opens what the disk held at that moment, and nothing else, with a new counter.
"""

import asyncio
import datetime as dt
import functools
import math
import random
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import apsw
import msgspec
import pytest

from drivers.interfaces.card_reader import CardReader
from drivers.interfaces.hub_transport import HubTransport, NoAnswer, NotSent, RawAnswer
from drivers.interfaces.printer import PrinterStatus, PrintOutcome, PrintResult
from drivers.interfaces.scanner import Scanner
from drivers.interfaces.signer import KeyDescription, Signer, Verifier
from drivers.signers import Sm2Verifier, SoftwareSigner
from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.gm.sm3 import hmac_sm3, sm3
from protocols.hub.profile import Profile
from protocols.wire_time import WIRE_ZONE
from simulators.benefit.policies import load_shipped
from simulators.hub.desk import HubSettings
from simulators.hub.faults import parse_fault
from simulators.hub.ledger import SettlementRecord
from simulators.hub.link import HubLink
from simulators.people import load_people
from simulators.serve import SimulatedWorld, build_world, shipped_profile
from simulators.world import load_world
from terminal.building import Parts, build_counter
from terminal.config import CentreConfig, Config, HubConfig, InstitutionConfig, TerminalConfig
from terminal.core.states import BOOKED, State
from terminal.core.values import Notice, Settlement
from terminal.counter.chronicle import WriteLog, say_nothing
from terminal.counter.counter import Counter
from terminal.counter.wishes import LineWish, SaleWish
from terminal.counter.workroom import Phase
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import SettlementRow
from terminal.journal.thread import JournalPort
from terminal.journal.vault import Vault
from terminal.journal.verify import verify_journal
from terminal.shop_items import ShopItem
from tests.protocols.escpos.reading import lines_of
from yibao.site.virtual_loop import VirtualClock, VirtualLoop, run_virtual

INSTITUTION = "P99990000001"
NINE = dt.datetime(2026, 11, 23, 9, 0, tzinfo=WIRE_ZONE)
"""A Monday morning, when every test begins."""
PILLS = LineWish(
    national_code="XTEST000000000000000D03", own_code="SKU0003", name="测试降糖片", spec="10mg*20片", price="12.50", quantity="3"
)  # fmt: skip
"""37.50 yuan, all payable from the personal account (60.00 of 测试甲)."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


in_line = pytest.mark.blocking_allowed("virtual time: the disk is called in line, and nobody is kept waiting")
"""For tests that call `run_virtual` themselves; `virtual` sets it."""


def virtual(test: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """Run an async test on a virtual loop of its own; fixtures and parameters are passed on."""

    @functools.wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        run_virtual(lambda: test(*args, **kwargs))

    marked: Callable[Parameters, None] = in_line(run)
    return marked


class MacKey:
    """A fast stand-in for an SM2 key pair: signs and verifies 64 bytes of HMAC-SM3. For simulations only."""

    def __init__(self, name: str) -> None:
        self._key = sm3(name.encode())
        self._description = KeyDescription(self._key.hex()[:16], b"\x04" + self._key + self._key)

    @property
    def description(self) -> KeyDescription:
        """See `Signer`."""
        return self._description

    def sign(self, data: bytes) -> bytes:
        """See `Signer`."""
        return hmac_sm3(self._key, b"r" + data) + hmac_sm3(self._key, b"s" + data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """See `Verifier`."""
        return signature == self.sign(data)


# Read once, and before a loop runs: reading files would hold it.
NATIONAL = shipped_profile()
"""The default province profile."""
_PEOPLE = tuple(load_people())
_PLACES = load_world()
_POLICIES = load_shipped()


def counter_config(till: str = "T01", slot: int = 1, lane: str = "1") -> Config:
    """The configuration of one till of the test pharmacy."""
    return Config(
        institution=InstitutionConfig(INSTITUTION, "测试大药房一号店", "999900"),
        terminal=TerminalConfig(till, slot, till, "收银员测试", lane),
        hub=HubConfig("http://127.0.0.1:1", "unused"),
        centre=CentreConfig("http://127.0.0.1:1"),
    )


class CentreLink:
    """The certificate centre in this process; `trouble` is raised instead of an answer while it is set."""

    def __init__(self, world: SimulatedWorld, now: Callable[[], dt.datetime]) -> None:
        self._world = world
        self._now = now
        self.trouble: NotSent | NoAnswer | None = None
        self.asked = 0

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return RawAnswer(200, self._world.centre.handle(body, self._now()), "application/json")

    async def close(self) -> None:
        """Nothing is held open."""


@functools.lru_cache(maxsize=512)
def _read(paper: bytes) -> tuple[str, ...]:
    """The lines of a paper: in virtual time every telling of a story prints the same ones."""
    return tuple(lines_of(paper))


class MemoryPrinter:
    """A printer that keeps its paper. `problem` stops it beforehand, `outcome` is what every job then comes to."""

    columns = 48

    def __init__(self) -> None:
        self.papers: list[bytes] = []
        self.problem: str | None = None
        self.outcome = PrintOutcome.PRINTED

    async def status(self) -> PrinterStatus:
        """See `Printer`."""
        return PrinterStatus(paper_out=self.problem == "paper_out", cover_open=self.problem == "cover_open")

    async def print(self, document: bytes) -> PrintResult:
        """See `Printer`."""
        if self.outcome is not PrintOutcome.NOT_PRINTED:
            self.papers.append(document)
        reason = "" if self.outcome is PrintOutcome.PRINTED else "device_lost"
        return PrintResult(self.outcome, PrinterStatus(), reason)

    def titles(self) -> list[str]:
        """The first line of every slip printed so far."""
        return [next(line.strip() for line in _read(paper) if line.strip()) for paper in self.papers]

    def texts(self) -> list[str]:
        """Every slip printed so far, as text."""
        return ["\n".join(_read(paper)) for paper in self.papers]


class Crash(BaseException):
    """The process was killed here."""


class Watch:
    """Counts the points of a counter's life and kills it at one of them."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.points: list[str] = []
        self.dead = False
        self.stopped = asyncio.Event()

    def alive(self) -> None:
        """A dead process does nothing more."""
        if self.dead:
            raise Crash

    def point(self, name: str) -> None:
        """Something has just happened that can be seen from outside, or on the disk."""
        self.alive()
        self.points.append(name)
        if len(self.points) == self.stop_at:
            self.kill()
            raise Crash

    def wrote(self, journal: Journal) -> None:
        """The journal has written something and said so."""
        self.point("written")

    def kill(self) -> None:
        """From now on nothing reaches the disk or the network any more."""
        self.dead = True
        self.stopped.set()


class WatchedJournal:
    """A journal called inline; every call that wrote is a point."""

    def __init__(self, journal: Journal, connection: apsw.Connection, watch: Watch) -> None:
        self._journal = journal
        self._connection = connection
        self._watch = watch

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """See `JournalPort`."""
        self._watch.alive()
        before = self._connection.total_changes()
        result = work(self._journal)
        if self._connection.total_changes() != before:
            self._watch.wrote(self._journal)
        return result


class WatchedTransport:
    """A link whose every message is two points: before it leaves, and when its answer is back."""

    def __init__(self, name: str, inner: HubTransport, watch: Watch) -> None:
        self._name = name
        self._inner = inner
        self._watch = watch

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        self._watch.point(f"before a message to the {self._name}")
        try:
            return await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        finally:
            self._watch.point(f"after a message to the {self._name}")

    async def close(self) -> None:
        """Nothing is held open."""


def until_a_look_is_worth_it_s(left_s: float) -> int:
    """A second; or so many whole ones as pass until a virtual loop's next timer, when only that can change anything."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        return 1
    still_s = loop.still_until_s() - loop.time()
    return max(math.ceil(min(still_s, left_s)), 1)


class Shop:
    """One hub world, one shop, one disk. Make it inside a running virtual loop."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 1,
        profile: Profile | None = None,
        settings: HubSettings | None = None,
        real_sm2: bool = False,
    ) -> None:
        self.folder = folder
        self.seed = seed
        self.profile = profile or NATIONAL
        self.clock = VirtualClock(asyncio.get_running_loop(), NINE)
        self._rng = random.Random(seed)
        hub_key: Signer | None = None if real_sm2 else MacKey(f"hub {seed}")
        self.world = build_world(
            seed=seed, profile=self.profile, settings=settings, signer=hub_key, people=_PEOPLE, world=_PLACES, book=_POLICIES
        )  # fmt: skip
        self.signer, ours = self._terminal_key(real_sm2)
        self.former_signers: dict[str, Signer] = {}
        """Keys of the terminal that were rotated away and are still kept."""
        self.hub_verifier = self._hub_verifier(real_sm2)
        self.world.keys.register(INSTITUTION, "", ours)
        self.hub_link = HubLink(self.world.hub, self.clock.now, asyncio.sleep, self.profile.hub.path)
        self.centre_link = CentreLink(self.world, self.clock.now)
        self.printer = MemoryPrinter()
        self.vault = self.new_vault()
        self.journal_path = folder / "journal-0.db"
        self.vfs: str | None = None
        """Another file system for the journal, by name: one that cuts the power or fails."""
        self.newest: Till | None = None
        """The counter started last, also while it is still starting."""
        self._starts = 0

    def _terminal_key(self, real_sm2: bool) -> tuple[Signer, Verifier]:
        if real_sm2:
            key = PrivateKey.generate(self._rng.randbytes)
            return SoftwareSigner(key), Sm2Verifier(key.public_key)
        mac = MacKey(f"terminal {self.seed}")
        return mac, mac

    def _hub_verifier(self, real_sm2: bool) -> Verifier:
        if real_sm2:
            return Sm2Verifier(PublicKey(self.world.signer.description.public_point))
        return MacKey(f"hub {self.seed}")

    def new_vault(self) -> Vault:
        """The vault of this shop's field key."""
        return Vault(sm3(b"field key of a test shop")[:16], self._rng.randbytes)

    async def start(
        self,
        watch: Watch | None = None,
        *,
        config: Config | None = None,
        with_printer: bool = True,
        scanner: Scanner | None = None,
        items: Mapping[str, ShopItem] | None = None,
        reader: CardReader | None = None,
        write_log: WriteLog = say_nothing,
        hold: Notice | None = None,
    ) -> "Till":
        """Start a counter on the disk as it is; returns when it is ready, or dead (see `Watch`).

        `hold` stands from the beginning, as if a witness or a clock had been heard before the start.
        """
        self._starts += 1
        self.newest = None
        watch = watch or Watch()
        opened: list[apsw.Connection] = []
        journal = open_journal(
            str(self.journal_path),
            self.vault,
            f"boot {self._starts}",
            self.clock.now(),
            self.vfs,
            opened.append,
        )
        port: JournalPort = WatchedJournal(journal, opened[0], watch)
        parts = Parts(
            clock=self.clock,
            random=random.Random(self.seed * 1000 + self._starts),
            sleep=asyncio.sleep,
            journal=port,
            vault=self.vault,
            hub_transport=WatchedTransport("hub", self.hub_link, watch),
            centre_transport=WatchedTransport("centre", self.centre_link, watch),
            signer=self.signer,
            verifier=self.hub_verifier,
            printer=self.printer if with_printer else None,
            scanner=scanner,
            items=items or {},
            reader=reader,
            former_signers=self.former_signers,
            write_log=write_log,
        )
        counter = build_counter(config or counter_config(), self.profile, parts)
        if hold is not None:
            counter.holds.set(hold)
        till = self.newest = Till(self, counter, journal, opened[0], watch)
        await till.ready()
        return till

    def keep_what_is_on_disk(self) -> None:
        """Go on with a copy of database and write-ahead log as they are at this moment."""
        survivor = self.folder / f"journal-{self._starts}.db"
        for suffix in ("", "-wal"):
            old = Path(f"{self.journal_path}{suffix}")
            if old.exists():
                shutil.copyfile(old, f"{survivor}{suffix}")
        self.journal_path = survivor

    def arm(self, fault: str, infno: str = "", count: int = 1) -> None:
        """Let a fault, as people write it, hit the next messages."""
        self.world.hub.arm(parse_fault(fault), infno, count)

    def code(self, who: str = "jia") -> str:
        """A fresh certificate code on somebody's phone."""
        return self.world.phone.issue(self.world.person(who), self.clock.now())

    def live(self) -> list[SettlementRecord]:
        """The settlements that stand in the hub's books."""
        return list(self.world.ledger.live_settlements())

    def balance_fen(self, who: str = "jia") -> int:
        """Somebody's personal account in the hub's books."""
        return self.world.ledger.balance(self.world.person(who).psn_no)

    def assert_books_agree(self, till: "Till") -> None:
        """Hub ledger and journal hold the same settlements over the same amounts, and the journal verifies."""
        booked: dict[str, tuple[int, int, int, int]] = {}
        for row in till.rows():
            sent = [attempt for attempt in till.journal.attempts.of(row.id) if attempt.purpose == "SETTLE"]
            assert len(sent) <= 1, "a settlement is sent once in its life"
            assert row.state not in _OPEN, f"{row.id} is still {row.state}"
            if row.state in BOOKED:
                assert row.amounts is not None
                amounts = row.amounts
                booked[sent[0].msgid] = (
                    amounts.total_fen, amounts.fund_fen, amounts.account_fen, amounts.cash_fen
                )  # fmt: skip
        at_hub = {
            record.msgid: (record.result.total_fen, record.result.fund_fen, record.result.account_fen, record.result.cash_fen)
            for record in self.live()
        }  # fmt: skip
        assert booked == at_hub
        report = verify_journal(str(self.journal_path), self.vault)
        assert report.ok, report.findings


_OPEN = frozenset(
    {State.SENDING, State.DOUBT, State.REVERSING, State.REVERSED_ONCE, State.CANCELLING, State.CANCEL_DOUBT, State.MANUAL}
)  # fmt: skip


class Till:
    """One life of a counter, from start to stop or crash."""

    def __init__(
        self, shop: Shop, counter: Counter, journal: Journal, connection: apsw.Connection, watch: Watch
    ) -> None:
        self.shop = shop
        self.counter = counter
        self.journal = journal
        self.connection = connection
        self.watch = watch
        self._running = asyncio.get_running_loop().create_task(counter.run(), name="counter")

    async def ready(self) -> None:
        """Wait until sales are taken and the sign-in has been tried, or the counter is dead."""
        for _ in range(100):
            if self._running.done() or self.counter.phase is not Phase.RECOVERING:
                break
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)

    async def open(
        self, number: str = "0001", lines: tuple[LineWish, ...] = (PILLS,), key: str = ""
    ) -> Settlement:
        """Open a sale."""
        return await self.counter.sales.open(SaleWish(number, lines), "till", key)

    async def quote(
        self, number: str = "0001", lines: tuple[LineWish, ...] = (PILLS,), who: str = "jia"
    ) -> Settlement:
        """Open a sale and give the customer's code: priced, if all is well."""
        opened = await self.open(number, lines)
        return await self.counter.media.give_code(opened.id, self.shop.code(who))

    async def settle(
        self, number: str = "0001", lines: tuple[LineWish, ...] = (PILLS,), who: str = "jia"
    ) -> Settlement:
        """Open, quote and confirm a sale."""
        priced = await self.quote(number, lines, who)
        return await self.counter.sales.confirm(priced.id, "T01")

    async def closed(self) -> Settlement:
        """Settle a sale and bring it to its end: its slip is printed and the till has taken note."""
        settled = await self.settle()
        await self.counter.sales.acknowledge(settled.id, "T01")
        await self.quiet()
        return settled

    async def get(self, settlement_id: str) -> Settlement:
        """What the counter says of a settlement now."""
        return await self.counter.settlements.get(settlement_id)

    def told(self) -> dict[str, State]:
        """The last state of each settlement that anybody could hear of, also from a counter that is dead."""
        return {
            entry.settlement_id: State(entry.state)
            for entry in self.counter.feed.entries
            if entry.settlement_id
        }

    def rows(self) -> list[SettlementRow]:
        """Everything the journal holds."""
        return self.journal.settlements.recent(1000)

    def states(self) -> list[State]:
        """The states in the journal, oldest settlement first."""
        return [row.state for row in reversed(self.rows())]

    def audit(self) -> list[dict[str, Any]]:
        """Every audit record, oldest first."""
        return [
            msgspec.json.decode(record)
            for (record,) in self.connection.execute("SELECT record FROM audit ORDER BY sequence")
        ]

    def moves(self, settlement_id: str) -> list[str]:
        """The audited transitions of a settlement, as "OLD>NEW"."""
        return [
            f"{record['old']}>{record['new']}"
            for record in self.audit()
            if record.get("action") == "move" and record.get("object") == settlement_id
        ]

    def attempts(self, settlement_id: str) -> list[tuple[str, str, str, str | None]]:
        """Purpose, transaction, state and verdict of every message that could change the hub."""
        return [
            (attempt.purpose, attempt.infno, attempt.state, attempt.verdict)
            for attempt in self.journal.attempts.of(settlement_id)
        ]

    async def quiet(self, limit_s: float = 3600.0) -> None:
        """Wait until nothing is in doubt and no slip waits; fails after `limit_s` virtual seconds."""
        loop = asyncio.get_running_loop()
        end_s, pause_s = loop.time() + limit_s, 1
        while loop.time() < end_s:
            self.watch.alive()
            await asyncio.sleep(pause_s)
            if not self.counter.settlements.doubts() and not self._slips_wait():
                return
            pause_s = until_a_look_is_worth_it_s(end_s - loop.time())
        raise AssertionError(f"still not quiet after {limit_s} s: {self.states()}")

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def days_pass(self, days: int) -> None:
        """Let days pass at once, for hub and counter alike; nobody sells, and at their end the hub is heard."""
        self.shop.clock.jump(days * 86_400)
        await self.counter.session.hear_hub()

    def _slips_wait(self) -> bool:
        return self.counter.paper.problem == "" and bool(self.journal.receipts.unfinished())

    async def run_story(self, story: "Story") -> bool:
        """Run a story of people and then wait for quiet; False when the counter was killed on the way."""
        telling = asyncio.get_running_loop().create_task(self._tell(story))
        killed = asyncio.get_running_loop().create_task(self.watch.stopped.wait())
        await asyncio.wait({telling, killed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (telling, killed):
            task.cancel()
        outcome, _ = await asyncio.gather(telling, killed, return_exceptions=True)
        if self.watch.dead:
            return False
        if isinstance(outcome, BaseException):
            raise outcome
        return True

    async def _tell(self, story: "Story") -> None:
        await story(self)
        await self.quiet()

    async def stop(self) -> None:
        """End in order: what is in flight is interrupted, the journal is closed."""
        await self._end()
        self.journal.close()

    async def kill(self) -> None:
        """End as by `kill -9`; the next counter starts from a copy of what the disk held at that moment."""
        self.watch.kill()
        await self._end()
        self.shop.keep_what_is_on_disk()
        self.connection.close()

    async def _end(self) -> None:
        self._running.cancel()
        (ending,) = await asyncio.gather(self._running, return_exceptions=True)
        if isinstance(ending, Exception) and not self.watch.dead:
            raise ending

    async def ended(self) -> BaseException | None:
        """Wait until the counter has stopped by itself and return why."""
        (ending,) = await asyncio.gather(self._running, return_exceptions=True)
        return ending if isinstance(ending, BaseException) else None


Story = Callable[[Till], Awaitable[None]]
