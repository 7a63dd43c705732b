"""Puts a fleet link together from a counter and its service."""

import platform
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import apsw

from drivers.interfaces.clock import Clock
from drivers.interfaces.fleet_transport import FleetTransport
from drivers.interfaces.signer import Verifier
from terminal.api.service import Service
from terminal.counter.counter import Counter
from terminal.fleet.certificates import expiry_of
from terminal.fleet.health import Facts, Surroundings, device_health
from terminal.fleet.link import FleetLink, FleetParts
from terminal.journal.anchors import AnchorKeeper
from terminal.journal.thread import JournalPort


def facts_of(service: Service, counter: Counter) -> Facts:
    """What is true at the counter now."""
    status = service.status()
    return Facts(
        phase=status.phase,
        sign_in=status.sign_in,
        devices=device_health((device.name, device.state, device.reason) for device in status.devices),
        doubts_since=tuple(
            row.doubt_since for _, row in counter.doubts() if row.doubt_since is not None
        ),
    )  # fmt: skip


def surroundings_of(
    version: str, certificates: Mapping[str, Path], disk_free_bytes: Callable[[], Awaitable[int]]
) -> Surroundings:
    """What surrounds the counter; reads the certificate files (bare keys and missing files have no dates)."""
    ends = {name: expiry_of(path) for name, path in certificates.items()}
    return Surroundings(
        versions={
            "yibao-terminal": version,
            "python": platform.python_version(),
            "openssl": ssl.OPENSSL_VERSION,
            "sqlite": apsw.sqlite_lib_version(),
        },
        expiries={name: end for name, end in ends.items() if end is not None},
        disk_free_bytes=disk_free_bytes,
    )


def build_link(
    service: Service,
    counter: Counter,
    *,
    terminal: str,
    boot_id: str,
    evidence: FleetTransport,
    commands: FleetTransport,
    journal: JournalPort,
    clock: Clock,
    sleep: Callable[[float], Awaitable[None]],
    jitter: Callable[[], float],
    surroundings: Surroundings,
    verifier: Verifier | None,
    anchors: AnchorKeeper | None = None,
) -> FleetLink:
    """Wire a link; nothing runs until `FleetLink.run`."""
    return FleetLink(
        FleetParts(
            terminal=terminal,
            boot_id=boot_id,
            version=service.version,
            evidence=evidence,
            commands=commands,
            journal=journal,
            clock=clock,
            sleep=sleep,
            jitter=jitter,
            facts=lambda: facts_of(service, counter),
            surroundings=surroundings,
            announce=counter.feed.announce,
            follow=counter.feed.follow,
            verifier=verifier,
            anchors=anchors,
        )
    )
