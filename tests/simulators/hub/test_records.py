"""What the hub keeps of a visit is told as it was uploaded and settled: 5202, 5204, 5205, 5206, 5302, 100001."""

from typing import Any

import msgspec
import pytest

from protocols.hub import records, wire
from simulators.hub import tables
from simulators.hub.fields import Field
from simulators.people import Person
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import Counter, Reply, purchase
from tests.simulators.hub.spoiled import spoiled
from tests.simulators.hub.test_client_reads import typed

DAY = {"begntime": "2026-11-21 00:00:00", "endtime": "2026-11-21 23:59:59"}
TABLES: dict[str, tuple[tuple[Field, ...], type[msgspec.Struct], tuple[str, ...]]] = {
    "5202": (tables.DIAGNOSES_QUERY, records.DiagnosesQuery, ("mdtrt_id", "psn_no")),
    "5204": (tables.FEE_LINES_QUERY, records.FeeLinesQuery, ("psn_no", "setl_id", "mdtrt_id")),
    "5205": (tables.CHRONIC_DRUGS_QUERY, records.ChronicDrugsQuery, ("psn_no", "begntime")),
    "5206": (tables.TOTALS_QUERY, records.TotalsQuery, ("psn_no",)),
    "5302": (tables.DESIGNATED_QUERY, records.DesignatedQuery, ("psn_no", "biz_appy_type")),
    "100001": (tables.POLICY_ITEMS_QUERY, records.PolicyItemsQuery, ("psn_No", "setl_Id", "mdtrt_Id")),
}


class Settled:
    """A settled chronic visit of 测试乙, and the questions about it."""

    def __init__(self, clinic: Counter, yi: Person) -> None:
        self.visit = ClinicVisit(clinic, yi)
        self.visit.register()
        self.visit.diagnose()
        self.visit.upload()
        self.answer = self.visit.settle(self.visit.quote())
        assert self.answer.infcode == 0, self.answer.err_msg
        ids = {"psn_no": yi.psn_no, "mdtrt_id": self.visit.mdtrt_id}
        self.good = {
            "5202": ids,
            "5204": {**ids, "setl_id": self.answer.setlinfo["setl_id"]},
            "5205": {"psn_no": yi.psn_no, **DAY},
            "5206": {"psn_no": yi.psn_no},
            "5302": {"psn_no": yi.psn_no, "biz_appy_type": "03"},
            "100001": {
                "psn_No": yi.psn_no,
                "setl_Id": self.answer.setlinfo["setl_id"],
                "mdtrt_Id": self.visit.mdtrt_id,
            },
        }

    def ask(self, infno: str, **changes: Any) -> Reply:
        """One question, some members replaced."""
        return self.visit.ask(infno, {"data": self.good[infno] | changes})

    def rows(self, infno: str, **changes: Any) -> Any:
        """Its rows as the client reads them."""
        return typed(infno, self.ask(infno, **changes)).rows


@pytest.fixture
def settled(clinic: Counter, yi: Person) -> Settled:
    """See `Settled`."""
    return Settled(clinic, yi)


@pytest.mark.parametrize("infno", TABLES)
def test_every_wrong_field_is_refused_by_its_name(settled: Settled, infno: str) -> None:
    for name, node in spoiled(TABLES[infno][0], settled.good[infno]):
        reply = settled.visit.ask(infno, {"data": node})
        assert (reply.infcode, reply.code) == (-1, "FIELD"), (name, node)
        assert f"data.{name} " in reply.err_msg
    assert "data " in settled.visit.ask(infno, {}).err_msg


@pytest.mark.parametrize("infno", TABLES)
def test_the_clients_question_is_the_published_table(infno: str) -> None:
    table, message, required = TABLES[infno]
    assert tuple(field.name for field in table if field.required) == required
    assert {field.encode_name for field in msgspec.structs.fields(message)} == {field.name for field in table}


def test_the_diagnoses_of_a_visit_with_the_doctor(settled: Settled) -> None:
    (row,) = settled.rows("5202")
    assert (row.code, row.name, row.main, row.kind, row.order_no) == ("E11.900", "2型糖尿病", "1", "1", 1)
    assert (row.department, row.doctor_code, row.doctor_name) == ("全科", "D999900000001", "测试医师")
    assert row.visit_id == settled.visit.mdtrt_id
    assert settled.ask("5202", mdtrt_id="MDT999900000000000000").code == "VISIT_NOT_FOUND"


def test_the_lines_of_a_settlement_add_up_to_it(settled: Settled) -> None:
    lines = settled.rows("5204")
    assert [(row.code[-3:], row.amount_fen, row.item_class, row.share_bp) for row in lines] == [
        ("D12", 38968, "02", 500),
        ("D03", 5000, "01", 0),
        ("S01", 1000, "01", 0),
    ]
    assert [row.ceiling_micro for row in lines] == [48_710_000, 12_500_000, 10_000_000]
    # D12: 389.68 with a share of 5 %: 19.484 -> 19.48; the rest of all three is in scope.
    assert sum(row.in_scope_fen for row in lines) == 38968 - 1948 + 5000 + 1000
    assert settled.ask("5204", setl_id="SETL99990000000000001").code == "SETL_NOT_FOUND"


def test_the_lines_of_a_cancelled_settlement_are_told_until_they_are_withdrawn(settled: Settled) -> None:
    assert settled.visit.cancel(settled.answer).infcode == 0
    assert len(settled.rows("5204")) == 3
    assert settled.visit.withdraw_lines().infcode == 0
    assert settled.rows("5204") == ()


def test_chronic_drugs_are_those_of_standing_chronic_settlements_of_the_period(
    settled: Settled, till: Counter, yi: Person
) -> None:
    assert till.ask("2102", purchase(till, yi, till.token(yi)), "999901").infcode == 0
    drugs = settled.rows("5205")
    assert [(row.code[-3:], row.quantity_e4, row.institution_name) for row in drugs] == [
        ("D12", 80_000, "测试社区诊所"),
        ("D03", 40_000, "测试社区诊所"),
    ], "no service, and nothing of the ordinary purchase"
    assert settled.rows("5205", begntime="2026-11-22 00:00:00", endtime="") == ()
    assert settled.rows("5205", endtime="2026-11-21 00:00:01") == ()
    assert settled.visit.cancel(settled.answer).infcode == 0
    assert settled.rows("5205") == ()


def test_totals_move_with_a_settlement_and_back_with_its_cancellation(settled: Settled) -> None:
    def sums(**changes: str) -> dict[str, int]:
        return {row.kind: row.total_fen for row in settled.rows("5206", **changes)}

    assert (sums()["pool_chr"], sums()["pool_all"], sums()["pool_op"]) == (36567, 36567, 0)
    (first, *_) = settled.rows("5206")
    assert (first.insurance_type, first.year, first.month) == ("310", "2026", "202611")
    assert set(sums(cum_ym="202512").values()) == {0}
    assert settled.visit.cancel(settled.answer).infcode == 0
    assert set(sums().values()) == {0}
    for month in ("2026-1", "20261", "２０２６１１"):
        assert "data.cum_ym " in settled.ask("5206", cum_ym=month).err_msg


def test_a_chosen_institution_is_told_for_its_kind_of_business(settled: Settled) -> None:
    (chosen,) = settled.rows("5302")
    assert (chosen.rank, chosen.institution_code, chosen.institution_name, chosen.ended_on) == (
        "1",
        "H99990000002",
        "测试社区诊所",
        "",
    )
    assert settled.rows("5302", biz_appy_type="99") == ()


def test_policy_items_say_what_each_fund_gave_of_what(settled: Settled) -> None:
    """430.20 in scope, of which the pooled fund pays 85 %: 365.67; the account pays 50.00 without a ratio."""
    pool, account = settled.rows("100001")
    assert (pool.code, pool.sum_fen, pool.fund_fen, pool.self_fen) == ("310100", 43020, 36567, 6453)
    assert (pool.fund_bp, pool.self_bp) == (8500, 1500)
    assert (account.code, account.fund_fen, account.fund_bp, account.self_fen) == ("310200", 5000, None, None)
    cancelled = settled.visit.cancel(settled.answer)
    (undone, *_) = settled.rows("100001", setl_Id=cancelled.setlinfo["setl_id"])
    assert (undone.fund_fen, undone.self_fen, undone.fund_bp) == (-36567, -6453, 8500)


@pytest.mark.parametrize("infno", TABLES)
def test_nobody_is_told_of_somebody_elses_records(settled: Settled, infno: str, jia: Person) -> None:
    """Another institution knows neither visit nor settlement; a wrong person or place is refused."""
    world = settled.visit.counter.world
    other = Counter(world, "P99990000001")
    other.sign_in()
    if infno in ("5202", "5204", "100001"):
        assert other.ask(infno, {"data": settled.good[infno]}, "999901").infcode == -1
        assert settled.ask(infno, **{"psn_No" if infno == "100001" else "psn_no": jia.psn_no}).infcode == -1
    assert "insuplc_admdvs" in other.ask(infno, {"data": settled.good[infno]}).err_msg


def test_rows_under_no_node_are_read_from_a_bare_list_too() -> None:
    row = b'{"feedetl_sn": "1", "med_list_codg": "X", "cnt": 1, "pric": "2.50", "det_item_fee_sumamt": 2.5}'
    bare = wire.decode(b"[" + row + b"]", records.FeeLinesQueryOutput)
    assert bare == wire.decode(b'{"data": [' + row + b"]}", records.FeeLinesQueryOutput)
    assert bare.rows[0].amount_fen == 250
    assert wire.decode(b"[]", records.FeeLinesQueryOutput).rows == ()
