"""Rules of the engine that no worked case touches, and the clinic story's person."""

import ast
import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

import simulators.benefit
from simulators.benefit.engine import accumulate, entitle, settle, year_open
from simulators.benefit.entitlement import Terms, benefit_start
from simulators.benefit.lines import UnknownItemError
from simulators.benefit.model import (
    REFUSAL_TEXTS,
    AccountState,
    Accumulators,
    Enrolment,
    Institution,
    Line,
    Person,
    Refusal,
    Relative,
    RelativePayment,
    Result,
    Rules,
    Visit,
)
from simulators.benefit.policies import PolicyBook
from simulators.benefit.policy_set import WaitingRule
from tests.capabilities import asserted, yuan
from tests.simulators.benefit.conftest import DAY, EMPLOYEE, RESIDENT, clinic_visit, line

NO_ACCOUNT = AccountState()
ZERO = Accumulators(2026)
BOX = (line("D03", 1, 1250),)


def run(
    book: PolicyBook,
    person: Person,
    visit: Visit,
    lines: tuple[Line, ...] = BOX,
    account: AccountState = NO_ACCOUNT,
    before: Accumulators = ZERO,
    set_id: str = "JH",
    rules: Rules | None = None,
) -> Result | Refusal:
    """Settle under a shipped set."""
    return settle(
        book.version(set_id, visit.fee_date),
        book.place(visit.place),
        person,
        account,
        before,
        visit,
        lines,
        rules or Rules(),
    )


def settled(answer: Result | Refusal) -> Result:
    """The result of a settlement that must not be refused."""
    assert isinstance(answer, Result), answer
    return answer


def test_the_story_person_pays_50_from_the_account_and_16_87_in_cash(book: PolicyBook) -> None:
    """测试乙, retired employee with registered diabetes, at a primary clinic on 2026-11-21.

    By hand, set JH, catalogue JH, chronic class II, retired, primary: 85 %, no deductible, limit 6000.00.

        S01 consultation   1 x 12.00 =  12.00  A, ceiling 10.00: above 2.00              in scope  10.00
        D12 insulin pen    2 x 48.71 =  97.42  B 5 %: 4.871 -> share 4.87                in scope  92.55
        D03 tablets        4 x 12.50 =  50.00  A, at its ceiling                         in scope  50.00
        M01 test strips    2 x 58.00 = 116.00  B 20 %: share 23.20                       in scope  92.80
        total 275.42 = above ceiling 2.00 + shares 28.07 + scope 245.35

        pool     245.35 x 85 % = 208.5475 -> 208.55
        person   275.42 - 208.55 = 66.87: account 50.00 (all it holds), cash 16.87
        counted towards the large-amount subsidy: 245.35 - 208.55 = 36.80, far below 20000.00
    """
    person = Person(insutype="310", psn_type="12", chronic=("M01600",))
    visit = Visit(
        "JH",
        Institution("primary"),
        "chronic",
        datetime.date(2026, 11, 21),
        account_use="family",
        disease="M01600",
    )
    lines = (line("S01", 1, 1200), line("D12", 2, 4871), line("D03", 4, 1250), line("M01", 2, 5800))
    result = settled(run(book, person, visit, lines, AccountState(5000)))
    assert [
        (row.item, row.amount_fen, row.over_limit_fen, row.pre_self_fen, row.in_scope_fen)
        for row in result.lines
    ] == [
        ("S01", 1200, 200, 0, 1000),
        ("D12", 9742, 0, 487, 9255),
        ("D03", 5000, 0, 0, 5000),
        ("M01", 11600, 0, 2320, 9280),
    ]
    assert (result.total_fen, result.full_self_fen, result.over_limit_fen) == (27542, 0, 200)
    assert (result.pre_self_fen, result.in_scope_fen, result.deductible_fen) == (2807, 24535, 0)
    assert (result.pool_fen, result.ratio_text, result.fund_fen) == (20855, "0.8500", 20855)
    assert (result.person_fen, result.account_fen, result.cash_fen) == (6687, 5000, 1687)
    assert result.account_after == AccountState(0)
    assert [(row.fund_pay_type, row.amount_fen, row.limit_left_fen) for row in result.funds] == [
        ("310100", 20855, 600000),
        ("310200", 5000, None),
    ]
    assert result.contributions == Accumulators(
        2026, pool_chr_fen={"M01600": 20855}, pool_all_fen=20855, si_base_fen=3680
    )


def two_disease_visit(place: str = "JH", area: str = "local") -> Visit:
    """A two-disease visit for hypertension."""
    return replace(clinic_visit(place), kind="two_disease", disease="M03900", area=area)


def chronic_visit(disease: str, place: str = "JH", area: str = "local") -> Visit:
    """A chronic visit."""
    return replace(clinic_visit(place), kind="chronic", disease=disease, area=area)


def test_two_disease_held_as_chronic_must_use_chronic(book: PolicyBook) -> None:
    """A person whose disease is registered as chronic gets no second benefit for it."""
    person = replace(RESIDENT, two_disease=("M03900",), chronic=("M03900",))
    assert run(book, person, two_disease_visit()) == Refusal("USE_CHRONIC")
    other = replace(RESIDENT, two_disease=("M03900",), chronic=("M01600",))
    assert isinstance(run(book, other, two_disease_visit()), Result)


def test_two_disease_is_not_open_outside_the_province(book: PolicyBook) -> None:
    """Elsewhere in the province it is, outside it is not, filed or not."""
    person = replace(RESIDENT, two_disease=("M03900",))
    assert isinstance(run(book, person, two_disease_visit(area="intra")), Result)
    for area in ("long_term", "referral", "emergency", "unfiled"):
        assert run(book, person, two_disease_visit("CD", area)) == Refusal("XPROV_TWO_NOT_OPEN")


def test_disease_outside_the_five_groups_is_not_open_outside_the_province(book: PolicyBook) -> None:
    """A registered sixth disease settles at home; outside the province it is refused."""
    person = replace(RESIDENT, chronic=("M01600",))
    closed = Rules(xprov_diseases=frozenset({"M03900"}))
    visit = chronic_visit("M01600", "CD", "long_term")
    assert run(book, person, visit, rules=closed) == Refusal("XPROV_DISEASE_NOT_OPEN")
    assert isinstance(run(book, person, visit), Result)
    assert isinstance(run(book, person, chronic_visit("M01600"), rules=closed), Result)


def test_benefit_missing_from_the_set_is_not_open(book: PolicyBook) -> None:
    """Two-disease for an employee, a disease without a class, a person type without a row, missing benefits."""
    not_open = Refusal("BENEFIT_NOT_OPEN")
    employee = replace(EMPLOYEE, two_disease=("M03900",), chronic=("M99900",))
    refused = run(book, employee, two_disease_visit())
    assert isinstance(refused, Refusal)
    asserted("R24", "BENEFIT_NOT_OPEN", refused.code, what="not in the list")
    assert run(book, employee, chronic_visit("M99900")) == not_open
    assert run(book, replace(EMPLOYEE, psn_type="13"), clinic_visit()) == not_open
    assert run(book, replace(EMPLOYEE, insutype="510"), clinic_visit()) == not_open
    bare = replace(book.version("JH", DAY), negotiated_bp={}, maternity={}, ordinary={}, chronic={})
    for kind in ("special_drug", "maternity", "outpatient", "chronic"):
        visit = replace(chronic_visit("M01600"), kind=kind)
        person = replace(EMPLOYEE, chronic=("M01600",))
        assert settle(bare, book.place("JH"), person, NO_ACCOUNT, ZERO, visit, BOX) == not_open


def test_account_purchase_passes_no_gate(book: PolicyBook) -> None:
    """A waiting person may buy from the account at a pharmacy that is not networked, in another province."""
    person = replace(EMPLOYEE, enrolment=Enrolment(paid_on=DAY))
    visit = Visit(
        "CD", Institution("pharmacy", networked=False), "pharmacy", DAY, "unfiled", account_use="family"
    )
    result = settled(run(book, person, visit, account=AccountState(1000)))
    assert (result.fund_fen, result.account_fen, result.cash_fen) == (0, 1000, 250)


def test_gates_stand_in_their_order(book: PolicyBook) -> None:
    """A visit that breaks all rules meets the waiting period, then the network, then the registration."""
    person = replace(RESIDENT, enrolment=Enrolment(paid_on=DAY), two_disease=("M03900",), chronic=("M03900",))
    visit = replace(two_disease_visit("CD", "unfiled"), institution=Institution("primary", networked=False))
    assert run(book, person, visit) == Refusal("WAITING_PERIOD", datetime.date(2026, 6, 12))
    person = replace(person, enrolment=None)
    assert run(book, person, visit) == Refusal("INST_NOT_NETWORKED")
    visit = replace(visit, institution=Institution("primary"))
    assert run(book, replace(person, two_disease=()), visit) == Refusal("DISEASE_NOT_REGISTERED")
    assert run(book, person, visit) == Refusal("USE_CHRONIC")
    assert run(book, replace(person, chronic=()), visit) == Refusal("XPROV_TWO_NOT_OPEN")


def test_every_refusal_has_words_in_both_languages() -> None:
    """The operator reads Chinese first; the code is for the machine."""
    for code in REFUSAL_TEXTS:
        chinese, english = Refusal(code).texts
        assert not chinese.isascii()
        assert english.isascii()


RULE = WaitingRule(3, 1, frozenset({"in_window", "employee_gap_le_3m", "newborn", "rural_low_income"}))


@pytest.mark.parametrize(
    ("facts", "categories", "begins"),
    [
        (Enrolment(datetime.date(2026, 3, 10)), (), "2026-06-10"),
        (Enrolment(datetime.date(2025, 11, 30)), (), "2026-02-28"),
        (Enrolment(datetime.date(2027, 11, 30)), (), "2028-02-29"),
        (Enrolment(datetime.date(2026, 3, 10), lapsed_years=2), (), "2026-08-10"),
        (Enrolment(datetime.date(2026, 3, 10), lapsed_years=12), (), "2027-06-10"),
        (Enrolment(datetime.date(2026, 3, 10), in_window=True), (), "2026-03-01"),
        (Enrolment(datetime.date(2026, 3, 10), employee_gap_months=3), (), "2026-03-01"),
        (Enrolment(datetime.date(2026, 3, 10), employee_gap_months=4), (), "2026-06-10"),
        (Enrolment(datetime.date(2026, 3, 10)), ("lifted_poverty",), "2026-03-01"),
        (Enrolment(datetime.date(2026, 4, 20), newborn_birth=datetime.date(2026, 3, 1)), (), "2026-03-01"),
        (
            Enrolment(datetime.date(2026, 2, 20), True, newborn_birth=datetime.date(2026, 2, 9)),
            (),
            "2026-02-01",
        ),
    ],
)
def test_benefits_begin(facts: Enrolment, categories: tuple[str, ...], begins: str) -> None:
    """Waiting months to the same day or the month's last; exemptions from the month of payment or from birth."""
    person = replace(RESIDENT, enrolment=facts, categories=categories)
    assert benefit_start(RULE, person).isoformat() == begins


def test_exemptions_are_the_sets_own() -> None:
    """A set that names no exemption makes everybody wait."""
    person = replace(RESIDENT, enrolment=Enrolment(datetime.date(2026, 3, 10), in_window=True))
    assert benefit_start(replace(RULE, exempt=frozenset()), person) == datetime.date(2026, 6, 10)
    assert benefit_start(RULE, RESIDENT) == datetime.date.min


def test_treatment_check_gives_the_terms(book: PolicyBook) -> None:
    """The gates alone answer a treatment check: the ratio, or the same refusal as the settlement."""
    terms = entitle(book.version("JH", DAY), EMPLOYEE, clinic_visit())
    assert isinstance(terms, Terms)
    assert (terms.kind, terms.ratio_bp) == ("op", 7000)


def test_own_account_only_leaves_relatives_alone(book: PolicyBook) -> None:
    """K40, mode explicit: flag 1 is the own account; the relative pays only with flag 2."""
    account = AccountState(1000, (Relative("spouse", 5000),))
    visit = replace(clinic_visit(), kind="pharmacy", institution=Institution("pharmacy"))
    lines = (line("D11", 1, 3990),)
    own = settled(run(book, EMPLOYEE, replace(visit, account_use="own"), lines, account))
    assert (own.account_fen, own.mutual_aid_fen, own.cash_fen) == (1000, 0, 2990)
    assert own.account_after == AccountState(0, (Relative("spouse", 5000),))
    family = settled(run(book, EMPLOYEE, replace(visit, account_use="family"), lines, account))
    assert (family.account_fen, family.mutual_aid_fen, family.cash_fen) == (3990, 2990, 0)
    assert family.relatives_paid == (RelativePayment("spouse", 2990),)
    unused = settled(run(book, EMPLOYEE, visit, lines, account))
    assert (unused.account_fen, unused.account_after) == (0, account)


def test_mutual_aid_outside_the_province_is_a_switch(book: PolicyBook) -> None:
    """By default relatives do not pay outside the province; a hub may allow it."""
    account = AccountState(0, (Relative("spouse", 5000),))
    visit = replace(clinic_visit("CD", "long_term"), account_use="family")
    assert settled(run(book, EMPLOYEE, visit, account=account)).mutual_aid_fen == 0
    allowed = Rules(mutual_aid_outside_province=True)
    assert settled(run(book, EMPLOYEE, visit, account=account, rules=allowed)).mutual_aid_fen == 1250


def test_residents_have_no_own_account(book: PolicyBook) -> None:
    """A balance left from employee times is not touched, a relative's is."""
    account = AccountState(700, (Relative("parent", 5000),))
    result = settled(run(book, RESIDENT, replace(clinic_visit(), account_use="family"), account=account))
    assert result.balance_fen == 700
    assert result.account_fen == result.mutual_aid_fen == result.person_fen


def test_item_off_the_list_counts_as_class_c(book: PolicyBook) -> None:
    """R53: class B on its last day, wholly self-paid the day after."""
    place = dict(book.place("JH"))
    place["D04"] = replace(place["D04"], valid_to=datetime.date(2022, 12, 31))
    policy = book.version("JH", DAY)
    lines = (line("D04", 1, 2860),)
    last = replace(clinic_visit(), fee_date=datetime.date(2022, 12, 31))
    after = replace(clinic_visit(), fee_date=datetime.date(2023, 1, 1))
    on_list = settled(settle(policy, place, EMPLOYEE, NO_ACCOUNT, Accumulators(2022), last, lines))
    off_list = settled(settle(policy, place, EMPLOYEE, NO_ACCOUNT, Accumulators(2023), after, lines))
    for what, sold, expected in (
        ("2022-12-31", on_list, {"chrgitm_lv": "02", "fulamt_ownpay_amt": "0.00"}),
        ("2023-01-01", off_list, {"chrgitm_lv": "03", "fulamt_ownpay_amt": "28.60"}),
    ):
        found = {"chrgitm_lv": sold.lines[0].charge_class, "fulamt_ownpay_amt": yuan(sold.full_self_fen)}
        asserted("R53", expected, found, what=what)


def test_prices_with_six_decimals_are_exact(book: PolicyBook) -> None:
    """Rounding happens once, on the product: 3 x 0.333333 = 0.999999 -> 1.00, 1.5 x 0.01 = 0.015 -> 0.02."""
    lines = (Line("D11", 30_000, 333_333), Line("D11", 15_000, 10_000), Line("D11", 1, 49_999_999))
    result = settled(run(book, EMPLOYEE, clinic_visit(), lines))
    assert [row.amount_fen for row in result.lines] == [100, 2, 0]


def test_line_answer_fields(book: PolicyBook) -> None:
    """Share, ceiling and marks of a line are those of the list at the place of treatment."""
    visit = replace(clinic_visit(), institution=Institution("tier2", dual_channel=True), nego_approved=True)
    lines = (line("D15", 1, 9800, indication_ok=True), line("D09", 1, 468000), line("D15", 1, 9800))
    ok, nego, bare = settled(run(book, EMPLOYEE, visit, lines)).lines
    assert (ok.share_bp, ok.ceiling_fen, ok.limit_used, ok.negotiated) == (1000, None, True, False)
    assert (nego.share_bp, nego.ceiling_fen, nego.negotiated, nego.bucket) == (1500, 468000, True, "nego")
    assert (bare.share_bp, bare.limit_used, bare.charge_class) == (10000, False, "03")


def test_deductible_is_used_up_although_the_limit_is_empty(book: PolicyBook) -> None:
    """The person pays it either way, so it counts."""
    before = Accumulators(2026, pool_op_fen=800_000, pool_all_fen=800_000)
    result = settled(run(book, EMPLOYEE, clinic_visit(), (line("D03", 10, 1250),), before=before))
    assert (result.deductible_fen, result.pool_fen) == (12_500, 0)
    assert result.contributions.deductible_op_fen == 12_500


def test_the_best_category_decides(book: PolicyBook) -> None:
    """Of several categories the highest ratio counts; of equal ones the lower threshold."""
    visit = replace(chronic_visit("M07801", "GX"), institution=Institution("tier2"))
    person = replace(RESIDENT, chronic=("M07801",), categories=("low_margin", "low_income"))
    lines = (line("S05", 1, 38000),)
    both = settled(run(book, person, visit, lines, set_id="GX"))
    best = settled(run(book, replace(person, categories=("low_income",)), visit, lines, set_id="GX"))
    assert both.assistance_fen == best.assistance_fen > 0
    policy = book.version("GX", DAY)
    equal = replace(policy.assistance, ratio_bp={"low_margin": 6000, "low_income": 6000})
    policy = replace(policy, assistance=equal)
    tied = settle(policy, book.place("GX"), person, NO_ACCOUNT, ZERO, visit, lines)
    assert settled(tied).assistance_fen > 0  # low_margin alone would stay below its threshold of 2000.00


def test_an_ended_category_gives_no_assistance(book: PolicyBook) -> None:
    """R34: the hub passes only categories valid on the fee date; without one there is no assistance."""
    visit = replace(clinic_visit(), institution=Institution("tier2"))
    lines = (line("S02", 4, 5000), line("D04", 4, 2860))
    low_income = replace(RESIDENT, categories=("low_income",))
    assert settled(run(book, low_income, visit, lines)).assistance_fen > 0
    assert settled(run(book, RESIDENT, visit, lines)).assistance_fen == 0


def test_epidemic_keeps_an_approved_negotiated_drug_in_its_bucket(book: PolicyBook) -> None:
    """All lines are in scope; what the funds do not pay public money takes."""
    visit = Visit(
        "JH", Institution("tier3", dual_channel=True), "outpatient", DAY, nego_approved=True, epidemic=True
    )
    result = settled(run(book, RESIDENT, visit, (line("D09", 1, 500_000), line("G01", 1, 1000))))
    assert (result.in_scope_fen, result.person_fen, result.cash_fen) == (501_000, 0, 0)
    assert [row.bucket for row in result.lines] == ["nego", "main"]
    assert result.fund_fen == result.total_fen == 501_000


def test_quote_is_the_settlement(book: PolicyBook) -> None:
    """Nothing is kept between calls: the same records give the same answer, and are left as they were."""
    before = Accumulators(2026, pool_chr_fen={"M01600": 100}, pool_all_fen=100)
    copy = Accumulators(2026, pool_chr_fen={"M01600": 100}, pool_all_fen=100)
    person = replace(EMPLOYEE, chronic=("M01600",))
    visit = chronic_visit("M01600")
    quote = run(book, person, visit, before=before)
    assert run(book, person, visit, before=before) == quote
    assert before == copy


def test_wrong_year_or_version_is_an_error(book: PolicyBook) -> None:
    """A caller who brings the wrong records is stopped, not refused."""
    with pytest.raises(ValueError, match="accumulators of 2025 for a fee date in 2026"):
        run(book, EMPLOYEE, clinic_visit(), before=Accumulators(2025))
    old = replace(book.version("JH", DAY), valid_to=datetime.date(2025, 12, 31))
    with pytest.raises(ValueError, match="policy JH from 2020-01-01 is not in force on 2026-03-12"):
        settle(old, book.place("JH"), EMPLOYEE, NO_ACCOUNT, ZERO, clinic_visit(), BOX)
    with pytest.raises(ValueError, match="contributions of 2025 for accumulators of 2026"):
        accumulate(ZERO, Accumulators(2025))


def test_unknown_item_is_an_error(book: PolicyBook) -> None:
    """The hub checks items before it settles."""
    with pytest.raises(UnknownItemError, match="item D99 is not in the catalogue of JH"):
        run(book, EMPLOYEE, clinic_visit(), (line("D99", 1, 100),))


@pytest.mark.parametrize(
    ("fee_date", "today", "is_open"),
    [
        ("2026-05-01", "2026-05-02", True),
        ("2025-12-31", "2026-03-31", True),
        ("2025-12-31", "2026-04-01", False),
        ("2024-12-31", "2026-01-01", False),
    ],
)
def test_last_year_stays_open_until_the_closing_day(fee_date: str, today: str, is_open: bool) -> None:
    """The closing day itself still counts."""
    day = datetime.date.fromisoformat
    assert year_open(day(fee_date), day(today)) is is_open


def test_no_float_anywhere() -> None:
    """Neither a float literal, nor true division, nor float(), nor round() stands in the package."""
    for path in sorted(Path(simulators.benefit.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
            assert not (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)), path
            assert not (isinstance(node, ast.Name) and node.id in ("float", "round", "Decimal")), path
