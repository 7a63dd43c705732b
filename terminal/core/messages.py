"""What each message of a flow says, and what its answer means for the settlement: two tables of pure functions.

`build` fills the input of a national transaction from the settlement; `READERS` takes a typed, authenticated output and
returns the settlement that knows it. `misfits` compares a booked settlement with what we asked for. The steps that only
a clinic visit has stand in `visit_messages`.
"""

from collections.abc import Callable, Mapping

import msgspec

from protocols.errors import MoneyError
from protocols.hub.blocks import TraceCode, spelled
from protocols.hub.check import check_settlement_identities
from protocols.hub.person import PersonInput, PersonOutput, PersonQuery
from protocols.hub.pharmacy import PharmacyInput, PharmacyOutput, Purchase, PurchaseLine, traced
from protocols.hub.profile import Profile
from protocols.hub.queries import SettlementQuery, SettlementQueryInput
from protocols.hub.reversal import Reversal, ReversalInput
from protocols.hub.settlement import (
    Cancellation,
    CancellationInput,
    FundPart,
    SettlementOutput,
    cancellation_split,
    settlement_split,
)
from protocols.hub.signing import is_bound_by_content
from protocols.money import Fen
from protocols.secret import Secret
from terminal.core import review_messages, visit_messages
from terminal.core.benefits import is_pooled, med_type_of
from terminal.core.disclosure import area_of
from terminal.core.flows import CANCELLATIONS, FLOWS, Act
from terminal.core.message_parts import (
    Misfit,
    Site,
    account_flag,
    known_booking,
    known_medium,
    known_person,
    shares_by_line,
    total_fen,
)
from terminal.core.values import Booking, Category, Enrolment, FundRow, LineShare, Person, Settlement

_replace = msgspec.structs.replace


# -- building ------------------------------------------------------------------------------------


def build(infno: str, settlement: Settlement, site: Site) -> tuple[msgspec.Struct, str]:
    """Return input and insured division of the message `infno` for this settlement."""
    division = "" if settlement.person is None else settlement.person.insured_division
    return _BUILDERS[infno](settlement, site), division


def _person_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    medium = known_medium(settlement)
    shown = site.profile.form.identity_with_token == "send" or medium.kind != "01"
    return PersonInput(
        query=PersonQuery(
            medium_type=medium.kind,
            medium_no=medium.number,
            card_sn=medium.card_sn,
            began_at=settlement.began_at,
            document_type="01",
            document_no=medium.certno if shown else Secret(),
            name=medium.name if shown else Secret(),
        )
    )


def _pharmacy(settlement: Settlement, site: Site, infno: str) -> PharmacyInput:
    person, medium, profile = known_person(settlement), known_medium(settlement), site.profile
    shown = profile.form.identity_with_token == "send" or medium.kind != "01"
    prescription = settlement.prescription
    purchase = Purchase(
        person_no=person.psn_no,
        medium_type=medium.kind,
        medium_no=medium.number,
        card_sn=medium.card_sn,
        document_type=person.cert_type,
        document_no=person.certno if shown else Secret(),
        person_type=person.psn_type,
        name=person.name if shown else Secret(),
        began_at=settlement.began_at,
        total_fen=total_fen(settlement),
        insurance_type=person.insutype,
        account_used=account_flag(settlement, profile),
        medical_category=med_type_of(settlement, profile),
    )
    lines = tuple(
        spelled(
            PurchaseLine(
                line_no=str(line.number),
                occurred_at=settlement.began_at,
                catalogue_code=line.national_code,
                own_code=line.own_code,
                amount_fen=Fen(line.amount_fen),
                quantity=line.quantity,
                price=line.price,
                prescription_no="" if prescription is None else prescription.number,
                external_prescription="0" if prescription is None else "1",
            ),
            profile,
            infno,
        )
        for line in settlement.lines
    )
    return PharmacyInput(purchase=spelled(purchase, profile, infno), lines=lines)


def _pharmacy_quote(settlement: Settlement, site: Site) -> msgspec.Struct:
    return _pharmacy(settlement, site, "2101")


def _pharmacy_settlement(settlement: Settlement, site: Site) -> msgspec.Struct:
    content = _pharmacy(settlement, site, "2102")
    lines = []
    for sent, line in zip(content.lines, settlement.lines, strict=True):
        codes = [TraceCode(line_no=str(line.number), code=code, split_pack="0") for code in line.trace_codes]
        lines.append(traced(sent, site.profile, codes) if codes else sent)
    return _replace(content, lines=tuple(lines))


def _cancellation(settlement: Settlement, site: Site) -> msgspec.Struct:
    booking = known_booking(settlement)
    cancellation = Cancellation(
        settlement_id=booking.info.settlement_id,
        visit_id=booking.info.visit_id,
        person_no=known_person(settlement).psn_no,
    )
    message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
    return CancellationInput(cancellation=spelled(cancellation, site.profile, message))


def _reversal(settlement: Settlement, site: Site) -> msgspec.Struct:
    return ReversalInput(
        reversal=Reversal(
            person_no=known_person(settlement).psn_no,
            original_message_id=settlement.settle_msgid,
            original_infno=settlement.settle_infno or FLOWS[settlement.flow].by_act(Act.SETTLE).message,
        )
    )


def _settlement_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    booking = known_booking(settlement)
    return SettlementQueryInput(
        query=SettlementQuery(
            person_no=known_person(settlement).psn_no,
            settlement_id=booking.info.settlement_id,
            visit_id=booking.info.visit_id,
        )
    )


_BUILDERS: Mapping[str, Callable[[Settlement, Site], msgspec.Struct]] = {
    **visit_messages.BUILDERS,
    **review_messages.BUILDERS,
    "2208": _cancellation,
    "1101": _person_query,
    "2101": _pharmacy_quote,
    "2102": _pharmacy_settlement,
    "2103": _cancellation,
    "2601": _reversal,
    "5203": _settlement_query,
}


# -- reading -------------------------------------------------------------------------------------


def _not_insured(asked: str, output: PersonOutput) -> Misfit:
    """Nothing is in force, or only something else than was asked for."""
    others = ", ".join(row.insurance_type for row in output.insurances if row.status == "1")
    if not others:
        return Misfit("not_insured_now")
    return Misfit("not_insured_so", asked=asked, others=others)


def _read_person(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, PersonOutput):
        raise Misfit("hub_answer_unusable", infno="1101")
    medium = known_medium(settlement)
    if medium.certno and output.base.document_no and medium.certno != output.base.document_no:
        raise Misfit("another_person")
    if settlement.refund_of is not None and settlement.refund_of.psn_no != output.base.person_no:
        raise Misfit("refund_other_person")
    insurance = output.active_insurance(settlement.asked_insutype)
    if insurance is None:
        raise _not_insured(settlement.asked_insutype, output)
    person = Person(
        psn_no=output.base.person_no,
        name=output.base.name,
        certno=output.base.document_no,
        cert_type=output.base.document_type or "01",
        insutype=insurance.insurance_type,
        psn_type=insurance.person_type,
        insured_division=insurance.insured_division,
        balance_fen=int(insurance.balance_fen or 0),
        sex=output.base.sex,
        birth_date=output.base.birth_date,
        enrolments=tuple(
            Enrolment(
                row.insurance_type,
                row.person_type,
                row.status,
                row.insured_division,
                row.insured_since,
                row.paused_since,
            )
            for row in output.insurances
        ),
        categories=tuple(
            Category(row.category, row.memo, row.began_at, row.ended_at) for row in output.special_identities
        ),
        civil_servant=insurance.civil_servant == "1",
    )
    known = _replace(settlement, person=person)
    if is_pooled(known) and known.local_only and area_of(known, profile) == "far":
        raise Misfit("not_networked")
    return known


def _money_answer(output: object) -> PharmacyOutput | SettlementOutput:
    if not isinstance(output, PharmacyOutput | SettlementOutput):
        raise Misfit("hub_answer_unusable", infno="setlinfo")
    return output


def _booking(settlement: Settlement, answer: object, profile: Profile) -> Booking:
    output = _money_answer(answer)
    try:
        split = settlement_split(output.info, profile)
    except MoneyError as broken:
        raise Misfit("hub_amounts_broken") from broken
    return Booking(
        split=split,
        info=output.info,
        funds=tuple(_fund_row(fund, profile) for fund in output.funds),
        line_classes=_classes_by_line(settlement, output) or settlement.line_classes,
        line_shares=_shares_by_line(settlement, output) or settlement.line_shares,
    )


NO_LIMIT_FEN = 999_999_00
"""`crt_payb_lmt_amt` of a fund without a limit, as for prices (K47)."""


def _fund_row(fund: FundPart, profile: Profile) -> FundRow:
    limit = fund.limit_left_fen
    is_fund = profile.fund_class(fund.fund_pay_type) == "fund"
    return FundRow(
        fund.fund_pay_type,
        int(fund.paid_fen),
        fund.fund_name,
        int(limit) if limit is not None and limit < NO_LIMIT_FEN and is_fund else None,
        fund.working,
    )


def _classes_by_line(settlement: Settlement, output: PharmacyOutput | SettlementOutput) -> tuple[str, ...]:
    """One class for each of our lines in our order, whatever rows a pharmacy answer has; empty when it has none."""
    if isinstance(output, SettlementOutput) or not output.line_splits:
        return ()
    named = {line.line_no: line.catalogue_class for line in output.line_splits}
    return tuple(named.get(str(line.number), "") for line in settlement.lines)


def _shares_by_line(
    settlement: Settlement, output: PharmacyOutput | SettlementOutput
) -> tuple[LineShare, ...]:
    if isinstance(output, SettlementOutput):
        return ()
    splits = {line.line_no: line for line in output.line_splits}
    return shares_by_line(splits, [str(line.number) for line in settlement.lines])


def _read_quote(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    """A quote that does not add up is not offered: its settlement would be booked and then reversed."""
    booking = _booking(settlement, output, profile)
    if booking.split.total_fen != total_fen(settlement) or _broken(_money_answer(output), profile):
        raise Misfit("hub_amounts_broken")
    return _replace(settlement, quote=booking)


def _read_settlement(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    return _replace(settlement, booking=_booking(settlement, output, profile))


def _read_cancellation(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, SettlementOutput):
        raise Misfit("hub_answer_unusable", infno="2103")
    if _is_about_another_person(settlement, output, profile):
        raise Misfit("hub_answer_unusable", infno="2103")
    booking = known_booking(settlement)
    try:
        split = cancellation_split(output.info, profile)
    except MoneyError as broken:
        raise Misfit("hub_amounts_broken") from broken
    if split != booking.split:
        raise Misfit("hub_amounts_broken")
    funds = tuple(FundRow(fund.fund_pay_type, -int(fund.paid_fen), fund.fund_name) for fund in output.funds)
    return _replace(settlement, cancellation=Booking(split=split, info=output.info, funds=funds))


READERS: Mapping[str, Callable[[Settlement, object, Profile], Settlement]] = {
    **visit_messages.READERS,
    **review_messages.READERS,
    "1101": _read_person,
    "2101": _read_quote,
    "2102": _read_settlement,
    "2103": _read_cancellation,
    "2206A": _read_quote,
    "2207A": _read_settlement,
    "2208": _read_cancellation,
}


def _broken(output: PharmacyOutput | SettlementOutput, profile: Profile) -> list[str]:
    """Return the money identities that an answer breaks."""
    splits = output.line_splits if isinstance(output, PharmacyOutput) else ()
    return check_settlement_identities(output.info, output.funds, splits, profile)


def misfits(settlement: Settlement, output: object, profile: Profile) -> list[str]:
    """Return why a booked settlement is not the one we asked for; empty when it fits (rule 4 of the outcome).

    Another person, another message id, another total, or amounts that break an identity. A different split of the same
    total is lawful (K45) and is not a misfit.
    """
    if not isinstance(output, PharmacyOutput | SettlementOutput):
        return ["output"]
    info, problems = output.info, []
    bound = is_bound_by_content(profile)  # then what is silent proves nothing
    if (info.person_no or bound) and info.person_no != known_person(settlement).psn_no:
        problems.append("person")
    if (info.echoed_message_id or bound) and info.echoed_message_id != settlement.settle_msgid:
        problems.append("message id")
    if info.total_fen != total_fen(settlement):
        problems.append("total")
    if not info.settlement_id:
        problems.append("no settlement id")
    problems.extend(_broken(output, profile))
    try:
        settlement_split(info, profile)
    except MoneyError:
        problems.append("split")
    return problems


def _is_about_another_person(settlement: Settlement, output: SettlementOutput, profile: Profile) -> bool:
    """Whether an answer that no signature binds to our request names somebody else (K15)."""
    named = output.info.person_no
    return is_bound_by_content(profile) and bool(named) and named != known_person(settlement).psn_no


def shows_refund(settlement: Settlement, output: object, profile: Profile) -> bool | None:
    """Whether 5203 says that the settlement we know has been refunded; None when it speaks of another one, or of nothing."""
    if not isinstance(output, SettlementOutput) or _is_about_another_person(settlement, output, profile):
        return None
    if output.info.settlement_id != known_booking(settlement).info.settlement_id:
        return None
    return output.info.refunded == "1"
