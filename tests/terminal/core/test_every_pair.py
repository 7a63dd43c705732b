"""Every state meets every event: the core decides or says that it does not fit, and never anything else.

All settlements that the events of `walk` can lead to are visited, breadth first, until nothing new comes up. Along the way
every decision is held against the rules that must never break.
"""

from functools import cache

import pytest

from protocols.secret import Secret
from terminal.core.events import (
    Answered,
    CentreSaid,
    CodeGiven,
    Composed,
    ComposeFailed,
    Decision,
    Event,
    HubSaid,
    Misuse,
    NoAnswer,
    NotAuthentic,
    NotSent,
    Restarted,
    Ruled,
    SlipPrinted,
    Transmit,
)
from terminal.core.states import ALLOWED, BOOKED, TRANSITIONS, State
from terminal.core.values import Settlement
from tests.terminal.core import samples
from tests.terminal.core.samples import decide, draft
from tests.terminal.core.test_visit import visit as clinic_visit
from tests.terminal.core.walk import EVENTS, walk

NOT_REACHED_YET = {
    (State.DOUBT, State.CONFIRMED): "no profile has a by-message query (K63)",
    (State.DOUBT, State.REFUSED): "no profile has a by-message query (K63)",
    (
        State.MANUAL,
        State.REFUSED,
    ): "what the hub has nothing of is closed as reversed: the slip says the same",
}


class Visit:
    """One decision on the way."""

    def __init__(self, before: Settlement, event: Event, decision: Decision) -> None:
        self.before = before
        self.event = event
        self.decision = decision

    def __repr__(self) -> str:
        return f"{self.before.state}/{self.before.running or 'idle'} + {self.event!r}"


def _kind(settlement: Settlement) -> tuple[object, ...]:
    """What makes two settlements different for the rules; amounts, texts and counts beyond the alarm do not."""
    attempt = settlement.attempt
    return (
        settlement.state, settlement.running, settlement.quiet_stage, min(settlement.tries, 2), settlement.cancel_wish,
        settlement.quarantine, settlement.confirmed, settlement.paper_out, settlement.acknowledged, settlement.unseen,
        settlement.cancel_from, settlement.in_flight, len(settlement.lines), settlement.code is None,
        settlement.medium is None, settlement.person is None, settlement.quote is None, settlement.booking is None,
        attempt and attempt.purpose, settlement.refund is None, settlement.refund is not None and settlement.refund.withdrawn,
    )  # fmt: skip


@cache
def explored() -> tuple[tuple[Visit, ...], tuple[tuple[Settlement, Event, Exception], ...]]:
    """All decisions and all refusals of everything that can be reached from a fresh sale."""
    visits: list[Visit] = []
    refusals: list[tuple[Settlement, Event, Exception]] = []
    for met in walk((draft(),), EVENTS, _kind):
        if isinstance(met.what, Decision):
            visits.append(Visit(met.before, met.event, met.what))
        else:
            refusals.append((met.before, met.event, met.what))
    return tuple(visits), tuple(refusals)


def _visits() -> tuple[Visit, ...]:
    return explored()[0]


def test_every_event_in_every_state_is_decided_or_refused_as_misuse() -> None:
    others = [
        (where.state, where.running, event, error)
        for where, event, error in explored()[1]
        if not isinstance(error, Misuse)
    ]
    assert others == []


def test_every_state_is_reached() -> None:
    assert {visit.decision.settlement.state for visit in _visits()} == set(State)


def test_every_transition_of_the_table_happens_or_has_a_reason_not_to() -> None:
    done = {(move.source, move.target) for visit in _visits() for move in visit.decision.moves}
    assert done <= ALLOWED
    assert ALLOWED - done == NOT_REACHED_YET.keys()


def test_the_table_names_each_transition_once() -> None:
    assert len(TRANSITIONS) == len(ALLOWED)


def test_moves_lead_from_the_old_state_to_the_new_one_without_a_gap() -> None:
    for visit in _visits():
        state = visit.before.state
        for move in visit.decision.moves:
            assert move.source is state, visit
            state = move.target
        assert state is visit.decision.settlement.state, visit


def test_nothing_leaves_that_is_not_written_by_the_same_decision() -> None:
    for visit in _visits():
        for effect in visit.decision.effects:
            if isinstance(effect, Transmit):
                decision = visit.decision
                assert decision.durable, visit
                written = (
                    decision.sent.request
                    if decision.sent
                    else visit.before.attempt and visit.before.attempt.request
                )
                assert effect.request == written, visit


def test_every_message_that_moves_money_leaves_from_its_own_state() -> None:
    states = {"2102": State.SENDING, "2103": State.CANCELLING, "2601": State.REVERSING}
    for visit in _visits():
        for effect in visit.decision.effects:
            if isinstance(effect, Transmit):
                assert visit.decision.settlement.state is states[effect.infno], visit


def test_a_settlement_is_written_once_in_its_life() -> None:
    for visit in _visits():
        sent = visit.decision.sent
        if sent is not None and sent.purpose == "SETTLE":
            assert visit.before.settle_msgid == "", visit


def test_only_an_authenticated_answer_ends_anything() -> None:
    """Invariant I12. What was proved unsent goes back to where it came from, which is not a new fact."""
    facts = {State.CONFIRMED, State.REFUSED, State.REVERSED, State.REVERSED_ONCE, State.CANCELLED}
    for visit in _visits():
        for move in visit.decision.moves:
            if move.target not in facts or move.source is move.target:
                continue
            event = visit.event
            if isinstance(event, Ruled):
                assert move.source is State.MANUAL, "two people decide only where the terminal no longer can"
                continue
            assert isinstance(event, HubSaid), visit
            back = isinstance(event.heard, NotSent) and move.target is visit.before.cancel_from
            assert isinstance(event.heard, Answered) or back, visit


def test_silence_and_forgery_after_sending_are_a_doubt() -> None:
    for visit in _visits():
        event = visit.event
        if isinstance(event, HubSaid) and isinstance(event.heard, NoAnswer | NotAuthentic):
            expected = {
                State.SENDING: State.DOUBT,
                State.REVERSING: State.REVERSING,
                State.CANCELLING: State.CANCEL_DOUBT,
            }.get(visit.before.state)
            if expected is not None:
                if visit.before.manual and expected is not State.DOUBT:
                    expected = State.MANUAL
                assert visit.decision.settlement.state is expected, visit
                assert visit.decision.retry is not None, visit


def test_what_was_settled_stays_settled_until_somebody_cancels() -> None:
    """Invariant I4: without a wish nothing leads out of CONFIRMED, but for an answer that never fitted."""
    for visit in _visits():
        for move in visit.decision.moves:
            if move.source in BOOKED and move.target not in BOOKED:
                assert visit.before.cancel_wish or visit.before.quarantine, visit


def test_outcomes_are_durable() -> None:
    told = {
        State.SENDING, State.CONFIRMED, State.DELIVERED, State.CLOSED, State.REFUSED, State.ABANDONED, State.DOUBT, State.REVERSING,
        State.REVERSED_ONCE, State.REVERSED, State.CANCELLING, State.CANCEL_DOUBT, State.CANCELLED, State.MANUAL,
    }  # fmt: skip
    for visit in _visits():
        if any(move.target in told for move in visit.decision.moves):
            assert visit.decision.durable, visit


def test_every_open_doubt_has_its_next_try() -> None:
    """Whoever enters or stays in a doubt with nothing in flight is in the queue (it never expires)."""
    for visit in _visits():
        settlement, decision = visit.decision.settlement, visit.decision
        entered = {move.target for move in decision.moves} & {
            State.DOUBT,
            State.REVERSED_ONCE,
            State.CANCEL_DOUBT,
        }
        if entered:
            assert decision.retry is not None, visit
        if decision.leave_queue:
            assert settlement.state in BOOKED | {State.REVERSED, State.CANCELLED}, visit


def test_the_queue_is_told_the_tries_and_the_quiet_stage_that_the_settlement_has() -> None:
    for visit in _visits():
        settlement, retry = visit.decision.settlement, visit.decision.retry
        if retry is not None:
            assert (retry.tries, retry.quiet_stage) == (settlement.tries, settlement.quiet_stage), visit


def test_an_attempt_that_was_answered_is_closed_by_the_same_decision() -> None:
    for visit in _visits():
        event = visit.event
        in_flight = (
            visit.before.state in (State.SENDING, State.REVERSING, State.CANCELLING)
            and visit.before.in_flight
        )
        if isinstance(event, HubSaid) and in_flight:
            assert visit.decision.ended is not None, visit
            assert visit.before.attempt is not None
            assert visit.decision.ended.msgid == visit.before.attempt.msgid, visit
            assert visit.decision.ended.state != "SENT", visit


def test_code_and_token_are_dropped_when_the_settlement_has_an_outcome() -> None:
    for visit in _visits():
        settlement = visit.decision.settlement
        if settlement.state not in (State.DRAFT, State.PRICED, State.ARMED, State.SENDING):
            assert settlement.code is None, visit
            assert settlement.medium is None, visit


def test_an_idle_settlement_never_waits_for_an_answer_and_a_busy_one_always_does() -> None:
    for visit in _visits():
        effects = [effect for effect in visit.decision.effects if type(effect).__name__ != "Wake"]
        if isinstance(visit.event, Restarted | SlipPrinted):
            continue
        if effects:
            assert visit.decision.settlement.running, visit
        elif visit.decision.settlement != visit.before:
            assert not visit.decision.settlement.running, visit


def test_a_wish_that_does_not_fit_changes_nothing_and_says_why() -> None:
    codes = {error.code for _, _, error in explored()[1] if isinstance(error, Misuse)}
    assert codes == {
        "busy", "not_open_for_changes", "no_lines", "no_medium", "nothing_to_confirm", "too_late_to_abandon", "nothing_to_cancel",
        "nothing_to_acknowledge", "out_of_turn", "filings_unknown", "nothing_to_correct",
        "no_refund_under_way", "hub_number_unknown",
    }  # fmt: skip


def test_an_answer_that_comes_late_or_twice_changes_nothing() -> None:
    for settlement in (
        samples.after(*samples.TO_CONFIRMED),
        samples.after(samples.CODE, samples.DECODED, samples.IDENTIFIED),
    ):
        for event in (
            samples.DECODED,
            samples.IDENTIFIED,
            samples.SETTLED,
            samples.COMPOSED,
            HubSaid("2103", samples.REFUSED),
        ):
            with pytest.raises(Misuse, match="out_of_turn"):
                decide(settlement, event)


def test_a_message_that_is_on_its_way_is_not_composed_once_more() -> None:
    """The adapter never says so; the second guard: it would leave twice, or its answer be taken for another step's."""
    sending = samples.after(*samples.TO_SENDING)
    for event in (samples.COMPOSED, ComposeFailed("SETTLE", "key_locked")):
        with pytest.raises(Misuse, match="out_of_turn"):
            decide(sending, event)
    asked = clinic_visit(running="register")
    step = decide(asked, Composed("STEP", "2201", "M-1", "key", b"{}")).settlement
    assert step.in_flight
    for again in (Composed("STEP", "2201", "M-2", "key", b"{}"), ComposeFailed("STEP", "key_locked")):
        with pytest.raises(Misuse, match="out_of_turn"):
            decide(step, again)


def test_secrets_do_not_show_in_what_the_core_says() -> None:
    secrets = [
        samples.PERSON_NO,
        samples.CERTNO,
        samples.MEDIUM.number,
        samples.MEDIUM.name,
        Secret("4240000000000000001707990000"),
    ]
    for visit in _visits()[:2000]:
        shown = f"{visit.decision.settlement!r}{visit.decision.moves!r}{visit.decision.settlement.notice!r}{visit!r}"
        for secret in secrets:
            assert secret.reveal() not in shown


def test_the_certificate_code_event_hides_the_code() -> None:
    assert "4240" not in repr(CodeGiven(Secret("4240000000000000001707990000"), "mark"))
    assert "999900ecsim" not in repr(CentreSaid(samples.MEDIUM))


def test_what_remains_of_a_refund_is_opened_with_the_cancellation_and_only_then() -> None:
    for visit in explored()[0]:
        before, after, decision = visit.before, visit.decision.settlement, visit.decision
        cancelled = after.state is State.CANCELLED and before.state is not State.CANCELLED
        wanted = after.refund is not None and not after.refund.withdrawn
        assert (decision.opens is not None) == (cancelled and wanted), visit
        if after.state in BOOKED and not after.cancel_wish and not after.running:
            assert after.refund is None, visit
