"""The prescription centre over the wire: every field of 990101 to 990103, and what may happen to a prescription."""

import datetime as dt

import msgspec
import pytest

from simulators.hub import prescriptions, tables
from simulators.hub.fields import Field
from simulators.hub.prescription_control import DrugOrder, PrescriptionOrder, carry_out
from simulators.people import Person
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import START, Counter, purchase
from tests.simulators.hub.spoiled import spoiled

HOME = "999900"
DRUG = "XTEST000000000000000D03"


def issued(till: Counter, jia: Person) -> str:
    """A prescription of ten packs; returns its number."""
    order = PrescriptionOrder(psn_no=jia.psn_no, drugs=(DrugOrder(DRUG, 10),))
    return carry_out(till.world.ledger, order, jia, START).rxno


@pytest.mark.parametrize(
    ("infno", "table"),
    [
        ("990101", tables.PRESCRIPTIONS_QUERY),
        ("990102", tables.PRESCRIPTION_LOCK),
        ("990103", tables.PRESCRIPTION_RELEASE),
    ],
)
def test_every_wrong_field_is_refused_by_its_name(
    till: Counter, jia: Person, infno: str, table: tuple[Field, ...]
) -> None:
    good = {
        "psn_no": jia.psn_no,
        "rxno": issued(till, jia),
        "lock_no": "S1",
        "phar_code": "Y1",
        "phar_name": "药师",
    }
    before = prescriptions.issued(till.world.ledger)
    for name, wrong in spoiled(table, good):
        reply = till.ask(infno, {"data": wrong}, HOME)
        assert (reply.infcode, reply.code) == (-1, "FIELD"), (name, reply.err_msg)
        assert f"data.{name} " in reply.err_msg
    assert prescriptions.issued(till.world.ledger) == before


def test_a_lock_is_a_lease_of_one_holder_and_a_release_frees_only_its_own(till: Counter, jia: Person) -> None:
    number = issued(till, jia)
    asked = {"psn_no": jia.psn_no, "rxno": number, "lock_no": "S1", "phar_code": "Y1", "phar_name": "药师"}
    until = till.ask("990102", {"data": asked}, HOME).output["data"]["lock_endtime"]
    assert dt.datetime.fromisoformat(until) - START.replace(tzinfo=None) >= prescriptions.LEASE
    assert till.ask("990102", {"data": {**asked, "lock_no": "S2"}}, HOME).code == "RX_LOCKED"
    other = {"psn_no": jia.psn_no, "rxno": number, "lock_no": "S2"}
    assert till.ask("990103", {"data": other}, HOME).infcode == 0
    (row,) = till.ask("990101", {"data": {"psn_no": jia.psn_no}}, HOME).output["data"]
    assert (row["rxno"], row["rx_stas"]) == (number, "2"), "somebody else's release frees nothing"
    assert till.ask("990103", {"data": {**other, "lock_no": "S1"}}, HOME).infcode == 0
    (row,) = till.ask("990101", {"data": {"psn_no": jia.psn_no}}, HOME).output["data"]
    assert row["rx_stas"] == "1"


def test_a_clinic_dispenses_one_as_a_pharmacy_does_locked_and_once(
    till: Counter, clinic: Counter, jia: Person
) -> None:
    """A prescription that a clinic settles is dispensed: no pharmacy can settle it a second time."""
    number = issued(till, jia)
    visit = ClinicVisit(clinic, jia, med_type="11", disease="")
    assert visit.register().infcode == 0
    assert visit.diagnose(dise_name="").infcode == 0
    assert visit.upload((("D03", 4, 1250),), rx_circ_flag="1", rxno=number).infcode == 0
    assert visit.quote().code == "RX_NOT_LOCKED"
    asked = {"psn_no": jia.psn_no, "rxno": number, "lock_no": "S1", "phar_code": "Y1", "phar_name": "药师"}
    assert clinic.ask("990102", {"data": asked}, HOME).infcode == 0
    settled = visit.settle(visit.quote())
    assert settled.infcode == 0, settled.err_msg
    body = purchase(till, jia, till.token(jia), (("D03", 4, 1250),))
    body["drugdetail"][0] |= {"rx_circ_flag": "1", "rxno": number}
    assert till.ask("2102", body, HOME).code == "RX_DISPENSED"
    assert visit.cancel(settled).infcode == 0
    found = prescriptions.find(till.world.ledger, number)
    assert found is not None
    assert (found.state, found.setl_id) == ("issued", "")


def test_what_is_void_expired_or_another_persons_is_not_locked(till: Counter, jia: Person) -> None:
    number = issued(till, jia)
    asked = {"psn_no": jia.psn_no, "rxno": number, "lock_no": "S1", "phar_code": "Y1", "phar_name": "药师"}
    assert till.ask("990102", {"data": {**asked, "rxno": "RX0"}}, HOME).code == "RX_NOT_FOUND"
    assert carry_out(till.world.ledger, PrescriptionOrder(void=number), None, START).state == "void"
    assert till.ask("990102", {"data": asked}, HOME).code == "RX_VOID"
    old = PrescriptionOrder(psn_no=jia.psn_no, drugs=(DrugOrder(DRUG),))
    late = carry_out(till.world.ledger, old, jia, START - dt.timedelta(days=9)).rxno
    assert till.ask("990102", {"data": {**asked, "rxno": late}}, HOME).code == "RX_EXPIRED"
    rows = till.ask("990101", {"data": {"psn_no": jia.psn_no}}, HOME).output["data"]
    assert {row["rxno"]: row["rx_stas"] for row in rows} == {number: "4", late: "5"}


def test_an_office_issues_nothing_without_somebody_and_a_drug(till: Counter, jia: Person) -> None:
    for order, person in (
        (PrescriptionOrder(psn_no=jia.psn_no), jia),
        (PrescriptionOrder(drugs=(DrugOrder(DRUG),)), None),
        (PrescriptionOrder(psn_no=jia.psn_no, drugs=(DrugOrder(DRUG, 0),)), jia),
    ):
        with pytest.raises(ValueError, match="at least one drug"):
            carry_out(till.world.ledger, order, person, START)
    with pytest.raises(LookupError):
        carry_out(till.world.ledger, PrescriptionOrder(void="RX0"), None, START)


def test_a_revisit_over_the_internet_needs_an_earlier_visit_there(clinic: Counter, jia: Person) -> None:
    order = PrescriptionOrder(psn_no=jia.psn_no, drugs=(DrugOrder(DRUG),), revisit=True)
    with pytest.raises(ValueError, match="needs an earlier visit"):
        carry_out(clinic.world.ledger, order, jia, START)
    assert ClinicVisit(clinic, jia, med_type="11", disease="").register().infcode == 0
    later = START + dt.timedelta(days=1)
    assert carry_out(clinic.world.ledger, order, jia, later).state == "issued"
    with pytest.raises(ValueError, match="needs an earlier visit"):
        carry_out(clinic.world.ledger, msgspec.structs.replace(order, issuer="H99990000009"), jia, later)
    with pytest.raises(ValueError, match="needs an earlier visit"):
        carry_out(clinic.world.ledger, order, jia, START - dt.timedelta(days=1))
