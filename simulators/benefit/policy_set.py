"""The parameters of one insured place: what a policy file says, as frozen values.

Amounts are fen, ratios 1/10000. Tables by person type are read with `for_person`: the exact `psn_type`, else the
row `*`. A benefit that is None is not offered.
"""

import datetime
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from simulators.benefit.model import Area, InstitutionKind

ByInstitution = Mapping[InstitutionKind, int]
DiseaseClass = Literal["I", "II"]
ByPerson = Mapping[str, ByInstitution]

ANY_PERSON: Final = "*"
COUNTED_KINDS: Final = ("op", "two", "chr", "chr1", "mat", "nego")
"""Kinds a list of counted kinds may name; `chr1` is a class-I chronic disease only."""
EXEMPTIONS: Final = ("in_window", "employee_gap_le_3m", "newborn", "rural_low_income")


class OrdinaryRule(msgspec.Struct, frozen=True):
    """Ordinary out-patient pooling (普通门诊统筹) of one insurance."""

    deductible_fen: ByPerson
    """Yearly standard."""
    ratio_bp: ByPerson
    signed_bonus_bp: int
    """Added at a primary clinic for a person with a signed family doctor."""
    cap_fen: Mapping[str, int | None]
    """Yearly limit of the pool's payment by person type."""


class TwoDiseaseRule(msgspec.Struct, frozen=True):
    """Out-patient drugs for hypertension and diabetes (两病)."""

    ratio_bp: ByInstitution
    limit_fen: Mapping[str, int]
    combined_fen: int
    """The one shared limit of a person registered for both; it replaces the single limits."""


class CombineRule(msgspec.Struct, frozen=True):
    """Limit of a person with two or more registered class-II diseases.

    `ceiling`: the own limit and `amount_fen` for all together both bind. `highest_plus`: the highest single limit
    plus `amount_fen` for each further disease, for all together, replaces the own limit.
    """

    method: Literal["ceiling", "highest_plus"]
    amount_fen: int


class ChronicRule(msgspec.Struct, frozen=True):
    """Chronic and special diseases (门诊慢特病)."""

    disease_class: Mapping[str, DiseaseClass]
    deductible_month_fen: int
    """Monthly standard, shared by all chronic visits of the person."""
    ratio_bp: Mapping[str, ByPerson]
    """By disease class."""
    limit_fen: Mapping[str, int]
    """Yearly limit of a disease; one without is bound by the overall cap only."""
    combine: CombineRule


class MaternityRule(msgspec.Struct, frozen=True):
    """Maternity out-patient care: `op` follows ordinary out-patient, `fixed` has its own ratio and cap."""

    mode: Literal["op", "fixed"]
    ratio_bp: int = 0
    cap_fen: int | None = None
    """Per pregnancy."""


class Band(msgspec.Struct, frozen=True):
    """A stretch of the yearly counted burden and the share paid inside it."""

    from_fen: int
    to_fen: int | None
    ratio_bp: int


class TiltRule(msgspec.Struct, frozen=True):
    """Better serious-illness terms for people of the listed categories (R20)."""

    categories: frozenset[str]
    threshold_factor_bp: int
    """Applied to the start of the first band."""
    ratio_add_bp: int
    no_cap: bool


class SeriousIllnessRule(msgspec.Struct, frozen=True):
    """Serious-illness insurance of residents, or the large-amount subsidy of employees."""

    counts: frozenset[str]
    bands: tuple[Band, ...]
    cap_fen: int | None
    tilt: TiltRule | None


class EnterpriseRule(msgspec.Struct, frozen=True):
    """Enterprise supplementary insurance."""

    ratio_bp: int
    cap_fen: int | None


class CivilServantRule(msgspec.Struct, frozen=True):
    """Civil-servant subsidy by kind of benefit; a kind not named gets nothing."""

    ratio_bp: Mapping[str, int]
    cap_fen: int | None


class AssistanceRule(msgspec.Struct, frozen=True):
    """Medical assistance (医疗救助) by category."""

    ratio_bp: Mapping[str, int]
    threshold_fen: Mapping[str, int]
    """Yearly threshold; a category not named has none."""
    kinds: frozenset[str]
    limit_fen: int
    """Yearly, shared with in-patient care."""
    needs_filing: bool


class LayerRule(msgspec.Struct, frozen=True):
    """A further layer (the N of 3+N)."""

    id: str
    who: Literal["enrolled", "ma_category"]
    threshold_fen: int
    ratio_bp: int
    cap_fen: int | None
    kinds: frozenset[str]
    needs_filing: bool


class AreaRule(msgspec.Struct, frozen=True):
    """What care outside the insured place changes.

    `mult` multiplies the pool's ratio; `pre_share` adds that share of each line to the person's part first.
    """

    method: Literal["mult", "pre_share"]
    value_bp: Mapping[str, Mapping[Area, int]]
    """By insurance and filing situation."""


class WaitingRule(msgspec.Struct, frozen=True):
    """Waiting period after payment, in months."""

    fixed_months: int
    per_lapsed_year_months: int
    exempt: frozenset[str]


class PolicySet(msgspec.Struct, frozen=True):
    """One version of the policy of one insured place. Mappings go by `insutype` where nothing else is said."""

    id: str
    division: str
    name: str
    valid_from: datetime.date
    valid_to: datetime.date | None
    ordinary: Mapping[str, OrdinaryRule]
    two_disease: Mapping[str, TwoDiseaseRule]
    chronic: Mapping[str, ChronicRule]
    negotiated_bp: Mapping[str, int]
    """Ratio of separately paid negotiated drugs; no deductible, bound by the overall cap only."""
    maternity: Mapping[str, MaternityRule]
    overall_cap_fen: Mapping[str, int]
    """Yearly limit of all basic-fund payments, in-patient included."""
    serious_illness: Mapping[str, SeriousIllnessRule]
    enterprise: EnterpriseRule | None
    civil_servant: CivilServantRule | None
    assistance: AssistanceRule
    layers: tuple[LayerRule, ...]
    area: AreaRule
    waiting: WaitingRule

    def valid_on(self, day: datetime.date) -> bool:
        """Whether this version governs that fee date."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def for_person(table: ByPerson, psn_type: str) -> ByInstitution | None:
    """The row of a person type, else the row for any; None when the table has neither."""
    return table.get(psn_type) or table.get(ANY_PERSON)
