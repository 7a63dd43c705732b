"""Real processes of the command, waited for by what they print, never by sleeping."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

COMMAND = (sys.executable, "-m", "yibao.cli.main")
LIMIT_S = 20.0


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would lead a command elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YIBAO_", "PYTHONIO"))}
    return {**kept, "PYTHONUTF8": "1", **changes}


def run(
    *arguments: str, cwd: Path | None = None, given: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; `given` is its standard input."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        input=given,
        env=environment(**(env or {})),
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )


class Running:
    """A process that stays; use it as a context manager."""

    def __init__(self, arguments: Sequence[str], cwd: Path, *, errors_too: bool = False) -> None:
        self._told_errors = cwd / f"{arguments[0]}.err"
        self._errors = None if errors_too else self._told_errors.open("ab")
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=cwd,
            env=environment(PYTHONUNBUFFERED="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if self._errors is None else self._errors,
            start_new_session=True,
        )
        self._seen = b""

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        if self._errors is not None:
            self._errors.close()

    @property
    def seen(self) -> str:
        """Everything it has printed so far."""
        return self._seen.decode("utf-8", "replace")

    def _errors_told(self) -> str:
        return "" if self._errors is None else self._told_errors.read_text("utf-8", "replace")

    def wait_for(self, text: str, limit_s: float = LIMIT_S) -> str:
        """Read until `text` has been printed; return everything printed so far."""
        assert self.process.stdout is not None
        deadline_s = time.monotonic() + limit_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while text.encode() not in self._seen:
                left_s = deadline_s - time.monotonic()
                assert left_s > 0, f"{text!r} was not printed, but: {self.seen}"
                if selector.select(left_s):
                    data = os.read(self.process.stdout.fileno(), 65536)
                    assert data, f"it ended before {text!r}, with: {self.seen}{self._errors_told()}"
                    self._seen += data
        return self.seen

    def type(self, text: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def send(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code; what it still printed is in `seen`."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> int:
        """Wait for its end; return the exit code."""
        out, _ = self.process.communicate(timeout=LIMIT_S)
        self._seen += out or b""
        return self.process.returncode
