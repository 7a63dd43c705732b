"""What the files of the invented world say: institutions with agreement, credit and staff, goods, diseases.

Money is in fen, dates are calendar dates (UTC+8), divisions are six digits.
"""

import datetime as dt
from typing import Annotated, Literal

import msgspec

InstitutionKind = Literal["pharmacy", "primary", "tier2", "tier3"]
"""What the benefit policy tells apart; primary includes township and village clinics."""
ServiceLevel = Literal["province", "city", "county", "township", "village"]
"""The five levels of the service network (R06)."""
CreditLevel = Literal["A", "B", "C", "D"]
"""Result of the last credit rating (R66); D loses pooled prescriptions."""
AgreementState = Literal["not_begun", "in_force", "suspended", "ended"]
_Yuan = Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d{2}$")]


class CounterPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One till or window: who sits there (`opter`) and which terminal slot stands in its message ids."""

    operator: str
    name: str
    slot: Annotated[str, msgspec.Meta(pattern=r"^\d{2}$")]


class Staff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An insurance physician or pharmacist with their department."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[DY]\d{12}$")]
    """Insurance code: D for a physician (`bilg_dr_codg`), Y for a pharmacist (`phar_no`)."""
    name: str
    department: str
    department_name: str
    credit: CreditLevel

    @property
    def pharmacist(self) -> bool:
        """True for a pharmacist, False for a physician."""
        return self.code.startswith("Y")


class Suspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days on which an agreement rests, both included."""

    begin: dt.date
    end: dt.date


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service agreement between an institution and its agency (R65)."""

    begin: dt.date
    end: dt.date
    """Last day, whether it runs out or was ended."""
    suspended: Suspension | None = None

    def state(self, day: dt.date) -> AgreementState:
        """How the agreement stands on a day."""
        if day < self.begin:
            return "not_begun"
        if day > self.end:
            return "ended"
        rest = self.suspended
        return "suspended" if rest is not None and rest.begin <= day <= rest.end else "in_force"


class Institution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A designated institution as the hub knows it."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[HP]\d{11}$")]
    name: str
    kind: InstitutionKind
    division: Annotated[str, msgspec.Meta(pattern=r"^\d{6}$")]
    level: str
    """hosp_lv: 2 tier 3, 5 tier 2, 10 tier 1, 11 none."""
    service_level: ServiceLevel
    credit: CreditLevel
    agreement: Agreement
    dual_channel: bool = False
    """May dispense negotiated drugs of the dual channel."""
    networked: bool = True
    """Open to people insured in another city or province."""
    counter: tuple[CounterPlace, ...] = ()
    staff: tuple[Staff, ...] = ()


class ShopItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing on the shelf of the invented shop."""

    ean: Annotated[str, msgspec.Meta(pattern=r"^690\d{10}$")]
    med_list_codg: str
    """National catalogue code, through which the benefit catalogue knows class, share and ceiling."""
    own_code: str
    """`medins_list_codg`."""
    name: str
    spec: str
    unit: str
    price: _Yuan
    trace_code: Annotated[str, msgspec.Meta(pattern=r"^(8\d{19})?$")] = ""
    """Trace code of one pack, to scan in stories; empty for goods that carry none."""

    @property
    def price_fen(self) -> int:
        """Shelf price in fen."""
        yuan, fen = self.price.split(".")
        return int(yuan) * 100 + int(fen)


class Disease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the chronic and special disease list (1309)."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{4,30}$")]
    name: str
    version: Annotated[str, msgspec.Meta(pattern=r"^v\d{4}$")]
    """The list's version in which the row was last changed."""
    begin: dt.date
    two_disease: bool = False
    """Also one of the two diseases."""


class World(msgspec.Struct, frozen=True):
    """Places by division, institutions by code, the shelf, and the disease list by code."""

    divisions: dict[str, str]
    institutions: dict[str, Institution]
    shop: tuple[ShopItem, ...]
    diseases: dict[str, Disease]

    def shop_item(self, key: str) -> ShopItem:
        """A shelf item by EAN, own code, catalogue code or that code's last three characters. Raises KeyError."""
        for entry in self.shop:
            if key in (entry.ean, entry.own_code, entry.med_list_codg, entry.med_list_codg[-3:]):
                return entry
        raise KeyError(key)

    def staff(self, code: str) -> Staff | None:
        """A physician or pharmacist by insurance code, at whichever institution."""
        everybody = (row for institution in self.institutions.values() for row in institution.staff)
        return next((row for row in everybody if row.code == code), None)
