"""Goods on a circulating prescription that were settled at order: handed over later, against the pick-up code (R64).

No money moves here and the settlement is not touched. How far the goods have come is told by notes in the audit log alone
(`goods_sent`, `goods_handed_over`), on disk before anybody hears of them; the newest note counts, and goods that were handed
over stay so.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from terminal.core.events import Misuse
from terminal.core.states import BOOKED
from terminal.core.values import Settlement
from terminal.counter.engine import Engine, in_doubt, require_in_term
from terminal.counter.settlements import AUDIT_STRETCH, Settlements
from terminal.counter.workroom import Workroom
from terminal.journal.journal import Journal
from terminal.journal.records import Stamp
from terminal.shapes.prescriptions import Delivery
from terminal.slips.pick_up_code import pick_up_code

_NOTED: Final[dict[str, Delivery]] = {"goods_sent": "sent", "goods_handed_over": "handed_over"}


class Parcel(msgspec.Struct, frozen=True):
    """The goods of one sale."""

    state: Delivery
    code: str
    """What the customer shows, six digits."""


class HandOver:
    """Says and notes how far the goods of a sale have come."""

    def __init__(
        self,
        engine: Engine,
        settlements: Settlements,
        workroom: Workroom,
        mac: Callable[[bytes], bytes],
        *,
        at_order: bool,
    ) -> None:
        """`at_order`: the counter settles at order, so goods are handed over later."""
        self._engine = engine
        self._settlements = settlements
        self._workroom = workroom
        self._mac = mac
        self._at_order = at_order
        self._noting = asyncio.Lock()

    async def of(self, settlement_id: str) -> Parcel:
        """How far the goods have come. Raises `Misuse` for a sale that is not handed over later, or does not stand."""
        code = await self._code(settlement_id)
        return Parcel(await self._state(settlement_id), code)

    async def note(self, settlement_id: str, code: str, operator: str, *, sent: bool) -> Parcel:
        """Note that the goods were sent, or else handed over, to whoever shows this code. Safe to repeat. Raises `Misuse`."""
        return await self._workroom.do(lambda: self._note(settlement_id, code, operator, sent=sent))

    async def _note(self, settlement_id: str, code: str, operator: str, *, sent: bool) -> Parcel:
        right = await self._code(settlement_id)
        if code.strip() != right:
            raise Misuse("wrong_pick_up_code")
        async with self._noting:  # a late "sent" must not be noted behind "handed over"
            state = await self._state(settlement_id)
            if state == "handed_over" or (sent and state == "sent"):
                return Parcel(state, right)
            action = "goods_sent" if sent else "goods_handed_over"
            noting = partial(_note_if_it_stands, settlement_id, operator, action, self._engine.stamp())
            if not await self._workroom.write(noting):
                raise _does_not_stand(await self._settlements.get(settlement_id))
            return Parcel(_NOTED[action], right)

    async def _code(self, settlement_id: str) -> str:
        settlement = await self._settlements.get(settlement_id)
        require_in_term(settlement)
        code = pick_up_code(settlement, self._mac, at_order=self._at_order)
        if not code:
            raise Misuse("no_hand_over")
        if settlement.state not in BOOKED or in_doubt(settlement):
            raise _does_not_stand(settlement)
        return code

    async def _state(self, settlement_id: str) -> Delivery:
        """By the newest note; looked for backwards, a stretch at a time, no further than where the sale begins."""
        until, _ = await self._workroom.read(lambda journal: journal.audit.head)
        while until > 0:
            after = max(0, until - AUDIT_STRETCH)
            found = await self._workroom.read(partial(_newest, settlement_id, after, until))
            if found:
                return _NOTED.get(found, "waiting")
            until = after
        return "waiting"


def _newest(settlement_id: str, after: int, until: int, journal: Journal) -> str:
    return journal.audit.newest_note(settlement_id, tuple(_NOTED), after, until)


def _note_if_it_stands(
    settlement_id: str, operator: str, action: str, stamp: Stamp, journal: Journal
) -> bool:
    """On the journal's thread: no cancellation can get onto the disk between the look and the note."""
    row = journal.settlements.get(settlement_id)
    if row is None or row.state not in BOOKED:
        return False
    journal.audit.note(operator, action, settlement_id, stamp)
    return True


def _does_not_stand(settlement: Settlement) -> Misuse:
    return Misuse("hand_over_not_settled", state=settlement.state.value)
