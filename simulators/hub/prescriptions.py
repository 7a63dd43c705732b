"""The prescription centre beside the hub: issue, circulate, lock, dispense, free, void (R64; our own form, K98).

A lock is a lease: it ends by itself, and the same holder asking again holds the same lock longer. Dispensing is part of
booking a settlement, and undoing the settlement frees the prescription, in the same transaction of the ledger.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from simulators.hub import tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import as_node, check
from simulators.hub.identify import person_named
from simulators.hub.ledger import Ledger, LineRecord
from simulators.hub.refusals import Refused
from simulators.hub.wire import quantity

LEASE: Final = dt.timedelta(minutes=15)
VALID: Final = dt.timedelta(days=3)
_STATUS: Final = {"issued": "1", "locked": "2", "dispensed": "3", "void": "4"}
_EXPIRED: Final = "5"
_KIND: Final = "prescription"
_NOBODYS: Final = ""
"""A prescription circulates: the document belongs to no institution."""


class Item(msgspec.Struct, frozen=True):
    """One drug of a prescription."""

    code: str
    name: str
    quantity_e4: int


class Prescription(msgspec.Struct, frozen=True):
    """One prescription, with who holds it."""

    rxno: str
    psn_no: str
    issuer: str
    """Institution that issued it."""
    doctor: str
    diagnosis: str
    issued: dt.date
    until: dt.date
    items: tuple[Item, ...]
    state: Literal["issued", "locked", "dispensed", "void"] = "issued"
    holder: str = ""
    """Institution that has locked or dispensed it."""
    lock_no: str = ""
    locked_until: dt.datetime | None = None
    setl_id: str = ""
    """The settlement that dispensed it."""

    def seen(self, now: dt.datetime) -> "Prescription":
        """As it stands at a moment: a lease that has run out is none."""
        if self.state == "locked" and self.locked_until is not None and self.locked_until <= now:
            return msgspec.structs.replace(self, state="issued", holder="", lock_no="", locked_until=None)
        return self


def issue(ledger: Ledger, prescription: Prescription) -> None:
    """A doctor's office issues a prescription; its number must be new."""
    if find(ledger, prescription.rxno) is not None:
        raise ValueError(f"{prescription.rxno} is issued already")
    _keep(ledger, prescription)


def void(ledger: Ledger, rxno: str) -> None:
    """The doctor's office takes back what is not dispensed. Raises LookupError, ValueError."""
    found = find(ledger, rxno)
    if found is None:
        raise LookupError(f"there is no prescription {rxno}")
    if found.state == "dispensed":
        raise ValueError(f"{rxno} is dispensed")
    _keep(ledger, msgspec.structs.replace(found, state="void"))


def find(ledger: Ledger, rxno: str) -> Prescription | None:
    """One prescription as it was last written."""
    return ledger.documents.get(_KIND, rxno, _NOBODYS, Prescription)


def issued(ledger: Ledger) -> tuple[Prescription, ...]:
    """All that were ever issued, by number."""
    rows = ledger.documents.all(_KIND, _NOBODYS, Prescription)
    return tuple(sorted(rows, key=lambda row: row.rxno))


def query(desk: Desk, call: Call) -> Output:
    """990101: the person's prescriptions, whatever their state."""
    node = check(as_node(call.input.get("data"), "data"), tables.PRESCRIPTIONS_QUERY, "data")
    person = person_named(desk, call, node.text("psn_no"))
    wanted = node.text("rxno")
    rows = [row.seen(call.now) for row in issued(desk.ledger)]
    return {
        "data": [
            _row(desk, row, call.now.date())
            for row in rows
            if row.psn_no == person.psn_no and wanted in ("", row.rxno)
        ]
    }


def lock(desk: Desk, call: Call) -> Output:
    """990102: hold it for one sale of this institution, after a pharmacist has reviewed it."""
    node = check(as_node(call.input.get("data"), "data"), tables.PRESCRIPTION_LOCK, "data")
    found = _usable(desk, call, node.text("psn_no"), node.text("rxno"))
    held = (found.holder, found.lock_no) == (call.institution.code, node.text("lock_no"))
    if found.state == "locked" and not held:
        raise Refused("RX_LOCKED")
    until = call.now + LEASE
    _keep(
        desk.ledger,
        msgspec.structs.replace(
            found,
            state="locked",
            holder=call.institution.code,
            lock_no=node.text("lock_no"),
            locked_until=until,
        ),
    )
    return {"data": {"rxno": found.rxno, "lock_endtime": until.strftime("%Y-%m-%d %H:%M:%S")}}


def release(desk: Desk, call: Call) -> Output:
    """990103: free a lock of one's own; what is not held by it is free already."""
    node = check(as_node(call.input.get("data"), "data"), tables.PRESCRIPTION_RELEASE, "data")
    person_named(desk, call, node.text("psn_no"))
    found = find(desk.ledger, node.text("rxno"))
    if found is None or found.psn_no != node.text("psn_no"):
        raise Refused("RX_NOT_FOUND")
    mine = (found.state, found.holder, found.lock_no) == (
        "locked",
        call.institution.code,
        node.text("lock_no"),
    )
    if mine:
        _keep(desk.ledger, _free(found))
    return None


def require_usable(desk: Desk, call: Call, psn_no: str, lines: Sequence[LineRecord]) -> None:
    """Raise `Refused` unless every prescription of the lines is this person's, held here, and covers its lines."""
    for rxno in {row.rxno for row in lines if _circulates(desk, row)}:
        found = _usable(desk, call, psn_no, rxno)
        if (found.state, found.holder) != ("locked", call.institution.code):
            raise Refused("RX_NOT_LOCKED" if found.state == "issued" else "RX_LOCKED")
        left = Counter({item.code: item.quantity_e4 for item in found.items})
        for row in lines:
            if row.rxno == rxno:
                left[row.med_list_codg] -= row.quantity_e4
        if min(left.values()) < 0:
            raise Refused("RX_LINES")


def dispense(desk: Desk, call: Call, lines: Sequence[LineRecord], setl_id: str) -> None:
    """The settlement is booked: nobody can dispense its prescriptions again."""
    for rxno in {row.rxno for row in lines if _circulates(desk, row)}:
        found = find(desk.ledger, rxno)
        if found is not None:
            _keep(
                desk.ledger,
                msgspec.structs.replace(
                    found, state="dispensed", holder=call.institution.code, setl_id=setl_id, locked_until=None
                ),
            )


def free(ledger: Ledger, setl_id: str) -> None:
    """A settlement is undone: what it had dispensed can be dispensed again."""
    for found in issued(ledger):
        if found.state == "dispensed" and found.setl_id == setl_id:
            _keep(ledger, _free(found))


def _circulates(desk: Desk, row: LineRecord) -> bool:
    """Whether a line is on a prescription that the centre itself keeps; the settings may know of others."""
    return row.rx_pooled and row.rxno not in desk.settings.prescriptions


def _usable(desk: Desk, call: Call, psn_no: str, rxno: str) -> Prescription:
    person_named(desk, call, psn_no)
    found = find(desk.ledger, rxno)
    if found is None or found.psn_no != psn_no:
        raise Refused("RX_NOT_FOUND")
    found = found.seen(call.now)
    if found.state == "dispensed":
        raise Refused("RX_DISPENSED")
    if found.state == "void":
        raise Refused("RX_VOID")
    if found.until < call.now.date():
        raise Refused("RX_EXPIRED")
    return found


def _free(found: Prescription) -> Prescription:
    return msgspec.structs.replace(
        found, state="issued", holder="", lock_no="", locked_until=None, setl_id=""
    )


def _keep(ledger: Ledger, prescription: Prescription) -> None:
    ledger.documents.put(_KIND, prescription.rxno, _NOBODYS, prescription)


def _row(desk: Desk, row: Prescription, today: dt.date) -> dict[str, object]:
    over = row.until < today and row.state in ("issued", "locked")
    institution = desk.world.institutions.get(row.issuer)
    return {
        "rxno": row.rxno,
        "rx_stas": _EXPIRED if over else _STATUS[row.state],
        "fixmedins_code": row.issuer,
        "fixmedins_name": institution.name if institution else None,
        "dr_name": row.doctor,
        "diag_name": row.diagnosis,
        "begndate": row.issued.isoformat(),
        "enddate": row.until.isoformat(),
        "rxdetail": [
            {"med_list_codg": item.code, "drug_genname": item.name, "cnt": quantity(item.quantity_e4)}
            for item in row.items
        ],
    }
