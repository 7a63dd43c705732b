"""Processes of the demo are ended, whatever they think of it, and their own death is told."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.yibao.demo.running import group_is_gone
from yibao.demo import children
from yibao.demo.children import Child, ChildDied
from yibao.demo.stage import open_stage
from yibao.simulated.folder import SimFolder

pytestmark = pytest.mark.blocking_allowed("starting a process holds the loop until it has been loaded")

WAITS = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"


def _program(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(children, "PROGRAM", (sys.executable, "-c", code))


async def _up(log: Path) -> Child:
    child = await Child.start("child", ("sim", "up"), log)
    async with asyncio.timeout(20):
        while "up" not in await asyncio.to_thread(log.read_text):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    return child


async def test_a_child_that_is_asked_to_end_is_not_told_as_a_death(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(monkeypatch, WAITS)
    child = await _up(tmp_path / "log")
    watching = asyncio.create_task(child.watch())
    await child.end()
    await watching
    assert group_is_gone(child.pid)


async def test_a_child_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(monkeypatch, STUBBORN)
    monkeypatch.setattr(children, "END_WITHIN_S", 0.05)
    child = await _up(tmp_path / "log")
    await child.end()
    assert group_is_gone(child.pid)


async def test_a_child_that_ends_by_itself_is_told_with_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(monkeypatch, "print('\\n'.join(map(str, range(30)))); raise SystemExit(7)")
    child = await Child.start("yibao run", (), tmp_path / "log")
    with pytest.raises(ChildDied, match="yibao run ended with code 7") as died:
        await child.watch()
    assert died.value.last_lines == tuple(map(str, range(15, 30)))
    await child.end()


@pytest.fixture
def folder(tmp_path: Path) -> SimFolder:
    """Made outside the event loop: it looks at the disk."""
    return SimFolder(tmp_path)


async def test_a_stage_whose_closing_is_interrupted_ends_its_processes_all_the_same(
    folder: SimFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(monkeypatch, STUBBORN)
    monkeypatch.setattr(children, "END_WITHIN_S", 0.2)
    started: list[Child] = []

    async def perform() -> None:
        async with open_stage(folder) as stage:
            started.append(await _up(folder.path / "log"))
            stage._children.extend(started)

    performing = asyncio.create_task(perform())
    async with asyncio.timeout(20):
        while not started:  # noqa: ASYNC110 - a test's own wait
            await asyncio.sleep(0.01)
    performing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await performing
    assert group_is_gone(started[0].pid)
