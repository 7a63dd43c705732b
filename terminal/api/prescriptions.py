"""Circulating prescriptions of the person of a sale: the list, taking one for the sale, and handing its goods over later."""

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from protocols.hub.prescriptions import CirculatingPrescription
from terminal.api.client_name import ClientName
from terminal.api.records import may_ask
from terminal.api.service import Service
from terminal.api.views import settlement_view
from terminal.core.events import Misuse
from terminal.counter.hand_over import Parcel
from terminal.shapes.prescriptions import CirculatingView, HandOverView, PrescribedView
from terminal.shapes.settlements import SettlementView
from terminal.texts import tell

_STATES = {"1": "issued", "2": "locked", "3": "dispensed", "4": "void", "5": "expired"}


class PrescriptionsWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks; the sale names the person."""

    operator: str = ""
    """Empty = the operator of the till."""


class TakeWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which prescription, and which pharmacist has reviewed it."""

    number: str
    pharmacist: str


class HandOverWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to the goods of a sale that was settled at order."""

    code: str
    """The pick-up code that the customer shows."""
    operator: str = ""
    """Empty = the operator of the till."""
    sent: bool = False
    """True: given to a courier; false: handed over to the customer."""


class PrescriptionController(Controller):
    """Prescriptions at the centre, of the person of a sale."""

    path = "/sales"

    @post("/{settlement_id:str}/prescriptions", status_code=200)
    async def prescriptions(
        self,
        service: NamedDependency[Service],
        settlement_id: FromPath[str],
        data: JSONBody[PrescriptionsWish],
        client: ClientName = "till",
    ) -> list[CirculatingView]:
        """List the prescriptions of the sale's person, with their diagnoses; the audit log notes who asked."""
        counter = service.require_counter()
        settlement = await counter.settlements.get(settlement_id)
        operator = data.operator or service.config.terminal.operator
        if not may_ask(counter.staff, operator, settlement):
            await counter.note(operator, "records_refused", f"990101 {settlement_id}")
            raise Misuse("not_permitted")
        await counter.note(client, "prescriptions_asked", settlement_id)
        return [_view(row) for row in await counter.prescriptions.of(settlement_id)]

    @post("/{settlement_id:str}/prescription", status_code=200)
    async def take(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[TakeWish]
    ) -> SettlementView:
        """Sell against a prescription that a pharmacist has reviewed: it is locked for this sale, and the quote follows."""
        counter = service.require_counter()
        taken = await counter.prescriptions.take(settlement_id, data.number, data.pharmacist)
        return settlement_view(taken, service.mask)

    @get("/{settlement_id:str}/hand_over")
    async def handed_over(
        self, service: NamedDependency[Service], settlement_id: FromPath[str]
    ) -> HandOverView:
        """How far the goods of a sale have come that was settled at order, and its pick-up code."""
        return _parcel_view(await service.require_counter().hand_over.of(settlement_id))

    @post("/{settlement_id:str}/hand_over", status_code=200)
    async def hand_over(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], data: JSONBody[HandOverWish]
    ) -> HandOverView:
        """Note that the goods were sent, or handed over, against the pick-up code; safe to repeat."""
        counter, operator = service.require_counter(), data.operator or service.config.terminal.operator
        noted = await counter.hand_over.note(settlement_id, data.code, operator, sent=data.sent)
        return _parcel_view(noted)


def _parcel_view(parcel: Parcel) -> HandOverView:
    return HandOverView(parcel.state, tell(f"goods_{parcel.state}"), parcel.code)


def _view(row: CirculatingPrescription) -> CirculatingView:
    return CirculatingView(
        row.number,
        _STATES.get(row.status, row.status),
        row.issuer_name or row.issuer_code,
        row.doctor_name,
        row.diagnosis,
        row.issued_on,
        row.valid_until,
        tuple(PrescribedView(item.code, item.name, item.quantity.wire_text()) for item in row.items),
    )
