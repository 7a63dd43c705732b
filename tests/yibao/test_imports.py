"""What `yibao run` and the commands beside it load.

A library that `run` never uses would cost every counter its start-up time and memory. A command that talks to a running
service, or to a running simulation, is started anew for each sale: it loads no server.
"""

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import msgspec
import pytest

from simulators.world import load_world
from yibao.simulated.endpoints import ENDPOINTS_FILE, Endpoints
from yibao.simulated.template import counter_toml, counter_values

USED = {
    "aiohttp",  # hub and certificate centre
    "apsw",  # journal
    "cryptography",  # SM3, SM4
    "litestar",  # local API
    "msgspec",  # values
    "serialx",  # scanner, printer
    "structlog",  # log
    "typer",  # the command itself
    "uvicorn",  # local API's server
}
"""Libraries that our code names on the way of `run`, with what each is for."""

COMPANIONS = {
    "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "idna", "multidict", "propcache", "yarl",  # aiohttp
    "annotated-types", "anyio", "multipart", "PyYAML", "sniffio", "typing_extensions",  # litestar
    "cffi",  # cryptography
    "annotated-doc", "shellingham",  # typer
    "click",  # uvicorn
    "greenlet",  # seen by anyio's detection of the running framework, where it is installed
    "Pygments", "rich",  # structlog takes them where they are installed
}  # fmt: skip
"""What those bring with them, whether we like it or not."""

NEVER = {
    "pytest",
    "hypothesis",
    "httpx",
    "pillow",
    "qrcode",
    "fpdf2",
    "babel",
    "zxing-cpp",
    "playwright",
    "jinja2",
}

RUN = """
import sys
import yibao.cli.main
import terminal.app
import terminal.config
import terminal.logs
print("\\n".join(sorted(sys.modules)))
"""

COMMANDS = (
    ("status",),
    ("sale", "--item", "6901234567892"),
    ("visit", "--card"),
    ("refund", "17", "--all"),
    ("sim", "phone", "code", "测试甲", "--dir", "."),
    ("sim", "printer", "status", "--dir", "."),
)
"""Two dialogues and what a till's script would ask; nobody answers any of them."""

COMMANDS_RUN = f"""
import sys
from yibao.cli.main import main
assert {{main(command) for command in {COMMANDS}}} == {{1}}
print("\\n".join(sorted(sys.modules)))
"""

SERVER = ("terminal.api", "terminal.app", "terminal.hub", "terminal.journal", "terminal.counter.counter")
NOWHERE = "http://127.0.0.1:1"


def _loaded(program: str, folder: Path) -> tuple[list[str], str]:
    """Names of all modules that a program has loaded, and what it said to people."""
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=30,
        cwd=folder,
    )
    return found.stdout.split(), found.stderr


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is loaded before `run` begins its work."""
    return _loaded(RUN, tmp_path_factory.mktemp("run"))[0]


@pytest.fixture(scope="module")
def loaded(modules: list[str]) -> set[str]:
    """The distributions of these modules."""
    owners = packages_distributions()
    return {owner for module in modules for owner in owners.get(module, ())}


def test_run_loads_the_libraries_it_uses_and_no_others(loaded: set[str]) -> None:
    machinery = {"setuptools", "yibao-terminal"}
    assert loaded - COMPANIONS - machinery == USED


def test_run_loads_nothing_of_tests_drawing_or_simulators(loaded: set[str]) -> None:
    assert loaded & NEVER == set()


def test_run_loads_no_simulator(modules: list[str]) -> None:
    assert {"simulators", "yibao.client", "yibao.service_line"} & set(modules) == set()


def test_a_command_beside_the_service_loads_no_server(tmp_path: Path) -> None:
    place = load_world().institutions["P99990000001"]
    values = counter_values(place, "", {"hub.url": NOWHERE, "centre.url": NOWHERE})
    (tmp_path / "counter.toml").write_text(counter_toml(values), encoding="utf-8")
    nowhere = Endpoints(
        hub=NOWHERE, hub_path="/", certificate_centre=NOWHERE, certificate_path="/", control=NOWHERE, desk=NOWHERE,
        profile="national", hub_public_point="", counter="counter.toml", scanner="", printer="", pid=1,
    )  # fmt: skip
    (tmp_path / ENDPOINTS_FILE).write_bytes(msgspec.json.encode(nowhere))

    modules, said = _loaded(COMMANDS_RUN, tmp_path)
    assert said.count("No service answers at") == 4
    assert said.count(f"Nothing answers at {NOWHERE}") == 2
    assert {module.partition(".")[0] for module in modules} & USED == {"aiohttp", "msgspec", "typer"}
    assert [module for module in modules if module.startswith(SERVER)] == []
    assert [module for module in modules if module.startswith("simulators.")] == ["simulators.control"]
