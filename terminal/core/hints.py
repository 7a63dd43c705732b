"""What the desk should know before the person agrees: hints that decide nothing (rows R02, R13, R53, R54 and R55).

They are read from what the hub has said of this very sale. What no message tells cannot be hinted at: whether a
negotiated drug is approved for a person, for one, shows only in the quote, where it is wholly self-paid without.
"""

import datetime as dt

from terminal.core.benefits import is_pooled
from terminal.core.values import Booking, Notice, Settlement

_WARN_DAYS = 60


def hints(settlement: Settlement) -> tuple[Notice, ...]:
    """Return what is to be pointed out of a sale as it stands now."""
    booking = settlement.booking or settlement.quote
    return (
        *_elsewhere(settlement),
        *_enrolments(settlement),
        *_ending(settlement),
        *(() if booking is None else _lines(settlement, booking)),
    )


def _elsewhere(settlement: Settlement) -> tuple[Notice, ...]:
    """Insured in another province: the filing decides what is paid, and nobody assumes one (R02)."""
    insured = "" if settlement.person is None else settlement.person.insured_division
    if not is_pooled(settlement) or not insured or not settlement.division:
        return ()
    if insured[:2] == settlement.division[:2]:
        return ()
    return (Notice("hint_elsewhere", {"place": insured}),)


def _enrolments(settlement: Settlement) -> tuple[Notice, ...]:
    """Several enrolments in force: the one used, and that another may be chosen."""
    person = settlement.person
    if person is None:
        return ()
    active = [row.insutype for row in person.enrolments if row.status == "1"]
    if len(active) < 2:
        return ()
    return (Notice("hint_two_enrolments", {"used": person.insutype, "all": ", ".join(active)}),)


def _ending(settlement: Settlement) -> tuple[Notice, ...]:
    """Lines whose article leaves the list soon, seen from the day of the sale."""
    found = []
    for line in settlement.lines:
        if line.listed_until and _days_left(line.listed_until, settlement.key.business_date) <= _WARN_DAYS:
            found.append(Notice("hint_leaves_list", {"line": str(line.number), "until": line.listed_until}))
    return tuple(found)


def _days_left(until: str, today: dt.date) -> int:
    return (dt.date.fromisoformat(until) - today).days


def _lines(settlement: Settlement, booking: Booking) -> tuple[Notice, ...]:
    """Negotiated drugs that the fund leaves to the person alone, and prices above the payment standard."""
    found = []
    for line, share in zip(settlement.lines, booking.line_shares, strict=False):
        number = str(line.number)
        if share.negotiated and share.self_paid_fen == line.amount_fen:
            found.append(Notice("hint_no_approval", {"line": number}))
        if share.price_limit is not None and share.over_limit_fen:
            standard = share.price_limit.wire_text()
            found.append(Notice("hint_above_standard", {"line": number, "standard": standard}))
    return tuple(found)
