"""Who a request speaks of: by medium (e-certificate token, identity number, card) or by `psn_no`."""

import datetime as dt
from typing import Final

from simulators.certificate_centre import CentreRefusal
from simulators.hub.desk import Call, Desk
from simulators.hub.fields import Node
from simulators.hub.refusals import WORDS, FieldRefused, Refused
from simulators.people import Enrolment, Person

_WITHOUT_CARD_SN: Final = frozenset({"2206", "2206A", "2207", "2207A"})
"""The national tables of these have no `card_sn`; the registration has already asked for it."""


def person_of_medium(desk: Desk, call: Call, node: Node) -> Person:
    """The person whose medium this is. Raises `Refused`."""
    kind, number = node.text("mdtrt_cert_type"), node.text("mdtrt_cert_no")
    if kind == "01":
        return _by_token(desk, call, number)
    if kind == "02":
        found = next((row for row in desk.people if row.certno == number), None)
        if found is None:
            raise Refused("PERSON_NOT_FOUND")
        return found
    return _by_card(desk, number, node.text("card_sn"), optional=call.infno in _WITHOUT_CARD_SN)


def _by_token(desk: Desk, call: Call, token: str) -> Person:
    try:
        psn_no = desk.tokens.resolve(token, call.institution.code, call.now)
    except CentreRefusal as refusal:
        code = str(refusal.code)
        raise Refused(code if code in WORDS else "ECTOKEN_UNKNOWN") from None
    person = desk.person(psn_no)
    if person is None:
        raise Refused("PERSON_NOT_FOUND")
    return person


def _by_card(desk: Desk, number: str, card_sn: str, *, optional: bool) -> Person:
    if not card_sn and not optional:
        raise FieldRefused("card_sn", "凭证类型 03 时不能为空 (missing for credential type 03)")
    for person in desk.people:
        card = person.card
        if card is None or card.number != number:
            continue
        # Some services know only the first 12 bytes of the identification code (K30).
        if card_sn and card_sn not in (card.identification_code, card.identification_code[:24]):
            raise Refused("CARD_UNKNOWN")
        if card.blocked:
            raise Refused("CARD_BLOCKED")
        return person
    raise Refused("PERSON_NOT_FOUND")


def person_named(desk: Desk, call: Call, psn_no: str) -> Person:
    """The person of a `psn_no`; the envelope must carry a place where they are insured. Raises `Refused`."""
    person = desk.person(psn_no)
    if person is None:
        raise Refused("PERSON_NOT_FOUND")
    if not call.insured_division:
        raise FieldRefused("insuplc_admdvs", "涉及参保人的交易不能为空 (missing)")
    if call.insured_division not in {row.division for row in person.enrolment}:
        raise FieldRefused("insuplc_admdvs", "与人员参保地不符 (not the insured place)")
    return person


def person_with_medium(desk: Desk, call: Call, node: Node) -> Person:
    """The person of `psn_no`, who must be the holder of the medium and of the identity fields. Raises `Refused`."""
    person = person_named(desk, call, node.text("psn_no"))
    if person_of_medium(desk, call, node) is not person:
        raise Refused("PERSON_MISMATCH")
    check_identity(person, node)
    return person


def check_identity(person: Person, node: Node) -> None:
    """Identity fields that were sent must be the person's. Raises `Refused`."""
    said = {
        "certno": person.certno,
        "psn_name": person.name,
        "psn_cert_type": person.psn_cert_type,
    }
    for name, value in said.items():
        if node.text(name) not in ("", value):
            raise Refused("PERSON_MISMATCH", detail=name)
    if node.text("psn_type") and node.text("psn_type") not in {row.psn_type for row in person.enrolment}:
        raise Refused("PERSON_MISMATCH", detail="psn_type")


def enrolment_of(call: Call, person: Person, insutype: str, day: dt.date) -> Enrolment:
    """The enrolment that a fee date settles under; the first of two in force pays (K92). Raises `Refused`."""
    row = person.covered(insutype, day)
    if row is None:
        raise Refused("NOT_ENROLLED", detail=_why_not(person, insutype))
    pays = next(other for other in person.enrolment if other.covers(day))
    if pays is not row:
        raise Refused("DUPLICATE_ENROLMENT", detail=f"insutype {pays.insutype}")
    if row.division != call.insured_division:
        raise FieldRefused("insuplc_admdvs", "与险种参保地不符 (not the insured place of that scheme)")
    return row


def _why_not(person: Person, insutype: str) -> str:
    """What became of the participation that is asked for; empty when there never was one."""
    row = next((row for row in person.enrolment if row.insutype == insutype and row.paused), None)
    if row is None:
        return ""
    chinese, english = ("终止", "ended") if row.status == "4" else ("暂停", "paused")
    return f"参保已{chinese}，最后一天 {row.paused} ({english}, last day {row.paused})"
