"""What the messages of the hub's review say, and what its answer means (3101, 3102, 3103)."""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import UNSET

from protocols.hub.profile import Profile
from protocols.hub.profile_sections import ReviewedKind
from protocols.hub.review import (
    NOTHING,
    Answer,
    Diagnosed,
    Feedback,
    FeedbackInput,
    Found,
    Order,
    OrderUse,
    Patient,
    ReviewedVisit,
    ReviewInput,
    ReviewOutput,
    ReviewRequest,
)
from protocols.money import Fen
from terminal.core.benefits import med_type_of
from terminal.core.flows import CLINIC_VISIT
from terminal.core.message_parts import Misfit, Site, known_person, total_fen
from terminal.core.values import ChargeLine, Finding, Notice, Review, Settlement

_replace = msgspec.structs.replace
_KINDS: Mapping[str, tuple[str, str]] = {
    "X": ("101", "09"),  # western drug
    "Z": ("101", "11"),  # patent drug
    "T": ("102", "10"),  # pieces
    "C": ("301", "08"),  # consumable
}
"""First letter of the national code to `list_type` and `med_chrgitm_type` (dictionaries 6.12)."""
_SERVICE = ("201", "14")


def _review(settlement: Settlement, site: Site) -> msgspec.Struct:
    person = known_person(settlement)
    patient = Patient(
        id=person.psn_no,
        name=person.name,
        sex=person.sex or "0",
        birth_date=person.birth_date,
        insured_division=person.insured_division,
        visit_id=_visit_id(settlement),
        visits=(_visit(settlement, site),),
    )
    kind: ReviewedKind = "clinic" if settlement.flow == CLINIC_VISIT.name else "pharmacy"
    scene = site.profile.review.scene.get(kind, UNSET)
    return ReviewInput(request=ReviewRequest(patients=(patient,), scene=scene))


def _visit_id(settlement: Settlement) -> str:
    """The hub's number of the visit; a purchase has none before it is settled and goes by our own."""
    return settlement.visit_id or settlement.id


def _visit(settlement: Settlement, site: Site) -> ReviewedVisit:
    profile, desk, disease = site.profile, site.desk, settlement.disease
    person, day = known_person(settlement), settlement.began_at[:10]
    in_clinic = settlement.flow == CLINIC_VISIT.name
    diagnoses: tuple[Diagnosed, ...] = ()
    if disease is not None:
        code, name = disease.diagnosis_code, disease.diagnosis_name
        diagnoses = (Diagnosed(id=f"{_visit_id(settlement)}-1", code=code, name=name, diagnosed_on=day),)
    return ReviewedVisit(
        id=_visit_id(settlement),
        institution_code=site.institution_code,
        institution_name=site.institution_name,
        institution_division=site.division,
        institution_kind="2" if site.institution_code.startswith("P") else "1",
        institution_grade=site.institution_grade,
        began_on=day,
        ended_on=day,
        main_disease_code=diagnoses[0].code if diagnoses else NOTHING,
        main_disease_name=diagnoses[0].name if diagnoses else NOTHING,
        diagnoses=diagnoses,
        doctor_code=desk.doctor_code or NOTHING,
        department_code=desk.department_code or NOTHING,
        department_name=desk.department_name or NOTHING,
        last_department_code=desk.department_code or NOTHING,
        last_department_name=desk.department_name or NOTHING,
        kind="1" if in_clinic else "3",
        medical_category=med_type_of(settlement, profile),
        orders=tuple(_order(line, settlement, day, site) for line in settlement.lines),
        total_fen=total_fen(settlement),
        insurance_type=person.insutype,
        is_far="0" if profile.is_local(site.division, person.insured_division) else "1",
    )


def _order(line: ChargeLine, settlement: Settlement, day: str, site: Site) -> Order:
    list_type, charge_type = _KINDS.get(line.national_code[:1], _SERVICE)
    desk, prescription = site.desk, settlement.prescription
    use = OrderUse(
        days=str(line.days) if line.days else UNSET,
        single_dose=line.single_dose or UNSET,
        frequency=line.frequency or UNSET,
    )
    return Order(
        id=str(line.number),
        prescription_no=NOTHING if prescription is None else prescription.number,
        list_type=list_type,
        charge_type=charge_type,
        catalogue_code=line.national_code,
        catalogue_name=line.name,
        catalogue_price=line.price,
        own_code=line.own_code,
        own_name=line.name,
        quantity=line.quantity,
        price=line.price,
        amount_fen=Fen(line.amount_fen),
        spec=line.spec or NOTHING,
        began_on=day,
        department_code=desk.department_code or NOTHING,
        department_name=desk.department_name or NOTHING,
        doctor_code=desk.doctor_code or NOTHING,
        doctor_name=desk.doctor_name or NOTHING,
        use=UNSET if use == OrderUse() else use,
    )


def _feedback(settlement: Settlement, site: Site) -> msgspec.Struct:
    review = settlement.review
    if review is None:
        raise AssertionError("no review")
    answers = tuple(
        Answer(finding_id=finding.id, way=review.way, reason=review.reason) for finding in review.findings
    )
    during = site.profile.review.before_quote == "3102"
    return FeedbackInput(feedback=Feedback(kind="2" if during else "1", answers=answers))


BUILDERS: Mapping[str, Callable[[Settlement, Site], msgspec.Struct]] = {"3101": _review, "3103": _feedback}


def _read_review(settlement: Settlement, output: object, profile: Profile) -> Settlement:
    if not isinstance(output, ReviewOutput):
        raise Misfit("hub_answer_unusable", infno=profile.wire_number("3101"))
    numbers = {str(line.number): line.number for line in settlement.lines}
    findings = tuple(_finding(row, numbers, profile) for row in output.findings)
    notice = Notice("review_found", {"count": str(len(findings))}) if findings else None
    return _replace(settlement, review=Review(is_answered=True, findings=findings), notice=notice)


def _finding(row: Found, numbers: Mapping[str, int], profile: Profile) -> Finding:
    return Finding(
        id=row.id,
        rule=row.rule_id,
        name=row.rule_name,
        text=row.text,
        severity=row.severity,
        amount_fen=int(row.amount_fen or 0),
        lines=tuple(dict.fromkeys(numbers[line.order_id] for line in row.lines if line.order_id in numbers)),
        blocks=row.severity in profile.review.blocking,
    )


READERS: Mapping[str, Callable[[Settlement, object, Profile], Settlement]] = {"3101": _read_review}
