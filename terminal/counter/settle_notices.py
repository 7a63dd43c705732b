"""Settle notices: the certified terminal shows the customer how the sum was shared (`ecert.settle_notify`, K38).

Only where the customer was identified by an e-certificate, only in the process that saw it, once, and only after the
outcome is on disk: SUCCESS for a settlement that stands, FAIL for one that was refused or reversed, nothing while it is
in doubt. No answer changes anything; a notice that was lost stays lost. Its business number follows from what is on
disk since the sale was opened (PD-5): opening time and the settlement's own number.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec

from protocols.ecertificate.business import out_biz_no
from protocols.ecertificate.notice import (
    NoticeKind,
    NoticeState,
    SettleNotice,
    line_of,
    lines_text,
)
from protocols.money import Fen
from protocols.wire_time import format_time, parse_time
from terminal.core.states import State
from terminal.core.values import Settlement
from terminal.counter.engine import in_doubt
from terminal.counter.numbers import number_of
from terminal.hub.centre import Office
from terminal.hub.client import Institution, Operator

_STATES: Final = {
    State.CONFIRMED: NoticeState.SUCCESS,
    State.REFUSED: NoticeState.FAIL,
    State.REVERSED: NoticeState.FAIL,
}
_OVER: Final = frozenset({State.ABANDONED, State.CANCELLED, State.CLOSED})
_CERTIFICATE: Final = "01"

Tell = Callable[[SettleNotice], Awaitable[str]]
Start = Callable[[Coroutine[Any, Any, None]], None]


class SettleNotices:
    """Watches settlements and tells what became of those that an e-certificate began."""

    def __init__(
        self,
        institution: Institution,
        operator: Operator,
        office: Office,
        doctor_name: str,
        tell: Tell,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._institution = institution
        self._operator = operator
        self._office = office
        self._doctor_name = doctor_name
        self._tell = tell
        self._now = now
        self._by_certificate: set[str] = set()

    def changed(self, settlement: Settlement, start: Start) -> None:
        """A settlement has changed, durably where that matters; `start` runs the telling beside the sales."""
        if settlement.medium is not None:
            if settlement.medium.kind == _CERTIFICATE:
                self._by_certificate.add(settlement.id)
            else:
                self._by_certificate.discard(settlement.id)
            return
        if settlement.id not in self._by_certificate:
            return
        if settlement.state in _OVER:
            self._by_certificate.discard(settlement.id)
        elif settlement.state in _STATES and not in_doubt(settlement):
            self._by_certificate.discard(settlement.id)
            start(self._send(settlement))

    async def _send(self, settlement: Settlement) -> None:
        notice = self._notice(settlement)
        if notice is not None:
            await self._tell(notice)

    def _notice(self, settlement: Settlement) -> SettleNotice | None:
        """What is told; None when too little is known of the person to tell anything."""
        person, state = settlement.person, _STATES[settlement.state]
        if person is None:
            return None
        began = parse_time(settlement.began_at)
        notice = SettleNotice(
            institution_code=self._institution.code,
            business_number=out_biz_no(self._institution.code, began, number_of(settlement.id, 10)),
            state=state,
            operator_id=self._operator.number,
            operator_name=self._operator.name,
            total=Fen(sum(line.amount_fen for line in settlement.lines)).wire_text(),
            kind=NoticeKind.SETTLE,
            document_no=person.certno,
            name=person.name,
            settled_at=format_time(self._now()),
            institution_name=self._institution.name,
            department_code=self._office.code,
            department_name=self._office.name,
            doctor_name=self._doctor_name,
        )
        return _with_result(notice, settlement) if state is NoticeState.SUCCESS else notice


def _with_result(notice: SettleNotice, settlement: Settlement) -> SettleNotice | None:
    booking = settlement.booking
    if booking is None:
        return None
    split, info = booking.split, booking.info
    classes = booking.line_classes or settlement.line_classes
    lines = tuple(
        line_of(
            str(line.number),
            line.name,
            _is_insured(classes, at),
            line.price,
            line.quantity,
            Fen(line.amount_fen),
        )
        for at, line in enumerate(settlement.lines)
    )
    balance = 0 if info.balance_fen is None else info.balance_fen
    return msgspec.structs.replace(
        notice,
        total=_yuan(split.total_fen),
        settlement_no=info.settlement_id,
        own=_yuan(split.cash_fen),
        balance=_yuan(balance),
        lines=lines_text(lines),
        fund=_yuan(split.fund_fen),
        account=_yuan(split.account_fen),
        pooled=_optional(info.pooled_fund_fen),
        serious_illness=_optional(info.serious_illness_fen),
        civil_servant=_optional(info.civil_servant_fen),
        assistance=_optional(info.assistance_fen),
        hospital=_yuan(split.hospital_fen),
    )


def _is_insured(classes: tuple[str, ...], at: int) -> bool:
    """Class C (03) is wholly self-paid; a line whose class nobody told counts as insured."""
    return at >= len(classes) or classes[at] != "03"


def _yuan(amount_fen: int) -> str:
    return Fen(amount_fen).wire_text()


def _optional(amount_fen: Fen | None) -> str:
    return "" if amount_fen is None else amount_fen.wire_text()
