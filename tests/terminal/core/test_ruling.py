"""What two people may decide after reconciliation, and what they may not."""

import msgspec
import pytest

from terminal.core.events import (
    Compose,
    Composed,
    ComposeFailed,
    HubSaid,
    Misuse,
    Reopened,
    Restarted,
    Ruled,
    Transmit,
)
from terminal.core.ruling import rulings
from terminal.core.states import State
from terminal.core.values import Attempt, Move, Notice, Settlement
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.terminal.core import samples
from tests.terminal.core.samples import decide, draft, good

_replace = msgspec.structs.replace
EVIDENCE = "3202 line 1 of the file with SM3 00"


def unseen() -> Settlement:
    """Reversed because the hub twice knew nothing of it, as the disk gives it back."""
    before = _replace(draft(), state=State.REVERSED, unseen=True, settle_msgid="M1", quiet_stage=2, tries=0)
    return decode_sheet(encode_sheet(before))


def manual(*, cancel_wish: bool) -> Settlement:
    """Open for more than a day."""
    return _replace(
        draft(),
        state=State.MANUAL,
        cancel_wish=cancel_wish,
        tries=9,
        cancel_from=State.CLOSED if cancel_wish else None,
    )


def test_an_unseen_reversal_is_sent_again_under_its_own_rules() -> None:
    closed = _replace(unseen(), tries=3, manual=True, notice=Notice("reversed_unseen"))
    asked = decide(closed, Reopened())
    assert asked.effects == (Compose("REVERSE", "2601"),)
    assert (asked.settlement.state, asked.durable, asked.moves) == (State.REVERSED, False, ())
    assert asked.settlement == _replace(unseen(), running="reverse", quarantine=True, quiet_stage=0), "anew"
    written = decide(asked.settlement, samples.COMPOSED_2601)
    assert written.moves == (Move(State.REVERSED, State.REVERSING, "2601 written"),)
    assert written.durable
    assert isinstance(written.effects[0], Transmit)
    assert written.settlement.quarantine, "it may not keep its sale number from a later settlement"
    done = decide(written.settlement, HubSaid("2601", good(None)))
    assert (done.settlement.state, done.settlement.unseen) == (State.REVERSED, False)
    assert done.leave_queue


def test_not_found_again_takes_the_quiet_time_again() -> None:
    written = decide(decide(unseen(), Reopened()).settlement, samples.COMPOSED_2601)
    once = decide(written.settlement, HubSaid("2601", samples.NOT_FOUND))
    assert (once.settlement.state, once.settlement.quiet_stage) == (State.REVERSED_ONCE, 1)
    assert once.retry is not None
    assert once.retry.delay_s == 120.0


def test_a_restart_goes_on_with_what_was_taken_up_again() -> None:
    written = decide(decide(unseen(), Reopened()).settlement, samples.COMPOSED_2601).settlement
    found = decide(decode_sheet(encode_sheet(written)), Restarted())
    assert found.retry is not None
    assert found.settlement.state is State.REVERSING


def test_a_2601_that_cannot_be_made_leaves_it_over_and_askable_again() -> None:
    asked = decide(unseen(), Reopened()).settlement
    failed = decide(asked, ComposeFailed("REVERSE", "key_locked"))
    assert (failed.settlement.state, failed.settlement.running) == (State.REVERSED, "")
    assert (failed.settlement.quarantine, failed.retry, failed.durable) == (False, None, False)
    assert failed.settlement.notice == Notice("key_locked")
    assert decide(failed.settlement, Reopened()).effects == (Compose("REVERSE", "2601"),)


@pytest.mark.parametrize("state", [state for state in State if state is not State.REVERSED])
def test_nothing_else_is_taken_up_again(state: State) -> None:
    with pytest.raises(Misuse) as refused:
        decide(_replace(unseen(), state=state), Reopened())
    assert refused.value.code == "nothing_to_correct"


def test_a_reversal_the_hub_has_answered_is_not_taken_up_again() -> None:
    with pytest.raises(Misuse):
        decide(_replace(unseen(), unseen=False), Reopened())
    with pytest.raises(Misuse):
        decide(_replace(unseen(), running="reverse"), Reopened())


@pytest.mark.parametrize(
    ("cancel_wish", "target", "receipt"),
    [
        (False, State.REVERSED, "reversed"),
        (True, State.CANCELLED, "cancellation"),
        (True, State.CONFIRMED, ""),
    ],
)
def test_what_waits_in_manual_is_closed_on_evidence(cancel_wish: bool, target: State, receipt: str) -> None:
    closed = decide(manual(cancel_wish=cancel_wish), Ruled(target, EVIDENCE))
    assert closed.moves == (Move(State.MANUAL, target, EVIDENCE),)
    assert (closed.settlement.state, closed.receipt) == (target, receipt)
    assert closed.durable
    assert closed.leave_queue
    assert (closed.settlement.cancel_wish, closed.settlement.cancel_from, closed.settlement.tries) == (
        False,
        None,
        0,
    )


def sent(purpose: str, *, quiet_stage: int = 0) -> Settlement:
    """A doubt in MANUAL whose newest message had this purpose."""
    newest = Attempt("M1", purpose, "2102", "key", b"")
    return _replace(manual(cancel_wish=False), attempt=newest, quiet_stage=quiet_stage)


def test_a_doubt_is_confirmed_only_when_no_2601_was_ever_written() -> None:
    assert rulings(sent("SETTLE")) == (State.REVERSED, State.CONFIRMED)
    assert rulings(sent("REVERSE")) == (State.REVERSED,)
    assert rulings(sent("SETTLE", quiet_stage=1)) == (State.REVERSED,)
    confirmed = decide(sent("SETTLE"), Ruled(State.CONFIRMED, EVIDENCE))
    assert (confirmed.settlement.state, confirmed.receipt, confirmed.leave_queue) == (
        State.CONFIRMED,
        "",
        True,
    )
    assert confirmed.settlement.paper_out, "its slip was printed before the copy was put back"
    assert confirmed.settlement.notice == Notice("confirmed_by_ruling")
    with pytest.raises(Misuse):
        decide(sent("REVERSE"), Ruled(State.CONFIRMED, EVIDENCE))


def test_what_was_closed_starts_from_the_beginning_when_it_is_cancelled_again() -> None:
    """The person called for the first cancellation is not called at once for the next."""
    called = _replace(manual(cancel_wish=True), manual=True)
    for target in rulings(called):
        assert not decide(called, Ruled(target, EVIDENCE)).settlement.manual


def test_a_visit_whose_cancellation_is_ruled_out_still_withdraws_late_lines() -> None:
    visit = _replace(manual(cancel_wish=True), flow="clinic_visit", visit_id="V1", stray_lines=True)
    back = decide(visit, Ruled(State.CONFIRMED, EVIDENCE))
    assert (back.settlement.owed, back.leave_queue) == (("2205",), False)
    assert back.retry is not None
    assert back.retry.delay_s == samples.PROFILE.quiet_s


@pytest.mark.parametrize(
    ("cancel_wish", "target"),
    [
        (False, State.CONFIRMED), (False, State.CANCELLED), (False, State.REFUSED), (True, State.REVERSED),
        (True, State.REFUSED), (True, State.CLOSED),
    ],
)  # fmt: skip
def test_manual_is_closed_in_no_other_way(cancel_wish: bool, target: State) -> None:
    with pytest.raises(Misuse):
        decide(manual(cancel_wish=cancel_wish), Ruled(target, EVIDENCE))


def test_nothing_is_ruled_while_a_message_is_on_its_way_or_outside_manual() -> None:
    with pytest.raises(Misuse) as busy:
        decide(_replace(manual(cancel_wish=False), running="reverse"), Ruled(State.REVERSED, EVIDENCE))
    assert busy.value.code == "busy"
    assert [state for state in State if rulings(_replace(draft(), state=state))] == [State.MANUAL]


@pytest.mark.parametrize(
    "kept",
    [
        unseen(),
        _replace(draft(), state=State.CONFIRMED, running="reverse"),
        _replace(unseen(), unseen=False, running="reverse"),
    ],
    ids=["nobody asked", "confirmed", "reversed, and the hub knows of it"],
)
def test_a_2601_that_must_not_leave_is_not_written(kept: Settlement) -> None:
    with pytest.raises(Misuse):
        decide(kept, Composed("REVERSE", "2601", "M2", "key", b"{}"))
