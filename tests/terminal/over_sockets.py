"""A counter of the harness with real sockets under it: hub and certificate centre as servers, a chaos proxy before the hub.

Time is real but fast: one second of the clock lasts a fiftieth. So the quiet minutes of a day are not waited for, and a
hundred sales do not wait for message numbers. Limits of the network are the profile's, in real seconds.
"""

import asyncio
import contextlib
import datetime as dt
import random
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from drivers.http.transport import HttpTransport
from drivers.signers import PinnedKey, VerifierRing
from simulators.chaos.proxy import ChaosProxy
from simulators.serve import RunningWorld, SimulatedWorld, build_world, serve_world
from terminal.building import Parts, build_counter
from terminal.core.states import BOOKED, State
from terminal.core.values import Settlement
from terminal.counter.counter import Counter
from terminal.counter.wishes import SaleWish
from terminal.counter.workroom import Phase
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.thread import InlineJournal
from terminal.journal.vault import Vault
from terminal.journal.verify import verify_journal
from tests.terminal.harness import INSTITUTION, NATIONAL, NINE, PILLS, MacKey, counter_config

FASTER = 50.0


class FastClock:
    """Implements `Clock`: Monday nine o'clock and on, fifty times as fast."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return NINE + dt.timedelta(seconds=self.monotonic_s())

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return (time.monotonic() - self._began_s) * FASTER

    async def sleep(self, seconds: float) -> None:
        """Sleep by this clock."""
        await asyncio.sleep(seconds / FASTER)


class LoopClock(FastClock):
    """The clock of a loop that is fast by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep by this clock."""
        await asyncio.sleep(seconds)


class Site:
    """One till, its world, and the line between them."""

    def __init__(
        self, counter: Counter, journal: Journal, path: Path, vault: Vault, world: SimulatedWorld, proxy: ChaosProxy,
        clock: FastClock, hub: HttpTransport,
    ) -> None:  # fmt: skip
        self.counter = counter
        self.journal = journal
        self.world = world
        self.proxy = proxy
        self._path = path
        self._vault = vault
        self.clock = clock
        self._hub = hub

    async def priced(self, number: str, who: str = "jia") -> Settlement:
        """A sale that only has to be confirmed."""
        opened = await self.counter.sales.open(SaleWish(number, (PILLS,)), "till", "")
        code = self.world.phone.issue(self.world.person(who), self.clock.now())
        priced = await self.counter.media.give_code(opened.id, code)
        assert priced.state is State.PRICED, priced.notice
        return priced

    async def confirm(self, settlement: Settlement) -> Settlement:
        """Settle."""
        return await self.counter.sales.confirm(settlement.id, "T01")

    async def over(self, settlement: Settlement, limit_s: float = 10.0) -> Settlement:
        """Wait until its outcome is known."""
        async with asyncio.timeout(limit_s):
            async for _ in self.counter.feed.follow(0):
                if not any(row.id == settlement.id for _, row in self.counter.settlements.doubts()):
                    break
        return await self.counter.settlements.get(settlement.id)

    async def hang_up(self) -> None:
        """Let the next message need a connection of its own."""
        await self._hub.close()

    async def nobody_there(self) -> None:
        """Hang up, and let nobody listen any more."""
        await self.hang_up()
        await self.proxy.refuse()

    def moves(self, settlement: Settlement) -> list[str]:
        """Its audited transitions."""
        records = [
            msgspec.json.decode(row.record) for row in self.journal.audit.of(settlement.id, 0, 1_000_000)
        ]
        return [f"{record['old']}>{record['new']}" for record in records if record["action"] == "move"]

    def assert_books_agree(self) -> None:
        """Hub and journal hold the same settlements, none was sent twice, and the journal verifies."""
        booked = set()
        for row in self.journal.settlements.recent(1000):
            sent = [one for one in self.journal.attempts.of(row.id) if one.purpose == "SETTLE"]
            assert len(sent) <= 1
            if row.state in BOOKED:
                booked.add(sent[0].msgid)
        assert booked == {record.msgid for record in self.world.ledger.live_settlements()}
        report = verify_journal(str(self._path), self._vault)
        assert report.ok, report.findings


def hub_key_after(rotations: int) -> MacKey:
    """The hub's key after so many rotations."""
    return MacKey(f"hub {rotations}")


class Pinned(NamedTuple):
    """A key of the hub that a till believes between two times of its clock, counted in seconds from its beginning."""

    rotations: int
    from_s: float = -3600.0
    to_s: float = 1e6

    def key(self) -> PinnedKey:
        """The key as the till knows it."""
        begins, ends = (NINE + dt.timedelta(seconds=one) for one in (self.from_s, self.to_s))
        return PinnedKey(hub_key_after(self.rotations), begins, ends)


@contextlib.asynccontextmanager
async def site(
    folder: Path,
    *,
    total_timeout_s: float = 5.0,
    server: ssl.SSLContext | None = None,
    trust: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    pinned: Sequence[Pinned] = (Pinned(0),),
    clock: FastClock | None = None,
) -> AsyncIterator[Site]:
    """A till that is ready; with `server` and `trust` everything is https, and the proxy passes the records on.

    `host` is what the till calls the hub, `pinned` are the hub's keys that it believes. `clock` is a `LoopClock`, where
    the loop itself is fast (see `tests.terminal.fast_loop`).
    """
    limits = msgspec.structs.replace(NATIONAL.hub, total_timeout_s=total_timeout_s)
    profile = msgspec.structs.replace(NATIONAL, hub=limits)
    clock, key, hub_key = clock or FastClock(), MacKey("terminal"), hub_key_after(0)
    ring = VerifierRing([one.key() for one in pinned], clock.now)
    world = build_world(seed=1, profile=profile, signer=hub_key, next_key=hub_key_after)
    world.keys.register(INSTITUTION, "", key)
    scheme = "http" if server is None else "https"
    async with contextlib.AsyncExitStack() as stack:
        running: RunningWorld = await stack.enter_async_context(
            serve_world(world, clock=clock.now, tls=server)
        )
        hub_port = int(running.endpoints["hub"].rpartition(":")[2])
        proxy = await stack.enter_async_context(ChaosProxy("127.0.0.1", hub_port))
        hub = HttpTransport(f"{scheme}://{host}:{proxy.port}", trust)
        centre = HttpTransport(running.endpoints["certificate_centre"], trust)
        stack.push_async_callback(hub.close)
        stack.push_async_callback(centre.close)
        rng, path = random.Random(1), folder / "journal.db"
        vault = Vault(bytes(16), rng.randbytes)
        journal = open_journal(str(path), vault, "boot", clock.now())
        stack.callback(journal.close)
        parts = Parts(
            clock=clock, random=rng, sleep=clock.sleep, journal=InlineJournal(journal), vault=vault, hub_transport=hub,
            centre_transport=centre, signer=key, verifier=ring, printer=None, scanner=None, items={},
        )  # fmt: skip
        counter = build_counter(counter_config(), profile, parts)
        working = asyncio.ensure_future(counter.run())
        try:
            for _ in range(1000):
                if counter.phase is Phase.READY:
                    break
                await clock.sleep(0.1)
            yield Site(counter, journal, path, vault, world, proxy, clock, hub)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
