"""Runs the demo for tests: as the command in a process of its own, or as the function in this one."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from yibao.demo.main import Plan, perform
from yibao.demo.report import DemoReport

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "yibao.cli.main", "demo")
LIMIT_S = 60.0


class Run(msgspec.Struct, frozen=True):
    """What a finished demo left."""

    code: int
    out: str
    err: str
    json_file: str
    leavings: tuple[str, ...]
    """What was found in the folder for temporary files afterwards."""

    @property
    def raw(self) -> bytes:
        """The JSON file as written."""
        return self.file.read_bytes()

    @property
    def file(self) -> Path:
        """Where the JSON file is; pictures lie beside it."""
        return Path(self.json_file)

    @property
    def report(self) -> DemoReport:
        """The JSON file as values."""
        return msgspec.json.decode(self.raw, type=DemoReport)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder for temporary files whose path is short enough for a socket below it."""
    with tempfile.TemporaryDirectory(prefix="yb", dir="/tmp") as folder:
        yield Path(folder)


def run_command(file: Path, *options: str, **environment: str) -> Run:
    """Run `yibao demo --json FILE OPTIONS` to its end; nothing of it is a terminal."""
    with short_folder() as temporary:
        done = subprocess.run(
            [*COMMAND, "--json", str(file), *options],
            cwd=ROOT,
            env={**os.environ, **environment, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        leavings = tuple(path.name for path in temporary.iterdir())
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    return Run(
        done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding), str(file), leavings
    )


def run_here(plan: Plan) -> tuple[int, str]:
    """Perform a plan in this process (its counter is real processes all the same); return exit code and text."""
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    code = perform(plan, stream)
    stream.seek(0)
    return code, stream.read()


def children_of(pid: int) -> list[int]:
    """Process ids of the living children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == pid:
                    found.append(int(entry.name))
    return found


def group_is_gone(pid: int) -> bool:
    """Whether no process is left in the group that a process led."""
    try:
        os.killpg(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return True
    return False
