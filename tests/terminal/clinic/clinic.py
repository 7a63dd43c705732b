"""A clinic's window for tests: the small world of the money path with a doctor's office instead of a shop.

The hub, the links, the journal and the time are those of `tests.terminal.harness`. A `Clinic` also keeps every message
as it went over the link, and knows when the hub's books are clean: no visit stands there but the settled ones.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from drivers.interfaces.hub_transport import RawAnswer
from protocols.hub.envelope import decode_request
from protocols.hub.profile import Profile
from protocols.secret import Secret
from simulators.hub.ledger import VisitRecord
from simulators.hub.link import HubLink
from simulators.people import Person, load_people
from simulators.serve import build_world
from simulators.world import Institution, World, load_world
from terminal.config import CentreConfig, ClinicConfig, Config, HubConfig, InstitutionConfig, TerminalConfig
from terminal.core.events import MediumGiven
from terminal.core.states import State
from terminal.core.values import Medium, Settlement
from terminal.counter.wishes import DiseaseWish, LineWish, SaleWish
from tests.terminal.harness import MacKey, Shop, Till, Watch, until_a_look_is_worth_it_s

CLINIC = "H99990000002"
_PEOPLE = tuple(load_people())
_PLACES = load_world()

INSULIN = LineWish(
    national_code="XTEST000000000000000D12", own_code="SKU0012", name="测试胰岛素笔", spec="3ml", price="48.71", quantity="8",
    trace_codes=("89999990000000000012", "89999990000000000013"),
)  # fmt: skip
TABLETS = LineWish(
    national_code="XTEST000000000000000D03", own_code="SKU0003", name="测试降糖片", spec="0.5g×20片", price="12.50", quantity="4",
    trace_codes=("89999990000000000003",),
)  # fmt: skip
CONSULTATION = LineWish(
    national_code="TTEST000000000000S01", own_code="SRV0001", name="门诊诊察费", price="10.00", quantity="1"
)
STORY = (INSULIN, TABLETS, CONSULTATION)
"""The charge sheet of story 2: 389.68 + 50.00 + 10.00 = 449.68 yuan."""

DIABETES = DiseaseWish("M01600", "E11.900", "2型糖尿病")
HYPERTENSION = DiseaseWish("M03900", "I10.x00", "原发性高血压")


class Exchange(msgspec.Struct, frozen=True):
    """One message as it left the terminal."""

    infno: str
    msgid: str
    sign_in_no: str
    input: Any
    """The input node as JSON."""
    body: bytes


class ListeningLink(HubLink):
    """A link that keeps what was sent over it, also what the far end never got, and can deliver it late."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sent: list[Exchange] = []
        self._stragglers: dict[str, bytes] = {}

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        request = decode_request(body)
        if not self.down:
            told = msgspec.json.decode(request.input)
            self.sent.append(Exchange(request.infno, request.message_id, request.sign_in_no, told, body))
            straggler = self._stragglers.pop(request.infno, None)
            if straggler is not None:
                self.deliver(straggler)
        return await super().post(path, body, headers, connect_timeout_s, total_timeout_s)

    def deliver(self, body: bytes) -> None:
        """A request that was lost on the way arrives after all; nobody hears the answer."""
        self.hub.core.handle(body, self._clock())

    def deliver_before(self, infno: str, body: bytes) -> None:
        """The same, just ahead of the next message of a transaction."""
        self._stragglers[infno] = body

    def newest(self, infno: str) -> bytes:
        """The bytes of the newest message of a transaction."""
        return next(exchange.body for exchange in reversed(self.sent) if exchange.infno == infno)

    def inputs(self, infno: str) -> list[Any]:
        """The inputs of every message of one transaction, oldest first."""
        return [exchange.input for exchange in self.sent if exchange.infno == infno]

    def transactions(self) -> list[str]:
        """The transactions in the order they left, the sign-in aside."""
        return [exchange.infno for exchange in self.sent if exchange.infno != "9001"]


def window_config(institution: Institution, slot: int = 1) -> Config:
    """The configuration of one window of an institution."""
    return Config(
        institution=InstitutionConfig(
            institution.code,
            institution.name,
            institution.division,
            networked=institution.networked,
            dual_channel=institution.dual_channel,
        ),
        terminal=TerminalConfig(f"N{slot:02d}", slot, f"N{slot:02d}", "收费员测试"),
        hub=HubConfig("http://127.0.0.1:1", "unused"),
        centre=CentreConfig("http://127.0.0.1:1"),
        clinic=ClinicConfig("D999900000001", "测试医师", "A02", "全科", "A02"),
    )


class Clinic(Shop):
    """One hub world, one clinic, one disk."""

    hub_link: ListeningLink

    def __init__(
        self,
        folder: Path,
        *,
        institution: str = CLINIC,
        more_people: Sequence[Person] = (),
        more_places: Sequence[Institution] = (),
        beside: "Clinic | None" = None,
        profile: Profile | None = None,
    ) -> None:
        """`beside` shares the hub of another clinic: a second window with a disk of its own."""
        super().__init__(folder, seed=1 if beside is None else beside.seed + 1, profile=profile)
        if beside is not None:
            self.world, self.clock, self.hub_verifier = beside.world, beside.clock, beside.hub_verifier
        elif more_people or more_places:
            self.world = build_world(
                seed=self.seed, profile=self.profile, signer=MacKey(f"hub {self.seed}"), people=(*_PEOPLE, *more_people),
                world=_with(_PLACES, more_places),
            )  # fmt: skip
        self.slot = self.seed
        self.institution = self.world.world.institutions[institution]
        self.world.keys.register(institution, f"{self.slot:02d}", MacKey(f"terminal {self.seed}"))
        self.hub_link = ListeningLink(self.world.hub, self.clock.now, asyncio.sleep, self.profile.hub.path)

    async def window(self, watch: Watch | None = None) -> "Window":
        """Start the counter of the window on the disk as it is."""
        return Window(self, await self.start(watch, config=window_config(self.institution, self.slot)))

    def visits(self, who: str = "yi") -> list[VisitRecord]:
        """The visits of a person that stand at the hub."""
        return list(self.world.ledger.visits(self.world.person(who).psn_no, self.institution.code))

    def assert_clean(self, window: "Window") -> None:
        """Books agree, no visit stands but the settled ones, no line waits, nothing is owed or queued."""
        self.assert_books_agree(window.till)
        ledger = self.world.ledger
        settled = {record.mdtrt_id for record in ledger.live_settlements()}
        standing = [visit for person in self.world.people for visit in self.visits(person.slug)]
        assert {visit.mdtrt_id for visit in standing} == settled
        for visit in standing:
            assert ledger.unsettled_lines(visit.mdtrt_id) == ()
        assert window.queued() == 0

    def sign_everybody_out(self) -> None:
        """The hub forgets who has signed in: from now on it refuses everything else."""
        for exchange in self.hub_link.sent:
            if exchange.sign_in_no:
                self.world.ledger.remove_sign_in(exchange.sign_in_no)


def _with(places: World, more: Sequence[Institution]) -> World:
    institutions = {**places.institutions, **{place.code: place for place in more}}
    return msgspec.structs.replace(places, institutions=institutions)


class Window:
    """What the front desk does."""

    def __init__(self, clinic: Clinic, till: Till) -> None:
        self.clinic = clinic
        self.till = till
        self.counter = till.counter

    async def open(
        self, number: str = "1", lines: tuple[LineWish, ...] = STORY, *, use_account: bool = True
    ) -> Settlement:
        """Open a visit."""
        wish = SaleWish(number, lines, use_account=use_account, flow="clinic_visit")
        return await self.counter.sales.open(wish, "front desk", "")

    async def type_number(self, settlement: Settlement, who: str = "yi") -> Settlement:
        """Type the person's identity number (medium 02)."""
        return await self.counter.media.give_identity_number(
            settlement.id, self.clinic.world.person(who).certno
        )

    async def insert_card(self, settlement: Settlement, who: str = "yi", card_sn: str = "") -> Settlement:
        """Give what the reader finds on the person's card (medium 03)."""
        person = self.clinic.world.person(who)
        assert person.card is not None
        medium = Medium(
            "03", Secret(person.card.number), Secret(card_sn or person.card.identification_code), Secret(person.certno),
            Secret(person.name),
        )  # fmt: skip
        return await self.counter.settlements.post(settlement.id, MediumGiven(medium), "card reader")

    async def arrive(
        self,
        number: str = "1",
        lines: tuple[LineWish, ...] = STORY,
        who: str = "yi",
        *,
        use_account: bool = True,
    ) -> Settlement:
        """Open a visit and say who has come: the filings are known."""
        return await self.type_number(await self.open(number, lines, use_account=use_account), who)

    async def pick(self, settlement: Settlement, wish: DiseaseWish = DIABETES) -> Settlement:
        """Pick the disease; with lines on the sheet the quote follows."""
        return await self.counter.sales.pick_disease(settlement.id, wish)

    async def priced(
        self,
        number: str = "1",
        lines: tuple[LineWish, ...] = STORY,
        who: str = "yi",
        wish: DiseaseWish = DIABETES,
    ) -> Settlement:
        """A visit up to its quote."""
        return await self.pick(await self.arrive(number, lines, who), wish)

    async def confirm(self, settlement: Settlement) -> Settlement:
        """The person agrees."""
        return await self.counter.sales.confirm(settlement.id, "N01")

    async def settled(
        self, number: str = "1", lines: tuple[LineWish, ...] = STORY, who: str = "yi"
    ) -> Settlement:
        """A whole visit."""
        return await self.confirm(await self.priced(number, lines, who))

    async def abandon(self, settlement: Settlement) -> Settlement:
        """Give the visit up."""
        return await self.counter.sales.abandon(settlement.id, "N01")

    async def cancel(self, settlement: Settlement) -> Settlement:
        """Cancel a settled visit."""
        return await self.counter.sales.cancel(settlement.id, "N01", "开错药")

    async def get(self, settlement: Settlement) -> Settlement:
        """What the counter says now."""
        return await self.counter.settlements.get(settlement.id)

    def steps(self, settlement: Settlement) -> list[tuple[str, str, str | None]]:
        """Transaction, state and verdict of every message that could change the hub."""
        return [row[1:] for row in self.till.attempts(settlement.id)]

    def queued(self) -> int:
        """How many settlements wait for a try."""
        return len(self.till.connection.execute("SELECT settlement FROM reversal_queue").fetchall())

    async def rest(self, limit_s: float = 3600.0) -> None:
        """Wait until nothing is in doubt, nothing is owed to the hub, and no slip waits."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        while self.queued() and loop.time() < end_s:
            self.till.watch.alive()
            await asyncio.sleep(until_a_look_is_worth_it_s(end_s - loop.time()))
        assert not self.queued(), f"still owed after {limit_s} s: {self.till.states()}"
        await self.till.quiet(limit_s)

    async def pass_time(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    async def finish(self) -> None:
        """Come to rest with clean books, and end."""
        await self.rest()
        self.clinic.assert_clean(self)
        await self.till.stop()

    async def restart(self) -> "Window":
        """Pull the plug and start again on what the disk held."""
        await self.till.kill()
        return await self.clinic.window()


def state_of(settlement: Settlement) -> tuple[State, str]:
    """State and message code of a settlement."""
    return settlement.state, "" if settlement.notice is None else settlement.notice.code
