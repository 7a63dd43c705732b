"""What one persona file says: one invented person as the hub, the e-certificate centre and the card maker see them.

A persona is the single source for all far ends, so that the certificate, the card and the hub's records can never
disagree about a person. Money is in fen, dates are calendar dates (UTC+8), divisions are six digits.
"""

import datetime as dt
from typing import Annotated, Literal

import msgspec

Division = Annotated[str, msgspec.Meta(pattern=r"^\d{6}$")]
CertificateState = Literal["NOT_INSURED", "NOT_ACTIVATED", "ACTIVATED", "FROZEN", "CANCELLED"]
"""States of an e-certificate (our decision PD-10)."""

FilingKind = Literal["long_term", "referral", "emergency"]
"""Out-of-area filings: settled elsewhere (biz_appy_type 08), transferred (06), emergency (07)."""


class Filing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An out-of-area filing held by the insured place."""

    kind: FilingKind
    begin: dt.date
    end: dt.date | None = None


class Joining(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How somebody came to a scheme that has a waiting period (R43)."""

    paid_on: dt.date
    exempt: Literal["", "in_window", "employee_gap", "newborn"] = ""
    """Why nobody waits: joined in the collection period, after employee insurance, at birth. Empty: no such reason."""
    employee_gap_months: int | None = None
    """Whole months since employee insurance stopped."""
    lapsed_years: int = 0


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One participation in one insurance scheme at one place (one `insuinfo` row of 1101)."""

    insutype: Annotated[str, msgspec.Meta(pattern=r"^\d{3,6}$")]
    """310 employee, 390 resident."""
    psn_type: Annotated[str, msgspec.Meta(pattern=r"^\d{2,6}$")]
    division: Division
    """The insured place, `insuplc_admdvs`."""
    since: dt.date
    status: Literal["0", "1", "2", "3", "4"] = "1"
    """psn_insu_stas: 1 normal, 2 paused, 3 invalid, 4 ended."""
    paused: dt.date | None = None
    """Last day of a participation that is paused or ended."""
    balance: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d{2}$")] = "0.00"
    """Opening personal account in yuan, written with two decimals; see `balance_fen`."""
    civil_servant: bool = False
    enterprise_supplement: bool = False
    signed_doctor: bool = False
    layers: tuple[str, ...] = ()
    """Further layers of the insured place that were joined (the N of 3+N, R03), by their ids in its policy."""
    employer: str = ""
    joined: Joining | None = None
    """None: no waiting period can apply (long-standing members)."""
    filing: Filing | None = None

    @property
    def balance_fen(self) -> int:
        """Opening personal account in fen."""
        yuan, fen = self.balance.split(".")
        return int(yuan) * 100 + int(fen)

    @property
    def active(self) -> bool:
        """True when the participation is in force."""
        return self.status == "1"

    def covers(self, day: dt.date) -> bool:
        """True when the participation is in force on a fee date; before its pause a paused one was."""
        return self.since <= day and (self.active or (self.paused is not None and day <= self.paused))

    def filing_on(self, day: dt.date) -> FilingKind | None:
        """Kind of the out-of-area filing that covers a day; None: unfiled."""
        filing = self.filing
        if filing is None or day < filing.begin or (filing.end is not None and day > filing.end):
            return None
        return filing.kind


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A filed chronic or two-disease entitlement."""

    kind: Literal["chronic", "two_disease"]
    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{4,30}$")]
    name: Annotated[str, msgspec.Meta(min_length=1)]
    begin: dt.date
    end: dt.date | None = None

    def in_force(self, day: dt.date) -> bool:
        """True when the filing covers `day`."""
        return self.begin <= day and (self.end is None or day <= self.end)


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recognised assistance category, by its name in the benefit policy."""

    kind: str
    begin: dt.date | None = None
    """None: the beginning of any year it is asked in."""
    end: dt.date | None = None

    def in_force(self, day: dt.date) -> bool:
        """True when the category is recognised on `day`."""
        return (self.begin is None or self.begin <= day) and (self.end is None or day <= self.end)


class Pregnancy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pregnancy that the insured place knows of."""

    filed: dt.date
    expected: dt.date
    """Expected day of birth."""


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The insured place has approved a negotiated drug of the dual channel for this person (R54)."""

    code: str
    """National code of the drug."""
    begin: dt.date
    end: dt.date


Relation = Literal["parent", "child", "spouse"]


class Designated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An institution the person has chosen for a kind of business."""

    business: Annotated[str, msgspec.Meta(pattern=r"^\d{2}$")]
    """biz_appy_type: 03 the institution for out-patient care, ..."""
    institution: Annotated[str, msgspec.Meta(pattern=r"^[HP]\d{11}$")]
    begin: dt.date
    end: dt.date | None = None


class Relative(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bound relative, named by the slug of their own persona."""

    slug: str
    relation: Relation
    """What the relative is to this person."""
    mutual_aid: bool = False
    """The relative's account may pay for this person."""
    family_certificate: bool = False
    """The relative's app shows this person's code (family account)."""


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The person's e-certificate. The example code and token are codec examples: sales take a fresh code."""

    state: CertificateState
    index: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-F]{32}$")]
    example_token: Annotated[str, msgspec.Meta(pattern=r"^\d{6}ec[0-9a-z]{30}$")]
    example_code: Annotated[str, msgspec.Meta(pattern=r"^(424\d{25})?$")] = ""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Data of the person's social-security card, complete enough to make a card image from it."""

    generation: Literal["1", "2", "3"]
    version: Literal["1.00", "2.00", "3.00"]
    number: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{9}$")]
    identification_code: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-F]{32}$")]
    """卡识别码, sent as `card_sn`: area, application, serial, authentication code."""
    reset_information: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-F]{26}$")]
    """The 13 historical bytes in hex."""
    initialising_institution: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-F]{24}$")]
    category: Literal["1", "2", "3", "4"]
    issued: dt.date
    valid_until: dt.date
    birthplace: Division
    social_security_number: Annotated[str, msgspec.Meta(pattern=r"^\d{17}[\dX]$")]
    pin: Annotated[str, msgspec.Meta(pattern=r"^\d{4,12}$")]
    blocked: bool = False


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One invented person. `repr` shows the slug only, so that no identity data reaches a log by accident."""

    slug: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]
    name: Annotated[str, msgspec.Meta(pattern=r"^测试.+$")]
    psn_no: Annotated[str, msgspec.Meta(pattern=r"^9999\d{16}$")]
    certno: Annotated[str, msgspec.Meta(pattern=r"^999999\d{11}[\dX]$")]
    sex: Literal["1", "2"]
    born: dt.date
    certificate: Certificate
    enrolment: Annotated[tuple[Enrolment, ...], msgspec.Meta(min_length=1)]
    """In the order 1101 tells them: the one that pays comes first."""
    psn_cert_type: str = "01"
    ethnic_group: Annotated[str, msgspec.Meta(pattern=r"^\d{2}$")] = "01"
    category: tuple[Category, ...] = ()
    pregnancy: Pregnancy | None = None
    approval: tuple[Approval, ...] = ()
    registration: tuple[Registration, ...] = ()
    designated: tuple[Designated, ...] = ()
    """In the order of choice."""
    relative: tuple[Relative, ...] = ()
    card: Card | None = None

    def __repr__(self) -> str:
        return f"Person({self.slug!r})"

    def enrolled(self, insutype: str) -> Enrolment | None:
        """The enrolment of that scheme that is in force, else None."""
        return next((row for row in self.enrolment if row.insutype == insutype and row.active), None)

    def covered(self, insutype: str, day: dt.date) -> Enrolment | None:
        """The enrolment of that scheme that pays for a fee date, else None; the place may have changed since (R12)."""
        return next((row for row in self.enrolment if row.insutype == insutype and row.covers(day)), None)

    def categories(self, day: dt.date) -> tuple[str, ...]:
        """Names of the assistance categories in force on a fee date (R34)."""
        return tuple(row.kind for row in self.category if row.in_force(day))

    def approved(self, code: str, day: dt.date) -> bool:
        """True when the use of a negotiated drug is approved on a fee date."""
        return any(row.code == code and row.begin <= day <= row.end for row in self.approval)

    def age(self, day: dt.date) -> int:
        """Full tenths of a year lived on `day` (361 = 36.1 years), never negative."""
        years = day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))
        try:
            birthday = self.born.replace(year=self.born.year + years)
        except ValueError:  # born on 29 February, no leap year
            birthday = self.born.replace(year=self.born.year + years, day=28)
        return max(0, years * 10 + min(9, (day - birthday).days * 10 // 365))
