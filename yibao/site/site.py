"""One whole shop for two business days, from a seed: hub, road, machines, tills, customers, weather, and the auditor.

    seed ─▶ weather (which faults exist, and how often)
         ─▶ hub with its own ledger ◀─ road ◀─ machines (real counters on disks that lose power) ◀─ tills ◀─ customers
                     └──────────────── auditor ────────────────┘── paper, and what the tills were told

First everything may go wrong. Then it heals: faults off, and the site runs until nothing is in doubt and no slip waits;
then every machine sells once more, and the auditor goes through the books.
"""

import asyncio
import datetime as dt
import itertools
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from drivers.interfaces.signer import Signer, Verifier
from protocols.gm.sm2 import PrivateKey
from protocols.gm.sm3 import sm3
from protocols.hub.profile import Profile
from simulators.benefit.policies import load_shipped
from simulators.cheap_signing import CheapKey
from simulators.hub.desk import HubSettings
from simulators.hub.keys import Sm2Signer, Sm2Verifier
from simulators.hub.reading import read_request
from simulators.people import Person, load_people
from simulators.serve import build_world, shipped_profile
from simulators.world import load_world
from terminal.config import CentreConfig, ClinicConfig, Config, HubConfig, InstitutionConfig, TerminalConfig
from terminal.core.events import Misuse
from terminal.core.states import FINAL, State
from terminal.counter.counter import Counter
from terminal.journal.records import JournalFailed
from terminal.reconciliation.report import Outcome
from terminal.reconciliation.report import Report as DayReport
from yibao.site import auditor
from yibao.site.auditor import Auditor, Break
from yibao.site.delays import final_delays, longest_waits
from yibao.site.logbook import Logbook
from yibao.site.machine import Gone, Machine, MachineClock
from yibao.site.people import PATIENTS, Shelf, Till
from yibao.site.road import CentreRoad, HubRoad
from yibao.site.tape import TapePrinter
from yibao.site.trouble import Trouble
from yibao.site.twins import Twin
from yibao.site.virtual_loop import VirtualClock
from yibao.site.weather import MONEY, Weather

REAL_KEYS_EVERY = 50
"""One seed in fifty runs real SM2; it gives another hash in every run, for signatures are random."""
NIGHT = dt.timedelta(hours=1)
"""From the opening until the second day's trade: the shop is open all night, and midnight falls into the run."""
HEAL_LIMIT_S = 1800.0
LONGEST_WAIT_S = 600.0
"""Longer than the longest pause between two tries (360 s and a fifth of it), and a message of somebody else before it."""
PHARMACY = ("P99990000001", "测试大药房一号店")
CLINIC = (auditor.CLINIC, "测试社区诊所")

NATIONAL: Profile = shipped_profile()
_PEOPLE = tuple(load_people())
_PLACES = load_world()
_POLICIES = load_shipped()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one run."""

    seed: int
    sales: int
    """Sales that were begun."""
    settlements: int
    """Settlements that reached S3: their message was on disk, and so may have left."""
    faulted: int
    """Of those, hit: a fault fired between S3 and the final state, or a kill or power cut fell there."""
    breaks: int
    log_hash: str
    """Hash of everything that happened, as decoded facts; the same seed gives the same one in every process."""
    real_keys: bool
    """True where real SM2 keys were in use."""
    broken: tuple[Break, ...]
    faults: Mapping[str, int]
    """How often each fault fired: `kind infno`, and ends of lives."""
    weather: Mapping[str, object]
    virtual_hours: float
    healed_after_s: float
    """Virtual seconds from the end of all faults until nothing was in doubt."""
    final_after_s: tuple[float, ...]
    """For each doubt the virtual seconds from the moment the counter heard the hub again to its end, see `delays`."""
    days_compared: int
    """Business days that were reconciled with the hub (3201, and 3202 where totals differed), one by one and machine by machine."""
    last_events: tuple[str, ...]


class Site:
    """One run. Make it inside a running virtual loop."""

    def __init__(self, seed: int, folder: Path, twin: Twin) -> None:
        self.seed = seed
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self.weather = Weather(self.rng("weather"), self.rng("refusals"))
        self.clock = VirtualClock(self._loop, self.weather.opening)
        self.log = Logbook(self._loop.time)
        self.real_keys = seed % REAL_KEYS_EVERY == REAL_KEYS_EVERY - 1
        self._hub_key, self._hub_verifier = self._key("hub")
        settings = HubSettings(msgid_check="none") if twin.slots else HubSettings()
        self.world = build_world(
            seed=seed, profile=NATIONAL, settings=settings, signer=self._hub_key, people=_PEOPLE, world=_PLACES, book=_POLICIES
        )  # fmt: skip
        filed = self.world.person("yi").registration[0]
        for who in PATIENTS:
            self.world.ledger.register(self.world.person(who).psn_no, filed)
        self.auditor = Auditor(self.world.ledger, _PEOPLE, NATIONAL, self._hub_verifier, self.log.note)
        self.fired: dict[str, int] = {}
        self._hit_messages: set[str] = set()
        self._hit_settlements: set[str] = set()
        self._behind: set[asyncio.Future[None]] = set()
        self.machines = [
            self._machine(place, slot, number)
            for number, (place, slot) in enumerate(self._plan(twin), start=1)
        ]
        self.trouble = Trouble(
            self.weather, self.rng("trouble"), self.machines, self._loop.time, self.log.note, self.happened
        )
        shelf = Shelf()
        self.tills = [
            Till(
                f"{letter}", machine, shelf, self.rng(f"till {machine.name}{letter}"), self._err, self.world.person, self._code_of,
                self.auditor,
            )
            for machine in self.machines for letter in "ABC"[: self.rng(f"tills {machine.name}").randint(1, 3)]
        ]  # fmt: skip

    def rng(self, name: str) -> Random:
        """A source of numbers of its own, from the seed."""
        return Random(f"{self.seed} {name}")

    def _plan(self, twin: Twin) -> list[tuple[tuple[str, str], int]]:
        if twin.slots:
            return [(PHARMACY, slot) for slot in twin.slots]
        shops = ([(PHARMACY, 1)], [(PHARMACY, 1), (PHARMACY, 2)], [(CLINIC, 1)])
        return self.rng("plan").choices(shops, (6, 2, 1))[0]

    def _err(self) -> float:
        return 0.0 if self.weather.is_calm else self.weather.people_err

    def _code_of(self, person: Person, age_s: float) -> str:
        code = self.world.phone.issue(person, self.clock.now() - dt.timedelta(seconds=age_s))
        self.auditor.secrets.add(code)
        return code

    def _key(self, name: str) -> tuple[Signer, Verifier]:
        if self.real_keys:
            key = PrivateKey.generate(self.rng(f"key {name}").randbytes)
            return Sm2Signer(key), Sm2Verifier(key.public_key.point)
        cheap = CheapKey(f"{name} {self.seed}")
        return cheap, cheap

    def _machine(self, place: tuple[str, str], slot: int, number_in_shop: int) -> Machine:
        name = f"{place[0][0]}{number_in_shop}"
        signer, verifier = self._key(f"terminal {slot}")
        self.world.keys.register(place[0], f"{slot:02d}", verifier)
        till = f"{'N' if place is CLINIC else 'T'}{number_in_shop:02d}"
        road = HubRoad(
            self, self.weather, self.rng(f"road {name}"), NATIONAL, self._hub_key, self._key("somebody else")[0], self._spawn
        )  # fmt: skip
        machine = Machine(
            name=name,
            config=Config(
                institution=InstitutionConfig(place[0], place[1], "999900"),
                terminal=TerminalConfig(till, slot, till, "收银员测试"),
                hub=HubConfig("http://127.0.0.1:1", "unused"),
                centre=CentreConfig("http://127.0.0.1:1"),
                clinic=ClinicConfig("D999900000001", "测试医师", "A02", "全科", "A02"),
            ),
            profile=NATIONAL,
            clock=MachineClock(self.clock),
            folder=self._folder,
            seed=str(self.seed),
            weather=self.weather,
            road=road,
            centre=CentreRoad(
                lambda body: self.world.centre.handle(body, self.clock.now()), self.weather, self.rng(f"centre {name}")
            ),
            signer=signer,
            verifier=self._hub_verifier,
            printer=TapePrinter(self.weather.paper, self.rng(f"printer {name}"), self.log.note),
            field_key=sm3(f"field key {self.seed}".encode())[:16],
            note=self.log.note,
        )  # fmt: skip
        machine.found_unfinished = self._hit_settlements.add
        machine.happened = machine.printer.met = self.happened
        keys = itertools.count(2)

        def new_key() -> Signer:
            signer, verifier = self._key(f"terminal {slot} {next(keys)}")
            self.world.keys.add(place[0], f"{slot:02d}", verifier)
            return signer

        machine.new_key = new_key
        return machine

    # -- the hub, as the road sees it -------------------------------------------------------------

    def handle(self, request: bytes) -> bytes:
        """Let the hub act on a request now."""
        answer = self.world.hub.core.handle(request, self.clock.now())
        named = read_request(request)
        if named.infno in MONEY:
            self.auditor.arrived(named.infno, named.message_id, request)
        return answer

    def fault_fired(self, kind: str, infno: str, msgid: str) -> None:
        """A fault has met a message."""
        name = f"{kind} {infno}"
        self.fired[name] = self.fired.get(name, 0) + 1
        self._hit_messages.add(msgid)
        self.log.note("fault", kind, infno, msgid)

    def forget_sign_ins(self) -> None:
        """Let the hub know nobody's sign-in any more."""
        self.world.ledger.remove_sign_ins()

    def happened(self, kind: str) -> None:
        """A fault that belongs to no message has fired."""
        self.fired[kind] = self.fired.get(kind, 0) + 1

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    # -- the run ----------------------------------------------------------------------------------

    async def run(self, sales: int) -> None:
        """Two days, then heal, then audit."""
        services = [asyncio.ensure_future(machine.run()) for machine in self.machines]
        trouble = [asyncio.ensure_future(work) for work in self.trouble.plans()]
        self._pay_day("first day")
        try:
            await self._trade(sales - sales // 2, services)
            await self._night()
            await self._trade(sales // 2, services)
        finally:
            for task in trouble:
                task.cancel()
            await asyncio.gather(*trouble, return_exceptions=True)
        await self._heal(services)
        await self._let_the_day_come()
        for machine in self.machines:
            await self._sells_once_more(machine)
        await self._quiet()
        for machine in self.machines:
            await self._reconcile(machine)
        for machine in self.machines:
            await machine.stop()
        await asyncio.gather(*services)
        self.auditor.audit(self.machines, self._folder)
        self._waited()

    async def _trade(self, sales: int, services: "Sequence[asyncio.Future[None]]") -> None:
        """Every till serves one customer after the other."""
        shares = [
            sales // len(self.tills) + (number < sales % len(self.tills)) for number in range(len(self.tills))
        ]
        trading = [
            asyncio.ensure_future(self._queue(till, share))
            for till, share in zip(self.tills, shares, strict=True)
        ]
        everybody = asyncio.gather(*trading, return_exceptions=True)
        waiting: list[asyncio.Future[Any]] = [everybody, *services]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for service in services:
            if service.done():
                service.result()  # a counter that ended by an error of its own
        for task in trading:
            task.result()

    async def _queue(self, till: Till, customers: int) -> None:
        rng = self.rng(f"queue {till.machine.name}{till.name} {self._loop.time()}")
        for _ in range(customers):
            await till.machine.wait_up()
            while self.trouble.is_down and rng.random() < 0.9:  # noqa: ASYNC110 - most people do not queue while nothing works
                await asyncio.sleep(3600.0 if self.weather.days_down else 60.0)
            till.machine.printer.mute = self.weather.mute_printers and rng.random() < 0.2
            await till.serve(till.new_sale())
            await asyncio.sleep(rng.uniform(0.0, 90.0))
            if till.machine.printer.lines_left <= 0:
                till.machine.printer.new_roll()

    async def _night(self) -> None:
        """Nobody comes for a while, unless the first day's queue was that long."""
        left = (self.weather.opening + NIGHT - self.clock.now()).total_seconds()
        await asyncio.sleep(max(left, 0.0))
        self._pay_day("second day")

    def _pay_day(self, name: str) -> None:
        """Personal accounts get new balances: much, little, none."""
        rng = self.rng(f"balances {name}")
        for who in ("jia", "yi", "ji"):
            self.world.ledger.set_balance(self.world.person(who).psn_no, rng.choice((0, 1373, 29999, 99999)))

    async def _heal(self, services: "Sequence[asyncio.Future[None]]") -> None:
        """All faults off, until nothing is in doubt."""
        self.weather.calm()
        self.log.note("calm")
        for machine in self.machines:
            if self.weather.clock_jumps:
                machine.clock.jump(-7200.0)  # a lying clock is no reason to leave a doubt alone
            machine.printer.new_roll()
            machine.printer.mute = False
            machine.calm()
        began_s = self._loop.time()
        quiet = asyncio.ensure_future(self._quiet())
        await asyncio.wait([quiet, *services], return_when=asyncio.FIRST_COMPLETED)
        for service in services:
            if service.done():
                service.result()
        await quiet
        for machine in self.machines:
            machine.clock.set_right()
        self.healed_after_s = self._loop.time() - began_s

    async def _let_the_day_come(self) -> None:
        """Wait for the day on which a counter believes to be.

        One that started while its machine's clock was a day ahead has written that day into its journal. Its dates never
        go back (F33), and the hub takes no fees of a day to come: it sells again once that day is there.
        """
        while any(machine.today() > self.clock.now().date() for machine in self.machines):
            self.happened("day-ahead")
            now = self.clock.now()
            midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), now.tzinfo)
            await asyncio.sleep((midnight - now).total_seconds() + 1.0)

    async def _quiet(self) -> None:
        """Wait until nobody doubts, no slip waits and nothing travels, for at most half an hour."""
        end_s = self._loop.time() + HEAL_LIMIT_S
        while self._loop.time() < end_s:
            await asyncio.sleep(1.0)
            for machine in self.machines:
                if machine.printer.lines_left <= 0:
                    machine.printer.new_roll()
            if not self._behind and all([await self._is_quiet(machine) for machine in self.machines]):
                return

    async def _is_quiet(self, machine: Machine) -> bool:
        async def doubts(counter: object) -> bool:
            life = machine.life
            if life is None or life.counter is None or life.journal is None:
                return True
            if life.counter.settlements.doubts() or life.journal.receipts.unfinished():
                return True
            return any(
                row.state in FINAL for row in life.journal.settlements.unfinished()
            )  # a withdrawal is still owed

        try:
            return not await machine.ask(doubts)
        except (Gone, JournalFailed):
            return False

    async def _sells_once_more(self, machine: Machine) -> None:
        """I11: with nothing in the way the next sale works, and without a technician."""
        till = next(till for till in self.tills if till.machine is machine)
        sale = till.new_sale()
        await till.serve(sale)
        states = [settlement.state for settlement in sale.told]
        if State.CONFIRMED not in states:
            self.auditor.broken(
                "I11", f"{machine.name} did not sell once all was well: {[*map(str, states)]}"
            )

    async def _reconcile(self, machine: Machine) -> None:
        """I5: once nothing is in doubt, the hub's own totals of every business day say the same as the journal."""
        first, last = self.weather.opening.date(), self.clock.now().date()
        for day in (first + dt.timedelta(days=number) for number in range((last - first).days + 1)):
            try:
                report = await machine.ask(lambda counter, day=day: _reconciled(counter, day))  # type: ignore[misc]  # mypy does not see through a default
            except (Gone, Misuse) as error:
                self.auditor.broken("I5", f"{machine.name} could not reconcile {day}: {error}")
                continue
            self._days_compared += 1
            self.log.note("reconciled", machine.name, day, report.outcome.value)
            for difference in report.differences:
                self.happened(f"difference-{difference.kind.value}")
            open_ends = [one for one in report.differences if one.is_open]
            if report.outcome is Outcome.NOT_COMPARED or open_ends:
                found = [(one.kind.value, one.cause.value, one.action.value) for one in open_ends]
                self.auditor.broken("I5", f"{machine.name} {day} is {report.outcome.value}: {found}")

    def _waited(self) -> None:
        """I3: whatever the hub and the clock do, a doubt is not left alone for longer than the longest pause allows."""
        for machine in self.machines:
            assert isinstance(machine.road, HubRoad)
            waits = longest_waits(machine.road.exchanges, machine.starts, self.auditor.sent)
            for settlement_id, seconds in waits.items():
                if seconds > LONGEST_WAIT_S:
                    self.auditor.broken("I3", f"{settlement_id} was left alone for {seconds:.0f} s")

    def _around_midnight(self) -> int:
        """How many messages that move money were under way when the business day ended."""
        day_after = self.weather.opening.date() + dt.timedelta(days=1)
        midnight = dt.datetime.combine(day_after, dt.time(), self.weather.opening.tzinfo)
        at_s = (midnight - self.weather.opening).total_seconds()
        return sum(
            one.infno in MONEY and one.began_s < at_s <= one.ended_s
            for machine in self.machines if isinstance(machine.road, HubRoad) for one in machine.road.exchanges
        )  # fmt: skip

    # -- the result -------------------------------------------------------------------------------

    def report(self) -> Report:
        """What came of it."""
        audited = self.auditor
        hit = self._hit_settlements | {
            audited.sent[msgid] for msgid in self._hit_messages if msgid in audited.sent
        }
        ends = {
            f"{cut} {machine.name}": count for machine in self.machines for cut, count in machine.cuts.items()
        }
        fired = {**self.fired, **ends, **audited.acts, "midnight": self._around_midnight()}
        return Report(
            seed=self.seed,
            sales=sum(len(till.sales) for till in self.tills),
            settlements=audited.settlements,
            faulted=len(hit & set(audited.sent.values())),
            breaks=len(audited.breaks),
            log_hash=self.log.hash(),
            real_keys=self.real_keys,
            broken=tuple(audited.breaks),
            faults={name: count for name, count in sorted(fired.items()) if count},
            weather=self.weather.told(),
            virtual_hours=self._loop.time() / 3600,
            healed_after_s=self.healed_after_s,
            final_after_s=tuple(
                round(delay_s, 3)
                for machine in self.machines if isinstance(machine.road, HubRoad)
                for delay_s in final_delays(machine.road.exchanges, machine.starts, self.trouble.ups, audited.sent, NATIONAL.quiet_s)
            ),
            days_compared=self._days_compared,
            last_events=tuple(self.log.last()) if audited.breaks else (),
        )  # fmt: skip

    healed_after_s = 0.0
    _days_compared = 0


async def _reconciled(counter: Counter, day: dt.date) -> DayReport:
    assert counter.reconciliation is not None
    return await counter.reconciliation.run(day, "对账员")
