"""Goods come back: the whole settlement is cancelled, then what the customer keeps is sold anew (decision 0011)."""

from collections.abc import Callable

from terminal.core.events import CancelAsked, Misuse, RefundWithdrawn
from terminal.core.flows import CLINIC_VISIT
from terminal.core.refunding import plan_refund
from terminal.core.states import State
from terminal.core.values import ReturnedLine, Settlement
from terminal.counter.engine import require_in_term
from terminal.counter.holds import Holds
from terminal.counter.numbers import visit_number
from terminal.counter.prescriptions import Notes
from terminal.counter.reading import returned_lines
from terminal.counter.sales import Sales
from terminal.counter.settlements import Settlements
from terminal.counter.wishes import RefundWish
from terminal.counter.workroom import Workroom


class Refunds:
    """The refunds of one counter."""

    def __init__(
        self,
        workroom: Workroom,
        holds: Holds,
        new_id: Callable[[], str],
        settlements: Settlements,
        sales: Sales,
        note: Notes,
    ) -> None:
        """`note` writes into the audit log."""
        self._workroom = workroom
        self._holds = holds
        self._new_id = new_id
        self._settlements = settlements
        self._sales = sales
        self._note = note

    async def begin(self, settlement_id: str, wish: RefundWish, operator: str) -> Settlement:
        """Cancel the whole settlement and plan the sale of what remains. Returns it as it stands then.

        Safe to repeat: the same goods are the same refund. Raises `Misuse`: `refund_differs` (other goods than the refund
        under way or done), and as `plan_refund`.
        """
        settlement = await self._settlements.get(settlement_id)
        require_in_term(settlement)
        returned = returned_lines(settlement, wish)
        if settlement.refund is not None and not self._workroom.failure:
            return _same_refund(settlement, returned)
        self._holds.require_newest()
        rest_id = self._new_id()
        plan = plan_refund(
            settlement,
            returned,
            operator=operator,
            reason=wish.reason,
            rest_id=rest_id,
            rest_visit_no=visit_number(rest_id) if settlement.flow == CLINIC_VISIT.name else "",
        )
        asked = CancelAsked(operator, wish.reason, plan)
        waits = not settlement.running
        try:
            # A slip being noted as printed is waited for: it is no reason to send the cashier away.
            return await self._settlements.post(settlement_id, asked, operator, wait=waits)
        except Misuse:
            if self._workroom.failure:
                raise
            known = await self._settlements.get(settlement_id)
            if known.refund is None:
                raise
            return _same_refund(known, returned)  # somebody else asked at the same moment

    async def withdraw(self, settlement_id: str, operator: str) -> Settlement:
        """Settle nothing anew after a refund: what remains is not opened, or is given up. The cancellation stands."""
        settlement = await self._settlements.get(settlement_id)
        plan = settlement.refund
        if plan is not None and (plan.withdrawn or not plan.rest_id):
            return settlement
        if plan is not None and settlement.state is State.CANCELLED:  # what remains is open already
            await self._sales.abandon(plan.rest_id, operator)
        else:
            settlement = await self._settlements.post(settlement_id, RefundWithdrawn(operator), operator)
        await self._note(operator, "refund_withdrawn", settlement_id)
        return settlement


def _same_refund(settlement: Settlement, returned: tuple[ReturnedLine, ...]) -> Settlement:
    """The sale whose refund is under way or done, if it is this one; raises `Misuse` (`refund_differs`)."""
    if settlement.refund is None or settlement.refund.returned != returned:
        raise Misuse("refund_differs")
    return settlement
