"""Pauses grow and are forgotten."""

from drivers.serial.backoff import Backoff


def test_pauses_double_from_half_a_second_to_ten() -> None:
    backoff = Backoff()
    assert [backoff.next_pause_s() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_after_a_success_the_next_pause_is_short_again() -> None:
    backoff = Backoff()
    backoff.next_pause_s()
    backoff.next_pause_s()
    backoff.reset()
    assert backoff.next_pause_s() == 0.5
