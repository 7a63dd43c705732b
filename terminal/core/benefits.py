"""Which kind of benefit a sale or visit asks for, and what that kind needs (policy rows R08, R15, R28, R40, R54, R76).

The kinds are the keys of the profile's `codes.med_type`. A purchase is `pharmacy` (41) or `dual_channel` (9904); a visit
is for a filed disease (`chronic`, 14), a two-disease drug (`two_disease`, 9901), or ordinary, emergency and maternity
care, which need no filing.
"""

from typing import Final

from protocols.hub.profile import Profile
from protocols.hub.profile_sections import BenefitKind
from terminal.core.disclosure import area_of
from terminal.core.flows import CLINIC_VISIT, PHARMACY_PURCHASE
from terminal.core.values import Settlement

BENEFITS: Final[dict[str, tuple[BenefitKind, ...]]] = {
    PHARMACY_PURCHASE.name: ("pharmacy", "dual_channel"),
    CLINIC_VISIT.name: ("chronic", "ordinary", "emergency", "two_disease", "maternity"),
}
"""The kinds each flow can ask for, its own first."""
WITH_DISEASE: Final = frozenset({"chronic", "two_disease"})
"""Kinds for a disease that is on record at the hub."""


def benefit_of(settlement: Settlement) -> BenefitKind:
    """The kind asked for; "" of a settlement written before there were kinds is its flow's own."""
    own, *_ = kinds = BENEFITS[settlement.flow]
    return next((kind for kind in kinds if kind == settlement.benefit), own)


def med_type_of(settlement: Settlement, profile: Profile) -> str:
    """`med_type` of every message of this settlement."""
    return profile.codes.med_type[benefit_of(settlement)]


def needs_disease(settlement: Settlement) -> bool:
    """Whether one of the diseases on record has to be picked."""
    return benefit_of(settlement) in WITH_DISEASE


def is_pooled(settlement: Settlement) -> bool:
    """Whether the pooled fund is asked to pay; an account purchase is the only kind that does not ask it."""
    return benefit_of(settlement) != "pharmacy" or settlement.prescription is not None


def is_disease_open(settlement: Settlement, code: str, profile: Profile) -> bool:
    """Whether a filed disease can be settled here: for people of other provinces only those opened for them (R08)."""
    return area_of(settlement, profile) != "far" or code in profile.diseases_open_across_provinces
