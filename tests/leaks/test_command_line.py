"""The canary over real processes: two services, the commands that people type, and every file they leave behind."""

import re
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulators.people import load_people
from tests.leaks.canary import Emissions, Sieve, secrets_of
from tests.real_parts import real_part_missing
from tests.yibao.cli.conftest import Call, Ended
from tests.yibao.cli.processes import Running, run

pytestmark = pytest.mark.timeout(150)
BARCODE = "6901234567892"
PIN = "93817264"
TOKEN = re.compile(rb"(?:99990[01]|999800|989900)ec[0-9a-z]{30}")
"""A token of one of our people's insured places; with any six digits in front, one hex digest in some hundred fits too."""
PEOPLE = {person.slug: person for person in load_people()}
NO_SERVICE_OF_THE_MACHINE = {"PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm"}
"""The doctor looks at the machine's card service when none is configured; a test leaves that one alone."""


class Counters:
    """A simulated pharmacy and clinic with their services, and everything they say."""

    def __init__(self, folder: Path, call: Call, emissions: Emissions) -> None:
        self.folder = folder
        self.sim = folder / "sim"
        self._call = call
        self._emissions = emissions
        self.codes: list[str] = []

    def say(self, *arguments: str) -> Ended:
        """A command of the product; what it prints is kept."""
        ended = self._call(self.folder, *arguments)
        self._emissions.add("command line", ended.stdout + ended.stderr)
        return ended

    def apart(self, *arguments: str) -> str:
        """The same as a process of its own."""
        ended = run(*arguments, cwd=self.folder, env=NO_SERVICE_OF_THE_MACHINE)
        self._emissions.add("command line", ended.stdout + ended.stderr)
        return ended.stdout

    def in_full(self, *arguments: str) -> Ended:
        """A command that is asked for full values: they go to who asked, and are not kept."""
        return self._call(self.folder, *arguments)

    def world(self, *arguments: str) -> Ended:
        """A command to the simulated world, which may say what it likes."""
        return self._call(self.folder, "sim", *arguments)

    def code(self, who: str) -> str:
        """A fresh code on somebody's phone."""
        self.codes.append(self.world("phone", "code", who).stdout.strip())
        return self.codes[-1]


@contextmanager
def counters_in(folder: Path, call: Call, emissions: Emissions) -> Iterator[Counters]:
    """Both services run while entered; their logs and files are kept at the end."""
    with Running(["sim", "up"], folder) as sim:
        sim.wait_for("Try next")
        with (
            Running(["run", "--counter", "sim/clinic.toml"], folder, errors_too=True) as clinic,
            Running(["run"], folder, errors_too=True) as pharmacy,
        ):
            for service in (pharmacy, clinic):
                service.wait_for("The service answers")
            counters = Counters(folder, call, emissions)
            yield counters
            for service in (pharmacy, clinic):
                service.send(signal.SIGTERM)
                emissions.add("log", service.seen)
    for path in _files_of_the_terminal(folder):
        emissions.add("file", path.read_bytes())


def test_no_command_no_log_and_no_file_holds_anything_of_a_person(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    emissions = Emissions()
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        folder = Path(name)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "home"))
        with counters_in(folder, call, emissions) as counters:
            _sell(counters)
            _mistype(counters)
            _look(counters)
            _see_patients(counters)
            sieve = _sieve(counters)
    assert emissions.channels() == {"command line", "file", "log"}
    log = b"".join(content for channel, content in emissions.kept() if channel == "log")
    assert log.count(b'"event": "settlement"') >= 5, "each outcome has its line in the service's log"
    assert emissions.leaks(sieve) == []
    assert [channel for channel, content in emissions.kept() if TOKEN.search(content)] == []


def _sell(counters: Counters) -> None:
    sold = counters.say("sale", "--item", BARCODE, "--code", counters.code("jia"), "--number", "A1", "--yes")
    assert sold.returncode == 0, sold.stderr
    counters.world("hub", "fault", "lose-answer", "--infno", "2102")
    lost = counters.say(
        "sale", "--item", BARCODE, "--code", counters.code("jia"), "--number", "A2", "--yes", "--json"
    )
    assert lost.json["state"] == "REVERSED"
    assert counters.say("cancel", "A1", "--reason", "退货", "--yes", "--json").json["state"] == "CANCELLED"
    counters.say("copy", "A1")


def _mistype(counters: Counters) -> None:
    """Numbers of people where they do not belong."""
    certno = PEOPLE["jia"].certno
    for arguments in (
        ("sale", "--item", BARCODE, "--code", certno, "--yes"),
        ("sale", "--item", certno, "--yes"),
        ("sale", "--item", PEOPLE["bing"].certno, "--yes"),
        ("sale", "--line", f"{certno},{PEOPLE['jia'].psn_no}", "--yes"),
        ("sale", certno),
        ("status", certno),
        ("status", certno, "--json"),
        ("journal", "show", PEOPLE["bing"].certno),
        ("apdu", f"0020000004{PIN}"),
        ("apdu", certno),
        ("card", "read"),
        ("keys", "show", certno),
    ):
        assert counters.say(*arguments).returncode != 0, arguments


def _look(counters: Counters) -> None:
    for arguments in (
        ("status",), ("status", "--json"), ("status", "A1"), ("status", "A2", "--json"), ("doubts",), ("devices", "--json"),
        ("journal", "list", "--json"), ("journal", "show", "A1"), ("journal", "show", "A2", "--json"),
        ("journal", "verify", "--json"), ("hub", "ping"), ("hub", "ping", "--json"), ("keys", "show", "--json"),
    ):  # fmt: skip
        assert counters.say(*arguments).returncode == 0, arguments
    assert '"service": "ready"' in counters.apart("doctor", "--json")


def _see_patients(counters: Counters) -> None:
    clinic = ("--counter", "sim/clinic.toml")
    visit = (
        "visit",
        "--item",
        BARCODE,
        "--diagnosis",
        "E11.900:2型糖尿病",
        "--disease",
        "M01600",
        "--yes",
        "--json",
        *clinic,
    )
    if counters.world("card", "insert", "yi").returncode != 0:
        real_part_missing("a card reader of the simulated clinic (pcscd and its virtual reader)")
    shown = counters.say("card", "read", "--json", *clinic)
    assert shown.json["name"] == "测*"
    counters.say("card", "read", *clinic)
    full = counters.in_full("card", "read", "--full", "--json", *clinic)
    found = Sieve(secrets_of(PEOPLE.values())).found_in(full.stdout.encode())
    assert {"yi name", "yi identity number", "yi card number", "yi card_sn"} <= set(found), (
        "who asks is shown it"
    )
    counters.say("apdu", "00A404000F7378312E73682EC9E7BBE1B1A3D5CF", "00B2012D40", *clinic)
    seen = counters.say(*visit, "--card")
    assert seen.json["state"] in ("CONFIRMED", "DELIVERED", "CLOSED"), seen.stderr
    counters.world("card", "remove")
    assert counters.say("card", "read", *clinic).returncode == 1
    counters.apart("doctor", *clinic)


def _files_of_the_terminal(folder: Path) -> list[Path]:
    """Everything the product wrote: not the simulated world's own files, and not the secrets themselves."""
    ours = [folder / "sim" / "state", folder / "sim" / "clinic-state", folder / "home"]
    return [path for top in ours for path in sorted(top.rglob("*")) if path.is_file()]


def _sieve(counters: Counters) -> Sieve:
    secrets = secrets_of(PEOPLE.values()) | {"PIN": PIN}
    secrets |= {f"code {number}": code for number, code in enumerate(counters.codes)}
    for file in sorted(counters.sim.glob("*password")):
        secrets[f"password {file.name}"] = file.read_text(encoding="utf-8").strip()
    for file in sorted(counters.sim.rglob("signing-key.pem")):
        lines = file.read_text(encoding="ascii").splitlines()
        secrets |= {
            f"{file.parent.name} line {number}": line for number, line in enumerate(lines) if "-" not in line
        }
    return Sieve(secrets)
