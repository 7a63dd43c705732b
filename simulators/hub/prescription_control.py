"""What a doctor's office does at the prescription centre, for the control API: issue and void."""

import datetime as dt

import msgspec

from protocols.wire_time import format_time
from simulators.control import PrescriptionSeen
from simulators.hub import prescriptions
from simulators.hub.ledger import Ledger
from simulators.hub.prescriptions import VALID, Item, Prescription
from simulators.people import Person


class DrugOrder(msgspec.Struct, frozen=True):
    """One drug."""

    code: str
    """National code."""
    quantity: int = 1


class PrescriptionOrder(msgspec.Struct, frozen=True):
    """Issue a prescription to somebody, or void one by its number."""

    psn_no: str = ""
    drugs: tuple[DrugOrder, ...] = ()
    issuer: str = "H99990000002"
    revisit: bool = False
    """Issued over the internet without seeing the person: it needs an earlier visit there (R64)."""
    void: str = ""


def carry_out(
    ledger: Ledger, order: PrescriptionOrder, person: Person | None, now: dt.datetime
) -> PrescriptionSeen:
    """Carry an order out. Raises LookupError and ValueError for one that makes no sense."""
    if order.void:
        with ledger.transaction():
            prescriptions.void(ledger, order.void)
        return _seen(ledger, order.void)
    if person is None or not order.drugs or any(drug.quantity < 1 for drug in order.drugs):
        raise ValueError("a person and at least one drug, in whole packs")
    if order.revisit and not any(
        visit.begntime < format_time(now) for visit in ledger.visits(person.psn_no, order.issuer)
    ):
        raise ValueError(f"a revisit needs an earlier visit of this person at {order.issuer}")
    count = len(prescriptions.issued(ledger)) + 1
    number = f"RX{now:%Y%m%d}{count:06d}"
    with ledger.transaction():
        prescriptions.issue(
            ledger,
            Prescription(
                rxno=number,
                psn_no=person.psn_no,
                issuer=order.issuer,
                doctor="测试医师",
                diagnosis="测试诊断",
                issued=now.date(),
                until=now.date() + VALID,
                items=tuple(Item(drug.code, "", drug.quantity * 10_000) for drug in order.drugs),
            ),
        )
    return _seen(ledger, number)


def _seen(ledger: Ledger, number: str) -> PrescriptionSeen:
    found = prescriptions.find(ledger, number)
    if found is None:
        raise LookupError(number)
    return PrescriptionSeen(found.rxno, found.state, found.holder, found.until.isoformat())
