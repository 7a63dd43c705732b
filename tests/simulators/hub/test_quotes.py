"""The hub keeps quotes when it is asked to: what they were made from, bounded, and without a name or number of anybody."""

from simulators.benefit.policies import load_shipped
from simulators.benefit.rehearsal import Substitution, rehearse, write_record
from simulators.hub import HubSettings
from simulators.serve import SimulatedWorld
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import Counter, Lines, make_world, purchase


def _quote(world: SimulatedWorld, till: Counter, who: str, lines: Lines = (("D03", 1, 1250),)) -> None:
    person = world.person(who)
    reply = till.ask("2101", purchase(till, person, till.token(person), lines), "999900")
    assert reply.infcode == 0, reply.err_msg


def _till(world: SimulatedWorld) -> Counter:
    till = Counter(world, "P99990000001")
    till.sign_in()
    return till


def test_unless_asked_to_it_keeps_nothing(world: SimulatedWorld, till: Counter) -> None:
    _quote(world, till, "jia")
    assert world.ledger.back_office.quotes() == ()


def test_it_keeps_quotes_of_pharmacy_and_clinic_and_no_settlement() -> None:
    world = make_world(HubSettings(record_quotes=10))
    till, jia = _till(world), world.person("jia")
    till.ask("2102", purchase(till, jia, till.token(jia), (("D03", 2, 1250),)), "999900")
    _quote(world, till, "jia")
    window = Counter(world, "H99990000002")
    window.sign_in()
    visit = ClinicVisit(window, world.person("yi"))
    for step in (visit.register, visit.diagnose, visit.upload, visit.quote):
        assert step().infcode == 0
    first, second = world.ledger.back_office.quotes()
    assert (first.infno, first.policy_set, first.visit.kind) == ("2101", "JH", "pharmacy")
    assert (first.account.balance_fen, first.result.total_fen, first.result.account_fen) == (3500, 1250, 1250)
    assert (second.infno, second.visit.kind, second.visit.disease) == ("2206A", "chronic", "M01600")
    assert (second.person.chronic, second.accumulators.pool_all_fen) == (("M01600",), 0)
    assert second.result.total_fen == visit.total_fen


def test_the_accumulators_are_those_of_the_moment() -> None:
    world = make_world(HubSettings(record_quotes=10))
    window = Counter(world, "H99990000002")
    window.sign_in()
    yi = world.person("yi")
    for number in (1, 2):
        visit = ClinicVisit(window, yi)
        visit.own_no = f"OP{number}"
        for step in (visit.register, visit.diagnose, visit.upload):
            assert step().infcode == 0
        assert visit.settle(visit.quote()).infcode == 0
    first, second = world.ledger.back_office.quotes()
    assert first.accumulators.pool_all_fen == 0
    assert second.accumulators.pool_chr_fen == {"M01600": first.result.pool_fen}
    assert second.account.balance_fen == first.result.balance_fen
    assert rehearse((first, second), Substitution(load_shipped())).changed == 0


def test_only_the_newest_are_kept() -> None:
    world = make_world(HubSettings(record_quotes=2))
    till = _till(world)
    for count in (1, 2, 3):
        _quote(world, till, "jia", (("D03", count, 1250),))
    assert [quote.result.total_fen for quote in world.ledger.back_office.quotes()] == [2500, 3750]


def test_nothing_in_a_record_names_anybody() -> None:
    world = make_world(HubSettings(record_quotes=100))
    till = _till(world)
    for person in world.people:
        till.ask("2101", purchase(till, person, till.token(person)) if person.certificate.state == "ACTIVATED"
                 else purchase(till, person, ""), person.enrolment[0].division)  # fmt: skip
    text = write_record(world.ledger.back_office.quotes()).decode()
    assert len(world.ledger.back_office.quotes()) >= 4
    for person in world.people:
        for secret in (person.name, person.psn_no, person.certno, person.certificate.index):
            assert secret not in text
