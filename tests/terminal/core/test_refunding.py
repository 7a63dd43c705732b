"""What comes back and what remains, line by line and pack by pack, and what the plan says when it cannot be."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from protocols.money import Price, Quantity
from terminal.core.events import (
    Acknowledged,
    CancelAsked,
    Decision,
    Heard,
    HubSaid,
    Misuse,
    RefundWithdrawn,
    Restarted,
)
from terminal.core.machine import step
from terminal.core.refunding import opening_rest, plan_refund, waits_at_start, without_rest
from terminal.core.states import State
from terminal.core.values import (
    Attempt,
    AttemptEnded,
    ChargeLine,
    Finding,
    Notice,
    RefundOf,
    RefundPlan,
    ReturnedLine,
    Review,
    Settlement,
)
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.terminal.core.samples import (
    ALREADY,
    COMPOSED_2103,
    LINE,
    PERSON_NO,
    PROFILE,
    TO_CONFIRMED,
    after,
    cancelled_output,
    decide,
    draft,
    good,
)

_replace = msgspec.structs.replace
PACKS = ("89999990000000000003", "89999990000000000004", "89999990000000000005")
SECOND = _replace(LINE, number=2, quantity=Quantity.parse("1"), price=Price.parse("0.10"), amount_fen=10)
TRACED = _replace(LINE, trace_codes=PACKS)
"""Three packs of 12.50 yuan."""


def sold(*lines: ChargeLine, **changes: Any) -> Settlement:
    """A confirmed sale of these lines."""
    return _replace(after(*TO_CONFIRMED), lines=lines, **changes)


def back(number: int, quantity: str, *codes: str) -> ReturnedLine:
    """So much of this line comes back."""
    return ReturnedLine(number, Quantity.parse(quantity), codes)


def plan(settlement: Settlement, *returned: ReturnedLine) -> RefundPlan:
    """The plan of a refund by T02."""
    return plan_refund(
        settlement, returned, operator="T02", reason="拿错了", rest_id="S2", rest_visit_no="V8"
    )


def test_a_part_of_a_line_leaves_the_rest_at_its_price() -> None:
    made = plan(sold(LINE, SECOND), back(1, "0.5"))
    left = _replace(LINE, quantity=Quantity.parse("2.5"), amount_fen=3125)
    assert made == RefundPlan((back(1, "0.5"),), (left, SECOND), "S2", "T02", "拿错了", "V8")


def test_the_smallest_part_of_a_pack_may_come_back() -> None:
    (line,) = plan(sold(LINE), back(1, "0.0001")).remaining
    assert (line.quantity, line.amount_fen) == (Quantity.parse("2.9999"), 3750)


def test_what_remains_is_numbered_anew_and_what_comes_back_is_in_the_order_of_the_sheet() -> None:
    third = _replace(SECOND, number=3)
    made = plan(sold(LINE, SECOND, third), back(3, "1"), back(1, "3"))
    assert made.returned == (back(1, "3"), back(3, "1"))
    assert made.remaining == (_replace(SECOND, number=1),)


def test_when_everything_comes_back_there_is_no_new_sale() -> None:
    made = plan(sold(LINE, SECOND), back(1, "3"), back(2, "1"))
    assert (made.remaining, made.rest_id, made.rest_visit_no) == ((), "", "")


@pytest.mark.parametrize(
    ("returned", "code", "params"),
    [
        ((), "refund_line", {"line": "0"}),
        ((back(3, "1"),), "refund_line", {"line": "3"}),
        ((back(1, "1"), back(4, "1")), "refund_line", {"line": "4"}),
        ((back(2, "1"), back(2, "1")), "refund_line", {"line": "2"}),
        ((back(1, "0"),), "refund_too_much", {"line": "1", "sold": "3.00"}),
        ((back(1, "-1"),), "refund_too_much", {"line": "1", "sold": "3.00"}),
        ((back(1, "3.0001"),), "refund_too_much", {"line": "1", "sold": "3.00"}),
        ((back(2, "2"),), "refund_too_much", {"line": "2", "sold": "1.00"}),
        ((back(1, "1", "89999990000000000009"),), "refund_trace_codes", {"line": "1"}),
        ((back(1, "2", PACKS[0], PACKS[0]),), "refund_trace_codes", {"line": "1"}),
        ((back(1, "1"),), "refund_trace_codes", {"line": "1"}),
        ((back(1, "2", PACKS[0]),), "refund_trace_codes", {"line": "1"}),
        ((back(1, "0.5", "89999990000000000009"),), "refund_trace_codes", {"line": "1"}),
        ((back(1, "1", PACKS[0], PACKS[0]),), "refund_trace_codes", {"line": "1"}),
    ],
)
def test_what_cannot_come_back_is_named(
    returned: Sequence[ReturnedLine], code: str, params: dict[str, str]
) -> None:
    with pytest.raises(Misuse) as refused:
        plan(sold(TRACED, SECOND), *returned)
    assert (refused.value.code, refused.value.params) == (code, params)


@pytest.mark.parametrize(
    ("returned", "left"),
    [(back(1, "1", PACKS[1]), (PACKS[0], PACKS[2])), (back(1, "0.5"), PACKS), (back(1, "1.5", PACKS[0]), PACKS[1:]),
     (back(1, "1", *PACKS), ())],
)  # fmt: skip
def test_no_more_packs_remain_than_there_are_codes_for_and_an_opened_pack_is_one(
    returned: ReturnedLine, left: tuple[str, ...]
) -> None:
    (line,) = plan(sold(TRACED), returned).remaining
    assert line.trace_codes == left
    assert line.quantity == Quantity.parse("3") - returned.quantity


@pytest.mark.parametrize(
    "changes", [{"state": State.SENDING}, {"state": State.CANCELLED}, {"quarantine": True}]
)
def test_only_what_is_settled_can_come_back(changes: dict[str, Any]) -> None:
    settlement = sold(LINE, **changes)
    with pytest.raises(Misuse) as refused:
        plan(settlement, back(1, "1"))
    assert (refused.value.code, refused.value.params) == (
        "nothing_to_refund",
        {"state": settlement.state.value},
    )


def test_what_was_confirmed_by_a_ruling_has_no_number_that_could_be_cancelled() -> None:
    with pytest.raises(Misuse) as refused:
        plan(sold(LINE, booking=None), back(1, "1"))
    assert (refused.value.code, refused.value.params) == ("hub_number_unknown", {})


@pytest.mark.parametrize("state", [State.CONFIRMED, State.DELIVERED])
def test_goods_of_a_settled_sale_come_back_before_and_after_they_were_handed_over(state: State) -> None:
    made = plan_refund(
        sold(LINE, SECOND, state=state), (back(2, "1"),), operator="T02", reason="", rest_id="S2"
    )
    assert made == RefundPlan((back(2, "1"),), (LINE,), "S2", "T02")
    everything = (back(1, "3"), back(2, "1"))
    whole = plan_refund(sold(LINE, SECOND), everything, operator="T02", reason="x", rest_id="S2")
    assert whole == RefundPlan(everything, (), "", "T02", "x", "")


def test_the_amount_of_what_remains_is_rounded_anew() -> None:
    """0.55 of 0.10 yuan is 5.5 fen, so 6; not what is left of 1.00 after the refund's own rounding."""
    (line,) = plan(sold(_replace(SECOND, number=1)), back(1, "0.45")).remaining
    assert (line.quantity, line.amount_fen) == (Quantity.parse("0.55"), 6)


PLAN = RefundPlan((ReturnedLine(1, Quantity.parse("1")),), (LINE,), "S2", "T02", rest_visit_no="V8")


def cancelled(refund: RefundPlan | None, heard: Heard | None = None, tries: int = 0) -> Decision:
    """2103 is done, or what was heard of it, of a settlement with this plan."""
    cancelling = after(
        CancelAsked("T01", "", refund), COMPOSED_2103, start=after(*TO_CONFIRMED, Acknowledged("T01"))
    )
    return decide(_replace(cancelling, tries=tries), HubSaid("2103", heard or good(cancelled_output())))


def test_the_rest_is_opened_as_the_next_generation_of_the_same_sale_for_the_same_person() -> None:
    decision = cancelled(PLAN)
    rest = decision.opens
    assert rest is not None
    assert (rest.id, rest.key.sale_number, rest.key.generation, rest.lane, rest.flow) == (
        "S2",
        "0001",
        2,
        "1",
        "pharmacy_purchase",
    )
    assert (rest.state, rest.operator, rest.use_account, rest.lines, rest.own_visit_no) == (
        State.DRAFT,
        "T02",
        True,
        (LINE,),
        "V8",
    )
    assert rest.refund_of == RefundOf("S1", 1, "H1", PERSON_NO)
    assert rest.notice == Notice("refund_rest_open", {"number": "0001"})
    assert decision.settlement.notice == Notice("refund_cancelled", {"number": "0001"})
    assert waits_at_start(rest)


def test_the_rest_is_sold_on_the_terms_of_the_first_sale() -> None:
    """Another kind of benefit would be another share of the fund."""
    terms: dict[str, Any] = {
        "division": "999900", "benefit": "two_disease", "asked_disease": "M03900", "asked_insutype": "390",
        "local_only": True, "epidemic": True, "use_account": False,
    }  # fmt: skip
    first = after(CancelAsked("T01", "", PLAN), COMPOSED_2103, start=sold(LINE, **terms))
    rest = decide(first, HubSaid("2103", good(cancelled_output()))).opens
    assert rest is not None
    assert {name: getattr(rest, name) for name in terms} == terms


@pytest.mark.parametrize("service", ["none", "3101", "3102"])
def test_the_rest_is_reviewed_where_the_profile_asks_for_it(service: Any) -> None:
    profile = _replace(PROFILE, review=_replace(PROFILE.review, before_quote=service))
    wanted = None if service == "none" else Review()
    first = after(CancelAsked("T01", "", PLAN), COMPOSED_2103, start=after(*TO_CONFIRMED))
    rest = step(first, HubSaid("2103", good(cancelled_output())), profile).opens
    assert rest is not None
    assert rest.review == wanted
    # One that an earlier program, or another profile, left behind.
    old = draft(refund_of=rest.refund_of, review=Review() if wanted is None else None)
    assert step(old, Restarted(), profile).settlement.review == wanted


def test_a_rest_whose_answer_to_the_review_was_under_way_waits_and_its_message_ends() -> None:
    sent = Attempt("M-3103", "STEP", "3103", "key", b"{}")
    answered = Review(is_answered=True, findings=(Finding("JR1", "R67-01", "", "", "2", 0, (1,)),), way="1")
    rest = draft(refund_of=RefundOf("S1", 1, "H1", PERSON_NO), attempt=sent, in_flight=True, review=answered)
    found = decide(rest, Restarted())
    assert (found.settlement.state, found.settlement.in_flight, found.durable) == (State.DRAFT, False, True)
    assert found.ended == AttemptEnded("M-3103", "UNKNOWN", "restart")


def test_without_a_plan_or_a_rest_nothing_is_opened() -> None:
    assert (cancelled(None).opens, cancelled(None).settlement.notice) == (None, Notice("cancelled"))
    withdrawn = cancelled(_replace(PLAN, withdrawn=True))
    assert (withdrawn.opens, withdrawn.settlement.notice) == (None, Notice("cancelled"))
    whole = cancelled(_replace(PLAN, remaining=(), rest_id=""))
    assert (whole.opens, whole.settlement.notice) == (None, Notice("refund_done"))
    plain = Decision(draft())
    assert opening_rest(plain, PROFILE) is plain


def test_a_plan_can_be_withdrawn_while_its_cancellation_is_under_way_and_at_no_other_time() -> None:
    under_way = _replace(after(*TO_CONFIRMED), state=State.CANCEL_DOUBT, cancel_wish=True, refund=PLAN)
    decision = decide(under_way, RefundWithdrawn("T02"))
    assert decision.settlement == _replace(under_way, refund=_replace(PLAN, withdrawn=True))
    assert (decision.durable, decision.moves, decision.effects) == (True, (), ())
    with pytest.raises(Misuse, match="busy"):
        decide(_replace(under_way, running="cancel"), RefundWithdrawn("T02"))
    for changes in ({"refund": None}, {"cancel_wish": False}, {"state": State.CANCELLED}):
        settlement = _replace(under_way, **changes)
        with pytest.raises(Misuse) as refused:
            decide(settlement, RefundWithdrawn("T02"))
        assert (refused.value.code, refused.value.params) == (
            "no_refund_under_way",
            {"state": settlement.state.value},
        )


def test_a_first_try_told_already_opens_nothing_because_the_rest_may_be_settled() -> None:
    """After a try without an answer it is taken for that one's doing."""
    before = cancelled(PLAN, ALREADY)
    assert (before.settlement.state, before.opens) == (State.CANCELLED, None)
    assert before.settlement.refund == _replace(PLAN, withdrawn=True, perhaps_settled=True)
    assert before.settlement.notice == Notice("refund_cancelled_before", {"number": "0001"})
    whole = cancelled(_replace(PLAN, remaining=(), rest_id=""), ALREADY)
    assert (whole.opens, whole.settlement.notice) == (None, Notice("cancelled_before"))
    repeated = cancelled(PLAN, ALREADY, tries=1)
    assert repeated.opens is not None
    assert repeated.settlement.notice == Notice("refund_cancelled", {"number": "0001"})


def test_in_an_old_copy_the_rest_is_never_opened_and_the_desk_is_told_which_sale_it_was() -> None:
    under_way = _replace(after(*TO_CONFIRMED), refund=PLAN)
    kept = _replace(PLAN, withdrawn=True, perhaps_settled=True)
    assert without_rest(under_way) == _replace(under_way, refund=kept)
    for settled in (
        _replace(under_way, refund=None),
        _replace(under_way, refund=_replace(PLAN, withdrawn=True)),
    ):
        assert without_rest(settled) is settled, "there is nothing to keep from being opened"
    found = cancelled(kept)
    assert (found.opens, found.settlement.notice) == (
        None,
        Notice("refund_rest_not_opened", {"number": "0001"}),
    )
    whole = cancelled(_replace(kept, remaining=(), rest_id=""))
    assert (whole.opens, whole.settlement.notice) == (None, Notice("refund_done"))


def test_a_journal_written_before_says_by_its_old_name_that_a_rest_is_perhaps_settled() -> None:
    kept = sold(LINE, refund=_replace(PLAN, withdrawn=True, perhaps_settled=True))
    stored = encode_sheet(kept)
    assert b"in_old_copy\xc3" in stored, "true, in MessagePack"
    assert decode_sheet(stored).refund == kept.refund


def test_what_remains_begins_as_a_sale_of_which_nothing_is_known() -> None:
    rest = cancelled(PLAN).opens
    assert rest == draft(
        id="S2", key=_replace(draft().key, generation=2), operator="T02", began_at="", lines=(LINE,), own_visit_no="V8",
        refund_of=RefundOf("S1", 1, "H1", PERSON_NO), notice=Notice("refund_rest_open", {"number": "0001"}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, True), ({"state": State.PRICED}, True), ({"state": State.ARMED}, False), ({"state": State.REFUSED}, False),
        ({"visit_id": "M1"}, False), ({"unsure": ("register",)}, False), ({"refund_of": None}, False),
        ({"attempt": Attempt("M", "STEP", "2201", "k", b"")}, False), ({"attempt": Attempt("M", "STEP", "3103", "k", b"")}, True),
    ],
)  # fmt: skip
def test_a_rest_outlives_a_restart_while_nothing_of_it_is_at_the_hub(
    changes: dict[str, Any], waits: bool
) -> None:
    rest = draft(refund_of=RefundOf("S1", 1, "H1", PERSON_NO))
    assert waits_at_start(_replace(rest, **changes)) is waits


@pytest.mark.parametrize("member", ["person", "booking"])
def test_a_plan_of_a_settlement_that_the_hub_never_booked_is_our_own_bug(member: str) -> None:
    with pytest.raises(AssertionError, match="without person or booking"):
        opening_rest(Decision(_replace(after(*TO_CONFIRMED), refund=PLAN, **{member: None})), PROFILE)
