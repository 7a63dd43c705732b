"""The calculation: from a charge sheet to who pays what, in the steps of the benefit model.

Two places decide. The *place of treatment* gives class, class-B share and price ceiling of every line; the
*insured place* gives ratio, deductible, limits and everything above them. All amounts are integer fen; a product
is exact and rounded half up once; sums are never rounded. The steps, and where they stand:

    1-8   lines                 lines.split_lines       15  enterprise supplement     layers.enterprise
    9     sums                  lines.add_up            16  civil-servant subsidy     layers.civil_servant
    10    gates and ratio       entitlement.entitle     17  medical assistance        layers.assistance
    11    deductible            layers.deductible       18  further layers            layers.further_layers
    12    pool                  layers.pool             19  epidemic                  lines, _totals
    13    burden                layers.Burden           20-22  totals, account, cash  _totals, pay_from_accounts
    14    serious illness       layers.serious_illness  23  accumulators              contributions

`settle` is pure and serves quote and settlement alike. It takes the accumulators of the fee date's year and gives
back what to add to them. A refusal changes nothing. A cancellation negates the stored amounts and computes
nothing anew (`cancellation`).
"""

import datetime
from collections.abc import Mapping, Sequence

import msgspec

from simulators.benefit.cancellation import cancel, negate
from simulators.benefit.catalogue import Place
from simulators.benefit.entitlement import Terms, entitle
from simulators.benefit.layers import (
    Burden,
    CivilPayment,
    Deductible,
    Payment,
    Pool,
    assistance,
    civil_servant,
    deductible,
    enterprise,
    further_layers,
    month_of,
    pool,
    serious_illness,
    tilt_of,
)
from simulators.benefit.lines import Sums, add_up, split_lines
from simulators.benefit.model import (
    AREAS_INSIDE_PROVINCE,
    DEFAULT_RULES,
    EMPLOYEE,
    FUND_ACCOUNT,
    FUND_ASSISTANCE,
    FUND_CIVIL_SERVANT,
    FUND_EMPLOYEE_POOL,
    FUND_ENTERPRISE,
    FUND_LARGE_AMOUNT,
    FUND_OTHER,
    FUND_RESIDENT_POOL,
    FUND_SERIOUS_ILLNESS,
    AccountState,
    Accumulators,
    FundRow,
    LayerAccumulator,
    Line,
    LineResult,
    Person,
    Refusal,
    Relative,
    RelativePayment,
    Result,
    Rules,
    Visit,
)
from simulators.benefit.policy_set import PolicySet

__all__ = [
    "Calculation",
    "Steps",
    "accumulate",
    "calculate",
    "cancel",
    "contributions",
    "entitle",
    "negate",
    "pay_from_accounts",
    "settle",
    "year_open",
]


class Steps(msgspec.Struct, frozen=True):
    """The intermediate amounts of one settlement; `explain` tells them in words."""

    area_share_bp: int
    """Step 6: share of method pre_share."""
    lines: tuple[LineResult, ...]
    sums: Sums
    terms: Terms
    deductible: Deductible
    pool: Pool
    burden: Burden
    serious: Payment
    tilted: bool
    enterprise: Payment
    civil: CivilPayment
    aid: Payment
    layers: tuple[Payment, ...]
    layers_fen: int
    epidemic_fen: int
    """Step 19: what public money takes over."""


class Calculation(msgspec.Struct, frozen=True):
    """A settlement with the way to it."""

    steps: Steps
    result: Result


def settle(
    policy: PolicySet,
    place: Place,
    person: Person,
    account: AccountState,
    accumulators: Accumulators,
    visit: Visit,
    lines: Sequence[Line],
    rules: Rules = DEFAULT_RULES,
) -> Result | Refusal:
    """Settle or quote one visit.

    `policy` is the insured place's version in force on the fee date, `place` the list of the place of treatment,
    `accumulators` those of the fee date's year. Raises ValueError when version or year do not fit the fee date,
    UnknownItemError for an item the place does not list.
    """
    found = calculate(policy, place, person, account, accumulators, visit, lines, rules)
    return found if isinstance(found, Refusal) else found.result


def calculate(
    policy: PolicySet,
    place: Place,
    person: Person,
    account: AccountState,
    accumulators: Accumulators,
    visit: Visit,
    lines: Sequence[Line],
    rules: Rules = DEFAULT_RULES,
) -> Calculation | Refusal:
    """As `settle`, with every intermediate amount."""
    if not policy.valid_on(visit.fee_date):
        raise ValueError(f"policy {policy.id} from {policy.valid_from} is not in force on {visit.fee_date}")
    if accumulators.year != visit.fee_date.year:
        raise ValueError(f"accumulators of {accumulators.year} for a fee date in {visit.fee_date.year}")
    terms = entitle(policy, person, visit, rules)
    if isinstance(terms, Refusal):
        return terms
    steps = _steps(policy, place, person, accumulators, visit, lines, terms)
    return Calculation(steps, _totals(steps, person, account, visit, rules))


def _steps(
    policy: PolicySet,
    place: Place,
    person: Person,
    before: Accumulators,
    visit: Visit,
    lines: Sequence[Line],
    terms: Terms,
) -> Steps:
    """Steps 1 to 19."""
    account_only = terms.kind == "acct_only"
    area_share_bp = 0
    if policy.area.method == "pre_share" and not account_only:
        area_share_bp = policy.area.value_bp[person.insutype][visit.area]
    split = split_lines(place, visit, lines, account_only=account_only, area_share_bp=area_share_bp)
    sums = add_up(place, split)
    due = deductible(policy, person, before, visit, terms, sums)
    paid = pool(policy, person, before, visit, terms, sums, due.amount_fen)
    # Step 13.
    burden = Burden(
        main_fen=sums.main_scope_fen - paid.main_fen if terms.pooled else 0,
        nego_fen=sums.nego_scope_fen - paid.nego_fen,
        kind=terms.kind,
        class_one=terms.class_one,
    )
    tilt = tilt_of(policy, person)
    serious = serious_illness(policy, person, before, burden, tilt)
    taken_fen = serious.paid_fen
    firm = enterprise(policy, person, before, burden, due.amount_fen, taken_fen)
    taken_fen += firm.paid_fen
    civil = civil_servant(policy, person, before, burden, due.amount_fen, taken_fen)
    taken_fen += civil.paid_fen
    aid = assistance(policy, person, before, visit, burden, taken_fen)
    taken_fen += aid.paid_fen
    layers = further_layers(policy, person, before, visit, burden, taken_fen)
    layers_fen = sum([layer.paid_fen for layer in layers])
    # Step 19: in an epidemic public money takes whatever is left.
    left_fen = sums.total_fen - paid.paid_fen - taken_fen - layers_fen
    return Steps(
        area_share_bp=area_share_bp,
        lines=split,
        sums=sums,
        terms=terms,
        deductible=due,
        pool=paid,
        burden=burden,
        serious=serious,
        tilted=tilt is not None,
        enterprise=firm,
        civil=civil,
        aid=aid,
        layers=layers,
        layers_fen=layers_fen,
        epidemic_fen=left_fen if visit.epidemic else 0,
    )


def _totals(steps: Steps, person: Person, account: AccountState, visit: Visit, rules: Rules) -> Result:
    """Steps 20 to 23."""
    sums, terms, employee = steps.sums, steps.terms, person.insutype == EMPLOYEE
    other_fen = steps.layers_fen + steps.epidemic_fen
    fund_fen = (
        steps.pool.paid_fen
        + steps.serious.paid_fen
        + steps.enterprise.paid_fen
        + steps.civil.paid_fen
        + steps.aid.paid_fen
        + other_fen
    )
    person_fen = sums.total_fen - fund_fen
    payable_fen = max(0, person_fen - sums.excluded_fen)
    after, relatives_paid = pay_from_accounts(person, account, visit, payable_fen, rules)
    mutual_aid_fen = sum([payment.amount_fen for payment in relatives_paid])
    account_fen = account.balance_fen - after.balance_fen + mutual_aid_fen
    return Result(
        kind=terms.kind,
        total_fen=sums.total_fen,
        full_self_fen=sums.full_self_fen,
        over_limit_fen=sums.over_limit_fen,
        pre_self_fen=sums.pre_self_fen,
        in_scope_fen=sums.in_scope_fen,
        deductible_fen=steps.deductible.amount_fen,
        pool_fen=steps.pool.paid_fen,
        pool_ratio_bp=terms.ratio_bp if terms.pooled else terms.nego_ratio_bp if sums.has_nego else 0,
        civil_servant_fen=steps.civil.paid_fen,
        enterprise_fen=steps.enterprise.paid_fen,
        serious_illness_fen=0 if employee else steps.serious.paid_fen,
        large_amount_fen=steps.serious.paid_fen if employee else 0,
        disabled_fen=0,
        assistance_fen=steps.aid.paid_fen,
        other_fen=other_fen,
        fund_fen=fund_fen,
        person_fen=person_fen,
        account_fen=account_fen,
        mutual_aid_fen=mutual_aid_fen,
        # Step 22.
        cash_fen=person_fen - account_fen,
        hospital_fen=0,
        balance_fen=after.balance_fen,
        lines=steps.lines,
        funds=_fund_rows(steps, employee, other_fen, account_fen),
        relatives_paid=relatives_paid,
        contributions=contributions(steps, visit),
        account_after=after,
    )


def pay_from_accounts(
    person: Person, account: AccountState, visit: Visit, payable_fen: int, rules: Rules
) -> tuple[AccountState, tuple[RelativePayment, ...]]:
    """Step 21: own account first (employees), then the bound relatives in their order.

    Relatives do not pay outside the province unless the rules allow it.
    """
    if visit.account_use == "none" or payable_fen <= 0:
        return account, ()
    own_fen = min(account.balance_fen, payable_fen) if person.insutype == EMPLOYEE else 0
    left_fen = payable_fen - own_fen
    may_share = visit.area in AREAS_INSIDE_PROVINCE or rules.mutual_aid_outside_province
    if visit.account_use == "own" or not may_share or not account.relatives:
        return AccountState(account.balance_fen - own_fen, account.relatives), ()
    relatives: list[Relative] = []
    payments: list[RelativePayment] = []
    for relative in account.relatives:
        part_fen = min(relative.balance_fen, left_fen)
        left_fen -= part_fen
        relatives.append(Relative(relative.owner, relative.balance_fen - part_fen))
        if part_fen:
            payments.append(RelativePayment(relative.owner, part_fen))
    return AccountState(account.balance_fen - own_fen, tuple(relatives)), tuple(payments)


def _fund_rows(steps: Steps, employee: bool, other_fen: int, account_fen: int) -> tuple[FundRow, ...]:
    """One row per fund that pays, in the order of the layers, the account last."""
    pooled = steps.pool
    pool_rest_fen = min([limit.rest_fen for limit in pooled.limits], default=pooled.nego_rest_fen)
    pool_scope_fen = (steps.sums.main_scope_fen if steps.terms.pooled else 0) + steps.sums.nego_scope_fen
    civil_base_fen = steps.civil.main_fen + steps.civil.nego_fen
    candidates = (
        (
            FUND_EMPLOYEE_POOL if employee else FUND_RESIDENT_POOL,
            pooled.paid_fen,
            pool_scope_fen,
            pool_rest_fen,
        ),
        (
            FUND_LARGE_AMOUNT if employee else FUND_SERIOUS_ILLNESS,
            steps.serious.paid_fen,
            steps.serious.base_fen,
            steps.serious.rest_fen,
        ),
        (FUND_ENTERPRISE, steps.enterprise.paid_fen, steps.enterprise.base_fen, steps.enterprise.rest_fen),
        (FUND_CIVIL_SERVANT, steps.civil.paid_fen, civil_base_fen, steps.civil.rest_fen),
        (FUND_ASSISTANCE, steps.aid.paid_fen, steps.aid.part_fen, steps.aid.rest_fen),
        (FUND_OTHER, other_fen, sum([layer.part_fen for layer in steps.layers]), None),
        (FUND_ACCOUNT, account_fen, 0, None),
    )
    return tuple([FundRow(fund, paid, scope, rest) for fund, paid, scope, rest in candidates if paid])


def contributions(steps: Steps, visit: Visit) -> Accumulators:
    """Step 23: what this settlement adds to the accumulators of its year. A key of 0 is left out."""
    terms, main_fen, due_fen = steps.terms, steps.pool.main_fen, steps.deductible.amount_fen
    kind = terms.kind
    return Accumulators(
        year=visit.fee_date.year,
        deductible_op_fen=due_fen if terms.follows_op else 0,
        deductible_chr_fen={month_of(visit): due_fen} if kind == "chr" and due_fen else {},
        pool_op_fen=main_fen if terms.follows_op else 0,
        pool_two_fen={visit.disease: main_fen} if kind == "two" and main_fen else {},
        pool_chr_fen={visit.disease: main_fen} if kind == "chr" and main_fen else {},
        pool_mat_fen=main_fen if kind == "mat" and not terms.follows_op else 0,
        pool_all_fen=steps.pool.paid_fen,
        si_base_fen=steps.serious.base_fen,
        si_pay_fen=steps.serious.paid_fen,
        enterprise_pay_fen=steps.enterprise.paid_fen,
        civil_pay_fen=steps.civil.paid_fen,
        aid_base_fen=steps.aid.base_fen,
        aid_pay_fen=steps.aid.paid_fen,
        layers={
            layer.label: LayerAccumulator(layer.base_fen, layer.paid_fen)
            for layer in steps.layers
            if layer.base_fen or layer.paid_fen
        },
    )


def accumulate(before: Accumulators, change: Accumulators) -> Accumulators:
    """Apply the contributions of a settlement or a cancellation. Raises ValueError for another year."""
    if before.year != change.year:
        raise ValueError(f"contributions of {change.year} for accumulators of {before.year}")
    return Accumulators(
        year=before.year,
        deductible_op_fen=before.deductible_op_fen + change.deductible_op_fen,
        deductible_chr_fen=_merged(before.deductible_chr_fen, change.deductible_chr_fen),
        pool_op_fen=before.pool_op_fen + change.pool_op_fen,
        pool_two_fen=_merged(before.pool_two_fen, change.pool_two_fen),
        pool_chr_fen=_merged(before.pool_chr_fen, change.pool_chr_fen),
        pool_mat_fen=before.pool_mat_fen + change.pool_mat_fen,
        pool_all_fen=before.pool_all_fen + change.pool_all_fen,
        si_base_fen=before.si_base_fen + change.si_base_fen,
        si_pay_fen=before.si_pay_fen + change.si_pay_fen,
        enterprise_pay_fen=before.enterprise_pay_fen + change.enterprise_pay_fen,
        civil_pay_fen=before.civil_pay_fen + change.civil_pay_fen,
        aid_base_fen=before.aid_base_fen + change.aid_base_fen,
        aid_pay_fen=before.aid_pay_fen + change.aid_pay_fen,
        layers=_merged_layers(before.layers, change.layers),
    )


def _merged(before: Mapping[str, int], change: Mapping[str, int]) -> Mapping[str, int]:
    if not change:
        return before
    merged = dict(before)
    for key, amount in change.items():
        total = merged.get(key, 0) + amount
        if total:
            merged[key] = total
        else:
            merged.pop(key, None)
    return merged


def _merged_layers(
    before: Mapping[str, LayerAccumulator], change: Mapping[str, LayerAccumulator]
) -> Mapping[str, LayerAccumulator]:
    if not change:
        return before
    merged = dict(before)
    for key, amount in change.items():
        old = merged.get(key, LayerAccumulator())
        new = LayerAccumulator(old.base_fen + amount.base_fen, old.pay_fen + amount.pay_fen)
        if new.base_fen or new.pay_fen:
            merged[key] = new
        else:
            merged.pop(key, None)
    return merged


def year_open(fee_date: datetime.date, today: datetime.date, rules: Rules = DEFAULT_RULES) -> bool:
    """Whether a fee date's benefit year still takes settlements and cancellations.

    The year before stays open until the closing day of the rules. A reversal of an unknown outcome (2601) is never
    refused for it (K46).
    """
    if fee_date.year == today.year:
        return True
    closes_on = datetime.date(today.year, rules.year_close_month, rules.year_close_day)
    return fee_date.year == today.year - 1 and today <= closes_on
