"""Wire times are UTC+8, whatever the machine's zone."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import wire_time
from protocols.errors import MalformedMessage
from protocols.wire_time import WIRE_ZONE

MOMENT = dt.datetime(2026, 1, 5, 10, 11, 5, 482_000, tzinfo=WIRE_ZONE)


def test_a_moment_is_written_in_the_forms_of_the_interface() -> None:
    assert wire_time.format_time(MOMENT) == "2026-01-05 10:11:05"
    assert wire_time.format_date(MOMENT) == "2026-01-05"
    assert wire_time.format_stamp(MOMENT) == "20260105101105"
    assert wire_time.format_stamp_ms(MOMENT) == "20260105101105482"


def test_a_moment_of_another_zone_is_written_as_utc_plus_8() -> None:
    utc = dt.datetime(2026, 1, 5, 16, 30, tzinfo=dt.UTC)
    assert wire_time.format_time(utc) == "2026-01-06 00:30:00"
    assert wire_time.format_date(utc) == "2026-01-06"


def test_a_time_without_a_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zone"):
        wire_time.format_time(MOMENT.replace(tzinfo=None))


def test_unix_milliseconds_are_exact() -> None:
    assert wire_time.from_epoch_ms(0) == dt.datetime(1970, 1, 1, 8, tzinfo=WIRE_ZONE)
    assert wire_time.format_stamp_ms(wire_time.from_epoch_ms(1_767_579_065_482)) == "20260105101105482"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-05 10:11:05", MOMENT.replace(microsecond=0)),
        ("2026-01-05T10:11:05", MOMENT.replace(microsecond=0)),
        ("2026-01-05 10:11:05.482", MOMENT),
        ("20260105101105482", MOMENT),
        ("20260105101105", MOMENT.replace(microsecond=0)),
        ("2026-01-05", dt.datetime(2026, 1, 5, tzinfo=WIRE_ZONE)),
        ("2026.01.05", dt.datetime(2026, 1, 5, tzinfo=WIRE_ZONE)),
        ("20260105", dt.datetime(2026, 1, 5, tzinfo=WIRE_ZONE)),
        ("2026/1/5", dt.datetime(2026, 1, 5, tzinfo=WIRE_ZONE)),
    ],
)
def test_every_form_seen_is_read(text: str, moment: dt.datetime) -> None:
    assert wire_time.parse_time(text) == moment
    assert wire_time.parse_date(text) == dt.date(2026, 1, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "2026-13-01",
        "2026-02-30",
        "2026-01.05",
        "2026-01-05 25:00:00",
        "20260105 10",
        "２０２６0105",
        "2026-01-05 10:11:05\n",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        wire_time.parse_time(text)


@given(st.datetimes(dt.datetime.fromisoformat("1900-01-01"), dt.datetime.fromisoformat("2100-01-01")))
def test_every_time_survives_writing_and_reading(naive: dt.datetime) -> None:
    moment = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=WIRE_ZONE)
    assert wire_time.parse_time(wire_time.format_stamp_ms(moment)) == moment
    assert wire_time.parse_time(wire_time.format_time(moment)) == moment.replace(microsecond=0)
