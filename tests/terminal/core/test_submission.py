"""The rules of submissions: every pair of state and event, and what silence, refusal, a look and a person lead to."""

import itertools
from typing import Final, get_args

import pytest

from terminal.core.submission import (
    MOST_TRIES,
    MOST_UNANSWERED,
    OVER,
    RUNS_BY_ITSELF,
    SUBMISSION_MOVES,
    Act,
    Decision,
    Event,
    Found,
    Heard,
    Leaves,
    Looked,
    NotAllowed,
    NotMade,
    Progress,
    Said,
    Silence,
    SubmissionState,
    TakenUp,
    TooEarly,
    Verdict,
    Word,
    next_act,
    step,
)

_S = SubmissionState
QUIET_S = 120.0
EVENTS: tuple[Event, ...] = (
    Leaves(),
    *(NotMade(reason) for reason in ("timeout", "no_path")),
    *(Heard(verdict, "x") for verdict in Verdict),
    *(Looked(found) for found in Found),
    *(TakenUp(old_copy) for old_copy in (False, True)),
    *(Said(word, QUIET_S) for word in Word),
)


def after(*events: Event, silence: Silence = Silence.LOOK_UP, progress: Progress | None = None) -> Decision:
    """The decision after these events."""
    decision = Decision(progress or Progress(), "")
    for event in events:
        decision = step(decision.progress, event, silence, QUIET_S)
    return decision


def test_every_kind_of_event_is_among_the_samples() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("silence", Silence)
def test_every_pair_moves_by_rule_or_is_refused_and_nothing_open_is_left_without_a_way_on(
    silence: Silence,
) -> None:
    for state, event, unanswered in itertools.product(_S, EVENTS, (0, 1)):
        before = Progress(state, 0, unanswered)
        try:
            decision = step(before, event, silence, QUIET_S)
        except (ValueError, NotAllowed):
            continue
        now = decision.progress.state
        assert now is state or (state, now) in SUBMISSION_MOVES, (state, event)
        assert state not in OVER, "what is over stays over"
        assert (decision.delay_s is not None) == (now in (_S.WAITING, _S.UNKNOWN)), (state, event)
        assert decision.reason


def test_a_message_leaves_only_where_it_may_be_sent() -> None:
    for state, silence in itertools.product(_S, Silence):
        sends = next_act(Progress(state), silence) is Act.SEND
        may = state is _S.WAITING or (state is _S.UNKNOWN and silence is not Silence.LOOK_UP)
        assert sends == may
        if not sends:
            with pytest.raises(ValueError, match="Leaves"):
                step(Progress(state), Leaves(), silence, QUIET_S)
        if state not in (_S.WAITING, _S.UNKNOWN):
            assert next_act(Progress(state), silence) is Act.NOTHING
    assert next_act(Progress(_S.UNKNOWN), Silence.LOOK_UP) is Act.LOOK


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(Verdict.ACCEPTED, _S.ACCEPTED), (Verdict.PARTLY, _S.PARTLY), (Verdict.REFUSED, _S.REFUSED)],
)
def test_an_answer_ends_it(verdict: Verdict, state: SubmissionState) -> None:
    decision = after(Leaves(), Heard(verdict))
    assert (decision.progress.state, decision.delay_s) == (state, None)


def test_what_silence_leads_to() -> None:
    silent = (Leaves(), Heard(Verdict.UNKNOWN, "timeout"))
    assert after(*silent, silence=Silence.LOOK_UP) == Decision(Progress(_S.UNKNOWN, 1, 1), "timeout", QUIET_S)
    assert after(*silent, silence=Silence.REPEAT) == Decision(Progress(_S.UNKNOWN, 1, 1), "timeout", 5.0)
    assert after(*silent, silence=Silence.ASK_A_PERSON).progress.state is _S.HELD
    assert after(*silent, silence=Silence.GIVE_UP).progress.state is _S.GIVEN_UP


def test_a_look_decides_and_only_no_leads_to_another_message() -> None:
    silent = (Leaves(), Heard(Verdict.UNKNOWN, "timeout"))
    assert after(*silent, Looked(Found.THERE)).progress.state is _S.ACCEPTED
    assert after(*silent, Looked(Found.UNCLEAR)).progress.state is _S.HELD
    assert after(*silent, Looked(Found.NOT_HEARD)) == Decision(Progress(_S.UNKNOWN, 2, 1), "not_heard", 10.0)
    again = after(*silent, Looked(Found.NOT_THERE))
    assert again == Decision(Progress(_S.WAITING, 1, 1), "not_found", 0.0)
    assert after(Leaves(), Heard(Verdict.ACCEPTED), progress=again.progress).progress.state is _S.ACCEPTED


def test_a_refused_repeat_proves_nothing_about_the_message_before_it() -> None:
    for silence in (Silence.REPEAT, Silence.LOOK_UP):
        waits = Progress(_S.WAITING, 1, 1)
        assert (
            after(Leaves(), Heard(Verdict.REFUSED), silence=silence, progress=waits).progress.state is _S.HELD
        )
    assert after(Leaves(), Heard(Verdict.REFUSED)).progress.state is _S.REFUSED


def test_nor_does_a_refusal_of_what_a_person_wanted_sent_again() -> None:
    """The person has looked, and the message before may have arrived since."""
    silent = (Leaves(), Heard(Verdict.UNKNOWN, "timeout"))
    held = after(
        *silent, Said(Word.AGAIN, QUIET_S), Leaves(), Heard(Verdict.REFUSED), silence=Silence.ASK_A_PERSON
    )
    assert held == Decision(Progress(_S.HELD, 0, 1), "repeat_refused")
    never_left = after(NotMade("no_path"), Said(Word.AGAIN, QUIET_S), Leaves(), Heard(Verdict.REFUSED))
    assert never_left.progress.state is _S.REFUSED


def test_tries_are_bounded_and_then_a_person_is_called() -> None:
    progress, messages = Progress(), 0
    while progress.state is not _S.HELD:
        messages += 1
        progress = after(Leaves(), Heard(Verdict.UNKNOWN), silence=Silence.REPEAT, progress=progress).progress
    assert messages == MOST_UNANSWERED
    progress, tries = Progress(), 0
    while progress.state is not _S.HELD:
        tries += 1
        decision = after(NotMade("connect_timeout"), progress=progress)
        assert decision.delay_s is None or decision.delay_s <= 300.0
        progress = decision.progress
    assert tries == MOST_TRIES
    last = Progress(_S.UNKNOWN, MOST_TRIES - 1, 1)
    assert after(Looked(Found.NOT_HEARD), progress=last) == Decision(
        Progress(_S.HELD, MOST_TRIES, 1), "not_heard"
    )
    for hopeless in ("no_path", "too_long memo", "content"):
        assert after(NotMade(hopeless)).progress.state is _S.HELD


def test_a_start_believes_nothing_that_was_on_its_way() -> None:
    sent = Progress(_S.SENT)
    for silence, state in (
        (Silence.REPEAT, _S.UNKNOWN), (Silence.LOOK_UP, _S.UNKNOWN), (Silence.ASK_A_PERSON, _S.HELD),
        (Silence.GIVE_UP, _S.GIVEN_UP),
    ):  # fmt: skip
        decision = after(TakenUp(), silence=silence, progress=sent)
        assert (decision.progress.state, decision.progress.unanswered) == (state, 1)
    assert after(TakenUp()) == Decision(Progress(), "restarted", 0.0)
    assert after(TakenUp(), progress=Progress(_S.UNKNOWN, 1, 1)).delay_s == QUIET_S
    assert after(TakenUp(old_copy=True)).progress == Progress(_S.UNKNOWN, 1, 1), (
        "an old copy may have sent it since"
    )
    assert after(TakenUp(), silence=Silence.GIVE_UP).progress.state is _S.GIVEN_UP


def test_a_person_decides_about_what_is_held_and_may_give_up_what_waits() -> None:
    held = Progress(_S.HELD, 7, 3)
    assert after(Said(Word.AGAIN, QUIET_S), progress=held) == Decision(
        Progress(_S.WAITING, 0, 3), "again", 0.0
    )
    assert after(Said(Word.ACCEPTED, QUIET_S), progress=held).progress.state is _S.ACCEPTED
    assert after(Said(Word.GIVEN_UP, QUIET_S), progress=held).progress.state is _S.GIVEN_UP
    assert after(Said(Word.GIVEN_UP, QUIET_S)).progress.state is _S.GIVEN_UP
    for state in _S:
        if state is not _S.HELD:
            with pytest.raises(NotAllowed):
                after(Said(Word.AGAIN, QUIET_S), progress=Progress(state))
    with pytest.raises(NotAllowed):
        after(Said(Word.GIVEN_UP, QUIET_S), progress=Progress(_S.SENT))


@pytest.mark.parametrize("silence", Silence)
def test_nothing_is_sent_again_while_a_message_without_an_answer_may_still_arrive(silence: Silence) -> None:
    """A look proves nothing before the quiet time is over. What never left needs none; what a person saw there is there."""
    held = Progress(_S.HELD, 1, 1)
    with pytest.raises(TooEarly) as early:
        step(held, Said(Word.AGAIN, QUIET_S - 0.5), silence, QUIET_S)
    assert early.value.left_s == 0.5
    assert step(held, Said(Word.AGAIN, QUIET_S), silence, QUIET_S).progress.state is _S.WAITING
    never_left = Progress(_S.HELD, 1, 0)
    assert step(never_left, Said(Word.AGAIN, 0.0), silence, QUIET_S).progress.state is _S.WAITING
    for word, state in ((Word.ACCEPTED, _S.ACCEPTED), (Word.GIVEN_UP, _S.GIVEN_UP)):
        assert step(held, Said(word, 0.0), silence, QUIET_S).progress.state is state
    with pytest.raises(NotAllowed):
        step(Progress(_S.UNKNOWN, 1, 1), Said(Word.AGAIN, 0.0), silence, QUIET_S)


def test_what_runs_by_itself_is_not_over() -> None:
    assert not RUNS_BY_ITSELF & OVER
    assert set(_S) - RUNS_BY_ITSELF - OVER == {_S.HELD}


# -- the whole table -------------------------------------------------------------------------------

ALL: Final = tuple(Silence)
REPEAT, LOOK_UP, ASK, GIVE_UP = Silence.REPEAT, Silence.LOOK_UP, Silence.ASK_A_PERSON, Silence.GIVE_UP
TRIES: Final = 3
UNANSWERED: Final = 2


def rows(
    state: SubmissionState, events: tuple[Event, ...], silences: tuple[Silence, ...], decision: Decision
) -> dict[tuple[SubmissionState, Event, Silence], Decision]:
    """The same decision for several events and meanings of silence."""
    return {(state, event, silence): decision for event in events for silence in silences}


def left(state: SubmissionState, tries: int = TRIES, unanswered: int = UNANSWERED) -> Progress:
    """After three tries and two unanswered messages, or after one more."""
    return Progress(state, tries, unanswered)


def lost(
    state: SubmissionState, event: Event, reason: str
) -> dict[tuple[SubmissionState, Event, Silence], Decision]:
    """What an answer that is lost leads to: 20 s are the third pause of repeats."""
    return {
        (state, event, REPEAT): Decision(left(_S.UNKNOWN, 4, 3), reason, 20.0),
        (state, event, LOOK_UP): Decision(left(_S.UNKNOWN, 4, 3), reason, QUIET_S),
        (state, event, ASK): Decision(left(_S.HELD, 4, 3), reason),
        (state, event, GIVE_UP): Decision(left(_S.GIVEN_UP, 4, 3), reason),
    }


def not_made(state: SubmissionState) -> dict[tuple[SubmissionState, Event, Silence], Decision]:
    """What a message that was not made, or did not leave, leads to: 40 s are the fourth pause of tries."""
    rest, hopeless = (NotMade("timeout"),), (NotMade("no_path"),)
    return (
        rows(state, rest, (REPEAT, LOOK_UP, ASK), Decision(left(_S.WAITING, 4), "timeout", 40.0))
        | rows(state, hopeless, (REPEAT, LOOK_UP, ASK), Decision(left(_S.HELD, 4), "no_path"))
        | rows(state, rest, (GIVE_UP,), Decision(left(_S.GIVEN_UP, 4), "timeout"))
        | rows(state, hopeless, (GIVE_UP,), Decision(left(_S.GIVEN_UP, 4), "no_path"))
    )


TABLE: Final = (
    not_made(_S.WAITING) | not_made(_S.SENT) | not_made(_S.UNKNOWN)
    | lost(_S.SENT, Heard(Verdict.UNKNOWN, "x"), "x") | lost(_S.SENT, TakenUp(False), "restarted")
    | lost(_S.SENT, TakenUp(True), "restarted") | lost(_S.WAITING, TakenUp(True), "restarted")
    | lost(_S.UNKNOWN, TakenUp(True), "restarted")
    | rows(_S.WAITING, (Leaves(),), ALL, Decision(left(_S.SENT), "leaves"))
    | rows(_S.UNKNOWN, (Leaves(),), (REPEAT, ASK, GIVE_UP), Decision(left(_S.SENT), "leaves"))
    | rows(_S.WAITING, (TakenUp(),), (REPEAT, LOOK_UP, ASK), Decision(left(_S.WAITING), "restarted", 0.0))
    | rows(_S.UNKNOWN, (TakenUp(),), (REPEAT, LOOK_UP, ASK), Decision(left(_S.UNKNOWN), "restarted", QUIET_S))
    | rows(_S.WAITING, (TakenUp(),), (GIVE_UP,), Decision(left(_S.GIVEN_UP), "restarted"))
    | rows(_S.UNKNOWN, (TakenUp(),), (GIVE_UP,), Decision(left(_S.GIVEN_UP), "restarted"))
    | rows(_S.SENT, (Heard(Verdict.ACCEPTED, "x"),), ALL, Decision(left(_S.ACCEPTED), "accepted"))
    | rows(_S.SENT, (Heard(Verdict.PARTLY, "x"),), ALL, Decision(left(_S.PARTLY), "partly"))
    | rows(_S.SENT, (Heard(Verdict.REFUSED, "x"),), ALL, Decision(left(_S.HELD), "repeat_refused"))
    | rows(_S.UNKNOWN, (Looked(Found.THERE),), ALL, Decision(left(_S.ACCEPTED), "found"))
    | rows(_S.UNKNOWN, (Looked(Found.NOT_THERE),), ALL, Decision(left(_S.WAITING), "not_found", 0.0))
    | rows(_S.UNKNOWN, (Looked(Found.UNCLEAR),), ALL, Decision(left(_S.HELD), "unclear"))
    | rows(_S.UNKNOWN, (Looked(Found.NOT_HEARD),), ALL, Decision(left(_S.UNKNOWN, 4), "not_heard", 40.0))
    | rows(_S.HELD, (Said(Word.AGAIN, QUIET_S),), ALL, Decision(left(_S.WAITING, 0), "again", 0.0))
    | rows(_S.HELD, (Said(Word.ACCEPTED, QUIET_S),), ALL, Decision(left(_S.ACCEPTED), "accepted_by_a_person"))
    | rows(_S.HELD, (Said(Word.GIVEN_UP, QUIET_S),), ALL, Decision(left(_S.GIVEN_UP), "given_up"))
    | rows(_S.WAITING, (Said(Word.GIVEN_UP, QUIET_S),), ALL, Decision(left(_S.GIVEN_UP), "given_up"))
    | rows(_S.UNKNOWN, (Said(Word.GIVEN_UP, QUIET_S),), ALL, Decision(left(_S.GIVEN_UP), "given_up"))
)  # fmt: skip
"""Every decision about a submission after three tries and two messages without answer; nothing else is decided."""


@pytest.mark.parametrize("state", _S)
def test_each_decision_is_that_of_the_table_and_nothing_else_is_decided(state: SubmissionState) -> None:
    for event, silence in itertools.product(EVENTS, Silence):
        expected = TABLE.get((state, event, silence))
        if expected is not None:
            assert step(left(state), event, silence, QUIET_S) == expected, (event, silence)
            continue
        with pytest.raises((ValueError, NotAllowed)) as refused:
            step(left(state), event, silence, QUIET_S)
        said = {
            Said: state.value, TakenUp: f"{state.value} is not taken up"
        }.get(type(event), f"{type(event).__name__} in {state.value}")  # fmt: skip
        assert (str(refused.value), type(refused.value)) == (
            said,
            NotAllowed if isinstance(event, Said) else ValueError,
        )


def test_every_event_stands_in_the_table() -> None:
    assert {event for _, event, _ in TABLE} == set(EVENTS)


def test_every_move_is_made_by_some_event() -> None:
    made = {(state, decision.progress.state) for (state, _, _), decision in TABLE.items()}
    made.add((_S.SENT, _S.REFUSED))  # the first message alone
    assert {(source, target) for source, target in made if source is not target} == SUBMISSION_MOVES


def test_how_often_and_how_long_before_a_person_is_called() -> None:
    """About a day at the slowest pace of five minutes; five messages of which nobody knows."""
    assert (MOST_TRIES, MOST_UNANSWERED) == (300, 5)
    sent = Progress(_S.SENT, 0, MOST_UNANSWERED - 1)
    for silence in (Silence.REPEAT, Silence.LOOK_UP):
        assert after(Heard(Verdict.UNKNOWN, "x"), silence=silence, progress=sent) == Decision(
            Progress(_S.HELD, 1, MOST_UNANSWERED), "x"
        )
    waits = Progress(_S.WAITING, MOST_TRIES - 2)
    assert after(NotMade("x"), progress=waits) == Decision(Progress(_S.WAITING, MOST_TRIES - 1), "x", 300.0)
    for reason, state in (("too_long", _S.WAITING), ("too_long memo", _S.HELD), ("content x", _S.HELD)):
        assert after(NotMade(reason)).progress.state is state


def test_a_refusal_of_the_first_message_is_final_and_calls_nobody() -> None:
    assert after(Leaves(), Heard(Verdict.REFUSED, "x")) == Decision(Progress(_S.REFUSED), "refused")


def test_the_words_that_the_journal_the_api_and_the_screens_know() -> None:
    assert {state.value for state in _S} == {state.name for state in _S}
    words = (*Silence, *Verdict, *Found, *Word, *Act)
    assert [word.value for word in words] == [word.name.lower() for word in words]
    assert Progress() == Progress(_S.WAITING, 0, 0)
    assert TakenUp() == TakenUp(False)
    assert Heard(Verdict.ACCEPTED) == Heard(Verdict.ACCEPTED, "")
