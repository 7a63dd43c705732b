"""What the hub keeps of the person of a sale: diagnoses, fee lines, policy items, drugs, totals, chosen institutions.

The person is named by the sale, so nobody types a number; who asked is noted in the audit log, because the answers
are about somebody's health.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from protocols.hub import filings, records
from protocols.wire_time import format_time
from terminal.api.client_name import ClientName
from terminal.api.questions import ask
from terminal.api.rows import row_of
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.core.states import State
from terminal.core.values import Person, Settlement
from terminal.counter.staff import Staff
from terminal.shapes.hub import RowsView

CHRONIC_PERIOD_DAYS: Final = 365
"""How far back chronic drugs and transfers are asked for."""
DESIGNATED_INSTITUTION: Final = "03"
"""`biz_appy_type` of the institution chosen for out-patient care."""


_OVER: Final = frozenset({State.CLOSED, State.CANCELLED, State.REVERSED, State.REFUSED, State.ABANDONED})
"""The person has gone."""


class RecordWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks; the sale names the person, the visit and the settlement."""

    operator: str = ""
    """Empty = the operator of the till."""


class _Asked(msgspec.Struct, frozen=True):
    """Of whom and of what."""

    person: Person
    visit_id: str
    settlement_id: str
    now: dt.datetime


def _diagnoses(asked: _Asked) -> msgspec.Struct:
    query = records.DiagnosesQuery(visit_id=_known(asked.visit_id), person_no=asked.person.psn_no)
    return records.DiagnosesQueryInput(query=query)


def _lines(asked: _Asked) -> msgspec.Struct:
    query = records.FeeLinesQuery(
        person_no=asked.person.psn_no,
        settlement_id=_known(asked.settlement_id),
        visit_id=_known(asked.visit_id),
    )
    return records.FeeLinesQueryInput(query=query)


def _drugs(asked: _Asked) -> msgspec.Struct:
    began_at = asked.now - dt.timedelta(days=CHRONIC_PERIOD_DAYS)
    query = records.ChronicDrugsQuery(
        person_no=asked.person.psn_no, began_at=format_time(began_at), ended_at=format_time(asked.now)
    )
    return records.ChronicDrugsQueryInput(query=query)


def _totals(asked: _Asked) -> msgspec.Struct:
    return records.TotalsQueryInput(query=records.TotalsQuery(person_no=asked.person.psn_no))


def _institutions(asked: _Asked) -> msgspec.Struct:
    query = records.DesignatedQuery(person_no=asked.person.psn_no, business=DESIGNATED_INSTITUTION)
    return records.DesignatedQueryInput(query=query)


def _items(asked: _Asked) -> msgspec.Struct:
    query = records.PolicyItemsQuery(
        person_no=asked.person.psn_no,
        settlement_id=_known(asked.settlement_id),
        visit_id=_known(asked.visit_id),
    )
    return records.PolicyItemsQueryInput(query=query)


def _transfers(asked: _Asked) -> msgspec.Struct:
    began_at = asked.now - dt.timedelta(days=CHRONIC_PERIOD_DAYS)
    query = filings.TransfersQuery(person_no=asked.person.psn_no, began_at=format_time(began_at))
    return filings.TransfersQueryInput(query=query)


def _known(number: str) -> str:
    if not number:
        raise Misuse("nothing_at_hub")
    return number


class _Record(msgspec.Struct, frozen=True):
    infno: str
    asking: Callable[[_Asked], msgspec.Struct]


RECORDS: Final[Mapping[str, _Record]] = {
    "diagnoses": _Record("5202", _diagnoses),
    "lines": _Record("5204", _lines),
    "drugs": _Record("5205", _drugs),
    "totals": _Record("5206", _totals),
    "institutions": _Record("5302", _institutions),
    "transfers": _Record("5304", _transfers),
    "items": _Record("100001", _items),
}
"""By name in the path."""


class RecordController(Controller):
    """Records at the hub, of the person of a sale."""

    path = "/sales"

    @post("/{settlement_id:str}/records/{record:str}", status_code=200)
    async def rows(
        self,
        service: NamedDependency[Service],
        settlement_id: FromPath[str],
        record: FromPath[str],
        data: JSONBody[RecordWish],
        client: ClientName = "till",
    ) -> RowsView:
        """Ask for `diagnoses`, `lines` or `items` of the sale, or for `drugs`, `totals`, `institutions` or `transfers` of its person."""
        known = RECORDS.get(record)
        if known is None:
            raise Misuse("bad_request", reason=f"record: one of {', '.join(RECORDS)}")
        counter = service.require_counter()
        settlement = await counter.settlements.get(settlement_id)
        operator = data.operator or service.config.terminal.operator
        if not may_ask(counter.staff, operator, settlement):
            await counter.note(operator, "records_refused", f"{known.infno} {settlement_id}")
            raise Misuse("not_permitted")
        asked = _asked(settlement, counter.clock.now())
        content = known.asking(asked)
        await counter.note(client, "records_asked", f"{known.infno} {settlement_id}")
        division = asked.person.insured_division
        answer = await ask(service, known.infno, content, records.RowsOutput, division)
        return RowsView(known.infno, tuple(map(row_of, answer.rows)))


def may_ask(staff: Staff, operator: str, settlement: Settlement) -> bool:
    """Whether an operator may see what the hub keeps of a sale's person (R79).

    Where the counter knows roles, a cashier may for the person being served, by themselves and until the sale is over;
    pharmacists and supervisors may always.
    """
    if not staff.knows_roles or staff.role_of(operator) != "cashier":
        return True
    return settlement.operator == operator and settlement.state not in _OVER


def _asked(settlement: Settlement, now: dt.datetime) -> _Asked:
    person, booking = settlement.person, settlement.booking
    if person is None:
        raise Misuse("no_medium")
    if not person.psn_no:
        raise Misuse("evidence_past_term")
    info = None if booking is None else booking.info
    return _Asked(
        person,
        settlement.visit_id or ("" if info is None else info.visit_id),
        "" if info is None else info.settlement_id,
        now,
    )
