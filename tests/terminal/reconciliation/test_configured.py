"""The time of the daily run in the counter's file."""

import datetime as dt

import pytest

from terminal.config import ReconciliationConfig


def test_without_a_time_there_is_no_daily_run() -> None:
    assert ReconciliationConfig().time is None
    assert ReconciliationConfig(daily_at="08:30").time == dt.time(8, 30)


@pytest.mark.parametrize("text", ["8:30", "24:00", "08.30", "0830", "08:30:00", "noon", "08:3 "])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller words it
        ReconciliationConfig(daily_at=text).time  # noqa: B018 - reading it is the check
