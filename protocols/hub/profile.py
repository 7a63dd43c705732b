"""A province profile: every way in which one hub differs from another, as data.

`Profile` is the type; its sections, with every switch, are in `profile_sections.py`, and `parse_profile` of
`profile_reading.py` makes one out of a TOML file's text. The shipped ones are package data of `protocols.hub.profiles`, a
site may bring its own. Every key has the default of the profile `national`, so a file names only what differs.

No province's name occurs in code; the decision numbers (K..) are explained in docs/profile-decisions.md.
"""

import re
from typing import Final, Literal

from protocols.hub.profile_sections import (
    Catalogue,
    Codes,
    Crypt,
    DiseaseGroup,
    Ecert,
    Env,
    ExtensionSpelling,
    FarDrug,
    Form,
    FundClass,
    Hub,
    Limits,
    Money,
    Open,
    Outcome,
    Password,
    Policy,
    Recon,
    Retention,
    ReversalClass,
    Review,
    Section,
    Sign,
    Slip,
    Stock,
    Trace,
)

_TWO_DISEASES: Final[dict[DiseaseGroup, str]] = {"hypertension": "HBLB101", "diabetes": "HBLB201"}
"""Codes of one province's own list."""
_PLAIN_FORMS: Final = {"2203A": "2203", "2206A": "2206", "2207A": "2207"}


class Profile(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hub's ways. `Profile(name="national")` is the default profile."""

    name: str
    hub: Hub = Hub()
    env: Env = Env()
    sign: Sign = Sign()
    crypt: Crypt = Crypt()
    password: Password = Password()
    form: Form = Form()
    trace: Trace = Trace()
    stock: Stock = Stock()
    money: Money = Money()
    limits: Limits = Limits()
    codes: Codes = Codes()
    outcome: Outcome = Outcome()
    policy: Policy = Policy()
    review: Review = Review()
    recon: Recon = Recon()
    catalogue: Catalogue = Catalogue()
    far_drug: FarDrug = FarDrug()
    slip: Slip = Slip()
    retention: Retention = Retention()
    ecert: Ecert = Ecert()
    open: Open = Open()
    msgid_check: Literal["strict", "none"] = "strict"  # K12, followed by the hub simulator

    @property
    def diseases_open_across_provinces(self) -> frozenset[str]:
        """The disease codes of the groups that may be settled in another province (K25b)."""
        groups = self.codes.disease_groups
        return frozenset(code for group in self.codes.xprov_groups for code in groups[group])

    def two_disease_code(self, code: str) -> str:
        """The wire's code of the two-diseases scheme for a disease of the chronic list; other codes stay as they are (K86)."""
        if self.codes.two_disease == "M":
            return code
        groups = self.codes.disease_groups
        return next((own for group, own in _TWO_DISEASES.items() if code in groups[group]), code)

    @property
    def quiet_s(self) -> float:
        """Quiet time Q: how long after a send a "no such record", or a refusal, may still be overtaken by what was sent."""
        return max(2 * self.hub.total_timeout_s, self.outcome.quiet_floor_s)

    def wire_number(self, infno: str) -> str:
        """The number on the wire of a transaction that the flows name by its form A (K20), or as the review (K83)."""
        if infno == "3101" and self.review.before_quote != "none":
            return self.review.before_quote
        return _PLAIN_FORMS.get(infno, infno) if self.form.outpatient == "plain" else infno

    def extension_spelling(self, infno: str) -> ExtensionSpelling:
        """How the extension member is spelt in the inputs of this transaction."""
        return self.form.ext_fields.get(self.wire_number(infno), self.form.ext_field)

    def fund_class(self, fund_pay_type: str) -> FundClass:
        """Who a row of the fund breakdown is: fund money, personal account, or the institution (K26)."""
        return self.codes.fund_class.get(fund_pay_type, "fund")

    def is_reversible(self, infno: str) -> bool:
        """Whether 2601 may undo an unanswered transaction of this number (K65)."""
        return self.wire_number(infno) in self.outcome.reversible

    def classify_reversal(self, error_text: str) -> ReversalClass | None:
        """Read a refused 2601; None = no pattern matches = the outcome is still unknown."""
        for answer in self.outcome.reversal_answers:
            if re.search(answer.pattern, error_text):
                return answer.means
        return None

    def is_sign_in_lost(self, error_text: str) -> bool:
        """The hub does not know our sign-in any more; a refusal, after which the next message needs a new one."""
        return re.search(self.outcome.sign_in_lost, error_text) is not None

    def is_doubtful_text(self, error_text: str) -> bool:
        """A refusal whose text says that the hub does not know itself: a doubt (K12, K62)."""
        patterns = (self.outcome.message_seen, *self.outcome.doubt_texts)
        return any(re.search(pattern, error_text) for pattern in patterns)

    def is_local(self, care_division: str, insured_division: str) -> bool:
        """Whether a person is insured where the care is given (K27); an empty insured place counts as local."""
        digits = 4 if self.codes.locality == "four_digits" else 2
        return not insured_division or insured_division[:digits] == care_division[:digits]
