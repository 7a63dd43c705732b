"""What an answer proves about a cancellation (2103): done, refused, or finished by asking 5203 and repeating it."""

import msgspec
import pytest

from protocols.money import Fen
from terminal.core.events import (
    Acknowledged,
    Answered,
    CancelAsked,
    Due,
    Event,
    Heard,
    HubSaid,
    Restarted,
    SlipPrinted,
)
from terminal.core.machine import step
from terminal.core.outcome import ALARM_AFTER_TRIES, SLOW_DELAY_S
from terminal.core.states import State
from terminal.core.undoing import may_be_hurried
from terminal.core.values import Retry
from tests.terminal.core.samples import (
    ALREADY,
    CANCEL_ID,
    COMPOSED_2103,
    FORGED,
    GATEWAY,
    HTML,
    NOT_FOUND,
    OTHER_CODE,
    PROFILE,
    REFUSED,
    SEEN,
    SHAPELESS,
    SILENT,
    TO_CONFIRMED,
    UNSENT,
    after,
    begun,
    cancelled_output,
    decide,
    good,
    notice_of,
    query_output,
)

WANTED = after(CancelAsked("T01", "错误"), start=after(*TO_CONFIRMED))
CANCELLING = after(COMPOSED_2103, start=WANTED)


def test_a_cancellation_that_is_done_owes_its_slip() -> None:
    decision = decide(CANCELLING, HubSaid("2103", good(cancelled_output())))
    assert decision.settlement.state is State.CANCELLED
    assert decision.settlement.cancellation is not None
    assert decision.settlement.cancellation.split.account_fen == 3750
    assert decision.receipt == "cancellation"
    assert decision.leave_queue


def test_already_cancelled_is_as_good_as_done() -> None:
    assert decide(CANCELLING, HubSaid("2103", ALREADY)).settlement.state is State.CANCELLED


@pytest.mark.parametrize(("tries", "told"), [(0, "cancelled_before"), (1, "cancelled")])
def test_the_cash_may_be_back_when_not_even_a_lost_try_of_ours_has_done_it(tries: int, told: str) -> None:
    decision = decide(msgspec.structs.replace(CANCELLING, tries=tries), HubSaid("2103", ALREADY))
    assert (decision.settlement.state, notice_of(decision.settlement)) == (State.CANCELLED, told)
    assert (decision.receipt, decision.leave_queue) == ("cancellation", True)


@pytest.mark.parametrize("heard", [REFUSED, NOT_FOUND])
def test_a_refused_cancellation_leaves_the_settlement_as_it_was(heard: Heard) -> None:
    back = decide(CANCELLING, HubSaid("2103", heard)).settlement
    assert back.state is State.CONFIRMED
    assert not back.cancel_wish, "it may be asked for again"
    assert notice_of(back) == "cancel_refused"


@pytest.mark.parametrize("origin", [State.CONFIRMED, State.DELIVERED, State.CLOSED])
def test_it_goes_back_to_the_very_state_it_came_from(origin: State) -> None:
    way = {
        State.CONFIRMED: (),
        State.DELIVERED: (Acknowledged("T01"),),
        State.CLOSED: (Acknowledged("T01"), SlipPrinted("original")),
    }
    settled = after(*TO_CONFIRMED, *way[origin])
    assert settled.state is origin
    cancelling = after(CancelAsked("T01", ""), COMPOSED_2103, start=settled)
    assert decide(cancelling, HubSaid("2103", REFUSED)).settlement.state is origin
    assert decide(cancelling, HubSaid("2103", UNSENT)).settlement.state is origin


def test_the_slip_that_came_out_during_a_cancellation_is_remembered_when_it_is_refused() -> None:
    delivered = after(*TO_CONFIRMED, Acknowledged("T01"))
    cancelling = after(CancelAsked("T01", ""), COMPOSED_2103, SlipPrinted("original"), start=delivered)
    back = decide(cancelling, HubSaid("2103", REFUSED))
    assert back.settlement.state is State.CLOSED
    assert [move.target for move in back.moves] == [State.DELIVERED, State.CLOSED]


@pytest.mark.parametrize(
    "heard",
    [
        SILENT,
        HTML,
        FORGED,
        GATEWAY,
        OTHER_CODE,
        SEEN,
        SHAPELESS,
        good("else"),
        good(cancelled_output(account_fen=Fen(-3749))),
    ],
)
def test_an_unclear_cancellation_is_finished_never_undone(heard: Heard) -> None:
    doubt = decide(CANCELLING, HubSaid("2103", heard))
    assert doubt.settlement.state is State.CANCEL_DOUBT
    assert notice_of(doubt.settlement) == "cancel_doubt"
    assert doubt.retry is not None
    assert doubt.retry.delay_s == 5
    asked = decide(doubt.settlement, Due(5.0))
    assert begun(asked) == ["ask 5203"]


IN_CANCEL_DOUBT = after(HubSaid("2103", SILENT), Due(5.0), start=CANCELLING)
REFUSED_REPEAT = HubSaid("5203", good(query_output("0"))), COMPOSED_2103, HubSaid("2103", REFUSED)


def test_5203_that_shows_it_refunded_ends_the_doubt() -> None:
    over = decide(IN_CANCEL_DOUBT, HubSaid("5203", good(query_output("1"))))
    assert over.settlement.state is State.CANCELLED
    assert over.leave_queue
    assert over.receipt == "cancellation"


def test_5203_that_shows_another_settlement_refunded_proves_nothing() -> None:
    decision = decide(IN_CANCEL_DOUBT, HubSaid("5203", good(query_output("1", settlement_id="H2"))))
    assert begun(decision) == []
    assert decision.settlement.state is State.CANCEL_DOUBT
    assert decision.retry is not None


def test_5203_that_shows_it_standing_has_the_cancellation_repeated() -> None:
    repeat = decide(IN_CANCEL_DOUBT, HubSaid("5203", good(query_output("0"))))
    assert begun(repeat) == ["compose CANCEL 2103"]
    sent = decide(repeat.settlement, COMPOSED_2103)
    assert sent.settlement.state is State.CANCELLING
    assert sent.settlement.cancel_from is State.CONFIRMED, "the origin is not forgotten"
    assert sent.sent is not None
    assert sent.sent.msgid == CANCEL_ID


@pytest.mark.parametrize(
    "heard",
    [SILENT, REFUSED, UNSENT, FORGED, SHAPELESS, Answered(-1, "no", query_output("1"), b"raw")],
)
def test_5203_without_a_usable_answer_is_asked_again_later(heard: Heard) -> None:
    decision = decide(IN_CANCEL_DOUBT, HubSaid("5203", heard))
    assert decision.settlement.state is State.CANCEL_DOUBT
    assert decision.retry is not None
    assert decision.retry.delay_s == 10
    assert notice_of(decision.settlement) == "cancel_waits"


def test_a_repeated_cancellation_that_did_not_leave_stays_in_doubt() -> None:
    """The first copy may have arrived: "proved not sent" holds for the second only."""
    repeated = after(HubSaid("5203", good(query_output("0"))), COMPOSED_2103, start=IN_CANCEL_DOUBT)
    assert decide(repeated, HubSaid("2103", UNSENT)).settlement.state is State.CANCEL_DOUBT


def test_a_cancellation_open_for_a_day_calls_a_person_in_words_of_a_cancellation() -> None:
    doubt = after(HubSaid("2103", SILENT), start=CANCELLING)
    manual = decide(doubt, Due(86_400.0))
    assert manual.settlement.state is State.MANUAL
    assert begun(manual) == ["ask 5203"]
    waiting = decide(manual.settlement, HubSaid("5203", SILENT)).settlement
    assert notice_of(waiting).startswith("cancel_")
    refused = after(*REFUSED_REPEAT, start=manual.settlement)
    assert (refused.state, refused.manual) == (State.MANUAL, True), "the one before it may still arrive"
    assert notice_of(refused) == "manual"
    back = after(Due(86_400.0), *REFUSED_REPEAT, start=refused)
    assert (back.state, back.manual) == (State.CONFIRMED, False), "the next one is not called out at once"


QUIET = after(*REFUSED_REPEAT, start=IN_CANCEL_DOUBT)


def test_a_refused_repeat_waits_out_the_quiet_time_for_the_one_before_it() -> None:
    repeated = after(*REFUSED_REPEAT[:2], start=IN_CANCEL_DOUBT)
    quiet = decide(repeated, HubSaid("2103", REFUSED))
    assert quiet.settlement.state is State.CANCEL_DOUBT
    assert notice_of(quiet.settlement) == "cancel_quiet"
    assert quiet.ended is not None
    assert (quiet.ended.state, quiet.ended.verdict) == ("ANSWERED", "refused")
    assert quiet.retry == Retry(1, PROFILE.quiet_s, 0.0, "refused", 1)
    assert not quiet.leave_queue
    assert not may_be_hurried(quiet.settlement), "no network that is back cuts it short"
    assert begun(decide(quiet.settlement, Due(200.0))) == ["ask 5203"]


def test_after_the_quiet_time_a_refusal_is_the_last_word() -> None:
    repeated = after(Due(200.0), *REFUSED_REPEAT[:2], start=QUIET)
    back = decide(repeated, HubSaid("2103", REFUSED))
    assert back.settlement.state is State.CONFIRMED
    assert notice_of(back.settlement) == "cancel_refused"
    assert (back.settlement.quiet_stage, back.leave_queue) == (0, True)


def test_where_no_flag_tells_refused_repeats_slow_down_and_the_quiet_time_is_never_shortened() -> None:
    """At the pace of the quiet time until people are called, then at the slow one, for ever (reliability.md 4.5)."""
    replace = msgspec.structs.replace
    unflagged = replace(PROFILE, recon=replace(PROFILE.recon, refd_flag_on_original=False))
    for quiet_s, slow_s in ((120.0, SLOW_DELAY_S), (900.0, 900.0)):
        profile = replace(unflagged, outcome=replace(PROFILE.outcome, quiet_floor_s=quiet_s))
        going_on, retries = QUIET, []
        for _ in range(ALARM_AFTER_TRIES + 1):
            for event in (Due(200.0), *REFUSED_REPEAT):
                decision = step(going_on, event, profile)
                going_on = decision.settlement
            retries.append(decision.retry)
        assert [one and one.delay_s for one in retries] == [quiet_s] * 4 + [slow_s] * 3
        assert all(one and one.jitter == 0.0 for one in retries)
        assert not may_be_hurried(going_on)


def test_what_has_no_answer_after_the_quiet_time_asks_for_another_one() -> None:
    silent = after(Due(200.0), *REFUSED_REPEAT[:2], HubSaid("2103", SILENT), start=QUIET)
    assert silent.quiet_stage == 0
    again = after(Due(210.0), *REFUSED_REPEAT, start=silent)
    assert (again.state, again.quiet_stage) == (State.CANCEL_DOUBT, 1)


def test_what_did_not_leave_after_the_quiet_time_asks_for_none() -> None:
    unsent = after(Due(200.0), *REFUSED_REPEAT[:2], HubSaid("2103", UNSENT), start=QUIET)
    assert (unsent.state, unsent.quiet_stage) == (State.CANCEL_DOUBT, 2)
    assert after(Due(210.0), *REFUSED_REPEAT, start=unsent).state is State.CONFIRMED


def test_5203_without_an_answer_may_be_asked_again_at_once_when_the_hub_is_back() -> None:
    """The quiet time is over by then."""
    waiting = decide(after(Due(200.0), start=QUIET), HubSaid("5203", SILENT))
    assert waiting.retry is not None
    assert (waiting.retry.tries, waiting.retry.quiet_stage) == (2, 2)
    assert may_be_hurried(waiting.settlement)


@pytest.mark.parametrize("state", [State.CANCEL_DOUBT, State.MANUAL])
def test_after_a_restart_the_quiet_time_of_a_cancellation_begins_anew(state: State) -> None:
    found = decide(msgspec.structs.replace(QUIET, state=state), Restarted())
    assert found.settlement.state is state
    assert found.retry == Retry(1, PROFILE.quiet_s, 0.0, "restart", 1)


def test_a_hub_that_refuses_and_is_silent_in_turns_has_a_person_called() -> None:
    """The tries count on through the quiet times."""
    going_on = QUIET
    for _ in range(ALARM_AFTER_TRIES - 1):
        silent = after(Due(200.0), *REFUSED_REPEAT[:2], HubSaid("2103", SILENT), start=going_on)
        going_on = after(Due(210.0), *REFUSED_REPEAT, start=silent)
    assert (notice_of(silent), notice_of(going_on)) == ("cancel_alarm", "cancel_alarm")
    assert going_on.notice is not None
    assert going_on.notice.params == {"tries": str(ALARM_AFTER_TRIES)}


@pytest.mark.parametrize("begun_with", [(), (Due(200.0), *REFUSED_REPEAT[:2])], ids=["quiet", "last try"])
def test_in_an_old_copy_no_refusal_has_been_waited_out(begun_with: tuple[Event, ...]) -> None:
    """Later tries than the copy knows may still arrive when two people have accepted it."""
    found = decide(after(*begun_with, start=QUIET), Restarted(old_copy=True)).settlement
    assert (found.state, found.quiet_stage) == (State.MANUAL, 0)
    again = after(Due(300.0), *REFUSED_REPEAT, start=found)
    assert (again.state, again.quiet_stage) == (State.MANUAL, 1)
    for_people = decide(again, Restarted(old_copy=True)).settlement
    assert (for_people.state, for_people.quiet_stage) == (State.MANUAL, 0)


def test_a_restart_during_the_repeat_after_the_quiet_time_leaves_one_that_may_arrive() -> None:
    found = decide(after(Due(200.0), *REFUSED_REPEAT[:2], start=QUIET), Restarted())
    assert (found.settlement.state, found.settlement.quiet_stage, found.settlement.tries) == (
        State.CANCEL_DOUBT,
        0,
        1,
    )
    assert found.retry == Retry(1, 0.0, 0.0, "restart", 0)


def test_a_cancellation_asked_for_anew_begins_without_a_past() -> None:
    """The quiet time of the one before it does not count for it."""
    back = after(Due(200.0), *REFUSED_REPEAT, start=QUIET)
    anew = after(CancelAsked("T01", ""), COMPOSED_2103, HubSaid("2103", SILENT), Due(5.0), start=back)
    assert after(*REFUSED_REPEAT, start=anew).state is State.CANCEL_DOUBT
