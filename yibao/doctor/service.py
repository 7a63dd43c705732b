"""Is a service running for this counter, and what does it say of itself?"""

import asyncio
from pathlib import Path
from typing import Final

import msgspec

from terminal.config import CounterFiles
from terminal.shapes.hub import Ping
from terminal.shapes.technician import HealthView
from yibao.client import CounterClient, CounterError, ServiceNotRunning
from yibao.doctor.report import Both, Fact, Part, part

HEALTH_LIMIT_S: Final = 8.0
"""Asking a printer that stays mute takes 1.2 s, one that is printing a few seconds more."""
PING_LIMIT_S: Final = 15.0
_PHASES: Final = {
    "ready": "service_ready",
    "unlocking": "service_starting",
    "recovering": "service_starting",
    "stopping": "service_stopping",
    "failed": "service_failed",
}


class Found(msgspec.Struct, frozen=True):
    """What was found at the counter's socket and lock."""

    kind: str
    """As in `Report.service`."""
    health: HealthView | None = None
    ping: Ping | None = None
    """None when the service is not ready, or had no answer in time."""
    pid: int | None = None

    @property
    def owns_the_devices(self) -> bool:
        """The doctor must keep its hands off devices and lines of their own."""
        return self.kind != "not_running"


async def find_service(files: CounterFiles, locks: Path = Path("/proc/locks")) -> Found:
    """Ask the counter's service; never starts, stops or disturbs one."""
    pid = await asyncio.to_thread(lock_holder, files.state_dir / "lock", locks)
    try:
        async with CounterClient(files.socket_path, name="doctor", answer_limit_s=HEALTH_LIMIT_S) as client:
            health = await client.health()
    except ServiceNotRunning as none:
        if none.code == "socket_forbidden":
            return Found("forbidden", pid=pid)
        return Found("not_running" if pid is None else "silent", pid=pid)
    except CounterError:
        return Found("silent", pid=pid)
    phase = health.status.phase
    kind = {"unlocking": "starting", "recovering": "starting"}.get(phase, phase)
    return Found(kind, health, await _ping(files) if phase == "ready" else None, pid)


async def _ping(files: CounterFiles) -> Ping | None:
    try:
        async with CounterClient(files.socket_path, name="doctor", answer_limit_s=PING_LIMIT_S) as client:
            return await client.ping_hub()
    except CounterError:
        return None


def judge_service(found: Found) -> Part:
    """Say how the service is."""
    facts: dict[str, Fact] = {"pid": found.pid}
    if found.health is None:
        pid = "?" if found.pid is None else str(found.pid)
        return part("service", f"service_{found.kind}", facts, pid=pid)
    status = found.health.status
    facts |= {"phase": status.phase, "version": status.version}
    told = status.reason
    reason = Both("?", "?") if told is None else Both(told.zh, told.en)
    code = _PHASES.get(status.phase, "service_starting")
    if code == "service_ready" and status.holds:
        told = status.holds[0]
        return part("service", "service_holds", facts, reason=Both(told.zh, told.en))
    return part("service", code, facts, phase=status.phase, reason=reason)


def lock_holder(lock: Path, locks: Path = Path("/proc/locks")) -> int | None:
    """The process that holds the counter's lock, without touching it: trying it could turn a starting service away.

    None when nobody does, or when the system does not tell.
    """
    try:
        inode = lock.stat().st_ino
        table = locks.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    for line in table.splitlines():
        # 1: FLOCK  ADVISORY  WRITE 4242 fd:01:1311766 0 EOF; a waiter's line has "->" in second place.
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
            return int(words[4])
    return None
