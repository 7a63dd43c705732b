"""Kind of benefit, the gates before a pooled settlement, the ratio, and the waiting period.

The gates stand in the order the hub checks them: waiting period, institution not networked, disease not
registered, held as chronic, two-disease outside the province, chronic disease not open outside the province,
benefit not in the list of the insured place. An account purchase passes no gate.
"""

import calendar
import datetime
from typing import Final

import msgspec

from simulators.benefit.amounts import WHOLE_BP, share_of
from simulators.benefit.model import (
    AREAS_INSIDE_PROVINCE,
    DEFAULT_RULES,
    BenefitKind,
    Person,
    Refusal,
    Rules,
    Visit,
)
from simulators.benefit.policy_set import ByInstitution, PolicySet, WaitingRule, for_person

_EMPLOYEE_GAP_MONTHS: Final = 3
_NOT_OPEN: Final = Refusal("BENEFIT_NOT_OPEN")


class Terms(msgspec.Struct, frozen=True):
    """Step 10: what the insured place pays of this visit, before any limit."""

    kind: BenefitKind
    pooled: bool
    """Whether the main bucket is pooled."""
    follows_op: bool
    """Deductible, ratio and cap by the ordinary rule (kind `op`, and `mat` in mode op)."""
    base_bp: int = 0
    bonus_bp: int = 0
    """Signed family doctor."""
    factor_bp: int = WHOLE_BP
    """Area factor of method mult."""
    ratio_bp: int = 0
    """Of the main bucket: (base + bonus) x factor."""
    nego_base_bp: int = 0
    nego_ratio_bp: int = 0
    class_one: bool = False
    """A chronic disease of class I."""


_ACCOUNT_ONLY: Final = Terms("acct_only", pooled=False, follows_op=False)


def benefit_kind(visit: Visit) -> BenefitKind:
    """Part B2 of the model: the kind a visit asks for."""
    if visit.kind == "pharmacy":
        return "op" if visit.rx_pooled else "acct_only"
    if visit.kind == "two_disease":
        return "two"
    if visit.kind == "chronic":
        return "chr"
    if visit.kind == "maternity":
        return "mat"
    return "nego_only" if visit.kind == "special_drug" else "op"


def benefit_start(rule: WaitingRule, person: Person, rules: Rules = DEFAULT_RULES) -> datetime.date:
    """First day of entitlement; `date.min` when no waiting period applies. That day itself is payable.

    Exempt people start on the first day of the month of payment, a newborn at birth; when several exemptions hold
    the earliest day counts. Everyone else waits whole months, to the same day of the month or its last.
    """
    enrolment = person.enrolment
    if enrolment is None:
        return datetime.date.min
    starts: list[datetime.date] = []
    month_of_payment = enrolment.paid_on.replace(day=1)
    if "in_window" in rule.exempt and enrolment.in_window:
        starts.append(month_of_payment)
    gap = enrolment.employee_gap_months
    if "employee_gap_le_3m" in rule.exempt and gap is not None and gap <= _EMPLOYEE_GAP_MONTHS:
        starts.append(month_of_payment)
    if "rural_low_income" in rule.exempt and not rules.rural_low_income.isdisjoint(person.categories):
        starts.append(month_of_payment)
    if "newborn" in rule.exempt and enrolment.newborn_birth is not None:
        starts.append(enrolment.newborn_birth)
    if starts:
        return min(starts)
    months = rule.fixed_months + enrolment.lapsed_years * rule.per_lapsed_year_months
    return _months_later(enrolment.paid_on, months)


def _months_later(day: datetime.date, months: int) -> datetime.date:
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month0 + 1, min(day.day, calendar.monthrange(year, month0 + 1)[1]))


def entitle(policy: PolicySet, person: Person, visit: Visit, rules: Rules = DEFAULT_RULES) -> Terms | Refusal:
    """Pass the gates and find the ratios; a treatment check (2001) asks the same."""
    kind = benefit_kind(visit)
    if kind == "acct_only":
        return _ACCOUNT_ONLY
    if person.enrolment is not None:
        begins_on = benefit_start(policy.waiting, person, rules)
        if visit.fee_date < begins_on:
            return Refusal("WAITING_PERIOD", begins_on)
    outside = visit.area not in AREAS_INSIDE_PROVINCE
    if outside and not visit.institution.networked:
        return Refusal("INST_NOT_NETWORKED")
    if kind == "two":
        if visit.disease not in person.two_disease:
            return Refusal("DISEASE_NOT_REGISTERED")
        if visit.disease in person.chronic:
            return Refusal("USE_CHRONIC")
        if outside:
            return Refusal("XPROV_TWO_NOT_OPEN")
    elif kind == "chr":
        if visit.disease not in person.chronic:
            return Refusal("DISEASE_NOT_REGISTERED")
        if outside and visit.disease not in rules.xprov_diseases:
            return Refusal("XPROV_DISEASE_NOT_OPEN")
    if person.insutype not in policy.overall_cap_fen:
        return _NOT_OPEN
    return _terms(policy, person, visit, kind)


def _terms(policy: PolicySet, person: Person, visit: Visit, kind: BenefitKind) -> Terms | Refusal:
    """Step 10: base ratio by kind, insurance, person type and institution; signed bonus; area factor."""
    insutype = person.insutype
    factor_bp = WHOLE_BP
    if policy.area.method == "mult":
        factor_bp = policy.area.value_bp[insutype][visit.area]
    nego_base_bp = policy.negotiated_bp.get(insutype, 0)
    nego_ratio_bp = share_of(nego_base_bp, factor_bp)
    if kind == "nego_only":
        if insutype not in policy.negotiated_bp:
            return _NOT_OPEN
        return Terms(
            kind,
            pooled=False,
            follows_op=False,
            factor_bp=factor_bp,
            nego_base_bp=nego_base_bp,
            nego_ratio_bp=nego_ratio_bp,
        )
    maternity = policy.maternity.get(insutype) if kind == "mat" else None
    follows_op = kind == "op" or (maternity is not None and maternity.mode == "op")
    row: ByInstitution | None = None
    base_bp = bonus_bp = 0
    class_one = False
    if follows_op:
        ordinary = policy.ordinary.get(insutype)
        row = for_person(ordinary.ratio_bp, person.psn_type) if ordinary else None
        if ordinary and row and person.signed_doctor and visit.institution.kind == "primary":
            bonus_bp = ordinary.signed_bonus_bp if row["primary"] else 0
    elif kind == "two":
        two = policy.two_disease.get(insutype)
        row = two.ratio_bp if two and visit.disease in two.limit_fen else None
    elif kind == "chr":
        chronic = policy.chronic.get(insutype)
        disease_class = chronic.disease_class.get(visit.disease) if chronic else None
        if chronic and disease_class:
            row = for_person(chronic.ratio_bp[disease_class], person.psn_type)
            class_one = disease_class == "I"
    if maternity is not None and not follows_op:
        base_bp = maternity.ratio_bp
    elif row is None:
        return _NOT_OPEN
    else:
        base_bp = row[visit.institution.kind]
    return Terms(
        kind,
        pooled=True,
        follows_op=follows_op,
        base_bp=base_bp,
        bonus_bp=bonus_bp,
        factor_bp=factor_bp,
        ratio_bp=share_of(base_bp + bonus_bp, factor_bp),
        nego_base_bp=nego_base_bp,
        nego_ratio_bp=nego_ratio_bp,
        class_one=class_one,
    )
