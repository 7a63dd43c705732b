"""The review before the quote, answer by answer: what waits for the operator, what is written, what is told to the hub."""

from typing import Any

import msgspec
import pytest

from protocols.hub import wire
from protocols.hub.review import CARRY_ON, GO_BACK, FindingLine, Found, ReviewOutput
from protocols.money import Fen
from protocols.secret import Secret
from terminal.core.events import (
    Abandoned,
    Composed,
    ComposeFailed,
    Confirmed,
    Decision,
    Event,
    HubSaid,
    MediumGiven,
    Misuse,
    PrescriptionTaken,
    QuoteAsked,
    Restarted,
    ReviewAnswered,
)
from terminal.core.messages import build
from terminal.core.states import State
from terminal.core.values import Finding, PrescribedDrug, Prescription, Review, Settlement
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.terminal.core.samples import (
    CHANGED_LINES,
    CODE,
    DECODED,
    IDENTIFIED,
    LINE,
    MEDIUM,
    NOTHING_PROVED,
    PERSON_NO,
    PROFILE,
    QUOTED,
    REFUSED,
    SILENT,
    TO_PRICED,
    UNSENT,
    after,
    begun,
    draft,
    good,
    notice_of,
)
from tests.terminal.core.samples import decide as decided
from tests.terminal.core.test_building import SITE
from tests.terminal.core.test_visit import visit

_replace = msgspec.structs.replace
FOUND = Found(
    id="JR1", rule_id="R67-01", rule_name="超量", text="40 天", severity="2", amount_fen=Fen(3750),
    lines=(FindingLine(id="JR1-1", order_id="1"), FindingLine(id="JR1-2", order_id="9")),
)  # fmt: skip
NOTHING = HubSaid("3101", good(ReviewOutput()))
WARNED = HubSaid("3101", good(ReviewOutput(result=(FOUND,))))
GO_ON = ReviewAnswered(CARRY_ON, "长期出差", "T02")
BACK = ReviewAnswered(GO_BACK, "", "T02")
COMPOSED = Composed("STEP", "3103", "M-3103", "key", b'{"infno":"3103"}')
TOLD = HubSaid("3103", good({}))
TAKEN = PrescriptionTaken(
    Prescription("RX1", (PrescribedDrug(LINE.national_code, LINE.name, LINE.quantity),), "Y01"), PERSON_NO
)
TO_REVIEW: tuple[Event, ...] = (CODE, DECODED, IDENTIFIED)


def sale(*events: Event) -> Settlement:
    """A sale of a profile that reviews, after these events behind the identification."""
    return after(*TO_REVIEW, *events, start=draft(review=Review()))


def reviewed(settlement: Settlement) -> Any:
    """What the hub's review is told of the purchase."""
    content, _ = build("3101", settlement, SITE)
    return msgspec.json.decode(wire.encode(content))["data"]["patient_dtos"][0]["fsi_encounter_dtos"][0]


def decide(settlement: Settlement, event: Event) -> Decision:
    """What the core decides; the settlement survives being written down and read."""
    decision = decided(settlement, event)
    stored = decode_sheet(encode_sheet(decision.settlement))
    assert stored.review == decision.settlement.review
    return decision


def test_the_review_is_asked_before_the_quote_and_a_clean_one_goes_on_by_itself() -> None:
    identified = decided(after(*TO_REVIEW[:2], start=draft(review=Review())), TO_REVIEW[2])
    assert begun(identified) == ["ask 3101"]
    assert begun(decide(identified.settlement, NOTHING)) == ["ask 2101"]


def test_a_sale_without_review_is_quoted_at_once() -> None:
    assert begun(decided(after(*TO_REVIEW[:2]), TO_REVIEW[2])) == ["ask 2101"]


def test_findings_wait_for_the_operator_with_number_words_and_lines() -> None:
    warned = decide(sale(), WARNED)
    assert begun(warned) == []
    assert (warned.settlement.state, notice_of(warned.settlement)) == (State.DRAFT, "review_found")
    assert warned.settlement.review == Review(
        is_answered=True, findings=(Finding("JR1", "R67-01", "超量", "40 天", "2", 3750, (1,)),)
    )
    with pytest.raises(Misuse, match="review_unanswered"):
        decide(warned.settlement, QuoteAsked())


def test_carrying_on_is_on_disk_with_its_reason_then_told_and_then_quoted() -> None:
    answered = decide(sale(WARNED), GO_ON)
    assert (answered.durable, begun(answered)) == (True, ["compose STEP 3103"])
    review = answered.settlement.review
    assert review is not None
    assert (review.way, review.reason, review.operator) == ("1", "长期出差", "T02")
    sent = decide(answered.settlement, COMPOSED)
    assert (sent.durable, begun(sent)) == (True, ["transmit 3103"])
    assert sent.sent is not None
    assert (sent.sent.purpose, sent.sent.infno) == ("STEP", "3103")
    told = decide(sent.settlement, TOLD)
    assert (told.durable, begun(told)) == (True, ["ask 2101"])
    assert told.ended is not None
    assert (told.ended.state, told.ended.verdict) == ("ANSWERED", "done")
    assert decide(told.settlement, QUOTED).settlement.state is State.PRICED


def test_the_feedback_names_every_finding_with_way_and_reason() -> None:
    answered = decide(sale(WARNED), GO_ON).settlement
    content, division = build("3103", answered, SITE)
    assert division == "999900"
    assert msgspec.json.decode(wire.encode(content)) == {
        "data": {
            "warn_type": "1",
            "warns": [{"warn_rslt_id": "JR1", "dspo_way": "1", "dspo_way_rea": "长期出差"}],
        }
    }


def test_going_back_is_told_and_then_the_changed_sheet_is_reviewed_anew() -> None:
    told = decide(sale(WARNED, BACK, COMPOSED), TOLD)
    assert (begun(told), notice_of(told.settlement)) == ([], "review_change")
    assert told.settlement.review == Review()
    assert begun(decide(after(CHANGED_LINES, start=told.settlement), QuoteAsked())) == ["ask 3101"]


def test_changed_lines_are_going_back_and_are_told_before_the_next_review() -> None:
    changed = decide(sale(WARNED), CHANGED_LINES)
    assert begun(changed) == []
    asked = decide(changed.settlement, QuoteAsked())
    assert begun(asked) == ["compose STEP 3103"]
    assert asked.settlement.review is not None
    assert (asked.settlement.review.way, asked.settlement.review.reason) == ("2", "")
    assert begun(decide(after(COMPOSED, start=asked.settlement), TOLD)) == ["ask 3101"]


def test_lines_changed_after_the_feedback_are_reviewed_anew() -> None:
    quoted = sale(WARNED, GO_ON, COMPOSED, TOLD, QUOTED)
    assert begun(decide(after(CHANGED_LINES, start=quoted), QuoteAsked())) == ["ask 3101"]


def test_another_person_is_reviewed_anew_and_nothing_is_told_of_the_first() -> None:
    other = decide(sale(WARNED), MediumGiven(MEDIUM))
    assert (begun(other), other.settlement.review) == (["ask 1101"], Review())


def test_a_prescription_taken_after_the_review_is_reviewed_with_its_number() -> None:
    """Where a prescription drug without one may not be carried on with, nothing else would let the sale go on."""
    waiting = decide(sale(WARNED), TAKEN)
    assert begun(waiting) == ["compose STEP 3103"]
    assert waiting.settlement.review is not None
    assert waiting.settlement.review.way == GO_BACK
    asked = decide(after(COMPOSED, start=waiting.settlement), TOLD)
    assert begun(asked) == ["ask 3101"]
    assert reviewed(asked.settlement)["fsi_order_dtos"][0]["rxno"] == "RX1"
    assert begun(decide(sale(NOTHING, QUOTED), TAKEN)) == ["ask 3101"]
    assert begun(decided(after(*TO_PRICED), TAKEN)) == ["ask 2101"]


def test_a_prescription_is_not_taken_for_somebody_who_came_while_the_centre_was_asked() -> None:
    with pytest.raises(Misuse, match="prescription_person"):
        decided(after(*TO_PRICED), _replace(TAKEN, person_no=Secret("99990000000000000002")))


@pytest.mark.parametrize(("benefit", "med_type"), [("", "41"), ("pharmacy", "41"), ("dual_channel", "9904")])
def test_the_review_hears_of_the_kind_of_benefit_and_of_no_prescription(benefit: str, med_type: str) -> None:
    told = reviewed(_replace(sale(), benefit=benefit))
    assert (told["med_type"], told["fsi_order_dtos"][0]["rxno"]) == (med_type, "无")


def test_the_review_of_a_visit_hears_of_its_diagnosis_and_that_of_a_purchase_of_none() -> None:
    told = reviewed(visit(visit_id="M1", review=Review()))
    assert (told["mdtrt_id"], told["dscg_main_dise_codg"], told["dscg_main_dise_name"]) == (
        "M1",
        "E11.900",
        "2型糖尿病",
    )
    (diagnosis,) = told["fsi_diagnose_dtos"]
    assert (diagnosis["dise_id"], diagnosis["dise_codg"]) == ("M1-1", "E11.900")
    purchase = reviewed(sale())
    assert (purchase["mdtrt_id"], purchase["dscg_main_dise_codg"]) == ("S1", "无")
    assert not purchase.get("fsi_diagnose_dtos")


@pytest.mark.parametrize("heard", [REFUSED, UNSENT, *NOTHING_PROVED, good("something else")])
def test_a_review_in_vain_can_be_asked_again_or_gone_without_for_a_reason(heard: Any) -> None:
    failed = decide(sale(), HubSaid("3101", heard)).settlement
    assert failed.review == Review(failed=True)
    assert begun(decide(failed, QuoteAsked())) == ["ask 3101"]
    for wrong, code in (
        (ReviewAnswered(CARRY_ON, "", "T02"), "review_needs_reason"),
        (BACK, "nothing_to_review"),
    ):
        with pytest.raises(Misuse, match=code):
            decide(failed, wrong)
    gone_on = decide(failed, GO_ON)
    assert (gone_on.durable, begun(gone_on)) == (True, ["ask 2101"])


def test_feedback_without_answer_follows_itself_up_once_and_then_waits_for_a_person() -> None:
    sent = sale(WARNED, GO_ON, COMPOSED)
    first = decide(sent, HubSaid("3103", SILENT))
    assert (first.durable, begun(first)) == (True, ["compose STEP 3103"])
    second = decide(after(COMPOSED, start=first.settlement), HubSaid("3103", SILENT))
    assert (begun(second), notice_of(second.settlement)) == ([], "review_feedback_unknown")
    assert begun(decide(second.settlement, QuoteAsked())) == ["compose STEP 3103"]


def silence_to_the_end(*answer: Event) -> Decision:
    """Three times 3103 without an answer: twice by itself, once more for the person's next wish."""
    twice = after(
        COMPOSED, HubSaid("3103", SILENT), COMPOSED, HubSaid("3103", SILENT), start=sale(WARNED, *answer)
    )
    asked = decide(twice, QuoteAsked())
    assert begun(asked) == ["compose STEP 3103"]
    return decide(after(COMPOSED, start=asked.settlement), HubSaid("3103", SILENT))


def test_feedback_that_is_never_answered_ends_and_the_sale_goes_on() -> None:
    over = silence_to_the_end(GO_ON)
    assert (over.durable, begun(over), notice_of(over.settlement)) == (
        True,
        ["ask 2101"],
        "review_feedback_lost",
    )
    assert over.ended is not None
    assert (over.ended.state, over.settlement.state) == ("UNKNOWN", State.DRAFT)
    review = over.settlement.review
    assert review is not None
    assert (review.reason, review.told, review.unanswered) == ("长期出差", True, 3)
    priced = decide(over.settlement, QUOTED).settlement
    assert priced.state is State.PRICED
    assert begun(decide(priced, QuoteAsked())) == ["ask 2101"], "it is not told again"


def test_going_back_that_is_never_confirmed_lets_the_goods_be_changed_and_reviewed_anew() -> None:
    over = silence_to_the_end(BACK)
    assert (begun(over), notice_of(over.settlement)) == ([], "review_feedback_lost")
    assert over.settlement.review == Review()
    assert begun(decide(after(CHANGED_LINES, start=over.settlement), QuoteAsked())) == ["ask 3101"]


def test_feedback_that_this_hub_has_no_room_for_is_given_up() -> None:
    """`jr_id` may be 50 long, `warn_rslt_id` 40."""
    never = decide(sale(WARNED, GO_ON), ComposeFailed("STEP", "field_too_long", {"field": "warn_rslt_id"}))
    assert (never.durable, begun(never)) == (True, ["ask 2101"])
    assert notice_of(never.settlement) == "review_feedback_lost"


def test_feedback_that_never_left_waits_and_is_made_again() -> None:
    unsent = decide(sale(WARNED, GO_ON, COMPOSED), HubSaid("3103", UNSENT))
    assert unsent.ended is not None
    assert (unsent.ended.state, notice_of(unsent.settlement)) == ("UNSENT", "hub_not_reached")
    assert begun(decide(unsent.settlement, QuoteAsked())) == ["compose STEP 3103"]


def test_feedback_that_is_refused_holds_nobody_up_and_is_told() -> None:
    refused = decide(sale(WARNED, GO_ON, COMPOSED), HubSaid("3103", REFUSED))
    assert begun(refused) == ["ask 2101"]
    assert notice_of(refused.settlement) == "review_not_taken"
    back = decide(sale(WARNED, BACK, COMPOSED), HubSaid("3103", REFUSED)).settlement
    assert (back.review, notice_of(back)) == (Review(), "review_not_taken")


def test_what_blocks_cannot_be_carried_on_with() -> None:
    warned = sale(WARNED)
    assert warned.review is not None
    blocked = _replace(
        warned, review=_replace(warned.review, findings=(_replace(warned.review.findings[0], blocks=True),))
    )
    with pytest.raises(Misuse, match="review_blocks") as misuse:
        decide(blocked, GO_ON)
    assert misuse.value.params == {"rules": "R67-01"}
    assert begun(decide(blocked, BACK)) == ["compose STEP 3103"]


def test_there_is_nothing_to_answer_before_after_and_without_a_review() -> None:
    for settlement in (draft(), sale(), sale(NOTHING, QUOTED), sale(WARNED, GO_ON, COMPOSED, TOLD, QUOTED)):
        with pytest.raises(Misuse, match=r"busy|nothing_to_review"):
            decide(settlement, GO_ON)


def test_a_restart_gives_the_sale_up_and_owes_nothing() -> None:
    over = decide(sale(WARNED, GO_ON, COMPOSED), Restarted())
    assert over.settlement.state is State.ABANDONED
    assert over.ended is not None
    assert (over.ended.state, over.settlement.owed) == ("UNKNOWN", ())
    assert PROFILE.review.before_quote == "none"


EVENTS: tuple[Event, ...] = (
    NOTHING, WARNED, HubSaid("3101", SILENT), HubSaid("3101", REFUSED), GO_ON, BACK, ReviewAnswered(CARRY_ON, "", "T02"), COMPOSED,
    ComposeFailed("STEP", "key_locked"), ComposeFailed("STEP", "field_too_long"),
    TOLD, HubSaid("3103", REFUSED), HubSaid("3103", SILENT), HubSaid("3103", UNSENT),
    CHANGED_LINES, QuoteAsked(), MediumGiven(MEDIUM), IDENTIFIED, QUOTED, Restarted(), Abandoned("T01"), Confirmed("T01"),
)  # fmt: skip


def kind(settlement: Settlement) -> tuple[object, ...]:
    """What makes two reviewed sales different for the rules."""
    told = settlement.quote is None, settlement.person is None, settlement.medium is None
    return (
        settlement.state,
        settlement.running,
        settlement.review,
        settlement.in_flight,
        min(settlement.tries, 2),
        told,
    )


def test_wherever_a_reviewed_sale_can_get_nothing_is_quoted_unreviewed_and_nothing_leaves_unwritten() -> None:
    """Every event in every state that these events lead to: decided, or refused as misuse."""
    waiting, seen, asked = [sale()], {kind(sale())}, 0
    while waiting:
        settlement = waiting.pop()
        for event in EVENTS:
            if isinstance(event, ComposeFailed) and settlement.in_flight:
                continue  # it has been composed
            before = decode_sheet(encode_sheet(settlement)) if isinstance(event, Restarted) else settlement
            try:
                decision = decide(before, event)
            except Misuse:
                continue
            review, begins = decision.settlement.review, begun(decision)
            assert review is not None
            if "ask 2101" in begins:
                asked += 1
                assert review.is_answered
                assert not review.findings or (review.way == CARRY_ON and review.told), (settlement, event)
            if "transmit 3103" in begins:
                assert decision.durable
                assert decision.sent is not None
            if settlement.in_flight and not decision.settlement.in_flight:
                assert decision.ended is not None, (settlement, event)
            if kind(decision.settlement) not in seen:
                seen.add(kind(decision.settlement))
                waiting.append(decision.settlement)
    assert asked >= 10
    assert {found[0] for found in seen} == {State.DRAFT, State.PRICED, State.ARMED, State.ABANDONED}
