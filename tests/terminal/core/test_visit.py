"""A visit's booked steps, their remedies and withdrawals, answer by answer: what is written, what follows, what is owed."""

from typing import Any

import msgspec
import pytest

from protocols.hub.outpatient import Registered, RegistrationOutput
from protocols.hub.queries import Visit, VisitQueryOutput
from terminal.core.events import (
    Abandoned,
    Answered,
    Composed,
    ComposeFailed,
    Decision,
    Due,
    Heard,
    HubSaid,
    Restarted,
    Wake,
)
from terminal.core.flows import CLINIC_VISIT
from terminal.core.messages import READERS
from terminal.core.states import State
from terminal.core.undoing import may_be_hurried
from terminal.core.values import Attempt, AttemptEnded, Disease, Filing, Move, Notice, Retry, Settlement
from terminal.core.visit import grown_unsure, is_booking, owing, waits_for_stragglers, withdrawals_of
from tests.terminal.core.samples import (
    MEDIUM,
    NOTHING_PROVED,
    OTHER_CODE,
    PERSON_NO,
    PROFILE,
    REFUSED,
    SILENT,
    UNSENT,
    begun,
    decide,
    draft,
    good,
    notice_of,
    person_output,
)

_replace = msgspec.structs.replace
DISEASE = Disease("M01600", "糖尿病", "E11.900", "2型糖尿病")
ATTEMPT = Attempt("M-9", "STEP", "2201", "key", b"{}")
DONE = good({})
"""Done; what 2202, 2205 and 2203A say besides is not looked at."""
NOBODY_KNOWS: tuple[Heard, ...] = (*NOTHING_PROVED, OTHER_CODE)


def visit(**changes: Any) -> Settlement:
    """A person identified, entitled, with a disease picked: the registration is the next step."""
    blank = draft(flow=CLINIC_VISIT.name, medium=MEDIUM)
    known = _replace(
        blank, person=READERS["1101"](blank, person_output(), PROFILE).person, entitled=True, filings=(Filing("M01600", "糖尿病"),),
        disease=DISEASE, own_visit_no="V7",
    )  # fmt: skip
    return _replace(known, **changes)


def sending(running: str, infno: str, **changes: Any) -> Settlement:
    """The message of this step is on its way."""
    return visit(running=running, attempt=_replace(ATTEMPT, infno=infno), in_flight=True, **changes)


def owes(*owed: str, **changes: Any) -> Settlement:
    """Given up, and these withdrawals are still to be answered; nothing is on its way."""
    return visit(**{"state": State.ABANDONED, "visit_id": "M1", "owed": owed, "medium": None, **changes})


def hears(settlement: Settlement, infno: str, heard: Heard) -> Decision:
    """What the core makes of it."""
    return decide(settlement, HubSaid(infno, heard))


def seen(*visits: tuple[str, str]) -> Answered:
    """5201 shows these visits: own number and `mdtrt_id`."""
    rows = tuple(Visit(visit_id=visit_id, own_visit_no=own, person_no=PERSON_NO) for own, visit_id in visits)
    return good(VisitQueryOutput(visits=rows))


REGISTERED = good(RegistrationOutput(registered=Registered(visit_id="M1", own_visit_no="V7")))


# -- booked steps ----------------------------------------------------------------------------------


def test_a_step_that_is_done_is_written_with_its_answer_and_the_next_begins() -> None:
    decision = hears(sending("register", "2201", tries=1, notice=Notice("x")), "2201", REGISTERED)
    after = decision.settlement
    assert (after.visit_id, after.running, after.in_flight, after.tries, after.notice) == (
        "M1",
        "diagnose",
        False,
        0,
        None,
    )
    assert begun(decision) == ["compose STEP 2203A"]
    assert (decision.durable, decision.moves) == (True, ())
    assert decision.ended == AttemptEnded("M-9", "ANSWERED", "done", b"raw")


def test_a_registration_once_lost_stays_unsure_and_a_diagnosis_does_not() -> None:
    registered = hears(sending("register", "2201", unsure=("register",)), "2201", REGISTERED).settlement
    assert registered.unsure == ("register",)
    told = hears(sending("diagnose", "2203A", visit_id="M1", unsure=("register", "diagnose")), "2203A", DONE)
    assert (told.settlement.unsure, told.settlement.diagnosed) == (("register",), True)
    assert begun(told) == ["compose STEP 2204"]


@pytest.mark.parametrize(
    ("heard", "state", "verdict", "code"),
    [
        (REFUSED, "ANSWERED", "refused", "hub_refused_question"),
        (UNSENT, "UNSENT", "unsent", "hub_not_reached"),
    ],
)
def test_a_definite_no_to_a_step_waits_for_a_person(
    heard: Heard, state: str, verdict: str, code: str
) -> None:
    decision = hears(sending("register", "2201", tries=1), "2201", heard)
    assert (decision.settlement.running, decision.settlement.in_flight, decision.settlement.unsure) == (
        "",
        False,
        (),
    )
    assert (decision.settlement.tries, notice_of(decision.settlement)) == (1, code)
    assert (decision.durable, decision.effects) == (True, ())
    assert decision.ended is not None
    assert (decision.ended.state, decision.ended.verdict) == (state, verdict)


@pytest.mark.parametrize("heard", NOBODY_KNOWS)
def test_a_lost_step_is_followed_up_once_by_itself_and_then_by_a_person(heard: Heard) -> None:
    once = hears(sending("register", "2201"), "2201", heard)
    assert (once.settlement.unsure, once.settlement.tries) == (("register",), 1)
    assert begun(once) == ["ask 5201"]
    assert once.durable
    assert once.ended is not None
    assert once.ended.state == "UNKNOWN"
    twice = hears(sending("register", "2201", tries=1, unsure=("register",)), "2201", heard)
    assert (twice.settlement.unsure, twice.settlement.tries, twice.settlement.running) == (
        ("register",),
        2,
        "",
    )
    assert twice.effects == ()
    assert twice.durable
    assert notice_of(twice.settlement) == "visit_step_unknown"


def test_an_answer_that_names_another_visit_is_as_good_as_lost() -> None:
    other = good(RegistrationOutput(registered=Registered(visit_id="M1", own_visit_no="V8")))
    decision = hears(sending("register", "2201"), "2201", other)
    assert decision.settlement.unsure == ("register",)
    assert decision.settlement.notice == Notice("hub_answer_unusable", {"infno": "2201"})
    assert decision.ended == AttemptEnded("M-9", "UNKNOWN", "hub_answer_unusable", b"raw")


def test_a_lost_upload_is_withdrawn_and_sent_anew_as_the_next_batch() -> None:
    registered = {"visit_id": "M1", "diagnosed": True}
    lost = hears(sending("charge", "2204", **registered), "2204", SILENT)
    assert (lost.settlement.unsure, begun(lost)) == (("charge",), ["compose STEP 2205"])
    for heard, stray, verdict in ((DONE, False, "done"), (REFUSED, True, "refused")):
        gone = hears(
            sending("withdraw batch", "2205", unsure=("charge",), batch=3, charged=True, **registered),
            "2205",
            heard,
        )
        after = gone.settlement
        assert (after.unsure, after.batch, after.charged, after.stray_lines) == ((), 4, False, stray)
        assert (gone.durable, begun(gone)) == (True, ["compose STEP 2204"])
        assert gone.ended == AttemptEnded("M-9", "ANSWERED", verdict, b"raw")
    kept = hears(
        sending("withdraw batch", "2205", unsure=("charge",), stray_lines=True, **registered), "2205", DONE
    )
    assert kept.settlement.stray_lines, "an earlier batch may still arrive"
    silences: tuple[tuple[Heard, str], ...] = ((SILENT, "UNKNOWN"), (UNSENT, "UNSENT"))
    for lost_again, state in silences:
        still = hears(sending("withdraw batch", "2205", unsure=("charge",), **registered), "2205", lost_again)
        assert (still.settlement.unsure, still.settlement.batch, still.settlement.running) == (
            ("charge",),
            1,
            "",
        )
        assert (still.durable, still.effects, notice_of(still.settlement)) == (True, (), "visit_step_unknown")
        assert still.ended is not None
        assert still.ended.state == state


def test_a_lost_registration_is_looked_for_before_it_is_sent_again() -> None:
    asking = visit(running="find visit", unsure=("register",))
    found = hears(asking, "5201", seen(("V6", "M6"), ("V7", "M7")))
    assert (found.settlement.visit_id, found.durable, begun(found)) == ("M7", True, ["compose STEP 2203A"])
    none = hears(asking, "5201", seen(("V6", "M6")))
    assert (none.settlement.running, none.durable, begun(none)) == ("register", False, ["compose STEP 2201"])
    for heard in (*NOBODY_KNOWS, REFUSED, UNSENT):
        silent = hears(asking, "5201", heard)
        assert (silent.settlement.running, silent.durable, silent.effects) == ("", False, ())
        assert notice_of(silent.settlement) == "visit_step_unknown"


def test_what_is_noted_as_unsure_is_noted_once() -> None:
    assert grown_unsure(visit(unsure=("charge",)), "register").unsure == ("charge", "register")
    assert grown_unsure(visit(unsure=("charge",)), "charge").unsure == ("charge",)


def test_which_messages_are_a_visits_own() -> None:
    names = {"register", "diagnose", "charge", "find visit", "withdraw batch", "withdraw"}
    assert {
        name
        for name in (*names, "", "quote", "settle", "identify", "reverse")
        if is_booking(visit(running=name))
    } == names


# -- withdrawals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "owed"),
    [
        ({}, ()),
        ({"visit_id": "M1"}, ("2202",)),
        ({"unsure": ("register",)}, ("2202",)),
        ({"visit_id": "M1", "charged": True}, ("2205", "2202")),
        ({"visit_id": "M1", "unsure": ("charge",)}, ("2205", "2202")),
        ({"visit_id": "M1", "unsure": ("diagnose",)}, ("2202",)),
        ({"charged": True}, ()),
    ],
)
def test_a_visit_that_is_given_up_owes_what_stands_at_the_hub(
    changes: dict[str, Any], owed: tuple[str, ...]
) -> None:
    settlement = visit(tries=3, quiet_stage=1, refusals=2, **changes)
    assert withdrawals_of(settlement) == owed
    decision = decide(settlement, Abandoned("T01"))
    assert decision.settlement.state is State.ABANDONED
    assert decision.settlement.owed == owed
    if owed:
        after = decision.settlement
        assert (after.tries, after.quiet_stage, after.refusals, after.medium) == (0, 0, 0, None)
        assert decision.retry == Retry(0, 0.0, 0.0, "withdrawals owed", 0)
        assert decision.effects == (Wake(),)
        assert (decision.durable, decision.leave_queue) == (True, False)
    else:
        assert (decision.retry, decision.effects) == (None, ())
        assert owing(decision) is decision


def test_withdrawals_are_sent_one_after_the_other_lines_first() -> None:
    first = decide(owes("2205", "2202"), Due(0.0))
    assert (first.settlement.running, begun(first), first.durable) == (
        "withdraw",
        ["compose STEP 2205"],
        False,
    )
    written = decide(first.settlement, Composed("STEP", "2205", "M-9", "key", b"{}")).settlement
    second = hears(written, "2205", DONE)
    assert (second.settlement.owed, begun(second), second.durable) == (("2202",), ["compose STEP 2202"], True)
    assert second.ended == AttemptEnded("M-9", "ANSWERED", "done", b"raw")
    last = hears(on_its_way("2202", tries=4), "2202", DONE)
    assert (last.settlement.owed, last.settlement.tries, last.settlement.running) == ((), 0, "")
    assert (last.leave_queue, last.durable, last.effects, last.retry) == (True, True, (), None)


def on_its_way(*owed: str, **changes: Any) -> Settlement:
    """The first withdrawal owed is on its way."""
    return owes(
        *owed, running="withdraw", attempt=_replace(ATTEMPT, infno=owed[0]), in_flight=True, **changes
    )


@pytest.mark.parametrize("heard", [*NOBODY_KNOWS, UNSENT])
def test_a_withdrawal_without_an_answer_is_tried_again_for_ever(heard: Heard) -> None:
    for tries, delay_s in ((0, 5.0), (1, 10.0), (9, 300.0)):
        decision = hears(on_its_way("2205", "2202", tries=tries), "2205", heard)
        assert (decision.settlement.owed, decision.settlement.tries) == (("2205", "2202"), tries + 1)
        assert (decision.settlement.running, decision.settlement.in_flight) == ("", False)
        assert decision.retry is not None
        verdict = "unsent" if heard is UNSENT else "unknown"
        assert decision.retry == Retry(tries + 1, delay_s, 0.2, verdict, 0)
        assert (decision.durable, decision.leave_queue, decision.effects) == (True, False, (Wake(),))
        assert decision.ended is not None
        assert decision.ended.state == verdict.upper()


def test_lines_that_are_not_there_to_be_withdrawn_do_not_hold_up_the_visit() -> None:
    decision = hears(on_its_way("2205", "2202"), "2205", REFUSED)
    assert (decision.settlement.owed, begun(decision)) == (("2202",), ["compose STEP 2202"])


def test_stray_lines_are_done_with_when_all_lines_were_withdrawn_and_not_by_the_visit() -> None:
    assert not hears(on_its_way("2205", "2202", stray_lines=True), "2205", DONE).settlement.stray_lines
    assert hears(on_its_way("2202", stray_lines=True), "2202", DONE).settlement.stray_lines


def test_a_visit_that_may_not_be_withdrawn_is_looked_for_and_given_up_after_half_an_hour() -> None:
    refused = hears(on_its_way("2202", refusals=11), "2202", REFUSED)
    assert (refused.settlement.running, begun(refused), refused.durable) == ("find visit", ["ask 5201"], True)
    assert refused.settlement.owed == ("2202",)
    over = hears(on_its_way("2202", refusals=12), "2202", REFUSED)
    assert (over.settlement.owed, over.settlement.running) == ((), "")
    assert over.settlement.notice == Notice("withdrawal_refused", {"text": "账户余额不足 [X]"})
    assert (over.leave_queue, over.durable, over.effects) == (True, True, ())
    assert over.ended == AttemptEnded("M-9", "ANSWERED", "refused", b"raw")


def looking(**changes: Any) -> Settlement:
    """5201 has been asked about a visit whose withdrawal was refused."""
    return owes("2202", running="find visit", **changes)


def test_what_5201_shows_of_a_refused_withdrawal_decides() -> None:
    gone = hears(looking(tries=3), "5201", seen())
    assert (gone.settlement.owed, gone.settlement.tries) == ((), 0)
    assert (gone.leave_queue, gone.durable, gone.ended) == (True, True, None)
    stands = hears(looking(tries=3, refusals=1), "5201", seen(("V7", "M1")))
    assert (stands.settlement.owed, stands.settlement.refusals, stands.settlement.tries) == (
        ("2205", "2202"),
        2,
        4,
    )
    assert stands.retry == Retry(4, 40.0, 0.2, "refused", 0)
    another = hears(looking(), "5201", seen(("V7", "M2")))
    assert (another.settlement.visit_id, another.settlement.owed) == ("M2", ("2205", "2202"))
    assert (begun(another), another.settlement.running, another.durable) == (
        ["compose STEP 2205"],
        "withdraw",
        True,
    )


def test_a_registration_that_was_lost_is_looked_for_once_more_after_the_quiet_time() -> None:
    first = hears(on_its_way("2202", unsure=("register",), tries=2), "2202", DONE)
    waiting = first.settlement
    assert (waiting.visit_id, waiting.owed, waiting.tries, waiting.quiet_stage) == ("", ("2202",), 0, 1)
    assert first.retry == Retry(0, 120.0, 0.0, "not_found", 1)
    assert (first.durable, first.leave_queue, first.effects) == (True, False, (Wake(),))
    assert waits_for_stragglers(waiting)
    assert not may_be_hurried(waiting)
    asked = decide(waiting, Due(0.0))
    assert (asked.settlement.running, begun(asked)) == ("find visit", ["ask 5201"])
    nothing = hears(asked.settlement, "5201", seen())
    assert (nothing.settlement.owed, nothing.leave_queue) == ((), True)
    late = hears(asked.settlement, "5201", seen(("V7", "M7")))
    assert (late.settlement.visit_id, begun(late)) == ("M7", ["compose STEP 2205"])
    silent = hears(asked.settlement, "5201", SILENT)
    assert (silent.settlement.tries, may_be_hurried(silent.settlement)) == (1, True), (
        "the quiet time has passed"
    )
    assert silent.retry == Retry(1, 5.0, 0.2, "unknown", 1)


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({"state": State.CONFIRMED}, True), ({"state": State.CONFIRMED, "tries": 1}, False),
        ({"state": State.CONFIRMED, "owed": ()}, False),
        ({}, False), ({"quiet_stage": 1}, False), ({"quiet_stage": 1, "visit_id": ""}, True), ({"visit_id": ""}, False),
    ],
)  # fmt: skip
def test_only_a_quiet_time_is_not_hurried_and_a_restart_begins_it_anew(
    changes: dict[str, Any], waits: bool
) -> None:
    settlement = owes(
        *changes.get("owed", ("2205",)), **{name: what for name, what in changes.items() if name != "owed"}
    )
    assert waits_for_stragglers(settlement) is waits
    assert may_be_hurried(settlement) is not waits
    if not settlement.owed:
        return
    found = decide(_replace(settlement, in_flight=True, attempt=ATTEMPT), Restarted())
    assert found.settlement.in_flight is False
    assert found.ended == AttemptEnded("M-9", "UNKNOWN", "restart")
    assert (found.durable, found.effects) == (True, (Wake(),))
    assert found.retry is not None
    quiet = waits or bool(settlement.tries)
    assert (found.retry.delay_s, found.retry.jitter) == (120.0 if quiet else 0.0, 0.0)
    assert found.retry.verdict == ("not_found" if quiet else "restart")
    assert found.settlement.tries == 0


def test_a_withdrawal_that_cannot_be_composed_is_tried_later_and_a_step_is_only_told() -> None:
    later = decide(owes("2202", running="withdraw"), ComposeFailed("STEP", "key_locked"))
    assert (later.settlement.tries, later.settlement.running, later.settlement.owed) == (1, "", ("2202",))
    assert later.retry == Retry(1, 5.0, 0.2, "unsent", 0)
    told = decide(visit(running="register"), ComposeFailed("STEP", "key_locked", {"a": "b"}))
    assert (told.settlement.running, told.settlement.notice) == ("", Notice("key_locked", {"a": "b"}))
    assert (told.retry, told.durable, told.effects) == (None, False, ())


def test_a_visit_found_with_a_step_on_its_way_is_given_up_and_the_step_is_unsure() -> None:
    found = decide(sending("", "2201"), Restarted())
    assert found.moves == (Move(State.DRAFT, State.ABANDONED, "found unfinished at start"),)
    assert (found.settlement.unsure, found.settlement.owed) == (("register",), ("2202",))
    assert found.settlement.notice == Notice("abandoned_at_start")
    assert found.ended == AttemptEnded("M-9", "UNKNOWN", "restart")
    batch = decide(sending("", "2205", visit_id="M1", charged=True), Restarted()).settlement
    assert (batch.unsure, batch.owed) == ((), ("2205", "2202")), "2205 is no step of the flow"
