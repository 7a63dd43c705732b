"""Our side of a day: the records we can vouch for, and the settlements that may have more at the hub. Pure.

A record is what the hub booked and told us, signed: a settlement, or the cancellation that undoes it (a record of its
own with negative amounts, K49). It belongs to the day, scheme, category and agency that the hub's answer names. What
was reversed by 2601 is no record of ours: we never saw the hub's.

Which settlements are looked at for a day is a guess by our own clock, which may have been wrong (fault F33). It is put right where
the hub's totals differ: what the hub's file names and our journal knows joins the books of the day that its answer names.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

import msgspec

from protocols.errors import MalformedMessage
from protocols.hub.profile import Profile
from protocols.hub.profile_sections import BenefitKind
from protocols.hub.settlement import SettlementInfo
from protocols.secret import Secret
from protocols.wire_time import WIRE_ZONE, parse_time
from terminal.core.flows import CLINIC_VISIT
from terminal.core.states import BOOKED, OPEN_DOUBT, State
from terminal.core.values import Settlement
from terminal.journal.records import Sent
from terminal.reconciliation.report import Group, OwnAmounts, Sums
from terminal.slips.rendering import receipt_number

AROUND = dt.timedelta(hours=1)
"""How far the hub's clock and a message's travel may carry a record over midnight."""
SCHEMES = ("310", "390")
"""Employees and residents: asked about every day, also when we have nothing of them."""


class Case(msgspec.Struct, frozen=True):
    """One settlement with the messages that could move money for it, in the order they were sent."""

    settlement: Settlement
    sent: tuple[Sent, ...]

    def messages(self, purpose: str) -> tuple[Sent, ...]:
        """The messages of one purpose."""
        return tuple(one for one in self.sent if one.purpose == purpose)

    @property
    def receipt(self) -> str:
        """Number of the slip."""
        return receipt_number(self.settlement)

    @property
    def person_no(self) -> Secret:
        """Whom it is about."""
        return Secret() if self.settlement.person is None else self.settlement.person.psn_no


class OwnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of ours; amounts in fen, negative for a cancellation."""

    case: Case
    group: Group
    msgid: str
    setl_id: str
    visit_id: str
    settled_at: dt.datetime
    refunded: bool
    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int

    @property
    def sums(self) -> Sums:
        """As totals of one record."""
        return Sums(1, self.total_fen, self.fund_fen, self.account_fen, self.cash_fen)

    @property
    def amounts(self) -> OwnAmounts:
        """For the report."""
        return OwnAmounts(self.total_fen, self.fund_fen, self.account_fen, self.cash_fen)


def day_bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """First moment of a day and of the next one, UTC+8."""
    start = dt.datetime.combine(day, dt.time(), WIRE_ZONE)
    return start, start + dt.timedelta(days=1)


def touches(sent: Sent, day: dt.date) -> bool:
    """True when what this message booked may lie on that day."""
    start, end = day_bounds(day)
    return sent.sent_at < end + AROUND and (sent.ended_at or sent.sent_at) >= start - AROUND


def records_of(case: Case, profile: Profile) -> tuple[OwnRecord, ...]:
    """Every record we can vouch for of one settlement, of whatever day."""
    settlement = case.settlement
    if settlement.booking is None or settlement.quarantine:
        return ()
    info = settlement.booking.info
    group = group_of(settlement, profile)
    settled = _record(case, group, info, "SETTLE")
    if settlement.state is not State.CANCELLED:
        return (settled,)
    if not profile.recon.cancel_is_record:
        return ()
    if settlement.cancellation is not None:
        return settled, _record(case, group, settlement.cancellation.info, "CANCEL")
    # The hub said "already cancelled" or showed it refunded: amounts are those of the settlement, its number is not known.
    undone = msgspec.structs.replace(
        settled,
        msgid=_first_msgid(case, "CANCEL"),
        setl_id="",
        settled_at=_sent_at(case, "CANCEL") or settled.settled_at,
        refunded=True,
        total_fen=-settled.total_fen,
        fund_fen=-settled.fund_fen,
        account_fen=-settled.account_fen,
        cash_fen=-settled.cash_fen,
    )
    return settled, undone


def _record(case: Case, group: Group, info: SettlementInfo, purpose: str) -> OwnRecord:
    return OwnRecord(
        case=case,
        group=group,
        msgid=_first_msgid(case, purpose) if purpose == "CANCEL" else case.settlement.settle_msgid,
        setl_id=info.settlement_id,
        visit_id=info.visit_id,
        settled_at=_settled_at(info, case, purpose),
        refunded=purpose == "CANCEL",
        total_fen=int(info.total_fen),
        fund_fen=int(info.fund_total_fen),
        account_fen=int(info.account_fen),
        cash_fen=int(info.cash_fen),
    )


def _settled_at(info: SettlementInfo, case: Case, purpose: str) -> dt.datetime:
    try:
        return parse_time(info.settled_at)
    except MalformedMessage:
        return _sent_at(case, purpose) or dt.datetime.min.replace(tzinfo=WIRE_ZONE)


def _sent_at(case: Case, purpose: str) -> dt.datetime | None:
    return next((one.sent_at for one in case.messages(purpose)), None)


def _first_msgid(case: Case, purpose: str) -> str:
    return next((one.msgid for one in case.messages(purpose)), "")


def group_of(settlement: Settlement, profile: Profile) -> Group:
    """Where the hub counts a settlement: as its answer says, else its quote, else what follows from the person."""
    booked = settlement.booking or settlement.quote
    info = None if booked is None else booked.info
    person = settlement.person
    return Group(
        (info and info.clearing_type) or profile.codes.clr_type[_kind(settlement)],
        (info and info.clearing_agency) or ("" if person is None else person.insured_division),
        (info and info.insurance_type) or ("" if person is None else person.insutype),
    )


def _kind(settlement: Settlement) -> BenefitKind:
    return "chronic" if settlement.flow == CLINIC_VISIT.name else "pharmacy"


def usual_groups(profile: Profile, institution: str, division: str) -> frozenset[Group]:
    """What is asked about on every day, so that a record which only the hub has is found on an empty day too."""
    kind: BenefitKind = "pharmacy" if institution.startswith("P") else "chronic"
    return frozenset(Group(profile.codes.clr_type[kind], division, scheme) for scheme in SCHEMES)


def is_unclear(case: Case) -> bool:
    """True when the hub may hold more, or less, of a settlement than our records say."""
    state = case.settlement.state
    return (
        state not in BOOKED | {State.CANCELLED} and bool(case.messages("SETTLE"))
    ) or case.settlement.quarantine


def is_open(case: Case) -> bool:
    """True while its outcome is not known, or it must not stay as it is."""
    settlement = case.settlement
    if settlement.quarantine:
        return settlement.state is not State.REVERSED
    return settlement.state in OPEN_DOUBT | {State.SENDING, State.CANCELLING}


def is_without_amounts(case: Case) -> bool:
    """True for what two people confirmed out of an old copy: it stands, and the hub's amounts never reached this journal."""
    return case.settlement.state in BOOKED and case.settlement.booking is None


def sums_of(records: Iterable[OwnRecord]) -> Sums:
    """Totals of some records."""
    sums = Sums()
    for record in records:
        sums = sums + record.sums
    return sums


class Books(msgspec.Struct, frozen=True):
    """Our side of one day."""

    day: dt.date
    records: tuple[OwnRecord, ...]
    cases: tuple[Case, ...]
    """Every settlement that touches the day, also those without a record on it."""
    groups: tuple[Group, ...]
    """Every group that is asked about, in order."""

    def of(self, clr_type: str, clr_optins: str) -> tuple[OwnRecord, ...]:
        """The records of one category and agency, whatever the scheme."""
        return tuple(
            record
            for record in self.records
            if (record.group.clr_type, record.group.clr_optins) == (clr_type, clr_optins)
        )


def belongs(case: Case, day: dt.date, profile: Profile) -> bool:
    """True when a record of this settlement lies on that day, by what the hub has signed."""
    return any(record.settled_at.date() == day for record in records_of(case, profile))


def keep_books(day: dt.date, cases: Sequence[Case], usual: frozenset[Group], profile: Profile) -> Books:
    """Make our side of a day out of the settlements that touch it."""
    records = tuple(
        record for case in cases for record in records_of(case, profile) if record.settled_at.date() == day
    )
    unclear = {group_of(case.settlement, profile) for case in cases if is_unclear(case)}
    groups = usual | {record.group for record in records} | unclear
    asked = (group for group in groups if group.clr_optins and group.insutype)
    return Books(day, records, tuple(cases), tuple(sorted(asked)))
