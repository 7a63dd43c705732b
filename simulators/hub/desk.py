"""What every transaction of the hub works with: the hub's records (`Desk`) and the one request (`Call`)."""

import datetime as dt
import random
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from protocols.hub.profile import Profile
from protocols.wire_time import format_time
from simulators.benefit.model import Rules
from simulators.benefit.policies import PolicyBook
from simulators.hub.last_question import LastQuestion
from simulators.hub.ledger import Ledger
from simulators.hub.review_rules import Stay
from simulators.people import Person
from simulators.world import Institution, World


class Tokens(Protocol):
    """Who stands behind an ecToken; the certificate centre's code book does this."""

    def resolve(self, token: str, institution: str, now: dt.datetime) -> str:
        """The `psn_no`. Raises `simulators.certificate_centre.CentreRefusal`."""
        ...


class HubSettings(msgspec.Struct, frozen=True):
    """Switches of the simulated hub that are not part of a province profile."""

    msgid_check: Literal["profile", "strict", "none"] = "profile"
    """`none` books a message id as often as it comes (only for the experiment on colliding ids, F73)."""
    sign_in: bool = True
    """Refuse everything but 9001 without a sign-in of that institution and operator."""
    identity_fields: Literal["optional", "required"] = "optional"
    """`required` as in the Hunan edition: 2101, 2102, 2201, 2206, 2207 must carry the identity fields, whatever the
    profile says."""
    trace_codes: Literal["profile", "optional", "required"] = "optional"
    """`required`: every packed drug of a 2102 must carry at least one trace code; `profile`: where `trace.required` says so."""
    quote_check: bool = True
    """2207 is refused when its four amounts differ from the hub's own result (K45)."""
    prescriptions: frozenset[str] = frozenset()
    """Prescription numbers the prescription centre knows (for `rx_circ_flag` 1)."""
    stmt_rslt: Literal["one_digit", "six_digits"] = "one_digit"
    """Form of `stmt_rslt`: 0 and 1 as in the Hunan edition, or 000000 and 000101 to 000103 as in newer ones."""
    stays: tuple[Stay, ...] = ()
    """In-patient stays that the review knows of."""
    rules: Rules | None = None
    """Switches of the benefit engine: order of cancellations, day the year closes, ...; None = as the profile says."""
    record_quotes: int = 0
    """Keep that many of the newest quotes in the ledger, for a rehearsal of other rules; 0 keeps none."""


class Call(msgspec.Struct, frozen=True):
    """One authenticated request with a sound envelope."""

    infno: str
    msgid: str
    now: dt.datetime
    """Present time, UTC+8."""
    institution: Institution
    operator: str
    operator_name: str
    insured_division: str
    """`insuplc_admdvs` of the envelope, "" when not given."""
    input: Mapping[str, object]

    @property
    def time_text(self) -> str:
        """Present time as the wire writes it."""
        return format_time(self.now)


def rules_of(profile: Profile) -> Rules:
    """The benefit engine's switches, as a profile has them."""
    month, day = profile.policy.year_close.split("-")
    return Rules(
        xprov_diseases=profile.diseases_open_across_provinces,
        mutual_aid_outside_province=profile.policy.mutual_aid_outside_province,
        cancellation_order=profile.policy.cancel_order,
        year_close_month=int(month),
        year_close_day=int(day),
    )


class Desk(msgspec.Struct, frozen=True):
    """The hub's records and everything handed in."""

    people: list[Person]
    """As the hub knows them now: a feed of another department may change it."""
    world: World
    ledger: Ledger
    policies: PolicyBook
    tokens: Tokens
    profile: Profile
    settings: HubSettings
    rng: random.Random
    rules: Rules
    """The benefit engine's switches."""
    last_question: LastQuestion = msgspec.field(default_factory=LastQuestion)
    """Of the catalogues by page."""

    @property
    def wants_identity(self) -> bool:
        """Whether the identity fields are mandatory."""
        return "required" in (self.settings.identity_fields, self.profile.form.identity_fields)

    @property
    def wants_trace_codes(self) -> bool:
        """Whether a packed drug of a 2102 needs a trace code."""
        asked = self.settings.trace_codes
        return asked == "required" or (asked == "profile" and self.profile.trace.required == "2102_and_3505")

    @property
    def wants_sign_in(self) -> bool:
        """Whether everything but 9001 needs a sign-in of that institution and operator."""
        return self.settings.sign_in and self.profile.env.sign_in == "daily"

    def person(self, psn_no: str) -> Person | None:
        """The person with that number."""
        return next((row for row in self.people if row.psn_no == psn_no), None)

    def new_id(self, prefix: str, digits: int, division: str, taken: Callable[[str], object]) -> str:
        """`prefix` + division + random digits, `digits` in all after the prefix, not yet taken."""
        width = digits - len(division)
        while True:
            number = f"{prefix}{division}{self.rng.randrange(10**width):0{width}d}"
            if not taken(number):
                return number


Output = Mapping[str, object] | bytes | None
"""Nodes of an answer; None stands for an answer without nodes, bytes for a bare file without envelope (9102)."""

Handler = Callable[[Desk, Call], Output]
