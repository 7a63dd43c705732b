"""What filling and reading messages share: the place, what must be known by then, and answers that do not fit."""

import msgspec

from protocols.hub.profile import Profile
from protocols.money import Fen, sum_fen
from terminal.core.values import Booking, Medium, Person, Settlement


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
