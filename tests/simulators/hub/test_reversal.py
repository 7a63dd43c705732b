"""2601: undo what nobody knows the outcome of, and nothing else."""

import pytest

from protocols.hub.envelope import Request
from simulators.hub import HubSettings
from simulators.people import Person
from simulators.serve import SimulatedWorld
from tests.simulators.hub.counter import Counter, Reply, make_world, purchase

HOME = "999900"


def settle(till: Counter, person: Person) -> Request:
    """A booked 2102; returns its request."""
    request = till.request("2102", purchase(till, person, till.token(person)), HOME)
    assert till.send(request).infcode == 0
    return request


def reverse(till: Counter, psn_no: str, omsgid: str, oinfno: str = "2102", insured: str = HOME) -> Reply:
    """2601."""
    return till.ask("2601", {"data": {"psn_no": psn_no, "omsgid": omsgid, "oinfno": oinfno}}, insured)


def test_a_booked_settlement_is_reversed_and_the_account_restored(till: Counter, jia: Person) -> None:
    original = settle(till, jia)
    reply = reverse(till, jia.psn_no, original.message_id)
    assert (reply.infcode, reply.output) == (0, None)
    ledger = till.world.ledger
    assert ledger.balance(jia.psn_no) == 6000
    assert ledger.live_settlements() == ()
    first, second = ledger.settlements()
    assert (first.how_undone, second.infno, second.result.total_fen) == ("reversed", "2601", -8330)


def test_a_second_reversal_says_already(till: Counter, jia: Person) -> None:
    original = settle(till, jia)
    reverse(till, jia.psn_no, original.message_id)
    reply = reverse(till, jia.psn_no, original.message_id)
    assert (reply.infcode, reply.code) == (-1, "ALREADY_REVERSED")
    assert till.world.profile.classify_reversal(reply.err_msg) == "already"
    assert till.world.ledger.balance(jia.psn_no) == 6000


def test_reversal_after_a_cancellation_says_already(till: Counter, jia: Person) -> None:
    original = settle(till, jia)
    (record,) = till.world.ledger.live_settlements()
    ids = {"setl_id": record.setl_id, "mdtrt_id": record.mdtrt_id, "psn_no": jia.psn_no}
    assert till.ask("2103", {"data": ids}, HOME).infcode == 0
    assert reverse(till, jia.psn_no, original.message_id).code == "ALREADY_REVERSED"


def test_a_message_that_never_came_is_not_found(till: Counter, jia: Person) -> None:
    reply = reverse(till, jia.psn_no, till.next_msgid())
    assert (reply.infcode, reply.code) == (-1, "SETL_NOT_FOUND")
    assert till.world.profile.classify_reversal(reply.err_msg) == "not_found"


def test_the_wrong_person_is_not_found_and_nothing_is_undone(till: Counter, jia: Person, yi: Person) -> None:
    original = settle(till, jia)
    assert reverse(till, yi.psn_no, original.message_id).code == "SETL_NOT_FOUND"
    assert len(till.world.ledger.live_settlements()) == 1


def test_the_wrong_transaction_number_is_not_found(till: Counter, jia: Person) -> None:
    original = settle(till, jia)
    for infno in ("2207A", "2101", "2103"):
        assert reverse(till, jia.psn_no, original.message_id, infno).code == "SETL_NOT_FOUND"


def test_another_institution_cannot_reverse(till: Counter, jia: Person) -> None:
    original = settle(till, jia)
    other = Counter(till.world, "P99990000003")
    other.sign_in()
    assert reverse(other, jia.psn_no, original.message_id).code == "SETL_NOT_FOUND"
    assert len(till.world.ledger.live_settlements()) == 1


def test_a_cancellation_is_not_reversible(till: Counter, jia: Person) -> None:
    settle(till, jia)
    (record,) = till.world.ledger.live_settlements()
    ids = {"setl_id": record.setl_id, "mdtrt_id": record.mdtrt_id, "psn_no": jia.psn_no}
    request = till.request("2103", {"data": ids}, HOME)
    till.send(request)
    assert reverse(till, jia.psn_no, request.message_id, "2103").code == "SETL_NOT_FOUND"


def test_a_reversal_undoes_only_its_own_settlement(till: Counter, jia: Person) -> None:
    first, second = settle(till, jia), settle(till, jia)
    reverse(till, jia.psn_no, first.message_id)
    (standing,) = till.world.ledger.live_settlements()
    assert standing.msgid == second.message_id


def pooled(till: Counter, person: Person) -> Request:
    body = purchase(till, person, till.token(person), (("D03", 10, 1250),))
    body["drugdetail"][0] |= {"rx_circ_flag": "1", "rxno": "RX0001"}
    request = till.request("2102", body, HOME)
    assert till.send(request).infcode == 0
    return request


def test_neither_order_nor_year_stand_in_the_way_of_a_reversal() -> None:
    """An unknown outcome must always be undoable (K46)."""
    world: SimulatedWorld = make_world(HubSettings(prescriptions=frozenset({"RX0001"})))
    till = Counter(world, "P99990000001")
    till.sign_in()
    jia = world.person("jia")
    first = pooled(till, jia)
    pooled(till, jia)
    till.now = till.now.replace(year=2027, month=6)
    assert reverse(till, jia.psn_no, first.message_id).infcode == 0
    assert world.ledger.accumulators(jia.psn_no, "JH", 2026).deductible_op_fen == 12500


@pytest.mark.parametrize("name", ["psn_no", "omsgid", "oinfno"])
def test_a_missing_member_is_named(till: Counter, jia: Person, name: str) -> None:
    data = {"psn_no": jia.psn_no, "omsgid": till.next_msgid(), "oinfno": "2102"} | {name: ""}
    reply = till.ask("2601", {"data": data}, HOME)
    assert f"data.{name}" in reply.err_msg
    assert till.world.profile.classify_reversal(reply.err_msg) is None
