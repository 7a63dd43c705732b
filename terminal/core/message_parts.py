"""What filling and reading messages share: the place, what must be known by then, and answers that do not fit."""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from protocols.hub.profile import Profile
from protocols.hub.settlement import LineSplit
from protocols.money import Fen, sum_fen
from terminal.core.values import Booking, LineShare, Medium, Person, Settlement


class Desk(msgspec.Struct, frozen=True):
    """Who treats at a clinic's window; empty at a pharmacy."""

    doctor_code: str = ""
    doctor_name: str = ""
    department_code: str = ""
    department_name: str = ""
    specialty: str = ""
    """`caty`, the department's national specialty code."""


class Site(msgspec.Struct, frozen=True):
    """What a message needs to know of the place."""

    profile: Profile
    institution_code: str
    division: str
    desk: Desk = Desk()
    institution_name: str = ""
    institution_grade: str = "11"
    """`hosp_lv`; 11 = none."""
    networked: bool = True
    """Open to people of other provinces."""
    dual_channel: bool = False
    """May sell negotiated drugs."""
    agreement_ends: dt.date | None = None
    """Last day of the service agreement."""


class Misfit(Exception):
    """An authenticated answer that cannot be used for this settlement; `code` is a message code for the operator."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def known_person(settlement: Settlement) -> Person:
    """Return who the person is; that it is known by now is the flow's business."""
    if settlement.person is None:
        raise AssertionError("no person identified")
    return settlement.person


def known_medium(settlement: Settlement) -> Medium:
    """Return what the person showed."""
    if settlement.medium is None:
        raise AssertionError("no medium")
    return settlement.medium


def known_booking(settlement: Settlement) -> Booking:
    """Return what the hub has booked."""
    if settlement.booking is None:
        raise AssertionError("no booking")
    return settlement.booking


def total_fen(settlement: Settlement) -> Fen:
    """Sum of the charge lines (identity M2)."""
    return sum_fen(line.amount_fen for line in settlement.lines)


def account_flag(settlement: Settlement, profile: Profile) -> str:
    """Return `acct_used_flag`: 0 = no account; else one's own and then relatives', which two hubs write differently (K40)."""
    if not settlement.use_account:
        return "0"
    return "2" if profile.money.acct_used_flag_mode == "explicit" else "1"


NO_PRICE_LIMIT = 999_999_000_000
"""`pric_uplmt_amt` 999999 says that an item has none (K47); here in the units of a price."""


def shares_by_line(splits: Mapping[str, LineSplit], numbers: Sequence[str]) -> tuple[LineShare, ...]:
    """One share for each line number in this order; empty unless the hub split every one of them."""
    shares = [share_of(splits.get(number)) for number in numbers]
    return tuple(share for share in shares if share is not None) if None not in shares else ()


def share_of(split: LineSplit | None) -> LineShare | None:
    """How the hub split one line; None when a part is missing."""
    if split is None:
        return None
    parts = (split.self_paid_fen, split.over_limit_fen, split.class_b_share_fen, split.policy_scope_fen)
    if any(part is None for part in parts):
        return None
    own, over, class_b, scope = (int(part or 0) for part in parts)
    limit = split.price_limit
    return LineShare(
        catalogue_class=split.catalogue_class,
        self_paid_fen=own,
        over_limit_fen=over,
        class_b_share_fen=class_b,
        policy_scope_fen=scope,
        price_limit=None if limit is None or limit >= NO_PRICE_LIMIT else limit,
        self_paid_ratio=split.self_paid_ratio,
        negotiated=split.negotiated_drug == "1",
    )
