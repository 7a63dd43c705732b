"""Snapshots of the counter's health."""

import datetime as dt

from protocols.fleet.messages import CertificateDays, DeviceHealth, DoubtAges, QueueLength
from protocols.wire_time import WIRE_ZONE
from terminal.fleet.health import Facts, Surroundings, device_health, doubt_ages, snapshot
from terminal.journal.outbox import OutboxSize

NOW = dt.datetime(2026, 11, 21, 20, 0, tzinfo=WIRE_ZONE)


def ago(seconds: float) -> dt.datetime:
    """So long before now."""
    return NOW - dt.timedelta(seconds=seconds)


async def _free() -> int:
    return 0


def test_doubts_are_counted_by_age() -> None:
    """The borders belong to the older class; a doubt from the future (the clock went back) is a new one."""
    since = [ago(-5), ago(0), ago(119), ago(120), ago(3599), ago(3600), ago(86399), ago(86400), ago(900_000)]
    assert doubt_ages(since, NOW) == DoubtAges(3, 2, 2, 2, 900_000)
    assert doubt_ages([], NOW) == DoubtAges(0, 0, 0, 0, 0)


def test_a_snapshot_puts_everything_together() -> None:
    """Days and megabytes are whole; an expired certificate has negative days."""
    facts = Facts("ready", "signed_in", device_health([("printer", "fault", "paper_out")]), (ago(60),))
    surroundings = Surroundings(
        {"python": "3.11"}, {"hub": NOW + dt.timedelta(days=30), "broker": ago(86401)}, _free
    )
    health = snapshot(
        facts,
        surroundings,
        at=NOW,
        boot_id="b0",
        outbox=OutboxSize(3, 2, ago(90)),
        disk_free_bytes=5 * 1024 * 1024 + 7,
        clock_offset_s=-0.25,
        refused_commands=4,
    )
    assert health.devices == (DeviceHealth("printer", "fault", "paper_out"),)
    assert health.doubts == DoubtAges(1, 0, 0, 0, 60)
    assert health.queue == QueueLength(3, 2, 90)
    assert health.certificates == (CertificateDays("broker", -2), CertificateDays("hub", 30))
    assert (health.disk_free_mb, health.clock_offset_ms, health.refused_commands) == (5, -250, 4)
