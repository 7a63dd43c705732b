"""Any order of visits, purchases, undoings, doubled and foreign requests over the HTTP face: the books stay right.

Real aiohttp on loopback in one event loop, cheap keys, the clock of the test. After every step the accounts and the
accumulators are what the standing settlements come to, a refusal has left nothing behind, and every settlement is what
the benefit engine makes of the same lines from inputs written down here.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiohttp
import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from protocols.hub import envelope
from protocols.hub.envelope import Request
from simulators.benefit import engine, policies
from simulators.benefit.cancellation import moved
from simulators.benefit.model import (
    AccountState,
    AccountUse,
    Accumulators,
    Institution,
    Line,
    Person,
    Result,
    Visit,
    VisitKind,
)
from simulators.cheap_signing import CheapKey
from simulators.hub.ledger import SettlementRecord
from simulators.hub.server import settlement_view
from simulators.serve import RunningWorld, SimulatedWorld, serve_world
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import START, Counter, Reply, make_world, purchase
from tests.simulators.hub.identities import check_identities

Value = TypeVar("Value")
HOME, SET, YEAR, DAY = "999900", "JH", 2026, dt.date(2026, 11, 21)
PRICES_FEN = {"D12": 4871, "D03": 1250, "S01": 1000}
SHIPPED = policies.load_shipped()
KINDS: dict[str, tuple[VisitKind, str]] = {"14": ("chronic", "M01600"), "11": ("outpatient", "")}
INSURED = {
    "jia": Person("310", "11"),
    "yi": Person("310", "12", chronic=("M01600",)),
}


class HttpCounter(Counter):
    """A counter whose requests travel over HTTP."""

    def __init__(self, world: SimulatedWorld, institution: str, face: "Face") -> None:
        super().__init__(world, institution)
        self._face = face
        self.last: Request | None = None

    def send(self, request: Request) -> Reply:
        """Post, and insist on an authentic answer."""
        self.last = request
        return self.read(request, self._face.post(envelope.encode_request(request)))


class Face:
    """A served world and a client, driven from outside their event loop."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = contextlib.AsyncExitStack()
        self.now = START
        self._served, self._session = self._run(self._open(world))

    def post(self, body: bytes) -> bytes:
        """One request to the hub."""
        ends = self._served.endpoints
        return self._run(self._exchange("POST", ends["hub"] + ends["hub_path"], body))

    def control(self, what: str) -> bytes:
        """One look through the control API."""
        return self._run(self._exchange("GET", f"{self._served.endpoints['control']}/{what}", b""))

    def close(self) -> None:
        """Stop serving."""
        self._run(self._stack.aclose())
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return self._loop.run_until_complete(work)

    async def _open(self, world: SimulatedWorld) -> tuple[RunningWorld, aiohttp.ClientSession]:
        served = await self._stack.enter_async_context(serve_world(world, clock=lambda: self.now))
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        return served, await self._stack.enter_async_context(session)

    async def _exchange(self, method: str, url: str, body: bytes) -> bytes:
        async with self._session.request(method, url, data=body) as response:
            assert response.status == 200
            return await response.read()


class OpenVisit:
    """What the test knows of a visit."""

    def __init__(self, visit: ClinicVisit) -> None:
        self.visit = visit
        self.diagnosed = self.withdrawn = False
        self.unsettled: list[tuple[str, int]] = []
        self.serial = 0


class Settled:
    """What the test knows of a settlement."""

    def __init__(self, msgid: str, infno: str, owner: str, place: OpenVisit | None, reply: Reply) -> None:
        self.msgid, self.infno, self.owner, self.place = msgid, infno, owner, place
        names = ("setl_id", "mdtrt_id", "psn_no")
        self.ids = {name: reply.setlinfo[name] for name in names}
        self.lines: list[tuple[str, int]] = []
        self.live = True


class HubOverHttp(RuleBasedStateMachine):
    """A pharmacy till, a clinic window and a stranger at one hub."""

    visits: Bundle[OpenVisit] = Bundle("visits")
    settlements: Bundle[Settled] = Bundle("settlements")

    def __init__(self) -> None:
        super().__init__()
        self.world = make_world(signer=CheapKey("hub"))
        self.face = Face(self.world)
        self.till, self.clinic, self.stranger = (
            HttpCounter(self.world, code, self.face)
            for code in ("P99990000001", "H99990000002", "H99990000004")
        )
        for counter in (self.till, self.clinic, self.stranger):
            counter.sign_in()
        self.opening = self.world.ledger.balances()
        self.settled: list[Settled] = []

    def teardown(self) -> None:
        """What the control API shows are the standing settlements, and nothing else."""
        try:
            live = [settlement_view(row) for row in self.world.ledger.live_settlements()]
            shown = msgspec.json.decode(self.face.control("ledger?live=1"))["settlements"]
            assert shown == live
            assert {row["msgid"] for row in shown} == {one.msgid for one in self.settled if one.live}
        finally:
            self.face.close()

    # -- what is done right ----------------------------------------------------------------------------

    @rule(target=visits, med_type=st.sampled_from(sorted(KINDS)), ready=st.booleans())
    def register(self, med_type: str, ready: bool) -> OpenVisit:
        """2201; what is ready has its diagnosis and a line as well."""
        person = self.world.person("yi")
        visit = ClinicVisit(self.clinic, person, med_type=med_type, disease=KINDS[med_type][1])
        assert visit.register().infcode == 0
        place = OpenVisit(visit)
        if ready:
            self.diagnose(place)
            self.upload(place, "D03", 8)
        return place

    @rule(place=visits)
    def diagnose(self, place: OpenVisit) -> None:
        """2203A: until the visit is settled."""
        may = not place.withdrawn and not self._standing(place)
        if self._said(place.visit.diagnose, may, "VISIT_NOT_FOUND", "VISIT_SETTLED") is not None:
            place.diagnosed = True

    @rule(place=visits, item=st.sampled_from(sorted(PRICES_FEN)), count=st.integers(1, 40))
    def upload(self, place: OpenVisit, item: str, count: int) -> None:
        """2204: one line more."""
        place.serial += 1
        line = (item, count, PRICES_FEN[item])
        may = place.diagnosed and not place.withdrawn
        said = self._said(
            lambda: place.visit.upload((line,), first=place.serial), may, "VISIT_NOT_FOUND", "FIELD"
        )
        if said is not None:
            place.unsettled.append((item, count))

    @rule(place=visits)
    def withdraw_lines(self, place: OpenVisit) -> None:
        """2205: all that are not settled."""
        before = len(self.world.ledger.unsettled_lines(place.visit.mdtrt_id))
        assert before == len(place.unsettled)
        if not place.withdrawn and before:
            assert place.visit.withdraw_lines().infcode == 0
            place.unsettled.clear()

    @rule(place=visits)
    def withdraw(self, place: OpenVisit) -> None:
        """2202: a visit without lines and settlements."""
        may = not (place.withdrawn or place.unsettled or self._standing(place))
        codes = ("VISIT_NOT_FOUND", "VISIT_SETTLED", "VISIT_HAS_LINES")
        if self._said(place.visit.withdraw, may, *codes) is not None:
            place.withdrawn = True

    @rule(target=settlements, place=visits, flag=st.sampled_from(["0", "1"]))
    def settle_visit(self, place: OpenVisit, flag: str) -> Any:
        """2206A and 2207A: both come to what the engine makes of the lines."""
        visit = place.visit
        visit.total_fen = sum(count * PRICES_FEN[item] for item, count in place.unsettled)
        may = bool(place.unsettled) and not place.withdrawn
        codes = ("VISIT_NOT_FOUND", "BATCH_UNKNOWN", "FIELD")
        quoted = self._said(lambda: visit.quote(flag), may, *codes, changes=False)
        if quoted is None:
            return multiple()
        kind, disease = KINDS[visit.med_type]
        expected = self._engine("yi", Visit(
            SET, Institution("primary"), kind, DAY, account_use="family" if flag == "1" else "none", disease=disease,
        ), place.unsettled)  # fmt: skip
        reply = visit.settle(quoted, flag)
        check_identities(reply.output)
        found = self._booked("2207A", "yi", place, self.clinic, reply, expected)
        found.lines, place.unsettled = place.unsettled, []
        return found

    @rule(target=settlements, count=st.integers(1, 6), flag=st.sampled_from(["0", "1"]))
    def buy(self, count: int, flag: str) -> Settled:
        """2102."""
        jia = self.world.person("jia")
        lines = (("D03", count, PRICES_FEN["D03"]), ("D12", 1, PRICES_FEN["D12"]))
        use: AccountUse = "family" if flag == "1" else "none"
        visit = Visit(SET, Institution("pharmacy"), "pharmacy", DAY, account_use=use)
        expected = self._engine("jia", visit, [(item, number) for item, number, _ in lines])
        reply = self.till.ask(
            "2102", purchase(self.till, jia, self.till.token(jia), lines, acct_used_flag=flag), HOME
        )
        return self._booked("2102", "jia", None, self.till, reply, expected)

    @rule(one=settlements)
    def cancel(self, one: Settled) -> None:
        """2103, 2208: not while a later one stands whose amounts started from this one's."""
        record = self._record(one)
        later = self.settled[self.settled.index(one) + 1 :]
        blocks = [self._record(row) for row in later if row.live and row.owner == one.owner]
        in_order = not moved(record.result.contributions) or not any(
            moved(row.result.contributions) for row in blocks
        )
        counter, infno = (self.till, "2103") if one.infno == "2102" else (self.clinic, "2208")
        said = self._said(
            lambda: counter.ask(infno, {"data": one.ids}, record.insured_division),
            one.live and in_order,
            "LATER_SETTLEMENT_EXISTS" if one.live else "ALREADY_REVERSED",
        )
        if said is not None:
            check_identities(said.output)
            self._undone(one)

    @rule(one=settlements)
    def reverse(self, one: Settled) -> None:
        """2601: whatever came after."""
        data = {"psn_no": one.ids["psn_no"], "omsgid": one.msgid, "oinfno": one.infno}
        counter = self.till if one.infno == "2102" else self.clinic
        division = self._record(one).insured_division
        before = self._books()
        reply = counter.ask("2601", {"data": data}, division)
        assert (reply.infcode == 0) == one.live
        if one.live:
            self._undone(one)
        else:
            assert self._books() == before

    # -- what is done wrong ----------------------------------------------------------------------------

    @rule(at_clinic=st.booleans())
    def double(self, at_clinic: bool) -> None:
        """The network brings the last request once more."""
        counter = self.clinic if at_clinic else self.till
        assert counter.last is not None
        self._said(lambda: counter.send(counter.last), False, "MSGID_SEEN")

    @rule(place=visits)
    def name_somebody_else(self, place: OpenVisit) -> None:
        """Another person's number with this visit."""
        nodes = {
            "data": {"mdtrt_id": place.visit.mdtrt_id, "chrg_bchno": "0000", "psn_no": "99990000000000000001"}
        }
        self._said(lambda: self.clinic.ask("2205", nodes, HOME), False, "VISIT_NOT_FOUND")

    @rule(one=settlements)
    def be_a_stranger(self, one: Settled) -> None:
        """Another institution tries to undo it."""
        division = self._record(one).insured_division
        for infno in ("2103", "2208"):
            self._said(
                lambda infno=infno: self.stranger.ask(infno, {"data": one.ids}, division),
                False,
                "SETL_NOT_FOUND",
            )
        data = {"psn_no": one.ids["psn_no"], "omsgid": one.msgid, "oinfno": one.infno}
        before = self._books()
        assert self.stranger.ask("2601", {"data": data}, division).infcode == -1
        assert self._books() == before

    # -- what always holds -----------------------------------------------------------------------------

    @invariant()
    def accounts_and_accumulators_are_those_of_the_standing_settlements(self) -> None:
        """Nothing is kept of what was undone."""
        ledger = self.world.ledger
        balances = dict(self.opening)
        for row in ledger.live_settlements():
            balances[row.psn_no] -= row.result.account_fen
        assert ledger.balances() == balances
        for owner in INSURED:
            psn_no = self.world.person(owner).psn_no
            assert ledger.accumulators(psn_no, SET, YEAR) == self._accumulators(owner)

    def _accumulators(self, owner: str) -> Accumulators:
        total = Accumulators(YEAR)
        for row in self.world.ledger.live_settlements():
            if row.psn_no == self.world.person(owner).psn_no:
                total = engine.accumulate(total, row.result.contributions)
        return total

    def _engine(self, owner: str, visit: Visit, lines: list[tuple[str, int]]) -> Result:
        """What the engine makes of it, from the standing settlements and nothing else."""
        psn_no = self.world.person(owner).psn_no
        spent = sum(
            row.result.account_fen for row in self.world.ledger.live_settlements() if row.psn_no == psn_no
        )
        outcome = engine.settle(
            SHIPPED.version(SET, DAY),
            SHIPPED.place(SET),
            INSURED[owner],
            AccountState(self.opening[psn_no] - spent),
            self._accumulators(owner),
            visit,
            [Line(item, count * 10_000, PRICES_FEN[item] * 10_000) for item, count in lines],
        )
        assert isinstance(outcome, Result)
        return outcome

    def _booked(
        self,
        infno: str,
        owner: str,
        place: OpenVisit | None,
        counter: HttpCounter,
        reply: Reply,
        expected: Result,
    ) -> Settled:
        assert reply.infcode == 0, reply.err_msg
        assert counter.last is not None
        found = Settled(counter.last.message_id, infno, owner, place, reply)
        self.settled.append(found)
        assert self._record(found).result == expected
        return found

    def _undone(self, one: Settled) -> None:
        one.live = False
        if one.place is not None:
            one.place.unsettled += one.lines

    def _standing(self, place: OpenVisit) -> bool:
        return any(one.live and one.place is place for one in self.settled)

    def _record(self, one: Settled) -> SettlementRecord:
        record = self.world.ledger.settlement(one.ids["setl_id"])
        assert record is not None
        return record

    def _books(self) -> object:
        ledger = self.world.ledger
        return ledger.settlements(), ledger.balances(), ledger.file_count()

    def _said(self, ask: Any, may: bool, *codes: str, changes: bool = True) -> Reply | None:
        """The answer when it may be done; else it is refused with one of these codes and leaves nothing behind."""
        before = self._books()
        reply: Reply = ask()
        if may:
            assert reply.infcode == 0, reply.err_msg
            assert changes or self._books() == before
            return reply
        assert (reply.infcode, reply.code in codes) == (-1, True), reply.err_msg
        assert self._books() == before
        return None


# Few and long, so that visits grow old; `--hypothesis-profile=explore` looks for new orders in a hundred.
TestHubOverHttp = HubOverHttp.TestCase
TestHubOverHttp.settings = settings(
    max_examples=max(1, settings().max_examples // 10),
    stateful_step_count=40,
)
