"""The network is back: what waits is tried at once, what rests its quiet time is left alone, and nobody is flooded."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from protocols.hub.profile_reading import parse_profile
from terminal.core.events import Answered, NoAnswer, NotSent
from terminal.core.states import State
from terminal.counter.workroom import Phase
from terminal.hub.line import HubLine, LineState
from tests.faults import fired
from tests.terminal.clinic.clinic import Clinic
from tests.terminal.harness import Shop, Till, counter_config, virtual

GOOD = Answered(0, "", object(), b"")
HOUR_S = 3600.0
PEOPLE = ("jia", "ding", "yi")


def heard_by(line: HubLine) -> list[str]:
    """The signals a line gives from now on."""
    signals: list[str] = []
    line.on_back = lambda: signals.append("back")
    return signals


def test_a_line_that_was_down_says_once_that_it_is_back() -> None:
    line = HubLine()
    signals = heard_by(line)
    line.heard(NotSent("refused"), question=False)
    assert line.state is LineState.DOWN
    assert line.trouble.is_set()
    assert signals == []
    line.heard(GOOD, question=True)
    line.heard(GOOD, question=True)
    assert signals == ["back"]
    assert line.answers
    assert not line.trouble.is_set()


def test_one_message_without_answer_makes_a_line_suspect_and_no_signal() -> None:
    line = HubLine()
    signals = heard_by(line)
    for _ in range(5):
        line.heard(NoAnswer("timeout"), question=False)
    assert line.state is LineState.SUSPECT
    line.heard(GOOD, question=True)
    assert signals == []


def test_a_question_without_answer_means_that_the_line_is_down() -> None:
    line = HubLine()
    signals = heard_by(line)
    line.heard(NoAnswer("timeout"), question=True)
    line.heard(NoAnswer("timeout"), question=False)
    assert line.state is LineState.DOWN, "down until something is answered"
    line.heard(GOOD, question=False)
    assert signals == ["back"]


async def doubts_on_three_lanes(shop: Shop) -> list[Till]:
    """Three tills of one hub, each on a lane of its own, each with a sale whose answer is lost as the hub goes away."""
    tills = []
    for number, who in enumerate(PEOPLE, start=1):
        path = shop.journal_path
        shop.journal_path = shop.folder / f"till-{number}.db"
        till = await shop.start(config=counter_config(f"T0{number}", number, str(number)))
        shop.journal_path = path
        priced = await till.quote(f"000{number}", who=who)
        shop.arm("lose-answer", "2102")
        assert (await till.counter.sales.confirm(priced.id, "T01")).state is State.DOUBT
        shop.hub_link.down = True
        tills.append(till)
        await asyncio.sleep(0.001)
        shop.hub_link.down = number == len(PEOPLE)
    return tills


@virtual
async def test_after_an_hour_without_the_hub_three_doubts_end_within_thirty_seconds(tmp_path: Path) -> None:
    """Fault F56 in small: nobody sells, the watch itself notices. Each till is alone with its doubt."""
    shop = Shop(tmp_path)
    tills = await doubts_on_three_lanes(shop)
    shop.hub_link.down = True
    await asyncio.sleep(HOUR_S)
    assert [len(till.counter.settlements.doubts()) for till in tills] == [1, 1, 1]
    shop.hub_link.down = False
    fired("F56")
    back_s = shop.clock.monotonic_s()
    for till in tills:
        await till.quiet()
    assert shop.clock.monotonic_s() - back_s <= 30
    for till in tills:
        assert till.states() == [State.REVERSED]
        await till.stop()
    assert shop.live() == []


@virtual
async def test_a_counter_with_doubts_on_three_lanes_hurries_them_all_in_their_order(tmp_path: Path) -> None:
    """One counter, its doubts of three lanes found at start: all are tried when the first answer of anything comes."""
    shop = Shop(tmp_path)
    shop.arm("lose-request", "2601", 1000)
    ids = []
    for number, who in enumerate(PEOPLE, start=1):
        till = await shop.start(config=counter_config("T01", 1, str(number)))
        priced = await till.quote(f"000{number}", who=who)
        shop.arm("lose-answer", "2102")
        ids.append((await till.counter.sales.confirm(priced.id, "T01")).id)
        shop.hub_link.down = True
        await till.kill()
        shop.hub_link.down = False
    shop.world.hub.clear()
    shop.hub_link.down = True
    till = await shop.start()
    await till.wait(HOUR_S)
    assert [settlement.id for settlement, _ in till.counter.settlements.doubts()] == ids
    assert {settlement.lane for settlement, _ in till.counter.settlements.doubts()} == {"1", "2", "3"}
    shop.hub_link.down = False
    back_s = shop.clock.monotonic_s()
    await till.quiet()
    assert shop.clock.monotonic_s() - back_s <= 30
    ended = [record["object"] for record in till.audit() if record.get("new") == "REVERSED"]
    assert ended == ids, "first in, first out"
    await till.stop()


@virtual
async def test_a_first_sale_after_the_outage_brings_the_doubts_forward(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    await till.settle("0001")
    shop.hub_link.down = True
    await till.wait(HOUR_S)
    await till.wait(1)
    shop.hub_link.down = False
    other = await till.quote("0002", who="ding")
    await till.wait(1)
    assert till.states() == [State.REVERSED, State.DRAFT]
    assert other.state is State.PRICED
    await till.stop()


@virtual
async def test_the_quiet_time_is_not_shortened(tmp_path: Path) -> None:
    """Rule 7: the original may still be travelling, whatever the network has done meanwhile."""
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-request", "2102")
    doubtful = await till.settle("0001")
    await till.wait(1)
    assert (await till.get(doubtful.id)).state is State.REVERSED_ONCE
    for _ in range(5):
        shop.hub_link.down = True
        await till.counter.media.give_code(
            (await till.open(f"x{shop.clock.monotonic_s()}")).id, shop.code("ding")
        )
        shop.hub_link.down = False
        await till.counter.media.give_code(
            (await till.open(f"y{shop.clock.monotonic_s()}")).id, shop.code("ding")
        )
        await till.wait(shop.profile.quiet_s / 8)
    assert (await till.get(doubtful.id)).state is State.REVERSED_ONCE
    assert [attempt[1] for attempt in till.attempts(doubtful.id)] == ["2102", "2601"]
    await till.wait(shop.profile.quiet_s)
    assert (await till.get(doubtful.id)).state is State.REVERSED
    await till.stop()


@virtual
async def test_a_flapping_network_gives_one_signal_in_five_seconds(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 10_000)
    doubtful = await till.settle("0001")
    await till.wait(400)
    before = len(till.attempts(doubtful.id))
    line = till.counter.hub.line
    for _ in range(100):
        line.heard(NotSent("refused"), question=False)
        line.heard(GOOD, question=True)
        await till.wait(0.1)
    await till.wait(4)
    assert len(till.attempts(doubtful.id)) - before <= 3
    await till.stop()


@virtual
async def test_without_anything_that_waits_a_silent_hub_is_not_asked(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.hub_link.down = True
    await till.quote("0001")
    assert not till.counter.hub.line.answers
    points = len(till.watch.points)
    await till.wait(HOUR_S)
    assert till.watch.points[points:] == []
    await till.stop()


@virtual
async def test_a_hub_that_only_leaves_2601_unanswered_keeps_the_slow_rhythm(tmp_path: Path) -> None:
    """It answers questions, so the line is not down: no signal, and the tries stay at one in five minutes."""
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 10_000)
    doubtful = await till.settle("0001")
    await till.wait(HOUR_S)
    tries = [attempt for attempt in till.attempts(doubtful.id) if attempt[1] == "2601"]
    assert 6 + 10 <= len(tries) <= 6 + 15
    await till.stop()


@virtual
async def test_a_hub_that_swallows_everything_is_noticed_when_it_answers_again(tmp_path: Path) -> None:
    """The connection stands, nothing is answered: only an authentic answer ends such an outage."""
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 10_000)
    shop.arm("lose-request", "5201", 10_000)
    await till.settle("0001")
    await till.wait(HOUR_S)
    shop.world.hub.clear()
    back_s = shop.clock.monotonic_s()
    await till.quiet()
    assert shop.clock.monotonic_s() - back_s <= 30
    assert till.states() == [State.REVERSED]
    await till.stop()


@virtual
async def test_a_name_made_too_long_while_a_doubt_is_open_does_not_end_the_counter(tmp_path: Path) -> None:
    """The watch's question cannot be sent then; that is no reason to stop selling, and the doubt is still waited for."""
    text = '[env]\nsign_in = "none"\n[limits]\ncheck_printed = ["fixmedins_name"]'
    shop = Shop(tmp_path, profile=parse_profile(text, "x.toml"))
    till = await shop.start()
    shop.arm("lose-answer", "2102")
    shop.arm("lose-request", "2601", 10_000)
    await till.settle("0001")
    await till.stop()
    config = counter_config()
    place = msgspec.structs.replace(config.institution, name="店" * 21)
    till = await shop.start(config=msgspec.structs.replace(config, institution=place))
    till.counter.hub.line.heard(NoAnswer("timeout"), question=True)
    await till.wait(60)
    assert (till.counter.phase, len(till.counter.settlements.doubts())) == (Phase.READY, 1)
    await till.stop()


@virtual
async def test_withdrawals_that_a_visit_owes_are_listed_and_hurried(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    priced = await window.priced()
    clinic.hub_link.down = True
    assert (await window.abandon(priced)).owed == ("2205", "2202")
    await asyncio.sleep(HOUR_S)
    assert [settlement.id for settlement, _ in window.counter.settlements.doubts()] == [priced.id]
    clinic.hub_link.down = False
    await asyncio.sleep(30)
    assert (await window.get(priced)).owed == ()
    assert window.counter.settlements.doubts() == []
    await window.finish()


@pytest.mark.parametrize("cancelling", [False, True])
@virtual
async def test_between_its_slow_tries_a_persons_case_waits_in_manual(
    cancelling: bool, tmp_path: Path
) -> None:
    """The hub answers everything but the undoing: two people can close the case at any time, and the tries go on."""
    shop = Shop(tmp_path)
    till = await shop.start()
    for infno in ("2601", "5203"):
        shop.arm("lose-request", infno, 100_000)
    shop.arm("lose-answer", "2103" if cancelling else "2102")
    settled = await till.settle()
    if cancelling:
        await till.counter.sales.cancel(settled.id, "T01", "")
    await till.wait(25 * HOUR_S)
    tries = (await till.get(settled.id)).tries
    for _ in range(10):
        await till.wait(400)
        assert (await till.get(settled.id)).state is State.MANUAL
    assert (await till.get(settled.id)).tries > tries
    shop.world.hub.clear()
    await till.quiet()
    assert (await till.get(settled.id)).state is (State.CANCELLED if cancelling else State.REVERSED)
    shop.assert_books_agree(till)
    await till.stop()


@virtual
async def test_a_cancellation_repeated_for_a_day_calls_a_person(tmp_path: Path) -> None:
    """5203 always says "not refunded" and every 2103 is lost: the age of the doubt goes on through the repetitions."""
    shop = Shop(tmp_path)
    till = await shop.start()
    settled = await till.settle()
    shop.arm("lose-request", "2103", 100_000)
    await till.counter.sales.cancel(settled.id, "T01", "")
    await till.wait(25 * HOUR_S)
    known = await till.get(settled.id)
    assert known.state is State.MANUAL
    shop.world.hub.clear()
    await till.quiet()
    assert (await till.get(settled.id)).state is State.CANCELLED
    await till.stop()
