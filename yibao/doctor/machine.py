"""The parts that need no device and no line: configuration, program, keys, certificates, disk, clock, fonts."""

import datetime as dt
import os
import platform
import ssl
from pathlib import Path
from typing import Final

from protocols.wire_time import WIRE_ZONE
from terminal.config import CounterFiles
from terminal.journal.reserve import MEGABYTE, Reserve
from yibao.doctor.report import Both, Facts, Part, part

LOW_BYTES: Final = 1_000_000_000
FULL_BYTES: Final = 100_000_000
"""A day's sales of a busy till take about 10 MB of journal; a write-ahead log and a log file need room as well."""
CLOCK_OFF_S: Final = 30.0
CLOCK_WRONG_S: Final = 600.0
"""The narrowest clock window of any far end is ten minutes (PD-8)."""
FUTURE_S: Final = 60.0
CERTIFICATE_DAYS: Final = 30


def reserve_of(files: CounterFiles) -> Reserve:
    """The disk space that the counter keeps aside."""
    return Reserve(files.reserve_path, files.config.state.reserve_mb * MEGABYTE)


def look_at_config(files: CounterFiles) -> Part:
    """Check everything that `yibao run` checks before it starts anything; opens nothing."""
    from terminal.app import Application
    from terminal.config import ConfigError

    config = files.config
    try:
        Application(files)
    except ConfigError as wrong:
        return part("config", "config_wrong", reason=str(wrong), path=str(files.folder))
    return part(
        "config",
        "config_good",
        {"institution": config.institution.code, "till": config.terminal.till, "profile": config.hub.profile},
        institution=config.institution.code,
        till=config.terminal.till,
        profile=config.hub.profile,
    )


def look_at_program() -> Part:
    """Versions of what we stand on, and whether they are good enough."""
    from importlib.metadata import version

    import apsw

    from protocols.gm.errors import GmError
    from protocols.gm.sm2 import PrivateKey
    from terminal.journal.opening import MINIMUM_ENGINE

    versions = {
        "version": version("yibao-terminal"),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "openssl": ssl.OPENSSL_VERSION.removeprefix("OpenSSL "),
    }
    if tuple(int(number) for number in apsw.sqlite_lib_version().split(".")) < MINIMUM_ENGINE:
        needed = ".".join(map(str, MINIMUM_ENGINE))
        return part("program", "sqlite_too_old", versions, sqlite=versions["sqlite"], needed=needed)
    try:
        key = PrivateKey.generate(os.urandom)
        works = key.public_key.verify(b"doctor", key.sign(b"doctor"))
    except (GmError, OSError):
        works = False
    if not works:
        return part("program", "no_sm2", versions, openssl=versions["openssl"])
    return part("program", "program_good", versions, **versions)


def look_at_keys(files: CounterFiles) -> Part:
    """Open the keys with the configured password and forget them again. Takes about 0.15 s of one core."""
    from drivers.signers import KeyStoreError, SoftwareKeyStore, read_password_file

    config = files.config.keys
    store = SoftwareKeyStore(files.path(config.dir))
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credentials = Path(folder) if folder else None
    try:
        if config.password_file:
            password = read_password_file(files.path(config.password_file), credentials)
        elif credentials is not None:
            password = read_password_file(credentials / config.credential, credentials)
        elif config.credential:
            store.public_key()
            return part("keys", "keys_password_elsewhere", {"credential": config.credential})
        else:
            return part("keys", "keys_no_password")
        key = store.unlock(password).signer.description.key_id
    except KeyStoreError as refused:
        return part(
            "keys", "keys_unusable", {"kind": refused.kind}, reason=Both(refused.chinese, refused.english)
        )
    return part("keys", "keys_good", {"key_id": key}, key=key)


def look_at_certificates(files: CounterFiles, now: dt.datetime) -> Part:
    """The end of validity of every certificate that the configuration names; bare keys have none."""
    from terminal.fleet.certificates import expiry_of

    hub, broker = files.config.hub, files.config.broker
    named = {
        "hub.public_key": hub.public_key, "hub.ca": hub.ca, "centre.ca": files.config.centre.ca, "broker.ca": broker.ca,
        "broker.certificate": broker.certificate, "broker.command_certificate": broker.command_certificate,
    }  # fmt: skip
    ends = {name: expiry_of(files.path(file)) for name, file in named.items() if file}
    days = sorted(((end - now).days, name) for name, end in ends.items() if end is not None)
    if not days:
        return part("certificates", "certificates_none")
    first, name = days[0]
    facts = {which: left for left, which in days}
    if first < 0:
        return part("certificates", "certificates_over", facts, name=name, days=str(-first))
    code = "certificates_soon" if first < CERTIFICATE_DAYS else "certificates_good"
    return part("certificates", code, facts, name=name, days=str(first))


def look_at_disk(state_dir: Path, reserve: Reserve | None = None) -> Part:
    """Free space and the right to write, where the journal lies or will lie, and the space kept aside there."""
    folder = next((path for path in (state_dir, *state_dir.parents) if os.path.exists(path)), state_dir)
    try:
        disk = os.statvfs(folder)
    except OSError as failure:
        return part(
            "disk", "disk_gone", folder=str(folder), reason=failure.strerror or type(failure).__name__
        )
    free = disk.f_bavail * disk.f_frsize
    facts: Facts = {"folder": str(folder), "free_bytes": free, "read_only": bool(disk.f_flag & os.ST_RDONLY)}
    if disk.f_flag & os.ST_RDONLY:
        return part("disk", "disk_read_only", facts, folder=str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        return part("disk", "disk_forbidden", facts, folder=str(folder))
    if reserve is not None:
        facts = {**facts, "reserve_bytes": reserve.size_bytes if reserve.is_whole() else 0}
        if free >= FULL_BYTES and os.path.exists(state_dir / "journal.db") and not reserve.is_whole():
            return part("disk", "disk_no_reserve", facts, folder=str(folder), free=size_text(free))
    code = "disk_full" if free < FULL_BYTES else "disk_low" if free < LOW_BYTES else "disk_good"
    return part("disk", code, facts, folder=str(folder), free=size_text(free), needed=size_text(FULL_BYTES))


def judge_clock(
    now: dt.datetime, offset_s: float | None, source: str, newest_record: dt.datetime | None
) -> Part:
    """Compare our clock with the hub's (`offset_s` = hub minus ours) and with the newest record of our own journal."""
    zone = now.astimezone().strftime("%Z (UTC%z)")
    facts: Facts = {
        "zone": zone,
        "offset_ms": None if offset_s is None else round(offset_s * 1000),
        "source": source,
    }
    ahead_s = 0.0 if newest_record is None else (newest_record - now).total_seconds()
    if ahead_s > FUTURE_S:
        return part("clock", "clock_behind", facts, ahead=age_text(ahead_s))
    if offset_s is None:
        return part("clock", "clock_alone", facts, zone=zone)
    offset = f"{abs(offset_s):.1f} s"
    if abs(offset_s) > CLOCK_OFF_S:
        return part(
            "clock", "clock_wrong" if abs(offset_s) > CLOCK_WRONG_S else "clock_off", facts, offset=offset
        )
    return part("clock", "clock_good", facts, offset=offset, zone=zone)


def look_at_fonts() -> Part:
    """The font that pictures of slips are drawn with."""
    from simulators.printer.drawing import FONT_PACKAGE, FONT_PATH

    facts = {"path": str(FONT_PATH)}
    if FONT_PATH.is_file():
        return part("fonts", "fonts_good", facts)
    return part("fonts", "fonts_none", facts, package=FONT_PACKAGE)


def wire_now() -> dt.datetime:
    """Now, in UTC+8."""
    return dt.datetime.now(WIRE_ZONE)


def size_text(count: int) -> str:
    """Bytes for people: `1.2 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def age_text(seconds: float) -> str:
    """A time for people: `45 s`, `12 min`, `3 h`, `2 d`."""
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length_s:
            return f"{int(seconds // length_s)} {unit}"
    return f"{int(seconds)} s"
