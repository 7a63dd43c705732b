"""A whole sale and its floor, at tiny size: the composition is that of the protocol, and nothing is left behind."""

from collections import Counter as Count
from pathlib import Path

import pytest

from bench import far_end, own_journal, round_trip, sale
from bench.composition import Booked, Composition, Floor, FloorRunner, Pair, results, steady
from bench.counter_rig import Act, Exchange, Rig, Signed, Written, running_counter
from bench.floors import BareJournal, BarePosts
from protocols.hub.envelope import decode_answer, decode_request
from terminal.core.states import State


def kinds(acts: tuple[Act, ...]) -> list[str]:
    """What was done, in its order, by name."""
    return [type(act).__name__ for act in acts]


async def test_the_floor_holds_what_a_sale_cannot_leave_out_in_its_order(tmp_path: Path) -> None:
    async with far_end.running() as addresses, running_counter(addresses, tmp_path) as rig:
        await sale.record(rig, 1)
        composition = await sale.record(rig, 2)
        _check_composition(composition)
        await _check_floor(rig, composition, tmp_path)
        await _check_far_end_time(rig)


def _check_composition(composition: Composition) -> None:
    question = ["Signed", "Exchange", "Verified"]
    settling = ["Signed", "Written", "Exchange", "Verified", "Written"]
    assert kinds(composition.acts) == ["Exchange", *question, *question, *settling]
    hub = [act for act in composition.acts if isinstance(act, Exchange)][1:]
    assert [decode_request(act.request).infno for act in hub] == ["1101", "2101", "2102"]
    assert [decode_answer(act.answer).infcode for act in hub] == [0, 0, 0]
    assert [decode_request(one.exchange.request).infno for one in composition.booked()] == ["2102"]
    assert all(len(act.body) > len(hub[-1].request) for act in composition.written)
    assert composition.describe().startswith("3 signatures (")


async def _check_floor(rig: Rig, composition: Composition, folder: Path) -> None:
    bare, posts = BareJournal(folder / "bare.db"), BarePosts(rig.session, rig.addresses.ready)
    try:
        async with own_journal.running(folder / "own.db") as own:
            floor = FloorRunner(rig, own, bare, posts)
            await floor.prepare(composition)
            with rig.record.kept() as acts:
                spent = await floor.run(commits=3)
            assert len(await own.thread.call(lambda journal: journal.settlements.recent(10))) == 2
        assert bare.rows() == 3
    finally:
        bare.close()
    # Commits and posts of the floor go past the counter's meters; its signatures and verifications go through them.
    assert Count(kinds(tuple(acts))) == {"Signed": 3, "Verified": 3}
    assert posts.far_end_ms > 0
    assert min(spent.crypto_ms, spent.posts_ms, spent.commits_ms, spent.bare_commits_ms) > 0


async def _check_far_end_time(rig: Rig) -> None:
    hub_ms, centre_ms = rig.hub.far_end_ms, rig.centre.far_end_ms
    settlement_id, code = await rig.open_sale(3), await rig.fresh_code()
    await sale.sell(rig, settlement_id, code)
    assert rig.hub.far_end_ms > hub_ms
    assert rig.centre.far_end_ms > centre_ms
    await rig.finish(settlement_id)
    assert (await rig.counter.settlements.get(settlement_id)).state is State.CLOSED


async def test_a_sale_that_does_not_end_confirmed_is_no_measurement(tmp_path: Path) -> None:
    async with far_end.running() as addresses, running_counter(addresses, tmp_path) as rig:
        settlement_id, code = await rig.open_sale(1), await rig.fresh_code()
        order = {"fault": "lose-answer", "infno": "2102"}
        async with rig.session.post(f"{addresses.control}/faults", json=order) as answer:
            answer.raise_for_status()
        with pytest.raises(RuntimeError, match="the sale ended"):
            await sale.sell(rig, settlement_id, code)


async def test_sale_and_round_trip_are_measured_beside_their_floors(tmp_path: Path) -> None:
    (tmp_path / "sale").mkdir()
    whole, strict = await sale.measure(tmp_path / "sale", rounds=2, warm_up=1, seconds_per_round=0.0)
    assert (whole.name, whole.limit_ratio) == ("whole sale", 1.5)
    assert strict.limit_ratio is None
    assert whole.ours_ms == strict.ours_ms > 0
    assert whole.floor_ms > 0
    (tmp_path / "trip").mkdir()
    trip = await round_trip.measure(tmp_path / "trip", rounds=2, warm_up=1, seconds_per_round=0.0)
    assert trip.limit_ratio is None
    assert trip.note.startswith("1101, ")


def test_each_message_stands_between_its_own_two_commits_whatever_is_asked_in_between() -> None:
    sent, outcome, settle, done = (Written(name) for name in (b"s3", b"s4", b"s5", b"s6"))
    asked, step, question, settled = (
        Exchange(name, b"", 0.0) for name in (b"1101", b"2201", b"2206A", b"2207A")
    )
    acts = (asked, Signed(b"2201"), sent, step, outcome, question, Signed(b"2207A"), settle, settled, done)
    assert Composition(acts).booked() == [Booked(sent, step, outcome), Booked(settle, settled, done)]


def test_the_two_floors_differ_in_the_commits_alone() -> None:
    floor = Floor(crypto_ms=4.0, posts_ms=2.0, commits_ms=3.0, bare_commits_ms=0.5)
    assert floor.total_ms == 9.0
    assert floor.strict_ms == 6.5
    whole, strict = results("sale", 1.5, Composition(()), [Pair(12.0, floor)] * 3)
    assert (whole.ours_ms, whole.floor_ms) == (12.0, 9.0)
    assert (strict.ours_ms, strict.floor_ms) == (12.0, 6.5)


def test_the_half_of_the_rounds_with_the_fastest_computing_counts_whatever_its_ratio() -> None:
    def pair(ours_ms: float, crypto_ms: float) -> Pair:
        return Pair(ours_ms, Floor(crypto_ms, 1.0, 1.0, 1.0))

    slow, fast, faster = pair(10.0, 9.0), pair(90.0, 4.0), pair(9.0, 3.9)
    assert list(steady([slow, fast, slow, faster])) == [faster, fast]
    assert list(steady([slow, fast, faster])) == [faster, fast]
