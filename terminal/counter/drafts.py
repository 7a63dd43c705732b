"""A wish becomes a sale: the draft with which a settlement begins. Nothing is written and nobody is asked here."""

import datetime as dt
from collections.abc import Callable

from drivers.interfaces.clock import Clock
from protocols.hub.profile import Profile
from protocols.wire_time import format_time
from terminal.core.events import Misuse
from terminal.core.flows import CLINIC_VISIT, FLOWS
from terminal.core.message_parts import Site
from terminal.core.reviewing import due_review
from terminal.core.states import State
from terminal.core.values import SaleKey, Settlement
from terminal.counter.goods import Goods
from terminal.counter.numbers import visit_number
from terminal.counter.reading import lines_of, require_benefit, require_sale_number, self_pay_of
from terminal.counter.wishes import SaleWish
from terminal.hub.client import Operator


class Drafts:
    """Makes the drafts of one till."""

    def __init__(
        self,
        *,
        profile: Profile,
        site: Site,
        till: str,
        lane: str,
        operator: Operator,
        goods: Goods,
        clock: Clock,
        today: Callable[[], dt.date],
        new_id: Callable[[], str],
    ) -> None:
        self._profile = profile
        self._site = site
        self._till = till
        self._lane = lane
        self._operator = operator
        self._goods = goods
        self._clock = clock
        self._today = today
        self._new_id = new_id

    def draft(self, wish: SaleWish) -> Settlement:
        """The sale that is wished, under a new id. Raises `Misuse` for what cannot be read or is not sold here."""
        if wish.flow not in FLOWS:
            raise Misuse("bad_request", reason=f"flow: one of {', '.join(FLOWS)}")
        require_sale_number(wish.sale_number)
        require_benefit(wish)
        if wish.benefit == "dual_channel" and not self._site.dual_channel:
            raise Misuse("not_dual_channel")
        lines = lines_of(wish.lines, self._goods.items)
        settlement_id = self._new_id()
        return Settlement(
            id=settlement_id,
            key=SaleKey(self._site.institution_code, self._till, wish.sale_number, self._today()),
            lane=self._lane,
            flow=wish.flow,
            own_visit_no=visit_number(settlement_id) if wish.flow == CLINIC_VISIT.name else "",
            state=State.DRAFT,
            operator=self._operator.number,
            division=self._site.division,
            benefit=wish.benefit,
            asked_disease=wish.disease_code,
            asked_insutype=wish.insutype,
            local_only=not self._site.networked,
            epidemic=wish.epidemic,
            began_at=format_time(self._clock.now()),
            use_account=wish.use_account,
            lines=lines,
            review=due_review(self._profile),
            self_pay=self_pay_of(wish.lines, self._goods.items),
        )
