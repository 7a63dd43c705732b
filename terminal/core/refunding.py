"""A refund (退货): goods come back. The whole settlement is cancelled, then what the customer keeps is sold anew.

There is no partial cancellation on the wire, so a refund is a plan, a cancellation and a sale. The plan stands in the
cancelled settlement and reaches the disk together with the cancellation's message, before its first byte leaves. What
remains is opened as the next generation of the same sale number in the very transaction that makes the old settlement
CANCELLED: there is no moment at which a crash could lose it or open it twice. It is then a sale like any other, with two
differences: it survives a restart as a draft (unless a visit of it is at the hub), and only the person of the first
settlement can be its customer. That person shows the medium again (a code is good for one business event, and no medium
is ever stored) and agrees to the new amounts before anything is settled.
"""

from collections.abc import Sequence

import msgspec

from protocols.hub.profile import Profile
from protocols.money import Quantity, line_amount_fen
from terminal.core.events import Decision, Misuse
from terminal.core.reviewing import TELLING, due_review
from terminal.core.states import BOOKED, State
from terminal.core.values import ChargeLine, Notice, RefundOf, RefundPlan, ReturnedLine, Settlement

_replace = msgspec.structs.replace
_QUANTITY_UNIT = int(Quantity.parse("1"))


def plan_refund(
    settlement: Settlement,
    returned: Sequence[ReturnedLine],
    *,
    operator: str,
    reason: str,
    rest_id: str,
    rest_visit_no: str = "",
) -> RefundPlan:
    """Work out what remains when `returned` comes back; `rest_id` is the id of the sale of what remains.

    Raises `Misuse`: `nothing_to_refund` (state), `hub_number_unknown` (confirmed by ruling), `refund_line` (no such line, or
    named twice), `refund_too_much` (nothing, or more than was sold), `refund_trace_codes` (not a code of this line, or it
    is not said which packs come back).
    """
    if settlement.state not in BOOKED or settlement.quarantine:
        raise Misuse("nothing_to_refund", state=settlement.state.value)
    if settlement.booking is None:
        raise Misuse("hub_number_unknown")
    sold = {line.number: line for line in settlement.lines}
    back = {row.number: row for row in returned}
    if not back or len(back) != len(returned) or not back.keys() <= sold.keys():
        wrong = next(
            (row.number for row in returned if row.number not in sold), returned[0].number if returned else 0
        )
        raise Misuse("refund_line", line=str(wrong))
    kept = [_kept(line, back.get(line.number)) for line in settlement.lines]
    remaining = tuple(
        _replace(line, number=number)
        for number, line in enumerate((line for line in kept if line is not None), start=1)
    )
    return RefundPlan(
        returned=tuple(back[number] for number in sorted(back)),
        remaining=remaining,
        rest_id=rest_id if remaining else "",
        rest_visit_no=rest_visit_no if remaining else "",
        operator=operator,
        reason=reason,
    )


def _kept(line: ChargeLine, back: ReturnedLine | None) -> ChargeLine | None:
    """What the customer keeps of a line; None when all of it comes back."""
    if back is None:
        return line
    if not 0 < back.quantity <= line.quantity:
        raise Misuse("refund_too_much", line=str(line.number), sold=line.quantity.wire_text())
    if not set(back.trace_codes) <= set(line.trace_codes) or len(set(back.trace_codes)) != len(
        back.trace_codes
    ):
        raise Misuse("refund_trace_codes", line=str(line.number))
    left = Quantity(line.quantity - back.quantity)
    if not left:
        return None
    codes = tuple(code for code in line.trace_codes if code not in back.trace_codes)
    packs_left = -(-int(left) // _QUANTITY_UNIT)
    if len(codes) > packs_left:
        raise Misuse("refund_trace_codes", line=str(line.number))
    return _replace(line, quantity=left, amount_fen=int(line_amount_fen(line.price, left)), trace_codes=codes)


def opening_rest(decision: Decision, profile: Profile) -> Decision:
    """Add to a decision that ends in CANCELLED the sale of what remains, when a refund asked for it."""
    settlement = decision.settlement
    plan = settlement.refund
    if plan is None or (plan.withdrawn and not plan.perhaps_settled):
        return decision
    if not plan.remaining:
        return _replace(decision, settlement=_replace(settlement, notice=Notice("refund_done")))
    if plan.perhaps_settled:
        notice = Notice("refund_rest_not_opened", {"number": settlement.key.sale_number})
        return _replace(decision, settlement=_replace(settlement, notice=notice))
    told = _replace(settlement, notice=Notice("refund_cancelled", {"number": settlement.key.sale_number}))
    return _replace(decision, settlement=told, opens=_rest_of(settlement, plan, profile))


def _rest_of(settlement: Settlement, plan: RefundPlan, profile: Profile) -> Settlement:
    """Return the sale of what remains, on the terms of the first. When it began is filled in by whoever has a clock.

    A prescription is not among them: undoing the first settlement has freed it, so it is taken again, or not.
    """
    if settlement.person is None or settlement.booking is None:
        raise AssertionError("a settlement without person or booking")
    return Settlement(
        id=plan.rest_id,
        key=_replace(settlement.key, generation=settlement.key.generation + 1),
        lane=settlement.lane,
        flow=settlement.flow,
        state=State.DRAFT,
        operator=plan.operator,
        division=settlement.division,
        benefit=settlement.benefit,
        asked_disease=settlement.asked_disease,
        asked_insutype=settlement.asked_insutype,
        local_only=settlement.local_only,
        epidemic=settlement.epidemic,
        use_account=settlement.use_account,
        lines=plan.remaining,
        own_visit_no=plan.rest_visit_no,
        refund_of=RefundOf(
            settlement.id,
            settlement.key.generation,
            settlement.booking.info.settlement_id,
            settlement.person.psn_no,
        ),
        review=due_review(profile),
        notice=Notice("refund_rest_open", {"number": settlement.key.sale_number}),
    )


def withdraw_refund(settlement: Settlement) -> Decision:
    """Settle nothing anew: the cancellation under way goes on, what remains is not opened. Only before it is."""
    plan = settlement.refund
    if settlement.running:
        raise Misuse("busy")
    if plan is None or not settlement.cancel_wish or settlement.state is State.CANCELLED:
        raise Misuse("no_refund_under_way", state=settlement.state.value)
    return Decision(_replace(settlement, refund=_replace(plan, withdrawn=True)), durable=True)


def without_rest(settlement: Settlement) -> Settlement:
    """The rest of the refund may be settled by what this journal does not know (it is an old copy, or something else had
    cancelled the settlement before), so it is never opened.
    """
    plan = settlement.refund
    if plan is None or plan.withdrawn:
        return settlement
    return _replace(settlement, refund=_replace(plan, withdrawn=True, perhaps_settled=True))


def waits_at_start(settlement: Settlement) -> bool:
    """True for the rest of a refund of which nothing is at the hub but what a review was answered: its plan outlives a restart."""
    attempt = settlement.attempt
    only_told = attempt is None or attempt.infno == TELLING
    untouched = not settlement.visit_id and not settlement.unsure and only_told
    return settlement.refund_of is not None and untouched and settlement.state in (State.DRAFT, State.PRICED)
