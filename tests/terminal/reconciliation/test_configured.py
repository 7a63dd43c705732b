"""The time of the daily run in the counter's file."""

import datetime as dt

from terminal.config import ReconciliationConfig


def test_without_a_time_there_is_no_daily_run() -> None:
    assert ReconciliationConfig().time is None
    assert ReconciliationConfig(daily_at="08:30").time == dt.time(8, 30)
