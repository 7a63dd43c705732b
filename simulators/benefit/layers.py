"""Steps 11 to 18: from the policy scope to what each layer of insurance pays.

Every function takes the policy of the insured place, the accumulators before the settlement and the amounts of the
steps before it, and returns one small value. All of them keep the rule that a rest below 0 counts as 0.
"""

from collections.abc import Mapping

import msgspec

from simulators.benefit.amounts import WHOLE_BP, rest_of, share_of, within
from simulators.benefit.entitlement import Terms
from simulators.benefit.lines import Sums
from simulators.benefit.model import EMPLOYEE, Accumulators, LayerAccumulator, Person, Visit
from simulators.benefit.policy_set import (
    ANY_PERSON,
    Band,
    ChronicRule,
    LayerRule,
    OrdinaryRule,
    PolicySet,
    TiltRule,
    for_person,
)


class Limit(msgspec.Struct, frozen=True):
    """What was left of one limit before this settlement."""

    name: str
    rest_fen: int


class Deductible(msgspec.Struct, frozen=True):
    """Step 11."""

    standard_fen: int = 0
    used_before_fen: int = 0
    amount_fen: int = 0


class Pool(msgspec.Struct, frozen=True):
    """Step 12: what the basic fund pays of the main and of the negotiated bucket."""

    wanted_main_fen: int = 0
    limits: tuple[Limit, ...] = ()
    """Limits that bind the main bucket, the overall cap last."""
    main_fen: int = 0
    wanted_nego_fen: int = 0
    nego_rest_fen: int = 0
    """Rest of the overall cap after the main bucket."""
    nego_fen: int = 0

    @property
    def paid_fen(self) -> int:
        """hifp_pay."""
        return self.main_fen + self.nego_fen


class Burden(msgspec.Struct, frozen=True):
    """Step 13: what of the policy scope the basic fund left, the deductible included."""

    main_fen: int
    nego_fen: int
    kind: str
    class_one: bool

    def of(self, kinds: frozenset[str]) -> int:
        """The part a list of kinds counts."""
        main_counts = self.kind in kinds or (self.class_one and "chr1" in kinds)
        return (self.main_fen if main_counts else 0) + (self.nego_fen if "nego" in kinds else 0)


class Payment(msgspec.Struct, frozen=True):
    """What one layer pays."""

    base_fen: int = 0
    """What this settlement adds to the layer's (yearly) base."""
    part_fen: int = 0
    """The part of the base above a yearly threshold; the whole base where there is none."""
    wanted_fen: int = 0
    rest_fen: int | None = None
    """Rest of the layer's limit before this payment; None = no limit."""
    paid_fen: int = 0
    label: str = ""
    """Category of the assistance, id of the further layer."""


class CivilPayment(msgspec.Struct, frozen=True):
    """What the civil-servant subsidy pays on each bucket."""

    main_fen: int = 0
    nego_fen: int = 0
    wanted_fen: int = 0
    rest_fen: int | None = None
    paid_fen: int = 0


NOTHING = Payment()
NO_POOL = Pool()
NO_DEDUCTIBLE = Deductible()
NO_SUBSIDY = CivilPayment()
_NO_LAYER = LayerAccumulator()


def month_of(visit: Visit) -> str:
    """Key of the monthly chronic deductible, YYYY-MM."""
    return visit.fee_date.isoformat()[:7]


def deductible(
    policy: PolicySet, person: Person, before: Accumulators, visit: Visit, terms: Terms, sums: Sums
) -> Deductible:
    """Step 11: yearly for ordinary care, monthly for chronic diseases, none else.

    None either when the ratio is 0, or in an epidemic (step 19). It is used up even when the limit is empty.
    """
    if visit.epidemic:
        return NO_DEDUCTIBLE
    if terms.follows_op:
        row = for_person(policy.ordinary[person.insutype].deductible_fen, person.psn_type)
        standard_fen = row[visit.institution.kind] if row else 0
        used_fen = before.deductible_op_fen
    elif terms.kind == "chr":
        standard_fen = policy.chronic[person.insutype].deductible_month_fen
        used_fen = before.deductible_chr_fen.get(month_of(visit), 0)
    else:
        return NO_DEDUCTIBLE
    due_fen = max(0, standard_fen - used_fen) if terms.base_bp else 0
    return Deductible(standard_fen, used_fen, min(sums.main_scope_fen, due_fen))


def pool(
    policy: PolicySet,
    person: Person,
    before: Accumulators,
    visit: Visit,
    terms: Terms,
    sums: Sums,
    deductible_fen: int,
) -> Pool:
    """Step 12: the ratio of what is above the deductible, then the smallest rest of all limits."""
    if terms.kind == "acct_only":
        return NO_POOL
    overall_fen = rest_of(policy.overall_cap_fen[person.insutype], before.pool_all_fen) or 0
    limits: list[Limit] = []
    wanted_main_fen = main_fen = 0
    if terms.pooled:
        limits = _limits(policy, person, before, visit, terms)
        limits.append(Limit("overall cap of the basic fund", overall_fen))
        wanted_main_fen = share_of(sums.main_scope_fen - deductible_fen, terms.ratio_bp)
        main_fen = min(wanted_main_fen, *[limit.rest_fen for limit in limits])
    wanted_nego_fen = share_of(sums.nego_scope_fen, terms.nego_ratio_bp)
    return Pool(
        wanted_main_fen=wanted_main_fen,
        limits=tuple(limits),
        main_fen=main_fen,
        wanted_nego_fen=wanted_nego_fen,
        nego_rest_fen=overall_fen - main_fen,
        nego_fen=min(wanted_nego_fen, overall_fen - main_fen),
    )


def _limits(
    policy: PolicySet, person: Person, before: Accumulators, visit: Visit, terms: Terms
) -> list[Limit]:
    """The limits of the kind itself, without the overall cap."""
    if terms.follows_op:
        cap_fen = _ordinary_cap(policy.ordinary[person.insutype], person.psn_type)
        return _limit("yearly limit of ordinary out-patient care", cap_fen, before.pool_op_fen)
    if terms.kind == "two":
        two = policy.two_disease[person.insutype]
        registered = [disease for disease in person.two_disease if disease in two.limit_fen]
        if len(registered) > 1:
            paid_fen = sum(before.pool_two_fen.values())
            return _limit("shared limit of both two-disease drugs", two.combined_fen, paid_fen)
        paid_fen = before.pool_two_fen.get(visit.disease, 0)
        return _limit(f"yearly limit of {visit.disease}", two.limit_fen[visit.disease], paid_fen)
    if terms.kind == "chr":
        return _chronic_limits(policy.chronic[person.insutype], person, before, visit.disease)
    return _limit("limit per pregnancy", policy.maternity[person.insutype].cap_fen, before.pool_mat_fen)


def _limit(name: str, limit_fen: int | None, used_fen: int) -> list[Limit]:
    rest_fen = rest_of(limit_fen, used_fen)
    return [] if rest_fen is None else [Limit(name, rest_fen)]


def _ordinary_cap(rule: OrdinaryRule, psn_type: str) -> int | None:
    return rule.cap_fen[psn_type] if psn_type in rule.cap_fen else rule.cap_fen.get(ANY_PERSON)


def _chronic_limits(rule: ChronicRule, person: Person, before: Accumulators, disease: str) -> list[Limit]:
    """A disease's own limit; with two or more registered class-II diseases also, or instead, the joint one."""
    own = _limit(
        f"yearly limit of {disease}", rule.limit_fen.get(disease), before.pool_chr_fen.get(disease, 0)
    )
    if rule.disease_class[disease] != "II":
        return own
    registered = [code for code in person.chronic if rule.disease_class.get(code) == "II"]
    if len(registered) < 2:
        return own
    paid_fen = sum(
        [paid for code, paid in before.pool_chr_fen.items() if rule.disease_class.get(code) == "II"]
    )
    if rule.combine.method == "ceiling":
        return own + _limit("joint ceiling of class II", rule.combine.amount_fen, paid_fen)
    highest_fen = max([rule.limit_fen.get(code, 0) for code in registered])
    joint_fen = highest_fen + rule.combine.amount_fen * (len(registered) - 1)
    return _limit("highest class-II limit with its additions", joint_fen, paid_fen)


def tilt_of(policy: PolicySet, person: Person) -> TiltRule | None:
    """The better serious-illness terms the person's categories earn, if any."""
    rule = policy.serious_illness.get(person.insutype)
    if rule is None or rule.tilt is None or rule.tilt.categories.isdisjoint(person.categories):
        return None
    return rule.tilt


def serious_illness(
    policy: PolicySet, person: Person, before: Accumulators, burden: Burden, tilt: TiltRule | None
) -> Payment:
    """Step 14: progressive over the counted burden of the year, one rounding, then the yearly cap."""
    rule = policy.serious_illness.get(person.insutype)
    if rule is None:
        return NOTHING
    counted_fen = burden.of(rule.counts)
    if not counted_fen:
        return NOTHING
    start_fen = before.si_base_fen
    end_fen = start_fen + counted_fen
    first_fen, ratio_add_bp, cap_fen = rule.bands[0].from_fen, 0, rule.cap_fen
    if tilt:
        first_fen, ratio_add_bp = share_of(first_fen, tilt.threshold_factor_bp), tilt.ratio_add_bp
        cap_fen = None if tilt.no_cap else cap_fen
    exact = 0
    for band in rule.bands:
        exact += _inside(band, first_fen, start_fen, end_fen) * (band.ratio_bp + ratio_add_bp)
        first_fen = band.to_fen or 0
    wanted_fen = (exact + WHOLE_BP // 2) // WHOLE_BP
    rest_fen = rest_of(cap_fen, before.si_pay_fen)
    return Payment(counted_fen, counted_fen, wanted_fen, rest_fen, within(wanted_fen, rest_fen))


def _inside(band: Band, from_fen: int, start_fen: int, end_fen: int) -> int:
    """How much of the stretch from start to end lies in a band that begins at `from_fen`."""
    upper_fen = end_fen if band.to_fen is None else min(end_fen, band.to_fen)
    return max(0, upper_fen - max(start_fen, from_fen))


def enterprise(
    policy: PolicySet,
    person: Person,
    before: Accumulators,
    burden: Burden,
    deductible_fen: int,
    serious_fen: int,
) -> Payment:
    """Step 15: a ratio of what basic fund and step 14 left above the deductible (employees who take part)."""
    rule = policy.enterprise
    if rule is None or not person.enterprise or person.insutype != EMPLOYEE:
        return NOTHING
    base_fen = max(0, burden.main_fen + burden.nego_fen - deductible_fen - serious_fen)
    wanted_fen = share_of(base_fen, rule.ratio_bp)
    rest_fen = rest_of(rule.cap_fen, before.enterprise_pay_fen)
    return Payment(base_fen, base_fen, wanted_fen, rest_fen, within(wanted_fen, rest_fen))


def civil_servant(
    policy: PolicySet,
    person: Person,
    before: Accumulators,
    burden: Burden,
    deductible_fen: int,
    taken_fen: int,
) -> CivilPayment:
    """Step 16: steps 14 and 15 are taken off the main burden first, then off the negotiated one."""
    rule = policy.civil_servant
    if rule is None or not person.civil_servant or person.insutype != EMPLOYEE:
        return NO_SUBSIDY
    above_fen = max(0, burden.main_fen - deductible_fen)
    main_fen = max(0, above_fen - taken_fen)
    nego_fen = max(0, burden.nego_fen - max(0, taken_fen - above_fen))
    wanted_fen = share_of(main_fen, rule.ratio_bp.get(burden.kind, 0)) + share_of(
        nego_fen, rule.ratio_bp.get("nego", 0)
    )
    rest_fen = rest_of(rule.cap_fen, before.civil_pay_fen)
    return CivilPayment(main_fen, nego_fen, wanted_fen, rest_fen, within(wanted_fen, rest_fen))


def best_category(ratios: Mapping[str, int], thresholds: Mapping[str, int], person: Person) -> str | None:
    """The category with the highest assistance ratio, of equal ones that with the lower threshold."""
    candidates = [category for category in person.categories if category in ratios]
    if not candidates:
        return None
    return max(candidates, key=lambda category: (ratios[category], -thresholds.get(category, 0)))


def assistance(
    policy: PolicySet, person: Person, before: Accumulators, visit: Visit, burden: Burden, taken_fen: int
) -> Payment:
    """Step 17: the best category's ratio of the yearly base above its threshold, within the shared yearly limit."""
    if not person.categories:
        return NOTHING
    rule = policy.assistance
    category = best_category(rule.ratio_bp, rule.threshold_fen, person)
    if category is None or (rule.needs_filing and visit.area == "unfiled"):
        return NOTHING
    base_fen = max(0, burden.of(rule.kinds) - taken_fen)
    part_fen = _above(before.aid_base_fen, base_fen, rule.threshold_fen.get(category, 0))
    wanted_fen = share_of(part_fen, rule.ratio_bp[category])
    rest_fen = rest_of(rule.limit_fen, before.aid_pay_fen)
    return Payment(base_fen, part_fen, wanted_fen, rest_fen, within(wanted_fen, rest_fen), category)


def _above(before_fen: int, base_fen: int, threshold_fen: int) -> int:
    """The part of a base, standing on what the year had before, that lies above the yearly threshold."""
    return max(0, before_fen + base_fen - max(threshold_fen, before_fen))


def further_layers(
    policy: PolicySet, person: Person, before: Accumulators, visit: Visit, burden: Burden, taken_fen: int
) -> tuple[Payment, ...]:
    """Step 18: the layers in their order, each on what everything before it left."""
    payments: list[Payment] = []
    for rule in policy.layers:
        if not _belongs(policy, rule, person) or (rule.needs_filing and visit.area == "unfiled"):
            continue
        year = before.layers.get(rule.id, _NO_LAYER)
        base_fen = max(0, burden.of(rule.kinds) - taken_fen)
        part_fen = _above(year.base_fen, base_fen, rule.threshold_fen)
        wanted_fen = share_of(part_fen, rule.ratio_bp)
        rest_fen = rest_of(rule.cap_fen, year.pay_fen)
        paid_fen = within(wanted_fen, rest_fen)
        payments.append(Payment(base_fen, part_fen, wanted_fen, rest_fen, paid_fen, rule.id))
        taken_fen += paid_fen
    return tuple(payments)


def _belongs(policy: PolicySet, rule: LayerRule, person: Person) -> bool:
    if rule.who == "enrolled":
        return rule.id in person.layers
    return any(category in policy.assistance.ratio_bp for category in person.categories)
