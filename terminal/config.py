"""The counter's configuration file: one TOML file per counter, every key with a sentence, unknown keys refused.

A simulated counter is another file, never another branch in the code.
"""

import datetime as dt
import re
import tomllib
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from protocols.errors import MoneyError
from protocols.money import Fen, parse_yuan

_CLOCK_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class ConfigError(Exception):
    """The configuration cannot be used; the text names file, key and reason."""


class InstitutionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The designated institution this counter belongs to."""

    code: str
    """National code, 12 characters: P.. pharmacy, H.. clinic or hospital."""
    name: str
    division: str
    """Six digits: the place of care."""
    level: str = "11"
    """`hosp_lv` of the national dictionary, told to the hub's review: 10 tier 1, 5 tier 2, 2 tier 3, 11 none."""
    networked: bool = True
    """Open to pooled settlement for people insured in another province."""
    dual_channel: bool = False
    """May sell negotiated drugs against an approval (双通道)."""
    agreement_until: str = ""
    """Last day of the service agreement, YYYY-MM-DD; empty = not known here."""
    credit_level: Literal["", "A", "B", "C", "D"] = ""
    """Own credit level, as the agency told it; only shown."""

    @property
    def agreement_ends(self) -> dt.date | None:
        """`agreement_until` as a date; `read_config` has checked its form."""
        return dt.date.fromisoformat(self.agreement_until) if self.agreement_until else None


class TerminalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This till."""

    till: str
    """Number of the till; part of the sale key."""
    slot: int
    """Terminal slot 1 to 99, given at enrolment, unique in the institution: keeps message ids apart."""
    operator: str
    operator_name: str
    lane: str = "1"
    mac: str = "00-00-00-00-00-00"
    ip: str = "127.0.0.1"


class StateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where this counter keeps its journal, lock and socket."""

    dir: str = "state"
    reserve_mb: int = 64
    """Disk space kept aside, so that open doubts can be finished on a full disk; 0 = none."""


class KeysConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signing key."""

    dir: str = "keys"
    password_file: str = ""
    """File of mode 0600 with the key's password; empty = the systemd credential named below."""
    credential: str = "yibao-key-password"
    """Name of a systemd credential (LoadCredentialEncrypted=) that holds the password."""
    audit_dir: str = "audit-keys"
    """Folder of the key that signs anchors of the audit log; the witness file lies beside it. No folder = no anchors."""


class HubKeyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One more public key of the hub, while it rotates its keys."""

    file: str
    """PEM file of the SM2 public key (or certificate)."""
    valid_from: dt.datetime | None = None
    """From when on it is believed, as TOML writes a time (without a zone: UTC+8); left out = since ever."""
    valid_to: dt.datetime | None = None
    """From when on it is believed no more; left out = never."""


class HubConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The provincial hub."""

    url: str
    """Scheme, host and port; plain http only to this machine."""
    public_key: str
    """PEM file of the hub's SM2 public key (or certificate): only what verifies under it is a fact."""
    more_keys: tuple[HubKeyConfig, ...] = ()
    """Further keys that are believed in their time: the next one before the hub changes over, the former one after."""
    profile: str = "national"
    """Name of a shipped province profile, or a path to one's own (ending in .toml)."""
    ca: str = ""
    """PEM file of the authority that issues the hub's TLS certificate; nobody else is trusted. Needed for https."""
    credentials: str = ""
    """TOML file of mode 0600 with what the province handed out for its gateway and its encryption; empty = nothing."""


class CentreConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The e-certificate centre."""

    url: str
    """Scheme, host and port; plain http only to this machine."""
    office_id: str = "0001"
    office_name: str = "收银台"
    activation_entry: str = "国家医保服务平台 App"
    """Where a customer whose certificate is not activated can do it: the official app's name or address."""
    ca: str = ""
    """PEM file of the authority that issues the centre's TLS certificate; nobody else is trusted. Needed for https."""


class ScannerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code scanner; empty url = none."""

    url: str = ""
    family: str = "plain"
    baudrate: int = 9600
    suffix: bool = True
    """False when the scanner ends its codes with nothing but a pause."""


class ReaderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The card reader; empty name = none."""

    name: str = ""
    """PC/SC name of the reader, or a part of it that no other reader has: the number at its end changes with plugging."""
    socket: str = ""
    """Socket of a card service (pcscd) of one's own; empty = the machine's."""


class PrinterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receipt printer; empty url = none, slips wait."""

    url: str = ""
    columns: int = 48
    baudrate: int = 115200


class SlipConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every slip tells beside the sale."""

    hotline: str = ""
    """Telephone number for questions about the insurance; empty = none is printed."""
    agency: str = ""
    """The insurance agency (经办机构) that answers for this institution."""
    high_burden: str = ""
    """Own share in yuan from which on a slip says where further aid is to be asked for; empty = never."""

    @property
    def high_burden_fen(self) -> int:
        """`high_burden` in fen, 0 = never; `read_config` has checked its form."""
        return int(parse_yuan(self.high_burden) if self.high_burden else Fen(0))


class ItemsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shop's own items: barcode to name, price and national code."""

    file: str = ""


class PrescriptionsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sales against circulating prescriptions."""

    settle: Literal["hand_over", "order"] = "hand_over"
    """When they are settled: as the goods are handed over, or at order; then they are handed over against a pick-up code."""


class BrokerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The message broker of the fleet; empty url = none, the terminal is seen by nobody. Selling does not need it.

    The terminal's name there is its institution code, a hyphen and its slot in two digits; the second session adds
    `.commands`. It proves that name by password, by certificates, or both.
    """

    url: str = ""
    """mqtts://host:port; mqtt://127.0.0.1:port on this machine only."""
    ca: str = ""
    """PEM file of the authority that issued the broker's certificate; empty = those the machine trusts."""
    password_file: str = ""
    """File of mode 0600 with the password of both names."""
    certificate: str = ""
    """PEM file of mode 0600: certificate (common name = the terminal's name) and private key."""
    command_certificate: str = ""
    """The same for the second session; empty = `certificate`, where the password says who we are."""
    fleet_key: str = ""
    """PEM file of the SM2 key that signs the fleet's commands; empty = every command is refused."""
    mqtt: Literal["5", "3.1.1"] = "5"


class ClinicConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who treats at this window; needed for visits, empty at a pharmacy."""

    doctor_code: str = ""
    """National code of the doctor (`atddr_no`)."""
    doctor_name: str = ""
    department_code: str = ""
    department_name: str = ""
    specialty: str = ""
    """`caty`, national specialty code of the department."""


class ReconciliationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day's reconciliation with the hub; always possible by hand."""

    daily_at: str = ""
    """HH:MM in UTC+8: when the day before is reconciled by itself; empty = never."""

    @property
    def time(self) -> dt.time | None:
        """`daily_at` as a time; `read_config` has checked its form."""
        return dt.time.fromisoformat(self.daily_at) if self.daily_at else None


class StaffConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person who works at this counter."""

    number: str
    name: str
    role: Literal["cashier", "pharmacist", "supervisor"] = "cashier"
    code: str = ""
    """National code of a pharmacist, who reviews prescriptions."""
    credit: Literal["", "A", "B", "C", "D"] = ""
    """Credit level, as the agency told it; a pharmacist of level D reviews no prescription."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One counter. Relative paths are relative to the folder of the file."""

    institution: InstitutionConfig
    terminal: TerminalConfig
    hub: HubConfig
    centre: CentreConfig
    state: StateConfig = StateConfig()
    keys: KeysConfig = KeysConfig()
    scanner: ScannerConfig = ScannerConfig()
    reader: ReaderConfig = ReaderConfig()
    printer: PrinterConfig = PrinterConfig()
    slip: SlipConfig = SlipConfig()
    items: ItemsConfig = ItemsConfig()
    prescriptions: PrescriptionsConfig = PrescriptionsConfig()
    clinic: ClinicConfig = ClinicConfig()
    broker: BrokerConfig = BrokerConfig()
    reconciliation: ReconciliationConfig = ReconciliationConfig()
    staff: tuple[StaffConfig, ...] = ()
    """Who works here; nobody named = no roles, and nobody can review a prescription."""


class CounterFiles(msgspec.Struct, frozen=True):
    """The configuration with its paths made absolute."""

    config: Config
    folder: Path

    def path(self, text: str) -> Path:
        """Resolve a path of the file against the file's folder."""
        return (self.folder / text).expanduser()

    @property
    def state_dir(self) -> Path:
        """Folder of journal, lock and socket."""
        return self.path(self.config.state.dir)

    @property
    def socket_path(self) -> Path:
        """The local API's Unix socket."""
        return self.state_dir / "api.sock"

    @property
    def journal_path(self) -> Path:
        """The journal's file."""
        return self.state_dir / "journal.db"

    @property
    def terminal_name(self) -> str:
        """Name of this terminal in anchors and in the fleet: institution code, hyphen, slot in two digits."""
        return f"{self.config.institution.code}-{self.config.terminal.slot:02d}"

    @property
    def reserve_path(self) -> Path:
        """Disk space kept aside for finishing doubts."""
        return self.state_dir / "reserve"


def read_config(path: Path) -> CounterFiles:
    """Read and check a counter's file; raises `ConfigError` with a text a technician can act on."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise ConfigError(
            f"{path}: there is no such file; `yibao sim up` writes one for a simulated counter"
        ) from missing
    except (OSError, UnicodeDecodeError) as unreadable:
        raise ConfigError(f"{path}: cannot be read ({type(unreadable).__name__})") from unreadable
    try:
        config = msgspec.convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as broken:
        raise ConfigError(f"{path}: not TOML: {broken}") from broken
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{path}: {_reason(str(wrong))}") from wrong
    _check(path, config)
    return CounterFiles(config, path.resolve().parent)


def _reason(text: str) -> str:
    reason, _, where = text.partition(" - at `")
    key = where.rstrip("`").removeprefix("$.").removeprefix("$")
    if reason.startswith("Object contains unknown field"):
        reason = "unknown key " + reason.split("`")[1]
    elif reason.startswith("Object missing required field"):
        reason = "missing key " + reason.split("`")[1]
    return f"[{key}] {reason}" if key else reason


def _check(path: Path, config: Config) -> None:
    wrong = {
        "institution.code must have 12 characters": len(config.institution.code) != 12,
        "institution.division must be six digits": not (
            len(config.institution.division) == 6 and config.institution.division.isdigit()
        ),
        "terminal.slot must be from 1 to 99": not 1 <= config.terminal.slot <= 99,
        "state.reserve_mb must be from 0 to 4096": not 0 <= config.state.reserve_mb <= 4096,
        "printer.columns must be 32 or 48": config.printer.columns not in (32, 48),
        "scanner.family must be plain": config.scanner.family != "plain",
        "broker: password_file (or, with mqtts, certificate) says who we are": bool(
            config.broker.url
            and not config.broker.password_file
            and not (config.broker.certificate and config.broker.url.startswith("mqtts:"))
        ),
        "broker.command_certificate: without a password each session needs its own": bool(
            config.broker.certificate
            and not config.broker.password_file
            and not config.broker.command_certificate
        ),
    }
    wrong["reconciliation.daily_at must be a time like 08:30, or empty"] = bool(
        config.reconciliation.daily_at and _CLOCK_TIME.fullmatch(config.reconciliation.daily_at) is None
    )
    wrong["institution.agreement_until must be a date like 2027-12-31, or empty"] = bool(
        config.institution.agreement_until and not _is_day(config.institution.agreement_until)
    )
    wrong["slip.high_burden must be an amount like 5000.00, or empty"] = not _is_amount(
        config.slip.high_burden
    )
    for reason, is_wrong in wrong.items():
        if is_wrong:
            raise ConfigError(f"{path}: {reason}")
    for section, server in (("hub", config.hub), ("centre", config.centre)):
        _check_server(f"{path}: {section}", server.url, server.ca)


def _is_day(text: str) -> bool:
    """Whether a text is a date YYYY-MM-DD."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_amount(text: str) -> bool:
    """Whether a text is empty or an amount of zero or more, in yuan."""
    try:
        return not text or parse_yuan(text) >= 0
    except MoneyError:
        return False


def _check_server(where: str, url: str, authority: str) -> None:
    """Plain http to this machine only; https with the authority that vouches for the server."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError as wrong:
        raise ConfigError(f"{where}.url cannot be read: {wrong}") from wrong
    if port == 0:
        raise ConfigError(f"{where}.url names port 0, on which nobody listens")
    if not host or not (scheme == "https" or (scheme == "http" and host in _THIS_MACHINE)):
        raise ConfigError(f"{where}.url must be https; plain http is allowed to this machine only")
    if scheme == "https" and not authority:
        raise ConfigError(
            f"{where}.ca must name the PEM file of the authority that issues the server's certificate"
        )
