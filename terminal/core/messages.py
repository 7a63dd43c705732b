"""What each message of a flow says, and what its answer means for the settlement: two tables of pure functions.

`build` fills the input of a national transaction from the settlement; `READERS` takes a typed, authenticated output and
returns the settlement that knows it. `misfits` compares a booked settlement with what we asked for.
"""

from collections.abc import Callable, Mapping

import msgspec

from protocols.errors import MoneyError
from protocols.hub.blocks import TraceCode, spelled
from protocols.hub.check import check_settlement_identities
from protocols.hub.outpatient import (
    ALL_BATCHES,
    ClinicQuote,
    ClinicQuoteInput,
    ClinicSettlement,
    ClinicSettlementInput,
    Diagnosis,
    FeeLine,
    FeeLinesInput,
    FeeLinesOutput,
    LinesWithdrawal,
    LinesWithdrawalInput,
    Registration,
    RegistrationInput,
    RegistrationOutput,
    RegistrationWithdrawal,
    RegistrationWithdrawalInput,
    VisitInfo,
    VisitInput,
)
from protocols.hub.person import (
    BenefitCheck,
    BenefitCheckInput,
    BenefitCheckOutput,
    PersonInput,
    PersonOutput,
    PersonQuery,
)
from protocols.hub.pharmacy import PharmacyInput, PharmacyOutput, Purchase, PurchaseLine, traced
from protocols.hub.profile import Profile
from protocols.hub.queries import (
    ChronicQuery,
    ChronicQueryInput,
    ChronicQueryOutput,
    SettlementQuery,
    SettlementQueryInput,
    VisitQuery,
    VisitQueryInput,
    VisitQueryOutput,
)
from protocols.hub.reversal import Reversal, ReversalInput
from protocols.hub.settlement import (
    Cancellation,
    CancellationInput,
    SettlementOutput,
    cancellation_split,
    settlement_split,
)
from protocols.money import Fen, sum_fen
from protocols.secret import Secret
from terminal.core.flows import CANCELLATIONS, FLOWS, Act
from terminal.core.values import Booking, ChargeLine, Disease, Filing, FundRow, Medium, Person, Settlement

_replace = msgspec.structs.replace


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


class Misfit(Exception):
    """An authenticated answer that cannot be used for this settlement; `code` is a message code for the operator."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


# -- building ------------------------------------------------------------------------------------


def build(infno: str, settlement: Settlement, site: Site) -> tuple[msgspec.Struct, str]:
    """Return input and insured division of the message `infno` for this settlement."""
    division = "" if settlement.person is None else settlement.person.insured_division
    return _BUILDERS[infno](settlement, site), division


def _known_person(settlement: Settlement) -> Person:
    if settlement.person is None:
        raise AssertionError("no person identified")
    return settlement.person


def _known_medium(settlement: Settlement) -> Medium:
    if settlement.medium is None:
        raise AssertionError("no medium")
    return settlement.medium


def _known_booking(settlement: Settlement) -> Booking:
    if settlement.booking is None:
        raise AssertionError("no booking")
    return settlement.booking


def _person_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    medium = _known_medium(settlement)
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


def total_fen(settlement: Settlement) -> Fen:
    """Sum of the charge lines (identity M2)."""
    return sum_fen(line.amount_fen for line in settlement.lines)


def _pharmacy(settlement: Settlement, site: Site, infno: str) -> PharmacyInput:
    person, medium, profile = _known_person(settlement), _known_medium(settlement), site.profile
    shown = profile.form.identity_with_token == "send" or medium.kind != "01"
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
        account_used="1" if settlement.use_account else "0",
        medical_category=profile.codes.med_type["pharmacy"],
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
    booking = _known_booking(settlement)
    cancellation = Cancellation(
        settlement_id=booking.info.settlement_id,
        visit_id=booking.info.visit_id,
        person_no=_known_person(settlement).psn_no,
    )
    message = CANCELLATIONS[settlement.flow].by_act(Act.CANCEL).message
    return CancellationInput(cancellation=spelled(cancellation, site.profile, message))


def _reversal(settlement: Settlement, site: Site) -> msgspec.Struct:
    return ReversalInput(
        reversal=Reversal(
            person_no=_known_person(settlement).psn_no,
            original_message_id=settlement.settle_msgid,
            original_infno=FLOWS[settlement.flow].by_act(Act.SETTLE).message,
        )
    )


def _settlement_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    booking = _known_booking(settlement)
    return SettlementQueryInput(
        query=SettlementQuery(
            person_no=_known_person(settlement).psn_no,
            settlement_id=booking.info.settlement_id,
            visit_id=booking.info.visit_id,
        )
    )


# -- building: the visit -------------------------------------------------------------------------------


def _known_disease(settlement: Settlement) -> Disease:
    if settlement.disease is None:
        raise AssertionError("no disease picked")
    return settlement.disease


def charge_batch(settlement: Settlement) -> str:
    """Return `chrg_bchno` of the present batch: our visit number and a count, never used twice."""
    return f"{settlement.own_visit_no}{settlement.batch:03d}"


def _line_no(settlement: Settlement, line: ChargeLine) -> str:
    """Return `feedetl_sn` of a line: the batch and the line's own number, so that no two uploads share one."""
    return f"{charge_batch(settlement)}{line.number:03d}"


def _benefit_check(settlement: Settlement, site: Site) -> msgspec.Struct:
    person = _known_person(settlement)
    check = BenefitCheck(
        person_no=person.psn_no,
        insurance_type=person.insutype,
        institution_code=site.institution_code,
        medical_category=site.profile.codes.med_type["chronic"],
        began_at=settlement.began_at,
    )
    return BenefitCheckInput(check=spelled(check, site.profile, "2001"))


def _filings_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    return ChronicQueryInput(query=ChronicQuery(person_no=_known_person(settlement).psn_no))


def _registration(settlement: Settlement, site: Site) -> msgspec.Struct:
    person, medium, desk = _known_person(settlement), _known_medium(settlement), site.desk
    registration = Registration(
        person_no=person.psn_no,
        insurance_type=person.insutype,
        began_at=settlement.began_at,
        medium_type=medium.kind,
        medium_no=medium.number,
        card_sn=medium.card_sn,
        document_type=person.cert_type,
        document_no=person.certno,
        person_type=person.psn_type,
        name=person.name,
        own_visit_no=settlement.own_visit_no,
        doctor_code=desk.doctor_code,
        doctor_name=desk.doctor_name,
        department_code=desk.department_code,
        department_name=desk.department_name,
        specialty=desk.specialty,
    )
    return RegistrationInput(registration=spelled(registration, site.profile, "2201"))


def _registration_withdrawal(settlement: Settlement, site: Site) -> msgspec.Struct:
    withdrawal = RegistrationWithdrawal(
        person_no=_known_person(settlement).psn_no,
        visit_id=settlement.visit_id,
        own_visit_no=settlement.own_visit_no,
    )
    return RegistrationWithdrawalInput(withdrawal=spelled(withdrawal, site.profile, "2202"))


def _visit_and_diagnosis(settlement: Settlement, site: Site) -> msgspec.Struct:
    """The picked disease with its diagnosis; diagnoses told before and replaced go along as no longer valid."""
    disease, desk = _known_disease(settlement), site.desk
    visit = VisitInfo(
        visit_id=settlement.visit_id,
        person_no=_known_person(settlement).psn_no,
        medical_category=site.profile.codes.med_type["chronic"],
        began_at=settlement.began_at,
        main_complaint=disease.diagnosis_name,
        disease_code=disease.code,
        disease_name=disease.name,
    )
    past = {row.diagnosis_code: row for row in settlement.past_diagnoses}
    past.pop(disease.diagnosis_code, None)
    diagnoses = tuple(
        Diagnosis(
            kind="1",
            order_no=order,
            code=row.diagnosis_code,
            name=row.diagnosis_name,
            department=desk.department_name,
            doctor_code=desk.doctor_code,
            doctor_name=desk.doctor_name,
            diagnosed_at=settlement.began_at,
            valid="1" if row is disease else "0",
        )
        for order, row in enumerate((disease, *past.values()), start=1)
    )
    return VisitInput(visit=spelled(visit, site.profile, "2203A"), diagnoses=diagnoses)


def _fee_lines(settlement: Settlement, site: Site) -> msgspec.Struct:
    disease, desk, batch = _known_disease(settlement), site.desk, charge_batch(settlement)
    return FeeLinesInput(
        lines=tuple(
            spelled(
                FeeLine(
                    line_no=_line_no(settlement, line),
                    visit_id=settlement.visit_id,
                    person_no=_known_person(settlement).psn_no,
                    charge_batch=batch,
                    disease_code=disease.code,
                    occurred_at=settlement.began_at,
                    catalogue_code=line.national_code,
                    own_code=line.own_code,
                    amount_fen=Fen(line.amount_fen),
                    quantity=line.quantity,
                    price=line.price,
                    department_code=desk.department_code,
                    department_name=desk.department_name,
                    doctor_code=desk.doctor_code,
                    doctor_name=desk.doctor_name,
                ),
                site.profile,
                "2204",
            )
            for line in settlement.lines
        )
    )


def _lines_withdrawal(settlement: Settlement, site: Site) -> msgspec.Struct:
    """The present batch while the visit goes on, everything unsettled once it is over."""
    withdrawal = LinesWithdrawal(
        visit_id=settlement.visit_id,
        charge_batch=ALL_BATCHES if settlement.owed else charge_batch(settlement),
        person_no=_known_person(settlement).psn_no,
    )
    return LinesWithdrawalInput(withdrawal=spelled(withdrawal, site.profile, "2205"))


def _clinic_quote(settlement: Settlement, site: Site) -> msgspec.Struct:
    person, medium = _known_person(settlement), _known_medium(settlement)
    quote = ClinicQuote(
        person_no=person.psn_no,
        medium_type=medium.kind,
        medium_no=medium.number,
        medical_category=site.profile.codes.med_type["chronic"],
        total_fen=total_fen(settlement),
        visit_id=settlement.visit_id,
        charge_batch=charge_batch(settlement),
        insurance_type=person.insutype,
        account_used="1" if settlement.use_account else "0",
    )
    return ClinicQuoteInput(quote=spelled(quote, site.profile, "2206A"))


def _clinic_settlement(settlement: Settlement, site: Site) -> msgspec.Struct:
    """As the quote, with the four amounts of its answer, which the hub compares with its own (K45)."""
    person, medium = _known_person(settlement), _known_medium(settlement)
    if settlement.quote is None:
        raise AssertionError("no quote")
    info, batch = settlement.quote.info, charge_batch(settlement)
    content = ClinicSettlement(
        person_no=person.psn_no,
        medium_type=medium.kind,
        medium_no=medium.number,
        medical_category=site.profile.codes.med_type["chronic"],
        total_fen=total_fen(settlement),
        visit_id=settlement.visit_id,
        charge_batch=batch,
        insurance_type=person.insutype,
        account_used="1" if settlement.use_account else "0",
        self_paid_fen=info.self_paid_fen,
        over_limit_fen=info.over_limit_fen,
        class_b_share_fen=info.class_b_share_fen,
        policy_scope_fen=info.policy_scope_fen,
    )
    codes = tuple(
        TraceCode(line_no=_line_no(settlement, line), code=code, split_pack="0", smallest_unit="0")
        for line in settlement.lines
        for code in line.trace_codes
    )
    message = ClinicSettlementInput(settlement=spelled(content, site.profile, "2207A"))
    return _replace(message, drug_trac_info=codes) if codes else message


def _visit_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    """5201 for this person and the day the visit began; the answer is searched for our own visit number."""
    day = settlement.began_at[:10]
    return VisitQueryInput(
        query=VisitQuery(
            person_no=_known_person(settlement).psn_no,
            began_at=f"{day} 00:00:00",
            ended_at=f"{day} 23:59:59",
            medical_category=site.profile.codes.med_type["chronic"],
        )
    )


_BUILDERS: Mapping[str, Callable[[Settlement, Site], msgspec.Struct]] = {
    "2001": _benefit_check,
    "5301": _filings_query,
    "5201": _visit_query,
    "2201": _registration,
    "2202": _registration_withdrawal,
    "2203A": _visit_and_diagnosis,
    "2204": _fee_lines,
    "2205": _lines_withdrawal,
    "2206A": _clinic_quote,
    "2207A": _clinic_settlement,
    "2208": _cancellation,
    "1101": _person_query,
    "2101": _pharmacy_quote,
    "2102": _pharmacy_settlement,
    "2103": _cancellation,
    "2601": _reversal,
    "5203": _settlement_query,
}


# -- reading -------------------------------------------------------------------------------------


def _read_person(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, PersonOutput):
        raise Misfit("hub_answer_unusable", infno="1101")
    medium = _known_medium(settlement)
    if medium.certno and output.base.document_no and medium.certno != output.base.document_no:
        raise Misfit("another_person")
    insurance = output.active_insurance()
    if insurance is None:
        raise Misfit("not_insured_now")
    person = Person(
        psn_no=output.base.person_no,
        name=output.base.name,
        certno=output.base.document_no,
        cert_type=output.base.document_type or "01",
        insutype=insurance.insurance_type,
        psn_type=insurance.person_type,
        insured_division=insurance.insured_division,
        balance_fen=int(insurance.balance_fen or 0),
    )
    return _replace(settlement, person=person)


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
        funds=tuple(FundRow(fund.fund_pay_type, int(fund.paid_fen), fund.fund_name) for fund in output.funds),
        line_classes=_classes_by_line(settlement, output) or settlement.line_classes,
    )


def _classes_by_line(settlement: Settlement, output: PharmacyOutput | SettlementOutput) -> tuple[str, ...]:
    """One class for each of our lines in our order, whatever rows a pharmacy answer has; empty when it has none."""
    if isinstance(output, SettlementOutput) or not output.line_splits:
        return ()
    named = {line.line_no: line.catalogue_class for line in output.line_splits}
    return tuple(named.get(str(line.number), "") for line in settlement.lines)


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
    booking = _known_booking(settlement)
    try:
        split = cancellation_split(output.info, profile)
    except MoneyError as broken:
        raise Misfit("hub_amounts_broken") from broken
    if split != booking.split:
        raise Misfit("hub_amounts_broken")
    funds = tuple(FundRow(fund.fund_pay_type, -int(fund.paid_fen), fund.fund_name) for fund in output.funds)
    return _replace(settlement, cancellation=Booking(split=split, info=output.info, funds=funds))


# -- reading: the visit ----------------------------------------------------------------------------------


def _read_entitlement(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, BenefitCheckOutput):
        raise Misfit("hub_answer_unusable", infno="2001")
    if any(row.entitled == "1" for row in output.entitlements):
        return _replace(settlement, entitled=True)
    raise Misfit(
        "not_entitled", text="; ".join(row.reason for row in output.entitlements if row.reason) or "-"
    )


def _read_filings(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, ChronicQueryOutput):
        raise Misfit("hub_answer_unusable", infno="5301")
    filings = tuple(Filing(row.disease_code, row.disease_name) for row in output.filings)
    if not filings:
        raise Misfit("no_filing")
    return _replace(settlement, filings=filings)


def _read_registration(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, RegistrationOutput):
        raise Misfit("hub_answer_unusable", infno="2201")
    registered = output.registered
    if not registered.visit_id or registered.own_visit_no not in ("", settlement.own_visit_no):
        raise Misfit("hub_answer_unusable", infno="2201")
    return _replace(settlement, visit_id=registered.visit_id)


def _read_diagnosis(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    return _replace(settlement, diagnosed=True, past_diagnoses=())


def _read_charges(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, FeeLinesOutput):
        raise Misfit("hub_answer_unusable", infno="2204")
    classes = {split.line_no: split.catalogue_class for split in output.line_splits}
    ours = [_line_no(settlement, line) for line in settlement.lines]
    if len(output.line_splits) != len(ours) or classes.keys() != set(ours):
        raise Misfit("hub_answer_unusable", infno="2204")
    return _replace(settlement, charged=True, line_classes=tuple(classes[number] for number in ours))


def found_visit(settlement: Settlement, output: object) -> str:
    """Return the `mdtrt_id` that 5201 shows for our own visit number, or "" when it shows none."""
    if not isinstance(output, VisitQueryOutput):
        return ""
    for visit in output.visits:
        if visit.own_visit_no == settlement.own_visit_no:
            return visit.visit_id
    return ""


READERS: Mapping[str, Callable[[Settlement, object, Profile], Settlement]] = {
    "1101": _read_person,
    "2101": _read_quote,
    "2102": _read_settlement,
    "2103": _read_cancellation,
    "2001": _read_entitlement,
    "5301": _read_filings,
    "2201": _read_registration,
    "2203A": _read_diagnosis,
    "2204": _read_charges,
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
    if info.person_no and info.person_no != _known_person(settlement).psn_no:
        problems.append("person")
    if info.echoed_message_id and info.echoed_message_id != settlement.settle_msgid:
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


def shows_refund(settlement: Settlement, output: object) -> bool:
    """True when 5203 says that the settlement we know has been refunded."""
    if not isinstance(output, SettlementOutput):
        return False
    booking = _known_booking(settlement)
    return output.info.settlement_id == booking.info.settlement_id and output.info.refunded == "1"
