"""What is asked of the hub beside any sale, and what is told of the line to it."""

from typing import Annotated

import msgspec

from drivers.interfaces.reach import Reached

Row = dict[str, str]
"""One node of the hub's answer: its own members as text, by wire name."""

TOP = "0"
"""`parent_value` of the first level of a dictionary (decision K20b)."""


class InstitutionWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which institutions; nothing at all = the own one."""

    code: str = ""
    name: str = ""
    """Part of the name is enough."""
    kind: str = ""
    """`fixmedins_type`, 1 medical institution, 2 retail pharmacy; "" = as the own one."""


class DictionaryWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which values of which dictionary."""

    type: str
    parent: str = TOP
    date: str = ""
    """As of that day; "" = today."""
    valid: bool = True
    """False: the values that are no longer valid."""


class RowsView(msgspec.Struct, frozen=True):
    """The hub's answer."""

    infno: str
    rows: tuple[Row, ...]
    """The hub's own members as text, by wire name; what names the insured person is left out."""
    page: int | None = None
    """Of an answer by page: which one this is ..."""
    pages: int | None = None
    """... of how many ..."""
    records: int | None = None
    """... with how many rows in all."""


class SignOutView(msgspec.Struct, frozen=True):
    """What came of a sign-out."""

    signed_out: bool
    """False: nobody was signed in."""


class StandingView(msgspec.Struct, frozen=True):
    """How the own institution stands; what the hub's register does not say is empty."""

    code: str
    name: str
    level: str
    """`hosp_lv`."""
    agreement: str
    """`not_begun`, `in_force`, `suspended` or `ended`."""
    agreement_until: str
    suspended_until: str
    credit_level: str
    networked: bool | None
    dual_channel: bool | None
    service_level: str
    """`province`, `city`, `county`, `township` or `village`."""


PageNumber = Annotated[int, msgspec.Meta(ge=1, le=9999)]


class CatalogueWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows of a catalogue; what is empty is no condition, and what the catalogue does not know is refused."""

    code: str = ""
    """`hilist_code`, of the insurance catalogue."""
    national_code: str = ""
    """`med_list_codg`; of `own` only."""
    own_code: str = ""
    """`medins_list_codg`; of `national` and `own`."""
    name: str = ""
    """Part of the name; of `items` and `own`."""
    date: str = ""
    """In force on that day; "" = today."""
    since: str = ""
    """Changed on or after that day."""
    page: PageNumber = 1
    rows: PageNumber = 100
    """How many on a page."""


class HubView(msgspec.Struct, frozen=True):
    """What is known of the line to the hub; times in milliseconds, None = never happened."""

    sign_in: str
    sign_in_reason: str
    verified: str
    """Transaction of the newest answer whose signature verified; empty when there was none since the start."""
    verified_age_s: float | None
    answer_ms: float | None
    verify_ms: float | None
    clock_offset_ms: int | None
    """The hub's clock minus ours, by `refmsg_time`."""


class Ping(msgspec.Struct, frozen=True):
    """The answer of `POST /hub/ping`."""

    url: str
    line: Reached
    hub: HubView
    asked_now: bool
    """True when `hub` tells of an answer that came for this ping."""
