"""Before the money: what may be changed when, what a change takes back, and what each wish that does not fit is told."""

from typing import Any

import msgspec
import pytest

from terminal.core.events import (
    Abandoned,
    Confirmed,
    Decision,
    DiseasePicked,
    Event,
    HubSaid,
    LinesSet,
    MediumGiven,
    Misuse,
    QuoteAsked,
    Wake,
)
from terminal.core.states import State
from terminal.core.values import Disease, Filing, Move, Notice, RefundOf, Retry, Settlement
from terminal.core.visit import owing_stray_lines
from tests.terminal.core.samples import (
    CODE,
    LINE,
    MEDIUM,
    PERSON_NO,
    PROFILE,
    TO_PRICED,
    after,
    begun,
    decide,
    draft,
    good,
    person_output,
)
from tests.terminal.core.test_visit import DISEASE, visit

_replace = msgspec.structs.replace
OTHER = Disease("M03900", "高血压", "I10.x00", "原发性高血压")
PRICED = after(*TO_PRICED)
LINES = LinesSet((LINE,))
BESIDE = LinesSet((LINE,), (_replace(LINE, number=9),))
"""The same lines, and something sold beside the insurance."""


@pytest.mark.parametrize(
    ("settlement", "event", "code", "params"),
    [
        (draft(running="quote"), LINES, "busy", {}),
        (draft(running="quote"), QuoteAsked(), "busy", {}),
        (draft(running="quote"), Confirmed("T01"), "busy", {}),
        (draft(running="quote"), Abandoned("T01"), "busy", {}),
        (draft(state=State.ARMED), LINES, "not_open_for_changes", {"state": "ARMED"}),
        (draft(state=State.SENDING), BESIDE, "not_open_for_changes", {"state": "SENDING"}),
        (draft(state=State.SENDING), QuoteAsked(), "not_open_for_changes", {"state": "SENDING"}),
        (draft(state=State.SENDING), CODE, "not_open_for_changes", {"state": "SENDING"}),
        (draft(lines=(), medium=MEDIUM), QuoteAsked(), "no_lines", {}),
        (draft(), QuoteAsked(), "no_medium", {}),
        (draft(), Confirmed("T01"), "nothing_to_confirm", {"state": "DRAFT"}),
        (draft(state=State.SENDING), Abandoned("T01"), "too_late_to_abandon", {"state": "SENDING"}),
        (visit(filings=None), DiseasePicked(DISEASE), "filings_unknown", {}),
        (visit(filings=()), DiseasePicked(DISEASE), "filings_unknown", {}),
        (visit(), DiseasePicked(OTHER), "disease_not_filed", {}),
        (
            visit(filings=(Filing("M01600", "糖尿病", open_here=False),)),
            DiseasePicked(DISEASE),
            "disease_not_open",
            {},
        ),
        (visit(benefit="ordinary"), DiseasePicked(OTHER), "disease_not_asked", {}),
        (visit(visit_id="M1"), CODE, "visit_has_person", {}),
        (visit(unsure=("register",)), MediumGiven(MEDIUM), "visit_has_person", {}),
    ],
)
def test_a_wish_that_does_not_fit_is_told_why(
    settlement: Settlement, event: Event, code: str, params: dict[str, str]
) -> None:
    with pytest.raises(Misuse) as refused:
        decide(settlement, event)
    assert (refused.value.code, refused.value.params) == (code, params)


def test_a_visit_that_needs_no_filing_takes_a_diagnosis_without_a_filed_disease() -> None:
    cold = Disease("", "", "J06.900", "急性上呼吸道感染")
    picked = decide(visit(benefit="ordinary", disease=None, filings=None), DiseasePicked(cold))
    assert (picked.settlement.disease, picked.settlement.diagnosed) == (cold, False)
    assert begun(picked) == ["compose STEP 2201"]


def forgotten(decision: Decision) -> tuple[Any, ...]:
    """What of a person is still known."""
    known = decision.settlement
    return known.person, known.entitled, known.filings, known.disease, known.quote


def test_another_medium_forgets_the_person_and_the_quote() -> None:
    decision = decide(_replace(PRICED, tries=2, notice=Notice("x")), MediumGiven(MEDIUM))
    assert decision.moves == (Move(State.PRICED, State.DRAFT, "medium changed"),)
    assert forgotten(decision) == (None, False, None, None, None)
    assert (decision.settlement.tries, decision.settlement.notice, decision.settlement.medium) == (
        0,
        None,
        MEDIUM,
    )
    assert (begun(decision), decision.settlement.running) == (["ask 1101"], "identify")
    code = decide(PRICED, CODE)
    assert (code.settlement.code_mark, code.settlement.medium, begun(code)) == ("mark", None, ["decode"])
    assert forgotten(decide(visit(), MediumGiven(MEDIUM))) == (None, False, None, None, None)


def test_other_lines_take_back_the_quote_and_what_the_hub_has_of_them() -> None:
    decision = decide(PRICED, LINES)
    assert decision.moves == (Move(State.PRICED, State.DRAFT, "lines changed"),)
    assert (decision.settlement.quote, decision.effects, decision.durable) == (None, (), False)
    charged = decide(visit(visit_id="M1", diagnosed=True, charged=True), LINES).settlement
    assert (charged.charged, charged.unsure) == (False, ("charge",))
    assert decide(visit(visit_id="M1"), LINES).settlement.unsure == ()


def test_a_quote_asked_again_takes_the_old_one_back() -> None:
    again = decide(PRICED, QuoteAsked())
    assert again.moves == (Move(State.PRICED, State.DRAFT, "asked again"),)
    assert (again.settlement.quote, begun(again)) == (None, ["ask 2101"])
    assert begun(decide(draft(medium=MEDIUM, tries=2), QuoteAsked())) == ["ask 1101"]


@pytest.mark.parametrize(
    ("changes", "past"),
    [
        ({}, ()),
        ({"diagnosed": True}, (DISEASE,)),
        ({"unsure": ("diagnose",)}, (DISEASE,)),
        ({"disease": None, "diagnosed": True}, ()),
    ],
)
def test_another_disease_remembers_a_diagnosis_the_hub_may_have_heard_of(
    changes: dict[str, Any], past: tuple[Disease, ...]
) -> None:
    before = visit(visit_id="M1", filings=(Filing("M01600", "糖尿病"), Filing("M03900", "高血压")), **changes)
    decision = decide(before, DiseasePicked(OTHER))
    assert (decision.settlement.disease, decision.settlement.diagnosed) == (OTHER, False)
    assert decision.settlement.past_diagnoses == past
    assert begun(decision) == ["compose STEP 2203A"]


def test_giving_up_forgets_the_medium_and_says_which_sale_it_was() -> None:
    for refund_of, code in (
        (None, "abandoned"),
        (RefundOf("S0", 1, "H0", PERSON_NO), "refund_rest_abandoned"),
    ):
        decision = decide(_replace(PRICED, refund_of=refund_of), Abandoned("T01"))
        assert decision.moves == (Move(State.PRICED, State.ABANDONED, "given up"),)
        assert decision.settlement.notice == Notice(code)
        assert (decision.settlement.medium, decision.settlement.code, decision.durable) == (None, None, True)


def test_a_settled_visit_withdraws_lost_lines_once_after_the_quiet_time() -> None:
    settled = visit(state=State.CONFIRMED, stray_lines=True, tries=3, quiet_stage=2, refusals=1)
    decision = owing_stray_lines(Decision(settled, durable=True, leave_queue=True), PROFILE)
    after_it = decision.settlement
    assert (after_it.owed, after_it.tries, after_it.quiet_stage, after_it.refusals) == (("2205",), 0, 0, 0)
    assert decision.retry == Retry(0, 120.0, 0.0, "stray lines", 0)
    assert (decision.effects, decision.leave_queue, decision.durable) == ((Wake(),), False, True)
    plain = Decision(visit(state=State.CONFIRMED))
    assert owing_stray_lines(plain, PROFILE) is plain


def test_what_is_sold_beside_the_insurance_leaves_the_quote_as_it_is_and_other_lines_do_not() -> None:
    beside = decide(PRICED, BESIDE)
    assert beside.settlement == _replace(PRICED, self_pay=BESIDE.self_pay)
    assert not beside.durable
    other = decide(PRICED, LinesSet((LINE, _replace(LINE, number=2)), BESIDE.self_pay))
    assert (other.settlement.state, other.settlement.quote) == (State.DRAFT, None)
    assert other.settlement.self_pay == BESIDE.self_pay


def test_that_this_institution_is_not_networked_is_kept_as_the_reason() -> None:
    dual = after(*TO_PRICED[:2], start=draft(benefit="dual_channel", local_only=True, division="989900"))
    told = decide(dual, HubSaid("1101", good(person_output()))).settlement
    assert told.refusal == told.notice
    assert told.refusal is not None
    assert told.refusal.code == "not_networked"


@pytest.mark.parametrize("status", ["2", "4"], ids=["paused", "ended"])
def test_that_somebody_is_not_insured_now_is_kept_as_the_reason(status: str) -> None:
    told = decide(after(*TO_PRICED[:2]), HubSaid("1101", good(person_output(status=status)))).settlement
    assert told.refusal == told.notice == Notice("not_insured_now")


def test_that_another_enrolment_was_asked_for_is_a_mistake_of_the_desk_and_no_refusal() -> None:
    """Nothing is printed for the person: 310 is in force, 390 was asked for."""
    asked = _replace(after(*TO_PRICED[:2]), asked_insutype="390")
    told = decide(asked, HubSaid("1101", good(person_output()))).settlement
    assert told.notice == Notice("not_insured_so", {"asked": "390", "others": "310"})
    assert told.refusal is None
