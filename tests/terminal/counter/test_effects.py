"""What an effect brings back when it cannot be carried out: nothing has left, and the settlement says why."""

from pathlib import Path

import msgspec

from protocols.hub.profile_reading import parse_profile
from terminal.core.states import State
from terminal.core.values import Notice
from terminal.counter.holds import ROLLED_BACK
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
