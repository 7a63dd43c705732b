"""Counters with a money bug built in on purpose: the crash test must catch every one, else it proves nothing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from protocols.hub.profile import Profile
from terminal.core.advancing import moved
from terminal.core.events import Answered, Decision, Event, Heard, HubSaid, NotAuthentic, Restarted, Transmit
from terminal.core.machine import step
from terminal.core.states import State
from terminal.core.values import AttemptEnded, Settlement
from tests.recovery.test_crash_anywhere import assert_nothing_unsaid, one_life, purchase
from tests.terminal.harness import in_line
from yibao.site.virtual_loop import run_virtual

pytestmark = in_line
Step = Callable[[Settlement, Event, Profile], Decision]
_replace = msgspec.structs.replace


def bad_signature_is_a_refusal(right: Step) -> Step:
    """Takes whatever cannot be authenticated for a no."""

    def twin(settlement: Settlement, event: Event, profile: Profile) -> Decision:
        if isinstance(event, HubSaid) and isinstance(event.heard, NotAuthentic):
            heard: Heard = Answered(-1, "refused", None, event.heard.raw)
            event = HubSaid(event.infno, heard)
        return right(settlement, event, profile)

    return twin


def silence_is_success(right: Step) -> Step:
    """Ends a doubt as reversed without asking."""

    def twin(settlement: Settlement, event: Event, profile: Profile) -> Decision:
        decision = right(settlement, event, profile)
        if decision.settlement.state is State.REVERSING and decision.effects:
            heard = Answered(0, "", None, b"")
            return _replace(right(decision.settlement, HubSaid("2601", heard), profile), sent=decision.sent)
        return decision

    return twin


def sending_was_never_sent(right: Step) -> Step:
    """Believes after a restart that nothing had left."""

    def twin(settlement: Settlement, event: Event, profile: Profile) -> Decision:
        if isinstance(event, Restarted) and settlement.state is State.SENDING and settlement.attempt:
            unsent = AttemptEnded(settlement.attempt.msgid, "UNSENT", "restart")
            armed, moves = moved(_replace(settlement, in_flight=False), State.ARMED, "never sent")
            return Decision(armed, moves, durable=True, ended=unsent)
        return right(settlement, event, profile)

    return twin


def sends_before_it_writes(right: Step) -> Step:
    """Leaves the intent out of the journal and sends all the same."""

    def twin(settlement: Settlement, event: Event, profile: Profile) -> Decision:
        decision = right(settlement, event, profile)
        if any(isinstance(effect, Transmit) and effect.infno == "2102" for effect in decision.effects):
            return _replace(decision, durable=False)
        return decision

    return twin


def tells_before_it_writes(right: Step) -> Step:
    """Reports a settlement as settled without having written it."""

    def twin(settlement: Settlement, event: Event, profile: Profile) -> Decision:
        decision = right(settlement, event, profile)
        if decision.settlement.state is State.CONFIRMED and not decision.settlement.acknowledged:
            return _replace(decision, durable=False)
        return decision

    return twin


def forgets_its_doubts(right: Step) -> Step:
    """Clears the queue at start."""

    def twin(settlement: Settlement, event: Event, profile: Profile) -> Decision:
        if isinstance(event, Restarted) and settlement.state in (State.DOUBT, State.REVERSING):
            return Decision(settlement)
        return right(settlement, event, profile)

    return twin


TWINS = [
    (bad_signature_is_a_refusal, "bad-signature 2102"),
    (silence_is_success, "lose-answer 2102"),
    (sending_was_never_sent, ""),
    (sends_before_it_writes, ""),
    (tells_before_it_writes, ""),
    (forgets_its_doubts, "lose-answer 2102"),
]


@pytest.mark.parametrize(("twin", "fault"), TWINS)
def test_the_crash_test_catches_a_counter_that(
    twin: Callable[[Step], Step], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminal.counter.engine.step", twin(step))
    survived = False
    point = 0
    try:
        while not survived:
            point += 1
            folder = tmp_path / str(point)
            folder.mkdir()

            async def life(folder: Path = folder, stop_at: int = point) -> bool:
                shop, till, survived, told = await one_life(folder, purchase, fault, stop_at)
                shop.assert_books_agree(till)
                assert_nothing_unsaid(told, till)
                await till.stop()
                return survived

            survived = run_virtual(life)
    except AssertionError:
        return
    raise AssertionError("the twin went unnoticed")
