"""The folder of a simulated counter: what stands in it, and how it stays the same counter from one start to the next.

counter.toml     configuration of the terminal          hub.pem      the hub's public key
items.toml       the shop's goods                       keys/        the terminal's signing key
endpoints.json   where everything listens, while up     key-password its password, mode 0600
ledger.db        the hub's books                        state/       the terminal's journal, lock and socket
sim.json         seed and ports                         dev/         scanner and printer, as pseudo-terminals
"""

import contextlib
import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from drivers.signers import SoftwareKeyStore
from protocols.gm.sm2 import PrivateKey, PublicKey
from simulators.hub.keys import Sm2Signer
from simulators.world import Institution, ShopItem
from yibao.simulated.template import counter_toml, counter_values, items_toml
from yibao.words import Words, say

DEFAULT_INSTITUTION: Final = "P99990000001"
_PORTS: Final = range(20000, 32000)
"""Below the ports that the system gives to outgoing connections, so that they are still free at the next start."""


class SimulationRefused(Exception):
    """The simulated counter cannot be started or reached; `words` says why."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


class Endpoints(msgspec.Struct, frozen=True):
    """endpoints.json: where everything of a running simulated counter is found."""

    hub: str
    hub_path: str
    certificate_centre: str
    certificate_path: str
    control: str
    """Control API of hub, certificate centre and phone."""
    desk: str
    """Control API of scanner and printer."""
    profile: str
    hub_public_point: str
    counter: str
    """Path of counter.toml."""
    scanner: str
    printer: str
    pid: int


class Kept(msgspec.Struct, frozen=True):
    """sim.json: what stays the same from one start to the next."""

    seed: int
    institution: str = DEFAULT_INSTITUTION
    starts: int = 0
    hub_port: int = 0
    centre_port: int = 0
    desk_port: int = 0
    written: tuple[str, ...] = ()
    """Addresses and paths as they stand in counter.toml, so that they can be put right when one had to change."""

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
        self.path = path.resolve()

    @property
    def counter_file(self) -> Path:
        """Configuration of the terminal."""
        return self.path / "counter.toml"

    @property
    def endpoints_file(self) -> Path:
        """Where everything listens; there only while the counter is up."""
        return self.path / "endpoints.json"

    @property
    def ledger_file(self) -> Path:
        """The hub's books."""
        return self.path / "ledger.db"

    @property
    def devices(self) -> Path:
        """Folder of the pseudo-terminals."""
        return self.path / "dev"

    @property
    def keys(self) -> SoftwareKeyStore:
        """The terminal's keys."""
        return SoftwareKeyStore(self.path / "keys")

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

    def next_start(self, seed: int | None = None, institution: str = "") -> Kept:
        """Count one more start and choose its ports: those of the last one where they are free.

        `seed` and `institution` belong to the first start. Raises `SimulationRefused`, also when the folder is
        another institution's.
        """
        file = self.path / "sim.json"
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=Kept)
        except FileNotFoundError:
            kept = Kept(secrets.randbits(64) if seed is None else seed, institution or DEFAULT_INSTITUTION)
        except (OSError, msgspec.MsgspecError) as broken:
            raise SimulationRefused(
                say("sim_folder_unusable", path=str(file), reason=type(broken).__name__)
            ) from None
        if institution not in ("", kept.institution):
            raise SimulationRefused(
                say("sim_other_institution", path=str(self.path), institution=kept.institution)
            )
        ports = _free_ports((kept.hub_port, kept.centre_port, kept.desk_port))
        kept = msgspec.structs.replace(
            kept, starts=kept.starts + 1, hub_port=ports[0], centre_port=ports[1], desk_port=ports[2]
        )
        self._keep(kept)
        return kept

    def write_counter(
        self, kept: Kept, endpoints: Endpoints, institution: Institution, goods: tuple[ShopItem, ...]
    ) -> None:
        """Write what the terminal needs and is not there yet; put addresses right that had to change.

        A counter.toml, items.toml or key that is there stays as somebody may have edited it.
        """
        point = bytes.fromhex(endpoints.hub_public_point)
        write_file(self.path / "hub.pem", PublicKey(point).to_pem())
        written = (endpoints.hub, endpoints.certificate_centre, endpoints.scanner, endpoints.printer)
        if not self.counter_file.exists():
            text = counter_toml(counter_values(institution, *written))
            write_file(self.counter_file, text.encode())
        elif kept.written and kept.written != written:
            text = self.counter_file.read_text(encoding="utf-8")
            for before, now in zip(kept.written, written, strict=True):
                text = text.replace(f'"{before}"', f'"{now}"')
            write_file(self.counter_file, text.encode())
        if not (self.path / "items.toml").exists():
            write_file(self.path / "items.toml", items_toml(goods).encode())
        self._keep(msgspec.structs.replace(kept, written=written))

    def ensure_keys(self) -> bytes:
        """Make the terminal's key and its random password unless they are there; return its public point."""
        keys = self.keys
        if not keys.exists():
            password = secrets.token_urlsafe(24)
            write_file(self.path / "key-password", password.encode() + b"\n", 0o600)
            return keys.create(password.encode()).public_point
        return keys.public_key().point

    def publish(self, endpoints: Endpoints) -> None:
        """Write endpoints.json: from now on the counter is up."""
        write_file(self.endpoints_file, json.dumps(msgspec.to_builtins(endpoints), indent=2).encode() + b"\n")

    def withdraw(self) -> None:
        """Remove endpoints.json."""
        self.endpoints_file.unlink(missing_ok=True)

    def endpoints(self) -> Endpoints:
        """Where the running counter is found. Raises `SimulationRefused` when it is not up."""
        try:
            return msgspec.json.decode(self.endpoints_file.read_bytes(), type=Endpoints)
        except (OSError, msgspec.MsgspecError):
            raise SimulationRefused(say("sim_not_up", path=str(self.path))) from None

    def _keep(self, kept: Kept) -> None:
        write_file(self.path / "sim.json", msgspec.json.encode(kept) + b"\n")


def write_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file in one step, so that nobody reads half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    fresh.replace(path)


def _free_ports(wanted: tuple[int, ...]) -> list[int]:
    """A free loopback port for each place: the wanted one, or another when it is 0 or taken."""
    found: list[int] = []
    for port in wanted:
        while not port or port in found or not _is_free(port):
            port = secrets.choice(_PORTS)
        found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
