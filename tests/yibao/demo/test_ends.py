"""However the demo ends, its processes have ended too, its folder is gone, and the exit code says how it was."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.yibao.demo.running import (
    COMMAND,
    LIMIT_S,
    ROOT,
    children_of,
    group_is_gone,
    run_here,
    short_folder,
)
from yibao.demo import children
from yibao.demo.main import Plan
from yibao.demo.scene import Scene
from yibao.demo.tales import SALE, Tale

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.blocking_allowed("starting a process holds the loop until it has been loaded"),
]


@contextmanager
def _started(
    temporary: Path, *options: str, stdin: int = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[str]"]:
    """The command, running."""
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [*COMMAND, *options], cwd=ROOT, env=environment, stdin=stdin, stdout=subprocess.PIPE, encoding="utf-8"
    ) as demo:
        try:
            yield demo
        finally:
            if demo.poll() is None:
                demo.terminate()


def _read_until(demo: "subprocess.Popen[str]", words: str) -> str:
    """What the demo says up to and with the line that holds these words."""
    assert demo.stdout is not None
    said = ""
    for line in demo.stdout:
        said += line
        if words in line:
            return said
    pytest.fail(f"it never said {words}:\n{said}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_ends_everything(number: signal.Signals) -> None:
    with short_folder() as temporary, _started(temporary) as demo:
        _read_until(demo, "Story 1")
        started = children_of(demo.pid)
        demo.send_signal(number)
        out, _ = demo.communicate(timeout=LIMIT_S)
        assert demo.returncode == 128 + number
        assert "Traceback" not in out
        assert len(started) == 3
        assert all(group_is_gone(pid) for pid in started)
        assert list(temporary.iterdir()) == []


def test_a_process_that_dies_at_its_start_is_told_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dies = "print('the roof is on fire', flush=True); raise SystemExit(3)"
    monkeypatch.setattr(children, "PROGRAM", (sys.executable, "-c", dies))
    code, text = run_here(Plan())
    assert code == 1
    assert "yibao sim ended with code 3 unexpectedly" in text
    assert "   > the roof is on fire\n" in text


def _kill_counter(configuration: bytes) -> None:
    """Kill our child that runs the counter with this configuration."""
    (pid,) = (
        pid
        for pid in children_of(os.getpid())
        if Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").endswith(b"/" + configuration)
    )
    os.kill(pid, signal.SIGKILL)


def _with_telling(tell: object) -> Tale:
    return msgspec.structs.replace(SALE, tell=tell)


def test_a_process_that_dies_in_the_middle_ends_the_demo_at_once() -> None:
    async def tell(scene: Scene) -> str:
        await asyncio.to_thread(_kill_counter, b"clinic.toml")
        await asyncio.Event().wait()
        return ""

    code, text = run_here(Plan(tales=(_with_telling(tell),)))
    assert code == 1
    assert "yibao run ended with code -9 unexpectedly" in text


def test_stories_that_take_too_long_are_ended_with_1() -> None:
    code, text = run_here(Plan(limit_s=0.2))
    assert code == 1
    assert "not over within 0 s" in text
    assert "0 of 0 stories ended as told" in text


def test_a_file_that_cannot_be_written_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run_here(Plan(json_file=tmp_path / "missing" / "out.json"))
    assert (code, text) == (1, "")
    assert "cannot be written" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_afterwards_is_told_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run_here(Plan(json_file=tmp_path, tales=()))  # a folder
    assert code == 1
    assert "cannot be written" in capsys.readouterr().err


def test_with_a_terminal_the_counter_stays_up_and_takes_the_three_commands_it_names() -> None:
    """Standard input is a terminal, the output a pipe. Ctrl-C then ends it with the exit code of the stories."""
    keyboard, stdin = pty.openpty()
    try:
        with short_folder() as temporary, _started(temporary, "--stay", stdin=stdin) as demo:
            said = _read_until(demo, "Ctrl-C")
            export, sale, fault, listing = re.findall(r"^   > (.*)$", said, re.MULTILINE)
            yibao = f"{sys.executable} -m yibao.cli.main"
            script = "\n".join((export, f"{sale} --yes", fault, listing)).replace("yibao ", f"{yibao} ")
            done = subprocess.run(
                ["bash", "-ec", script], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                timeout=LIMIT_S, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert len(re.findall("T01-", done.stdout.rpartition("lose-answer")[2])) >= 4
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=LIMIT_S)
            assert demo.returncode == 0
            assert list(temporary.iterdir()) == []
    finally:
        os.close(keyboard)
        os.close(stdin)
