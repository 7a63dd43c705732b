"""One counter's machine: it starts, runs the real counter on its disk, is killed, loses its power, and starts again.

The counter is the application's own (`build_counter`); only the parts handed to it are of this place (`parts`). Between
the counter and the world stand thin wrappers that end everything the moment the process is dead: the dead write nothing,
send nothing, print nothing and tell nobody.
"""

import asyncio
import contextlib
import datetime as dt
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random
from typing import TypeVar

import apsw

from drivers.interfaces.hub_transport import HubTransport, RawAnswer
from drivers.interfaces.printer import PrinterStatus, PrintResult
from drivers.interfaces.signer import Signer, Verifier
from protocols.hub.profile import Profile
from terminal.building import Parts, build_clock_watch, build_counter
from terminal.config import Config
from terminal.core.states import FINAL, UNSENT
from terminal.counter.counter import Counter
from terminal.counter.trusted_time import TrustedClock
from terminal.counter.workroom import Phase
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import JournalFailed
from terminal.journal.vault import Vault
from yibao.site.disk import Contents, Cut, Disk
from yibao.site.tape import TapePrinter
from yibao.site.virtual_loop import VirtualClock
from yibao.site.weather import MONEY, Doom, Weather

Result = TypeVar("Result")
_INFNO = re.compile(rb'\{"infno":"(\w+)"')
CHECKPOINT_EVERY_S = 30.0
PAUSE_S = {Cut.KILL: 2.0, Cut.STRICT: 45.0, Cut.TORN: 45.0}
"""How long the next start takes: a restart by the service manager, or a boot."""


class Crash(BaseException):
    """The process is dead; whoever still runs in it ends here."""


class Gone(Exception):
    """The counter was not there, or died before it answered."""


class MachineClock:
    """Both clocks of one machine. The wall clock may lie; the monotonic one counts from the boot."""

    def __init__(self, true: VirtualClock) -> None:
        """`true` is the time of the world."""
        self._true = true
        self._lie = dt.timedelta()
        self._booted_s = 0.0
        self._readings = 0

    def now(self) -> dt.datetime:
        """See `Clock`."""
        return self._true.now() + self._lie if self._lie else self._true.now()

    def monotonic_s(self) -> float:
        """See `Clock`. Never the same twice, as on a real machine: who waits for a moment must once find it past."""
        self._readings += 1
        return self._true.monotonic_s() - self._booted_s + self._readings * 1e-9

    def boot(self) -> None:
        """The monotonic clock begins anew."""
        self._booted_s = self._true.monotonic_s()

    def jump(self, seconds: float) -> None:
        """The wall clock jumps."""
        self._lie += dt.timedelta(seconds=seconds)

    def set_right(self) -> None:
        """Somebody sets the clock."""
        self._lie = dt.timedelta()


class Life:
    """One process, from start to end."""

    def __init__(self, disk: Disk, doom: Doom | None) -> None:
        self.disk = disk
        self.doom = doom
        self.dead = False
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the process has ended."""
        self.counter: Counter | None = None
        self.journal: Journal | None = None
        self._messages = 0
        self._money = 0

    def alive(self) -> None:
        """The dead do nothing more."""
        if self.dead:
            raise Crash

    def die(self) -> None:
        """From now on nothing of this process is seen or heard."""
        self.dead = True
        self.disk.stopped = True
        self.over()

    def over(self) -> None:
        """The process has ended, or is asked to."""
        if not self.end.done():
            self.end.set_result(None)

    def message_point(self, moves_money: bool) -> None:
        """A message is about to leave, or its answer is back."""
        self.alive()
        self._messages += 1
        self._money += moves_money
        doom = self.doom
        if doom is not None and (
            self._messages == doom.after_messages or (moves_money and self._money == doom.around_money)
        ):
            self.die()
            raise Crash


class Port:
    """The journal, called inline, with a turn of the loop after every call as after a call of the writer thread."""

    def __init__(self, journal: Journal, life: Life) -> None:
        self._journal = journal
        self._life = life

    async def call(self, work: Callable[[Journal], Result]) -> Result:
        """See `JournalPort`."""
        self._life.alive()
        try:
            result = work(self._journal)
        except BaseException:
            if self._life.disk.stopped:
                self._life.die()
                raise Crash from None
            raise
        await asyncio.sleep(0)
        self._life.alive()
        return result


class Socket:
    """A link as one process has it."""

    def __init__(self, inner: HubTransport, life: Life) -> None:
        self._inner = inner
        self._life = life

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        found = _INFNO.match(body)
        moves_money = found is not None and found[1].decode() in MONEY
        self._life.message_point(moves_money)
        try:
            return await self._inner.post(path, body, headers, connect_timeout_s, total_timeout_s)
        finally:
            self._life.message_point(moves_money)

    async def close(self) -> None:
        """Nothing is held open."""


class Cable:
    """The printer as one process has it."""

    def __init__(self, inner: TapePrinter, life: Life, luck: Random) -> None:
        self.columns = inner.columns
        self._inner = inner
        self._life = life
        self._luck = luck
        self._slips = 0

    async def status(self) -> PrinterStatus:
        """See `Printer`."""
        self._life.alive()
        return await self._inner.status()

    async def print(self, document: bytes) -> PrintResult:
        """See `Printer`."""
        self._life.alive()
        self._slips += 1
        doom = self._life.doom
        if doom is not None and doom.at_slip == self._slips:
            asyncio.get_running_loop().call_later(self._luck.uniform(0.0, 3.0), self._life.die)
        result = await self._inner.print(document)
        self._life.alive()
        return result


class Machine:
    """One machine and the disk in it. `run` keeps a counter running on it, as a service manager does."""

    def __init__(
        self,
        *,
        name: str,
        config: Config,
        profile: Profile,
        clock: MachineClock,
        folder: Path,
        seed: str,
        weather: Weather,
        road: HubTransport,
        centre: HubTransport,
        signer: Signer,
        verifier: Verifier,
        printer: TapePrinter,
        field_key: bytes,
        note: Callable[..., None],
    ) -> None:
        self.name = name
        self.config = config
        self.clock = clock
        self.printer = printer
        self.road = road
        self.centre = centre
        self.signer = signer
        self.verifier = verifier
        self.logged: list[str] = []
        """Every line the counter wrote into its log."""
        self.contents = Contents()
        """What is on the disk while no process runs."""
        self.heads: list[tuple[int, bytes]] = []
        """The audit head that was last noted outside: from then on no end of the chain can be cut off unseen."""
        self.cuts: dict[str, int] = {}
        self.wants_rest = False
        """No next start after this life."""
        self.life: Life | None = None
        self.found_unfinished: Callable[[str], None] = lambda settlement_id: None
        """Called at every start for each settlement found between S3 and its final state."""
        self.happened: Callable[[str], None] = lambda kind: None
        """Called for each fault of the machine that has fired."""
        self.new_key: Callable[[], Signer] = lambda: signer
        """Makes the terminal a new key, which the hub then knows besides the old one."""
        self.starts: list[float] = []
        """When a counter took sales again, in seconds of the world."""
        self._profile = profile
        self._folder = folder
        self._seed = seed
        self._weather = weather
        self._rng = Random(f"{seed} machine {name}")
        self._field_key = field_key
        self._note = note
        self._lives = 0
        self._told_date: dt.date | None = None
        self._trusted: TrustedClock | None = None
        self._former_signers: dict[str, Signer] = {}
        self._up = asyncio.Event()
        self._ended = asyncio.Event()

    # -- for people -------------------------------------------------------------------------------

    async def ask(self, work: Callable[[Counter], Awaitable[Result]]) -> Result:
        """Let the counter do something, as a till does over the local API; raises `Gone` when nobody answers."""
        life = self.life
        if life is None or life.dead or life.counter is None:
            raise Gone
        doing = asyncio.ensure_future(work(life.counter))
        try:
            await asyncio.wait((doing, life.end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not doing.done():
                doing.cancel()
        if life.dead or not doing.done():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            raise Gone
        try:
            return doing.result()
        except (Crash, asyncio.CancelledError):
            raise Gone from None

    def today(self) -> dt.date:
        """The date by the clock that the counter was given, while it runs; before its first start the machine's own.

        Never asked of the counter itself, which may be a bad twin.
        """
        if self.life is not None and self.life.counter is not None and self._trusted is not None:
            self._told_date = self._trusted.now().date()
        return self._told_date or self.clock.now().date()

    async def wait_up(self) -> None:
        """Wait until a counter takes sales."""
        await self._up.wait()

    def calm(self) -> None:
        """All faults off: the present life goes on for ever, on a sound disk."""
        life = self.life
        if life is not None:
            life.doom = None
            life.disk.heal()

    def vault(self) -> Vault:
        """The vault of this machine's field key."""
        return Vault(self._field_key, self._rng.randbytes)

    # -- lives ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start, run, end, start again, until `wants_rest`."""
        while not self.wants_rest:
            life = await self._live()
            self._up.clear()
            self.life = None
            if self.wants_rest and not life.dead:
                self._ended.set()
                return
            cut = self._how_it_ended(life)
            self.cuts[cut] = self.cuts.get(cut, 0) + 1
            self.contents = life.disk.contents.after(cut, self._rng)
            self._close(life)
            self._note("ended", self.name, cut, life.disk.failure)
            if life.disk.failure:
                self.happened(life.disk.failure)
            await asyncio.sleep(PAUSE_S[cut])

    def _how_it_ended(self, life: Life) -> Cut:
        if life.doom is not None and life.dead:
            return life.doom.cut
        # It stopped by itself, for its disk had failed. What the machine saw may be lost with its memory.
        return Cut.KILL if self._weather.is_calm else self._rng.choice(tuple(Cut))

    async def _live(self) -> Life:
        """One process; returns its life when it has ended, with everything in it cancelled."""
        self._lives += 1
        self.clock.boot()
        doom = self._weather.next_doom()
        disk = Disk(self._folder, f"{self.name}-{self._lives}", self.contents)
        disk.stop_at = doom.after_changes if doom is not None else None
        disk.fail_sync_at = self._weather.sync_fails_at()
        disk.full_at = self._weather.full_at()
        disk.fail_read_at = self._weather.fails_reading_at()
        if self._lives > 1 and self._weather.has_new_key():
            self._former_signers[self.signer.description.key_id] = self.signer
            self.signer = self.new_key()
            self.happened("new-key")
        life = Life(disk, doom)
        self._trusted = clock = TrustedClock(self.clock)
        try:
            life.journal = open_journal(
                disk.path, self.vault(), f"boot {self._lives}", clock.now(), vfs=disk.name
            )
            clock.raise_floor(life.journal.anchors.newest_time())
            for row in life.journal.settlements.unfinished():
                if row.state not in UNSENT and row.state not in FINAL:
                    self.found_unfinished(row.id)
        except JournalFailed:
            if disk.stopped:
                life.die()
            if not disk.stopped and not disk.failure:
                raise
            return life
        life.counter = build_counter(self.config, self._profile, self.parts(life, life.journal, clock))
        clock_watch = build_clock_watch(clock, life.counter, asyncio.sleep)
        clock_watch.look()
        life.counter.chores["clock"] = clock_watch.run
        self.life = life
        await self._serve(life, life.counter)
        return life

    def parts(self, life: Life, journal: Journal, clock: TrustedClock) -> Parts:
        """What is handed to the counter here instead of clocks, disks, sockets and devices."""
        return Parts(
            clock=clock,
            random=Random(f"{self._seed} {self.name} {self._lives}"),
            sleep=asyncio.sleep,
            journal=Port(journal, life),
            vault=journal.vault,
            hub_transport=Socket(self.road, life),
            centre_transport=Socket(self.centre, life),
            signer=self.signer,
            former_signers=dict(self._former_signers),
            verifier=self.verifier,
            printer=Cable(self.printer, life, self._rng),
            scanner=None,
            items={},
            write_log=lambda event, **facts: self.logged.append(f"{event} {facts}"),
        )

    async def _serve(self, life: Life, counter: Counter) -> None:
        running = asyncio.ensure_future(counter.run())
        helpers = [asyncio.ensure_future(self._watch(life, counter))]
        if life.doom is not None and life.doom.after_s is not None:
            helpers.append(asyncio.ensure_future(self._dies_later(life, life.doom.after_s)))
        await asyncio.wait((running, life.end), return_when=asyncio.FIRST_COMPLETED)
        if life.disk.stopped:
            life.die()
        for task in (running, *helpers):
            task.cancel()
        ending, *_ = await asyncio.gather(running, *helpers, return_exceptions=True)
        stopped_for_its_disk = isinstance(ending, JournalFailed) and bool(life.disk.failure)
        if isinstance(ending, Exception) and not life.dead and not stopped_for_its_disk:
            raise ending

    async def _watch(self, life: Life, counter: Counter) -> None:
        """Say when sales are taken, and move the write-ahead log into the file now and then, as the application does."""
        while counter.phase is Phase.RECOVERING:  # noqa: ASYNC110 - asked from outside, as a till does
            await asyncio.sleep(0.05)
        self._up.set()
        self.starts.append(asyncio.get_running_loop().time())
        while True:
            await asyncio.sleep(CHECKPOINT_EVERY_S)
            if life.dead or life.journal is None:
                return
            with contextlib.suppress(JournalFailed):
                life.journal.checkpoint()
            if life.disk.stopped:
                life.die()
            elif life.journal.failed:
                life.over()  # the application ends with an error, and is started again
            else:
                self.heads = [life.journal.audit.head]

    @staticmethod
    async def _dies_later(life: Life, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if life.doom is not None:
            life.die()

    async def stop(self) -> None:
        """End in order; what the disk holds then is in `contents`."""
        self.wants_rest = True
        life = self.life
        if life is None or life.counter is None:
            return
        life.over()
        await self._ended.wait()
        self._close(life)
        self.contents = life.disk.contents

    @staticmethod
    def _close(life: Life) -> None:
        disk = life.disk
        disk.stopped = False
        disk.heal()
        with contextlib.suppress(JournalFailed, apsw.Error):
            if life.journal is not None:
                life.journal.close()
        disk.close()
