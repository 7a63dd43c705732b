"""Money: quote, book, undo. Quote and booking go through one calculation, so they can only differ by the records.

The benefit engine decides the amounts; this module finds its inputs in the hub's records and books its results.
Undoing negates the stored amounts: own account and every relative get back exactly what they paid, and the
accumulators of the year of the undone settlement lose its contributions.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from protocols.hub.profile import Profile
from protocols.hub.profile_sections import BenefitKind
from simulators.benefit import cancellation, engine, entitlement
from simulators.benefit import lines as line_steps
from simulators.benefit.model import (
    AccountState,
    AccountUse,
    Area,
    Line,
    LineResult,
    Refusal,
    Relative,
    Result,
    VisitKind,
)
from simulators.benefit.model import Enrolment as WaitingFacts
from simulators.benefit.model import Institution as CareInstitution
from simulators.benefit.model import Person as Insured
from simulators.benefit.model import Visit as CareVisit
from simulators.benefit.policy_set import PolicySet
from simulators.hub.desk import Call, Desk
from simulators.hub.ledger import LineRecord, SettlementRecord
from simulators.hub.prescriptions import free
from simulators.hub.quotes import Quoting
from simulators.hub.refusals import FieldRefused, Refused
from simulators.hub.working import Asked, workings
from simulators.people import Enrolment, Joining, Person, find
from simulators.people.model import Relation

_OTHER_MED_TYPES: Final[dict[str, BenefitKind]] = {
    "140104": "chronic",
    "140201": "chronic",
    "9929": "chronic",
    "1403": "two_disease",
    "510103": "maternity",
    "18": "dual_channel",
    "15": "dual_channel",
    "910202": "dual_channel",
}
"""Values seen in other provinces, taken for the same kind (K23)."""

_VISIT_KINDS: Final[dict[BenefitKind, VisitKind]] = {
    "pharmacy": "pharmacy",
    "ordinary": "outpatient",
    "registration": "outpatient",
    "emergency": "emergency",
    "chronic": "chronic",
    "two_disease": "two_disease",
    "maternity": "maternity",
    "dual_channel": "special_drug",
}


class Priced(msgspec.Struct, frozen=True):
    """One calculation with what it was made from."""

    result: Result
    policy_set: str
    fee_date: dt.date
    insured: Enrolment
    psn_type: str
    clr_type: str
    pay_loc: str
    relatives: tuple[str, ...]
    workings: Mapping[str, str]
    """`setl_proc_info` by `fund_pay_type`."""


def benefit_kind(profile: Profile, med_type: str) -> BenefitKind:
    """The kind behind a `med_type`. Raises `FieldRefused`."""
    for kind, code in profile.codes.med_type.items():
        if code == med_type:
            return kind
    if med_type in _OTHER_MED_TYPES:
        return _OTHER_MED_TYPES[med_type]
    raise FieldRefused("med_type", "不支持 (not supported)")


def check_agreement(call: Call) -> None:
    """Raise `Refused` unless the institution's agreement is in force today (R65, K94). Undoing asks for none."""
    agreement = call.institution.agreement
    rest = agreement.suspended
    match agreement.state(call.now.date()):
        case "in_force":
            return
        case "not_begun":
            detail = f"{agreement.begin} 起生效 (begins on {agreement.begin})"
        case "suspended" if rest is not None:
            detail = f"暂停至 {rest.end} (suspended until {rest.end})"
        case _:
            detail = f"已于 {agreement.end} 终止 (ended on {agreement.end})"
    raise Refused("AGREEMENT_INVALID", detail=detail)


def check_entitlement(
    desk: Desk, call: Call, person: Person, insured: Enrolment, med_type: str, disease: str, day: dt.date
) -> None:
    """Raise `Refused` when the pool would not pay for this category on that day."""
    policy_set = desk.policies.set_of_division(insured.division)
    visit = _care_visit(desk, call, person, insured, med_type, disease, day, "none", ())
    subject = _insured_person(desk, person, insured, day)
    terms = entitlement.entitle(_policy(desk, policy_set, day), subject, visit, desk.rules)
    if isinstance(terms, Refusal):
        raise Refused(terms.code, terms.texts)


def price(
    desk: Desk,
    call: Call,
    person: Person,
    insured: Enrolment,
    med_type: str,
    disease: str,
    account_flag: str,
    lines: Sequence[LineRecord],
    *,
    epidemic: bool = False,
) -> Priced:
    """Calculate one settlement from the records as they stand; books nothing. Raises `Refused`."""
    check_agreement(call)
    fee_date = _fee_date(desk, call, lines)
    policy_set = desk.policies.set_of_division(insured.division)
    account, relatives = _accounts(desk, person, insured)
    asked = Asked(
        _policy(desk, policy_set, fee_date),
        _insured_person(desk, person, insured, fee_date),
        _care_visit(
            desk,
            call,
            person,
            insured,
            med_type,
            disease,
            fee_date,
            _account_use(desk.profile, account_flag),
            lines,
            epidemic=epidemic,
        ),
        desk.ledger.accumulators(person.psn_no, policy_set, fee_date.year),
    )
    outcome = Quoting(desk, call, policy_set).settle(
        asked.policy,
        desk.policies.place(desk.policies.set_of_division(call.institution.division)),
        asked.subject,
        account,
        asked.before,
        asked.visit,
        engine_lines(lines),
        desk.rules,
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome.code, outcome.texts)
    return Priced(
        result=outcome,
        policy_set=policy_set,
        fee_date=fee_date,
        insured=insured,
        psn_type=insured.psn_type,
        clr_type=desk.profile.codes.clr_type[benefit_kind(desk.profile, med_type)],
        pay_loc=_pay_loc(call.institution.division, insured.division),
        relatives=relatives,
        workings=workings(asked, outcome, _relations(desk, person) if outcome.relatives_paid else {}),
    )


def split_only(
    desk: Desk,
    call: Call,
    person: Person,
    insured: Enrolment,
    med_type: str,
    disease: str,
    lines: Sequence[LineRecord],
) -> tuple[LineResult, ...]:
    """How class, share and ceiling split unsettled lines (2204). Asks for no entitlement and books nothing."""
    day = _fee_date(desk, call, lines)
    visit = _care_visit(desk, call, person, insured, med_type, disease, day, "none", lines)
    account_only = entitlement.benefit_kind(visit) == "acct_only"
    policy = _policy(desk, desk.policies.set_of_division(insured.division), day)
    by_share = policy.area.method == "pre_share" and not account_only
    return line_steps.split_lines(
        desk.policies.place(visit.place),
        visit,
        engine_lines(lines),
        account_only=account_only,
        area_share_bp=policy.area.value_bp[insured.insutype][visit.area] if by_share else 0,
    )


def last_fee_date(lines: Sequence[LineRecord]) -> dt.date:
    """The fee date that decides: the latest of the lines."""
    return max(row.fee_date for row in lines)


def engine_lines(lines: Sequence[LineRecord]) -> list[Line]:
    """Charge lines as the benefit engine takes them."""
    return [Line(row.item, row.quantity_e4, row.price_micro, row.indication_ok) for row in lines]


def book(desk: Desk, record: SettlementRecord) -> None:
    """Book a settlement made of a `Priced`: accounts, accumulators, the record itself."""
    result = record.result
    desk.ledger.set_balance(record.psn_no, result.account_after.balance_fen)
    for relative in result.account_after.relatives:
        desk.ledger.set_balance(relative.owner, relative.balance_fen)
    _move_accumulators(desk, record)
    desk.ledger.add_settlement(record)


def undo(desk: Desk, call: Call, original: SettlementRecord, *, keep_order: bool) -> SettlementRecord:
    """Book and return the record that undoes a settlement. `keep_order` False is for 2601 (K46). Raises `Refused`."""
    account = AccountState(
        balance_fen=desk.ledger.balance(original.psn_no),
        relatives=tuple(Relative(owner, desk.ledger.balance(owner)) for owner in original.relatives),
    )
    outcome = cancellation.cancel(
        original.result,
        account,
        already=not original.live,
        later=[row.result.contributions for row in _later(desk, original)],
        rules=desk.rules,
        keep_order=keep_order,
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome.code, outcome.texts)
    record = msgspec.structs.replace(
        original,
        setl_id=new_setl_id(desk, call),
        msgid=call.msgid,
        infno=call.infno,
        setl_time=call.time_text,
        operator=call.operator,
        operator_name=call.operator_name,
        result=outcome,
        direction=-1,
        undoes=original.setl_id,
        how_undone="",
    )
    book(desk, record)
    free(desk.ledger, original.setl_id)
    return record


def new_setl_id(desk: Desk, call: Call) -> str:
    """A settlement id: SETL and 17 digits."""
    return desk.new_id("SETL", 17, call.institution.division, desk.ledger.settlement)


def new_mdtrt_id(desk: Desk, call: Call) -> str:
    """A visit id: MDT and 18 digits."""
    return desk.new_id("MDT", 18, call.institution.division, desk.ledger.visit)


def check_year_open(desk: Desk, call: Call, fee_date: dt.date) -> None:
    """Raise `Refused` when the benefit year of a fee date is closed."""
    if not engine.year_open(fee_date, call.now.date(), desk.rules):
        raise Refused("YEAR_CLOSED")


def _policy(desk: Desk, policy_set: str, day: dt.date) -> PolicySet:
    """The version in force on a fee date. Raises `Refused` when the hub knows none."""
    try:
        return desk.policies.version(policy_set, day)
    except LookupError:
        raise Refused("FEE_DATE") from None


def _fee_date(desk: Desk, call: Call, lines: Sequence[LineRecord]) -> dt.date:
    """The one fee date of a settlement: the latest of its lines, all in one open year."""
    last = last_fee_date(lines)
    if min(row.fee_date for row in lines).year != last.year or last > call.now.date():
        raise Refused("FEE_DATE")
    check_year_open(desk, call, last)
    return last


def _accounts(desk: Desk, person: Person, insured: Enrolment) -> tuple[AccountState, tuple[str, ...]]:
    owners = tuple(find(desk.people, row.slug).psn_no for row in person.relative if row.mutual_aid)
    state = AccountState(
        balance_fen=desk.ledger.balance(person.psn_no),
        relatives=tuple(Relative(owner, desk.ledger.balance(owner)) for owner in owners),
    )
    return state, owners


def _relations(desk: Desk, person: Person) -> dict[str, Relation]:
    """What each relative is to the person, by `psn_no`."""
    return {find(desk.people, row.slug).psn_no: row.relation for row in person.relative}


def _insured_person(desk: Desk, person: Person, insured: Enrolment, day: dt.date) -> Insured:
    filed = [row for row in desk.ledger.registrations(person.psn_no) if row.in_force(day)]
    return Insured(
        insutype=insured.insutype,
        psn_type=insured.psn_type,
        categories=person.categories(day),
        chronic=tuple(row.code for row in filed if row.kind == "chronic"),
        two_disease=tuple(row.code for row in filed if row.kind == "two_disease"),
        signed_doctor=insured.signed_doctor,
        civil_servant=insured.civil_servant,
        enterprise=insured.enterprise_supplement,
        layers=insured.layers,
        enrolment=None if insured.joined is None else _waiting_facts(person, insured.joined),
    )


def _waiting_facts(person: Person, joined: Joining) -> WaitingFacts:
    return WaitingFacts(
        paid_on=joined.paid_on,
        in_window=joined.exempt == "in_window",
        employee_gap_months=joined.employee_gap_months,
        newborn_birth=person.born if joined.exempt == "newborn" else None,
        lapsed_years=joined.lapsed_years,
    )


def _care_visit(
    desk: Desk,
    call: Call,
    person: Person,
    insured: Enrolment,
    med_type: str,
    disease: str,
    day: dt.date,
    use: AccountUse,
    lines: Sequence[LineRecord],
    *,
    epidemic: bool = False,
) -> CareVisit:
    kind = _VISIT_KINDS[benefit_kind(desk.profile, med_type)]
    care = call.institution
    return CareVisit(
        place=desk.policies.set_of_division(care.division),
        institution=CareInstitution(care.kind, care.dual_channel, care.networked),
        kind=kind,
        fee_date=day,
        area=_area(desk, care.division, person, insured, day),
        account_use=use,
        disease=_disease(desk.profile, kind, disease),
        rx_pooled=bool(lines) and all(row.rx_pooled for row in lines),
        nego_approved=_all_approved(desk, person, lines, day),
        epidemic=epidemic,
    )


def _disease(profile: Profile, kind: VisitKind, disease: str) -> str:
    """The disease as the policy sets spell it; a two-diseases code of another list than the profile's is none of theirs."""
    if kind != "two_disease":
        return disease if kind == "chronic" else ""
    known = [code for codes in profile.codes.disease_groups.values() for code in codes]
    return next((code for code in known if profile.two_disease_code(code) == disease), "")


def _all_approved(desk: Desk, person: Person, lines: Sequence[LineRecord], day: dt.date) -> bool:
    """Whether every negotiated drug on the sheet is approved for this person; False when there is none."""
    items = desk.policies.catalogue.items
    codes = [row.med_list_codg for row in lines if items[row.item].negotiated]
    return bool(codes) and all(person.approved(code, day) for code in codes)


def _area(desk: Desk, care: str, person: Person, insured: Enrolment, day: dt.date) -> Area:
    """Filing situation by the two divisions (K27); a transfer filed with 2501 counts for the place it names."""
    if desk.profile.is_local(care, insured.division):
        return "local"
    if care[:2] == insured.division[:2]:
        return "intra"
    filed = insured.filing_on(day)
    if filed is not None:
        return filed
    return "referral" if desk.ledger.submitted.transferred_to(person.psn_no, care, day) else "unfiled"


def _account_use(profile: Profile, flag: str) -> AccountUse:
    """acct_used_flag, in which 1 means own and relatives (auto) or the own account only (explicit, K40)."""
    if flag == "0":
        return "none"
    return "own" if flag == "1" and profile.money.acct_used_flag_mode == "explicit" else "family"


def _pay_loc(care: str, insured: str) -> str:
    """pay_loc: 2 local, 6 other district of the city, 3 elsewhere in the province, 4 other province."""
    if care == insured:
        return "2"
    if care[:4] == insured[:4]:
        return "6"
    return "3" if care[:2] == insured[:2] else "4"


def _move_accumulators(desk: Desk, record: SettlementRecord) -> None:
    change = record.result.contributions
    before = desk.ledger.accumulators(record.psn_no, record.policy_set, change.year)
    after = engine.accumulate(before, change)
    if after != before:
        desk.ledger.set_accumulators(record.psn_no, record.policy_set, after)


def _later(desk: Desk, original: SettlementRecord) -> list[SettlementRecord]:
    """The person's standing settlements under the same policy set that were booked after `original`."""
    same = [row for row in desk.ledger.of_person(original.psn_no) if row.policy_set == original.policy_set]
    numbers = [row.setl_id for row in same]
    return [row for row in same[numbers.index(original.setl_id) + 1 :] if row.live]
