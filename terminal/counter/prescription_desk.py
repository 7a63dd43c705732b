"""Circulating prescriptions beside a sale: what there is for its person, taking one for the sale, and freeing it."""

from collections.abc import Sequence

from protocols.hub.prescriptions import CirculatingPrescription
from terminal.core.events import Event, Misuse, PrescriptionTaken
from terminal.core.values import Notice, Settlement
from terminal.counter.engine import Wish
from terminal.counter.feed import Feed
from terminal.counter.holds import Holds
from terminal.counter.prescriptions import Prescriptions
from terminal.counter.scanning import TAKES_SCANS
from terminal.counter.settlements import Settlements
from terminal.counter.workroom import Workroom


class PrescriptionDesk:
    """What a person asks of the prescription centre for one sale."""

    def __init__(
        self,
        centre: Prescriptions,
        settlements: Settlements,
        workroom: Workroom,
        holds: Holds,
        feed: Feed,
    ) -> None:
        self._centre = centre
        self._settlements = settlements
        self._workroom = workroom
        self._holds = holds
        self._feed = feed

    async def of(self, settlement_id: str) -> Sequence[CirculatingPrescription]:
        """The circulating prescriptions of the sale's person, whatever their state. Raises `Misuse`."""
        settlement = await self._settlements.get(settlement_id)
        return await self._workroom.do(lambda: self._centre.of(settlement))

    async def take(self, settlement_id: str, number: str, reviewer: str) -> Settlement:
        """Sell against a prescription that this pharmacist has reviewed: lock it for the sale, then quote anew."""
        settlement = await self._settlements.get(settlement_id)
        if settlement.state not in TAKES_SCANS:
            raise Misuse("not_open_for_changes", state=settlement.state.value)
        if settlement.person is None:
            raise Misuse("no_medium")
        self._holds.require_newest()
        taken = await self._workroom.do(lambda: self._centre.take(settlement, number, reviewer))
        return await self._settlements.post(
            settlement_id, PrescriptionTaken(taken, settlement.person.psn_no), reviewer
        )

    async def post(self, settlement_id: str, event: Event | Wish, actor: str) -> Settlement:
        """Hand over an event that may take the prescription from its sale (other lines, another person): it is freed."""
        before = await self._settlements.get(settlement_id)
        after = await self._settlements.post(settlement_id, event, actor)
        if before.prescription is not None and after.prescription is None:
            await self.free(before)
        return after

    async def free(self, settlement: Settlement) -> None:
        """What the sale did not use may be used elsewhere at once; unheard, the lock ends by itself."""
        if settlement.prescription is None:
            return
        try:
            await self._workroom.do(lambda: self._centre.release(settlement))
        except Misuse as unheard:
            self._feed.announce(Notice(unheard.code, unheard.params))
