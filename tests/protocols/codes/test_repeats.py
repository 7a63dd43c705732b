"""A code left in view is one scan."""

from protocols.codes.repeats import RepeatFilter


def test_the_window_slides_while_the_code_stays_in_view() -> None:
    seen = RepeatFilter()
    assert not seen.is_repeat(b"A", "]E0", 0.0)
    for now in (1.0, 2.0, 3.0, 4.4):
        assert seen.is_repeat(b"A", "]E0", now)
    assert not seen.is_repeat(b"A", "]E0", 5.9)


def test_another_code_or_symbology_is_another_scan() -> None:
    seen = RepeatFilter()
    assert not seen.is_repeat(b"A", "]E0", 0.0)
    assert not seen.is_repeat(b"A", "]Q1", 0.1)
    assert not seen.is_repeat(b"B", "]E0", 0.2)
    assert seen.is_repeat(b"A", "]E0", 0.3)


def test_a_flood_of_different_codes_is_not_remembered_without_bound() -> None:
    seen = RepeatFilter()
    for number in range(1000):
        seen.is_repeat(b"%d" % number, "", 0.0)
    assert len(seen._last_seen_s) == 64
    assert seen.is_repeat(b"999", "", 0.0)
    assert not seen.is_repeat(b"0", "", 0.0)
