"""The clock of a doubt runs from the moment the hub answers again, and leaves the quiet time out."""

import pytest

from yibao.site.delays import final_delays, share_below
from yibao.site.road import Exchanged

OWNERS = {"settle": "S1", "undo1": "S1", "undo2": "S1", "cancel": "S2", "again": "S2"}
QUIET_S = 120.0


def clean(infno: str, msgid: str, at_s: float, *, denied: bool = False) -> Exchanged:
    return Exchanged(infno, msgid, at_s - 0.5, at_s, clean=True, answered=True, away=False, denied=denied)


def refused(infno: str, msgid: str, at_s: float) -> Exchanged:
    """As the road notes the refusal of a cancellation: the hub's own answer, and a fault."""
    return Exchanged(infno, msgid, at_s - 0.5, at_s, clean=False, answered=True, away=False, denied=True)


def silent(infno: str, msgid: str, began_s: float, ended_s: float, *, away: bool = False) -> Exchanged:
    return Exchanged(infno, msgid, began_s, ended_s, clean=False, answered=False, away=away, denied=False)


def delays(exchanges: list[Exchanged], starts_s: list[float], ups_s: list[float]) -> list[float]:
    return final_delays(exchanges, starts_s, ups_s, OWNERS, QUIET_S)


def test_it_runs_from_the_first_answer_after_the_hub_was_away() -> None:
    told = [
        silent("2102", "settle", 0.0, 30.0),
        silent("2601", "undo1", 30.0, 30.1, away=True),
        clean("1101", "another sale", 100.0),
        clean("2601", "undo2", 112.0),
    ]
    assert delays(told, [], []) == [12.0]


def test_it_runs_from_the_end_of_the_outage_even_when_the_counter_has_not_noticed() -> None:
    told = [
        silent("2102", "settle", 0.0, 30.0),
        silent("2601", "undo1", 30.0, 30.1, away=True),
        clean("2601", "undo2", 112.0),
    ]
    assert delays(told, [], [90.0]) == [22.0]


def test_a_start_of_the_counter_begins_it_too() -> None:
    assert delays([silent("2102", "settle", 0.0, 10.0), clean("2601", "undo1", 61.0)], [0.0, 55.0], []) == [
        6.0
    ]


def test_the_quiet_time_after_not_found_is_left_out() -> None:
    told = [
        silent("2102", "settle", 0.0, 30.0),
        silent("1101", "another sale", 30.0, 31.0, away=True),
        clean("2601", "undo1", 40.0, denied=True),
        clean("2601", "undo2", 165.0),
    ]
    assert delays(told, [], [35.0]) == [5.0]


def test_the_quiet_time_after_a_refused_repeat_is_left_out() -> None:
    told = [
        silent("2103", "cancel", 0.0, 30.0),
        refused("2103", "again", 40.0),
        silent("1101", "another sale", 50.0, 51.0, away=True),
        clean("2103", "again", 176.0),
    ]
    assert delays(told, [], [60.0]) == [16.0]


def test_a_cancellation_that_is_refused_at_once_is_no_doubt() -> None:
    """The customer asks again long afterwards."""
    told = [
        refused("2103", "cancel", 10.0),
        silent("1101", "another sale", 20.0, 21.0, away=True),
        clean("2103", "again", 900.0),
    ]
    assert delays(told, [], [60.0]) == []


def test_a_cancellation_that_is_refused_for_good_is_no_part_of_the_next_one() -> None:
    told = [
        silent("2103", "cancel", 10.0, 40.0),
        refused("2103", "again", 50.0),
        refused("2103", "again", 180.0),
        silent("1101", "another sale", 590.0, 591.0, away=True),
        clean("2103", "again", 900.0),
    ]
    assert delays(told, [], [600.0]) == []
    assert delays(told, [600.0], []) == []


@pytest.mark.parametrize(
    "told",
    [
        [clean("2102", "settle", 1.0)],
        [clean("2103", "cancel", 1.0)],
        [silent("2102", "settle", 0.0, 30.0), clean("2601", "undo1", 31.0)],
    ],
    ids=["settled", "cancelled at once", "the hub was never away"],
)
def test_without_a_doubt_that_saw_the_hub_come_back_there_is_nothing_to_measure(
    told: list[Exchanged],
) -> None:
    assert delays(told, [], []) == []


def test_a_doubt_whose_own_message_went_wrong_afterwards_is_not_in_the_figure() -> None:
    told = [
        silent("2102", "settle", 0.0, 30.0),
        silent("1101", "another sale", 31.0, 32.0, away=True),
        clean("1101", "another sale", 40.0),
        silent("2601", "undo1", 41.0, 71.0),
        clean("2601", "undo2", 80.0),
    ]
    assert delays(told, [], []) == []


def test_what_had_left_before_is_waited_for_by_the_rules() -> None:
    """One conversation per lane: another customer's settlement under way when the hub comes back ends first."""
    told = [
        silent("2102", "settle", 0.0, 30.0, away=False),
        silent("2601", "undo1", 30.0, 30.0, away=True),
        silent("2102", "another sale", 35.0, 65.0),
        clean("2601", "undo2", 67.0),
    ]
    assert delays(told, [], [40.0]) == [2.0]


def test_what_leaves_afterwards_is_in_the_figure() -> None:
    told = [
        silent("2102", "settle", 0.0, 30.0),
        silent("2601", "undo1", 30.0, 30.0, away=True),
        silent("2102", "another sale", 41.0, 71.0),
        clean("2601", "undo2", 73.0),
    ]
    assert delays(told, [], [40.0]) == [33.0]


def test_before_anything_has_left_there_is_no_doubt() -> None:
    """Tries that were proved not sent do not begin one."""
    told = [
        silent("2102", "settle", 0.0, 0.0, away=True),
        silent("2102", "settle", 90.0, 120.0),
        clean("2601", "undo1", 121.0),
    ]
    assert delays(told, [], [40.0]) == []


def test_a_share_is_found_by_nearest_rank() -> None:
    assert share_below([], 0.99) == 0.0
    assert share_below([3.0, 1.0, 2.0], 0.5) == 2.0
    assert share_below([float(number) for number in range(200)], 0.99) == 198.0
