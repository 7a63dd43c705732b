"""The application: chooses the concrete drivers, starts everything in order, closes everything in order.

Start: lock, API socket (answers `status` at once), keys, journal, recovery, counter, sign-in. One process owns one
counter's journal, keys and devices; a second one is refused by the lock.
"""

import asyncio
import contextlib
import datetime as dt
import errno
import fcntl
import functools
import os
import random
import secrets
import shutil
import signal
import ssl
import tomllib
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from drivers.clock import SystemClock
from drivers.http.reach import reach
from drivers.http.tls import TrustUnusable, client_context
from drivers.http.transport import HttpTransport
from drivers.interfaces.card_reader import CardReader
from drivers.interfaces.clock import Clock
from drivers.interfaces.fleet_transport import FleetTransport
from drivers.interfaces.hub_transport import HubTransport
from drivers.interfaces.signer import Signer
from drivers.mqtt.address import BrokerAddress, Identity
from drivers.printers.escpos import EscPosPrinter
from drivers.scanners.plain import PlainScanner
from drivers.serial.stream import SerialOpener
from drivers.signers import (
    KeyStoreError,
    PinnedKey,
    Sm2Verifier,
    SoftwareKeyStore,
    UnlockedKeys,
    VerifierRing,
    read_password_file,
    read_private_file,
)
from protocols.codes.assembler import SuffixMode
from protocols.errors import ProfileError
from protocols.fleet.topics import BadTerminalId, Session, broker_name, subscriptions, terminal_id
from protocols.gm.errors import GmError
from protocols.gm.sm2 import PublicKey
from protocols.hub.gateway import NO_CREDENTIALS, Credentials, parse_credentials
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.hub.signing import is_bound_by_content
from protocols.wire_time import WIRE_ZONE
from terminal.api.routes import build_app
from terminal.api.server import SocketUnusable, bind, serve
from terminal.api.service import Service, ServicePhase
from terminal.building import Parts, build_clock_watch, build_counter
from terminal.config import ConfigError, CounterFiles, HubKeyConfig
from terminal.counter.anchor_keeper import AnchorKeeper
from terminal.counter.counter import Counter
from terminal.counter.disk_watch import DiskWatch
from terminal.counter.trusted_time import TrustedClock
from terminal.devices.no_binding import NoBindingReader
from terminal.evidence.capsule import EvidenceKeys
from terminal.fleet.building import build_link, surroundings_of
from terminal.fleet.link import FleetLink
from terminal.hub.fitting import misfit
from terminal.journal.anchors import Noted, WitnessFile
from terminal.journal.journal import Journal
from terminal.journal.opening import open_journal
from terminal.journal.records import JournalFailed
from terminal.journal.reserve import MEGABYTE, Reserve, look_at_space, make_room_for_start
from terminal.journal.thread import JournalPort, JournalThread
from terminal.journal.vault import Vault
from terminal.shop_items import parse_items
from terminal.texts import Told, tell

if TYPE_CHECKING:
    from drivers.pcsc.reader import PcscReader

CHECKPOINT_EVERY_S = 30.0
WITNESS_NAME = "anchor.json"
_MAX_CREDENTIALS_BYTES = 16 * 1024
log = structlog.get_logger("terminal")


class StartRefused(Exception):
    """The counter cannot start; `told` says why and what to do, in both languages."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.en)
        self.told = told


class ServiceBroken(Exception):
    """Something that nobody foresaw has ended the service; after it only the disk is believed."""

    def __init__(self, error: Exception) -> None:
        """`error` is what came up; its text may quote a person's data, its type and places do not."""
        super().__init__(type(error).__name__)
        self.error = error


def _ending(failures: ExceptionGroup[Exception]) -> Exception:
    """The one error that says why the service ends, however deep it stands: a reason that has words goes first."""
    leaves = list(_leaves(failures))
    with_words = [error for error in leaves if isinstance(error, StartRefused | JournalFailed)]
    chosen = (with_words or leaves)[0]
    for error in leaves:
        if error is not chosen:
            log.error("service_ends_too", error=type(error).__name__)
    return chosen if with_words else ServiceBroken(chosen)


def _leaves(failures: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for failure in failures.exceptions:
        if isinstance(failure, ExceptionGroup):
            yield from _leaves(failure)
        else:
            yield failure


def load_profile(name: str, counter: CounterFiles) -> Profile:
    """Load a shipped profile by name, or one's own by path; raises `ConfigError`."""
    try:
        if name.endswith(".toml"):
            path = counter.path(name)
            return parse_profile(path.read_text(encoding="utf-8"), path.name)
        text = (files("protocols.hub.profiles") / f"{name}.toml").read_text(encoding="utf-8")
        return parse_profile(text, f"{name}.toml")
    except FileNotFoundError as missing:
        raise ConfigError(f"hub.profile: there is no profile {name}") from missing
    except (ProfileError, OSError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"hub.profile: {wrong}") from wrong


def load_credentials(counter: CounterFiles) -> Credentials:
    """Load what the province handed out for its gateway, if anything; raises `ConfigError`, which never quotes a value."""
    if not counter.config.hub.credentials:
        return NO_CREDENTIALS
    path = counter.path(counter.config.hub.credentials)
    try:
        text = read_private_file(path, _MAX_CREDENTIALS_BYTES).decode("utf-8")
        return parse_credentials(tomllib.loads(text), path.name)
    except KeyStoreError as open_to_others:
        raise ConfigError(f"hub.credentials: {open_to_others.english}") from open_to_others
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as unreadable:
        raise ConfigError(f"hub.credentials: {path}: {type(unreadable).__name__}") from None
    except ProfileError as wrong:
        raise ConfigError(f"hub.credentials: {wrong}") from None


def load_public_key(path: Path, key: str = "hub.public_key") -> PublicKey:
    """Load an SM2 public key from a PEM file (key or certificate); raises `ConfigError` that names `key` of the file."""
    try:
        pem = path.read_bytes()
        return PublicKey.from_certificate(pem) if b"BEGIN CERTIFICATE" in pem else PublicKey.from_pem(pem)
    except (OSError, GmError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else wrong
        raise ConfigError(f"{key}: {path}: {why}") from wrong


def certificate_in(path: Path) -> bytes:
    """The PEM file as it is when it holds a certificate, else b""; raises `ConfigError`."""
    try:
        pem = path.read_bytes()
    except OSError as unreadable:
        raise ConfigError(f"hub.public_key: {path}: {unreadable.strerror}") from unreadable
    return pem if b"BEGIN CERTIFICATE" in pem else b""


def load_more_hub_keys(counter: CounterFiles) -> tuple[tuple[PublicKey, HubKeyConfig], ...]:
    """Load the further keys of the hub, each with its time in UTC+8; raises `ConfigError`."""
    found = []
    for place, pinned in enumerate(counter.config.hub.more_keys):
        key = f"hub.more_keys[{place}]"
        in_zone = msgspec.structs.replace(
            pinned, valid_from=_in_zone(pinned.valid_from), valid_to=_in_zone(pinned.valid_to)
        )
        begins, ends = in_zone.valid_from, in_zone.valid_to
        if begins is not None and ends is not None and begins >= ends:
            raise ConfigError(f"{key}: valid_to must be after valid_from")
        found.append((load_public_key(counter.path(pinned.file), f"{key}.file"), in_zone))
    return tuple(found)


def _in_zone(time: dt.datetime | None) -> dt.datetime | None:
    return time.replace(tzinfo=WIRE_ZONE) if time is not None and time.tzinfo is None else time


def load_trust(counter: CounterFiles, url: str, authority: str, key: str) -> ssl.SSLContext | None:
    """Load the one authority that vouches for a server; None for a plain line. Raises `ConfigError` that names `key`."""
    if not url.startswith("https:"):
        return None
    try:
        return client_context(counter.path(authority))
    except TrustUnusable as unusable:
        raise ConfigError(f"{key}: {unusable}") from unusable


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """Who this terminal is in the fleet, where the broker is, whose commands count."""

    terminal: str
    broker: BrokerAddress
    key: PublicKey | None


def read_fleet_settings(counter: CounterFiles) -> FleetSettings | None:
    """Check the broker's settings; None without a broker. Raises `ConfigError`."""
    config, broker = counter.config, counter.config.broker
    if not broker.url:
        return None
    try:
        address = BrokerAddress.parse(broker.url)
    except ValueError as wrong:
        raise ConfigError(f"broker.url {wrong}") from wrong
    try:
        terminal = terminal_id(config.institution.code, config.terminal.slot)
    except BadTerminalId as wrong:
        raise ConfigError(f"broker: {wrong}") from wrong
    key = load_public_key(counter.path(broker.fleet_key), "broker.fleet_key") if broker.fleet_key else None
    return FleetSettings(terminal, address, key)


@contextlib.contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the lock of this counter; raises `StartRefused` when another service has it."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        if failure.errno == errno.EROFS:
            raise StartRefused(tell("disk_read_only")) from failure
        raise StartRefused(
            tell("state_folder_unusable", {"reason": f"{state_dir}: {failure.strerror}"})
        ) from failure
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise StartRefused(tell("already_running")) from held
        yield
    finally:
        os.close(handle)


class Application:
    """One running counter service."""

    def __init__(self, counter_files: CounterFiles, noted: Noted | None = None) -> None:
        """Read everything that can be refused before anything runs; raises `ConfigError`.

        `noted` is what a person knows of the audit log; the journal is held against it.
        """
        self._files = counter_files
        self._noted = noted
        self._config = counter_files.config
        self._profile = load_profile(self._config.hub.profile, counter_files)
        self._credentials = load_credentials(counter_files)
        wrong = misfit(self._profile, self._credentials, self._config.institution.code, self._config.hub.url)
        if wrong:
            raise ConfigError(wrong)
        self._hub_key = load_public_key(counter_files.path(self._config.hub.public_key))
        self._hub_certificate = certificate_in(counter_files.path(self._config.hub.public_key))
        self._more_hub_keys = load_more_hub_keys(counter_files)
        hub, centre = self._config.hub, self._config.centre
        self._hub_trust = load_trust(counter_files, hub.url, hub.ca, "hub.ca")
        self._centre_trust = load_trust(counter_files, centre.url, centre.ca, "centre.ca")
        self._items = {}
        if self._config.items.file:
            path = counter_files.path(self._config.items.file)
            try:
                self._items = dict(parse_items(path.read_text(encoding="utf-8"), path.name))
            except (OSError, UnicodeDecodeError) as unreadable:
                raise ConfigError(f"items.file: {path}: {type(unreadable).__name__}") from unreadable
        self._fleet_settings = read_fleet_settings(counter_files)
        self._boot_id = uuid.uuid4().hex
        self.service = Service(self._config, self._profile, version("yibao-terminal"))
        self.service.reach = functools.partial(reach, tls=self._hub_trust)
        self._stop = asyncio.Event()
        self._clock = TrustedClock(SystemClock())

    async def run(self, announce_ready: asyncio.Event | None = None) -> None:
        """Run until `stop` or a signal.

        Raises `StartRefused` (cannot start), `JournalFailed` (must stop) or `ServiceBroken` (nobody foresaw it).
        """
        with only_one(self._files.state_dir):
            try:
                listener = bind(self._files.socket_path)
            except SocketUnusable as unusable:
                raise StartRefused(tell("state_folder_unusable", {"reason": str(unusable)})) from unusable
            started = announce_ready or asyncio.Event()
            try:
                async with asyncio.TaskGroup() as group:
                    serving = group.create_task(serve(build_app(self.service), listener, started), name="api")
                    stopping = group.create_task(self._stop.wait(), name="stop")
                    await started.wait()
                    await self._work_until(stopping)
                    self.service.phase = ServicePhase.STOPPING
                    stopping.cancel()
                    serving.cancel()
            except ExceptionGroup as failures:  # whatever it holds, one reason is told
                raise _ending(failures) from None
            finally:
                with contextlib.suppress(FileNotFoundError):
                    self._files.socket_path.unlink()

    def stop(self) -> None:
        """Ask the service to end; what is in flight becomes a doubt that the next start ends."""
        self._stop.set()

    def stop_on_signals(self) -> None:
        """End on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    async def _work_until(self, stopping: "asyncio.Task[bool]") -> None:
        keys, audit_signer = await asyncio.to_thread(self._unlock)
        self.service.evidence_keys = EvidenceKeys(
            keys.signer.description.public_point, self._hub_key.point, self._hub_certificate,
            keys.public_points, tuple(key.point for key, _ in self._more_hub_keys),
        )  # fmt: skip
        self.service.phase = ServicePhase.RECOVERING
        vault = Vault(keys.field_key, secrets.token_bytes)
        reserve = Reserve(self._files.reserve_path, self._config.state.reserve_mb * MEGABYTE)
        await asyncio.to_thread(make_room_for_start, reserve)
        journal = JournalThread(self._journal_opener(vault))
        hub, centre = self._transports()
        async with contextlib.AsyncExitStack() as closing:
            for transport in (hub, centre):
                closing.push_async_callback(transport.close)
            await journal.open()
            closing.push_async_callback(journal.close)
            scanner = self._scanner()
            self.service.scanner = scanner
            reader = await self._reader(closing)
            counter = build_counter(
                self._config,
                self._profile,
                Parts(
                    clock=self._clock, random=random.SystemRandom(), sleep=asyncio.sleep, journal=journal, vault=vault,
                    hub_transport=hub, centre_transport=centre, signer=keys.signer, verifier=self._hub_verifier(),
                    former_signers=keys.former_for(await journal.call(lambda journal: journal.attempts.keys_in_use())),
                    printer=self._printer(), scanner=scanner, items=self._items, reader=reader,
                    write_log=structlog.get_logger("terminal.settlement").info, credentials=self._credentials,
                ),
            )  # fmt: skip
            anchors = self._anchors(counter, journal, audit_signer)
            await anchors.check_at_start(self._noted)
            self._clock.raise_floor(anchors.known_until)
            clock_watch = build_clock_watch(self._clock, counter, asyncio.sleep)
            clock_watch.look()
            watch = self._disk_watch(counter, reserve)
            await watch.look_once()
            counter.chores |= {"anchors": anchors.run, "disk": watch.run, "clock": clock_watch.run}
            self.service.counter, self.service.anchors = counter, anchors
            beside: list[Callable[[], Coroutine[Any, Any, None]]] = [functools.partial(_checkpoints, journal)]
            if scanner is not None:
                beside.append(scanner.run)
            if self._fleet_settings is not None:
                self.service.fleet = await self._fleet(self._fleet_settings, counter, journal, anchors)
                beside.append(self.service.fleet.run)
            try:
                await _serve_counter(counter, beside, stopping)
            finally:
                with contextlib.suppress(JournalFailed):  # told already by whoever met it first
                    await anchors.make()

    def _anchors(self, counter: Counter, journal: JournalPort, signer: Signer | None) -> AnchorKeeper:
        """Makes the anchors of the audit log; without an audit key nobody does, and that is said."""
        if signer is None:
            log.warning("no_audit_key", folder=str(self._audit_dir))
        return AnchorKeeper(
            terminal=self._files.terminal_name, boot_id=self._boot_id, journal=journal, clock=self._clock, sleep=asyncio.sleep,
            holds=counter.holds, signer=signer,
            verifier=None if signer is None else Sm2Verifier(PublicKey(signer.description.public_point)),
            witness=None if signer is None else WitnessFile(self._audit_dir / WITNESS_NAME),
            to_fleet=self._fleet_settings is not None,
        )  # fmt: skip

    def _disk_watch(self, counter: Counter, reserve: Reserve) -> DiskWatch:
        return DiskWatch(
            reserve, counter.holds, counter.feed.announce, lambda: bool(counter.settlements.doubts()),
            functools.partial(look_at_space, self._files.state_dir), asyncio.to_thread, asyncio.sleep,
        )  # fmt: skip

    @property
    def _audit_dir(self) -> Path:
        return self._files.path(self._config.keys.audit_dir)

    def _unlock(self) -> tuple[UnlockedKeys, Signer | None]:
        """The counter's keys, and the signer of its audit key if there is one."""
        config = self._config.keys
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        credentials = Path(folder) if folder else None
        password_path = self._files.path(config.password_file) if config.password_file else None
        if password_path is None:
            if credentials is None:
                raise StartRefused(tell("no_key_password"))
            password_path = credentials / config.credential
        try:
            password = read_password_file(password_path, credentials)
            keys = SoftwareKeyStore(self._files.path(config.dir)).unlock(password, self._clock.now())
            for key_id in keys.unreadable:
                log.warning("former_key_unreadable", key_id=key_id)
            audit = SoftwareKeyStore(self._audit_dir)
            return keys, audit.unlock(password).signer if audit.exists() else None
        except KeyStoreError as refused:
            raise StartRefused(Told(refused.kind, refused.chinese, refused.english)) from refused

    def _hub_verifier(self) -> VerifierRing:
        """The hub's key, and the others that are believed while it rotates."""
        keys = [PinnedKey(Sm2Verifier(self._hub_key))]
        keys += [
            PinnedKey(Sm2Verifier(key), pinned.valid_from, pinned.valid_to)
            for key, pinned in self._more_hub_keys
        ]
        return VerifierRing(keys, self._clock.now)

    def _journal_opener(self, vault: Vault) -> "JournalOpener":
        return JournalOpener(self._files.journal_path, vault, self._clock, self._boot_id)

    def _transports(self) -> tuple[HubTransport, HubTransport]:
        config = self._config
        return (
            HttpTransport(
                config.hub.url, self._hub_trust, one_request_per_connection=is_bound_by_content(self._profile)
            ),
            HttpTransport(config.centre.url, self._centre_trust),
        )

    async def _fleet(
        self, fleet: FleetSettings, counter: Counter, journal: JournalPort, anchors: AnchorKeeper
    ) -> FleetLink:
        config = self._config
        evidence, commands = await asyncio.to_thread(self._fleet_transports, fleet)
        certificates = {"hub": config.hub.public_key, "hub-ca": config.hub.ca, "centre-ca": config.centre.ca,
                        "broker-ca": config.broker.ca, "broker-terminal": config.broker.certificate}  # fmt: skip
        paths = {name: self._files.path(file) for name, file in certificates.items() if file}
        surroundings = await asyncio.to_thread(
            surroundings_of, self.service.version, paths, self._disk_free_bytes
        )
        noise = random.SystemRandom()
        return build_link(
            self.service, counter, terminal=fleet.terminal, boot_id=self._boot_id, evidence=evidence, commands=commands,
            journal=journal, clock=self._clock, sleep=asyncio.sleep, jitter=lambda: noise.uniform(-1.0, 1.0),
            surroundings=surroundings, verifier=None if fleet.key is None else Sm2Verifier(fleet.key),
            anchors=anchors,
        )  # fmt: skip

    def _fleet_transports(self, fleet: FleetSettings) -> tuple[FleetTransport, FleetTransport]:
        """Both sessions. The MQTT library is loaded here: a counter without a broker does not pay for it."""
        from drivers.mqtt.transport import MqttTransport

        broker = self._config.broker

        def path(text: str) -> Path | None:
            return self._files.path(text) if text else None

        def transport(session: Session, certificate: str) -> FleetTransport:
            name = broker_name(fleet.terminal, session)
            return MqttTransport(
                fleet.broker, Identity(name, path(broker.password_file), path(certificate)),
                subscriptions(fleet.terminal, session), persistent=session is Session.EVIDENCE,
                authority=path(broker.ca), version=broker.mqtt,
            )  # fmt: skip

        return (
            transport(Session.EVIDENCE, broker.certificate),
            transport(Session.COMMANDS, broker.command_certificate or broker.certificate),
        )

    async def _disk_free_bytes(self) -> int:
        return (await asyncio.to_thread(shutil.disk_usage, self._files.state_dir)).free

    async def _reader(self, closing: contextlib.AsyncExitStack) -> CardReader | None:
        """The card reader, open."""
        name = self._config.reader.name
        if not name:
            return None
        socket = self._config.reader.socket
        reader = await asyncio.to_thread(_pcsc_reader, name, self._files.path(socket) if socket else None)
        if reader is None:
            log.warning("no_pcsc_binding")
            return NoBindingReader(name)
        await reader.open()
        closing.push_async_callback(reader.close)
        self.service.reader_look = lambda: reader.sight
        return reader

    def _printer(self) -> EscPosPrinter | None:
        config = self._config.printer
        if not config.url:
            return None
        return EscPosPrinter(SerialOpener(config.url, config.baudrate), columns=config.columns)

    def _scanner(self) -> PlainScanner | None:
        config = self._config.scanner
        if not config.url:
            return None
        mode = SuffixMode.TERMINATED if config.suffix else SuffixMode.NONE
        return PlainScanner(SerialOpener(config.url, config.baudrate), mode)


class JournalOpener:
    """Opens this counter's journal file, in the journal's own thread."""

    def __init__(self, path: Path, vault: Vault, clock: Clock, boot_id: str) -> None:
        self._path = path
        self._vault = vault
        self._clock = clock
        self._boot_id = boot_id

    def __call__(self) -> Journal:
        """Open or create the file with mode 0600."""
        os.umask(0o077)
        return open_journal(str(self._path), self._vault, self._boot_id, self._clock.now())


def _pcsc_reader(name: str, service_socket: Path | None) -> "PcscReader | None":
    """The PC/SC binding is loaded here, in a thread: a counter without a reader needs neither it nor its time."""
    try:
        from drivers.pcsc.reader import PcscReader
        from drivers.pcsc.service import use_service
    except ImportError:
        return None
    if service_socket is not None:
        use_service(service_socket)
    return PcscReader(name)


async def _checkpoints(journal: JournalThread) -> None:
    """Move the write-ahead log into the file now and then; a failure stops the process through the next commit."""
    while True:
        await asyncio.sleep(CHECKPOINT_EVERY_S)
        with contextlib.suppress(JournalFailed):
            await journal.call(lambda opened: opened.checkpoint())


async def _serve_counter(
    counter: Counter,
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    stopping: "asyncio.Task[bool]",
) -> None:
    """Run the counter and what stands beside it until it is told to stop or one of them breaks; none runs on alone."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(counter.run(), name="counter")
        helpers = [group.create_task(work()) for work in beside]
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, *helpers):
            task.cancel()
