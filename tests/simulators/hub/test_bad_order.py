"""Right messages at the wrong place: another institution's visit, a charge sheet changed after its quote, no transaction."""

import pytest

from simulators.cheap_signing import CheapKey
from simulators.serve import SimulatedWorld
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import Counter, make_world


@pytest.fixture
def world() -> SimulatedWorld:
    """The shipped world with cheap keys: what is tested here has nothing to do with them."""
    return make_world(signer=CheapKey("hub"))


@pytest.fixture
def visit(world: SimulatedWorld) -> ClinicVisit:
    """A chronic visit of 测试乙, registered, diagnosed, its lines uploaded."""
    clinic = Counter(world, "H99990000002")
    clinic.sign_in()
    found = ClinicVisit(clinic, world.person("yi"))
    for step in (found.register, found.diagnose, found.upload):
        assert step().infcode == 0
    return found


def test_another_institution_can_do_nothing_with_a_visit(visit: ClinicVisit, world: SimulatedWorld) -> None:
    quoted = visit.quote()
    settled = visit.settle(quoted)
    stranger = Counter(world, "H99990000004")
    stranger.sign_in()
    before = (
        world.ledger.settlements(),
        world.ledger.lines(visit.mdtrt_id),
        world.ledger.visit(visit.mdtrt_id),
    )
    own, visit.counter = visit.counter, stranger
    refused = [
        *(visit.diagnose(), visit.upload(first=9), visit.withdraw_lines(), visit.withdraw()),
        *(visit.quote(), visit.settle(quoted)),
    ]
    assert [reply.code for reply in refused] == ["VISIT_NOT_FOUND"] * 6
    assert {visit.cancel(settled).code, visit.settlement(settled).code} == {"SETL_NOT_FOUND"}
    assert visit.visits().output["mdtrtinfo"] == []
    assert (
        world.ledger.settlements(),
        world.ledger.lines(visit.mdtrt_id),
        world.ledger.visit(visit.mdtrt_id),
    ) == before
    visit.counter = own
    assert visit.cancel(settled).infcode == 0


def test_somebody_elses_number_with_an_own_visit_is_refused(
    visit: ClinicVisit, world: SimulatedWorld
) -> None:
    yi, visit.person = visit.person, world.person("ren")
    visit.insured = visit.person.enrolment[0]
    refused = [
        visit.diagnose(),
        visit.upload(first=9),
        visit.withdraw_lines(),
        visit.withdraw(),
        visit.quote(),
    ]
    assert [reply.code for reply in refused] == ["VISIT_NOT_FOUND"] * 5
    assert world.ledger.settlements() == ()
    visit.person, visit.insured = yi, yi.enrolment[0]
    assert visit.settle(visit.quote()).infcode == 0


def test_a_charge_sheet_changed_after_its_quote_is_quoted_again(visit: ClinicVisit) -> None:
    """The same total of other lines splits otherwise; the hub compares its own four amounts (K45)."""
    quoted = visit.quote()
    total_fen = visit.total_fen
    assert visit.withdraw_lines().infcode == 0
    assert visit.upload(lines=(("D12", 7, 4871), ("D03", 4, 1250), ("S01", 1, 1000 + 4871))).infcode == 0
    assert visit.total_fen == total_fen
    assert visit.settle(quoted).code == "AMOUNTS_CHANGED"
    assert visit.settle(visit.quote()).infcode == 0


def test_a_sheet_with_one_line_more_than_its_quote_is_refused(visit: ClinicVisit) -> None:
    quoted, total_fen = visit.quote(), visit.total_fen
    assert visit.upload(lines=(("S01", 1, 1000),), first=7).infcode == 0
    visit.total_fen = total_fen
    assert visit.settle(quoted).code == "SUM_MISMATCH"
    assert visit.counter.world.ledger.settlements() == ()


@pytest.mark.parametrize("infno", ["0000", "9999", "2102B", "2209", "210200"])
def test_a_number_that_is_no_transaction_is_refused_by_name(visit: ClinicVisit, infno: str) -> None:
    reply = visit.ask(infno, {"data": {}})
    assert (reply.infcode, reply.code, "infno" in reply.err_msg) == (-1, "INFNO_UNKNOWN", True)
