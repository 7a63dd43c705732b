"""The separate processes of the demo: each in a process group of its own, its output in a log file.

A group of its own means that Ctrl-C on the terminal reaches the demo alone, which then ends its children in order, and
that ending a child ends what it may have started.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAM = (sys.executable, "-m", "yibao.cli.main")
"""The same Python and the same checkout as this process, whatever stands first on the path."""
LOG_TAIL_LINES = 15
END_WITHIN_S = 4.0
"""A child that was asked to end and has not by then is killed."""


class ChildDied(Exception):
    """A process of the demo ended although nobody asked it to."""

    def __init__(self, name: str, code: int, last_lines: tuple[str, ...]) -> None:
        super().__init__(f"{name} ended with code {code}")
        self.name = name
        self.code = code
        self.last_lines = last_lines


class Child:
    """One running process of ours."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log
        self._end_is_ours = False

    @classmethod
    async def start(cls, name: str, arguments: Sequence[str], log: Path) -> "Child":
        """Start `yibao ARGUMENTS` with the Python of this process, output to `log` (appended)."""
        output = await asyncio.to_thread(
            os.open, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *PROGRAM, *arguments,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, process_group=0,
            )  # fmt: skip
        finally:
            os.close(output)
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """Process id, and the id of its group."""
        return self._process.pid

    async def watch(self) -> None:
        """Return when the process has ended as we wished; raises `ChildDied` when it ended by itself."""
        code = await self._process.wait()
        if not self._end_is_ours:
            raise ChildDied(self.name, code, await asyncio.to_thread(last_lines, self._log))

    async def kill(self) -> None:
        """End it in the middle of whatever it does (SIGKILL), and wait until it has gone."""
        self._end_is_ours = True
        self._signal(signal.SIGKILL)
        await self._process.wait()

    async def end(self) -> None:
        """Ask it to end, then insist; returns when it has gone."""
        self._end_is_ours = True
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    def _signal(self, number: signal.Signals) -> None:
        # Once it has been waited for, its number may belong to somebody else.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def last_lines(log: Path) -> tuple[str, ...]:
    """The end of a log file."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-LOG_TAIL_LINES:])
