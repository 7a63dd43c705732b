"""What each message of a clinic visit says, and what its answer means: the visit half of the two tables of `messages`."""

from collections.abc import Callable, Mapping

import msgspec

from protocols.hub.blocks import Block, TraceCode, spelled
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
from protocols.hub.person import BenefitCheck, BenefitCheckInput, BenefitCheckOutput
from protocols.hub.profile import Profile
from protocols.hub.queries import (
    ChronicQuery,
    ChronicQueryInput,
    ChronicQueryOutput,
    VisitQuery,
    VisitQueryInput,
    VisitQueryOutput,
)
from protocols.money import Fen
from terminal.core.benefits import benefit_of, is_disease_open, med_type_of
from terminal.core.message_parts import (
    Misfit,
    Site,
    account_flag,
    known_medium,
    known_person,
    shares_by_line,
    total_fen,
)
from terminal.core.values import ChargeLine, Disease, Filing, Settlement

_replace = msgspec.structs.replace

EPIDEMIC = "1"
"""`MDTRT_GRP_TYPE` of a visit for an epidemic (2206, 2207): confirmed case."""
TWO_DISEASES = {"M03900": "高血压", "M01600": "糖尿病"}
"""The two of the two-disease benefit (两病), by the code of the same chronic disease."""


# -- building ------------------------------------------------------------------------------------


def _known_disease(settlement: Settlement) -> Disease:
    if settlement.disease is None:
        raise AssertionError("no disease picked")
    return settlement.disease


def _wire_code(settlement: Settlement, code: str, profile: Profile) -> str:
    """A disease as the wire names it: the two-diseases scheme may have codes of its own (K86)."""
    return profile.two_disease_code(code) if benefit_of(settlement) == "two_disease" else code


def charge_batch(settlement: Settlement) -> str:
    """Return `chrg_bchno` of the present batch: our visit number and a count, never used twice."""
    return f"{settlement.own_visit_no}{settlement.batch:03d}"


def _line_no(settlement: Settlement, line: ChargeLine) -> str:
    """Return `feedetl_sn` of a line: the batch and the line's own number, so that no two uploads share one."""
    return f"{charge_batch(settlement)}{line.number:03d}"


def _extended(block: Block, settlement: Settlement, site: Site, infno: str) -> Block:
    """The block with its extension: what another province asks besides, and the mark of an epidemic.

    The visits of this flow are no injuries (`TRUM_FLAG` 0); an emergency of somebody from elsewhere is marked as one.
    """
    insured = known_person(settlement).insured_division
    is_far = bool(insured) and insured[:2] != site.division[:2]
    members = {}
    if is_far and site.profile.form.area_keys:
        members["TRUM_FLAG"] = "0"
        if benefit_of(settlement) == "emergency":
            members["OTP_ER_REFL_FLAG"] = "1"
    if settlement.epidemic and infno != "2203A":
        members["MDTRT_GRP_TYPE"] = EPIDEMIC
    text = msgspec.json.encode(members).decode() if members else ""
    return spelled(block, site.profile, infno, text)


def _benefit_check(settlement: Settlement, site: Site) -> msgspec.Struct:
    person = known_person(settlement)
    asked = settlement.asked_disease if benefit_of(settlement) == "two_disease" else ""
    check = BenefitCheck(
        person_no=person.psn_no,
        insurance_type=person.insutype,
        institution_code=site.institution_code,
        medical_category=med_type_of(settlement, site.profile),
        began_at=settlement.began_at,
        disease_code=_wire_code(settlement, asked, site.profile),
    )
    return BenefitCheckInput(check=spelled(check, site.profile, "2001"))


def _filings_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    return ChronicQueryInput(query=ChronicQuery(person_no=known_person(settlement).psn_no))


def _registration(settlement: Settlement, site: Site) -> msgspec.Struct:
    person, medium, desk = known_person(settlement), known_medium(settlement), site.desk
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
        person_no=known_person(settlement).psn_no,
        visit_id=settlement.visit_id,
        own_visit_no=settlement.own_visit_no,
    )
    return RegistrationWithdrawalInput(withdrawal=spelled(withdrawal, site.profile, "2202"))


def _visit_and_diagnosis(settlement: Settlement, site: Site) -> msgspec.Struct:
    """The picked disease with its diagnosis; diagnoses told before and replaced go along as no longer valid."""
    disease, desk = _known_disease(settlement), site.desk
    visit = VisitInfo(
        visit_id=settlement.visit_id,
        person_no=known_person(settlement).psn_no,
        medical_category=med_type_of(settlement, site.profile),
        began_at=settlement.began_at,
        main_complaint=disease.diagnosis_name,
        disease_code=_wire_code(settlement, disease.code, site.profile),
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
    return VisitInput(visit=_extended(visit, settlement, site, "2203A"), diagnoses=diagnoses)


def _fee_lines(settlement: Settlement, site: Site) -> msgspec.Struct:
    disease, desk, batch = _known_disease(settlement), site.desk, charge_batch(settlement)
    return FeeLinesInput(
        lines=tuple(
            spelled(
                FeeLine(
                    line_no=_line_no(settlement, line),
                    visit_id=settlement.visit_id,
                    person_no=known_person(settlement).psn_no,
                    charge_batch=batch,
                    disease_code=_wire_code(settlement, disease.code, site.profile),
                    occurred_at=settlement.began_at,
                    catalogue_code=line.national_code,
                    own_code=line.own_code,
                    amount_fen=Fen(line.amount_fen),
                    quantity=line.quantity,
                    price=line.price,
                    approval="1" if line.indication else "0",
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
        person_no=known_person(settlement).psn_no,
    )
    return LinesWithdrawalInput(withdrawal=spelled(withdrawal, site.profile, "2205"))


def _clinic_quote(settlement: Settlement, site: Site) -> msgspec.Struct:
    person, medium = known_person(settlement), known_medium(settlement)
    quote = ClinicQuote(
        person_no=person.psn_no,
        medium_type=medium.kind,
        medium_no=medium.number,
        medical_category=med_type_of(settlement, site.profile),
        total_fen=total_fen(settlement),
        visit_id=settlement.visit_id,
        charge_batch=charge_batch(settlement),
        insurance_type=person.insutype,
        account_used=account_flag(settlement, site.profile),
    )
    if site.profile.form.identity_fields == "required":
        quote = _replace(
            quote,
            card_sn=medium.card_sn,
            document_type=person.cert_type,
            document_no=person.certno,
            person_type=person.psn_type,
            name=person.name,
        )
    return ClinicQuoteInput(quote=_extended(quote, settlement, site, "2206A"))


def _clinic_settlement(settlement: Settlement, site: Site) -> msgspec.Struct:
    """As the quote, with the four amounts of its answer, which the hub compares with its own (K45)."""
    person, medium = known_person(settlement), known_medium(settlement)
    if settlement.quote is None:
        raise AssertionError("no quote")
    info, batch = settlement.quote.info, charge_batch(settlement)
    content = ClinicSettlement(
        person_no=person.psn_no,
        medium_type=medium.kind,
        medium_no=medium.number,
        medical_category=med_type_of(settlement, site.profile),
        total_fen=total_fen(settlement),
        visit_id=settlement.visit_id,
        charge_batch=batch,
        insurance_type=person.insutype,
        account_used=account_flag(settlement, site.profile),
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
    if site.profile.form.identity_fields == "required":
        content = _replace(
            content, card_sn=medium.card_sn, document_type=person.cert_type, document_no=person.certno
        )
    message = ClinicSettlementInput(settlement=_extended(content, settlement, site, "2207A"))
    return _replace(message, drug_trac_info=codes) if codes else message


def _visit_query(settlement: Settlement, site: Site) -> msgspec.Struct:
    """5201 for this person and the day the visit began; the answer is searched for our own visit number."""
    day = settlement.began_at[:10]
    return VisitQueryInput(
        query=VisitQuery(
            person_no=known_person(settlement).psn_no,
            began_at=f"{day} 00:00:00",
            ended_at=f"{day} 23:59:59",
            medical_category=med_type_of(settlement, site.profile),
        )
    )


BUILDERS: Mapping[str, Callable[[Settlement, Site], msgspec.Struct]] = {
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
}
"""How the messages of a visit are filled."""


# -- reading -------------------------------------------------------------------------------------


def _read_entitlement(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, BenefitCheckOutput):
        raise Misfit("hub_answer_unusable", infno="2001")
    if any(row.entitled == "1" for row in output.entitlements):
        # Nothing lists two-disease registrations: that 2001 says yes for the disease is the registration (K28).
        asked = (Filing(settlement.asked_disease, TWO_DISEASES.get(settlement.asked_disease, "")),)
        filings = asked if benefit_of(settlement) == "two_disease" else settlement.filings
        return _replace(settlement, entitled=True, filings=filings)
    raise Misfit(
        "not_entitled", text="; ".join(row.reason for row in output.entitlements if row.reason) or "-"
    )


def _read_filings(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, ChronicQueryOutput):
        raise Misfit("hub_answer_unusable", infno="5301")
    filings = tuple(
        Filing(
            row.disease_code,
            row.disease_name,
            row.began_on,
            row.ended_on,
            is_disease_open(settlement, row.disease_code, profile),
        )
        for row in output.filings
    )
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
    splits = {split.line_no: split for split in output.line_splits}
    ours = [_line_no(settlement, line) for line in settlement.lines]
    if len(output.line_splits) != len(ours) or splits.keys() != set(ours):
        raise Misfit("hub_answer_unusable", infno="2204")
    return _replace(
        settlement,
        charged=True,
        line_classes=tuple(splits[number].catalogue_class for number in ours),
        line_shares=shares_by_line(splits, ours),
    )


def found_visit(settlement: Settlement, output: object) -> str:
    """Return the `mdtrt_id` that 5201 shows for our own visit number, or "" when it shows none."""
    if not isinstance(output, VisitQueryOutput):
        return ""
    for visit in output.visits:
        if visit.own_visit_no == settlement.own_visit_no:
            return visit.visit_id
    return ""


READERS: Mapping[str, Callable[[Settlement, object, Profile], Settlement]] = {
    "2001": _read_entitlement,
    "5301": _read_filings,
    "2201": _read_registration,
    "2203A": _read_diagnosis,
    "2204": _read_charges,
}
"""How the answers of a visit's own steps are read; its quote and settlement are read like a purchase's."""
