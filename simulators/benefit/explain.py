"""A calculation told line by line in words, with the step numbers of the model.

`yibao sim benefit explain CASE` prints `explain` of a worked case; `explain_settlement` tells any settlement.
Nothing is computed here but texts: every amount comes from the engine's own intermediate values.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from simulators.benefit.amounts import WHOLE_BP
from simulators.benefit.case_file import Case, CaseFile, Outcome, flat, parse_case, parse_file, run, year_of
from simulators.benefit.catalogue import Entry, Place
from simulators.benefit.engine import Calculation, Steps
from simulators.benefit.layers import Payment
from simulators.benefit.model import (
    EMPLOYEE,
    FUND_NAMES,
    AccountState,
    Accumulators,
    Line,
    LineResult,
    Person,
    Refusal,
    Result,
    Visit,
)
from simulators.benefit.policy_set import PolicySet

_CLASS: Final = {"01": "A", "02": "B", "03": "C"}
_MICRO_PER_YUAN: Final = 10**6
_E4: Final = 10_000


def explain(text: str, case_id: str, file: str = "cases") -> str:
    """One case of a file of worked cases, step by step.

    Raises DataError for a file or case that cannot be read, LookupError for a case that is not there.
    """
    found = parse_file(text, file)
    if case_id not in found.cases:
        raise LookupError(f"{file} has no case {case_id}")
    case = parse_case(found.cases[case_id])
    told = [f"{case.id} {case.title}", f"insured at {case.policy_set}: {_person(case.person)}"]
    told.append(_account(case.start.account))
    for outcome in run(found, case):
        told += ["", *_outcome(found, case, outcome)]
    return "\n".join(told)


def explain_settlement(
    policy: PolicySet,
    place: Place,
    person: Person,
    before: Accumulators,
    visit: Visit,
    lines: Sequence[Line],
    found: Calculation,
) -> list[str]:
    """One settlement as lines of text; the arguments are those it was calculated from."""
    return list(_settlement(policy, place, person, before, visit, lines, found))


def yuan(amount_fen: int) -> str:
    """Fen as yuan with two decimals."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def percent(ratio_bp: int) -> str:
    """A ratio in per cent, with as many decimals as it needs."""
    return f"{_plain(ratio_bp, 100)}%"


def _plain(value: int, unit: int) -> str:
    """value / unit in decimal without trailing zeros; unit is a power of ten."""
    whole, part = divmod(value, unit)
    decimals = str(part).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def _person(person: Person) -> str:
    told = ["employee (310)" if person.insutype == EMPLOYEE else "resident (390)"]
    if person.psn_type != "*":
        told.append(f"person type {person.psn_type}")
    told += person.categories
    told += [f"chronic disease {code}" for code in person.chronic]
    told += [f"two-disease {code}" for code in person.two_disease]
    told += [f"joined layer {layer}" for layer in person.layers]
    if person.signed_doctor:
        told.append("signed family doctor")
    if person.civil_servant:
        told.append("civil servant")
    if person.enterprise:
        told.append("enterprise supplement")
    return ", ".join(told)


def _account(account: AccountState) -> str:
    relatives = "".join(f"; {relative.owner} {yuan(relative.balance_fen)}" for relative in account.relatives)
    return f"personal account {yuan(account.balance_fen)}{relatives}"


def _outcome(found: CaseFile, case: Case, outcome: Outcome) -> Iterator[str]:
    step, visit, answer = outcome.step, outcome.step.visit, outcome.answer
    if visit is None:
        yield f"{step.ref}: cancel {step.target}"
        if isinstance(answer, Result):
            yield from _cancellation(answer)
    else:
        yield f"{step.ref}: {_visit(visit)}"
    if isinstance(answer, Refusal):
        yield _refusal(answer)
    elif visit is not None and outcome.calculation is not None:
        policy = found.book.version(case.policy_set, visit.fee_date)
        before = year_of(outcome.before, visit.fee_date.year)
        yield from _settlement(
            policy,
            found.book.place(visit.place),
            case.person,
            before,
            visit,
            step.lines,
            outcome.calculation,
        )


def _visit(visit: Visit) -> str:
    told = [
        f"settle {visit.kind} on {visit.fee_date} at {visit.place} {visit.institution.kind}",
        f"area {visit.area}",
    ]
    if visit.disease:
        told.append(visit.disease)
    if visit.rx_pooled:
        told.append("pooled prescription")
    if visit.nego_approved:
        told.append("negotiated drug approved")
    if visit.epidemic:
        told.append("epidemic")
    return ", ".join(told)


def _refusal(refusal: Refusal) -> str:
    begins = f", benefits begin on {refusal.begins_on}" if refusal.begins_on else ""
    return f"  refused: {refusal.texts[1]} [{refusal.code}]{begins}; nothing changes"


def _cancellation(answer: Result) -> Iterator[str]:
    yield "  the stored amounts are negated, nothing is computed anew"
    yield (
        f"  total {yuan(answer.total_fen)} = funds {yuan(answer.fund_fen)} + account {yuan(answer.account_fen)}"
        f" + cash {yuan(answer.cash_fen)}"
    )
    for paid in answer.relatives_paid:
        yield f"  {paid.owner} gets back {yuan(-paid.amount_fen)}"
    yield f"  own account after it: {yuan(answer.balance_fen)}"
    yield from _accumulators(answer)


def _settlement(
    policy: PolicySet,
    place: Place,
    person: Person,
    before: Accumulators,
    visit: Visit,
    lines: Sequence[Line],
    found: Calculation,
) -> Iterator[str]:
    steps, result = found.steps, found.result
    for line, split in zip(lines, steps.lines, strict=True):
        yield f"  steps 1-8  {_line(place[line.item], line, split, steps.area_share_bp)}"
    if visit.epidemic:
        yield "  step 19  epidemic: every line is wholly in scope, no deductible"
    yield (
        f"  step 9   total {yuan(result.total_fen)} = self-paid {yuan(result.full_self_fen)} + above the ceiling"
        f" {yuan(result.over_limit_fen)} + share {yuan(result.pre_self_fen)} + scope {yuan(result.in_scope_fen)}"
    )
    if steps.terms.kind == "acct_only":
        yield "  step 10  account purchase: no pool"
    else:
        yield from _pool(steps)
        yield from _layers(policy, person, before, visit, steps)
    yield from _who_pays(steps, result, visit)
    yield from _accumulators(result)


def _line(entry: Entry, line: Line, split: LineResult, area_share_bp: int) -> str:
    listed, counted = entry.item_class, _CLASS[split.charge_class]
    price = _plain(line.price_micro, _MICRO_PER_YUAN)
    told = [
        f"{line.item} ({entry.item.name}): {_plain(line.quantity_e4, _E4)} x {price} = {yuan(split.amount_fen)}",
        f"class {counted}" if counted == listed else f"class {counted}, listed {listed} but not payable here",
    ]
    if split.full_self_fen:
        told.append(f"wholly self-paid {yuan(split.full_self_fen)}")
    if split.over_limit_fen and split.ceiling_fen is not None:
        told.append(f"above the ceiling of {yuan(split.ceiling_fen)}: {yuan(split.over_limit_fen)}")
    if split.pre_self_fen:
        shares = [f"class B {percent(split.share_bp)}"] if split.share_bp else []
        shares += [f"out of area {percent(area_share_bp)}"] if area_share_bp else []
        told.append(f"share ({', then '.join(shares)}) {yuan(split.pre_self_fen)}")
    told.append(f"in scope {yuan(split.in_scope_fen)}")
    if split.bucket == "nego":
        told.append("paid as a negotiated drug")
    return ", ".join(told)


def _pool(steps: Steps) -> Iterator[str]:
    terms, sums, due, pool = steps.terms, steps.sums, steps.deductible, steps.pool
    if terms.pooled:
        told = f"  step 10  ratio {percent(terms.base_bp)}"
        if terms.bonus_bp:
            told += f" + {percent(terms.bonus_bp)} for the signed family doctor"
        if terms.factor_bp != WHOLE_BP:
            told += f", times {percent(terms.factor_bp)} for the area"
        yield told if terms.ratio_bp == terms.base_bp else f"{told}: {percent(terms.ratio_bp)}"
        if due.standard_fen:
            yield (
                f"  step 11  deductible: standard {yuan(due.standard_fen)}, {yuan(due.used_before_fen)} paid before;"
                f" {yuan(due.amount_fen)} falls on this bill"
            )
        else:
            yield "  step 11  no deductible"
        yield (
            f"  step 12  pool: ({yuan(sums.main_scope_fen)} - {yuan(due.amount_fen)}) x {percent(terms.ratio_bp)}"
            f" = {yuan(pool.wanted_main_fen)}{_limited(pool.wanted_main_fen, pool.main_fen)}"
        )
        for limit in pool.limits:
            yield f"           left of the {limit.name}: {yuan(limit.rest_fen)}"
    if sums.has_nego:
        factor = "" if terms.factor_bp == WHOLE_BP else f" (times {percent(terms.factor_bp)} for the area)"
        yield (
            f"  step 12  negotiated drugs: {yuan(sums.nego_scope_fen)} x {percent(terms.nego_ratio_bp)}{factor}"
            f" = {yuan(pool.wanted_nego_fen)}{_limited(pool.wanted_nego_fen, pool.nego_fen)}"
        )
    yield (
        f"  step 13  the pool leaves {yuan(steps.burden.main_fen)} of the scope,"
        f" {yuan(steps.burden.nego_fen)} of negotiated drugs"
    )


def _limited(wanted_fen: int, paid_fen: int) -> str:
    return "" if wanted_fen == paid_fen else f", limited to {yuan(paid_fen)}"


def _layers(
    policy: PolicySet, person: Person, before: Accumulators, visit: Visit, steps: Steps
) -> Iterator[str]:
    employee = person.insutype == EMPLOYEE
    name = "large-amount subsidy" if employee else "serious illness"
    if steps.serious.base_fen:
        start = before.si_base_fen
        tilt = ", better terms for the person's category" if steps.tilted else ""
        yield (
            f"  step 14  {name}: counted burden of the year {yuan(start)} to {yuan(start + steps.serious.base_fen)}"
            f"{tilt}: pays {_pays(steps.serious)}"
        )
    else:
        yield f"  step 14  {name}: nothing counted"
    firm, civil = policy.enterprise, policy.civil_servant
    if firm is not None and person.enterprise and employee:
        base = yuan(steps.enterprise.base_fen)
        yield f"  step 15  enterprise supplement: {base} x {percent(firm.ratio_bp)} = {_pays(steps.enterprise)}"
    if civil is not None and person.civil_servant and employee:
        yield (
            f"  step 16  civil servant: {yuan(steps.civil.main_fen)} x"
            f" {percent(civil.ratio_bp.get(steps.terms.kind, 0))} + {yuan(steps.civil.nego_fen)} x"
            f" {percent(civil.ratio_bp.get('nego', 0))} = {yuan(steps.civil.wanted_fen)}"
            f"{_limited(steps.civil.wanted_fen, steps.civil.paid_fen)}"
        )
    aid = steps.aid
    if aid.label:
        yield (
            f"  step 17  assistance as {aid.label}: base {yuan(aid.base_fen)}, {yuan(aid.part_fen)} of it above the"
            f" threshold, x {percent(policy.assistance.ratio_bp[aid.label])} = {_pays(aid)}"
        )
    elif person.categories:
        reason = "not filed" if visit.area == "unfiled" else "the category has none here"
        yield f"  step 17  no assistance: {reason}"
    rules = {rule.id: rule for rule in policy.layers}
    for layer in steps.layers:
        yield (
            f"  step 18  layer {layer.label}: base {yuan(layer.base_fen)}, {yuan(layer.part_fen)} of it above the"
            f" threshold, x {percent(rules[layer.label].ratio_bp)} = {_pays(layer)}"
        )


def _pays(payment: Payment) -> str:
    return f"{yuan(payment.wanted_fen)}{_limited(payment.wanted_fen, payment.paid_fen)}"


def _who_pays(steps: Steps, result: Result, visit: Visit) -> Iterator[str]:
    if visit.epidemic:
        yield f"  step 19  public money takes the rest: {yuan(steps.epidemic_fen)}"
    yield f"  step 20  funds {yuan(result.fund_fen)}, person {yuan(result.person_fen)}"
    for row in result.funds:
        yield f"           {row.fund_pay_type} {FUND_NAMES[row.fund_pay_type]} {yuan(row.amount_fen)}"
    if visit.account_use == "none":
        yield "  step 21  accounts not used"
    else:
        if steps.sums.excluded_fen:
            yield f"  step 21  the account may not pay {yuan(steps.sums.excluded_fen)} of daily goods"
        own_fen = result.account_fen - result.mutual_aid_fen
        yield f"  step 21  own account {yuan(own_fen)}, balance after it {yuan(result.balance_fen)}"
        for paid in result.relatives_paid:
            yield f"           account of {paid.owner} {yuan(paid.amount_fen)}"
    yield f"  step 22  cash {yuan(result.cash_fen)}"


def _accumulators(result: Result) -> Iterator[str]:
    told = [f"{name} {yuan(amount)}" for name, amount in flat(result.contributions) if amount]
    yield f"  step 23  accumulators of {result.contributions.year}: {', '.join(told) or 'unchanged'}"
