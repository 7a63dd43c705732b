"""2501 to 2506 and 5304: what is filed is refused by the field's name when it is wrong, and takes effect when it is right."""

import datetime as dt
from typing import Any

import pytest

from simulators.hub import submitted_tables as tables
from simulators.hub.fields import Field
from simulators.people import Person
from tests.capabilities import asserted
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import Counter, Reply, purchase
from tests.simulators.hub.spoiled import spoiled
from tests.simulators.hub.submitted import CHRONIC, INSTITUTION, TRANSFER
from tests.simulators.hub.test_client_reads import HOME, typed

FILINGS: dict[str, tuple[str, tuple[Field, ...], dict[str, str]]] = {
    "2501": ("refmedin", tables.TRANSFER, TRANSFER),
    "2503": ("data", tables.CHRONIC_APPLICATION, {**CHRONIC, "insutype": "310", "insu_optins": "999900"}),
    "2505": ("data", tables.INSTITUTION_CHOICE, INSTITUTION),
}
WITHDRAWALS = {"2501": "2502", "2503": "2504", "2505": "2506"}


def file(till: Counter, person: Person, infno: str, **changes: Any) -> Reply:
    """File something for a person, some members replaced."""
    node, _, good = FILINGS[infno]
    insured = person.enrolment[0].division
    return till.ask(infno, {node: {"psn_no": person.psn_no, **good, **changes}}, insured)


def withdraw(till: Counter, person: Person, infno: str, serial: str) -> Reply:
    """Take a filing back."""
    data = {"trt_dcla_detl_sn": serial, "psn_no": person.psn_no, "memo": "withdrawn"}
    return till.ask(WITHDRAWALS[infno], {"data": data}, person.enrolment[0].division)


def ask(till: Counter, person: Person, infno: str, **data: Any) -> Any:
    """A question about a person, as the client reads its answer."""
    return typed(
        infno, till.ask(infno, {"data": {"psn_no": person.psn_no, **data}}, person.enrolment[0].division)
    )


@pytest.mark.parametrize("infno", FILINGS)
def test_every_field_of_a_filing_is_checked_by_its_name(till: Counter, jia: Person, infno: str) -> None:
    node, table, good = FILINGS[infno]
    for field, wrong in spoiled(table, {"psn_no": jia.psn_no, **good}):
        reply = till.ask(infno, {node: wrong}, HOME)
        assert reply.infcode == -1
        assert f"{node}.{field} " in reply.err_msg, (field, reply.err_msg)
    assert file(till, jia, infno).infcode == 0


@pytest.mark.parametrize(
    ("infno", "wrong"),
    [("2501", {"refl_type": "4"}), ("2505", {"biz_appy_type": "21"}), ("2505", {"agnter_rlts": "3"}),
     ("2505", {"agnter_cert_type": "18"})],
)  # fmt: skip
def test_a_value_of_no_dictionary_is_refused(
    till: Counter, jia: Person, infno: str, wrong: dict[str, str]
) -> None:
    (field,) = wrong
    assert f"{field} 代码值不在字典中" in file(till, jia, infno, **wrong).err_msg


@pytest.mark.parametrize(("infno", "field"), [("2501", "diag_code"), ("2505", "fixmedins_code")])
def test_the_larger_of_two_printed_lengths_stands(till: Counter, jia: Person, infno: str, field: str) -> None:
    """20 and 30 characters of a diagnosis, 12 and 30 of an institution (K16)."""
    assert "长度超过" not in file(till, jia, infno, **{field: "C" * 30}).err_msg
    assert f"{field} 长度超过 30" in file(till, jia, infno, **{field: "C" * 31}).err_msg


def test_a_chronic_filing_certified_on_the_spot_counts_at_once(till: Counter, jia: Person) -> None:
    def entitled() -> str:
        day = {"insutype": "310", "fixmedins_code": till.institution.code, "begntime": "2026-11-21 10:00:00"}
        asked = ask(till, jia, "2001", **day, med_type="14", dise_codg="M03900")
        return str(asked.entitlements[0].entitled)

    assert (ask(till, jia, "5301").filings, entitled()) == ((), "0")
    assert file(till, jia, "2503").output["result"]["trt_dcla_detl_sn"].startswith("TRT")
    (filed,) = ask(till, jia, "5301").filings
    assert (filed.disease_code, filed.began_on, entitled()) == ("M03900", "2026-11-01", "1")
    assert file(till, jia, "2503").code == "FILING_EXISTS"


@pytest.mark.parametrize("code", ["x", "M0000", "病"])
def test_a_disease_of_no_list_is_not_filed_and_the_person_is_served_as_before(
    till: Counter, jia: Person, code: str
) -> None:
    """What is no code at all made every later message about the person end in an exception."""
    reply = file(till, jia, "2503", opsp_dise_code=code)
    assert reply.err_msg.startswith("入参错误：data.opsp_dise_code "), reply.err_msg
    assert ask(till, jia, "5301").filings == ()
    assert till.ask("2102", purchase(till, jia, till.token(jia)), HOME).infcode == 0


def test_one_that_the_agency_must_examine_counts_from_the_day_after_and_can_be_taken_back_before(
    till: Counter, jia: Person
) -> None:
    serial = file(till, jia, "2503", diag_dr_codg="D000000000000").output["result"]["trt_dcla_detl_sn"]
    assert ask(till, jia, "5301").filings == ()
    assert withdraw(till, jia, "2503", serial).infcode == 0
    assert withdraw(till, jia, "2503", serial).infcode == 0, "a second withdrawal changes nothing"
    serial = file(till, jia, "2503", diag_dr_codg="D000000000000").output["result"]["trt_dcla_detl_sn"]
    till.now += dt.timedelta(days=1)
    (filed,) = ask(till, jia, "5301").filings
    assert filed.began_on == "2026-11-22"
    assert withdraw(till, jia, "2503", serial).code == "FILING_EXAMINED"
    wrong = file(till, jia, "2503", opsp_dise_code="M01600", ide_fixmedins_no="P99990000001")
    assert wrong.err_msg.startswith("入参错误：data.ide_fixmedins_no")


def test_what_is_examined_is_not_taken_back_however_late_it_begins(till: Counter, jia: Person) -> None:
    """Examined at once by a doctor on the staff, else the day after: `begndate` has no part in it (K20f)."""
    on_staff = file(till, jia, "2503", begndate="2026-12-10").output["result"]["trt_dcla_detl_sn"]
    assert withdraw(till, jia, "2503", on_staff).code == "FILING_EXAMINED"
    other = {"diag_dr_codg": "D000000000000", "opsp_dise_code": "M01600", "begndate": "2026-12-10"}
    serial = file(till, jia, "2503", **other).output["result"]["trt_dcla_detl_sn"]
    till.now += dt.timedelta(days=1)
    assert withdraw(till, jia, "2503", serial).code == "FILING_EXAMINED"


def test_what_has_ended_does_not_stand_in_the_way_of_the_next_filing(till: Counter, jia: Person) -> None:
    for infno in FILINGS:
        assert file(till, jia, infno, enddate="2026-11-30").infcode == 0, infno
        assert file(till, jia, infno).code == "FILING_EXISTS"
    till.now += dt.timedelta(days=10)
    for infno, change in (
        ("2501", {"begndate": "2026-12-01"}),
        ("2503", {"begndate": "2026-12-01"}),
        ("2505", {}),
    ):
        assert file(till, jia, infno, **change).infcode == 0, infno
    (filed,) = ask(till, jia, "5301").filings
    assert (filed.began_on, filed.ended_on) == ("2026-12-01", "")


@pytest.mark.parametrize(("infno", "node"), [("2501", "refmedin"), ("2503", "data"), ("2505", "data")])
def test_a_filing_that_ends_before_it_begins_is_refused(
    till: Counter, jia: Person, infno: str, node: str
) -> None:
    reply = file(till, jia, infno, begndate="2026-11-23", enddate="2026-11-22")
    assert f"{node}.enddate" in reply.err_msg
    assert till.world.ledger.submitted.filings(jia.psn_no, "transfer") == ()


def test_a_chosen_institution_is_listed_until_it_is_withdrawn(till: Counter, jia: Person) -> None:
    before = ask(till, jia, "5302", biz_appy_type="03").rows
    serial = file(till, jia, "2505", fix_srt_no="3", memo="近家").output["result"]["trt_dcla_detl_sn"]
    chosen = ask(till, jia, "5302", biz_appy_type="03").rows
    told = [(row.institution_code, row.rank, row.memo) for row in chosen[len(before) :]]
    assert told == [("H99990000002", "3", "近家")], "rank and remark as they were filed"
    assert ask(till, jia, "5302", biz_appy_type="01").rows == ()
    assert withdraw(till, jia, "2505", serial).infcode == 0
    assert ask(till, jia, "5302", biz_appy_type="03").rows == before


def test_a_transfer_is_listed_and_counts_at_the_place_it_names(till: Counter, jia: Person) -> None:
    serial = file(till, jia, "2501").output["result"]["trt_dcla_detl_sn"]
    (row,) = ask(till, jia, "5304", begntime="2026-11-01 00:00:00").rows
    assert (row.receiving_code, row.transferred_on, row.out_of_area) == ("H98990000001", "2026-11-23", "1")
    assert ask(till, jia, "5304", begntime="2026-11-24 00:00:00").rows == ()
    books = till.world.ledger.submitted
    assert books.transferred_to(jia.psn_no, "989900", dt.date(2026, 11, 23))
    assert not books.transferred_to(jia.psn_no, "989900", dt.date(2026, 11, 22))
    assert not books.transferred_to(jia.psn_no, "999800", dt.date(2026, 11, 23))
    assert file(till, jia, "2501").code == "FILING_EXISTS"
    assert withdraw(till, jia, "2501", serial).infcode == 0
    assert ask(till, jia, "5304", begntime="2026-11-01 00:00:00").rows == ()


def test_a_filing_of_somebody_else_is_not_found(till: Counter, jia: Person, yi: Person) -> None:
    serial = file(till, jia, "2501").output["result"]["trt_dcla_detl_sn"]
    assert withdraw(till, yi, "2501", serial).code == "FILING_NOT_FOUND"
    assert withdraw(till, jia, "2505", serial).code == "FILING_NOT_FOUND"


def test_after_a_transfer_was_filed_the_fund_pays_more_of_a_visit_at_that_place(
    till: Counter, jia: Person
) -> None:
    """Ordinary out-patient care in another province: JH pays less to whom nothing was filed."""
    hospital = Counter(till.world, "H98990000001")
    hospital.now = till.now + dt.timedelta(days=3)
    hospital.sign_in()

    def quoted() -> tuple[str, str]:
        visit = ClinicVisit(hospital, jia, med_type="11", disease="")
        assert visit.register().infcode == 0
        assert visit.diagnose(dise_name="").infcode == 0
        assert visit.upload((("D12", 80, 4871),)).infcode == 0
        found = visit.quote().setlinfo
        assert visit.withdraw_lines().infcode == 0
        assert visit.withdraw().infcode == 0
        return found["fund_pay_sumamt"], found["medfee_sumamt"]

    unfiled = quoted()
    assert file(till, jia, "2501").infcode == 0
    filed = quoted()
    assert unfiled[1] == filed[1] == "3896.80"
    # 70 and 90 percent of what is paid at home.
    paid = {"unfiled": unfiled[0], "filed": filed[0]}
    asserted("R02", {"unfiled": "1017.49", "filed": "1308.20"}, paid, what="filed a minute before")
