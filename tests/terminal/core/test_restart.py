"""What a settlement found unfinished at start becomes: what may have been sent is in doubt, what never was is not."""

import msgspec
import pytest

from terminal.core.events import Acknowledged, CancelAsked, Due, Event, HubSaid, Restarted, SlipPrinted
from terminal.core.states import State
from terminal.core.values import AttemptEnded, Move, RefundOf, Settlement
from terminal.journal.sheet import decode_sheet, encode_sheet
from tests.terminal.core.samples import (
    CODE,
    COMPOSED_2103,
    COMPOSED_2601,
    CONFIRM,
    DECODED,
    DONE_2601,
    NOT_FOUND,
    PERSON_NO,
    PROFILE,
    REFUSED,
    SETTLE_ID,
    SILENT,
    TO_CONFIRMED,
    TO_PRICED,
    TO_SENDING,
    UNSENT,
    after,
    begun,
    decide,
    good,
    notice_of,
    sale_output,
)

DOUBT: tuple[Event, ...] = (*TO_SENDING, HubSaid("2102", SILENT))
REVERSING: tuple[Event, ...] = (*DOUBT, Due(0.0), COMPOSED_2601)
REFUND = RefundOf("S0", 1, "H0", PERSON_NO)
CANCELLING: tuple[Event, ...] = (*TO_CONFIRMED, CancelAsked("T01", ""), COMPOSED_2103)


def stored(*events: Event) -> Settlement:
    """What the disk returns after these events."""
    return decode_sheet(encode_sheet(after(*events)))


@pytest.mark.parametrize("events", [(), (CODE,), (CODE, DECODED), TO_PRICED, (*TO_PRICED, CONFIRM)])
def test_what_was_never_sent_is_given_up(events: tuple[Event, ...]) -> None:
    decision = decide(stored(*events), Restarted())
    assert decision.settlement.state is State.ABANDONED
    assert notice_of(decision.settlement) == "abandoned_at_start"
    assert decision.durable
    assert decision.receipt == ""


def test_what_remains_after_a_refund_waits_for_its_customer_but_not_in_an_old_copy() -> None:
    rest = msgspec.structs.replace(after(*TO_PRICED), refund_of=REFUND)
    own, old_copy = (decide(rest, Restarted(old_copy=old_copy)) for old_copy in (False, True))
    assert own.moves == (Move(State.PRICED, State.DRAFT, "found unfinished at start"),)
    assert old_copy.moves == (Move(State.PRICED, State.ABANDONED, "found unfinished at start"),)
    assert notice_of(old_copy.settlement) == "rest_in_old_copy"
    known_at_hub = msgspec.structs.replace(rest, visit_id="M1")
    assert notice_of(decide(known_at_hub, Restarted()).settlement) == "refund_rest_abandoned"


def test_in_an_old_copy_what_was_being_sent_or_cancelled_waits_for_people() -> None:
    sending = decide(stored(*TO_SENDING), Restarted(old_copy=True))
    assert [(move.source, move.target) for move in sending.moves] == [
        (State.SENDING, State.DOUBT),
        (State.DOUBT, State.MANUAL),
    ]
    assert (sending.receipt, sending.durable, notice_of(sending.settlement)) == (
        "",
        True,
        "found_in_old_copy",
    )
    assert sending.ended == AttemptEnded(SETTLE_ID, "UNKNOWN", "old copy")
    assert sending.retry is not None, "it goes on when the journal is accepted"
    cancelling = decide(stored(*CANCELLING), Restarted(old_copy=True)).settlement
    assert (cancelling.state, cancelling.cancel_wish, cancelling.cancel_from) == (
        State.MANUAL,
        True,
        State.CONFIRMED,
    )
    again = decide(decode_sheet(encode_sheet(cancelling)), Restarted(old_copy=True))
    assert (again.settlement.state, again.moves) == (State.MANUAL, ()), "a second start changes nothing"


def test_in_an_old_copy_what_was_unsent_may_have_been_sent_since() -> None:
    armed = stored(*TO_SENDING, HubSaid("2102", UNSENT))
    assert armed.state is State.ARMED
    sending = decide(armed, Restarted(old_copy=True))
    assert (sending.settlement.state, sending.effects) == (State.SENDING, ()), "nothing is sent for it"
    assert sending.ended == AttemptEnded(SETTLE_ID, "SENT", "old copy")
    assert decide(sending.settlement, Restarted(old_copy=True)).settlement.state is State.MANUAL


def test_in_an_old_copy_what_is_open_otherwise_is_found_as_ever() -> None:
    given_up = decide(stored(*TO_PRICED), Restarted(old_copy=True))
    assert given_up.settlement.in_old_copy
    ordinarily = msgspec.structs.replace(given_up.settlement, in_old_copy=False)
    assert msgspec.structs.replace(given_up, settlement=ordinarily) == decide(stored(*TO_PRICED), Restarted())
    for events in (DOUBT, REVERSING):
        found, ordinary = (
            decide(stored(*events), Restarted(old_copy=True)),
            decide(stored(*events), Restarted()),
        )
        assert notice_of(found.settlement) == "put_off_in_old_copy"
        assert (found.settlement.state, found.moves, found.retry) == (
            ordinary.settlement.state,
            ordinary.moves,
            ordinary.retry,
        )


def test_what_was_being_sent_is_in_doubt_and_reversed_at_once() -> None:
    decision = decide(stored(*TO_SENDING), Restarted())
    assert decision.settlement.state is State.DOUBT
    assert decision.durable
    assert decision.receipt == "doubt"
    assert decision.ended is not None
    assert (decision.ended.msgid, decision.ended.state, decision.ended.verdict) == (
        SETTLE_ID,
        "UNKNOWN",
        "restart",
    )
    assert decision.retry is not None
    assert decision.retry.delay_s == 0
    assert begun(decide(decision.settlement, Due(0.0))) == ["compose REVERSE 2601"]


def test_what_was_proved_unsent_stays_armed_and_can_be_confirmed_or_given_up() -> None:
    decision = decide(stored(*TO_SENDING, HubSaid("2102", UNSENT)), Restarted())
    assert decision.settlement.state is State.ARMED
    assert notice_of(decision.settlement) == "not_sent"
    assert begun(decide(decision.settlement, CONFIRM)) == ["transmit 2102"]


def test_a_reversal_goes_on_and_its_lost_attempt_is_unknown() -> None:
    decision = decide(stored(*REVERSING), Restarted())
    assert decision.settlement.state is State.REVERSING
    assert decision.ended is not None
    assert decision.ended.state == "UNKNOWN"
    assert decision.retry is not None
    assert decision.retry.delay_s == 0


def test_an_attempt_that_had_its_answer_keeps_it() -> None:
    decision = decide(stored(*REVERSING, HubSaid("2601", SILENT)), Restarted())
    assert decision.settlement.state is State.REVERSING
    assert decision.ended is None


def test_the_quiet_time_begins_anew_because_no_clock_can_say_how_much_has_passed() -> None:
    decision = decide(stored(*REVERSING, HubSaid("2601", NOT_FOUND)), Restarted())
    assert decision.settlement.state is State.REVERSED_ONCE
    assert decision.retry is not None
    assert decision.retry.delay_s == PROFILE.quiet_s
    assert decision.durable


def test_a_cancellation_on_its_way_is_finished_by_asking() -> None:
    decision = decide(stored(*CANCELLING), Restarted())
    assert decision.settlement.state is State.CANCEL_DOUBT
    assert decision.ended is not None
    assert decision.retry is not None
    asked = decide(decision.settlement, Due(0.0))
    assert begun(asked) == ["ask 5203"]
    assert decide(asked.settlement, HubSaid("5203", UNSENT)).settlement.state is State.CANCEL_DOUBT


def test_a_quarantined_settlement_goes_on_being_undone() -> None:
    held = stored(*TO_SENDING, HubSaid("2102", good(sale_output(settlement_id=""))))
    decision = decide(held, Restarted())
    assert decision.settlement.state is State.CONFIRMED
    assert decision.settlement.quarantine
    assert decision.retry is not None
    assert begun(decide(decision.settlement, Due(0.0))) == ["compose REVERSE 2601"]


@pytest.mark.parametrize(
    ("events", "state"),
    [
        (TO_CONFIRMED, State.CONFIRMED),
        ((*TO_CONFIRMED, Acknowledged("T01")), State.DELIVERED),
        ((*TO_CONFIRMED, Acknowledged("T01"), SlipPrinted("original")), State.CLOSED),
        ((*TO_SENDING, HubSaid("2102", REFUSED)), State.REFUSED),
        ((*REVERSING, HubSaid("2601", DONE_2601)), State.REVERSED),
    ],
)
def test_what_is_known_stays_known(events: tuple[Event, ...], state: State) -> None:
    before = stored(*events)
    decision = decide(before, Restarted())
    assert decision.settlement.state is state
    assert decision.moves == ()
    assert not decision.durable
    assert decision.settlement.booking == before.booking


@pytest.mark.parametrize("events", [(), TO_SENDING, DOUBT, REVERSING, CANCELLING, TO_CONFIRMED])
def test_recovery_is_idempotent(events: tuple[Event, ...]) -> None:
    """A crash inside the recovery must not change where it ends."""
    once = decide(stored(*events), Restarted()).settlement
    twice = decide(decode_sheet(encode_sheet(once)), Restarted())
    assert twice.settlement.state is once.state
    assert twice.moves == ()


def test_code_token_and_running_step_do_not_survive_and_amounts_do() -> None:
    survivor = stored(*TO_CONFIRMED)
    assert survivor.medium is None
    assert survivor.code is None
    assert survivor.running == ""
    assert survivor.booking == after(*TO_CONFIRMED).booking
    assert survivor.lines == after(*TO_CONFIRMED).lines
