"""However the demo ends, its processes have ended too, its folder is gone, and the exit code says how it was."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from tests.yibao.demo.running import (
    LIMIT_S,
    children_of,
    group_is_gone,
    read_until,
    run_here,
    short_folder,
    started,
)
from yibao.demo import children
from yibao.demo.main import Plan
from yibao.demo.scene import Scene
from yibao.demo.tales import SALE, Tale

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.blocking_allowed("starting a process holds the loop until it has been loaded"),
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_ends_everything(number: signal.Signals) -> None:
    with short_folder() as temporary, started(temporary) as demo:
        read_until(demo, "Story 1")
        running = children_of(demo.pid)
        demo.send_signal(number)
        out, _ = demo.communicate(timeout=LIMIT_S)
        assert demo.returncode == 128 + number
        assert "Traceback" not in out
        assert len(running) == 3
        assert all(group_is_gone(pid) for pid in running)
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
