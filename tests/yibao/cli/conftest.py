"""One simulated counter with its service, as real processes, for all tests of a module; commands called in-process."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.yibao.cli.processes import Running
from yibao.cli.main import main


class Ended(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What it printed for programs."""
        return json.loads(self.stdout)


Call = Callable[..., Ended]
PAUSE_S = 0.2
"""Between two looks at something that takes seconds."""


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command inside this process, in a folder; its standard input has ended."""
    for name in ("YIBAO_COUNTER", "YIBAO_SIM_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run_it(folder: Path, *arguments: str) -> Ended:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run_it


def looked_at(call: Call, folder: Path, *options: str) -> Any:
    """The status, asked for after a pause: whoever looks all the time takes the machine from what he waits for."""
    time.sleep(PAUSE_S)
    return call(folder, "status", "--json", *options).json


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with a simulated counter that is up, and its service that answers."""
    # Not pytest's own folder: the path of a Unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        folder = Path(name)
        with Running(["sim", "up"], folder) as sim:
            sim.wait_for("Try next")
            with Running(["run"], folder) as service:
                service.wait_for("The service answers")
                yield folder


@pytest.fixture
def fresh_place() -> Iterator[Path]:
    """An empty folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        yield Path(name)
