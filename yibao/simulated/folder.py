"""The folder of a simulated world: what stands in it, and how it stays the same world from one start to the next.

counter.toml     configuration of the pharmacy's terminal    hub.pem         the hub's public key
clinic.toml      configuration of the clinic's terminal      ledger.db       the hub's books
items.toml       the goods of both                           pcsc/           the clinic's card service
endpoints.json   where everything listens, while up          broker/         the fleet's message broker
sim.json         seed and ports                              fleet-password  of the fleet's server there, mode 0600
tls/             with --tls: the authority that the terminals trust, and the servers' certificate
profile.toml     with --profile FILE: the province profile of one's own    hub-credentials.toml  where a profile asks for some

For each terminal, those of the clinic with `clinic-` before their names:
keys/            its signing key                             state/           journal, lock, socket, reserve
audit-keys/      key of its audit log's anchors, and the newest anchor
key-password     its password, mode 0600                     dev/             scanner and printer, as pseudo-terminals
broker-password  of its two names at the broker, mode 0600
"""

import contextlib
import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from drivers.signers import SoftwareKeyStore
from protocols.gm.sm2 import PrivateKey, PublicKey
from simulators.held_port import bound
from simulators.hub.keys import Sm2Signer
from simulators.world import Institution, ShopItem
from yibao.simulated.endpoints import (
    CLINIC,
    ENDPOINTS_FILE,
    MAIN,
    CounterEndpoints,
    Endpoints,
    SimulationRefused,
)
from yibao.simulated.province import (
    CREDENTIALS_FILE,
    NATIONAL,
    OWN_FILE,
    NoProvince,
    Province,
    read_province,
)
from yibao.simulated.template import counter_toml, counter_values, items_toml, with_addresses
from yibao.words import say

DEFAULT_INSTITUTION: Final = "P99990000001"
CLINIC_INSTITUTION: Final = "H99990000002"
_TLS_LIFE_DAYS: Final = 365
_PLAIN: Final = {"hub.ca": "", "centre.ca": ""}
"""What stands in the files of a folder that has never been served over TLS."""
_PORTS: Final = range(20000, 32000)
"""Below the ports that the system gives to outgoing connections, so that they are still free at the next start."""


class CounterPaths(msgspec.Struct, frozen=True):
    """The files of one counter."""

    folder: Path
    name: str
    """Of its configuration; but for the first counter it also stands before the names of all its other files."""

    @property
    def prefix(self) -> str:
        """What stands before the names of its files."""
        return "" if self.name == MAIN else f"{self.name}-"

    @property
    def file(self) -> Path:
        """Configuration of the terminal."""
        return self.folder / f"{self.name}.toml"

    @property
    def devices(self) -> Path:
        """Folder of the pseudo-terminals."""
        return self.folder / f"{self.prefix}dev"

    @property
    def keys(self) -> SoftwareKeyStore:
        """The terminal's keys."""
        return SoftwareKeyStore(self.folder / f"{self.prefix}keys")

    @property
    def audit_keys(self) -> SoftwareKeyStore:
        """The key that signs anchors of the terminal's audit log."""
        return SoftwareKeyStore(self.folder / f"{self.prefix}audit-keys")

    @property
    def key_password(self) -> Path:
        """Password of the keys."""
        return self.folder / f"{self.prefix}key-password"

    @property
    def broker_password(self) -> Path:
        """Password at the broker."""
        return self.folder / f"{self.prefix}broker-password"


class Kept(msgspec.Struct, frozen=True):
    """sim.json: what stays the same from one start to the next."""

    seed: int
    institution: str = DEFAULT_INSTITUTION
    profile: str = NATIONAL
    """A shipped province profile by name, or `profile.toml`."""
    starts: int = 0
    hub_port: int = 0
    centre_port: int = 0
    desk_port: int = 0
    clinic_desk_port: int = 0
    broker_port: int = 0
    phone_port: int = 0
    addresses: dict[str, dict[str, str]] = {}
    """What we wrote into each counter's file for `section.key`, so that it can be put right when it had to change."""

    @property
    def institutions(self) -> dict[str, str]:
        """The institution of every counter, by the counter's name."""
        if self.institution.startswith("H"):
            return {MAIN: self.institution}
        return {MAIN: self.institution, CLINIC: CLINIC_INSTITUTION}

    @property
    def run_seed(self) -> int:
        """Seed of this start: no id of the hub's books is drawn twice."""
        return random.Random(f"{self.seed} {self.starts}").getrandbits(64)

    def hub_signer(self) -> Sm2Signer:
        """The hub's answer key, the same at every start. A key for simulations: it follows from the seed."""
        return Sm2Signer(PrivateKey.generate(random.Random(f"hub {self.seed}").randbytes))


class SimFolder:
    """One such folder. All methods block for some milliseconds of disk work."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def paths(self, name: str = MAIN) -> CounterPaths:
        """The files of the counter called `name`."""
        return CounterPaths(self.path, name)

    @property
    def counter_file(self) -> Path:
        """Configuration of the first counter's terminal."""
        return self.paths().file

    @property
    def clinic_file(self) -> Path:
        """Configuration of the clinic's terminal."""
        return self.paths(CLINIC).file

    @property
    def endpoints_file(self) -> Path:
        """Where everything listens; there only while the counter is up."""
        return self.path / ENDPOINTS_FILE

    @property
    def ledger_file(self) -> Path:
        """The hub's books."""
        return self.path / "ledger.db"

    @property
    def card_service(self) -> Path:
        """Folder of our own pcscd; short, because its socket's path may have some 100 bytes only."""
        return self.path / "pcsc"

    @property
    def broker(self) -> Path:
        """Folder of our own message broker."""
        return self.path / "broker"

    @property
    def fleet_password(self) -> Path:
        """Password of the fleet's server at the broker."""
        return self.path / "fleet-password"

    def certificates(self) -> tuple[Path, Path]:
        """The authority's certificate and the servers' own (with key); made anew when they are not there or about to expire."""
        from simulators.certificates import SimulatedAuthority, is_current

        folder = self.path / "tls"
        authority, server = folder / "authority.pem", folder / "server.pem"
        if not (is_current(authority) and is_current(server)):
            folder.mkdir(mode=0o700, exist_ok=True)
            made = SimulatedAuthority(folder, "authority", life_days=_TLS_LIFE_DAYS)
            made.issue(server.name, until_days=_TLS_LIFE_DAYS)
        return authority, server

    @contextlib.contextmanager
    def only_one(self) -> Iterator[None]:
        """Create the folder and hold its lock. Raises `SimulationRefused` when another process has it."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path / "sim.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failure:
            raise SimulationRefused(
                say("sim_folder_unusable", path=str(self.path), reason=failure.strerror or str(failure))
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise SimulationRefused(say("sim_already_up", path=str(self.path))) from None
        try:
            yield
        finally:
            os.close(handle)

    def province(self, wanted: str) -> Province:
        """The province profile asked for, or the folder's own; raises `SimulationRefused`, also when it is another's."""
        kept = self._kept()
        try:
            asked = read_province(wanted) if wanted else None
            if kept is None:
                return asked or read_province(NATIONAL)
            own = read_province(kept.profile, self.path / OWN_FILE)
        except NoProvince as none:
            raise SimulationRefused(none.words) from None
        if asked is not None and (asked.name, asked.text) != (own.name, own.text):
            raise SimulationRefused(say("sim_other_profile", path=str(self.path), profile=kept.profile))
        return own

    def _kept(self) -> Kept | None:
        file = self.path / "sim.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as broken:
            raise SimulationRefused(
                say("sim_folder_unusable", path=str(file), reason=type(broken).__name__)
            ) from None

    def next_start(
        self,
        seed: int | None = None,
        institution: str = "",
        province: Province | None = None,
        held: contextlib.ExitStack | None = None,
    ) -> Kept:
        """Count one more start and choose its ports: those of the last one where they are free.

        `seed`, `institution` and `province` belong to the first start. Until `held` is closed no other simulation chooses the
        same ports; close it when everything listens. Raises `SimulationRefused`, also when the folder is another institution's.
        """
        kept = self._kept()
        if kept is None:
            ways = NATIONAL if province is None else province.name
            number = secrets.randbits(64) if seed is None else seed
            kept = Kept(number, institution or DEFAULT_INSTITUTION, ways)
            if province is not None and province.name == OWN_FILE:
                write_file(self.path / OWN_FILE, province.text.encode())
        if institution not in ("", kept.institution):
            raise SimulationRefused(
                say("sim_other_institution", path=str(self.path), institution=kept.institution)
            )
        names = ("hub_port", "centre_port", "desk_port", "clinic_desk_port", "broker_port", "phone_port")
        with contextlib.ExitStack() as taken:
            ports = _free_ports(tuple(getattr(kept, name) for name in names), taken)
            if held is not None:
                held.push(taken.pop_all())
        kept = msgspec.structs.replace(kept, starts=kept.starts + 1, **dict(zip(names, ports, strict=True)))
        self._keep(kept)
        return kept

    def write_counters(
        self,
        kept: Kept,
        endpoints: Endpoints,
        institutions: Mapping[str, Institution],
        goods: tuple[ShopItem, ...],
        province: Province | None = None,
    ) -> None:
        """Write what the terminals need and is not there yet; put addresses right that had to change.

        A configuration, items.toml or key that is there stays as somebody may have edited it. `institutions` are
        those of the counters by name.
        """
        point = bytes.fromhex(endpoints.hub_public_point)
        write_file(self.path / "hub.pem", PublicKey(point).to_pem())
        if not (self.path / "items.toml").exists():
            write_file(self.path / "items.toml", items_toml(goods).encode())
        ways = {} if province is None else self._write_province(province)
        addresses = {
            name: {**_addresses(endpoints, there, self.paths(name)), **ways}
            for name, there in endpoints.counters().items()
        }
        for name, now in addresses.items():
            paths, before = self.paths(name), {**_PLAIN, **kept.addresses.get(name, {})}
            if not paths.file.exists():
                values = counter_values(institutions[name], paths.prefix, now)
                write_file(paths.file, counter_toml(values).encode())
            elif before != now:
                text = paths.file.read_text(encoding="utf-8")
                write_file(paths.file, with_addresses(text, before, now).encode())
        self._keep(msgspec.structs.replace(kept, addresses=addresses))

    def _write_province(self, province: Province) -> dict[str, str]:
        """Write what its gateway asks for, unless it is there; return what stands in the counters' files because of it."""
        if province.credentials_text and not (self.path / CREDENTIALS_FILE).exists():
            write_file(self.path / CREDENTIALS_FILE, province.credentials_text.encode(), 0o600)
        return {
            "hub.profile": province.name,
            "hub.credentials": CREDENTIALS_FILE if province.credentials_text else "",
        }

    def ensure_keys(self, name: str = MAIN) -> bytes:
        """Make a terminal's key and its random password unless they are there; return its public point."""
        paths = self.paths(name)
        if not paths.keys.exists():
            password = secrets.token_urlsafe(24)
            write_file(paths.key_password, password.encode() + b"\n", 0o600)
            paths.audit_keys.create(password.encode())
            return paths.keys.create(password.encode()).public_point
        return paths.keys.public_key().point

    def publish(self, endpoints: Endpoints) -> None:
        """Write endpoints.json: from now on the counter is up."""
        write_file(self.endpoints_file, json.dumps(msgspec.to_builtins(endpoints), indent=2).encode() + b"\n")

    def withdraw(self) -> None:
        """Remove endpoints.json."""
        self.endpoints_file.unlink(missing_ok=True)

    def _keep(self, kept: Kept) -> None:
        write_file(self.path / "sim.json", msgspec.json.encode(kept) + b"\n")


def _addresses(world: Endpoints, counter: CounterEndpoints, paths: CounterPaths) -> dict[str, str]:
    """What stands under `section.key` in the counter's file because of where the far ends are now."""
    return {
        "hub.url": world.hub,
        "hub.ca": world.authority,
        "centre.url": world.certificate_centre,
        "centre.ca": world.authority,
        "scanner.url": counter.scanner,
        "printer.url": counter.printer,
        "reader.name": counter.reader,
        "reader.socket": counter.pcsc_socket,
        "broker.url": world.broker,
        "broker.password_file": paths.broker_password.name if world.broker else "",
    }


def password_in(file: Path) -> str:
    """The password in a file of mode 0600, which is made with a random one when it is not there."""
    if not file.exists():
        write_file(file, secrets.token_urlsafe(24).encode() + b"\n", 0o600)
    return file.read_text(encoding="utf-8").strip()


def write_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file in one step, so that nobody reads half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    fresh.replace(path)


def _free_ports(wanted: tuple[int, ...], taken: contextlib.ExitStack) -> list[int]:
    """A free loopback port for each place: the wanted one, or another when it is 0 or in use. They stay `taken`."""
    found: list[int] = []
    for port in wanted:
        is_kept = bool(port) and port not in found and _take(port, taken, was_ours=True)
        while not is_kept:
            port = secrets.choice(_PORTS)
            is_kept = _take(port, taken, was_ours=False)
        found.append(port)
    return found


def _take(port: int, taken: contextlib.ExitStack, *, was_ours: bool) -> bool:
    """Hold a port until `taken` is closed; False when it is in use, or another start that is under way holds it."""
    with contextlib.ExitStack() as holding:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        holding.enter_context(name)
        try:
            name.bind(f"\0yibao-port-{port}")  # two starts may hold the same port, but not the same name
        except OSError:
            return False
        try:
            place = bound("127.0.0.1", port, lingering=was_ours)
        except OSError:
            return False
        holding.enter_context(place)
        taken.push(holding.pop_all())
    return True
