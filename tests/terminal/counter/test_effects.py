"""What an effect brings back when it cannot be carried out: nothing has left, and the settlement says why."""

from pathlib import Path

import msgspec
import pytest

from protocols.hub.profile_reading import parse_profile
from protocols.secret import Secret
from terminal.core.events import (
    Ask,
    CentreRefused,
    Compose,
    ComposeFailed,
    Decode,
    Effect,
    Event,
    HubSaid,
    NoAnswer,
    Transmit,
    Wake,
)
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.effects import key_of_what_is_undone, name_of, worst_outcome
from terminal.counter.holds import ROLLED_BACK
from tests.terminal.core.samples import TO_SENDING, after, draft
from tests.terminal.harness import PILLS, Shop, counter_config, virtual

CHECKED = '[env]\nsign_in = "none"\n[limits]\ncheck_printed = ["fixmedins_name"]'
LONG = msgspec.structs.replace(
    counter_config(), institution=msgspec.structs.replace(counter_config().institution, name="店" * 21)
)


@virtual
async def test_a_question_that_lost_its_sign_in_and_cannot_get_another_stays_with_the_hubs_answer(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.world.ledger.remove_sign_in(till.counter.hub.sign_in_no)
    shop.arm("lose-request", "9001")
    waiting = await till.quote("0001")
    assert (waiting.state, waiting.person, waiting.quote) == (State.DRAFT, None, None)
    assert waiting.notice is not None
    assert waiting.notice.code == "hub_refused_question"
    assert [message.infno for message in shop.world.ledger.messages()].count("1101") == 1, "not asked again"
    priced = await till.counter.media.give_code(waiting.id, shop.code())
    assert priced.state is State.PRICED, "with a new sign-in it goes on"
    await till.stop()


@virtual
async def test_a_question_with_a_field_longer_than_the_hub_takes_is_not_asked(tmp_path: Path) -> None:
    shop = Shop(tmp_path, profile=parse_profile(CHECKED, "x.toml"))
    till = await shop.start(config=LONG)
    waiting = await till.quote("0001")
    assert waiting.notice == Notice("field_too_long", {"field": "fixmedins_name"})
    assert not shop.world.ledger.messages()
    await till.stop()


@virtual
async def test_a_settlement_with_a_field_longer_than_the_hub_takes_is_not_sent(tmp_path: Path) -> None:
    """Trace codes are the settlement's alone: the quote before it could be asked for."""
    profile = parse_profile('[limits]\ncheck_printed = ["drug_trac_codg"]', "x.toml")
    shop = Shop(tmp_path, profile=profile)
    till = await shop.start()
    priced = await till.quote("0001", (msgspec.structs.replace(PILLS, trace_codes=("8" * 31,)),))
    assert priced.state is State.PRICED
    stopped = await till.counter.sales.confirm(priced.id, "T01")
    assert (stopped.state, stopped.notice) == (
        State.ARMED,
        Notice("field_too_long", {"field": "drug_trac_codg"}),
    )
    assert (till.attempts(priced.id), shop.live()) == ([], [])
    assert (await till.counter.sales.abandon(priced.id, "T01")).state is State.ABANDONED
    await till.stop()


@virtual
async def test_nothing_that_changes_the_hub_leaves_an_old_copy_of_the_journal_found_meanwhile(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601")
    doubtful = await till.settle("0001")
    found = Notice(ROLLED_BACK, {"count": "1", "noted": "2"})
    till.counter.holds.set(found)
    reversals = [attempt for attempt in till.attempts(doubtful.id) if attempt[0] == "REVERSE"]
    await till.wait(400)
    assert [attempt for attempt in till.attempts(doubtful.id) if attempt[0] == "REVERSE"] == reversals
    assert len(shop.live()) == 1
    till.counter.holds.lift(ROLLED_BACK)
    await till.quiet()
    assert (await till.get(doubtful.id)).state is State.REVERSED
    assert shop.live() == []
    await till.stop()


SILENT = HubSaid("2102", NoAnswer("internal"))
EFFECTS: list[tuple[Effect, str, Event | None]] = [
    (
        Decode(Secret("28" * 10)),
        "decode",
        CentreRefused("centre_not_reached", {"reason": "internal"}, rescan=False),
    ),
    (Ask("2102"), "ask 2102", SILENT),
    (Compose("REVERSE", "2601"), "compose 2601", ComposeFailed("REVERSE", "a_code")),
    (Transmit("2102", "msgid", b"{}"), "send 2102", SILENT),
    (Wake(), "wake", None),
]


@pytest.mark.parametrize(("effect", "name", "worst"), EFFECTS)
def test_each_effect_has_a_name_without_data_and_a_worst_outcome(
    effect: Effect, name: str, worst: Event | None
) -> None:
    assert name_of(effect) == name
    if worst is None:
        with pytest.raises(AssertionError, match="a wake cannot break down"):
            worst_outcome(effect, "a_code")
    else:
        assert worst_outcome(effect, "a_code") == worst


def test_a_reversal_is_signed_by_the_key_of_the_settlement_it_undoes() -> None:
    sent = after(*TO_SENDING, start=draft(id="S1"))
    assert sent.attempt is not None
    old = msgspec.structs.replace(
        sent, settle_key_id="", attempt=msgspec.structs.replace(sent.attempt, key_id="key of the attempt")
    )
    known = msgspec.structs.replace(old, settle_key_id="key of the settlement")
    assert key_of_what_is_undone("REVERSE", known) == "key of the settlement"
    assert key_of_what_is_undone("REVERSE", old) == "key of the attempt"
    assert key_of_what_is_undone("REVERSE", msgspec.structs.replace(known, attempt=None)) == ""
    for purpose in ("SETTLE", "CANCEL", "STEP"):
        assert key_of_what_is_undone(purpose, known) == ""
