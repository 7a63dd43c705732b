"""What `yibao run` loads: a library that it never uses would cost every counter its start-up time and memory."""

import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

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

PROGRAM = """
import sys
import yibao.cli.main
import terminal.app
import terminal.config
import terminal.logs
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Distributions whose modules are loaded before `run` begins its work."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", check=True, timeout=30
    )
    owners = packages_distributions()
    return {owner for module in found.stdout.split() for owner in owners.get(module, ())}


def test_run_loads_the_libraries_it_uses_and_no_others(loaded: set[str]) -> None:
    machinery = {"setuptools", "yibao-terminal"}
    assert loaded - COMPANIONS - machinery == USED


def test_run_loads_nothing_of_tests_drawing_or_simulators(loaded: set[str]) -> None:
    assert loaded & NEVER == set()


def test_run_loads_no_simulator() -> None:
    program = f"{PROGRAM}\nassert 'simulators' not in sys.modules and 'yibao.client' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
