"""Pauses between tries of the broker."""

from terminal.fleet.pacing import Pacing


def test_pauses_double_from_one_second_to_a_minute() -> None:
    """PD-60, without jitter in its upper half: 1, 2, 4 ... 60, 60."""
    pacing = Pacing(lambda: 1.0)
    assert [pacing.pause_s(0.0, permanent=False) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_takes_off_up_to_half_but_never_goes_under_a_second() -> None:
    """The terminals of a town do not come back together."""
    pacing = Pacing(lambda: -1.0)
    assert [pacing.pause_s(0.0, permanent=False) for _ in range(8)] == [1, 1, 2, 4, 8, 16, 30, 30]


def test_only_a_stable_connection_forgets_the_series() -> None:
    """A broker that takes us and drops us after 59 s is still in trouble; after 60 s it begins anew."""
    pacing = Pacing(lambda: 1.0)
    assert [pacing.pause_s(59.0, permanent=False) for _ in range(3)] == [1, 2, 4]
    assert pacing.pause_s(60.0, permanent=False) == 1


def test_what_a_person_must_correct_is_tried_every_quarter_of_an_hour() -> None:
    """A wrong password is no reason to hammer the broker, nor to need a restart once it is right."""
    pacing = Pacing(lambda: 1.0)
    assert pacing.pause_s(0.0, permanent=True) == 900
    assert pacing.pause_s(0.0, permanent=False) == 1
