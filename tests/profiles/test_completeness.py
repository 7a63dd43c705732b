"""Every switch has its witnesses, and the page says which."""

from tools import profiles


def test_every_value_that_a_profile_may_hold_is_told_apart_by_a_test() -> None:
    assert profiles.untested() == []


def test_no_mark_names_a_switch_or_a_value_that_there_is_not() -> None:
    assert profiles.unknown() == []


def test_every_key_says_what_it_is() -> None:
    assert [one.key for one in profiles.switches() if not one.words] == []
