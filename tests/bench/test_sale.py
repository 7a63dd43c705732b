"""A whole sale and its floor, at tiny size: the composition is that of the protocol, and nothing is left behind."""

from collections import Counter as Count
from pathlib import Path

import pytest

from bench import far_end, round_trip, sale
from bench.counter_rig import Act, Exchange, Rig, Written, running_counter
from bench.floors import BareJournal, BarePosts
from protocols.hub.envelope import decode_answer, decode_request
from terminal.core.states import State


def kinds(acts: tuple[Act, ...]) -> list[str]:
    """The order of what was done, by name."""
    return [type(act).__name__ for act in acts]


async def test_the_floor_holds_what_a_sale_cannot_leave_out_in_its_order(tmp_path: Path) -> None:
    async with far_end.running() as addresses, running_counter(addresses, tmp_path) as rig:
        await sale.record(rig, 1)
        composition = await sale.record(rig, 2)
        await _check_composition(composition)
        await _check_floor(rig, composition, tmp_path)
        await _check_far_end_time(rig)


async def _check_composition(composition: sale.Composition) -> None:
    written = kinds(composition.acts)
    question = ["Signed", "Exchange", "Verified"]
    assert written == [
        "Exchange",
        *question,
        *question,
        "Signed",
        "Written",
        "Exchange",
        "Verified",
        "Written",
    ]
    assert composition.commits == 2
    hub = [act for act in composition.acts if isinstance(act, Exchange)][1:]
    assert [decode_request(act.request).infno for act in hub] == ["1101", "2101", "2102"]
    assert [decode_answer(act.answer).infcode for act in hub] == [0, 0, 0]
    commits = [act for act in composition.acts if isinstance(act, Written)]
    assert all(len(act.body) > len(hub[-1].request) for act in commits)
    assert composition.describe().startswith("3 signatures (")


async def _check_floor(rig: Rig, composition: sale.Composition, folder: Path) -> None:
    bare = BareJournal(folder / "bare.db")
    try:
        floor = sale.FloorRunner(rig, bare, BarePosts(rig.session, rig.addresses.ready))
        await floor.prepare(composition)
        with rig.record.kept() as acts:
            spent = await floor.run(composition.commits + 1)
        assert bare.rows() == composition.commits + 1
    finally:
        bare.close()
    # The floor's commits and posts go past the counter's meters; its crypto goes through them.
    assert Count(kinds(tuple(acts))) == {"Signed": 3, "Verified": 3}
    assert spent.total_ms == spent.crypto_ms + spent.commits_ms + spent.posts_ms
    assert min(spent.crypto_ms, spent.commits_ms, spent.posts_ms) > 0


async def _check_far_end_time(rig: Rig) -> None:
    hub_ms, centre_ms = rig.hub.far_end_ms, rig.centre.far_end_ms
    settlement_id, code = await rig.open_sale(3), await rig.fresh_code()
    await sale.sell(rig, settlement_id, code)
    assert rig.hub.far_end_ms > hub_ms
    assert rig.centre.far_end_ms > centre_ms
    await rig.finish(settlement_id)
    assert (await rig.counter.get(settlement_id)).state is State.CLOSED


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
    whole = await sale.measure(tmp_path / "sale", blocks=2, rounds=1, warm_up=1, seconds_per_round=0.0)
    assert (whole.name, whole.limit_ratio) == ("whole sale", 1.5)
    assert whole.ours_ms > 0
    assert whole.floor_ms > 0
    (tmp_path / "trip").mkdir()
    trip = await round_trip.measure(tmp_path / "trip", rounds=2, warm_up=1, seconds_per_round=0.0)
    assert trip.limit_ratio is None
    assert trip.note.startswith("1101, ")


def pairs(*figures: tuple[float, float]) -> list[sale.Pair]:
    """Pairs of a sale and a floor that was all posts."""
    return [sale.Pair(ours_ms, sale.Floor(0.0, 0.0, floor_ms)) for ours_ms, floor_ms in figures]


def test_the_block_with_the_fastest_floor_counts_whatever_its_ratio() -> None:
    busy = pairs((10.0, 9.0), (10.0, 9.0))
    quiet = pairs((9.0, 5.0), (8.0, 5.0), (90.0, 50.0))
    assert sale.quietest([busy, quiet]) is quiet
    assert sale.quietest([quiet, busy]) is quiet
