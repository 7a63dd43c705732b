"""Undoing settlements: exact amounts, order, year; and properties of random visits."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from simulators.benefit.cancellation import moved
from simulators.benefit.cases import identities, result_amounts
from simulators.benefit.engine import accumulate, calculate, cancel, settle
from simulators.benefit.model import (
    AREAS,
    CATEGORIES,
    INSTITUTION_KINDS,
    VISIT_KINDS,
    AccountState,
    Accumulators,
    Institution,
    LayerAccumulator,
    Line,
    Person,
    Refusal,
    Relative,
    Result,
    Rules,
    Visit,
)
from simulators.benefit.policies import PolicyBook, load_shipped
from tests.simulators.benefit.conftest import EMPLOYEE, clinic_visit, line

BOOK = load_shipped()
ZERO = Accumulators(2026)


def a_settlement(book: PolicyBook, account: AccountState, before: Accumulators = ZERO) -> Result:
    """An employee's clinic visit that pays from both accounts."""
    visit = replace(clinic_visit(), account_use="family")
    lines = (line("S02", 2, 4500), line("D04", 10, 2860))
    answer = settle(
        book.version("JH", visit.fee_date), book.place("JH"), EMPLOYEE, account, before, visit, lines
    )
    assert isinstance(answer, Result)
    return answer


def test_unknown_number_is_not_found() -> None:
    """There is nothing to undo."""
    assert cancel(None, AccountState()) == Refusal("SETL_NOT_FOUND")


def test_second_cancellation_is_refused(book: PolicyBook) -> None:
    """Even though a later settlement would refuse it too."""
    stored = a_settlement(book, AccountState())
    answer = cancel(stored, AccountState(), already=True, later=[stored.contributions])
    assert answer == Refusal("ALREADY_REVERSED")


def test_later_settlement_blocks_only_when_both_moved_accumulators_of_one_year(book: PolicyBook) -> None:
    """The order rule, its switch, and the reversal by message number that never obeys it (K46)."""
    stored, account = a_settlement(book, AccountState()), AccountState()
    later = [stored.contributions]
    assert cancel(stored, account, later=later) == Refusal("LATER_SETTLEMENT_EXISTS")
    assert isinstance(cancel(stored, account, later=[Accumulators(2026)]), Result)
    assert isinstance(cancel(stored, account, later=[Accumulators(2027, pool_op_fen=1)]), Result)
    assert isinstance(cancel(stored, account, later=later, keep_order=False), Result)
    assert isinstance(cancel(stored, account, later=later, rules=Rules(cancellation_order=False)), Result)
    purchase = replace(stored, contributions=Accumulators(2026))
    assert isinstance(cancel(purchase, account, later=later), Result)


def test_each_account_gets_back_what_it_paid(book: PolicyBook) -> None:
    """Refunds go onto today's balances, in whatever order the relatives stand now."""
    stored = a_settlement(book, AccountState(1000, (Relative("a", 2000), Relative("b", 90_000))))
    assert stored.account_after.relatives[0].balance_fen == 0
    now = AccountState(7, (Relative("b", 5), Relative("c", 6), Relative("a", 0)))
    answer = cancel(stored, now)
    assert isinstance(answer, Result)
    paid_b = stored.mutual_aid_fen - 2000
    assert answer.account_after == AccountState(
        1007, (Relative("b", 5 + paid_b), Relative("c", 6), Relative("a", 2000))
    )
    assert answer.balance_fen == 1007
    assert [(row.owner, row.amount_fen) for row in answer.relatives_paid] == [("a", -2000), ("b", -paid_b)]


def test_missing_relative_is_an_error(book: PolicyBook) -> None:
    """Money must not vanish because the caller forgot an account."""
    stored = a_settlement(book, AccountState(0, (Relative("a", 2000),)))
    with pytest.raises(ValueError, match="lacks the account of a relative who paid"):
        cancel(stored, AccountState(0))


def test_amounts_are_negated_ratio_and_limits_are_not(book: PolicyBook) -> None:
    """K44, for fields, lines and fund rows."""
    stored = a_settlement(book, AccountState(1000))
    answer = cancel(stored, stored.account_after)
    assert isinstance(answer, Result)
    amounts, undone = result_amounts(stored), result_amounts(answer)
    for name, amount in amounts.items():
        if isinstance(amount, int) and name != "balc":
            assert undone[name] == -amount, name
    assert answer.ratio_text == stored.ratio_text == "0.7000"
    for row, back in zip(stored.funds, answer.funds, strict=True):
        assert (back.amount_fen, back.limit_left_fen) == (-row.amount_fen, row.limit_left_fen)
    for one, back_line in zip(stored.lines, answer.lines, strict=True):
        assert (back_line.amount_fen, back_line.share_bp) == (-one.amount_fen, one.share_bp)


CHRONIC = ("M03900", "M01600", "M00500", "M07801", "M08300")
ITEMS = [*sorted(BOOK.catalogue.items), *["D09", "D10"] * 6]

amounts = st.integers(0, 5_000_000)
people = st.builds(
    Person,
    insutype=st.sampled_from(["310", "390"]),
    psn_type=st.sampled_from(["11", "12"]),
    categories=st.lists(st.sampled_from(sorted(CATEGORIES)), max_size=2, unique=True).map(tuple),
    chronic=st.sampled_from([(), ("M01600",), ("M01600", "M03900"), CHRONIC]),
    two_disease=st.sampled_from([(), ("M03900",), ("M03900", "M01600")]),
    signed_doctor=st.booleans(),
    civil_servant=st.booleans(),
    enterprise=st.booleans(),
    layers=st.sampled_from([("JH_N1",), ()]),
)
visits = st.builds(
    Visit,
    place=st.sampled_from(["JH", "GX", "NC", "CD"]),
    institution=st.builds(
        Institution,
        kind=st.sampled_from(INSTITUTION_KINDS),
        dual_channel=st.sampled_from([True, True, False]),
    ),
    kind=st.sampled_from([*VISIT_KINDS, "chronic", "chronic", "two_disease"]),
    fee_date=st.dates(datetime.date(2026, 1, 1), datetime.date(2026, 12, 31)),
    area=st.sampled_from([*AREAS, "local", "local"]),
    account_use=st.sampled_from(["none", "own", "family"]),
    disease=st.sampled_from(["M03900", "M01600", "M00500", "M07801"]),
    rx_pooled=st.booleans(),
    nego_approved=st.sampled_from([True, True, False]),
    epidemic=st.sampled_from([False, False, False, True]),
)
charge_sheets = st.lists(
    st.builds(
        Line,
        item=st.sampled_from(ITEMS),
        quantity_e4=st.integers(1, 500_000),
        price_micro=st.integers(0, 2_000_000_000),
        indication_ok=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
accounts = st.builds(
    AccountState,
    balance_fen=amounts,
    relatives=st.lists(amounts, max_size=2).map(
        lambda balances: tuple(Relative(f"relative {n}", balance) for n, balance in enumerate(balances))
    ),
)
by_disease = st.dictionaries(st.sampled_from(["M03900", "M01600", "M07801"]), st.integers(1, 9_000_000))
years = st.builds(
    Accumulators,
    year=st.just(2026),
    deductible_op_fen=st.integers(0, 80_000),
    deductible_chr_fen=st.dictionaries(st.sampled_from(["2026-03", "2026-04"]), st.integers(1, 3000)),
    pool_op_fen=st.integers(0, 1_000_000),
    pool_two_fen=by_disease,
    pool_chr_fen=by_disease,
    pool_mat_fen=st.integers(0, 300_000),
    pool_all_fen=st.integers(0, 50_000_000),
    si_base_fen=st.integers(0, 20_000_000),
    si_pay_fen=st.integers(0, 60_000_000),
    enterprise_pay_fen=st.integers(0, 600_000),
    civil_pay_fen=st.integers(0, 600_000),
    aid_base_fen=st.integers(0, 6_000_000),
    aid_pay_fen=st.integers(0, 9_000_000),
    layers=st.dictionaries(
        st.sampled_from(["JH_N1", "GX_TILT"]),
        st.builds(LayerAccumulator, base_fen=st.integers(900_000, 3_000_000), pay_fen=amounts),
        min_size=1,
    ),
)


def registered(person: Person, visit: Visit) -> tuple[Person, Visit]:
    """Registered for the disease of the visit, so that few random visits are refused."""
    if visit.kind == "chronic":
        return replace(person, chronic=tuple(dict.fromkeys([*person.chronic, visit.disease]))), visit
    if visit.kind == "two_disease":
        person = replace(person, two_disease=("M03900", "M01600"), chronic=(), insutype="390")
        return person, replace(visit, disease="M01600", area="intra")
    return person, visit


@settings(derandomize=True, max_examples=400)
@given(
    set_id=st.sampled_from(["JH", "GX", "NC", "CD"]),
    person=people,
    visit=visits,
    lines=charge_sheets,
    account=accounts,
    before=years,
)
def test_any_visit_adds_up_and_is_undone_exactly(
    set_id: str, person: Person, visit: Visit, lines: list[Line], account: AccountState, before: Accumulators
) -> None:
    """Identities hold, nothing is negative, limits are kept; cancelling restores accounts and accumulators."""
    policy = BOOK.version(set_id, visit.fee_date)
    person, visit = registered(person, visit)
    found = calculate(policy, BOOK.place(visit.place), person, account, before, visit, lines)
    if isinstance(found, Refusal):
        return
    steps, answer = found.steps, found.result
    for name, left, right in identities(answer):
        assert left == right, name
    for name, amount in result_amounts(answer).items():
        assert isinstance(amount, str) or amount >= 0, name
    for row in answer.lines:
        assert min(row.over_limit_fen, row.pre_self_fen, row.in_scope_fen) >= 0
    for limit in steps.pool.limits:
        assert steps.pool.main_fen <= limit.rest_fen
    assert steps.civil.rest_fen is None or steps.civil.paid_fen <= steps.civil.rest_fen
    for payment in (steps.serious, steps.enterprise, steps.aid, *steps.layers):
        assert payment.rest_fen is None or payment.paid_fen <= payment.rest_fen
    assert before.pool_all_fen + answer.pool_fen <= max(
        before.pool_all_fen, policy.overall_cap_fen[person.insutype]
    )
    assert before.aid_pay_fen + answer.assistance_fen <= max(before.aid_pay_fen, policy.assistance.limit_fen)
    assert answer.account_after.balance_fen >= 0
    assert all(relative.balance_fen >= 0 for relative in answer.account_after.relatives)
    if visit.epidemic:
        assert answer.person_fen == 0
    if answer.kind == "acct_only":
        assert not moved(answer.contributions)
    after = accumulate(before, answer.contributions)
    undone = cancel(answer, answer.account_after)
    assert isinstance(undone, Result)
    assert undone.account_after == account
    assert accumulate(after, undone.contributions) == before
    for name, left, right in identities(undone):
        assert left == right, name
