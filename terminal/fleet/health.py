"""Snapshots of the counter's health for the fleet."""

import datetime as dt
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from protocols.fleet.messages import MAX_TEXT, CertificateDays, DeviceHealth, DoubtAges, Health, QueueLength
from terminal.journal.outbox import OutboxSize


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true at the counter now, without asking any disk or line. Two equal ones need no new snapshot."""

    phase: str
    sign_in: str
    devices: tuple[DeviceHealth, ...]
    doubts_since: tuple[dt.datetime, ...]
    """When each open doubt began."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a snapshot says beside the counter's own facts."""

    versions: Mapping[str, str]
    expiries: Mapping[str, dt.datetime]
    """End of validity of every certificate in use, by name."""
    disk_free_bytes: Callable[[], Awaitable[int]]
    """Asks the disk on which the journal lies."""


def snapshot(
    facts: Facts,
    surroundings: Surroundings,
    *,
    at: dt.datetime,
    boot_id: str,
    outbox: OutboxSize,
    disk_free_bytes: int,
    clock_offset_s: float | None,
    refused_commands: int,
) -> Health:
    """Put a snapshot together."""
    return Health(
        at=at,
        boot_id=boot_id,
        phase=facts.phase,
        sign_in=facts.sign_in,
        devices=facts.devices,
        doubts=doubt_ages(facts.doubts_since, at),
        queue=QueueLength(
            outbox.telemetry, outbox.evidence, 0 if outbox.oldest is None else _age_s(outbox.oldest, at)
        ),
        versions=dict(surroundings.versions),
        certificates=tuple(
            CertificateDays(name, (until - at).days) for name, until in sorted(surroundings.expiries.items())
        ),
        disk_free_mb=disk_free_bytes // (1024 * 1024),
        clock_offset_ms=None if clock_offset_s is None else round(clock_offset_s * 1000),
        refused_commands=refused_commands,
    )


def device_health(devices: Iterable[tuple[str, str, str]]) -> tuple[DeviceHealth, ...]:
    """Name, state and reason of every device, cut to what a snapshot may hold."""
    return tuple(DeviceHealth(name[:80], state[:80], reason[:MAX_TEXT]) for name, state, reason in devices)


def doubt_ages(since: Iterable[dt.datetime], now: dt.datetime) -> DoubtAges:
    """Sort open doubts by age; one from the future (the clock was set back) counts as new."""
    ages_s = [_age_s(began, now) for began in since]

    def between(at_least_s: int, under_s: float) -> int:
        return sum(at_least_s <= age_s < under_s for age_s in ages_s)

    return DoubtAges(
        under_2_min=between(0, 120),
        under_1_h=between(120, 3600),
        under_24_h=between(3600, 86400),
        over_24_h=between(86400, math.inf),
        oldest_s=max(ages_s, default=0),
    )


def _age_s(began: dt.datetime, now: dt.datetime) -> int:
    return max(int((now - began).total_seconds()), 0)
