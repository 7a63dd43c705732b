"""Runs the demo for tests: as the command in a process of its own, or as the function in this one."""

import contextlib
import io
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import pytest

from yibao.demo.main import Plan, perform
from yibao.demo.report import DemoReport

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "yibao.cli.main", "demo")
LIMIT_S = 60.0


class Tried(msgspec.Struct, frozen=True):
    """What became of the commands that the demo names while the counter stays up."""

    code: int
    out: str
    err: str


class Run(msgspec.Struct, frozen=True):
    """What a finished demo left."""

    code: int
    out: str
    err: str
    json_file: str
    leavings: tuple[str, ...]
    """What was found in the folder for temporary files afterwards."""
    tried: Tried | None = None
    """Of a demo with a terminal."""

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


@contextlib.contextmanager
def started(
    temporary: Path, *options: str, stdin: int = subprocess.DEVNULL, stderr: IO[str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """The command, running."""
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [*COMMAND, *options],
        cwd=ROOT, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8",
    ) as demo:  # fmt: skip
        try:
            yield demo
        finally:
            if demo.poll() is None:
                demo.terminate()


def read_until(demo: "subprocess.Popen[str]", words: str) -> str:
    """What the demo says up to and with the line that holds these words."""
    assert demo.stdout is not None
    said = ""
    for line in demo.stdout:
        said += line
        if words in line:
            return said
    pytest.fail(f"it never said {words}:\n{said}")


def run_at_a_terminal(file: Path) -> Run:
    """Run `yibao demo --json FILE --stay`, take the commands it names when it stays up, and end it with Ctrl-C.

    Standard input is a terminal, the output a pipe.
    """
    keyboard, stdin = pty.openpty()
    try:
        with (
            short_folder() as temporary,
            tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
            started(temporary, "--json", str(file), "--stay", stdin=stdin, stderr=errors) as demo,
        ):
            said = read_until(demo, "Ctrl-C")
            tried = _take_what_it_names(said)
            demo.send_signal(signal.SIGINT)
            rest, _ = demo.communicate(timeout=LIMIT_S)
            leavings = tuple(path.name for path in temporary.iterdir())
            errors.seek(0)
            return Run(demo.returncode, said + rest, errors.read(), str(file), leavings, tried)
    finally:
        os.close(keyboard)
        os.close(stdin)


def _take_what_it_names(said: str) -> Tried:
    export, sale, fault, listing = re.findall(r"^   > (.*)$", said, re.MULTILINE)
    yibao = f"{sys.executable} -m yibao.cli.main"
    script = "\n".join((export, f"{sale} --yes", fault, listing)).replace("yibao ", f"{yibao} ")
    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    return Tried(done.returncode, done.stdout, done.stderr)


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
