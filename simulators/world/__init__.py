"""The invented places, institutions, goods and diseases that every simulator agrees on.

`institutions.toml` (agreements, credit, staff), `items.toml` (the shelf), `diseases.toml` (chronic and special diseases);
what things cost and who pays is in `simulators/benefit`.
"""

from simulators.world.loader import WorldError, ean13_check_digit, load_world
from simulators.world.model import (
    Agreement,
    AgreementState,
    CounterPlace,
    CreditLevel,
    Disease,
    Institution,
    InstitutionKind,
    ServiceLevel,
    ShopItem,
    Staff,
    Suspension,
    World,
)

__all__ = [
    "Agreement",
    "AgreementState",
    "CounterPlace",
    "CreditLevel",
    "Disease",
    "Institution",
    "InstitutionKind",
    "ServiceLevel",
    "ShopItem",
    "Staff",
    "Suspension",
    "World",
    "WorldError",
    "ean13_check_digit",
    "load_world",
]
